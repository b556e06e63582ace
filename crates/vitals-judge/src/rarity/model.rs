//! How rare a distance is among all distances of its kind. It knows nothing of values or times.

use super::mean::{Mean, ratio};

/// Buckets per octave; a finer grid gave no better score.
const PER_OCTAVE: f64 = 3.0;

/// Octaves below the mean distance that are told apart. All that is nearer is equally usual.
const OCTAVES_BELOW: f64 = 5.0;

/// 15 octaves: from 1/32 of the mean distance to 1024 times that.
const BUCKETS: usize = 45;

/// The part of distances from which on the histogram is too thin, and a power law is drawn through it.
const TAIL_PART: f64 = 0.02;

/// The power law before anything was seen: half an octave per e-fold, held with the weight of three samples.
const TAIL_PRIOR_BUCKETS: f64 = 0.5 * PER_OCTAVE;
const TAIL_PRIOR_SAMPLES: f64 = 3.0;

/// Distances before which none is called rare.
const SEEN_MIN: f64 = 30.0;

/// Weight of the newest distance at which all are made smaller, long before single precision ends.
const WEIGHT_MAX: f64 = 1e9;

/// The distances of one kind: their mean, and a histogram of their logarithms, both forgetting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model {
    usual: Mean,
    counts: [f32; BUCKETS],
    total: f64,
    /// Weight of one new distance: old ones fade because new ones weigh more.
    weight: f64,
    growth: f64,
    /// First bucket of the tail, and the weight in it: at most [`TAIL_PART`] of the total.
    tail_start: usize,
    tail: f64,
}

impl Model {
    pub(super) fn new(memory_samples: f64) -> Self {
        Self {
            usual: Mean::over(memory_samples),
            counts: [0.0; BUCKETS],
            total: 0.0,
            weight: 1.0,
            growth: 1.0 + 1.0 / memory_samples,
            tail_start: BUCKETS,
            tail: 0.0,
        }
    }

    /// The part of all distances so far that was as large as this one or larger; then learns it. Its sign
    /// does not count.
    pub(super) fn part_as_far(&mut self, distance: f64) -> f64 {
        let distance = distance.abs();
        if self.total == 0.0 {
            // The first is its own measure.
            self.usual.add(distance);
        }
        let place = place_of(ratio(distance, self.usual.value()));
        let part = self.part_beyond(place);
        self.usual.add(distance);
        self.learn(bucket_of(place));
        part
    }

    fn part_beyond(&self, place: f64) -> f64 {
        let seen = self.total / self.weight;
        if seen < SEEN_MIN {
            return 1.0;
        }
        let (bucket, start) = (bucket_of(place), self.tail_start);
        if bucket < start {
            let between: f32 = self.counts[bucket + 1..start].iter().sum();
            let here = f64::from(self.counts[bucket]) * (bucket as f64 + 1.0 - place);
            return (self.tail + f64::from(between) + here) / self.total;
        }
        let reach: f64 = self.counts[start..].iter().zip(0_u32..).map(|(n, k)| f64::from(*n) * (f64::from(k) + 0.5)).sum();
        let in_tail = self.tail / self.weight;
        let fold = (reach / self.weight + TAIL_PRIOR_SAMPLES * TAIL_PRIOR_BUCKETS) / (in_tail + TAIL_PRIOR_SAMPLES);
        (in_tail + 1.0) / (seen + 1.0) * ((start as f64 - place) / fold).exp()
    }

    #[expect(clippy::cast_possible_truncation, reason = "weights stay far within single precision: WEIGHT_MAX")]
    fn learn(&mut self, bucket: usize) {
        self.weight *= self.growth;
        self.counts[bucket] += self.weight as f32;
        self.total += self.weight;
        if bucket >= self.tail_start {
            self.tail += self.weight;
        }
        if self.weight > WEIGHT_MAX {
            self.counts.iter_mut().for_each(|count| *count /= self.weight as f32);
            self.total /= self.weight;
            self.weight = 1.0;
            self.tail = self.counts[self.tail_start..].iter().copied().map(f64::from).sum();
        }
        self.bound_tail();
    }

    fn bound_tail(&mut self) {
        let most = TAIL_PART * self.total;
        while self.tail > most && self.tail_start < BUCKETS {
            self.tail -= f64::from(self.counts[self.tail_start]);
            self.tail_start += 1;
        }
        if self.tail_start == BUCKETS {
            self.tail = 0.0;
        }
        while self.tail_start > 0 && self.tail + f64::from(self.counts[self.tail_start - 1]) <= most {
            self.tail_start -= 1;
            self.tail += f64::from(self.counts[self.tail_start]);
        }
    }
}

/// Where a distance, in means, lies on the axis of buckets.
fn place_of(distance: f64) -> f64 {
    let octaves = distance.max(f64::MIN_POSITIVE).log2();
    ((octaves + OCTAVES_BELOW) * PER_OCTAVE).clamp(0.0, BUCKETS as f64 - 0.01)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place is within 0 and the number of buckets")]
fn bucket_of(place: f64) -> usize {
    place as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distances with a power law: 1/1000 of them lie beyond 1000^(1/2), and so on.
    fn learned(n: u32) -> Model {
        let mut model = Model::new(10_000.0);
        for k in 0..n {
            let part = (f64::from(k * 7919 % 1_000) + 0.5) / 1_000.0;
            model.part_as_far(part.powf(-0.5));
        }
        model
    }

    #[test]
    fn it_says_the_part_that_was_as_far() {
        let model = learned(5_000);
        // The last two lie beyond all that was seen (45), where only the power law tells.
        let cases = [
            (1.5, 0.444, 1.2),
            (3.0, 0.111, 1.2),
            (7.0, 0.0204, 1.2),
            (14.0, 0.0051, 1.2),
            (100.0, 1e-4, 2.0),
            (300.0, 1.1e-5, 2.0),
        ];
        for (distance, part, factor) in cases {
            let said = { model }.part_as_far(distance) / part;
            assert!(said < factor && said > 1.0 / factor, "{distance}: {said} times {part}");
        }
    }

    #[test]
    fn farther_is_never_more_usual() {
        let model = learned(3_000);
        let parts: Vec<f64> = (1..2_000).map(|k| { model }.part_as_far(f64::from(k) * 0.05)).collect();
        let mut steps = parts.windows(2);
        assert!(steps.all(|p| p[1] <= p[0] * 1.5), "only where the histogram ends may it jump, and not far");
        assert!(parts[1_998] < parts[1_000] && parts[1_000] < parts[100]);
    }

    #[test]
    fn the_tail_is_what_lies_beyond_its_start_even_after_weights_were_made_smaller() {
        let model = learned(300_000);
        assert!(model.weight < WEIGHT_MAX && model.total / model.weight < 10_002.0);
        let beyond: f64 = model.counts[model.tail_start..].iter().copied().map(f64::from).sum();
        assert!((model.tail - beyond).abs() <= 1e-3 * beyond, "{} {beyond}", model.tail);
        assert!(model.tail <= TAIL_PART * model.total);
    }
}
