//! The REST reader against recordings of real hubs, and against a hub that lies in every field.

use std::time::Duration;

use serde_json::json;
use vitals_model::claim::{ClaimStatus, HubClaim, HubState};
use vitals_model::config::Timeouts;
use vitals_model::limits::SERVERS_MAX;

use super::*;
use crate::http::tests::double::{Act, Double};

const NPM_HEALTH: &str = include_str!("../../tests/data/npm-4.2.1-health.json");
const NPM_SERVERS: &str = include_str!("../../tests/data/npm-4.2.1-servers.json");
const VARIANT_HEALTH: &str = include_str!("../../tests/data/filtering-hub-health.json");
const VARIANT_STATS: &str = include_str!("../../tests/data/filtering-hub-stats.json");
const LIMIT: Duration = Duration::from_secs(5);

fn client() -> Client {
    Client::new(&Timeouts::default(), Vec::new())
}

async fn hub(paths: &[(&'static str, u16, &str)]) -> Double {
    Double::start(Act::Paths(paths.iter().map(|(path, code, body)| (*path, *code, (*body).to_owned())).collect())).await
}

#[tokio::test]
async fn the_npm_hub_is_read_whole_on_one_connection() {
    let hub = hub(&[("/api/health", 200, NPM_HEALTH), ("/api/servers", 200, NPM_SERVERS)]).await;
    let seen = visit(&client(), &hub.url("/"), Scope::WithFiltering, LIMIT).await;
    assert_eq!(hub.connections(), 1);
    assert_eq!((seen.filtering, seen.servers_left_out, seen.health_bytes), (None, 0, NPM_HEALTH.len() as u64));
    assert!(seen.timing.total >= seen.timing.first_byte && seen.timing.first_byte > Duration::ZERO);
    let health = seen.health.unwrap();
    let raw: Value = serde_json::from_str(health.raw.as_deref().unwrap()).unwrap();
    assert_eq!(raw, serde_json::from_str::<Value>(NPM_HEALTH).unwrap());
    insta::assert_debug_snapshot!("npm_health", HubClaim { raw: None, ..health });
    insta::assert_debug_snapshot!("npm_servers", seen.servers.unwrap());
}

#[tokio::test]
async fn the_filtering_variant_is_read_with_its_statistics() {
    let paths = [("/hub/api/health", 200, VARIANT_HEALTH), ("/hub/api/filtering/stats", 200, VARIANT_STATS)];
    let seen = visit(&client(), &hub(&paths).await.url("/hub/?x#y"), Scope::WithFiltering, LIMIT).await;
    assert_eq!(seen.servers.unwrap_err().kind, FailureKind::Status { code: 404, retry_after: None });
    insta::assert_debug_snapshot!("variant_health", HubClaim { raw: None, ..seen.health.unwrap() });
    insta::assert_debug_snapshot!("variant_stats", seen.filtering.unwrap().unwrap());
}

#[test]
fn one_hostile_field_does_not_spoil_the_others() {
    let claim = parse::health(&json!({
        "state": "dreaming\u{1b}[2J", "version": ["4"], "activeClients": -3, "workspaces": {"current": 7001, "allActive": {"7001": {"pid": 1e99}}},
        "mcpEndpoint": {"activeClients": 2, "registeredCapabilities": {"tools": [{"name": "a"}, "hub__analyze_prompt", null]}},
    }));
    let claim = claim.unwrap();
    assert_eq!(claim.state.unwrap().as_str(), "dreaming\\u{1b}[2J");
    assert_eq!((claim.version, claim.active_clients, claim.pid), (None, None, None));
    assert_eq!(claim.workspace.unwrap().as_str(), "7001");
    assert_eq!((claim.mcp_clients, claim.registered_tools, claim.meta_tool), (Some(2), Some(3), Some(true)));

    let (servers, left_out) = parse::servers(&json!({"servers": [
        {"name": "a", "status": 7, "error": {"x": 1}, "uptime": -1, "lastStarted": "soon", "capabilities": []},
        {"status": "connected"}, null, "b",
        {"name": "c", "status": "connected", "uptime": 1e300, "capabilities": {"tools": [{"name": "t"}, {}, 3]}},
    ]}))
    .unwrap();
    assert_eq!(left_out, 3);
    assert_eq!((servers[0].status.as_str(), servers[0].error.as_ref().unwrap().as_str()), ("7", "{\"x\":1}"));
    assert_eq!((servers[0].uptime, servers[0].started_at, servers[0].tools.clone()), (None, None, None));
    assert_eq!((&servers[1].status, servers[1].uptime), (&ClaimStatus::Connected, None));
    assert_eq!(servers[1].tools.as_ref().unwrap().len(), 1);
}

#[test]
fn every_field_may_be_absent_and_a_list_may_be_endless() {
    assert_eq!(parse::health(&json!({})), Some(HubClaim { raw: Some("{}".into()), ..HubClaim::default() }));
    assert_eq!(parse::health(&json!({"state": "ready"})).unwrap().state, Some(HubState::Ready));
    assert_eq!(
        (parse::health(&json!([])), parse::servers(&json!({"servers": {}})), parse::filtering(&json!(1))),
        (None, None, None)
    );
    let many: Vec<_> = (0..SERVERS_MAX + 5).map(|n| json!({"name": n.to_string()})).collect();
    let (servers, left_out) = parse::servers(&json!({ "servers": many })).unwrap();
    assert_eq!((servers.len(), left_out), (SERVERS_MAX, 5));
}

#[tokio::test]
async fn json_of_another_shape_is_malformed_and_shown() {
    let hub = hub(&[("/api/health", 200, "[1,2]"), ("/api/servers", 200, "{\"servers\":null}")]).await;
    let seen = visit(&client(), &hub.url(""), Scope::Core, LIMIT).await;
    let failure = seen.health.unwrap_err();
    assert_eq!((failure.kind, failure.evidence.as_str()), (FailureKind::Malformed, "[1,2]"));
    assert_eq!(seen.servers.unwrap_err().kind, FailureKind::Malformed);
}

#[tokio::test]
async fn a_call_is_counted_or_fails_with_the_hubs_own_words() {
    type Expected = Result<u64, (FailureKind, &'static str)>;
    let status = |code| FailureKind::Status { code, retry_after: None };
    let cases: [(u16, &str, Expected); 10] = [
        (200, r#"{"result":{"content":[{"type":"text","text":"a"},{"type":"text"}]}}"#, Ok(2)),
        (200, r#"{"result":{"content":[],"structuredContent":{"a":1}}}"#, Ok(1)),
        (200, r#"{"result":{"content":[]}}"#, Err((FailureKind::Empty, ""))),
        (
            200,
            r#"{"result":{"isError":true,"content":[{"type":"text","text":"no such file"}]}}"#,
            Err((FailureKind::ToolError, "no such file")),
        ),
        (200, r#"{"answer":42}"#, Err((FailureKind::Malformed, r#"{"answer":42}"#))),
        (
            500,
            r#"{"error":"Not connected","code":"TOOL_EXECUTION_ERROR","data":{}}"#,
            Err((FailureKind::ToolError, "Not connected")),
        ),
        (
            500,
            r#"{"error":"MCP error -32001: Request timed out"}"#,
            Err((FailureKind::Rpc(-32001), "MCP error -32001: Request timed out")),
        ),
        (500, r#"{"message":"?"}"#, Err((status(500), r#"{"message":"?"}"#))),
        (502, "<html>bad gateway", Err((status(502), "<html>bad gateway"))),
        (200, "<html>", Err((FailureKind::NotJson, "<html>"))),
    ];
    for (code, body, expected) in cases {
        let hub = hub(&[("/api/servers/tools", code, body)]).await;
        let got = call_tool(&client(), &hub.url("/"), "files", "list", &json!({"path": "."}), LIMIT).await;
        let got = got.as_ref().map(|n| *n).map_err(|f| (f.kind.clone(), f.evidence.as_str()));
        assert_eq!(got, expected, "{body}");
        let sent = hub.requests().remove(0);
        assert!(sent.starts_with("POST /api/servers/tools "), "{sent}");
        let body: Value = serde_json::from_str(sent.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(body, json!({"server_name": "files", "tool": "list", "arguments": {"path": "."}}));
    }
}
