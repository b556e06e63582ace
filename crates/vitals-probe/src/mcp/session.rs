//! A session with one MCP server: set up once, listed and called any number of times, closed at the end.
//!
//! It judges nothing, and keeps nothing of what tools return but how much it was.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use vitals_model::limits::{EVIDENCE_CHARS_MAX, TOOL_PAGES_MAX};
use vitals_model::observation::{Failure, FailureKind, Opened, Phase};
use vitals_model::text::Text;
use vitals_model::tool::ToolSet;

use super::Setback;
use super::ledger::failure;
use super::link::{Line, Link};
use super::tools::{Listing, Pages};
use super::wire::{Era, METHOD_NOT_FOUND, PROTOCOL_LEGACY, PROTOCOL_STATEFUL, PROTOCOL_STATELESS, handshake};
use crate::clock::Stopwatch;

/// The meta-tool of the filtering hub: the only tool whose answer is read, because its shape is what
/// is checked.
pub const META_TOOL: &str = "hub__analyze_prompt";

/// Longest answer of the meta-tool that is read, in bytes; a documented one is below 2 kB.
pub const META_TEXT_BYTES_MAX: usize = 64 << 10;

/// How long saying goodbye to an HTTP server may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// An open session. Close it with [`Session::close`]: dropping it kills a child process and breaks a
/// legacy stream, which ends those sessions too, but leaves a Streamable HTTP session on its server.
#[derive(Debug)]
pub struct Session {
    link: Link,
    opened: Opened,
    greeting: Greeting,
    listen: Option<Duration>,
    /// Guards against making a lost session anew twice, and counts.
    renewing: tokio::sync::Mutex<()>,
    renewed: AtomicU64,
}

/// What a tool call returned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallAnswer {
    /// Content items; structured content alone counts as one.
    pub items: u64,
    /// The first text, of [`META_TOOL`] only, and only up to [`META_TEXT_BYTES_MAX`].
    pub text: Option<String>,
    /// From sending the request to its answer.
    pub took: Duration,
}

/// What a server said of itself.
#[derive(Clone, Debug)]
pub(super) struct Greeting {
    pub(super) protocol: Text,
    pub(super) server: Text,
    /// Whether it says that it has tools.
    tools: bool,
}

/// Shakes hands in the stateful eras.
pub(super) async fn initialize(link: &Link, limit: Duration) -> Result<Greeting, Setback> {
    let offered = if matches!(*link.line, Line::Legacy(_)) { PROTOCOL_LEGACY } else { PROTOCOL_STATEFUL };
    let result = link.ask(Phase::Initialize, "initialize", handshake(offered), limit).await?;
    let Some(protocol) = result.get("protocolVersion").and_then(Value::as_str) else {
        return Err(malformed(link, Phase::Initialize, &result).into());
    };
    if let Line::Streamable(line) = &*link.line {
        line.agree(protocol);
    }
    link.tell("notifications/initialized", limit).await?;
    Ok(greeting(&result, protocol))
}

/// Asks a server of the stateless era what it is.
pub(super) async fn discover(link: &Link, limit: Duration) -> Result<Greeting, Setback> {
    let result = link.ask(Phase::Discover, "server/discover", json!({}), limit).await?;
    let versions = result.get("supportedVersions").and_then(Value::as_array);
    match versions {
        Some(versions) if versions.iter().any(|v| v == PROTOCOL_STATELESS) => Ok(greeting(&result, PROTOCOL_STATELESS)),
        _ => Err(malformed(link, Phase::Discover, &result).into()),
    }
}

fn greeting(result: &Value, protocol: &str) -> Greeting {
    // 2026-07-28 moved the server's identity into `_meta`; servers of its drafts have it at the top.
    let identity = result.get("serverInfo").or_else(|| result.get("_meta")?.get("io.modelcontextprotocol/serverInfo"));
    let word = |key| identity.and_then(|info| info.get(key)).and_then(Value::as_str).unwrap_or_default();
    let tools = result.get("capabilities").is_some_and(|capabilities| capabilities.get("tools").is_some());
    let server = format!("{} {}", word("name"), word("version"));
    Greeting { protocol: Text::new(protocol), server: Text::new(server.trim()), tools }
}

