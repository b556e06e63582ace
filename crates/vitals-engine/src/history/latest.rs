//! What a watch knows just now, as far as its history tells it to another process: the health of every check, incidents
//! with their reasons, the tools. Samples carry no words, so those of the incidents stand in for them; what only the
//! watch itself knows (claims, logs, trends, what clients are shown) is left empty.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vitals_judge::check::{api_id, believed_for};
use vitals_judge::monitor;
use vitals_judge::own;
use vitals_judge::score;
use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::claim::ClaimStatus;
use vitals_model::config::Expect;
use vitals_model::incident::{Incident, IncidentState};
use vitals_model::limits::RECENT_INCIDENTS_MAX;
use vitals_model::reading::{Health, Reading, Sample, Standing};
use vitals_model::snapshot::{OwnState, ServerTools, Snapshot, TargetState};
use vitals_model::target::{Target, TargetKind};
use vitals_model::text::Text;
use vitals_model::time::{Timestamp, human};
use vitals_model::tool::ToolSet;
use vitals_model::verdict::{ServerTruth, Verdict};

use crate::store::{IncidentFilter, Reader, StoreError};

/// A target without a sample for so long is not watched any more. A check whose last sample is so much older than the
/// target's latest is not there any more: its server was taken away.
const GONE_AFTER: Duration = Duration::from_secs(3600);

/// How far back the beginning of a server's present health is looked for; one that is older is told as this old.
const SINCE_MAX: Duration = Duration::from_secs(6 * 3600);

/// Incidents that ended so long ago are told, too.
const RECENT: Duration = Duration::from_secs(24 * 3600);

/// The state of those of `targets` that are watched, as the history has it. Its time is that of the latest sample.
pub fn latest(reader: &Reader, targets: Vec<Target>, now: Timestamp) -> Result<Snapshot, StoreError> {
    let incidents = reader.incidents(IncidentFilter::Since(now.minus(RECENT)))?;
    let mut snapshot = Snapshot::default();
    for target in targets {
        let of_target = incidents.iter().filter(|incident| incident.target == target.id).cloned().collect();
        if let Some((at, state)) = state(reader, target, of_target, now)? {
            snapshot.at = snapshot.at.max(at);
            snapshot.targets.push(Arc::new(state));
        }
    }
    snapshot.targets.sort_by(|a, b| a.target.id.cmp(&b.target.id));
    let silences = reader.silences()?.into_iter().filter(|silence| now < silence.until).collect();
    let is_own = |incident: &Incident| incident.state == IncidentState::Open && incident.target.as_str() == own::TARGET;
    let open = incidents.into_iter().filter(is_own).collect();
    snapshot.own = OwnState { open, silences, ..OwnState::default() };
    Ok(snapshot)
}

fn state(
    reader: &Reader,
    target: Target,
    incidents: Vec<Incident>,
    now: Timestamp,
) -> Result<Option<(Timestamp, TargetState)>, StoreError> {
    let (open, mut recent): (Vec<_>, Vec<_>) = incidents.into_iter().partition(|incident| incident.state == IncidentState::Open);
    recent.sort_by_key(|incident| std::cmp::Reverse(incident.updated_at));
    recent.truncate(RECENT_INCIDENTS_MAX);
    let mut samples = Vec::new();
    for check in reader.checks(&target.id)?.into_iter().filter(is_check) {
        samples.extend(reader.last(&target.id, &check)?);
    }
    let latest = samples.iter().map(|sample| sample.at).max();
    let Some(at) = latest.filter(|at| now.since(*at) < GONE_AFTER) else { return Ok(None) };
    samples.retain(|sample| at.since(sample.at) < GONE_AFTER);
    let mut readings: Vec<_> = samples.iter().map(|sample| reading(&target, sample, &open, now)).collect();
    let tools: BTreeMap<Text, ToolSet> = reader.tools(&target.id)?.into_iter().collect();
    let mut servers = Vec::new();
    for reading in readings.iter_mut().filter(|reading| is_truth(&reading.id)) {
        reading.since = since(reader, &target, reading, &open)?;
        servers.push(truth(&target, reading, &open, &tools));
    }
    let of = |(name, own)| (name, ServerTools { own, listed: None });
    let state = TargetState {
        health: monitor::health(&readings),
        score: score::score(&readings),
        tools: tools.into_iter().map(of).collect(),
        servers,
        readings,
        open,
        recent,
        ..TargetState::unmeasured(target)
    };
    Ok(Some((at, state)))
}

/// Whether this is a check, and not a series that only reports use.
fn is_check(id: &CheckId) -> bool {
    !id.as_str().starts_with("logging/lines/") && id.question() != "turn"
}

fn is_truth(id: &CheckId) -> bool {
    id.server().is_some() && id.question() == "truth"
}

