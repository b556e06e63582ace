//! Findings: what anomaly detectors say about a window of time.

use crate::reading::Health;
use crate::time::Timestamp;

/// The kinds of anomaly: the original system's six, and those that need a history.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FindingKind {
    /// More errors per time than allowed.
    ErrorSpike,
    /// A server that connects and is lost again and again.
    Flapping,
    /// The hub uses too much CPU or memory.
    Resources,
    /// More clients than expected.
    Clients,
    /// A server that does not truly work, whatever the hub claims.
    Servers,
    /// The log grows too fast, or is too large.
    LogGrowth,
    /// Memory, open files, clients, children or the log rise steadily and do not come down.
    Leak,
    /// More calls of a server fail than its history lets expect.
    ErrorRate,
    /// A latency that is another one from some moment on.
    LevelShift,
    /// A latency that is for some minutes far above anything that it is at this time.
    Unusual,
    /// A log that used to be written, and is not any more.
    Silence,
    /// A kind of error that was never logged before.
    NewErrors,
}

impl FindingKind {
    /// The original six, in the order of the original script. Each looks at one window of time.
    pub const ORIGINAL: [Self; 6] =
        [Self::ErrorSpike, Self::Flapping, Self::Resources, Self::Clients, Self::Servers, Self::LogGrowth];

    /// Those that compare what is with what used to be. Each is a warning at most.
    pub const OF_HISTORY: [Self; 6] =
        [Self::Leak, Self::ErrorRate, Self::LevelShift, Self::Unusual, Self::Silence, Self::NewErrors];

    /// The kind's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ErrorSpike => "error-spike",
            Self::Flapping => "flapping",
            Self::Resources => "resources",
            Self::Clients => "clients",
            Self::Servers => "servers",
            Self::LogGrowth => "log-growth",
            Self::Leak => "leak",
            Self::ErrorRate => "error-rate",
            Self::LevelShift => "level-shift",
            Self::Unusual => "unusual",
            Self::Silence => "silence",
            Self::NewErrors => "new-errors",
        }
    }

    /// What the detector looks for, in general.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::ErrorSpike => "errors per time window",
            Self::Flapping => "servers that connect and are lost repeatedly",
            Self::Resources => "CPU and memory of the hub",
            Self::Clients => "clients connected to the hub",
            Self::Servers => "servers that do not truly work",
            Self::LogGrowth => "growth and size of the log",
            Self::Leak => "what rises steadily, and when it reaches its limit",
            Self::ErrorRate => "failed calls against the history of each server",
            Self::LevelShift => "latencies that became others, and since when",
            Self::Unusual => "latencies far from their usual for some minutes",
            Self::Silence => "logs that used to be written",
            Self::NewErrors => "kinds of error never logged before",
        }
    }
}

/// What one detector says: three-valued, because "nothing found" and "could not look" differ.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// Which detector.
    pub kind: FindingKind,
    /// What it says.
    pub outcome: Outcome,
    /// The reason, with the figures.
    pub reason: String,
    /// What to do; empty when there is nothing to do.
    pub hint: String,
    /// When the detector looked.
    pub at: Timestamp,
}

/// The three values of a detector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It looked and found nothing.
    Quiet,
    /// It found something this bad ([`Health::Degraded`] or [`Health::Failing`]).
    Found(Health),
    /// It has not seen enough to tell.
    NotYet,
}
