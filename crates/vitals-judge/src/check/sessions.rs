//! `filtering-sessions/…`: what sessions see, and whether they end when closed.

use std::time::Duration;

use vitals_model::check::{Point, Unit};
use vitals_model::observation::{SessionSeen, SessionView, VisitSeen};
use vitals_model::reading::Reading;
use vitals_model::text::{bytes, count};
use vitals_model::time::human;
use vitals_model::tool::ToolSet;

use super::Scene;
use super::draft::Draft;
use crate::facts::Known;

/// Log growth during one visit that is no storm: our own sessions and streams write a few lines.
const STORM_BYTES_MIN: u64 = 20_000;

/// Latency of the first answer after a close that is no storm. Measured on npm mcp-hub 4.2.1:
/// 2–6 ms at rest, 57–250 ms after a disconnect.
const STORM_LATENCY_MIN: Duration = Duration::from_millis(50);

pub(super) fn readings(scene: Scene<'_>) -> Vec<Reading> {
    let mut readings = Vec::new();
    if let Some(known) = &scene.facts.session
        && let Some(first) = known.seen.sessions.first()
    {
        readings.push(open(scene, known, first));
        if first.opened.is_ok() {
            readings.push(tools(scene, known, first));
            readings.push(isolation(scene, known));
        }
    }
    if let Some(known) = &scene.facts.visit {
        readings.extend(cleanup(scene, known));
        readings.extend(storm(scene, known));
    }
    readings
}

fn draft<T>(scene: Scene<'_>, question: &str, known: &Known<T>) -> Draft {
    scene.of_target(Point::FilteringSessions, question, known)
}

fn open(scene: Scene<'_>, known: &Known<SessionSeen>, first: &SessionView) -> Reading {
    let draft = draft(scene, "open", known).cause(super::api_id());
    match &first.opened {
        Err(failure) if failure.kind.wants_credentials() => draft
            .hint("give the credentials in the configuration: `headers: { Authorization: env:NAME }`")
            .degraded(|| format!("there, and wants credentials: {failure}")),
        Err(failure) => draft.hint("clients cannot connect either: see hub-servers/api and the hub's log").failure(failure),
        Ok(opened) => {
            let total = opened.connect + opened.initialize;
            let held = if known.seen.held {
                format!("{} held", count(known.seen.sessions.len() as u64, "session"))
            } else {
                "1 session".to_owned()
            };
            draft
                .took(total)
                .value(total.as_secs_f64() * 1000.0, Unit::Millis)
                .evidence(|| {
                    format!(
                        "{} {}, connect {}, initialise {}",
                        opened.transport.as_str(),
                        opened.protocol,
                        human(opened.connect),
                        human(opened.initialize)
                    )
                })
                .evidence(|| format!("{} opened since watching began", count(known.seen.opened_total, "session")))
                .healthy(|| format!("{held}, opened in {}", human(total)))
        }
    }
}

/// Can clients list tools at all? A hub whose list fails is all green in `/api/health`.
fn tools(scene: Scene<'_>, known: &Known<SessionSeen>, first: &SessionView) -> Reading {
    // With prompt-based filtering the meta-tool may be all that there is to see.
    let cause = if prompt_based(scene) { super::meta_tool::registered_id() } else { super::api_id() };
    let draft = draft(scene, "tools", known).took(first.list_took).cause(cause);
    let registered = scene.facts.hub().and_then(|hub| hub.registered_tools);
    match &first.tools {
        Err(failure) => draft.hint("no client can list a tool: see the hub's log, restart it if that stays so").failure(failure),
        Ok(tools) => {
            let n = tools.len() as u64;
            let text = || format!("{} listed in {}", count(n, "tool"), human(first.list_took));
            let draft = draft.value(n as f64, Unit::Count);
            match registered {
                Some(claimed) if claimed > 0 && n == 0 => draft
                    .hint("clients see nothing: restart the hub")
                    .failing(|| format!("{text}, the hub says that {claimed} are registered", text = text())),
                Some(claimed) => draft.evidence(|| format!("hub says {claimed} registered")).healthy(text),
                None => draft.healthy(text),
            }
        }
    }
}

fn prompt_based(scene: Scene<'_>) -> bool {
    super::meta_tool::mode(scene).is_some_and(|mode| mode == "prompt-based")
}

