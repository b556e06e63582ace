//! The connection to one server, over standard input and output (rmcp's client) or HTTP (our own): what
//! it can do, calls to it, and its end. It keeps no state of the server.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, ErrorCode, ErrorData, GetPromptRequestParams,
    Implementation, PaginatedRequestParams, ReadResourceRequestParams, Tool,
};
use rmcp::service::{ClientInitializeError, NotificationContext, RunningService, ServiceError};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::{ClientHandler, Peer, RoleClient};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::timeout;
use vitals_model::config::Timeouts;
use vitals_model::limits::{TOOL_PAGES_MAX, TOOLS_MAX};
use vitals_model::observation::{Failure, FailureKind, Transport};
use vitals_model::target::Address;
use vitals_probe::http::Client;
use vitals_probe::mcp::{self, Context, Listen, Session};
use vitals_probe::task::Task;

use super::ears::{Calls, Heard};
use crate::hub::backend::Notes;
use crate::hub::child::{Child, Pipes, Start};
use crate::hub::config::{ServerConfig, Way};
use crate::hub::journal::Journal;

/// How long a server may take to connect, and to answer a call: the default of the official SDKs.
pub(crate) const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// How long leaving a session may take before the server's process is ended.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);

/// Why a server did not do what it was asked for, in the words of npm mcp-hub.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("Not connected")]
    NotConnected,
    #[error("MCP error -32001: Request timed out")]
    TimedOut,
    #[error("MCP error -32000: Connection closed")]
    Closed,
    #[error("MCP error {}: {}", .0.code.0, .0.message)]
    Rpc(ErrorData),
    #[error("{0}")]
    Other(String),
}

impl Trouble {
    /// The JSON-RPC code, when there is one.
    pub(crate) const fn code(&self) -> Option<i32> {
        match self {
            Self::NotConnected | Self::Other(_) => None,
            Self::TimedOut => Some(-32001),
            Self::Closed => Some(-32000),
            Self::Rpc(error) => Some(error.code.0),
        }
    }
}

/// What a server offers.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Capabilities {
    pub tools: Vec<Tool>,
    pub resources: Vec<Value>,
    pub resource_templates: Vec<Value>,
    pub prompts: Vec<Value>,
}

/// The way to a connected server; cheap to clone.
#[derive(Clone)]
pub(crate) enum Upstream {
    Stdio(Peer<RoleClient>, Arc<Calls>),
    Http(Arc<Session>),
}

/// A connection and what keeps it alive.
pub(super) struct Link {
    pub upstream: Upstream,
    pub capabilities: Capabilities,
    /// What the server says that it is.
    pub server_info: Value,
    /// `stdio`, `sse` or `streamable-http`.
    pub transport: &'static str,
    /// Told when the server says that its tools changed.
    pub changes: Arc<Notify>,
    line: Line,
}

enum Line {
    Stdio { service: Box<RunningService<RoleClient, Ears>>, child: Child },
    Http { session: Arc<Session>, listener: Task },
}

/// What the hub hears from a server by itself.
struct Ears {
    changes: Arc<Notify>,
}

impl ClientHandler for Ears {
    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.changes.notify_one();
    }

    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(ClientCapabilities::default(), Implementation::new("mcp-vitals-lab", env!("CARGO_PKG_VERSION")))
    }
}

impl Link {
    /// Connects and reads what the server offers. Dropping the future ends what it has started.
    pub(super) async fn open(config: &ServerConfig, journal: &Journal) -> Result<Self, Trouble> {
        timeout(REQUEST_LIMIT, Self::connect(config, journal)).await.unwrap_or(Err(Trouble::TimedOut))
    }

    async fn connect(config: &ServerConfig, journal: &Journal) -> Result<Self, Trouble> {
        let mut link = match &config.way {
            Way::Stdio { command, args, env, cwd } => {
                let start = Start { name: &config.name, command, args, env, cwd: cwd.as_deref() };
                let started = Child::start(&start, journal).map_err(|error| spawn_trouble(command, &error))?;
                Self::by_stdio(started, Calls::new(&config.name, journal)).await?
            }
            Way::Http { url, headers } => {
                let client = Client::new(&Timeouts::default(), headers.clone());
                Self::by_http(url, client).await?
            }
        };
        link.capabilities = link.upstream.list().await?;
        Ok(link)
    }

