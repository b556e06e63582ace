//! What stands behind the faces. The binary implements it over engine and store; tests implement it with fixed answers.
//!
//! All but [`Source::snapshots`] and [`Source::now`] may take a while and are called where that holds up nobody.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use vitals_model::check::CheckId;
use vitals_model::history::{Cut, Summary};
use vitals_model::incident::Incident;
use vitals_model::quiet::Order;
use vitals_model::reading::Reading;
use vitals_model::snapshot::Snapshot;
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;
use vitals_model::view::tools_v1::ToolsView;
use vitals_model::view::v1::{IncidentView, ReadingView};

/// What stands behind the faces.
pub trait Source: Send + Sync + 'static {
    /// Every snapshot, the latest at once.
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>>;

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
