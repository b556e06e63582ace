//! The line to one receiver: a bounded queue, and the task that works it off in order. What fails in passing is tried again,
//! for as long as it takes; what waits behind it waits, so that order holds.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher as _, Hasher as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use vitals_model::limits::{OUTBOX_MAX, RETRY_AFTER_MAX};
use vitals_model::notice::{Delivery, Notice, Outcome, Status};
use vitals_model::text::Text;
use vitals_probe::clock;
use vitals_probe::task::Task;

use super::Trouble;

/// The pause after the first failure; it doubles with each, up to [`PAUSE_MAX`], and is spread by half of itself to either
/// side, so that those who failed together do not come back together.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How long a notice waits to be in the history. Beyond that people hear of it all the same: a disk that is full is no
/// reason to keep silent.
const KEPT_MAX: Duration = Duration::from_secs(2);

/// Carries one notice to its receiver, once, knowing what of its group stands there.
pub(super) type Carry = Box<dyn Fn(Arc<Notice>, Option<Arc<Notice>>) -> Carrying + Send + Sync>;
pub(super) type Carrying = Pin<Box<dyn Future<Output = Result<Text, Trouble>> + Send>>;

/// Where outcomes go.
pub(super) struct Report {
    pub(super) receiver: String,
    pub(super) outcomes: mpsc::Sender<Delivery>,
}

/// The line to one receiver. Its task ends with it.
pub(super) struct Line {
    queue: Arc<Queue>,
    receiver: String,
    task: Task,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    /// Rung when there is something to do.
    bell: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// Of each group that fires, the notice that was delivered last: what must be said again and again to be believed.
    standing: BTreeMap<(String, String), Arc<Notice>>,
    /// Whether the first was tried in vain, and waits to be tried again.
    is_pausing: bool,
}

struct Waiting {
    notice: Arc<Notice>,
    attempts: u32,
}

impl Queue {
    /// A panic of another thread leaves nothing half done here.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// Opens a line. With `again`, what stands is said again after each such time without news.
    pub(super) fn open(carry: Carry, again: Option<Duration>, kept: Option<watch::Receiver<u64>>, report: Report) -> Self {
        let queue = Arc::<Queue>::default();
        let receiver = report.receiver.clone();
        let worker = Worker { queue: Arc::clone(&queue), carry, again, kept, report };
        Self { queue, receiver, task: Task::spawn(worker.work()) }
    }

    /// Takes a notice. When there is no room, what was never sent and says less than what waits behind it goes, else the
    /// oldest; what went is returned.
    pub(super) fn put(&self, notice: Notice) -> Vec<Delivery> {
        let mut state = self.queue.lock();
        state.waiting.push_back(Waiting { notice: Arc::new(notice), attempts: 0 });
        let gone = if state.waiting.len() > OUTBOX_MAX { make_room(&mut state.waiting) } else { Vec::new() };
        drop(state);
        self.queue.bell.notify_one();
        let words = |why: &str| Outcome::Dropped(Text::new(why));
        let dropped = |(waiting, why): (Waiting, &str)| Delivery {
            notice: waiting.notice.id,
            receiver: self.receiver.clone(),
            at: clock::now(),
            attempts: waiting.attempts,
            outcome: words(why),
        };
        gone.into_iter().map(dropped).collect()
    }

    /// Keeps an alert alive that was delivered before.
    pub(super) fn stand(&self, notice: Notice) {
        stand(&mut self.queue.lock().standing, &Arc::new(notice));
    }

    /// Whether nothing is to be done but to wait.
    pub(super) fn is_at_rest(&self) -> bool {
        let state = self.queue.lock();
        state.waiting.is_empty() || state.is_pausing
    }

    /// Ends the line; what waited, and what stands.
    pub(super) fn end(self) -> (Vec<Notice>, Vec<Notice>) {
        drop(self.task);
        let mut state = self.queue.lock();
        let waiting = state.waiting.drain(..).map(|waiting| Arc::unwrap_or_clone(waiting.notice)).collect();
        (waiting, std::mem::take(&mut state.standing).into_values().map(Arc::unwrap_or_clone).collect())
    }
}