    async fn by_stdio((child, pipes): (Child, Pipes), calls: Arc<Calls>) -> Result<Self, Trouble> {
        let changes = Arc::new(Notify::new());
        let ears = Ears { changes: Arc::clone(&changes) };
        let transport = Heard { transport: AsyncRwTransport::new(pipes.output, pipes.input), calls: Arc::clone(&calls) };
        let service = rmcp::serve_client(ears, transport).await.map_err(start_trouble)?;
        let server_info = service.peer_info().and_then(|info| serde_json::to_value(info.server_info.as_ref()?).ok());
        Ok(Self {
            upstream: Upstream::Stdio(service.peer().clone(), calls),
            capabilities: Capabilities::default(),
            server_info: server_info.unwrap_or_default(),
            transport: "stdio",
            changes,
            line: Line::Stdio { service: Box::new(service), child },
        })
    }

    async fn by_http(url: &str, client: Client) -> Result<Self, Trouble> {
        let timeouts = Timeouts { initialize: REQUEST_LIMIT, ..Timeouts::default() };
        let context = Context::new(Arc::new(client), timeouts, Vec::new(), Listen::Asked);
        let session = mcp::open(&Address::Http { url: url.to_owned() }, &context).await.map_err(|f| failure_trouble(&f))?;
        let transport = if session.opened().transport == Transport::LegacySse { "sse" } else { "streamable-http" };
        let said = session.opened().server.as_str();
        let (name, version) = said.rsplit_once(' ').unwrap_or((said, ""));
        let server_info = json!({"name": name, "version": version});
        let session = Arc::new(session);
        let changes = Arc::new(Notify::new());
        let listener = Task::spawn(listen(Arc::clone(&session), Arc::clone(&changes)));
        Ok(Self {
            upstream: Upstream::Http(Arc::clone(&session)),
            capabilities: Capabilities::default(),
            server_info,
            transport,
            changes,
            line: Line::Http { session, listener },
        })
    }

    /// Resolves when the connection is lost. Cancel safe.
    pub(super) async fn lost(&self) {
        match &self.line {
            Line::Stdio { child, .. } => child.output_ended().await,
            Line::Http { session, .. } => drop(session.wait_end().await),
        }
    }

    /// Leaves the session and ends the server's process.
    pub(super) async fn close(self) {
        match self.line {
            Line::Stdio { mut service, child } => {
                // A server that does not read cannot take our goodbye; its process is ended all the same.
                drop(service.close_with_timeout(LEAVE_LIMIT).await);
                drop(service);
                child.end().await;
            }
            Line::Http { session, listener } => {
                drop((listener, self.upstream));
                if let Ok(session) = Arc::try_unwrap(session) {
                    // A server that is gone cannot be told goodbye.
                    drop(session.close().await);
                }
            }
        }
    }
}

async fn listen(session: Arc<Session>, changes: Arc<Notify>) {
    loop {
        session.changed().await;
        changes.notify_one();
    }
}

impl Upstream {
    /// Reads all that the server offers, within [`REQUEST_LIMIT`].
    pub(crate) async fn list(&self) -> Result<Capabilities, Trouble> {
        timeout(REQUEST_LIMIT, self.list_all()).await.unwrap_or(Err(Trouble::TimedOut))
    }

    async fn list_all(&self) -> Result<Capabilities, Trouble> {
        Ok(match self {
            Self::Stdio(peer, _) => list_stdio(peer).await?,
            Self::Http(session) => list_http(session).await?,
        })
    }

