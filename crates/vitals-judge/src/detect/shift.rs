//! Level shifts: a latency that is another one from some moment on. It follows the logarithm, because what
//! doubles matters and not what grows by a millisecond, and adds up what deviates from the usual (CUSUM), each
//! deviation bounded, so that one slow answer is none.
//!
//! A slow drift is no shift: the usual follows it.

use std::collections::VecDeque;
use std::time::Duration;

use vitals_model::time::Timestamp;

use crate::stats::{MAD_TO_SIGMA, median};

/// Values from which the usual is told.
const LEARNED: usize = 30;

/// How fast the usual follows: a rhythm of a day moves by a sixth of its height in this time.
const FOLLOWS_IN: Duration = Duration::from_secs(2 * 3600);

/// One value moves the usual by this share at most, however long nobody measured.
const FOLLOWS_MAX: f64 = 0.05;

/// The smallest deviation counted as usual: ten percent.
const SIGMA_MIN: f64 = 0.1;

/// A value counts as so many deviations at most.
const DEVIATION_MAX: f64 = 3.0;

/// What is left out of each deviation, and the sum at which it is no chance: seven slow values in a row.
const SLACK: f64 = 0.75;
const SUM_FOUND: f64 = 15.0;

/// The sum goes no higher, so that it comes down again soon.
const SUM_MAX: f64 = 24.0;

/// A shift lasts at least this long, and its latest values, so many, are the new level: what is over sooner was
/// a moment of work.
const LASTS: Duration = Duration::from_secs(10 * 60);
const VALUES: usize = 8;

/// The last few of them must show it too: else it is over.
const LATEST: usize = 4;

/// A shift is by this factor, and by so many milliseconds: less is felt by nobody.
const FACTOR_MIN: f64 = 1.5;
const MORE_MS_MIN: f64 = 25.0;

/// A latency that became another one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Shift {
    /// Since when.
    pub(super) since: Timestamp,
    /// Usual before, in milliseconds.
    pub(super) before_ms: f64,
    /// Usual since, in milliseconds.
    pub(super) after_ms: f64,
}

/// The level of one latency.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    /// The first values, until there are enough.
    first: Vec<f64>,
    usual: f64,
    sigma: f64,
    last: Timestamp,
    up: Side,
    down: Side,
    found: Option<Shift>,
}

/// Deviations to one side, added up.
#[derive(Clone, Debug, Default)]
struct Side {
    sum: f64,
    since: Timestamp,
    /// The latest values since then.
    values: VecDeque<f64>,
}

impl Level {
    /// Takes in one latency in milliseconds.
    pub(super) fn take(&mut self, at: Timestamp, ms: f64) {
        let value = ms.max(0.1).ln();
        if self.first.len() < LEARNED {
            self.first.push(value);
            self.last = at;
            if self.first.len() == LEARNED {
                self.learn();
            }
            return;
        }
        let deviation = ((value - self.usual) / self.sigma).clamp(-DEVIATION_MAX, DEVIATION_MAX);
        self.up.add(at, deviation, value);
        self.down.add(at, -deviation, value);
        let share = (at.since(self.last).as_secs_f64() / FOLLOWS_IN.as_secs_f64()).min(FOLLOWS_MAX);
        self.last = at;
        self.usual += share * deviation * self.sigma;
        // The mean of the absolute deviation is 0.8 of the standard deviation of a normal distribution.
        self.sigma = (self.sigma * (1.0 + share * (deviation.abs() / 0.8 - 1.0))).max(SIGMA_MIN);
        self.judge(at);
    }

    /// The shift for the worse that lasts.
    pub(super) const fn shift(&self) -> Option<Shift> {
        self.found
    }

    /// Whether it is known what is usual.
    pub(super) fn has_enough(&self) -> bool {
        self.first.len() == LEARNED
    }

    fn learn(&mut self) {
        let mut values = self.first.clone();
        self.usual = median(&mut values).unwrap_or_default();
        let mut off: Vec<f64> = values.iter().map(|value| (value - self.usual).abs()).collect();
        self.sigma = (median(&mut off).unwrap_or_default() * MAD_TO_SIGMA).max(SIGMA_MIN);
    }

    fn judge(&mut self, at: Timestamp) {
        let usual = self.usual;
        if let Some((since, after)) = self.up.level(at)
            && after.iter().all(|after| is_felt(usual, *after))
        {
            // A second step up is told against the level before the first.
            let known = self.found.map_or((since, usual.exp()), |known| (known.since, known.before_ms));
            self.found = Some(Shift { since: known.0, before_ms: known.1, after_ms: after[0].exp() });
            self.begin_anew(after[0]);
        } else if let Some((_, after)) = self.down.level(at)
            && after.iter().all(|after| is_felt(*after, usual))
        {
            self.found = self.found.filter(|known| is_felt(known.before_ms.ln(), after[0]));
            self.begin_anew(after[0]);
        }
    }

    fn begin_anew(&mut self, usual: f64) {
        self.usual = usual;
        self.up = Side::default();
        self.down = Side::default();
    }
}

impl Side {
    fn add(&mut self, at: Timestamp, deviation: f64, value: f64) {
        let sum = (self.sum + deviation - SLACK).clamp(0.0, SUM_MAX);
        if sum == 0.0 {
            self.values.clear();
        } else {
            if self.sum == 0.0 {
                self.since = at;
            }
            if self.values.len() == VALUES {
                self.values.pop_front();
            }
            self.values.push_back(value);
        }
        self.sum = sum;
    }

    /// Since when, and the new level by its values and by the last few, when this is no chance and lasts.
    fn level(&self, at: Timestamp) -> Option<(Timestamp, [f64; 2])> {
        let lasts = at.since(self.since) >= LASTS && self.values.len() == VALUES;
        if self.sum < SUM_FOUND || !lasts {
            return None;
        }
        let mut values: Vec<f64> = self.values.iter().rev().copied().collect();
        let latest = median(&mut values[..LATEST])?;
        Some((self.since, [median(&mut values)?, latest]))
    }
}

/// Whether a person would notice that `low` became `high`, both logarithms of milliseconds.
pub(super) fn is_felt(low: f64, high: f64) -> bool {
    high - low >= FACTOR_MIN.ln() && high.exp() - low.exp() >= MORE_MS_MIN
}

#[cfg(test)]
mod tests;
