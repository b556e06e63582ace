//! The monitor: all the state there is. Events go in with the time, effects come out.

mod calm;
mod follow_up;
mod history;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use vitals_model::check::{CheckId, Point};
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::observation::Observation;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::{Snapshot, TargetState};
use vitals_model::target::{Target, TargetId};
use vitals_model::text::Text;
use vitals_model::time::{Timestamp, human};
use vitals_model::verdict::ServerTruth;

use crate::check::pace::{self, Pace, STALE_INTERVALS};
use crate::check::{self, Scene};
use crate::detect::{self, Evidence};
use crate::event::{Effect, Event, Memory, Record};
use crate::facts::Facts;
use crate::incident::{Ledger, Look};
use crate::own::Own;

/// The window of the detectors while watching, and of the level counts that faces show.
const LIVE_WINDOW: Duration = Duration::from_secs(3600);

/// How long the last kept sample of a check without a reading is remembered: one that comes and goes is
/// kept at its usual pace too.
const KEPT_REMEMBERED: Duration = Duration::from_secs(60);

/// One watched target.
#[derive(Debug)]
struct Watched {
    target: Target,
    facts: Facts,
    truths: Vec<ServerTruth>,
    readings: Vec<Reading>,
    ledger: Ledger,
    trends: BTreeMap<CheckId, VecDeque<f64>>,
    /// The last sample kept of each check.
    kept: BTreeMap<CheckId, (Timestamp, Health)>,
    drifted_since: BTreeMap<Text, Timestamp>,
    /// Until when nothing changes by time alone, and the latest tick that was not judged for that.
    calm_until: Option<Timestamp>,
    calm_at: Option<Timestamp>,
}

/// Whether ticks on which nothing can change are judged all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ticks {
    /// They are not.
    Needed,
    /// They are: what the tests hold the other way against.
    All,
}

/// All state of judgement.
#[derive(Debug)]
pub struct Monitor {
    targets: BTreeMap<TargetId, Watched>,
    memory: Memory,
    began_at: Timestamp,
    own: Own,
    ticks: Ticks,
}

impl Monitor {
    /// A monitor that begins now and remembers what the one before it left.
    pub fn new(began_at: Timestamp, memory: Memory) -> Self {
        Self { targets: BTreeMap::new(), own: Own::restored(&memory.open), memory, began_at, ticks: Ticks::Needed }
    }

    /// Judges every tick, or those on which something can change.
    #[must_use]
    pub fn judging(mut self, ticks: Ticks) -> Self {
        self.ticks = ticks;
        self
    }

    /// Takes in one event and says what is to be done.
    pub fn apply(&mut self, now: Timestamp, event: Event) -> Vec<Effect> {
        match event {
            Event::Watch(target) => {
                self.watch(target);
                Vec::new()
            }
            Event::Forget(id) => {
                self.forget(&id);
                Vec::new()
            }
            Event::Observed(observation) => self.observed(now, &observation),
            Event::Tick => self.tick(now),
            Event::StoreHealth { error, lost } => {
                let last = &mut self.memory.last_incident;
                let next_id = || {
                    *last += 1;
                    *last
                };
                let change = self.own.store_health(error, lost, now, next_id);
                change.into_iter().flat_map(|(change, incident)| tell(change, incident)).collect()
            }
            Event::Dropped(n) => {
                self.own.state.dropped += n;
                Vec::new()
            }
        }
    }

    /// A new target, or new settings or another address for a known one: what is known of it stays.
    fn watch(&mut self, target: Target) {
        if let Some(watched) = self.targets.get_mut(&target.id) {
            (watched.target, watched.calm_until) = (target, None);
            return;
        }
        let id = target.id.clone();
        let open: Vec<_> = self.memory.open.extract_if(.., |incident| incident.target == id).collect();
        let tools = self.memory.tools.extract_if(.., |(of, _, _)| *of == id);
        let facts = Facts::remembering(tools.map(|(_, server, set)| (server, set)));
        let watched = Watched {
            ledger: Ledger::with_open(open),
            target,
            facts,
            truths: Vec::new(),
            readings: Vec::new(),
            trends: BTreeMap::new(),
            kept: BTreeMap::new(),
            drifted_since: BTreeMap::new(),
            calm_until: None,
            calm_at: None,
        };
        self.targets.insert(id, watched);
    }

