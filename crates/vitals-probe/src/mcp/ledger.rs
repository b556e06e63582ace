//! What a session waits for and what it was told: requests by id, notifications as counts.
//!
//! Every transport feeds what it receives into the one ledger of its session, in any order. The ledger
//! does no IO; the replies that a server is owed go into a bounded queue.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use vitals_model::observation::{Failure, FailureKind, Phase};
use vitals_model::text::Text;

use super::wire::{self, Incoming, Outgoing};
use crate::http::secrets::Secrets;

/// Most replies waiting to be sent to a server; one that pings faster than we answer gets no more.
pub(super) const REPLIES_MAX: usize = 16;

/// The notification that a server's tool list is another one now.
const LIST_CHANGED: &str = "notifications/tools/list_changed";

/// A failure without a time: whoever measures fills in [`Failure::after`].
pub(super) fn failure(phase: Phase, kind: FailureKind, evidence: impl Into<Text>) -> Failure {
    Failure { phase, kind, evidence: evidence.into(), after: Duration::ZERO }
}

#[derive(Debug)]
pub(super) struct Ledger {
    entries: Mutex<Entries>,
    list_changes: watch::Sender<u64>,
    ended: watch::Sender<Option<Failure>>,
    replies: mpsc::Sender<Outgoing>,
    /// Ours, which a server may echo in anything that it says.
    secrets: Secrets,
}

#[derive(Debug, Default)]
struct Entries {
    last_id: u64,
    waiting: BTreeMap<u64, Waiting>,
    noise: u64,
    first_noise: Option<Text>,
    list_changes_taken: u64,
}

#[derive(Debug)]
struct Waiting {
    phase: Phase,
    answer: oneshot::Sender<Result<Value, Failure>>,
}

/// A place in the ledger for one answer; given up when dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) id: u64,
    answer: oneshot::Receiver<Result<Value, Failure>>,
    ledger: Arc<Ledger>,
}

impl Ticket {
    /// The answer, or why there will be none.
    pub(super) async fn answer(&mut self) -> Result<Value, Failure> {
        match (&mut self.answer).await {
            Ok(answer) => answer,
            // The ledger never drops a sender without a word; a second call would come here.
            Err(_) => Err(failure(Phase::Request, FailureKind::Closed, "")),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.ledger.entries().waiting.remove(&self.id);
    }
}

impl Ledger {
    /// An empty ledger, and the queue of the replies that servers are owed.
    pub(super) fn new(secrets: Secrets) -> (Arc<Self>, mpsc::Receiver<Outgoing>) {
        let (replies, owed) = mpsc::channel(REPLIES_MAX);
        let ledger = Self {
            entries: Mutex::default(),
            list_changes: watch::Sender::new(0),
            ended: watch::Sender::new(None),
            replies,
            secrets,
        };
        (Arc::new(ledger), owed)
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new id and a place for its answer.
    pub(super) fn expect_answer(self: &Arc<Self>, phase: Phase) -> Ticket {
        let (answer, receiver) = oneshot::channel();
        let mut entries = self.entries();
        entries.last_id += 1;
        let id = entries.last_id;
        match self.end_of(phase) {
            Some(end) => drop(answer.send(Err(end))),
            None => drop(entries.waiting.insert(id, Waiting { phase, answer })),
        }
        Ticket { id, answer: receiver, ledger: Arc::clone(self) }
    }

    /// The beginning of what a server said, without our own secrets.
    pub(super) fn evidence(&self, raw: &[u8]) -> Text {
        self.secrets.evidence(raw)
    }

    /// Takes in one message, or counts it as noise and returns what was wrong with it.
    pub(super) fn receive(&self, raw: &[u8]) -> Result<(), FailureKind> {
        for message in wire::read(raw).inspect_err(|_| self.count_noise(&self.evidence(raw)))? {
            match message {
                Incoming::Answer { id, result } => self.settle(id, result, raw),
                Incoming::Request { id, method } => {
                    // A full queue means that it asks faster than we answer: the rest goes unanswered.
                    drop(self.replies.try_send(wire::reply(&id, &method)));
                }
                Incoming::Notice { method } if method == LIST_CHANGED => self.list_changes.send_modify(|n| *n += 1),
                Incoming::Notice { .. } => {}
            }
        }
        Ok(())
    }

    fn settle(&self, id: Option<u64>, result: Result<Value, wire::RpcError>, raw: &[u8]) {
        let mut entries = self.entries();
        match id.and_then(|id| entries.waiting.remove(&id)) {
            Some(Waiting { phase, answer }) => {
                let evidence = |message: &str| self.evidence(message.as_bytes());
                let result = result.map_err(|error| failure(phase, FailureKind::Rpc(error.code), evidence(&error.message)));
                // Nobody waits any more: the request was given up a moment ago.
                drop(answer.send(result));
            }
            // An answer that comes after its request was given up is late, not noise.
            None if id.is_some_and(|id| (1..=entries.last_id).contains(&id)) => {}
            None => {
                drop(entries);
                self.count_noise(&self.evidence(raw));
            }
        }
    }

    /// Whether somebody still waits for the answer to `id`.
    pub(super) fn awaits(&self, id: u64) -> bool {
        self.entries().waiting.contains_key(&id)
    }

    /// Ends the wait for one answer, if anybody waits.
    pub(super) fn fail(&self, id: u64, kind: FailureKind, evidence: &Text) {
        if let Some(Waiting { phase, answer }) = self.entries().waiting.remove(&id) {
            drop(answer.send(Err(failure(phase, kind, evidence.clone()))));
        }
    }

    /// Ends the wait for all answers: the one that was too large to read may have been any of them.
    pub(super) fn fail_all(&self, kind: &FailureKind, evidence: &Text) {
        let waiting = std::mem::take(&mut self.entries().waiting);
        for Waiting { phase, answer } in waiting.into_values() {
            drop(answer.send(Err(failure(phase, kind.clone(), evidence.clone()))));
        }
    }

    /// Notes that nothing more will come, and tells everybody who waits. The first reason is kept.
    pub(super) fn end(&self, phase: Phase, kind: &FailureKind, evidence: &Text) {
        self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            if first {
                *ended = Some(failure(phase, kind.clone(), evidence.clone()));
            }
            first
        });
        self.fail_all(kind, evidence);
    }

