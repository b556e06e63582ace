//! The event stream: what happens in the hub, told to every client at once. A client that does not read
//! loses events; how many is counted and told to it. What the events mean is decided elsewhere.

mod batch;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until};
use vitals_model::time::Timestamp;
use vitals_probe::clock;

use self::batch::{Batch, Batches, Gathered};
use super::filter::Settings;
use super::log::Stamped;
use crate::fault::HubFault;
use crate::persona::LogFormat;

/// Most pieces, of one event or of several, that wait for one client; more are lost to it, and counted.
const QUEUE_MAX: usize = 1024;

/// Most clients at once; another one is refused.
const CLIENTS_MAX: usize = 256;

/// The form of the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// Each event by itself: npm mcp-hub.
    Single,
    /// In batches: the filtering variant before it logged with pino.
    Batched,
    /// In batches, and every record is `debug`, errors too: the recorded variant. Its pino names levels, and what
    /// passes them on to the stream expects numbers.
    BatchedWithoutLevels,
}

impl Form {
    /// That of a hub which filters so and logs so.
    pub(crate) const fn of(filtering: &Settings, log: LogFormat) -> Self {
        match (filtering, log) {
            (Settings::Off, _) => Self::Single,
            (Settings::PromptBased(_), LogFormat::Pino) => Self::BatchedWithoutLevels,
            (Settings::PromptBased(_), LogFormat::Plain | LogFormat::Stdout) => Self::Batched,
        }
    }

    /// An event that is not kept waiting.
    fn at_once(self, kind: &'static str, data: &impl Serialize) -> Bytes {
        match self {
            Self::Single => framed(kind, data),
            Self::Batched | Self::BatchedWithoutLevels => Batch::critical(kind, text(data)).frame(clock::now()),
        }
    }
}

/// What a client is told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wants {
    Everything,
    /// The records of the log.
    Records,
}

/// All clients of the stream.
pub(crate) struct Events {
    form: Form,
    clients: Mutex<Clients>,
    batches: Mutex<Batches>,
    /// A batch was begun.
    begun: Notify,
    faults: watch::Receiver<BTreeSet<HubFault>>,
}

#[derive(Default)]
struct Clients {
    last_id: u64,
    by_id: BTreeMap<u64, Client>,
}

struct Client {
    wants: Wants,
    queue: mpsc::Sender<Bytes>,
    lost: usize,
}

/// What happened, without its time, which each form writes in its own way. The order of fields is npm's.
#[derive(Serialize)]
struct Untimed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'a str>,
    #[serde(flatten)]
    more: Value,
}

#[derive(Serialize)]
struct Timed<'a, T> {
    #[serde(flatten)]
    what: &'a Untimed<'a>,
    timestamp: T,
}

/// The events for one client. Tell [`Events::left`] when it has gone.
pub(crate) struct Joined {
    pub id: u64,
    pub queue: mpsc::Receiver<Bytes>,
}

impl Events {
    /// A stream without clients. [`send_batches`] is to run beside it.
    pub(crate) fn new(form: Form, faults: watch::Receiver<BTreeSet<HubFault>>) -> Self {
        Self { form, clients: Mutex::default(), batches: Mutex::default(), begun: Notify::new(), faults }
    }

    /// Its form.
    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    /// How many clients there are.
    pub(crate) fn count(&self) -> usize {
        self.lock().by_id.len()
    }

    /// A new client; `None` when the stream is cut, or there are too many.
    pub(crate) fn join(&self, wants: Wants) -> Option<Joined> {
        if self.faults.borrow().contains(&HubFault::StreamCut) {
            return None;
        }
        let mut clients = self.lock();
        if clients.by_id.len() >= CLIENTS_MAX {
            return None;
        }
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        clients.last_id += 1;
        let id = clients.last_id;
        clients.by_id.insert(id, Client { wants, queue: sender, lost: 0 });
        Some(Joined { id, queue })
    }

    /// A client has gone. Whether it was still one of ours.
    pub(crate) fn left(&self, id: u64) -> bool {
        self.lock().by_id.remove(&id).is_some()
    }

    /// Ends every client's stream.
    pub(crate) fn cut(&self) {
        self.lock().by_id.clear();
    }

    /// Sends what is still gathered, and ends every client's stream.
    pub(crate) fn finish(&self) {
        let left = self.gathering().take_all();
        self.send_all(&left);
        self.cut();
    }

