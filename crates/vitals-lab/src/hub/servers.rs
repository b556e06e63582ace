//! The servers behind the hub: which there are, what is said of them, the list of all their tools, and
//! calls to them. How one server lives is in `actor`, how it is spoken to in `link`.

mod actor;
mod ears;
mod link;
mod listing;
mod state;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, join_all};
use rmcp::model::{CallToolRequestParams, CallToolResult, ContentBlock, ErrorData};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use vitals_probe::task::Task;

use self::actor::{Actor, Command};
use self::link::Capabilities;
use self::state::State;
use super::backend::{Backend, Listing, Notes};
use super::config::ServerConfig;
use super::events::Events;
use super::journal::{Journal, Level, Record};
use crate::fault::HubFault;
use crate::persona::Persona;

pub(crate) use self::actor::AndThen;
pub(crate) use self::link::{Trouble, Upstream};
pub(crate) use self::state::{ServerView, Status};

/// Most orders that wait for one server; more wait with their senders.
const COMMANDS_MAX: usize = 16;

/// What all servers share.
pub(crate) struct Common {
    pub persona: Persona,
    pub journal: Journal,
    pub events: Arc<Events>,
    /// The configuration file, as the API names it.
    pub source: PathBuf,
    /// Counts changes of what is said of servers.
    pub changes: watch::Sender<u64>,
}

/// One server.
pub(crate) struct Server {
    pub config: ServerConfig,
    common: Arc<Common>,
    state: Mutex<State>,
    commands: mpsc::Sender<Command>,
}

/// Why a server did not do what the API asked for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Refusal {
    /// There is none of this name.
    NoServer,
    /// It has never been connected, or was stopped.
    NotInitialized,
    /// It is in this state.
    NotConnected(Status),
    /// It has no such tool; these it has.
    NoTool(Vec<String>),
    /// What it met.
    Trouble(Trouble),
}

/// All servers.
pub(crate) struct Servers {
    shelf: Arc<Shelf>,
    _publisher: Task,
}

/// What the publisher of the list shares with the rest.
pub(super) struct Shelf {
    common: Arc<Common>,
    servers: Mutex<Vec<(Arc<Server>, Task)>>,
    listing: watch::Sender<Arc<Listing>>,
    faults: watch::Receiver<BTreeSet<HubFault>>,
    seed: u64,
}

impl Server {
    /// What is said of it.
    pub(crate) fn view(&self) -> ServerView {
        self.state().view(&self.config, &self.common.source)
    }

    /// Calls a tool by its own name.
    pub(crate) async fn call(&self, request: CallToolRequestParams) -> Result<CallToolResult, Refusal> {
        let tool = &request.name;
        let upstream = self.upstream()?;
        let tools: Vec<_> = self.state().capabilities.tools.iter().map(|tool| tool.name.to_string()).collect();
        if !tools.iter().any(|name| name == tool) {
            return Err(Refusal::NoTool(tools));
        }
        self.tell_of_call(tool);
        upstream.call(request).await.map_err(Refusal::Trouble)
    }

    /// The way to it, if it is said to be connected.
    pub(crate) fn upstream(&self) -> Result<Upstream, Refusal> {
        let state = self.state();
        match (state.upstream, state.status) {
            (Some(upstream), Status::Connected) => Ok(upstream),
            (Some(_), status) => Err(Refusal::NotConnected(status)),
            (None, _) => Err(Refusal::NotInitialized),
        }
    }

    /// The prompts that it lists.
    pub(crate) fn prompts(&self) -> Vec<String> {
        let prompts = self.state().capabilities.prompts;
        prompts.iter().filter_map(|prompt| prompt["name"].as_str()).map(str::to_owned).collect()
    }

    /// Connects it.
    pub(crate) async fn start(&self) -> Result<(), Trouble> {
        let result = self.order(Command::Start).await;
        self.updated();
        result
    }

    /// Disconnects it.
    pub(crate) async fn stop(&self, then: AndThen) -> Result<(), Trouble> {
        let result = self.order(|reply| Command::Stop(then, reply)).await;
        self.updated();
        result
    }

