//! History in numbers: what a span of one check's samples comes to.

use std::time::Duration;

/// Samples per health.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HealthCounts {
    /// How many were healthy.
    pub healthy: u64,
    /// How many could not be measured.
    pub unknown: u64,
    /// How many were degraded.
    pub degraded: u64,
    /// How many were failing.
    pub failing: u64,
}

impl HealthCounts {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.healthy + self.unknown + self.degraded + self.failing
    }

    /// The share (0–1) of known samples that were not failing; `None` when nothing is known.
    pub fn uptime(&self) -> Option<f64> {
        let up = self.healthy + self.degraded;
        let known = up + self.failing;
        (known > 0).then(|| up as f64 / known as f64)
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
    /// The time that the samples stand for: pauses of more than twice the usual pace count as not observed.
    pub observed: Duration,
    /// Samples per health.
    pub healths: HealthCounts,
    /// The values; `None` when no sample had one.
    pub spread: Option<Spread>,
}
