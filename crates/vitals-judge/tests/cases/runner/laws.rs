//! What must be so of every reading and of every tally in every case.

use std::collections::BTreeMap;

use vitals_model::observation::{Level, LevelCounts};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::tally::{Histogram, Tally};
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

/// What of a tally went backwards, if anything: no counter does while its target is watched.
pub(crate) fn of_tally(before: &Tally, now: &Tally) -> Option<&'static str> {
    fn fell<K: Ord, V>(before: &BTreeMap<K, V>, now: &BTreeMap<K, V>, is_less: impl Fn(&V, &V) -> bool) -> bool {
        before.iter().any(|(key, value)| now.get(key).is_none_or(|now| is_less(now, value)))
    }
    let is_shorter = |now: &Histogram, before: &Histogram| {
        now.counts().iter().zip(before.counts()).any(|(now, before)| now < before) || now.sum() < before.sum()
    };
    let fewer = |now: &LevelCounts, before: &LevelCounts| Level::ALL.iter().any(|level| now.of(*level) < before.of(*level));
    let broken = [
        (fell(&before.operations, &now.operations, is_shorter), "operations"),
        (now.operations_folded < before.operations_folded, "operations that were folded"),
        (fell(&before.probes, &now.probes, |now, before| now.0 < before.0 || now.1 < before.1), "runs of probes"),
        (fewer(&now.file_records, &before.file_records), "records of the file"),
        (fewer(&now.stream_records, &before.stream_records), "records of the stream"),
        (fell(&before.incidents, &now.incidents, |now, before| now < before), "incidents"),
    ];
    broken.into_iter().find(|(is_broken, _)| *is_broken).map(|(_, what)| what)
}
