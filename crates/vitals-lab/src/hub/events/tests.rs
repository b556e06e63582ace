//! Both forms of the stream, against recordings where there are some; clients that are slow, and too many.

use std::time::Duration;

use tokio::time::timeout_at;
use vitals_probe::task::Task;

use super::*;
use crate::hub::StateTold;
use crate::hub::journal::{Level, Record};

/// The stream of the filtering variant: a client comes, and a server is restarted.
const VARIANT: &str = include_str!("../../../../vitals-probe/tests/data/filtering-hub-events.sse");

fn events(faults: &[HubFault]) -> Events {
    Events::new(Form::Single, watch::channel(faults.iter().copied().collect()).1)
}

fn take(joined: &mut Joined) -> Vec<String> {
    let mut taken = Vec::new();
    while let Ok(frame) = joined.queue.try_recv() {
        taken.push(String::from_utf8(frame.to_vec()).unwrap());
    }
    taken
}

#[test]
fn events_have_the_form_that_npm_mcp_hub_sends() {
    let events = events(&[]);
    let mut joined = events.join(Wants::Everything).unwrap();
    events.notify("servers_updated", json!({"changes": {"modified": ["everything"]}}));
    events.heartbeat();
    let frames = take(&mut joined);
    assert!(frames[0].starts_with("event: subscription_event\ndata: {\"type\":\"servers_updated\",\"changes\":{"), "{frames:?}");
    assert!(frames[0].ends_with("}\n\n"), "{frames:?}");
    let data: Value = serde_json::from_str(frames[0].split_once("data: ").unwrap().1).unwrap();
    assert_eq!(data["type"], "servers_updated");
    assert_eq!(data["changes"]["modified"][0], "everything");
    assert!(data["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(frames[1].starts_with("event: heartbeat\ndata: {\"connections\":1,\"timestamp\":\"2"), "{frames:?}");
    assert!(events.left(joined.id) && !events.left(joined.id));
}

#[test]
fn a_slow_client_loses_events_and_is_told_how_many() {
    let events = events(&[]);
    let (mut slow, mut other) = (events.join(Wants::Everything).unwrap(), events.join(Wants::Everything).unwrap());
    for _ in 0..QUEUE_MAX + 2 {
        events.heartbeat();
        take(&mut other);
    }
    events.repeat("log", &json!({}), 3);
    take(&mut other);
    assert_eq!(take(&mut slow).len(), QUEUE_MAX);
    events.heartbeat();
    let after = take(&mut slow);
    assert_eq!(after.len(), 2);
    assert!(after[0].contains("5 events were lost"), "{after:?}");
    assert_eq!(take(&mut other).len(), 1);
}

#[test]
fn a_cut_stream_takes_nobody_and_a_silent_one_says_nothing() {
    assert!(events(&[HubFault::StreamCut]).join(Wants::Everything).is_none());
    let silent = events(&[HubFault::StreamSilent]);
    let mut joined = silent.join(Wants::Everything).unwrap();
    silent.heartbeat();
    assert_eq!(take(&mut joined).len(), 0);
    silent.cut();
    assert!(joined.queue.is_closed() && silent.count() == 0);
}

#[test]
fn there_are_only_so_many_clients() {
    let events = events(&[]);
    let joined: Vec<_> = (0..CLIENTS_MAX).map(|_| events.join(Wants::Everything).unwrap()).collect();
    assert!(events.join(Wants::Everything).is_none());
    assert!(events.left(joined[0].id));
    assert!(events.join(Wants::Everything).is_some());
}

/// One thing that happened, as the recording has it.
struct Happened {
    at: Timestamp,
    kind: String,
    event: Value,
}

/// What the recording tells of, in order of time.
fn happened() -> Vec<Happened> {
    let mut all = Vec::new();
    for frame in VARIANT.split_terminator("\n\n") {
        let (name, data) = frame.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        let events = data["events"].as_array().cloned().unwrap_or_else(|| vec![data.clone()]);
        all.extend(events.into_iter().map(|event| {
            let time = &event["timestamp"];
            let at = time.as_i64().map_or_else(|| Timestamp::parse(time.as_str().unwrap()).unwrap(), Timestamp::from_millis);
            Happened { at, kind: name.trim_end_matches("_batch").to_owned(), event }
        }));
    }
    all.sort_by_key(|happened| happened.at);
    all
}

/// Has it happen to our stream.
fn replay(events: &Events, client: u64, Happened { at, kind, event }: Happened) {
    let word = |field: &str| event[field].as_str().unwrap().to_owned();
    match kind.as_str() {
        "log" => {
            // What npm says of the same records.
            let level = match word("message") {
                message if message.contains(" stderr: ") => Level::Warn,
                message if message.ends_with(" MCP server connected") => Level::Info,
                _ => Level::Debug,
            };
            let record = Record { data: event["data"].clone(), ..Record::new(level, word("message")) };
            events.log(&Stamped { record, at }, 1);
        }
        "hub_state" => {
            let number = |field: &str| event[field].as_u64().unwrap();
            let (pid, port) = (number("pid").try_into().unwrap(), number("port").try_into().unwrap());
            let timestamp = word("timestamp");
            let told = StateTold { state: "ready", server_id: "mcp-hub", pid, port, timestamp, has_restarted: None };
            events.send_to(client, "hub_state", &told);
        }
        "heartbeat" => events.tell("heartbeat", &Untimed { r#type: None, more: json!({"connections": events.count()}) }, at),
        "subscription_event" => {
            let mut more = event.clone();
            more.as_object_mut().unwrap().retain(|key, _| !["type", "timestamp"].contains(&key.as_str()));
            events.tell("subscription_event", &Untimed { r#type: Some(&word("type")), more }, at);
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_variant_was_recorded_to_tell_gives_its_batches_in_its_order() {
    let events = Arc::new(Events::new(Form::BatchedWithoutLevels, watch::channel(BTreeSet::new()).1));
    let _sending = Task::spawn(send_batches(Arc::clone(&events)));
    let mut joined = events.join(Wants::Everything).unwrap();
    let (all, start, mut frames) = (happened(), Instant::now(), Vec::new());
    let begin = all[0].at;
    let mut until = async |at: Instant, frames: &mut Vec<String>| {
        while let Ok(frame) = timeout_at(at, joined.queue.recv()).await {
            frames.push(String::from_utf8(frame.unwrap().to_vec()).unwrap());
        }
    };
    for one in all {
        until(start + one.at.since(begin), &mut frames).await;
        replay(&events, joined.id, one);
    }
    until(Instant::now() + Duration::from_secs(1), &mut frames).await;

    let recorded: Vec<_> = VARIANT.split_inclusive("\n\n").collect();
    assert_eq!(frames.len(), recorded.len(), "{frames:#?}");
    for (frame, recorded) in frames.iter().zip(recorded) {
        if recorded.contains("workspaces_updated") {
            // The lab sorts the fields of the registry's entries.
            assert_eq!(sorted(frame), sorted(recorded));
        } else {
            assert_eq!(untimed(frame), untimed(recorded));
        }
    }
}

/// The frame up to the time when it was sent, which is its last field.
fn untimed(frame: &str) -> &str {
    let (before, time) = frame.rsplit_once("\"timestamp\":").unwrap();
    let time = time.strip_prefix('"').and_then(|time| time.strip_suffix("\"}\n\n"));
    assert!(time.and_then(Timestamp::parse).is_some(), "{frame}");
    before
}

fn sorted(frame: &str) -> (&str, Value) {
    let (name, data) = frame.split_once("\ndata: ").unwrap();
    let mut data: Value = serde_json::from_str(data).unwrap();
    data.as_object_mut().unwrap().remove("timestamp").unwrap();
    (name, data)
}

#[test]
fn records_have_their_levels_where_the_variant_does_not_log_with_pino() {
    let off = Settings::off();
    let on = Settings::read(&json!({"enabled": true})).unwrap();
    assert_eq!(LogFormat::ALL.map(|log| Form::of(&off, log)), [Form::Single; 3]);
    for (log, level) in [(LogFormat::Plain, "error"), (LogFormat::Stdout, "error"), (LogFormat::Pino, "debug")] {
        let events = Events::new(Form::of(&on, log), watch::channel(BTreeSet::new()).1);
        let mut joined = events.join(Wants::Everything).unwrap();
        events.log(&Stamped { record: Record::new(Level::Error, "x"), at: clock::now() }, 1);
        let frames = take(&mut joined);
        let start =
            format!("event: log_batch\ndata: {{\"type\":\"log_batch\",\"batchSize\":1,\"events\":[{{\"type\":\"{level}\",");
        assert!(frames[0].starts_with(&start), "{frames:?}");
    }
}

#[test]
fn two_events_about_one_server_are_one_and_what_is_gathered_at_the_end_is_sent() {
    let events = Events::new(Form::Batched, watch::channel(BTreeSet::new()).1);
    let (mut all, mut records) = (events.join(Wants::Everything).unwrap(), events.join(Wants::Records).unwrap());
    for (kind, more) in [
        ("tool_list_changed", json!({"server": "a", "tools": [1]})),
        ("prompt_list_changed", json!({"server": "a"})),
        ("servers_updated", json!({"changes": {"modified": ["a"]}})),
        ("servers_updated", json!({"changes": {"modified": ["a"]}})),
        ("servers_updated", json!({"changes": {"modified": ["b"]}})),
    ] {
        events.notify(kind, more);
    }
    assert_eq!(take(&mut all).len(), 0);
    events.log(&Stamped { record: Record::new(Level::Info, "x"), at: clock::now() }, 1);
    events.send("hub_state", &json!({"state": "stopping"}));
    events.finish();
    let frames = take(&mut all);
    assert_eq!(frames.len(), 3, "{frames:?}");
    assert!(frames[1].starts_with("event: hub_state_batch\n") && frames[1].contains("\"reason\":\"critical\""), "{frames:?}");
    let (_, last) = sorted(&frames[2]);
    let told: Vec<_> = last["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(told, ["tool_list_changed", "servers_updated", "servers_updated"]);
    assert_eq!((last["batchSize"].as_u64(), last["reason"].as_str()), (Some(3), Some("manual")));
    let frames = take(&mut records);
    assert!(frames.len() == 1 && frames[0].starts_with("event: log_batch\n"), "{frames:?}");
    assert!(all.queue.is_closed() && events.count() == 0);
}
