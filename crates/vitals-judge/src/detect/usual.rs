//! Unusual values: a latency that is for some minutes far above anything that it is at this time. Sooner seen
//! than a shift of its level, and seen when it is over before it is one. It looks at runs of values, never at
//! one: a slow answer is none.
//!
//! Three must agree. Each past hour is a model of its own ("staggered": none has seen what another learned from),
//! and every one that is asked must find the values too high by its own spread: the hours just before, and those of
//! the days before at this time of day; all, before a day is known. The judgement of single values
//! ([`rarity`](crate::rarity)) must find one of them rare. And a person must be able to feel it.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use vitals_model::check::Unit;
use vitals_model::time::{Timestamp, human};

use super::shift::is_felt;
use crate::rarity::Detector;
use crate::stats::median;

const HOUR: Duration = Duration::from_secs(3600);

/// Past hours that are remembered: three days.
const HOURS_MAX: usize = 72;

const REMEMBERED: Duration = Duration::from_secs(73 * 3600);

/// Values of an hour that its model is made of. Of more, every second is let go, and half as many are taken.
const HOUR_VALUES_MAX: usize = 64;

/// An hour with fewer is no model.
const HOUR_VALUES_MIN: usize = 8;

/// The hours before this one that are asked, and with how many models nothing is said.
const LATEST_HOURS: usize = 2;
const MODELS_MIN: usize = 2;

/// Nine in ten values of a normal distribution are below its mean and so many standard deviations: the deviation of
/// an hour is taken from its high values, because only high ones are judged. What was high for six minutes of it is
/// usual; one slow answer is not.
const NINE_IN_TEN: f64 = 1.2816;

/// The smallest standard deviation of an hour: ten percent.
const SIGMA_MIN: f64 = 0.1;

/// A value counts as so many deviations at most: one slow answer is no run.
const DEVIATION_MAX: f64 = 3.0;

/// What is left out of each deviation, and the sum (CUSUM) at which a run is no chance: once in 800,000 values of
/// even noise. The sum goes hardly higher, so that a run ends soon after its last high value.
const SLACK: f64 = 1.0;
const SUM_FOUND: f64 = 6.0;
const SUM_MAX: f64 = 8.0;

/// A run lasts so long, and has so many values; a moment of work is none.
const LASTS: Duration = Duration::from_secs(2 * 60);
const VALUES_MIN: usize = 4;

/// Values of a run that its level is told from: the latest.
const RUN_VALUES: usize = 16;

/// Values further apart than this are of different runs: nobody looked in between.
const APART_MAX: Duration = Duration::from_secs(30 * 60);

/// How rare one of its values must be for the judgement of single values: 1 in 20, by most of its aspects. Less than
/// its alarm, which asks for more after each one before; a run says more than a value.
const RARE: f64 = 0.95;

/// Rarer than one in a million is not told apart.
const PART_MIN: f64 = 1e-6;

/// Most bytes that one series takes, all included.
pub(super) const STATE_BYTES_MAX: usize = 9 * 1024;

const _: () = assert!(
    size_of::<Usual>() + HOURS_MAX * size_of::<Hour>() + (HOUR_VALUES_MAX + 2 * RUN_VALUES) * size_of::<f64>() <= STATE_BYTES_MAX
);

/// Values that were unusual.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Unusual {
    /// The first and the latest of them.
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
    /// Their median in milliseconds.
    pub(super) seen_ms: f64,
    /// The highest of what is usual in the hours that were asked, in milliseconds.
    pub(super) expected_ms: f64,
    /// How many hours were asked.
    pub(super) hours: usize,
    /// One value in so many is as rare as the rarest of them.
    pub(super) one_in: f64,
}

/// What was seen and expected, and by whom.
impl fmt::Display for Unusual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |ms| Unit::Millis.show(ms);
        let (seen, expected, lasted) = (show(self.seen_ms), show(self.expected_ms), human(self.until.since(self.since)));
        write!(
            f,
            "took {seen} for {lasted} since {}, usually at most {expected} ({:.1}x): too high for each of {} hours compared with, and 1 value in {:.0} is so rare",
            self.since,
            self.seen_ms / self.expected_ms,
            self.hours,
            self.one_in
        )
    }
}

/// A past hour: a model.
#[derive(Clone, Copy, Debug)]
struct Hour {
    at: Timestamp,
    /// Median and standard deviation of the logarithms.
    usual: f64,
    sigma: f64,
}

/// What the hours say of one value.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// By how many standard deviations it is too high: the least that any says.
    deviations: f64,
    /// The highest median of any.
    usual: f64,
    /// How many were asked.
    hours: usize,
}

/// High values, one after the other.
#[derive(Clone, Debug)]
struct Run {
    since: Timestamp,
    /// The latest value that was high.
    until: Timestamp,
    /// What the deviations sum up to.
    sum: f64,
    values: VecDeque<f64>,
    /// The least part of values as rare, if one was rare.
    part: Option<f64>,
}

/// What is usual of one latency.
#[derive(Clone, Debug, Default)]
pub(super) struct Usual {
    rarity: Detector,
    hours: VecDeque<Hour>,
    hour: Timestamp,
    values: Vec<f64>,
    every: u32,
    skipped: u32,
    run: Option<Run>,
    found: Option<Unusual>,
}

