//! The ledger of incidents: when a bad reading becomes one, and when it is over.
//!
//! A reading opens an incident when it is judged, bad, not explained by another bad check, and has
//! been bad for as long as its [`patience`] says. It is over when the reading is healthy again for as
//! long. Unknown neither opens nor resolves: what cannot be seen has not ended.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use vitals_model::check::CheckId;
use vitals_model::incident::{Incident, IncidentChange, IncidentState};
use vitals_model::limits::{EVIDENCE_PIECES_MAX, RECENT_INCIDENTS_MAX};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;
use vitals_model::verdict::{ServerTruth, Verdict};

/// How long a bad state must last before people hear of it, and a good one before it is over.
///
/// What has hard evidence (a process that ended, a call that failed) does not wait. A server that the
/// hub itself reports as down may be in the middle of a restart, which takes 0.1 s to a few seconds.
/// A value beyond its threshold must stay there for two light checks.
pub fn patience(reading: &Reading, truth: Option<&ServerTruth>) -> Duration {
    const RESTART: Duration = Duration::from_secs(5);
    const TWO_LOOKS: Duration = Duration::from_secs(15);
    match (reading.id.server(), reading.id.question(), truth.map(|t| t.verdict)) {
        (Some(_), "truth", Some(Verdict::Ghost | Verdict::Hung)) => Duration::ZERO,
        (None, "process" | "port" | "api" | "open", _) if reading.health == Health::Failing => Duration::ZERO,
        _ if reading.threshold.is_some() => TWO_LOOKS,
        _ => RESTART,
    }
}

/// All incidents of one target.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    open: BTreeMap<CheckId, Incident>,
    recent: VecDeque<Incident>,
    /// Since when a reading has been bad without an incident, or good with one.
    pending: BTreeMap<CheckId, Timestamp>,
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
    pub fn update(
        &mut self,
        target: &TargetId,
        readings: &[Reading],
        truths: &[ServerTruth],
        now: Timestamp,
        mut next_id: impl FnMut() -> u64,
    ) -> Vec<(IncidentChange, Incident)> {
        let bad: BTreeSet<_> = readings.iter().filter(|r| is_bad(r)).map(|r| r.id.clone()).collect();
        let mut changes = Vec::new();
        for reading in readings {
            let truth = truth_of(reading, truths);
            let change = match (self.open.contains_key(&reading.id), is_bad(reading)) {
                (false, true) if !explained(reading, &bad) && !outdated(reading, readings) => {
                    self.open_when_due(target, reading, truth, now, &mut next_id)
                }
                (true, true) => self.worsen(reading, truth, now),
                (true, false) if reading.health != Health::Unknown => self.resolve_when_due(reading, truth, now),
                _ => {
                    self.pending.remove(&reading.id);
                    None
                }
            };
            changes.extend(change);
        }
        changes
    }

    /// Whether `since` is long enough ago; remembers when waiting began.
    fn is_due(&mut self, id: &CheckId, wait: Duration, now: Timestamp) -> bool {
        let since = *self.pending.entry(id.clone()).or_insert(now);
        let due = now.since(since) >= wait;
        if due {
            self.pending.remove(id);
        }
        due
    }

    fn open_when_due(
        &mut self,
        target: &TargetId,
        reading: &Reading,
        truth: Option<&ServerTruth>,
        now: Timestamp,
        next_id: &mut impl FnMut() -> u64,
    ) -> Option<(IncidentChange, Incident)> {
        if !self.is_due(&reading.id, patience(reading, truth), now) {
            return None;
        }
        let incident = Incident {
            id: next_id(),
            target: target.clone(),
            check: reading.id.clone(),
            kind: kind(reading, truth),
            health: reading.health,
            state: IncidentState::Open,
            summary: reading.summary.clone(),
            evidence: reading.evidence.iter().take(EVIDENCE_PIECES_MAX).cloned().collect(),
            hint: reading.hint.clone(),
            opened_at: reading.since.min(now),
            updated_at: now,
            resolved_at: None,
        };
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
        incident.summary.clone_from(&reading.summary);
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
        reading: &Reading,
        truth: Option<&ServerTruth>,
        now: Timestamp,
    ) -> Option<(IncidentChange, Incident)> {
        let wait = if reading.threshold.is_some() { patience(reading, truth) } else { Duration::ZERO };
        if !self.is_due(&reading.id, wait, now) {
            return None;
        }
        let mut incident = self.open.remove(&reading.id)?;
        incident.state = IncidentState::Resolved;
        incident.updated_at = now;
        incident.resolved_at = Some(now);
        if incident.evidence.len() < EVIDENCE_PIECES_MAX {
            incident.evidence.push(format!("resolved: {}", reading.summary));
        }
        if self.recent.len() == RECENT_INCIDENTS_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(incident.clone());
        Some((IncidentChange::Resolved, incident))
    }
}

fn is_bad(reading: &Reading) -> bool {
    reading.standing == Standing::Judged && matches!(reading.health, Health::Degraded | Health::Failing)
}

fn explained(reading: &Reading, bad: &BTreeSet<CheckId>) -> bool {
    reading.cause.as_ref().is_some_and(|cause| bad.contains(cause))
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

/// The verdict for a server, else the check's question.
fn kind(reading: &Reading, truth: Option<&ServerTruth>) -> String {
    match truth.map(|t| t.verdict) {
        Some(Verdict::Agrees | Verdict::Unknown) => "down".to_owned(),
        Some(verdict) => verdict.as_str().to_owned(),
        None => reading.id.question().to_owned(),
    }
}
