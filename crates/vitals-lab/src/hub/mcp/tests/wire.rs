//! What goes over the wire: both transports, every revision, paging, calls, refusals.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use vitals_model::observation::{FailureKind, Transport};
use vitals_probe::clock::Stopwatch;
use vitals_probe::http::Method;

use super::double::tool;
use super::stand::{LIMIT, Raw, Stand, names};
use crate::hub::backend::Listing;
use crate::hub::filter::Settings;
use crate::hub::front::Front as _;
use crate::persona::Persona;

const BOTH: (&str, &str) = ("accept", "application/json, text/event-stream");

async fn honest() -> Stand {
    Stand::start(vec![tool("files", "files__read"), tool("kinds", "kinds__all")], Settings::off(), Persona::Honest).await
}

fn initialize(version: &str) -> Value {
    let params = json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params })
}

fn request(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 2, "method": method, "params": params })
}

/// One request in a session of its own.
async fn ask(stand: &Stand, method: &str, params: &Value) -> Value {
    let opened = stand.raw(Method::POST, "/mcp", &[BOTH], &initialize("2025-06-18")).await;
    let id = opened.session.unwrap();
    let headers = [BOTH, ("mcp-session-id", id.as_str()), ("mcp-protocol-version", "2025-06-18")];
    let started = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    stand.raw(Method::POST, "/mcp", &headers, &started).await;
    stand.raw(Method::POST, "/mcp", &headers, &request(method, params)).await.message()
}

#[tokio::test]
async fn both_transports_list_the_same_tools_and_their_sessions_are_counted_until_they_end() {
    let stand = honest().await;
    let (streamable, legacy) = (stand.streamable().await, stand.legacy().await);
    assert_eq!((streamable.opened().transport, legacy.opened().transport), (Transport::StreamableHttp, Transport::LegacySse));
    assert_eq!(names(&streamable).await, ["files__read", "kinds__all"]);
    assert_eq!(names(&legacy).await, ["files__read", "kinds__all"]);
    assert_eq!((stand.endpoint.clients(), stand.endpoint.registered()), (2, 2));
    legacy.close().await.unwrap();
    stand.until_clients(1).await;
    streamable.close().await.unwrap();
    stand.until_clients(0).await;
}

#[tokio::test]
async fn a_client_that_goes_without_a_word_is_not_counted_any_more() {
    let stand = honest().await;
    let legacy = stand.legacy().await;
    stand.until_clients(1).await;
    drop(legacy);
    stand.until_clients(0).await;
}

#[tokio::test]
async fn every_revision_with_a_handshake_is_agreed_to_and_its_session_ends_by_delete() {
    let stand = honest().await;
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let opened = stand.raw(Method::POST, "/mcp", &[BOTH], &initialize(version)).await;
        assert_eq!(opened.message()["result"]["protocolVersion"], version);
        let id = opened.session.unwrap();
        let headers = [BOTH, ("mcp-session-id", id.as_str())];
        let deleted = stand.raw(Method::DELETE, "/mcp", &headers, &Value::Null).await;
        assert_eq!(deleted.status, 202);
        let after = stand.raw(Method::POST, "/mcp", &headers, &request("tools/list", &json!({}))).await;
        assert_eq!(after.status, 404, "{}", after.body);
    }
    stand.until_clients(0).await;
}

