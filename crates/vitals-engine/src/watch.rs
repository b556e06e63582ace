//! The engine: one loop, one place where the world is awaited ([`Engine::select`]), and the carrying
//! out of effects. Probes run as tasks of their own, so none delays another or the loop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use vitals_judge::event::{Effect, Event, Memory, Record as Kept};
use vitals_judge::monitor::Monitor;
use vitals_model::check::Probe;
use vitals_model::config::Settings;
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::limits::EVENT_QUEUE_MAX;
use vitals_model::snapshot::Snapshot;
use vitals_model::target::{Target, TargetId};
use vitals_probe::clock;
use vitals_probe::discover::{self, Wanted};
use vitals_probe::hands::{Hands, Happened, Held, Manner, Surroundings};
use vitals_probe::task::Task;

use crate::export::Classic;
use crate::schedule::Timetable;
use crate::store::{Record, Store};

/// How often time alone is judged: incidents that wait out their patience, readings that grow old.
const TICK: Duration = Duration::from_secs(1);

/// How often faces get a new snapshot at most; four times a second is as often as a person can read.
const PUBLISH_EVERY: Duration = Duration::from_millis(250);

/// How long closing everything may take at the end.
const END_MAX: Duration = Duration::from_secs(8);

/// What faces and signals ask of the loop.
#[derive(Clone, Debug)]
pub enum Control {
    /// Run every probe now.
    CheckNow,
    /// Use these settings from now on.
    Reload(Box<Settings>),
    /// End.
    Stop,
}

/// Where the loop speaks to.
pub struct Faces {
    /// Every new snapshot.
    pub snapshot: watch::Sender<Arc<Snapshot>>,
    /// Every change of an incident. Must not block.
    pub tell: Tell,
}

/// Hears of every change of an incident.
pub type Tell = Box<dyn FnMut(IncidentChange, &Incident) + Send>;

/// Where history goes.
pub enum History {
    /// Into this store.
    Kept(Store),
    /// Nowhere, as asked.
    Off,
    /// Nowhere, because the store cannot be opened: watching goes on, what is lost is counted.
    Lost {
        /// Why.
        error: String,
        /// Records lost so far.
        records: u64,
    },
}

impl History {
    fn put(&mut self, record: Record) {
        match self {
            Self::Kept(store) => store.put(record),
            Self::Off => {}
            Self::Lost { records, .. } => *records += 1,
        }
    }

    fn health(&self) -> Event {
        match self {
            Self::Kept(store) => {
                let health = store.health();
                Event::StoreHealth { error: health.error, lost: health.lost }
            }
            Self::Off => Event::StoreHealth { error: None, lost: 0 },
            Self::Lost { error, records } => Event::StoreHealth { error: Some(error.clone()), lost: *records },
        }
    }
}

/// What a watch came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The last snapshot.
    pub last: Arc<Snapshot>,
    /// Incidents opened.
    pub opened: u64,
    /// Incidents resolved.
    pub resolved: u64,
    /// MCP sessions opened.
    pub sessions: u64,
}

/// One watched target with its hands.
struct Rig {
    hands: Arc<Hands>,
    held: Held,
    table: Timetable,
    running: BTreeMap<Probe, Task>,
}

/// The loop.
pub struct Engine {
    settings: Settings,
    surroundings: Surroundings,
    wanted: Vec<Wanted>,
    monitor: Monitor,
    history: History,
    classic: Option<Classic>,
    rigs: BTreeMap<TargetId, Rig>,
    inbox: mpsc::Receiver<Happened>,
    outbox: mpsc::Sender<Happened>,
    faces: Faces,
    next_tick: Instant,
    next_discovery: Instant,
    next_publish: Instant,
    changed: bool,
    opened: u64,
    resolved: u64,
}

/// What the loop awaits.
enum Awaited {
    Happened(Happened),
    Control(Control),
    ProbesDue,
    Tick,
    Discovery,
    Publish,
    End,
}

