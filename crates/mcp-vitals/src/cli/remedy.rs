//! The command line of `remedy`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::incidents::{Author, incident};
use super::{LineFormat, duration};

/// `remedy`.
#[derive(Args, Debug)]
pub(crate) struct RemedyArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: RemedyAction,
}

/// What to do with remedies.
#[derive(Subcommand, Debug)]
pub(crate) enum RemedyAction {
    /// Show what would be done about the incidents that last, and why, or why not.
    Plan {
        /// One of them, such as I42 [default: all]
        #[arg(value_name = "INCIDENT", value_parser = incident)]
        id: Option<u64>,
        /// Output format.
        #[arg(long, value_enum, default_value = "text")]
        format: LineFormat,
    },
    /// Carry out the remedy for an incident, and look whether it helped.
    ///
    /// A running watch does it, else this command itself. Mode, budget and cooldown of the configuration do not hold it
    /// back. Exit codes: 0 it helped, 2 it did not or was not carried out, 3 there is nothing to carry out.
    Apply {
        /// Its number, such as I42.
        #[arg(value_name = "INCIDENT", value_parser = incident)]
        id: u64,
        /// Why.
        #[arg(default_value = "")]
        why: String,
        /// Show the plan, and do nothing.
        #[arg(long)]
        dry_run: bool,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        author: Author,
    },
    /// Show what was done, by whom, why, and what came of it.
    History {
        /// Only what was begun within this time, such as 24h.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        since: Option<Duration>,
        /// Output format.
        #[arg(long, value_enum, default_value = "text")]
        format: LineFormat,
    },
}
