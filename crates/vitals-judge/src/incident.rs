//! The ledger of incidents: when a bad reading becomes one, and when it is over.
//!
//! A reading opens an incident when it is judged, bad, not explained by another check that is as bad,
//! and has been bad for as long as its [`patience`] says. It is over when the reading is healthy again
//! for as long, or when there is nothing left to measure. Unknown neither opens nor resolves: what
//! cannot be seen has not ended.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use vitals_model::check::{CheckId, Point, Threshold};
use vitals_model::claim::{ClaimStatus, HubState};
use vitals_model::incident::{Incident, IncidentChange, IncidentState};
use vitals_model::limits::{EVIDENCE_PIECES_MAX, RECENT_INCIDENTS_MAX};
use vitals_model::observation::{FailureKind, LlmSeen, ProcessSeen};
use vitals_model::reading::{Health, Reading};
use vitals_model::target::Target;
use vitals_model::time::Timestamp;
use vitals_model::verdict::{ServerTruth, Verdict};

use crate::cause::{self, is_bad};
use crate::check::pace::{self, Pace};
use crate::facts::Facts;

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

/// A first look at what may be mended by itself within the moment: a stream that is opened again.
const A_MOMENT: Duration = Duration::from_millis(400);

/// A hub that ends in good order closes its port before it is gone.
const A_LOOK: Duration = Duration::from_secs(2);

/// A restart of a server takes 0.1 s to a few seconds.
const RESTART: Duration = Duration::from_secs(5);

/// When a hub that was asked has been given all its time for an answer, so much later that is known.
const THE_HUB_FIRST: Duration = Duration::from_secs(1);

/// Time to ask the LLM itself when the hub seems to get no good answer from it.
const THE_LLM_FIRST: Duration = Duration::from_secs(15);

/// The longest time between the two looks that a value beyond its threshold is given.
const TWO_LOOKS_MAX: Duration = Duration::from_secs(15);

/// CPU from which a hub does nothing else: half a core, which a restart of its servers does not take.
const SPINS_PERCENT: f64 = 50.0;

/// How long a hub may be at work: two default looks at its process. Collections of its heap shortly after one
/// another are still work.
const AT_WORK: Duration = Duration::from_secs(20);

/// How long a hub that was stopped in good order may take to be there again.
const HUB_RESTART: Duration = Duration::from_secs(10);

/// A value this near to its threshold is not far enough from it to end an incident for so long.
const NEAR_PERCENT: f64 = 10.0;
const NEAR_FOR: Duration = Duration::from_secs(3600);

/// A call or a list is made once more as soon as it failed; so much later than it may take, that is known.
const ONCE_MORE: Duration = Duration::from_secs(2);

