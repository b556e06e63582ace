//! Incidents: something bad with a beginning and an end, what belongs together with it, and how people
//! were told of it.

use crate::check::CheckId;
use crate::limits::{NOTES_MAX, WITHHELD_MAX};
use crate::quiet::Remark;
use crate::reading::Health;
use crate::remedy::AUTHOR;
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
    /// Whether its check comes and goes so often that its end is not believed for now.
    pub flapping: bool,
    /// What it follows from, and what follows from it.
    pub ties: Ties,
    /// What people were told, and what they did about it.
    pub handling: Handling,
}

/// What an incident follows from, and what follows from it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Ties {
    /// The incident that explains this one while it lasts.
    pub follows: Option<Cause>,
    /// What would be incidents of their own, or could not be measured, because of this one; at most
    /// [`crate::limits::SUPPRESSED_MAX`].
    pub suppressed: Vec<Suppressed>,
    /// How many more there are.
    pub suppressed_more: u64,
}

/// The incident that explains another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cause {
    /// Its number.
    pub incident: u64,
    /// Its check.
    pub check: CheckId,
}

/// A check that has no incident of its own, because another check's explains it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suppressed {
    /// The check.
    pub check: CheckId,
    /// How bad it was; unknown when it could not be measured.
    pub health: Health,
    /// Since when.
    pub since: Timestamp,
}

/// What people were told of an incident, and what they did about it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Handling {
    /// When people last heard of it; `None` when they never did.
    pub told_at: Option<Timestamp>,
    /// Who takes care of it.
    pub acknowledged: Option<Remark>,
    /// What people wrote about it, oldest first; at most [`NOTES_MAX`].
    pub notes: Vec<Remark>,
    /// What people were not told, and why, oldest first; at most [`WITHHELD_MAX`].
    pub withheld: Vec<Withheld>,
}

impl Handling {
    /// As of an incident of which people have heard.
    pub fn told(at: Timestamp) -> Self {
        Self { told_at: Some(at), ..Self::default() }
    }

    /// Adds what somebody wrote; beyond [`NOTES_MAX`] the oldest goes.
    pub fn note(&mut self, remark: Remark) {
        if self.notes.len() == NOTES_MAX {
            self.notes.remove(0);
        }
        self.notes.push(remark);
    }

    /// What was last done to repair it, or said of that.
    pub fn last_done(&self) -> Option<&Remark> {
        self.notes.iter().rev().find(|note| note.author.as_str() == AUTHOR)
    }

    /// Whether an action was begun to repair it: the notes on actions begin with their number, `A7`.
    pub fn was_acted_on(&self) -> bool {
        let names_an_action =
            |text: &str| text.strip_prefix('A').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        self.notes.iter().any(|note| note.author.as_str() == AUTHOR && names_an_action(note.text.as_str()))
    }

    /// Adds what was not told, once for as long as the same is withheld for the same reason; beyond
    /// [`WITHHELD_MAX`] the oldest goes. Whether it was news.
    pub fn withhold(&mut self, at: Timestamp, change: IncidentChange, why: Quiet) -> bool {
        if self.is_withheld(change, &why) {
            return false;
        }
        if self.withheld.len() == WITHHELD_MAX {
            self.withheld.remove(0);
        }
        self.withheld.push(Withheld { at, change, why });
        true
    }

    /// Whether the last thing that was not told is this, for this reason.
    pub fn is_withheld(&self, change: IncidentChange, why: &Quiet) -> bool {
        self.withheld.last().is_some_and(|last| last.change == change && last.why == *why)
    }

    /// The latest beginning that was not told: that it opened, or that it came back.
    pub fn withheld_beginning(&self) -> Option<IncidentChange> {
        self.withheld.iter().rev().map(|withheld| withheld.change).find(|change| change.begins())
    }
}

/// A change that people were not told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Withheld {
    /// When they would have been.
    pub at: Timestamp,
    /// The change.
    pub change: IncidentChange,
    /// Why not.
    pub why: Quiet,
}

/// Why people are not told: a reason for programs and a sentence for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quiet {
    /// The reason.
    pub reason: QuietReason,
    /// In one sentence.
    pub sentence: String,
}

/// The reasons for not telling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QuietReason {
    /// It follows from another incident, which was told.
    Follows,
    /// Somebody takes care of it.
    Acknowledged,
    /// Somebody asked for silence.
    Silenced,
    /// A maintenance window of the configuration.
    Maintenance,
    /// It is repaired first, and people want to hear only of what that does not help.
    Repair,
    /// People never heard that it began, so they need not hear that it is over.
    Unheard,
}

impl QuietReason {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Follows, Self::Acknowledged, Self::Silenced, Self::Maintenance, Self::Repair, Self::Unheard];

    /// The reason as the API and the disk record write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Follows => "follows",
            Self::Acknowledged => "acknowledged",
            Self::Silenced => "silenced",
            Self::Maintenance => "maintenance",
            Self::Repair => "repair",
            Self::Unheard => "unheard",
        }
    }
}

/// What happened to an incident just now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IncidentChange {
    /// It opened.
    Opened,
    /// It grew worse, its kind changed, or it began to flap.
    Updated,
    /// It was over, and came back so soon that it is the same one.
    Reopened,
    /// It still lasts.
    Reminded,
    /// Somebody takes care of it.
    Acknowledged,
    /// It ended.
    Resolved,
}

impl IncidentChange {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Opened, Self::Updated, Self::Reopened, Self::Reminded, Self::Acknowledged, Self::Resolved];

    /// The change as it begins a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "OPENED",
            Self::Updated => "UPDATED",
            Self::Reopened => "REOPENED",
            Self::Reminded => "REMINDER",
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Resolved => "RESOLVED",
        }
    }

    /// Whether something bad is there that was not there before: for the first time, or again.
    pub const fn begins(self) -> bool {
        matches!(self, Self::Opened | Self::Reopened)
    }
}
