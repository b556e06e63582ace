//! The ledger of incidents: when a bad reading becomes one, and when it is over.
//!
//! A reading opens an incident when it is judged, bad, not explained by another check that is as bad,
//! and has been bad for as long as its [`patience`] says. It is over when the reading is healthy again
//! for as long, or when there is nothing left to measure. Unknown neither opens nor resolves: what
//! cannot be seen has not ended.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use vitals_model::check::CheckId;
use vitals_model::claim::ClaimStatus;
use vitals_model::incident::{Incident, IncidentChange, IncidentState};
use vitals_model::limits::{EVIDENCE_PIECES_MAX, RECENT_INCIDENTS_MAX};
use vitals_model::reading::{Health, Reading};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;
use vitals_model::verdict::{ServerTruth, Verdict};

use crate::cause::{self, is_bad};

/// How long a check must have had no reading, on a target that answers, before its incident is over.
const ABSENT: Duration = Duration::from_secs(3600);

/// How long a bad state must last before people hear of it, and a good one before it is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// This long.
    pub wait: Duration,
    /// Whether it must have been measured again in that time.
    pub again: bool,
}

/// The patience with one reading. `grace` is what start-up is given.
///
/// What has hard evidence (a process that ended, a call that failed) does not wait. What may follow from
/// the hub's own end waits until its process was looked at. A server that the hub itself reports as down
/// may be in the middle of a restart, which takes 0.1 s to a few seconds. Starting is no fault until it
/// takes too long. A value beyond its threshold must stay there for two looks.
pub fn patience(reading: &Reading, truth: Option<&ServerTruth>, grace: Duration) -> Patience {
    const A_LOOK: Duration = Duration::from_secs(2);
    const RESTART: Duration = Duration::from_secs(5);
    const TWO_LOOKS: Duration = Duration::from_secs(15);
    let failing = reading.health == Health::Failing;
    let is_connecting = truth.is_some_and(|t| t.verdict == Verdict::Agrees && t.claim == Some(ClaimStatus::Connecting));
    let wait = match (reading.id.server(), reading.id.question(), truth.map(|t| t.verdict)) {
        _ if reading.threshold.is_some() => return Patience { wait: TWO_LOOKS, again: true },
        (Some(_), "truth", Some(Verdict::Ghost | Verdict::Hung)) => Duration::ZERO,
        (None, "process", _) if failing => Duration::ZERO,
        // A hub that ends in good order closes its port before it is gone.
        (None, "port" | "api" | "open", _) if failing => A_LOOK,
        (None, "state", _) if !failing => grace,
        (Some(_), "truth", _) if is_connecting && !failing => grace,
        _ => RESTART,
    };
    Patience { wait, again: false }
}

/// What the ledger compares its incidents with.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The target.
    pub target: &'a TargetId,
    /// Its readings.
    pub readings: &'a [Reading],
    /// The truth about its servers.
    pub truths: &'a [ServerTruth],
    /// Whether the target answers, so that what has no reading is not there.
    pub answers: bool,
    /// What start-up is given.
    pub grace: Duration,
    /// Now.
    pub now: Timestamp,
}

/// A state that has not lasted long enough yet.
#[derive(Clone, Copy, Debug)]
struct Pending {
    since: Timestamp,
    measured_at: Timestamp,
}

/// All incidents of one target.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    open: BTreeMap<CheckId, Incident>,
    recent: VecDeque<Incident>,
    /// Readings that are bad without an incident, or good with one.
    pending: BTreeMap<CheckId, Pending>,
    /// Incidents about a value beyond its threshold: it must also stay good for a while.
    by_value: BTreeSet<CheckId>,
    /// Since when the check of an incident has had no reading.
    absent: BTreeMap<CheckId, Timestamp>,
}

impl Ledger {
    /// A ledger with the incidents that an earlier monitor left open.
    pub fn with_open(incidents: impl IntoIterator<Item = Incident>) -> Self {
        Self { open: incidents.into_iter().map(|i| (i.check.clone(), i)).collect(), ..Self::default() }
    }

