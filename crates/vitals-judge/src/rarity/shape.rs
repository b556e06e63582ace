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

/// Windows of one stride: each point is the mean of so many samples.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    stride: u32,
    sum: f64,
    in_sum: u32,
    window: Window,
    points: u32,
    kept: [Window; WINDOWS],
    kept_len: usize,
    /// One window in so many is kept.
    every: u32,
    distance: f64,
}

impl Shape {
    pub(super) fn with_stride(stride: u32) -> Self {
        Self {
            stride,
            sum: 0.0,
            in_sum: 0,
            window: [0.0; POINTS],
            points: 0,
            kept: [[0.0; POINTS]; WINDOWS],
            kept_len: 0,
            every: 1,
            distance: 0.0,
        }
    }

    /// The mean distance per point, in the unit of the values; until the next point is full, as before.
    #[expect(clippy::cast_possible_truncation, reason = "values are distances from the first one: single precision is enough")]
    pub(super) fn add(&mut self, x: f64) -> f64 {
        self.sum += x;
        self.in_sum += 1;
        if self.in_sum == self.stride {
            self.window.rotate_left(1);
            self.window[POINTS - 1] = (self.sum / f64::from(self.stride)) as f32;
            (self.sum, self.in_sum) = (0.0, 0);
            self.points = self.points.wrapping_add(1);
            if self.points >= POINTS as u32 {
                self.distance = self.to_neighbour();
                self.keep();
            }
        }
        self.distance
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
        if !self.points.is_multiple_of(self.every) {
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
