//! `meta-tool-clients/…`: the meta-tool, and the clients of the hub.

use std::sync::LazyLock;

use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::observation::{FailureKind, MetaToolAnswer, MetaToolSeen};
use vitals_model::reading::Reading;
use vitals_model::text::{count, plural};
use vitals_model::time::human;

use super::Scene;
use super::draft::Draft;
use crate::facts::Known;

/// The filtering variant answers with exactly this confidence when its LLM failed and it fell back
/// to keywords.
const FALLBACK_CONFIDENCE: f64 = 0.6;

/// The hub's filtering mode, when it says one and filters.
pub(super) fn mode(scene: Scene<'_>) -> Option<&str> {
    let filtering = scene.facts.filtering()?;
    (filtering.enabled != Some(false)).then(|| filtering.mode.as_ref().map(vitals_model::text::Text::as_str))?
}

pub(super) fn readings(scene: Scene<'_>) -> Vec<Reading> {
    let mut readings = Vec::new();
    readings.extend(registered(scene));
    if let Some(known) = &scene.facts.meta_tool {
        readings.extend(call(scene, known));
    }
    readings
}

fn draft<T>(scene: Scene<'_>, question: &str, known: &Known<T>) -> Draft {
    scene.of_target(Point::MetaToolClients, question, known)
}

/// The check on whether the meta-tool is listed.
pub(super) fn registered_id() -> CheckId {
    static ID: LazyLock<CheckId> = LazyLock::new(|| CheckId::of_target(Point::MetaToolClients, "registered"));
    ID.clone()
}

fn registered(scene: Scene<'_>) -> Option<Reading> {
    let known = scene.facts.session.as_ref()?;
    let first = known.seen.sessions.first()?;
    let draft = draft(scene, "registered", known).cause(super::api_id());
    if first.tools.is_err() {
        return Some(draft.unknown("tools could not be listed"));
    }
    Some(match (mode(scene), first.meta_tool) {
        (Some("prompt-based"), true) => draft.healthy("hub__analyze_prompt is listed"),
        (Some("prompt-based"), false) => draft
            .hint("clients cannot choose tools: see `enableMetaTools` in the hub's configuration and its log")
            .failing("hub__analyze_prompt is not listed, expected because filtering is prompt-based"),
        (_, true) => draft.fact("hub__analyze_prompt is listed"),
        (_, false) => draft.fact("no meta-tool: this hub does not filter by prompt"),
    })
}

fn call(scene: Scene<'_>, known: &Known<MetaToolSeen>) -> Vec<Reading> {
    // The hub asks its LLM for the answer: what is wrong with that is the reason for what it lacks.
    let llm = super::llm::trouble(scene);
    let draft_call = draft(scene, "call", known).cause(llm.clone().unwrap_or_else(super::api_id));
    match &known.seen {
        MetaToolSeen::NotCalled(why) => vec![draft_call.fact(|| format!("not called: {why}"))],
        MetaToolSeen::Called { answer: Err(failure), took, .. }
            if llm.is_some() && matches!(failure.kind, FailureKind::TimedOut(_)) =>
        {
            let draft = draft_call.took(*took).hint("the LLM behind it does not answer well: see hub-llm/key");
            vec![draft.degraded(|| format!("the hub waits for its LLM: {failure}"))]
        }
        MetaToolSeen::Called { answer: Err(failure), took, .. } => {
            vec![draft_call.took(*took).hint("clients cannot choose tools: see hub-llm/key and the hub's log").failure(failure)]
        }
        MetaToolSeen::Called { answer: Ok(answer), took, list_changed } => {
            let changed = match list_changed {
                Some(after) => draft(scene, "list-changed", known)
                    .value(after.as_secs_f64() * 1000.0, Unit::Millis)
                    .healthy(|| format!("delivered {} after the call", human(*after))),
                None => draft(scene, "list-changed", known)
                    .hint("clients keep their old tool list until they ask again")
                    .degraded(|| {
                        format!(
                            "tools/list_changed did not come after the call, expected within {}",
                            human(scene.settings.timeouts.list_changed)
                        )
                    }),
            };
            vec![called(scene, draft_call.took(*took), answer, took.as_secs_f64() * 1000.0), changed]
        }
    }
}

fn called(scene: Scene<'_>, draft: Draft, answer: &MetaToolAnswer, ms: f64) -> Reading {
    let unit = Unit::Millis;
    let text = || format!("{} in {}", plural(answer.categories, "category", "categories"), unit.show(ms));
    if !answer.missing.is_empty() {
        return draft.value(ms, unit).hint("clients that read the documented shape will fail").degraded(|| {
            format!("answer lacks {}, expected categories, confidence, reasoning, message, nextStep", answer.missing.join(", "))
        });
    }
    if answer.confidence.is_some_and(|c| (c - FALLBACK_CONFIDENCE).abs() < 1e-9) {
        // Once the LLM is well again, this says nothing of now.
        return draft
            .cause(super::llm::key_id())
            .value(ms, unit)
            .hint("the LLM did not answer the hub: see hub-llm/key")
            .degraded(|| format!("{text}, by keyword fallback (confidence 0.6), expected the LLM's choice", text = text()));
    }
    draft.hint("the LLM behind it is slow: see hub-llm/latency").above(ms, unit, scene.settings.thresholds.meta_tool_ms, text)
}

/// Clients of the hub, our own left out.
pub(super) fn clients(scene: Scene<'_>) -> Option<Reading> {
    let known = scene.facts.api.as_ref()?;
    let hub = scene.facts.hub()?;
    let all = match (hub.active_clients, hub.mcp_clients) {
        (None, None) => return None,
        (streams, sessions) => streams.unwrap_or(0) + sessions.unwrap_or(0),
    };
    let others = all.saturating_sub(scene.facts.own_clients);
    let text = || format!("{} besides us", count(others, "client"));
    Some(
        draft(scene, "clients", known)
            .evidence(|| {
                format!(
                    "hub says {} event streams and {} MCP sessions",
                    hub.active_clients.unwrap_or(0),
                    hub.mcp_clients.unwrap_or(0)
                )
            })
            .cause(super::api_id())
            .hint("see who they are: `connections` of GET /api/health; sessions that are never closed add up")
            .above(others as f64, Unit::Count, scene.settings.thresholds.clients, text),
    )
}
