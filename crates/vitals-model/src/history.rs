//! History in numbers: what a span of one check's samples comes to.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::check::CheckId;
use crate::limits::SLICES_MAX;
use crate::time::Timestamp;

/// The time spent in each health. A sample stands from its own time until the next one of its check, for a bounded
/// time at most, so that many looks in a short while weigh no more than a few.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HealthTimes {
    /// How long it was healthy.
    pub healthy: Duration,
    /// How long it was looked at and could not be measured.
    pub unknown: Duration,
    /// How long it was degraded.
    pub degraded: Duration,
    /// How long it was failing.
    pub failing: Duration,
    /// How many samples lie in the span.
    pub samples: u64,
}

impl HealthTimes {
    /// How many samples these times come from.
    pub const fn total(&self) -> u64 {
        self.samples
    }

    /// The time that somebody looked.
    pub fn observed(&self) -> Duration {
        self.healthy + self.unknown + self.degraded + self.failing
    }

    /// The share (0–1) of the known time that was not failing; `None` when nothing is known.
    pub fn uptime(&self) -> Option<f64> {
        let up = self.healthy + self.degraded;
        let known = up + self.failing;
        (!known.is_zero()).then(|| up.as_secs_f64() / known.as_secs_f64())
    }
}

/// How the values of a check lie. Percentiles are by nearest rank and within 1.6 % of the true one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spread {
    /// How many samples had a value.
    pub values: u64,
    /// The least.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The greatest.
    pub max: f64,
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
}

/// What a span of one check's history comes to.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Summary {
    /// The time that the samples stand for: what a pause has beyond twice the usual pace counts as not observed.
    pub observed: Duration,
    /// The same time per health.
    pub healths: HealthTimes,
    /// The values; `None` when no sample had one.
    pub spread: Option<Spread>,
}

/// One of the equal parts into which a span is cut, to see how things went.
#[derive(Clone, PartialEq, Debug)]
pub struct Slice {
    /// From when until when.
    pub span: Span,
    /// What each check's samples come to within it; a check without any has no entry.
    pub summaries: BTreeMap<CheckId, Summary>,
}

/// From an instant until another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end, which is not part of it.
    pub to: Timestamp,
}

impl Span {
    /// How long it is.
    pub fn length(&self) -> Duration {
        self.to.since(self.from)
    }

    /// The span of the same length that ends where this one begins.
    #[must_use]
    pub fn before(&self) -> Self {
        Self { from: self.from.minus(self.length()), to: self.from }
    }

    /// How much of it an observed time is, 0–1.
    pub fn share(&self, observed: Duration) -> f64 {
        (observed.as_secs_f64() / self.length().as_secs_f64().max(1.0)).min(1.0)
    }
}

/// How a span is cut into slices. The slices begin at whole steps since the epoch, as hourly and daily rollups do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// The beginning of the first slice: at or before the beginning of the span.
    pub from: Timestamp,
    /// The end of the span, where the last slice ends too.
    pub to: Timestamp,
    /// The length of each slice but the last: at least a minute, and whole hours where it is longer than one.
    pub step: Duration,
}

impl Cut {
    /// The finest cut into at most [`SLICES_MAX`] slices of a usual length.
    pub fn of(Span { from, to }: Span) -> Self {
        const MINUTES: [u64; 9] = [1, 5, 15, 30, 60, 6 * 60, 24 * 60, 7 * 24 * 60, 30 * 24 * 60];
        let steps = MINUTES.map(|minutes| Duration::from_secs(minutes * 60));
        let cuts = steps.map(|step| Self { from: from.floor_to(step), to, step });
        // Beyond a month per slice there are more than the bound: eight years and more.
        cuts.into_iter().find(|cut| cut.count() <= SLICES_MAX).unwrap_or(cuts[8])
    }

    /// How many slices there are.
    pub fn count(&self) -> usize {
        let slices = self.to.since(self.from).as_millis().div_ceil(self.step.as_millis().max(1));
        usize::try_from(slices).unwrap_or(usize::MAX)
    }

    /// Beginning and end of each slice.
    pub fn spans(&self) -> impl Iterator<Item = Span> + use<> {
        let Self { from, to, step } = *self;
        let start = move |n: usize| from.plus(step.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX)));
        (0..self.count()).map(move |n| Span { from: start(n), to: start(n + 1).min(to) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 12:00 UTC of a day in November 2026.
    const NOON: Timestamp = Timestamp::from_millis(1_795_348_800_000);
    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_span_is_cut_at_whole_steps_and_never_too_fine() {
        let cut = |hours: u32| Cut::of(Span { from: NOON.minus(HOUR * hours).plus(Duration::from_secs(90)), to: NOON });
        for (hours, step_minutes, count) in [(1, 1, 59), (24, 15, 96), (48, 30, 96), (96, 60, 96), (14 * 24, 360, 56)] {
            let cut = cut(hours);
            assert_eq!((cut.step, cut.count()), (Duration::from_secs(step_minutes * 60), count), "{hours} h");
        }
        let season = cut(90 * 24);
        assert_eq!((season.step, season.count()), (HOUR * 24, 91));
        let spans: Vec<_> = season.spans().collect();
        assert_eq!((spans[0].from, spans[90].to), (season.from, NOON));
        assert!(spans.windows(2).all(|pair| pair[0].to == pair[1].from) && season.from <= NOON.minus(HOUR * 90 * 24));
    }

    #[test]
    fn a_span_of_nothing_has_no_slice() {
        assert_eq!(Cut::of(Span { from: NOON, to: NOON }).count(), 0);
    }
}
