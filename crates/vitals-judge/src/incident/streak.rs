//! What one check did lately: looks in a row that were bad or good, and how often it changed. It decides
//! nothing but whether the check flaps.

use std::time::Duration;

use vitals_model::config::CheckPolicy;
use vitals_model::reading::Health;
use vitals_model::time::Timestamp;

/// States of which Nagios tells whether a service flaps: the latest and twenty before it.
const CHANGES_MAX: u32 = 20;

/// The bits of so many changes.
const CHANGES: u32 = (1 << CHANGES_MAX) - 1;

/// How one look counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counts {
    Failing,
    Degraded,
    /// Healthy, but a value that is still near its threshold: neither good nor bad.
    Nearly,
    Good,
    /// Not known, or not judged: no row goes on over it.
    Nothing,
}

/// What one check did lately.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Streak {
    /// How the latest look counted, and when it was.
    counted: Option<(Counts, Timestamp)>,
    /// Bad looks in a row, degraded or failing.
    pub bad: u32,
    /// Failing looks in a row.
    pub failing: u32,
    /// Good looks in a row.
    pub good: u32,
    /// The latest state that was known, and when it was last taken down.
    state: Option<(Health, Timestamp)>,
    /// For each of the latest states whether it was another one than that before it; the latest is bit 0.
    changes: u32,
    /// Whether it flaps.
    pub flapping: bool,
}

impl Streak {
    /// Counts a look at `at`. One of the same kind counts again at the usual pace of its check; without one,
    /// every look counts.
    pub(super) fn count(&mut self, counts: Counts, at: Timestamp, usual: Option<Duration>) {
        if let Some((before, counted_at)) = self.counted
            && before == counts
        {
            let is_early = usual.is_some_and(|usual| at.since(counted_at) < usual / 2);
            if at <= counted_at || is_early {
                return;
            }
        }
        self.counted = Some((counts, at));
        let next = |row: u32, goes_on: bool| if goes_on { row.saturating_add(1) } else { 0 };
        self.bad = next(self.bad, matches!(counts, Counts::Failing | Counts::Degraded));
        self.failing = next(self.failing, counts == Counts::Failing);
        self.good = next(self.good, counts == Counts::Good);
    }

    /// Takes down the state of now: at each change, and at the usual pace between changes. What is not known
    /// is no state.
    pub(super) fn follow(&mut self, health: Health, now: Timestamp, usual: Duration, policy: CheckPolicy) {
        if health == Health::Unknown {
            return;
        }
        let Some((before, mut taken_at)) = self.state else {
            self.state = Some((health, now));
            return;
        };
        // However long nobody looked at it: it was the same at each time that it was to be taken down.
        let usual = usual.max(Duration::from_secs(1));
        let times = u32::try_from(now.since(taken_at).as_nanos() / usual.as_nanos()).unwrap_or(u32::MAX);
        self.changes = self.changes.checked_shl(times).unwrap_or(0) & CHANGES;
        taken_at = taken_at.plus(usual.saturating_mul(times));
        if before != health {
            self.changes = (self.changes << 1 | 1) & CHANGES;
            taken_at = now;
        }
        self.state = Some((health, taken_at));
        let percent = self.percent();
        self.flapping = match self.flapping {
            _ if policy.flap_start_percent == 0 => false,
            true => percent > f64::from(policy.flap_stop_percent),
            false => percent >= f64::from(policy.flap_start_percent),
        };
    }

    /// The share of changes, as Nagios weighs them: the oldest counts 0.75, the latest 1.25.
    pub(super) fn percent(&self) -> f64 {
        let weight = |age: u32| 0.75 + f64::from(CHANGES_MAX - 1 - age) * 0.5 / f64::from(CHANGES_MAX - 1);
        let sum: f64 = (0..CHANGES_MAX).filter(|age| self.changes >> age & 1 == 1).map(weight).sum();
        sum * 100.0 / f64::from(CHANGES_MAX)
    }

    /// Leaves out a gap of our own clock.
    pub(super) fn skip(&mut self, ms: i64) {
        self.counted = self.counted.map(|(counts, at)| (counts, at.shifted(ms)));
        self.state = self.state.map(|(health, at)| (health, at.shifted(ms)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_share_of_changes_is_that_of_nagios() {
        let of = |changes: u32| Streak { changes, ..Streak::default() }.percent();
        assert!((of((1 << 20) - 1) - 100.0).abs() < 1e-9, "all of them");
        assert!((of(1) - 6.25).abs() < 1e-9, "the latest: 1.25 of 20");
        assert!((of(1 << 19) - 3.75).abs() < 1e-9, "the oldest: 0.75 of 20");
    }

    #[test]
    fn flapping_begins_at_the_high_mark_and_ends_at_the_low_one() {
        let policy = CheckPolicy { flap_start_percent: 50, flap_stop_percent: 25, ..CheckPolicy::default() };
        let mut streak = Streak::default();
        let mut health = [Health::Healthy, Health::Failing].into_iter().cycle();
        let changes = (0..).take_while(|n| {
            streak.follow(health.next().unwrap(), at(*n), TEN, policy);
            !streak.flapping
        });
        // The latest eight changes weigh 46 %, nine 51 %; the first state is no change.
        assert_eq!(changes.count(), 9);
        let begun = at(9);
        let mut quiet = 0;
        while streak.flapping {
            quiet += 1;
            streak.follow(Health::Healthy, begun.plus(TEN * quiet), TEN, policy);
            assert!(quiet < 21, "{}", streak.percent());
        }
        assert!(quiet > 10 && streak.percent() <= 25.0, "{quiet}: {}", streak.percent());
    }

    #[test]
    fn a_look_of_the_same_kind_counts_at_its_usual_pace_only() {
        let mut streak = Streak::default();
        for (second, failing) in [(0, 1), (0, 1), (1, 1), (4, 1), (5, 2), (9, 2), (10, 3)] {
            streak.count(Counts::Failing, at(second), Some(TEN));
            assert_eq!(streak.failing, failing, "after {second} s");
        }
        streak.count(Counts::Degraded, at(10), Some(TEN));
        assert_eq!((streak.failing, streak.bad), (0, 4));
        streak.count(Counts::Nothing, at(11), Some(TEN));
        assert_eq!((streak.bad, streak.good), (0, 0));
    }
}
