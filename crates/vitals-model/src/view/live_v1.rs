//! A snapshot with all that a screen shows: [`v1`](super::v1) and, beside it, what a single look does not have.
//!
//! It is what a recording holds, one JSON object per line. Whoever reads [`CheckView`] reads this, too: it has the same
//! fields and more. Trends are left out: they can be made again of the values, one picture after the other.

use std::collections::BTreeMap;

use serde::Serialize;

use super::v1::{CheckView, IncidentView, RemarkView, millis};
use crate::claim::{FilteringClaim, HubClaim};
use crate::observation::Level;
use crate::quiet::Silence;
use crate::snapshot::{OwnState, Snapshot, TargetState};

/// A whole snapshot.
#[derive(Serialize, Debug)]
pub struct LiveView {
    /// What a look has, too.
    #[serde(flatten)]
    pub check: CheckView,
    /// When watching began, RFC 3339.
    pub began_at: String,
    /// How the monitor itself is.
    pub own: OwnView,
    /// What is beside each target, by its id.
    pub beside: BTreeMap<String, BesideView>,
}

/// How the monitor itself is.
#[derive(Serialize, Debug)]
pub struct OwnView {
    /// Probes sent since the start.
    pub probes: u64,
    /// Observations and samples dropped since the start.
    pub dropped: u64,
    /// Why no history is kept; null while it is.
    pub store_error: Option<String>,
    /// Samples lost because of that.
    pub samples_lost: u64,
    /// Incidents of our own that last.
    pub incidents: Vec<IncidentView>,
    /// Silences that hold.
    pub silences: Vec<SilenceView>,
    /// How often our own clock or our own running had a gap.
    pub gaps: u64,
    /// The latest gap in words.
    pub last_gap: Option<String>,
}

/// A silence.
#[derive(Serialize, Debug)]
pub struct SilenceView {
    /// `S` and a number.
    pub id: String,
    /// Of which targets.
    pub target: String,
    /// Of which checks.
    pub check: String,
    /// Until when, RFC 3339.
    pub until: String,
    /// Who asked for it when, and why.
    pub remark: RemarkView,
}

/// What a screen shows of a target and a single look does not have.
#[derive(Serialize, Debug)]
pub struct BesideView {
    /// Incidents that are over, latest first.
    pub recent: Vec<IncidentView>,
    /// When people last heard of an open incident, RFC 3339, by its id.
    pub told_at: BTreeMap<String, String>,
    /// When each check was measured, RFC 3339, by its id.
    pub measured_at: BTreeMap<String, String>,
    /// The check whose failure explains this one, by the id of this one.
    pub causes: BTreeMap<String, String>,
    /// The latest log records of level warn and above, newest last.
    pub log: Vec<String>,
    /// Log records per level; levels without any are left out.
    pub levels: BTreeMap<&'static str, u64>,
    /// The span of `levels`, in milliseconds.
    pub levels_over_ms: f64,
    /// What the hub last said of itself.
    pub claim: Option<ClaimView>,
    /// What the hub last said of its tool filtering.
    pub filtering: Option<FilteringView>,
    /// What is done, and was last done, to repair it.
    pub repair: RepairView,
}

/// What is done to repair a target.
#[derive(Serialize, Debug)]
pub struct RepairView {
    /// The action that is under way, in one line.
    pub under_way: Option<String>,
    /// The latest that is over, in one line.
    pub last: Option<String>,
}

/// What a hub says of itself.
#[derive(Serialize, Debug)]
pub struct ClaimView {
    /// Its state.
    pub state: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Clients of its event stream.
    pub active_clients: Option<u64>,
    /// MCP sessions.
    pub mcp_clients: Option<u64>,
    /// Tools that its MCP endpoint has registered.
    pub registered_tools: Option<u64>,
    /// The key of its workspace.
    pub workspace: Option<String>,
}

