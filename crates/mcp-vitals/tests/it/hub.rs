//! A real npm mcp-hub of our own: free port, its own HOME, real servers behind it, nothing left after.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::product::Home;
use crate::rest::Answer;
use crate::wait::Stopwatch;
use crate::{install, procs, rest, wait};

/// Longest time from start to ready: about 2 s on an idle machine, more when the whole suite runs.
const START_MAX: Duration = Duration::from_secs(45);

/// Longest time from SIGTERM to the hub's end.
const STOP_MAX: Duration = Duration::from_secs(15);

/// What a hub that does nothing else takes for an answer at most: a quarter of what is called slow.
const QUICK: Duration = Duration::from_millis(500);

/// Tries to get a port that nobody takes between our look and the hub's bind.
const PORT_TRIES: usize = 5;

/// Set in each server's environment to its name: how its process is told from the others.
const SERVER_VARIABLE: &str = "MCP_VITALS_TEST_SERVER";

/// A server behind the hub.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// `filesystem`: the public filesystem server on an empty folder (14 tools).
    Filesystem,
    /// `everything`: the public demonstration server (13 tools).
    Everything,
    /// `mute`: takes what it is sent and never answers, `initialize` included. It keeps the hub
    /// `starting` for 60 s.
    Mute,
}

impl Server {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::Everything => "everything",
            Self::Mute => "mute",
        }
    }

    fn config(self, modules: &Path, folder: &Path) -> Value {
        let program = |name: &str| modules.join("node_modules/.bin").join(name);
        let env = json!({ SERVER_VARIABLE: self.name() });
        match self {
            Self::Filesystem => json!({"command": program("mcp-server-filesystem"), "args": [folder], "env": env}),
            Self::Everything => json!({"command": program("mcp-server-everything"), "args": ["stdio"], "env": env}),
            Self::Mute => json!({"command": "sh", "args": ["-c", "exec cat >/dev/null"], "env": env}),
        }
    }
}

/// What kind of hub is wanted.
pub(crate) struct Options {
    /// The servers behind it.
    pub(crate) servers: Vec<Server>,
    /// The user whose hub it is; a new one when `None`.
    pub(crate) home: Option<Rc<Home>>,
    /// Further top-level keys of `hub.json`, such as `toolFiltering`.
    pub(crate) settings: Value,
}

impl Default for Options {
    fn default() -> Self {
        Self { servers: vec![Server::Filesystem, Server::Everything], home: None, settings: json!({}) }
    }
}

/// A running hub. Dropping it kills the hub and its servers, and fails the test if one survives.
pub(crate) struct RealHub {
    pub(crate) port: u16,
    pub(crate) home: Rc<Home>,
    /// Its configuration file.
    pub(crate) config: PathBuf,
    servers: Vec<Server>,
    modules: &'static Path,
    child: Child,
}

impl RealHub {
    /// Starts a hub and waits until it is ready (with [`Server::Mute`]: until all others are connected).
    /// `None`, with a line that says why, where the real hub cannot be had.
    pub(crate) fn start(options: Options) -> Option<Self> {
        let modules = modules()?;
        let home = options.home.unwrap_or_else(|| Rc::new(Home::new()));
        for _ in 0..PORT_TRIES {
            let port = free_port();
            let config = home.path().join(format!("hub-{port}.json"));
            write_config(&config, modules, &home, &options.servers, &options.settings);
            let child = spawn(modules, &home, &config, port);
            let servers = options.servers.clone();
            let mut hub = Self { port, home: Rc::clone(&home), config, servers, modules, child };
            if hub.wait_until_up() {
                return Some(hub);
            }
        }
        panic!("no free port was still free {PORT_TRIES} times");
    }

    /// Ends the hub with SIGTERM, as an operator does, and starts it again on the same port.
    pub(crate) fn restart(&mut self) {
        procs::signal(self.pid(), Signal::TERM);
        wait::until("the hub to end", STOP_MAX, || self.child.try_wait().expect("our child"));
        self.start_again();
    }

    /// Starts the hub again on the same port after it ended or was killed.
    pub(crate) fn start_again(&mut self) {
        self.leave_nothing();
        self.child = spawn(self.modules, &self.home, &self.config, self.port);
        assert!(self.wait_until_up(), "the hub did not start again:\n{}", self.output());
    }

    /// Kills the hub itself with SIGKILL and reaps it, as init would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the hub takes the signal");
        self.child.wait().expect("our child");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process of a server; waits for it to be there.
    pub(crate) fn server_pid(&self, server: Server) -> u32 {
        wait::until(server.name(), START_MAX, || self.find_server(server))
    }

    /// The process of a server, if it lives.
    pub(crate) fn find_server(&self, server: Server) -> Option<u32> {
        let is_it = |pid: &u32| procs::has_variable(*pid, SERVER_VARIABLE, server.name());
        procs::children(self.pid()).into_iter().map(|p| p.pid).find(is_it)
    }

    /// GET of a REST path such as `/api/health`.
    pub(crate) fn get(&self, path: &str) -> Answer {
        rest::ask(self.port, "GET", path, "").expect("the hub answers")
    }

