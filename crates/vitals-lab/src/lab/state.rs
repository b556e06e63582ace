//! What a lab holds while it runs, and how a fault is put in force and taken away. One at a time: the
//! caller has the lock.

mod outside;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use vitals_model::observation::{ChildFacts, ProcessId, ProcessSeen, RunState};
use vitals_probe::clock::{self, Stopwatch};
use vitals_probe::hub_config::{self, HubConfig};
use vitals_probe::mcp::Session;
use vitals_probe::process::{self, Look};
use vitals_probe::task::Task;

use super::error::LabError;
use super::files::{BUILT_IN, Files, KEY_VARIABLE};
use super::hub_api::HubApi;
use super::process::HubProcess;
use super::settings::{Active, Filtering, Servers, Settings};
use super::signal::Orphan;
use crate::fault::{Fault, HubFault, Means};
use crate::gemini::Stub;
use crate::part::{HubPart, Part};
use outside::Effect;
use rules::{acts_at_start, exclude_each_other, hurts_a_server, needs_filtering, told_to_hub, told_to_servers};

/// How long the built-in servers may take to connect.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// How long between two looks at something that is waited for.
const PAUSE: Duration = Duration::from_millis(25);

/// How long a server that is to start badly is waited for: long enough for the hub to have started it.
const START_BAD: Duration = Duration::from_millis(300);

/// How long a server that is to start well is waited for.
const START_WELL: Duration = Duration::from_secs(10);

/// How long an answer is waited for in the background after that: a hub gives up after 60 s.
const START_MAX: Duration = Duration::from_secs(70);

/// Most starts of servers that hang; the oldest is no longer waited for.
const STARTS_MAX: usize = 16;

/// How long servers may take to end after their hub.
const SERVERS_END_MAX: Duration = Duration::from_secs(2);

/// Sessions opened and closed so that a hub which keeps closed ones is seen to: more than the monitor's
/// default limit of 10 clients.
const SESSIONS_KEPT: usize = 12;

/// Faults of the API, which would also be in the lab's own way.
const IN_OUR_WAY: [HubFault; 4] = [HubFault::ApiSlow, HubFault::ApiHtml, HubFault::ApiStatus500, HubFault::ApiTruncated];

/// What everybody may see of a lab.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// The faults in force, oldest first.
    pub(super) active: Vec<Active>,
    /// The hub's process, if there is one.
    pub(super) hub: Option<ProcessId>,
}

/// What a lab holds. Dropping it ends what it started, in no good order.
#[derive(Debug)]
pub(super) struct State {
    settings: Settings,
    stub: Stub,
    port: u16,
    active: Vec<Active>,
    /// What was done from outside; undone when dropped.
    effects: BTreeMap<Fault, Effect>,
    /// Starts of servers that have not been answered yet.
    starts: Vec<Task>,
    hub: Option<HubProcess>,
    shown: watch::Sender<Shown>,
    files: Files,
}

impl State {
    /// Starts stub, hub and servers.
    pub(super) async fn start(settings: Settings, shown: watch::Sender<Shown>) -> Result<Self, LabError> {
        let files = Files::take(&settings.place)?;
        let prepared = match Stub::start().await {
            Ok(stub) => files.configure(&settings, stub.base_url()).map(|()| stub),
            Err(source) => Err(LabError::Listen { what: "the LLM stub", source }),
        };
        let stub = match prepared {
            Ok(stub) => stub,
            Err(error) => {
                // The error that the caller hears is the first one.
                let _ = files.remove();
                return Err(error);
            }
        };
        let mut state = Self {
            port: settings.port,
            settings,
            stub,
            active: Vec::new(),
            effects: BTreeMap::new(),
            starts: Vec::new(),
            hub: None,
            shown,
            files,
        };
        match state.begin().await {
            Ok(()) => Ok(state),
            Err(error) => {
                // The error that the caller hears is the first one.
                let _ = state.end().await;
                Err(error)
            }
        }
    }

