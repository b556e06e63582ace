//! What the hub says of one server. It is what is told, not what is true: the persona decides whether
//! the two differ.

use serde::Serialize;
use serde_json::Value;
use std::path::Path;
use vitals_model::time::Timestamp;
use vitals_probe::clock::{self, Stopwatch};

use super::link::{Capabilities, Link, Upstream};
use crate::hub::config::{ServerConfig, Way};

/// The status in the words of the API.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Connected,
    Connecting,
    Disconnected,
    Disabled,
}

/// What is kept of one server.
#[derive(Clone)]
pub(crate) struct State {
    pub status: Status,
    pub error: Option<String>,
    pub capabilities: Capabilities,
    /// Calls go here; `None` for a server that was never connected, or stopped.
    pub upstream: Option<Upstream>,
    /// Whether the first attempt has come to an end.
    pub settled: bool,
    server_info: Value,
    transport: &'static str,
    last_started: Option<Timestamp>,
    /// Runs while the connection does; npm's `uptime` is 0 without it.
    up: Option<Stopwatch>,
}

/// One server as the API shows it. The order of fields is npm's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerView {
    pub name: String,
    display_name: String,
    description: &'static str,
    transport_type: &'static str,
    pub status: Status,
    error: Option<String>,
    capabilities: Capabilities,
    uptime: u64,
    last_started: Option<String>,
    authorization_url: Option<String>,
    server_info: Value,
    #[serde(rename = "config_source")]
    config_source: String,
}

impl State {
    /// A server that nothing has been done with. npm counts its time from here on.
    pub(super) fn new(config: &ServerConfig) -> Self {
        Self {
            status: if config.disabled { Status::Disabled } else { Status::Connecting },
            error: None,
            capabilities: Capabilities::default(),
            upstream: None,
            settled: config.disabled,
            server_info: Value::Null,
            transport: match config.way {
                Way::Stdio { .. } => "stdio",
                Way::Http { .. } => "streamable-http",
            },
            last_started: Some(clock::now()),
            up: Some(Stopwatch::start()),
        }
    }

    pub(super) fn connecting(&mut self) {
        self.status = Status::Connecting;
        self.error = None;
        self.last_started = Some(clock::now());
        self.up = Some(Stopwatch::start());
    }

    pub(super) fn connected(&mut self, link: &mut Link) {
        self.status = Status::Connected;
        self.error = None;
        self.capabilities = std::mem::take(&mut link.capabilities);
        self.server_info = link.server_info.clone();
        self.transport = link.transport;
        self.upstream = Some(link.upstream.clone());
        self.settled = true;
    }

    /// The server is stopped, or could not be connected.
    pub(super) fn down(&mut self, status: Status, error: Option<String>) {
        let transport = self.transport;
        *self = Self {
            status,
            error,
            capabilities: Capabilities::default(),
            upstream: None,
            settled: true,
            server_info: Value::Null,
            transport,
            last_started: None,
            up: None,
        };
    }

    /// The connection is lost and nothing else is said: all that npm mcp-hub changes is the uptime.
    pub(super) fn haunted(&mut self) {
        self.up = None;
    }

    pub(super) fn view(&self, config: &ServerConfig, source: &Path) -> ServerView {
        ServerView {
            name: config.name.clone(),
            display_name: config.name.clone(),
            description: "",
            transport_type: self.transport,
            status: self.status,
            error: self.error.clone(),
            capabilities: self.capabilities.clone(),
            uptime: self.up.map_or(0, |up| up.elapsed().as_secs()),
            last_started: self.last_started.map(|at| at.to_string()),
            authorization_url: None,
            server_info: self.server_info.clone(),
            config_source: source.display().to_string(),
        }
    }
}
