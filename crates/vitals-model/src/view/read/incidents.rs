//! Incidents and silences out of a view.

use serde_json::Value;

use super::{list, name, number, numbered, parts, text_of, time, word, words};
use crate::check::CheckId;
use crate::incident::{Cause, Handling, Incident, IncidentChange, IncidentState, Quiet, QuietReason, Suppressed, Ties, Withheld};
use crate::limits::{EVIDENCE_PIECES_MAX, NOTES_MAX, SUPPRESSED_MAX, WITHHELD_MAX};
use crate::quiet::{Pattern, Remark, Silence};
use crate::target::TargetId;
use crate::time::Timestamp;

/// An incident; `None` without a number.
pub(super) fn incident(view: &Value, beside: &Value, at: Timestamp) -> Option<Incident> {
    let id = numbered(&view["id"], 'I')?;
    let resolved_at = time(&view["resolved_at"]);
    let follows_check = CheckId::from_stored(&words(&view["follows_check"]));
    let follows = numbered(&view["follows"], 'I').map(|incident| Cause { incident, check: follows_check });
    let opened_at = time(&view["opened_at"]).unwrap_or(at);
    Some(Incident {
        id,
        target: TargetId::new(&words(&view["target"])),
        check: CheckId::from_stored(&words(&view["check"])),
        kind: words(&view["kind"]),
        health: parts::health(&view["health"]),
        state: if resolved_at.is_some() { IncidentState::Resolved } else { IncidentState::Open },
        summary: words(&view["summary"]),
        evidence: list(&view["evidence"], EVIDENCE_PIECES_MAX, text_of),
        hint: words(&view["hint"]),
        opened_at,
        updated_at: resolved_at.unwrap_or(opened_at),
        resolved_at,
        flapping: view["flapping"].as_bool().unwrap_or(false),
        ties: Ties {
            follows,
            suppressed: list(&view["suppressed"], SUPPRESSED_MAX, |v| Some(suppressed(v, at))),
            suppressed_more: number(&view["suppressed_more"]),
        },
        handling: Handling {
            told_at: time(&beside["told_at"][format!("I{id}")]),
            acknowledged: remark(&view["acknowledged"]),
            notes: list(&view["notes"], NOTES_MAX, remark),
            withheld: list(&view["withheld"], WITHHELD_MAX, withheld),
        },
    })
}

fn suppressed(view: &Value, at: Timestamp) -> Suppressed {
    Suppressed {
        check: CheckId::from_stored(&words(&view["check"])),
        health: parts::health(&view["health"]),
        since: time(&view["since"]).unwrap_or(at),
    }
}

fn remark(view: &Value) -> Option<Remark> {
    Some(Remark { at: time(&view["at"])?, author: name(&view["author"])?, text: name(&view["text"])? })
}

fn withheld(view: &Value) -> Option<Withheld> {
    let change = view["change"].as_str()?.to_uppercase();
    Some(Withheld {
        at: time(&view["at"])?,
        change: IncidentChange::ALL.into_iter().find(|known| known.as_str() == change)?,
        why: Quiet { reason: word(&view["reason"], &QuietReason::ALL, QuietReason::as_str)?, sentence: words(&view["sentence"]) },
    })
}

/// A silence; `None` without a number or an end.
pub(super) fn silence(view: &Value) -> Option<Silence> {
    Some(Silence {
        id: numbered(&view["id"], 'S')?,
        target: Pattern::new(&words(&view["target"])),
        check: Pattern::new(&words(&view["check"])),
        until: time(&view["until"])?,
        remark: remark(&view["remark"])?,
    })
}
