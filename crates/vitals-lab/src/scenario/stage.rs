//! The stage of one run: it writes down each step, and keeps hold of everything that must be closed or mended when
//! the run ends, however it ends.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vitals_model::observation::Failure;
use vitals_model::scenario::{Figure, Outcome, Step};
use vitals_probe::clock::Stopwatch;
use vitals_probe::mcp::{Listen, Session};

use super::{Card, Ground, Order};
use crate::fault::Fault;

/// How long a hub may take to count closed sessions no more.
pub(super) const CLEANUP_MAX: Duration = Duration::from_secs(10);

/// Pause between two looks at what is to change.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a hub may need to answer after a session was closed. npm mcp-hub 4.2.1 is busy for 65–250 ms after each,
/// so the next one is closed only when it answers again.
const AFTER_CLOSE_MAX: Duration = Duration::from_secs(10);

/// What a step saw that went as expected.
pub(super) struct Seen<T> {
    pub(super) value: T,
    pub(super) text: String,
    pub(super) figures: Vec<Figure>,
}

/// What a step saw instead of what was expected, or why it was left out.
pub(super) struct Miss {
    outcome: Outcome,
    text: String,
    figures: Vec<Figure>,
}

pub(super) type Result<T = ()> = std::result::Result<Seen<T>, Miss>;

/// A step that went as expected.
#[expect(clippy::unnecessary_wraps, reason = "its sisters are errors, and a step ends with one of the three")]
pub(super) fn seen<T>(value: T, text: impl Into<String>, figures: Vec<Figure>) -> Result<T> {
    Ok(Seen { value, text: text.into(), figures })
}

/// A step that did not.
pub(super) fn failed<T>(text: impl Into<String>, figures: Vec<Figure>) -> Result<T> {
    Err(Miss { outcome: Outcome::Failed, text: text.into(), figures })
}

/// A step that cannot be carried out here.
pub(super) fn skipped<T>(why: impl Into<String>) -> Result<T> {
    Err(Miss { outcome: Outcome::Skipped, text: why.into(), figures: Vec::new() })
}

#[cfg(test)]
impl Miss {
    pub(super) fn outcome(&self) -> Outcome {
        self.outcome
    }
}

/// A request that met this failed its step.
impl From<Failure> for Miss {
    fn from(failure: Failure) -> Self {
        Self { outcome: Outcome::Failed, text: failure.to_string(), figures: Vec::new() }
    }
}

impl From<super::FaultError> for Miss {
    fn from(error: super::FaultError) -> Self {
        let text = format!("the lab could not be told: {error}");
        Self { outcome: Outcome::Failed, text, figures: Vec::new() }
    }
}

/// What was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Broken {
    /// By the lab.
    Fault(Fault),
    /// From outside: this server's process was killed.
    Server(String),
}

/// What closing sessions came to.
#[derive(Default)]
pub(super) struct Closing {
    pub(super) closed: usize,
    /// Sessions that could not be ended properly, and answers that did not come after one was closed.
    pub(super) troubles: Vec<String>,
    /// How long the hub took to answer after each.
    pub(super) answers: Vec<Duration>,
}

/// One run of a scenario.
pub(super) struct Stage<'a> {
    pub(super) ground: &'a Ground,
    order: &'a Order,
    steps: Mutex<Vec<Step>>,
    sessions: Mutex<Vec<Arc<Session>>>,
    broken: Mutex<Vec<Broken>>,
}

