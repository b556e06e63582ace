//! The engine: one loop, one place where the world is awaited ([`Engine::select`]), and the carrying
//! out of effects. Probes run as tasks of their own, so none delays another or the loop.

mod keeping;
mod people;
mod targets;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;
use vitals_judge::event::{Effect, Event, Memory, Record as Kept};
use vitals_judge::monitor::Monitor;
use vitals_model::check::Probe;
use vitals_model::config::Settings;
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::limits::EVENT_QUEUE_MAX;
use vitals_model::notice::{DayReport, Delivery, Posted};
use vitals_model::observation::Observation;
use vitals_model::quiet::Order;
use vitals_model::snapshot::{Snapshot, Waiting};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;
use vitals_probe::clock::{self, Stopwatch};
use vitals_probe::discover::Wanted;
use vitals_probe::hands::{Hands, Happened, Held, Surroundings};

use crate::act::{self, Acting};
use crate::export::{Classic, Onward};
use crate::heartbeat::Heartbeat;
use crate::lockfile::Stamp;
use crate::notify::Post;
use crate::pulse::Pulse;
use crate::schedule::Timetable;
use crate::store::Record;
use crate::supervisor::Supervisor;

pub use keeping::History;

/// How often time alone is judged: incidents that wait out their patience, readings that grow old.
const TICK: Duration = Duration::from_secs(1);

/// How often faces get a new snapshot at most; four times a second is as often as a person can read.
const PUBLISH_EVERY: Duration = Duration::from_millis(250);

/// How long closing the sessions of one target may take; targets are closed side by side.
const END_MAX: Duration = Duration::from_secs(8);

/// What faces and signals ask of the loop.
pub enum Control {
    /// Run every probe now.
    CheckNow,
    /// What somebody asks about incidents.
    Order(Order),
    /// The report of a day was written: it goes to those whom the settings name.
    Report(Box<DayReport>),
    /// Looks at the monitor between two events. It must be quick.
    Peek(Peek),
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
    /// What is to be said about the watch itself. Must not block.
    pub say: Say,
}

/// Hears of every change of an incident.
pub type Tell = Box<dyn FnMut(IncidentChange, &Incident) + Send>;

/// What is asked of the monitor.
pub type Peek = Box<dyn FnOnce(&Monitor) + Send>;

/// Hears a line about the watch itself.
pub type Say = Box<dyn FnMut(&str) + Send>;

/// Looks anew at what is around us: a lab that starts later brings a registry that was not there.
pub type LookAround = Box<dyn Fn() -> Surroundings + Send>;

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
    /// The lock file as it was last read.
    lock: Option<Stamp>,
    hands: Arc<Hands>,
    held: Held,
    table: Timetable,
}

/// One run of a probe.
struct Run {
    target: TargetId,
    probe: Probe,
    abort: AbortHandle,
}

/// The loop.
pub struct Engine {
    settings: Settings,
    surroundings: Surroundings,
    look_around: Option<LookAround>,
    wanted: Vec<Wanted>,
    monitor: Monitor,
    history: History,
    classic: Option<Classic>,
    onward: Option<Onward>,
    rigs: BTreeMap<TargetId, Rig>,
    /// The probes under way: at most one of each kind per target. They end with the engine.
    probing: JoinSet<Option<Observation>>,
    runs: HashMap<Id, Run>,
    /// The actions that are carried out: at most one per target.
    acting: Acting,
    /// Targets that are not watched any more, while their sessions are closed: each says how many it had.
    closing: JoinSet<u64>,
    inbox: mpsc::Receiver<Happened>,
    outbox: mpsc::Sender<Happened>,
    post: Box<Post>,
    heartbeat: Option<Heartbeat>,
    supervisor: Option<Supervisor>,
    /// What the watch before this one posted, until this one runs.
    posted: Vec<Posted>,
    faces: Faces,
    /// When the loop last went on, by both clocks.
    pulse: (Pulse, Stopwatch),
    next_tick: Instant,
    next_discovery: Instant,
    next_publish: Instant,
    changed: bool,
    opened: u64,
    resolved: u64,
    sessions: u64,
}

/// How a probe ended: with what it saw, if it saw something, or in a panic.
type Ended = Result<(Id, Option<Observation>), JoinError>;

