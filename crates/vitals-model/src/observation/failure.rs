//! Why a probe saw less than it asked for, and how that is said.

use std::fmt;
use std::time::Duration;

use crate::text::Text;

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
