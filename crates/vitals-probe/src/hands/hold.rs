//! Held sources: what tells us by itself that something happened. Each is optional: when one is lost,
//! that is an observation, and polling goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use vitals_model::check::Probe;
use vitals_model::observation::{ExitRole, ExitSeen, Observation, ProcessId, ProcessSeen, Seen, StreamSeen};
use vitals_model::target::TargetId;

use super::Hands;
use crate::clock::Stopwatch;
use crate::logtail::Follower;
use crate::process;
use crate::task::Task;

/// Waits between two tries to open the event stream: 0.5 s at first, doubled up to this.
const STREAM_RETRY_MAX: Duration = Duration::from_secs(10);
const STREAM_RETRY_MIN: Duration = Duration::from_millis(500);

/// When it is told once more that a lost stream is lost, although a try to open it again is still under way:
/// a hub that takes a connection and says nothing must not make a loss look like a moment's.
const STREAM_STILL_LOST: Duration = Duration::from_millis(300);

/// When a log file that could not be read is looked at again: a rotation is over by then.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What a held source tells the loop.
#[derive(Debug)]
pub enum Happened {
    /// Something was seen.
    Observed(Observation),
    /// Something changed: this probe is worth running now.
    Look(TargetId, Probe),
}

/// The held sources of one target. They end when this is dropped.
#[derive(Debug)]
pub struct Held {
    hands: Arc<Hands>,
    tell: mpsc::Sender<Happened>,
    /// The event stream and the log: they last as long as the target is watched.
    lasting: Vec<Task>,
    /// One per process whose end is awaited.
    exits: BTreeMap<ProcessId, Task>,
    /// One per open session, by where it lies in memory: its task keeps it there.
    sessions: BTreeMap<usize, Task>,
}

impl Held {
    /// Begins to hold the event stream and the log of a hub.
    pub fn begin(hands: Arc<Hands>, tell: mpsc::Sender<Happened>) -> Self {
        Self { lasting: lasting(&hands, &tell), hands, tell, exits: BTreeMap::new(), sessions: BTreeMap::new() }
    }

    /// Awaits the end of every process that an observation names, and the changes of every session
    /// that it found open. To be called with each observation of the target.
    pub fn follow(&mut self, observation: &Observation) {
        // Neither ends by itself: one that did has panicked, and is begun again.
        if self.lasting.iter().any(Task::is_finished) {
            self.lasting = lasting(&self.hands, &self.tell);
        }
        match &observation.seen {
            Seen::Process(ProcessSeen::Alive(process)) => {
                let mut roles = BTreeMap::from([(process.id, ExitRole::Hub)]);
                for child in &process.children {
                    roles.insert(child.id, ExitRole::Child { command: child.command.clone(), server: child.server.clone() });
                }
                // One that ended and is still named is a zombie: its end was told, and is not told again.
                self.exits.retain(|id, _| roles.contains_key(id));
                for (id, role) in roles {
                    self.await_exit(id, role);
                }
            }
            Seen::Session(_) => self.await_changes(),
            _ => {}
        }
    }

    fn await_exit(&mut self, id: ProcessId, role: ExitRole) {
        if self.exits.contains_key(&id) {
            return;
        }
        // Without a pidfd polling still finds the end.
        let Ok(exited) = process::exited(id) else { return };
        let (hands, tell) = (Arc::clone(&self.hands), self.tell.clone());
        let task = Task::spawn(async move {
            exited.await;
            let seen = hands.observation(Seen::Exit(ExitSeen { id, role }), Duration::ZERO);
            let _ = tell.send(Happened::Observed(seen)).await;
        });
        self.exits.insert(id, task);
    }

    /// Awaits changes of the tool list, and the end, of every session that is open now.
    fn await_changes(&mut self) {
        self.sessions.retain(|_, task| !task.is_finished());
        // Under way again already: then its own observation comes back here.
        let Ok(sessions) = self.hands.sessions.try_lock() else { return };
        for session in sessions.open() {
            let key = Arc::as_ptr(session).addr();
            if self.sessions.contains_key(&key) {
                continue;
            }
            let (session, id, tell) = (Arc::clone(session), self.hands.target.id.clone(), self.tell.clone());
            let task = Task::spawn(async move {
                loop {
                    let ended = tokio::select! {
                        () = session.changed() => false,
                        _ = session.wait_end() => true,
                    };
                    if tell.send(Happened::Look(id.clone(), Probe::Session)).await.is_err() || ended {
                        return;
                    }
                }
            });
            self.sessions.insert(key, task);
        }
    }