/// What the loop awaits.
enum Awaited {
    Happened(Happened),
    Ended(Ended),
    Acted(act::Ended),
    Control(Control),
    Delivered(Delivery),
    RoutesDue,
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
        let post = Box::new(Post::new(surroundings.proxy.clone(), history.kept_notices()));
        Self {
            posted: memory.posted.clone(),
            post,
            heartbeat: None,
            supervisor: None,
            monitor: Monitor::new(clock::now(), memory),
            settings,
            surroundings,
            look_around: None,
            wanted,
            history,
            classic,
            onward: None,
            rigs: BTreeMap::new(),
            probing: JoinSet::new(),
            runs: HashMap::new(),
            acting: Acting::default(),
            closing: JoinSet::new(),
            inbox,
            outbox,
            faces,
            pulse: (Pulse::begin(clock::now()), Stopwatch::start()),
            next_tick: now + TICK,
            next_discovery: now,
            next_publish: now + PUBLISH_EVERY,
            changed: false,
            opened: 0,
            resolved: 0,
            sessions: 0,
        }
    }

    /// Looks around anew whenever it looks for targets. It is called in the loop, so it may read small
    /// files and no more.
    #[must_use]
    pub fn looking_around(mut self, look: LookAround) -> Self {
        self.look_around = Some(look);
        self
    }

    /// Also sends the hubs' log records and our own events there.
    #[must_use]
    pub fn sending(mut self, onward: Option<Onward>) -> Self {
        self.onward = onward;
        self
    }

    /// Tells this supervisor how it is.
    #[must_use]
    pub fn supervised_by(mut self, supervisor: Option<Supervisor>) -> Self {
        self.supervisor = supervisor;
        self
    }

    /// Watches until told to stop or until `end`.
    pub fn run(self, controls: mpsc::Receiver<Control>, end: Option<Instant>) -> impl Future<Output = Outcome> {
        // In one place, and not on the stack of everybody who awaits it.
        Box::pin(self.work(controls, end))
    }

    async fn work(mut self, mut controls: mpsc::Receiver<Control>, end: Option<Instant>) -> Outcome {
        self.note("watch started");
        self.follow_notices();
        self.resume_notices();
        self.supervisor.iter().for_each(Supervisor::ready);
        loop {
            match self.select(&mut controls, end).await {
                Awaited::Happened(happened) => self.happened(happened),
                Awaited::Ended(ended) => self.ended(ended),
                Awaited::Delivered(delivery) => self.delivered([delivery]),
                Awaited::RoutesDue => self.apply(Event::Tick),
                Awaited::Acted(ended) => self.acted(ended),
                Awaited::ProbesDue => self.start_due(),
                Awaited::Tick => self.tick(),
                Awaited::Discovery => self.discover(),
                Awaited::Publish => self.publish(),
                Awaited::Control(Control::CheckNow) => self.check_now(),
                Awaited::Control(Control::Order(order)) => self.apply(Event::Ordered(order)),
                Awaited::Control(Control::Report(report)) => self.report(report),
                Awaited::Control(Control::Peek(look)) => look(&self.monitor),
                Awaited::Control(Control::Reload(settings)) => self.reload(*settings),
                Awaited::Control(Control::Stop) | Awaited::End => break,
            }
        }
        self.finish().await
    }

    /// The only await on the world. What comes by the clock goes first: each puts itself off, so none can
    /// starve what comes from targets, while a target that talks without end would starve the clock.
    async fn select(&mut self, controls: &mut mpsc::Receiver<Control>, end: Option<Instant>) -> Awaited {
        let far = Instant::now() + Duration::from_secs(86_400);
        let due = self.rigs.values().filter_map(|rig| rig.table.next()).min().unwrap_or(far);
        let publish = if self.changed && !self.faces.snapshot.is_closed() { self.next_publish } else { far };
        let routes_due = self.routes_due(far);
        tokio::select! {
            biased;
            control = controls.recv() => Awaited::Control(control.unwrap_or(Control::Stop)),
            () = tokio::time::sleep_until(end.unwrap_or(far)), if end.is_some() => Awaited::End,
            () = tokio::time::sleep_until(due) => Awaited::ProbesDue,
            () = tokio::time::sleep_until(self.next_tick) => Awaited::Tick,
            () = tokio::time::sleep_until(routes_due) => Awaited::RoutesDue,
            () = tokio::time::sleep_until(self.next_discovery) => Awaited::Discovery,
            () = tokio::time::sleep_until(publish) => Awaited::Publish,
            Some(delivery) = self.post.outcome() => Awaited::Delivered(delivery),
            Some(ended) = self.probing.join_next_with_id() => Awaited::Ended(ended),
            Some(ended) = self.acting.next() => Awaited::Acted(ended),
            Some(happened) = self.inbox.recv() => Awaited::Happened(happened),
        }
    }

    fn happened(&mut self, happened: Happened) {
        match happened {
            Happened::Observed(observation) => self.observed(observation),
            Happened::Look(target, probe) => self.ask(&target, probe),
        }
    }

    fn observed(&mut self, observation: Observation) {
        if let Some(rig) = self.rigs.get_mut(&observation.target) {
            rig.held.follow(&observation);
        }
        self.apply(Event::Observed(observation));
    }

    /// A probe that panicked is a fault of ours: it is counted, noted, and runs again when it is due (the
    /// panic's own words are on standard error). One whose target was given up meanwhile says nothing.
    fn ended(&mut self, ended: Ended) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let Some(run) = self.runs.remove(&id) else { return };
        if let Some(rig) = self.rigs.get_mut(&run.target) {
            rig.table.ended(run.probe);
        }
        match ended {
            Ok((_, seen)) => seen.into_iter().for_each(|observation| self.observed(observation)),
            Err(_panic) => {
                self.note(&format!("the {} probe of {} panicked", run.probe.as_str(), run.target));
                self.apply(Event::Dropped(1));
            }
        }
    }

    fn acted(&mut self, ended: act::Ended) {
        if let Some(acted) = self.acting.ended(ended) {
            self.apply(Event::Acted(acted));
        }
    }

    fn apply(&mut self, event: Event) {
        let (now, passed) = (clock::now(), self.pulse.1.elapsed());
        self.pulse.1 = Stopwatch::start();
        // Before anything is judged by a clock that jumped.
        if let Some(gap) = self.pulse.0.beat(now, passed) {
            self.judge(now, Event::Gap(gap));
        }
        self.judge(now, event);
    }

    fn judge(&mut self, now: Timestamp, event: Event) {
        let effects = self.monitor.apply(now, event);
        self.changed = true;
        for effect in effects {
            match effect {
                Effect::Check(target, probe) => self.ask(&target, probe),
                Effect::Keep(kept) => self.keep(kept),
                Effect::Tell(change, incident) => {
                    match change {
                        IncidentChange::Opened => self.opened += 1,
                        IncidentChange::Resolved => self.resolved += 1,
                        // It was over, and is not.
                        IncidentChange::Reopened => self.resolved = self.resolved.saturating_sub(1),
                        IncidentChange::Updated | IncidentChange::Reminded | IncidentChange::Acknowledged => {}
                    }
                    if let Some(onward) = &self.onward {
                        onward.incident(now, change, &incident);
                    }
                    (self.faces.tell)(change, &incident);
                    // What people are told they should also see, at once.
                    self.next_publish = Instant::now();
                }
                // Why is kept with the incident.
                Effect::Withhold(..) => {}
                Effect::Notify(notice) => self.notify(*notice),
                Effect::Act(action, moves) => {
                    let hands = self.rigs.get(&action.target).map(|rig| Arc::clone(&rig.hands));
                    let kept = self.history.settled();
                    self.acting.begin(hands, &action, moves, kept);
                    self.next_publish = Instant::now();
                }
                Effect::Say(line) => (self.faces.say)(&line),
            }
        }
    }

    fn keep(&mut self, kept: Kept) {
        self.history.put(match kept {
            Kept::Samples(target, samples) => {
                return samples.into_iter().for_each(|sample| self.history.put(Record::Sample(target.clone(), sample)));
            }
            Kept::Incident(incident) => Record::Incident(incident),
            Kept::Tools(target, server, tools) => Record::Tools(target, server, tools),
            Kept::Errors(target, known) => Record::Errors(target, known),
            Kept::Silence(silence) => Record::Silence(Box::new(silence)),
            Kept::Decision(decision) => Record::Decision(decision),
            Kept::Action(action) => Record::Action(action),
            Kept::Note(text) => return self.note(&text),
        });
    }

    fn note(&mut self, text: &str) {
        let at = clock::now();
        if let Some(onward) = &self.onward {
            onward.note(at, text);
        }
        self.history.put(Record::Note { at, text: text.to_owned() });
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
        let due = |(id, rig): (&TargetId, &mut Rig)| {
            let (id, hands) = (id.clone(), Arc::clone(&rig.hands));
            rig.table.start_due(now).into_iter().map(move |probe| (id.clone(), Arc::clone(&hands), probe))
        };
        for (id, hands, probe) in self.rigs.iter_mut().flat_map(due).collect::<Vec<_>>() {
            self.start(id, probe, async move { hands.run(probe).await });
        }
    }

    fn start(&mut self, target: TargetId, probe: Probe, work: impl Future<Output = Option<Observation>> + Send + 'static) {
        let abort = self.probing.spawn(work);
        self.runs.insert(abort.id(), Run { target, probe, abort });
    }

    fn tick(&mut self) {
        self.next_tick = Instant::now() + self.supervisor.as_ref().map_or(TICK, |supervisor| TICK.min(supervisor.rest()));
        self.beat();
        let dropped: u64 = self.rigs.values().map(|rig| rig.hands.take_dropped()).sum();
        if dropped > 0 {
            self.apply(Event::Dropped(dropped));
        }
        while let Some(closed) = self.closing.try_join_next() {
            self.sessions += closed.unwrap_or(0);
        }
        let kept = self.history.health();
        self.tell_kept(kept);
        for (name, order) in self.history.orders() {
            self.apply(Event::Ordered(order));
            // After what came of it.
            self.history.put(Record::Ordered(name));
        }
        self.apply(Event::Tick);
        if let Some(classic) = &mut self.classic {
            let snapshot = self.monitor.snapshot(clock::now());
            classic.write_due(&snapshot);
        }
    }

    /// How history is kept, with the classic records: both are what is lost on a full disk.
    fn tell_kept(&mut self, (error, lost): (Option<String>, u64)) {
        let (unwritten, records) = self.classic.as_ref().map_or((None, 0), Classic::health);
        self.apply(Event::StoreHealth { error: error.or(unwritten), lost: lost + records });
    }

    fn publish(&mut self) {
        self.changed = false;
        self.next_publish = Instant::now() + PUBLISH_EVERY;
        let mut snapshot = self.monitor.snapshot(clock::now());
        let own = &mut Arc::make_mut(&mut snapshot).own;
        own.waiting = Waiting { events: self.inbox.len() as u64, records: self.history.waiting() };
        own.destinations = self.onward.as_ref().map(Onward::destinations).unwrap_or_default();
        self.faces.snapshot.send_replace(snapshot);
    }

    /// Closes what is held, the store last.
    async fn finish(mut self) -> Outcome {
        self.supervisor.iter().for_each(Supervisor::stopping);
        // A server that was stopped is started again first.
        let end = Instant::now() + END_MAX;
        while let Ok(Some(ended)) = tokio::time::timeout_at(end, self.acting.next()).await {
            self.acted(ended);
        }
        for id in self.rigs.keys().cloned().collect::<Vec<_>>() {
            self.retire(&id);
        }
        while let Some(closed) = self.closing.join_next().await {
            self.sessions += closed.unwrap_or(0);
        }
        self.send_the_rest().await;
        self.note("watch stopped");
        let kept = std::mem::replace(&mut self.history, History::Off).close();
        self.tell_kept(kept);
        let onward = self.onward.take();
        let delivered = tokio::task::spawn_blocking(|| onward.map(Onward::end)).await;
        self.publish();
        let mut last = Arc::clone(&self.faces.snapshot.borrow());
        Arc::make_mut(&mut last).own.destinations = delivered.ok().flatten().unwrap_or_default();
        Outcome { last, opened: self.opened, resolved: self.resolved, sessions: self.sessions }
    }
}

#[cfg(test)]
mod tests;
