//! A receiver of notices on this machine, for tests: it takes requests down and answers as it is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::wait::{self, Stopwatch};

/// Largest request read.
const REQUEST_BYTES_MAX: u64 = 1 << 20;

/// How long a connection may say nothing.
const READ_MAX: Duration = Duration::from_secs(60);

/// What it answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mood {
    /// This status.
    Status(u16),
    /// Nothing, for as long as the mood lasts.
    Hang,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Since the inbox was opened.
    pub(crate) after: Duration,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(of, _)| of == name).map_or("", |(_, value)| value)
    }
}

struct Shared {
    opened: Stopwatch,
    mood: Mutex<Mood>,
    received: Mutex<Vec<Received>>,
    ends: AtomicBool,
}

/// The receiver; it ends with this.
pub(crate) struct Inbox {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Inbox {
    pub(crate) fn open() -> Self {
        Self::open_at(0)
    }

    /// At this port, where it was before.
    pub(crate) fn open_at(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a port of ours");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            opened: Stopwatch::start(),
            mood: Mutex::new(Mood::Status(200)),
            received: Mutex::default(),
            ends: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if own.ends.load(Ordering::Relaxed) {
                    return;
                }
                let own = Arc::clone(&own);
                // It ends with its connection, which has a limit.
                std::thread::spawn(move || serve(stream, &own));
            }
        });
        Self { port, shared, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/told", self.port)
    }

    pub(crate) fn mood(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// Everything that came so far.
    pub(crate) fn all(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long it is open.
    pub(crate) fn elapsed(&self) -> Duration {
        self.shared.opened.elapsed()
    }

    /// Whether nothing came for so long.
    pub(crate) fn quiet_for(&self, long: Duration) -> bool {
        let last = self.all().last().map_or(Duration::ZERO, |received| received.after);
        self.elapsed().saturating_sub(last) >= long
    }

    /// The request with this number (from 0), once it is there.
    pub(crate) fn nth(&self, n: usize, within: Duration) -> Received {
        let what = format!("request {n} of the receiver; it has {:#?}", self.all().iter().map(|r| &r.body).collect::<Vec<_>>());
        wait::until(&what, within, || self.all().get(n).cloned())
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        // It waits for a connection.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> Option<()> {
    stream.set_read_timeout(Some(READ_MAX)).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?.take(REQUEST_BYTES_MAX));
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, n)| n.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let mood = || *shared.mood.lock().unwrap_or_else(PoisonError::into_inner);
        let received = Received { after: shared.opened.elapsed(), path, headers, body: String::from_utf8(body).ok()? };
        shared.received.lock().unwrap_or_else(PoisonError::into_inner).push(received);
        wait::poll(READ_MAX, || (mood() != Mood::Hang || shared.ends.load(Ordering::Relaxed)).then_some(()));
        let Mood::Status(status) = mood() else { return None };
        write!(stream, "HTTP/1.1 {status} So\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok").ok()?;
    }
}
