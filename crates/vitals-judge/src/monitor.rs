//! The monitor: all the state there is. Events go in with the time, effects come out.

mod calm;
mod follow_up;
mod history;
mod orders;
mod own_guard;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use vitals_model::check::{CheckId, Point};
use vitals_model::incident::Cause;
use vitals_model::observation::{Observation, Seen};
use vitals_model::quiet::{Maintenance, Silence, Window};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::{Snapshot, TargetState};
use vitals_model::target::{Target, TargetId, TargetKind};
use vitals_model::text::Text;
use vitals_model::time::{Timestamp, human};
use vitals_model::verdict::ServerTruth;

use crate::check::pace::{self, Pace, STALE_INTERVALS};
use crate::check::{self, Scene};
use crate::counting::Counting;
use crate::detect::{Evidence, Lookout};
use crate::event::{Effect, Event, Memory, Record};
use crate::facts::Facts;
use crate::incident::{Ledger, Look};
use crate::own::Own;
use crate::reach::{self, Reach};
use crate::telling::Hush;

/// The window of the detectors while watching, and of the level counts that faces show.
const LIVE_WINDOW: Duration = Duration::from_secs(3600);

/// How long the last kept sample of a check without a reading is remembered: one that comes and goes is
/// kept at its usual pace too.
const KEPT_REMEMBERED: Duration = Duration::from_secs(60);

/// A minute of the clock.
const MINUTE: Duration = Duration::from_secs(60);

/// One watched target.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) target: Target,
    pub(crate) facts: Facts,
    pub(crate) truths: Vec<ServerTruth>,
    pub(crate) readings: Vec<Reading>,
    pub(crate) ledger: Ledger,
    counting: Counting,
    trends: BTreeMap<CheckId, VecDeque<f64>>,
    /// The last sample kept of each check.
    kept: BTreeMap<CheckId, (Timestamp, Health)>,
    drifted_since: BTreeMap<Text, Timestamp>,
    /// How far the latest look came.
    reach: Reach,
    /// Our own incident that explains what is wrong with it.
    pub(crate) shield: Option<Cause>,
    /// The windows of maintenance that hold, and the minute of which that is so.
    pub(crate) windows: (Vec<Window>, Timestamp),
    lookout: Lookout,
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
    pub(crate) own: Own,
    ticks: Ticks,
}

