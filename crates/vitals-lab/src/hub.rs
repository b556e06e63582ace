//! The lab's hub: a process of its own that starts servers, offers their tools to MCP clients, has the
//! REST API, the event stream, the log and the registry entry of a real hub, and does wrong what it is
//! told to.

mod api;
pub(crate) mod backend;
mod chatter;
mod child;
mod config;
mod control;
mod door;
mod events;
pub(crate) mod filter;
pub(crate) mod front;
pub(crate) mod journal;
mod log;
pub(crate) mod mcp;
mod servers;
mod strain;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use serde::Serialize;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use vitals_model::time::Timestamp;
use vitals_probe::clock;
use vitals_probe::task::Task;

use self::backend::Backend;
use self::config::Config;
use self::control::Word;
use self::events::{Events, Form};
use self::filter::Settings;
use self::front::Front;
use self::journal::{Journal, Level, Record};
use self::log::Log;
use self::servers::{Common, Servers};
use self::workspace::Workspace;
use crate::fault::HubFault;
use crate::part::HubPart;
use crate::persona::Persona;
use crate::place::Place;

pub use self::config::ConfigError;

/// Time between two signs of life on the event stream, as npm mcp-hub has it.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(10);

/// How long after a change of its registry entry the hub tells of it: npm watches the file and waits so long.
const WORKSPACE_TOLD_AFTER: Duration = Duration::from_millis(100);

/// Restarts that wait for the one that runs.
const RESTARTS_MAX: usize = 4;

/// Why the hub ended, or did not start.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The configuration cannot be used.
    #[error("the hub's configuration cannot be used")]
    Config(#[source] ConfigError),
    /// The port cannot be listened on.
    #[error("port {port} cannot be listened on")]
    Port {
        /// The port.
        port: u16,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something else that a hub needs of its machine.
    #[error("the hub cannot {what}")]
    Machine {
        /// What it could not do.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn machine(what: &'static str) -> impl Fn(io::Error) -> HubError {
    move |source| HubError::Machine { what, source }
}

/// What the hub is doing, in the words of the API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum HubState {
    Starting,
    Ready,
    Restarting,
    Restarted,
    Stopping,
}

impl HubState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Restarting => "restarting",
            Self::Restarted => "restarted",
            Self::Stopping => "stopping",
        }
    }
}

/// The event that tells what the hub is doing. The order of fields is npm's.
#[derive(Serialize)]
struct StateTold {
    state: &'static str,
    server_id: &'static str,
    pid: u32,
    port: u16,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    has_restarted: Option<bool>,
}

/// Who waits for a restart.
type Restarted = oneshot::Sender<Result<(), ConfigError>>;

/// The hub while it runs.
pub(crate) struct Hub {
    pub servers: Arc<Servers>,
    pub front: Arc<dyn Front>,
    pub events: Arc<Events>,
    pub journal: Journal,
    pub workspace: Workspace,
    pub faults: watch::Receiver<BTreeSet<HubFault>>,
    persona: Persona,
    config: PathBuf,
    port: u16,
    state: Mutex<HubState>,
    streams: Mutex<BTreeMap<u64, Timestamp>>,
    connections: watch::Sender<usize>,
    restarts: mpsc::Sender<Restarted>,
    end: CancellationToken,
}

/// Runs the hub until its standard input ends, or it is told to end by SIGTERM or SIGINT.
///
/// # Errors
/// It cannot start, or has lost its port for good.
pub async fn run(part: HubPart) -> Result<(), HubError> {
    strain::limit_files().map_err(machine("limit its files"))?;
    // With nobody who waits for it, this signal kills. With a handler, a write beyond the limit fails.
    let _file_too_large = signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map_err(machine("take signals"))?;
    let place = Place::new(part.root.clone());
    let config = config::read(&place.config()).map_err(HubError::Config)?;
    let orders = control::orders().map_err(machine("read orders"))?;
    let (tell, faults) = watch::channel(BTreeSet::new());
    let no_port = |source| HubError::Port { port: part.port, source };
    let listener = door::open(part.port).await.map_err(no_port)?;
    let listens_on = listener.local_addr().map_err(no_port)?.port();

    let filtering = filtering(&config)?;
    let events = Arc::new(Events::new(Form::of(&filtering, part.log_format), faults.clone()));
    let log = Log::start(place.log(), log::report_to(&events, &place.log())).map_err(machine("make a folder for its log"))?;
    let log = Arc::new(log);
    let journal = log::journal(Arc::clone(&log), Arc::clone(&events), faults.clone(), part.log_format);
    let (restarts, asked) = mpsc::channel(RESTARTS_MAX);
    let hub = Arc::new(Hub::new(&part, listens_on, filtering, faults.clone(), Arc::clone(&events), journal.clone(), restarts));
    let _tasks = [
        Task::spawn(strain::run(faults.clone(), journal.clone())),
        Task::spawn(chatter::run(faults.clone(), journal.clone(), log, part.log_format)),
        Task::spawn(events::send_batches(events)),
        Task::spawn(heartbeats(Arc::clone(&hub))),
        Task::spawn(stream_faults(Arc::clone(&hub))),
        Task::spawn(workspace_changes(Arc::clone(&hub))),
        Task::spawn(restarts_one_by_one(Arc::clone(&hub), asked)),
    ];
    let router = api::routes(&hub, hub.front.routes());
    let (listening, lost) = (watch::Sender::new(true), oneshot::channel());
    let still = listening.subscribe();
    let serving = Task::spawn(async move {
        // Whoever waited for it has ended the hub by itself.
        let _ = lost.0.send(door::serve(listener, router, faults, journal, listening).await);
    });
    hub.begin(config).await;
    control::say(&Word::Ready { port: listens_on }).map_err(machine("tell that it is ready"))?;
    let ended = obey(&hub, orders, &tell, still, lost.1).await;
    hub.front.end().await;
    drop(serving);
    hub.finish().await;
    ended.map_err(no_port)
}

