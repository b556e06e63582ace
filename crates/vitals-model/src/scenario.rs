//! Scenarios as they were run: what was done to a target, what was expected, and what was seen.
//!
//! How a scenario is carried out is the lab's business; here are only its results.

use std::time::Duration;

use crate::check::Unit;
use crate::target::TargetId;
use crate::time::Timestamp;

/// How a step or a whole scenario ended. The order is from best to worst; a whole is as good as its worst part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// What was expected was seen.
    Passed,
    /// It was not carried out, or nothing could be told. Never as good as passed.
    Skipped,
    /// Something else was seen.
    Failed,
}

impl Outcome {
    /// All of them, best first.
    pub const ALL: [Self; 3] = [Self::Passed, Self::Skipped, Self::Failed];

    /// The outcome as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// What a scenario was run on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stand {
    /// A lab of our own, started for it.
    Lab,
    /// A hub that people use.
    Hub,
}

impl Stand {
    /// The stand as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lab => "lab",
            Self::Hub => "hub",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Lab, Self::Hub].into_iter().find(|stand| stand.as_str() == word)
    }
}

/// A number that a step measured.
#[derive(Clone, PartialEq, Debug)]
pub struct Figure {
    /// What it is: `list p95`.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: Unit,
}

impl Figure {
    /// A figure.
    pub fn new(name: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self { name: name.into(), value, unit }
    }

    /// A number of things.
    pub fn count(name: impl Into<String>, n: u64) -> Self {
        Self::new(name, n as f64, Unit::Count)
    }

    /// A duration, in milliseconds.
    pub fn time(name: impl Into<String>, duration: Duration) -> Self {
        Self::new(name, duration.as_secs_f64() * 1000.0, Unit::Millis)
    }

    /// A number of bytes.
    pub fn bytes(name: impl Into<String>, n: u64) -> Self {
        Self::new(name, n as f64, Unit::Bytes)
    }
}

/// Writes `list p95 12 ms`.
impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.unit.show(self.value))
    }
}

/// One part of a scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// What is done.
    pub does: String,
    /// What is expected.
    pub expects: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was seen; for a skipped step the reason.
    pub seen: String,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// How long it took.
    pub took: Duration,
}

/// One run of a scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// The scenario's name: `server-crash`.
    pub scenario: String,
    /// The target.
    pub target: TargetId,
    /// What kind of target that was.
    pub stand: Stand,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, cleaning up included.
    pub took: Duration,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

impl Run {
    /// The worst outcome of its steps. A run without steps has shown nothing: skipped.
    pub fn outcome(&self) -> Outcome {
        self.steps.iter().map(|step| step.outcome).max().unwrap_or(Outcome::Skipped)
    }

    /// How many steps ended like this.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.steps.iter().filter(|step| step.outcome == outcome).count()
    }

    /// The first step that failed; without one, the first that was skipped.
    pub fn worst(&self) -> Option<&Step> {
        let first = |outcome| self.steps.iter().find(|step| step.outcome == outcome);
        first(Outcome::Failed).or_else(|| first(Outcome::Skipped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(outcomes: &[Outcome]) -> Run {
        let step = |outcome: &Outcome| Step {
            does: outcome.as_str().to_owned(),
            expects: String::new(),
            outcome: *outcome,
            seen: String::new(),
            figures: Vec::new(),
            took: Duration::ZERO,
        };
        Run {
            scenario: "soak".to_owned(),
            target: TargetId::new("lab"),
            stand: Stand::Lab,
            at: Timestamp::default(),
            took: Duration::ZERO,
            steps: outcomes.iter().map(step).collect(),
        }
    }

    #[test]
    fn a_run_is_as_good_as_its_worst_step_and_nothing_done_is_not_passed() {
        use Outcome::{Failed, Passed, Skipped};
        let cases: [(&[Outcome], Outcome); 4] = [
            (&[], Skipped),
            (&[Passed, Passed], Passed),
            (&[Passed, Skipped, Passed], Skipped),
            (&[Skipped, Failed, Passed], Failed),
        ];
        for (outcomes, wanted) in cases {
            assert_eq!(run(outcomes).outcome(), wanted, "{outcomes:?}");
        }
        assert_eq!(run(&[Passed, Skipped, Failed]).worst().map(|step| step.does.as_str()), Some("failed"));
        assert_eq!(run(&[Passed]).worst(), None);
        assert!(Outcome::ALL.into_iter().all(|o| Outcome::parse(o.as_str()) == Some(o)));
    }

    #[test]
    fn a_figure_reads_as_people_say_it() {
        assert_eq!(Figure::time("list p95", Duration::from_millis(12)).to_string(), "list p95 12 ms");
        assert_eq!(Figure::bytes("log", 24_122).to_string(), "log 24.1 kB");
        assert_eq!(Figure::count("errors", 0).to_string(), "errors 0");
    }
}
