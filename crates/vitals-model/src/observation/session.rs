//! What is seen of MCP sessions and of the calls made in them.

use std::time::Duration;

use super::Failure;
use crate::text::Text;
use crate::tool::ToolSet;

/// What the sessions of one visit saw. A hub target has one session in `check` and two held ones in
/// `watch`; a direct server target has one.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionSeen {
    /// Each session side by side, oldest first.
    pub sessions: Vec<SessionView>,
    /// Canary calls made in the first session, in order of server name.
    pub calls: Vec<CallSeen>,
    /// Sessions opened since we started watching this target.
    pub opened_total: u64,
    /// Whether the sessions stay open after this visit.
    pub held: bool,
}

/// One session's view.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionView {
    /// Set-up, or why there is no session.
    pub opened: Result<Opened, Failure>,
    /// The whole tool list over all pages.
    pub tools: Result<ToolSet, Failure>,
    /// Time for the whole list.
    pub list_took: Duration,
    /// Pages read.
    pub pages: u64,
    /// Whether the session sees the meta-tool.
    pub meta_tool: bool,
    /// `notifications/tools/list_changed` received since the last visit.
    pub list_changes: u64,
    /// Lines or messages that were no JSON-RPC (stdio noise, unknown events).
    pub noise: u64,
}

impl SessionView {
    /// A session that could not be opened.
    pub fn failed(failure: &Failure) -> Self {
        Self {
            opened: Err(failure.clone()),
            tools: Err(failure.clone()),
            list_took: Duration::ZERO,
            pages: 0,
            meta_tool: false,
            list_changes: 0,
            noise: 0,
        }
    }
}

/// A session's set-up.
#[derive(Clone, PartialEq, Debug)]
pub struct Opened {
    /// Which transport answered.
    pub transport: Transport,
    /// The protocol revision agreed on, such as `2025-11-25`.
    pub protocol: Text,
    /// The server's name and version.
    pub server: Text,
    /// Time to connect, or to start the child.
    pub connect: Duration,
    /// Time for `initialize` or `server/discover`.
    pub initialize: Duration,
}

/// An MCP transport.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// Child process, lines of JSON.
    Stdio,
    /// HTTP+SSE of revision 2024-11-05.
    LegacySse,
    /// Streamable HTTP with sessions (2025-03-26 to 2025-11-25).
    StreamableHttp,
    /// Streamable HTTP without sessions (2026-07-28).
    StatelessHttp,
}

impl Transport {
    /// The transport as people and the API write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::LegacySse => "http+sse",
            Self::StreamableHttp => "streamable-http",
            Self::StatelessHttp => "streamable-http (stateless)",
        }
    }
}

/// The canary call of one server.
#[derive(Clone, PartialEq, Debug)]
pub struct CallSeen {
    /// The server.
    pub server: Text,
    /// The tool called, without the hub's prefix; `None` when no tool may be called safely.
    pub tool: Option<Text>,
    /// How the call was made.
    pub way: CallWay,
    /// Its answer: the number of content items, or why there was none.
    pub answer: Option<Result<u64, Failure>>,
    /// How long it took.
    pub took: Duration,
}

/// The way of a canary call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallWay {
    /// `tools/call` in an MCP session.
    Session,
    /// `POST /api/servers/tools`.
    Rest,
}
