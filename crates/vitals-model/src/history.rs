//! History in numbers: what a span of one check's samples comes to.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::check::CheckId;
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
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// What each check's samples come to within it; a check without any has no entry.
    pub summaries: BTreeMap<CheckId, Summary>,
}
