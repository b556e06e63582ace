//! From the first byte to the last: what a server does before a session, between messages and at its end.

use std::collections::BTreeSet;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};

use super::*;

async fn send(input: &mut DuplexStream, message: &Value) {
    within(input.write_all(format!("{message}\n").as_bytes())).await.unwrap();
}

fn initialize(id: u32) -> Value {
    let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    json!({ "jsonrpc": "2.0", "id": id, "method": "initialize", "params": params })
}

/// The next line that is a message, and how many lines of text came before it.
async fn message(output: &mut Lines<BufReader<DuplexStream>>) -> (Value, usize) {
    let mut noise = 0;
    loop {
        let line = within(output.next_line()).await.unwrap().expect("a line");
        match serde_json::from_str(&line) {
            Ok(message) => return (message, noise),
            Err(_) => noise += 1,
        }
    }
}

#[tokio::test]
async fn the_end_of_the_input_is_the_end() {
    for kind in [ServerKind::Echo, ServerKind::Github, ServerKind::Contents, ServerKind::Filesystem] {
        let (mut server, input, _output) = start(kind, &[], QUICK);
        let clock = Stopwatch::start();
        drop(input);
        assert_eq!(server.ended().await, End::InputEnded);
        assert!(clock.elapsed() < DEADLINE / 2);
    }
}

