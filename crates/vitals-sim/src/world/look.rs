//! What each probe sees of the world as it is now.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use vitals_model::claim::{FilteringClaim, HubClaim, HubState, ServerClaim};
use vitals_model::observation::{
    ApiSeen, CallSeen, CallWay, ChildFacts, ExitRole, ExitSeen, Failure, FailureKind, HostFacts, Level, ListenSeen, LlmModels,
    LlmSeen, MetaToolAnswer, MetaToolSeen, Opened, Phase, ProcessFacts, ProcessId, ProcessSeen, RunState, SessionSeen,
    SessionView, Timing, Transport, WorkspaceEntry, WorkspaceSeen,
};
use vitals_model::text::Text;
use vitals_model::tool::ToolSet;

use super::life::id;
use super::probe::{Call, Fate, Run};
use super::sources::failure;
use super::{Persona, Server, World};
use crate::fault::Fault;
use crate::queue::Ms;

/// Memory of the machine and of a hub at rest, in bytes (measured: about 90 MB).
const MACHINE_BYTES: f64 = 8e9;
const REST_BYTES: f64 = 90e6;

/// The saw-tooth of its heap: bytes, and the time from one collection of all to the next.
const TOOTH_BYTES: f64 = 30e6;
const TOOTH: Ms = 37 * 60_000;

impl World {
    pub(super) fn workspace(&self) -> WorkspaceSeen {
        let entry =
            self.hub.recorded.ok_or_else(|| failure(Phase::Body, FailureKind::Missing, "", 1)).map(|pid| WorkspaceEntry {
                port: 7001,
                pid,
                started_at: Some(self.hub.began),
                state: Text::new("active"),
                cwd: None,
                config_files: vec![PathBuf::from("/home/op/hub.json")],
                unreadable: Vec::new(),
                process: (self.hub.lives && pid == self.hub.pid).then(|| self.hub_id()),
            });
        WorkspaceSeen { registry: PathBuf::from("/home/op/workspaces.json"), entry }
    }

    fn hub_id(&self) -> ProcessId {
        id(self.hub.pid, self.hub.began)
    }

    pub(super) fn process(&mut self) -> ProcessSeen {
        if !self.hub.lives {
            self.last_look = None;
            return ProcessSeen::Gone { last: Some(self.hub_id()), orphans: Vec::new() };
        }
        let over = self.last_look.replace(self.now).map_or(0, |last| self.now - last);
        // What a short look does not hold is in the next one.
        let used = self.hub.burst_ms.min(over as f64);
        self.hub.burst_ms -= used;
        let rest = self.answers.log_normal(0.4 * self.load(), 0.3);
        let cpu_percent = (over >= 50).then(|| rest + used * 100.0 / over as f64);
        let children: Vec<_> = self.servers.iter().filter_map(|server| self.child(server)).collect();
        self.await_exits(&children);
        let now = self.clock();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let listen = if self.hub.listens { ListenSeen::Hub { addresses: vec![address] } } else { ListenSeen::Nobody };
        ProcessSeen::Alive(Box::new(ProcessFacts {
            id: self.hub_id(),
            state: RunState::Normal,
            uptime: now.since(self.hub.began),
            cpu_percent,
            cpu_over: Duration::from_millis(over),
            rss_bytes: self.rss(),
            machine_bytes: in_bytes(MACHINE_BYTES),
            memory_max: None,
            fds: Some(24 + self.clients + self.servers.len() as u64 * 3),
            fds_max: Some(1024),
            threads: 11,
            children,
            orphans: Vec::new(),
            listen,
            host: self.machine(),
        }))
    }

    /// Whether the hub suffers from the machine that it runs on.
    pub(super) fn is_in_need(&self) -> bool {
        self.has(Fault::ShortOfCores) || self.has(Fault::ShortOfMemory)
    }

    /// The machine at rest, and what is short on it. A hub that is slow by that still answers in time.
    fn machine(&mut self) -> HostFacts {
        let (cores, memory) = (self.has(Fault::ShortOfCores), self.has(Fault::ShortOfMemory));
        HostFacts {
            cpu_stall_percent: Some(if cores { 95.0 } else { 2.0 }),
            cpu_wait_percent: Some(if cores { self.answers.between(40.0, 58.0) } else { 0.3 }),
            memory_stall_percent: Some(if memory { self.answers.between(20.0, 55.0) } else { 0.0 }),
            memory_free_bytes: Some(if memory { 60_000_000 } else { 3_000_000_000 }),
        }
    }

