//! How the hub does with 1,000 sessions: starts a hub process with real servers behind it, opens the sessions, lists
//! the tools in them, and prints percentiles, memory and CPU time. It judges nothing: the bars stand in the
//! product's own measurements.
//!
//!     cargo run --release -p vitals-lab --example sessions -- SECONDS PROGRAM [WORDS…]
//!
//! `PROGRAM WORDS…` is what starts a part of a lab: `target/release/lab-part`, or `mcp-vitals lab-part`.
//!
//! Two loads. *Spread*: each session asks once a second, at an instant of its own, so that there are 1,000 requests
//! a second; a time runs from the instant at which a request was due, so a late generator flatters nobody. *Closed*: 64
//! requests are always under way. The generator shares the machine with the hub, so it sends bytes that were made
//! before and looks only at how an answer ends and how long it is; its own CPU time is printed too. On a machine that
//! is busy with other things both the times and the memory are those of the queue that builds up meanwhile.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until, timeout};
use vitals_lab::part::{HubPart, Part, Program};
use vitals_lab::persona::{LogFormat, Persona};
use vitals_lab::place::Place;
use vitals_probe::clock::Stopwatch;

/// Sessions, each of them with a stream for what the hub says by itself.
const SESSIONS: usize = 1000;

/// Requests under way in the closed load; each has sessions of its own, which it asks in turn.
const AT_ONCE: usize = 64;

/// Sessions opened at the same time.
const OPENING: usize = 16;

/// How long one exchange may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// How much shorter than the first a whole answer may be: the digits of the numbers of events.
const DIGITS_MAX: usize = 64;

type Failed = Box<dyn std::error::Error>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Streamable,
    Legacy,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let mut words = std::env::args_os().skip(1);
    let seconds = words.next().and_then(|word| word.to_str()?.parse().ok()).ok_or("SECONDS is missing")?;
    let path = PathBuf::from(words.next().ok_or("PROGRAM is missing")?);
    let program = Program { path, words: words.collect() };
    // Two connections a session are more files than a process may have by default.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    for servers in [&["echo", "filesystem"][..], &["echo", "filesystem", "contents"]] {
        for way in [Way::Streamable, Way::Legacy] {
            measure(&program, servers, way, Duration::from_secs(seconds)).await?;
        }
    }
    Ok(())
}

async fn measure(program: &Program, servers: &[&str], way: Way, time: Duration) -> Result<(), Failed> {
    let mut out = std::io::stdout();
    let hub = Hub::start(program, servers).await?;
    let name = format!("{} tools, {}", hub.tools, if way == Way::Legacy { "legacy" } else { "streamable" });
    let (watch, before) = (Stopwatch::start(), memory_mb(hub.pid()?, "VmRSS:")?);
    let opening = (0..SESSIONS).map(|_| Session::open(&hub.address, way, hub.tools));
    let mut sessions: Vec<Session> = stream::iter(opening).buffer_unordered(OPENING).try_collect().await?;
    let now = memory_mb(hub.pid()?, "VmRSS:")?;
    writeln!(out, "{name}: {SESSIONS} sessions in {:.1?}; RSS before {before:.1} MB, then {now:.1} MB", watch.elapsed())?;
    let clock = Clock::start(&hub)?;
    let took = spread(&mut sessions, time).await?;
    writeln!(out, "{name}, spread: {}", clock.told(took, &hub)?)?;
    let clock = Clock::start(&hub)?;
    let took = closed(&mut sessions, time).await?;
    writeln!(out, "{name}, closed: {}", clock.told(took, &hub)?)?;
    writeln!(out, "{name}: most RSS {:.1} MB", memory_mb(hub.pid()?, "VmHWM:")?)?;
    Ok(())
}

/// Each session asks once a second, the first in the first millisecond, the last in the last one.
async fn spread(sessions: &mut [Session], time: Duration) -> Result<Vec<Duration>, Failed> {
    let begin = Instant::now() + Duration::from_millis(100);
    let every = Duration::from_secs(1);
    let rounds = u32::try_from(time.as_secs())?;
    let apart = every / u32::try_from(SESSIONS)?;
    let asking = sessions.iter_mut().zip(0u32..).map(|(session, number)| async move {
        let mut took = Vec::new();
        for round in 0..rounds {
            let due = begin + apart * number + every * round;
            sleep_until(due).await;
            session.list().await?;
            took.push(due.elapsed());
        }
        Ok::<_, Failed>(took)
    });
    Ok(try_join_all(asking).await?.concat())
}

