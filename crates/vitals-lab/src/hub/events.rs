//! The event stream: what happens in the hub, told to every client at once. A client that does not read
//! loses events; how many is counted and told to it. What the events mean is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use vitals_probe::clock;

use super::log::Stamped;
use crate::fault::HubFault;

/// Most pieces, of one event or of several, that wait for one client; more are lost to it, and counted.
const QUEUE_MAX: usize = 1024;

/// Most clients at once; another one is refused.
const CLIENTS_MAX: usize = 256;

/// All clients of the stream.
pub(crate) struct Events {
    clients: Mutex<Clients>,
    faults: watch::Receiver<BTreeSet<HubFault>>,
}

#[derive(Default)]
struct Clients {
    last_id: u64,
    by_id: BTreeMap<u64, Client>,
}

struct Client {
    queue: mpsc::Sender<Bytes>,
    lost: usize,
}

/// What clients subscribe to. The order of fields is npm's.
#[derive(Serialize)]
struct Notice<'a> {
    r#type: &'a str,
    #[serde(flatten)]
    more: Value,
    timestamp: String,
}

/// The events for one client. Tell [`Events::left`] when it has gone.
pub(crate) struct Joined {
    pub id: u64,
    pub queue: mpsc::Receiver<Bytes>,
}

impl Events {
    /// A stream without clients.
    pub(crate) fn new(faults: watch::Receiver<BTreeSet<HubFault>>) -> Self {
        Self { clients: Mutex::default(), faults }
    }

    /// How many clients there are.
    pub(crate) fn count(&self) -> usize {
        self.lock().by_id.len()
    }

    /// A new client; `None` when the stream is cut, or there are too many.
    pub(crate) fn join(&self) -> Option<Joined> {
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
        clients.by_id.insert(id, Client { queue: sender, lost: 0 });
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

    /// Sends an event to all clients.
    pub(crate) fn send(&self, event: &str, data: &impl Serialize) {
        self.repeat(event, data, 1);
    }

    fn repeat(&self, event: &str, data: &impl Serialize, times: usize) {
        if self.faults.borrow().contains(&HubFault::StreamSilent) {
            return;
        }
        let mut clients = self.lock();
        if clients.by_id.is_empty() {
            return;
        }
        let frames = Bytes::from(framed(event, data).repeat(times));
        for client in clients.by_id.values_mut() {
            client.send(&frames, times);
        }
    }

    /// Sends an event of the kind that clients subscribe to: `servers_updated` and the like.
    /// `more` is an object.
    pub(crate) fn notify(&self, kind: &str, more: Value) {
        let data = Notice { r#type: kind, more, timestamp: clock::now().to_string() };
        self.send("subscription_event", &data);
    }

    /// Sends a record of the log so many times over, in one piece.
    pub(crate) fn log(&self, record: &Stamped, times: usize) {
        self.repeat("log", &record.as_event(), times);
    }

    /// Sends the sign of life.
    pub(crate) fn heartbeat(&self) {
        self.send("heartbeat", &json!({"connections": self.count(), "timestamp": clock::now().to_string()}));
    }

    fn lock(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    fn send(&mut self, frames: &Bytes, count: usize) {
        if self.lost > 0 && self.queue.capacity() >= 2 {
            let message = format!("{} events were lost: this client reads too slowly", self.lost);
            let data = json!({"type": "warn", "message": message, "data": {}, "timestamp": clock::now().to_string()});
            if self.queue.try_send(framed("log", &data).into()).is_ok() {
                self.lost = 0;
            }
        }
        if self.queue.try_send(frames.clone()).is_err() {
            self.lost += count;
        }
    }
}

fn framed(event: &str, data: &impl Serialize) -> String {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
    format!("event: {event}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(faults: &[HubFault]) -> Events {
        Events::new(watch::channel(faults.iter().copied().collect()).1)
    }

    fn take(joined: &mut Joined) -> Vec<String> {
        let mut taken = Vec::new();
        while let Ok(frame) = joined.queue.try_recv() {
            taken.push(String::from_utf8(frame.to_vec()).unwrap());
        }
        taken
    }

    #[test]
    fn events_have_the_form_that_npm_mcp_hub_sends() {
        let events = events(&[]);
        let mut joined = events.join().unwrap();
        events.notify("servers_updated", json!({"changes": {"modified": ["everything"]}}));
        events.heartbeat();
        let frames = take(&mut joined);
        assert!(
            frames[0].starts_with("event: subscription_event\ndata: {\"type\":\"servers_updated\",\"changes\":{"),
            "{frames:?}"
        );
        assert!(frames[0].ends_with("}\n\n"), "{frames:?}");
        let data: Value = serde_json::from_str(frames[0].split_once("data: ").unwrap().1).unwrap();
        assert_eq!(data["type"], "servers_updated");
        assert_eq!(data["changes"]["modified"][0], "everything");
        assert!(data["timestamp"].as_str().unwrap().ends_with('Z'));
        assert!(frames[1].starts_with("event: heartbeat\ndata: {\"connections\":1,\"timestamp\":\"2"), "{frames:?}");
        assert!(events.left(joined.id) && !events.left(joined.id));
    }

    #[test]
    fn a_slow_client_loses_events_and_is_told_how_many() {
        let events = events(&[]);
        let (mut slow, mut other) = (events.join().unwrap(), events.join().unwrap());
        for _ in 0..QUEUE_MAX + 2 {
            events.heartbeat();
            take(&mut other);
        }
        events.repeat("log", &json!({}), 3);
        take(&mut other);
        assert_eq!(take(&mut slow).len(), QUEUE_MAX);
        events.heartbeat();
        let after = take(&mut slow);
        assert_eq!(after.len(), 2);
        assert!(after[0].contains("5 events were lost"), "{after:?}");
        assert_eq!(take(&mut other).len(), 1);
    }

    #[test]
    fn a_cut_stream_takes_nobody_and_a_silent_one_says_nothing() {
        assert!(events(&[HubFault::StreamCut]).join().is_none());
        let silent = events(&[HubFault::StreamSilent]);
        let mut joined = silent.join().unwrap();
        silent.heartbeat();
        assert_eq!(take(&mut joined).len(), 0);
        silent.cut();
        assert!(joined.queue.is_closed() && silent.count() == 0);
    }

    #[test]
    fn there_are_only_so_many_clients() {
        let events = events(&[]);
        let joined: Vec<_> = (0..CLIENTS_MAX).map(|_| events.join().unwrap()).collect();
        assert!(events.join().is_none());
        assert!(events.left(joined[0].id));
        assert!(events.join().is_some());
    }
}
