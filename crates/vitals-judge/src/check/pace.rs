//! How often each check is measured, and whether what it said grows old.

use std::time::Duration;

use vitals_model::check::Point;
use vitals_model::config::Schedule;
use vitals_model::reading::Reading;
use vitals_model::target::TargetKind;

/// When a good reading is too old to believe, in intervals of its probe.
pub(crate) const STALE_INTERVALS: u32 = crate::truth::STALE_INTERVALS;

/// The pace of one check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pace {
    /// Measured this often: without news it is soon not known any more.
    Every(Duration),
    /// Looked at this often, and good until the next event says otherwise.
    Lasting(Duration),
    /// Measured now and then: it stays what it was.
    Rare,
}

impl Pace {
    /// How far apart the samples are at least that history keeps of it; `None` for all of what is measured now and then.
    pub(crate) fn apart(self) -> Option<Duration> {
        match self {
            Self::Every(interval) | Self::Lasting(interval) => Some(interval / 2),
            Self::Rare => None,
        }
    }

    /// For how long a good reading is believed without another one; `None` for what stays good until something else is
    /// seen.
    pub(crate) fn believed(self) -> Option<Duration> {
        match self {
            Self::Every(interval) => Some(interval * STALE_INTERVALS),
            Self::Lasting(_) | Self::Rare => None,
        }
    }
}

/// The pace of the check that gave `reading`.
pub(crate) fn of(reading: &Reading, kind: TargetKind, schedule: &Schedule) -> Pace {
    let (light, session) = (Pace::Every(schedule.light), Pace::Every(schedule.session));
    match (reading.point, reading.id.question()) {
        (Point::HubLlm, "key" | "latency" | "provider") => Pace::Every(schedule.llm),
        (Point::FilteringSessions, "open" | "tools" | "isolation")
        | (Point::MetaToolClients, "registered")
        | (Point::HubServers, "call" | "tools")
        | (Point::Logging, "silence") => session,
        (Point::HubServers, _) if kind == TargetKind::Server => session,
        (Point::FilteringSessions, "cleanup" | "storm") | (Point::MetaToolClients, "call" | "list-changed") => Pace::Rare,
        (Point::Logging, "errors" | "stream") => Pace::Lasting(schedule.light),
        _ => light,
    }
}

/// For how long a good `reading` is believed without another one; `None` for what stays good until something else is seen.
pub fn believed_for(reading: &Reading, kind: TargetKind, schedule: &Schedule) -> Option<Duration> {
    of(reading, kind, schedule).believed()
}
