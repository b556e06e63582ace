//! Prompt-based filtering, seen by clients.

use serde_json::{Value, json};
use vitals_probe::http::Method;
use vitals_probe::mcp::{META_TOOL, Session};

use super::double::tool;
use super::stand::{LIMIT, Stand, names};
use crate::hub::filter::Settings;
use crate::hub::front::Front as _;
use crate::persona::Persona;

pub(super) async fn filtering(exposure: &str) -> Stand {
    let tools = vec![tool("filesystem", "filesystem__read_text_file"), tool("echo", "echo__echo"), tool("echo", "echo__add")];
    let section = json!({ "enabled": true, "mode": "prompt-based", "promptBasedFiltering": { "defaultExposure": exposure } });
    Stand::start(tools, Settings::read(&section).unwrap(), Persona::Honest).await
}

pub(super) async fn analyze(session: &Session, prompt: &str) -> Value {
    let answer = session.call(META_TOOL, &json!({ "prompt": prompt }), LIMIT).await.unwrap();
    serde_json::from_str(&answer.text.unwrap()).unwrap()
}

#[tokio::test]
async fn a_session_is_given_what_it_asks_for_and_no_other_session_is() {
    let stand = filtering("meta-only").await;
    let (one, other) = (stand.legacy().await, stand.streamable().await);
    assert_eq!(names(&one).await, [META_TOOL]);
    let changed = one.changed();
    let answer = analyze(&one, "please read a file").await;
    assert_eq!((&answer["categories"], &answer["confidence"]), (&json!(["filesystem"]), &json!(0.6)));
    let fields: Vec<_> = answer.as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["categories", "confidence", "message", "nextStep", "reasoning"]);
    tokio::time::timeout(LIMIT, changed).await.unwrap();
    assert_eq!(names(&one).await, ["filesystem__read_text_file", META_TOOL]);
    analyze(&one, "add two numbers").await;
    assert_eq!(names(&one).await, ["echo__add", "filesystem__read_text_file", META_TOOL]);
    assert_eq!(names(&other).await, [META_TOOL]);
    one.call("echo__add", &json!({}), LIMIT).await.unwrap();
    other.call("echo__add", &json!({}), LIMIT).await.unwrap_err();
}

#[tokio::test]
async fn a_prompt_that_changes_nothing_is_answered_with_a_change_all_the_same() {
    let stand = filtering("all").await;
    let session = stand.streamable().await;
    for _ in 0..2 {
        let changed = session.changed();
        analyze(&session, "read a file").await;
        tokio::time::timeout(LIMIT, changed).await.unwrap();
    }
}

#[tokio::test]
async fn a_new_session_sees_what_the_exposure_says() {
    for (exposure, seen) in [
        ("zero", vec![]),
        ("meta-only", vec![META_TOOL]),
        ("minimal", vec!["filesystem__read_text_file", META_TOOL]),
        ("all", vec!["echo__add", "echo__echo", "filesystem__read_text_file", META_TOOL]),
    ] {
        let session = filtering(exposure).await;
        let opened = session.streamable().await;
        assert_eq!(names(&opened).await, seen, "{exposure}");
        analyze(&opened, "read a file").await;
        assert!(names(&opened).await.contains(&"filesystem__read_text_file".to_owned()), "{exposure}");
    }
}

#[tokio::test]
async fn the_statistics_have_the_recorded_shape() {
    let stand = filtering("meta-only").await;
    let mut stats = stand.endpoint.stats().unwrap();
    let timestamp = stats.as_object_mut().unwrap().remove("timestamp").unwrap();
    assert!(timestamp.as_str().unwrap().ends_with('Z'), "{timestamp}");
    stats["cacheHitRate"].as_f64().unwrap();
    stats["cacheHitRate"] = json!(0);
    let recorded = json!({
        "enabled": true, "mode": "prompt-based", "totalTools": 3, "filteredTools": 0, "exposedTools": 3, "filterRate": 0,
        "serverFilterMode": null, "allowedServers": [], "allowedCategories": [], "categoryCacheSize": 3, "cacheHitRate": 0,
        "llmCacheSize": 0, "llmCacheHitRate": 0.0,
    });
    assert_eq!(stats, recorded);
    assert_eq!(stand.endpoint.registered(), 4, "the meta-tool is registered as well");
    let off = Stand::start(Vec::new(), Settings::off(), Persona::Honest).await;
    assert!(off.endpoint.stats().is_none());
}

#[tokio::test]
async fn without_a_session_the_meta_tool_answers_and_gives_nothing() {
    let stand = filtering("meta-only").await;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
    });
    let send = async |method: &str, name: &str, mut params: Value| {
        params["_meta"] = meta.clone();
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let accept = ("accept", "application/json, text/event-stream");
        let headers = [accept, ("mcp-protocol-version", "2026-07-28"), ("mcp-method", method), ("mcp-name", name)];
        let headers = if name.is_empty() { &headers[..3] } else { &headers[..] };
        stand.raw(Method::POST, "/mcp", headers, &body).await.message()["result"].clone()
    };
    let arguments = json!({ "name": META_TOOL, "arguments": { "prompt": "read a file" } });
    let answer = send("tools/call", META_TOOL, arguments).await;
    assert!(answer["content"][0]["text"].as_str().unwrap().contains("without a session"), "{answer}");
    let tools = send("tools/list", "", json!({})).await["tools"].clone();
    assert_eq!(tools.as_array().unwrap().iter().map(|tool| &tool["name"]).collect::<Vec<_>>(), [META_TOOL]);
}

#[tokio::test]
async fn a_prompt_of_the_wrong_kind_is_the_tools_own_error() {
    let stand = filtering("meta-only").await;
    let session = stand.streamable().await;
    for arguments in [json!({}), json!({ "prompt": " " }), json!({ "prompt": 1 }), json!({ "prompt": "x".repeat(20_000) })] {
        let failure = session.call(META_TOOL, &arguments, LIMIT).await.unwrap_err();
        assert_eq!(failure.kind, vitals_model::observation::FailureKind::ToolError);
    }
}
