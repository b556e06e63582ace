//! Incidents: something bad with a beginning and an end.

use crate::check::CheckId;
use crate::reading::Health;
use crate::target::TargetId;
use crate::time::Timestamp;

/// Where an incident is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IncidentState {
    /// It lasts.
    Open,
    /// It is over.
    Resolved,
}

/// Something bad with a beginning and an end, its reason and its evidence.
#[derive(Clone, PartialEq, Debug)]
pub struct Incident {
    /// Unique in one store: `I` and a number that only grows.
    pub id: u64,
    /// The target.
    pub target: TargetId,
    /// The check whose reading it is about.
    pub check: CheckId,
    /// One word for the kind: the verdict (`ghost`, `hung`) or the check's question.
    pub kind: String,
    /// How bad it is; the worst it has been.
    pub health: Health,
    /// Open or resolved.
    pub state: IncidentState,
    /// One line: what was seen and what was expected.
    pub summary: String,
    /// Evidence from when it opened, and when it grew worse.
    pub evidence: Vec<String>,
    /// What to do about it.
    pub hint: String,
    /// When the bad thing began, as far as was seen.
    pub opened_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it ended.
    pub resolved_at: Option<Timestamp>,
}

/// What happened to an incident just now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IncidentChange {
    /// It opened.
    Opened,
    /// It grew worse, or its kind changed.
    Updated,
    /// It ended.
    Resolved,
}

impl IncidentChange {
    /// The change as it begins a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "OPENED",
            Self::Updated => "UPDATED",
            Self::Resolved => "RESOLVED",
        }
    }
}
