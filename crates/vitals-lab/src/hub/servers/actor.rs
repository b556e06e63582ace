//! The life of one server: it connects, is lost, is stopped and started, one thing at a time. Calls do
//! not pass through here.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use vitals_probe::clock::Stopwatch;
use vitals_probe::task::Task;

use super::Server;
use super::link::{Link, Trouble};
use super::state::Status;
use crate::hub::journal::{Level, Record};
use crate::persona::Persona;

/// The first wait before a lost server is connected again. It doubles up to [`AGAIN_MAX`].
const AGAIN_FIRST: Duration = Duration::from_secs(1);

/// The longest such wait: with the time that a server needs to start, it is back within 30 s.
const AGAIN_MAX: Duration = Duration::from_secs(16);

/// A server that was connected this long starts with the first wait again.
const STEADY: Duration = Duration::from_secs(60);

/// Most orders that wait for one attempt to connect.
const WAITING_MAX: usize = 64;

/// What an attempt or an order came to.
pub(super) type Reply = oneshot::Sender<Result<(), Trouble>>;

/// An order to a server.
pub(super) enum Command {
    /// Connect; answered when it is connected, or could not be.
    Start(Reply),
    /// Disconnect, and say so.
    Stop(AndThen, Reply),
    /// Disconnect for good; answered when its process is gone.
    End(oneshot::Sender<()>),
}

/// What a stopped server is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AndThen {
    /// `disconnected`.
    Down,
    /// `disabled`.
    Disabled,
}

/// What one server is doing.
enum Phase {
    Down,
    Connecting(BoxFuture<'static, Result<Link, Trouble>>),
    Up {
        link: Box<Link>,
        since: Stopwatch,
        relist: Task,
    },
    /// Lost, and said to be connected: npm mcp-hub leaves it at that.
    Ghost,
    /// Lost, and connected again at this time.
    Again(Instant),
}

enum Happened {
    Ordered(Option<Command>),
    Tried(Result<Box<Link>, Trouble>),
    Lost,
    Due,
    Closed,
}

/// Keeps one server as it should be.
pub(super) struct Actor {
    server: Arc<Server>,
    commands: mpsc::Receiver<Command>,
    phase: Phase,
    /// Who waits for the running attempt, at most [`WAITING_MAX`].
    waiting: Vec<Reply>,
    closing: FuturesUnordered<BoxFuture<'static, ()>>,
    again: Duration,
    disabled: bool,
}

impl Actor {
    pub(super) fn new(server: Arc<Server>, commands: mpsc::Receiver<Command>) -> Self {
        let disabled = server.config.disabled;
        let closing = FuturesUnordered::new();
        Self { server, commands, phase: Phase::Down, waiting: Vec::new(), closing, again: AGAIN_FIRST, disabled }
    }

    /// Runs until it is told to end, or nobody can tell it anything any more.
    pub(super) async fn run(mut self) {
        if self.disabled {
            self.debug(format!("Skipping disabled MCP server '{}'", self.server.config.name));
        } else {
            let mut record = Record::new(Level::Info, format!("Initializing MCP server '{}'", self.server.config.name));
            record.data = json!({"server": self.server.config.name});
            self.server.common.journal.write(record);
            self.connect();
        }
        loop {
            match self.next().await {
                Happened::Ordered(None) => return,
                Happened::Ordered(Some(Command::Start(reply))) => self.start(reply),
                Happened::Ordered(Some(Command::Stop(then, reply))) => self.stop(then, reply),
                Happened::Ordered(Some(Command::End(reply))) => {
                    self.leave();
                    while self.closing.next().await.is_some() {}
                    // Whoever asked may have given up waiting.
                    let _ = reply.send(());
                    return;
                }
                Happened::Tried(Ok(link)) => self.connected(link),
                Happened::Tried(Err(trouble)) => self.failed(&trouble),
                Happened::Lost => self.lost(),
                Happened::Due => self.connect(),
                Happened::Closed => {}
            }
        }
    }

    async fn next(&mut self) -> Happened {
        let phase = &mut self.phase;
        let own = async {
            match phase {
                Phase::Down | Phase::Ghost => std::future::pending().await,
                Phase::Connecting(attempt) => Happened::Tried(attempt.await.map(Box::new)),
                Phase::Up { link, .. } => {
                    link.lost().await;
                    Happened::Lost
                }
                Phase::Again(at) => {
                    sleep_until(*at).await;
                    Happened::Due
                }
            }
        };
        tokio::select! {
            command = self.commands.recv() => Happened::Ordered(command),
            happened = own => happened,
            Some(()) = self.closing.next() => Happened::Closed,
        }
    }

    fn start(&mut self, reply: Reply) {
        match self.phase {
            // It believes to be connected, so there is nothing to start: the lie that hides a dead server.
            Phase::Up { .. } | Phase::Ghost => {
                // Whoever asked may have given up waiting.
                let _ = reply.send(Ok(()));
            }
            Phase::Connecting(_) => self.wait(reply),
            Phase::Down | Phase::Again(_) => {
                self.wait(reply);
                self.disabled = false;
                self.connect();
            }
        }
    }

    /// Who has given up waiting makes room; beyond [`WAITING_MAX`] nobody waits.
    fn wait(&mut self, reply: Reply) {
        self.waiting.retain(|waits| !waits.is_closed());
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push(reply);
        } else {
            // Whoever asked may have given up waiting.
            let _ = reply.send(Err(Trouble::Other(format!("{WAITING_MAX} others wait for this server already"))));
        }
    }