/// An answer of another shape than the specification's.
fn malformed(link: &Link, phase: Phase, result: &Value) -> Failure {
    failure(phase, FailureKind::Malformed, link.ledger.evidence(result.to_string().as_bytes()))
}

impl Session {
    /// A session over a link whose server greeted us. `listen` is the limit for opening a stream for
    /// list changes, when one is wanted.
    pub(super) fn new(link: Link, opened: Opened, greeting: Greeting, listen: Option<Duration>) -> Self {
        let session =
            Self { link, opened, greeting, listen, renewing: tokio::sync::Mutex::default(), renewed: AtomicU64::new(0) };
        session.keep_listening();
        session
    }

    /// How the session was set up.
    pub const fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Reads the whole tool list, `limit` for all its pages together.
    ///
    /// A cursor that comes twice, or more than [`TOOL_PAGES_MAX`] pages, is `Malformed`: a client that
    /// trusts such a list never reaches its end.
    pub async fn list(&self, limit: Duration) -> Listing {
        self.keep_listening();
        let began = Stopwatch::start();
        let mut pages = Pages::default();
        let mut count = 0;
        let end = self.read_pages(&mut pages, &mut count, limit, began).await;
        let Pages { tools, infos, left_out } = pages;
        let tools = match end {
            // A server without tools need not know the method.
            Err(Failure { kind: FailureKind::Rpc(METHOD_NOT_FOUND), .. }) if !self.greeting.tools => Ok(ToolSet::default()),
            Err(failure) => Err(Failure { after: began.elapsed(), ..failure }),
            Ok(()) => Ok(tools.into_iter().collect()),
        };
        Listing { tools, infos, left_out, pages: count, took: began.elapsed() }
    }

    async fn read_pages(&self, pages: &mut Pages, count: &mut u64, limit: Duration, began: Stopwatch) -> Result<(), Failure> {
        let mut cursors = BTreeSet::new();
        let mut params = json!({});
        for _ in 0..TOOL_PAGES_MAX {
            let left = limit.saturating_sub(began.elapsed());
            let result = self.request(Phase::List, "tools/list", params, left).await?;
            *count += 1;
            pages.add(&result).ok_or_else(|| malformed(&self.link, Phase::List, &result))?;
            // An empty cursor is how some servers write that there is no next page.
            let cursor = result.get("nextCursor").and_then(Value::as_str).filter(|cursor| !cursor.is_empty());
            let Some(cursor) = cursor else { return Ok(()) };
            if !cursors.insert(cursor.to_owned()) {
                let evidence = Text::cut(&format!("the cursor {cursor} came twice"), EVIDENCE_CHARS_MAX);
                return Err(failure(Phase::List, FailureKind::Malformed, evidence));
            }
            params = json!({ "cursor": cursor });
        }
        let evidence = format!("more than {TOOL_PAGES_MAX} pages");
        Err(failure(Phase::List, FailureKind::Malformed, evidence.as_str()))
    }

    /// Calls a tool and counts what it returns. Calls may run side by side.
    ///
    /// # Errors
    /// `ToolError` with the beginning of the tool's words, `Empty` for a result with nothing in it,
    /// `Rpc` for a JSON-RPC error, `TimedOut`, and whatever the transport met.
    pub async fn call(&self, name: &str, arguments: &Value, limit: Duration) -> Result<CallAnswer, Failure> {
        let began = Stopwatch::start();
        let params = json!({"name": name, "arguments": arguments});
        let result = self.request(Phase::Call, "tools/call", params, limit).await?;
        let took = began.elapsed();
        let content = result.get("content").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let first_text = content.iter().find_map(|item| item.get("text")?.as_str());
        let refused = |kind, evidence| Err(Failure { after: took, ..failure(Phase::Call, kind, evidence) });
        if result.get("isError").and_then(Value::as_bool) == Some(true) {
            return refused(FailureKind::ToolError, self.link.ledger.evidence(first_text.unwrap_or_default().as_bytes()));
        }
        if !result.is_object() {
            return refused(FailureKind::Malformed, malformed(&self.link, Phase::Call, &result).evidence);
        }
        let structured = result.get("structuredContent").is_some_and(|content| !content.is_null());
        if content.is_empty() && !structured {
            return refused(FailureKind::Empty, Text::default());
        }
        let text = first_text.filter(|text| name == META_TOOL && text.len() <= META_TEXT_BYTES_MAX).map(str::to_owned);
        Ok(CallAnswer { items: content.len().max(1) as u64, text, took })
    }

