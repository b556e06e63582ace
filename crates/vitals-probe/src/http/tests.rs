//! The client against a hostile server, and what it does with time, connections and secrets.

use super::*;
pub(crate) mod double;
use double::{Act, Double, url};
use vitals_model::limits::BODY_BYTES_MAX;

const LIMIT: Duration = Duration::from_millis(300);

fn client() -> Client {
    Client::new(
        &Timeouts { connect: LIMIT, ..Timeouts::default() },
        vec![("authorization".into(), Secret::new("Bearer s3cret-token".into()))],
    )
}

async fn json_of(double: &Double) -> Result<Json<serde_json::Value>, Failure> {
    client().get_json(&double.url("/"), LIMIT).await
}

#[tokio::test]
async fn a_json_answer_comes_with_its_phases_and_the_second_one_reuses_the_connection() {
    let double = Double::start(Act::Json(200, r#"{"ok":true}"#)).await;
    let client = client();
    let first = client.get_json::<serde_json::Value>(&double.url("/a?b=c"), LIMIT).await.unwrap();
    assert_eq!((first.value["ok"].as_bool(), first.bytes), (Some(true), 11));
    assert!(first.timing.connect > Duration::ZERO && first.timing.total >= first.timing.first_byte);
    let second = client.get_json::<serde_json::Value>(&double.url("/"), LIMIT).await.unwrap();
    assert_eq!((second.timing.connect, double.connections()), (Duration::ZERO, 1));
    let head = double.requests().remove(0);
    assert!(head.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: Bearer s3cret-token\r\n") && head.contains("user-agent: mcp-vitals/"), "{head}");
}

#[tokio::test]
async fn each_hostile_answer_is_a_failure_of_its_own_kind() {
    let status = |code| FailureKind::Status { code, retry_after: None };
    let deep = "[".repeat(500);
    let cases = [
        (
            Act::Raw("HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n<!doctype html>".into()),
            Phase::Parse,
            FailureKind::NotJson,
            "<!doctype html>",
        ),
        (Act::Json(404, "<pre>Cannot GET /</pre>"), Phase::Request, status(404), "<pre>Cannot GET /</pre>"),
        (Act::Json(500, "{\"error\":\"x\"}"), Phase::Request, status(500), "{\"error\":\"x\"}"),
        (
            Act::Raw("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"a\":[1,".into()),
            Phase::Parse,
            FailureKind::NotJson,
            "{\"a\":[1,",
        ),
        (Act::Raw("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"a\":".into()), Phase::Body, FailureKind::Closed, ""),
        (Act::Raw(format!("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{deep}")), Phase::Parse, FailureKind::TooDeep, "[[["),
        (Act::Raw("SSH-2.0-OpenSSH_9.9\r\n\x1b[2J".into()), Phase::Request, FailureKind::Malformed, "SSH-2.0-OpenSSH_9.9"),
        (
            Act::Raw(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(1 << 20))),
            Phase::Request,
            FailureKind::TooLarge,
            "HTTP/1.1 200 OK",
        ),
        (
            Act::Raw("HTTP/1.1 302 Found\r\nlocation: http://evil.example/?t=1\r\ncontent-length: 0\r\n\r\n".into()),
            Phase::Request,
            FailureKind::OtherHost,
            "http://evil.example",
        ),
        (Act::Raw("HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n".into()), Phase::Request, status(302), ""),
        (
            Act::Raw("HTTP/1.1 401 No\r\ncontent-length: 19\r\n\r\nbad: s3cret-token !".into()),
            Phase::Request,
            status(401),
            "bad: (secret) !",
        ),
        (Act::Raw(String::new()), Phase::Request, FailureKind::Closed, ""),
        (Act::Reset, Phase::Request, FailureKind::Closed, ""),
        (Act::Silent, Phase::Request, FailureKind::TimedOut(LIMIT), ""),
        (Act::Trickle, Phase::Body, FailureKind::TimedOut(LIMIT), ""),
    ];
    for (act, phase, kind, evidence) in cases {
        let name: String = format!("{act:?}").chars().take(80).collect();
        let failure = json_of(&Double::start(act).await).await.unwrap_err();
        assert_eq!((failure.phase, &failure.kind), (phase, &kind), "{name}: {failure}");
        assert!(failure.evidence.as_str().starts_with(evidence), "{name}: {failure}");
        assert!(!failure.evidence.as_str().contains("s3cret"), "{name}: {failure}");
    }
}

#[tokio::test]
async fn an_endless_body_is_left_at_the_limit() {
    let double = Double::start(Act::Endless).await;
    let answer = client().send(Request::get(&double.url("/")), Duration::from_secs(20)).await.unwrap();
    let failure = answer.bytes(BODY_BYTES_MAX).await.unwrap_err();
    assert_eq!((failure.phase, failure.kind), (Phase::Body, FailureKind::TooLarge));
    // What the kernel's buffers took on top of what was read is no memory of ours.
    assert!(double.sent().await < BODY_BYTES_MAX + (16 << 20));
}

#[tokio::test]
async fn a_length_beyond_the_limit_is_refused_unread() {
    let double = Double::start(Act::Raw(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 1 << 30))).await;
    assert_eq!(json_of(&double).await.unwrap_err().kind, FailureKind::TooLarge);
}

#[tokio::test]
async fn a_kept_connection_that_went_stale_is_replaced_once() {
    let double = Double::start(Act::JsonThenHangUp("{}")).await;
    let client = client();
    for connections in [1, 2, 3] {
        let answer = client.get_json::<serde_json::Value>(&double.url("/"), LIMIT).await.unwrap();
        assert!(answer.timing.connect > Duration::ZERO);
        assert_eq!(double.connections(), connections);
    }
}

#[tokio::test]
async fn nothing_listening_is_a_refusal_by_each_name_of_this_machine() {
    let free = { tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port() };
    for host in ["127.0.0.1", "localhost"] {
        let failure = client().send(Request::get(&url(&format!("http://{host}:{free}/"))), LIMIT).await.unwrap_err();
        assert_eq!((failure.phase, failure.kind), (Phase::Connect, FailureKind::Refused));
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_said_without_its_value() {
    let client = Client::new(&Timeouts::default(), vec![("x-token".into(), Secret::new("a\r\nb: c".into()))]);
    let failure = client.send(Request::get(&url("http://127.0.0.1:1/")), LIMIT).await.unwrap_err();
    assert_eq!((failure.kind, failure.evidence.as_str()), (FailureKind::Malformed, "the header x-token cannot be sent"));
    let failure = client.send(Request::get(&url("ftp://127.0.0.1/")), LIMIT).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Malformed);
}

#[tokio::test]
async fn a_stalled_tls_handshake_is_named_and_so_is_a_server_without_tls() {
    let double = Double::start(Act::Silent).await;
    let mut address = double.url("/");
    address.set_scheme("https").unwrap();
    let failure = client().send(Request::get(&address), Duration::from_secs(5)).await.unwrap_err();
    assert_eq!((failure.phase, failure.kind), (Phase::Tls, FailureKind::TimedOut(LIMIT)));

    let double = Double::start(Act::Raw("HTTP/1.1 400 Bad Request\r\n\r\n".into())).await;
    address.set_port(double.url("/").port()).unwrap();
    let failure = client().send(Request::get(&address), Duration::from_secs(5)).await.unwrap_err();
    assert_eq!((failure.phase, failure.kind), (Phase::Tls, FailureKind::Tls));
}

#[test]
fn http_dates_are_read() {
    assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Timestamp::parse("1994-11-06T08:49:37Z"));
    assert_eq!(http_date("tomorrow"), None);
}
