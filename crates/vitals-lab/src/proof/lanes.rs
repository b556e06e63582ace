//! Lanes: several labs side by side, each on a thread of its own, so that one that computes delays no other.
//! Long trials are begun first; a lab that is as good as new serves the next trial of its stage.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::bed::{Bed, Beds, Trouble};
use super::ears::Ears;
use super::expect::{Expectation, Stage};
use super::hour::{self, Hour, Length};
use super::matrix::{Matrix, Shortfall, Trial};
use super::watcher::{Watch, Watcher};
use super::{settings, trial};

/// Lanes when nobody says how many: on two cores labs wait more than they compute.
pub const LANES_DEFAULT: usize = 4;

/// Most lanes: each is a hub with its servers.
pub const LANES_MAX: usize = 16;

/// A trial that may take this long is begun before all others.
const LONG: Duration = Duration::from_secs(45);

/// How long a lab may take to start and to end.
const START_MAX: Duration = Duration::from_secs(30);
const END_MAX: Duration = Duration::from_secs(15);

/// What is to be proved.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The faults, each once.
    pub rows: Vec<&'static Expectation>,
    /// How much of the healthy hour; `None` when single faults were asked for.
    pub hour: Option<Length>,
    /// Labs side by side, the one of the hour not counted; 1 to [`LANES_MAX`].
    pub lanes: usize,
    /// What the labs draw lots with.
    pub seed: u64,
    /// How long each fault goes on after it was seen: what follows from it, and is no fault of its own,
    /// has so long to open incidents that should not be.
    pub hold: Duration,
}

/// What happens, as it happens.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A trial ended.
    Trial(Box<Trial>),
    /// The hour ended.
    Hour(Box<Hour>),
}

/// What is to be done yet, and what came of what was done.
struct Work {
    plan: Plan,
    left: Mutex<Vec<&'static Expectation>>,
    done: Mutex<(BTreeMap<usize, Trial>, Option<Hour>)>,
    progress: mpsc::Sender<Progress>,
}

/// Proves. Ends early when `stop` becomes true or its sender is gone: what was not tried is then said to be
/// not tried. Every lab is ended before this returns.
pub async fn prove(
    plan: Plan,
    beds: Arc<dyn Beds>,
    watcher: Arc<dyn Watcher>,
    progress: mpsc::Sender<Progress>,
    stop: watch::Receiver<bool>,
) -> Matrix {
    let began = Instant::now();
    let lanes = plan.lanes.clamp(1, LANES_MAX).min(plan.rows.len());
    let work = Arc::new(Work::new(plan, progress));
    let (ended, mut all_ended) = mpsc::channel::<()>(1);
    let kinds = work.plan.hour.map(Kind::Hour).into_iter().chain(std::iter::repeat_n(Kind::Faults, lanes));
    for kind in kinds {
        let lane = Lane { work: Arc::clone(&work), beds: Arc::clone(&beds), watcher: Arc::clone(&watcher), stop: stop.clone() };
        let ended = ended.clone();
        // A lane that cannot start leaves its work to the others, or as not tried.
        let _ = std::thread::Builder::new().name("lane".to_owned()).spawn(move || {
            let _ended = ended;
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(lane.run(kind));
                runtime.shutdown_background();
            }
        });
    }
    drop(ended);
    // No lane ever sends: the channel closes with the last of them.
    while all_ended.recv().await.is_some() {}
    work.matrix(began.elapsed())
}

impl Work {
    fn new(plan: Plan, progress: mpsc::Sender<Progress>) -> Self {
        let mut left = plan.rows.clone();
        left.sort_by_key(|row| std::cmp::Reverse(row.weight()));
        Self { plan, left: Mutex::new(left), done: Mutex::default(), progress }
    }

    /// The next trial for a lane with a lab on this stage: a long one, else one of the same stage, else any.
    fn next(&self, stage: Option<Stage>) -> Option<&'static Expectation> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let at = match left.first() {
            Some(first) if first.weight() < LONG => left.iter().position(|row| Some(row.stage) == stage).unwrap_or(0),
            Some(_) => 0,
            None => return None,
        };
        Some(left.remove(at))
    }

    fn keep(&self, trial: Trial) {
        // Nobody may be reading: the matrix has it all.
        let _ = self.progress.try_send(Progress::Trial(Box::new(trial.clone())));
        self.done.lock().unwrap_or_else(PoisonError::into_inner).0.insert(trial.row.fault as usize, trial);
    }

    fn keep_hour(&self, hour: Hour) {
        let _ = self.progress.try_send(Progress::Hour(Box::new(hour.clone())));
        self.done.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(hour);
    }

    fn matrix(&self, took: Duration) -> Matrix {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        for row in &self.plan.rows {
            done.0.entry(row.fault as usize).or_insert_with(|| Trial::failed(row, Shortfall::NotTried));
        }
        let untried = |length| Hour::failed(length, Shortfall::NotTried);
        let hour = self.plan.hour.map(|length| done.1.take().unwrap_or_else(|| untried(length)));
        Matrix { trials: std::mem::take(&mut done.0).into_values().collect(), hour, took }
    }
}

/// What a lane is for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Faults,
    Hour(Length),
}

struct Lane {
    work: Arc<Work>,
    beds: Arc<dyn Beds>,
    watcher: Arc<dyn Watcher>,
    stop: watch::Receiver<bool>,
}

/// A lab that is watched.
struct Ground {
    stage: Stage,
    bed: Box<dyn Bed>,
    ears: Ears,
}

