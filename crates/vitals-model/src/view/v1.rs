//! Version 1 of the JSON that `check --format json` prints and that later faces serve.
//!
//! The fields are a contract (docs/reference/check-json.md): new ones may come, none goes or changes
//! its meaning. They are derived from a [`Snapshot`], never the other way.

use std::time::Duration;

use serde::Serialize;

use crate::check::Threshold;
use crate::finding::Outcome;
use crate::incident::IncidentState;
use crate::reading::{Health, Standing};
use crate::snapshot::{Snapshot, TargetState};

/// The value of `schema`.
pub const SCHEMA: &str = "mcp-vitals/check/v1";

/// A whole snapshot.
#[derive(Serialize, Debug)]
pub struct CheckView {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// When it was taken, RFC 3339.
    pub at: String,
    /// The worst health of all targets.
    pub health: &'static str,
    /// The exit code that goes with it.
    pub exit_code: u8,
    /// Every target.
    pub targets: Vec<TargetView>,
}

/// One target.
#[derive(Serialize, Debug)]
pub struct TargetView {
    /// Stable id.
    pub id: String,
    /// `hub` or `server`.
    pub kind: &'static str,
    /// URL or command line.
    pub url: String,
    /// `healthy`, `degraded`, `failing`, `unknown`.
    pub health: &'static str,
    /// 0–100, or null when too little could be measured.
    pub score: Option<u32>,
    /// `EXCELLENT`, `GOOD`, `FAIR`, `POOR`, `UNKNOWN`.
    pub grade: &'static str,
    /// What was taken off the score.
    pub deductions: Vec<DeductionView>,
    /// The servers behind it.
    pub servers: Vec<ServerView>,
    /// Every check.
    pub checks: Vec<ReadingView>,
    /// Incidents that last.
    pub incidents: Vec<IncidentView>,
    /// What the detectors say.
    pub anomalies: Vec<FindingView>,
    /// What this visit cost the hub.
    pub visit: VisitView,
}

/// One deduction from the score.
#[derive(Serialize, Debug)]
pub struct DeductionView {
    /// Points taken off.
    pub points: u32,
    /// Why.
    pub reason: String,
}

/// One server: claim against truth.
#[derive(Serialize, Debug)]
pub struct ServerView {
    /// Its name in the hub's configuration.
    pub name: String,
    /// What the hub says; null for a server reached directly.
    pub claim: Option<String>,
    /// `agrees`, `ghost`, `hung`, `hidden`, `dropped`, `phantom`, `drifted`, `expected-down`, `unknown`.
    pub verdict: &'static str,
    /// How well it is for its users.
    pub health: &'static str,
    /// The claim, the truth, and what the verdict rests on.
    pub reason: String,
    /// Tools that clients can list; null when they could not be listed.
    pub tools: Option<u64>,
    /// Latency of the canary call; null when none was answered.
    pub call_ms: Option<f64>,
    /// Since when, RFC 3339.
    pub since: String,
}

/// One check.
#[derive(Serialize, Debug)]
pub struct ReadingView {
    /// Stable id.
    pub id: String,
    /// The integration point.
    pub point: &'static str,
    /// `healthy`, `degraded`, `failing`, `unknown`.
    pub health: &'static str,
    /// `none`, `advice`, `warning`, `critical`.
    pub severity: &'static str,
    /// `judged`, `advice`, `expected`, `fact`.
    pub standing: &'static str,
    /// What was seen and what was expected.
    pub summary: String,
    /// The measured value.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
    /// Where it becomes degraded; null without a threshold.
    pub warning: Option<f64>,
    /// Where it becomes failing; null without a threshold.
    pub critical: Option<f64>,
    /// What the summary rests on.
    pub evidence: Vec<String>,
    /// What to do.
    pub hint: String,
    /// How long the measurement took.
    pub took_ms: f64,
    /// Since when its health is what it is, RFC 3339.
    pub since: String,
}

