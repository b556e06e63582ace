//! From one event of the hub's stream to notes. Both shapes are read: npm mcp-hub sends each thing as
//! an event of its own, the filtering variant sends batches of them.

use serde_json::Value;
use vitals_model::claim::HubState;
use vitals_model::limits::EVIDENCE_CHARS_MAX;
use vitals_model::observation::{Level, ServerTurn, StreamNote};
use vitals_model::template::template;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use crate::http::sse::Event;
use crate::logtail::{Mark, is_client_abort, mark};

/// Gives every note of `event` to `sink`, in order. An event that cannot be read is a note too.
pub(super) fn read(event: &Event, sink: &mut impl FnMut(StreamNote)) {
    let other = |what: &str| StreamNote::Other(Text::cut(&format!("{}: {what}", event.name), EVIDENCE_CHARS_MAX));
    let Ok(body) = serde_json::from_str::<Value>(&event.data) else {
        return sink(other(&event.data));
    };
    let (kind, entries) = match event.name.strip_suffix("_batch") {
        Some(kind) => (kind, body.get("events").and_then(Value::as_array).map_or(&[][..], Vec::as_slice)),
        None => (event.name.as_str(), std::slice::from_ref(&body)),
    };
    for entry in entries {
        let note = match kind {
            "log" => log(entry),
            "subscription_event" => text(entry, "type").map(|kind| StreamNote::Changed(Text::new(kind))),
            "heartbeat" => Some(StreamNote::Heartbeat),
            "hub_state" => text(entry, "state").map(|state| StreamNote::State {
                state: HubState::parse(state),
                pid: entry.get("pid").and_then(|pid| pid.as_u64()?.try_into().ok()),
            }),
            _ => None,
        };
        sink(note.unwrap_or_else(|| other(&entry.to_string())));
    }
}

/// A log record; `None` when it has no message or no level that we know.
fn log(record: &Value) -> Option<StreamNote> {
    let message = text(record, "message")?;
    let at = record.get("timestamp").and_then(time);
    let level = text(record, "type").and_then(Level::parse);
    match mark(level, message) {
        Some(Mark::Turn(server, turn)) => return Some(StreamNote::Turn(ServerTurn { at, server: Text::new(server), turn })),
        Some(Mark::StormLine) => return Some(StreamNote::StormLine),
        Some(Mark::ClientAbort) => return Some(StreamNote::ClientAbort),
        Some(Mark::Fallback) | None => {}
    }
    let code = text(record, "code").unwrap_or_default();
    let error = record.pointer("/data/error").and_then(Value::as_str).unwrap_or_default();
    if is_client_abort(code, [message, error]) {
        return Some(StreamNote::ClientAbort);
    }
    let code = if code.is_empty() { Text::new(&template(message)) } else { Text::new(code) };
    Some(StreamNote::Log { at, level: level?, code, message: Text::new(message) })
}

/// RFC 3339, or milliseconds since the epoch.
fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(Timestamp::parse).or_else(|| value.as_i64().map(Timestamp::from_millis))
}

fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field)?.as_str()
}
