//! The monitor: all the state there is. Events go in with the time, effects come out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use vitals_model::check::{CheckId, Probe};
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::limits::TREND_POINTS_MAX;
use vitals_model::observation::{ExitRole, Observation, ProcessSeen, RunState, Seen, StreamNote, StreamSeen};
use vitals_model::reading::{Health, Reading, Sample, Standing};
use vitals_model::snapshot::{Snapshot, TargetState};
use vitals_model::target::{Target, TargetId};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::verdict::{ServerTruth, Verdict};

use crate::check::{self, Scene};
use crate::detect::{self, Evidence};
use crate::event::{Effect, Event, Memory, Record};
use crate::facts::Facts;
use crate::incident::Ledger;
use crate::own::Own;
use crate::truth;

/// How many intervals a probe may be silent before what it last saw is too old to believe.
const STALE_INTERVALS: u32 = 3;

/// How long a drifted tool list is shown before it counts as the known one.
const DRIFT_SHOWN: Duration = Duration::from_secs(3600);

/// The window of the detectors while watching, and of the level counts that faces show.
const LIVE_WINDOW: Duration = Duration::from_secs(3600);

/// One watched target.
#[derive(Debug)]
struct Watched {
    target: Target,
    facts: Facts,
    truths: Vec<ServerTruth>,
    readings: Vec<Reading>,
    ledger: Ledger,
    trends: BTreeMap<CheckId, VecDeque<f64>>,
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
                self.targets.remove(&id);
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
        let open = self.memory.open.iter().filter(|i| i.target == id).cloned();
        let mut facts = Facts::default();
        facts.tools_before =
            self.memory.tools.iter().filter(|(of, _, _)| *of == id).map(|(_, s, t)| (s.clone(), t.clone())).collect();
        let watched = Watched {
            ledger: Ledger::with_open(open),
            target,
            facts,
            truths: Vec::new(),
            readings: Vec::new(),
            trends: BTreeMap::new(),
            drifted_since: BTreeMap::new(),
        };
        self.targets.insert(id, watched);
    }

    fn observed(&mut self, now: Timestamp, observation: &Observation) -> Vec<Effect> {
        let Some(watched) = self.targets.get_mut(&observation.target) else { return Vec::new() };
        if observation.seen.probe().is_some() {
            self.own.state.probes += 1;
        }
        watched.facts.take(observation);
        let mut effects = watched.follow_up(observation);
        effects.extend(watched.rejudge(now, &mut self.memory.last_incident));
        effects.extend(watched.samples(observation));
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

    /// What detectors look at for one target, from the live window alone.
    pub fn evidence(&self, target: &TargetId, now: Timestamp) -> Option<Evidence> {
        self.targets.get(target).map(|watched| watched.evidence(now))
    }
}

impl Watched {
    /// What to look at again at once because of what was just seen.
    fn follow_up(&self, observation: &Observation) -> Vec<Effect> {
        let probes: &[Probe] = match &observation.seen {
            Seen::Exit(exit) => match exit.role {
                ExitRole::Hub => &[Probe::Process, Probe::Workspace, Probe::Api],
                ExitRole::Child { .. } => &[Probe::Api, Probe::Session, Probe::Process],
            },
            Seen::Stream(StreamSeen::Lost(_)) => &[Probe::Process, Probe::Api],
            Seen::Stream(StreamSeen::Notes { notes, .. })
                if notes.iter().any(|n| matches!(n, StreamNote::Changed(_) | StreamNote::Turn(_))) =>
            {
                &[Probe::Api, Probe::Process, Probe::Session]
            }
            // What was seen bad by looking may be over when it is heard again.
            Seen::Stream(StreamSeen::Notes { .. }) if self.is_bad(&check::process_id()) || self.is_bad(&check::api_id()) => {
                &[Probe::Process, Probe::Api]
            }
            Seen::Session(_) if self.answers_though_stopped() => &[Probe::Process],
            // The loop rests between two runs of a probe for longer than a hub takes to settle.
            Seen::Api(_) | Seen::Process(_) if self.facts.servers().iter().any(|s| !truth::is_settled(&self.facts, &s.name)) => {
                &[Probe::Api, Probe::Process, Probe::Session]
            }
            Seen::Stream(StreamSeen::Opened { .. }) => &[Probe::Workspace, Probe::Process, Probe::Api, Probe::Session],
            // A server that is bad now may be good again: do not wait a minute to see it. A stopped
            // child or a zero uptime wants a call to tell what it means.
            Seen::Process(_) if self.wants_call() => &[Probe::Session],
            _ => &[],
        };
        probes.iter().map(|probe| Effect::Check(self.target.id.clone(), *probe)).collect()
    }

    fn is_bad(&self, id: &CheckId) -> bool {
        self.readings.iter().any(|r| r.id == *id && r.health != Health::Healthy)
    }

    fn answers_though_stopped(&self) -> bool {
        let answered = |server| matches!(self.facts.call(server), Some((call, _)) if matches!(call.answer, Some(Ok(_))));
        self.truths.iter().any(|t| {
            let stopped = truth::child(&self.facts, &t.name).is_some_and(|c| c.state == RunState::Stopped);
            stopped && answered(&t.name)
        })
    }