/// Does as the lab says until the end. The error is that of a port that is lost for good.
async fn obey(
    hub: &Hub,
    mut orders: mpsc::Receiver<Result<control::Order, String>>,
    tell: &watch::Sender<BTreeSet<HubFault>>,
    mut listening: watch::Receiver<bool>,
    mut lost: oneshot::Receiver<io::Result<()>>,
) -> io::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                None => return Ok(()),
                Some(Err(problem)) => control::say(&Word::Error(problem))?,
                Some(Ok(order)) => {
                    tell.send_replace(order.faults.clone());
                    if order.faults.contains(&HubFault::PortLost) {
                        // Another process may take the port as soon as this is acknowledged.
                        drop(listening.wait_for(|listening| !listening).await);
                    }
                    control::say(&Word::Faults(&order.faults))?;
                }
            },
            _ = term.recv() => return hub.told_to_end("SIGTERM"),
            _ = interrupt.recv() => return hub.told_to_end("SIGINT"),
            () = hub.end.cancelled() => return hub.told_to_end("SIGTERM"),
            ended = &mut lost => return ended.unwrap_or(Ok(())),
        }
    }
}

/// The MCP endpoint of the hub: the one seam between the two.
fn open_front(backend: Arc<dyn Backend>, journal: &Journal, filtering: Settings, part: &HubPart) -> Arc<dyn Front> {
    Arc::new(mcp::Endpoint::start(backend, journal.clone(), filtering, part.persona))
}

/// What the configuration says of filtering.
fn filtering(config: &Config) -> Result<Settings, HubError> {
    let read = config.filtering.as_ref().map_or(Ok(Settings::off()), Settings::read);
    read.map_err(|error| HubError::Config(ConfigError(vec![format!("toolFiltering: {error}")])))
}

impl Hub {
    fn new(
        part: &HubPart,
        listens_on: u16,
        filtering: Settings,
        faults: watch::Receiver<BTreeSet<HubFault>>,
        events: Arc<Events>,
        journal: Journal,
        restarts: mpsc::Sender<Restarted>,
    ) -> Self {
        let place = Place::new(part.root.clone());
        let common = Arc::new(Common {
            persona: part.persona,
            journal: journal.clone(),
            events: Arc::clone(&events),
            source: place.config(),
            changes: watch::Sender::default(),
        });
        let servers = Arc::new(Servers::new(common, faults.clone(), part.seed));
        let backend = Arc::clone(&servers);
        Self {
            servers,
            front: open_front(backend, &journal, filtering, part),
            events,
            journal,
            workspace: Workspace::new(place.workspaces(), listens_on, place.config()),
            faults,
            persona: part.persona,
            config: place.config(),
            port: listens_on,
            state: Mutex::new(HubState::Starting),
            streams: Mutex::default(),
            connections: watch::Sender::default(),
            restarts,
            end: CancellationToken::new(),
        }
    }

