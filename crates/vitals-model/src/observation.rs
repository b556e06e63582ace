//! Observations: what one run of a probe saw, with its evidence. They judge nothing.

mod log;
mod session;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::check::Probe;
use crate::claim::{FilteringClaim, HubClaim, HubState, ServerClaim};
use crate::target::TargetId;
use crate::text::Text;
use crate::time::Timestamp;

pub use self::log::{ErrorKind, Level, LevelCounts, LogFile, LogSeen, LogStretch, ServerTurn, Turn};
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

/// How far a probe came before it failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Looking up the host name.
    Resolve,
    /// Opening the TCP connection, or starting the child process.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Sending the request and waiting for the first byte of the answer.
    Request,
    /// Reading the answer's body or stream.
    Body,
    /// Making sense of the answer.
    Parse,
    /// MCP `initialize`.
    Initialize,
    /// MCP `server/discover`.
    Discover,
    /// MCP `tools/list`.
    List,
    /// MCP `tools/call`.
    Call,
    /// Ending the session.
    Close,
}

impl Phase {
    /// The phase as a gerund, for sentences: "timed out while connecting".
    pub const fn doing(self) -> &'static str {
        match self {
            Self::Resolve => "looking up the host",
            Self::Connect => "connecting",
            Self::Tls => "negotiating TLS",
            Self::Request => "waiting for an answer",
            Self::Body => "reading the answer",
            Self::Parse => "parsing the answer",
            Self::Initialize => "initialising the session",
            Self::Discover => "discovering the server",
            Self::List => "listing tools",
            Self::Call => "calling the tool",
            Self::Close => "closing the session",
        }
    }
}

/// Why a probe saw less than it asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Failure {
    /// How far it came.
    pub phase: Phase,
    /// What happened.
    pub kind: FailureKind,
    /// First bytes of what answered instead, or the system's words; may be empty.
    pub evidence: Text,
    /// Time from the probe's start to the failure.
    pub after: Duration,
}

/// What happened instead of an answer.
#[derive(Clone, PartialEq, Debug)]
pub enum FailureKind {
    /// The connection was refused: nothing listens.
    Refused,
    /// No route, network down, host unreachable.
    Unreachable,
    /// The name does not resolve.
    NoSuchHost,
    /// No answer within this limit.
    TimedOut(Duration),
    /// The other side closed in the middle.
    Closed,
    /// TLS failed.
    Tls,
    /// An HTTP status that is no success. 401 and 403 ask for credentials; 429 and 503 may carry
    /// a `Retry-After`.
    Status {
        /// The status code.
        code: u16,
        /// The `Retry-After` header, when it was there.
        retry_after: Option<Duration>,
    },
    /// An answer that is not JSON (HTML, text, cut off).
    NotJson,
    /// More bytes than [`crate::limits::BODY_BYTES_MAX`].
    TooLarge,
    /// JSON nested deeper than [`crate::limits::JSON_DEPTH_MAX`].
    TooDeep,
    /// JSON of another shape than expected.
    Malformed,
    /// A JSON-RPC error answer with this code.
    Rpc(i64),
    /// A tool result with `isError: true`.
    ToolError,
    /// A tool result with nothing in it.
    Empty,
    /// A redirect or an endpoint that leads to another host; never followed.
    OtherHost,
    /// A program that cannot be started.
    Spawn,
    /// A reference to a secret that has no value here.
    NoSecret,
    /// The file or process may not be read.
    Denied,
    /// The file or process is not there.
    Missing,
    /// Any other system error.
    Os,
}

impl FailureKind {
    /// Whether the other side wants credentials: alive, but not for us (401, 403).
    pub const fn wants_credentials(&self) -> bool {
        matches!(self, Self::Status { code: 401 | 403, .. })
    }

    /// Whether the other side is there but has too much to do or refuses for now (402, 429, 503).
    pub const fn is_overload(&self) -> bool {
        matches!(self, Self::Status { code: 402 | 429 | 503, .. })
    }
}

/// One sentence: what happened, at which phase, and the first bytes of what answered.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doing = self.phase.doing();
        match &self.kind {
            FailureKind::Refused => f.write_str("connection refused")?,
            FailureKind::Unreachable => f.write_str("host unreachable")?,
            FailureKind::NoSuchHost => f.write_str("no such host")?,
            FailureKind::TimedOut(limit) => write!(f, "no answer within {} while {doing}", crate::time::human(*limit))?,
            FailureKind::Closed => write!(f, "connection closed while {doing}")?,
            FailureKind::Tls => f.write_str("TLS failed")?,
            FailureKind::Status { code, .. } => write!(f, "HTTP {code}")?,
            FailureKind::NotJson => f.write_str("answer is not JSON")?,
            FailureKind::TooLarge => {
                write!(f, "answer larger than {}", crate::text::bytes(crate::limits::BODY_BYTES_MAX as u64))?;
            }
            FailureKind::TooDeep => write!(f, "JSON nested deeper than {}", crate::limits::JSON_DEPTH_MAX)?,
            FailureKind::Malformed => write!(f, "unexpected answer while {doing}")?,
            FailureKind::Rpc(code) => write!(f, "error {code} while {doing}")?,
            FailureKind::ToolError => f.write_str("tool answered with an error")?,
            FailureKind::Empty => f.write_str("tool answered with nothing")?,
            FailureKind::OtherHost => f.write_str("answer leads to another host, not followed")?,
            FailureKind::Spawn => f.write_str("program cannot be started")?,
            FailureKind::NoSecret => f.write_str("referenced secret is not set")?,
            FailureKind::Denied => f.write_str("permission denied")?,
            FailureKind::Missing => f.write_str("not found")?,
            FailureKind::Os => write!(f, "system error while {doing}")?,
        }
        if self.evidence.as_str().is_empty() { Ok(()) } else { write!(f, ": {}", self.evidence) }
    }
}

