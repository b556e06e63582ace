//! Error rates: whether more calls of the last hour failed than the history of these calls, and a floor, let
//! expect. A count of failures is no bell curve, so the chance is worked out exactly (Beta and binomial), and
//! how little is known of a young history is part of it.

use std::collections::VecDeque;
use std::time::Duration;

use vitals_model::time::Timestamp;

use crate::stats::chance_of;

/// The window, and its parts: what leaves it becomes history.
const WINDOW: Duration = Duration::from_secs(3600);
const PART: Duration = Duration::from_secs(5 * 60);

/// The floor: before anything is known, as if one of a hundred calls had failed. It weighs as much as these
/// hundred calls, so a server that never failed may still fail now and then.
const FLOOR: (f64, f64) = (1.0, 99.0);

/// Of history no more than so many calls count (two weeks at one a minute); of more, the shares.
const HISTORY_MAX: f64 = 20_000.0;

/// While there are too many failures, calls become history with this weight: what began an hour ago is not yet
/// usual, what has been so for some days is.
const FOUND_WEIGHT: f64 = 1.0 / 24.0;

/// With fewer failures nothing is said: a restart of the hub fails one or two calls of each server.
const FAILED_MIN: u32 = 3;

/// With fewer calls, however many fail, nothing is usual.
const CALLS_MIN: f64 = 10.0;

/// The chance below which it is none: at one look a minute, twenty servers, once in a year or two.
const CHANCE_MAX: f64 = 1e-6;

/// Most calls counted in a part; more are left out. The chance is worked out in so many steps at most.
const PART_CALLS_MAX: u32 = 512;

/// Too many failures.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct TooMany {
    /// Calls that failed within the window.
    pub(super) failed: u32,
    /// All calls within it.
    pub(super) calls: u32,
    /// The share that failed before, the floor included.
    pub(super) before: f64,
    /// How likely so many failures are if nothing has changed.
    pub(super) chance: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Part {
    at: Timestamp,
    calls: u32,
    failed: u32,
}

/// The calls of one check.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    parts: VecDeque<Part>,
    failed: f64,
    good: f64,
    found: Option<TooMany>,
}

impl Calls {
    /// Takes in one call. The chance is worked out when one failed, and once in five minutes.
    pub(super) fn take(&mut self, at: Timestamp, is_failed: bool) {
        let begins = self.parts.back().is_none_or(|part| at.since(part.at) >= PART);
        if begins {
            self.parts.push_back(Part { at, ..Part::default() });
            self.forget(at);
        }
        if let Some(part) = self.parts.back_mut().filter(|part| part.calls < PART_CALLS_MAX) {
            part.calls += 1;
            part.failed += u32::from(is_failed);
        }
        if is_failed || begins {
            self.found = self.judge();
        }
    }

    /// What was found.
    pub(super) const fn too_many(&self) -> Option<TooMany> {
        self.found
    }

    /// Whether there were enough calls for failures to be told.
    pub(super) fn has_enough(&self) -> bool {
        let within: u32 = self.parts.iter().map(|part| part.calls).sum();
        f64::from(within) + self.failed + self.good >= CALLS_MIN
    }

    fn forget(&mut self, now: Timestamp) {
        while self.parts.front().is_some_and(|part| now.since(part.at) >= WINDOW)
            && let Some(part) = self.parts.pop_front()
        {
            let weight = if self.found.is_some() { FOUND_WEIGHT } else { 1.0 };
            self.failed += weight * f64::from(part.failed);
            self.good += weight * f64::from(part.calls - part.failed);
        }
        if self.failed + self.good > HISTORY_MAX {
            self.failed /= 2.0;
            self.good /= 2.0;
        }
    }

    fn judge(&self) -> Option<TooMany> {
        let sum = |of: fn(&Part) -> u32| self.parts.iter().map(of).fold(0, u32::saturating_add);
        let (calls, failed) = (sum(|part| part.calls), sum(|part| part.failed));
        let (bad, good) = (FLOOR.0 + self.failed, FLOOR.1 + self.good);
        let chance = if failed < FAILED_MIN { 1.0 } else { chance_of(failed, calls, (bad, good)) };
        (chance < CHANCE_MAX).then_some(TooMany { failed, calls, before: bad / (bad + good), chance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::dice::Dice;

    fn minute(n: u32) -> Timestamp {
        Timestamp::from_millis(1_795_348_800_000).plus(Duration::from_secs(60) * n)
    }

    fn played(calls: impl IntoIterator<Item = bool>) -> (Option<u32>, Calls) {
        let mut all = Calls::default();
        let mut first = None;
        for (n, is_failed) in (0..).zip(calls) {
            all.take(minute(n), is_failed);
            first = first.or(all.too_many().map(|_| n));
        }
        (first, all)
    }

    #[test]
    fn one_in_six_is_too_many_for_a_server_that_never_failed() {
        let (first, calls) = played((0..300).map(|n| n >= 200 && n % 6 == 0));
        let first = first.unwrap();
        assert!((240..260).contains(&first), "{first}");
        let found = calls.too_many().unwrap();
        assert!(found.before < 0.05 && found.chance < CHANCE_MAX && found.failed >= 9, "{found:?}");
    }

    #[test]
    fn two_failures_are_none_and_a_server_that_always_failed_so_often_is_as_ever() {
        assert_eq!(played((0..300).map(|n| matches!(n, 250 | 251))).0, None);
        let mut dice = Dice::new(9);
        let (_, calls) = played((0..3000).map(|_| dice.unit() < 0.2));
        assert_eq!(calls.too_many(), None, "it has been so for two days");
    }

    #[test]
    fn five_days_of_rare_failures_are_nothing() {
        for seed in 1..=50 {
            let mut dice = Dice::new(seed);
            let (first, _) = played((0..5 * 1440).map(|_| dice.unit() < 0.01));
            assert_eq!(first, None, "seed {seed}");
        }
    }

    #[test]
    fn it_is_over_an_hour_after_the_last_failure() {
        let (_, calls) = played((0..400).map(|n| (100..110).contains(&n)));
        assert_eq!(calls.too_many(), None);
        assert!(calls.parts.len() <= 13, "{}", calls.parts.len());
    }
}