    /// What the hub says that it is doing.
    pub(crate) fn state(&self) -> HubState {
        if self.faults.borrow().contains(&HubFault::StartingForEver) {
            return HubState::Starting;
        }
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the event stream what the hub is doing.
    pub(crate) fn tell_state(&self, state: HubState) {
        let has_restarted = (state == HubState::Restarted).then_some(true);
        self.events.send("hub_state", &StateTold { has_restarted, ..self.as_told(state) });
    }

    /// Tells a new client of the event stream, and no other, what the hub is doing.
    pub(crate) fn greet(&self, id: u64) {
        self.events.send_to(id, "hub_state", &self.as_told(self.state()));
    }

    fn as_told(&self, state: HubState) -> StateTold {
        StateTold {
            state: state.as_str(),
            server_id: "mcp-hub",
            pid: std::process::id(),
            port: self.port,
            timestamp: clock::now().to_string(),
            has_restarted: None,
        }
    }

    /// The clients of the event stream, and since when.
    pub(crate) fn streams(&self) -> Vec<(u64, Timestamp)> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).clone().into_iter().collect()
    }

    /// A client of the event stream has come.
    pub(crate) fn stream_joined(&self, id: u64) {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).insert(id, clock::now());
        self.connections.send_replace(self.events.count());
    }

    /// A client of the event stream has gone.
    pub(crate) fn stream_left(&self, id: u64) {
        self.events.left(id);
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        self.connections.send_replace(self.events.count());
    }

    /// Reads the configuration again and starts all servers anew. It goes on when nobody waits for it.
    pub(crate) async fn restart(&self) -> Result<(), ConfigError> {
        let gone = || ConfigError(vec!["the hub is ending".to_owned()]);
        let (reply, answer) = oneshot::channel();
        self.restarts.send(reply).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Ends the hub, in good order, after the answer that is being given.
    pub(crate) fn end_soon(&self) {
        self.tell_state(HubState::Restarting);
        self.end.cancel();
    }

    async fn begin(&self, config: Config) {
        self.say(Level::Info, format!("Starting HTTP server on port {}", self.port));
        self.say(Level::Info, "HTTP_SERVER_STARTED");
        self.register(0).await;
        self.say(Level::Info, format!("Registered workspace on port {}", self.port));
        self.say(Level::Info, "Initializing MCP Hub");
        let endpoint = format!("http://localhost:{}/mcp", self.port);
        self.say(Level::Info, format!("Hub endpoint ready: Use `{endpoint}` endpoint with any other MCP clients"));
        self.say(Level::Debug, format!("Config loaded successfully from {}", self.config.display()));
        self.servers.start(config.servers);
        if self.persona == Persona::Honest {
            self.enter(HubState::Ready);
        }
    }

    async fn register(&self, connections: usize) {
        if let Err(error) = self.workspace.write(connections).await {
            let mut record = Record::new(Level::Warn, format!("Failed to write to the workspace cache: {error}"));
            record.data = json!({"port": self.port});
            self.journal.write(record);
        }
    }

    async fn begin_again(&self) -> Result<(), ConfigError> {
        self.enter(HubState::Restarting);
        self.say(Level::Info, "Restarting MCP Hub");
        let config = config::read(&self.config).inspect_err(|error| {
            self.say(Level::Error, format!("The configuration cannot be used: {error}"));
            self.enter(HubState::Ready);
        })?;
        self.servers.end().await;
        self.servers.start(config.servers);
        if self.persona == Persona::Npm421 {
            self.servers.settled().await;
        }
        self.say(Level::Info, "MCP Hub restarted successfully");
        self.enter(HubState::Restarted);
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the end of a loop that ends in an error elsewhere")]
    fn told_to_end(&self, signal: &str) -> io::Result<()> {
        self.say(Level::Info, format!("Received {signal} signal - initiating graceful shutdown"));
        Ok(())
    }

    async fn finish(&self) {
        self.enter(HubState::Stopping);
        self.say(Level::Info, "Starting graceful shutdown process");
        self.servers.end().await;
        if let Err(error) = self.workspace.remove().await {
            self.say(Level::Warn, format!("Failed to leave the workspace cache: {error}"));
        }
        self.say(Level::Info, format!("Deregistered workspace on port {}", self.port));
        self.say(Level::Info, "Graceful shutdown completed successfully");
        self.events.finish();
    }

    fn enter(&self, state: HubState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.tell_state(self.state());
    }

    fn say(&self, level: Level, message: impl Into<String>) {
        self.journal.write(Record::new(level, message));
    }
}

async fn heartbeats(hub: Arc<Hub>) {
    let mut beat = interval(HEARTBEAT_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        hub.events.heartbeat();
    }
}

/// What a change of faults means for the event stream.
async fn stream_faults(hub: Arc<Hub>) {
    let mut faults = hub.faults.clone();
    let mut told = HubState::Starting;
    loop {
        if faults.borrow_and_update().contains(&HubFault::StreamCut) {
            hub.events.cut();
        }
        if told != hub.state() {
            told = hub.state();
            hub.tell_state(told);
        }
        if faults.changed().await.is_err() {
            return;
        }
    }
}

/// Keeps the count of clients in the registry, and tells of it as npm does.
async fn workspace_changes(hub: Arc<Hub>) {
    let mut connections = hub.connections.subscribe();
    while connections.changed().await.is_ok() {
        let count = *connections.borrow_and_update();
        hub.register(count).await;
        hub.journal.write(Record {
            data: json!({"port": hub.port, "updates": {"activeConnections": count}}),
            ..Record::new(Level::Debug, format!("Updated workspace state for port {}", hub.port))
        });
        tokio::time::sleep(WORKSPACE_TOLD_AFTER).await;
        let all = hub.workspace.all();
        let mut record = Record::new(Level::Debug, "Workspace cache updated");
        record.data = json!({"activeWorkspaces": all.len()});
        hub.events.notify("workspaces_updated", json!({ "workspaces": all }));
        hub.journal.write(record);
    }
}

/// Starts are one by one, and the first one is the hub's own.
async fn restarts_one_by_one(hub: Arc<Hub>, mut asked: mpsc::Receiver<Restarted>) {
    hub.servers.settled().await;
    if hub.persona == Persona::Npm421 {
        hub.enter(HubState::Ready);
    }
    while let Some(reply) = asked.recv().await {
        // Whoever asked may have given up waiting.
        let _ = reply.send(hub.begin_again().await);
    }
}