    fn wants_call(&self) -> bool {
        let stopped = match self.facts.process.as_ref().map(|p| &p.seen) {
            Some(ProcessSeen::Alive(process)) => {
                process.children.iter().any(|c| c.state == RunState::Stopped || c.state == RunState::Zombie)
            }
            _ => false,
        };
        let bad = self
            .truths
            .iter()
            .any(|t| matches!(t.health, Health::Failing | Health::Unknown) && t.verdict != Verdict::ExpectedDown);
        stopped || bad || !self.facts.zero_uptime.is_empty()
    }

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
                reading.since = before.since;
            }
        }
        self.readings = readings;
        let mut next_id = || {
            *last_incident += 1;
            *last_incident
        };
        let changes = self.ledger.update(&self.target.id, &self.readings, &self.truths, now, &mut next_id);
        changes.into_iter().flat_map(|(change, incident)| tell(change, incident)).collect()
    }

    /// A good reading that is too old is not known any more; a failure stays until something better
    /// is seen.
    fn age(&self, reading: &mut Reading, now: Timestamp) {
        let interval = match reading.id.question() {
            "key" | "latency" | "provider" => self.target.settings.schedule.llm,
            "call" | "tools" | "isolation" | "open" | "registered" if reading.id.as_str() != "meta-tool-clients/call" => {
                self.target.settings.schedule.session
            }
            // Rare or one-off measurements do not age.
            "call" | "list-changed" | "cleanup" | "storm" | "errors" | "stream" | "noise" => return,
            _ => self.target.settings.schedule.light,
        };
        let age = now.since(reading.at);
        if age > interval * STALE_INTERVALS && reading.health == Health::Healthy && reading.standing == Standing::Judged {
            reading.health = Health::Unknown;
            reading.summary = format!("not measured for {}; before that: {}", vitals_model::time::human(age), reading.summary);
        }
    }

    /// The samples that one observation adds to history: the readings that it answered.
    fn samples(&mut self, observation: &Observation) -> Vec<Effect> {
        let at = observation.at;
        let fresh: Vec<_> = self.readings.iter().filter(|r| r.at == at && r.standing != Standing::Advice).cloned().collect();
        let mut effects = Vec::with_capacity(fresh.len());
        for reading in fresh {
            if let Some(value) = reading.value {
                let trend = self.trends.entry(reading.id.clone()).or_default();
                if trend.len() == TREND_POINTS_MAX {
                    trend.pop_front();
                }
                trend.push_back(value);
            }
            let sample = Sample { id: reading.id, at, health: reading.health, value: reading.value };
            effects.push(self.keep(sample));
        }
        effects.extend(self.series(observation).into_iter().map(|sample| self.keep(sample)));
        effects
    }

    fn keep(&self, sample: Sample) -> Effect {
        Effect::Keep(Record::Sample(self.target.id.clone(), sample))
    }

    /// Series that only reports use: log records per level, turns of servers, memory in percent.
    fn series(&self, observation: &Observation) -> Vec<Sample> {
        let at = observation.at;
        let sample = |id: CheckId, value: f64| Sample { id, at, health: Health::Healthy, value: Some(value) };
        let mut samples = Vec::new();
        match &observation.seen {
            Seen::Log(log) if log.stretch.over.is_some() => {
                let mut sum = log.stretch.untimed;
                log.stretch.minutes.iter().for_each(|(_, counts)| sum.merge(counts));
                samples.extend(level_samples(&sum, sample));
            }
            Seen::Stream(StreamSeen::Notes { notes, .. }) if self.facts.file_levels.is_empty() => {
                let mut sum = vitals_model::observation::LevelCounts::default();
                for note in notes {
                    if let StreamNote::Log { level, .. } = note {
                        sum.add(*level, 1);
                    }
                }
                samples.extend(level_samples(&sum, sample));
            }
            _ => {}
        }
        samples
    }

    /// Which tool lists count as known: the first one seen, and a changed one after it was shown.
    fn settle_tools(&mut self, now: Timestamp, seen: &Seen) -> Vec<Effect> {
        if !matches!(seen, Seen::Api(_) | Seen::Session(_)) {
            return Vec::new();
        }
        let mut effects = Vec::new();
        for truth in &self.truths {
            let Some(tools) = truth::server_tools(&self.facts, &truth.name).filter(|t| !t.is_empty()) else { continue };
            let known = self.facts.tools_before.get(&truth.name);
            let changed = known.is_some_and(|before| !tools.change_since(before).is_empty());
            if changed {
                let since = *self.drifted_since.entry(truth.name.clone()).or_insert(now);
                if now.since(since) < DRIFT_SHOWN {
                    continue;
                }
            }
            self.drifted_since.remove(&truth.name);
            if known.is_none() || changed {
                effects.push(Effect::Keep(Record::Tools(self.target.id.clone(), truth.name.clone(), tools.clone())));
                self.facts.tools_before.insert(truth.name.clone(), tools);
            }
        }
        effects
    }

    fn evidence(&self, now: Timestamp) -> Evidence {
        let values =
            |point_question: &CheckId| self.trends.get(point_question).map(|t| t.iter().copied().collect()).unwrap_or_default();
        let of = |question: &str| CheckId::of_target(vitals_model::check::Point::HubServers, question);
        let levels = self.facts.levels();
        let log = self.facts.log.as_ref();
        Evidence {
            at: now,
            window: LIVE_WINDOW,
            errors: (!levels.is_empty() || self.facts.stream.last_heartbeat.is_some()).then(|| levels.errors().collect()),
            kinds: levels.kinds().iter().take(3).map(|k| format!("{} ×{}", k.code, k.count)).collect(),
            turns: self.facts.turns.iter().cloned().collect(),
            cpu: values(&of("cpu")),
            memory: values(&of("memory")),
            clients: values(&CheckId::of_target(vitals_model::check::Point::MetaToolClients, "clients")),
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

fn level_samples(counts: &vitals_model::observation::LevelCounts, sample: impl Fn(CheckId, f64) -> Sample) -> Vec<Sample> {
    vitals_model::observation::Level::ALL
        .into_iter()
        .filter(|level| counts.of(*level) > 0)
        .map(|level| sample(CheckId::from_stored(&format!("logging/lines/{}", level.as_str())), counts.of(level) as f64))
        .collect()
}
