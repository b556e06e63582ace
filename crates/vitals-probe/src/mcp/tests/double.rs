//! A double of an MCP server over HTTP, for what real servers rarely do. A test gives it one function
//! from request to response; it keeps all requests, and can push messages on every stream it holds.

use std::collections::BTreeMap;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

use super::*;
use crate::task::Task;

/// A request as the double saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) http: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Seen {
    /// The JSON-RPC method, or nothing.
    pub(crate) fn method(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What the double does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// An answer with this status, content type and body.
    Full(u16, &'static str, String),
    /// As `Full` with JSON, and with one more header.
    Json(u16, String, Option<(&'static str, String)>),
    /// An event stream with these events, which then ends.
    Events(Vec<String>),
    /// An event stream with these events, which stays open and repeats what is pushed.
    Stream(Vec<String>),
    /// 202, and this message on every open stream.
    Push(String),
    /// No answer at all.
    Silence,
}

impl Reply {
    pub(crate) fn json(body: String) -> Self {
        Self::Json(200, body, None)
    }

    pub(crate) fn status(code: u16) -> Self {
        Self::Full(code, "text/html", format!("<h1>{code}</h1>"))
    }
}

/// A message as an event.
pub(crate) fn event(message: &str) -> String {
    format!("event: message\ndata: {message}\n\n")
}

type Script = Arc<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// A running double; it ends when dropped.
pub(crate) struct Double {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    pushes: broadcast::Sender<String>,
    _task: Task,
}

impl Double {
    pub(crate) async fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, pushes, script) = (Arc::<Mutex<Vec<Seen>>>::default(), broadcast::Sender::new(64), Arc::new(script) as Script);
        let (log, bell) = (Arc::clone(&seen), pushes.clone());
        let task = Task::spawn(async move {
            let mut connections = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.push(Task::spawn(serve(socket, Arc::clone(&script), Arc::clone(&log), bell.clone())));
            }
        });
        Self { port, seen, pushes, _task: task }
    }

    pub(crate) fn address(&self) -> Address {
        Address::Http { url: format!("http://127.0.0.1:{}/mcp", self.port) }
    }

    pub(crate) fn hub(&self) -> Address {
        Address::Hub { url: format!("http://127.0.0.1:{}", self.port) }
    }

    /// Sends `message` on every open stream.
    pub(crate) fn push(&self, message: &str) {
        self.pushes.send(event(message)).unwrap();
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// HTTP method and JSON-RPC method of every request so far.
    pub(crate) fn story(&self) -> Vec<String> {
        self.seen().iter().map(|seen| format!("{} {}", seen.http, seen.method()).trim().to_owned()).collect()
    }

    /// How many streams are open.
    pub(crate) fn streams(&self) -> usize {
        self.pushes.receiver_count()
    }
}

async fn serve(socket: TcpStream, script: Script, log: Arc<Mutex<Vec<Seen>>>, pushes: broadcast::Sender<String>) {
    let mut socket = BufReader::new(socket);
    while let Some(seen) = read_request(&mut socket).await {
        let reply = script(&seen);
        log.lock().unwrap().push(seen);
        let (code, kind, extra, body) = match reply {
            Reply::Silence => return std::future::pending().await,
            Reply::Stream(events) => return hold(socket, events, &pushes).await,
            Reply::Events(events) => (200, "text/event-stream; charset=utf-8", None, events.concat()),
            Reply::Full(code, kind, body) => (code, kind, None, body),
            Reply::Json(code, body, header) => (code, "application/json", header, body),
            Reply::Push(message) => {
                drop(pushes.send(event(&message)));
                (202, "text/plain", None, "Accepted".to_owned())
            }
        };
        let extra = extra.map(|(name, value)| format!("{name}: {value}\r\n")).unwrap_or_default();
        let head = format!("HTTP/1.1 {code} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n{extra}\r\n", body.len());
        if socket.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Holds a stream open until its client goes away.
async fn hold(mut socket: BufReader<TcpStream>, events: Vec<String>, pushes: &broadcast::Sender<String>) {
    let mut receiver = pushes.subscribe();
    let head = "HTTP/1.1 200 x\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let mut text = format!("{head}{}", events.concat());
    loop {
        if socket.write_all(text.as_bytes()).await.is_err() {
            return;
        }
        text = tokio::select! {
            Ok(message) = receiver.recv() => message,
            _ = socket.read_u8() => return,
        };
    }
}

async fn read_request(socket: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await.ok().filter(|n| *n > 0)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut first = lines.first()?.split(' ').map(str::to_owned);
    let (http, path) = (first.next()?, first.next()?);
    let headers: BTreeMap<_, _> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some(Seen { http, path, headers, body: serde_json::from_slice(&body).unwrap_or_default() })
}
