//! A run of a scenario as version 1 keeps it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vitals_model::check::Unit;
use vitals_model::scenario::{Figure, Outcome, Run, Stand, Step};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;

/// A run of a scenario, as JSON.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct ScenarioRecord {
    scenario: String,
    target: String,
    stand: String,
    at_ms: i64,
    took_ms: u64,
    steps: Vec<StepRecord>,
}

#[derive(Serialize, Deserialize)]
struct StepRecord {
    does: String,
    expects: String,
    outcome: String,
    seen: String,
    /// Name, value, unit.
    figures: Vec<(String, f64, String)>,
    took_ms: u64,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<&Run> for ScenarioRecord {
    fn from(run: &Run) -> Self {
        let figure = |f: &Figure| (f.name.clone(), f.value, f.unit.as_str().to_owned());
        let step = |s: &Step| StepRecord {
            does: s.does.clone(),
            expects: s.expects.clone(),
            outcome: s.outcome.as_str().to_owned(),
            seen: s.seen.clone(),
            // JSON has no number for what is no finite one.
            figures: s.figures.iter().filter(|f| f.value.is_finite()).map(figure).collect(),
            took_ms: millis(s.took),
        };
        Self {
            scenario: run.scenario.clone(),
            target: run.target.as_str().to_owned(),
            stand: run.stand.as_str().to_owned(),
            at_ms: run.at.as_millis(),
            took_ms: millis(run.took),
            steps: run.steps.iter().map(step).collect(),
        }
    }
}

impl ScenarioRecord {
    /// The run; `None` when a word in it has no meaning.
    pub(in crate::store) fn run(self) -> Option<Run> {
        Some(Run {
            stand: Stand::parse(&self.stand)?,
            steps: self.steps.into_iter().map(StepRecord::step).collect::<Option<_>>()?,
            scenario: self.scenario,
            target: TargetId::new(&self.target),
            at: Timestamp::from_millis(self.at_ms),
            took: Duration::from_millis(self.took_ms),
        })
    }
}

impl StepRecord {
    fn step(self) -> Option<Step> {
        let figure = |(name, value, unit): (String, f64, String)| Some(Figure { name, value, unit: Unit::parse(&unit)? });
        Some(Step {
            outcome: Outcome::parse(&self.outcome)?,
            figures: self.figures.into_iter().map(figure).collect::<Option<_>>()?,
            does: self.does,
            expects: self.expects,
            seen: self.seen,
            took: Duration::from_millis(self.took_ms),
        })
    }
}
