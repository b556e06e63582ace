//! What a server says during a call reaches the client that called: progress under its own token, log messages from
//! the level that it asked for.

use serde_json::{Value, json};
use vitals_lab::persona::Persona;
use vitals_probe::http::Method;

use crate::hub::{Hub, server};
use crate::wire::{Raws, latest};

async fn hub() -> Hub {
    Hub::start(Persona::Honest, &json!({ "contents": server("contents") })).await
}

fn call(tool: &str, meta: &Value) -> Value {
    json!({ "name": format!("contents__{tool}"), "arguments": {}, "_meta": meta })
}

/// The messages before the answer, each as its method and what was said.
fn notes(messages: &[Value]) -> Vec<(String, Value)> {
    let notes = messages.iter().filter(|message| message["method"].is_string());
    notes.map(|note| (note["method"].as_str().unwrap().to_owned(), note["params"].clone())).collect()
}

#[tokio::test]
async fn progress_comes_under_the_tokens_of_its_clients_in_order_and_before_the_answer() {
    let hub = hub().await;
    let (one, two) = (Raws::open(&hub, "2025-06-18").await, Raws::open(&hub, "2025-11-25").await);
    let ask = async |raws: &Raws<'_>, token: Value| {
        let params = call("test_tool_with_progress", &json!({ "progressToken": token }));
        let messages = raws.request("tools/call", &params).await.messages();
        assert!(messages.last().unwrap()["result"].is_object(), "{messages:?}");
        let said: Vec<_> = notes(&messages).into_iter().map(|(_, params)| params).collect();
        let steps = [0, 50, 100].map(|done| json!({ "progressToken": token, "progress": f64::from(done), "total": 100.0 }));
        assert_eq!(said, steps);
    };
    // The same token in two sessions, and a text as a token, at the same time.
    tokio::join!(ask(&one, json!(7)), ask(&two, json!(7)), ask(&one, json!("seven")));
    let without = one.request("tools/call", &call("test_tool_with_progress", &json!({}))).await.messages();
    assert_eq!(notes(&without), []);
}

#[tokio::test]
async fn log_messages_come_from_the_level_that_was_asked_for() {
    let hub = hub().await;
    // A client of the latest revision says with each request what it wants.
    let asked = async |level: &str| {
        let meta = json!({ "io.modelcontextprotocol/logLevel": level });
        let answer = latest(&hub, "tools/call", &call("test_logging_tool", &meta)).await;
        notes(&answer.messages()).len()
    };
    assert_eq!((asked("info").await, asked("debug").await, asked("error").await), (3, 3, 0));
    let silent = latest(&hub, "tools/call", &call("test_logging_tool", &json!({}))).await;
    assert_eq!(notes(&silent.messages()), []);
}

#[tokio::test]
async fn a_call_that_its_client_gives_up_is_given_up_at_the_server_too() {
    let hub = Hub::start(Persona::Honest, &json!({ "echo": server("echo") })).await;
    let raws = Raws::open(&hub, "2025-11-25").await;
    let params = json!({ "name": "echo__slow_echo", "arguments": { "message": "hi", "ms": 10_000 } });
    let begun = vitals_probe::clock::Stopwatch::start();
    let cancel = async {
        hub.until(async || hub.log().contains("Calling tool 'slow_echo'")).await;
        let note = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 2 } });
        raws.raw(Method::POST, &note).await;
    };
    let (called, ()) = tokio::join!(raws.request("tools/call", &params), cancel);
    assert!(!called.body.contains("Echo: hi"), "{}", called.body);
    assert!(begun.elapsed() < std::time::Duration::from_secs(9), "{:?}", begun.elapsed());
    let again = raws.request("tools/call", &json!({ "name": "echo__echo", "arguments": { "message": "hi" } })).await;
    assert_eq!(again.message()["result"]["content"][0]["text"], "Echo: hi");
}