    /// What lasted is remembered, in case the target comes back.
    fn forget(&mut self, id: &TargetId) {
        let Some(watched) = self.targets.remove(id) else { return };
        self.memory.open.extend(watched.ledger.open());
        self.memory.tools.extend(watched.facts.tools_before.into_iter().map(|(server, set)| (id.clone(), server, set)));
    }

    fn observed(&mut self, now: Timestamp, observation: &Observation) -> Vec<Effect> {
        let Some(watched) = self.targets.get_mut(&observation.target) else { return Vec::new() };
        if observation.seen.probe().is_some() {
            self.own.state.probes += 1;
        }
        watched.facts.take(observation);
        let mut effects = watched.rejudge(now, &mut self.memory.last_incident);
        effects.extend(watched.follow_up(observation));
        effects.extend(watched.samples(now, observation));
        effects.extend(watched.settle_tools(now, &observation.seen));
        effects
    }

    fn tick(&mut self, now: Timestamp) -> Vec<Effect> {
        let last = &mut self.memory.last_incident;
        let mut effects = Vec::new();
        for watched in self.targets.values_mut() {
            if self.ticks == Ticks::Needed && watched.calm_until.is_some_and(|until| now <= until) {
                watched.calm_at = Some(now);
            } else {
                effects.extend(watched.rejudge(now, last));
                watched.calm_until = watched.calm_until(now);
            }
        }
        effects
    }

    /// The state of everything, for faces.
    pub fn snapshot(&self, now: Timestamp) -> Arc<Snapshot> {
        let targets = self.targets.values().map(|watched| Arc::new(watched.state(now))).collect();
        Arc::new(Snapshot { at: now, began_at: self.began_at, targets, own: self.own.state.clone() })
    }

    /// The tools of every server as they are now, to be kept by a single look: it shows a drift once, and
    /// the next look knows it. A watch keeps them by itself, after it has shown a drift for an hour.
    pub fn tools(&self) -> Vec<Record> {
        self.targets.values().flat_map(Watched::tools_now).collect()
    }

    /// What detectors look at for one target, from the live window alone.
    pub fn evidence(&self, target: &TargetId, now: Timestamp) -> Option<Evidence> {
        self.targets.get(target).map(|watched| watched.evidence(now))
    }
}

impl Watched {
    /// Judges everything anew: truth, readings, incidents.
    fn rejudge(&mut self, now: Timestamp, last_incident: &mut u64) -> Vec<Effect> {
        (self.calm_until, self.calm_at) = (None, None);
        (self.truths, self.readings) = self.judged(now);
        let measured: BTreeSet<_> = self.readings.iter().map(|r| &r.id).collect();
        let is_measured = |id: &CheckId| measured.contains(id);
        self.trends.retain(|id, _| is_measured(id));
        self.kept.retain(|id, (at, _)| is_measured(id) || now.since(*at) < KEPT_REMEMBERED);
        let mut next_id = || {
            *last_incident += 1;
            *last_incident
        };
        let look = Look { target: &self.target, facts: &self.facts, readings: &self.readings, truths: &self.truths, now };
        let changes = self.ledger.update(look, &mut next_id);
        changes.into_iter().flat_map(|(change, incident)| tell(change, incident)).collect()
    }

    /// Truth and readings as of `now`, each since when it has been so.
    fn judged(&self, now: Timestamp) -> (Vec<ServerTruth>, Vec<Reading>) {
        let mut truths = check::truths(&self.target, &self.facts, now);
        for truth in &mut truths {
            if let Some(before) = self.truths.iter().find(|t| t.name == truth.name && t.verdict == truth.verdict) {
                truth.since = before.since;
            }
        }
        let scene = Scene { facts: &self.facts, settings: &self.target.settings, truths: &truths, now };
        let mut readings = check::all(&self.target, scene);
        for (n, reading) in readings.iter_mut().enumerate() {
            self.age(reading, now);
            // Most often the same checks come in the same order.
            let same_place = self.readings.get(n).filter(|r| r.id == reading.id);
            let before = same_place.or_else(|| self.readings.iter().find(|r| r.id == reading.id));
            if let Some(before) = before.filter(|before| before.health == reading.health) {
                reading.since = before.since.min(reading.at);
            }
        }
        (truths, readings)
    }

