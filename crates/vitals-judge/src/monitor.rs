//! The monitor: all the state there is. Events go in with the time, effects come out.

mod calm;
mod follow_up;
mod history;
mod judged;
mod orders;
mod own_guard;
mod repair;
mod routing;
mod touched;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use vitals_model::check::{CheckId, Point};
use vitals_model::incident::{Cause, IncidentChange};
use vitals_model::observation::Observation;
use vitals_model::quiet::{Maintenance, Window};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::{OwnState, RepairState, Snapshot, TargetState};
use vitals_model::target::{Target, TargetId, TargetKind};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::ToolSet;
use vitals_model::verdict::ServerTruth;

use crate::counting::Counting;
use crate::detect::{Evidence, Lookout};
use crate::event::{Effect, Event, Memory, Record};
use crate::facts::{Facts, Taken};
use crate::incident::Ledger;
use crate::own::Own;
use crate::reach::{self, Reach};
use crate::remedy::{Repairs, Spares};
use crate::route::Router;
use judged::{Judged, Touched};
use repair::Whose;

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
    judged: Judged,
    pub(crate) ledger: Ledger,
    counting: Counting,
    drifted_since: BTreeMap<Text, Timestamp>,
    /// How far the latest look came.
    reach: Reach,
    /// Our own incident that explains what is wrong with it.
    pub(crate) shield: Option<Cause>,
    /// The windows of maintenance that hold, and the minute of which that is so.
    pub(crate) windows: (Vec<Window>, Timestamp),
    lookout: Lookout,
    /// Whether the evidence about every server was old enough when that was last asked.
    are_settled: bool,
    /// What people need not hear of because it is repaired first.
    pub(crate) spares: Spares,
    /// Tools that count as known from the next event on, and since when.
    settled: Vec<(Text, ToolSet, Timestamp)>,
    /// Until when nothing changes by time alone, and the latest tick that was not judged for that.
    calm_until: Option<Timestamp>,
    calm_at: Option<Timestamp>,
}

/// Whether what cannot have changed is judged all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Thrift {
    /// It is not.
    Thrifty,
    /// It is: what the tests hold the other way against.
    Lavish,
}

/// All state of judgement.
#[derive(Debug)]
pub struct Monitor {
    targets: BTreeMap<TargetId, Watched>,
    memory: Memory,
    began_at: Timestamp,
    pub(crate) own: Own,
    pub(crate) repairs: Repairs,
    thrift: Thrift,
    router: Router,
    /// Targets that are not watched any more: what lasted of them is over for those who were told.
    forgotten: BTreeSet<TargetId>,
}

impl Monitor {
    /// A monitor that begins now and remembers what the one before it left.
    pub fn new(began_at: Timestamp, mut memory: Memory) -> Self {
        let repairs = Repairs::restored(std::mem::take(&mut memory.actions), memory.last_action, began_at);
        let own = Own::restored(&memory.incidents, memory.silences.clone());
        let router = Router::remembering(memory.last_notice, &memory.posted);
        let (targets, forgotten) = (BTreeMap::new(), BTreeSet::new());
        Self { targets, own, repairs, memory, began_at, thrift: Thrift::Thrifty, router, forgotten }
    }

    /// Judges everything at each event, or what it can have changed.
    #[must_use]
    pub fn with(mut self, thrift: Thrift) -> Self {
        self.thrift = thrift;
        self
    }

    /// Leaves repair to the watch: a single look begins nothing.
    #[must_use]
    pub fn leaving_repair(mut self) -> Self {
        self.repairs.is_left = true;
        self
    }

    /// Takes in one event and says what is to be done.
    pub fn apply(&mut self, now: Timestamp, event: Event) -> Vec<Effect> {
        let whose = Whose::of(&event);
        let mut effects = self.take(now, event);
        effects.extend(self.repair(now, &whose));
        self.route(now, &mut effects);
        effects
    }

