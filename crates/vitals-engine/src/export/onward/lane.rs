//! The way to one destination: what waits for it, and asking it to take that, again and again. It makes no record and knows
//! no receiver's language.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use vitals_model::config::{LogDestination, LogRecords};
use vitals_model::limits::EVIDENCE_CHARS_MAX;
use vitals_model::observation::Level;
use vitals_model::snapshot::Destination;
use vitals_model::text::{Text, count};

use super::receiver::{Answer, RECORDS_MAX, Receiver};
use super::spool::{Batch, Spool};
use crate::Say;

/// How long is waited before a receiver is asked again: this at first, then twice as long each time.
const PAUSE_MIN: Duration = Duration::from_millis(500);

/// The longest of these pauses: a receiver that is there again is found within it.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Longest wait that a receiver can ask for; a longer one is cut to it, and it is asked again.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// A record on its way to the spools.
pub(super) enum Spooled<'a> {
    /// Of a hub, with its level.
    Hub(Level, &'a str),
    /// Our own.
    Own(&'a str),
}

/// What became of records so far; shared with whoever shows it.
pub(super) struct Counts {
    name: String,
    kind: &'static str,
    pub(super) takes: LogRecords,
    waiting: AtomicU64,
    waiting_bytes: AtomicU64,
    sent: AtomicU64,
    refused: AtomicU64,
    /// Dropped before they were spooled.
    dropped: AtomicU64,
    /// Dropped by the spool.
    spool_dropped: AtomicU64,
    failures: AtomicU64,
    /// Why it takes nothing for now.
    trouble: Mutex<Option<Text>>,
}

impl Counts {
    /// Counts records that were dropped.
    pub(super) fn add_dropped(&self, records: u64) {
        self.dropped.fetch_add(records, Ordering::Relaxed);
    }

    /// As faces show it.
    pub(super) fn destination(&self) -> Destination {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Destination {
            name: self.name.clone(),
            kind: self.kind,
            waiting: of(&self.waiting),
            waiting_bytes: of(&self.waiting_bytes),
            sent: of(&self.sent),
            refused: of(&self.refused),
            dropped: of(&self.dropped) + of(&self.spool_dropped),
            failures: of(&self.failures),
            trouble: self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Notes why nothing is taken; whether that is news.
    fn set_trouble(&self, why: Option<&str>) -> bool {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = trouble.is_some() != why.is_some();
        *trouble = why.map(|why| Text::cut(why, EVIDENCE_CHARS_MAX));
        changed
    }
}

/// The way to one destination.
pub(super) struct Lane {
    pub(super) counts: Arc<Counts>,
    level: Level,
    receiver: Receiver,
    spool: RefCell<Spool>,
    filled: Notify,
    emptied: Notify,
    /// Whether the disk took the last records; that it does not is said once.
    keeps: Cell<bool>,
}

impl Lane {
    pub(super) fn new(name: &str, destination: &LogDestination, receiver: Receiver, spool: Spool) -> Self {
        let counts = Counts {
            name: name.to_owned(),
            kind: receiver.kind(),
            takes: destination.records,
            waiting: AtomicU64::new(spool.waiting()),
            waiting_bytes: AtomicU64::new(spool.bytes()),
            sent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            spool_dropped: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            trouble: Mutex::new(None),
        };
        Self {
            counts: Arc::new(counts),
            level: destination.level,
            receiver,
            spool: RefCell::new(spool),
            filled: Notify::new(),
            emptied: Notify::new(),
            keeps: Cell::new(true),
        }
    }

    /// Spools those of `records` that it takes.
    pub(super) fn spool(&self, records: &[Spooled<'_>], say: &RefCell<Say>) {
        let wanted = |record: &Spooled<'_>| match record {
            Spooled::Hub(level, _) => self.counts.takes.has_hub() && *level >= self.level,
            Spooled::Own(_) => self.counts.takes.has_own(),
        };
        let text = |record: &Spooled<'_>| match *record {
            Spooled::Hub(_, text) | Spooled::Own(text) => text.to_owned(),
        };
        let wanted: Vec<String> = records.iter().filter(|record| wanted(record)).map(text).collect();
        if wanted.is_empty() {
            return;
        }
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let written = self.spool.borrow_mut().append(&wanted);
        let kept = self.keeps.replace(written.is_ok());
        if let Err(error) = written
            && kept
        {
            say.borrow_mut()(&format!(
                "logs: {}: the disk takes no records ({error}); they are dropped and counted",
                self.counts.name
            ));
        }
        self.count();
        self.filled.notify_one();
    }

    /// Delivers what is spooled, for ever.
    pub(super) async fn deliver(&self, say: &RefCell<Say>) {
        let mut pace = Pace::default();
        loop {
            let read = self.spool.borrow_mut().read(RECORDS_MAX);
            let mut batch = match read {
                Ok(batch) if batch.records.is_empty() => {
                    self.count();
                    self.emptied.notify_one();
                    self.filled.notified().await;
                    continue;
                }
                Ok(batch) => batch,
                Err(error) => {
                    self.failed(&format!("what waits cannot be read: {error}"), say);
                    tokio::time::sleep(pace.pause(None)).await;
                    continue;
                }
            };
            self.give(&mut batch, &mut pace, say).await;
            // What cannot be noted is delivered once more after a restart.
            let _ = self.spool.borrow_mut().settle(&batch);
            self.count();
        }
    }

    /// Gives the receiver the records of a batch until each was taken, or refused for good.
    async fn give(&self, batch: &mut Batch, pace: &mut Pace, say: &RefCell<Say>) {
        let left = &mut batch.records;
        while !left.is_empty() {
            let now = left.len().min(pace.records);
            match self.receiver.give(&left[..now]).await {
                Answer::Taken { refused, again: (again, why) } => {
                    let taken = now.saturating_sub(refused.len() + again.len());
                    self.counts.sent.fetch_add(taken as u64, Ordering::Relaxed);
                    self.refuse(&refused, say);
                    let mut kept = again.iter().filter_map(|at| left.get(*at).cloned()).collect::<Vec<_>>();
                    kept.extend(left.drain(..).skip(now));
                    *left = kept;
                    if again.is_empty() {
                        self.works(say);
                        pace.went_well();
                    } else {
                        self.failed(&why, say);
                        tokio::time::sleep(pace.pause(None)).await;
                    }
                }
                Answer::NotNow { why, after } => {
                    self.failed(&why, say);
                    tokio::time::sleep(pace.pause(after)).await;
                }
                // One of them is to blame: halves find it.
                Answer::Never { why } if now == 1 => {
                    left.remove(0);
                    // It answers.
                    self.counts.set_trouble(None);
                    self.refuse(&[why], say);
                }
                Answer::Never { .. } => pace.records = now / 2,
            }
        }
    }

    /// Resolves when nothing waits any more.
    pub(super) async fn emptied(&self) {
        while self.spool.borrow().waiting() > 0 {
            self.emptied.notified().await;
        }
    }

    fn refuse(&self, whys: &[String], say: &RefCell<Say>) {
        let Some(why) = whys.first() else { return };
        let before = self.counts.refused.fetch_add(whys.len() as u64, Ordering::Relaxed);
        if before == 0 {
            let name = &self.counts.name;
            say.borrow_mut()(&format!("logs: {name} refuses records, which are dropped and counted from here on: {why}"));
        }
    }

    fn failed(&self, why: &str, say: &RefCell<Say>) {
        self.counts.failures.fetch_add(1, Ordering::Relaxed);
        if self.counts.set_trouble(Some(why)) {
            say.borrow_mut()(&format!("logs: {} takes no records: {why}; they wait on disk", self.counts.name));
        }
    }

    fn works(&self, say: &RefCell<Say>) {
        if self.counts.set_trouble(None) {
            let waiting = count(self.spool.borrow().waiting(), "record");
            say.borrow_mut()(&format!("logs: {} takes records again, {waiting} waited", self.counts.name));
        }
    }

    fn count(&self) {
        let spool = self.spool.borrow();
        self.counts.waiting.store(spool.waiting(), Ordering::Relaxed);
        self.counts.waiting_bytes.store(spool.bytes(), Ordering::Relaxed);
        self.counts.spool_dropped.store(spool.dropped(), Ordering::Relaxed);
    }
}

/// How much is sent at once, and how long is waited after a failure.
struct Pace {
    records: usize,
    pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { records: RECORDS_MAX, pause: PAUSE_MIN }
    }
}

impl Pace {
    fn went_well(&mut self) {
        self.records = (self.records * 2).min(RECORDS_MAX);
        self.pause = PAUSE_MIN;
    }

    /// How long to wait now: as long as was asked for, else twice as long as the last time.
    fn pause(&mut self, after: Option<Duration>) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(PAUSE_MAX);
        after.map_or(pause, |after| after.clamp(PAUSE_MIN, RETRY_AFTER_MAX))
    }
}