    /// Calls a tool by its own name. Dropping the future cancels the call.
    pub(crate) async fn call(&self, request: CallToolRequestParams) -> Result<CallToolResult, Trouble> {
        let called = async {
            match self {
                Self::Stdio(peer, _) => peer.call_tool(request).await.map_err(call_trouble),
                Self::Http(session) => ask(session, "tools/call", serde_json::to_value(request).unwrap_or_default()).await,
            }
        };
        timeout(REQUEST_LIMIT, called).await.unwrap_or(Err(Trouble::TimedOut))
    }

    /// As [`Upstream::call`]; progress and log messages of a server on standard output go to `notes` meanwhile. Our
    /// own client, which is for servers behind HTTP, hears none.
    pub(crate) async fn call_noted(&self, mut request: CallToolRequestParams, notes: Notes) -> Result<CallToolResult, Trouble> {
        let _ear = match self {
            Self::Stdio(_, calls) => Some(calls.listen(&mut request, notes)),
            Self::Http(_) => None,
        };
        self.call(request).await
    }

    /// Reads a resource.
    pub(crate) async fn read(&self, uri: &str) -> Result<Value, Trouble> {
        let read = async {
            match self {
                Self::Stdio(peer, _) => {
                    let result = peer.read_resource(ReadResourceRequestParams::new(uri)).await.map_err(call_trouble)?;
                    Ok(serde_json::to_value(result).unwrap_or_default())
                }
                Self::Http(session) => ask(session, "resources/read", json!({ "uri": uri })).await,
            }
        };
        timeout(REQUEST_LIMIT, read).await.unwrap_or(Err(Trouble::TimedOut))
    }

    /// Gets a prompt.
    pub(crate) async fn prompt(&self, name: &str, arguments: Value) -> Result<Value, Trouble> {
        let got = async {
            match self {
                Self::Stdio(peer, _) => {
                    let mut params = GetPromptRequestParams::new(name);
                    params.arguments = arguments.as_object().cloned();
                    let result = peer.get_prompt(params).await.map_err(call_trouble)?;
                    Ok(serde_json::to_value(result).unwrap_or_default())
                }
                Self::Http(session) => ask(session, "prompts/get", json!({"name": name, "arguments": arguments})).await,
            }
        };
        timeout(REQUEST_LIMIT, got).await.unwrap_or(Err(Trouble::TimedOut))
    }
}

async fn list_stdio(peer: &Peer<RoleClient>) -> Result<Capabilities, Trouble> {
    let has = peer.peer_info().map(|info| info.capabilities.clone()).unwrap_or_default();
    let mut found = Capabilities::default();
    if has.tools.is_some() {
        found.tools = pages(|cursor| {
            let peer = peer.clone();
            Box::pin(async move {
                let page = peer.list_tools(cursor).await.map_err(call_trouble)?;
                Ok((page.tools, page.next_cursor))
            })
        })
        .await?;
    }
    if has.resources.is_some() {
        found.resources = values(
            pages(|cursor| {
                let peer = peer.clone();
                Box::pin(async move {
                    let page = peer.list_resources(cursor).await.map_err(call_trouble)?;
                    Ok((page.resources, page.next_cursor))
                })
            })
            .await,
        );
        found.resource_templates = values(
            pages(|cursor| {
                let peer = peer.clone();
                Box::pin(async move {
                    let page = peer.list_resource_templates(cursor).await.map_err(call_trouble)?;
                    Ok((page.resource_templates, page.next_cursor))
                })
            })
            .await,
        );
    }
    if has.prompts.is_some() {
        found.prompts = values(
            pages(|cursor| {
                let peer = peer.clone();
                Box::pin(async move {
                    let page = peer.list_prompts(cursor).await.map_err(call_trouble)?;
                    Ok((page.prompts, page.next_cursor))
                })
            })
            .await,
        );
    }
    Ok(found)
}

