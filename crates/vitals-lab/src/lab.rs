//! The lab itself: it starts and ends the parts, injects and clears faults, and can be told to from another process.

use crate::fault::Fault;
use crate::part::Program;
use crate::persona::{LogFormat, Persona};
use crate::place::Place;

/// What a lab is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "a stand-in for the owner's file, which wins at the merge")]
pub struct Settings {
    pub program: Program,
    pub persona: Persona,
    pub log_format: LogFormat,
    pub seed: u64,
    pub filtering: Filtering,
}

impl Settings {
    /// A lab in a temporary folder, with everything else as it is by default.
    pub fn new(program: Program) -> Self {
        Self { program, persona: Persona::default(), log_format: LogFormat::default(), seed: 0, filtering: Filtering::Off }
    }
}

/// Whether the hub filters tools.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filtering {
    /// It does not.
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
    /// The meta-tool.
    MetaOnly,
}

/// Why a lab could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("this build has no lab")]
pub struct LabError;

/// A running lab.
#[derive(Debug)]
pub struct Lab(Place);

#[expect(missing_docs, clippy::unused_async, reason = "a stand-in for the owner's file, which wins at the merge")]
impl Lab {
    pub async fn start(_: Settings) -> Result<Self, LabError> {
        Err(LabError)
    }

    pub fn url(&self) -> String {
        String::new()
    }

    pub fn place(&self) -> &Place {
        &self.0
    }

    pub async fn inject(&self, _: Fault, _: &str) -> Result<(), LabError> {
        Err(LabError)
    }

    pub async fn clear(&self, _: Fault) -> Result<(), LabError> {
        Err(LabError)
    }

    pub async fn end(self) -> Result<(), LabError> {
        Ok(())
    }
}
