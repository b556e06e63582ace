//! A hub process of our own: its folder, its configuration, its orders, and clients of it. Nothing is left of it when
//! it is dropped.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use url::Url;
use vitals_lab::fault::HubFault;
use vitals_lab::part::{HubPart, Part, Program};
use vitals_lab::persona::{LogFormat, Persona};
use vitals_lab::place::Place;
use vitals_model::config::Timeouts;
use vitals_model::target::Address;
use vitals_probe::http::{Client, Method, Request};
use vitals_probe::mcp::{Context, Listen, Session, open};

/// How long anything may take, on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Largest body that a test reads.
const BODY_BYTES_MAX: usize = 4 << 20;

/// The parts of a lab, built.
pub(crate) const LAB_PART: &str = env!("CARGO_BIN_EXE_lab-part");

/// A running hub.
pub(crate) struct Hub {
    pub(crate) base: String,
    pub(crate) place: Place,
    /// Tools that are not a server's: a hub that filters has one.
    own_tools: usize,
    process: Child,
    orders: ChildStdin,
    words: Lines<BufReader<ChildStdout>>,
    _folder: TempDir,
}

/// A server of the lab as `hub.json` has it.
pub(crate) fn server(kind: &str) -> Value {
    json!({ "command": LAB_PART, "args": ["server", kind] })
}

impl Hub {
    /// Starts a hub with these servers, and waits until each is connected.
    pub(crate) async fn start(persona: Persona, servers: &Value) -> Self {
        Self::start_with(persona, servers, &[]).await
    }

    /// The same, with these variables beside PATH.
    pub(crate) async fn start_with(persona: Persona, servers: &Value, variables: &[(&str, &str)]) -> Self {
        Self::start_configured(persona, &json!({ "mcpServers": servers }), variables).await
    }

    /// The same, of one that filters tools by keywords.
    pub(crate) async fn start_filtering(servers: &Value) -> Self {
        let config = json!({ "mcpServers": servers, "toolFiltering": { "enabled": true } });
        Self::start_configured(Persona::Honest, &config, &[]).await
    }

