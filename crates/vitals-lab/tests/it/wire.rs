//! The endpoint of the hub process on the wire: both personas, both transports, every revision; pages, and word of
//! changes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;
use vitals_lab::fault::HubFault;
use vitals_lab::persona::Persona;
use vitals_model::config::Timeouts;
use vitals_model::observation::Transport;
use vitals_probe::clock::Stopwatch;
use vitals_probe::http::sse::EventSource;
use vitals_probe::http::{Client, Method, Request};

use crate::hub::{Hub, LIMIT, Raw, names, server};

/// Revisions with a handshake.
const STATEFUL: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// The one without.
const LATEST: &str = "2026-07-28";

const BOTH: (&str, &str) = ("accept", "application/json, text/event-stream");

/// Longest event that a test reads, in bytes.
const EVENT_BYTES_MAX: usize = 1 << 20;

fn initialize(version: &str) -> Value {
    let params = json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "raw", "version": "1" } });
    message(1, "initialize", &params)
}

fn message(id: u64, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn initialized() -> Value {
    json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })
}

/// A session over Streamable HTTP, byte by byte.
pub(crate) struct Raws<'a> {
    hub: &'a Hub,
    version: &'static str,
    id: String,
    next: AtomicU64,
}

impl<'a> Raws<'a> {
    pub(crate) async fn open(hub: &'a Hub, version: &'static str) -> Self {
        let opened = hub.raw(Method::POST, "/mcp", &[BOTH], &initialize(version)).await;
        assert_eq!(opened.message()["result"]["protocolVersion"], version, "{}", opened.body);
        let raws = Self { hub, version, id: opened.session.expect("a session"), next: AtomicU64::new(2) };
        assert_eq!(raws.raw(Method::POST, &initialized()).await.status, 202);
        raws
    }

    pub(crate) async fn raw(&self, method: Method, body: &Value) -> Raw {
        let headers = [BOTH, ("mcp-session-id", self.id.as_str()), ("mcp-protocol-version", self.version)];
        self.hub.raw(method, "/mcp", &headers, body).await
    }

    /// One request. The first has the number 2.
    pub(crate) async fn request(&self, method: &str, params: &Value) -> Raw {
        self.raw(Method::POST, &message(self.next.fetch_add(1, Ordering::Relaxed), method, params)).await
    }
}

/// One request of the latest revision.
pub(crate) async fn latest(hub: &Hub, method: &str, params: &Value) -> Raw {
    let mut params = params.clone();
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(LATEST);
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    let name = params["name"].as_str().unwrap_or_default().to_owned();
    let mut headers = vec![BOTH, ("mcp-protocol-version", LATEST), ("mcp-method", method)];
    headers.extend((!name.is_empty()).then_some(("mcp-name", name.as_str())));
    hub.raw(Method::POST, "/mcp", &headers, &message(2, method, &params)).await
}

/// The text that a tool answers.
pub(crate) async fn said(hub: &Hub, tool: &str, arguments: &Value) -> String {
    let answer = latest(hub, "tools/call", &json!({ "name": tool, "arguments": arguments })).await.message();
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text in {answer}")).to_owned()
}

fn echo() -> Value {
    json!({ "name": "echo__echo", "arguments": { "message": "hi" } })
}

fn echoed(answer: &Value) {
    assert_eq!(answer["result"]["content"][0]["text"], "Echo: hi", "{answer}");
}

async fn with_echo(persona: Persona) -> Hub {
    Hub::start(persona, &json!({ "echo": server("echo") })).await
}

#[tokio::test]
async fn every_revision_over_streamable_http_lists_calls_and_ends() {
    let hub = with_echo(Persona::Honest).await;
    for version in STATEFUL {
        let raws = Raws::open(&hub, version).await;
        assert_eq!(raws.request("tools/list", &json!({})).await.message()["result"]["tools"].as_array().unwrap().len(), 5);
        echoed(&raws.request("tools/call", &echo()).await.message());
        assert_eq!(raws.request("ping", &json!({})).await.message()["result"], json!({}));
        hub.until_clients(1).await;
        assert_eq!(raws.raw(Method::DELETE, &Value::Null).await.status, 202);
        assert_eq!(raws.request("tools/list", &json!({})).await.status, 404);
        hub.until_clients(0).await;
    }
    let discovered = latest(&hub, "server/discover", &json!({})).await.message();
    assert!(discovered["result"]["supportedVersions"].as_array().unwrap().contains(&json!(LATEST)), "{discovered}");
    let listed = latest(&hub, "tools/list", &json!({})).await;
    assert_eq!((listed.message()["result"]["tools"].as_array().unwrap().len(), listed.session), (5, None));
    echoed(&latest(&hub, "tools/call", &echo()).await.message());
    assert_eq!(latest(&hub, "initialize", &json!({})).await.message()["error"]["code"], -32601);
}

/// The next message on a stream of events.
async fn next(events: &mut EventSource) -> Value {
    let event = tokio::time::timeout(LIMIT, events.next()).await.expect("an event").unwrap();
    assert_eq!(event.name, "message");
    serde_json::from_str(&event.data).unwrap()
}

