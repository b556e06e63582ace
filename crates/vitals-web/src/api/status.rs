//! What orchestrators and other pages ask: `/health` (draft-inadarei-api-health-check-06), `/livez`, `/readyz`, badges.

use std::fmt::Write as _;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use vitals_model::reading::Health;
use vitals_model::score::{Grade, Score};
use vitals_model::snapshot::Snapshot;
use vitals_model::text::Text;
use vitals_model::time::{Timestamp, human};

use super::{HOUR, Known, Named, named};
use crate::ask;
use crate::problem::Problem;

/// A loop that has shown nothing for so long stands still: it judges the time every second.
const STILL_MAX: Duration = Duration::from_secs(10);

/// The words of the draft.
const fn word(health: Health) -> &'static str {
    match health {
        Health::Healthy => "pass",
        Health::Unknown | Health::Degraded => "warn",
        Health::Failing => "fail",
    }
}

/// Why we are not ready; empty when we are. A target's health never decides it.
fn unready(snapshot: &Snapshot, now: Timestamp) -> Vec<(&'static str, String)> {
    let still = now.since(snapshot.at);
    let scheduler = (still > STILL_MAX).then(|| {
        let since = if snapshot.at == Timestamp::default() {
            "has not begun".to_owned()
        } else {
            format!("stands still for {}", human(still))
        };
        ("scheduler", since)
    });
    let store = snapshot.own.store_error.clone().map(|error| ("store", Text::new(&error).to_string()));
    scheduler.into_iter().chain(store).collect()
}

pub(super) async fn health(State(app): Known) -> Response {
    let (snapshot, now) = (app.feed.latest(), app.source.now());
    let mut checks = Map::new();
    let time = snapshot.at.to_string();
    let mut add = |name: String, health: Health, more: Value| {
        let mut check = json!({ "status": word(health), "time": time });
        if let (Value::Object(check), Value::Object(more)) = (&mut check, more) {
            check.extend(more);
        }
        checks.insert(name, json!([check]));
    };
    for state in &snapshot.targets {
        let id = state.target.id.as_str();
        let worst = state.open.iter().max_by_key(|incident| incident.health).map(|incident| incident.summary.clone());
        let score = json!({ "componentType": "component", "observedValue": state.score.points, "observedUnit": "points", "output": worst });
        add(format!("{id}:score"), state.health, score);
    }
    let unready = unready(&snapshot, now);
    for part in ["scheduler", "store"] {
        let why = unready.iter().find(|(name, _)| *name == part).map(|(_, why)| why);
        let health = if why.is_some() { Health::Degraded } else { Health::Healthy };
        add(format!("mcp-vitals:{part}"), health, json!({ "componentType": "system", "output": why }));
    }
    let (streams, slow) = app.feed.clients();
    let count = |n: u64| json!({ "componentType": "system", "observedValue": n, "observedUnit": "count" });
    add("mcp-vitals:streams".to_owned(), Health::Healthy, count(streams as u64));
    add("mcp-vitals:streams-slow".to_owned(), Health::Healthy, count(slow));
    add("mcp-vitals:dropped".to_owned(), Health::Healthy, count(snapshot.own.dropped));
    let worst = snapshot.health();
    let status = if worst == Health::Failing { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let body = json!({
        "status": word(worst), "version": "1", "releaseId": env!("CARGO_PKG_VERSION"), "serviceId": "mcp-vitals",
        "description": "the hubs and servers that mcp-vitals watches, and mcp-vitals itself", "checks": checks,
    });
    (status, [(header::CONTENT_TYPE, "application/health+json")], body.to_string()).into_response()
}

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Store and scheduler work.
pub(super) async fn ready(State(app): Known) -> Response {
    let unready = unready(&app.feed.latest(), app.source.now());
    let mut lines = String::new();
    for (part, why) in unready {
        let _ = writeln!(lines, "{part}: {why}");
    }
    if lines.is_empty() { "ok\n".into_response() } else { (StatusCode::SERVICE_UNAVAILABLE, lines).into_response() }
}

/// `/badge/TARGET.svg`: the score of a target in the shape that such badges have.
pub(super) async fn badge(State(app): Known, name: Named) -> Result<Response, Problem> {
    let name = named(name)?;
    let id = name.strip_suffix(".svg").ok_or_else(|| Problem::not_found("a badge is TARGET.svg"))?;
    let snapshot = app.feed.latest();
    let state = ask::target(&snapshot, id)?;
    let fresh = app.source.now().since(snapshot.at) < HOUR;
    let unknown = Score { points: None, deductions: Vec::new() };
    let svg = draw(id, if fresh { &state.score } else { &unknown });
    Ok(([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "no-cache")], svg).into_response())
}

/// Widths are those of the letters of Verdana 11 px, all taken to be as wide as a broad one.
fn draw(label: &str, score: &Score) -> String {
    const LETTER_PX: usize = 7;
    let grade = score.grade();
    let says = score.points.map_or_else(|| "unknown".to_owned(), |points| format!("{points} {}", grade.as_str().to_lowercase()));
    let colour = match grade {
        Grade::Excellent | Grade::Good => "#14784a",
        Grade::Fair => "#8a5a00",
        Grade::Poor => "#b9252b",
        Grade::Unknown => "#5d6675",
    };
    let width = |text: &str| text.chars().count() * LETTER_PX + 12;
    let (left, right) = (width(label), width(&says));
    let whole = left + right;
    let title = format!("{label}: {says}");
    maud::html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(whole) height="20" role="img" aria-label=(title) {
            title { (title) }
            clipPath id="r" { rect width=(whole) height="20" rx="3" {} }
            g clip-path="url(#r)" {
                rect width=(left) height="20" fill="#3b4350" {}
                rect x=(left) width=(right) height="20" fill=(colour) {}
            }
            g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle" {
                text x=(left / 2) y="14" textLength=(left - 12) { (label) }
                text x=(left + right / 2) y="14" textLength=(right - 12) { (says) }
            }
        }
    }
    .into_string()
}
