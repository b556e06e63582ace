//! Random days of a hub: what can be seen, in any order, with clocks that jump and hubs that lie.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use vitals_judge::event::{Effect, Event, Gap, GapKind, Memory, Record};
use vitals_judge::monitor::{Monitor, Thrift};
use vitals_model::config::{Expect, Schedule, ServerSettings, TargetSettings};
use vitals_model::incident::Incident;
use vitals_model::observation::{Observation, Seen};
use vitals_model::quiet::{Maintenance, Order, Pattern, Remark, Silence};
use vitals_model::remedy::{Acted, Action, HubRestart, RepairMode};
use vitals_model::snapshot::TargetState;
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use crate::seen::{Api, Call, Child, Claim, Host, Log, MetaTool, OrWord, Process, Session, Visit};
use crate::sources::{self, Sources};
use crate::world::{World, time};

/// The servers of every day; the second is expected to be down on some.
const SERVERS: [&str; 3] = ["fs", "fs__b", "web"];

/// Most actions in an hour on a hub that is repaired.
pub(crate) const BUDGET: u32 = 2;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Move {
    Wait(u64),
    Workspace(&'static str),
    Exit(Who),
    Process(Look),
    Api(Answer),
    Session(Visited),
    Stream(&'static str),
    Notes(Vec<&'static str>),
    Log(Box<Log>),
    LogFails,
    Llm(&'static str),
    MetaTool(Option<MetaTool>),
    Visit(u64, u64),
    /// The operator expects a server to be down, or does not any more.
    ExpectDown(Option<&'static str>),
    Forget,
    Watch,
    Store(Option<&'static str>),
    /// Somebody wants to hear nothing of some checks for so many seconds.
    Silence(&'static str, u64),
    /// Work is planned for so many seconds from now on.
    Maintain(u64),
    /// The machine sleeps for so many milliseconds.
    Sleep(u64),
    /// Somebody takes care of an incident, writes about one, or ends a silence, by number.
    Ack(u64),
    Note(u64),
    Unsilence(u64),
    /// The moves of the action that is under way were made, or one failed.
    Acted(bool),
    /// Somebody wants an incident repaired, by number.
    Repair(u64),
    /// The latest order comes once more: whoever carried it out was killed before that was known.
    Again,
    /// The monitor ends, and another one goes on with what was kept.
    Restart,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Hub,
    Server(&'static str),
    Unnamed(&'static str),
}

#[derive(Clone, Debug)]
pub(crate) enum Look {
    Same,
    Gone,
    Remote,
    Hidden,
    /// Another process of the hub, with its servers started anew.
    Restarted(u32),
    Hub {
        state: &'static str,
        cpu: f64,
        memory: f64,
        fds: u64,
        listen: &'static str,
        orphans: Vec<u32>,
    },
    /// The machine is short of memory and of cores, in percent of the time.
    Host(f64, f64),
    Child(&'static str, &'static str),
    /// A server's process is another one now.
    Respawned(&'static str, u32),
}

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Same,
    Fails(&'static str),
    Hub { state: &'static str, took_ms: u64, clients: u64, filtering: &'static str },
    Claim(&'static str, &'static str),
    Tools(&'static str, Vec<&'static str>),
}

#[derive(Clone, Debug)]
pub(crate) enum Visited {
    Same,
    Fails(&'static str),
    ListFails,
    Call(&'static str, &'static str),
    Slow(&'static str, u64),
    Tools(&'static str, Vec<&'static str>),
    Sessions(usize),
}

fn server() -> impl Strategy<Value = &'static str> {
    select(&SERVERS[..])
}

fn tool_names() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(vec!["read", "read=2", "write", "x"], 0..=4)
}

fn look() -> impl Strategy<Value = Look> {
    let hub = (
        select(vec!["normal", "stopped", "zombie"]),
        select(vec![0.1, 6.0, 50.0]),
        select(vec![0.5, 7.0, 30.0]),
        select(vec![20, 900, 1020]),
        select(vec!["loopback", "everywhere", "nobody", "other", "unknown"]),
        prop::collection::vec(900_u32..905, 0..3),
    );
    prop_oneof![
        6 => Just(Look::Same),
        1 => Just(Look::Gone),
        1 => Just(Look::Remote),
        1 => Just(Look::Hidden),
        1 => (1000_u32..9000).prop_map(Look::Restarted),
        3 => hub.prop_map(|(state, cpu, memory, fds, listen, orphans)| Look::Hub { state, cpu, memory, fds, listen, orphans }),
        2 => (select(vec![0.0, 30.0, 90.0]), select(vec![0.0, 40.0, 90.0])).prop_map(|(memory, cpu)| Look::Host(memory, cpu)),
        3 => (server(), select(vec!["normal", "stopped", "zombie", "gone", "unnamed"])).prop_map(|(s, w)| Look::Child(s, w)),
        2 => (server(), 1000_u32..9000).prop_map(|(s, pid)| Look::Respawned(s, pid)),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    let states = vec!["ready", "starting", "restarting", "restarted", "stopping", "stopped", "error", "dreaming"];
    let filtering = select(vec!["off", "prompt-based", "500"]);
    let claims = vec!["connected", "connecting", "disconnected", "unauthorized", "disabled", "dozing", "absent", "zero"];
    prop_oneof![
        6 => Just(Answer::Same),
        2 => select(vec!["timeout", "refused", "html", "401", "500", "429 3"]).prop_map(Answer::Fails),
        2 => (select(states), 1_u64..12_000, 0_u64..30, filtering)
            .prop_map(|(state, took_ms, clients, filtering)| Answer::Hub { state, took_ms, clients, filtering }),
        4 => (server(), select(claims)).prop_map(|(s, w)| Answer::Claim(s, w)),
        2 => (server(), tool_names()).prop_map(|(s, t)| Answer::Tools(s, t)),
    ]
}

fn visited() -> impl Strategy<Value = Visited> {
    let calls = vec!["error: Not connected", "error: no", "timeout", "-32001", "-32602", "closed", "no canary", "absent"];
    prop_oneof![
        6 => Just(Visited::Same),
        1 => select(vec!["timeout", "closed", "401", "404"]).prop_map(Visited::Fails),
        1 => Just(Visited::ListFails),
        3 => (server(), select(calls)).prop_map(|(s, w)| Visited::Call(s, w)),
        2 => (server(), 1_u64..9000).prop_map(|(s, ms)| Visited::Slow(s, ms)),
        2 => (server(), tool_names()).prop_map(|(s, t)| Visited::Tools(s, t)),
        1 => (1_usize..3).prop_map(Visited::Sessions),
    ]
}

fn log() -> impl Strategy<Value = Log> {
    let record = (-100_000.0..100_000.0, select(vec!["info", "warn", "error", "fatal"]), 1_u64..20);
    let over = prop::option::of(0.2..60.0);
    let turns = prop::collection::vec(
        select(vec!["lost fs", "connected fs", "lost web", "lost fs 3000", "connected fs 600", "lost fs 2"]),
        0..6,
    );
    (over, 0_u64..90_000_000, 0_u64..500, 0_u64..20, 0_u64..3, prop::collection::vec(record, 0..4), turns).prop_map(
        |(over_s, bytes, plain, broken, fallbacks, records, turns)| Log {
            over_s,
            bytes,
            plain,
            broken,
            fallbacks,
            records: records.into_iter().map(|(before, level, n)| (before, level.to_owned(), n)).collect(),
            turns: turns.into_iter().map(str::to_owned).collect(),
            size_mb: Some(bytes / 500_000),
            free_gb: Some(1 + bytes % 60),
            ..Log::default()
        },
    )
}

fn meta_tool() -> impl Strategy<Value = Option<MetaTool>> {
    let called = (1_u64..12_000, select(vec![0.6, 0.9]), any::<bool>(), any::<bool>()).prop_map(|(ms, sure, lacks, changed)| {
        let missing = if lacks { vec!["message".to_owned()] } else { Vec::new() };
        MetaTool { took_ms: Some(ms), confidence: Some(sure), missing, list_changed: Some(changed) }
    });
    prop::option::of(called)
}

fn any_move() -> impl Strategy<Value = Move> {
    let notes = vec!["heartbeat", "changed", "storm", "lost fs", "connected fs", "error it broke", "warn it may", "info it is"];
    let who = prop_oneof![
        1 => Just(Who::Hub),
        3 => server().prop_map(Who::Server),
        1 => server().prop_map(Who::Unnamed),
    ];
    let often = prop_oneof![
        8 => select(vec![1_u64, 200, 300, 1000, 5000, 10_000, 60_000, 600_000, 4_000_000]).prop_map(Move::Wait),
        4 => look().prop_map(Move::Process),
        4 => answer().prop_map(Move::Api),
        4 => visited().prop_map(Move::Session),
        2 => who.prop_map(Move::Exit),
        2 => log().prop_map(|log| Move::Log(Box::new(log))),
        2 => prop::collection::vec(select(notes), 1..5).prop_map(Move::Notes),
    ];
    let rare = prop_oneof![
        2 => select(vec!["ok", "stale", "other pid", "unreadable config", "absent"]).prop_map(Move::Workspace),
        2 => select(vec!["opened", "closed", "404"]).prop_map(Move::Stream),
        1 => Just(Move::LogFails),
        2 => select(vec!["ok", "no model", "not configured", "unreadable", "401", "429 30", "503", "timeout", "no secret"])
            .prop_map(Move::Llm),
        2 => meta_tool().prop_map(Move::MetaTool),
        1 => (0_u64..5, 0_u64..5).prop_map(|(before, after)| Move::Visit(before, after)),
        1 => prop::option::of(server()).prop_map(Move::ExpectDown),
        1 => Just(Move::Forget),
        2 => Just(Move::Watch),
        1 => prop::option::of(Just("disk full")).prop_map(Move::Store),
    ];
    prop_oneof![4 => often, 1 => rare]
}

/// What people do, and a machine that sleeps: nobody hears of some incidents, and some time does not count.
fn quiet_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        1 => (select(vec!["*", "hub-servers/*", "*/truth"]), 1_u64..900).prop_map(|(check, seconds)| Move::Silence(check, seconds)),
        1 => (60_u64..900).prop_map(Move::Maintain),
        1 => (5_000_u64..9_000_000).prop_map(Move::Sleep),
    ]
}

/// What people say of incidents, and the end of the monitor itself.
fn handled_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        3 => (1_u64..9).prop_map(Move::Ack),
        2 => (1_u64..9).prop_map(Move::Note),
        1 => (1_u64..4).prop_map(Move::Unsilence),
        2 => Just(Move::Again),
        2 => Just(Move::Restart),
    ]
}

/// Up to eighty moves, with all that people do about incidents.
pub(crate) fn any_handled_day() -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec(prop_oneof![6 => any_move(), 1 => quiet_move(), 2 => handled_move()], 1..80)
}

/// What becomes of actions, and what people ask for.
fn repaired_move() -> impl Strategy<Value = Move> {
    prop_oneof![4 => any::<bool>().prop_map(Move::Acted), 1 => (1_u64..9).prop_map(Move::Repair)]
}

/// Up to a hundred and fifty moves of a hub that is repaired, with all that people do about it.
pub(crate) fn any_repaired_day() -> impl Strategy<Value = Vec<Move>> {
    let moves = prop_oneof![6 => any_move(), 1 => quiet_move(), 1 => handled_move(), 3 => repaired_move()];
    prop::collection::vec(moves, 1..150)
}

/// Up to eighty moves, quiet ones among them.
pub(crate) fn any_quiet_day() -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec(prop_oneof![6 => any_move(), 1 => quiet_move()], 1..80)
}

/// Up to eighty moves.
pub(crate) fn any_day() -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec(any_move(), 1..80)
}

/// A day in play.
pub(crate) struct Day {
    monitor: Monitor,
    world: World,
    sources: Sources,
    target: Target,
    now_ms: u64,
    forgotten: bool,
    thrift: Thrift,
    /// What the store would have.
    pub(crate) kept: Kept,
    latest_order: Option<Order>,
    /// What the loop carries out.
    acting: Option<u64>,
}

/// What was kept, as a store keeps it.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) incidents: BTreeMap<u64, Incident>,
    pub(crate) silences: BTreeMap<u64, Silence>,
    pub(crate) actions: BTreeMap<u64, Action>,
}

impl Kept {
    pub(crate) fn take(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Keep(Record::Incident(incident)) => drop(self.incidents.insert(incident.id, (**incident).clone())),
                Effect::Keep(Record::Silence(silence)) => drop(self.silences.insert(silence.id, silence.clone())),
                Effect::Keep(Record::Action(action)) => drop(self.actions.insert(action.id, (**action).clone())),
                _ => {}
            }
        }
    }

    fn memory(&self) -> Memory {
        Memory {
            incidents: self.incidents.values().cloned().collect(),
            last_incident: self.incidents.keys().max().copied().unwrap_or(0),
            silences: self.silences.values().cloned().collect(),
            last_silence: self.silences.keys().max().copied().unwrap_or(0),
            actions: self.actions.values().cloned().collect(),
            last_action: self.actions.keys().max().copied().unwrap_or(0),
            ..Memory::default()
        }
    }
}

fn target(expect_down: Option<&str>) -> Target {
    let down = |name: &str| (name.to_owned(), ServerSettings { expect: Expect::Down, ..ServerSettings::default() });
    let settings = TargetSettings { servers: expect_down.map(down).into_iter().collect(), ..TargetSettings::default() };
    Target {
        id: TargetId::new("main"),
        address: Address::Hub { url: "http://127.0.0.1:7001".to_owned() },
        origin: Origin::Configured,
        settings: Arc::new(settings),
    }
}

impl Day {
    pub(crate) fn begin() -> Self {
        Self::begin_with(Schedule::default())
    }

    /// A hub whose servers and whose self are restarted when they are ill.
    pub(crate) fn begin_repairing() -> Self {
        let mut day = Self::begin();
        let repair = &mut Arc::make_mut(&mut day.target.settings).repair;
        (repair.mode, repair.budget, repair.cooldown) = (RepairMode::Act, BUDGET, Duration::from_secs(1));
        repair.hub_restart = Some(HubRestart::Command(vec!["restart-hub".to_owned()]));
        day.change(Event::Watch(day.target.clone()));
        day
    }

    pub(crate) fn begin_with(schedule: Schedule) -> Self {
        Self::begin_judging(schedule, Thrift::Thrifty)
    }

    pub(crate) fn begin_judging(schedule: Schedule, thrift: Thrift) -> Self {
        let tools = [vec!["read", "write"], vec!["x"], vec!["read"]];
        let servers = SERVERS.into_iter().zip(tools).map(|(name, tools)| (name.to_owned(), words(&tools)));
        let mut monitor = Monitor::new(time(0.0), Memory::default()).with(thrift);
        let mut target = target(None);
        Arc::make_mut(&mut target.settings).schedule = schedule;
        monitor.apply(time(0.0), Event::Watch(target.clone()));
        Self {
            monitor,
            world: World::of(&servers.collect()),
            sources: Sources::default(),
            target,
            now_ms: 0,
            forgotten: false,
            thrift,
            kept: Kept::default(),
            latest_order: None,
            acting: None,
        }
    }

    fn seconds(&self) -> f64 {
        Duration::from_millis(self.now_ms).as_secs_f64()
    }

    pub(crate) fn now(&self) -> Timestamp {
        time(self.seconds())
    }

    pub(crate) const fn was_forgotten(&self) -> bool {
        self.forgotten
    }

    pub(crate) fn state(&self) -> Option<Arc<TargetState>> {
        self.monitor.snapshot(self.now()).targets.first().cloned()
    }

    /// The incidents that last and that ended lately, our own among them, and the silences that hold.
    pub(crate) fn ledger(&self) -> (Vec<Incident>, Vec<Silence>) {
        let snapshot = self.monitor.snapshot(self.now());
        let of_targets = snapshot.targets.iter().flat_map(|target| target.open.iter().chain(&target.recent));
        let mut incidents: Vec<_> = of_targets.chain(&snapshot.own.open).cloned().collect();
        incidents.sort_by_key(|incident| incident.id);
        let holding = snapshot.own.silences.iter().filter(|silence| self.now() < silence.until);
        (incidents, holding.cloned().collect())
    }

    /// Whether a window of maintenance holds.
    pub(crate) fn is_maintained(&self) -> bool {
        self.target.settings.maintenance.values().any(|window| window.until(self.now()).is_some())
    }

    /// Plays one move and keeps what is to be kept; what judgement asks for.
    pub(crate) fn play(&mut self, each: &Move) -> Vec<Effect> {
        let effects = self.carry_out(each);
        self.kept.take(&effects);
        let mut begun =
            effects.iter().filter_map(|effect| if let Effect::Act(action, _) = effect { Some(action.id) } else { None });
        self.acting = begun.next_back().or(self.acting);
        effects
    }

    fn carry_out(&mut self, each: &Move) -> Vec<Effect> {
        // It comes again before anything else happens, but for the end of whoever carried it out.
        if !matches!(each, Move::Again | Move::Restart) {
            self.latest_order = None;
        }
        let (seen, took) = match each {
            Move::Wait(ms) => return self.wait(*ms),
            Move::Forget => return self.change(Event::Forget(self.target.id.clone())),
            Move::Watch => return self.change(Event::Watch(self.target.clone())),
            Move::ExpectDown(name) => {
                let repair = self.target.settings.repair.clone();
                self.target = target(*name);
                Arc::make_mut(&mut self.target.settings).repair = repair;
                return self.change(Event::Watch(self.target.clone()));
            }
            Move::Store(error) => {
                return self.change(Event::StoreHealth { error: error.map(str::to_owned), lost: 3 });
            }
            Move::Silence(check, seconds) => return self.silence(check, *seconds),
            Move::Ack(id) => return self.order(Order::Acknowledge(*id, self.remark("mine"))),
            Move::Note(id) => return self.order(Order::Note(*id, self.remark("the cable"))),
            Move::Unsilence(id) => return self.order(Order::Unsilence(*id, self.remark(""))),
            Move::Acted(done) => return self.acted(*done),
            Move::Repair(id) => return self.order(Order::Repair(*id, self.remark("now"))),
            Move::Again => return self.latest_order.take().map_or_else(Vec::new, |order| self.order(order)),
            Move::Restart => return self.restart(),
            Move::Maintain(seconds) => return self.maintain(*seconds),
            Move::Sleep(ms) => {
                self.now_ms += ms;
                return self.change(Event::Gap(Gap { ms: i64::try_from(*ms).unwrap_or(i64::MAX), kind: GapKind::Ahead }));
            }
            Move::Session(visited) => {
                let spec = session(visited);
                self.sources.session(&spec, &self.world, true)
            }
            other => match self.see(other) {
                Some(seen) => (seen, Duration::from_millis(3)),
                None => return Vec::new(),
            },
        };
        let observation = Observation { target: self.target.id.clone(), at: self.now(), took, seen };
        self.monitor.apply(self.now(), Event::Observed(observation))
    }

    /// Plays a whole day.
    pub(crate) fn play_all(&mut self, moves: &[Move]) {
        for each in moves {
            self.play(each);
        }
    }

    fn change(&mut self, event: Event) -> Vec<Effect> {
        self.forgotten |= matches!(event, Event::Forget(_));
        self.monitor.apply(self.now(), event)
    }

    fn acted(&mut self, done: bool) -> Vec<Effect> {
        let Some(action) = self.acting.take() else { return Vec::new() };
        let failed = (!done).then(|| "no answer".to_owned());
        self.change(Event::Acted(Acted { target: self.target.id.clone(), action, evidence: Vec::new(), failed }))
    }

    fn silence(&mut self, check: &str, seconds: u64) -> Vec<Effect> {
        let until = self.now().plus(Duration::from_secs(seconds));
        let silence = Silence { id: 0, target: Pattern::all(), check: Pattern::new(check), until, remark: self.remark("") };
        self.order(Order::Silence(silence))
    }

    fn remark(&self, text: &str) -> Remark {
        Remark { at: self.now(), author: Text::new("ann"), text: Text::new(text) }
    }

    fn order(&mut self, order: Order) -> Vec<Effect> {
        self.latest_order = Some(order.clone());
        self.change(Event::Ordered(order))
    }

    /// What is not watched just now is not watched after it either.
    fn restart(&mut self) -> Vec<Effect> {
        let is_watched = self.state().is_some();
        self.acting = None;
        self.monitor = Monitor::new(self.now(), self.kept.memory()).with(self.thrift);
        if is_watched { self.change(Event::Watch(self.target.clone())) } else { Vec::new() }
    }

    fn maintain(&mut self, seconds: u64) -> Vec<Effect> {
        let (from, to) = (Some(self.now()), Some(self.now().plus(Duration::from_secs(seconds))));
        let window = Maintenance { checks: Pattern::all(), from, to, cron: None, lasts: Duration::ZERO };
        Arc::make_mut(&mut self.target.settings).maintenance.insert("work".to_owned(), window);
        self.change(Event::Watch(self.target.clone()))
    }

    fn wait(&mut self, ms: u64) -> Vec<Effect> {
        self.now_ms += ms;
        self.monitor.apply(self.now(), Event::Tick)
    }

    fn see(&mut self, each: &Move) -> Option<Seen> {
        let at = self.seconds();
        Some(match each {
            Move::Workspace(word) => self.world.workspace(word),
            Move::Exit(Who::Hub) => self.world.exit("hub"),
            Move::Exit(Who::Server(name)) if self.world.has_child(name) => self.world.exit(name),
            Move::Exit(Who::Unnamed(name)) if self.world.has_child(name) => self.world.exit(&format!("unnamed {name}")),
            Move::Process(look) => {
                let spec = process(look, at, &self.world);
                self.world.process(&spec, at)
            }
            Move::Api(answer) => self.world.api(&api(answer)),
            Move::Stream(word) => sources::stream(word),
            Move::Notes(notes) => sources::notes(&notes.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()),
            Move::Log(log) => sources::log(&OrWord::Table((**log).clone()), at),
            Move::LogFails => sources::log(&OrWord::Word("denied".to_owned()), at),
            Move::Llm(word) => sources::llm(&OrWord::Word((*word).to_owned())),
            Move::MetaTool(Some(spec)) => sources::meta_tool(&OrWord::Table(spec.clone())),
            Move::MetaTool(None) => sources::meta_tool(&OrWord::Word("not called: off".to_owned())),
            Move::Visit(before, after) => {
                sources::visit(&Visit { log_bytes: 30_000 * before, latency_ms: 20 * after, before: *before, after: *after })
            }
            _ => return None,
        })
    }
}

fn words(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn process(look: &Look, at: f64, world: &World) -> OrWord<Process> {
    let in_a_word = |word: &str| OrWord::Word(word.to_owned());
    let mut spec = Process {
        pid: None,
        started: None,
        state: None,
        cpu: None,
        over_s: None,
        memory: None,
        fds: None,
        listen: None,
        host: None,
        orphans: Vec::new(),
        children: BTreeMap::new(),
    };
    match look {
        Look::Same => {}
        Look::Gone => return in_a_word("gone"),
        Look::Remote => return in_a_word("remote"),
        Look::Hidden => return in_a_word("hidden"),
        Look::Restarted(pid) => {
            (spec.pid, spec.started) = (Some(*pid), Some(at));
            for (name, n) in SERVERS.into_iter().zip(1..) {
                let child = Child { pid: Some(pid + n), started: Some(at), state: None };
                spec.children.insert(name.to_owned(), OrWord::Table(child));
            }
        }
        Look::Hub { state, cpu, memory, fds, listen, orphans } => {
            (spec.cpu, spec.memory, spec.fds) = (Some(*cpu), Some(*memory), Some(*fds));
            (spec.state, spec.listen) = (Some((*state).to_owned()), Some((*listen).to_owned()));
            spec.orphans.clone_from(orphans);
        }
        Look::Host(memory, cpu) => {
            spec.host = Some(Host { memory_stall: Some(*memory), cpu_wait: Some(*cpu), free_mb: Some(50) });
        }
        Look::Child(name, state) => {
            if world.has_child(name) {
                spec.children.insert((*name).to_owned(), OrWord::Word((*state).to_owned()));
            }
        }
        Look::Respawned(name, pid) => {
            let child = Child { pid: Some(*pid), started: Some(at), state: None };
            spec.children.insert((*name).to_owned(), OrWord::Table(child));
        }
    }
    OrWord::Table(spec)
}

fn api(answer: &Answer) -> OrWord<Api> {
    let mut spec = Api { state: None, took_ms: None, clients: None, registered: None, filtering: None, servers: BTreeMap::new() };
    let claim = |status: Option<&str>, uptime_s, tools| {
        OrWord::Table(Claim { status: status.map(str::to_owned), error: None, uptime_s, started: None, tools })
    };
    match answer {
        Answer::Same => {}
        Answer::Fails(word) => return OrWord::Word((*word).to_owned()),
        Answer::Hub { state, took_ms, clients, filtering } => {
            (spec.state, spec.filtering) = (Some((*state).to_owned()), Some((*filtering).to_owned()));
            (spec.took_ms, spec.clients, spec.registered) = (Some(*took_ms), Some(*clients), Some(*clients));
        }
        Answer::Claim(name, "zero") => {
            spec.servers.insert((*name).to_owned(), claim(Some("connected"), Some(0), None));
        }
        Answer::Claim(name, status) => {
            spec.servers.insert((*name).to_owned(), OrWord::Word((*status).to_owned()));
        }
        Answer::Tools(name, tools) => {
            spec.servers.insert((*name).to_owned(), claim(None, None, Some(words(tools))));
        }
    }
    OrWord::Table(spec)
}

fn session(visited: &Visited) -> OrWord<Session> {
    let mut spec = Session {
        took_ms: None,
        list_fails: None,
        sessions: None,
        noise: None,
        meta_tool: None,
        calls: BTreeMap::new(),
        tools: BTreeMap::new(),
        second: BTreeMap::new(),
    };
    match visited {
        Visited::Same => {}
        Visited::Fails(word) => return OrWord::Word((*word).to_owned()),
        Visited::ListFails => spec.list_fails = Some("-32603".to_owned()),
        Visited::Call(name, word) => drop(spec.calls.insert((*name).to_owned(), Call::Word((*word).to_owned()))),
        Visited::Slow(name, ms) => {
            spec.calls.insert((*name).to_owned(), Call::Millis(*ms));
            spec.took_ms = Some(*ms);
        }
        Visited::Tools(name, tools) => drop(spec.tools.insert((*name).to_owned(), words(tools))),
        Visited::Sessions(n) => spec.sessions = Some(*n),
    }
    OrWord::Table(spec)
}
