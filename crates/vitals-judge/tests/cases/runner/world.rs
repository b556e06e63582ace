//! The world that a case describes. Every observation says how it differs from the one before, so that
//! a step names only what changed.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use vitals_model::claim::{ClaimStatus, FilteringClaim, HubClaim, HubState, ServerClaim};
use vitals_model::observation::{
    ApiSeen, ChildFacts, ExitRole, ExitSeen, Failure, FailureKind, HostFacts, ListenSeen, Phase, ProcessFacts, ProcessId,
    ProcessSeen, RunState, Seen, Timing, WorkspaceEntry, WorkspaceSeen,
};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::{Definition, ToolSet};

use crate::seen::{Api, Child, Claim, OrWord, Process};

/// How long everything has been running when a case begins.
const AGE_S: f64 = 7200.0;

/// The hub's pid; its servers have the next ones.
const HUB_PID: u32 = 100;

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) servers: BTreeMap<String, Server>,
    hub: Process,
    api: Api,
}

#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// The tools that it truly has.
    pub(crate) tools: Vec<String>,
    child: Option<Child>,
    /// Whether the hub's configuration tells which child runs it.
    is_named: bool,
    claim: Option<Claim>,
}

/// Seconds of a case as a time.
pub(crate) fn time(seconds: f64) -> Timestamp {
    let began = Timestamp::parse("2026-11-22T12:00:00Z").expect("an instant");
    let ms = Duration::from_secs_f64(seconds.abs());
    if seconds < 0.0 { began.minus(ms) } else { began.plus(ms) }
}

