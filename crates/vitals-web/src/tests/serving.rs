//! Real connections: the stream, its limits, clients that do not behave, and the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use serde_json::json;
use vitals_model::quiet::Order;

use super::fixture::{Fixed, post, snapshot};
use crate::serve::{self, Served};
use crate::{Reach, limits};

/// Far more than anything here takes that has no bound of its own.
const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    source: Arc<Fixed>,
    port: u16,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Served>,
}

#[expect(clippy::disallowed_methods, reason = "the server of a test, which the test ends")]
async fn start() -> Running {
    let source = Fixed::usual();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = oneshot::channel::<()>();
    let router = source.router(Reach::Loopback);
    let served = tokio::spawn(async move { serve::run(listener, router, async { drop(stopped.await) }).await });
    Running { source, port, stop, served }
}

impl Running {
    async fn ask(&self, path: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        BufReader::new(stream)
    }

    async fn end(self) -> Served {
        drop(self.stop);
        tokio::time::timeout(PATIENCE, self.served).await.expect("it ends").unwrap()
    }
}

/// The next line with this in it.
async fn line(stream: &mut BufReader<TcpStream>, wanted: &str) -> String {
    let look = async {
        loop {
            let mut line = String::new();
            assert!(stream.read_line(&mut line).await.unwrap() > 0, "it ended before `{wanted}`");
            if line.contains(wanted) {
                return line;
            }
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("waited for `{wanted}`"))
}

#[tokio::test]
async fn the_stream_tells_of_what_changed_and_only_of_that() {
    let running = start().await;
    let mut stream = running.ask("/api/v1/stream").await;
    line(&mut stream, "event: snapshot").await;
    let first = line(&mut stream, "data: ").await;
    let body: serde_json::Value = serde_json::from_str(first.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(body["schema"], "mcp-vitals/check/v1");
    // Another time alone is no news; another name is.
    let mut later = snapshot(&["hub-7001", "staging"], "filesystem");
    later.at = later.at.plus(Duration::from_secs(1));
    running.source.snapshots.send_replace(Arc::new(later));
    running.source.snapshots.send_replace(Arc::new(snapshot(&["hub-7001"], "renamed")));
    assert!(line(&mut stream, "data: ").await.contains("renamed"));
    let mut brief = running.ask("/api/v1/stream?view=brief").await;
    line(&mut brief, "event: changed").await;
    assert_eq!(line(&mut brief, "data: ").await.trim(), "data: {\"at\":\"2026-11-22T12:00:00.000Z\",\"health\":\"failing\"}");
    line(&mut running.ask("/api/v1/stream?view=all").await, "400 Bad Request").await;
    // Streams have no end of their own: they are cut.
    assert_eq!(running.end().await, Served { connections: 3, cut: 2 });
}

#[tokio::test]
async fn an_answer_waits_for_the_snapshot_that_shows_what_was_asked_and_not_for_any_later_one() {
    let source = Fixed::usual();
    let router = source.router(Reach::Loopback);
    let watch = async {
        let order = loop {
            if let Some(order) = source.orders.lock().unwrap().first().cloned() {
                break order;
            }
            tokio::task::yield_now().await;
        };
        let Order::Acknowledge(7, remark) = order else { panic!("{order:?}") };
        let mut later = snapshot(&["hub-7001"], "filesystem");
        later.at = later.at.plus(Duration::from_secs(1));
        source.snapshots.send_replace(Arc::new(later.clone()));
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        let open = &mut Arc::make_mut(&mut later.targets[0]).open;
        open.iter_mut().find(|incident| incident.id == 7).unwrap().handling.acknowledged = Some(remark);
        source.snapshots.send_replace(Arc::new(later));
    };
    let body = json!({"author": "grace", "text": "mine"});
    let asked = post(&router, "/api/v1/incidents/I7/acknowledge", &body);
    let (said, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(asked, watch) }).await.expect("it answers");
    assert_eq!(said.json()["acknowledged"]["author"], "grace", "{}", said.text);
}

#[tokio::test]
async fn there_are_only_so_many_streams() {
    let running = start().await;
    let mut open = Vec::new();
    for _ in 0..limits::STREAMS_MAX {
        let mut stream = running.ask("/api/v1/stream?view=brief").await;
        line(&mut stream, "200 OK").await;
        open.push(stream);
    }
    let mut refused = running.ask("/api/v1/stream").await;
    line(&mut refused, "503 Service Unavailable").await;
    line(&mut refused, "retry-after: 5").await;
    drop(open.pop());
    // The place is free as soon as the end of its connection was seen.
    let again = async {
        loop {
            let mut stream = running.ask("/api/v1/stream?view=brief").await;
            let mut status = String::new();
            stream.read_line(&mut status).await.unwrap();
            if status.contains("200") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("a place becomes free");
    running.end().await;
}

#[tokio::test]
async fn a_request_that_never_comes_is_given_up_and_holds_up_nobody() {
    let running = start().await;
    let mut slow = TcpStream::connect(("127.0.0.1", running.port)).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: 127.").await.unwrap();
    let mut other = running.ask("/livez").await;
    line(&mut other, "200 OK").await;
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(limits::HEAD_TIME_MAX + PATIENCE, slow.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "a head that does not come is given up");
    running.end().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let running = start().await;
    let mut stream = TcpStream::connect(("127.0.0.1", running.port)).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "a".repeat(2 * limits::HEAD_BYTES_MAX));
    // It may be refused before all of it was sent.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    line(&mut running.ask("/livez").await, "200 OK").await;
    running.end().await;
}
