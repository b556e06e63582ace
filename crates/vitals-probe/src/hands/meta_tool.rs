//! The meta-tool's canary call: its answer's shape, and the list change that must follow.

use serde_json::{Value, json};
use vitals_model::config::Timeouts;
use vitals_model::limits::EVIDENCE_CHARS_MAX;
use vitals_model::observation::{Failure, FailureKind, MetaToolAnswer, MetaToolSeen, Phase};
use vitals_model::text::Text;

use super::sessions::Sessions;
use crate::clock::Stopwatch;
use crate::mcp::{CallAnswer, META_TOOL};

/// The fields of the documented answer.
const FIELDS: [&str; 5] = ["categories", "confidence", "reasoning", "message", "nextStep"];

impl Sessions {
    /// Calls the meta-tool in the first session, when it is listed there.
    pub(super) async fn call_meta_tool(&self, prompt: &str, timeouts: &Timeouts) -> MetaToolSeen {
        let Some(session) = self.open().first() else { return MetaToolSeen::NotCalled(Text::new("no session")) };
        let listed = session.list(timeouts.list).await.tools.is_ok_and(|tools| tools.has(META_TOOL));
        if !listed {
            return MetaToolSeen::NotCalled(Text::new("not listed"));
        }
        let changed = session.changed();
        let watch = Stopwatch::start();
        let answer = session.call(META_TOOL, &json!({ "prompt": prompt }), timeouts.meta_tool).await;
        let took = watch.elapsed();
        let list_changed = match &answer {
            Ok(_) => {
                tokio::time::timeout(timeouts.list_changed, changed).await.ok().map(|()| watch.elapsed().saturating_sub(took))
            }
            Err(_) => None,
        };
        MetaToolSeen::Called { answer: answer.and_then(|a| understand(&a)), took, list_changed }
    }
}

/// The answer is JSON text in the first content item.
fn understand(answer: &CallAnswer) -> Result<MetaToolAnswer, Failure> {
    let text = answer.text.as_deref().unwrap_or_default();
    let value: Value = serde_json::from_str(text).map_err(|_| Failure {
        phase: Phase::Parse,
        kind: FailureKind::NotJson,
        evidence: Text::cut(text, EVIDENCE_CHARS_MAX),
        after: answer.took,
    })?;
    Ok(MetaToolAnswer {
        categories: value.get("categories").and_then(Value::as_array).map_or(0, Vec::len) as u64,
        confidence: value.get("confidence").and_then(Value::as_f64),
        missing: FIELDS.into_iter().filter(|field| value.get(field).is_none()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn understood(text: &str) -> Result<MetaToolAnswer, Failure> {
        understand(&CallAnswer { items: 1, text: Some(text.to_owned()), took: Duration::ZERO })
    }

    #[test]
    fn the_documented_answer_is_understood_and_missing_fields_are_named() {
        let answer =
            understood(r#"{"categories":["fs"],"confidence":0.9,"reasoning":"r","message":"m","nextStep":"n"}"#).unwrap();
        assert_eq!((answer.categories, answer.confidence, answer.missing.len()), (1, Some(0.9), 0));
        assert_eq!(understood(r#"{"categories":[]}"#).unwrap().missing, ["confidence", "reasoning", "message", "nextStep"]);
        assert_eq!(understood("<html>").unwrap_err().kind, FailureKind::NotJson);
    }
}