impl Monitor {
    /// A monitor that begins now and remembers what the one before it left.
    pub fn new(began_at: Timestamp, memory: Memory) -> Self {
        let own = Own::restored(&memory.open, memory.silences.clone());
        Self { targets: BTreeMap::new(), own, memory, began_at, ticks: Ticks::Needed }
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
            Event::LockFile(id, lock) => {
                let Some(watched) = self.targets.get_mut(&id) else { return Vec::new() };
                watched.facts.take_lock(lock, now);
                watched.follow_surfaces(now);
                watched.rejudge(now, &self.own.silences, &mut self.memory.last_incident)
            }
            Event::Observed(observation) => self.observed(now, &observation),
            Event::Tick => self.tick(now),
            Event::StoreHealth { error, lost } => {
                let last = &mut self.memory.last_incident;
                let next_id = || {
                    *last += 1;
                    *last
                };
                self.own.store_health(error, lost, now, next_id)
            }
            Event::Dropped(n) => {
                self.own.state.dropped += n;
                Vec::new()
            }
            Event::Gap(gap) => self.skip(now, gap),
            Event::Ordered(order) => self.ordered(now, order),
        }
    }

    /// A new target, or new settings or another address for a known one: what is known of it stays.
    fn watch(&mut self, target: Target) {
        if let Some(watched) = self.targets.get_mut(&target.id) {
            (watched.target, watched.calm_until) = (target, None);
            watched.windows.1 = Timestamp::default();
            return;
        }
        let id = target.id.clone();
        let open: Vec<_> = self.memory.open.extract_if(.., |incident| incident.target == id).collect();
        let tools = self.memory.tools.extract_if(.., |(of, _, _)| *of == id);
        let tokens = self.memory.tokens.extract_if(.., |(of, _, _)| *of == id);
        let facts = Facts::remembering(
            tools.map(|(_, server, set)| (server, set)).collect(),
            tokens.map(|(_, server, tokens)| (server, tokens)).collect(),
        );
        let lookout = self.memory.lookouts.extract_if(.., |(of, _)| *of == id).next().map(|(_, lookout)| lookout);
        let watched = Watched {
            ledger: Ledger::with_open(open),
            counting: Counting::default(),
            target,
            facts,
            truths: Vec::new(),
            readings: Vec::new(),
            trends: BTreeMap::new(),
            kept: BTreeMap::new(),
            drifted_since: BTreeMap::new(),
            reach: Reach::Unknown,
            shield: None,
            windows: (Vec::new(), Timestamp::default()),
            lookout: lookout.unwrap_or_default(),
            calm_until: None,
            calm_at: None,
        };
        self.targets.insert(id, watched);
    }

    /// What lasted is remembered, in case the target comes back.
    fn forget(&mut self, id: &TargetId) {
        let Some(watched) = self.targets.remove(id) else { return };
        self.memory.open.extend(watched.ledger.open());
        let surfaces = watched.facts.surfaces.into_iter();
        let usual = surfaces.filter_map(|(server, surface)| Some((id.clone(), server, surface.tokens.before()?)));
        self.memory.tokens.extend(usual);
        self.memory.lookouts.push((id.clone(), watched.lookout));
        self.memory.tools.extend(watched.facts.tools_before.into_iter().map(|(server, set)| (id.clone(), server, set)));
    }

    fn observed(&mut self, now: Timestamp, observation: &Observation) -> Vec<Effect> {
        let Some(watched) = self.targets.get_mut(&observation.target) else { return Vec::new() };
        if let Some(probe) = observation.seen.probe() {
            self.own.state.probes += 1;
            self.own.state.took.entry(probe).or_default().add(observation.took);
        }
        watched.facts.take(observation);
        watched.counting.take(observation, &watched.target.address);
        let mut effects = Vec::new();
        if matches!(observation.seen, Seen::Api(_) | Seen::Session(_)) {
            watched.follow_surfaces(now);
            watched.reach = reach::of(&watched.target.address, &watched.facts);
            effects = self.guard(now);
        }
        let Some(watched) = self.targets.get_mut(&observation.target) else { return effects };
        effects.extend(watched.rejudge(now, &self.own.silences, &mut self.memory.last_incident));
        effects.extend(watched.follow_up(observation));
        effects.extend(watched.samples(now, observation));
        effects.extend(watched.settle_tools(now, &observation.seen));
        effects
    }

    fn tick(&mut self, now: Timestamp) -> Vec<Effect> {
        let (last, silences) = (&mut self.memory.last_incident, &self.own.silences);
        let mut effects = Vec::new();
        for watched in self.targets.values_mut() {
            if self.ticks == Ticks::Needed && watched.calm_until.is_some_and(|until| now <= until) {
                watched.calm_at = Some(now);
                watched.keep_windows(now);
            } else {
                effects.extend(watched.rejudge(now, silences, last));
                watched.calm_until = watched.calm_until(now);
            }
        }
        self.own.show(now);
        effects
    }

    /// What is known of one target.
    pub(crate) fn watched(&self, target: &TargetId) -> Option<&Watched> {
        self.targets.get(target)
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
    /// Looks again at the tools of every server, where they or what they are compared with have changed.
    fn follow_surfaces(&mut self, now: Timestamp) {
        let servers: Vec<_> = match self.target.address.kind() {
            TargetKind::Hub => self.facts.servers().iter().map(|claim| claim.name.clone()).collect(),
            TargetKind::Server => vec![Text::new(self.target.id.as_str())],
        };
        self.facts.follow_surfaces(&servers, now);
    }

    /// Judges everything anew: truth, readings, incidents.
    fn rejudge(&mut self, now: Timestamp, silences: &[Silence], last_incident: &mut u64) -> Vec<Effect> {
        (self.calm_until, self.calm_at) = (None, None);
        (self.truths, self.readings) = self.judged(now);
        let measured: BTreeSet<_> = self.readings.iter().map(|r| &r.id).collect();
        let is_measured = |id: &CheckId| measured.contains(id);
        self.trends.retain(|id, _| is_measured(id));
        self.kept.retain(|id, (at, _)| is_measured(id) || now.since(*at) < KEPT_REMEMBERED);
        let last_before = *last_incident;
        let mut next_id = || {
            *last_incident += 1;
            *last_incident
        };
        self.keep_windows(now);
        let hush = Hush { silences, windows: &self.windows.0, now };
        let shield = self.shield.as_ref();
        let look = Look { target: &self.target, facts: &self.facts, readings: &self.readings, truths: &self.truths, shield, now };
        let effects = self.ledger.update(look, hush, &mut next_id);
        if *last_incident > last_before {
            let open = self.ledger.open();
            self.counting.take_opened(open.iter().filter(|incident| incident.id > last_before));
        }
        effects
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

    /// Finds the windows of maintenance that hold, once a minute: they begin and end with one.
    fn keep_windows(&mut self, now: Timestamp) {
        let minute = now.floor_to(MINUTE);
        if self.windows.1 == minute {
            return;
        }
        let window = |(name, window): (&String, &Maintenance)| {
            Some(Window { name: name.clone(), checks: window.checks.clone(), until: window.until(now)? })
        };
        self.windows = (self.target.settings.maintenance.iter().filter_map(window).collect(), minute);
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
            bad: self.bad(),
            room: self.facts.room(),
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
            findings: self.findings(now),
            trends: self.trends.iter().map(|(id, values)| (id.clone(), values.iter().copied().collect())).collect(),
            claim: self.facts.hub().cloned(),
            filtering: self.facts.filtering().cloned(),
            levels: self.facts.levels().since(now.minus(LIVE_WINDOW)),
            levels_over: LIVE_WINDOW,
            log: self.facts.tail.iter().cloned().collect(),
            visit: self.facts.visit.as_ref().map(|known| known.seen.clone()).unwrap_or_default(),
            rss_bytes: self.facts.alive().map(|process| process.rss_bytes),
            tally: Arc::clone(&self.counting.tally),
        }
    }
}

/// The health of a target: the worst known fault; without one, unknown when what says whether the
/// target and its servers live could not be measured. A detail that could not be measured hides
/// nothing and alarms nobody.
pub(crate) fn health(readings: &[Reading]) -> Health {
    let judged = || readings.iter().filter(|r| r.standing == Standing::Judged);
    let worst = judged().map(|r| r.health).filter(|h| *h != Health::Unknown).max();
    let vital = |r: &&Reading| matches!(r.id.question(), "process" | "api" | "truth" | "state");
    match worst {
        Some(Health::Healthy) if judged().filter(vital).any(|r| r.health == Health::Unknown) => Health::Unknown,
        Some(worst) => worst,
        None => Health::Unknown,
    }
}