impl Engine {
    /// An engine that will watch what is wanted, else all that is configured or discovered.
    pub fn new(
        settings: Settings,
        surroundings: Surroundings,
        wanted: Vec<Wanted>,
        memory: Memory,
        history: History,
        classic: Option<Classic>,
        faces: Faces,
    ) -> Self {
        let (outbox, inbox) = mpsc::channel(EVENT_QUEUE_MAX);
        let now = Instant::now();
        Self {
            monitor: Monitor::new(clock::now(), memory),
            settings,
            surroundings,
            wanted,
            history,
            classic,
            rigs: BTreeMap::new(),
            inbox,
            outbox,
            faces,
            next_tick: now + TICK,
            next_discovery: now,
            next_publish: now + PUBLISH_EVERY,
            changed: false,
            opened: 0,
            resolved: 0,
        }
    }

    /// Watches until told to stop or until `end`.
    pub async fn run(mut self, mut controls: mpsc::Receiver<Control>, end: Option<Instant>) -> Outcome {
        self.note("watch started");
        loop {
            match self.select(&mut controls, end).await {
                Awaited::Happened(happened) => self.happened(happened),
                Awaited::ProbesDue => self.start_due(),
                Awaited::Tick => self.tick(),
                Awaited::Discovery => self.discover(),
                Awaited::Publish => self.publish(),
                Awaited::Control(Control::CheckNow) => self.check_now(),
                Awaited::Control(Control::Reload(settings)) => self.reload(*settings),
                Awaited::Control(Control::Stop) | Awaited::End => break,
            }
        }
        self.finish().await
    }

    /// The only await on the world.
    async fn select(&mut self, controls: &mut mpsc::Receiver<Control>, end: Option<Instant>) -> Awaited {
        let far = Instant::now() + Duration::from_secs(86_400);
        let due = self.rigs.values().filter_map(|rig| rig.table.next()).min().unwrap_or(far);
        let publish = if self.changed { self.next_publish } else { far };
        tokio::select! {
            biased;
            control = controls.recv() => Awaited::Control(control.unwrap_or(Control::Stop)),
            () = tokio::time::sleep_until(end.unwrap_or(far)), if end.is_some() => Awaited::End,
            Some(happened) = self.inbox.recv() => Awaited::Happened(happened),
            () = tokio::time::sleep_until(due) => Awaited::ProbesDue,
            () = tokio::time::sleep_until(self.next_tick) => Awaited::Tick,
            () = tokio::time::sleep_until(self.next_discovery) => Awaited::Discovery,
            () = tokio::time::sleep_until(publish) => Awaited::Publish,
        }
    }

    fn happened(&mut self, happened: Happened) {
        match happened {
            Happened::Observed(observation) => {
                if let Some(rig) = self.rigs.get_mut(&observation.target) {
                    rig.held.follow(&observation);
                }
                self.apply(Event::Observed(observation));
            }
            Happened::Look(target, probe) => self.ask(&target, probe),
            Happened::Ended(target, probe) => {
                if let Some(rig) = self.rigs.get_mut(&target) {
                    rig.table.ended(probe);
                    rig.running.remove(&probe);
                }
            }
        }
    }

    fn apply(&mut self, event: Event) {
        let effects = self.monitor.apply(clock::now(), event);
        self.changed = true;
        for effect in effects {
            match effect {
                Effect::Check(target, probe) => self.ask(&target, probe),
                Effect::Keep(kept) => self.keep(kept),
                Effect::Tell(change, incident) => {
                    match change {
                        IncidentChange::Opened => self.opened += 1,
                        IncidentChange::Resolved => self.resolved += 1,
                        IncidentChange::Updated => {}
                    }
                    (self.faces.tell)(change, &incident);
                    // What people are told they should also see, at once.
                    self.next_publish = Instant::now();
                }
            }
        }
    }

    fn keep(&mut self, kept: Kept) {
        self.history.put(match kept {
            Kept::Sample(target, sample) => Record::Sample(target, sample),
            Kept::Incident(incident) => Record::Incident(Box::new(incident)),
            Kept::Tools(target, server, tools) => Record::Tools(target, server, tools),
        });
    }

