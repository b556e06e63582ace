//! The command line of `notify`.

use clap::{Args, Subcommand};

use super::LineFormat;

/// `notify`.
#[derive(Args, Debug)]
pub(crate) struct NotifyArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: NotifyAction,
}

/// What to do about notices.
#[derive(Subcommand, Debug)]
pub(crate) enum NotifyAction {
    /// Send a marked sample to a receiver, or to every receiver of a route, and print what each answered.
    ///
    /// Exit codes: 0 all took it, 2 one did not, 3 there is none of that name.
    Test {
        /// The name of a route or of a receiver.
        #[arg(value_name = "ROUTE|RECEIVER")]
        name: String,
        /// Output format.
        #[arg(long, value_enum, default_value = "text")]
        format: LineFormat,
    },
    /// Show the routes, and how each receiver does: what waits for it, and what came of the last notice.
    List {
        /// Output format.
        #[arg(long, value_enum, default_value = "text")]
        format: LineFormat,
    },
}
