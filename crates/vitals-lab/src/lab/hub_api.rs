//! What the lab asks of its hub as any client would: REST requests, and MCP sessions.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;
use vitals_model::config::Timeouts;
use vitals_model::limits::BODY_BYTES_MAX;
use vitals_model::target::Address;
use vitals_probe::http::{Client, Request};
use vitals_probe::mcp::{self, Context, Listen, META_TOOL, Session};

use super::error::LabError;

/// How long the hub may take to answer one request.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What the meta-tool is asked, so that a session sees more than it began with.
const PROMPT: &str = "List the files of a folder and read one of them";

/// The hub at one port of this machine.
#[derive(Clone, Debug)]
pub(super) struct HubApi {
    url: String,
}

/// A server as the hub speaks of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Claimed {
    pub(super) name: String,
    pub(super) status: String,
}

impl HubApi {
    pub(super) fn new(port: u16) -> Self {
        Self { url: format!("http://127.0.0.1:{port}") }
    }

    /// The servers and what the hub says of them.
    pub(super) async fn servers(&self) -> Result<Vec<Claimed>, LabError> {
        let answer = self.ask("GET /api/servers", "servers", None, ANSWER_MAX).await?;
        let word = |server: &Value, key| server.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let servers = answer.get("servers").and_then(Value::as_array).into_iter().flatten();
        Ok(servers.map(|server| Claimed { name: word(server, "name"), status: word(server, "status") }).collect())
    }

    /// Ends a server.
    pub(super) async fn stop(&self, server: &str) -> Result<(), LabError> {
        let body = json!({ "server_name": server });
        self.ask("POST /api/servers/stop", "servers/stop", Some(&body), ANSWER_MAX).await.map(drop)
    }

    /// Starts a server; `limit` is how long it may take to connect.
    pub(super) async fn start(&self, server: &str, limit: Duration) -> Result<(), LabError> {
        let body = json!({ "server_name": server });
        self.ask("POST /api/servers/start", "servers/start", Some(&body), limit).await.map(drop)
    }

    /// Calls a tool that takes no arguments. What it answers is of no interest: the hub logs the call.
    pub(super) async fn call(&self, server: &str, tool: &str) -> Result<(), LabError> {
        let body = json!({ "server_name": server, "tool": tool, "arguments": {} });
        self.ask("POST /api/servers/tools", "servers/tools", Some(&body), ANSWER_MAX).await.map(drop)
    }

    /// Opens an MCP session.
    pub(super) async fn open(&self) -> Result<Session, LabError> {
        let timeouts = Timeouts::default();
        let context = Context::new(Arc::new(Client::new(&timeouts, vec![])), timeouts, vec![], Listen::Unasked);
        let opened = mcp::open(&Address::Hub { url: self.url.clone() }, &context).await;
        opened.map_err(|failure| failed("an MCP session", &failure))
    }

    /// Asks the meta-tool in a session, which is shown more tools from then on.
    pub(super) async fn ask_for_tools(&self, session: &Session) -> Result<(), LabError> {
        let asked = session.call(META_TOOL, &json!({ "prompt": PROMPT }), Timeouts::default().meta_tool).await;
        asked.map(drop).map_err(|failure| failed(META_TOOL, &failure))
    }

    /// One request on a connection of its own: the hub may have been started again since the last one.
    async fn ask(&self, what: &str, path: &str, body: Option<&Value>, limit: Duration) -> Result<Value, LabError> {
        let url = format!("{}/api/{path}", self.url);
        let url = Url::parse(&url).map_err(|error| LabError::Request { request: url, why: error.to_string() })?;
        let request = body.map_or_else(|| Request::get(&url), |body| Request::post_json(&url, body));
        let client = Client::new(&Timeouts::default(), vec![]);
        let answer = async { client.send(request, limit).await?.ok().await?.bytes(BODY_BYTES_MAX).await };
        let (bytes, _) = answer.await.map_err(|failure| failed(what, &failure))?;
        vitals_probe::http::json(&bytes).map_err(|failure| failed(what, &failure))
    }
}

fn failed(request: &str, failure: &vitals_model::observation::Failure) -> LabError {
    LabError::Request { request: request.to_owned(), why: failure.to_string() }
}
