//! Leaks: what rises steadily and does not come down. It looks at the lowest value of each five minutes, so
//! that what a garbage collector gives back is no leak, and at one run of the hub's process at a time.
//!
//! Two views: the last hour, for a fast leak; and the same hours of three days, for a slow one, because within
//! a day nobody can tell that from the rhythm of the day.

mod fill;

use std::collections::VecDeque;
use std::time::Duration;

use vitals_model::time::Timestamp;

use crate::stats::{mann_kendall, median, theil_sen};

/// The width of one floor: longer than a garbage collector waits when there is something to collect.
const FLOOR: Duration = Duration::from_secs(5 * 60);

/// What a process allocates while it warms up is no leak: nothing is looked at before this age.
const WARM_UP: Duration = Duration::from_secs(15 * 60);

/// Floors that tell a fast leak: an hour, in steps of a quarter of it.
const FLOORS: usize = 12;
const STEP_FLOORS: usize = 3;

/// Floors from before this are not looked at together with new ones: we did not watch in between.
const APART_MAX: Duration = Duration::from_secs(2 * 3600);

/// A leak of which nothing was measured for so long is not told any more.
const FRESH: Duration = Duration::from_secs(15 * 60);

/// By how many standard deviations more pairs of floors must rise than fall for a leak to be seen (one
/// chance in 500), and from where on it is not seen any more.
const RISING: f64 = 2.9;
const STILL_RISING: f64 = 1.5;

/// In an even rise each step has its share. What levels off ends with steps that are much smaller; what fills
/// up and stops has one that is much larger. 500 simulated hubs were watched for two days each: with 0.5 to 1.7
/// more than three times as many had a false leak, and with 0.6 a true leak is seen late twice as often.
const SHARE: std::ops::RangeInclusive<f64> = 0.55..=1.6;

/// A fill that is as long as half of the hour can look even. Then too little is left without it: of its bar the
/// rest must rise by this share. And a leak beside a fill is not even: it is seen when the rest rises by so many
/// standard errors. Simulated: 5,000 healthy hubs for two days each, and 4,237 that leak a megabyte a minute. With
/// neither 20 healthy ones had a false leak and 51 true ones were seen late, some after more than two hours. With both it is
/// 19 and 14, the latest after 80 minutes; with shares of 1/2 and 3/4 it is 25 and 9, 17 and 21.
const LEFT_SHARE: f64 = 2.0 / 3.0;
const LEFT_ERRORS: f64 = 5.0;

/// So many looks, five minutes apart, must see the leak: the second looks at another hour, by a step's third.
const IN_A_ROW: usize = 2;

const HOUR: Duration = Duration::from_secs(3600);
const DAY_HOURS: usize = 24;

/// Hours of a day that are compared with the same hours of the two days before.
const SAME_HOURS: usize = 6;

/// Hourly floors kept: three days, in which each of these hours has its two before it.
const HOURS_MAX: usize = 2 * DAY_HOURS + SAME_HOURS;

/// Of the steps from day to day, so many may not rise.
const STEPS_NOT_RISING_MAX: usize = 1;

/// What is known of the run that a value belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    /// Its number: another run, another number.
    pub(super) number: u32,
    /// When it began, if that is known.
    pub(super) began: Option<Timestamp>,
}

/// How fast a rise must be to matter, in the unit of the values.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Bar {
    /// Per hour, over one hour: faster than a daily rhythm rises.
    pub(super) hour: f64,
    /// Per day, from day to day.
    pub(super) day: f64,
}

/// A leak.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Leak {
    /// In the unit of the values, per hour.
    pub(super) per_hour: f64,
    /// By how many standard deviations this is no chance.
    pub(super) z: f64,
    /// How long the stretch is in which it was seen.
    pub(super) over: Duration,
    /// The value now: the latest floor.
    pub(super) value: f64,
    /// When it was first seen.
    pub(super) since: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct Floor {
    at: Timestamp,
    low: f64,
}

/// One measured value over one run, as its floors.
#[derive(Clone, Debug, Default)]
pub(super) struct Floors {
    run: u32,
    open: Option<Floor>,
    hour: Option<Floor>,
    recent: VecDeque<Floor>,
    hours: VecDeque<Floor>,
    fast: Option<Leak>,
    /// Looks in a row that saw a fast leak.
    rising: usize,
    slow: Option<Leak>,
}

impl Floors {
    /// Takes in one value. The figures are worked out once in five minutes.
    pub(super) fn take(&mut self, at: Timestamp, value: f64, run: Run, bar: Bar) {
        if run.number != self.run {
            // A restart gives back what leaked, and how much a run needs to warm up says nothing of the one before.
            *self = Self { run: run.number, ..Self::default() };
        }
        if run.began.is_some_and(|began| at.since(began) < WARM_UP) {
            return;
        }
        let here = Floor { at: at.floor_to(FLOOR), low: value };
        match &mut self.open {
            Some(open) if open.at == here.at => open.low = open.low.min(value),
            // A clock that was set back adds nothing.
            Some(open) if open.at > here.at => {}
            _ => {
                if let Some(closed) = self.open.replace(here) {
                    self.close(closed, bar);
                }
            }
        }
    }

    /// The leak, if there is one and it is still looked at.
    pub(super) fn leak(&self, now: Timestamp) -> Option<Leak> {
        self.open.filter(|open| now.since(open.at) <= FRESH)?;
        self.fast.or(self.slow)
    }