#[tokio::test]
async fn every_revision_with_a_handshake_works_over_http_and_sse_with_either_persona() {
    for persona in [Persona::Honest, Persona::Npm421] {
        let hub = with_echo(persona).await;
        for version in STATEFUL {
            let url = Url::parse(&format!("{}/mcp", hub.base)).unwrap();
            let client = Client::new(&Timeouts::default(), Vec::new());
            let answer = client.send(Request::get(&url).header("accept", "text/event-stream"), LIMIT).await.unwrap();
            let mut events = EventSource::new(answer, EVENT_BYTES_MAX).await.unwrap();
            let first = tokio::time::timeout(LIMIT, events.next()).await.unwrap().unwrap();
            assert!(first.name == "endpoint" && first.data.starts_with("/messages?sessionId="), "{first:?}");
            let send = async |body: &Value| assert_eq!(hub.post(&first.data, body).await.status, 202);
            send(&initialize(version)).await;
            assert_eq!(next(&mut events).await["result"]["protocolVersion"], version);
            send(&initialized()).await;
            send(&message(2, "tools/list", &json!({}))).await;
            assert_eq!(next(&mut events).await["result"]["tools"].as_array().unwrap().len(), 5);
            send(&message(3, "tools/call", &echo())).await;
            let answer = next(&mut events).await;
            assert_eq!(answer["id"], 3);
            echoed(&answer);
            hub.until_clients(1).await;
            drop(events);
            hub.until_clients(0).await;
            assert_eq!(hub.post(&first.data, &message(4, "ping", &json!({}))).await.status, 404);
        }
    }
}

#[tokio::test]
async fn the_end_of_a_session_stalls_the_npm_persona_and_is_told_thousands_of_times_in_log_and_stream() {
    let hub = with_echo(Persona::Npm421).await;
    let session = hub.legacy().await;
    let url = Url::parse(&format!("{}/api/events", hub.base)).unwrap();
    let answer = Client::new(&Timeouts::default(), Vec::new()).send(Request::get(&url), LIMIT).await.unwrap();
    let mut events = EventSource::new(answer, EVENT_BYTES_MAX).await.unwrap();
    session.close().await.unwrap();
    let told = |text: &str| text.matches("client disconnected from MCP HUB").count();
    let mut longest = Duration::ZERO;
    let began = Stopwatch::start();
    while told(&hub.log()) < 2_169 {
        let asked = Stopwatch::start();
        assert_eq!(hub.raw(Method::GET, "/api/health", &[], &Value::Null).await.status, 200);
        longest = longest.max(asked.elapsed());
        assert!(began.elapsed() < LIMIT, "{} lines", told(&hub.log()));
    }
    assert!(longest >= Duration::from_millis(40), "{longest:?}");
    let mut streamed = 0;
    while streamed < told(&hub.log()) {
        let event = tokio::time::timeout(LIMIT, events.next()).await.expect("each line is an event too").unwrap();
        assert!(!event.data.contains("events were lost"), "{}", event.data);
        streamed += told(&event.data);
    }
    assert!(hub.log().contains("\"msg\":\"Error closing server connected to mcp-vitals: Maximum call stack size exceeded\""));
}

#[tokio::test]
async fn the_monitors_own_client_agrees_with_each_persona() {
    let honest = with_echo(Persona::Honest).await;
    let (streamable, legacy) = (honest.streamable().await, honest.legacy().await);
    assert_eq!((streamable.opened().transport, legacy.opened().transport), (Transport::StreamableHttp, Transport::LegacySse));
    assert_eq!(names(&streamable).await, names(&legacy).await);
    let npm = with_echo(Persona::Npm421).await;
    let refused = npm.raw(Method::POST, "/mcp", &[BOTH], &initialize("2025-06-18")).await;
    assert!(refused.status == 404 && refused.body.contains("Cannot POST /mcp"), "{}", refused.body);
    // Asked for the other transport, it finds the one that there is.
    let found = npm.streamable().await;
    assert_eq!(found.opened().transport, Transport::LegacySse);
    assert_eq!(found.call("echo__echo", &json!({ "message": "hi" }), LIMIT).await.unwrap().items, 1);
    for session in [streamable, legacy, found] {
        session.close().await.unwrap();
    }
}

#[tokio::test]
async fn many_tools_come_in_pages_and_each_of_them_once() {
    let servers: serde_json::Map<_, _> = (0..5).map(|n| (format!("contents {n}"), server("contents"))).collect();
    let hub = Hub::start(Persona::Honest, &Value::Object(servers)).await;
    let session = hub.legacy().await;
    let listing = session.list(LIMIT).await;
    assert_eq!((listing.infos.len(), listing.pages), (75, 2));
    let mut all = names(&session).await;
    all.dedup();
    assert_eq!((all.len(), all[0].starts_with("contents_0__")), (75, true));
    let raws = Raws::open(&hub, "2025-06-18").await;
    let foreign = raws.request("tools/list", &json!({ "cursor": "x" })).await.message();
    assert_eq!(foreign["error"]["code"], -32602);
}

#[tokio::test]
async fn every_client_is_told_when_a_server_changes_its_tools() {
    let mut hub = Hub::start(Persona::Honest, &json!({ "contents": server("contents") })).await;
    let (streamable, legacy) = (hub.streamable().await, hub.legacy().await);
    let before = names(&legacy).await;
    let trigger = async || legacy.call("contents__test_trigger_tool_change", &json!({}), LIMIT).await.unwrap();
    let (one, two) = (streamable.changed(), legacy.changed());
    trigger().await;
    tokio::time::timeout(LIMIT, async { tokio::join!(one, two) }).await.expect("both are told");
    let after = names(&streamable).await;
    let new: Vec<_> = after.iter().filter(|name| !before.contains(name)).collect();
    assert_eq!(new, ["contents__test_added"]);
    // A hub that is told to be mute changes the list all the same.
    hub.order(&[HubFault::ListChangedMute]).await;
    streamable.take_list_changes();
    trigger().await;
    hub.until(async || names(&streamable).await == before).await;
    assert_eq!(streamable.take_list_changes(), 0);
}