/// Two sessions side by side: without prompt-based filtering they must see the same.
fn isolation(scene: Scene<'_>, known: &Known<SessionSeen>) -> Reading {
    let draft = draft(scene, "isolation", known).cause(super::api_id());
    let [first, second] = known.seen.sessions.as_slice() else {
        return draft.fact("one session only; `watch` holds two side by side");
    };
    let (Ok(one), Ok(two)) = (&first.tools, &second.tools) else {
        return draft.unknown("one of the two sessions could not list its tools");
    };
    let draft = draft.value(two.len() as f64, Unit::Count);
    if prompt_based(scene) {
        return isolation_by_prompt(scene, draft, one, two);
    }
    let change = two.change_since(one);
    if change.is_empty() {
        return draft.healthy(|| format!("two sessions side by side see the same {}", count(one.len() as u64, "tool")));
    }
    draft.hint("sessions of one hub should see the same tools: one of them missed a change, or filtering leaks").degraded(|| {
        format!("two sessions side by side see {} and {} tools ({})", one.len(), two.len(), crate::truth::describe(&change))
    })
}

/// The first session calls the meta-tool, the second never does: it may neither see more than the first nor
/// gain anything.
fn isolation_by_prompt(scene: Scene<'_>, draft: Draft, one: &ToolSet, two: &ToolSet) -> Reading {
    let text = || format!("sessions see {} and {} tools, each its own", one.len(), two.len());
    let draft = draft.hint("exposure leaks from one session to another: clients see tools that they did not ask for");
    let gained = scene.facts.gained_unasked();
    if let Some(name) = gained.first() {
        let gained = count(gained.len() as u64, "tool");
        return draft.failing(|| {
            format!(
                "sessions see {} and {} tools; the one that asked for nothing gained {gained} ({name}, …)",
                one.len(),
                two.len()
            )
        });
    }
    if two.len() > one.len() { draft.failing(text) } else { draft.healthy(text) }
}

fn cleanup(scene: Scene<'_>, known: &Known<VisitSeen>) -> Option<Reading> {
    let (before, after) = (known.seen.clients_before?, known.seen.clients_after?);
    let draft = draft(scene, "cleanup", known).value(after as f64, Unit::Count).cause(super::api_id());
    let text = || format!("{} before our visit, {after} after it", count(before, "client"));
    Some(if after <= before {
        draft.healthy(text)
    } else {
        draft
            .hint("the hub keeps sessions that were closed: they add up until it is restarted")
            .degraded(|| format!("{text}, expected {before}", text = text()))
    })
}

/// What closing one session costs the hub: advice about the hub, not a fault of the day.
fn storm(scene: Scene<'_>, known: &Known<VisitSeen>) -> Option<Reading> {
    let visit = &known.seen;
    if visit.sessions == 0 {
        return None;
    }
    let (grown, latency) = (visit.log_bytes?, visit.latency_after?);
    let draft = draft(scene, "storm", known).value(latency.as_secs_f64() * 1000.0, Unit::Millis);
    let text = || {
        format!(
            "closing {} made the hub log {} and its next answer take {}",
            count(visit.sessions, "session"),
            bytes(grown),
            human(latency)
        )
    };
    if grown < STORM_BYTES_MIN && latency < STORM_LATENCY_MIN {
        return Some(draft.healthy(text));
    }
    Some(
        draft
            .evidence(|| format!("{} of the storm seen in the log", count(scene.facts.storm_lines, "line")))
            .hint("each client that disconnects stalls this hub (mcp-hub issue #144): keep sessions open, and upgrade when it is mended")
            .advice(text),
    )
}

/// What the hub tells of filtering.
pub(super) fn stats(scene: Scene<'_>) -> Option<Reading> {
    let api = scene.facts.api.as_ref()?;
    let draft = draft(scene, "stats", api).cause(super::api_id());
    let claim = match api.seen.filtering.as_ref() {
        None => return Some(draft.fact("this hub does not filter tools")),
        Some(Err(failure)) => {
            let draft = draft.hint("the hub has statistics and cannot give them: see its log");
            return Some(draft.degraded(|| format!("filtering statistics: {failure}")));
        }
        Some(Ok(claim)) => claim,
    };
    let shown = |n: Option<u64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let mode = claim.mode.as_ref().map_or("?", |m| m.as_str());
    let on = if claim.enabled == Some(true) { mode } else { "off" };
    let mut draft = draft.value(claim.exposed_tools.unwrap_or(0) as f64, Unit::Count);
    if let Some(rate) = claim.llm_cache_hit_rate {
        draft = draft.evidence(|| format!("LLM cache hit rate {:.0} %", rate * 100.0));
    }
    Some(draft.fact(|| format!("filtering {on}: {} of {} tools exposed", shown(claim.exposed_tools), shown(claim.total_tools))))
}