    /// Lists it anew. A dead or stopped server that is said to be connected loses its list by this in npm
    /// mcp-hub; an honest hub keeps the last list that it was given.
    pub(crate) async fn refresh(&self) {
        self.common.journal.write(Record::new(Level::Info, format!("Refreshing capabilities for server '{}'", self.config.name)));
        let Ok(upstream) = self.upstream() else { return };
        match (upstream.list().await, self.common.persona) {
            (Ok(capabilities), _) => self.change(|state| state.capabilities = capabilities),
            (Err(_), Persona::Npm421) => self.change(|state| state.capabilities = Capabilities::default()),
            (Err(trouble), Persona::Honest) => {
                let message = format!("'{}' failed to list: {trouble}", self.config.name);
                self.common.journal.write(Record::new(Level::Warn, message));
            }
        }
    }

    async fn order(&self, command: impl FnOnce(actor::Reply) -> Command) -> Result<(), Trouble> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| Trouble::Closed)?;
        answer.await.unwrap_or(Err(Trouble::Closed))
    }

    /// What a client is answered.
    fn answer(&self, called: Result<CallToolResult, Trouble>) -> Result<CallToolResult, ErrorData> {
        match called {
            Ok(result) => Ok(result),
            Err(Trouble::Rpc(error)) if self.common.persona == Persona::Honest => Err(error),
            // npm mcp-hub makes every failure one of the tool.
            Err(trouble) => Ok(CallToolResult::error(vec![ContentBlock::text(trouble.to_string())])),
        }
    }

    fn tell_of_call(&self, tool: &str) {
        self.common.journal.write(Record::new(Level::Debug, format!("Calling tool '{tool}' on '{}'", self.config.name)));
    }

    fn updated(&self) {
        self.common.events.notify("servers_updated", json!({"changes": {"modified": [self.config.name]}}));
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.common.changes.send_modify(|count| *count += 1);
    }
}

impl Servers {
    /// No servers yet; `seed` decides which tool a fault takes away.
    pub(crate) fn new(common: Arc<Common>, faults: watch::Receiver<BTreeSet<HubFault>>, seed: u64) -> Self {
        let shelf = Arc::new(Shelf { common, servers: Mutex::default(), listing: watch::Sender::default(), faults, seed });
        let publisher = Task::spawn(listing::publish(Arc::clone(&shelf)));
        Self { shelf, _publisher: publisher }
    }

    /// Starts these servers.
    pub(crate) fn start(&self, configs: Vec<ServerConfig>) {
        let common = &self.shelf.common;
        let count = configs.len();
        common.journal.write(Record {
            data: json!({"count": count}),
            ..Record::new(Level::Info, format!("Starting {count} configured MCP servers in parallel"))
        });
        let started = configs.into_iter().map(|config| {
            let (commands, orders) = mpsc::channel(COMMANDS_MAX);
            let state = Mutex::new(State::new(&config));
            let server = Arc::new(Server { config, common: Arc::clone(common), state, commands });
            let actor = Task::spawn(Actor::new(Arc::clone(&server), orders).run());
            (server, actor)
        });
        *self.shelf.servers.lock().unwrap_or_else(PoisonError::into_inner) = started.collect();
        common.changes.send_modify(|count| *count += 1);
    }

    /// Waits until each server is connected, or has failed to for the first time, and logs the sum.
    pub(crate) async fn settled(&self) {
        let mut changes = self.shelf.common.changes.subscribe();
        // The sender lives as long as we do.
        while !self.shelf.are_settled() && changes.changed().await.is_ok() {}
        let views: Vec<_> = self.all().iter().map(|server| server.view()).collect();
        let named = |status| views.iter().filter(move |view| view.status == status);
        let failed: Vec<_> =
            named(Status::Disconnected).chain(named(Status::Connecting)).map(|view| view.name.as_str()).collect();
        let (total, successful) = (views.len(), views.len() - failed.len());
        self.shelf.common.journal.write(Record {
            data: json!({
                "total": total, "successful": successful, "failed": failed.len(),
                "disabled": named(Status::Disabled).count(), "failedServers": failed,
            }),
            ..Record::new(Level::Info, format!("{successful}/{total} servers started successfully"))
        });
    }