    fn child(&self, server: &Server) -> Option<ChildFacts> {
        let (pid, began) = server.child?;
        Some(ChildFacts {
            id: id(pid, began),
            state: RunState::Normal,
            command: Text::new("node server.js"),
            server: Some(server.name.clone()),
            rss_bytes: 60_000_000,
            uptime: self.clock().since(began),
            left_by: None,
        })
    }

    fn await_exits(&mut self, children: &[ChildFacts]) {
        let hub = self.hub_id();
        self.awaited.retain(|pid, _| *pid == hub.pid || children.iter().any(|c| c.id.pid == *pid));
        self.awaited.entry(hub.pid).or_insert(ExitSeen { id: hub, role: ExitRole::Hub });
        for child in children {
            let role = ExitRole::Child { command: child.command.clone(), server: child.server.clone() };
            self.awaited.entry(child.id.pid).or_insert(ExitSeen { id: child.id, role });
        }
    }

    /// A heap that is filled and collected, grows a little with the day, and is smaller after a start.
    fn rss(&mut self) -> u64 {
        let age_s = self.clock().since(self.hub.began).as_secs_f64();
        let warm = 1.0 - 0.3 * (-age_s / 1200.0).exp();
        let tooth = TOOTH_BYTES * (self.now % TOOTH) as f64 / TOOTH as f64;
        let leaked = self.faults.get(&Fault::MemoryLeak).map_or(0.0, |since| (self.now - since) as f64 / 60_000.0 * 1e6);
        let jitter = self.answers.between(-2e6, 2e6);
        in_bytes(REST_BYTES * warm + 10e6 * self.load() + tooth + leaked + jitter)
    }

    /// Why the hub gave no answer: it was so from the start, or it ended meanwhile.
    fn failed(&self, run: &Run) -> Option<Failure> {
        let after = self.now - run.began;
        match &run.fate {
            Fate::Failed(phase, kind, evidence) => Some(failure(*phase, kind.clone(), evidence, after)),
            Fate::Answered if !self.hub.listens || self.hub.pid != run.pid => {
                Some(failure(Phase::Body, FailureKind::Closed, "", after))
            }
            Fate::Answered => None,
        }
    }

    pub(super) fn api(&self, run: &Run) -> ApiSeen {
        if let Some(failure) = self.failed(run) {
            return ApiSeen::failed(&failure);
        }
        let total = Duration::from_millis(self.now - run.began);
        let filtering = (self.setting.persona == Persona::Filtering).then(|| {
            Ok(FilteringClaim {
                enabled: Some(true),
                mode: Some(Text::new("prompt-based")),
                total_tools: Some(self.tools()),
                exposed_tools: Some(1),
                ..FilteringClaim::default()
            })
        });
        ApiSeen {
            health: Ok(HubClaim {
                state: Some(self.hub.state.clone()),
                version: Some(Text::new("4.2.1")),
                active_clients: Some(u64::from(self.stream.is_open)),
                mcp_clients: Some(self.clients + if self.sessions { 2 } else { 0 }),
                registered_tools: (self.setting.persona == Persona::Npm)
                    .then(|| if self.is_listing() { self.tools() } else { 0 }),
                pid: Some(self.hub.pid),
                ..HubClaim::default()
            }),
            servers: Ok(self.servers.iter().map(|server| self.claimed(server)).collect()),
            servers_left_out: 0,
            filtering,
            timing: Timing { total, first_byte: total, ..Timing::default() },
            health_bytes: 26_000,
        }
    }

    fn tools(&self) -> u64 {
        self.servers.iter().filter(|server| server.is_claimed()).map(|server| server.tools.len() as u64).sum()
    }

    /// npm mcp-hub lists no tool until all servers have answered.
    const fn is_listing(&self) -> bool {
        !matches!(self.hub.state, HubState::Starting | HubState::Restarting)
    }

    /// A dead server stays connected, with all its tools; its uptime of zero is the one trace.
    fn claimed(&self, server: &Server) -> ServerClaim {
        let up = self.clock().since(server.connected).as_secs();
        let uptime = Duration::from_secs(if server.child.is_some() { up } else { 0 });
        ServerClaim {
            name: server.name.clone(),
            status: server.claim.clone(),
            error: server.error.clone(),
            uptime: server.is_claimed().then_some(uptime),
            started_at: Some(server.started),
            transport: Some(Text::new("stdio")),
            tools: server.is_claimed().then(|| server.tools.clone()),
            canary: Some(Text::new("tool_0")),
        }
    }

