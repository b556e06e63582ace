//! The ledger of incidents of one target: it opens, worsens, folds, reopens and resolves them. Whether people
//! are told is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use vitals_model::check::{CheckId, Threshold};
use vitals_model::config::CheckPolicy;
use vitals_model::incident::{Cause, Handling, Incident, IncidentChange, IncidentState, Suppressed, Ties};
use vitals_model::limits::{EVIDENCE_PIECES_MAX, RECENT_INCIDENTS_MAX, SUPPRESSED_MAX};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::time::Timestamp;
use vitals_model::verdict::Verdict;

use super::streak::{Counts, Streak};
use super::{Look, Matter, Patience, RESTART, evidence};
use crate::cause::{self, is_bad};
use crate::event::Effect;
use crate::telling::{self, Hush};

/// How long a check must have had no reading, on a target that answers, before its incident is over.
const ABSENT: Duration = Duration::from_secs(3600);

/// The pace at which the states of a check are taken down that is looked at now and then.
const RARE: Duration = Duration::from_secs(60);

/// What became of an incident just now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// A change that people may want to hear of.
    Change(IncidentChange),
    /// Something to keep, and no news to anybody.
    Kept,
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
    /// What each judged check did lately.
    streaks: BTreeMap<CheckId, Streak>,
    /// Whether any of them flaps.
    is_flapping: bool,
    /// What was measured until then says nothing of now: we ourselves did not see.
    blind_until: Timestamp,
}

impl Ledger {
    /// A ledger with the incidents that an earlier monitor left open, or that ended lately.
    pub fn remembering(incidents: Vec<Incident>) -> Self {
        let (open, mut over): (Vec<_>, Vec<_>) = incidents.into_iter().partition(|i| i.state == IncidentState::Open);
        over.sort_by_key(|incident| (incident.resolved_at, incident.id));
        let recent = over.split_off(over.len().saturating_sub(RECENT_INCIDENTS_MAX));
        Self { open: open.into_iter().map(|i| (i.check.clone(), i)).collect(), recent: recent.into(), ..Self::default() }
    }

    /// Everything that another ledger would remember of this one.
    pub fn all(self) -> impl Iterator<Item = Incident> {
        self.recent.into_iter().chain(self.open.into_values())
    }

    /// Whether a check has an incident that lasts.
    pub fn is_open(&self, check: &CheckId) -> bool {
        self.open.contains_key(check)
    }

    /// Whether nothing lasts, flaps or is waited for, so that time alone changes nothing.
    pub fn is_quiet(&self) -> bool {
        self.open.is_empty() && self.pending.is_empty() && self.absent.is_empty() && !self.is_flapping
    }

    /// Whether a check has an incident that lasts, waits for one or for its end, or flaps.
    pub fn follows(&self, check: &CheckId) -> bool {
        let flaps = || self.is_flapping && self.streaks.get(check).is_some_and(|streak| streak.flapping);
        self.is_open(check) || self.pending.contains_key(check) || flaps()
    }

    /// Whether no incident lasts.
    pub fn is_all_over(&self) -> bool {
        self.open.is_empty()
    }

