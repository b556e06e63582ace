//! The event stream of a hub that filters tools: batches, which the monitor reads as it reads single events, and the
//! stream of its log.

use serde_json::{Value, json};
use url::Url;
use vitals_model::observation::{ServerTurn, StreamNote, StreamSeen, Turn};
use vitals_probe::events::Stream;
use vitals_probe::http::Request;
use vitals_probe::http::sse::EventSource;

use crate::hub::{Hub, LIMIT, client, server};

/// Longest event that a test reads, in bytes.
const EVENT_BYTES_MAX: usize = 1 << 20;

async fn open(hub: &Hub, path: &str) -> EventSource {
    let url = Url::parse(&format!("{}{path}", hub.base)).unwrap();
    let answer = client().send(Request::get(&url).header("accept", "text/event-stream"), LIMIT).await.unwrap();
    EventSource::new(answer, EVENT_BYTES_MAX).await.unwrap()
}

/// Reads until an event of this name has these words; every event until then, that one included.
async fn until(events: &mut EventSource, name: &str, words: &str) -> Vec<(String, Value)> {
    let mut seen = Vec::new();
    loop {
        let event =
            tokio::time::timeout(LIMIT, events.next()).await.unwrap_or_else(|_| panic!("no {words} in {seen:?}")).unwrap();
        let found = event.name == name && event.data.contains(words);
        seen.push((event.name, serde_json::from_str(&event.data).unwrap()));
        if found {
            return seen;
        }
    }
}

async fn restart_echo(hub: &Hub) {
    for order in ["stop", "start"] {
        let answer = hub.post(&format!("/api/servers/{order}"), &json!({ "server_name": "echo" })).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test]
async fn events_come_in_batches_and_the_log_has_a_stream_of_its_own() {
    let hub = Hub::start_filtering(&json!({ "echo": server("echo") })).await;
    let (mut events, mut records) = (open(&hub, "/api/events").await, open(&hub, "/api/logs").await);
    restart_echo(&hub).await;
    let seen = until(&mut events, "subscription_event_batch", "servers_updated").await;
    let singles: Vec<_> = seen.iter().filter(|(name, _)| !name.ends_with("_batch")).collect();
    assert!(singles.len() == 1 && singles[0].0 == "hub_state" && singles[0].1["state"] == "ready", "{seen:?}");
    for (name, data) in seen.iter().filter(|(name, _)| name.ends_with("_batch")) {
        assert_eq!(data["type"], json!(name));
        assert_eq!(data["batchSize"], data["events"].as_array().unwrap().len());
        assert_eq!(data["reason"], if name == "log_batch" { "critical" } else { "time_window" }, "{seen:?}");
    }

    let told = until(&mut records, "log_batch", "'echo' MCP server connected").await;
    assert!(told.iter().all(|(name, _)| name == "log_batch"), "{told:?}");
    assert!(told.iter().all(|(_, data)| data["events"][0]["type"] == "debug"), "{told:?}");
    assert!(hub.log().contains("\"level\":\"info\""));
    assert_eq!(hub.get("/api/health").await["activeClients"], 2);
}

#[tokio::test]
async fn the_monitor_reads_batches_as_it_reads_single_events() {
    let hub = Hub::start_filtering(&json!({ "echo": server("echo") })).await;
    let (client, base) = (client(), Url::parse(&hub.base).unwrap());
    let (mut stream, _) = Stream::open(&client, &base, LIMIT).await.unwrap();
    restart_echo(&hub).await;
    let mut seen = Vec::new();
    let is_turn = |note: &StreamNote| matches!(note, StreamNote::Turn(ServerTurn { turn: Turn::Connected, .. }));
    let is_change = |note: &StreamNote| matches!(note, StreamNote::Changed(kind) if kind.as_str() == "servers_updated");
    let is_state = |note: &StreamNote| matches!(note, StreamNote::State { .. });
    while !(seen.iter().any(is_turn) && seen.iter().any(is_change) && seen.iter().any(is_state)) {
        match tokio::time::timeout(LIMIT, stream.next()).await {
            Ok(StreamSeen::Notes { notes, dropped: 0 }) => seen.extend(notes),
            other => panic!("{other:?} after {seen:?}"),
        }
    }
    assert!(!seen.iter().any(|note| matches!(note, StreamNote::Other(_))), "{seen:?}");
}