    fn note(&mut self, text: &str) {
        self.history.put(Record::Note { at: clock::now(), text: text.to_owned() });
    }

    fn ask(&mut self, target: &TargetId, probe: Probe) {
        if let Some(rig) = self.rigs.get_mut(target) {
            rig.table.ask(probe, Instant::now());
        }
    }

    fn check_now(&mut self) {
        let now = Instant::now();
        for rig in self.rigs.values_mut() {
            for probe in [Probe::Workspace, Probe::Process, Probe::Api, Probe::Session, Probe::Log, Probe::Llm] {
                rig.table.ask(probe, now);
            }
        }
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        for (id, rig) in &mut self.rigs {
            for probe in rig.table.start_due(now) {
                let (hands, outbox, id) = (Arc::clone(&rig.hands), self.outbox.clone(), id.clone());
                let task = Task::spawn(async move {
                    if let Some(observation) = hands.run(probe).await {
                        let _ = outbox.send(Happened::Observed(observation)).await;
                    }
                    let _ = outbox.send(Happened::Ended(id, probe)).await;
                });
                rig.running.insert(probe, task);
            }
        }
    }

    fn tick(&mut self) {
        self.next_tick = Instant::now() + TICK;
        let dropped: u64 = self.rigs.values().map(|rig| rig.hands.take_dropped()).sum();
        if dropped > 0 {
            self.apply(Event::Dropped(dropped));
        }
        self.apply(self.history.health());
        self.apply(Event::Tick);
        if let Some(classic) = &mut self.classic {
            let snapshot = self.monitor.snapshot(clock::now());
            classic.write_due(&snapshot);
        }
    }

    fn discover(&mut self) {
        self.next_discovery = Instant::now() + self.settings.defaults.schedule.discovery;
        let found = discover::find(&self.settings, &self.surroundings, &self.wanted);
        for target in found.targets {
            match self.rigs.get(&target.id) {
                Some(rig) if rig.hands.target().address == target.address && rig.hands.target().settings == target.settings => {}
                _ => self.watch(target),
            }
        }
    }

    fn watch(&mut self, target: Target) {
        let id = target.id.clone();
        let schedule = target.settings.schedule.clone();
        self.apply(Event::Watch(target.clone()));
        let hands = Arc::new(Hands::new(target, &self.surroundings, Manner::Held));
        let held = Held::begin(Arc::clone(&hands), self.outbox.clone());
        let rig = Rig { hands, held, table: Timetable::new(schedule, Instant::now()), running: BTreeMap::new() };
        self.rigs.insert(id, rig);
    }

    fn reload(&mut self, settings: Settings) {
        self.note("configuration reloaded");
        self.settings = settings;
        let found = discover::find(&self.settings, &self.surroundings, &self.wanted);
        let gone: Vec<_> = self.rigs.keys().filter(|id| found.targets.iter().all(|t| t.id != **id)).cloned().collect();
        for id in gone {
            self.rigs.remove(&id);
            self.apply(Event::Forget(id));
        }
        self.discover();
    }

    fn publish(&mut self) {
        self.changed = false;
        self.next_publish = Instant::now() + PUBLISH_EVERY;
        self.faces.snapshot.send_replace(self.monitor.snapshot(clock::now()));
    }

    /// Closes what is held, the store last.
    async fn finish(mut self) -> Outcome {
        self.publish();
        let mut sessions = 0;
        for rig in std::mem::take(&mut self.rigs).into_values() {
            drop(rig.running);
            if let Ok(Some(cost)) = tokio::time::timeout(END_MAX, rig.held.end()).await {
                sessions += cost.sessions;
            }
        }
        self.note("watch stopped");
        self.apply(self.history.health());
        let last: Arc<Snapshot> = self.monitor.snapshot(clock::now());
        if let History::Kept(store) = self.history {
            store.close();
        }
        Outcome { last, opened: self.opened, resolved: self.resolved, sessions }
    }
}