/// [`AT_ONCE`] requests are always under way.
async fn closed(sessions: &mut [Session], time: Duration) -> Result<Vec<Duration>, Failed> {
    let watch = Stopwatch::start();
    let asking = sessions.chunks_mut(SESSIONS / AT_ONCE).take(AT_ONCE).map(|own| async move {
        let mut took = Vec::new();
        while watch.elapsed() < time {
            for session in &mut *own {
                let watch = Stopwatch::start();
                session.list().await?;
                took.push(watch.elapsed());
            }
        }
        Ok::<_, Failed>(took)
    });
    Ok(try_join_all(asking).await?.concat())
}

/// One session: a connection for requests, and one for the stream.
struct Session {
    requests: TcpStream,
    stream: TcpStream,
    way: Way,
    list: Vec<u8>,
    answer: Vec<u8>,
    /// How long the first answer was, in which the tools were counted.
    bytes: usize,
}

impl Session {
    async fn open(address: &str, way: Way, tools: usize) -> Result<Self, Failed> {
        let (mut requests, mut stream) = (connect(address).await?, connect(address).await?);
        let mut answer = Vec::new();
        let get = "GET /mcp HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n";
        let hello = message(
            1,
            "initialize",
            &json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "load", "version": "1" } }),
        );
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let list = message(2, "tools/list", &json!({}));
        let (path, headers) = match way {
            Way::Streamable => {
                requests.write_all(&post("/mcp", "", &hello)).await?;
                until(&mut requests, &mut answer, Ends::WholeAnswer).await?;
                let text = String::from_utf8_lossy(&answer);
                let id = text.lines().find_map(|line| line.strip_prefix("mcp-session-id: ")).ok_or("no session")?;
                let headers = format!("mcp-session-id: {id}\r\nmcp-protocol-version: 2025-06-18\r\n");
                stream.write_all(format!("{get}{headers}\r\n").as_bytes()).await?;
                ("/mcp".to_owned(), headers)
            }
            Way::Legacy => {
                stream.write_all(format!("{get}\r\n").as_bytes()).await?;
                until(&mut stream, &mut answer, Ends::Event).await?;
                let text = String::from_utf8_lossy(&answer);
                let path = text.lines().find_map(|line| line.strip_prefix("data: ")).ok_or("no endpoint")?.to_owned();
                requests.write_all(&post(&path, "", &hello)).await?;
                until(&mut stream, &mut answer, Ends::Event).await?;
                until(&mut requests, &mut answer, Ends::WholeAnswer).await?;
                (path, String::new())
            }
        };
        requests.write_all(&post(&path, &headers, &ready)).await?;
        until(&mut requests, &mut answer, Ends::WholeAnswer).await?;
        let mut session = Self { requests, stream, way, list: post(&path, &headers, &list), answer, bytes: 0 };
        session.list().await?;
        session.bytes = session.answer.len();
        let text = String::from_utf8_lossy(&session.answer);
        let json = text.lines().filter_map(|line| line.strip_prefix("data: {")).next_back().ok_or("no list")?;
        let listed: Value = serde_json::from_str(&format!("{{{json}"))?;
        let counted = listed["result"]["tools"].as_array().map_or(0, Vec::len);
        if counted == tools { Ok(session) } else { Err(format!("{counted} tools, not {tools}").into()) }
    }

    /// Lists the tools.
    async fn list(&mut self) -> Result<(), Failed> {
        self.requests.write_all(&self.list).await?;
        match self.way {
            Way::Streamable => until(&mut self.requests, &mut self.answer, Ends::WholeAnswer).await?,
            Way::Legacy => {
                until(&mut self.requests, &mut self.answer, Ends::WholeAnswer).await?;
                until(&mut self.stream, &mut self.answer, Ends::Event).await?;
            }
        }
        let whole = self.answer.len() + DIGITS_MAX >= self.bytes;
        if whole { Ok(()) } else { Err(format!("not the list: {}", String::from_utf8_lossy(&self.answer)).into()) }
    }
}

/// What an answer ends with.
#[derive(Clone, Copy)]
enum Ends {
    /// All of it: its chunks, or as much as it says.
    WholeAnswer,
    /// A chunk with an event.
    Event,
}

/// Reads one answer. There is never more than one under way on a connection.
async fn until(from: &mut TcpStream, answer: &mut Vec<u8>, ends: Ends) -> Result<(), Failed> {
    answer.clear();
    let reading = async {
        while !is_whole(answer, ends) {
            if from.read_buf(answer).await? == 0 || answer.len() > ANSWER_BYTES_MAX {
                return Err(format!("no end of an answer: {}", String::from_utf8_lossy(answer)).into());
            }
        }
        Ok(())
    };
    timeout(LIMIT, reading).await?
}

fn is_whole(answer: &[u8], ends: Ends) -> bool {
    match ends {
        Ends::Event => answer.ends_with(b"\n\n\r\n"),
        Ends::WholeAnswer if answer.ends_with(b"0\r\n\r\n") => true,
        // Such an answer is short: it is looked at again with each piece.
        Ends::WholeAnswer => whole_length(answer).is_some_and(|length| answer.len() >= length),
    }
}

