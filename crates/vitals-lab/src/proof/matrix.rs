//! What a proof came to: one trial per fault, the healthy hour, and what does not hold in each.

use std::fmt;
use std::time::Duration;

use vitals_model::incident::Incident;
use vitals_model::time::human;

use super::bed::Trouble;
use super::expect::{Expectation, Expects};
use super::hour::Hour;

/// Everything.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// The trials, in the order of the catalogue.
    pub trials: Vec<Trial>,
    /// The healthy hour, if it was asked for.
    pub hour: Option<Hour>,
    /// How long it all took.
    pub took: Duration,
}

impl Matrix {
    /// Whether all holds. A proof in which nothing was tried, or no probe was sent, proves nothing.
    pub fn holds(&self) -> bool {
        self.probes() > 0 && self.trials.iter().all(Trial::holds) && self.hour.as_ref().is_none_or(Hour::holds)
    }

    /// Probes sent, all together.
    pub fn probes(&self) -> u64 {
        self.trials.iter().map(|t| t.probes).sum::<u64>() + self.hour.as_ref().map_or(0, |hour| hour.probes)
    }
}

/// What one fault came to.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What was expected.
    pub row: &'static Expectation,
    /// From the fault to the incident that says what it is; `None` when there was none.
    pub detected: Option<Duration>,
    /// The incident on the expected check as it last was while the fault lasted.
    pub seen: Option<Incident>,
    /// What was seen instead of an incident, where none may open.
    pub counted: Option<String>,
    /// From the end of the cause (of the fault that ends by itself: from its detection) to the end of the
    /// incident.
    pub resolved: Option<Duration>,
    /// Other incidents that opened.
    pub others: Vec<Other>,
    /// Probes sent meanwhile.
    pub probes: u64,
    /// How long all of it took.
    pub took: Duration,
    /// What does not hold; nothing when all does.
    pub shortfalls: Vec<Shortfall>,
}

/// An incident beside the expected one.
#[derive(Clone, Debug)]
pub struct Other {
    /// The incident, as it opened.
    pub incident: Incident,
    /// Whether it may be there.
    pub part: Part,
}

/// The part of an incident in a trial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// It rightly opens beside the expected one.
    Companion,
    /// It should not be there.
    Stranger,
}

impl Trial {
    /// A trial that has not begun.
    pub(super) fn new(row: &'static Expectation) -> Self {
        Self {
            row,
            detected: None,
            seen: None,
            counted: None,
            resolved: None,
            others: Vec::new(),
            probes: 0,
            took: Duration::ZERO,
            shortfalls: Vec::new(),
        }
    }

    /// A trial that could not begin.
    pub(super) fn failed(row: &'static Expectation, why: Shortfall) -> Self {
        Self { shortfalls: vec![why], ..Self::new(row) }
    }

    /// Whether all that is expected was seen, and nothing else.
    pub fn holds(&self) -> bool {
        self.shortfalls.is_empty()
    }

    /// Whether check, kind, health and words were the right ones. `None` when nothing was seen.
    pub fn verdict_holds(&self) -> Option<bool> {
        match self.row.expects {
            Expects::Rotation => self.detected.map(|_| true),
            Expects::Incident(verdict) | Expects::Passing(verdict) => self.seen.as_ref().map(|seen| verdict.holds(seen)),
        }
    }
}

/// Why a trial or the hour does not hold. Its text is for people.
#[derive(Clone, PartialEq, Debug)]
pub enum Shortfall {
    /// The proof ended before its turn.
    NotTried,
    /// No lab could be started.
    NoLab(Trouble),
    /// The lab was not seen healthy before the fault.
    NotHealthy {
        /// How long was waited.
        after: Duration,
        /// What was bad.
        why: String,
    },
    /// Something was said to be wrong before anything was.
    TooEarly(Box<Incident>),
    /// The lab could not make the fault happen.
    NotInjected(Trouble),
    /// Nothing was seen of it.
    NotDetected {
        /// How long was waited.
        waited: Duration,
        /// The bound.
        bound: Duration,
    },
    /// It was seen later than its bound.
    Late {
        /// When.
        detected: Duration,
        /// The bound.
        bound: Duration,
    },
    /// An incident opened on the expected check, and says something else.
    WrongVerdict(Box<Incident>),
    /// It said the right thing first, and another while the fault went on.
    Changed(Box<Incident>),
    /// An incident opened that has no part in it.
    Stranger(Box<Incident>),
    /// It ended while the fault went on.
    EndedEarly,
    /// It opened more than once.
    Reopened(usize),
    /// The lab could not take the cause away.
    NotCleared(Trouble),
    /// It did not end when its cause was gone.
    NotResolved {
        /// The checks whose incidents are open, or what is bad still.
        open: String,
        /// How long was waited.
        waited: Duration,
    },
    /// More lines of the log are broken than the one that was torn.
    LinesBroken(String),
    /// Something was found on a healthy lab.
    Found(String),
    /// Not as many probes as an hour sends.
    TooFewProbes {
        /// How many were sent.
        sent: u64,
        /// How many would be.
        wanted: u64,
    },
    /// No probe was sent: silence proves nothing.
    NoProbes,
    /// More was said than can be taken down.
    TooMuch(u64),
    /// The monitoring ended by itself.
    WatchEnded,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTried => f.write_str("not tried: the proof ended before"),
            Self::NoLab(why) => write!(f, "no lab: {why}"),
            Self::NotHealthy { after, why } => {
                write!(f, "not healthy before the fault, {} after the start: {why}", human(*after))
            }
            Self::TooEarly(incident) => write!(f, "opened before anything was wrong: {}", show(incident)),
            Self::NotInjected(why) => write!(f, "the fault could not be injected: {why}"),
            Self::NotDetected { waited, bound } => {
                write!(f, "not detected within {}, expected within {}", human(*waited), human(*bound))
            }
            Self::Late { detected, bound } => write!(f, "detected after {}, expected within {}", human(*detected), human(*bound)),
            Self::WrongVerdict(seen) => write!(f, "another verdict than expected: {}", show(seen)),
            Self::Changed(seen) => write!(f, "the verdict changed while the fault went on: {}", show(seen)),
            Self::Stranger(incident) => write!(f, "another incident opened: {}", show(incident)),
            Self::EndedEarly => f.write_str("resolved while the fault went on"),
            Self::Reopened(times) => write!(f, "opened {times} times, expected once"),
            Self::NotCleared(why) => write!(f, "the fault could not be cleared: {why}"),
            Self::NotResolved { open, waited } => write!(f, "not over {} after the fault was cleared: {open}", human(*waited)),
            Self::LinesBroken(what) => write!(f, "lines of the log were broken beyond the torn one: {what}"),
            Self::Found(what) => write!(f, "found on a healthy hub: {what}"),
            Self::TooFewProbes { sent, wanted } => write!(f, "{sent} probes sent, expected {wanted}"),
            Self::NoProbes => f.write_str("no probe was sent: silence proves nothing"),
            Self::TooMuch(n) => write!(f, "{n} more changes of incidents than can be taken down"),
            Self::WatchEnded => f.write_str("the monitoring ended by itself"),
        }
    }
}

/// An incident in one line.
pub(super) fn show(incident: &Incident) -> String {
    let Incident { health, kind, target, check, summary, .. } = incident;
    format!("{} {kind} {target} {check}: {summary}", health.as_str())
}
