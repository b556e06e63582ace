//! HTTP+SSE of 2024-11-05, against the double.

use super::double::{Double, Reply, Seen};
use super::*;

/// A friendly server of this transport whose stream begins with `first`; `rest` answers what is not
/// part of the handshake.
async fn legacy(first: &str, rest: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Double {
    let first = first.to_owned();
    Double::start(move |seen| match (seen.http.as_str(), seen.path.as_str(), seen.method()) {
        ("GET", "/mcp", _) => Reply::Stream(vec![first.clone()]),
        ("POST", "/messages?sessionId=1", "initialize") => Reply::Push(answer(&seen.body["id"], &welcome("2024-11-05"))),
        ("POST", "/messages?sessionId=1", method) if method.starts_with("notifications/") => {
            Reply::Full(202, "text/plain", String::new())
        }
        ("POST", "/messages?sessionId=1", _) => rest(seen),
        _ => Reply::status(404),
    })
    .await
}

const ENDPOINT: &str = "event: endpoint\ndata: /messages?sessionId=1\n\n";

fn listed(seen: &Seen) -> Reply {
    Reply::Push(answer(&seen.body["id"], &json!({"tools": [{"name": "a__b"}]})))
}

#[tokio::test]
async fn a_hub_is_asked_by_its_own_transport_first() {
    let double = legacy(ENDPOINT, listed).await;
    let session = opened(&double.hub()).await;
    let opened = session.opened();
    assert_eq!((opened.transport, opened.protocol.as_str()), (Transport::LegacySse, "2024-11-05"));
    assert_eq!(session.list(LIMIT).await.tools.unwrap().len(), 1);
    assert_eq!(double.story(), ["GET", "POST initialize", "POST notifications/initialized", "POST tools/list"]);
    assert_eq!((session.requests(), double.streams()), (2, 1));
    session.close().await.unwrap();
    eventually("the stream's end", || double.streams() == 0).await;
}

#[tokio::test]
async fn another_url_is_asked_by_streamable_http_first_and_the_way_is_remembered() {
    let double = legacy(ENDPOINT, listed).await;
    let context = context(Listen::Unasked);
    for opened in [["POST initialize", "GET"], ["GET", "POST initialize"]] {
        let before = double.seen().len();
        let session = open(&double.address(), &context).await.unwrap();
        assert_eq!(session.opened().transport, Transport::LegacySse);
        assert_eq!(double.story()[before..before + 2], opened);
        session.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_endpoint_of_another_origin_is_refused() {
    for other in ["http://evil.example/messages?sessionId=secret", "//evil.example/x", "https://127.0.0.1/messages"] {
        let double = legacy(&format!("event: endpoint\ndata: {other}\n\n"), listed).await;
        let failure = open(&double.hub(), &context(Listen::Unasked)).await.unwrap_err();
        assert_eq!((failure.phase, failure.kind), (Phase::Connect, FailureKind::OtherHost), "{other}");
        assert!(!failure.evidence.as_str().contains("secret"));
        assert_eq!(double.story(), ["GET"], "nothing may be sent there");
    }
    let port = |double: &Double| double.hub().to_string();
    let double = legacy(ENDPOINT, listed).await;
    let absolute = format!("event: endpoint\ndata: {}/messages?sessionId=1\n\n", port(&double));
    let same = legacy(&absolute, listed).await;
    let failure = open(&same.hub(), &context(Listen::Unasked)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::OtherHost, "another port is another origin");
}

#[tokio::test]
async fn a_stream_of_another_kind_is_not_taken_for_this_transport() {
    let html = Double::start(|seen| match seen.http.as_str() {
        "GET" => Reply::Full(200, "text/html", "<html>".into()),
        _ => Reply::status(404),
    })
    .await;
    let failure = open(&html.hub(), &context(Listen::Unasked)).await.unwrap_err();
    assert_eq!((failure.kind, failure.evidence.as_str()), (FailureKind::Malformed, "content-type: text/html"));
    assert_eq!(html.story(), ["GET", "POST initialize"]);

    let double = legacy("event: heartbeat\ndata: {}\n\n", listed).await;
    let failure = open(&double.hub(), &context(Listen::Unasked)).await.unwrap_err();
    assert_eq!(failure.evidence.as_str(), "the stream began with an event heartbeat");
}

#[tokio::test]
async fn answers_on_the_stream_find_their_calls_and_noise_is_counted() {
    let waiting = Mutex::new(None);
    let double = legacy(ENDPOINT, move |seen| {
        let result = |text: &str| json!({"content": [{"type": "text", "text": text}, {"type": "text", "text": "2"}]});
        let id = seen.body["id"].clone();
        match seen.body["params"]["name"].as_str() {
            Some("first") => {
                *waiting.lock().unwrap() = Some(id);
                Reply::Push("this is no JSON".into())
            }
            Some("second") => Reply::Push(refusal(&id, -32000, "not connected")),
            _ => Reply::Push(answer(&waiting.lock().unwrap().take().unwrap(), &result("ok"))),
        }
    })
    .await;
    let session = opened(&double.hub()).await;
    let nothing = json!({});
    let (first, rest) = tokio::join!(session.call("first", &nothing, LIMIT), async {
        let second = session.call("second", &nothing, LIMIT).await.unwrap_err();
        let third = session.call("third", &nothing, SHORT).await.unwrap_err();
        (second, third)
    });
    assert_eq!(first.unwrap().items, 2);
    assert_eq!(rest.0.kind, FailureKind::Rpc(-32000));
    assert_eq!(rest.1.kind, FailureKind::TimedOut(SHORT));
    assert_eq!((session.noise(), session.first_noise().unwrap().as_str()), (1, "this is no JSON"));
}

#[tokio::test]
async fn a_lost_stream_ends_the_session_and_every_wait() {
    let double = legacy(ENDPOINT, |_| Reply::Full(202, "text/plain", String::new())).await;
    let session = opened(&double.hub()).await;
    let nothing = json!({});
    let (call, end) = tokio::join!(session.call("x", &nothing, LIMIT), async {
        eventually("the call", || double.story().contains(&"POST tools/call".to_owned())).await;
        drop(double);
        soon(session.wait_end()).await
    });
    assert_eq!((end.phase, &end.kind), (Phase::Body, &FailureKind::Closed));
    let call = call.unwrap_err();
    assert_eq!((call.phase, call.kind), (Phase::Call, FailureKind::Closed));
    assert_eq!(session.ended(), Some(end));
}
