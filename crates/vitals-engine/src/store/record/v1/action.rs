//! An action as version 1 keeps it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vitals_model::check::CheckId;
use vitals_model::remedy::{Action, By, Outcome, OutcomeKind, Remedy};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;

use crate::store::record::v2::RemarkRecord;

/// An action, as JSON.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct ActionRecord {
    id: u64,
    target: String,
    incident: u64,
    check: String,
    remedy: String,
    server: Option<String>,
    /// Who asked for it; the watch itself when nobody did.
    by: Option<RemarkRecord>,
    why: String,
    moves: Vec<String>,
    begun_at_ms: i64,
    done_at_ms: Option<i64>,
    within_ms: u64,
    evidence: Vec<String>,
    outcome: Option<OutcomeRecord>,
}

#[derive(Serialize, Deserialize)]
struct OutcomeRecord {
    kind: String,
    reason: String,
    at_ms: i64,
}

impl From<&Action> for ActionRecord {
    fn from(action: &Action) -> Self {
        let outcome = |outcome: &Outcome| OutcomeRecord {
            kind: outcome.kind.as_str().to_owned(),
            reason: outcome.reason.clone(),
            at_ms: outcome.at.as_millis(),
        };
        Self {
            id: action.id,
            target: action.target.as_str().to_owned(),
            incident: action.incident,
            check: action.check.as_str().to_owned(),
            remedy: action.remedy.kind().to_owned(),
            server: action.remedy.server().map(ToString::to_string),
            by: match &action.by {
                By::Watch => None,
                By::Person(remark) => Some(remark.into()),
            },
            why: action.why.clone(),
            moves: action.moves.clone(),
            begun_at_ms: action.begun_at.as_millis(),
            done_at_ms: action.done_at.map(Timestamp::as_millis),
            within_ms: u64::try_from(action.within.as_millis()).unwrap_or(u64::MAX),
            evidence: action.evidence.clone(),
            outcome: action.outcome.as_ref().map(outcome),
        }
    }
}

impl ActionRecord {
    /// The action; `None` when a word in it has no meaning.
    pub(in crate::store) fn action(self) -> Option<Action> {
        let outcome = |outcome: OutcomeRecord| {
            Some(Outcome {
                kind: OutcomeKind::ALL.into_iter().find(|kind| kind.as_str() == outcome.kind)?,
                reason: outcome.reason,
                at: Timestamp::from_millis(outcome.at_ms),
            })
        };
        Some(Action {
            id: self.id,
            target: TargetId::new(&self.target),
            incident: self.incident,
            check: CheckId::from_stored(&self.check),
            remedy: Remedy::of(&self.remedy, self.server.as_deref())?,
            by: self.by.map_or(By::Watch, |remark| By::Person(remark.into())),
            why: self.why,
            moves: self.moves,
            begun_at: Timestamp::from_millis(self.begun_at_ms),
            done_at: self.done_at_ms.map(Timestamp::from_millis),
            within: Duration::from_millis(self.within_ms),
            evidence: self.evidence,
            outcome: self.outcome.map(outcome).map_or(Some(None), |outcome| outcome.map(Some))?,
        })
    }
}