    async fn begin(&mut self) -> Result<(), LabError> {
        self.start_hub().await?;
        self.files.write_vitals_config(self.port)?;
        if self.settings.servers == Servers::BuiltIn {
            self.wait_connected().await?;
        }
        self.show();
        Ok(())
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) const fn files(&self) -> &Files {
        &self.files
    }

    /// Puts a fault in force; returns when it is.
    pub(super) async fn inject(&mut self, fault: Fault, server: &str) -> Result<(), LabError> {
        self.reap();
        self.check(fault, server)?;
        let server_hurt = hurts_a_server(fault).then(|| server.to_owned());
        self.active.push(Active { fault, server: server_hurt, since: clock::now() });
        // Whoever sees what it does should see also what it is.
        self.show();
        let done = self.carry_out(fault, server).await;
        if done.is_err() {
            self.active.retain(|active| active.fault != fault);
            self.effects.remove(&fault);
            // The error that the caller hears is the first one.
            let _ = self.settle(fault, server).await;
        }
        self.show();
        done
    }

    /// Takes a fault's cause away; returns when it is gone. One that is not in force is none.
    pub(super) async fn clear(&mut self, fault: Fault) -> Result<(), LabError> {
        self.reap();
        let Some(at) = self.active.iter().position(|active| active.fault == fault) else { return Ok(()) };
        let active = self.active.remove(at);
        let done = self.take_away(fault, active.server.as_deref().unwrap_or_default()).await;
        if done.is_err() {
            self.active.insert(at.min(self.active.len()), active);
        }
        self.show();
        done
    }

    /// The process of a server below the hub.
    pub(super) fn server_process(&self, server: &str) -> Option<ProcessId> {
        let runs = |child: &&ChildFacts| {
            child.server.as_ref().is_some_and(|name| name.as_str() == server) && child.state != RunState::Zombie
        };
        self.children().iter().rev().find(runs).map(|child| child.id)
    }

    /// Starts the hub again after [`Fault::HubRestarted`]; the fault is over then.
    pub(super) async fn heal_restart(&mut self) {
        if self.active.iter().any(|active| active.fault == Fault::HubRestarted) && self.start_hub().await.is_ok() {
            self.active.retain(|active| active.fault != Fault::HubRestarted);
        }
        self.show();
        // Last, because whoever calls this may be part of it.
        self.effects.remove(&Fault::HubRestarted);
    }

    /// Keeps a task for as long as the restart goes on.
    pub(super) fn keep_restart(&mut self, task: Task) {
        self.effects.insert(Fault::HubRestarted, Effect::Restart(task));
    }

    /// Ends everything in good order and removes the files.
    pub(super) async fn end(mut self) -> Result<(), LabError> {
        let children = self.children();
        self.starts.clear();
        for (_, effect) in std::mem::take(&mut self.effects) {
            effect.end().await;
        }
        let ended = match self.hub.take() {
            Some(hub) => hub.end().await,
            None => Ok(()),
        };
        let began = Stopwatch::start();
        let lives = |child: &&ChildFacts| process::identify(child.id.pid) == Some(child.id);
        while began.elapsed() < SERVERS_END_MAX && children.iter().any(|child| lives(&child)) {
            tokio::time::sleep(PAUSE).await;
        }
        // Whoever is still there resists: that is what an orphan is.
        children.iter().filter(lives).for_each(|child| drop(Orphan(child.id)));
        ended.and(self.files.remove())
    }

    /// A hub that has ended by itself is none any more.
    fn reap(&mut self) {
        if self.hub.as_ref().is_some_and(|hub| hub.ended().is_some()) {
            self.hub = None;
        }
    }

    fn show(&self) {
        let hub = self.hub.as_ref().map(HubProcess::id);
        self.shown.send_replace(Shown { active: self.active.clone(), hub });
    }

    fn config(&self) -> HubConfig {
        hub_config::read(&[self.files.place().config()])
    }