impl Usual {
    /// Takes in one latency in milliseconds.
    pub(super) fn take(&mut self, at: Timestamp, ms: f64) {
        let value = ms.max(0.1).ln();
        let opinion = self.rarity.observe(at, value);
        let rare = (opinion.rarity >= RARE).then_some(1.0 - opinion.rarity);
        self.turn(at);
        if let Some(asked) = self.ask(at, value) {
            self.follow(at, value, asked, rare);
        }
        self.keep(value);
    }

    /// The latest values that were unusual.
    pub(super) const fn unusual(&self) -> Option<Unusual> {
        self.found
    }

    /// Whether it is known what is usual.
    pub(super) fn has_enough(&self) -> bool {
        self.hours.len() >= MODELS_MIN
    }

    /// Adds the value to the run, begins one, or ends it.
    fn follow(&mut self, at: Timestamp, value: f64, asked: Asked, rare: Option<f64>) {
        let run = self.run.take().filter(|run| at.since(run.until) <= APART_MAX);
        let new = || Run { since: at, until: at, sum: 0.0, values: VecDeque::new(), part: None };
        let mut run = run.unwrap_or_else(new);
        run.sum = (run.sum + asked.deviations.clamp(-DEVIATION_MAX, DEVIATION_MAX) - SLACK).min(SUM_MAX);
        if run.sum <= 0.0 {
            return;
        }
        if run.values.len() == RUN_VALUES {
            run.values.pop_front();
        }
        run.values.push_back(value);
        run.part = [run.part, rare].into_iter().flatten().reduce(f64::min);
        // A value that is not high says nothing new: the run may be over.
        if asked.deviations > SLACK {
            run.until = at;
            self.found = run.unusual(asked).or(self.found);
        }
        self.run = Some(run);
    }

    /// What the models say that are asked; `None` when they are too few.
    fn ask(&self, at: Timestamp, value: f64) -> Option<Asked> {
        let knows_a_day = self.hours.front().is_some_and(|first| self.hour.since(first.at) >= HOUR * 24);
        let is_asked =
            |n: usize, hour: &Hour| !knows_a_day || n < LATEST_HOURS || is_this_time_of_day(hour.at, at.floor_to(HOUR));
        let asked = self.hours.iter().rev().enumerate().filter(|(n, hour)| is_asked(*n, hour)).map(|(_, hour)| hour);
        let none = Asked { deviations: f64::INFINITY, usual: f64::NEG_INFINITY, hours: 0 };
        let all = asked.fold(none, |all, hour| Asked {
            deviations: all.deviations.min((value - hour.usual) / hour.sigma),
            usual: all.usual.max(hour.usual),
            hours: all.hours + 1,
        });
        (all.hours >= MODELS_MIN).then_some(all)
    }

    /// Closes an hour that is over.
    fn turn(&mut self, at: Timestamp) {
        let here = at.floor_to(HOUR);
        // A clock that was set back goes on with the hour.
        if here <= self.hour {
            return;
        }
        if self.values.len() >= HOUR_VALUES_MIN {
            let usual = median(&mut self.values).unwrap_or_default();
            let high = self.values[self.values.len() * 9 / 10];
            let sigma = ((high - usual) / NINE_IN_TEN).max(SIGMA_MIN);
            if self.hours.len() == HOURS_MAX {
                self.hours.pop_front();
            }
            self.hours.push_back(Hour { at: self.hour, usual, sigma });
        }
        (self.hour, self.every, self.skipped) = (here, 1, 0);
        self.values.clear();
        self.hours.retain(|hour| here.since(hour.at) <= REMEMBERED);
    }

    fn keep(&mut self, value: f64) {
        self.skipped += 1;
        if self.skipped < self.every {
            return;
        }
        self.skipped = 0;
        if self.values.len() == HOUR_VALUES_MAX {
            let mut n = 0;
            self.values.retain(|_| {
                n += 1;
                n % 2 == 0
            });
            self.every *= 2;
        }
        self.values.push(value);
    }
}

impl Run {
    /// What the run is, when all agree that it is unusual.
    fn unusual(&self, asked: Asked) -> Option<Unusual> {
        let is_run = self.sum >= SUM_FOUND && self.values.len() >= VALUES_MIN && self.until.since(self.since) >= LASTS;
        let part = self.part.filter(|_| is_run)?;
        let mut values: Vec<f64> = self.values.iter().copied().collect();
        let seen = median(&mut values).filter(|seen| is_felt(asked.usual, *seen))?;
        Some(Unusual {
            since: self.since,
            until: self.until,
            seen_ms: seen.exp(),
            expected_ms: asked.usual.exp(),
            hours: asked.hours,
            one_in: 1.0 / part.max(PART_MIN),
        })
    }
}

/// Whether `hour` is of an earlier day than `now`, and of the same time of day or beside it.
fn is_this_time_of_day(hour: Timestamp, now: Timestamp) -> bool {
    let apart_h = now.since(hour).as_secs() / 3600;
    apart_h >= 23 && matches!(apart_h % 24, 23 | 0 | 1)
}

#[cfg(test)]
mod tests;