    /// The incident with this number, when it lasts.
    pub fn open_one(&self, id: u64) -> Option<&Incident> {
        self.open.values().find(|incident| incident.id == id)
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

    /// All that last or ended lately.
    pub fn known(&self) -> impl Iterator<Item = &Incident> {
        self.open.values().chain(&self.recent)
    }

    /// The incident with this number, when it lasts or ended lately.
    pub fn incident_mut(&mut self, id: u64) -> Option<&mut Incident> {
        self.open.values_mut().chain(&mut self.recent).find(|incident| incident.id == id)
    }

    /// Compares the readings of now with the incidents of before, and says whom to tell. Those in play are the bad ones,
    /// those that have changed since, and those that it [follows](Self::follows): another makes no difference. `next_id`
    /// gives a new incident's number.
    pub fn update(
        &mut self,
        look: Look<'_>,
        in_play: &[&Reading],
        hush: Hush<'_>,
        mut next_id: impl FnMut() -> u64,
    ) -> Vec<Effect> {
        let mut news = Vec::new();
        for reading in in_play {
            let matter = Matter::of(look, reading);
            news.extend(self.count(matter));
            news.extend(self.update_one(matter, &mut next_id));
        }
        let has_reading = |id: &CheckId| look.readings.iter().any(|r| r.id == *id);
        self.pending.retain(|id, _| has_reading(id));
        // There are as many as readings: to look through all of them at each event would be too much.
        if self.streaks.len() > look.readings.len() {
            let measured: BTreeSet<_> = look.readings.iter().map(|reading| &reading.id).collect();
            self.streaks.retain(|id, _| measured.contains(id));
        }
        self.is_flapping = self.streaks.values().any(|streak| streak.flapping);
        news.extend(self.resolve_absent(look));
        news.extend(self.tie(look));
        let mut effects: Vec<_> = news.into_iter().flat_map(|(news, id)| self.tell(news, id, hush)).collect();
        let reminder = look.target.settings.incidents.reminder;
        effects.extend(self.open.values_mut().flat_map(|incident| telling::due(incident, reminder, hush)));
        effects
    }

    fn update_one(&mut self, matter: Matter<'_>, next_id: &mut impl FnMut() -> u64) -> Option<(News, u64)> {
        let reading = matter.reading;
        match (self.open.contains_key(&reading.id), is_bad(reading)) {
            (false, true) if matter.may_open(self.blind_until) => self.open_when_due(matter, next_id),
            (true, true) => self.worsen(matter),
            (true, false) if reading.health != Health::Unknown => self.resolve_when_due(matter),
            _ => {
                self.pending.remove(&reading.id);
                None
            }
        }
    }

    fn tell(&mut self, news: News, id: u64, hush: Hush<'_>) -> Vec<Effect> {
        let Some(incident) = self.incident_mut(id) else { return Vec::new() };
        match news {
            News::Change(change) => telling::tell(incident, change, hush),
            News::Kept => vec![telling::keep(incident)],
        }
    }

    /// Counts a look, and marks the incident of a check that begins or ends to flap.
    fn count(&mut self, matter: Matter<'_>) -> Option<(News, u64)> {
        let Matter { look, reading, policy, .. } = matter;
        let is_judged = reading.standing == Standing::Judged;
        if !is_judged && !self.streaks.contains_key(&reading.id) && !self.is_open(&reading.id) {
            return None;
        }
        let streak = self.streaks.entry(reading.id.clone()).or_default();
        let usual = look.usual(reading);
        // What is not judged is nobody's trouble, whatever it says.
        let health = if is_judged || reading.health == Health::Unknown { reading.health } else { Health::Healthy };
        streak.count(counts(health, reading, policy), reading.at, usual);
        streak.follow(health, look.now, usual.unwrap_or(RARE), policy);
        let incident = self.open.get_mut(&reading.id).filter(|incident| incident.flapping != streak.flapping)?;
        incident.flapping = streak.flapping;
        incident.updated_at = look.now.max(incident.opened_at);
        if !streak.flapping {
            return Some((News::Kept, incident.id));
        }
        add(incident, flaps_since(look.now, streak));
        Some((News::Change(IncidentChange::Updated), incident.id))
    }

    /// Whether a state has lasted as long as its patience asks; remembers when waiting began.
    fn has_lasted(&mut self, reading: &Reading, patience: Patience, now: Timestamp) -> bool {
        let fresh = Pending { since: now, measured_at: reading.at };
        let pending = *self.pending.entry(reading.id.clone()).or_insert(fresh);
        let seen_again = !patience.again || reading.at > pending.measured_at;
        seen_again && now.since(pending.since) >= patience.wait
    }

    /// How bad a reading is as far as its policy goes: one failing look may be a warning yet.
    fn health_of(&self, reading: &Reading, policy: CheckPolicy) -> Health {
        let failing = self.streaks.get(&reading.id).map_or(0, |streak| streak.failing);
        if reading.health == Health::Failing && failing < policy.critical_after { Health::Degraded } else { reading.health }
    }

    fn open_when_due(&mut self, matter: Matter<'_>, next_id: &mut impl FnMut() -> u64) -> Option<(News, u64)> {
        let Matter { look, reading, policy, .. } = matter;
        let has_lasted = self.has_lasted(reading, matter.patience(), look.now);
        let bad = self.streaks.get(&reading.id).map_or(0, |streak| streak.bad);
        if !has_lasted || bad < policy.failures {
            return None;
        }
        self.pending.remove(&reading.id);
        let before = self.take_recent(look, &reading.id);
        let change = if before.is_some() { IncidentChange::Reopened } else { IncidentChange::Opened };
        let (worded, truth) = matter.in_words();
        let told = Matter { reading: &worded, truth: truth.as_ref(), ..matter };
        let mut incident = Incident {
            id: before.as_ref().map_or_else(next_id, |before| before.id),
            target: look.target.id.clone(),
            check: reading.id.clone(),
            kind: matter.kind(),
            health: self.health_of(reading, policy),
            state: IncidentState::Open,
            summary: told.summary(),
            evidence: evidence::of(&told),
            hint: worded.hint.clone(),
            opened_at: reading.since.min(look.now),
            updated_at: look.now,
            resolved_at: None,
            flapping: false,
            ties: Ties::default(),
            handling: Handling::default(),
        };
        if let Some(before) = before {
            incident.opened_at = before.opened_at;
            incident.updated_at = look.now.max(before.opened_at);
            incident.handling = before.handling;
            // It was over: whoever took care of it then is asked anew, and nobody has heard that it is back.
            incident.handling.acknowledged = None;
            incident.handling.told_at = None;
        }
        if let Some(streak) = self.streaks.get(&reading.id).filter(|streak| streak.flapping) {
            incident.flapping = true;
            add(&mut incident, flaps_since(look.now, streak));
        }
        if reading.threshold.is_some() {
            self.by_value.insert(reading.id.clone());
        }
        let id = incident.id;
        self.open.insert(reading.id.clone(), incident);
        Some((News::Change(change), id))
    }

    /// The incident of a check that ended so lately that this is still the same one.
    fn take_recent(&mut self, look: Look<'_>, check: &CheckId) -> Option<Incident> {
        let within = look.target.settings.incidents.reopen?;
        let is_it = |i: &Incident| i.check == *check && i.resolved_at.is_some_and(|at| look.now.since(at) <= within);
        let at = self.recent.iter().rposition(is_it)?;
        self.recent.remove(at)
    }

    /// An incident that grows worse, or turns into another kind as bad, is told again; other changes of
    /// words, and a beginning recovery, are not news. A dead server is down, and the hub says so, while it is
    /// being restarted: that must last as long as it would to open. What flaps is of one kind and another.
    fn worsen(&mut self, matter: Matter<'_>) -> Option<(News, u64)> {
        let Matter { reading, truth, policy, .. } = matter;
        let now = matter.look.now;
        let kind = matter.kind();
        let health = self.health_of(reading, policy);
        let incident = self.open.get(&reading.id)?;
        let worse = health > incident.health;
        let is_admitted = truth.is_some_and(|truth| truth.verdict == Verdict::Agrees);
        let is_same = kind == incident.kind || health < incident.health || incident.flapping;
        if worse || is_same || !is_admitted {
            self.pending.remove(&reading.id);
        } else if !self.has_lasted(reading, matter.patience(), now) {
            return None;
        }
        if is_same && !worse {
            return None;
        }
        self.pending.remove(&reading.id);
        let (worded, truth) = matter.in_words();
        let told = Matter { reading: &worded, truth: truth.as_ref(), ..matter };
        let incident = self.open.get_mut(&reading.id)?;
        incident.health = incident.health.max(health);
        incident.kind = kind;
        incident.summary = told.summary();
        incident.hint.clone_from(&worded.hint);
        incident.updated_at = now.max(incident.opened_at);
        for line in &worded.evidence {
            if !incident.evidence.contains(line) {
                add(incident, line.clone());
            }
        }
        Some((News::Change(IncidentChange::Updated), incident.id))
    }

    fn resolve_when_due(&mut self, matter: Matter<'_>) -> Option<(News, u64)> {
        let Matter { look, reading, policy, .. } = matter;
        let streak = self.streaks.get(&reading.id).copied().unwrap_or_default();
        if streak.flapping || streak.good < policy.successes {
            self.pending.remove(&reading.id);
            return None;
        }
        let patience =
            if self.by_value.contains(&reading.id) { matter.patience() } else { Patience { wait: Duration::ZERO, again: false } };
        if !self.has_lasted(reading, patience, look.now) {
            return None;
        }
        self.pending.remove(&reading.id);
        self.resolve(&reading.id, &matter.in_words().0.summary, look.now)
    }

    /// What is not there any more is not bad any more: a server that the hub does not list, at once; a
    /// check without a reading, after a while.
    fn resolve_absent(&mut self, look: Look<'_>) -> Vec<(News, u64)> {
        let has_reading = |id: &CheckId| look.readings.iter().any(|r| r.id == *id);
        self.absent.retain(|id, _| self.open.contains_key(id) && !has_reading(id));
        if !look.answers() {
            self.absent.clear();
            return Vec::new();
        }
        let missing: Vec<_> = self.open.keys().filter(|id| !has_reading(id)).cloned().collect();
        let mut news = Vec::new();
        for id in missing {
            let is_listed = look.truths.iter().any(|t| CheckId::of_server(&t.name, id.question()) == id);
            if id.server().is_some() && !is_listed {
                news.extend(self.resolve(&id, "the hub does not list this server any more", look.now));
            } else if look.now.since(*self.absent.entry(id.clone()).or_insert(look.now)) >= ABSENT {
                news.extend(self.resolve(&id, "not measured any more", look.now));
            }
        }
        news
    }

    fn resolve(&mut self, id: &CheckId, why: &str, now: Timestamp) -> Option<(News, u64)> {
        let mut incident = self.open.remove(id)?;
        self.absent.remove(id);
        self.by_value.remove(id);
        incident.state = IncidentState::Resolved;
        incident.flapping = false;
        incident.ties.follows = None;
        // A clock that was set back must not end it before it began.
        let now = now.max(incident.opened_at);
        incident.updated_at = now;
        incident.resolved_at = Some(now);
        incident.evidence.truncate(EVIDENCE_PIECES_MAX - 1);
        incident.evidence.push(format!("resolved: {why}"));
        if self.recent.len() == RECENT_INCIDENTS_MAX {
            self.recent.pop_front();
        }
        let number = incident.id;
        self.recent.push_back(incident);
        Some((News::Change(IncidentChange::Resolved), number))
    }

    /// Ties what follows from an incident to it: an incident that opened before its cause became known is
    /// marked, what has none is listed with the cause's.
    fn tie(&mut self, look: Look<'_>) -> Vec<(News, u64)> {
        let mut news = Vec::new();
        if self.open.is_empty() {
            return news;
        }
        let mut suppressed: BTreeMap<CheckId, Vec<Suppressed>> = BTreeMap::new();
        for reading in look.readings.iter().filter(|r| r.standing == Standing::Judged && r.health != Health::Healthy) {
            let root = self.root(reading, look.readings);
            let cause = look.shield.cloned().or_else(|| root.clone().map(|(cause, _)| cause));
            if let Some(incident) = self.open.get_mut(&reading.id) {
                let stays = cause.is_none() && (!is_bad(reading) || Matter::of(look, reading).is_outdated());
                if !stays && incident.ties.follows != cause {
                    incident.ties.follows = cause;
                    news.push((News::Kept, incident.id));
                }
            } else if let Some((_, check)) = root {
                let one = Suppressed { check: reading.id.clone(), health: reading.health, since: reading.since };
                suppressed.entry(check).or_default().push(one);
            }
        }
        for (check, found) in suppressed {
            if let Some(incident) = self.open.get_mut(&check)
                && list(&mut incident.ties, found)
            {
                news.push((News::Kept, incident.id));
            }
        }
        news
    }

    /// The incident furthest up the chain of causes that explains a reading, with its check.
    fn root(&self, reading: &Reading, all: &[Reading]) -> Option<(Cause, CheckId)> {
        let explains = |cause: &&Reading| {
            cause.id != reading.id && is_bad(cause) && (reading.health == Health::Unknown || cause.health >= reading.health)
        };
        let standing = |cause: &Reading| self.open.get(&cause.id).filter(|incident| incident.ties.follows.is_none());
        let incident = cause::of(reading, all).filter(explains).filter_map(standing).last()?;
        Some((Cause { incident: incident.id, check: incident.check.clone() }, incident.check.clone()))
    }

    /// From now on nothing opens for what was measured until `until`: we ourselves did not see.
    pub fn be_blind_until(&mut self, until: Timestamp) {
        self.blind_until = until;
    }

    /// Leaves out a gap of our own clock, of `ms` milliseconds, that ends `now`. What comes of the gap itself is
    /// over within the time of a restart.
    pub fn skip(&mut self, ms: i64, now: Timestamp) {
        for pending in self.pending.values_mut() {
            pending.since = pending.since.shifted(ms);
            pending.measured_at = pending.measured_at.shifted(ms);
        }
        self.absent.values_mut().for_each(|at| *at = at.shifted(ms));
        self.streaks.values_mut().for_each(|streak| streak.skip(ms));
        self.be_blind_until(now.plus(RESTART));
    }
}

/// Since when a check flaps, and why that is said.
fn flaps_since(now: Timestamp, streak: &Streak) -> String {
    format!("flapping since {now}: {:.0} % of its last 21 states were changes", streak.percent())
}

/// How a look counts.
fn counts(health: Health, reading: &Reading, policy: CheckPolicy) -> Counts {
    match health {
        Health::Failing => Counts::Failing,
        Health::Degraded => Counts::Degraded,
        Health::Healthy if is_near(reading, policy) => Counts::Nearly,
        Health::Healthy => Counts::Good,
        Health::Unknown => Counts::Nothing,
    }
}

/// Whether a good value is within the hysteresis of its threshold.
fn is_near(reading: &Reading, policy: CheckPolicy) -> bool {
    let part = f64::from(policy.hysteresis_percent) / 100.0;
    match (reading.value, reading.threshold) {
        _ if policy.hysteresis_percent == 0 => false,
        (Some(value), Some(Threshold::Above(degraded, _))) => value > degraded * (1.0 - part),
        (Some(value), Some(Threshold::Below(degraded, _))) => value < degraded * (1.0 + part),
        _ => false,
    }
}

/// Adds a piece of evidence, when there is room beside that of its end.
fn add(incident: &mut Incident, piece: String) {
    if incident.evidence.len() < EVIDENCE_PIECES_MAX - 1 {
        incident.evidence.push(piece);
    }
}

/// Adds what was found suppressed to what is listed already. Whether it is more than before.
fn list(ties: &mut Ties, found: Vec<Suppressed>) -> bool {
    let (mut is_more, mut left) = (false, 0);
    for one in found {
        if let Some(known) = ties.suppressed.iter_mut().find(|known| known.check == one.check) {
            is_more |= one.health > known.health;
            known.health = known.health.max(one.health);
        } else if ties.suppressed.len() < SUPPRESSED_MAX {
            ties.suppressed.push(one);
            is_more = true;
        } else {
            left += 1;
        }
    }
    is_more |= left > ties.suppressed_more;
    ties.suppressed_more = ties.suppressed_more.max(left);
    is_more
}
