//! The world: a hub and its servers, and what a watch that holds on to them is told. It decides what is true
//! at each instant; what can be seen of it is in `look`, what happens by itself in `life` and `noise`.

mod fault;
mod life;
mod look;
mod noise;
mod probe;
mod sources;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vitals_model::check::Probe;
use vitals_model::claim::{ClaimStatus, HubState};
use vitals_model::config::TargetSettings;
use vitals_model::observation::{ExitSeen, Observation, Seen};
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::{ToolDigest, ToolSet, namespaced};

use crate::chance::Chance;
use crate::fault::Fault;
use crate::queue::{Ms, Queue};
use crate::table::Table;
use life::Turn;
use noise::Noise;
use probe::Run;
use sources::{Log, Stream};

/// When every world begins: midnight, so that the rhythm of the day is the hour of the clock.
const BEGAN_MS: i64 = 1_795_305_600_000;

/// How often the engine judges time alone.
const TICK: Ms = 1000;

/// How the hub speaks of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Persona {
    /// npm mcp-hub: a plain log, levels in the event stream only, no filtering.
    Npm,
    /// The filtering variant: a pino log, a meta-tool, an LLM behind it.
    Filtering,
}

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct Setting {
    /// All chance comes from it.
    pub seed: u64,
    /// How many servers the hub has.
    pub servers: usize,
    /// How the hub speaks.
    pub persona: Persona,
    /// Whether the machine is suspended once in a while.
    pub sleeps: bool,
}

impl Setting {
    /// Five servers on a machine that is suspended now and then; the persona changes from seed to seed.
    pub const fn of(seed: u64) -> Self {
        let persona = if seed.is_multiple_of(2) { Persona::Filtering } else { Persona::Npm };
        Self { seed, servers: 5, persona, sleeps: true }
    }
}

/// What the engine's loop would be woken by.
#[derive(Clone, Debug)]
pub enum Happened {
    /// A probe ended, or a held source told something.
    Observed(Observation),
    /// Time passed.
    Tick,
    /// The machine was suspended for so long, and has just woken up.
    Slept(Duration),
}

/// One thing that is to happen.
#[derive(Debug)]
enum Next {
    Tick,
    Due,
    Ended(Probe, Box<Run>),
    ReadLog,
    Flush,
    OpenStream,
    Beat,
    Noise(Noise),
    /// The turn of a server (by place), unless it became another one meanwhile.
    Server(usize, u64, Turn),
    Hub(u64, Turn),
    /// A process that was looked at before.
    Exited(u32),
    CutStream,
}

/// The hub as it is.
#[derive(Debug)]
struct Hub {
    pid: u32,
    began: Timestamp,
    /// Its process is there.
    lives: bool,
    /// It takes connections.
    listens: bool,
    /// From when on it takes sessions: until then it loads its catalogue.
    takes_sessions: Ms,
    state: HubState,
    /// Until when its event loop is blocked.
    mute_until: Ms,
    /// How often it became another one.
    run: u64,
    /// CPU used in bursts that no look has seen yet, in milliseconds.
    burst_ms: f64,
    /// The pid that it wrote into its record.
    recorded: Option<u32>,
}

/// One server as it is, and what the hub says of it.
#[derive(Debug)]
struct Server {
    name: Text,
    tools: ToolSet,
    /// Whether it is started by `npx`, which takes 5 to 15 s.
    is_cold: bool,
    /// Its usual time for a call, in milliseconds.
    call_ms: f64,
    child: Option<(u32, Timestamp)>,
    is_hung: bool,
    claim: ClaimStatus,
    error: Option<Text>,
    connected: Timestamp,
    started: Timestamp,
    run: u64,
    changed: Ms,
}

/// The world.
#[derive(Debug)]
pub struct World {
    setting: Setting,
    now: Ms,
    /// How long the machine was suspended so far.
    slept: Ms,
    queue: Queue<Next>,
    table: Table,
    /// The earliest [`Next::Due`] that is planned.
    due: Ms,
    target: TargetId,
    hub: Hub,
    servers: Vec<Server>,
    stream: Stream,
    log: Log,
    /// Clients besides us.
    clients: u64,
    /// Whether our two sessions are open, and how many were opened.
    sessions: bool,
    opened_total: u64,
    /// Processes whose end we hear of.
    awaited: BTreeMap<u32, ExitSeen>,
    next_pid: u32,
    last_look: Option<Ms>,
    answers: Chance,
    chances: BTreeMap<Noise, Chance>,
    /// Faults that last, and since when.
    faults: BTreeMap<Fault, Ms>,
}

impl World {
    /// A world where everything has been well for two hours.
    pub fn new(setting: Setting) -> Self {
        let mut chance = Chance::of(setting.seed);
        let began = Timestamp::from_millis(BEGAN_MS).minus(Duration::from_secs(7200));
        let servers = (0..setting.servers).map(|n| Server::new(n, began, &mut chance)).collect();
        let hub = Hub {
            pid: 1000,
            began,
            lives: true,
            listens: true,
            takes_sessions: 0,
            state: HubState::Ready,
            mute_until: 0,
            run: 0,
            burst_ms: 0.0,
            recorded: Some(1000),
        };
        let mut world = Self {
            now: 0,
            slept: 0,
            queue: Queue::new(),
            table: Table::new(TargetSettings::default().schedule),
            due: 0,
            target: TargetId::new("hub"),
            hub,
            servers,
            stream: Stream::default(),
            log: Log::default(),
            clients: 1,
            sessions: false,
            opened_total: 0,
            awaited: BTreeMap::new(),
            next_pid: 2000,
            last_look: None,
            answers: chance.split(),
            chances: Noise::ALL.into_iter().map(|noise| (noise, chance.split())).collect(),
            faults: BTreeMap::new(),
            setting,
        };
        for next in [Next::Due, Next::OpenStream, Next::ReadLog] {
            world.queue.plan(0, next);
        }
        world.queue.plan(TICK, Next::Tick);
        world.queue.plan(sources::BEAT, Next::Beat);
        for noise in Noise::ALL {
            world.plan_noise(noise);
        }
        world
    }

