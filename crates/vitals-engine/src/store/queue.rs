//! The queue between those who put records and the thread that writes them: it grows only as far as it is
//! used, never makes a putter wait, and counts what it refuses. It knows nothing of files.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use vitals_model::limits::STORE_QUEUE_MAX;
use vitals_model::time::Timestamp;

use super::{Record, StoreHealth};

/// Room kept for incidents, tool sets and notes when samples have filled the queue.
const RESERVE: usize = 256;

/// Records that are written at once, without waiting for more.
const WRITE_NOW: usize = STORE_QUEUE_MAX / 4;

#[derive(Default)]
struct State {
    records: Vec<Record>,
    /// Something among the records should not wait for others.
    urgent: bool,
    /// Whom to tell when what was put before is written; those of what is being written apart.
    promises: (Vec<oneshot::Sender<()>>, Vec<oneshot::Sender<()>>),
    closing: bool,
    ended: bool,
    health: StoreHealth,
}

/// Shared by the store and its writer thread.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Rung when the first record comes, when there are many, and when the store closes.
    bell: Condvar,
    /// Rung when the writer has ended.
    over: Condvar,
    /// The highest number of a notice that is in the file.
    kept: watch::Sender<u64>,
}

/// Whether the writer should go on after what it took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    GoOn,
    Close,
}

impl Queue {
    /// A panic of another thread leaves nothing half done here.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record, or counts it as lost.
    pub(super) fn put(&self, record: Record) {
        let room = if matches!(record, Record::Sample(..)) { STORE_QUEUE_MAX } else { STORE_QUEUE_MAX + RESERVE };
        let mut state = self.lock();
        if state.closing || state.records.len() >= room {
            state.health.lost += 1;
            return;
        }
        let is_urgent = matches!(record, Record::Notice(_) | Record::Delivery(_));
        state.urgent |= is_urgent;
        state.records.push(record);
        if is_urgent || matches!(state.records.len(), 1 | WRITE_NOW) {
            self.bell.notify_one();
        }
    }

    /// Told when all that was put before is written, without waiting for more.
    pub(super) fn settled(&self) -> oneshot::Receiver<()> {
        let (promise, told) = oneshot::channel();
        self.lock().promises.0.push(promise);
        self.bell.notify_one();
        told
    }

    /// What was taken is written: keeps the promises.
    pub(super) fn written(&self) {
        for promise in std::mem::take(&mut self.lock().promises.1) {
            // Who does not wait any more needs not know.
            let _ = promise.send(());
        }
    }

    /// Waits for the first record, then for `gather` or until there are many, and moves them all to `batch`.
    pub(super) fn take(&self, batch: &mut Vec<Record>, gather: Duration) -> Wish {
        let state = self.lock();
        let waiting = self.bell.wait_while(state, |s| !s.closing && s.records.is_empty() && s.promises.0.is_empty());
        let state = waiting.unwrap_or_else(PoisonError::into_inner);
        let gathers = |s: &mut State| !s.closing && !s.urgent && s.records.len() < WRITE_NOW && s.promises.0.is_empty();
        let gathering = self.bell.wait_timeout_while(state, gather, gathers);
        let (mut state, _) = gathering.unwrap_or_else(PoisonError::into_inner);
        batch.append(&mut state.records);
        state.urgent = false;
        let promises = std::mem::take(&mut state.promises.0);
        state.promises.1.extend(promises);
        // A burst is over: give its memory back.
        state.records.shrink_to(RESERVE);
        if state.closing { Wish::Close } else { Wish::GoOn }
    }

    /// Waits for `pause`, or until the store closes.
    pub(super) fn rest(&self, pause: Duration) -> Wish {
        let resting = self.bell.wait_timeout_while(self.lock(), pause, |s| !s.closing);
        let (state, _) = resting.unwrap_or_else(PoisonError::into_inner);
        if state.closing { Wish::Close } else { Wish::GoOn }
    }

    /// Says that a damaged history was moved aside: in the health, and in the new history.
    pub(super) fn moved_aside(&self, aside: Option<PathBuf>, at: Timestamp) {
        if let Some(aside) = aside {
            let text = format!("the history file was damaged; it was moved to {} and a new one begun", aside.display());
            self.report(|health| health.moved_aside = Some(aside));
            self.put(Record::Note { at, text });
        }
    }

    /// How many records wait.
    pub(super) fn len(&self) -> u64 {
        self.lock().records.len() as u64
    }

    /// Says which notices are in the file, now that `batch` is.
    pub(super) fn kept(&self, batch: &[Record]) {
        let ids = batch.iter().filter_map(|record| if let Record::Notice(notice) = record { Some(notice.id) } else { None });
        if let Some(last) = ids.max() {
            self.kept.send_if_modified(|kept| std::mem::replace(kept, last.max(*kept)) < last);
        }
    }

    pub(super) fn kept_notices(&self) -> watch::Receiver<u64> {
        self.kept.subscribe()
    }

    pub(super) fn health(&self) -> StoreHealth {
        self.lock().health.clone()
    }

    /// Notes how the writer is.
    pub(super) fn report(&self, note: impl FnOnce(&mut StoreHealth)) {
        note(&mut self.lock().health);
    }

    /// Refuses further records and waits until the writer has ended, `patience` at most.
    pub(super) fn close(&self, patience: Duration) -> StoreHealth {
        let mut state = self.lock();
        state.closing = true;
        self.bell.notify_one();
        let (state, _) = self.over.wait_timeout_while(state, patience, |s| !s.ended).unwrap_or_else(PoisonError::into_inner);
        state.health.clone()
    }

    /// Says that the writer has ended.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.over.notify_all();
    }
}
