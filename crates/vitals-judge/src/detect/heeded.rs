//! As what the samples of a check are heeded. It is found out once for each check.

use vitals_model::check::CheckId;

use super::lookout::Leaky;

/// As what the samples of a check are heeded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Heeded {
    /// Records that were logged.
    Record,
    /// A latency that is measured again and again.
    Latency,
    /// The age of the hub's process.
    Age,
    /// What may leak.
    Leaky(Leaky),
}

impl Heeded {
    /// As what those of this check are; `None` when they say nothing to any detector.
    pub(crate) fn of(id: &CheckId) -> Option<Self> {
        match id.as_str() {
            "hub-servers/process" => Some(Self::Age),
            "hub-servers/api" | "filtering-sessions/open" | "hub-llm/latency" => Some(Self::Latency),
            series if series.starts_with("logging/lines/") => Some(Self::Record),
            _ if id.question() == "call" => Some(Self::Latency),
            _ => Leaky::of(id).map(Self::Leaky),
        }
    }
}
