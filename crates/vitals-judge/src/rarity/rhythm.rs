//! What is usual at a time that comes again: a time of day, an hour of the week. All times are UTC.

use vitals_model::time::Timestamp;

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// Slots of the day: a quarter of an hour each.
const DAY_SLOTS: i64 = 96;

/// Hours of the week.
const WEEK_SLOTS: i64 = 168;

/// Samples of a slot that are remembered.
const REMEMBERED: f32 = 20.0;

/// A mean per slot.
#[derive(Clone, Debug)]
pub(super) struct Rhythm<const SLOTS: usize> {
    /// Mean and weight.
    slots: [(f32, f32); SLOTS],
}

impl<const SLOTS: usize> Rhythm<SLOTS> {
    pub(super) const fn new() -> Self {
        Self { slots: [(0.0, 0.0); SLOTS] }
    }

    /// The usual value; `None` when there was none at that time yet.
    pub(super) fn usual(&self, slot: usize) -> Option<f64> {
        let (mean, seen) = self.slots[slot];
        (seen > 0.0).then_some(f64::from(mean))
    }

    pub(super) fn learn(&mut self, slot: usize, x: f64) {
        self.weigh(slot, x, 1.0);
    }

    /// The slots beside it learn half: a series with one sample an hour has a usual value in each.
    pub(super) fn learn_with_neighbours(&mut self, slot: usize, x: f64) {
        self.weigh(slot, x, 1.0);
        self.weigh((slot + 1) % SLOTS, x, 0.5);
        self.weigh((slot + SLOTS - 1) % SLOTS, x, 0.5);
    }

    #[expect(clippy::cast_possible_truncation, reason = "values are distances from the first one: single precision is enough")]
    fn weigh(&mut self, slot: usize, x: f64, weight: f32) {
        let (mean, seen) = &mut self.slots[slot];
        *seen = (*seen + weight).min(REMEMBERED);
        *mean += weight / *seen * (x as f32 - *mean);
    }
}

pub(super) fn day_slot(at: Timestamp) -> usize {
    usize::try_from(at.as_millis().rem_euclid(DAY_MS) * DAY_SLOTS / DAY_MS).unwrap_or(0)
}

pub(super) fn week_slot(at: Timestamp) -> usize {
    usize::try_from(at.as_millis().div_euclid(HOUR_MS).rem_euclid(WEEK_SLOTS)).unwrap_or(0)
}