    /// A request whose result is handed on as it came: for a hub between this server and its own clients.
    ///
    /// # Errors
    /// `Rpc` for a JSON-RPC error, with its message as evidence; `TimedOut`, and whatever the transport met.
    pub async fn pass_on(&self, method: &'static str, params: Value, limit: Duration) -> Result<Value, Failure> {
        self.request(Phase::Call, method, params, limit).await
    }

    /// Resolves at the next `notifications/tools/list_changed`, counted from the moment of this call
    /// (not of its first poll): ask for it before the call that is expected to cause one.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.link.ledger.list_changed()
    }

    /// List changes since the last time this was asked.
    pub fn take_list_changes(&self) -> u64 {
        self.link.ledger.take_list_changes()
    }

    /// Lines and messages that were none of the protocol's.
    pub fn noise(&self) -> u64 {
        self.link.ledger.noise().0
    }

    /// The beginning of the first of them.
    pub fn first_noise(&self) -> Option<Text> {
        self.link.ledger.noise().1
    }

    /// Requests sent in this session.
    pub fn requests(&self) -> u64 {
        self.link.sent()
    }

    /// How often the server forgot this session (404) and it was made anew.
    pub fn renewed(&self) -> u64 {
        self.renewed.load(Ordering::Relaxed)
    }

    /// Why the session is over; `None` while it lives. Streamable HTTP has no connection that could
    /// end: there, requests tell.
    pub fn ended(&self) -> Option<Failure> {
        self.link.ledger.ended()
    }

    /// Waits until the session is over.
    pub async fn wait_end(&self) -> Failure {
        self.link.ledger.wait_end().await
    }

    /// Ends the session: DELETE over Streamable HTTP, the end of the stream over HTTP+SSE, the end of
    /// the process group over stdio (up to 6 s for one that resists).
    ///
    /// # Errors
    /// The server refused to end the session, or a process survived.
    pub async fn close(self) -> Result<(), Failure> {
        self.link.close(CLOSE_LIMIT).await
    }

    /// A request; one that meets a session that the server forgot makes a new one, once.
    async fn request(&self, phase: Phase, method: &'static str, params: Value, limit: Duration) -> Result<Value, Failure> {
        let before = self.session_id();
        match self.link.ask(phase, method, params.clone(), limit).await {
            Err(setback) if setback.status == Some(404) && before.is_some() => {
                self.renew(before, limit).await?;
                Ok(self.link.ask(phase, method, params, limit).await?)
            }
            answer => Ok(answer?),
        }
    }

    fn session_id(&self) -> Option<String> {
        match (&*self.link.line, self.link.era) {
            (Line::Streamable(line), Era::Stateful) => line.session(),
            _ => None,
        }
    }

    async fn renew(&self, lost: Option<String>, limit: Duration) -> Result<(), Failure> {
        let _one_at_a_time = self.renewing.lock().await;
        // Another request may have met the same loss and made the new session already.
        if let Line::Streamable(line) = &*self.link.line
            && line.session() == lost
        {
            initialize(&self.link, limit).await?;
            self.renewed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn keep_listening(&self) {
        if let Some(limit) = self.listen {
            self.link.listen(limit);
        }
    }
}
