//! One way to a server, whichever it is, and requests over it: slots, limits, cancellation.
//!
//! It knows no method's meaning except for the handshake of a session that has to be made again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use vitals_model::observation::{Failure, FailureKind, Phase};
use vitals_model::text::Text;

use super::Setback;
use super::ledger::{Ledger, failure};
use super::legacy::Legacy;
use super::stdio::Stdio;
use super::streamable::Streamable;
use super::wire::{self, Era, Outgoing};
use crate::clock::Stopwatch;
use crate::task::Task;

/// Most requests in flight in one session; more wait for a slot, and their time does not run yet.
pub(super) const REQUESTS_MAX: usize = 64;

/// Most ends of streams and cancellations that go on in the background; the oldest is given up.
const TAILS_MAX: usize = 8;

/// How long a reply or a cancellation may take to be sent.
const NOTICE_LIMIT: Duration = Duration::from_secs(2);

/// A transport.
#[derive(Debug)]
pub(super) enum Line {
    Stdio(Stdio),
    Legacy(Legacy),
    Streamable(Streamable),
}

impl Line {
    /// Sends one message. A returned task goes on reading the answer; dropping it gives that up.
    async fn send(&self, message: &Outgoing, limit: Duration) -> Result<Option<Task>, Setback> {
        match self {
            Self::Streamable(line) => line.send(message, limit).await,
            Self::Legacy(line) => line.send(message, limit).await.map(|()| None),
            Self::Stdio(line) => match timeout(limit, line.send(message.body.clone())).await {
                Ok(sent) => Ok(sent.map(|()| None)?),
                Err(_) => Err(failure(Phase::Request, FailureKind::TimedOut(limit), "it does not read its input").into()),
            },
        }
    }
}

/// A line with its ledger.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) line: Arc<Line>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) era: Era,
    slots: Semaphore,
    sent: AtomicU64,
    tails: Mutex<VecDeque<Task>>,
    listening: Mutex<Option<Task>>,
    _replier: Task,
}

impl Link {
    /// Takes over `line`, and answers what its server asks (`owed`).
    pub(super) fn new(line: Line, ledger: Arc<Ledger>, mut owed: mpsc::Receiver<Outgoing>, era: Era) -> Self {
        let line = Arc::new(line);
        let way = Arc::clone(&line);
        let replier = Task::spawn(async move {
            while let Some(reply) = owed.recv().await {
                // A server that does not take our reply is judged by our own requests.
                drop(way.send(&reply, NOTICE_LIMIT).await);
            }
        });
        Self {
            line,
            ledger,
            era,
            slots: Semaphore::new(REQUESTS_MAX),
            sent: AtomicU64::new(0),
            tails: Mutex::default(),
            listening: Mutex::default(),
            _replier: replier,
        }
    }

    /// Requests sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends a request and waits for its answer, `limit` for both together. A request that nobody
    /// answered is cancelled, as the specification asks.
    pub(super) async fn ask(&self, phase: Phase, method: &'static str, params: Value, limit: Duration) -> Result<Value, Setback> {
        // The semaphore is never closed, so there always comes a slot.
        let _slot = self.slots.acquire().await;
        let began = Stopwatch::start();
        let mut ticket = self.ledger.expect_answer(phase);
        let id = ticket.id;
        let message = wire::request(id, method, params, self.era);
        self.sent.fetch_add(1, Ordering::Relaxed);
        let exchange = async {
            let reading = self.line.send(&message, limit).await?;
            let left = limit.saturating_sub(began.elapsed());
            let Ok(answer) = timeout(left, ticket.answer()).await else {
                // What came instead of a greeting explains its absence; later it explains nothing.
                let greeting = matches!(phase, Phase::Initialize | Phase::Discover);
                let evidence = self.ledger.noise().1.filter(|_| greeting).unwrap_or_default();
                return Err(failure(phase, FailureKind::TimedOut(limit), evidence).into());
            };
            if let Some(task) = reading {
                self.keep(task);
            }
            Ok(answer?)
        };
        exchange.await.map_err(|mut setback: Setback| {
            if matches!(setback.failure.kind, FailureKind::TimedOut(_)) && method != "initialize" {
                self.cancel(id);
            }
            // "While calling the tool" says more than "while waiting for an answer".
            if matches!(setback.failure.phase, Phase::Request | Phase::Body) {
                setback.failure.phase = phase;
            }
            setback.failure.after = began.elapsed();
            setback
        })
    }

    /// Sends a notification.
    pub(super) async fn tell(&self, method: &'static str, limit: Duration) -> Result<(), Setback> {
        self.line.send(&wire::notification(method, None), limit).await.map(drop)
    }

    /// Tells the server that nobody waits for `id` any more. On stateless HTTP the dropped stream has
    /// said so already.
    fn cancel(&self, id: u64) {
        if matches!((&*self.line, self.era), (Line::Streamable(_), Era::Stateless)) {
            return;
        }
        let notice = wire::notification("notifications/cancelled", Some(json!({"requestId": id, "reason": "timed out"})));
        let line = Arc::clone(&self.line);
        self.keep(Task::spawn(async move {
            drop(line.send(&notice, NOTICE_LIMIT).await);
        }));
    }

    /// Lets `task` end in the background.
    fn keep(&self, task: Task) {
        let mut tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        tails.retain(|task| !task.is_finished());
        if tails.len() == TAILS_MAX {
            tails.pop_front();
        }
        tails.push_back(task);
    }

    /// Makes sure that the server can tell us of list changes, where that needs a stream of its own or
    /// a subscription; over HTTP+SSE and stateful stdio they come by themselves.
    pub(super) fn listen(&self, limit: Duration) {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if listening.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let subscription = (self.era == Era::Stateless).then(|| self.subscription());
        let line = Arc::clone(&self.line);
        *listening = match &*self.line {
            Line::Streamable(way) if way.refuses_listening() => return,
            Line::Stdio(_) if subscription.is_none() || listening.is_some() => return,
            Line::Legacy(_) => return,
            Line::Streamable(_) | Line::Stdio(_) => Some(Task::spawn(async move {
                match (&*line, &subscription) {
                    (Line::Streamable(way), subscription) => way.listen(subscription.as_ref(), limit).await,
                    (line, Some(subscription)) => drop(line.send(subscription, limit).await),
                    (_, None) => {}
                }
            })),
        };
    }

    /// The subscription of the stateless era. Its answer comes when it ends, and nobody waits for it.
    fn subscription(&self) -> Outgoing {
        let id = self.ledger.expect_answer(Phase::Request).id;
        wire::request(id, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}), Era::Stateless)
    }

    /// Closes the line.
    pub(super) async fn close(self, limit: Duration) -> Result<(), Failure> {
        drop(self.listening.into_inner());
        let began = Stopwatch::start();
        let closed = match &*self.line {
            Line::Stdio(line) => line.close().await,
            Line::Streamable(line) => line.close(limit).await,
            Line::Legacy(line) => {
                line.close().await;
                Ok(())
            }
        };
        self.ledger.end(Phase::Close, &FailureKind::Closed, &Text::new("closed by us"));
        closed.map_err(|failure| Failure { phase: Phase::Close, after: began.elapsed(), ..failure })
    }
}
