//! `explain`: why something is red. It says what the snapshot says: the check, what it rests on, what it follows from.

use std::cmp::Reverse;

use serde::Serialize;
use serde_json::{Value, json};
use vitals_model::incident::Incident;
use vitals_model::quiet::Pattern;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::TargetState;
use vitals_model::text::plural;

use super::answer::{Answer, CHECKS_MAX, EVIDENCE_MAX, Stamp, data, quoted, wanted};
use super::surface::{HEALTHS, stamped};
use crate::source::Known;

/// The longest chain of causes that is followed.
const CAUSES_MAX: usize = 7;

#[derive(Serialize)]
struct Explanation {
    #[serde(flatten)]
    stamp: Stamp,
    checks: Vec<Explained>,
    more: usize,
}

#[derive(Serialize)]
struct Explained {
    target: String,
    check: String,
    health: &'static str,
    standing: &'static str,
    summary: String,
    since: String,
    evidence: Vec<String>,
    hint: String,
    causes: Vec<Reason>,
    incident: Option<String>,
}

#[derive(Serialize)]
struct Reason {
    check: String,
    health: &'static str,
    summary: String,
}

pub(super) fn schema() -> Value {
    let text = json!({"type": "string"});
    let cause = json!({
        "type": "object",
        "properties": {"check": text, "health": {"enum": HEALTHS}, "summary": text},
        "required": ["check", "health", "summary"],
    });
    let check = json!({
        "type": "object",
        "properties": {
            "target": text, "check": text, "health": {"enum": HEALTHS}, "standing": {"enum": ["judged", "advice", "expected", "fact"]},
            "summary": text, "since": text, "evidence": {"type": "array", "items": text}, "hint": text,
            "causes": {"type": "array", "items": cause}, "incident": {"type": ["string", "null"]},
        },
        "required": ["target", "check", "health", "summary", "since", "causes"],
    });
    stamped(json!({"checks": {"type": "array", "items": check}, "more": {"type": "integer"}}), &["checks", "more"])
}

pub(super) fn answer(known: &Known, what: Option<&str>, target: Option<&str>) -> Result<Answer, String> {
    let stamp = Stamp::of(known);
    let targets = wanted(known, target)?;
    let mut found: Vec<(&TargetState, &Reading)> = match what.map(str::trim) {
        None | Some("") => targets.iter().flat_map(|state| roots(state).map(move |reading| (*state, reading))).collect(),
        Some(what) => {
            let found: Vec<_> =
                targets.iter().flat_map(|state| about(state, what).map(move |reading| (*state, reading))).collect();
            if found.is_empty() {
                return Err(missing(&targets, what));
            }
            found
        }
    };
    // What others follow from comes before them.
    let follows_from = |(state, reading): &(&TargetState, &Reading)| causes(state, reading).filter(|cause| is_bad(cause)).count();
    found.sort_by_key(|of| (Reverse(of.1.health), follows_from(of), of.0.target.id.clone(), of.1.id.clone()));
    let more = found.len().saturating_sub(CHECKS_MAX);
    found.truncate(CHECKS_MAX);
    let checks: Vec<_> = found.iter().map(|(state, reading)| check(state, reading, &stamp)).collect();
    let mut lines = vec![stamp.line()];
    if checks.is_empty() {
        lines.push("Nothing that is known is wrong.".to_owned());
    }
    for check in &checks {
        tell(check, &mut lines);
    }
    if more > 0 {
        lines.push(format!("{} left out; ask for one.", plural(more as u64, "more check is", "more checks are")));
    }
    Answer::new(lines, &Explanation { stamp, checks, more })
}

/// What is wrong and follows from nothing else that is.
fn roots(state: &TargetState) -> impl Iterator<Item = &Reading> {
    state.readings.iter().filter(|reading| is_bad(reading) && !causes(state, reading).any(is_bad))
}

