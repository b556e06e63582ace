//! Logs of OpenTelemetry, by OTLP over HTTP in its JSON form. The message is the body, and every other field an attribute by
//! its path in ECS, which OpenTelemetry's own conventions grew from.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding> and
//! <https://opentelemetry.io/docs/specs/otel/logs/data-model/>.

use serde::Deserialize;
use serde_json::{Value, json};
use vitals_model::observation::Level;
use vitals_model::text::Text;

use super::super::ecs::About;
use super::{Answer, Post};

/// The path below the endpoint.
pub(super) const PATH: &str = "/v1/logs";

pub(in super::super) struct Otlp(pub(super) Post);

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Partly {
    partial_success: Option<Rejected>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rejected {
    /// A 64-bit number: a text in this JSON, and a number for those who do not keep to it.
    rejected_log_records: Value,
    error_message: String,
}

impl Otlp {
    pub(super) async fn give(&self, records: &[String]) -> Answer {
        match self.0.post("application/json", body(records)).await {
            Ok(answer) => read(&answer, records.len()),
            Err(failure) => Answer::of(&failure),
        }
    }
}

/// What was rejected must not be sent again, says the specification.
fn read(answer: &[u8], records: usize) -> Answer {
    let rejected = serde_json::from_slice::<Partly>(answer).unwrap_or_default().partial_success.unwrap_or_default();
    let number = &rejected.rejected_log_records;
    let count = number.as_str().and_then(|text| text.parse().ok()).or_else(|| number.as_u64()).unwrap_or(0);
    let count = usize::try_from(count).unwrap_or(records).min(records);
    let why = Text::new(&rejected.error_message).as_str().to_owned();
    Answer::Taken { refused: vec![why; count], again: (Vec::new(), String::new()) }
}

fn body(records: &[String]) -> String {
    let records: Vec<_> = records.iter().filter_map(|record| About::read(record)).map(|about| log_record(&about)).collect();
    let resource = [
        json!({"key": "service.name", "value": {"stringValue": "mcp-vitals"}}),
        json!({"key": "service.version", "value": {"stringValue": env!("CARGO_PKG_VERSION")}}),
    ];
    let scope = json!({"name": "mcp-vitals", "version": env!("CARGO_PKG_VERSION")});
    json!({"resourceLogs": [{
        "resource": {"attributes": resource},
        "scopeLogs": [{"scope": scope, "logRecords": records}],
    }]})
    .to_string()
}

fn log_record(about: &About) -> Value {
    let mut attributes = Vec::new();
    attribute("", &about.fields, &mut attributes);
    let level = about.level();
    json!({
        "timeUnixNano": about.nanos(),
        "observedTimeUnixNano": about.nanos(),
        "severityNumber": level.map_or(0, severity),
        "severityText": about.text("/log/level"),
        "body": {"stringValue": about.text("/message")},
        "attributes": attributes,
    })
}

/// The first number of each range of the data model.
const fn severity(level: Level) -> u8 {
    match level {
        Level::Trace => 1,
        Level::Debug => 5,
        Level::Info => 9,
        Level::Warn => 13,
        Level::Error => 17,
        Level::Fatal => 21,
    }
}

/// Adds the leaves below `path`, but for what the record has a place of its own for, and what the resource says.
fn attribute(path: &str, value: &Value, into: &mut Vec<Value>) {
    let value = match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                attribute(&path, value, into);
            }
            return;
        }
        Value::String(text) => json!({"stringValue": text}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().filter_map(Value::as_str).map(|text| json!({"stringValue": text})).collect();
            json!({"arrayValue": {"values": items}})
        }
        Value::Bool(flag) => json!({"boolValue": flag}),
        Value::Null => return,
    };
    if !matches!(path, "@timestamp" | "message" | "log.level") && !path.starts_with("service.") {
        into.push(json!({"key": path, "value": value}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_attributes_and_what_was_rejected_is_counted() {
        let record = json!({"@timestamp": "2026-11-23T08:00:00.001Z", "message": "boom", "log": {"level": "error"},
            "process": {"pid": 7}, "service": {"name": "hub"}, "mcp_vitals": {"target": "hub", "incident": {"evidence": ["a", "b"]}}});
        let body: Value = serde_json::from_str(&body(&[record.to_string()])).unwrap();
        let made = &body["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!((&made["timeUnixNano"], &made["severityNumber"]), (&json!("1795420800001000000"), &json!(17)));
        assert_eq!(made["body"], json!({"stringValue": "boom"}));
        assert_eq!(
            made["attributes"],
            json!([
                {"key": "mcp_vitals.incident.evidence", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}}},
                {"key": "mcp_vitals.target", "value": {"stringValue": "hub"}},
                {"key": "process.pid", "value": {"intValue": "7"}},
            ])
        );
        let refused = |answer: &str| match read(answer.as_bytes(), 3) {
            Answer::Taken { refused, .. } => refused.len(),
            _ => usize::MAX,
        };
        let answers = ["{}", "", r#"{"partialSuccess":null}"#, r#"{"partialSuccess":{"rejectedLogRecords":"2"}}"#];
        assert_eq!(answers.map(refused), [0, 0, 0, 2]);
        assert_eq!(refused(r#"{"partialSuccess":{"rejectedLogRecords":99,"errorMessage":"no"}}"#), 3);
    }
}