    /// Sends an event to all clients, and does not keep it waiting.
    pub(crate) fn send(&self, kind: &'static str, data: &impl Serialize) {
        self.repeat(kind, data, 1);
    }

    fn repeat(&self, kind: &'static str, data: &impl Serialize, times: usize) {
        self.deliver(kind, times, || match times {
            1 => self.form.at_once(kind, data),
            times => self.form.at_once(kind, data).repeat(times).into(),
        });
    }

    /// Sends an event to one client. It is never in a batch.
    pub(crate) fn send_to(&self, id: u64, kind: &str, data: &impl Serialize) {
        if self.is_silent() {
            return;
        }
        if let Some(client) = self.lock().by_id.get_mut(&id) {
            client.send(&framed(kind, data), 1, self.form);
        }
    }

    /// Sends an event of the kind that clients subscribe to: `servers_updated` and the like.
    /// `more` is an object.
    pub(crate) fn notify(&self, kind: &str, more: Value) {
        self.tell("subscription_event", &Untimed { r#type: Some(kind), more }, clock::now());
    }

    /// Sends a record of the log so many times over, in one piece.
    pub(crate) fn log(&self, record: &Stamped, times: usize) {
        match self.form {
            Form::Single | Form::Batched => self.repeat("log", &record.as_event(), times),
            Form::BatchedWithoutLevels => self.repeat("log", &record.as_event().without_level(), times),
        }
    }

    /// Sends the sign of life.
    pub(crate) fn heartbeat(&self) {
        self.tell("heartbeat", &Untimed { r#type: None, more: json!({"connections": self.count()}) }, clock::now());
    }

    /// Sends an event, or gathers it. In a batch its time is in milliseconds since the epoch.
    fn tell(&self, kind: &'static str, what: &Untimed<'_>, at: Timestamp) {
        if self.form == Form::Single {
            return self.send(kind, &Timed { what, timestamp: at.to_string() });
        }
        // The variant takes every event about one server for the same, and keeps the first.
        let about = what.more.get("server").map_or_else(|| text(what), Value::to_string);
        let event = text(&Timed { what, timestamp: at.as_millis() });
        let full = self.gathering().add(kind, Gathered { about, event }, Instant::now());
        self.begun.notify_one();
        self.send_all(full.as_slice());
    }

    fn send_all(&self, batches: &[Batch]) {
        for batch in batches {
            self.deliver(batch.kind, 1, || batch.frame(clock::now()));
        }
    }

    fn deliver(&self, kind: &str, count: usize, frame: impl FnOnce() -> Bytes) {
        if self.is_silent() {
            return;
        }
        let mut clients = self.lock();
        if clients.by_id.is_empty() {
            return;
        }
        let frame = frame();
        for client in clients.by_id.values_mut().filter(|client| client.wants == Wants::Everything || kind == "log") {
            client.send(&frame, count, self.form);
        }
    }

    fn is_silent(&self) -> bool {
        self.faults.borrow().contains(&HubFault::StreamSilent)
    }

    fn lock(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gathering(&self) -> MutexGuard<'_, Batches> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends batches when they are due, for ever.
pub(crate) async fn send_batches(events: Arc<Events>) {
    loop {
        let due = events.gathering().due();
        match due {
            None => events.begun.notified().await,
            Some(due) => {
                sleep_until(due).await;
                let due = events.gathering().take_due(Instant::now());
                events.send_all(&due);
            }
        }
    }
}

impl Client {
    fn send(&mut self, frame: &Bytes, count: usize, form: Form) {
        if self.lost > 0 && self.queue.capacity() >= 2 {
            let message = format!("{} events were lost: this client reads too slowly", self.lost);
            let data = json!({"type": "warn", "message": message, "data": {}, "timestamp": clock::now().to_string()});
            if self.queue.try_send(form.at_once("log", &data)).is_ok() {
                self.lost = 0;
            }
        }
        if self.queue.try_send(frame.clone()).is_err() {
            self.lost += count;
        }
    }
}

fn text(data: &impl Serialize) -> String {
    serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned())
}

fn framed(event: &str, data: &impl Serialize) -> Bytes {
    Bytes::from(format!("event: {event}\ndata: {}\n\n", text(data)))
}