    /// Incidents that last, oldest first.
    pub fn open(&self) -> Vec<Incident> {
        let mut open: Vec<_> = self.open.values().cloned().collect();
        open.sort_by_key(|i| (i.opened_at, i.id));
        open
    }

    /// Incidents that are over, latest first.
    pub fn recent(&self) -> Vec<Incident> {
        self.recent.iter().rev().cloned().collect()
    }

    /// Compares the readings of now with the incidents of before. `next_id` gives a new incident's id.
    pub fn update(&mut self, look: Look<'_>, mut next_id: impl FnMut() -> u64) -> Vec<(IncidentChange, Incident)> {
        let mut changes = Vec::new();
        for reading in look.readings {
            let truth = truth_of(reading, look.truths);
            let change = match (self.open.contains_key(&reading.id), is_bad(reading)) {
                (false, true) if !explained(reading, look.readings) && !outdated(reading, look.readings) => {
                    self.open_when_due(look, reading, truth, &mut next_id)
                }
                (true, true) => self.worsen(reading, truth, look.now),
                (true, false) if reading.health != Health::Unknown => self.resolve_when_due(look, reading, truth),
                _ => {
                    self.pending.remove(&reading.id);
                    None
                }
            };
            changes.extend(change);
        }
        self.pending.retain(|id, _| look.readings.iter().any(|r| r.id == *id));
        changes.extend(self.resolve_absent(look));
        changes
    }

    /// Whether a state has lasted as long as its patience asks; remembers when waiting began.
    fn is_due(&mut self, reading: &Reading, patience: Patience, now: Timestamp) -> bool {
        let fresh = Pending { since: now, measured_at: reading.at };
        let pending = *self.pending.entry(reading.id.clone()).or_insert(fresh);
        let seen_again = !patience.again || reading.at > pending.measured_at;
        let due = seen_again && now.since(pending.since) >= patience.wait;
        if due {
            self.pending.remove(&reading.id);
        }
        due
    }

    fn open_when_due(
        &mut self,
        look: Look<'_>,
        reading: &Reading,
        truth: Option<&ServerTruth>,
        next_id: &mut impl FnMut() -> u64,
    ) -> Option<(IncidentChange, Incident)> {
        if !self.is_due(reading, patience(reading, truth, look.grace), look.now) {
            return None;
        }
        let incident = Incident {
            id: next_id(),
            target: look.target.clone(),
            check: reading.id.clone(),
            kind: kind(reading, truth),
            health: reading.health,
            state: IncidentState::Open,
            summary: summary(reading, truth),
            evidence: reading.evidence.iter().take(EVIDENCE_PIECES_MAX).cloned().collect(),
            hint: reading.hint.clone(),
            opened_at: reading.since.min(look.now),
            updated_at: look.now,
            resolved_at: None,
        };
        if reading.threshold.is_some() {
            self.by_value.insert(reading.id.clone());
        }
        self.open.insert(reading.id.clone(), incident.clone());
        Some((IncidentChange::Opened, incident))
    }

    /// An incident that grows worse, or turns into another kind as bad, is told again; other changes of
    /// words, and a beginning recovery, are not news.
    fn worsen(&mut self, reading: &Reading, truth: Option<&ServerTruth>, now: Timestamp) -> Option<(IncidentChange, Incident)> {
        self.pending.remove(&reading.id);
        let incident = self.open.get_mut(&reading.id)?;
        let kind = kind(reading, truth);
        let worse = reading.health > incident.health;
        if !worse && (kind == incident.kind || reading.health < incident.health) {
            return None;
        }
        incident.health = incident.health.max(reading.health);
        incident.kind = kind;
        incident.summary = summary(reading, truth);
        incident.hint.clone_from(&reading.hint);
        incident.updated_at = now;
        for line in &reading.evidence {
            if incident.evidence.len() < EVIDENCE_PIECES_MAX && !incident.evidence.contains(line) {
                incident.evidence.push(line.clone());
            }
        }
        Some((IncidentChange::Updated, incident.clone()))
    }