    /// Whether there were enough floors to tell.
    pub(super) fn has_enough(&self) -> bool {
        self.recent.len() == FLOORS
    }

    fn close(&mut self, floor: Floor, bar: Bar) {
        if self.recent.len() == FLOORS {
            self.recent.pop_front();
        }
        self.recent.push_back(floor);
        self.recent.retain(|old| floor.at.since(old.at) <= APART_MAX);
        self.fast = self.fast_leak(floor, bar);
        let here = Floor { at: floor.at.floor_to(HOUR), ..floor };
        match &mut self.hour {
            Some(hour) if hour.at == here.at => hour.low = hour.low.min(here.low),
            _ => {
                if let Some(closed) = self.hour.replace(here) {
                    if self.hours.len() == HOURS_MAX {
                        self.hours.pop_front();
                    }
                    self.hours.push_back(closed);
                    self.slow = self.slow_leak(closed, bar);
                }
            }
        }
    }

    fn fast_leak(&mut self, now: Floor, bar: Bar) -> Option<Leak> {
        let first = self.recent.front().filter(|_| self.has_enough())?;
        let points: Vec<_> =
            self.recent.iter().map(|floor| (floor.at.since(first.at).as_secs_f64() / 3600.0, floor.low)).collect();
        let lows: Vec<f64> = points.iter().map(|(_, low)| *low).collect();
        let (z, per_hour) = (mann_kendall(&lows), theil_sen(&points)?);
        let rest = fill::taken_out(&points, FLOOR.as_secs_f64() / 3600.0)?;
        let is_even = is_even(&lows);
        let is_steady = z >= RISING && per_hour >= bar.hour && is_even && rest.slope >= bar.hour * LEFT_SHARE;
        let is_beside = !is_steady && rest.t >= LEFT_ERRORS && rest.slope >= bar.hour;
        self.rising = if is_steady || is_beside { self.rising + 1 } else { 0 };
        let goes_on = self.fast.is_some() && z >= STILL_RISING && per_hour >= bar.hour / 2.0;
        let is_leak = goes_on || self.rising >= IN_A_ROW;
        let over = FLOOR * u32::try_from(points.len()).unwrap_or(u32::MAX);
        let rise = per_hour * over.as_secs_f64() / 3600.0;
        let since = self.fast.map_or(now.at.plus(FLOOR), |leak| leak.since);
        // What fills up beside a leak is none of its rate.
        let per_hour = match self.fast {
            _ if is_beside => theil_sen(&rest.points)?,
            Some(leak) if !is_even => leak.per_hour,
            _ => per_hour,
        };
        (is_leak && !self.was_so_yesterday(now, rise)).then_some(Leak { per_hour, z, over, value: now.low, since })
    }

    /// Whether this run had about this value at the same time yesterday: then it is the rhythm of the day.
    fn was_so_yesterday(&self, now: Floor, rise: f64) -> bool {
        let then = now.at.minus(HOUR * 24);
        let hour = then.floor_to(HOUR);
        let low = |at: Timestamp| self.hours.iter().find(|floor| floor.at == at).map(|floor| floor.low);
        let Some((from, to)) = low(hour).zip(low(hour.plus(HOUR))) else { return false };
        let yesterday = from + (to - from) * then.since(hour).as_secs_f64() / HOUR.as_secs_f64();
        now.low - yesterday < rise / 2.0
    }

    /// Steps from day to day in the same hours; `None` when there is an hour in which nobody watched.
    fn slow_leak(&self, now: Floor, bar: Bar) -> Option<Leak> {
        let whole = HOUR * u32::try_from(HOURS_MAX - 1).unwrap_or(u32::MAX);
        self.hours.front().filter(|first| self.hours.len() == HOURS_MAX && now.at.since(first.at) == whole)?;
        let step = |n: usize| self.hours[n + DAY_HOURS].low - self.hours[n].low;
        let (mut first, mut second): (Vec<f64>, Vec<f64>) = (0..SAME_HOURS).map(|n| (step(n), step(n + DAY_HOURS))).unzip();
        let not_rising = first.iter().chain(&second).filter(|step| **step <= 0.0).count();
        let (first, second) = (median(&mut first)?, median(&mut second)?);
        let per_day = first.min(second);
        // What filled up on the first day does not go on rising on the second.
        let lasts = second >= first / 2.0;
        if not_rising > STEPS_NOT_RISING_MAX || !lasts || per_day < bar.day {
            return None;
        }
        let steps = 2.0 * SAME_HOURS as f64;
        let z = (steps - 2.0 * not_rising as f64) / steps.sqrt();
        let since = self.slow.map_or(now.at.plus(HOUR), |leak| leak.since);
        Some(Leak { per_hour: f64::midpoint(first, second) / 24.0, z, over: HOUR * 48, value: now.low, since })
    }
}

/// Whether the rise is spread over all of it.
fn is_even(lows: &[f64]) -> bool {
    let levels: Vec<f64> = lows.chunks(STEP_FLOORS).map(|step| step.iter().sum::<f64>() / step.len() as f64).collect();
    let steps = levels.windows(2).map(|pair| pair[1] - pair[0]);
    let even = steps.clone().sum::<f64>() / (levels.len() - 1) as f64;
    steps.into_iter().all(|step| SHARE.contains(&(step / even)))
}

#[cfg(test)]
mod tests;