/// One incident.
#[derive(Serialize, Debug)]
pub struct IncidentView {
    /// `I` and a number.
    pub id: String,
    /// The target's id.
    pub target: String,
    /// The check it is about.
    pub check: String,
    /// The verdict or the check's question.
    pub kind: String,
    /// The worst it has been.
    pub health: &'static str,
    /// `open` or `resolved`.
    pub state: &'static str,
    /// What was seen and what was expected.
    pub summary: String,
    /// Evidence.
    pub evidence: Vec<String>,
    /// What to do.
    pub hint: String,
    /// RFC 3339.
    pub opened_at: String,
    /// RFC 3339; null while it lasts.
    pub resolved_at: Option<String>,
    /// Whether its check comes and goes so often that its end is not believed for now.
    pub flapping: bool,
    /// The incident that explains it: `I` and a number.
    pub follows: Option<String>,
    /// The check that incident is about.
    pub follows_check: Option<String>,
    /// Checks without an incident of their own because of this one.
    pub suppressed: Vec<SuppressedView>,
    /// How many more there are.
    pub suppressed_more: u64,
    /// Who takes care of it.
    pub acknowledged: Option<RemarkView>,
    /// What people wrote.
    pub notes: Vec<RemarkView>,
    /// What people were not told, and why.
    pub withheld: Vec<WithheldView>,
}

/// A check that another one's incident explains.
#[derive(Serialize, Debug)]
pub struct SuppressedView {
    /// The check.
    pub check: String,
    /// How bad it was.
    pub health: &'static str,
    /// Since when, RFC 3339.
    pub since: String,
}

/// What somebody said.
#[derive(Serialize, Debug)]
pub struct RemarkView {
    /// RFC 3339.
    pub at: String,
    /// Who.
    pub author: String,
    /// What.
    pub text: String,
}

/// A change that people were not told.
#[derive(Serialize, Debug)]
pub struct WithheldView {
    /// RFC 3339.
    pub at: String,
    /// The change.
    pub change: String,
    /// `follows`, `acknowledged`, `silenced`, `maintenance`, `unheard`.
    pub reason: &'static str,
    /// The same in a sentence.
    pub sentence: String,
}