#[tokio::test]
async fn what_was_asked_before_the_end_is_answered() {
    let (mut server, mut input, output) = start(ServerKind::Echo, &[], QUICK);
    send(&mut input, &initialize(1)).await;
    send(&mut input, &json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" })).await;
    drop(input);
    let mut output = BufReader::new(output).lines();
    assert_eq!(message(&mut output).await.0["id"], 1);
    assert_eq!(message(&mut output).await.0["id"], 2);
    assert_eq!(server.ended().await, End::InputEnded);
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_start_that_never_comes() {
    for fault in [ServerFault::NeverInitialises, ServerFault::SlowStart] {
        let pace = Pace { start: DEADLINE * 2, ..QUICK };
        let (mut server, mut input, _output) = start(ServerKind::Echo, &[fault], pace);
        send(&mut input, &initialize(1)).await;
        drop(input);
        assert_eq!(server.ended().await, End::InputEnded);
    }
}

#[tokio::test]
async fn a_slow_start_is_over_after_its_time() {
    let clock = Stopwatch::start();
    let (_server, client) = open(ServerKind::Echo, &[ServerFault::SlowStart]).await;
    assert!(clock.elapsed() >= QUICK.start);
    assert_eq!(tools(&client).await.len(), 5);
}

#[tokio::test]
async fn a_server_that_never_initialises_does_so_once_the_fault_is_cleared() {
    let (server, mut input, output) = start(ServerKind::Echo, &[ServerFault::NeverInitialises], QUICK);
    let mut output = BufReader::new(output).lines();
    send(&mut input, &initialize(1)).await;
    let silent = tokio::time::timeout(QUICK.start, output.next_line()).await;
    assert!(silent.is_err(), "{silent:?}");
    server.inject(&[]);
    assert_eq!(message(&mut output).await.0["id"], 1);
}

#[tokio::test]
async fn without_a_token_nothing_is_answered() {
    let (_server, mut input, output) = start(ServerKind::Github, &[], QUICK);
    send(&mut input, &initialize(1)).await;
    let silent = tokio::time::timeout(QUICK.start, BufReader::new(output).lines().next_line()).await;
    assert!(silent.is_err(), "{silent:?}");
}

#[tokio::test]
async fn a_crash_comes_after_the_start_and_after_the_injection() {
    let clock = Stopwatch::start();
    let (mut server, _input, _output) = start(ServerKind::Echo, &[ServerFault::CrashLoop], QUICK);
    assert_eq!(server.ended().await, End::Crashed);
    assert!(clock.elapsed() >= QUICK.crash);

    let (mut server, client) = open(ServerKind::Echo, &[]).await;
    server.inject(&[ServerFault::CrashLoop]);
    assert_eq!(server.ended().await, End::Crashed);
    assert!(within(client.list_all_tools()).await.is_err());
}

#[tokio::test]
async fn noise_comes_in_lines_of_its_own() {
    let (server, mut input, output) = start(ServerKind::Echo, &[ServerFault::StdoutNoise], QUICK);
    let mut output = BufReader::new(output).lines();
    send(&mut input, &initialize(0)).await;
    assert!(message(&mut output).await.1 >= 1);
    send(&mut input, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
    let words = "x".repeat(20_000);
    let mut answered = BTreeSet::new();
    for id in 1..=20 {
        let params = json!({ "name": "echo", "arguments": { "message": words } });
        send(&mut input, &json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })).await;
        let (answer, noise) = message(&mut output).await;
        assert!(noise >= 1);
        assert_eq!(answer["result"]["content"][0]["text"], format!("Echo: {words}"));
        answered.insert(answer["id"].as_u64().unwrap());
    }
    assert_eq!(answered.len(), 20);
    // And by itself, without any message.
    assert!(serde_json::from_str::<Value>(&within(output.next_line()).await.unwrap().unwrap()).is_err());
    server.inject(&[]);
    let quiet = async || tokio::time::timeout(QUICK.noise * 5, output.next_line()).await.is_err();
    until(quiet).await;
}

#[tokio::test]
async fn an_ignored_end_is_ignored_until_the_fault_is_cleared() {
    let pace = Pace { ignore_max: DEADLINE * 2, ..QUICK };
    let (mut server, input, _output) = start(ServerKind::Echo, &[ServerFault::IgnoreEnd], pace);
    drop(input);
    server.term.cancel();
    let still = tokio::time::timeout(Duration::from_millis(300), &mut server.end).await;
    assert!(still.is_err(), "{still:?}");
    server.inject(&[]);
    assert!(matches!(server.ended().await, End::InputEnded | End::Terminated));
}

#[tokio::test]
async fn an_ignored_end_is_not_ignored_for_ever() {
    let (mut server, input, _output) = start(ServerKind::Echo, &[ServerFault::IgnoreEnd], QUICK);
    let clock = Stopwatch::start();
    drop(input);
    assert_eq!(server.ended().await, End::Expired);
    assert!(clock.elapsed() >= QUICK.ignore_max);
}

#[tokio::test]
async fn an_output_that_nobody_reads_is_the_end() {
    let (mut server, mut input, output) = start(ServerKind::Echo, &[], QUICK);
    drop(output);
    send(&mut input, &initialize(1)).await;
    assert_eq!(server.ended().await, End::OutputLost);
}

#[tokio::test]
async fn a_first_message_that_opens_nothing_is_an_error() {
    let (mut server, mut input, _output) = start(ServerKind::Echo, &[], QUICK);
    send(&mut input, &json!({ "jsonrpc": "2.0", "id": 1, "result": {} })).await;
    assert!(matches!(within(&mut server.end).await.unwrap(), Err(ServerError::NoSession(_))));
}

#[tokio::test]
async fn the_newest_revision_needs_no_session_and_tells_subscribers_of_changes() {
    let (server, mut input, output) = start(ServerKind::Echo, &[], QUICK);
    let mut output = BufReader::new(output).lines();
    let request = |id: u32, method: &str, mut params: Value| {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
    };
    send(&mut input, &request(1, "server/discover", json!({}))).await;
    let (answer, _) = message(&mut output).await;
    assert!(answer["result"]["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{answer}");
    send(&mut input, &request(2, "tools/list", json!({}))).await;
    assert_eq!(message(&mut output).await.0["result"]["tools"].as_array().unwrap().len(), 5);
    send(&mut input, &request(3, "subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }))).await;
    assert_eq!(message(&mut output).await.0["method"], "notifications/subscriptions/acknowledged");
    server.inject(&[ServerFault::ToolsEmptied]);
    let (told, _) = message(&mut output).await;
    assert_eq!(told["method"], "notifications/tools/list_changed");
    assert_eq!(told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 3);
    send(&mut input, &request(4, "tools/list", json!({}))).await;
    assert_eq!(message(&mut output).await.0["result"]["tools"], json!([]));
}
