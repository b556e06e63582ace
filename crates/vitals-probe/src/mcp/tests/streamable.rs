//! Streamable HTTP in both eras, against the double.

use super::double::{Double, Reply, Seen, event};
use super::*;

const SESSION: &str = "mcp-session-id";

/// A friendly stateful server: `rest` answers what is not part of the handshake.
async fn stateful(rest: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Double {
    Double::start(move |seen| match (seen.http.as_str(), seen.method()) {
        ("POST", "initialize") => {
            Reply::Json(200, answer(&seen.body["id"], &welcome("2025-06-18")), Some((SESSION, "abc".into())))
        }
        ("POST", method) if method.starts_with("notifications/") => Reply::Full(202, "text/plain", String::new()),
        _ => rest(seen),
    })
    .await
}

fn tools(names: &[&str], cursor: Option<&str>) -> Value {
    let tools: Vec<Value> = names.iter().map(|name| json!({"name": name, "inputSchema": {"type": "object"}})).collect();
    cursor.map_or_else(|| json!({ "tools": tools }), |cursor| json!({"tools": tools, "nextCursor": cursor}))
}

fn content(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

#[tokio::test]
async fn a_session_is_set_up_used_and_ended_as_the_specification_asks() {
    let double = stateful(|seen| match seen.http.as_str() {
        "DELETE" => Reply::Full(204, "text/plain", String::new()),
        _ => Reply::json(answer(&seen.body["id"], &content("hi"))),
    })
    .await;
    let session = opened(&double.address()).await;
    let opened = session.opened();
    assert_eq!((opened.transport, opened.protocol.as_str()), (Transport::StreamableHttp, "2025-06-18"));
    assert_eq!(opened.server.as_str(), "double 1");
    assert!(opened.connect > Duration::ZERO && opened.initialize > Duration::ZERO);
    let call = session.call("echo", &json!({"message": "hi"}), LIMIT).await.unwrap();
    assert_eq!((call.items, call.text), (1, None));
    session.close().await.unwrap();

    assert_eq!(double.story(), ["POST initialize", "POST notifications/initialized", "POST tools/call", "DELETE"]);
    let seen = double.seen();
    assert_eq!(seen[0].body["params"]["protocolVersion"], wire::PROTOCOL_STATEFUL);
    assert_eq!(seen[0].header("accept"), Some("application/json, text/event-stream"));
    assert_eq!((seen[0].header(SESSION), seen[0].header("mcp-protocol-version")), (None, None));
    for later in &seen[1..] {
        assert_eq!((later.header(SESSION), later.header("mcp-protocol-version")), (Some("abc"), Some("2025-06-18")));
    }
    assert_eq!(seen[2].body["params"], json!({"name": "echo", "arguments": {"message": "hi"}}));
}

#[tokio::test]
async fn trap_3_get_405_is_legal_and_asked_only_once() {
    let double = stateful(|seen| match seen.http.as_str() {
        "POST" => Reply::json(answer(&seen.body["id"], &tools(&["a"], None))),
        _ => Reply::status(405),
    })
    .await;
    let session = open(&double.address(), &context(Listen::Asked)).await.unwrap();
    eventually("the GET", || double.story().contains(&"GET".to_owned())).await;
    for _ in 0..3 {
        assert_eq!(session.list(LIMIT).await.tools.unwrap().len(), 1);
    }
    assert_eq!((session.ended(), session.noise()), (None, 0));
    // The DELETE is answered by 405 too, which is as legal.
    session.close().await.unwrap();
    assert_eq!(double.story().iter().filter(|line| *line == "GET").count(), 1);
}

#[tokio::test]
async fn trap_8_answers_come_as_events_with_other_messages_first() {
    let double = stateful(|seen| {
        if seen.body.get("method").is_none() {
            return Reply::Full(202, "text/plain", String::new());
        }
        let others = [
            "id: 1\ndata: \n\n".to_owned(),
            event(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#),
            event(r#"{"jsonrpc":"2.0","id":"s-1","method":"ping"}"#),
            event(r#"{"jsonrpc":"2.0","id":"s-2","method":"sampling/createMessage","params":{}}"#),
            event(&answer(&json!(4711), &content("of somebody else"))),
            event(&answer(&seen.body["id"], &content("ours"))),
            event(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#),
        ];
        Reply::Events(others.into())
    })
    .await;
    let session = opened(&double.address()).await;
    let change = session.changed();
    assert_eq!(session.call("x", &json!({}), LIMIT).await.unwrap().items, 1);
    soon(change).await;
    assert_eq!((session.take_list_changes(), session.noise()), (1, 1));
    eventually("two replies", || double.seen().iter().filter(|seen| seen.body.get("method").is_none()).count() == 2).await;
    let replies: Vec<Value> = double.seen().into_iter().map(|seen| seen.body).filter(|b| b.get("method").is_none()).collect();
    assert_eq!(replies[0], json!({"jsonrpc": "2.0", "id": "s-1", "result": {}}));
    assert_eq!((&replies[1]["id"], &replies[1]["error"]["code"]), (&json!("s-2"), &json!(-32601)));
}

#[tokio::test]
async fn trap_9_all_pages_are_read_and_endless_ones_are_not() {
    let double = stateful(|seen| {
        let page = match seen.body["params"]["cursor"].as_str() {
            None => tools(&["a", "b"], Some("2")),
            Some("2") => tools(&["c"], Some("3")),
            Some(_) => tools(&["d"], Some("")),
        };
        Reply::json(answer(&seen.body["id"], &page))
    })
    .await;
    let session = opened(&double.address()).await;
    let listing = session.list(LIMIT).await;
    assert_eq!((listing.tools.unwrap().len(), listing.infos.len(), listing.pages, listing.left_out), (4, 4, 3, 0));

    let again = stateful(|seen| Reply::json(answer(&seen.body["id"], &tools(&["a"], Some("same"))))).await;
    let listing = opened(&again.address()).await.list(LIMIT).await;
    let failure = listing.tools.unwrap_err();
    assert_eq!((failure.phase, failure.kind, listing.pages), (Phase::List, FailureKind::Malformed, 2));
    assert_eq!(failure.evidence.as_str(), "the cursor same came twice");

    let endless = stateful(|seen| {
        let next = seen.body["id"].to_string();
        Reply::json(answer(&seen.body["id"], &tools(&["a"], Some(&next))))
    })
    .await;
    let listing = opened(&endless.address()).await.list(LIMIT).await;
    assert_eq!(listing.tools.unwrap_err().kind, FailureKind::Malformed);
    assert_eq!(listing.pages, vitals_model::limits::TOOL_PAGES_MAX as u64);
}

#[tokio::test]
async fn trap_11_no_stream_is_opened_unasked_and_a_wanted_one_hears_changes() {
    let script = |seen: &Seen| match seen.http.as_str() {
        "GET" => Reply::Stream(Vec::new()),
        "DELETE" => Reply::status(404),
        _ => Reply::json(answer(&seen.body["id"], &tools(&[], None))),
    };
    let double = stateful(script).await;
    let short = opened(&double.address()).await;
    assert!(short.list(LIMIT).await.tools.unwrap().is_empty());
    short.close().await.unwrap();
    assert!(!double.story().contains(&"GET".to_owned()), "{:?}", double.story());

    let session = open(&double.address(), &context(Listen::Asked)).await.unwrap();
    eventually("an open stream", || double.streams() == 1).await;
    let change = session.changed();
    double.push(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
    soon(change).await;
    session.close().await.unwrap();
    eventually("the stream's end", || double.streams() == 0).await;
}

#[tokio::test]
async fn trap_22_a_session_that_cannot_be_used_is_not_left_behind() {
    let double = Double::start(|seen| match (seen.http.as_str(), seen.method()) {
        ("POST", "initialize") => Reply::Json(200, answer(&seen.body["id"], &json!({})), Some((SESSION, "abc".into()))),
        _ => Reply::Full(204, "text/plain", String::new()),
    })
    .await;
    let failure = open(&double.address(), &context(Listen::Unasked)).await.unwrap_err();
    assert_eq!((failure.phase, failure.kind), (Phase::Initialize, FailureKind::Malformed));
    assert_eq!(double.story(), ["POST initialize", "DELETE"]);
}

#[tokio::test]
async fn a_session_that_the_server_forgot_is_made_anew_once() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let double = Double::start(move |seen| match seen.method() {
        "initialize" => {
            let id = format!("s{}", count.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            Reply::Json(200, answer(&seen.body["id"], &welcome("2025-11-25")), Some((SESSION, id)))
        }
        "tools/list" if seen.header(SESSION) == Some("s0") => {
            Reply::Json(404, refusal(&Value::Null, -32001, "Session not found"), None)
        }
        "tools/list" => Reply::json(answer(&seen.body["id"], &tools(&["a"], None))),
        "tools/call" => Reply::Json(404, refusal(&Value::Null, -32001, "Session not found"), None),
        _ => Reply::Full(202, "text/plain", String::new()),
    })
    .await;
    let session = opened(&double.address()).await;
    let lists = tokio::join!(session.list(LIMIT), session.list(LIMIT));
    assert_eq!((lists.0.tools.unwrap().len(), lists.1.tools.unwrap().len(), session.renewed()), (1, 1, 1));
    let failure = session.call("a", &json!({}), LIMIT).await.unwrap_err();
    assert_eq!((failure.kind, session.renewed()), (FailureKind::Rpc(-32001), 2));
    assert_eq!(double.story().iter().filter(|line| *line == "POST tools/call").count(), 2);
}

#[tokio::test]
async fn each_bad_answer_is_a_failure_of_its_own_kind() {
    let result = |value: Value| json!({"jsonrpc": "2.0", "id": 2, "result": value}).to_string();
    let cases = [
        (Reply::status(500), Phase::Call, FailureKind::Status { code: 500, retry_after: None }, "<h1>500</h1>"),
        (Reply::status(401), Phase::Call, FailureKind::Status { code: 401, retry_after: None }, "<h1>401</h1>"),
        (Reply::json("{\"jsonrpc\":".into()), Phase::Parse, FailureKind::NotJson, "{\"jsonrpc\":"),
        (Reply::json("[".repeat(200)), Phase::Parse, FailureKind::TooDeep, "[[["),
        (Reply::json("{\"hello\":1}".into()), Phase::Parse, FailureKind::Malformed, "{\"hello\":1}"),
        (Reply::json(answer(&json!(99), &json!({}))), Phase::Call, FailureKind::Malformed, "an answer to another request"),
        (Reply::Events(vec![event("{broken")]), Phase::Call, FailureKind::NotJson, "{broken"),
        (Reply::Events(Vec::new()), Phase::Call, FailureKind::Closed, "the stream ended"),
        (Reply::Silence, Phase::Call, FailureKind::TimedOut(SHORT), ""),
        (Reply::Stream(Vec::new()), Phase::Call, FailureKind::TimedOut(SHORT), ""),
        (Reply::json(refusal(&json!(2), -32602, "bad \u{1b}[2J")), Phase::Call, FailureKind::Rpc(-32602), "bad \\u{1b}[2J"),
        (Reply::json(result(json!("text"))), Phase::Call, FailureKind::Malformed, "\"text\""),
        (Reply::json(result(json!({"content": []}))), Phase::Call, FailureKind::Empty, ""),
        (
            Reply::json(result(json!({"isError": true, "content": [{"type": "text", "text": "no such file"}]}))),
            Phase::Call,
            FailureKind::ToolError,
            "no such file",
        ),
    ];
    for (reply, phase, kind, evidence) in cases {
        let name = format!("{reply:?}");
        let limit = if matches!(kind, FailureKind::TimedOut(_)) { SHORT } else { LIMIT };
        let double = stateful(move |_| reply.clone()).await;
        let session = opened(&double.address()).await;
        let failure = session.call("x", &json!({}), limit).await.unwrap_err();
        assert_eq!((failure.phase, failure.kind), (phase, kind), "{name}");
        assert!(failure.evidence.as_str().starts_with(evidence), "{name}: {}", failure.evidence);
        assert!(failure.after > Duration::ZERO, "{name}");
    }
}

#[tokio::test]
async fn a_call_that_times_out_is_cancelled() {
    let double = stateful(|_| Reply::Stream(Vec::new())).await;
    let session = opened(&double.address()).await;
    session.call("slow", &json!({}), SHORT).await.unwrap_err();
    eventually("the notice", || double.story().contains(&"POST notifications/cancelled".to_owned())).await;
    let seen = double.seen();
    let (call, notice) = (&seen[2], seen.last().unwrap());
    assert_eq!((call.method(), &notice.body["params"]["requestId"]), ("tools/call", &call.body["id"]));
    eventually("the call's stream to be left", || double.streams() == 0).await;
}

#[tokio::test]
async fn only_the_meta_tool_shows_what_it_said() {
    let double = stateful(|seen| Reply::json(answer(&seen.body["id"], &content("{\"categories\":[]}")))).await;
    let session = opened(&double.address()).await;
    let text = |call: CallAnswer| call.text;
    assert_eq!(text(session.call("read_diary", &json!({}), LIMIT).await.unwrap()), None);
    let said = text(session.call(META_TOOL, &json!({"prompt": "x"}), LIMIT).await.unwrap());
    assert_eq!(said.as_deref(), Some("{\"categories\":[]}"));
    let structured = stateful(|seen| Reply::json(answer(&seen.body["id"], &json!({"structuredContent": {"a": 1}})))).await;
    assert_eq!(opened(&structured.address()).await.call("x", &json!({}), LIMIT).await.unwrap().items, 1);
}

#[tokio::test]
async fn a_secret_that_a_server_echoes_is_not_evidence() {
    let double = stateful(|seen| {
        let echo = format!("you sent {}", seen.header("authorization").unwrap());
        match seen.body["params"]["name"].as_str() {
            Some("refuse") => Reply::json(refusal(&seen.body["id"], -32000, &echo)),
            Some("fail") => {
                Reply::json(answer(&seen.body["id"], &json!({"isError": true, "content": [{"type": "text", "text": echo}]})))
            }
            Some("lose") => Reply::Json(400, refusal(&seen.body["id"], -32000, &echo), None),
            _ => Reply::Events(vec![event(&echo)]),
        }
    })
    .await;
    let timeouts = timeouts(LIMIT);
    let token = vec![("authorization".to_owned(), Secret::new("Bearer hunter2hunter2".into()))];
    let client = Arc::new(Client::new(&timeouts, token));
    let session = open(&double.address(), &Context::new(client, timeouts, Vec::new(), Listen::Unasked)).await.unwrap();
    for tool in ["refuse", "fail", "lose", "babble"] {
        let failure = session.call(tool, &json!({}), LIMIT).await.unwrap_err();
        assert_eq!(failure.evidence.as_str(), "you sent (secret)", "{tool}");
    }
    assert_eq!(session.first_noise().unwrap().as_str(), "you sent (secret)");
}

/// A server of 2026-07-28 that checks what the specification makes it check.
fn stateless(seen: &Seen) -> Reply {
    let meta = &seen.body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
    let headers = (seen.header("mcp-protocol-version"), seen.header("mcp-method"), seen.header("mcp-name"));
    let id = &seen.body["id"];
    if meta != wire::PROTOCOL_STATELESS || headers.0 != Some(wire::PROTOCOL_STATELESS) || headers.1 != Some(seen.method()) {
        return Reply::Json(400, refusal(id, -32020, "supported protocol versions: 2026-07-28"), None);
    }
    let identity = json!({"io.modelcontextprotocol/serverInfo": {"name": "modern", "version": "3"}});
    let greeting = json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "_meta": identity});
    match (seen.method(), headers.2) {
        ("server/discover", None) => Reply::json(answer(id, &greeting)),
        ("tools/list", None) => Reply::json(answer(id, &tools(&["now"], None))),
        ("tools/call", Some("now")) => Reply::Events(vec![event(&answer(id, &content("late")))]),
        ("tools/call", Some("slow")) | ("subscriptions/listen", None) => Reply::Stream(Vec::new()),
        _ => Reply::Json(404, refusal(id, -32601, "Method not found"), None),
    }
}

#[tokio::test]
async fn a_stateless_server_is_found_out_and_remembered() {
    let double = Double::start(stateless).await;
    let context = context(Listen::Asked);
    let session = open(&double.address(), &context).await.unwrap();
    let opened = session.opened();
    assert_eq!((opened.transport, opened.protocol.as_str()), (Transport::StatelessHttp, wire::PROTOCOL_STATELESS));
    assert_eq!(opened.server.as_str(), "modern 3");
    assert_eq!(session.list(LIMIT).await.tools.unwrap().len(), 1);
    assert_eq!(session.call("now", &json!({}), LIMIT).await.unwrap().items, 1);
    eventually("the subscription", || double.streams() == 1).await;
    let change = session.changed();
    double.push(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
    soon(change).await;
    session.call("slow", &json!({}), SHORT).await.unwrap_err();
    session.close().await.unwrap();
    eventually("the ends of both streams", || double.streams() == 0).await;

    let before = double.seen().len();
    open(&double.address(), &context).await.unwrap().close().await.unwrap();
    assert_eq!(double.story()[before], "POST server/discover");
    let story = double.story().join(", ");
    for removed in ["GET", "DELETE", "notifications/", "ping"] {
        assert!(!story.contains(removed), "{story}");
    }
}

#[tokio::test]
async fn a_server_that_wants_credentials_is_asked_once() {
    let double = Double::start(|_| Reply::status(403)).await;
    let failure = open(&double.address(), &context(Listen::Unasked)).await.unwrap_err();
    assert!(failure.kind.wants_credentials(), "{failure}");
    assert_eq!(double.story(), ["POST initialize"]);
}

#[tokio::test]
async fn a_server_that_never_answers_initialize_is_given_up() {
    let double = Double::start(|_| Reply::Silence).await;
    let failure = open(&double.address(), &impatient()).await.unwrap_err();
    assert_eq!((failure.phase, failure.kind), (Phase::Initialize, FailureKind::TimedOut(SHORT)));
    assert_eq!(double.story(), ["POST initialize"]);
}
