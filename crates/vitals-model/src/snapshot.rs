//! Snapshots: all that a face needs, immutable. No face reads anything else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::check::{CheckId, Probe};
use crate::claim::{FilteringClaim, HubClaim};
use crate::finding::Finding;
use crate::incident::Incident;
use crate::notice::ReceiverState;
use crate::observation::{LevelCounts, VisitSeen};
use crate::quiet::Silence;
use crate::reading::{Health, Reading};
use crate::remedy::OutcomeKind;
use crate::score::Score;
use crate::tally::{Histogram, Tally};
use crate::target::Target;
use crate::text::Text;
use crate::time::Timestamp;
use crate::tool::ToolSet;
use crate::verdict::ServerTruth;

/// The state of everything at one instant.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Timestamp,
    /// When watching began.
    pub began_at: Timestamp,
    /// Every target, in order of id.
    pub targets: Vec<Arc<TargetState>>,
    /// How we ourselves are.
    pub own: OwnState,
}

impl Snapshot {
    /// The worst health of all targets; unknown when there is no target.
    pub fn health(&self) -> Health {
        self.targets.iter().map(|t| t.health).max().unwrap_or(Health::Unknown)
    }
}

/// The state of one target.
#[derive(Clone, Debug)]
pub struct TargetState {
    /// The target.
    pub target: Target,
    /// The worst judged health of its readings.
    pub health: Health,
    /// Its score.
    pub score: Score,
    /// The servers behind it with claim and truth, in order of name.
    pub servers: Vec<ServerTruth>,
    /// The tools of those servers as last seen.
    pub tools: BTreeMap<Text, ServerTools>,
    /// Every reading, by point and then by id.
    pub readings: Vec<Reading>,
    /// Incidents that last, oldest first.
    pub open: Vec<Incident>,
    /// Incidents that are over, latest first.
    pub recent: Vec<Incident>,
    /// What the detectors last said.
    pub findings: Vec<Finding>,
    /// Recent values per check, oldest first.
    pub trends: BTreeMap<CheckId, Vec<f64>>,
    /// What the hub last said of itself.
    pub claim: Option<HubClaim>,
    /// What the hub last said of its tool filtering.
    pub filtering: Option<FilteringClaim>,
    /// Log records per level over the window that [`TargetState::levels_over`] names.
    pub levels: LevelCounts,
    /// The span of `levels`.
    pub levels_over: Duration,
    /// The latest log records of level warn and above, newest last.
    pub log: Vec<String>,
    /// What our visits cost the hub.
    pub visit: VisitSeen,
    /// Resident memory of the hub's process in bytes, while it can be seen.
    pub rss_bytes: Option<u64>,
    /// What only grows while it is watched, and how its probes last went.
    pub tally: Arc<Tally>,
    /// What is done, and was done, to repair it.
    pub repair: RepairState,
}

impl TargetState {
    /// A target of which nothing is known yet.
    pub fn unmeasured(target: Target) -> Self {
        Self {
            target,
            health: Health::Unknown,
            score: Score { points: None, deductions: Vec::new() },
            servers: Vec::new(),
            tools: BTreeMap::new(),
            readings: Vec::new(),
            open: Vec::new(),
            recent: Vec::new(),
            findings: Vec::new(),
            trends: BTreeMap::new(),
            claim: None,
            filtering: None,
            levels: LevelCounts::default(),
            levels_over: Duration::ZERO,
            log: Vec::new(),
            visit: VisitSeen::default(),
            rss_bytes: None,
            tally: Arc::default(),
            repair: RepairState::default(),
        }
    }
}

/// What is done to repair a target.
#[derive(Clone, Debug, Default)]
pub struct RepairState {
    /// The action that is under way, in one line.
    pub under_way: Option<String>,
    /// The latest that is over, in one line.
    pub last: Option<String>,
    /// How many ended since the start, by kind of remedy and by what came of them.
    pub outcomes: BTreeMap<(&'static str, OutcomeKind), u64>,
}

/// The tools of one server, by the server's own names for them.
#[derive(Clone, Debug, Default)]
pub struct ServerTools {
    /// What it has: as it says now, else as was last known.
    pub own: ToolSet,
    /// What clients are shown of it; `None` when no list is known.
    pub listed: Option<ToolSet>,
}

/// How the monitor itself is.
#[derive(Clone, Debug, Default)]
pub struct OwnState {
    /// Probes sent since the start.
    pub probes: u64,
    /// Observations and samples dropped since the start, all queues together.
    pub dropped: u64,
    /// Why the store does not keep history; `None` while it does.
    pub store_error: Option<String>,
    /// Samples lost because of that.
    pub samples_lost: u64,
    /// Incidents of our own that last: history, network.
    pub open: Vec<Incident>,
    /// Silences that hold.
    pub silences: Vec<Silence>,
    /// How often our own clock or our own running had a gap.
    pub gaps: u64,
    /// The latest gap in words.
    pub last_gap: Option<String>,
    /// How long each probe took, over all targets.
    pub took: BTreeMap<Probe, Histogram>,
    /// Events that wait for judgement, and records that wait to be written.
    pub waiting: Waiting,
    /// Where log records and events are sent to, in the order of the names.
    pub destinations: Vec<Destination>,
    /// How each receiver of notices does, by name.
    pub receivers: BTreeMap<String, ReceiverState>,
}

/// How it is with one destination of logs, since the start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Destination {
    /// The name that it was given.
    pub name: String,
    /// What it is, in a word: `elasticsearch`, `loki`, `otlp`, `file`.
    pub kind: &'static str,
    /// Records that wait on disk.
    pub waiting: u64,
    /// Bytes on disk, what is delivered of an unfinished segment included.
    pub waiting_bytes: u64,
    /// Records that it took.
    pub sent: u64,
    /// Records that it refused for good.
    pub refused: u64,
    /// Records that found no room in memory or on disk, or were damaged there.
    pub dropped: u64,
    /// Requests that failed; what was in them waits.
    pub failures: u64,
    /// Why it takes nothing for now; `None` while it does.
    pub trouble: Option<Text>,
}

/// How full our own queues are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Waiting {
    /// Events that wait for judgement, of [`crate::limits::EVENT_QUEUE_MAX`].
    pub events: u64,
    /// Records that wait to be written, of [`crate::limits::STORE_QUEUE_MAX`].
    pub records: u64,
}

/// What our own process uses; it is measured when it is asked for.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Overhead {
    /// Resident memory in bytes.
    pub rss_bytes: u64,
    /// CPU used since the start.
    pub cpu: Duration,
    /// Open file descriptors; `None` when they may not be counted.
    pub fds: Option<u64>,
    /// Threads.
    pub threads: u64,
    /// What was sent to a collector; `None` without one.
    pub export: Option<Exported>,
}

/// What was sent to a collector of OpenTelemetry since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Exported {
    /// Requests that it took.
    pub sent: u64,
    /// Requests that it did not take, however often they were sent; what was in them is lost.
    pub failed: u64,
    /// How often a request was sent once more.
    pub retried: u64,
    /// Runs of probes without a trace: there was no room, nobody had looked in time, or it was not taken.
    pub dropped: u64,
}