    fn check(&self, fault: Fault, server: &str) -> Result<(), LabError> {
        if self.active.iter().any(|active| active.fault == fault) {
            return Err(LabError::InForce(fault));
        }
        if let Some(other) = self.active.iter().find(|active| exclude_each_other(active.fault, fault)) {
            return Err(LabError::Conflict { wanted: fault, other: other.fault });
        }
        if needs_filtering(fault) && self.settings.filtering == Filtering::Off {
            return Err(LabError::NeedsFiltering(fault));
        }
        if !hurts_a_server(fault) {
            return Ok(());
        }
        let names: Vec<_> = self.config().servers.into_iter().map(|server| server.raw_name).collect();
        if !names.iter().any(|name| name == server) {
            return Err(LabError::UnknownServer { name: server.to_owned(), known: names.join(", ") });
        }
        let is_ours = self.settings.servers == Servers::BuiltIn && BUILT_IN.iter().any(|(name, _)| *name == server);
        if told_to_servers(fault).is_some() && !is_ours {
            return Err(LabError::Stranger(server.to_owned()));
        }
        Ok(())
    }

    async fn carry_out(&mut self, fault: Fault, server: &str) -> Result<(), LabError> {
        match fault.card().means {
            Means::Outside(outside) => self.act(fault, outside, server).await,
            Means::Llm(_) => {
                self.tell_stub();
                Ok(())
            }
            Means::Server(told) => {
                self.write_faults(server)?;
                if acts_at_start(told) {
                    self.stop_server(server).await?;
                    // That it does not start well is the fault.
                    let _ = self.start_server(server, START_BAD).await;
                }
                Ok(())
            }
            Means::Hub(told) => {
                self.tell_hub().await?;
                match told {
                    HubFault::SessionsKept => self.open_and_close_sessions().await,
                    HubFault::ExposureLeak => {
                        let session = self.ask_for_tools().await?;
                        self.effects.insert(fault, Effect::Session(Box::new(session)));
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    async fn take_away(&mut self, fault: Fault, server: &str) -> Result<(), LabError> {
        match fault.card().means {
            Means::Outside(outside) => self.undo(fault, outside, server).await,
            Means::Server(told) if acts_at_start(told) => {
                self.write_faults(server)?;
                self.stop_server(server).await?;
                self.start_server(server, START_WELL).await
            }
            Means::Hub(_) | Means::Server(_) | Means::Llm(_) => {
                if let Some(effect) = self.effects.remove(&fault) {
                    effect.end().await;
                }
                self.settle(fault, server).await
            }
        }
    }

    /// Tells whoever carries out such a fault what is in force now.
    async fn settle(&mut self, fault: Fault, server: &str) -> Result<(), LabError> {
        match fault.card().means {
            Means::Llm(_) => self.tell_stub(),
            _ if told_to_servers(fault).is_some() => self.write_faults(server)?,
            _ if told_to_hub(fault).is_some() && self.hub.is_some() => self.tell_hub().await?,
            _ => {}
        }
        Ok(())
    }

    fn hub_faults(&self) -> BTreeSet<HubFault> {
        self.active.iter().filter_map(|active| told_to_hub(active.fault)).collect()
    }

    async fn tell_hub(&mut self) -> Result<(), LabError> {
        self.check_moving()?;
        let faults = self.hub_faults();
        self.hub.as_mut().ok_or(LabError::NoHub)?.tell(&faults).await
    }

    /// A hub that stands still neither reads nor answers. What it was told would come true when it goes on, after
    /// the caller heard that it did not.
    fn check_moving(&self) -> Result<(), LabError> {
        if self.effects.contains_key(&Fault::HubStopped) { Err(LabError::StandsStill) } else { Ok(()) }
    }

    fn tell_stub(&self) {
        let told = self.active.iter().find_map(|active| match active.fault.card().means {
            Means::Llm(told) => Some(told),
            _ => None,
        });
        self.stub.set(told);
    }

    fn write_faults(&self, server: &str) -> Result<(), LabError> {
        let of_it = self.active.iter().filter(|active| active.server.as_deref() == Some(server));
        let faults = of_it.filter_map(|active| told_to_servers(active.fault)).collect();
        self.files.write_server_faults(server, &faults)
    }

    async fn start_hub(&mut self) -> Result<(), LabError> {
        let place = self.files.place();
        let Settings { persona, log_format, seed, .. } = self.settings;
        let part = HubPart { root: place.root().to_owned(), port: self.port, persona, log_format, seed };
        let mut command = self.settings.program.command(&Part::Hub(part));
        command.env("XDG_STATE_HOME", place.state()).env(KEY_VARIABLE, self.stub.key());
        let hub = HubProcess::start(command).await?;
        self.port = hub.port();
        self.hub = Some(hub);
        // The limit was on the hub before.
        if self.effects.contains_key(&Fault::DiskFull) {
            let limit = self.limit_log()?;
            self.effects.insert(Fault::DiskFull, limit);
        }
        if self.hub_faults().is_empty() { Ok(()) } else { self.tell_hub().await }
    }

    async fn kill_hub(&mut self) -> Result<(), LabError> {
        match self.hub.take() {
            Some(hub) => hub.kill().await,
            None => Ok(()),
        }
    }

    fn api(&self) -> HubApi {
        HubApi::new(self.port)
    }

    /// The hub's children, with the servers that they run.
    fn children(&self) -> Vec<ChildFacts> {
        let Some(hub) = &self.hub else { return Vec::new() };
        match Look::default().look(hub.id(), None, &self.config()) {
            ProcessSeen::Alive(facts) => facts.children,
            _ => Vec::new(),
        }
    }

    async fn wait_connected(&self) -> Result<(), LabError> {
        let began = Stopwatch::start();
        loop {
            let servers = self.api().servers().await?;
            let connected = |name| servers.iter().any(|server| server.name == name && server.status == "connected");
            if ["echo", "filesystem"].into_iter().all(connected) {
                return Ok(());
            }
            if began.elapsed() >= CONNECT_MAX {
                let seen: Vec<_> = servers.iter().map(|server| format!("{} {}", server.name, server.status)).collect();
                return Err(LabError::NotConnected { seen: seen.join(", "), limit: CONNECT_MAX });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn stop_server(&mut self, server: &str) -> Result<(), LabError> {
        let api = self.api();
        self.unhindered(async { api.stop(server).await }).await
    }

    /// Starts a server. One that has not started by `limit` is waited for in the background.
    async fn start_server(&mut self, server: &str, limit: Duration) -> Result<(), LabError> {
        let (api, server) = (self.api(), server.to_owned());
        let (say, answer) = oneshot::channel();
        let ask = async {
            let task = Task::spawn(async move {
                let _ = say.send(api.start(&server, START_MAX).await);
            });
            match timeout(limit, answer).await {
                Ok(started) => (None, started.unwrap_or(Ok(()))),
                Err(_) => (Some(task), Ok(())),
            }
        };
        let mut hanging = None;
        let started = self
            .unhindered(async {
                let (task, started) = ask.await;
                hanging = task;
                started
            })
            .await;
        self.starts.retain(|start| !start.is_finished());
        self.starts.extend(hanging);
        let beyond = self.starts.len().saturating_sub(STARTS_MAX);
        self.starts.drain(..beyond);
        started
    }

    /// A request of ours, during which the API does nothing wrong.
    async fn unhindered(&mut self, request: impl Future<Output = Result<(), LabError>>) -> Result<(), LabError> {
        self.check_moving()?;
        let faults = self.hub_faults();
        if !IN_OUR_WAY.iter().any(|fault| faults.contains(fault)) {
            return request.await;
        }
        let fewer = faults.iter().copied().filter(|fault| !IN_OUR_WAY.contains(fault)).collect();
        self.hub.as_mut().ok_or(LabError::NoHub)?.tell(&fewer).await?;
        let answered = request.await;
        self.tell_hub().await?;
        answered
    }

    async fn open_and_close_sessions(&self) -> Result<(), LabError> {
        let api = self.api();
        for _ in 0..SESSIONS_KEPT {
            let session = api.open().await?;
            // How a hub that keeps sessions takes its leave is its own affair.
            let _ = session.close().await;
        }
        Ok(())
    }

    async fn ask_for_tools(&self) -> Result<Session, LabError> {
        let api = self.api();
        let session = api.open().await?;
        api.ask_for_tools(&session).await?;
        Ok(session)
    }
}

#[cfg(test)]
mod tests;
