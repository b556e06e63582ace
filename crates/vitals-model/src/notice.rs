//! Notices: what people are told of incidents and of days, by which way, and what came of it. Nothing here decides or sends.

mod receiver;
mod report;
mod route;
pub mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::incident::{Incident, IncidentState};
use crate::reading::Health;
use crate::text::Text;
use crate::time::Timestamp;

pub use receiver::{Receiver, ReceiverKind, Tls};
pub use report::DayReport;
pub use route::{Escalation, GroupBy, Match, Route, Severity};

/// Who is told of what, as configured.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Notices {
    /// Where notices go, by name.
    pub receivers: BTreeMap<String, Receiver>,
    /// Which incidents go where, in the order in which they are asked.
    pub routes: Vec<Route>,
    /// The dead man's switch.
    pub heartbeat: Heartbeat,
}

impl Notices {
    /// The route with this name.
    pub fn route(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
    }
}

/// A dead man's switch: somebody else notices when this stops.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heartbeat {
    /// What is asked for with `GET`; it may hold a token. `None` is off.
    pub url: Option<crate::config::SecretRef>,
    /// How often.
    pub every: Duration,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { url: None, every: Duration::from_secs(60) }
    }
}

/// One message to one receiver: about the incidents of one group, or the report of a day.
#[derive(Clone, PartialEq, Debug)]
pub struct Notice {
    /// Unique in one store: `N` and a number that only grows. A service that is told of a notice twice knows it by this.
    pub id: u64,
    /// The route that it came by.
    pub route: String,
    /// The receiver that it goes to.
    pub receiver: String,
    /// What its incidents have in common, such as `target=hub-7001`; together with the route it is the same for the first
    /// message and the last.
    pub group: String,
    /// What it says of the group.
    pub status: Status,
    /// Which decision made it.
    pub stage: Stage,
    /// Why, in one sentence.
    pub reason: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The incidents, worst first; at most [`crate::limits::NOTICE_INCIDENTS_MAX`].
    pub incidents: Vec<Incident>,
    /// How many more there are.
    pub more: u64,
    /// The labels that all of their targets have in common.
    pub labels: BTreeMap<String, String>,
    /// The report of a day; a notice that has one tells of no incident.
    pub report: Option<DayReport>,
}

impl Notice {
    /// How bad the worst of its incidents is that lasts; once all are over, the worst that was.
    pub fn severity(&self) -> Severity {
        let lasts = self.incidents.iter().filter(|i| i.state == IncidentState::Open || self.status == Status::Resolved);
        let worst = lasts.map(|incident| incident.health).max();
        if worst == Some(Health::Failing) { Severity::Critical } else { Severity::Warning }
    }

    /// When the first of its incidents began.
    pub fn since(&self) -> Timestamp {
        self.incidents.iter().map(|incident| incident.opened_at).min().unwrap_or(self.at)
    }

    /// What its group is known by to others, who know other watches too.
    pub fn key(&self, host: &str) -> String {
        format!("mcp-vitals/{host}/{}/{}", self.route, self.group)
    }

    /// What it is known by itself, to whom it may come twice.
    pub fn once(&self, host: &str) -> String {
        format!("mcp-vitals-{host}-N{}-{}", self.id, self.at.as_millis())
    }
}

/// What a notice says of its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Something lasts.
    Firing,
    /// All that lasts is taken care of.
    Acknowledged,
    /// All is over.
    Resolved,
    /// Nothing: it has the report of a day.
    Report,
}

impl Status {
    /// All that a group of incidents can have.
    pub const ALL: [Self; 3] = [Self::Firing, Self::Acknowledged, Self::Resolved];

    /// The status as notices and records write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::Report => "report",
        }
    }
}

/// Which decision made a notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// A group has something to tell for the first time.
    First,
    /// Something of it changed.
    Changed,
    /// Nothing changed, and it still lasts.
    Repeated,
    /// Nobody took care of it.
    Escalated,
    /// Somebody asked for a sample: nothing happened.
    Sample,
    /// The report of a day was due.
    Daily,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::First, Self::Changed, Self::Repeated, Self::Escalated, Self::Sample, Self::Daily];

    /// The stage as notices and records write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Changed => "changed",
            Self::Repeated => "repeated",
            Self::Escalated => "escalated",
            Self::Sample => "sample",
            Self::Daily => "daily",
        }
    }
}