/// The patience with one reading.
///
/// What has hard evidence (a process that ended, a call that failed, a count that was passed, a stream that
/// is cut while its hub goes on) does not wait. What may follow from the hub's own end, or from its LLM,
/// waits until that was looked at. A server that the hub itself reports as down may be in the middle of a
/// restart. Starting is no fault until it takes too long. A value beyond its threshold must be there at the
/// next look too; silence lasts by its own threshold.
pub fn patience(look: &Look<'_>, reading: &Reading, truth: Option<&ServerTruth>) -> Patience {
    let failing = reading.health == Health::Failing;
    let grace = look.target.settings.thresholds.start_grace;
    let is_connecting = truth.is_some_and(|t| t.verdict == Verdict::Agrees && t.claim == Some(ClaimStatus::Connecting));
    let wait = match (reading.id.server(), reading.id.question(), truth.map(|t| t.verdict)) {
        (None, "errors", _) if is_bad(reading) => Duration::ZERO,
        (None, "heartbeat", _) if is_bad(reading) => look.silence_of_before(reading),
        // A few percent of a core for a second or two are a hub at work: however often it is looked at,
        // they must last. One that spins need not.
        (None, "cpu", _) if is_bad(reading) && reading.value.is_some_and(|percent| percent < SPINS_PERCENT) => {
            return Patience { wait: look.pace(reading).max(AT_WORK), again: true };
        }
        // A heap that is filled and collected crosses its threshold again and again.
        _ if !is_bad(reading) && is_near(reading) => return Patience { wait: NEAR_FOR, again: true },
        _ if reading.threshold.is_some() => return Patience { wait: look.pace(reading), again: true },
        // The children of a hub that was killed take a moment to notice.
        (None, "orphans", _) => return Patience { wait: A_LOOK, again: true },
        (None, "stream", _) if look.goes_on_after(reading.at) => A_MOMENT,
        (None, "file", _) => A_MOMENT,
        (None, "fallback" | "call", _) if look.asks_an_llm() => THE_LLM_FIRST,
        (Some(server), "truth", Some(Verdict::Ghost | Verdict::Hung)) if look.flaps(server) => RESTART,
        (Some(_), "truth", Some(Verdict::Hung)) if truth.is_some_and(|t| look.may_be_the_hub(t)) => {
            look.target.settings.timeouts.request + THE_HUB_FIRST
        }
        // One call without an answer may be lost.
        (Some(_), "truth", Some(Verdict::Hung)) if truth.is_some_and(|t| look.rests_on_a_call(t)) => {
            look.target.settings.timeouts.call + ONCE_MORE
        }
        (Some(_), "flaps", _) | (Some(_), "truth", Some(Verdict::Ghost | Verdict::Hung)) => Duration::ZERO,
        (None, "process", _) if failing && look.ended_in_good_order() => HUB_RESTART,
        (None, "process", _) if failing => Duration::ZERO,
        // So may be a call that failed, a list that did not come, a question to the LLM that nobody else asked
        // in vain.
        (Some(_), "call", _) if reading.value.is_none() => return Patience { wait: RESTART, again: true },
        // A hub that has just started writes its record a little later.
        (None, "entry", _) => return Patience { wait: RESTART, again: true },
        (None, "tools", _) if crate::truth::is_list_lost(look.facts) => return Patience { wait: RESTART, again: true },
        (None, "key", _) if !failing && !look.has_fallen_back() => return Patience { wait: RESTART, again: true },
        (None, "api", _) if look.lost_an_answer() => return Patience { wait: A_LOOK, again: true },
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
    pub target: &'a Target,
    /// What is known of it.
    pub facts: &'a Facts,
    /// Its readings.
    pub readings: &'a [Reading],
    /// The truth about its servers.
    pub truths: &'a [ServerTruth],
    /// Now.
    pub now: Timestamp,
}

impl Look<'_> {
    /// Whether the target answers, so that what has no reading is not there.
    fn answers(&self) -> bool {
        self.facts.api.is_some() && self.facts.api_failure().is_none()
    }

    /// How long until this was measured again, within bounds.
    fn pace(&self, reading: &Reading) -> Duration {
        match pace::of(reading, self.target.address.kind(), &self.target.settings.schedule) {
            Pace::Every(interval) | Pace::Lasting(interval) => interval.min(TWO_LOOKS_MAX),
            Pace::Rare => TWO_LOOKS_MAX,
        }
    }

    /// Whether the hub was heard after `at`, and neither ends nor starts.
    fn goes_on_after(&self, at: Timestamp) -> bool {
        let state = self.facts.hub().and_then(|hub| hub.state.as_ref());
        let settles = matches!(
            state,
            Some(HubState::Starting | HubState::Restarting | HubState::Stopping | HubState::Stopped | HubState::Error)
        );
        let is_gone = self.facts.process.as_ref().is_some_and(|known| matches!(known.seen, ProcessSeen::Gone { .. }));
        self.answers() && !settles && !is_gone && self.facts.api.as_ref().is_some_and(|api| api.at > at)
    }

    /// How long a silence must go on that began before the hub itself was well again: the first heartbeat
    /// may be on its way.
    fn silence_of_before(&self, reading: &Reading) -> Duration {
        let bound = Duration::try_from_secs_f64(self.target.settings.thresholds.stream_silence_s.0).unwrap_or_default();
        let is_new = |cause: &Reading| self.now.since(cause.since) < bound;
        if cause::of(reading, self.readings).any(is_new) { bound } else { Duration::ZERO }
    }

    /// Whether the hub said that it stops, shortly before its process ended.
    fn ended_in_good_order(&self) -> bool {
        let ended =
            self.facts.process.as_ref().filter(|known| matches!(known.seen, ProcessSeen::Gone { .. })).map(|known| known.at);
        ended.zip(self.facts.stopping).is_some_and(|(ended, said)| ended.since(said) <= HUB_RESTART)
    }

    /// Whether the API's answer was cut off: one may be lost.
    fn lost_an_answer(&self) -> bool {
        self.facts.api_failure().is_some_and(|failure| failure.kind == FailureKind::Closed)
    }

    /// Whether a server behind a hub is hung only as far as calls tell.
    fn rests_on_a_call(&self, truth: &ServerTruth) -> bool {
        truth.claim.is_some() && !crate::truth::is_stopped(self.facts, &truth.name)
    }

    /// Whether the hub, too, had no use of its LLM lately.
    fn has_fallen_back(&self) -> bool {
        let shows =
            |r: &Reading| matches!((r.point, r.id.question()), (Point::HubLlm, "fallback") | (Point::MetaToolClients, "call"));
        self.readings.iter().any(|r| shows(r) && is_bad(r))
    }

    fn asks_an_llm(&self) -> bool {
        self.facts.llm.as_ref().is_some_and(|known| matches!(known.seen, LlmSeen::Asked { .. }))
    }

    fn flaps(&self, server: &str) -> bool {
        self.readings.iter().any(|r| r.id.server() == Some(server) && r.id.question() == "flaps" && is_bad(r))
    }

    fn may_be_the_hub(&self, truth: &ServerTruth) -> bool {
        truth.claim.is_some() && crate::truth::may_be_the_hub(self.facts, &truth.name)
    }
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

    /// Whether a check has an incident that lasts.
    pub fn is_open(&self, check: &CheckId) -> bool {
        self.open.contains_key(check)
    }

    /// Whether nothing lasts and nothing is waited for, so that time alone changes nothing.
    pub fn is_quiet(&self) -> bool {
        self.open.is_empty() && self.pending.is_empty() && self.absent.is_empty()
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
                (true, true) => self.worsen(look, reading, truth),
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
        if !self.is_due(reading, patience(&look, reading, truth), look.now) {
            return None;
        }
        let incident = Incident {
            id: next_id(),
            target: look.target.id.clone(),
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
    /// words, and a beginning recovery, are not news. A dead server is down, and the hub says so, while it is
    /// being restarted: that must last as long as it would to open.
    fn worsen(&mut self, look: Look<'_>, reading: &Reading, truth: Option<&ServerTruth>) -> Option<(IncidentChange, Incident)> {
        let now = look.now;
        let kind = kind(reading, truth);
        let incident = self.open.get(&reading.id)?;
        let worse = reading.health > incident.health;
        let is_admitted = truth.is_some_and(|truth| truth.verdict == Verdict::Agrees);
        let is_same = kind == incident.kind || reading.health < incident.health;
        if worse || is_same || !is_admitted {
            self.pending.remove(&reading.id);
        } else if !self.is_due(reading, patience(&look, reading, truth), now) {
            return None;
        }
        if is_same && !worse {
            return None;
        }
        let incident = self.open.get_mut(&reading.id)?;
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
            patience(&look, reading, truth)
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
        if !look.answers() {
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

/// Whether a good value is near its threshold.
fn is_near(reading: &Reading) -> bool {
    let part = NEAR_PERCENT / 100.0;
    reading.value.zip(reading.threshold).is_some_and(|(value, threshold)| match threshold {
        Threshold::Above(bound, _) => value > bound * (1.0 - part),
        Threshold::Below(bound, _) => value < bound * (1.0 + part),
    })
}

/// A milder fault does not explain a worse one: a slow API is no reason for sessions that fail.
fn explained(reading: &Reading, all: &[Reading]) -> bool {
    cause::of(reading, all).any(|cause| is_bad(cause) && cause.health >= reading.health)
}

/// Whether this reading was measured before one of the checks that it depends on was good again: then it
/// says nothing of now. A hub may be another one before its API was seen to fail.
fn outdated(reading: &Reading, all: &[Reading]) -> bool {
    cause::of(reading, all).any(|cause| cause.since > reading.at)
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