/// What explains a server's checks: its truth, and the hub's API explains that. That it is lost now is no reason for
/// having been lost again and again.
fn usual_cause(target: &Target, id: &CheckId) -> Option<CheckId> {
    let server = id.server()?;
    match id.question() {
        "flaps" => None,
        "truth" => (target.address.kind() == TargetKind::Hub).then(api_id),
        _ => Some(CheckId::of_server(&Text::new(server), "truth")),
    }
}

/// The reading that a sample was, in the words of its incident where there is one.
fn reading(target: &Target, sample: &Sample, open: &[Incident], now: Timestamp) -> Reading {
    let incident = open.iter().find(|incident| incident.check == sample.id);
    let explains = |incident: &&Incident| incident.ties.suppressed.iter().any(|suppressed| suppressed.check == sample.id);
    let follows = incident.and_then(|incident| incident.ties.follows.as_ref()).map(|cause| cause.check.clone());
    let mut reading = Reading {
        id: sample.id.clone(),
        point: Point::ALL.into_iter().find(|point| sample.id.as_str().starts_with(point.as_str())).unwrap_or(Point::HubServers),
        health: sample.health,
        standing: standing(target, sample),
        value: sample.value,
        unit: Unit::Count,
        threshold: None,
        summary: incident.map_or_else(|| format!("{} at its last look", sample.health.as_str()), |i| i.summary.clone()),
        evidence: incident.map(|incident| incident.evidence.clone()).unwrap_or_default(),
        hint: incident.map(|incident| incident.hint.clone()).unwrap_or_default(),
        cause: follows
            .or_else(|| open.iter().find(explains).map(|incident| incident.check.clone()))
            .or_else(|| usual_cause(target, &sample.id)),
        at: sample.at,
        took: Duration::ZERO,
        since: incident.map_or(sample.at, |incident| incident.opened_at),
    };
    let age = now.since(reading.at);
    let believed = believed_for(&reading, target.address.kind(), &target.settings.schedule);
    if reading.health == Health::Healthy && believed.is_some_and(|believed| age > believed) {
        reading.health = Health::Unknown;
        reading.summary = format!("not measured for {}; it was healthy before", human(age));
    }
    reading
}

fn expects_down(target: &Target, id: &CheckId) -> bool {
    let is_of = |name: &String| id.server() == Some(name.replace('/', "_").as_str());
    target.settings.servers.iter().any(|(name, server)| is_of(name) && server.expect == Expect::Down)
}

fn standing(target: &Target, sample: &Sample) -> Standing {
    let is_expected = sample.health != Health::Healthy && !is_truth(&sample.id) && expects_down(target, &sample.id);
    if is_expected { Standing::Expected } else { Standing::Judged }
}

/// Since when a server's health is what it is: its incident knows, else its samples do.
fn since(reader: &Reader, target: &Target, reading: &Reading, open: &[Incident]) -> Result<Timestamp, StoreError> {
    if open.iter().any(|incident| incident.check == reading.id) {
        return Ok(reading.since);
    }
    let from = reading.at.minus(SINCE_MAX);
    let samples = reader.samples(&target.id, &reading.id, from, reading.at)?;
    let same = samples.iter().rev().take_while(|sample| sample.health == reading.health);
    Ok(same.last().map_or(reading.at, |sample| sample.at))
}

fn truth(target: &Target, reading: &Reading, open: &[Incident], tools: &BTreeMap<Text, ToolSet>) -> ServerTruth {
    let part = reading.id.server().unwrap_or_default();
    let name = tools.keys().find(|name| name.as_str().replace('/', "_") == part).cloned().unwrap_or_else(|| Text::new(part));
    let incident = open.iter().find(|incident| incident.check == reading.id);
    let (verdict, claim) = match incident.map(|incident| incident.kind.as_str()) {
        Some(kind) => told_by(kind),
        None if reading.health == Health::Healthy && expects_down(target, &reading.id) => (Verdict::ExpectedDown, None),
        None if reading.health == Health::Healthy => (Verdict::Agrees, None),
        None => (Verdict::Unknown, None),
    };
    ServerTruth {
        claim,
        verdict,
        health: reading.health,
        reason: reading.summary.clone(),
        tools: tools.get(&name).map(|set| set.len() as u64),
        call_ms: None,
        since: reading.since,
        name,
    }
}

/// The verdict that an incident of this kind stands for, and the claim where the kind says it: the history keeps no
/// other claim.
fn told_by(kind: &str) -> (Verdict, Option<ClaimStatus>) {
    match kind {
        "ghost" => (Verdict::Ghost, Some(ClaimStatus::Connected)),
        "hung" => (Verdict::Hung, Some(ClaimStatus::Connected)),
        "hidden" => (Verdict::Hidden, None),
        "dropped" => (Verdict::Dropped, None),
        "phantom" => (Verdict::Phantom, None),
        "drifted" => (Verdict::Drifted, None),
        "unauthorized" | "connecting" => (Verdict::Agrees, Some(ClaimStatus::parse(kind))),
        "down" => (Verdict::Agrees, None),
        _ => (Verdict::Unknown, None),
    }
}

#[cfg(test)]
mod tests;
