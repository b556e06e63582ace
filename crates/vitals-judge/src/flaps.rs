//! How often a server was lost: the numbers behind the check and the anomaly of flapping.

use std::collections::BTreeMap;
use std::time::Duration;

use vitals_model::claim::ClaimStatus;
use vitals_model::observation::{ServerTurn, Turn};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use crate::facts::Facts;

/// How often each server was lost and connected, as far as it was told.
pub(crate) fn counts<'a>(turns: impl Iterator<Item = &'a ServerTurn>) -> BTreeMap<&'a Text, (u64, u64)> {
    let mut counts: BTreeMap<&Text, (u64, u64)> = BTreeMap::new();
    for turn in turns {
        let (lost, connected) = counts.entry(&turn.server).or_default();
        match turn.turn {
            Turn::Lost => *lost += 1,
            Turn::Connected => *connected += 1,
        }
    }
    counts
}

/// The last instant at which all losses are counted that are counted at `now`: then the first of them leaves the window.
pub(crate) fn counted_until(facts: &Facts, window: Duration, now: Timestamp) -> Option<Timestamp> {
    let told = facts.turns.iter().filter(|turn| turn.turn == Turn::Lost).filter_map(|turn| turn.at);
    told.chain(facts.exits.times()).map(|at| at.plus(window)).filter(|until| *until >= now).min()
}

/// How often the hub lost a server within `window`, and within which span that was counted.
///
/// A loss is told by the log or the event stream, and seen as the end of a process: whichever tells more,
/// because one loss may be told twice. What was before the hub's own start was another hub's, and what
/// somebody stopped on purpose was not lost. Nor is a process that ends before it was connected: a server
/// that never answers is started anew each minute, and that is another fault.
pub(crate) fn lost(facts: &Facts, server: &Text, window: Duration, now: Timestamp) -> (u64, Duration) {
    let from = now.minus(window).max(facts.hub_started().unwrap_or_default());
    let is_connected = facts.claim(server).is_some_and(|claim| claim.status == ClaimStatus::Connected);
    let down_since = facts.courses.get(server).and_then(|course| course.status_changed).unwrap_or(from);
    // It may have been connected between two looks: then that was told.
    let connected = |turn: &ServerTurn| turn.server == *server && turn.turn == Turn::Connected && turn.at > Some(down_since);
    let until = if is_connected || facts.turns.iter().any(connected) { now } else { down_since };
    let counts_at = |at: Timestamp| at >= from && at <= until && !facts.was_stopped(server, at);
    let told = facts.turns.iter().filter(|turn| turn.server == *server && turn.at.is_some_and(counts_at));
    let told = counts(told).get(server).map_or(0, |(lost, _)| *lost);
    let ended = facts.exits_of(server).filter(|at| counts_at(*at)).count() as u64;
    (told.max(ended), now.since(from))
}
