//! Readings: the judged answers of checks.

use std::time::Duration;

use crate::check::{CheckId, Point, Threshold, Unit};
use crate::time::Timestamp;

/// How well something is.
///
/// The order is the order of badness used to find the worst: an unknown is worse than healthy and
/// better than a known fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Health {
    /// It works.
    Healthy,
    /// It could not be measured, or the last measurement is too old.
    Unknown,
    /// It works, worse than it should: a warning.
    Degraded,
    /// It does not work: critical.
    Failing,
}

impl Health {
    /// The word for this health.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
        }
    }

    /// The exit code of the monitoring-plugin convention: 0, 1, 2, 3.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Degraded => 1,
            Self::Failing => 2,
            Self::Unknown => 3,
        }
    }
}

/// How much a reading counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It counts: for health, score and incidents.
    Judged,
    /// A weakness of the hub: shown with what to do, never scored, never an incident.
    Advice,
    /// A failure that the configuration expects: shown, not scored.
    Expected,
    /// A fact for the reader; nothing to judge.
    Fact,
}

impl Standing {
    /// The standing as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Judged => "judged",
            Self::Advice => "advice",
            Self::Expected => "expected",
            Self::Fact => "fact",
        }
    }
}

/// The judged answer of one check.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    /// The check.
    pub id: CheckId,
    /// The integration point it belongs to.
    pub point: Point,
    /// How well it is.
    pub health: Health,
    /// How much it counts.
    pub standing: Standing,
    /// The measured value.
    pub value: Option<f64>,
    /// The unit of the value and of the threshold.
    pub unit: Unit,
    /// Where the value becomes bad.
    pub threshold: Option<Threshold>,
    /// One line: what was seen, and what was expected where the two differ.
    pub summary: String,
    /// What the summary rests on: short lines, most telling first.
    pub evidence: Vec<String>,
    /// What to do about it; empty when there is nothing to do.
    pub hint: String,
    /// The check whose failure explains this one; while that one fails, this one raises no incident.
    pub cause: Option<CheckId>,
    /// When it was measured.
    pub at: Timestamp,
    /// How long the measurement took.
    pub took: Duration,
    /// Since when its health is what it is.
    pub since: Timestamp,
}

/// The part of a reading that history keeps.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// The check, or a series that only reports use (`logging/lines/error`).
    pub id: CheckId,
    /// When.
    pub at: Timestamp,
    /// How well it was.
    pub health: Health,
    /// Its value.
    pub value: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_many_is_the_greatest() {
        let worst = [Health::Healthy, Health::Failing, Health::Unknown, Health::Degraded].into_iter().max();
        assert_eq!(worst, Some(Health::Failing));
        assert!(Health::Unknown > Health::Healthy);
    }

    #[test]
    fn exit_codes_are_those_of_monitoring_plugins() {
        let codes = [Health::Healthy, Health::Degraded, Health::Failing, Health::Unknown].map(Health::exit_code);
        assert_eq!(codes, [0, 1, 2, 3]);
    }
}