/// A process as the kernel identifies it: a pid alone may be reused, with its start time it is unique.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProcessId {
    /// The pid.
    pub pid: u32,
    /// Start time in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub start_ticks: u64,
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

/// The hub's process.
#[derive(Clone, PartialEq, Debug)]
pub enum ProcessSeen {
    /// It is there.
    Alive(Box<ProcessFacts>),
    /// Nothing listens on the hub's port on this machine, and its known process is gone.
    Gone {
        /// The last known identity.
        last: Option<ProcessId>,
        /// Former children that outlived it.
        orphans: Vec<ChildFacts>,
    },
    /// The target is on another machine: its process cannot be seen from here.
    Remote,
    /// It may not be looked at, or `/proc` cannot be read.
    Hidden(Failure),
}

/// Facts about a live process, from `/proc`.
#[derive(Clone, PartialEq, Debug)]
pub struct ProcessFacts {
    /// Identity.
    pub id: ProcessId,
    /// Kernel state.
    pub state: RunState,
    /// Since its start.
    pub uptime: Duration,
    /// CPU used between two looks, in percent of one core; `None` until there was a second look.
    pub cpu_percent: Option<f64>,
    /// The span between those two looks.
    pub cpu_over: Duration,
    /// Resident memory in bytes.
    pub rss_bytes: u64,
    /// The machine's memory in bytes.
    pub machine_bytes: u64,
    /// The limit of memory in bytes of its control group, or of one above it; `None` when there is none.
    pub memory_max: Option<u64>,
    /// Open file descriptors; `None` when they may not be counted.
    pub fds: Option<u64>,
    /// Its soft limit of file descriptors.
    pub fds_max: Option<u64>,
    /// Threads.
    pub threads: u64,
    /// Its direct children.
    pub children: Vec<ChildFacts>,
    /// Processes of its servers' commands whose parent is gone.
    pub orphans: Vec<ChildFacts>,
    /// Who listens on the hub's port.
    pub listen: ListenSeen,
}

/// A child of the hub, most often a stdio server.
#[derive(Clone, PartialEq, Debug)]
pub struct ChildFacts {
    /// Identity.
    pub id: ProcessId,
    /// Kernel state; the worst of the child and its own descendants (`npx` starts `node`).
    pub state: RunState,
    /// Command line, cut.
    pub command: Text,
    /// The server it runs, when the hub's configuration names exactly one with this command.
    pub server: Option<Text>,
    /// Resident memory of the child and its descendants, in bytes.
    pub rss_bytes: u64,
    /// Since its start.
    pub uptime: Duration,
}

/// The state letter of `/proc/PID/stat`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunState {
    /// Running, sleeping, idle: the ordinary states.
    Normal,
    /// Stopped by a signal or a tracer (`T`, `t`).
    Stopped,
    /// In uninterruptible sleep (`D`).
    DiskSleep,
    /// Ended, not yet reaped (`Z`, `X`).
    Zombie,
}

/// Who listens on the hub's port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListenSeen {
    /// Nobody.
    Nobody,
    /// The hub's process itself.
    Hub {
        /// The addresses it is bound to.
        addresses: Vec<IpAddr>,
    },
    /// Another process.
    Other {
        /// Its pid, when it can be found.
        pid: Option<u32>,
        /// Its command line, cut.
        command: Text,
    },
    /// The kernel's tables could not be read.
    Unknown(Text),
}

/// A process that we held a pidfd of has ended.
#[derive(Clone, PartialEq, Debug)]
pub struct ExitSeen {
    /// Which one.
    pub id: ProcessId,
    /// What it was to the hub.
    pub role: ExitRole,
}

/// What an ended process was to the hub.
#[derive(Clone, PartialEq, Debug)]
pub enum ExitRole {
    /// The hub itself.
    Hub,
    /// A child of the hub, with its command and, when known, its server.
    Child {
        /// Command line, cut.
        command: Text,
        /// The server it ran, when known.
        server: Option<Text>,
    },
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
