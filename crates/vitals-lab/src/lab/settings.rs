//! What a lab is to be: its parts, its place, its hub's way of speaking. Nothing is started here.

use std::path::PathBuf;

use vitals_model::time::Timestamp;

use crate::fault::Fault;
use crate::part::Program;
use crate::persona::{LogFormat, Persona};

/// What a lab is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// How this program is started as a part.
    pub program: Program,
    /// Where its files lie.
    pub place: Where,
    /// How its hub speaks.
    pub persona: Persona,
    /// The form of the hub's log.
    pub log_format: LogFormat,
    /// The hub's port on 127.0.0.1; 0 takes a free one, and a hub that is started again keeps it.
    pub port: u16,
    /// Decides what is drawn by lot.
    pub seed: u64,
    /// Whether the hub filters tools.
    pub filtering: Filtering,
    /// The servers behind the hub.
    pub servers: Servers,
}

impl Settings {
    /// A lab in a temporary folder, with everything else as it is by default.
    pub fn new(program: Program) -> Self {
        Self {
            program,
            place: Where::Temporary,
            persona: Persona::default(),
            log_format: LogFormat::default(),
            port: 0,
            seed: 0,
            filtering: Filtering::Off,
            servers: Servers::BuiltIn,
        }
    }
}

/// Where a lab's files lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Where {
    /// In a temporary folder, which goes away with the lab.
    Temporary,
    /// In this folder, which is made where it is missing. One that holds other things is refused.
    At(PathBuf),
}

/// Whether the hub filters tools.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filtering {
    /// It does not, unless a file of servers says so itself.
    Off,
    /// By prompts, over the lab's LLM stub.
    PromptBased {
        /// What a new session sees.
        exposure: Exposure,
    },
}

/// What a new session sees before it has asked for anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exposure {
    /// No tool at all.
    Zero,
    /// The meta-tool.
    MetaOnly,
    /// The meta-tool and a few tools.
    Minimal,
    /// Every tool.
    All,
}

impl Exposure {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Zero, Self::MetaOnly, Self::Minimal, Self::All];

    /// The name in the hub's configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::MetaOnly => "meta-only",
            Self::Minimal => "minimal",
            Self::All => "all",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.as_str() == name)
    }
}

/// The servers behind the hub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Servers {
    /// `filesystem`, `echo`, and `github`, which never connects.
    BuiltIn,
    /// Those of this file in the form of a hub's configuration. Faults of servers are the built-in
    /// servers' own, so of these only what is done from outside can be injected.
    Of(PathBuf),
}

/// A fault that is in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Active {
    /// The fault.
    pub fault: Fault,
    /// The server that it hurts; `None` for a fault that hurts no single one.
    pub server: Option<String>,
    /// Since when.
    pub since: Timestamp,
}