/// The checks that are meant: by incident, by server, or by a pattern of ids. Of a server, what is wrong, else its truth.
fn about<'a>(state: &'a TargetState, what: &str) -> impl Iterator<Item = &'a Reading> {
    let incident = incident_of(state, what);
    let id_name = what.replace('/', "_");
    let of_server = |reading: &&Reading| reading.id.server() == Some(&id_name);
    let is_sick = state.readings.iter().filter(of_server).any(is_bad);
    let pattern = Pattern::new(what);
    let wanted = move |reading: &&Reading| match incident {
        Some(incident) => reading.id == incident.check,
        None if reading.id.server() == Some(&id_name) && is_sick => is_bad(reading),
        None if reading.id.server() == Some(&id_name) => reading.id.question() == "truth",
        None => pattern.matches(reading.id.as_str()),
    };
    state.readings.iter().filter(wanted)
}

/// The incident `I7`, open or over.
fn incident_of<'a>(state: &'a TargetState, what: &str) -> Option<&'a Incident> {
    let id: u64 = what.strip_prefix(['I', 'i'])?.parse().ok()?;
    state.open.iter().chain(&state.recent).find(|incident| incident.id == id)
}

fn missing(targets: &[&TargetState], what: &str) -> String {
    let mut servers: Vec<_> = targets.iter().flat_map(|state| &state.servers).map(|truth| quoted(truth.name.as_str())).collect();
    servers.truncate(CHECKS_MAX);
    let servers = if servers.is_empty() { String::new() } else { format!("; servers are {}", servers.join(", ")) };
    let what = quoted(what);
    format!("nothing is known of {what}: name a server, a check such as hub-servers/*/truth, or an incident such as I7{servers}")
}

fn is_bad(reading: &Reading) -> bool {
    reading.standing == Standing::Judged && matches!(reading.health, Health::Degraded | Health::Failing)
}

/// What a reading follows from, nearest first.
fn causes<'a>(state: &'a TargetState, reading: &'a Reading) -> impl Iterator<Item = &'a Reading> {
    let next = |of: &Reading| of.cause.as_ref().and_then(|cause| state.readings.iter().find(|reading| reading.id == *cause));
    std::iter::successors(next(reading), move |cause| next(cause)).take(CAUSES_MAX)
}

fn check(state: &TargetState, reading: &Reading, stamp: &Stamp) -> Explained {
    let incident = state.open.iter().find(|incident| incident.check == reading.id);
    let cause = |cause: &Reading| Reason {
        check: data(cause.id.as_str()),
        health: stamp.health(cause.health).as_str(),
        summary: data(&cause.summary),
    };
    Explained {
        target: data(state.target.id.as_str()),
        check: data(reading.id.as_str()),
        health: stamp.health(reading.health).as_str(),
        standing: reading.standing.as_str(),
        summary: data(&reading.summary),
        since: reading.since.to_string(),
        evidence: reading.evidence.iter().take(EVIDENCE_MAX).map(|line| data(line)).collect(),
        hint: data(&reading.hint),
        causes: causes(state, reading).filter(|cause| is_bad(cause)).map(cause).collect(),
        incident: incident.map(|incident| format!("I{}", incident.id)),
    }
}

fn tell(check: &Explained, lines: &mut Vec<String>) {
    let (id, target, summary) = (quoted(&check.check), quoted(&check.target), quoted(&check.summary));
    let incident = check.incident.as_ref().map(|id| format!(", incident {id}")).unwrap_or_default();
    lines.push(format!("{id} on {target} is {} since {}{incident}: {summary}", check.health, check.since));
    lines.extend(check.evidence.iter().map(|line| format!("- seen: {}", quoted(line))));
    let because = |cause: &Reason| format!("- because {} is {}: {}", quoted(&cause.check), cause.health, quoted(&cause.summary));
    lines.extend(check.causes.iter().map(because));
    if !check.hint.is_empty() {
        lines.push(format!("- to do: {}", quoted(&check.hint)));
    }
}
