//! Checks: the questions asked of a target, and the probes that answer them.

use std::fmt;
use std::sync::Arc;

use crate::text::Text;

/// An integration point: a border between two parts where a hub can fail on its own.
///
/// The first five are the original system's; `Workspace` is the hub's own record of itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Point {
    /// The hub process, its port and API, and every server behind it.
    HubServers,
    /// The hub and the LLM API that it asks (tool filtering).
    HubLlm,
    /// Tool filtering and sessions: what each session sees, and whether it ends when closed.
    FilteringSessions,
    /// The meta-tool and the clients that call it.
    MetaToolClients,
    /// The log file and the event stream.
    Logging,
    /// The workspace record: id, state, configuration files.
    Workspace,
}

impl Point {
    /// All points in the order in which people read them.
    pub const ALL: [Self; 6] =
        [Self::HubServers, Self::HubLlm, Self::FilteringSessions, Self::MetaToolClients, Self::Logging, Self::Workspace];

    /// The point as it begins a check id.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HubServers => "hub-servers",
            Self::HubLlm => "hub-llm",
            Self::FilteringSessions => "filtering-sessions",
            Self::MetaToolClients => "meta-tool-clients",
            Self::Logging => "logging",
            Self::Workspace => "workspace",
        }
    }

    /// The point as a heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::HubServers => "Hub ↔ servers",
            Self::HubLlm => "Hub ↔ LLM",
            Self::FilteringSessions => "Filtering ↔ sessions",
            Self::MetaToolClients => "Meta-tool ↔ clients",
            Self::Logging => "Logging ↔ everything",
            Self::Workspace => "Workspace",
        }
    }
}

/// The stable id of a check: `point/question` for the target, `point/server/question` for one server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CheckId(Arc<str>);

impl CheckId {
    /// The id of a check on the target itself.
    pub fn of_target(point: Point, question: &str) -> Self {
        Self(format!("{}/{question}", point.as_str()).into())
    }

    /// The id of a check on one server. A `/` in the server's name becomes `_`, so that an id always
    /// has the same number of parts.
    pub fn of_server(server: &Text, question: &str) -> Self {
        let name = server.as_str().replace('/', "_");
        Self(format!("{}/{name}/{question}", Point::HubServers.as_str()).into())
    }

    /// Whether this is what [`CheckId::of_target`] would make.
    pub fn is_of_target(&self, point: Point, question: &str) -> bool {
        self.0.strip_prefix(point.as_str()).and_then(|rest| rest.strip_prefix('/')) == Some(question)
    }

    /// Whether this is what [`CheckId::of_server`] would make; a name with a `/` is not recognised.
    pub fn is_of_server(&self, server: &Text, question: &str) -> bool {
        const POINT: &str = "hub-servers/";
        let rest = self.0.strip_suffix(question).and_then(|rest| rest.strip_suffix('/'));
        let rest = rest.filter(|rest| rest.len() == POINT.len() + server.as_str().len());
        rest.and_then(|rest| rest.strip_suffix(server.as_str())) == Some(POINT)
    }

    /// An id read back from the store or the command line.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part: the question.
    pub fn question(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The server's part of the id; `None` for a check on the target itself.
    pub fn server(&self) -> Option<&str> {
        let mut parts = self.0.split('/');
        let (_, server, question) = (parts.next()?, parts.next()?, parts.next());
        question.map(|_| server)
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What is carried out on a target. Each kind is scheduled on its own, and one run of it answers
/// several checks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Probe {
    /// Read the hub's own entry in `workspaces.json`.
    Workspace,
    /// Look at the hub's process, its listening socket and its children.
    Process,
    /// Ask the REST API for health, servers and filtering statistics.
    Api,
    /// List tools and make one canary call per server over MCP sessions.
    Session,
    /// Call the meta-tool (billable: budgeted).
    MetaTool,
    /// Ask the LLM provider for its models (not billable).
    Llm,
    /// Read what was added to the log.
    Log,
    /// Open the event stream and wait for its first event; a running watch holds it open instead.
    Stream,
}

impl Probe {
    /// All probes of a hub in the order in which a one-shot visit starts them.
    pub const ALL: [Self; 8] =
        [Self::Workspace, Self::Process, Self::Api, Self::Session, Self::MetaTool, Self::Llm, Self::Log, Self::Stream];

    /// The probe's name in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Process => "process",
            Self::Api => "api",
            Self::Session => "session",
            Self::MetaTool => "meta-tool",
            Self::Llm => "llm",
            Self::Log => "log",
            Self::Stream => "stream",
        }
    }
}

/// The unit of a value; the name is a Prometheus base unit where one exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// A plain number of things.
    Count,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes per hour.
    BytesPerHour,
    /// Percent, 0–100 (of one core for CPU).
    Percent,
}

impl Unit {
    /// The unit as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Millis => "ms",
            Self::Seconds => "s",
            Self::Bytes => "bytes",
            Self::BytesPerHour => "bytes/h",
            Self::Percent => "percent",
        }
    }

    /// Reads what the API writes.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Count, Self::Millis, Self::Seconds, Self::Bytes, Self::BytesPerHour, Self::Percent];
        all.into_iter().find(|unit| unit.as_str() == word)
    }

    /// A value of this unit as people read it.
    pub fn show(self, value: f64) -> String {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "display only; negative values are shown as zero"
        )]
        let whole = value.max(0.0) as u64;
        match self {
            Self::Count if value.fract() == 0.0 => format!("{value:.0}"),
            Self::Count => format!("{value:.1}"),
            Self::Millis => crate::time::human(std::time::Duration::from_secs_f64(value.max(0.0) / 1000.0)),
            Self::Seconds => crate::time::human(std::time::Duration::from_secs_f64(value.max(0.0))),
            Self::Bytes => crate::text::bytes(whole),
            Self::BytesPerHour => format!("{}/h", crate::text::bytes(whole)),
            Self::Percent => format!("{value:.1} %"),
        }
    }
}

/// Where a value becomes degraded and where it becomes failing; larger is worse unless `Below`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Threshold {
    /// Degraded above the first, failing above the second.
    Above(f64, f64),
    /// Degraded below the first, failing below the second.
    Below(f64, f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_name_point_server_and_question() {
        let call = CheckId::of_server(&Text::new("filesystem"), "call");
        assert_eq!(call.as_str(), "hub-servers/filesystem/call");
        assert_eq!((call.server(), call.question()), (Some("filesystem"), "call"));
        let port = CheckId::of_target(Point::HubServers, "port");
        assert_eq!((port.server(), port.question()), (None, "port"));
    }

    #[test]
    fn a_slash_in_a_server_name_does_not_add_a_part() {
        let id = CheckId::of_server(&Text::new("a/b"), "call");
        assert_eq!(id.server(), Some("a_b"));
    }
}
