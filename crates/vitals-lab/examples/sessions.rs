//! How the MCP endpoint does with many sessions: opens 1,000 of them, lists the tools in each, and prints the
//! percentiles and the memory of the process that serves them. It judges nothing; the bars are 100 ms for the
//! 99th percentile and 150 MB.
//!
//!     cargo run --release -p vitals-lab --example sessions -- [streamable|legacy] [sessions] [at once]
//!
//! The endpoint runs alone in a child of this program, so that the memory is its own. It is taken from the
//! sources, because the crate keeps it to itself.

#[path = "../src/hub"]
#[expect(dead_code, reason = "the endpoint is a part of the hub, and this measures only that part")]
mod hub {
    pub(crate) mod backend;
    pub(crate) mod filter;
    pub(crate) mod front;
    pub(crate) mod journal;
    pub(crate) mod mcp;
}

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use rmcp::model::{CallToolRequestParams, CallToolResult, ErrorData, JsonObject, Tool};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::sync::watch;
use vitals_lab::{fault, persona};
use vitals_model::config::Timeouts;
use vitals_model::target::Address;
use vitals_probe::clock::Stopwatch;
use vitals_probe::http::Client;
use vitals_probe::mcp::{Context, Listen, Session, open};

use fault::HubFault;
use hub::backend::{Backend, Listed, Listing};
use hub::front::Front as _;
use hub::journal::Journal;
use hub::mcp::Endpoint;
use persona::Persona;

/// As many tools as the reference hub has with two servers (27), and some.
const TOOLS: usize = 30;

/// Rounds through all sessions that are measured.
const ROUNDS: usize = 5;

/// How long one exchange may take.
const LIMIT: Duration = Duration::from_secs(10);

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    raise_files()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if words.first().is_some_and(|word| word == "serve") {
        return runtime.block_on(serve());
    }
    let number = |at: usize, otherwise| words.get(at).map_or(Ok(otherwise), |word| word.parse());
    let (sessions, at_once) = (number(1, 1000)?, number(2, 16)?);
    let mut child = Command::new(std::env::current_exe()?).arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let measured = runtime.block_on(measure(&mut child, words.first().map_or("streamable", String::as_str), sessions, at_once));
    // The child ends with its standard input.
    drop(child.stdin.take());
    child.wait()?;
    measured
}

async fn measure(child: &mut Child, transport: &str, sessions: usize, at_once: usize) -> Result<(), Failed> {
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let base = line.trim().to_owned();
    let address = match transport {
        "legacy" => Address::Hub { url: base },
        _ => Address::Http { url: format!("{base}/mcp") },
    };
    let mut out = std::io::stdout();
    writeln!(out, "{transport}, {TOOLS} tools, {at_once} requests at once; RSS before: {} MB", rss_mb(child.id())?)?;
    let watch = Stopwatch::start();
    let open_one = || async { open(&address, &context()).await.map_err(|failure| failure.to_string()) };
    let opened: Vec<_> = stream::iter(0..sessions).map(|_| open_one()).buffer_unordered(at_once).collect().await;
    let opened: Vec<Session> = opened.into_iter().collect::<Result<_, _>>()?;
    writeln!(out, "{} sessions opened in {:.1?}; RSS {} MB", opened.len(), watch.elapsed(), rss_mb(child.id())?)?;
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let lists = opened.iter().map(|session| async {
            let watch = Stopwatch::start();
            let listing = session.list(LIMIT).await;
            listing.tools.map(|_| (watch.elapsed(), listing.infos.len())).map_err(|failure| failure.to_string())
        });
        let round: Vec<_> = stream::iter(lists).buffer_unordered(at_once).collect().await;
        for one in round {
            let (elapsed, tools) = one?;
            assert_eq!(tools, TOOLS, "every session lists every tool");
            took.push(elapsed);
        }
    }
    took.sort();
    let percentile = |p: usize| took[(took.len() * p / 100).min(took.len() - 1)];
    let (p50, p99, max) = (percentile(50), percentile(99), percentile(100));
    writeln!(out, "{} lists: p50 {p50:.1?}, p99 {p99:.1?}, longest {max:.1?}; RSS {} MB", took.len(), rss_mb(child.id())?)?;
    stream::iter(opened).for_each_concurrent(at_once, |session| async { drop(session.close().await) }).await;
    writeln!(out, "all closed; RSS {} MB", rss_mb(child.id())?)?;
    Ok(())
}

/// Serves on a free port, which it prints, until its standard input ends.
async fn serve() -> Result<(), Failed> {
    let endpoint = Endpoint::start(Arc::new(Fixed::new()), Journal::new(drop), hub::filter::Settings::off(), Persona::Honest);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    let ended = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    tokio::select! {
        served = axum::serve(listener, endpoint.routes()) => served?,
        _ = ended => endpoint.end(),
    }
    Ok(())
}

/// A hub's rest that has tools and does nothing with them.
struct Fixed {
    listing: watch::Sender<Arc<Listing>>,
    faults: watch::Sender<BTreeSet<HubFault>>,
}

impl Fixed {
    fn new() -> Self {
        let schema: JsonObject = [
            ("type".to_owned(), json!("object")),
            ("properties".to_owned(), json!({ "path": { "type": "string", "description": "a path" } })),
        ]
        .into_iter()
        .collect();
        let listed = |n| Listed {
            tool: Tool::new(format!("files__tool_{n}"), "Reads a file and gives back its lines ".repeat(8), schema.clone()),
            server: "files".to_owned(),
        };
        let listing = Listing { tools: (0..TOOLS).map(listed).collect() };
        Self { listing: watch::Sender::new(Arc::new(listing)), faults: watch::Sender::new(BTreeSet::new()) }
    }
}

impl Backend for Fixed {
    fn listing(&self) -> watch::Receiver<Arc<Listing>> {
        self.listing.subscribe()
    }

    fn call(&self, _request: CallToolRequestParams) -> BoxFuture<'_, Result<CallToolResult, ErrorData>> {
        async { Ok(CallToolResult::success(Vec::new())) }.boxed()
    }

    fn faults(&self) -> watch::Receiver<BTreeSet<HubFault>> {
        self.faults.subscribe()
    }
}

/// Each session has a client of its own, as a thousand programs would.
fn context() -> Context {
    let client = Arc::new(Client::new(&Timeouts::default(), Vec::new()));
    Context::new(client, Timeouts::default(), Vec::new(), Listen::Asked)
}

/// Resident memory in MB (10^6 bytes).
fn rss_mb(pid: u32) -> Result<u64, Failed> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    Ok(kib.ok_or("no VmRSS")? * 1024 / 1_000_000)
}

/// Two connections a session are more files than a process may have by default.
fn raise_files() -> Result<(), Failed> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}