    /// A good reading that is too old is not known any more; a failure stays until something better
    /// is seen.
    fn age(&self, reading: &mut Reading, now: Timestamp) {
        let Pace::Every(interval) = pace::of(reading, self.target.address.kind(), &self.target.settings.schedule) else { return };
        let age = now.since(reading.at);
        if age > interval * STALE_INTERVALS && reading.health == Health::Healthy && reading.standing == Standing::Judged {
            reading.health = Health::Unknown;
            reading.summary = format!("not measured for {}; before that: {}", human(age), reading.summary);
        }
    }

    fn evidence(&self, now: Timestamp) -> Evidence {
        let values =
            |point_question: &CheckId| self.trends.get(point_question).map(|t| t.iter().copied().collect()).unwrap_or_default();
        let of = |question: &str| CheckId::of_target(Point::HubServers, question);
        let levels = self.facts.levels();
        let log = self.facts.log.as_ref();
        Evidence {
            at: now,
            window: LIVE_WINDOW,
            errors: (!levels.is_flat() && (!levels.is_empty() || self.facts.stream.last_heartbeat.is_some()))
                .then(|| levels.errors().collect()),
            kinds: levels.kinds().iter().take(3).map(|k| format!("{} ×{}", k.code, k.count)).collect(),
            turns: self.facts.turns.iter().cloned().collect(),
            untimed_over: self.facts.hub_started().map(|start| now.since(start)),
            cpu: values(&of("cpu")),
            memory: values(&of("memory")),
            clients: values(&CheckId::of_target(Point::MetaToolClients, "clients")),
            truths: self.truths.clone(),
            growth: self.facts.growth_per_hour(now),
            log_bytes: log.and_then(|known| known.seen.file.as_ref().ok()).map(|file| file.size),
        }
    }

    /// Ages and texts are those of the latest tick, also when that was not judged.
    fn state(&self, now: Timestamp) -> TargetState {
        let as_judged = || (self.truths.clone(), self.readings.clone());
        let (servers, readings) = self.calm_at.map_or_else(as_judged, |at| self.judged(at));
        TargetState {
            target: self.target.clone(),
            health: health(&readings),
            score: crate::score::score(&readings),
            servers,
            readings,
            open: self.ledger.open(),
            recent: self.ledger.recent(),
            findings: detect::all(&self.evidence(now), &self.target.settings.thresholds),
            trends: self.trends.iter().map(|(id, values)| (id.clone(), values.iter().copied().collect())).collect(),
            claim: self.facts.hub().cloned(),
            filtering: self.facts.filtering().cloned(),
            levels: self.facts.levels().since(now.minus(LIVE_WINDOW)),
            levels_over: LIVE_WINDOW,
            log: self.facts.tail.iter().cloned().collect(),
            visit: self.facts.visit.as_ref().map(|known| known.seen.clone()).unwrap_or_default(),
        }
    }
}

/// A change of an incident is kept and told.
fn tell(change: IncidentChange, incident: Incident) -> [Effect; 2] {
    [Effect::Keep(Record::Incident(incident.clone())), Effect::Tell(change, Box::new(incident))]
}

/// The health of a target: the worst known fault; without one, unknown when what says whether the
/// target and its servers live could not be measured. A detail that could not be measured hides
/// nothing and alarms nobody.
fn health(readings: &[Reading]) -> Health {
    let judged = || readings.iter().filter(|r| r.standing == Standing::Judged);
    let worst = judged().map(|r| r.health).filter(|h| *h != Health::Unknown).max();
    let vital = |r: &&Reading| matches!(r.id.question(), "process" | "api" | "truth" | "state");
    match worst {
        Some(Health::Healthy) if judged().filter(vital).any(|r| r.health == Health::Unknown) => Health::Unknown,
        Some(worst) => worst,
        None => Health::Unknown,
    }
}
