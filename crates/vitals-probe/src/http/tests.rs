//! The client against a hostile server, and what it does with time, connections and secrets.

pub(crate) mod double;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::*;
use crate::task::Task;
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
    let free = { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port() };
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

/// A TLS server with a certificate of its own for `localhost`, made once and valid for a century:
/// `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=localhost
/// -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE`. Its key protects nothing.
async fn tls_server() -> (Url, CertificateDer<'static>, Task) {
    let certificate = CertificateDer::from(include_bytes!("../../tests/data/localhost.cert.der").as_slice());
    let key = PrivatePkcs8KeyDer::from(include_bytes!("../../tests/data/localhost.key.der").as_slice());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.clone()], key.into()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = url(&format!("https://localhost:{}/", listener.local_addr().unwrap().port()));
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let task = Task::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            // A client that does not trust us hangs up in the middle.
            let Ok(mut stream) = acceptor.accept(tcp).await else { continue };
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
            let _ = stream.shutdown().await;
        }
    });
    (address, certificate, task)
}

#[tokio::test]
async fn https_is_spoken_with_whom_we_trust_and_with_nobody_else() {
    let (address, certificate, _server) = tls_server().await;
    let failure = client().send(Request::get(&address), LIMIT).await.unwrap_err();
    assert_eq!((failure.phase, failure.kind), (Phase::Tls, FailureKind::Tls));
    assert!(failure.evidence.as_str().contains("certificate"), "{}", failure.evidence);

    let client = client();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    client.tls.set(connect::tls_trusting(roots).unwrap()).unwrap();
    let answer = client.get_json::<serde_json::Value>(&address, LIMIT).await.unwrap();
    assert!(answer.timing.tls > Duration::ZERO && answer.timing.total > answer.timing.tls);
}

fn through(double: &Double) -> Client {
    let proxy = Proxy::from_environment(|name| (name == "https_proxy").then(|| double.url("").to_string()));
    client().with_proxy(proxy)
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_and_its_refusal_is_said() {
    let far = url("https://far.example/");
    let double = Double::start(Act::Raw("HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n".into())).await;
    let failure = through(&double).send(Request::get(&far), LIMIT).await.unwrap_err();
    assert_eq!((failure.phase, failure.kind), (Phase::Connect, FailureKind::Status { code: 407, retry_after: None }));
    let request = double.requests().remove(0);
    assert!(request.starts_with("CONNECT far.example:443 HTTP/1.1\r\n") && !request.contains("s3cret"), "{request}");

    let double = Double::start(Act::RawThenSilent("HTTP/1.1 200 OK\r\n\r\n".into())).await;
    let failure = through(&double).send(Request::get(&far), Duration::from_secs(5)).await.unwrap_err();
    assert_eq!((failure.phase, failure.kind), (Phase::Tls, FailureKind::TimedOut(LIMIT)));
}

#[tokio::test]
async fn loopback_and_plain_http_never_go_through_a_proxy() {
    let (proxy, double) = (Double::start(Act::Silent).await, Double::start(Act::Json(200, "{}")).await);
    let client = through(&proxy);
    client.get_json::<serde_json::Value>(&double.url("/"), LIMIT).await.unwrap();
    let (local, _certificate, _server) = tls_server().await;
    assert_eq!(client.send(Request::get(&local), LIMIT).await.unwrap_err().kind, FailureKind::Tls);
    assert_eq!(proxy.connections(), 0);
}