    /// The hub as a target with default settings.
    pub fn target(&self) -> Target {
        Target {
            id: self.target.clone(),
            address: Address::Hub { url: "http://127.0.0.1:7001".to_owned() },
            origin: Origin::Configured,
            settings: Arc::default(),
        }
    }

    /// Running time since the world began: it stands still while the machine is suspended.
    pub const fn ran(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    /// What the clock says.
    pub fn clock(&self) -> Timestamp {
        Timestamp::from_millis(BEGAN_MS).plus(Duration::from_millis(self.now + self.slept))
    }

    /// Asks for a look out of turn.
    pub fn ask(&mut self, probe: Probe) {
        self.table.ask(probe, self.now);
        self.plan_due();
    }

    /// Goes on to the next thing that a watch hears of, and no further than `until`.
    pub fn next(&mut self, until: Duration) -> Option<(Timestamp, Happened)> {
        while let Some((at, next)) = self.queue.next() {
            if at > crate::table::ms(until) {
                self.queue.plan(at, next);
                self.now = self.now.max(crate::table::ms(until));
                return None;
            }
            self.now = self.now.max(at);
            if let Some(happened) = self.happens(next) {
                return Some((self.clock(), happened));
            }
        }
        None
    }

    fn happens(&mut self, next: Next) -> Option<Happened> {
        let seen = match next {
            Next::Tick => {
                self.plan(TICK, Next::Tick);
                return Some(Happened::Tick);
            }
            Next::Due => {
                self.start_due();
                None
            }
            Next::Ended(probe, run) => {
                self.table.ended(probe);
                self.plan_due();
                let (seen, took) = self.see(probe, &run)?;
                return Some(self.observed(seen, Duration::from_millis(took)));
            }
            Next::ReadLog => Some(self.read_log()),
            Next::Flush => self.flush(),
            Next::OpenStream => self.open_stream(),
            Next::Beat => {
                self.beat();
                None
            }
            Next::Noise(noise) => {
                let slept = self.slept;
                self.disturb(noise);
                self.plan_noise(noise);
                if self.slept > slept {
                    return Some(Happened::Slept(Duration::from_millis(self.slept - slept)));
                }
                None
            }
            Next::Server(n, run, turn) => {
                if self.servers[n].run == run {
                    self.turn_server(n, turn);
                }
                None
            }
            Next::Hub(run, turn) => {
                if self.hub.run == run {
                    self.turn_hub(turn);
                }
                None
            }
            Next::Exited(pid) => self.awaited.remove(&pid).map(Seen::Exit),
            Next::CutStream => self.lose_stream(),
        };
        seen.map(|seen| self.observed(seen, Duration::from_millis(1)))
    }

    fn observed(&self, seen: Seen, took: Duration) -> Happened {
        Happened::Observed(Observation { target: self.target.clone(), at: self.clock(), took, seen })
    }

    fn plan(&mut self, after: Ms, next: Next) {
        self.queue.plan(self.now + after, next);
    }

    /// How busy the day is: 1 on average, least at three in the night, most at three in the afternoon.
    fn load(&self) -> f64 {
        let hour = (self.now + self.slept) as f64 / 3_600_000.0;
        1.0 - 0.7 * (std::f64::consts::TAU * (hour - 3.0) / 24.0).cos()
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults.contains_key(&fault)
    }

    fn pid(&mut self) -> u32 {
        self.next_pid += 1;
        self.next_pid
    }
}

impl Server {
    fn new(n: usize, began: Timestamp, chance: &mut Chance) -> Self {
        const NAMES: [&str; 5] = ["filesystem", "github", "memory", "search", "postgres"];
        let name = NAMES.get(n).map_or_else(|| Text::new(&format!("server-{n}")), |name| Text::new(name));
        let tools = (0..4 + chance.below(10)).map(|t| (Text::new(&format!("tool_{t}")), chance.word()));
        Self {
            tools: tools.collect(),
            is_cold: n % 2 == 1,
            call_ms: chance.log_normal(15.0, 1.0),
            child: Some((1001 + u32::try_from(n).unwrap_or(0), began)),
            is_hung: false,
            claim: ClaimStatus::Connected,
            error: None,
            connected: began,
            started: began,
            run: 0,
            changed: 0,
            name,
        }
    }

    fn is_claimed(&self) -> bool {
        self.claim == ClaimStatus::Connected
    }

    /// Its tools as a session lists them.
    fn listed(&self) -> impl Iterator<Item = (Text, ToolDigest)> + '_ {
        self.tools.iter().map(|(tool, digest)| (Text::new(&namespaced(self.name.as_str(), tool.as_str())), digest))
    }
}
