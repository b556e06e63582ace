//! How unlike the course of the last values is to courses that were seen before: the distance to the
//! third nearest of a few windows of the past. Third, because the nearest may be a twin by chance.

/// Points of a window.
const POINTS: usize = 8;

/// Windows that are kept. When there are so many, every second is let go, and half as many are taken from
/// then on: they always lie evenly over all that was seen.
const WINDOWS: usize = 32;

/// Windows before which there is nothing to compare with.
const WINDOWS_MIN: usize = 10;

/// Which neighbour the distance is taken to.
const NEIGHBOUR: usize = 3;

type Window = [f32; POINTS];

/// The last values, and windows of the past.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    window: Window,
    seen: usize,
    kept: [Window; WINDOWS],
    kept_len: usize,
    /// One window in so many is kept.
    every: usize,
}

impl Shape {
    pub(super) const fn new() -> Self {
        Self { window: [0.0; POINTS], seen: 0, kept: [[0.0; POINTS]; WINDOWS], kept_len: 0, every: 1 }
    }

    /// The mean distance per point, in the unit of the values; 0 as long as there is little to compare with.
    #[expect(clippy::cast_possible_truncation, reason = "values are distances from the first one: single precision is enough")]
    pub(super) fn add(&mut self, x: f64) -> f64 {
        self.window.rotate_left(1);
        self.window[POINTS - 1] = x as f32;
        self.seen = self.seen.wrapping_add(1);
        let distance = self.to_neighbour();
        self.keep();
        distance
    }

    fn to_neighbour(&self) -> f64 {
        if self.kept_len < WINDOWS_MIN {
            return 0.0;
        }
        let mut nearest = [f32::MAX; NEIGHBOUR];
        for kept in &self.kept[..self.kept_len] {
            let distance: f32 = kept.iter().zip(self.window).map(|(a, b)| (a - b).abs()).sum();
            if distance < nearest[NEIGHBOUR - 1] {
                nearest[NEIGHBOUR - 1] = distance;
                nearest.sort_by(f32::total_cmp);
            }
        }
        f64::from(nearest[NEIGHBOUR - 1]) / POINTS as f64
    }

    fn keep(&mut self) {
        if self.seen < POINTS || !self.seen.is_multiple_of(self.every) {
            return;
        }
        self.kept[self.kept_len] = self.window;
        self.kept_len += 1;
        if self.kept_len == WINDOWS {
            for k in 0..WINDOWS / 2 {
                self.kept[k] = self.kept[2 * k + 1];
            }
            self.kept_len = WINDOWS / 2;
            self.every = self.every.saturating_mul(2);
        }
    }
}
