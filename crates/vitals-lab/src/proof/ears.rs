//! Listening: what the monitoring says is taken down with the time, whatever else goes on.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::snapshot::{Snapshot, TargetState};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;

use super::watcher::Sight;

/// Most changes of incidents taken down in one trial. A monitoring that says more is wrong whatever it
/// says; the rest is only counted.
const HEARD_MAX: usize = 512;

/// How long the monitoring may take to close what it holds.
const STOP_MAX: Duration = Duration::from_secs(12);

/// The check that is measured once in each round of the sessions.
const ROUND: &str = "filtering-sessions/tools";

/// One change of an incident, and when it was heard.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub at: Instant,
    pub change: IncidentChange,
    pub incident: Incident,
}

/// A monitoring that is listened to.
pub(super) struct Ears {
    sight: Sight,
    target: TargetId,
    heard: Vec<Heard>,
    unheard: u64,
    is_over: bool,
    rounds: u32,
    last_round: Option<Timestamp>,
}

/// Time was up, or the monitoring ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Missed;

impl Ears {
    pub(super) fn new(sight: Sight, target: TargetId) -> Self {
        Self { sight, target, heard: Vec::new(), unheard: 0, is_over: false, rounds: 0, last_round: None }
    }

    /// Forgets what was heard so far: a new trial begins.
    pub(super) fn begin(&mut self) {
        self.heard.clear();
        self.unheard = 0;
    }

    pub(super) fn heard(&self) -> &[Heard] {
        &self.heard
    }

    /// Changes beyond those taken down.
    pub(super) fn unheard(&self) -> u64 {
        self.unheard
    }

    /// Whether the monitoring ended by itself.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// How often the sessions' tools were seen listed since watching began.
    pub(super) fn rounds(&self) -> u32 {
        self.rounds
    }

    pub(super) fn target(&self) -> &TargetId {
        &self.target
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.sight.snapshot.borrow())
    }

    /// Listens while something else is done, for at most this long.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>, limit: Duration) -> Result<T, Missed> {
        let end = Instant::now() + limit;
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = self.listen() => {}
                () = tokio::time::sleep_until(end) => return Err(Missed),
            }
        }
    }

    /// Listens until `done` finds what it looks for in what was heard and seen.
    pub(super) async fn until<T>(
        &mut self,
        deadline: Instant,
        mut done: impl FnMut(&Self, &Snapshot) -> Option<T>,
    ) -> Result<T, Missed> {
        loop {
            let snapshot = self.snapshot();
            if let Some(found) = done(self, &snapshot) {
                return Ok(found);
            }
            tokio::select! {
                biased;
                () = self.listen() => {}
                () = tokio::time::sleep_until(deadline) => return Err(Missed),
            }
        }
    }

    /// Listens until then, whatever comes.
    pub(super) async fn listen_until(&mut self, deadline: Instant) {
        let _ = self.until(deadline, |_, _| None::<()>).await;
    }

    /// One change or one snapshot; nothing any more when the monitoring ended.
    async fn listen(&mut self) {
        if self.is_over {
            return std::future::pending().await;
        }
        tokio::select! {
            biased;
            change = self.sight.changes.recv() => match change {
                Some((change, incident)) if self.heard.len() < HEARD_MAX => {
                    self.heard.push(Heard { at: Instant::now(), change, incident });
                }
                Some(_) => self.unheard += 1,
                None => self.is_over = true,
            },
            changed = self.sight.snapshot.changed() => match changed {
                Ok(()) => self.count_round(),
                Err(_) => self.is_over = true,
            },
        }
    }

    fn count_round(&mut self) {
        let snapshot = Arc::clone(&self.sight.snapshot.borrow_and_update());
        let listed = state_of(&snapshot, &self.target).and_then(|state| state.readings.iter().find(|r| r.id.as_str() == ROUND));
        let listed = listed.map(|reading| reading.at);
        if listed.is_some() && listed != self.last_round {
            self.last_round = listed;
            self.rounds += 1;
        }
    }

    /// Ends the monitoring in good order.
    pub(super) async fn end(self) {
        let _ = tokio::time::timeout(STOP_MAX, (self.sight.stop)()).await;
    }
}

/// The state of this target; `None` while it was not found.
pub(super) fn state_of<'a>(snapshot: &'a Snapshot, target: &TargetId) -> Option<&'a TargetState> {
    snapshot.targets.iter().find(|state| state.target.id == *target).map(|state| &**state)
}
