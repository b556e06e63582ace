//! The parts of a target out of a view.

use std::sync::Arc;

use serde_json::Value;

use super::{LIST_MAX, duration, list, name, number, text_of, time, word, words};
use crate::check::{CheckId, Point, Threshold, Unit};
use crate::claim::{ClaimStatus, FilteringClaim, HubClaim, HubState};
use crate::finding::{Finding, FindingKind, Outcome};
use crate::observation::{Level, LevelCounts, VisitSeen};
use crate::reading::{Health, Reading, Standing};
use crate::score::{Deduction, Score};
use crate::target::{Address, Origin, Target, TargetId};
use crate::time::Timestamp;
use crate::verdict::{ServerTruth, Verdict};

/// Every health, in no order that counts.
const HEALTHS: [Health; 4] = [Health::Healthy, Health::Unknown, Health::Degraded, Health::Failing];
const STANDINGS: [Standing; 4] = [Standing::Judged, Standing::Advice, Standing::Expected, Standing::Fact];
const VERDICTS: [Verdict; 9] = [
    Verdict::Agrees,
    Verdict::Ghost,
    Verdict::Hung,
    Verdict::Hidden,
    Verdict::Dropped,
    Verdict::Phantom,
    Verdict::Drifted,
    Verdict::ExpectedDown,
    Verdict::Unknown,
];

/// A health; an unknown word is unknown health.
pub(super) fn health(view: &Value) -> Health {
    word(view, &HEALTHS, Health::as_str).unwrap_or(Health::Unknown)
}

/// A target. How it is reached is only shown here, never used.
pub(super) fn target(view: &Value) -> Target {
    let url = words(&view["url"]);
    let address = match (view["kind"].as_str(), url.strip_prefix("stdio:")) {
        (Some("server"), Some(line)) => Address::Stdio { command: line.to_owned(), args: Vec::new() },
        (Some("server"), None) => Address::Http { url },
        _ => Address::Hub { url },
    };
    Target { id: TargetId::new(&words(&view["id"])), address, origin: Origin::CommandLine, settings: Arc::default() }
}

pub(super) fn score(view: &Value) -> Score {
    let points = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok());
    let deduction = |v: &Value| Some(Deduction { points: points(&v["points"])?, reason: words(&v["reason"]) });
    Score { points: points(&view["score"]), deductions: list(&view["deductions"], LIST_MAX, deduction) }
}

pub(super) fn server(view: &Value, at: Timestamp) -> ServerTruth {
    ServerTruth {
        name: name(&view["name"]).unwrap_or_default(),
        claim: view["claim"].as_str().map(ClaimStatus::parse),
        verdict: word(&view["verdict"], &VERDICTS, Verdict::as_str).unwrap_or(Verdict::Unknown),
        health: health(&view["health"]),
        reason: words(&view["reason"]),
        tools: view["tools"].as_u64(),
        call_ms: view["call_ms"].as_f64(),
        since: time(&view["since"]).unwrap_or(at),
    }
}

/// A reading; `None` for one of a point that this version does not know.
pub(super) fn reading(view: &Value, beside: &Value, at: Timestamp) -> Option<Reading> {
    let id = text_of(&view["id"])?;
    let threshold = view["warning"].as_f64().zip(view["critical"].as_f64());
    Some(Reading {
        point: word(&view["point"], &Point::ALL, Point::as_str)?,
        health: health(&view["health"]),
        standing: word(&view["standing"], &STANDINGS, Standing::as_str).unwrap_or(Standing::Fact),
        value: view["value"].as_f64(),
        unit: view["unit"].as_str().and_then(Unit::parse).unwrap_or(Unit::Count),
        // Which way is worse shows in the order of the two.
        threshold: threshold.map(|(w, c)| if c < w { Threshold::Below(w, c) } else { Threshold::Above(w, c) }),
        summary: words(&view["summary"]),
        evidence: list(&view["evidence"], LIST_MAX, text_of),
        hint: words(&view["hint"]),
        cause: text_of(&beside["causes"][&id]).map(|cause| CheckId::from_stored(&cause)),
        at: time(&beside["measured_at"][&id]).unwrap_or(at),
        took: duration(&view["took_ms"]).unwrap_or_default(),
        since: time(&view["since"]).unwrap_or(at),
        id: CheckId::from_stored(&id),
    })
}

/// What a detector says; `None` for one that this version does not know.
pub(super) fn finding(view: &Value, at: Timestamp) -> Option<Finding> {
    let kinds: Vec<FindingKind> = FindingKind::ORIGINAL.into_iter().chain(FindingKind::OF_HISTORY).collect();
    Some(Finding {
        kind: word(&view["kind"], &kinds, FindingKind::as_str)?,
        outcome: match view["outcome"].as_str()? {
            "quiet" => Outcome::Quiet,
            "critical" => Outcome::Found(Health::Failing),
            "warning" => Outcome::Found(Health::Degraded),
            _ => Outcome::NotYet,
        },
        reason: words(&view["reason"]),
        hint: words(&view["hint"]),
        at,
    })
}

pub(super) fn visit(view: &Value) -> VisitSeen {
    VisitSeen {
        sessions: number(&view["sessions"]),
        requests: number(&view["requests"]),
        log_bytes: view["log_bytes"].as_u64(),
        latency_after: duration(&view["latency_after_ms"]),
        clients_before: view["clients_before"].as_u64(),
        clients_after: view["clients_after"].as_u64(),
    }
}

pub(super) fn claim(view: &Value) -> Option<HubClaim> {
    view.is_object().then(|| HubClaim {
        state: view["state"].as_str().map(HubState::parse),
        version: name(&view["version"]),
        active_clients: view["active_clients"].as_u64(),
        mcp_clients: view["mcp_clients"].as_u64(),
        registered_tools: view["registered_tools"].as_u64(),
        workspace: name(&view["workspace"]),
        ..HubClaim::default()
    })
}

pub(super) fn filtering(view: &Value) -> Option<FilteringClaim> {
    view.is_object().then(|| FilteringClaim {
        enabled: view["enabled"].as_bool(),
        mode: name(&view["mode"]),
        total_tools: view["total_tools"].as_u64(),
        filtered_tools: view["filtered_tools"].as_u64(),
        exposed_tools: view["exposed_tools"].as_u64(),
        cache_hit_rate: view["cache_hit_rate"].as_f64(),
        llm_cache_hit_rate: view["llm_cache_hit_rate"].as_f64(),
    })
}

pub(super) fn levels(view: &Value) -> LevelCounts {
    let mut levels = LevelCounts::default();
    for level in Level::ALL {
        levels.add(level, number(&view[level.as_str()]));
    }
    levels
}