#[tokio::test]
async fn the_stateless_revision_needs_no_session_and_says_how_long_a_list_holds() {
    let stand = honest().await;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
    });
    let send = async |method: &str| -> Raw {
        let headers = [BOTH, ("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
        stand.raw(Method::POST, "/mcp", &headers, &request(method, &json!({ "_meta": meta }))).await
    };
    let versions = send("server/discover").await.message()["result"]["supportedVersions"].clone();
    assert!(versions.as_array().unwrap().contains(&json!("2026-07-28")), "{versions}");
    let list = send("tools/list").await.message()["result"].clone();
    assert_eq!(
        (list["tools"].as_array().unwrap().len(), list["ttlMs"].is_u64(), list["cacheScope"].is_string()),
        (2, true, true)
    );
    assert_eq!(send("ping").await.status, 404);
    assert_eq!(stand.endpoint.clients(), 0);
}

#[tokio::test]
async fn a_long_list_comes_in_pages_and_a_cursor_of_others_is_refused() {
    let tools = (0..120).map(|n| tool("many", &format!("many__{n:03}"))).collect();
    let stand = Stand::start(tools, Settings::off(), Persona::Honest).await;
    let session = stand.streamable().await;
    let listing = session.list(LIMIT).await;
    assert_eq!((listing.infos.len(), listing.pages), (120, 3));
    session.close().await.unwrap();
    for cursor in ["tool:120", "tool:-1", "tool:", "50", ""] {
        let refused = ask(&stand, "tools/list", &json!({ "cursor": cursor })).await;
        assert_eq!(refused["error"]["code"], -32602, "{cursor}: {refused}");
    }
}

#[tokio::test]
async fn answers_and_their_kinds_are_passed_on_untouched() {
    let stand = honest().await;
    let result = ask(&stand, "tools/call", &json!({ "name": "kinds__all", "arguments": {} })).await["result"].clone();
    let kinds: Vec<_> = result["content"].as_array().unwrap().iter().map(|item| item["type"].clone()).collect();
    assert_eq!(kinds, ["text", "image", "resource_link"]);
    assert_eq!((&result["structuredContent"], &result["_meta"]), (&json!({ "sum": 3 }), &json!({ "own": "kept" })));
    let params = json!({
        "name": "files__read",
        "arguments": { "text": "x" },
        "_meta": { "progressToken": 7, "io.modelcontextprotocol/clientInfo": {}, "vendor/key": 1 },
    });
    let seen = ask(&stand, "tools/call", &params).await["result"]["content"][0]["text"].clone();
    let seen: Value = serde_json::from_str(seen.as_str().unwrap()).unwrap();
    let passed = json!({ "name": "files__read", "arguments": { "text": "x" }, "meta": { "progressToken": 7, "vendor/key": 1 } });
    assert_eq!(seen, passed);
}

#[tokio::test]
async fn an_unknown_tool_is_an_error_of_the_protocol_and_a_failing_one_is_not() {
    let stand = Stand::start(vec![tool("kinds", "kinds__failing")], Settings::off(), Persona::Honest).await;
    let unknown = ask(&stand, "tools/call", &json!({ "name": "no_such_tool" })).await;
    assert_eq!(unknown["error"]["code"], -32602);
    let failing = ask(&stand, "tools/call", &json!({ "name": "kinds__failing", "arguments": {} })).await;
    assert_eq!(failing["result"]["isError"], true);
    let session = stand.legacy().await;
    let failure = session.call("no_such_tool", &json!({}), LIMIT).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Rpc(-32602));
}