    pub(super) fn session(&mut self, run: &Run) -> SessionSeen {
        let failed = self.failed(run);
        let lost = failed.as_ref().filter(|failure| failure.phase != Phase::List);
        if let Some(failure) = lost {
            let sessions = vec![SessionView::failed(failure)];
            return SessionSeen { sessions, calls: Vec::new(), opened_total: self.opened_total, held: true };
        }
        // Each visit leaves records.
        self.write(Level::Debug, "CALL", "tools were listed and called");
        let listed = self.listed();
        let view = || SessionView {
            opened: Ok(Opened {
                transport: Transport::LegacySse,
                protocol: Text::new("2024-11-05"),
                server: Text::new("mcp-hub 4.2.1"),
                connect: Duration::from_millis(2),
                initialize: Duration::from_millis(80),
            }),
            tools: failed.clone().map_or_else(|| Ok(listed.clone()), Err),
            list_took: Duration::from_millis(run.list_took),
            pages: 1,
            meta_tool: self.setting.persona == Persona::Filtering,
            list_changes: 0,
            noise: 0,
        };
        let mut calls: Vec<_> = run.calls.iter().map(|call| self.called(run, call)).collect();
        calls.sort_by(|a, b| a.server.cmp(&b.server));
        SessionSeen { sessions: vec![view(), view()], calls, opened_total: self.opened_total, held: true }
    }

    fn listed(&self) -> ToolSet {
        if self.setting.persona == Persona::Filtering {
            return std::iter::once((Text::new("hub__analyze_prompt"), 1)).collect();
        }
        let listing = self.servers.iter().filter(|server| server.is_claimed() && self.is_listing());
        listing.flat_map(Server::listed).collect()
    }

    /// A server that ended during a call closed its connection.
    fn called(&self, run: &Run, call: &Call) -> CallSeen {
        let server = &self.servers[call.server];
        let ends = run.began + run.list_took + call.took;
        let answer = match &call.fate {
            Fate::Answered if server.changed > run.began && server.changed <= ends => {
                Err(failure(Phase::Call, FailureKind::ToolError, "Connection closed", call.took))
            }
            Fate::Answered => Ok(1),
            Fate::Failed(phase, kind, evidence) => Err(failure(*phase, kind.clone(), evidence, call.took)),
        };
        let way = if self.setting.persona == Persona::Npm { CallWay::Session } else { CallWay::Rest };
        let took = Duration::from_millis(call.took);
        CallSeen { server: server.name.clone(), tool: Some(Text::new("tool_0")), way, answer: Some(answer), took }
    }

    pub(super) fn llm(&self, run: &Run) -> LlmSeen {
        if self.setting.persona == Persona::Npm {
            return LlmSeen::NotConfigured;
        }
        let after = self.now - run.began;
        let answer = match &run.fate {
            Fate::Answered => Ok(LlmModels { count: 40, has_model: Some(true) }),
            Fate::Failed(phase, kind, evidence) => Err(failure(*phase, kind.clone(), evidence, after)),
        };
        LlmSeen::Asked {
            provider: Text::new("gemini"),
            model: Some(Text::new("gemini-2.5-flash")),
            key: Text::new("env:GEMINI_API_KEY"),
            answer,
            took: Duration::from_millis(after),
        }
    }

    pub(super) fn meta_tool(&mut self, run: &Run) -> MetaToolSeen {
        if self.setting.persona == Persona::Npm {
            return MetaToolSeen::NotCalled(Text::new("not listed"));
        }
        if !self.sessions {
            return MetaToolSeen::NotCalled(Text::new("no session"));
        }
        let took = Duration::from_millis(self.now - run.began);
        if let Some(failure) = self.failed(run) {
            return MetaToolSeen::Called { answer: Err(failure), took, list_changed: None };
        }
        let fell_back = self.has(Fault::LlmQuota);
        if fell_back {
            self.fall_back();
        }
        let confidence = Some(if fell_back { 0.6 } else { 0.9 });
        let answer = MetaToolAnswer { categories: 2, confidence, missing: Vec::new() };
        MetaToolSeen::Called { answer: Ok(answer), took, list_changed: Some(Duration::from_millis(40)) }
    }
}

/// Whole bytes.
fn in_bytes(value: f64) -> u64 {
    u64::try_from(Duration::try_from_secs_f64(value / 1e6).unwrap_or_default().as_micros()).unwrap_or(0)
}
