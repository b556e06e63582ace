//! `hub-llm/…`: the LLM provider behind tool filtering.

use std::sync::LazyLock;
use std::time::Duration;

use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::observation::{Failure, FailureKind, LlmModels, LlmSeen};
use vitals_model::reading::{Health, Reading};
use vitals_model::text::{Text, count};
use vitals_model::time::human;

use super::Scene;
use super::draft::Draft;
use crate::facts::{Facts, Known};

pub(super) fn readings(scene: Scene<'_>) -> Vec<Reading> {
    let mut readings = Vec::new();
    if let Some(known) = &scene.facts.llm {
        match &known.seen {
            LlmSeen::NotConfigured => readings.push(draft(scene, "provider", known).fact("not configured: this hub asks no LLM")),
            LlmSeen::Unknown(why) => {
                readings.push(draft(scene, "provider", known).unknown(|| format!("not known: {why}")));
            }
            LlmSeen::Asked { provider, model, key, answer, took } => {
                let model_shown = model.as_ref().map_or("no model named", Text::as_str);
                readings.push(draft(scene, "provider", known).fact(|| format!("{provider}, {model_shown}, key from {key}")));
                let draft_key = draft(scene, "key", known).took(*took);
                readings.push(match answer {
                    Ok(models) => accepted(draft_key, models, model_shown),
                    Err(failure) => refused(draft_key, failure, key),
                });
                if answer.is_ok() {
                    readings.push(latency(scene, draft(scene, "latency", known).took(*took), *took));
                }
            }
        }
    }
    readings
}

/// The check on the key, and on whether the provider answers at all.
pub(crate) fn key_id() -> CheckId {
    static ID: LazyLock<CheckId> = LazyLock::new(|| CheckId::of_target(Point::HubLlm, "key"));
    ID.clone()
}

/// Whether the latest question to the LLM was waited for in vain.
pub(crate) fn is_llm_mute(facts: &Facts) -> bool {
    let Some(Known { seen: LlmSeen::Asked { answer: Err(failure), .. }, .. }) = &facts.llm else { return false };
    matches!(failure.kind, FailureKind::TimedOut(_))
}

/// The check that says what is wrong with the LLM, if anything is known to be.
pub(super) fn trouble(scene: Scene<'_>) -> Option<CheckId> {
    let LlmSeen::Asked { answer, took, .. } = &scene.facts.llm.as_ref()?.seen else { return None };
    let is_slow = took.as_secs_f64() * 1000.0 > scene.settings.thresholds.llm_ms.0;
    let question = match answer {
        Err(_) | Ok(LlmModels { has_model: Some(false), .. }) => "key",
        Ok(_) if is_slow => "latency",
        Ok(_) => return None,
    };
    Some(CheckId::of_target(Point::HubLlm, question))
}

fn draft<T>(scene: Scene<'_>, question: &str, known: &Known<T>) -> Draft {
    scene.of_target(Point::HubLlm, question, known)
}

fn latency(scene: Scene<'_>, draft: Draft, took: Duration) -> Reading {
    let text = || format!("models.list answered in {}", human(took));
    let hint = "see the provider's status page, and this machine's own connection";
    draft.hint(hint).above(took.as_secs_f64() * 1000.0, Unit::Millis, scene.settings.thresholds.llm_ms, text)
}

fn accepted(draft: Draft, models: &LlmModels, model: &str) -> Reading {
    let text = || format!("accepted, {} offered", count(models.count, "model"));
    match models.has_model {
        Some(false) => draft
            .hint("name a model that the provider offers in `toolFiltering.llmCategorization.model`")
            .failing(|| format!("{text}, but not {model}, which the hub is configured to use", text = text())),
        Some(true) | None => draft.healthy(text),
    }
}

/// Refused, overloaded and absent are three different things to do.
fn refused(draft: Draft, failure: &Failure, key: &Text) -> Reading {
    match &failure.kind {
        FailureKind::NoSecret => draft
            .hint("set it where the hub can see it, and restart the hub")
            .failing(|| format!("no key: {key} is not set, expected the provider's key")),
        FailureKind::Status { code: code @ (400 | 401 | 403), .. } => draft
            .hint(|| format!("put a valid key into {key}; until then the hub falls back to keywords"))
            .failing(|| format!("key refused (HTTP {code}), expected accepted: {}", failure.evidence)),
        FailureKind::Status { code: code @ (402 | 429 | 503), retry_after } => {
            let again = retry_after.map(|d| format!(", try again in {}", human(d))).unwrap_or_default();
            let what = match code {
                402 => "payment required",
                429 => "quota used up",
                _ => "overloaded",
            };
            draft
                .hint("the key is not the problem: wait, or raise the quota")
                .degraded(|| format!("provider says {what} (HTTP {code}{again})"))
        }
        FailureKind::NoSuchHost | FailureKind::Unreachable => draft
            .hint("see this machine's own connection first")
            .bad(Health::Degraded, || format!("provider cannot be reached from here: {failure}")),
        // The hub goes on without it, so a provider that stays mute is worse service, not an end of it.
        FailureKind::TimedOut(_) | FailureKind::Closed => draft
            .hint("until it answers the hub falls back to keywords; see the provider's status page")
            .degraded(|| format!("provider gives no answer: {failure}")),
        _ => draft.hint("until it answers the hub falls back to keywords").failing(|| failure.to_string()),
    }
}

/// Uses of the keyword fallback, as far as the log tells.
pub(super) fn fallback(scene: Scene<'_>) -> Option<Reading> {
    let known = scene.facts.log.as_ref()?;
    let window = scene.settings.thresholds.error_window;
    let n = scene.facts.log_window.since(scene.now.minus(window)).fallbacks;
    if n == 0 && !matches!(scene.facts.llm.as_ref().map(|k| &k.seen), Some(LlmSeen::Asked { .. })) {
        return None;
    }
    // Uses of before the LLM was well again stay in the window: they are as old as the last of them.
    let at = scene.facts.log_window.last_fallback().filter(|_| n > 0).unwrap_or(known.at);
    let draft = draft(scene, "fallback", &Known { seen: (), at, took: known.took }).value(n as f64, Unit::Count);
    let draft = draft.cause(trouble(scene).unwrap_or_else(key_id));
    let text = || format!("{} of the keyword fallback in the log in the last {}", count(n, "use"), human(window));
    Some(if n > 0 {
        draft.hint("the LLM fails now and then: see hub-llm/key").degraded(|| format!("{text}, expected none", text = text()))
    } else {
        draft.healthy(text)
    })
}
