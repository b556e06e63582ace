//! The `_bulk` API of Elasticsearch and `OpenSearch`: one line that says what to do and one with the record, again and
//! again; the answer says of each record what became of it.
//!
//! Records are created under their own id, so one that is sent twice is there once (409 the second time). A data stream
//! takes nothing but creation.
//!
//! Source: <https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk>.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::json;
use vitals_model::limits::EVIDENCE_CHARS_MAX;
use vitals_model::text::Text;

use super::super::ecs::About;
use super::{Answer, Post};

/// What the answer should hold and no more.
pub(super) const ANSWER: &str = "filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason";

pub(in super::super) struct Elasticsearch(pub(super) Post);

#[derive(Deserialize)]
struct Bulk {
    errors: bool,
    #[serde(default)]
    items: Vec<HashMap<String, Item>>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    error: Option<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    reason: String,
}

impl Elasticsearch {
    pub(super) async fn give(&self, records: &[String]) -> Answer {
        match self.0.post("application/x-ndjson", body(records)).await {
            Ok(answer) => read(&answer, records.len()),
            Err(failure) => Answer::of(&failure),
        }
    }
}

fn body(records: &[String]) -> String {
    let mut body = String::new();
    for record in records {
        let about = About::read(record);
        let id = about.as_ref().map_or("", |about| about.text("/event/id"));
        let create = if id.is_empty() { json!({"create": {}}) } else { json!({"create": {"_id": id}}) };
        // Writing to a String cannot fail.
        let _ = write!(body, "{create}\n{record}\n");
    }
    body
}

/// What became of `records` records.
fn read(answer: &[u8], records: usize) -> Answer {
    let Ok(bulk) = serde_json::from_slice::<Bulk>(answer) else {
        let why = format!("its answer is no answer to _bulk: {}", Text::from_bytes(answer, EVIDENCE_CHARS_MAX));
        return Answer::NotNow { why, after: None };
    };
    if !bulk.errors {
        return Answer::all();
    }
    if bulk.items.len() != records {
        let why = format!("it answered for {} records of {records}", bulk.items.len());
        return Answer::NotNow { why, after: None };
    }
    let (mut refused, mut again, mut why) = (Vec::new(), Vec::new(), String::new());
    for (at, item) in bulk.items.iter().enumerate() {
        let Some(item) = item.values().next() else { continue };
        let said = || {
            let cause = item.error.as_ref().map_or_else(String::new, |cause| format!(" {}: {}", cause.kind, cause.reason));
            Text::cut(&format!("{}{cause}", item.status), EVIDENCE_CHARS_MAX).as_str().to_owned()
        };
        match item.status {
            // 409: it was there already.
            200..=299 | 409 => {}
            429 | 500.. => {
                again.push(at);
                why = said();
            }
            _ => refused.push(said()),
        }
    }
    Answer::Taken { refused, again: (again, why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_is_created_under_its_own_id() {
        let record = r#"{"@timestamp":"2026-11-23T08:00:00.000Z","event":{"id":"ab-1"}}"#.to_owned();
        let expected = format!("{}\n{record}\n", r#"{"create":{"_id":"ab-1"}}"#);
        assert_eq!(body(std::slice::from_ref(&record)), expected);
    }

    /// The answer is that of the API's own description, with a full queue and a mapping that does not fit.
    #[test]
    fn only_what_failed_for_now_is_sent_again() {
        let answer = br#"{"took":30,"errors":true,"items":[
            {"create":{"_index":"logs","_id":"1","status":201}},
            {"create":{"_index":"logs","_id":"2","status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}},
            {"create":{"_index":"logs","_id":"3","status":409,"error":{"type":"version_conflict_engine_exception","reason":"exists"}}},
            {"create":{"_index":"logs","_id":"4","status":400,"error":{"type":"document_parsing_exception","reason":"no long"}}},
            {"create":{"_index":"logs","_id":"5","status":503}}]}"#;
        assert_eq!(
            read(answer, 5),
            Answer::Taken {
                refused: vec!["400 document_parsing_exception: no long".to_owned()],
                again: (vec![1, 4], "503".to_owned())
            }
        );
        assert_eq!(read(br#"{"errors":false}"#, 5), Answer::all());
        for wrong in [&br#"{"errors":true,"items":[]}"#[..], b"<html>", b""] {
            assert!(matches!(read(wrong, 5), Answer::NotNow { .. }));
        }
    }
}
