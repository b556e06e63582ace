//! Sessions against a double of a hub: which tool is called, by which way, and how often it is bothered.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use vitals_model::config::ServerSettings;
use vitals_model::target::{Origin, TargetId};

use super::*;
use crate::mcp::tests::double::{Double, Reply, Seen};

/// What the double's hub lists.
pub(in crate::hands) type Tools = Arc<dyn Fn() -> Value + Send + Sync>;

/// A harmless tool without arguments.
fn harmless(name: &str) -> Value {
    json!({"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true, "openWorldHint": false}})
}

/// A hub that speaks HTTP+SSE on `/mcp` and answers REST calls.
pub(in crate::hands) async fn hub(tools: Tools) -> Double {
    let answer =
        |seen: &Seen, result: &Value| Reply::Push(json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result}).to_string());
    Double::start(move |seen| match (seen.path.as_str(), seen.method()) {
        ("/mcp", _) if seen.http == "GET" => Reply::Stream(vec!["event: endpoint\ndata: /messages?sessionId=1\n\n".to_owned()]),
        ("/messages?sessionId=1", "initialize") => {
            answer(seen, &json!({"protocolVersion": "2024-11-05", "capabilities": {"tools": {}}, "serverInfo": {"name": "hub"}}))
        }
        ("/messages?sessionId=1", "tools/list") => answer(seen, &json!({ "tools": tools() })),
        ("/messages?sessionId=1", "tools/call") => answer(seen, &json!({"content": [{"type": "text", "text": "hi"}]})),
        ("/messages?sessionId=1", _) => Reply::Full(202, "text/plain", String::new()),
        ("/api/servers/tools", _) => Reply::json(json!({"result": {"content": [{"type": "text", "text": "hi"}]}}).to_string()),
        _ => Reply::status(404),
    })
    .await
}

struct Bench {
    double: Double,
    target: Target,
    client: Arc<Client>,
    sessions: Sessions,
}

impl Bench {
    fn new(double: Double, manner: Manner, servers: &[(&str, ServerSettings)]) -> Self {
        let settings = TargetSettings {
            servers: servers.iter().map(|(name, settings)| ((*name).to_owned(), settings.clone())).collect(),
            ..TargetSettings::default()
        };
        let client = Arc::new(Client::new(&settings.timeouts, Vec::new()));
        let sessions = Sessions::new(Arc::clone(&client), &settings.timeouts, Vec::new(), manner);
        let (id, origin) = (TargetId::new("hub"), Origin::CommandLine);
        let target = Target { id, address: double.hub(), origin, settings: Arc::new(settings) };
        Self { double, target, client, sessions }
    }

    async fn look(&mut self, claims: &[ServerClaim]) -> SessionSeen {
        let base = Url::parse(&self.double.hub().to_string()).unwrap();
        self.sessions.look(&self.target, claims, &self.client, Some(&base)).await
    }

    /// The tools called, in any order: over MCP by their full names, by REST as `server/tool`.
    fn called(&self) -> Vec<String> {
        let call = |seen: &Seen| {
            let word = |value: &Value| value.as_str().map(str::to_owned);
            match seen.path.as_str() {
                "/api/servers/tools" => Some(format!("{}/{}", word(&seen.body["server_name"])?, word(&seen.body["tool"])?)),
                _ if seen.method() == "tools/call" => word(&seen.body["params"]["name"]),
                _ => None,
            }
        };
        let mut called: Vec<_> = self.double.seen().iter().filter_map(call).collect();
        called.sort();
        called
    }
}

fn claim(name: &str, status: ClaimStatus) -> ServerClaim {
    ServerClaim {
        name: Text::new(name),
        status,
        error: None,
        uptime: None,
        started_at: None,
        transport: None,
        tools: None,
        canary: None,
    }
}

/// Name, tool, way and items of each call.
fn told(seen: &SessionSeen) -> Vec<(&str, Option<&str>, CallWay, Option<u64>)> {
    let items = |call: &CallSeen| call.answer.as_ref().and_then(|answer| answer.as_ref().ok().copied());
    seen.calls.iter().map(|c| (c.server.as_str(), c.tool.as_ref().map(Text::as_str), c.way, items(c))).collect()
}

