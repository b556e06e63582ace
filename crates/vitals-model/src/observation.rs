//! Observations: what one run of a probe saw, with its evidence. They judge nothing.

mod failure;
mod log;
mod process;
mod session;

use std::path::PathBuf;
use std::time::Duration;

use crate::check::Probe;
use crate::claim::{FilteringClaim, HubClaim, HubState, ServerClaim};
use crate::target::TargetId;
use crate::text::Text;
use crate::time::Timestamp;

pub use self::failure::{Failure, FailureKind, Phase};
pub use self::log::{ErrorKind, Level, LevelCounts, LogFile, LogSeen, LogStretch, ServerTurn, Turn};
pub use self::process::{ChildFacts, ExitRole, ExitSeen, HostFacts, ListenSeen, ProcessFacts, ProcessId, ProcessSeen, RunState};
pub use self::session::{CallSeen, CallWay, Opened, SessionSeen, SessionView, Transport};

/// What one run of a probe, or one event from a held source, saw.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The target looked at.
    pub target: TargetId,
    /// When the probe ended.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What it saw.
    pub seen: Seen,
}

/// The shapes of what can be seen, one per probe plus the events that held sources send.
#[derive(Clone, Debug)]
pub enum Seen {
    /// From [`Probe::Workspace`].
    Workspace(WorkspaceSeen),
    /// From [`Probe::Process`].
    Process(ProcessSeen),
    /// A process we hold a pidfd of has ended.
    Exit(ExitSeen),
    /// From [`Probe::Api`].
    Api(Box<ApiSeen>),
    /// From [`Probe::Session`], or a direct visit to an MCP server.
    Session(Box<SessionSeen>),
    /// From [`Probe::MetaTool`].
    MetaTool(MetaToolSeen),
    /// From [`Probe::Llm`].
    Llm(LlmSeen),
    /// From [`Probe::Log`].
    Log(Box<LogSeen>),
    /// From [`Probe::Stream`], or a batch of a held stream.
    Stream(StreamSeen),
    /// What our own sessions cost the hub when they were closed.
    Visit(VisitSeen),
}

impl Seen {
    /// The probe that sees this; `None` for events that no probe asks for.
    pub const fn probe(&self) -> Option<Probe> {
        match self {
            Self::Workspace(_) => Some(Probe::Workspace),
            Self::Process(_) => Some(Probe::Process),
            Self::Api(_) => Some(Probe::Api),
            Self::Session(_) => Some(Probe::Session),
            Self::MetaTool(_) => Some(Probe::MetaTool),
            Self::Llm(_) => Some(Probe::Llm),
            Self::Log(_) => Some(Probe::Log),
            Self::Stream(_) => Some(Probe::Stream),
            Self::Exit(_) | Self::Visit(_) => None,
        }
    }
}

/// The hub's entry in `workspaces.json`, compared with the process table.
#[derive(Clone, PartialEq, Debug)]
pub struct WorkspaceSeen {
    /// The registry file read.
    pub registry: PathBuf,
    /// Its entry for this hub's port, or why there is none.
    pub entry: Result<WorkspaceEntry, Failure>,
}

/// One entry of `workspaces.json`.
#[derive(Clone, PartialEq, Debug)]
pub struct WorkspaceEntry {
    /// The hub's port: the key of the entry.
    pub port: u16,
    /// The pid that the hub wrote.
    pub pid: u32,
    /// When the hub says it started.
    pub started_at: Option<Timestamp>,
    /// `active`, `shutting_down`, …
    pub state: Text,
    /// The hub's working directory.
    pub cwd: Option<PathBuf>,
    /// Configuration files, made absolute with `cwd`.
    pub config_files: Vec<PathBuf>,
    /// Configuration files that cannot be read, with the reason.
    pub unreadable: Vec<(PathBuf, Text)>,
    /// The live process behind the pid; `None` when it is gone, or when another process has the pid
    /// now (it started later than the hub says): a stale entry.
    pub process: Option<ProcessId>,
}

/// Durations of the phases of one HTTP exchange.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Timing {
    /// Name resolution; zero for an IP address or a kept connection.
    pub resolve: Duration,
    /// TCP connect; zero on a kept connection.
    pub connect: Duration,
    /// TLS handshake; zero without TLS or on a kept connection.
    pub tls: Duration,
    /// From the request's start to the answer's first byte.
    pub first_byte: Duration,
    /// All of it.
    pub total: Duration,
}

