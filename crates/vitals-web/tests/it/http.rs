//! `/mcp` over HTTP: who may ask, and what is refused.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use vitals_web::agents::router;

use crate::world::World;

/// A server on a port of its own; it ends with what is given back.
pub(crate) async fn listen(world: World, names: Option<&[&str]>) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let names: Option<Vec<_>> = names.map(|names| names.iter().map(ToString::to_string).collect());
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router(Arc::new(world), names.as_deref())).await.unwrap() });
    (address, server)
}

/// Status and body of one request.
async fn send(address: SocketAddr, method: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "{method} /mcp HTTP/1.1\r\n{headers}Connection: close\r\nAccept: application/json, text/event-stream\r\n\
        Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A body that is refused need not be read.
    drop(stream.write_all(body.as_bytes()).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn call() -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "hub_health", "arguments": {}}}).to_string()
}

#[tokio::test]
async fn only_those_of_this_machine_and_of_the_named_hosts_may_ask() {
    let (address, _server) = listen(World::lying(), Some(&["vitals.example"])).await;
    let port = address.port();
    for (host, origin, status) in [
        (format!("127.0.0.1:{port}"), "", 200),
        ("localhost".to_owned(), "http://localhost:3000", 200),
        ("[::1]:9180".to_owned(), "http://[::1]:9180", 200),
        ("vitals.example".to_owned(), "https://vitals.example", 200),
        (format!("vitals.example:{port}"), "", 200),
        (format!("evil.example:{port}"), "", 403),
        ("127.0.0.1.evil.example".to_owned(), "", 403),
        (format!("127.0.0.1:{port}"), "http://evil.example", 403),
        (format!("127.0.0.1:{port}"), "http://localhost.evil.example", 403),
        (format!("127.0.0.1:{port}"), "null", 403),
    ] {
        let origin_line = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
        let (code, body) = send(address, "POST", &format!("Host: {host}\r\n{origin_line}"), &call()).await;
        assert_eq!(code, status, "{host} {origin}: {body}");
        assert_eq!(body.contains("filesystem"), status == 200, "{host} {origin}: {body}");
    }
}

#[tokio::test]
async fn where_a_layer_around_wants_a_token_any_name_will_do() {
    let (address, _server) = listen(World::lying(), None).await;
    let (code, body) = send(address, "POST", "Host: vitals.example:9180\r\n", &call()).await;
    assert!(code == 200 && body.contains("filesystem"), "{code} {body}");
}

#[tokio::test]
async fn an_answer_needs_no_session_and_leaves_none() {
    let (address, _server) = listen(World::lying(), Some(&[])).await;
    let (code, body) = send(address, "POST", "Host: localhost\r\n", &call()).await;
    let answer: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((code, &answer["result"]["structuredContent"]["health"]), (200, &json!("failing")), "{body}");
    for method in ["GET", "DELETE"] {
        assert_eq!(send(address, method, "Host: localhost\r\n", "").await.0, 405, "{method}");
    }
}

#[tokio::test]
async fn a_body_has_a_bound() {
    let (address, _server) = listen(World::lying(), Some(&[])).await;
    let long = call().replace("hub_health", &"x".repeat(300 << 10));
    assert_eq!(send(address, "POST", "Host: localhost\r\n", &long).await.0, 413);
}
