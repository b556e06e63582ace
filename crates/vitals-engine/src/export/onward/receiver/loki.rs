//! The push API of Loki, as JSON. A stream is all that has the same labels, and Loki keeps each apart: the labels are those
//! of which there are few (target, level, point), everything else is in the line.
//!
//! Source: <https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::ecs::About;
use super::{Answer, Post};

/// The path of the API.
pub(super) const PATH: &str = "/loki/api/v1/push";

/// The labels besides `service_name`, and where a record has their values.
const LABELS: [(&str, &str); 3] = [("target", "/mcp_vitals/target"), ("level", "/log/level"), ("point", "/mcp_vitals/point")];

pub(in super::super) struct Loki(pub(super) Post);

impl Loki {
    pub(super) async fn give(&self, records: &[String]) -> Answer {
        match self.0.post("application/json", body(records)).await {
            Ok(_) => Answer::all(),
            Err(failure) => Answer::of(&failure),
        }
    }
}

fn body(records: &[String]) -> String {
    let mut streams: BTreeMap<[String; 3], Vec<Value>> = BTreeMap::new();
    for record in records {
        let Some(about) = About::read(record) else { continue };
        let labels = LABELS.map(|(_, path)| about.text(path).to_owned());
        streams.entry(labels).or_default().push(json!([about.nanos(), record]));
    }
    let stream = |(values, entries): ([String; 3], Vec<Value>)| {
        let named = LABELS.iter().zip(values).filter(|(_, value)| !value.is_empty());
        let mut labels: BTreeMap<&str, String> = named.map(|((name, _), value)| (*name, value)).collect();
        labels.insert("service_name", "mcp-vitals".to_owned());
        json!({"stream": labels, "values": entries})
    };
    json!({"streams": streams.into_iter().map(stream).collect::<Vec<_>>()}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_streams_of_few_labels() {
        let record = |target: &str, level: &str, ms: u32| {
            json!({"@timestamp": format!("2026-11-23T08:00:00.{ms:03}Z"), "log": {"level": level},
                "mcp_vitals": {"target": target, "point": "logging", "server": "s"}})
            .to_string()
        };
        let own = r#"{"@timestamp":"2026-11-23T08:00:00.000Z","message":"watch started"}"#.to_owned();
        let records = [record("a", "info", 1), record("b", "info", 2), record("a", "info", 3), own.clone()];
        let body: Value = serde_json::from_str(&body(&records)).unwrap();
        assert_eq!(
            body,
            json!({"streams": [
                {"stream": {"service_name": "mcp-vitals"}, "values": [["1795420800000000000", own]]},
                {"stream": {"service_name": "mcp-vitals", "target": "a", "level": "info", "point": "logging"},
                 "values": [["1795420800001000000", records[0]], ["1795420800003000000", records[2]]]},
                {"stream": {"service_name": "mcp-vitals", "target": "b", "level": "info", "point": "logging"},
                 "values": [["1795420800002000000", records[1]]]},
            ]})
        );
    }
}
