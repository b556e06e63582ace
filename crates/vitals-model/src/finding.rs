//! Findings: what anomaly detectors say about a window of time.

use crate::reading::Health;
use crate::time::Timestamp;

/// The kinds of anomaly: the original system's six.
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
}

impl FindingKind {
    /// All kinds, in the order of the original script.
    pub const ALL: [Self; 6] = [Self::ErrorSpike, Self::Flapping, Self::Resources, Self::Clients, Self::Servers, Self::LogGrowth];

    /// The kind's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ErrorSpike => "error-spike",
            Self::Flapping => "flapping",
            Self::Resources => "resources",
            Self::Clients => "clients",
            Self::Servers => "servers",
            Self::LogGrowth => "log-growth",
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