/// What the REST API answered.
#[derive(Clone, PartialEq, Debug)]
pub struct ApiSeen {
    /// `GET /api/health`.
    pub health: Result<HubClaim, Failure>,
    /// `GET /api/servers`.
    pub servers: Result<Vec<ServerClaim>, Failure>,
    /// Servers beyond [`crate::limits::SERVERS_MAX`], counted and not judged.
    pub servers_left_out: u64,
    /// `GET /api/filtering/stats`; `None` when the hub has no such path (404).
    pub filtering: Option<Result<FilteringClaim, Failure>>,
    /// Phases of the health request.
    pub timing: Timing,
    /// Size of the health answer in bytes.
    pub health_bytes: u64,
}

impl ApiSeen {
    /// An API that could not be asked at all.
    pub fn failed(failure: &Failure) -> Self {
        Self {
            health: Err(failure.clone()),
            servers: Err(failure.clone()),
            servers_left_out: 0,
            filtering: None,
            timing: Timing::default(),
            health_bytes: 0,
        }
    }
}

/// The meta-tool's answer to a canary prompt.
#[derive(Clone, PartialEq, Debug)]
pub enum MetaToolSeen {
    /// Not called, and why: off, budget used up, not registered.
    NotCalled(Text),
    /// Called.
    Called {
        /// The parsed answer, or why there is none.
        answer: Result<MetaToolAnswer, Failure>,
        /// How long it took.
        took: Duration,
        /// Time to `tools/list_changed`; `None` when it did not come within the limit.
        list_changed: Option<Duration>,
    },
}

/// What the meta-tool answered.
#[derive(Clone, PartialEq, Debug)]
pub struct MetaToolAnswer {
    /// How many categories it chose.
    pub categories: u64,
    /// Its confidence, 0–1; 0.6 is the keyword fallback of the filtering variant.
    pub confidence: Option<f64>,
    /// Fields of the documented shape that are missing.
    pub missing: Vec<&'static str>,
}

/// The LLM provider behind tool filtering.
#[derive(Clone, PartialEq, Debug)]
pub enum LlmSeen {
    /// The hub's configuration names no provider: a fact, not a failure.
    NotConfigured,
    /// The hub's configuration could not be read, so we do not know.
    Unknown(Text),
    /// Asked for its models.
    Asked {
        /// Provider, such as `gemini`.
        provider: Text,
        /// The model that the hub uses.
        model: Option<Text>,
        /// Where the key comes from (`env:GEMINI_API_KEY`), never the key.
        key: Text,
        /// How many models it offers and whether the hub's is one of them, or why it did not answer.
        answer: Result<LlmModels, Failure>,
        /// How long it took.
        took: Duration,
    },
}

/// The provider's models.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LlmModels {
    /// How many.
    pub count: u64,
    /// Whether the hub's model is among them; `None` when the hub names none.
    pub has_model: Option<bool>,
}

/// The hub's event stream.
#[derive(Clone, PartialEq, Debug)]
pub enum StreamSeen {
    /// It opened, and its first event came after this long.
    Opened {
        /// Time to the first event.
        first_event: Duration,
    },
    /// A batch of what it delivered.
    Notes {
        /// What it said, oldest first; at most [`crate::limits::STREAM_NOTES_MAX`].
        notes: Vec<StreamNote>,
        /// Events beyond that bound.
        dropped: u64,
    },
    /// It is not open, or it ended, and why.
    Lost(Failure),
}

/// One thing that the event stream said.
#[derive(Clone, PartialEq, Debug)]
pub enum StreamNote {
    /// `hub_state`.
    State {
        /// The claimed state.
        state: HubState,
        /// The pid in the event.
        pid: Option<u32>,
    },
    /// A log record: the only place where npm mcp-hub's log has levels.
    Log {
        /// When the hub wrote it.
        at: Option<Timestamp>,
        /// Its level.
        level: Level,
        /// `code`, or the message's template.
        code: Text,
        /// The message.
        message: Text,
    },
    /// A server connected or was lost (told by a log record's message).
    Turn(ServerTurn),
    /// Servers, tools or the configuration changed: worth another look now.
    Changed(Text),
    /// `heartbeat`, every 10 s.
    Heartbeat,
    /// An error record that only says that a client went away.
    ClientAbort,
    /// One line of a disconnect storm.
    StormLine,
    /// An event of another kind, or a broken one.
    Other(Text),
}

/// What closing our sessions cost the hub.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct VisitSeen {
    /// Sessions that we opened.
    pub sessions: u64,
    /// Requests that we sent.
    pub requests: u64,
    /// Bytes that the hub's log grew by between our first request and the answer after the close.
    pub log_bytes: Option<u64>,
    /// Latency of the first API answer after the close.
    pub latency_after: Option<Duration>,
    /// `activeClients` plus MCP clients before we opened anything.
    pub clients_before: Option<u64>,
    /// The same after we closed everything.
    pub clients_after: Option<u64>,
}
