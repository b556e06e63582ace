//! Logs onward: the records of hubs' logs and our own events to where logs are kept. At least once, in order, and without
//! ever delaying a probe.
//!
//! ```text
//! tap of the logs --+                      +--> spool on disk --> receiver
//!                   +--> writer (ECS) -----+
//! our own events ---+                      +--> spool on disk --> receiver
//! ```
//!
//! All of it is one thread. Before it are two queues with bounds; what finds no room is counted. What a receiver does not
//! take waits in its spool, also over a restart; a record leaves it when its receiver has taken or refused it for good.

mod ecs;
mod lane;
mod receiver;
mod spool;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::Duration;

use tokio::sync::mpsc;
use vitals_model::config::LogDestination;
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::limits::{ONWARD_EVENTS_MAX, ONWARD_LINES_BYTES_MAX};
use vitals_model::observation::{Failure, Level};
use vitals_model::snapshot::Destination;
use vitals_model::time::Timestamp;
use vitals_probe::clock;
use vitals_probe::http::Proxy;
use vitals_probe::logtail::{Tap, parse};

use self::ecs::Writer;
use self::lane::{Counts, Lane, Spooled};
use self::receiver::Receiver;
use self::spool::Spool;
use crate::Say;

/// Lines taken from the tap that are written before others have their turn.
const LINES_AT_ONCE: usize = 512;

/// How long receivers may go on taking when the watch ends; what is left waits for the next one.
const END_MAX: Duration = Duration::from_secs(2);

