//! Routes: which incidents go to which receivers, and when. They are asked in their order; the first that matches takes an
//! incident, unless it says that the next are asked too.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::check::CheckId;
use crate::incident::Incident;
use crate::quiet::{Maintenance, Pattern};
use crate::reading::Health;
use crate::target::TargetId;

/// How bad an incident is, as people are told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Severity {
    /// Degraded.
    #[default]
    Warning,
    /// Failing.
    Critical,
}

impl Severity {
    /// The words of all of them, least first.
    pub const WORDS: [&'static str; 2] = ["warning", "critical"];

    /// The word as the configuration and notices write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// How bad an incident of this health is.
    pub fn of(health: Health) -> Self {
        if health == Health::Failing { Self::Critical } else { Self::Warning }
    }
}

/// Which incidents a route takes: all of it must hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Match {
    /// Of which targets, by id.
    pub target: Pattern,
    /// Of which checks, by id; a point is the pattern `POINT/*`.
    pub check: Pattern,
    /// The least severity.
    pub severity: Severity,
    /// Which labels their targets must have, each with a pattern of its value.
    pub labels: BTreeMap<String, Pattern>,
}

impl Default for Match {
    fn default() -> Self {
        Self { target: Pattern::all(), check: Pattern::all(), severity: Severity::Warning, labels: BTreeMap::new() }
    }
}

impl Match {
    /// What of an incident does not match, in words; `None` when all does. `labels` are those of its target.
    pub fn unlike(&self, incident: &Incident, labels: &BTreeMap<String, String>) -> Option<String> {
        if !self.target.matches(incident.target.as_str()) {
            return Some(format!("its target is not {}", self.target));
        }
        if !self.check.matches(incident.check.as_str()) {
            return Some(format!("its check is not {}", self.check));
        }
        let severity = Severity::of(incident.health);
        if severity < self.severity {
            return Some(format!("it is {}, less than {}", severity.as_str(), self.severity.as_str()));
        }
        let fits = |(name, pattern): &(&String, &Pattern)| labels.get(*name).is_some_and(|value| pattern.matches(value));
        let unlike = self.labels.iter().find(|label| !fits(label));
        unlike.map(|(name, pattern)| format!("its target has no label {name}={pattern}"))
    }
}

/// What the incidents of one notice have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupBy {
    /// The target.
    Target,
    /// The integration point.
    Point,
    /// The server behind the target.
    Server,
    /// The check.
    Check,
    /// How bad they are.
    Severity,
    /// Everything: each incident is told on its own.
    Incident,
}

impl GroupBy {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Target, Self::Point, Self::Server, Self::Check, Self::Severity, Self::Incident];

    /// The word as the configuration writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Point => "point",
            Self::Server => "server",
            Self::Check => "check",
            Self::Severity => "severity",
            Self::Incident => "incident",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == word)
    }

    /// What an incident has of it.
    fn value(self, id: u64, target: &TargetId, check: &CheckId, health: Health) -> String {
        match self {
            Self::Target => target.to_string(),
            Self::Point => check.as_str().split('/').next().unwrap_or_default().to_owned(),
            Self::Server => check.server().unwrap_or("-").to_owned(),
            Self::Check => check.to_string(),
            Self::Severity => Severity::of(health).as_str().to_owned(),
            Self::Incident => format!("I{id}"),
        }
    }
}

/// When somebody else is told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Escalation {
    /// When nobody has taken care of it for this long; `None` is never.
    pub after: Option<Duration>,
    /// Who.
    pub receivers: Vec<String>,
}

/// Which incidents go to which receivers, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub matches: Match,
    /// Who is told.
    pub receivers: Vec<String>,
    /// What the incidents of one notice have in common; nothing is one notice for all.
    pub group_by: Vec<GroupBy>,
    /// How long the first notice of a group waits for more of the same.
    pub group_wait: Duration,
    /// The shortest time between two notices of a group of which something changed.
    pub group_interval: Duration,
    /// After which time a group that lasts is told again; `None` is never.
    pub repeat: Option<Duration>,
    /// When it tells; empty is always. What ends is told at any time.
    pub during: BTreeMap<String, Maintenance>,
    /// When somebody else is told.
    pub escalate: Escalation,
    /// Whether the routes behind it are asked too.
    pub goes_on: bool,
}

impl Default for Route {
    /// What belongs together comes within a second: a dead hub takes its servers with it in milliseconds, and its events
    /// come as they happen. Four hours are as long as an incident waits for its reminder.
    fn default() -> Self {
        Self {
            name: String::new(),
            matches: Match::default(),
            receivers: Vec::new(),
            group_by: vec![GroupBy::Target],
            group_wait: Duration::from_secs(1),
            group_interval: Duration::from_secs(30),
            repeat: Some(Duration::from_secs(4 * 3600)),
            during: BTreeMap::new(),
            escalate: Escalation::default(),
            goes_on: false,
        }
    }
}

impl Route {
    /// The group of an incident, such as `target=hub-7001`.
    pub fn group(&self, incident: &Incident) -> String {
        let Incident { id, target, check, health, .. } = incident;
        let part = |by: &GroupBy| format!("{}={}", by.as_str(), by.value(*id, target, check, *health));
        self.group_by.iter().map(part).collect::<Vec<_>>().join(",")
    }
}
