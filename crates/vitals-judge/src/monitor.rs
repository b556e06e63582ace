//! The monitor: all the state there is. Events go in with the time, effects come out.

mod follow_up;
mod history;

use std::collections::{BTreeMap, VecDeque};
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
}

/// All state of judgement.
#[derive(Debug)]
pub struct Monitor {
    targets: BTreeMap<TargetId, Watched>,
    memory: Memory,
    began_at: Timestamp,
    own: Own,
}

impl Monitor {
    /// A monitor that begins now and remembers what the one before it left.
    pub fn new(began_at: Timestamp, memory: Memory) -> Self {
        Self { targets: BTreeMap::new(), own: Own::restored(&memory.open), memory, began_at }
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
            watched.target = target;
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
        self.targets.values_mut().flat_map(|watched| watched.rejudge(now, last)).collect()
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
        let mut truths = check::truths(&self.target, &self.facts, now);
        for truth in &mut truths {
            if let Some(before) = self.truths.iter().find(|t| t.name == truth.name && t.verdict == truth.verdict) {
                truth.since = before.since;
            }
        }
        self.truths = truths;
        let scene = Scene { facts: &self.facts, settings: &self.target.settings, truths: &self.truths, now };
        let mut readings = check::all(&self.target, scene);
        for reading in &mut readings {
            self.age(reading, now);
            if let Some(before) = self.readings.iter().find(|r| r.id == reading.id && r.health == reading.health) {
                reading.since = before.since.min(reading.at);
            }
        }
        self.readings = readings;
        let is_measured = |id: &CheckId| self.readings.iter().any(|r| r.id == *id);
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

    fn state(&self, now: Timestamp) -> TargetState {
        TargetState {
            target: self.target.clone(),
            health: health(&self.readings),
            score: crate::score::score(&self.readings),
            servers: self.truths.clone(),
            readings: self.readings.clone(),
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
