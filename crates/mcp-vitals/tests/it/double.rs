//! A double of a hub, for answers that no real hub can be made to give.
//!
//! It speaks just enough HTTP/1.1 for one exchange per connection, REST with the two answers that a
//! check asks for, an event stream, and an MCP endpoint by legacy HTTP+SSE. For each path it can be told
//! a [`Trick`] instead. It is of the test's own process, so what a check says of "the hub's process" is
//! said of the tests.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::wait;

/// Largest request read; the product's are a few hundred bytes.
const REQUEST_BYTES_MAX: u64 = 1 << 20;

/// What an endless answer stops at, so that a product without bounds fails its test and not the machine.
const ENDLESS_BYTES_MAX: usize = 1 << 30;

/// Longest that a trickle goes on.
const TRICKLE_MAX: Duration = Duration::from_secs(60);

/// Instead of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Trick {
    /// This status, with a page of HTML.
    Page(u16),
    /// JSON that ends in the middle.
    Truncated,
    /// JSON nested a hundred thousand deep.
    Deep,
    /// A gigabyte of JSON.
    Endless,
    /// JSON that comes a byte at a time.
    Trickle,
    /// Nothing, on a connection that stays open.
    Silence,
    /// The connection closed without a word.
    Close,
    /// Bytes that are no HTTP.
    Noise,
    /// This JSON.
    Json(Value),
    /// An event stream that sends this for ever, as fast as it is read.
    Flood(&'static str),
    /// An event stream that sends one line without an end.
    EndlessLine,
}

/// What the double says where it plays no trick.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) health: Value,
    pub(crate) servers: Value,
    /// The result of `tools/list`.
    pub(crate) tools: Value,
    /// The result, or the error, of every `tools/call`.
    pub(crate) call: Result<Value, Value>,
    /// Tricks by the beginning of a path; the first that fits counts.
    pub(crate) tricks: Vec<(&'static str, Trick)>,
}

impl Script {
    /// A healthy hub with one server `files` that has one tool.
    pub(crate) fn healthy() -> Self {
        let tool = |name: &str| {
            json!({"name": name, "description": "Lists.", "inputSchema": {"type": "object"},
                "annotations": {"readOnlyHint": true, "openWorldHint": false}})
        };
        let server = json!({"name": "files", "displayName": "files", "transportType": "stdio", "status": "connected",
            "error": null, "uptime": 5, "capabilities": {"tools": [tool("list")], "resources": [], "prompts": []}});
        let health = json!({"status": "ok", "state": "ready", "version": "4.2.1", "activeClients": 0, "servers": [server],
            "mcpEndpoint": {"activeClients": 0, "totalCapabilities": 1,
                "registeredCapabilities": {"tools": 1, "resources": 0, "resourceTemplates": 0, "prompts": 0}}});
        let servers = json!({"servers": health["servers"]});
        let tools = json!({"tools": [tool("files__list")]});
        Self { health, servers, tools, call: Ok(json!({"content": [{"type": "text", "text": "a"}]})), tricks: Vec::new() }
    }

    /// The same with a trick on paths that begin so.
    pub(crate) fn with(path: &'static str, trick: Trick) -> Self {
        Self { tricks: vec![(path, trick)], ..Self::healthy() }
    }
}

