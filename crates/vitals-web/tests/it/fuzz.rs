//! Whatever comes in a line: the server goes on, and the next question is answered.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::Client;
use crate::world::World;

/// JSON of any shape, with the words of the protocol in it more often than chance has them.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        "\\PC{0,12}",
        prop::sample::select(vec![
            "2.0",
            "initialize",
            "tools/call",
            "tools/list",
            "resources/read",
            "prompts/get",
            "ping",
            "server/discover",
            "notifications/cancelled",
            "subscriptions/listen",
            "hub_health",
            "can_use_tool",
            "explain",
            "diagnose",
            "vitals://snapshot",
            "vitals://target/",
            "2025-11-25",
            "2026-07-28",
        ])
        .prop_map(str::to_owned),
    ];
    let key = prop_oneof![
        "[a-z_]{0,8}",
        prop::sample::select(vec![
            "jsonrpc",
            "id",
            "method",
            "params",
            "name",
            "arguments",
            "target",
            "tool",
            "what",
            "uri",
            "cursor",
            "_meta",
            "result",
            "error",
            "protocolVersion",
            "capabilities",
            "clientInfo",
            "io.modelcontextprotocol/protocolVersion",
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

/// A request or a notification of which only the frame is right.
fn any_message() -> impl Strategy<Value = Value> {
    let methods = vec![
        "initialize",
        "tools/call",
        "tools/list",
        "resources/read",
        "resources/list",
        "prompts/get",
        "ping",
        "server/discover",
        "completion/complete",
        "logging/setLevel",
        "notifications/cancelled",
        "notifications/initialized",
        "tasks/get",
        "no/such",
    ];
    (prop::sample::select(methods), any_json(), prop::option::of(any_json())).prop_map(|(method, params, id)| {
        let mut message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        if let Some(id) = id {
            message["id"] = id;
        }
        message
    })
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any_message().prop_map(|message| message.to_string().into_bytes()),
        2 => any_json().prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>().prop_filter("a line is one line", |byte| *byte != b'\n'), 0..200),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_line_ends_it(lines in prop::collection::vec(any_line(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut client = Client::of(World::lying());
            for line in &lines {
                client.write(line).await;
            }
            let said = client.call("hub_health", json!({})).await;
            assert_eq!(said.data["health"], "failing");
            client.end().await;
        });
    }

    #[test]
    fn a_request_is_answered_whatever_it_asks(params in any_json(), method in "[a-z/_]{1,20}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut client = Client::of(World::lying());
            for method in [method.as_str(), "tools/call", "resources/read", "prompts/get"] {
                // What is no object at all need not be answered under its id; these are.
                let answer = client.ask(method, json!({"name": "explain", "uri": "vitals://incidents", "arguments": params})).await;
                assert!(answer["result"].is_object() != answer["error"].is_object(), "{answer}");
            }
            client.end().await;
        });
    }
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_answered_with_a_parse_error() {
    let mut client = Client::of(World::lying());
    let too_deep = "[".repeat(1000);
    for line in ["hello", "{\"jsonrpc\": \"2.0\", \"id\": 1,", "{} {}", "\"\\ud800\"", &too_deep] {
        client.write(line.as_bytes()).await;
        let answer = client.read().await;
        assert_eq!((&answer["jsonrpc"], &answer["error"]["code"], &answer["id"]), (&json!("2.0"), &json!(-32700), &Value::Null));
    }
    client.write(b"\xff\xfe").await;
    assert_eq!(client.read().await["error"]["code"], -32700);
    // A longer one than any message may be, of which no part is kept.
    client.write(&vec![b' '; 300 << 10]).await;
    assert!(client.read().await["error"]["message"].as_str().is_some_and(|why| why.contains("longer than 262144 bytes")));
    // An empty line says nothing, and JSON that is no message is another error.
    client.write(b"  ").await;
    client.write(b"[1, 2]").await;
    assert_eq!(client.read().await["error"]["code"], -32600);
    assert_eq!(client.call("hub_health", json!({})).await.data["health"], "failing");
    client.end().await;
}

#[tokio::test]
async fn our_own_error_that_comes_back_is_not_answered() {
    let mut client = Client::of(World::lying());
    client.write(b"no JSON").await;
    let error = client.read().await.to_string();
    client.write(error.as_bytes()).await;
    // The next answer is the one to the question.
    let ping = json!({"jsonrpc": "2.0", "id": 7, "method": "ping"}).to_string();
    client.write(ping.as_bytes()).await;
    assert_eq!(client.read().await["id"], 7);
    client.end().await;
}