    /// Ends the held sources and closes the sessions; how many sessions were opened in all.
    pub async fn end(self) -> u64 {
        let Self { hands, tell, lasting, exits, sessions } = self;
        drop((lasting, exits, sessions, tell));
        // An aborted task lets go of its session when it is next scheduled, which is now.
        tokio::task::yield_now().await;
        let mut open = hands.sessions.lock().await;
        open.close().await;
        open.opened_total()
    }
}

/// The sources that last as long as a hub is watched.
fn lasting(hands: &Arc<Hands>, tell: &mpsc::Sender<Happened>) -> Vec<Task> {
    if hands.base().is_none() {
        return Vec::new();
    }
    let stream = Task::spawn(hold_stream(Arc::clone(hands), tell.clone()));
    vec![stream, Task::spawn(hold_log(Arc::clone(hands), tell.clone()))]
}

async fn hold_stream(hands: Arc<Hands>, tell: mpsc::Sender<Happened>) {
    let mut pause = STREAM_RETRY_MIN;
    let mut told_lost = 0;
    let mut cut = None;
    loop {
        let watch = Stopwatch::start();
        let opening = hands.open_stream();
        tokio::pin!(opening);
        let opened = loop {
            tokio::select! {
                biased;
                opened = &mut opening => break opened,
                () = tokio::time::sleep(STREAM_STILL_LOST), if cut.is_some() => {
                    if let Some(cut) = cut.take() {
                        send(&hands, &tell, StreamSeen::Lost(cut), watch.elapsed()).await;
                    }
                }
            }
        };
        let lost = match opened {
            Ok((mut stream, opened)) => {
                (pause, told_lost) = (STREAM_RETRY_MIN, 0);
                send(&hands, &tell, opened, watch.elapsed()).await;
                loop {
                    match stream.next().await {
                        lost @ StreamSeen::Lost(_) => break lost,
                        // Slow judgement must not hold back the hub: what finds no room is counted.
                        notes => offer(&hands, &tell, notes),
                    }
                }
            }
            Err(failure) => StreamSeen::Lost(failure),
        };
        // That it is lost, and that it could not be opened again, are told; further tries are no news.
        cut = match &lost {
            StreamSeen::Lost(failure) if told_lost == 0 => Some(failure.clone()),
            _ => None,
        };
        if told_lost < 2 {
            send(&hands, &tell, lost, watch.elapsed()).await;
            told_lost += 1;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(STREAM_RETRY_MAX);
    }
}

/// Reads the log back once and then on, as it grows and when it is asked to.
async fn hold_log(hands: Arc<Hands>, tell: mpsc::Sender<Happened>) {
    // A hub that is not there yet has no record that says where its log is: each log probe asks again.
    let path = loop {
        match hands.place.log_file() {
            Some(path) => break path,
            None => hands.read_on.notified().await,
        }
    };
    let mut follower = Follower::new(path.clone(), hands.place.writers()).tapped(hands.spout.clone());
    let watch = Stopwatch::start();
    let mut seen = hands.look_back(path, hands.log_window()).await;
    let mut took = watch.elapsed();
    let mut failed_before = false;
    loop {
        // One that cannot be read may be in the middle of a rotation: it is looked at once more by itself.
        let failed = seen.file.is_err();
        let observation = hands.observation(Seen::Log(Box::new(seen)), took);
        if tell.send(Happened::Observed(observation)).await.is_err() {
            return;
        }
        tokio::select! {
            () = follower.changed() => {}
            () = hands.read_on.notified() => {}
            () = tokio::time::sleep(LOOK_AGAIN), if failed && !failed_before => {}
        }
        failed_before = failed;
        let watch = Stopwatch::start();
        follower.set_writers(hands.place.writers());
        seen = follower.catch_up();
        took = watch.elapsed();
    }
}

async fn send(hands: &Hands, tell: &mpsc::Sender<Happened>, seen: StreamSeen, took: Duration) {
    let _ = tell.send(Happened::Observed(hands.observation(Seen::Stream(seen), took))).await;
}

fn offer(hands: &Hands, tell: &mpsc::Sender<Happened>, seen: StreamSeen) {
    let dropped = match &seen {
        StreamSeen::Notes { notes, dropped } => notes.len() as u64 + dropped,
        StreamSeen::Opened { .. } | StreamSeen::Lost(_) => 0,
    };
    if tell.try_send(Happened::Observed(hands.observation(Seen::Stream(seen), Duration::ZERO))).is_err() {
        hands.count_dropped(dropped);
    }
}

#[cfg(test)]
mod tests;
