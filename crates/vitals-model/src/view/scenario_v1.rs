//! Version 1 of the JSON that `scenario run --format json` prints, and that `report` shows of scenarios.
//!
//! The fields are a contract (docs/reference/scenario-json.md): new ones may come, none goes or changes its meaning.

use serde::Serialize;

use super::v1::millis;
use crate::scenario::{Figure, Outcome, Run, Step};

/// The value of `schema`.
pub const SCHEMA: &str = "mcp-vitals/scenario/v1";

/// Everything that was run.
#[derive(Serialize, Debug)]
pub struct ScenariosView {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The worst of all: `passed`, `skipped`, `failed`.
    pub outcome: &'static str,
    /// The exit code that goes with it.
    pub exit_code: u8,
    /// Every run, in order.
    pub runs: Vec<RunView>,
}

/// One run of a scenario.
#[derive(Serialize, Debug)]
pub struct RunView {
    /// The scenario's name.
    pub scenario: String,
    /// The target's id.
    pub target: String,
    /// `lab` or `hub`.
    pub stand: &'static str,
    /// When it began.
    pub at: String,
    /// How long it took, cleaning up included.
    pub took_ms: f64,
    /// The worst of its steps.
    pub outcome: &'static str,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
}

/// One step.
#[derive(Serialize, Debug)]
pub struct StepView {
    /// What is done.
    pub does: String,
    /// What is expected.
    pub expects: String,
    /// `passed`, `skipped`, `failed`.
    pub outcome: &'static str,
    /// What was seen, or why it was skipped.
    pub seen: String,
    /// What was measured.
    pub figures: Vec<FigureView>,
    /// How long it took.
    pub took_ms: f64,
}

/// One number.
#[derive(Serialize, Debug)]
pub struct FigureView {
    /// What it is.
    pub name: String,
    /// How much; null for what is no finite number.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
}

impl ScenariosView {
    /// The view of these runs, which end with `outcome` and so with `exit_code`.
    pub fn new(runs: &[Run], outcome: Outcome, exit_code: u8) -> Self {
        Self { schema: SCHEMA, outcome: outcome.as_str(), exit_code, runs: runs.iter().map(RunView::from).collect() }
    }
}

impl From<&Run> for RunView {
    fn from(run: &Run) -> Self {
        Self {
            scenario: run.scenario.clone(),
            target: run.target.to_string(),
            stand: run.stand.as_str(),
            at: run.at.to_string(),
            took_ms: millis(run.took),
            outcome: run.outcome().as_str(),
            steps: run.steps.iter().map(StepView::from).collect(),
        }
    }
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        Self {
            does: step.does.clone(),
            expects: step.expects.clone(),
            outcome: step.outcome.as_str(),
            seen: step.seen.clone(),
            figures: step.figures.iter().map(FigureView::from).collect(),
            took_ms: millis(step.took),
        }
    }
}

impl From<&Figure> for FigureView {
    fn from(figure: &Figure) -> Self {
        Self { name: figure.name.clone(), value: figure.value, unit: figure.unit.as_str() }
    }
}