/// A running double. It ends when it is dropped; its open connections when the other side goes.
pub(crate) struct Double {
    pub(crate) port: u16,
    ended: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Double {
    pub(crate) fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let stage = Arc::new(Stage { script, session: Mutex::default() });
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                let stage = Arc::clone(&stage);
                // A side that went away is what most tricks end with.
                std::thread::spawn(move || drop(stage.exchange(stream)));
            }
        });
        Self { port, ended, accepting: Some(accepting) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// What its connections share.
struct Stage {
    script: Script,
    /// The stream of the MCP session, on which answers to POSTs go.
    session: Mutex<Option<TcpStream>>,
}

impl Stage {
    fn exchange(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?.take(REQUEST_BYTES_MAX));
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header)? <= 2 {
                break;
            }
            if let Some(n) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let trick = self.script.tricks.iter().find(|(start, _)| path.starts_with(start)).map(|(_, trick)| trick);
        match (trick, path.split('?').next().unwrap_or_default()) {
            (Some(trick), _) => play(trick, stream),
            (None, "/api/health") => reply(stream, 200, "application/json", &self.script.health.to_string()),
            (None, "/api/servers") => reply(stream, 200, "application/json", &self.script.servers.to_string()),
            (None, "/api/servers/tools") => {
                let answer = self.script.call.as_ref().map_or_else(Value::clone, |result| json!({"result": result}));
                reply(stream, 200, "application/json", &answer.to_string())
            }
            (None, "/api/events") => hold(stream, "event: heartbeat\ndata: {\"connections\":1}\n\n"),
            (None, "/mcp") if line.starts_with("GET") => {
                *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream.try_clone()?);
                hold(stream, "event: endpoint\ndata: /messages?sessionId=1\n\n")
            }
            (None, "/messages") => {
                self.answer(&serde_json::from_slice(&body).unwrap_or_default())?;
                reply(stream, 202, "text/plain", "Accepted")
            }
            (None, _) => reply(stream, 404, "text/html", "<h1>Not found</h1>"),
        }
    }

    /// Answers one JSON-RPC request on the session's stream.
    fn answer(&self, request: &Value) -> std::io::Result<()> {
        let result = match request["method"].as_str() {
            Some("initialize") => Ok(json!({"protocolVersion": "2024-11-05", "capabilities": {"tools": {}},
                "serverInfo": {"name": "double", "version": "1"}})),
            Some("tools/list") => Ok(self.script.tools.clone()),
            Some("tools/call") => self.script.call.clone(),
            _ => Ok(json!({})),
        };
        let mut message = json!({"jsonrpc": "2.0", "id": request["id"]});
        match result {
            Ok(result) => message["result"] = result,
            Err(error) => message["error"] = error,
        }
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        match session.as_ref() {
            Some(mut stream) if !request["id"].is_null() => write!(stream, "event: message\ndata: {message}\n\n"),
            _ => Ok(()),
        }
    }
}

/// A whole answer, and the end of its connection.
fn reply(mut stream: TcpStream, status: u16, kind: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} Told\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// The head of an answer whose body ends with its connection.
fn head(stream: &mut TcpStream, kind: &str) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 200 Told\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n")
}

/// An event stream that begins with this and stays open until the other side goes.
fn hold(mut stream: TcpStream, first: &str) -> std::io::Result<()> {
    head(&mut stream, "text/event-stream")?;
    stream.write_all(first.as_bytes())?;
    until_gone(stream)
}

fn until_gone(mut stream: TcpStream) -> std::io::Result<()> {
    while stream.read(&mut [0; 1024])? > 0 {}
    Ok(())
}

/// Writes the same again and again until the other side goes.
fn pour(mut stream: TcpStream, piece: &str) -> std::io::Result<()> {
    let piece = piece.repeat((64 << 10) / piece.len());
    for _ in 0..ENDLESS_BYTES_MAX / piece.len() {
        stream.write_all(piece.as_bytes())?;
    }
    Ok(())
}

fn play(trick: &Trick, mut stream: TcpStream) -> std::io::Result<()> {
    match trick {
        Trick::Page(status) => reply(stream, *status, "text/html", "<!DOCTYPE html><html><body>Welcome</body></html>"),
        Trick::Json(value) => reply(stream, 200, "application/json", &value.to_string()),
        Trick::Truncated => reply(stream, 200, "application/json", "{\"status\":\"ok\",\"servers\":[{\"name\":\"fi"),
        Trick::Deep => reply(stream, 200, "application/json", &"[".repeat(100_000)),
        Trick::Endless => {
            head(&mut stream, "application/json")?;
            stream.write_all(b"{\"status\":\"")?;
            pour(stream, "a")
        }
        Trick::Trickle => {
            head(&mut stream, "application/json")?;
            wait::poll(TRICKLE_MAX, || stream.write_all(b" ").err());
            Ok(())
        }
        Trick::Silence => until_gone(stream),
        Trick::Close => Ok(()),
        Trick::Noise => stream.write_all(b"\x1b[2J\x00\xff no HTTP \r\n\r\n"),
        Trick::Flood(event) => {
            head(&mut stream, "text/event-stream")?;
            pour(stream, event)
        }
        Trick::EndlessLine => {
            head(&mut stream, "text/event-stream")?;
            stream.write_all(b"data: ")?;
            pour(stream, "x")
        }
    }
}