/// What these locks hold is changed in one go: a panic while one is held leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Stage<'a> {
    pub(super) fn new(ground: &'a Ground, order: &'a Order) -> Self {
        Self { ground, order, steps: Mutex::default(), sessions: Mutex::default(), broken: Mutex::default() }
    }

    pub(super) const fn card(&self) -> &'static Card {
        self.order.card
    }

    pub(super) const fn order(&self) -> &'a Order {
        self.order
    }

    /// Carries out the next step of the plan and writes down how it ended. `None` when it was not as expected.
    pub(super) async fn step<T>(&self, work: impl Future<Output = Result<T>>) -> Option<T> {
        let began = Stopwatch::start();
        let ended = work.await;
        let took = began.elapsed();
        let (value, outcome, text, figures) = match ended {
            Ok(Seen { value, text, figures }) => (Some(value), Outcome::Passed, text, figures),
            Err(Miss { outcome, text, figures }) => (None, outcome, text, figures),
        };
        self.write_down(outcome, text, figures, took);
        value
    }

    fn write_down(&self, outcome: Outcome, seen: String, figures: Vec<Figure>, took: Duration) {
        let mut steps = lock(&self.steps);
        if let Some(plan) = self.card().steps.get(steps.len()) {
            let (does, expects) = (plan.does.to_owned(), plan.expects.to_owned());
            steps.push(Step { does, expects, outcome, seen, figures, took });
        }
    }

    /// Leaves out every step that is left.
    pub(super) fn leave_out(&self, why: &str) {
        let left = self.card().steps.len() - lock(&self.steps).len();
        for _ in 0..left {
            self.write_down(Outcome::Skipped, why.to_owned(), Vec::new(), Duration::ZERO);
        }
    }

    /// The steps; those that were not reached are left out because of the one before.
    pub(super) fn into_steps(self) -> Vec<Step> {
        let done = lock(&self.steps).len();
        self.leave_out(&format!("not reached, because of step {done}"));
        std::mem::take(&mut *lock(&self.steps))
    }

    /// Opens a session that is closed when the run ends at the latest.
    pub(super) async fn open(&self, listen: Listen) -> std::result::Result<Arc<Session>, Failure> {
        let session = Arc::new(self.ground.open(listen).await?);
        lock(&self.sessions).push(Arc::clone(&session));
        Ok(session)
    }

    /// Lets go of a session without a word: its connection breaks where the transport has one.
    pub(super) fn abandon(&self, session: Arc<Session>) {
        lock(&self.sessions).retain(|kept| !Arc::ptr_eq(kept, &session));
        drop(session);
    }

    /// Closes one session.
    pub(super) async fn close(&self, session: Arc<Session>) -> Closing {
        lock(&self.sessions).retain(|kept| !Arc::ptr_eq(kept, &session));
        let mut closing = Closing::default();
        self.close_one(session, &mut closing).await;
        closing
    }

    /// Closes every session, one by one; the next when the hub has answered.
    pub(super) async fn close_all(&self) -> Closing {
        let mut closing = Closing::default();
        // One at a time out of the list, so that a run that is stopped here still knows the others.
        while let Some(session) = { lock(&self.sessions).pop() } {
            self.close_one(session, &mut closing).await;
        }
        closing
    }

    async fn close_one(&self, session: Arc<Session>, closing: &mut Closing) {
        let Ok(session) = Arc::try_unwrap(session) else {
            return closing.troubles.push("a session was still used".to_owned());
        };
        closing.closed += 1;
        if let Err(failure) = session.close().await {
            closing.troubles.push(failure.to_string());
        }
        let began = Stopwatch::start();
        match tokio::time::timeout(AFTER_CLOSE_MAX, self.ground.health()).await {
            Ok(Ok(_)) => closing.answers.push(began.elapsed()),
            Ok(Err(failure)) => closing.troubles.push(format!("after a session was closed: {failure}")),
            Err(_) => closing.troubles.push("no answer within 10 s after a session was closed".to_owned()),
        }
    }

    /// Breaks the lab.
    pub(super) async fn inject(&self, fault: Fault, server: &str) -> std::result::Result<(), super::FaultError> {
        let faults = self.ground.faults().ok_or_else(|| super::FaultError("this is not the lab".to_owned()))?;
        // Noted first: a fault that is in force when the run is stopped must be known.
        lock(&self.broken).push(Broken::Fault(fault));
        faults.inject(fault, server).await
    }

    /// Mends the lab.
    pub(super) async fn clear(&self, fault: Fault) -> std::result::Result<(), super::FaultError> {
        let faults = self.ground.faults().ok_or_else(|| super::FaultError("this is not the lab".to_owned()))?;
        faults.clear(fault).await?;
        lock(&self.broken).retain(|broken| *broken != Broken::Fault(fault));
        Ok(())
    }

    /// Notes that this server was broken from outside.
    pub(super) fn broke(&self, server: &str) {
        lock(&self.broken).push(Broken::Server(server.to_owned()));
    }

    /// Notes that this server works again.
    pub(super) fn mended(&self, server: &str) {
        lock(&self.broken).retain(|broken| *broken != Broken::Server(server.to_owned()));
    }

    /// Mends what is broken and closes what is open. What cannot be is said in the last step, which then failed.
    pub(super) async fn clean(&self) {
        let mut troubles = Vec::new();
        while let Some(broken) = { lock(&self.broken).pop() } {
            let mended = match (&broken, self.ground.faults()) {
                (Broken::Fault(fault), Some(faults)) => faults.clear(*fault).await.map_err(|error| error.to_string()),
                (Broken::Fault(_), None) => Ok(()),
                (Broken::Server(name), _) => self.ground.restart(name).await.map_err(|failure| failure.to_string()),
            };
            troubles.extend(mended.err().map(|why| format!("could not be mended: {why}")));
        }
        troubles.extend(self.close_all().await.troubles.into_iter().take(1).map(|why| format!("not closed: {why}")));
        if let Some(last) = lock(&self.steps).last_mut()
            && !troubles.is_empty()
        {
            last.outcome = Outcome::Failed;
            last.seen = format!("{}; {}", last.seen, troubles.join("; "));
        }
    }
}