/// What came of one attempt to deliver a notice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// The notice.
    pub notice: u64,
    /// Its receiver.
    pub receiver: String,
    /// When.
    pub at: Timestamp,
    /// How often it was tried, this time included.
    pub attempts: u32,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The receiver took it.
    Delivered(Text),
    /// It did not, and will be asked again.
    Delayed(Text),
    /// It did not and will not: what it said is final.
    Refused(Text),
    /// It was never sent: there was no room, or its receiver is gone.
    Dropped(Text),
}

impl Outcome {
    /// The outcome as labels and records write it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered(_) => "delivered",
            Self::Delayed(_) => "delayed",
            Self::Refused(_) => "refused",
            Self::Dropped(_) => "dropped",
        }
    }

    /// What was said.
    pub const fn words(&self) -> &Text {
        let (Self::Delivered(words) | Self::Delayed(words) | Self::Refused(words) | Self::Dropped(words)) = self;
        words
    }

    /// An outcome from its word; `None` for another word.
    pub fn of(word: &str, words: Text) -> Option<Self> {
        Some(match word {
            "delivered" => Self::Delivered(words),
            "delayed" => Self::Delayed(words),
            "refused" => Self::Refused(words),
            "dropped" => Self::Dropped(words),
            _ => return None,
        })
    }

    /// Whether nothing more comes of the notice.
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Delayed(_))
    }
}

/// A notice as history has it, with what came of it so far.
#[derive(Clone, PartialEq, Debug)]
pub struct Posted {
    /// The notice.
    pub notice: Notice,
    /// The latest outcome; `None` while nothing was tried.
    pub delivery: Option<Delivery>,
}

impl Posted {
    /// Whether it still waits to be delivered.
    pub fn waits(&self) -> bool {
        self.delivery.as_ref().is_none_or(|delivery| !delivery.outcome.is_final())
    }
}

/// What was decided about telling people of one incident, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The incident.
    pub incident: u64,
    /// When.
    pub at: Timestamp,
    /// By which route; empty for none.
    pub route: String,
    /// Which kind of decision.
    pub kind: DecisionKind,
    /// Why, in one sentence.
    pub sentence: String,
}

/// The kinds of decision about telling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecisionKind {
    /// A route takes it.
    Matched,
    /// No route takes it.
    Unmatched,
    /// It waits for others, or for its time.
    Waiting,
    /// It is outside of the windows of its route.
    Outside,
    /// It is part of a notice.
    Sent,
    /// It is told again.
    Repeated,
    /// Others are told.
    Escalated,
    /// It was told already.
    Deduplicated,
    /// It is not told.
    Withheld,
}

impl DecisionKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Matched,
        Self::Unmatched,
        Self::Waiting,
        Self::Outside,
        Self::Sent,
        Self::Repeated,
        Self::Escalated,
        Self::Deduplicated,
        Self::Withheld,
    ];

    /// The kind as records and `explain` write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Unmatched => "unmatched",
            Self::Waiting => "waiting",
            Self::Outside => "outside",
            Self::Sent => "sent",
            Self::Repeated => "repeated",
            Self::Escalated => "escalated",
            Self::Deduplicated => "deduplicated",
            Self::Withheld => "withheld",
        }
    }
}

impl fmt::Display for DecisionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How one receiver does.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReceiverState {
    /// Notices that it took since the start.
    pub delivered: u64,
    /// Attempts that failed and are made again.
    pub delayed: u64,
    /// Notices that it refused.
    pub refused: u64,
    /// Notices that were never sent.
    pub dropped: u64,
    /// Notices that wait to be delivered.
    pub waiting: u64,
    /// The latest outcome.
    pub last: Option<Delivery>,
}

impl ReceiverState {
    /// Counts what came of an attempt.
    pub fn count(&mut self, delivery: Delivery) {
        let counter = match delivery.outcome {
            Outcome::Delivered(_) => &mut self.delivered,
            Outcome::Delayed(_) => &mut self.delayed,
            Outcome::Refused(_) => &mut self.refused,
            Outcome::Dropped(_) => &mut self.dropped,
        };
        *counter += 1;
        if delivery.outcome.is_final() {
            self.waiting = self.waiting.saturating_sub(1);
        }
        self.last = Some(delivery);
    }
}