    fn stop(&mut self, then: AndThen, reply: Reply) {
        self.disabled |= then == AndThen::Disabled;
        self.leave();
        let status = if self.disabled { Status::Disabled } else { Status::Disconnected };
        self.server.change(|state| state.down(status, None));
        self.again = AGAIN_FIRST;
        self.answer(&Err(Trouble::Closed));
        // Whoever asked may have given up waiting.
        let _ = reply.send(Ok(()));
    }

    /// Gives up the connection or the attempt at one; its process ends behind our back.
    fn leave(&mut self) {
        if let Phase::Up { link, relist, .. } = std::mem::replace(&mut self.phase, Phase::Down) {
            drop(relist);
            self.debug(format!("'{}' transport closed", self.server.config.name));
            self.server.change(|state| state.upstream = None);
            self.closing.push(Box::pin(link.close()));
        }
    }

    fn connect(&mut self) {
        self.server.change(super::state::State::connecting);
        let server = Arc::clone(&self.server);
        self.phase = Phase::Connecting(Box::pin(async move { Link::open(&server.config, &server.common.journal).await }));
    }

    fn connected(&mut self, mut link: Box<Link>) {
        self.server.change(|state| state.connected(&mut link));
        let relist = Task::spawn(relist(Arc::clone(&self.server), Arc::clone(&link.changes), link.upstream.clone()));
        self.phase = Phase::Up { link, since: Stopwatch::start(), relist };
        self.server.common.journal.write(Record::new(Level::Info, format!("'{}' MCP server connected", self.server.config.name)));
        if self.waiting.is_empty() && self.again > AGAIN_FIRST {
            self.server.updated();
        }
        self.answer(&Ok(()));
    }

    fn failed(&mut self, trouble: &Trouble) {
        let name = self.server.config.name.clone();
        if let Trouble::Other(why) = trouble {
            self.debug(format!("'{name}' error: {why}"));
        }
        self.debug(format!("'{name}' failed to start connection: {trouble}"));
        if self.waiting.is_empty() {
            // A server that does not answer is no news to an honest hub: it said so, and goes on trying.
            let known = self.server.common.persona == Persona::Honest && *trouble == Trouble::TimedOut;
            self.server.common.journal.write(Record {
                code: Some("CONNECTION_ERROR"),
                data: json!({"server": name, "error": trouble.to_string()}),
                ..Record::new(
                    if known { Level::Warn } else { Level::Error },
                    format!("Failed to connect to \"{name}\" MCP server: {trouble}"),
                )
            });
        }
        self.debug(format!("'{name}' transport closed"));
        self.phase = Phase::Down;
        match (self.server.common.persona, trouble) {
            (Persona::Npm421, _) => self.server.change(|state| state.down(Status::Disconnected, Some(trouble.to_string()))),
            (Persona::Honest, Trouble::TimedOut) => {
                self.server.change(|state| state.settled = true);
                self.connect();
            }
            (Persona::Honest, _) => {
                self.server.change(|state| state.down(Status::Disconnected, Some(trouble.to_string())));
                self.try_again();
            }
        }
        self.answer(&Err(trouble.clone()));
    }

    fn lost(&mut self) {
        self.debug(format!("'{}' transport closed", self.server.config.name));
        let Phase::Up { link, since, .. } = std::mem::replace(&mut self.phase, Phase::Ghost) else { return };
        self.closing.push(Box::pin(link.close()));
        match self.server.common.persona {
            Persona::Npm421 => self.server.change(super::state::State::haunted),
            Persona::Honest => {
                if since.elapsed() >= STEADY {
                    self.again = AGAIN_FIRST;
                }
                self.server.change(|state| state.down(Status::Disconnected, Some(Trouble::Closed.to_string())));
                let mut record = Record::new(Level::Warn, format!("Lost the connection to '{}'", self.server.config.name));
                record.data = json!({"server": self.server.config.name, "againAfterMs": self.again.as_millis()});
                self.server.common.journal.write(record);
                self.server.updated();
                self.try_again();
            }
        }
    }

    fn try_again(&mut self) {
        self.phase = Phase::Again(Instant::now() + self.again);
        self.again = (self.again * 2).min(AGAIN_MAX);
    }

    fn answer(&mut self, result: &Result<(), Trouble>) {
        for reply in self.waiting.drain(..) {
            // Whoever asked may have given up waiting.
            let _ = reply.send(result.clone());
        }
    }

    fn debug(&self, message: String) {
        self.server.common.journal.write(Record::new(Level::Debug, message));
    }
}

/// Reads a server's lists again whenever it says that they changed.
async fn relist(server: Arc<Server>, changes: Arc<tokio::sync::Notify>, upstream: super::Upstream) {
    loop {
        changes.notified().await;
        match upstream.list().await {
            Ok(capabilities) => {
                let tools = json!(capabilities.tools);
                server.change(|state| state.capabilities = capabilities);
                server.common.events.notify("tool_list_changed", json!({"server": server.config.name, "tools": tools}));
            }
            Err(trouble) => {
                let message = format!("'{}' failed to list what changed: {trouble}", server.config.name);
                server.common.journal.write(Record::new(Level::Warn, message));
            }
        }
    }
}
