//! What must be so of every tally in every case.

use std::collections::BTreeMap;

use vitals_model::observation::{Level, LevelCounts};
use vitals_model::tally::{Histogram, Tally};

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