    fn resolve_when_due(
        &mut self,
        look: Look<'_>,
        reading: &Reading,
        truth: Option<&ServerTruth>,
    ) -> Option<(IncidentChange, Incident)> {
        let patience = if self.by_value.contains(&reading.id) {
            patience(reading, truth, look.grace)
        } else {
            Patience { wait: Duration::ZERO, again: false }
        };
        if !self.is_due(reading, patience, look.now) {
            return None;
        }
        self.resolve(&reading.id, &reading.summary, look.now)
    }

    /// What is not there any more is not bad any more: a server that the hub does not list, at once; a
    /// check without a reading, after a while.
    fn resolve_absent(&mut self, look: Look<'_>) -> Vec<(IncidentChange, Incident)> {
        let has_reading = |id: &CheckId| look.readings.iter().any(|r| r.id == *id);
        self.absent.retain(|id, _| self.open.contains_key(id) && !has_reading(id));
        if !look.answers {
            self.absent.clear();
            return Vec::new();
        }
        let missing: Vec<_> = self.open.keys().filter(|id| !has_reading(id)).cloned().collect();
        let mut changes = Vec::new();
        for id in missing {
            let is_listed = look.truths.iter().any(|t| CheckId::of_server(&t.name, id.question()) == id);
            if id.server().is_some() && !is_listed {
                changes.extend(self.resolve(&id, "the hub does not list this server any more", look.now));
            } else if look.now.since(*self.absent.entry(id.clone()).or_insert(look.now)) >= ABSENT {
                changes.extend(self.resolve(&id, "not measured any more", look.now));
            }
        }
        changes
    }

    fn resolve(&mut self, id: &CheckId, why: &str, now: Timestamp) -> Option<(IncidentChange, Incident)> {
        let mut incident = self.open.remove(id)?;
        self.absent.remove(id);
        self.by_value.remove(id);
        incident.state = IncidentState::Resolved;
        incident.updated_at = now;
        incident.resolved_at = Some(now);
        if incident.evidence.len() < EVIDENCE_PIECES_MAX {
            incident.evidence.push(format!("resolved: {why}"));
        }
        if self.recent.len() == RECENT_INCIDENTS_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(incident.clone());
        Some((IncidentChange::Resolved, incident))
    }
}

/// A milder fault does not explain a worse one: a slow API is no reason for sessions that fail.
fn explained(reading: &Reading, all: &[Reading]) -> bool {
    cause::of(reading, all).any(|cause| is_bad(cause) && cause.health >= reading.health)
}

/// Whether this reading was measured before the check that it depends on was good again: then it says
/// nothing of now.
fn outdated(reading: &Reading, all: &[Reading]) -> bool {
    let cause = reading.cause.as_ref().and_then(|cause| all.iter().find(|r| r.id == *cause));
    cause.is_some_and(|cause| cause.since > reading.at)
}

fn truth_of<'a>(reading: &Reading, truths: &'a [ServerTruth]) -> Option<&'a ServerTruth> {
    (reading.id.question() == "truth").then(|| truths.iter().find(|t| crate::check::truth_id(&t.name) == reading.id))?
}

/// What was seen; for a server the verdict stands beside it as the incident's kind.
fn summary(reading: &Reading, truth: Option<&ServerTruth>) -> String {
    truth.map_or_else(|| reading.summary.clone(), |truth| truth.reason.clone())
}

/// The verdict for a server, or what it honestly is; else the check's question.
fn kind(reading: &Reading, truth: Option<&ServerTruth>) -> String {
    let Some(truth) = truth else { return reading.id.question().to_owned() };
    match (truth.verdict, &truth.claim) {
        (Verdict::Agrees, Some(claim @ (ClaimStatus::Unauthorized | ClaimStatus::Connecting))) => claim.as_str().to_owned(),
        (Verdict::Agrees, None) if truth.health == Health::Degraded => "degraded".to_owned(),
        (Verdict::Agrees | Verdict::Unknown, _) => "down".to_owned(),
        (verdict, _) => verdict.as_str().to_owned(),
    }
}
