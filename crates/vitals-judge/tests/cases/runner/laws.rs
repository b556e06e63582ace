//! What must be so of every reading in every case.

use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::time::Timestamp;

/// What is wrong with a reading, if anything.
pub(crate) fn of_reading(reading: &Reading, now: Timestamp) -> Option<&'static str> {
    let is_bad = matches!(reading.health, Health::Degraded | Health::Failing);
    let told = reading.standing == Standing::Judged || reading.standing == Standing::Advice;
    let broken = [
        (reading.summary.is_empty(), "has no summary"),
        (is_bad && told && reading.hint.is_empty(), "does not say what to do"),
        (reading.health == Health::Healthy && !reading.hint.is_empty(), "says what to do although nothing is wrong"),
        (reading.since > reading.at, "is what it is since a time after it was measured"),
        (reading.at > now, "was measured in the future"),
        (reading.value.is_some_and(|v| !v.is_finite()), "has a value that is no number"),
        (reading.standing == Standing::Fact && is_bad, "is a fact and bad"),
    ];
    broken.into_iter().find(|(is_broken, _)| *is_broken).map(|(_, what)| what)
}