/// A group that fired and is over without a word in between says nothing by both; and of two notices of one group, the later
/// says all. What was tried may be half delivered, and stays.
fn make_room(waiting: &mut VecDeque<Waiting>) -> Vec<(Waiting, &'static str)> {
    const OUTDATED: &str = "there was no room, and a later notice of its group says more";
    let of = |waiting: &Waiting| group(&waiting.notice);
    let untried = |waiting: &Waiting| waiting.attempts == 0;
    // The first is under way.
    for n in 1..waiting.len() {
        let later = (n + 1..waiting.len()).find(|m| of(&waiting[*m]) == of(&waiting[n]));
        if let Some(later) = later.filter(|_| untried(&waiting[n])) {
            let is_whole = waiting[n].notice.stage == vitals_model::notice::Stage::First
                && waiting[later].notice.status == Status::Resolved
                && untried(&waiting[later]);
            let ended = if is_whole { waiting.remove(later) } else { None };
            return waiting.remove(n).into_iter().chain(ended).map(|gone| (gone, OUTDATED)).collect();
        }
    }
    waiting.remove(1).map(|gone| (gone, "there was no room, and it was the oldest")).into_iter().collect()
}

fn stand(standing: &mut BTreeMap<(String, String), Arc<Notice>>, notice: &Arc<Notice>) {
    if notice.status == Status::Resolved {
        standing.remove(&group(notice));
    } else {
        standing.insert(group(notice), Arc::clone(notice));
    }
}

/// What the notices of one group have in common.
fn group(notice: &Notice) -> (String, String) {
    (notice.route.clone(), notice.group.clone())
}

struct Worker {
    queue: Arc<Queue>,
    carry: Carry,
    again: Option<Duration>,
    kept: Option<watch::Receiver<u64>>,
    report: Report,
}

impl Worker {
    async fn work(mut self) {
        let mut again_at = self.again.map(|again| Instant::now() + again);
        loop {
            let first = self.queue.lock().waiting.front().map(|waiting| (Arc::clone(&waiting.notice), waiting.attempts));
            if let Some((notice, attempts)) = first {
                self.try_once(&notice, attempts).await;
                continue;
            }
            let rung = self.queue.bell.notified();
            match again_at {
                None => rung.await,
                Some(at) => tokio::select! {
                    () = rung => {}
                    () = tokio::time::sleep_until(at) => {
                        self.say_again().await;
                        again_at = self.again.map(|again| Instant::now() + again);
                    }
                },
            }
        }
    }

    async fn try_once(&mut self, notice: &Arc<Notice>, before: u32) {
        self.wait_until_kept(notice.id).await;
        let attempts = before + 1;
        if let Some(first) = self.queue.lock().waiting.front_mut() {
            first.attempts = attempts;
        }
        let standing = self.queue.lock().standing.get(&group(notice)).cloned();
        let (outcome, pause) = match (self.carry)(Arc::clone(notice), standing).await {
            Ok(words) => (Outcome::Delivered(words), None),
            Err(Trouble::Final(why)) => (Outcome::Refused(why), None),
            Err(Trouble::Passing { why, after }) => (Outcome::Delayed(why), Some(pause(attempts, after))),
        };
        {
            let mut state = self.queue.lock();
            state.is_pausing = pause.is_some();
            if matches!(outcome, Outcome::Delivered(_)) && self.again.is_some() {
                stand(&mut state.standing, notice);
            }
        }
        let receiver = self.report.receiver.clone();
        let delivery = Delivery { notice: notice.id, receiver, at: clock::now(), attempts, outcome };
        // The loop that would hear of it may have ended.
        let _ = self.report.outcomes.send(delivery).await;
        match pause {
            None => drop(self.queue.lock().waiting.pop_front()),
            Some(pause) => {
                tokio::time::sleep(pause).await;
                self.queue.lock().is_pausing = false;
            }
        }
    }

    async fn wait_until_kept(&mut self, id: u64) {
        if let Some(kept) = &mut self.kept {
            // Whether it is in time, late, or the history is closed: it is sent.
            let _ = tokio::time::timeout(KEPT_MAX, kept.wait_for(|kept| *kept >= id)).await;
        }
    }

    /// Says again what stands. A failure is nothing to report: it is said again in a while.
    async fn say_again(&self) {
        let standing: Vec<_> = self.queue.lock().standing.values().cloned().collect();
        for notice in standing {
            let _ = (self.carry)(notice, None).await;
        }
    }
}

/// How long to wait after so many failures, and as long as the receiver asked for.
fn pause(attempts: u32, asked: Option<Duration>) -> Duration {
    let doubled = PAUSE_MIN.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(PAUSE_MAX);
    let spread = doubled.mul_f64(0.5 + chance());
    spread.max(asked.unwrap_or_default()).min(RETRY_AFTER_MAX)
}

/// Between 0 and 1; good enough to part those who failed together.
fn chance() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests;