#[tokio::test]
async fn a_cancelled_call_is_dropped_and_the_session_goes_on() {
    let stand = Stand::start(vec![tool("slow", "slow__wait")], Settings::off(), Persona::Honest).await;
    let id = stand.raw(Method::POST, "/mcp", &[BOTH], &initialize("2025-06-18")).await.session.unwrap();
    let headers = [BOTH, ("mcp-session-id", id.as_str())];
    let started = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    stand.raw(Method::POST, "/mcp", &headers, &started).await;
    let params = json!({ "name": "slow__wait", "arguments": {} });
    let call = request("tools/call", &params);
    let cancel = async {
        let mut waiting = stand.double.waiting.subscribe();
        tokio::time::timeout(LIMIT, waiting.wait_for(|n| *n == 1)).await.unwrap().unwrap();
        let params = json!({ "requestId": 2, "reason": "no patience" });
        let note = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
        stand.raw(Method::POST, "/mcp", &headers, &note).await;
        tokio::time::timeout(LIMIT, waiting.wait_for(|n| *n == 0)).await.unwrap().unwrap();
    };
    let (called, ()) = tokio::join!(stand.raw(Method::POST, "/mcp", &headers, &call), cancel);
    assert!(!called.body.contains("result"), "{}", called.body);
    let list = stand.raw(Method::POST, "/mcp", &headers, &request("tools/list", &json!({}))).await;
    assert_eq!(list.message()["result"]["tools"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_to_a_client_that_lost_its_connection_waits_for_it() {
    let stand = Stand::start(vec![tool("slow", "slow__wait")], Settings::off(), Persona::Honest).await;
    let id = stand.raw(Method::POST, "/mcp", &[BOTH], &initialize("2025-06-18")).await.session.unwrap();
    let headers = [BOTH, ("mcp-session-id", id.as_str())];
    let started = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    stand.raw(Method::POST, "/mcp", &headers, &started).await;
    let call = request("tools/call", &json!({ "name": "slow__wait", "arguments": {} }));
    let mut waiting = stand.double.waiting.subscribe();
    tokio::select! {
        answer = stand.raw(Method::POST, "/mcp", &headers, &call) => panic!("answered: {}", answer.body),
        under_way = tokio::time::timeout(LIMIT, waiting.wait_for(|n| *n == 1)) => drop(under_way.unwrap().unwrap()),
    }
    stand.double.go_on.send_replace(true);
    tokio::time::timeout(LIMIT, waiting.wait_for(|n| *n == 0)).await.unwrap().unwrap();
    let seen = |event: &'static str| [headers[0], headers[1], ("last-event-id", event)];
    // Twice: this connection may break as well.
    for _ in 0..2 {
        let answer = stand.raw(Method::GET, "/mcp", &seen("0/0"), &Value::Null).await;
        assert_eq!((answer.status, &answer.message()["id"]), (200, &json!(2)), "{}", answer.body);
        assert!(answer.body.contains("id: 1/0") || answer.body.contains("id:1/0"), "{}", answer.body);
    }
    for unknown in ["1/0", "0/1", "9", "x"] {
        let answer = stand.raw(Method::GET, "/mcp", &seen(unknown), &Value::Null).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{unknown}");
    }
}

#[tokio::test]
async fn every_session_is_told_when_the_tools_change_and_only_then() {
    let stand = honest().await;
    let (streamable, legacy) = (stand.streamable().await, stand.legacy().await);
    let (one, two) = (streamable.changed(), legacy.changed());
    let same = stand.double.listing.borrow().tools.clone();
    stand.double.listing.send_replace(Arc::new(Listing { tools: same }));
    stand.double.listing.send_replace(Arc::new(Listing { tools: vec![tool("files", "files__write")] }));
    tokio::time::timeout(LIMIT, async { tokio::join!(one, two) }).await.unwrap();
    assert_eq!(names(&streamable).await, ["files__write"]);
    assert_eq!((streamable.take_list_changes(), legacy.take_list_changes()), (1, 1));
}

#[tokio::test]
async fn the_npm_persona_speaks_the_old_transport_only_and_refuses_as_express_does() {
    let stand = Stand::start(vec![tool("files", "files__read")], Settings::off(), Persona::Npm421).await;
    let refused = stand.raw(Method::POST, "/mcp", &[BOTH], &initialize("2025-06-18")).await;
    assert_eq!(refused.status, 404);
    assert!(refused.body.contains("<pre>Cannot POST /mcp</pre>"), "{}", refused.body);
    assert_eq!(names(&stand.legacy().await).await, ["files__read"]);
}

#[tokio::test]
async fn other_sites_and_rebound_names_are_refused() {
    let stand = honest().await;
    let foreign = [("origin", "http://evil.example"), ("origin", "null"), ("host", "evil.example:80")];
    for header in foreign {
        for (method, path) in [(Method::POST, "/mcp"), (Method::GET, "/mcp"), (Method::POST, "/messages?sessionId=x")] {
            let refused = stand.raw(method.clone(), path, &[BOTH, header], &initialize("2025-06-18")).await;
            assert_eq!(refused.status, 403, "{method} {path} {header:?}");
        }
    }
    let local = stand.raw(Method::POST, "/mcp", &[BOTH, ("origin", "http://localhost:6274")], &initialize("2025-06-18")).await;
    assert_eq!(local.status, 200);
}

#[tokio::test]
async fn messages_without_a_session_or_without_sense_are_refused() {
    let stand = honest().await;
    let unknown = stand.raw(Method::POST, "/messages?sessionId=none", &[], &initialize("2024-11-05")).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(stand.raw(Method::GET, "/messages", &[], &Value::Null).await.status, 404);
    let garbage = stand.raw(Method::POST, "/mcp", &[BOTH], &json!({ "no": "message" })).await;
    assert!((400..500).contains(&garbage.status), "{}", garbage.status);
}

#[tokio::test]
async fn the_end_of_the_endpoint_is_the_end_of_its_sessions() {
    let stand = honest().await;
    let (streamable, legacy) = (stand.streamable().await, stand.legacy().await);
    stand.endpoint.end().await;
    assert_eq!(stand.endpoint.clients(), 0);
    tokio::time::timeout(LIMIT, legacy.wait_end()).await.unwrap();
    streamable.list(LIMIT).await.tools.unwrap_err();
}

#[tokio::test]
async fn a_session_that_says_nothing_for_long_is_closed_and_one_that_speaks_is_not() {
    let idle_max = Duration::from_millis(500);
    let stand = Stand::start_idle(vec![tool("files", "files__read")], idle_max).await;
    let legacy = stand.legacy().await;
    let opened = stand.raw(Method::POST, "/mcp", &[BOTH], &initialize("2025-06-18")).await;
    let id = opened.session.unwrap();
    let headers = [BOTH, ("mcp-session-id", id.as_str())];
    let ping = async || stand.raw(Method::POST, "/mcp", &headers, &request("ping", &json!({}))).await.status;
    let watch = Stopwatch::start();
    while watch.elapsed() < idle_max * 3 {
        assert_eq!(ping().await, 200);
    }
    stand.until_clients(1).await;
    assert_eq!(ping().await, 404);
    // A stream that is open is a client that is there.
    assert_eq!(names(&legacy).await, ["files__read"]);
}