#[tokio::test]
async fn each_server_has_its_own_canary_also_when_one_name_begins_another() {
    let tools = json!([harmless("fs__look"), harmless("fs__old__peek"), {"name": "web__fetch"}]);
    let mut bench = Bench::new(hub(Arc::new(move || tools.clone())).await, Manner::Once, &[]);
    let claims = ["fs", "fs__old", "web"].map(|name| claim(name, ClaimStatus::Connected));
    let seen = bench.look(&claims).await;
    let expected = [
        ("fs", Some("look"), CallWay::Session, Some(1)),
        ("fs__old", Some("peek"), CallWay::Session, Some(1)),
        ("web", None, CallWay::Session, None),
    ];
    assert_eq!(told(&seen), expected);
    assert_eq!(bench.called(), ["fs__look", "fs__old__peek"]);
    assert_eq!((seen.sessions.len(), seen.opened_total, seen.held), (1, 1, false));
}

#[tokio::test]
async fn the_configured_canary_comes_before_the_one_that_the_list_offers() {
    let tools = json!([harmless("fs__look"), {"name": "fs__read"}]);
    let canary = ServerSettings {
        canary: Some("read".to_owned()),
        canary_arguments: Some(r#"{"path":"/x"}"#.to_owned()),
        ..ServerSettings::default()
    };
    let mut bench = Bench::new(hub(Arc::new(move || tools.clone())).await, Manner::Once, &[("fs", canary)]);
    bench.look(&[claim("fs", ClaimStatus::Connected)]).await;
    assert_eq!(bench.called(), ["fs__read"]);
    let call = bench.double.seen().into_iter().find(|seen| seen.method() == "tools/call").unwrap();
    assert_eq!(call.body["params"]["arguments"], json!({"path": "/x"}));
}

#[tokio::test]
async fn a_server_whose_tools_a_session_is_not_shown_is_called_by_the_rest_api() {
    let tools = json!([{"name": "hub__analyze_prompt"}, {"name": "web__fetch"}]);
    let mut bench = Bench::new(hub(Arc::new(move || tools.clone())).await, Manner::Once, &[]);
    let claims = ["fs", "web"].map(|name| {
        let canary = Some(Text::new("look"));
        ServerClaim { canary, ..claim(name, ClaimStatus::Connected) }
    });
    let seen = bench.look(&claims).await;
    assert_eq!(told(&seen), [("fs", Some("look"), CallWay::Rest, Some(1)), ("web", Some("look"), CallWay::Rest, Some(1))]);
    assert_eq!(bench.called(), ["fs/look", "web/look"]);
}

#[tokio::test]
async fn a_server_whose_tools_vanished_is_still_called_by_the_rest_api() {
    let gone = Arc::new(AtomicBool::new(false));
    let is_gone = Arc::clone(&gone);
    let tools = move || if is_gone.load(Ordering::Relaxed) { json!([]) } else { json!([harmless("fs__look")]) };
    let mut bench = Bench::new(hub(Arc::new(tools)).await, Manner::Held, &[]);
    let connected = [claim("fs", ClaimStatus::Connected)];
    assert_eq!(told(&bench.look(&connected).await), [("fs", Some("look"), CallWay::Session, Some(1))]);
    gone.store(true, Ordering::Relaxed);
    assert_eq!(told(&bench.look(&connected).await), [("fs", Some("look"), CallWay::Rest, Some(1))]);
    assert_eq!(bench.called(), ["fs/look", "fs__look"]);
    let down = bench.look(&[claim("fs", ClaimStatus::Disconnected)]).await;
    assert_eq!(told(&down), [], "neither claimed nor listed");
    let off = bench.look(&[claim("fs", ClaimStatus::Disabled)]).await;
    assert_eq!(told(&off), []);
}

#[tokio::test]
async fn two_sessions_are_held_and_not_opened_again() {
    let mut bench = Bench::new(hub(Arc::new(|| json!([]))).await, Manner::Held, &[]);
    for _ in 0..3 {
        let seen = bench.look(&[]).await;
        assert_eq!((seen.sessions.len(), seen.opened_total), (2, 2));
        assert!(seen.sessions.iter().all(|view| view.opened.is_ok() && view.tools.is_ok()));
    }
    assert_eq!(bench.double.streams(), 2);
    assert_eq!(bench.sessions.close().await, 2);
    assert_eq!((bench.sessions.open().len(), bench.sessions.opened_total()), (0, 2));
}

/// A hub whose stream begins with `first` and then ends.
async fn fickle(first: &'static str, opened: Arc<AtomicU64>) -> Double {
    Double::start(move |seen| {
        if seen.http == "GET" {
            opened.fetch_add(1, Ordering::Relaxed);
            return Reply::Events(vec![first.to_owned()]);
        }
        Reply::Full(202, "text/plain", String::new())
    })
    .await
}

#[tokio::test]
async fn a_hub_that_ends_every_session_is_tried_six_times_in_a_minute() {
    let opened = Arc::new(AtomicU64::new(0));
    let double = fickle("event: endpoint\ndata: /messages?sessionId=1\n\n", Arc::clone(&opened)).await;
    let mut bench = Bench::new(double, Manner::Held, &[]);
    for _ in 0..20 {
        let seen = bench.look(&[]).await;
        assert!(seen.sessions.iter().all(|view| view.opened.is_err()), "{seen:?}");
    }
    assert_eq!(opened.load(Ordering::Relaxed), BEGUN_PER_MINUTE_MAX as u64);
    let last = bench.look(&[]).await.sessions.pop().unwrap().opened.unwrap_err();
    assert!(last.evidence.as_str().contains("as soon as they are begun"), "{last}");
}

#[tokio::test]
async fn a_hub_that_refuses_while_it_starts_is_asked_seldom_and_has_its_sessions_when_it_is_ready() {
    let ready = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicU64::new(0));
    let (is_ready, count) = (Arc::clone(&ready), Arc::clone(&asked));
    let double = Double::start(move |seen| match (seen.path.as_str(), seen.method()) {
        ("/mcp", _) if seen.http == "GET" => {
            count.fetch_add(1, Ordering::Relaxed);
            if is_ready.load(Ordering::Relaxed) {
                Reply::Stream(vec!["event: endpoint\ndata: /messages?sessionId=1\n\n".to_owned()])
            } else {
                Reply::status(500)
            }
        }
        (_, "initialize") => {
            let result = json!({"protocolVersion": "2024-11-05", "capabilities": {}, "serverInfo": {"name": "hub"}});
            Reply::Push(json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result}).to_string())
        }
        _ => Reply::Full(202, "text/plain", String::new()),
    })
    .await;
    let mut bench = Bench::new(double, Manner::Held, &[]);
    for _ in 0..3 * BEGUN_PER_MINUTE_MAX {
        let refused = bench.sessions.open_missing(&bench.target).await.unwrap();
        assert!(matches!(refused.kind, FailureKind::Status { code: 500, .. }), "{refused}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1, "looks within the pause cost it nothing");
    let asked_until = |n: u64| {
        let (asked, began) = (Arc::clone(&asked), Stopwatch::start());
        move || asked.load(Ordering::Relaxed) >= n || began.elapsed() > Duration::from_secs(20)
    };
    for enough in [asked_until(2), asked_until(3)] {
        let waited = Stopwatch::start();
        while !enough() {
            bench.sessions.open_missing(&bench.target).await;
            tokio::task::yield_now().await;
        }
        assert!(waited.elapsed() + Duration::from_millis(50) >= REFUSED_PAUSE_MIN, "{:?}", waited.elapsed());
    }
    ready.store(true, Ordering::Relaxed);
    let began = Stopwatch::start();
    while bench.sessions.open().len() < HELD && began.elapsed() < REFUSED_PAUSE_MAX {
        bench.sessions.open_missing(&bench.target).await;
        tokio::task::yield_now().await;
    }
    assert_eq!((bench.sessions.open().len(), asked.load(Ordering::Relaxed)), (HELD, 5));
}

#[tokio::test]
async fn a_hub_that_is_not_there_is_tried_each_time_because_that_costs_it_nothing() {
    let double = hub(Arc::new(|| json!([]))).await;
    let mut bench = Bench::new(double, Manner::Held, &[]);
    bench.target.address = Address::Hub { url: "http://127.0.0.1:1".to_owned() };
    for _ in 0..2 * BEGUN_PER_MINUTE_MAX {
        let refused = bench.look(&[]).await.sessions.pop().unwrap().opened.unwrap_err();
        assert_eq!(refused.kind, FailureKind::Refused);
    }
}