    fn take(&mut self, now: Timestamp, event: Event) -> Vec<Effect> {
        match event {
            Event::Watch(target) => {
                let id = target.id.clone();
                let is_new = !self.targets.contains_key(&id);
                self.watch(target);
                self.forgotten.remove(&id);
                // Only now are its labels known, which routes may ask for.
                if is_new { self.tell_of(now, &id, IncidentChange::Reminded) } else { Vec::new() }
            }
            Event::Forget(id) => {
                self.forget(&id);
                self.forgotten.insert(id.clone());
                self.tell_of(now, &id, IncidentChange::Resolved)
            }
            Event::LockFile(id, lock) => {
                let Some(watched) = self.targets.get_mut(&id) else { return Vec::new() };
                watched.begin(self.thrift);
                watched.facts.take_lock(lock, now);
                watched.follow_surfaces(now);
                watched.rejudge(now, Touched::EVERYTHING, &self.own.silences, &mut self.memory.last_incident)
            }
            Event::Observed(observation) => self.observed(now, observation),
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
            Event::Notices(notices) => self.follow_notices(now, notices),
            Event::Reported(report, to) => self.router.report(now, &report, &to),
            Event::Delivered(delivery) => {
                self.router.delivered(delivery);
                Vec::new()
            }
            Event::Acted(acted) => self.acted(now, &acted),
        }
    }

    /// A new target, or new settings or another address for a known one: what is known of it stays.
    fn watch(&mut self, target: Target) {
        if let Some(watched) = self.targets.get_mut(&target.id) {
            watched.target = target;
            watched.follow_schedule();
            watched.revoke();
            watched.windows.1 = Timestamp::default();
            return;
        }
        let id = target.id.clone();
        let incidents: Vec<_> = self.memory.incidents.extract_if(.., |incident| incident.target == id).collect();
        let tools = self.memory.tools.extract_if(.., |(of, _, _)| *of == id);
        let tokens = self.memory.tokens.extract_if(.., |(of, _, _)| *of == id);
        let facts = Facts::remembering(
            tools.map(|(_, server, set)| (server, set)).collect(),
            tokens.map(|(_, server, tokens)| (server, tokens)).collect(),
        );
        let lookout = self.memory.lookouts.extract_if(.., |(of, _)| *of == id).next().map(|(_, lookout)| lookout);
        let watched = Watched {
            ledger: Ledger::remembering(incidents),
            counting: Counting::default(),
            target,
            facts,
            judged: Judged::default(),
            drifted_since: BTreeMap::new(),
            reach: Reach::Unknown,
            shield: None,
            windows: (Vec::new(), Timestamp::default()),
            lookout: lookout.unwrap_or_default(),
            are_settled: false,
            spares: Spares::NONE,
            settled: Vec::new(),
            calm_until: None,
            calm_at: None,
        };
        self.targets.insert(id, watched);
    }

    /// What lasted is remembered, in case the target comes back.
    fn forget(&mut self, id: &TargetId) {
        let Some(mut watched) = self.targets.remove(id) else { return };
        watched.settle();
        self.memory.incidents.extend(watched.ledger.all());
        let surfaces = watched.facts.surfaces.into_all().into_iter();
        let usual = surfaces.filter_map(|(server, surface)| Some((id.clone(), server, surface.tokens.before()?)));
        self.memory.tokens.extend(usual);
        self.memory.lookouts.push((id.clone(), watched.lookout));
        self.memory
            .tools
            .extend(watched.facts.tools_before.into_all().into_iter().map(|(server, set)| (id.clone(), server, set)));
    }

    fn observed(&mut self, now: Timestamp, observation: Observation) -> Vec<Effect> {
        let (target, at) = (observation.target.clone(), observation.at);
        let Some(watched) = self.targets.get_mut(&target) else { return Vec::new() };
        if let Some(probe) = observation.seen.probe() {
            self.own.state.probes += 1;
            self.own.state.took.entry(probe).or_default().add(observation.took);
        }
        watched.begin(self.thrift);
        watched.counting.take(&observation, &watched.target.address);
        let taken = watched.facts.take(observation);
        let mut effects = Vec::new();
        if matches!(taken, Taken::Api(_) | Taken::Session(_)) {
            if !taken.is_figures() {
                watched.follow_surfaces(now);
            }
            watched.reach = reach::of(&watched.target.address, &watched.facts);
            effects = self.guard(now);
        }
        let Some(watched) = self.targets.get_mut(&target) else { return effects };
        let touched = watched.touched(now, &taken);
        effects.extend(watched.rejudge(now, touched, &self.own.silences, &mut self.memory.last_incident));
        effects.extend(watched.follow_up(&taken, at));
        effects.extend(watched.samples(now, &taken, at, touched.parts.and(touched::STREAM)));
        effects.extend(watched.settle_tools(now, &taken));
        effects
    }

