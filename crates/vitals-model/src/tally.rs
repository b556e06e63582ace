//! Tallies: what only grows while a target is watched, and how each probe last went. Metrics are made of them,
//! because a snapshot alone forgets what lies between two looks. They decide nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::check::{Point, Probe};
use crate::observation::{LevelCounts, Phase};
use crate::reading::Health;
use crate::text::Text;
use crate::time::Timestamp;

/// What stands for all that is beyond a limit, in names and in labels.
pub const OTHER: &str = "other";

/// How many durations were how long.
///
/// The bounds are those that the MCP conventions of OpenTelemetry advise for `mcp.client.operation.duration`.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Histogram {
    counts: [u64; Self::BOUNDS.len() + 1],
    sum_s: f64,
}

impl Histogram {
    /// The upper bounds of all buckets but the last, in seconds.
    pub const BOUNDS: [f64; 14] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

    /// Counts one duration.
    pub fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        self.counts[Self::BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        self.sum_s += seconds;
    }

    /// Adds another histogram to this one.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(mine, theirs)| *mine += theirs);
        self.sum_s += other.sum_s;
    }

    /// How many durations lie in each bucket, the one without an upper bound last.
    pub const fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many durations there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All durations together, in seconds.
    pub const fn sum(&self) -> f64 {
        self.sum_s
    }
}

/// A request of an MCP client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Method {
    /// `initialize`.
    Initialize,
    /// `server/discover`, which takes its place since revision 2026-07-28.
    Discover,
    /// `tools/list`, all pages.
    ListTools,
    /// `tools/call`.
    CallTool,
}

impl Method {
    /// The method as MCP writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Discover => "server/discover",
            Self::ListTools => "tools/list",
            Self::CallTool => "tools/call",
        }
    }
}

/// One kind of operation: what the MCP conventions of OpenTelemetry tell operations apart by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Operation {
    /// `mcp.method.name`.
    pub method: Method,
    /// The server behind the hub that was asked; `None` for the hub itself.
    pub server: Option<Text>,
    /// `gen_ai.tool.name`, without the hub's prefix.
    pub tool: Option<Text>,
    /// `error.type`; `None` when it went well.
    pub error: Option<Text>,
    /// `network.transport`: `pipe` or `tcp`.
    pub transport: &'static str,
    /// `mcp.protocol.version`; empty while no session was opened.
    pub protocol: Text,
}

/// How a probe last went.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// When it ended.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Why it saw less than it asked for, in one word (`timeout`, `connection_refused`, `503`); `None` when it saw all.
    pub error: Option<Text>,
    /// Its parts that were measured on their own; together at most as long as the whole.
    pub phases: Vec<(Phase, Duration)>,
    /// MCP operations that it carried out, with their durations; some ran side by side.
    pub operations: Vec<(Operation, Duration)>,
}

/// What only grows while a target is watched, and how its probes last went.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tally {
    /// MCP operations, at most [`crate::limits::OPERATIONS_MAX`] kinds and [`OTHER`] for the rest.
    pub operations: BTreeMap<Operation, Histogram>,
    /// Operations that were counted under [`OTHER`] for that.
    pub operations_folded: u64,
    /// Runs of each probe: those that saw all they asked for, and the others.
    pub probes: BTreeMap<Probe, (u64, u64)>,
    /// How each probe last went.
    pub runs: BTreeMap<Probe, Run>,
    /// Log records read from the file since it is followed.
    pub file_records: LevelCounts,
    /// Log records told by the event stream.
    pub stream_records: LevelCounts,
    /// Incidents opened, by point and by how bad they were then.
    pub incidents: BTreeMap<(Point, Health), u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_bucket_whose_bound_it_does_not_pass() {
        let mut histogram = Histogram::default();
        for ms in [0, 10, 11, 300_000, 300_001] {
            histogram.add(Duration::from_millis(ms));
        }
        let mut expected = [0; 15];
        (expected[0], expected[1], expected[13], expected[14]) = (2, 1, 1, 1);
        assert_eq!((histogram.counts(), histogram.count()), (&expected[..], 5));
        assert!((histogram.sum() - 600.022).abs() < 1e-9);
        let mut twice = histogram;
        twice.merge(&histogram);
        assert_eq!((twice.count(), twice.counts()[0]), (10, 4));
    }
}
