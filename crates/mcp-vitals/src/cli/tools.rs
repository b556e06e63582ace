//! The command line of `tools`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::LineFormat;

/// `tools`.
#[derive(Args, Debug)]
pub(crate) struct ToolsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ToolsAction,
}

/// What to do with the tools of a target.
#[derive(Subcommand, Debug)]
pub(crate) enum ToolsAction {
    /// Compare the tools of now with the lock file.
    ///
    /// Exit codes: 0 the same, 1 more or other words, 2 what may break a caller or gives orders to a model,
    /// 3 could not tell.
    Diff {
        /// The lock file.
        #[command(flatten)]
        lock: LockArgs,
        /// Output format.
        #[arg(long, value_enum, default_value = "text")]
        format: LineFormat,
    },
    /// Write the tools of now into the lock file.
    Pin {
        /// The lock file.
        #[command(flatten)]
        lock: LockArgs,
    },
    /// Take changes over into the lock file: all, those of one server, or one tool.
    Approve {
        /// What to approve: a server, or one of its tools [default: everything]
        #[arg(value_name = "SERVER[/TOOL]")]
        what: Option<String>,
        /// The lock file.
        #[command(flatten)]
        lock: LockArgs,
    },
}

/// Which lock file.
#[derive(Args, Debug)]
pub(crate) struct LockArgs {
    /// The lock file [default: `lock` of the configuration, else mcp-vitals.lock]
    #[arg(long = "lock", value_name = "PATH")]
    pub path: Option<PathBuf>,
}