    /// All servers, in order of name.
    pub(crate) fn all(&self) -> Vec<Arc<Server>> {
        self.shelf.all()
    }

    /// The server of this name.
    pub(crate) fn get(&self, name: &str) -> Result<Arc<Server>, Refusal> {
        self.all().into_iter().find(|server| server.config.name == name).ok_or(Refusal::NoServer)
    }

    /// The server that a client's call is for; the tool in it is given its own name.
    fn addressed(&self, request: &mut CallToolRequestParams) -> Result<Arc<Server>, ErrorData> {
        let found = self.shelf.find(&request.name);
        let unknown = || ErrorData::invalid_params(format!("tools capability not found: {}", request.name), None);
        let (server, tool) = found.ok_or_else(unknown)?;
        request.name = tool.into();
        server.tell_of_call(&request.name);
        Ok(server)
    }

    /// Ends all servers, and returns when their processes are gone.
    pub(crate) async fn end(&self) {
        let servers = std::mem::take(&mut *self.shelf.servers.lock().unwrap_or_else(PoisonError::into_inner));
        let journal = &self.shelf.common.journal;
        let count = servers.len();
        journal
            .write(Record { data: json!({"count": count}), ..Record::new(Level::Info, "Disconnecting all servers in parallel") });
        let ends = servers.iter().map(|(server, _)| async {
            let (reply, answer) = oneshot::channel();
            if server.commands.send(Command::End(reply)).await.is_ok() {
                // An actor that is gone has ended its process by that.
                let _ = answer.await;
            }
        });
        join_all(ends).await;
        journal.write(Record {
            data: json!({"total": count, "successful": count, "failed": 0, "failedServers": []}),
            ..Record::new(Level::Info, format!("{count} servers disconnected"))
        });
        self.shelf.common.changes.send_modify(|count| *count += 1);
    }
}

impl Backend for Servers {
    fn listing(&self) -> watch::Receiver<Arc<Listing>> {
        self.shelf.listing.subscribe()
    }

    fn call(&self, mut request: CallToolRequestParams) -> BoxFuture<'_, Result<CallToolResult, ErrorData>> {
        Box::pin(async move {
            let server = self.addressed(&mut request)?;
            match server.upstream() {
                Ok(upstream) => server.answer(upstream.call(request).await),
                Err(_) => server.answer(Err(Trouble::NotConnected)),
            }
        })
    }

    fn call_noted(&self, mut request: CallToolRequestParams, notes: Notes) -> BoxFuture<'_, Result<CallToolResult, ErrorData>> {
        Box::pin(async move {
            let server = self.addressed(&mut request)?;
            match server.upstream() {
                Ok(upstream) => server.answer(upstream.call_noted(request, notes).await),
                Err(_) => server.answer(Err(Trouble::NotConnected)),
            }
        })
    }

    fn faults(&self) -> watch::Receiver<BTreeSet<HubFault>> {
        self.shelf.faults.clone()
    }
}

impl Refusal {
    /// The words, the code and the details as npm mcp-hub answers them; `data` is what it was asked for.
    pub(crate) fn words(&self, fallback: &str, mut data: Value) -> (String, Value, Value) {
        match self {
            Self::NoServer => ("Server not found".to_owned(), "SERVER_ERROR".into(), data),
            Self::NotInitialized => ("Server not initialized".to_owned(), "TOOL_ERROR".into(), data),
            Self::NotConnected(status) => {
                data["status"] = json!(status);
                ("Server not connected".to_owned(), "TOOL_ERROR".into(), data)
            }
            Self::NoTool(tools) => {
                data["availableTools"] = json!(tools);
                ("Tool not found".to_owned(), "TOOL_ERROR".into(), data)
            }
            Self::Trouble(trouble) => {
                data["originalError"] = trouble.code().map_or(json!({}), |code| json!({"code": code, "name": "McpError"}));
                (trouble.to_string(), trouble.code().map_or_else(|| fallback.into(), Value::from), data)
            }
        }
    }
}
