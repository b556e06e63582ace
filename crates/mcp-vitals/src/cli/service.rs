//! The command line of `service`.

use clap::{Args, Subcommand};

/// `service`.
#[derive(Args, Debug)]
pub(crate) struct ServiceArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ServiceAction,
}

/// What to do with the service.
#[derive(Subcommand, Debug)]
pub(crate) enum ServiceAction {
    /// Write the systemd unit, and start it now and with the machine or the session.
    ///
    /// It watches as `mcp-vitals watch` with the same --config, --state-dir, --target, --mcp and --stdio would.
    Install {
        /// For whom.
        #[command(flatten)]
        scope: ScopeArgs,
        /// With --system: run as this user, who should be the one that runs the hub [default: a user of its own]
        #[arg(long, value_name = "USER", conflicts_with = "user")]
        run_as: Option<String>,
        /// Print the unit, and do nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Stop the service and take the unit away; configuration and history stay.
    Uninstall {
        /// For whom.
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// Say how the service is.
    ///
    /// Exit codes: 0 it runs, 2 it is installed and does not run, 3 it is not installed or systemd does not answer.
    Status {
        /// For whom.
        #[command(flatten)]
        scope: ScopeArgs,
    },
}

/// Whose service manager.
#[derive(Args, Debug)]
pub(crate) struct ScopeArgs {
    /// That of this user: it runs while the user is logged in, or always with `loginctl enable-linger` [default, unless root]
    #[arg(long)]
    pub user: bool,
    /// That of the machine [default for root]
    #[arg(long, conflicts_with = "user")]
    pub system: bool,
}
