//! What the log did within the last hour: how much it grew, which lines it had.

use std::collections::VecDeque;
use std::time::Duration;

use vitals_model::observation::LogStretch;
use vitals_model::time::Timestamp;

/// How far back the window reaches.
const WINDOW: Duration = Duration::from_secs(3600);

/// Stretches within this time are summed: a busy log is read up to five times a second.
const BUCKET: Duration = Duration::from_secs(10);

/// A shorter look says nothing about growth.
const SPAN_MIN: Duration = Duration::from_secs(60);

/// A log that grew in every slice of ten seconds, for so many of them, is flooded: that is no burst. Once a
/// second is as fine as growth is kept.
const FLOOD_SLICES: usize = 6;
const FINE: Duration = Duration::from_secs(1);

/// What grew in less than this counts as if it had taken this long: a burst is not yet a rate. One
/// disconnect of npm mcp-hub 4.2.1 writes half a megabyte in a moment.
const BURST: Duration = Duration::from_secs(600);

/// Lines by their shape, and what some of them say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lines {
    /// Bytes that the log grew by.
    pub grown: u64,
    /// Plain text.
    pub plain: u64,
    /// pino records.
    pub pino: u64,
    /// Records in the shape of the hub's standard output.
    pub stdout: u64,
    /// Lines that could not be read.
    pub broken: u64,
    /// Uses of the LLM fallback.
    pub fallbacks: u64,
}

impl Lines {
    /// All lines.
    pub const fn total(&self) -> u64 {
        self.plain + self.pino + self.stdout + self.broken
    }

    /// Takes out what was merged.
    fn leave(&mut self, other: Self) {
        self.grown -= other.grown;
        self.plain -= other.plain;
        self.pino -= other.pino;
        self.stdout -= other.stdout;
        self.broken -= other.broken;
        self.fallbacks -= other.fallbacks;
    }

    fn merge(&mut self, other: Self) {
        self.grown += other.grown;
        self.plain += other.plain;
        self.pino += other.pino;
        self.stdout += other.stdout;
        self.broken += other.broken;
        self.fallbacks += other.fallbacks;
    }
}

/// The last hour of the log, in sums of ten seconds.
#[derive(Clone, Debug, Default)]
pub struct LogWindow {
    parts: VecDeque<(Timestamp, Lines)>,
    /// All of them together.
    sum: Lines,
    /// Bytes grown in the last minute, in sums of a second.
    grown: VecDeque<(Timestamp, u64)>,
    /// Since when growth was followed.
    since: Option<Timestamp>,
}

impl LogWindow {
    /// Takes in what was read by `at`. A stretch read in one go is no growth: it was there before.
    pub(super) fn take(&mut self, stretch: &LogStretch, at: Timestamp) {
        let mut lines = Lines {
            grown: 0,
            plain: stretch.plain,
            pino: stretch.pino,
            stdout: stretch.stdout,
            broken: stretch.broken,
            fallbacks: stretch.fallbacks,
        };
        if let Some(over) = stretch.over {
            lines.grown = stretch.bytes;
            self.take_grown(stretch.bytes, at);
            self.since.get_or_insert(at.minus(over));
        }
        self.sum.merge(lines);
        match self.parts.back_mut() {
            Some((last, sum)) if at.since(*last) < BUCKET => sum.merge(lines),
            _ => self.parts.push_back((at, lines)),
        }
        while let Some((then, oldest)) = self.parts.front()
            && at.since(*then) > WINDOW
        {
            self.sum.leave(*oldest);
            self.parts.pop_front();
        }
    }

    fn take_grown(&mut self, bytes: u64, at: Timestamp) {
        match self.grown.back_mut() {
            Some((last, sum)) if at.since(*last) < FINE => *sum += bytes,
            _ => self.grown.push_back((at, bytes)),
        }
        while self.grown.front().is_some_and(|(then, _)| at.since(*then) > BUCKET * 7) {
            self.grown.pop_front();
        }
    }

    /// The growth of the leanest ten seconds of the last minute, in bytes per hour.
    fn flood(&self, now: Timestamp) -> f64 {
        let mut slices = [0_u64; FLOOD_SLICES];
        for (at, bytes) in &self.grown {
            let slice = now.since(*at).as_millis() / BUCKET.as_millis();
            if let Some(sum) = usize::try_from(slice).ok().and_then(|slice| slices.get_mut(slice)) {
                *sum += bytes;
            }
        }
        slices.into_iter().min().unwrap_or(0) as f64 * 3600.0 / BUCKET.as_secs_f64()
    }

    /// About when the keyword fallback was last used, within the hour.
    pub fn last_fallback(&self) -> Option<Timestamp> {
        self.parts.iter().rev().find(|(_, lines)| lines.fallbacks > 0).map(|(at, _)| *at)
    }

    /// Whether what grew in the last minute may become a flood beyond `limit`, in bytes per hour, by time alone: however
    /// the slices fall, the largest figures fill one less than all of them, and the leanest has of the rest at most.
    pub(crate) fn may_flood(&self, limit: f64) -> bool {
        let rate = |grown: u64| grown as f64 * 3600.0 / BUCKET.as_secs_f64();
        if rate(self.grown.iter().map(|(_, bytes)| bytes).sum()) <= limit {
            return false;
        }
        let mut grown: Vec<_> = self.grown.iter().map(|(_, bytes)| *bytes).collect();
        if grown.len() < FLOOD_SLICES {
            return false;
        }
        grown.select_nth_unstable_by(FLOOD_SLICES - 1, |a, b| b.cmp(a));
        rate(grown[FLOOD_SLICES - 1..].iter().sum()) > limit
    }

    /// From when on there is growth to speak of.
    pub(crate) fn measured_from(&self) -> Option<Timestamp> {
        Some(self.since?.plus(SPAN_MIN))
    }

    /// What was read since `from`.
    pub fn since(&self, from: Timestamp) -> Lines {
        let mut sum = Lines::default();
        // The parts come in the order of time.
        self.parts.iter().rev().take_while(|(at, _)| *at >= from).for_each(|(_, lines)| sum.merge(*lines));
        sum
    }

    /// What was read within the hour before `now`.
    pub fn hour(&self, now: Timestamp) -> Lines {
        let from = now.minus(WINDOW);
        let mut sum = self.sum;
        // The parts come in the order of time: few are older, and they come first.
        self.parts.iter().take_while(|(at, _)| *at < from).for_each(|(_, lines)| sum.leave(*lines));
        sum
    }

    /// Growth in bytes per hour, and the span that it was measured over; `None` before there was growth
    /// to follow for a minute.
    pub fn growth(&self, now: Timestamp) -> Option<(f64, Duration)> {
        let span = now.since(self.since?).min(WINDOW);
        let rate = self.hour(now).grown as f64 * 3600.0 / span.max(BURST).as_secs_f64();
        (span >= SPAN_MIN).then_some((rate.max(self.flood(now)), span))
    }

    /// Whether growth is followed at all.
    pub const fn is_followed(&self) -> bool {
        self.since.is_some()
    }
}

/// The growth that one look back shows: the records' own times tell how long it took to write them.
pub(super) fn growth_of(stretch: &LogStretch) -> Option<(f64, Duration)> {
    let (first, last) = (stretch.minutes.first()?.0, stretch.minutes.last()?.0);
    let span = last.since(first) + Duration::from_secs(60);
    (span >= BURST).then(|| (stretch.bytes as f64 * 3600.0 / span.as_secs_f64(), span))
}