/// Why nothing can be sent onward.
#[derive(Debug, thiserror::Error)]
pub enum OnwardError {
    /// The spool cannot be opened.
    #[error("logs.{name}: cannot keep what waits in {}", dir.display())]
    Spool {
        /// The destination.
        name: String,
        /// The folder.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A header has no value here.
    #[error("logs.{name}: the header {header}: {why}")]
    Secret {
        /// The destination.
        name: String,
        /// The header.
        header: String,
        /// Why.
        why: Failure,
    },
    /// Not a URL.
    #[error("logs.{name}: {url} is no URL")]
    Url {
        /// The destination.
        name: String,
        /// The text.
        url: String,
    },
    /// A destination that says no way to it.
    #[error("logs.{name}: no place is named")]
    NoWay {
        /// The destination.
        name: String,
    },
    /// The thread cannot be started.
    #[error("logs cannot be sent onward")]
    Thread(#[source] std::io::Error),
}

/// What sends onward. It ends with [`Onward::end`].
pub struct Onward {
    events: mpsc::Sender<Own>,
    tap: Option<Tap>,
    counts: Vec<Arc<Counts>>,
    at_end: std_mpsc::Receiver<()>,
}

/// One of our own events, with its time.
enum Own {
    Incident(Timestamp, IncidentChange, Box<Incident>),
    Note(Timestamp, String),
}

impl Onward {
    /// Begins to send to these destinations; `None` when there are none. What waits is kept in folders below `dir`. `host`
    /// is this machine's name, and `say` hears when a destination stops to take records, and when it does again.
    ///
    /// # Errors
    /// A spool that cannot be opened, a secret without a value.
    pub fn start(
        destinations: &BTreeMap<String, LogDestination>,
        dir: &Path,
        host: &str,
        proxy: Option<&Proxy>,
        say: Say,
    ) -> Result<Option<Self>, OnwardError> {
        if destinations.is_empty() {
            return Ok(None);
        }
        let mut lanes = Vec::new();
        for (name, destination) in destinations {
            let receiver = Receiver::new(name, destination, proxy)?;
            let dir = dir.join(name);
            let spool = Spool::open(&dir, destination.spool_bytes_max);
            let spool = spool.map_err(|source| OnwardError::Spool { name: name.clone(), dir, source })?;
            lanes.push(Lane::new(name, destination, receiver, spool));
        }
        let lowest = destinations.values().filter(|d| d.records.has_hub()).map(|d| d.level).min();
        let tap = lowest.map(|level| Tap::new(level, ONWARD_LINES_BYTES_MAX));
        let (events, inbox) = mpsc::channel(ONWARD_EVENTS_MAX);
        let counts = lanes.iter().map(|lane| Arc::clone(&lane.counts)).collect();
        let writer = Writer::new(host, run_id(host));
        let (say_finished, at_end) = std_mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(OnwardError::Thread)?;
        let source = Source { inbox, tap: tap.clone(), writer };
        let work = move || {
            runtime.block_on(run(source, lanes, say));
            // A file on a disk that hangs does not keep us.
            runtime.shutdown_background();
            let _ = say_finished.send(());
        };
        std::thread::Builder::new().name("onward".to_owned()).spawn(work).map_err(OnwardError::Thread)?;
        Ok(Some(Self { events, tap, counts, at_end }))
    }

    /// Where the lines of hubs' logs are to be put; `None` when no destination wants them.
    pub fn tap(&self) -> Option<&Tap> {
        self.tap.as_ref()
    }

    /// Sends a change of an incident.
    pub fn incident(&self, now: Timestamp, change: IncidentChange, incident: &Incident) {
        self.put(Own::Incident(now, change, Box::new(incident.clone())));
    }

    /// Sends something about the watch itself.
    pub fn note(&self, now: Timestamp, text: &str) {
        self.put(Own::Note(now, text.to_owned()));
    }

    fn put(&self, own: Own) {
        if self.events.try_send(own).is_err() {
            self.counts.iter().filter(|counts| counts.takes.has_own()).for_each(|counts| counts.add_dropped(1));
        }
    }

    /// How each destination is.
    pub fn destinations(&self) -> Vec<Destination> {
        self.counts.iter().map(|counts| counts.destination()).collect()
    }

    /// Sends what it can in [`END_MAX`]; then as [`Onward::destinations`].
    pub fn end(self) -> Vec<Destination> {
        let Self { events, tap: _, counts, at_end } = self;
        drop(events);
        // Spooling what is left is quick, and is not cut short by a receiver: its time begins afterwards.
        let _ = at_end.recv_timeout(END_MAX * 2);
        counts.iter().map(|counts| counts.destination()).collect()
    }
}

/// A number that no other run has, on any machine.
fn run_id(host: &str) -> u64 {
    let mut hash = DefaultHasher::new();
    (host, clock::now().as_millis(), std::process::id()).hash(&mut hash);
    hash.finish()
}

/// Where records come from.
struct Source {
    inbox: mpsc::Receiver<Own>,
    tap: Option<Tap>,
    writer: Writer,
}

async fn run(source: Source, lanes: Vec<Lane>, say: Say) {
    let say = RefCell::new(say);
    let delivered = futures_util::future::join_all(lanes.iter().map(|lane| lane.deliver(&say)));
    tokio::select! {
        _ = delivered => {}
        () = source.spool(&lanes, &say) => {}
    }
}

impl Source {
    /// Spools what comes until nothing more will, and gives receivers a moment to take the last.
    async fn spool(mut self, lanes: &[Lane], say: &RefCell<Say>) {
        let mut goes_on = true;
        while goes_on {
            tokio::select! {
                own = self.inbox.recv() => match own {
                    Some(own) => self.spool_own(own, lanes, say),
                    None => goes_on = false,
                },
                () = filled(self.tap.as_ref()) => {}
            }
            self.spool_lines(lanes, say).await;
        }
        let _ = tokio::time::timeout(END_MAX, futures_util::future::join_all(lanes.iter().map(Lane::emptied))).await;
    }

    /// One of our own events, and those that wait behind it.
    fn spool_own(&mut self, own: Own, lanes: &[Lane], say: &RefCell<Say>) {
        let mut own = Some(own);
        while let Some(event) = own {
            let record = match event {
                Own::Incident(at, change, incident) => self.writer.incident(at, change, &incident),
                Own::Note(at, text) => self.writer.note(at, &text),
            };
            for lane in lanes {
                lane.spool(&[Spooled::Own(&record)], say);
            }
            own = self.inbox.try_recv().ok();
        }
    }

    async fn spool_lines(&mut self, lanes: &[Lane], say: &RefCell<Say>) {
        let Some(tap) = &self.tap else { return };
        let mut tapped = tap.take();
        let dropped = tap.take_dropped();
        lanes.iter().filter(|lane| lane.counts.takes.has_hub()).for_each(|lane| lane.counts.add_dropped(dropped));
        while !tapped.is_empty() {
            let now = clock::now();
            let mut records = Vec::with_capacity(tapped.len().min(LINES_AT_ONCE));
            for line in tapped.drain(..tapped.len().min(LINES_AT_ONCE)) {
                let record = parse(&line.line);
                records.push((record.level.unwrap_or(Level::Info), self.writer.line(now, &line, &record)));
            }
            let spooled: Vec<_> = records.iter().map(|(level, record)| Spooled::Hub(*level, record)).collect();
            for lane in lanes {
                lane.spool(&spooled, say);
            }
            tokio::task::yield_now().await;
        }
    }
}

async fn filled(tap: Option<&Tap>) {
    match tap {
        Some(tap) => tap.filled().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