    fn tick(&mut self, now: Timestamp) -> Vec<Effect> {
        let (last, silences) = (&mut self.memory.last_incident, &self.own.silences);
        let mut effects = Vec::new();
        for watched in self.targets.values_mut() {
            watched.begin(self.thrift);
            if watched.is_calm(now) {
                watched.calm_at = Some(now);
                watched.keep_windows(now);
            } else {
                effects.extend(watched.rejudge(now, Touched::NOTHING, silences, last));
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
        let state = |watched: &Watched| TargetState { repair: self.repairs.state(&watched.target.id), ..watched.state(now) };
        let targets = self.targets.values().map(|watched| Arc::new(state(watched))).collect();
        let own = OwnState { receivers: self.router.receivers().clone(), ..self.own.state.clone() };
        Arc::new(Snapshot { at: now, began_at: self.began_at, targets, own })
    }

    /// The tools of every server as they are now, to be kept by a single look: it shows a drift once, and
    /// the next look knows it. A watch keeps them by itself, after it has shown a drift for an hour.
    pub fn tools(&self) -> Vec<Record> {
        self.targets.values().flat_map(Watched::tools_now).collect()
    }

    /// What detectors look at for one target, from the live window alone.
    pub fn evidence(&self, target: &TargetId, now: Timestamp) -> Option<Evidence> {
        self.targets.get(target).map(|watched| watched.evidence(watched.in_words().0, now))
    }
}

impl Watched {
    /// What an event begins with.
    fn begin(&mut self, thrift: Thrift) {
        if self.settle() || thrift == Thrift::Lavish {
            self.revoke();
        }
    }

    /// Nothing that was judged stands any more.
    fn revoke(&mut self) {
        self.judged.revoke();
        self.calm_until = None;
    }

    /// Whether nothing changes by time alone until `now`.
    fn is_calm(&self, now: Timestamp) -> bool {
        self.calm_until.is_some_and(|until| now <= until)
    }

    /// Looks again at the tools of every server, where they or what they are compared with have changed.
    fn follow_surfaces(&mut self, now: Timestamp) {
        let servers: Vec<_> = match self.target.address.kind() {
            TargetKind::Hub => self.facts.servers().iter().map(|claim| claim.name.clone()).collect(),
            TargetKind::Server => vec![Text::new(self.target.id.as_str())],
        };
        self.facts.follow_surfaces(&servers, now);
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

    fn evidence(&self, truths: Vec<ServerTruth>, now: Timestamp) -> Evidence {
        let values =
            |check: &CheckId| self.judged.of(check).map(|(_, note)| note.trend.iter().copied().collect()).unwrap_or_default();
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
            truths,
            called: self.facts.calls.iter().filter_map(|(server, calls)| Some((server.clone(), calls.tool()?.clone()))).collect(),
            growth: self.facts.growth_per_hour(now),
            log_bytes: log.and_then(|known| known.seen.file.as_ref().ok()).map(|file| file.size),
            bad: self.bad(),
            room: self.facts.room(),
        }
    }

    fn state(&self, now: Timestamp) -> TargetState {
        let (servers, readings) = self.in_words();
        TargetState {
            target: self.target.clone(),
            health: health(&readings),
            score: crate::score::score(&readings),
            findings: self.findings(servers.clone(), now),
            tools: servers.iter().map(|truth| (truth.name.clone(), self.tools_of(&truth.name))).collect(),
            servers,
            readings,
            open: self.ledger.open(),
            recent: self.ledger.recent(),
            trends: self.judged.trends().map(|(id, values)| (id.clone(), values.iter().copied().collect())).collect(),
            claim: self.facts.hub().cloned(),
            filtering: self.facts.filtering().cloned(),
            levels: self.facts.levels().since(now.minus(LIVE_WINDOW)),
            levels_over: LIVE_WINDOW,
            log: self.facts.tail.iter().cloned().collect(),
            visit: self.facts.visit.as_ref().map(|known| known.seen.clone()).unwrap_or_default(),
            rss_bytes: self.facts.alive().map(|process| process.rss_bytes),
            tally: Arc::clone(&self.counting.tally),
            repair: RepairState::default(),
        }
    }
}

/// The health of a target: the worst known fault; without one, unknown when what says whether the
/// target and its servers live could not be measured. A detail that could not be measured hides
/// nothing and alarms nobody.
pub fn health(readings: &[Reading]) -> Health {
    let judged = || readings.iter().filter(|r| r.standing == Standing::Judged);
    let worst = judged().map(|r| r.health).filter(|h| *h != Health::Unknown).max();
    let vital = |r: &&Reading| matches!(r.id.question(), "process" | "api" | "truth" | "state");
    match worst {
        Some(Health::Healthy) if judged().filter(vital).any(|r| r.health == Health::Unknown) => Health::Unknown,
        Some(worst) => worst,
        None => Health::Unknown,
    }
}
