//! `open_incidents`: what is wrong now, as incidents with their reasons.

use std::cmp::Reverse;

use serde::Serialize;
use serde_json::{Value, json};
use vitals_model::incident::Incident;
use vitals_model::text::{count, plural};

use super::answer::{Answer, EVIDENCE_MAX, INCIDENTS_MAX, NOTHING, Stamp, data, quoted, wanted};
use super::surface::{HEALTHS, stamped};
use crate::source::Known;

#[derive(Serialize)]
struct Open {
    #[serde(flatten)]
    stamp: Stamp,
    incidents: Vec<View>,
    more: usize,
}

#[derive(Serialize)]
struct View {
    id: String,
    target: String,
    check: String,
    kind: String,
    health: &'static str,
    summary: String,
    evidence: Vec<String>,
    hint: String,
    opened_at: String,
    acknowledged: bool,
    follows: Option<String>,
}

pub(super) fn schema() -> Value {
    let text = json!({"type": "string"});
    let incident = json!({
        "type": "object",
        "properties": {
            "id": text, "target": text, "check": text, "kind": text, "health": {"enum": HEALTHS}, "summary": text,
            "evidence": {"type": "array", "items": text}, "hint": text, "opened_at": text, "acknowledged": {"type": "boolean"},
            "follows": {"type": ["string", "null"]},
        },
        "required": ["id", "target", "check", "health", "summary", "opened_at"],
    });
    stamped(json!({"incidents": {"type": "array", "items": incident}, "more": {"type": "integer"}}), &["incidents", "more"])
}

pub(super) fn answer(known: &Known, target: Option<&str>) -> Result<Answer, String> {
    let stamp = Stamp::of(known);
    let targets = wanted(known, target)?;
    let mut open: Vec<&Incident> = targets.iter().flat_map(|state| &state.open).collect();
    if target.is_none() {
        open.extend(&known.snapshot.own.open);
    }
    open.sort_by_key(|incident| (Reverse(incident.health), Reverse(incident.opened_at), incident.id));
    let more = open.len().saturating_sub(INCIDENTS_MAX);
    open.truncate(INCIDENTS_MAX);
    let mut lines = vec![if targets.is_empty() {
        NOTHING.to_owned()
    } else {
        format!("{}. {}", count((open.len() + more) as u64, "open incident"), stamp.line())
    }];
    for incident in &open {
        let (target, summary) = (quoted(incident.target.as_str()), quoted(&incident.summary));
        let (id, health, check, since) =
            (incident.id, incident.health.as_str(), quoted(incident.check.as_str()), incident.opened_at);
        lines.push(format!("- I{id} on {target}, {health} since {since}, {check}: {summary}"));
    }
    if more > 0 {
        lines.push(format!("{} left out; ask for one target.", plural(more as u64, "more incident is", "more incidents are")));
    }
    Answer::new(lines, &Open { stamp, incidents: open.into_iter().map(view).collect(), more })
}

fn view(incident: &Incident) -> View {
    View {
        id: format!("I{}", incident.id),
        target: data(incident.target.as_str()),
        check: data(incident.check.as_str()),
        kind: data(&incident.kind),
        health: incident.health.as_str(),
        summary: data(&incident.summary),
        evidence: incident.evidence.iter().take(EVIDENCE_MAX).map(|line| data(line)).collect(),
        hint: data(&incident.hint),
        opened_at: incident.opened_at.to_string(),
        acknowledged: incident.handling.acknowledged.is_some(),
        follows: incident.ties.follows.as_ref().map(|cause| format!("I{}", cause.incident)),
    }
}
