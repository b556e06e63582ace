//! What stands behind the faces. The binary implements it over engine and store; tests implement it with fixed answers.
//!
//! It has two sizes: agents are told [`Facts`] and can ask for nothing else; page, API and metrics have a whole
//! [`Source`]. All but [`Facts::known`], [`Source::snapshots`], [`Source::overhead`] and [`Source::now`] may take a while and
//! are called where that holds up nobody.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio::sync::watch;
use vitals_model::check::CheckId;
use vitals_model::history::{Cut, Span, Summary};
use vitals_model::incident::Incident;
use vitals_model::quiet::Order;
use vitals_model::reading::{Health, Reading};
use vitals_model::score::Score;
use vitals_model::snapshot::{Overhead, Snapshot};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;
use vitals_model::view::tools_v1::ToolsView;
use vitals_model::view::v1::{IncidentView, ReadingView};

/// What is known, and nothing that could change it.
pub trait Facts: Send + Sync + 'static {
    /// What is known now. It may wait for the first look, no longer than a client waits for an answer.
    ///
    /// # Errors
    /// This and every other method here: [`Trouble`], a sentence for whoever asked.
    fn known(&self) -> BoxFuture<'_, Result<Known, Trouble>>;

    /// The report of the last day.
    fn daily(&self) -> Result<Daily, Trouble>;
}

/// What stands behind the faces of a watch.
pub trait Source: Facts {
    /// Every snapshot, the latest at once.
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>>;

    /// What watching costs at this moment.
    fn overhead(&self) -> Overhead;

    /// The time.
    fn now(&self) -> Timestamp;

    /// Incidents that last, and those that changed since then, oldest first.
    ///
    /// # Errors
    /// This and every other method: [`Trouble`].
    fn incidents(&self, since: Timestamp) -> Result<Vec<Incident>, Trouble>;

    /// One incident by its number, however old; `None` when there is none.
    fn incident(&self, id: u64) -> Result<Option<Incident>, Trouble>;

    /// How checks went: for each of `checks` a summary for each slice of `cut`.
    fn course(&self, target: &TargetId, checks: &[CheckId], cut: &Cut) -> Result<Vec<Vec<Summary>>, Trouble>;

    /// What is to be said of a target over the time until now.
    fn paper(&self, target: &TargetId, since: Duration, paper: Paper) -> Result<String, Trouble>;

    /// Why a check is what it is; `None` when it has no reading.
    fn explain(&self, target: &TargetId, check: &CheckId) -> Result<Option<Explained>, Trouble>;

    /// The tools of a target against its lock file; `None` when there is no lock file.
    fn tools(&self, target: &TargetId) -> Result<Option<ToolsView>, Trouble>;

    /// Asks something about incidents.
    fn order(&self, order: Order) -> Result<(), Trouble>;

    /// Asks for every probe now.
    fn check_now(&self) -> Result<(), Trouble>;
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

/// Which text of a target, and in which form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paper {
    /// The report as JSON.
    ReportJson,
    /// The report as markup of a page's `main`.
    ReportMarkup,
    /// The criteria as JSON.
    CriteriaJson,
    /// The criteria as markup.
    CriteriaMarkup,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Trouble {
    /// No history is kept, or none has been written yet.
    #[error("no history is kept")]
    NoHistory,
    /// It knows nothing of what was asked.
    #[error("{0}")]
    Nothing(String),
    /// Too much is asked at one time.
    #[error("too much is asked at one time")]
    Busy,
    /// Something of ours failed: what.
    #[error("{0}")]
    Failed(String),
}

/// Why one check is what it is.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The check's reading.
    pub reading: Reading,
    /// The readings that it may follow from, nearest first.
    pub causes: Vec<Reading>,
    /// Why there is an incident, or why there is none, in one sentence.
    pub verdict: String,
    /// By which terms one opens and ends.
    pub terms: String,
    /// Its incident, while it lasts.
    pub incident: Option<Incident>,
    /// What keeps people from being told of it.
    pub quiet: Option<String>,
    /// What was done about it, and what may be.
    pub repair: Option<String>,
}

/// An explanation as JSON.
#[derive(Serialize, Debug)]
pub struct ExplainedView {
    target: String,
    check: ReadingView,
    verdict: String,
    terms: String,
    causes: Vec<ReadingView>,
    incident: Option<IncidentView>,
    quiet: Option<String>,
    repair: Option<String>,
}

impl ExplainedView {
    /// The JSON of an explanation.
    pub fn new(target: &TargetId, explained: &Explained) -> Self {
        Self {
            target: target.to_string(),
            check: ReadingView::from(&explained.reading),
            verdict: explained.verdict.clone(),
            terms: explained.terms.clone(),
            causes: explained.causes.iter().map(ReadingView::from).collect(),
            incident: explained.incident.as_ref().map(IncidentView::from),
            quiet: explained.quiet.clone(),
            repair: explained.repair.clone(),
        }
    }
}
