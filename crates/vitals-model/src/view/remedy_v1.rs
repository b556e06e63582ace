//! Version 1 of the JSON that `remedy plan` and `remedy history` print.
//!
//! The fields are a contract: new ones may come, none goes or changes its meaning.

use serde::Serialize;

use crate::remedy::{Action, By, Prospect};
use crate::time::Timestamp;

/// The value of `schema`.
pub const SCHEMA: &str = "mcp-vitals/remedy/v1";

/// What may be done.
#[derive(Serialize, Debug)]
pub struct ProspectsView {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// One for each incident that lasts.
    pub prospects: Vec<ProspectView>,
}

/// What may be done about one incident.
#[derive(Serialize, Debug)]
pub struct ProspectView {
    /// The target's id.
    pub target: String,
    /// Its number, such as `I42`.
    pub incident: String,
    /// Its check.
    pub check: String,
    /// What it says.
    pub summary: String,
    /// What would be done; `null` when nothing can be.
    pub plan: Option<PlanView>,
    /// Why it is not done by itself now: a reason for programs; `null` when it is.
    pub held: Option<&'static str>,
    /// The same in one sentence.
    pub held_because: Option<String>,
}

/// What would be done.
#[derive(Serialize, Debug)]
pub struct PlanView {
    /// `restart-server`, `restart-hub`, `reap-orphans`, `rotate-log`.
    pub remedy: &'static str,
    /// The server that it is for.
    pub server: Option<String>,
    /// Why this one fits.
    pub why: String,
    /// What is done, in turn.
    pub moves: Vec<String>,
    /// Within this time after that the check must be good again.
    pub within_s: f64,
}

/// What was done.
#[derive(Serialize, Debug)]
pub struct ActionsView {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Every action, oldest first.
    pub actions: Vec<ActionView>,
}

/// One action.
#[derive(Serialize, Debug)]
pub struct ActionView {
    /// Its number, such as `A3`.
    pub id: String,
    /// The target's id.
    pub target: String,
    /// The incident that it was for, such as `I42`.
    pub incident: String,
    /// The check that had to be good again.
    pub check: String,
    /// `restart-server`, `restart-hub`, `reap-orphans`, `rotate-log`.
    pub remedy: &'static str,
    /// The server that it was for.
    pub server: Option<String>,
    /// Who asked for it; `null` when the watch did it by itself.
    pub by: Option<String>,
    /// What they said.
    pub remark: Option<String>,
    /// Why.
    pub why: String,
    /// What was planned.
    pub moves: Vec<String>,
    /// What was seen on the way.
    pub evidence: Vec<String>,
    /// When it was begun.
    pub begun_at: String,
    /// When all moves were made.
    pub done_at: Option<String>,
    /// `helped`, `did-not-help`, `not-carried-out`; `null` while that is not known.
    pub outcome: Option<&'static str>,
    /// Why it is said so.
    pub reason: Option<String>,
    /// When that was known.
    pub ended_at: Option<String>,
}

impl From<&Prospect> for ProspectView {
    fn from(prospect: &Prospect) -> Self {
        let plan = prospect.plan.as_ref().map(|plan| PlanView {
            remedy: plan.remedy.kind(),
            server: plan.remedy.server().map(ToString::to_string),
            why: plan.why.clone(),
            moves: plan.moves.iter().map(ToString::to_string).collect(),
            within_s: plan.within.as_secs_f64(),
        });
        Self {
            target: prospect.target.to_string(),
            incident: format!("I{}", prospect.incident),
            check: prospect.check.to_string(),
            summary: prospect.summary.clone(),
            plan,
            held: prospect.held.as_ref().map(|held| held.reason.as_str()),
            held_because: prospect.held.as_ref().map(|held| held.sentence.clone()),
        }
    }
}

impl From<&Action> for ActionView {
    fn from(action: &Action) -> Self {
        let (by, remark) = match &action.by {
            By::Watch => (None, None),
            By::Person(remark) => (Some(remark.author.to_string()), Some(remark.text.to_string())),
        };
        let outcome = action.outcome.as_ref();
        Self {
            id: format!("A{}", action.id),
            target: action.target.to_string(),
            incident: format!("I{}", action.incident),
            check: action.check.to_string(),
            remedy: action.remedy.kind(),
            server: action.remedy.server().map(ToString::to_string),
            by,
            remark: remark.filter(|text| !text.is_empty()),
            why: action.why.clone(),
            moves: action.moves.clone(),
            evidence: action.evidence.clone(),
            begun_at: action.begun_at.to_string(),
            done_at: action.done_at.as_ref().map(Timestamp::to_string),
            outcome: outcome.map(|outcome| outcome.kind.as_str()),
            reason: outcome.map(|outcome| outcome.reason.clone()),
            ended_at: outcome.map(|outcome| outcome.at.to_string()),
        }
    }
}
