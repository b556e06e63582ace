//! What is usual at a time that comes again: a time of day, an hour of the week. All times are UTC.

use std::time::Duration;

use vitals_model::time::Timestamp;

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// Slots of the day: a quarter of an hour each.
const DAY_SLOTS: i64 = 96;

/// Hours of the week.
const WEEK_SLOTS: i64 = 168;

/// Time that a sample can stand for at most, and at least (a clock may stand still), in milliseconds. Samples
/// that come more often weigh less, so that a slot is the mean of more than its last few.
const SAMPLE_MS_MAX: f32 = 300_000.0;
const SAMPLE_MS_MIN: f32 = 1_000.0;

/// Time of a slot that is remembered, in milliseconds: 100 min, seven days' quarters of an hour.
const REMEMBERED_MS: f32 = 20.0 * SAMPLE_MS_MAX;

/// A mean per slot.
#[derive(Clone, Debug)]
pub(super) struct Rhythm<const SLOTS: usize> {
    /// Mean, and the time that it was taken over in milliseconds.
    slots: [(f32, f32); SLOTS],
}

impl<const SLOTS: usize> Rhythm<SLOTS> {
    pub(super) const fn new() -> Self {
        Self { slots: [(0.0, 0.0); SLOTS] }
    }

    /// The usual value; `None` when there was none at that time yet.
    pub(super) fn usual(&self, slot: usize) -> Option<f64> {
        let (mean, seen_ms) = self.slots[slot];
        (seen_ms > 0.0).then_some(f64::from(mean))
    }

    /// `since` is the time since the sample before.
    pub(super) fn learn(&mut self, slot: usize, x: f64, since: Duration) {
        let ms = (since.as_secs_f32() * 1e3).clamp(SAMPLE_MS_MIN, SAMPLE_MS_MAX);
        self.weigh(slot, x, ms);
    }

    /// The slots beside it learn half: a series with one sample an hour has a usual value in each.
    pub(super) fn learn_with_neighbours(&mut self, slot: usize, x: f64, since: Duration) {
        self.learn(slot, x, since);
        self.learn((slot + 1) % SLOTS, x, since / 2);
        self.learn((slot + SLOTS - 1) % SLOTS, x, since / 2);
    }

    #[expect(clippy::cast_possible_truncation, reason = "values are distances from the first one: single precision is enough")]
    fn weigh(&mut self, slot: usize, x: f64, ms: f32) {
        let (mean, seen_ms) = &mut self.slots[slot];
        *seen_ms = (*seen_ms + ms).min(REMEMBERED_MS);
        *mean += ms / *seen_ms * (x as f32 - *mean);
    }
}

pub(super) fn day_slot(at: Timestamp) -> usize {
    usize::try_from(at.as_millis().rem_euclid(DAY_MS) * DAY_SLOTS / DAY_MS).unwrap_or(0)
}

pub(super) fn week_slot(at: Timestamp) -> usize {
    usize::try_from(at.as_millis().div_euclid(HOUR_MS).rem_euclid(WEEK_SLOTS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_the_mean_of_the_time_in_it_however_often_it_is_sampled() {
        let mut day = Rhythm::<96>::new();
        for second in 0..900_u32 {
            day.learn(5, f64::from(second), Duration::from_secs(1));
        }
        let usual = day.usual(5).unwrap();
        assert!((usual - 449.5).abs() < 0.1, "{usual}, not the mean of all 15 minutes");
        assert_eq!(day.usual(6), None);
    }

    #[test]
    fn a_clock_that_stands_still_teaches_too() {
        let mut day = Rhythm::<96>::new();
        day.learn_with_neighbours(0, 7.0, Duration::ZERO);
        assert_eq!([day.usual(0), day.usual(1), day.usual(95), day.usual(2)], [Some(7.0), Some(7.0), Some(7.0), None]);
    }

    #[test]
    fn slots_are_quarters_of_an_hour_and_hours() {
        // 1970-01-01 was a Thursday; the week begins with it.
        let at = |minutes: i64| Timestamp::from_millis(minutes * 60_000);
        assert_eq!([0, 14, 15, 1_439, 1_440, -1].map(|m| day_slot(at(m))), [0, 0, 1, 95, 0, 95]);
        assert_eq!([0, 59, 60, 10_079, 10_080, -1].map(|m| week_slot(at(m))), [0, 0, 1, 167, 0, 167]);
    }
}