impl World {
    /// A hub with these servers and their tools; everything is well.
    pub(crate) fn of(servers: &BTreeMap<String, Vec<String>>) -> Self {
        let servers = servers.iter().zip(1..).map(|((name, tools), n)| {
            let child = Child { pid: Some(HUB_PID + n), started: Some(-AGE_S), state: None };
            let claim = Claim { status: None, error: None, uptime_s: None, started: None, tools: None };
            (name.clone(), Server { tools: tools.clone(), child: Some(child), is_named: true, claim: Some(claim) })
        });
        let api = Api { state: None, took_ms: None, clients: None, registered: None, filtering: None, servers: BTreeMap::new() };
        let hub = Process {
            pid: Some(HUB_PID),
            started: Some(-AGE_S),
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
        Self { servers: servers.collect(), hub, api }
    }

    fn server(&mut self, name: &str) -> &mut Server {
        self.servers.get_mut(name).unwrap_or_else(|| panic!("the case has no server {name}"))
    }

    /// Whether a server has a process that could end or change.
    pub(crate) fn has_child(&self, name: &str) -> bool {
        self.servers.get(name).is_some_and(|server| server.child.is_some())
    }

    pub(crate) fn workspace(&self, word: &str) -> Seen {
        let pid = self.hub.pid.unwrap_or(HUB_PID);
        let config = PathBuf::from("/home/op/hub.json");
        let mut entry = WorkspaceEntry {
            port: 7001,
            pid,
            started_at: None,
            state: Text::new("active"),
            cwd: None,
            config_files: vec![config.clone()],
            unreadable: Vec::new(),
            process: Some(ProcessId { pid, start_ticks: 1 }),
        };
        match word {
            "ok" | "absent" => {}
            "stale" => entry.process = None,
            "other pid" => entry.pid += 1000,
            "unreadable config" => entry.unreadable.push((config, Text::new("permission denied"))),
            other => panic!("unknown workspace: {other}"),
        }
        let entry = if word == "absent" { Err(failure("missing")) } else { Ok(entry) };
        Seen::Workspace(WorkspaceSeen { registry: PathBuf::from("/home/op/workspaces.json"), entry })
    }

    /// `hub`, a server's name, or `unnamed SERVER` for a child of which nobody knows what it runs.
    pub(crate) fn exit(&mut self, who: &str) -> Seen {
        if who == "hub" {
            return Seen::Exit(ExitSeen { id: id(self.hub.pid, self.hub.started), role: ExitRole::Hub });
        }
        let name = who.strip_prefix("unnamed ").unwrap_or(who);
        assert!(self.has_child(name), "{name} has no process that could end");
        let child = self.server(name).child.take().expect("a process");
        let server = (name == who).then(|| Text::new(name));
        Seen::Exit(ExitSeen { id: id(child.pid, child.started), role: ExitRole::Child { command: Text::new("node"), server } })
    }

    pub(crate) fn process(&mut self, spec: &OrWord<Process>, at: f64) -> Seen {
        Seen::Process(match spec {
            OrWord::Word(word) => match word.as_str() {
                "gone" => ProcessSeen::Gone { last: None, orphans: Vec::new() },
                "remote" => ProcessSeen::Remote,
                "hidden" => ProcessSeen::Hidden(failure("denied")),
                other => panic!("unknown process: {other}"),
            },
            OrWord::Table(changed) => {
                self.change_process(changed);
                ProcessSeen::Alive(Box::new(self.alive(at)))
            }
        })
    }

    fn change_process(&mut self, changed: &Process) {
        let hub = &mut self.hub;
        hub.pid = changed.pid.or(hub.pid);
        hub.started = changed.started.or(hub.started);
        hub.state = changed.state.clone().or_else(|| hub.state.clone());
        hub.cpu = changed.cpu.or(hub.cpu);
        hub.over_s = changed.over_s.or(hub.over_s);
        hub.memory = changed.memory.or(hub.memory);
        hub.fds = changed.fds.or(hub.fds);
        hub.listen = changed.listen.clone().or_else(|| hub.listen.clone());
        hub.host = changed.host.or(hub.host);
        hub.orphans.clone_from(&changed.orphans);
        for (name, child) in &changed.children {
            let server = self.server(name);
            match child {
                OrWord::Word(word) if word == "gone" => server.child = None,
                OrWord::Word(word) if word == "unnamed" => server.is_named = false,
                OrWord::Word(word) => {
                    server.child.as_mut().unwrap_or_else(|| panic!("{name} has no process")).state = Some(word.clone());
                }
                OrWord::Table(table) => {
                    let before = server.child.clone();
                    server.child = Some(Child {
                        pid: table.pid.or(before.as_ref().and_then(|c| c.pid)),
                        started: table.started.or(before.as_ref().and_then(|c| c.started)),
                        state: table.state.clone(),
                    });
                }
            }
        }
    }

    fn alive(&self, at: f64) -> ProcessFacts {
        let children = self.servers.iter().filter_map(|(name, server)| {
            let child = server.child.as_ref()?;
            let name = server.is_named.then(|| Text::new(name));
            Some(child_facts(id(child.pid, child.started), child.state.as_deref(), child.started, at, name))
        });
        let addresses = |ip: Ipv4Addr| ListenSeen::Hub { addresses: vec![IpAddr::V4(ip)] };
        // From 900 on they were seen below nobody.
        let orphan = |pid: &u32| ChildFacts {
            left_by: (*pid < 900).then_some(ProcessId { pid: 100, start_ticks: 1 }),
            ..child_facts(ProcessId { pid: *pid, start_ticks: 1 }, None, None, at, None)
        };
        ProcessFacts {
            id: id(self.hub.pid, self.hub.started),
            state: run_state(self.hub.state.as_deref()),
            uptime: Duration::from_secs_f64(at - self.hub.started.unwrap_or(-AGE_S)),
            cpu_percent: Some(self.hub.cpu.unwrap_or(0.4)),
            cpu_over: Duration::from_secs_f64(self.hub.over_s.unwrap_or(10.0)),
            rss_bytes: of_percent(self.hub.memory.unwrap_or(0.5)),
            machine_bytes: of_percent(100.0),
            memory_max: None,
            fds: Some(self.hub.fds.unwrap_or(24)),
            fds_max: Some(1024),
            threads: 11,
            children: children.collect(),
            orphans: self.hub.orphans.iter().map(orphan).collect(),
            listen: match self.hub.listen.as_deref().unwrap_or("loopback") {
                "loopback" => addresses(Ipv4Addr::LOCALHOST),
                "everywhere" => addresses(Ipv4Addr::UNSPECIFIED),
                "nobody" => ListenSeen::Nobody,
                "other" => ListenSeen::Other { pid: Some(666), command: Text::new("nc -l 7001") },
                "unknown" => ListenSeen::Unknown(Text::new("permission denied")),
                other => panic!("unknown listener: {other}"),
            },
            host: self.hub.host.map_or_else(HostFacts::default, |host| HostFacts {
                memory_stall_percent: host.memory_stall,
                cpu_stall_percent: host.cpu_wait,
                cpu_wait_percent: host.cpu_wait,
                memory_free_bytes: host.free_mb.map(|mb| mb * 1_000_000),
            }),
        }
    }

    pub(crate) fn api(&mut self, spec: &OrWord<Api>) -> Seen {
        Seen::Api(Box::new(match spec {
            OrWord::Word(word) => ApiSeen::failed(&failure(word)),
            OrWord::Table(changed) => {
                self.change_api(changed);
                self.answer()
            }
        }))
    }

    fn change_api(&mut self, changed: &Api) {
        let api = &mut self.api;
        api.state = changed.state.clone().or_else(|| api.state.clone());
        api.took_ms = changed.took_ms.or(api.took_ms);
        api.clients = changed.clients.or(api.clients);
        api.registered = changed.registered.or(api.registered);
        api.filtering = changed.filtering.clone().or_else(|| api.filtering.clone());
        for (name, claim) in &changed.servers {
            let server = self.server(name);
            let before =
                server.claim.clone().unwrap_or(Claim { status: None, error: None, uptime_s: None, started: None, tools: None });
            server.claim = match claim {
                OrWord::Word(word) if word == "absent" => None,
                OrWord::Word(word) => Some(Claim { status: Some(word.clone()), error: None, ..before }),
                OrWord::Table(table) => Some(Claim {
                    status: table.status.clone().or(before.status),
                    error: table.error.clone(),
                    uptime_s: table.uptime_s,
                    started: table.started.or(before.started),
                    tools: table.tools.clone().or(before.tools),
                }),
            };
        }
    }

    fn answer(&self) -> ApiSeen {
        let total = Duration::from_millis(self.api.took_ms.unwrap_or(5));
        let filtering = self.api.filtering.as_deref().map(|word| match word {
            "prompt-based" | "off" => Ok(FilteringClaim {
                enabled: Some(word != "off"),
                mode: Some(Text::new(word)),
                total_tools: Some(14),
                exposed_tools: Some(1),
                ..FilteringClaim::default()
            }),
            other => Err(failure(other)),
        });
        let claims = self.servers.iter().filter_map(|(name, server)| Some(server.claim(name, server.claim.as_ref()?)));
        ApiSeen {
            health: Ok(HubClaim {
                state: Some(HubState::parse(self.api.state.as_deref().unwrap_or("ready"))),
                active_clients: Some(self.api.clients.unwrap_or(0)),
                mcp_clients: Some(0),
                registered_tools: self.api.registered,
                ..HubClaim::default()
            }),
            servers: Ok(claims.collect()),
            servers_left_out: 0,
            filtering,
            timing: Timing { total, first_byte: total, ..Timing::default() },
            health_bytes: 26_000,
        }
    }
}

impl Server {
    fn claim(&self, name: &str, claim: &Claim) -> ServerClaim {
        let status = ClaimStatus::parse(claim.status.as_deref().unwrap_or("connected"));
        let is_connected = status == ClaimStatus::Connected;
        let names = claim.tools.as_ref().unwrap_or(&self.tools);
        ServerClaim {
            name: Text::new(name),
            error: claim.error.as_deref().map(Text::new),
            uptime: is_connected.then(|| Duration::from_secs(claim.uptime_s.unwrap_or(7200))),
            started_at: claim.started.map(time),
            transport: None,
            tools: is_connected.then(|| tools(names)),
            canary: None,
            status,
        }
    }
}

/// Tools by name; `name=2` is another definition of the same tool, of which only a digest is known, and
/// `name {…}` has the definition itself as JSON.
pub(crate) fn tools(names: &[String]) -> ToolSet {
    let one = |name: &String| {
        if let Some((name, json)) = name.split_once(' ') {
            let mut tool: serde_json::Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"));
            tool["name"] = name.into();
            return (Text::new(name), Definition::of(&tool));
        }
        match name.split_once('=') {
            Some((name, version)) => (Text::new(name), Definition::known_by(version.parse().expect("a number after ="))),
            None => (Text::new(name), Definition::known_by(1)),
        }
    };
    names.iter().map(one).collect()
}

fn of_percent(percent: f64) -> u64 {
    const MACHINE_MB: f64 = 8000.0;
    let mb = Duration::from_secs_f64(MACHINE_MB * percent / 100.0);
    u64::try_from(mb.as_micros()).unwrap_or(u64::MAX)
}

fn id(pid: Option<u32>, started: Option<f64>) -> ProcessId {
    let since_boot = Duration::from_secs_f64(1e6 + started.unwrap_or(-AGE_S));
    ProcessId { pid: pid.expect("a pid"), start_ticks: since_boot.as_secs() * 100 }
}

fn child_facts(id: ProcessId, state: Option<&str>, started: Option<f64>, at: f64, server: Option<Text>) -> ChildFacts {
    let uptime = Duration::from_secs_f64(at - started.unwrap_or(-AGE_S));
    ChildFacts {
        id,
        state: run_state(state),
        command: Text::new("node server.js"),
        server,
        rss_bytes: 60_000_000,
        uptime,
        left_by: None,
    }
}

fn run_state(word: Option<&str>) -> RunState {
    match word.unwrap_or("normal") {
        "normal" => RunState::Normal,
        "stopped" => RunState::Stopped,
        "zombie" => RunState::Zombie,
        other => panic!("unknown state of a process: {other}"),
    }
}

/// A failure from a few words: an HTTP status (with `Retry-After` in seconds), a JSON-RPC error code, a
/// kind; `error: WORDS` is an error in a tool's answer.
pub(crate) fn failure(words: &str) -> Failure {
    let limit = Duration::from_secs(5);
    let status = |code: &str, wait: Option<&str>| FailureKind::Status {
        code: code.parse().expect("an HTTP status"),
        retry_after: wait.map(|s| Duration::from_secs(s.parse().expect("seconds"))),
    };
    let (kind, evidence, after) = match words.split_once(' ').unwrap_or((words, "")) {
        ("timeout", _) => (FailureKind::TimedOut(limit), "", limit),
        ("refused", _) => (FailureKind::Refused, "", Duration::ZERO),
        ("closed", _) => (FailureKind::Closed, "", Duration::ZERO),
        ("missing", _) => (FailureKind::Missing, "", Duration::ZERO),
        ("denied", _) => (FailureKind::Denied, "", Duration::ZERO),
        ("empty", _) => (FailureKind::Empty, "", Duration::ZERO),
        ("os", evidence) => (FailureKind::Os, evidence, Duration::ZERO),
        ("unreachable", _) => (FailureKind::Unreachable, "", Duration::ZERO),
        ("html", _) => (FailureKind::NotJson, "<!DOCTYPE html>", Duration::ZERO),
        ("no", "secret") => (FailureKind::NoSecret, "", Duration::ZERO),
        ("error:", evidence) => (FailureKind::ToolError, evidence, Duration::ZERO),
        (code, _) if code.starts_with('-') => (FailureKind::Rpc(code.parse().expect("a code")), "", Duration::ZERO),
        (code, "") => (status(code, None), "", Duration::ZERO),
        (code, wait) => (status(code, Some(wait)), "", Duration::ZERO),
    };
    Failure { phase: Phase::Call, kind, evidence: Text::new(evidence), after }
}