/// What one detector says.
#[derive(Serialize, Debug)]
pub struct FindingView {
    /// The kind.
    pub kind: &'static str,
    /// `quiet`, `warning`, `critical`, `not-yet`.
    pub outcome: &'static str,
    /// The reason, with the figures.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

/// What our visit cost the hub.
#[derive(Serialize, Debug)]
pub struct VisitView {
    /// Requests sent.
    pub requests: u64,
    /// MCP sessions opened.
    pub sessions: u64,
    /// Bytes the hub logged because of it.
    pub log_bytes: Option<u64>,
    /// API latency right after the sessions closed.
    pub latency_after_ms: Option<f64>,
    /// Clients before.
    pub clients_before: Option<u64>,
    /// Clients after.
    pub clients_after: Option<u64>,
}

impl From<&Snapshot> for CheckView {
    fn from(snapshot: &Snapshot) -> Self {
        let health = snapshot.health();
        Self {
            schema: SCHEMA,
            at: snapshot.at.to_string(),
            health: health.as_str(),
            exit_code: health.exit_code(),
            targets: snapshot.targets.iter().map(|t| TargetView::from(&**t)).collect(),
        }
    }
}

impl From<&TargetState> for TargetView {
    fn from(state: &TargetState) -> Self {
        Self {
            id: state.target.id.to_string(),
            kind: state.target.address.kind().as_str(),
            url: state.target.address.to_string(),
            health: state.health.as_str(),
            score: state.score.points,
            grade: state.score.grade().as_str(),
            deductions: state
                .score
                .deductions
                .iter()
                .map(|d| DeductionView { points: d.points, reason: d.reason.clone() })
                .collect(),
            servers: state.servers.iter().map(ServerView::from).collect(),
            checks: state.readings.iter().map(ReadingView::from).collect(),
            incidents: state.open.iter().map(IncidentView::from).collect(),
            anomalies: state.findings.iter().map(FindingView::from).collect(),
            visit: VisitView {
                requests: state.visit.requests,
                sessions: state.visit.sessions,
                log_bytes: state.visit.log_bytes,
                latency_after_ms: state.visit.latency_after.map(millis),
                clients_before: state.visit.clients_before,
                clients_after: state.visit.clients_after,
            },
        }
    }
}

impl From<&crate::verdict::ServerTruth> for ServerView {
    fn from(truth: &crate::verdict::ServerTruth) -> Self {
        Self {
            name: truth.name.to_string(),
            claim: truth.claim.as_ref().map(|c| c.as_str().to_owned()),
            verdict: truth.verdict.as_str(),
            health: truth.health.as_str(),
            reason: truth.reason.clone(),
            tools: truth.tools,
            call_ms: truth.call_ms,
            since: truth.since.to_string(),
        }
    }
}

impl From<&crate::reading::Reading> for ReadingView {
    fn from(reading: &crate::reading::Reading) -> Self {
        let (warning, critical) = match reading.threshold {
            Some(Threshold::Above(warning, critical) | Threshold::Below(warning, critical)) => (Some(warning), Some(critical)),
            None => (None, None),
        };
        Self {
            id: reading.id.to_string(),
            point: reading.point.as_str(),
            health: reading.health.as_str(),
            severity: severity(reading.health, reading.standing),
            standing: reading.standing.as_str(),
            summary: reading.summary.clone(),
            value: reading.value,
            unit: reading.unit.as_str(),
            warning,
            critical,
            evidence: reading.evidence.clone(),
            hint: reading.hint.clone(),
            took_ms: millis(reading.took),
            since: reading.since.to_string(),
        }
    }
}

impl From<&crate::incident::Incident> for IncidentView {
    fn from(incident: &crate::incident::Incident) -> Self {
        Self {
            id: format!("I{}", incident.id),
            target: incident.target.to_string(),
            check: incident.check.to_string(),
            kind: incident.kind.clone(),
            health: incident.health.as_str(),
            state: match incident.state {
                IncidentState::Open => "open",
                IncidentState::Resolved => "resolved",
            },
            summary: incident.summary.clone(),
            evidence: incident.evidence.clone(),
            hint: incident.hint.clone(),
            opened_at: incident.opened_at.to_string(),
            resolved_at: incident.resolved_at.map(|t| t.to_string()),
            flapping: incident.flapping,
            follows: incident.ties.follows.as_ref().map(|cause| format!("I{}", cause.incident)),
            follows_check: incident.ties.follows.as_ref().map(|cause| cause.check.to_string()),
            suppressed: incident.ties.suppressed.iter().map(SuppressedView::from).collect(),
            suppressed_more: incident.ties.suppressed_more,
            acknowledged: incident.handling.acknowledged.as_ref().map(RemarkView::from),
            notes: incident.handling.notes.iter().map(RemarkView::from).collect(),
            withheld: incident.handling.withheld.iter().map(WithheldView::from).collect(),
        }
    }
}

impl From<&crate::incident::Suppressed> for SuppressedView {
    fn from(suppressed: &crate::incident::Suppressed) -> Self {
        Self { check: suppressed.check.to_string(), health: suppressed.health.as_str(), since: suppressed.since.to_string() }
    }
}

impl From<&crate::quiet::Remark> for RemarkView {
    fn from(remark: &crate::quiet::Remark) -> Self {
        Self { at: remark.at.to_string(), author: remark.author.to_string(), text: remark.text.to_string() }
    }
}

impl From<&crate::incident::Withheld> for WithheldView {
    fn from(withheld: &crate::incident::Withheld) -> Self {
        Self {
            at: withheld.at.to_string(),
            change: withheld.change.as_str().to_lowercase(),
            reason: withheld.why.reason.as_str(),
            sentence: withheld.why.sentence.clone(),
        }
    }
}

impl From<&crate::finding::Finding> for FindingView {
    fn from(finding: &crate::finding::Finding) -> Self {
        Self {
            kind: finding.kind.as_str(),
            outcome: match finding.outcome {
                Outcome::Quiet => "quiet",
                Outcome::Found(Health::Failing) => "critical",
                Outcome::Found(_) => "warning",
                Outcome::NotYet => "not-yet",
            },
            reason: finding.reason.clone(),
            hint: finding.hint.clone(),
        }
    }
}

/// The severity of a reading: advice is never scored, an expected failure and a fact have none.
pub const fn severity(health: Health, standing: Standing) -> &'static str {
    match (standing, health) {
        (Standing::Advice, _) => "advice",
        (Standing::Judged, Health::Degraded) => "warning",
        (Standing::Judged, Health::Failing) => "critical",
        _ => "none",
    }
}

pub(super) fn millis(duration: Duration) -> f64 {
    // Microseconds are as fine as a prober's clock is worth.
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
