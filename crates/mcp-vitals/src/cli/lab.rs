//! `lab` and `demo` as typed.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use vitals_lab::lab::control::DEFAULT_SERVER;
use vitals_lab::lab::{Exposure, Filtering};
use vitals_lab::persona::{LogFormat, Persona};

use super::LineFormat;

/// `lab`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct LabArgs {
    /// What to do with a lab that runs.
    #[command(subcommand)]
    pub action: Option<LabAction>,
    /// How the hub speaks: the truth, or lies as npm mcp-hub 4.2.1 was measured to tell them.
    #[arg(long, value_parser = named(Persona::ALL.map(Persona::as_str)), default_value = Persona::Npm421.as_str())]
    persona: String,
    /// The form of the hub's log.
    #[arg(long, value_parser = named(LogFormat::ALL.map(LogFormat::as_str)), default_value = LogFormat::Pino.as_str())]
    log_format: String,
    /// The hub's port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// The same number makes the same random choices.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Filter tools by prompts over the lab's LLM stub: what a new session sees.
    #[arg(long, value_enum, value_name = "EXPOSURE", default_value = "off")]
    pub filtering: Exposed,
    /// Other servers: a file with `mcpServers`, as hubs have it.
    #[arg(long, value_name = "FILE")]
    pub servers: Option<PathBuf>,
    /// The lab's folder [default: $XDG_STATE_HOME/mcp-vitals/lab]
    #[arg(long)]
    pub dir: Option<PathBuf>,
}

impl LabArgs {
    /// How the hub speaks.
    pub(crate) fn persona(&self) -> Persona {
        Persona::parse(&self.persona).unwrap_or_default()
    }

    /// The form of the hub's log.
    pub(crate) fn log_format(&self) -> LogFormat {
        LogFormat::parse(&self.log_format).unwrap_or_default()
    }
}

/// Only these words.
fn named<const N: usize>(names: [&'static str; N]) -> clap::builder::PossibleValuesParser {
    names.into()
}

/// What a new session sees, or that the hub does not filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Exposed(pub Filtering);

impl ValueEnum for Exposed {
    fn value_variants<'a>() -> &'a [Self] {
        const fn by(exposure: Exposure) -> Exposed {
            Exposed(Filtering::PromptBased { exposure })
        }
        const ALL: [Exposed; 5] =
            [Exposed(Filtering::Off), by(Exposure::Zero), by(Exposure::MetaOnly), by(Exposure::Minimal), by(Exposure::All)];
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            Filtering::Off => PossibleValue::new("off"),
            Filtering::PromptBased { exposure } => PossibleValue::new(exposure.as_str()),
        })
    }
}

/// What to do with a lab that runs.
#[derive(Subcommand, Debug)]
pub(crate) enum LabAction {
    /// Break a running lab, and mend it again.
    Fault(FaultArgs),
}

/// `lab fault`.
#[derive(Args, Debug)]
pub(crate) struct FaultArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: FaultAction,
}

/// What to do with faults.
#[derive(Subcommand, Debug)]
pub(crate) enum FaultAction {
    /// Show every fault, and which are in force.
    List {
        /// Output format.
        #[arg(long, value_enum, default_value = "text")]
        format: LineFormat,
        /// The lab's folder [default: $XDG_STATE_HOME/mcp-vitals/lab]
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Put a fault in force, until it is cleared.
    Inject {
        /// Its id.
        fault: String,
        /// The server that is hurt, for a fault of one server.
        #[arg(long, default_value = DEFAULT_SERVER)]
        server: String,
        /// The lab's folder [default: $XDG_STATE_HOME/mcp-vitals/lab]
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Take a fault away.
    #[command(group(ArgGroup::new("which").required(true).args(["fault", "all"])))]
    Clear {
        /// Its id.
        fault: Option<String>,
        /// All that are in force.
        #[arg(long)]
        all: bool,
        /// The lab's folder [default: $XDG_STATE_HOME/mcp-vitals/lab]
        #[arg(long)]
        dir: Option<PathBuf>,
    },
}

/// `demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Print a timeline and end, also in a terminal.
    #[arg(long)]
    pub plain: bool,
    /// The same number makes the same random choices.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}