/// The length of an answer that says its own.
fn whole_length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).take(1024).position(|end| end == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    let length: usize = text.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
    Some(head + length)
}

async fn connect(address: &str) -> Result<TcpStream, Failed> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn message(id: u64, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn post(path: &str, headers: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json, text/event-stream\r\ncontent-type: \
         application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

/// A hub process with servers. It ends with this program, or when it is dropped.
struct Hub {
    process: Child,
    address: String,
    tools: usize,
    _folder: tempfile::TempDir,
}

impl Hub {
    async fn start(program: &Program, servers: &[&str]) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let place = Place::new(folder.path().to_owned());
        std::fs::create_dir(place.files())?;
        let entry = |kind: &&str| {
            let words: Vec<_> = program.words.iter().map(|word| word.to_string_lossy()).collect();
            let more = ["server".into(), (*kind).into(), "--folder".into(), place.files().to_string_lossy().into_owned()];
            let args: Vec<String> = words.into_iter().map(Into::into).chain(more).collect();
            ((*kind).to_owned(), json!({ "command": program.path, "args": args }))
        };
        let entries: Map<_, _> = servers.iter().map(entry).collect();
        std::fs::write(place.config(), json!({ "mcpServers": entries }).to_string())?;
        let part =
            HubPart { root: folder.path().to_owned(), port: 0, persona: Persona::Honest, log_format: LogFormat::Pino, seed: 1 };
        let mut command = Command::from(program.command(&Part::Hub(part)));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut words = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        let word = timeout(LIMIT, words.next_line()).await??.ok_or("it ended")?;
        let word: Value = serde_json::from_str(&word)?;
        let address = format!("127.0.0.1:{}", word["ready"]["port"]);
        let mut hub = Self { process, address, tools: 0, _folder: folder };
        hub.tools = timeout(LIMIT, hub.connected(servers.len())).await??;
        Ok(hub)
    }

    /// Waits until so many servers are connected, and gives the number of their tools.
    async fn connected(&self, servers: usize) -> Result<usize, Failed> {
        let mut requests = connect(&self.address).await?;
        let mut answer = Vec::new();
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            requests.write_all(b"GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
            until(&mut requests, &mut answer, Ends::WholeAnswer).await?;
            let text = String::from_utf8_lossy(&answer);
            let health: Value = serde_json::from_str(text.split_once("\r\n\r\n").ok_or("no body")?.1)?;
            let views = health["servers"].as_array().cloned().unwrap_or_default();
            let tools: usize = views.iter().filter_map(|view| Some(view["capabilities"]["tools"].as_array()?.len())).sum();
            let listed = health["mcpEndpoint"]["registeredCapabilities"]["tools"] == tools;
            if listed && views.iter().filter(|view| view["status"] == "connected").count() == servers {
                return Ok(tools);
            }
        }
    }

    fn pid(&self) -> Result<u32, Failed> {
        self.process.id().ok_or_else(|| "the hub has ended".into())
    }
}

/// What a load cost.
struct Clock {
    began: Stopwatch,
    hub: Duration,
    own: Duration,
}

impl Clock {
    fn start(hub: &Hub) -> Result<Self, Failed> {
        Ok(Self { began: Stopwatch::start(), hub: cpu(hub.pid()?)?, own: cpu(std::process::id())? })
    }

    fn told(self, mut took: Vec<Duration>, hub: &Hub) -> Result<String, Failed> {
        let wall = self.began.elapsed().as_secs_f64();
        took.sort();
        let at = |percent: usize| took.get((took.len() * percent / 100).min(took.len() - 1)).ok_or("nothing was asked");
        let (p50, p99, longest) = (at(50)?, at(99)?, at(100)?);
        let rate = f64::from(u32::try_from(took.len())?) / wall;
        let share = |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64() / wall * 100.0;
        let (hub, own) = (share(cpu(hub.pid()?)?, self.hub), share(cpu(std::process::id())?, self.own));
        Ok(format!(
            "p50 {p50:.2?}, p99 {p99:.2?}, longest {longest:.2?}, {rate:.0}/s; CPU hub {hub:.0} %, load generator {own:.0} %"
        ))
    }
}

/// A figure of `/proc/PID/status`, in MB (10^6 bytes).
fn memory_mb(pid: u32, name: &str) -> Result<f64, Failed> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB")?.trim().parse::<u32>().ok());
    Ok(f64::from(kib.ok_or("no such figure")?) * 1024.0 / 1e6)
}

/// User and system time of a process: fields 14 and 15 of its `stat`, in hundredths of a second.
fn cpu(pid: u32) -> Result<Duration, Failed> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit_once(')').ok_or("no stat")?.1;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