impl Ground {
    async fn end(self) {
        self.ears.end().await;
        let _ = tokio::time::timeout(END_MAX, self.bed.end()).await;
    }
}

impl Lane {
    async fn run(self, kind: Kind) {
        match kind {
            Kind::Faults => self.faults().await,
            Kind::Hour(length) => self.hour(length).await,
        }
    }

    async fn faults(&self) {
        let mut ground: Option<Ground> = None;
        let mut stop = self.stop.clone();
        while let Some(row) = self.work.next(ground.as_ref().map(|ground| ground.stage)) {
            let tried = tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                tried = self.try_one(row, &mut ground) => tried,
            };
            let as_new = tried.holds() && tried.others.is_empty() && !row.leaves_traces();
            self.work.keep(tried);
            if !as_new && let Some(used) = ground.take() {
                used.end().await;
            }
        }
        if let Some(ground) = ground {
            ground.end().await;
        }
    }

    async fn try_one(&self, row: &'static Expectation, ground: &mut Option<Ground>) -> Trial {
        if let Some(other) = ground.take_if(|ground| ground.stage != row.stage) {
            other.end().await;
        }
        if ground.is_none() {
            match self.start(row.stage, |bed| settings::proof(bed.hub_pid())).await {
                Ok(started) => *ground = Some(started),
                Err(why) => return Trial::failed(row, Shortfall::NoLab(why)),
            }
        }
        match ground {
            Some(ground) => trial::run(row, &*ground.bed, &mut ground.ears, self.work.plan.hold).await,
            None => Trial::failed(row, Shortfall::NotTried),
        }
    }

    async fn hour(&self, length: Length) {
        let mut stop = self.stop.clone();
        let mut ground = None;
        let hour = tokio::select! {
            biased;
            () = stopped(&mut stop) => Hour::failed(length, Shortfall::NotTried),
            hour = self.watch_hour(length, &mut ground) => hour,
        };
        self.work.keep_hour(hour);
        if let Some(ground) = ground {
            ground.end().await;
        }
    }

    async fn watch_hour(&self, length: Length, ground: &mut Option<Ground>) -> Hour {
        // All five points are alive where tools are filtered by prompt.
        match self.start(Stage::FILTERING, |_| settings::hour(hour::TIMES)).await {
            Ok(started) => hour::run(length, &mut ground.insert(started).ears).await,
            Err(why) => Hour::failed(length, Shortfall::NoLab(why)),
        }
    }

    async fn start(
        &self,
        stage: Stage,
        settings: impl FnOnce(&dyn Bed) -> vitals_model::config::Settings,
    ) -> Result<Ground, Trouble> {
        let starting = tokio::time::timeout(START_MAX, self.beds.start(stage, self.work.plan.seed)).await;
        let bed = starting.unwrap_or_else(|_| Err(Trouble(format!("it did not start within {} s", START_MAX.as_secs()))))?;
        let watch = Watch { settings: settings(&*bed), surroundings: bed.surroundings() };
        let ears = Ears::new(self.watcher.watch(watch), bed.target());
        Ok(Ground { stage, bed, ears })
    }
}

/// Resolves when the proof is to end.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone cannot take it back.
    let _ = stop.wait_for(|stop| *stop).await;
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::fault::Fault;

    /// One lane on the runtime of now, so that time can be paused.
    pub(crate) async fn prove_here(plan: Plan, beds: Arc<dyn Beds>, watcher: Arc<dyn Watcher>) -> Matrix {
        let (progress, mut heard) = mpsc::channel(64);
        let (_running, stop) = watch::channel(false);
        let began = Instant::now();
        let work = Arc::new(Work::new(plan, progress));
        let lane = |kind| {
            Lane { work: Arc::clone(&work), beds: Arc::clone(&beds), watcher: Arc::clone(&watcher), stop: stop.clone() }.run(kind)
        };
        if let Some(length) = work.plan.hour {
            lane(Kind::Hour(length)).await;
        }
        lane(Kind::Faults).await;
        let matrix = work.matrix(began.elapsed());
        let told = std::iter::from_fn(|| heard.try_recv().ok()).count();
        assert_eq!(told, matrix.trials.len() + usize::from(matrix.hour.is_some()), "each is told of as it ends");
        matrix
    }

    fn work(faults: &[Fault]) -> Work {
        let rows = faults.iter().map(|fault| Expectation::of(*fault)).collect();
        let plan = Plan { rows, hour: None, lanes: 1, seed: 0, hold: Duration::ZERO };
        Work::new(plan, mpsc::channel(1).0)
    }

    #[test]
    fn long_trials_are_begun_first_and_then_a_lab_keeps_its_stage() {
        let work = work(&[Fault::ApiHtml, Fault::ExposureLeak, Fault::LogFlood, Fault::HubStopped]);
        let order = [Stage::FILTERING; 4].map(|stage| work.next(Some(stage)).unwrap().fault);
        assert_eq!(order[..2], [Fault::LogFlood, Fault::ExposureLeak]);
        assert!(work.next(None).is_none());
    }

    #[test]
    fn what_was_not_tried_is_in_the_matrix_and_red() {
        let work = work(&[Fault::HubStopped, Fault::HubKilled]);
        let matrix = work.matrix(Duration::ZERO);
        let faults: Vec<_> = matrix.trials.iter().map(|t| t.row.fault).collect();
        assert_eq!(faults, [Fault::HubKilled, Fault::HubStopped]);
        assert!(matrix.trials.iter().all(|t| t.shortfalls == [Shortfall::NotTried]) && !matrix.holds());
    }
}