    async fn start_configured(persona: Persona, config: &Value, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path().to_owned());
        write_config(&place, config);
        let program = Program { path: PathBuf::from(LAB_PART), words: Vec::new() };
        let part = HubPart { root: folder.path().to_owned(), port: 0, persona, log_format: LogFormat::Pino, seed: 7 };
        let mut command = Command::from(program.command(&Part::Hub(part)));
        command.env_clear().envs(super::install::variable("PATH").map(|path| ("PATH", path))).envs(variables.iter().copied());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let orders = process.stdin.take().unwrap();
        let words = BufReader::new(process.stdout.take().unwrap()).lines();
        let own_tools = usize::from(config["toolFiltering"].is_object());
        let mut hub = Self { base: String::new(), place, own_tools, process, orders, words, _folder: folder };
        let ready = hub.word().await;
        hub.base = format!("http://127.0.0.1:{}", ready["ready"]["port"]);
        let wanted = config["mcpServers"].as_object().unwrap().len();
        hub.until_servers(|servers| servers.iter().filter(|server| server["status"] == "connected").count() == wanted).await;
        hub
    }

    /// Replaces its configuration.
    pub(crate) fn configure(&self, servers: &Value) {
        write_config(&self.place, &json!({ "mcpServers": servers }));
    }

    /// Has it do these things wrong, and waits until it says that it does.
    pub(crate) async fn order(&mut self, faults: &[HubFault]) {
        let faults: BTreeSet<_> = faults.iter().copied().collect();
        let line = format!("{}\n", json!({ "faults": faults }));
        self.orders.write_all(line.as_bytes()).await.unwrap();
        assert_eq!(self.word().await, json!({ "faults": faults }));
    }

    async fn word(&mut self) -> Value {
        let line = timeout(LIMIT, self.words.next_line()).await.expect("the hub says something").unwrap().expect("it runs");
        serde_json::from_str(&line).unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid().cast_signed()).unwrap(), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        timeout(LIMIT, self.process.wait()).await.expect("it ends").unwrap()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.place.log()).unwrap_or_default()
    }

    /// One raw request.
    pub(crate) async fn raw(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Raw {
        let url = Url::parse(&format!("{}{path}", self.base)).unwrap();
        let client = client();
        let mut request = Request::new(method, &url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string().into());
        }
        let answer = client.send(request, LIMIT).await.unwrap();
        let (status, session) = (answer.status(), answer.header("mcp-session-id").map(str::to_owned));
        let body = String::from_utf8(answer.bytes(BODY_BYTES_MAX).await.unwrap().0.to_vec()).unwrap();
        Raw { status, session, body }
    }

    /// What the REST API answers.
    pub(crate) async fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.raw(Method::GET, path, &[], &Value::Null).await.body).unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Raw {
        self.raw(Method::POST, path, &[], body).await
    }

    /// Waits until what the hub says of its servers is as wanted, and the tools that it lists are those of the servers.
    pub(crate) async fn until_servers(&self, wanted: impl Fn(&[Value]) -> bool) {
        self.until(async || {
            let servers = self.get("/api/servers").await["servers"].take();
            let servers = servers.as_array().cloned().unwrap_or_default();
            let connected = servers.iter().filter(|server| server["status"] == "connected");
            let tools: usize = connected.map(|server| server["capabilities"]["tools"].as_array().map_or(0, Vec::len)).sum();
            wanted(&servers)
                && self.get("/api/health").await["mcpEndpoint"]["registeredCapabilities"]["tools"] == tools + self.own_tools
        })
        .await;
    }

    /// Waits until the endpoint counts so many clients.
    pub(crate) async fn until_clients(&self, wanted: usize) {
        self.until(async || self.get("/api/health").await["mcpEndpoint"]["activeClients"] == wanted).await;
    }

    /// Looks until it is so.
    pub(crate) async fn until(&self, holds: impl AsyncFn() -> bool) {
        let looking = async {
            let mut tick = tokio::time::interval(Duration::from_millis(20));
            while !holds().await {
                tick.tick().await;
            }
        };
        assert!(timeout(LIMIT, looking).await.is_ok(), "it did not come to that; the hub's log:\n{}", self.log());
    }

    /// A session over Streamable HTTP, or whatever else works.
    pub(crate) async fn streamable(&self) -> Session {
        session(&Address::Http { url: format!("{}/mcp", self.base) }).await
    }

    /// A session over HTTP+SSE.
    pub(crate) async fn legacy(&self) -> Session {
        session(&Address::Hub { url: self.base.clone() }).await
    }
}

/// The answer to a raw request.
pub(crate) struct Raw {
    pub(crate) status: u16,
    pub(crate) session: Option<String>,
    pub(crate) body: String,
}

impl Raw {
    /// Every JSON-RPC message in it, whichever way it came.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let events: Vec<_> = self.body.lines().filter_map(|line| line.strip_prefix("data:")).collect();
        let parts = if events.is_empty() { vec![self.body.as_str()] } else { events };
        parts.into_iter().filter_map(|part| serde_json::from_str(part.trim()).ok()).collect()
    }

    /// The last one.
    pub(crate) fn message(&self) -> Value {
        self.messages().pop().unwrap_or_else(|| panic!("{} without a message: {}", self.status, self.body))
    }
}

/// The names that a session lists, sorted.
pub(crate) async fn names(session: &Session) -> Vec<String> {
    let listing = session.list(LIMIT).await;
    listing.tools.unwrap();
    let mut names: Vec<_> = listing.infos.into_iter().map(|info| info.name).collect();
    names.sort();
    names
}

/// Whether a process is there.
pub(crate) fn lives(pid: u32) -> bool {
    vitals_probe::process::identify(pid).is_some()
}

/// Pids of the processes that this one started.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let file = format!("/proc/{pid}/task");
    let tasks = std::fs::read_dir(file).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

pub(crate) fn client() -> Client {
    Client::new(&Timeouts::default(), Vec::new())
}

async fn session(address: &Address) -> Session {
    open(address, &Context::new(Arc::new(client()), Timeouts::default(), Vec::new(), Listen::Asked)).await.unwrap()
}

fn write_config(place: &Place, config: &Value) {
    let new = place.root().join("hub.new");
    std::fs::write(&new, config.to_string()).unwrap();
    std::fs::rename(new, place.config()).unwrap();
}

/// A file of this crate's tests.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}
