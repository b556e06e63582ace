//! A server that misbehaves on purpose: the double for everything a real one does on its worst day.
//! It reads HTTP heads only as far as a test needs them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

use crate::task::Task;

/// What the double does with each request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers properly and keeps the connection.
    Json(u16, &'static str),
    /// Answers properly and then closes without having said so.
    JsonThenHangUp(&'static str),
    /// Answers by path (and query), and 404 elsewhere.
    Paths(Vec<(&'static str, u16, String)>),
    /// Sends these bytes and closes.
    Raw(String),
    /// Sends these bytes, keeps the connection open and says nothing more.
    RawThenSilent(String),
    /// Reads and never answers.
    Silent,
    /// Resets the connection.
    Reset,
    /// Sends one byte of an endless body every 20 ms.
    Trickle,
    /// Sends `a` for as long as anybody reads.
    Endless,
}

/// A running double; it ends when dropped.
pub(crate) struct Double {
    port: u16,
    state: Arc<State>,
    _task: Task,
}

#[derive(Default)]
struct State {
    connections: Mutex<usize>,
    requests: Mutex<Vec<String>>,
    /// Bytes of an endless body that were sent when the reader went away.
    sent: watch::Sender<Option<usize>>,
}

/// A URL that must be one.
pub(crate) fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

impl Double {
    /// Starts on a free port.
    pub(crate) async fn start(act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let task = Task::spawn(async move {
            let mut tasks = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                *shared.connections.lock().unwrap() += 1;
                let (act, shared) = (act.clone(), Arc::clone(&shared));
                tasks.push(Task::spawn(async move {
                    // A client that goes away in the middle is what many tests are about.
                    let _ = serve(stream, act, &shared).await;
                }));
            }
        });
        Self { port, state, _task: task }
    }

    /// Its address with `path`.
    pub(crate) fn url(&self, path: &str) -> Url {
        url(&format!("http://127.0.0.1:{}{path}", self.port))
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }

    /// Requests received so far, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Bytes of an endless body sent until the reader went away.
    pub(crate) async fn sent(&self) -> usize {
        let mut sent = self.state.sent.subscribe();
        let sent = tokio::time::timeout(Duration::from_secs(10), sent.wait_for(Option::is_some)).await;
        sent.expect("the reader goes away").unwrap().unwrap()
    }
}

async fn serve(mut stream: TcpStream, act: Act, state: &State) -> std::io::Result<()> {
    loop {
        let request = read_request(&mut stream).await?;
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        state.requests.lock().unwrap().push(request);
        match &act {
            Act::Json(code, body) => stream.write_all(answer(*code, body).as_bytes()).await?,
            Act::JsonThenHangUp(body) => return stream.write_all(answer(200, body).as_bytes()).await,
            Act::Paths(paths) => {
                let found = paths.iter().find(|(p, _, _)| *p == path);
                let found = found.map_or_else(|| answer(404, "<pre>Cannot GET</pre>"), |(_, code, body)| answer(*code, body));
                stream.write_all(found.as_bytes()).await?;
            }
            Act::Raw(bytes) => {
                stream.write_all(bytes.as_bytes()).await?;
                return stream.shutdown().await;
            }
            Act::RawThenSilent(bytes) => {
                stream.write_all(bytes.as_bytes()).await?;
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
                return Ok(());
            }
            Act::Silent => {}
            Act::Reset => {
                stream.set_zero_linger()?;
                return Ok(());
            }
            Act::Trickle => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                let mut beat = tokio::time::interval(Duration::from_millis(20));
                loop {
                    beat.tick().await;
                    stream.write_all(b"a").await?;
                }
            }
            Act::Endless => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                let block = [b'a'; 4096];
                let mut sent = 0;
                while stream.write_all(&block).await.is_ok() {
                    sent += block.len();
                }
                state.sent.send_replace(Some(sent));
                return Ok(());
            }
        }
    }
}

fn answer(code: u16, body: &str) -> String {
    format!("HTTP/1.1 {code} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Reads one head, and the body that its `Content-Length` announces. What is no HTTP (a TLS hello) ends
/// at the first pause, so that the double can answer it too.
async fn read_request(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some(end) = text.find("\r\n\r\n") else {
            if bytes[0].is_ascii_uppercase() {
                continue;
            }
            return Ok(text.into_owned());
        };
        let length = text.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if text.len() >= end + 4 + length.unwrap_or(0) {
            return Ok(text.into_owned());
        }
    }
}
