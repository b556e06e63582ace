//! Claims: what a hub says about itself and about its servers. A claim is never a fact.

use std::sync::Arc;
use std::time::Duration;

use crate::text::Text;
use crate::time::Timestamp;
use crate::tool::ToolSet;

/// The hub's claimed state (`state` of `/api/health` and of the `hub_state` event).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HubState {
    /// Starting: its servers may not be connected yet.
    Starting,
    /// Ready.
    Ready,
    /// Restarting.
    Restarting,
    /// Restarted.
    Restarted,
    /// Stopping.
    Stopping,
    /// Stopped.
    Stopped,
    /// Error.
    Error,
    /// A state this version does not know, as the hub wrote it.
    Other(Text),
}

impl HubState {
    /// Reads the hub's word; unknown words are kept.
    pub fn parse(word: &str) -> Self {
        match word {
            "starting" => Self::Starting,
            "ready" => Self::Ready,
            "restarting" => Self::Restarting,
            "restarted" => Self::Restarted,
            "stopping" => Self::Stopping,
            "stopped" => Self::Stopped,
            "error" => Self::Error,
            other => Self::Other(Text::new(other)),
        }
    }

    /// The hub's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Restarting => "restarting",
            Self::Restarted => "restarted",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Error => "error",
            Self::Other(word) => word.as_str(),
        }
    }
}

/// What the hub says of one server's connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClaimStatus {
    /// `connected`.
    Connected,
    /// `connecting`.
    Connecting,
    /// `disconnected`.
    Disconnected,
    /// `unauthorized`: it waits for somebody to log in.
    Unauthorized,
    /// `disabled` by configuration.
    Disabled,
    /// A status this version does not know, as the hub wrote it.
    Other(Text),
}

impl ClaimStatus {
    /// Reads the hub's word; unknown words are kept.
    pub fn parse(word: &str) -> Self {
        match word {
            "connected" => Self::Connected,
            "connecting" => Self::Connecting,
            "disconnected" => Self::Disconnected,
            "unauthorized" => Self::Unauthorized,
            "disabled" => Self::Disabled,
            other => Self::Other(Text::new(other)),
        }
    }

    /// The hub's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Connected => "connected",
            Self::Connecting => "connecting",
            Self::Disconnected => "disconnected",
            Self::Unauthorized => "unauthorized",
            Self::Disabled => "disabled",
            Self::Other(word) => word.as_str(),
        }
    }
}

/// What the hub says of one server.
#[derive(Clone, PartialEq, Debug)]
pub struct ServerClaim {
    /// The server's name in the hub's configuration.
    pub name: Text,
    /// Connection status.
    pub status: ClaimStatus,
    /// The hub's error text for it.
    pub error: Option<Text>,
    /// How long the hub says it has been connected. Zero while `connected` is npm mcp-hub's only trace
    /// of a dead stdio server (and is also true in a connection's first second).
    pub uptime: Option<Duration>,
    /// When the hub says it last started it.
    pub started_at: Option<Timestamp>,
    /// `stdio`, `sse` or `streamable-http`.
    pub transport: Option<Text>,
    /// The tools that the hub's REST list gives it, without the hub's prefix; `None` when the list
    /// carried none for this server.
    pub tools: Option<ToolSet>,
    /// A tool of that list which may be called without harm, by what the list says of it. Where sessions
    /// are shown only a part of all tools, this is the one to call over the REST API.
    pub canary: Option<Text>,
}

/// What the hub says of itself.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct HubClaim {
    /// `state`.
    pub state: Option<HubState>,
    /// `version`.
    pub version: Option<Text>,
    /// `activeClients`: event-stream clients in npm mcp-hub 4.2.1.
    pub active_clients: Option<u64>,
    /// `mcpEndpoint.activeClients`: MCP sessions.
    pub mcp_clients: Option<u64>,
    /// How many tools the MCP endpoint says it has registered.
    pub registered_tools: Option<u64>,
    /// Whether the hub lists its meta-tool `hub__analyze_prompt` as registered; `None` when its lists
    /// are counts only (the filtering variant).
    pub meta_tool: Option<bool>,
    /// `workspaces.current`: the key of its own workspace.
    pub workspace: Option<Text>,
    /// The pid in its own workspace record.
    pub pid: Option<u32>,
    /// The whole answer as JSON, for exports; bounded like every body.
    pub raw: Option<Arc<str>>,
}

/// Tool-filtering statistics (`GET /api/filtering/stats` of the filtering variant).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FilteringClaim {
    /// Whether filtering is on.
    pub enabled: Option<bool>,
    /// `prompt-based`, `server-allowlist`, `category`, …
    pub mode: Option<Text>,
    /// Tools before filtering.
    pub total_tools: Option<u64>,
    /// Tools taken away.
    pub filtered_tools: Option<u64>,
    /// Tools left.
    pub exposed_tools: Option<u64>,
    /// Share of category look-ups answered from the cache, 0–1.
    pub cache_hit_rate: Option<f64>,
    /// Share of LLM look-ups answered from the cache, 0–1.
    pub llm_cache_hit_rate: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_words_are_kept_as_the_hub_wrote_them() {
        assert_eq!(HubState::parse("ready"), HubState::Ready);
        assert_eq!(HubState::parse("dreaming").as_str(), "dreaming");
        assert_eq!(ClaimStatus::parse("connected"), ClaimStatus::Connected);
        assert_eq!(ClaimStatus::parse("x\u{1b}[2J").as_str(), "x\\u{1b}[2J");
    }
}
