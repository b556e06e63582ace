//! What the hub wrote about its work: whether the records that it tells reach its log file, and whether
//! it writes any when it is made to work. Heartbeats are no records.

use std::collections::VecDeque;
use std::time::Duration;

use vitals_model::observation::LogSeen;
use vitals_model::time::Timestamp;

/// The file and the stream are read at different moments: what is told so soon after the file grew may
/// be what it grew by. The stream gathers for 0.1 s, the file is read five times a second at most.
const LAG: Duration = Duration::from_secs(1);

/// So many records that were told and not written are no chance.
const UNWRITTEN_MIN: u64 = 3;

/// A record within this time of a visit may be the visit's; a visit that begins with less silence before
/// it says nothing about who wrote. It is as long as records take to reach us, and no longer: with twice
/// that, a hub that is visited every two seconds would never have been silent before a visit.
const NEAR: Duration = LAG;

/// Times of records remembered, those within [`NEAR_SAME`] as one; the oldest go first.
const TIMES_MAX: usize = 128;
const NEAR_SAME: Duration = Duration::from_millis(200);

/// Visits remembered.
const ROUNDS_MAX: usize = 32;

/// So many visits must have left records, and so many then have left none.
const TALKING_ROUNDS: usize = 5;
const SILENT_ROUNDS: usize = 3;

/// Visits remembered of one silence: those that show it, and the latest, whose records may still come. What
/// the hub did before is not forgotten however long it is silent.
const SILENT_ROUNDS_MAX: usize = SILENT_ROUNDS + 1;

/// One visit that made the hub work.
#[derive(Clone, Copy, Debug)]
struct Round {
    began: Timestamp,
    at: Timestamp,
    /// Nothing was written shortly before it.
    is_telling: bool,
    left: bool,
}

/// What is known of the records of one hub.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// Records that the stream told since the file last grew, and the first of them.
    told: u64,
    told_from: Option<Timestamp>,
    last_told: Option<Timestamp>,
    grown: Option<Timestamp>,
    /// Rotations and truncations of the file so far.
    turned: u64,
    /// Whether a record was ever told while the file grew: else they may be of two kinds.
    is_paired: bool,
    times: VecDeque<Timestamp>,
    rounds: VecDeque<Round>,
    /// Whether the file and the stream could be read during those rounds.
    sources: (bool, bool),
}

impl Records {
    /// The stream told `n` records.
    pub(super) fn told(&mut self, n: u64, at: Timestamp) {
        self.heard(at);
        self.last_told = Some(at);
        if self.grown.is_some_and(|grown| at.since(grown) <= LAG) {
            self.is_paired = true;
        } else {
            self.told_from.get_or_insert(at);
            self.told += n;
        }
    }

    /// The log file was looked at.
    pub(super) fn read(&mut self, seen: &LogSeen, at: Timestamp) {
        let stretch = &seen.stretch;
        let turned = seen.file.as_ref().map_or(self.turned, |file| file.rotations + file.truncations);
        let is_new = stretch.over.is_none() || seen.file.is_err() || turned != self.turned;
        self.turned = turned;
        if stretch.over.is_some() && stretch.bytes > 0 {
            self.grown = Some(at);
            self.is_paired |= self.last_told.is_some_and(|told| at.since(told) <= LAG);
            if stretch.plain + stretch.pino + stretch.stdout + stretch.broken > 0 {
                self.heard(at);
            }
        } else if !is_new {
            return;
        }
        (self.told, self.told_from) = (0, None);
    }

    fn heard(&mut self, at: Timestamp) {
        if let Some(last) = self.rounds.back_mut().filter(|round| at >= round.began && at.since(round.at) <= NEAR) {
            last.left = true;
        }
        if self.times.back().is_none_or(|last| at.since(*last) >= NEAR_SAME) {
            super::push_bounded(&mut self.times, at, TIMES_MAX);
        }
    }

    /// A visit made the hub work from `began` to `at`. One that follows another closely is the same.
    pub(super) fn worked(&mut self, began: Timestamp, at: Timestamp, sources: (bool, bool)) {
        if sources != self.sources || !(sources.0 || sources.1) {
            self.rounds.clear();
            self.sources = sources;
        }
        if !(sources.0 || sources.1) || self.rounds.back().is_some_and(|last| began <= last.at.plus(NEAR)) {
            return;
        }
        let is_near = |time: &&Timestamp| **time < began && began.since(**time) < NEAR;
        let is_telling = !self.times.iter().any(|time| is_near(&time));
        let left = self.times.iter().any(|time| *time >= began);
        if self.rounds.iter().rev().take_while(|round| !round.left).count() >= SILENT_ROUNDS_MAX {
            self.rounds.pop_back();
        }
        super::push_bounded(&mut self.rounds, Round { began, at, is_telling, left }, ROUNDS_MAX);
    }

    /// Leaves out a gap of our own clock.
    pub(super) fn skip(&mut self, ms: i64) {
        let later = |at: &mut Timestamp| *at = at.shifted(ms);
        let told = [self.told_from.as_mut(), self.last_told.as_mut(), self.grown.as_mut()];
        told.into_iter().flatten().for_each(later);
        self.times.iter_mut().for_each(later);
        self.rounds.iter_mut().flat_map(|round| [&mut round.began, &mut round.at]).for_each(later);
    }

    /// How many records were told, and since when, that the file did not get although it was looked at
    /// (at `looked`) long enough after the first of them.
    pub fn unwritten(&self, looked: Timestamp) -> Option<(u64, Timestamp)> {
        let from = self.told_from.filter(|_| self.told >= UNWRITTEN_MIN && self.is_paired)?;
        (looked >= from.plus(LAG)).then_some((self.told, from))
    }

    /// Whether records were told at `now` that the file, last looked at at `looked`, does not seem to get.
    pub(crate) fn wants_look(&self, looked: Timestamp, now: Timestamp) -> bool {
        self.told >= UNWRITTEN_MIN && self.told_from.is_some_and(|from| now >= from.plus(LAG) && looked < from.plus(LAG))
    }

    /// Whether records that are told were seen to reach the file.
    pub const fn is_paired(&self) -> bool {
        self.is_paired
    }

    /// Since when the hub, which used to leave records when it was made to work, has left none.
    pub fn silent_since(&self, now: Timestamp) -> Option<Timestamp> {
        let silent = || self.ended(now).take_while(|round| !round.left);
        let from = silent().last()?.began;
        let is_silent = silent().count() >= SILENT_ROUNDS && self.times.back().is_none_or(|last| *last < from);
        (is_silent && self.used_to_talk(now)).then_some(from)
    }

    /// Whether the hub is known to leave records when it is made to work. One visit that left none ends
    /// that, unless it is the beginning of a silence that lasts.
    pub fn used_to_talk(&self, now: Timestamp) -> bool {
        let before = self.ended(now).skip_while(|round| !round.left);
        // Others wrote too when a visit that says nothing was made.
        before.take_while(|round| round.left).filter(|round| round.is_telling).count() >= TALKING_ROUNDS
    }

    /// When the records of the latest visit have had time to arrive.
    pub(crate) fn settles_at(&self) -> Option<Timestamp> {
        self.rounds.back().map(|round| round.at.plus(NEAR))
    }

    /// The visits whose records have had time to arrive, latest first.
    fn ended(&self, now: Timestamp) -> impl Iterator<Item = &Round> {
        self.rounds.iter().rev().skip_while(move |round| now.since(round.at) <= NEAR)
    }
}