    /// Counts a message or line that was none of the protocol's; the first one is kept as evidence.
    pub(super) fn count_noise(&self, evidence: &Text) {
        let mut entries = self.entries();
        entries.noise += 1;
        entries.first_noise.get_or_insert_with(|| evidence.clone());
    }

    /// How much noise there was, and the first of it.
    pub(super) fn noise(&self) -> (u64, Option<Text>) {
        let entries = self.entries();
        (entries.noise, entries.first_noise.clone())
    }

    /// List changes since the last time this was asked.
    pub(super) fn take_list_changes(&self) -> u64 {
        let total = *self.list_changes.borrow();
        let mut entries = self.entries();
        total - std::mem::replace(&mut entries.list_changes_taken, total)
    }

    /// Resolves at the next list change, counted from the moment of this call.
    pub(super) fn list_changed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut changes = self.list_changes.subscribe();
        async move {
            if changes.changed().await.is_err() {
                // The session is gone: there will be no change.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Why nothing more will come; `None` while something may.
    pub(super) fn ended(&self) -> Option<Failure> {
        self.ended.borrow().clone()
    }

    /// The end as a request of this phase meets it.
    fn end_of(&self, phase: Phase) -> Option<Failure> {
        self.ended().map(|end| Failure { phase, ..end })
    }

    /// Waits until nothing more will come.
    pub(super) async fn wait_end(&self) -> Failure {
        let mut ended = self.ended.subscribe();
        loop {
            if let Some(failure) = ended.borrow_and_update().clone() {
                return failure;
            }
            if ended.changed().await.is_err() {
                return failure(Phase::Close, FailureKind::Closed, "");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn answers_find_their_requests_in_any_order() {
        let (ledger, _owed) = Ledger::new(Secrets::default());
        let (mut first, mut second) = (ledger.expect_answer(Phase::List), ledger.expect_answer(Phase::Call));
        ledger.receive(br#"{"id":2,"error":{"code":-32000,"message":"later"}}"#).unwrap();
        ledger.receive(br#"{"method":"notifications/message","params":{}}"#).unwrap();
        ledger.receive(br#"{"id":1,"result":{"tools":[]}}"#).unwrap();
        assert_eq!(first.answer().await, Ok(json!({"tools": []})));
        assert_eq!(second.answer().await, Err(failure(Phase::Call, FailureKind::Rpc(-32000), "later")));
        assert_eq!(ledger.noise(), (0, None));
    }

    #[test]
    fn a_late_answer_is_no_noise_and_an_answer_to_nothing_is() {
        let (ledger, _owed) = Ledger::new(Secrets::default());
        drop(ledger.expect_answer(Phase::Call));
        ledger.receive(br#"{"id":1,"result":{}}"#).unwrap();
        assert_eq!(ledger.noise().0, 0);
        ledger.receive(br#"{"id":99,"result":{}}"#).unwrap();
        ledger.receive(b"listening on stdio").unwrap_err();
        assert_eq!(ledger.noise(), (2, Some(Text::new(r#"{"id":99,"result":{}}"#))));
    }

    #[tokio::test]
    async fn list_changes_are_counted_and_a_wait_begins_when_it_is_asked_for() {
        let (ledger, _owed) = Ledger::new(Secrets::default());
        let change = format!(r#"{{"jsonrpc":"2.0","method":"{LIST_CHANGED}"}}"#);
        ledger.receive(change.as_bytes()).unwrap();
        let next = ledger.list_changed();
        ledger.receive(change.as_bytes()).unwrap();
        next.await;
        assert_eq!((ledger.take_list_changes(), ledger.take_list_changes()), (2, 0));
    }

    #[test]
    fn pings_are_answered_up_to_a_limit() {
        let (ledger, mut owed) = Ledger::new(Secrets::default());
        for id in 0..100 {
            ledger.receive(format!(r#"{{"id":{id},"method":"ping"}}"#).as_bytes()).unwrap();
        }
        let first = owed.try_recv().unwrap();
        assert_eq!(first.body, r#"{"id":0,"jsonrpc":"2.0","result":{}}"#);
        assert_eq!(owed.len(), REPLIES_MAX - 1);
    }

    #[tokio::test]
    async fn an_end_reaches_everybody_who_waits_now_or_later() {
        let (ledger, _owed) = Ledger::new(Secrets::default());
        let mut before = ledger.expect_answer(Phase::List);
        ledger.end(Phase::Body, &FailureKind::Closed, &Text::new("exit status: 1"));
        ledger.end(Phase::Body, &FailureKind::TooLarge, &Text::new("too late"));
        let mut after = ledger.expect_answer(Phase::Call);
        assert_eq!(before.answer().await, Err(failure(Phase::List, FailureKind::Closed, "exit status: 1")));
        assert_eq!(after.answer().await, Err(failure(Phase::Call, FailureKind::Closed, "exit status: 1")));
        assert_eq!(ledger.wait_end().await.kind, FailureKind::Closed);
    }
}