    /// POST of JSON to a REST path.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        rest::ask(self.port, "POST", path, &body.to_string()).expect("the hub answers")
    }

    /// Stops and starts a server through the hub's API: the remedy for a dead and for a hung one.
    pub(crate) fn heal(&self, server: Server) {
        for verb in ["stop", "start"] {
            let (status, answer) = self.post(&format!("/api/servers/{verb}"), &json!({"server_name": server.name()}));
            assert_eq!(status, 200, "{answer}");
        }
    }

    /// What the hub claims of one server.
    pub(crate) fn claim(&self, server: Server) -> Value {
        claim_in(&self.get("/api/health").1, server).cloned().expect("the hub lists the server")
    }

    /// Clients as the hub counts them: of its event stream and of its MCP endpoint together.
    pub(crate) fn clients(&self) -> u64 {
        let (_, health) = self.get("/api/health");
        let count = |at: &str| health.pointer(at).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {at} in {health}"));
        count("/activeClients") + count("/mcpEndpoint/activeClients")
    }

    /// Waits until the hub has dealt with the clients that left it, so that this many are still there: each
    /// disconnect keeps it busy, a second and more on a busy machine, and to call it slow then is right.
    pub(crate) fn rest(&self, clients: u64) {
        wait::until_now_and_then("the hub to be at rest", START_MAX, || {
            let asked = Stopwatch::start();
            (self.clients() == clients && asked.elapsed() < QUICK).then_some(())
        });
    }

    /// How many files the hub has open.
    pub(crate) fn fds(&self) -> usize {
        procs::fds(self.pid())
    }

    /// The last lines that the hub wrote to its terminal.
    pub(crate) fn output(&self) -> String {
        let text = fs::read_to_string(output_path(&self.home, self.port)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// `false` when the hub ended first, as it does when its port is taken.
    fn wait_until_up(&mut self) -> bool {
        let seen = wait::poll(START_MAX, || {
            if self.child.try_wait().expect("our child").is_some() {
                return Some(false);
            }
            // An answer alone does not tell that it is this hub's: the port may be another's.
            let (_, health) = rest::ask(self.port, "GET", "/api/health", "").ok()?;
            let own = health.pointer(&format!("/workspaces/allActive/{}/pid", self.port))?.as_u64()?;
            (own == u64::from(self.child.id()) && self.is_up(&health)).then_some(true)
        });
        seen.unwrap_or_else(|| panic!("the hub is not ready after {START_MAX:?}:\n{}", self.output()))
    }

    fn is_up(&self, health: &Value) -> bool {
        let mut answering = self.servers.iter().filter(|s| **s != Server::Mute);
        let connected = |s: &Server| claim_in(health, *s).is_some_and(|c| c["status"] == "connected");
        let state = if self.servers.contains(&Server::Mute) { "starting" } else { "ready" };
        health["state"] == state && answering.all(connected)
    }

    fn leave_nothing(&self) {
        procs::kill_group(self.pid());
        let none_left = || procs::group_members(self.pid()).is_empty().then_some(());
        wait::until("every process of the hub to be gone", STOP_MAX, none_left);
    }
}

impl Drop for RealHub {
    fn drop(&mut self) {
        procs::kill_group(self.pid());
        let _ = self.child.wait();
        if !std::thread::panicking() {
            self.leave_nothing();
        }
    }
}

/// The folder with the hub and its servers; `None`, with a line that says why, where they cannot be had.
pub(crate) fn modules() -> Option<&'static Path> {
    match install::real_hub() {
        Ok(modules) => Some(modules),
        Err(reason) => {
            // The macros' output is shown for failed tests only; this must be seen when all is well.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {reason}\n").as_bytes());
            None
        }
    }
}

fn claim_in(health: &Value, server: Server) -> Option<&Value> {
    health["servers"].as_array()?.iter().find(|s| s["name"] == server.name())
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound socket").port()
}

fn write_config(path: &Path, modules: &Path, home: &Home, servers: &[Server], settings: &Value) {
    let folder = home.path().join("files");
    fs::create_dir_all(&folder).expect("a folder of ours");
    let mut config = settings.clone();
    config["mcpServers"] = servers.iter().map(|s| (s.name().to_owned(), s.config(modules, &folder))).collect();
    fs::write(path, config.to_string()).expect("a folder of ours");
}

fn output_path(home: &Home, port: u16) -> PathBuf {
    home.path().join(format!("hub-{port}.out"))
}

/// The hub leads a process group of its own, so that it and its servers can be ended together.
fn spawn(modules: &Path, home: &Home, config: &Path, port: u16) -> Child {
    let output = fs::File::create(output_path(home, port)).expect("a folder of ours");
    let errors = output.try_clone().expect("a file of ours");
    let mut command = Command::new("node");
    home.furnish(&mut command);
    command.arg(modules.join("node_modules/.bin/mcp-hub")).args(["--port", &port.to_string(), "--config"]).arg(config);
    command.process_group(0).stdin(std::process::Stdio::null()).stdout(output).stderr(errors);
    command.spawn().expect("node starts")
}
