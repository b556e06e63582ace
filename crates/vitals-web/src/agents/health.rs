//! `hub_health`: which hubs and servers are healthy.

use std::cmp::Reverse;

use serde::Serialize;
use serde_json::{Value, json};
use vitals_model::reading::Health;
use vitals_model::snapshot::TargetState;
use vitals_model::text::{count, plural};
use vitals_model::verdict::ServerTruth;

use super::answer::{Answer, NOTHING, SERVERS_MAX, Stamp, TARGETS_MAX, data, quoted, wanted};
use super::surface::{HEALTHS, VERDICTS, stamped};
use crate::source::Known;

#[derive(Serialize)]
struct Healths {
    #[serde(flatten)]
    stamp: Stamp,
    health: &'static str,
    targets: Vec<Target>,
    more_targets: usize,
}

#[derive(Serialize)]
struct Target {
    id: String,
    kind: &'static str,
    health: &'static str,
    score: Option<u32>,
    incidents: usize,
    servers: Vec<Server>,
    more_servers: usize,
}

#[derive(Serialize)]
struct Server {
    name: String,
    claim: Option<String>,
    verdict: &'static str,
    health: &'static str,
    reason: String,
    since: String,
}

pub(super) fn schema() -> Value {
    let text = json!({"type": "string"});
    let server = json!({
        "type": "object",
        "properties": {
            "name": text, "claim": {"type": ["string", "null"]}, "verdict": {"enum": VERDICTS}, "health": {"enum": HEALTHS},
            "reason": text, "since": text,
        },
        "required": ["name", "verdict", "health", "reason", "since"],
    });
    let target = json!({
        "type": "object",
        "properties": {
            "id": text, "kind": {"enum": ["hub", "server"]}, "health": {"enum": HEALTHS}, "score": {"type": ["integer", "null"]},
            "incidents": {"type": "integer"}, "servers": {"type": "array", "items": server}, "more_servers": {"type": "integer"},
        },
        "required": ["id", "health", "servers", "more_servers"],
    });
    stamped(
        json!({
            "health": {"enum": HEALTHS}, "targets": {"type": "array", "items": target}, "more_targets": {"type": "integer"},
        }),
        &["health", "targets", "more_targets"],
    )
}

pub(super) fn answer(known: &Known, target: Option<&str>) -> Result<Answer, String> {
    let stamp = Stamp::of(known);
    let mut targets = wanted(known, target)?;
    let worst = targets.iter().map(|state| stamp.health(state.health)).max().unwrap_or(Health::Unknown);
    targets.sort_by_key(|state| (Reverse(state.health), &state.target.id));
    let more_targets = targets.len().saturating_sub(TARGETS_MAX);
    targets.truncate(TARGETS_MAX);
    let mut lines = vec![if targets.is_empty() { NOTHING.to_owned() } else { stamp.line() }];
    let views: Vec<_> = targets.iter().map(|state| view(state, &stamp)).collect();
    for target in &views {
        tell(target, &mut lines);
    }
    if more_targets > 0 {
        lines.push(format!(
            "{} left out; ask for one by name.",
            plural(more_targets as u64, "more target is", "more targets are")
        ));
    }
    Answer::new(lines, &Healths { stamp, health: worst.as_str(), targets: views, more_targets })
}

fn view(state: &TargetState, stamp: &Stamp) -> Target {
    let mut servers: Vec<_> = state.servers.iter().collect();
    servers.sort_by_key(|truth| (Reverse(truth.health), &truth.name));
    Target {
        id: data(state.target.id.as_str()),
        kind: state.target.address.kind().as_str(),
        health: stamp.health(state.health).as_str(),
        score: state.score.points,
        incidents: state.open.len(),
        more_servers: servers.len().saturating_sub(SERVERS_MAX),
        servers: servers.into_iter().take(SERVERS_MAX).map(|truth| server(truth, stamp)).collect(),
    }
}

fn server(truth: &ServerTruth, stamp: &Stamp) -> Server {
    Server {
        name: data(truth.name.as_str()),
        claim: truth.claim.as_ref().map(|claim| data(claim.as_str())),
        verdict: truth.verdict.as_str(),
        health: stamp.health(truth.health).as_str(),
        reason: data(&truth.reason),
        since: truth.since.to_string(),
    }
}

fn tell(target: &Target, lines: &mut Vec<String>) {
    let score = target.score.map_or_else(|| "score unknown".to_owned(), |points| format!("score {points}/100"));
    let incidents = count(target.incidents as u64, "open incident");
    lines.push(format!("{} {} is {}: {score}, {incidents}.", target.kind, quoted(&target.id), target.health));
    let (good, bad): (Vec<_>, Vec<_>) = target.servers.iter().partition(|server| server.health == Health::Healthy.as_str());
    for server in bad {
        let (name, reason) = (quoted(&server.name), quoted(&server.reason));
        lines.push(format!("- {name} is {} ({}) since {}: {reason}", server.health, server.verdict, server.since));
    }
    if !good.is_empty() {
        let names: Vec<_> = good.iter().map(|server| quoted(&server.name)).collect();
        lines.push(format!("- healthy: {}", names.join(", ")));
    }
    if target.more_servers > 0 {
        lines.push(format!("- {} left out", plural(target.more_servers as u64, "more server is", "more servers are")));
    }
}
