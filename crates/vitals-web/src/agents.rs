//! The face for agents: an MCP server that says which hubs, servers and tools can be relied on just now, and why not. It
//! reads and changes nothing; where the facts come from is the business of a [`Source`].
//!
//! What a hub said (names, errors, lines of its log) is data here: cut, escaped and in quotation marks, never our own
//! word. What is not known is unknown, and a look that is too old makes what was healthy unknown.

mod answer;
mod explain;
mod health;
mod incidents;
mod protocol;
mod report;
mod surface;
mod usable;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use vitals_model::history::Span;
use vitals_model::reading::Health;
use vitals_model::score::Score;
use vitals_model::snapshot::Snapshot;
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;

pub use protocol::{router, serve};

/// Where the facts come from.
pub trait Source: Send + Sync + 'static {
    /// What is known now. It may wait for the first look, no longer than a client waits for an answer. An error is a
    /// sentence for the agent.
    fn known(&self) -> BoxFuture<'_, Result<Known, String>>;

    /// The report of the last day. An error is a sentence for the agent: no history yet, say.
    fn report(&self) -> BoxFuture<'_, Result<Daily, String>>;
}

/// What is known at one moment.
#[derive(Clone, Debug)]
pub struct Known {
    /// The state of everything, and when it was so.
    pub snapshot: Arc<Snapshot>,
    /// The time of the question.
    pub now: Timestamp,
    /// Who looked.
    pub by: Looker,
    /// When a look is too old to be believed.
    pub stale_after: Duration,
}

/// Who looked at the hubs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Looker {
    /// This process.
    Own,
    /// A `watch` beside it; its history was read.
    Watch,
}

/// The report of the last day.
#[derive(Clone, Debug)]
pub struct Daily {
    /// The day.
    pub span: Span,
    /// Every target.
    pub targets: Vec<DailyTarget>,
    /// The whole report as markdown.
    pub markdown: String,
}

/// What the report says of one target.
#[derive(Clone, Debug)]
pub struct DailyTarget {
    /// The target.
    pub id: TargetId,
    /// The worst health of its last samples.
    pub health: Health,
    /// The score of the day.
    pub score: Score,
    /// How much of the day was observed, 0–1.
    pub observed: f64,
    /// How many incidents there were.
    pub incidents: usize,
    /// Criteria that were not met, each in a line.
    pub unmet: Vec<String>,
    /// What to do, most urgent first.
    pub recommendations: Vec<String>,
}
