//! Rollups: what a span of samples comes to, small enough to add up months in milliseconds. It does no IO.
//!
//! Percentiles come from a sketch: a histogram with 32 buckets per octave. A bucket's middle is at most
//! 1/64 (1.6 %) away from any value in it, and so is every percentile (values nearer to zero than 2^-20
//! count as zero). Sketches add up without losing more.

use super::segment::Row;
use super::varint::{Cursor, put_f64, put_i64, put_u64};

pub(super) mod standing;

#[cfg(test)]
mod tests;

use standing::Times;

/// Version of this layout, the first byte of each rollup.
const LAYOUT: u8 = 1;

/// Mantissa bits dropped from a float to get its bucket: 52 less the 5 that make 32 buckets per octave.
const DROPPED_BITS: u32 = 47;

/// The bucket of 2^-20, below which a value counts as zero.
const FIRST: u64 = (1023 - 20) << 5;

/// Most buckets a sketch can have: both signs of every octave of a float, and zero.
const BUCKETS_MAX: usize = 2 * 2048 * 32 + 1;

/// What a span of samples of one check comes to.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Rollup {
    /// How many samples.
    pub(super) samples: u64,
    /// The time per health that samples stand for within the span, whenever they were taken. What is to be added
    /// to a rollup may take from it: a sample that comes between two others shortens the time of the first.
    pub(super) times: Times,
    /// Sum, least and greatest of the values; all zero when there is none.
    sum: f64,
    min: f64,
    max: f64,
    /// Values per bucket, in order of bucket.
    sketch: Vec<(i64, u64)>,
}

impl Rollup {
    /// Adds one sample without its time.
    pub(super) fn add(&mut self, row: &Row) {
        self.samples = self.samples.saturating_add(1);
        if let Some(value) = row.value {
            self.spread(value, value, value);
            self.count(bucket(value), 1);
        }
    }

    /// Adds time.
    pub(super) fn stand(&mut self, times: &Times) {
        for (mine, more) in self.times.iter_mut().zip(times) {
            *mine = mine.saturating_add(*more);
        }
    }

    /// Adds all of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        self.samples = self.samples.saturating_add(other.samples);
        self.stand(&other.times);
        if !other.sketch.is_empty() {
            self.spread(other.sum, other.min, other.max);
        }
        for (bucket, count) in &other.sketch {
            self.count(*bucket, *count);
        }
    }

    /// Must come before the sketch grows: an empty sketch means that nothing was added yet.
    fn spread(&mut self, sum: f64, min: f64, max: f64) {
        self.min = if self.sketch.is_empty() { min } else { self.min.min(min) };
        self.max = if self.sketch.is_empty() { max } else { self.max.max(max) };
        self.sum += sum;
    }

    fn count(&mut self, bucket: i64, count: u64) {
        match self.sketch.binary_search_by_key(&bucket, |(b, _)| *b) {
            Ok(at) => self.sketch[at].1 = self.sketch[at].1.saturating_add(count),
            Err(at) => self.sketch.insert(at, (bucket, count)),
        }
    }

    /// How many samples had a value.
    pub(super) fn values(&self) -> u64 {
        self.sketch.iter().map(|(_, count)| count).sum()
    }

    /// How many values are greater than `limit`: as percentiles, within 1.6 % of it.
    pub(super) fn values_above(&self, limit: f64) -> u64 {
        if limit >= self.max {
            return 0;
        }
        self.sketch.iter().filter(|(bucket, _)| middle(*bucket) > limit).map(|(_, count)| count).sum()
    }

    /// Least, mean and greatest value; `None` without values.
    pub(super) fn min_mean_max(&self) -> Option<(f64, f64, f64)> {
        (!self.sketch.is_empty()).then(|| (self.min, self.sum / self.values() as f64, self.max))
    }

    /// The smallest value that `permille` of a thousand values do not exceed (nearest rank), within 1.6 %.
    pub(super) fn percentile(&self, permille: u64) -> Option<f64> {
        let rank = self.values().saturating_mul(permille).div_ceil(1000).max(1);
        let mut seen = 0;
        let (bucket, _) = self.sketch.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        })?;
        Some(middle(*bucket).clamp(self.min, self.max))
    }

    /// Writes it.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(48 + self.sketch.len() * 3);
        out.push(LAYOUT);
        put_u64(&mut out, self.samples);
        for ms in self.times {
            put_i64(&mut out, ms);
        }
        put_u64(&mut out, self.sketch.len() as u64);
        if !self.sketch.is_empty() {
            for x in [self.sum, self.min, self.max] {
                put_f64(&mut out, x);
            }
        }
        let mut before = 0;
        for (bucket, count) in &self.sketch {
            put_i64(&mut out, bucket - before);
            put_u64(&mut out, *count);
            before = *bucket;
        }
        out
    }

    /// Reads it; `None` when it is damaged.
    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(body);
        if cursor.byte()? != LAYOUT {
            return None;
        }
        let mut rollup = Self { samples: cursor.u64()?, ..Self::default() };
        for ms in &mut rollup.times {
            *ms = cursor.i64()?;
        }
        let buckets = cursor.count(BUCKETS_MAX)?;
        if buckets > 0 {
            (rollup.sum, rollup.min, rollup.max) = (cursor.f64()?, cursor.f64()?, cursor.f64()?);
        }
        let mut bucket = 0_i64;
        for _ in 0..buckets {
            bucket = bucket.wrapping_add(cursor.i64()?);
            rollup.sketch.push((bucket, cursor.u64()?));
        }
        // `clamp` panics on bounds that are no bounds; a search needs order.
        let sound = rollup.min <= rollup.max && rollup.sketch.is_sorted_by(|a, b| a.0 < b.0);
        (sound && cursor.0.is_empty()).then_some(rollup)
    }
}

/// The bucket of a value: 0 for zero, mirrored for negative values.
fn bucket(value: f64) -> i64 {
    let index = (value.abs().to_bits() >> DROPPED_BITS).saturating_sub(FIRST - 1);
    if value < 0.0 { -index.cast_signed() } else { index.cast_signed() }
}

/// The middle of a bucket.
fn middle(bucket: i64) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let bits = (bucket.unsigned_abs().saturating_add(FIRST - 1)) << DROPPED_BITS;
    let magnitude = f64::from_bits(bits | 1 << (DROPPED_BITS - 1));
    if bucket < 0 { -magnitude } else { magnitude }
}