async fn list_http(session: &Arc<Session>) -> Result<Capabilities, Trouble> {
    let list = |method: &'static str, key: &'static str| {
        let session = Arc::clone(session);
        async move {
            pages(|cursor: Option<PaginatedRequestParams>| {
                let session = Arc::clone(&session);
                Box::pin(async move {
                    let params = cursor.map_or(json!({}), |cursor| serde_json::to_value(cursor).unwrap_or_default());
                    let mut page: Value = ask(&session, method, params).await?;
                    let items: Vec<Value> = serde_json::from_value(page[key].take()).unwrap_or_default();
                    Ok((items, page["nextCursor"].as_str().map(str::to_owned)))
                })
            })
            .await
        }
    };
    let tools = list("tools/list", "tools").await?;
    Ok(Capabilities {
        tools: tools.into_iter().filter_map(|tool| serde_json::from_value(tool).ok()).collect(),
        // A server need not know these methods.
        resources: list("resources/list", "resources").await.unwrap_or_default(),
        resource_templates: list("resources/templates/list", "resourceTemplates").await.unwrap_or_default(),
        prompts: list("prompts/list", "prompts").await.unwrap_or_default(),
    })
}

/// What `fetch` gives for one cursor: the items, and the next cursor.
type Page<T> = Result<(Vec<T>, Option<String>), Trouble>;

/// All pages of a list, at most [`TOOL_PAGES_MAX`] with [`TOOLS_MAX`] items; what lies beyond is left out.
async fn pages<T>(fetch: impl Fn(Option<PaginatedRequestParams>) -> BoxFuture<'static, Page<T>>) -> Result<Vec<T>, Trouble> {
    let mut items = Vec::new();
    let mut params = None;
    for _ in 0..TOOL_PAGES_MAX {
        let (page, next) = fetch(params).await?;
        items.extend(page);
        match next.filter(|cursor| !cursor.is_empty()) {
            Some(cursor) if items.len() < TOOLS_MAX => params = Some(PaginatedRequestParams::default().with_cursor(Some(cursor))),
            _ => break,
        }
    }
    items.truncate(TOOLS_MAX);
    Ok(items)
}

/// Lists beside the tools are shown, not used: one that fails is empty.
fn values<T: Serialize>(items: Result<Vec<T>, Trouble>) -> Vec<Value> {
    items.unwrap_or_default().into_iter().filter_map(|item| serde_json::to_value(item).ok()).collect()
}

async fn ask<T: DeserializeOwned>(session: &Session, method: &'static str, params: Value) -> Result<T, Trouble> {
    let result = session.pass_on(method, params, REQUEST_LIMIT).await.map_err(|failure| failure_trouble(&failure))?;
    serde_json::from_value(result).map_err(|error| Trouble::Other(format!("Unexpected answer: {error}")))
}

fn spawn_trouble(command: &str, error: &io::Error) -> Trouble {
    let word = match error.kind() {
        io::ErrorKind::NotFound => Cow::Borrowed("ENOENT"),
        io::ErrorKind::PermissionDenied => Cow::Borrowed("EACCES"),
        _ => Cow::Owned(error.to_string()),
    };
    Trouble::Other(format!("spawn {command} {word}"))
}

fn start_trouble(error: ClientInitializeError) -> Trouble {
    match error {
        ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. } => Trouble::Closed,
        ClientInitializeError::JsonRpcError(error) => Trouble::Rpc(error),
        other => Trouble::Other(other.to_string()),
    }
}

fn call_trouble(error: ServiceError) -> Trouble {
    match error {
        ServiceError::McpError(error) => Trouble::Rpc(error),
        ServiceError::TransportSend(_) | ServiceError::TransportClosed => Trouble::NotConnected,
        ServiceError::Cancelled { .. } => Trouble::Closed,
        ServiceError::Timeout { .. } => Trouble::TimedOut,
        other => Trouble::Other(other.to_string()),
    }
}

fn failure_trouble(failure: &Failure) -> Trouble {
    match failure.kind {
        FailureKind::Rpc(code) => {
            let code = i32::try_from(code).map_or(ErrorCode::INTERNAL_ERROR, ErrorCode);
            Trouble::Rpc(ErrorData::new(code, failure.evidence.as_str().to_owned(), None))
        }
        FailureKind::TimedOut(_) => Trouble::TimedOut,
        FailureKind::Closed => Trouble::Closed,
        _ => Trouble::Other(failure.to_string()),
    }
}