/// What a hub says of its tool filtering.
#[derive(Serialize, Debug)]
pub struct FilteringView {
    /// Whether it is on.
    pub enabled: Option<bool>,
    /// Its mode.
    pub mode: Option<String>,
    /// Tools before filtering.
    pub total_tools: Option<u64>,
    /// Tools taken away.
    pub filtered_tools: Option<u64>,
    /// Tools left.
    pub exposed_tools: Option<u64>,
    /// Share of look-ups in the cache that were answered, 0–1.
    pub cache_hit_rate: Option<f64>,
    /// Share of LLM look-ups answered from the cache, 0–1.
    pub llm_cache_hit_rate: Option<f64>,
}

impl From<&Snapshot> for LiveView {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            check: CheckView::from(snapshot),
            began_at: snapshot.began_at.to_string(),
            own: OwnView::from(&snapshot.own),
            beside: snapshot.targets.iter().map(|state| (state.target.id.to_string(), BesideView::from(&**state))).collect(),
        }
    }
}

impl From<&OwnState> for OwnView {
    fn from(own: &OwnState) -> Self {
        Self {
            probes: own.probes,
            dropped: own.dropped,
            store_error: own.store_error.clone(),
            samples_lost: own.samples_lost,
            incidents: own.open.iter().map(IncidentView::from).collect(),
            silences: own.silences.iter().map(SilenceView::from).collect(),
            gaps: own.gaps,
            last_gap: own.last_gap.clone(),
        }
    }
}

impl From<&Silence> for SilenceView {
    fn from(silence: &Silence) -> Self {
        Self {
            id: format!("S{}", silence.id),
            target: silence.target.to_string(),
            check: silence.check.to_string(),
            until: silence.until.to_string(),
            remark: RemarkView::from(&silence.remark),
        }
    }
}

impl From<&TargetState> for BesideView {
    fn from(state: &TargetState) -> Self {
        let told =
            state.open.iter().chain(&state.recent).filter_map(|i| Some((format!("I{}", i.id), i.handling.told_at?.to_string())));
        let causes =
            state.readings.iter().filter_map(|reading| Some((reading.id.to_string(), reading.cause.as_ref()?.to_string())));
        let levels = Level::ALL.into_iter().map(|level| (level.as_str(), state.levels.of(level))).filter(|(_, n)| *n > 0);
        Self {
            recent: state.recent.iter().map(IncidentView::from).collect(),
            told_at: told.collect(),
            measured_at: state.readings.iter().map(|reading| (reading.id.to_string(), reading.at.to_string())).collect(),
            causes: causes.collect(),
            log: state.log.clone(),
            levels: levels.collect(),
            levels_over_ms: millis(state.levels_over),
            claim: state.claim.as_ref().map(ClaimView::from),
            filtering: state.filtering.as_ref().map(FilteringView::from),
            repair: RepairView { under_way: state.repair.under_way.clone(), last: state.repair.last.clone() },
        }
    }
}

impl From<&HubClaim> for ClaimView {
    fn from(claim: &HubClaim) -> Self {
        Self {
            state: claim.state.as_ref().map(|state| state.as_str().to_owned()),
            version: claim.version.as_ref().map(ToString::to_string),
            active_clients: claim.active_clients,
            mcp_clients: claim.mcp_clients,
            registered_tools: claim.registered_tools,
            workspace: claim.workspace.as_ref().map(ToString::to_string),
        }
    }
}

impl From<&FilteringClaim> for FilteringView {
    fn from(claim: &FilteringClaim) -> Self {
        Self {
            enabled: claim.enabled,
            mode: claim.mode.as_ref().map(ToString::to_string),
            total_tools: claim.total_tools,
            filtered_tools: claim.filtered_tools,
            exposed_tools: claim.exposed_tools,
            cache_hit_rate: claim.cache_hit_rate,
            llm_cache_hit_rate: claim.llm_cache_hit_rate,
        }
    }
}
