//! Where the answers of `mcp` come from: an engine of our own, or the history of a `watch` that runs, whichever there is
//! just now. Who watches is looked at again and again, so each may come and go.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};
use vitals_engine::store::{Reader, Store};
use vitals_engine::{Engine, Faces, History};
use vitals_judge::event::Memory;
use vitals_judge::report::Report;
use vitals_model::criterion::Fulfilment;
use vitals_model::history::Span;
use vitals_model::reading::Health;
use vitals_model::snapshot::{Snapshot, TargetState};
use vitals_model::target::{Address, Origin, Target};
use vitals_model::time::Timestamp;
use vitals_model::verdict::Verdict;
use vitals_probe::clock::{self, Stopwatch};
use vitals_probe::discover;
use vitals_web::source::{Daily, DailyTarget, Facts, Known, Looker, Trouble};

use crate::cli::Common;
use crate::cmd::past::{self, DAY, Kind};
use crate::render;
use crate::wiring::{self, Ground};

/// How long the first answers wait for the first look: less than the least patient clients do.
const FIRST_LOOK_MAX: Duration = Duration::from_secs(8);

/// How often it is looked whether a `watch` has begun or ended.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// One that holds the history for so long is a `watch`, whatever it calls itself: a `check` takes a third of a second.
const PASSING_MAX: Duration = Duration::from_secs(5);

/// A look older than this is not believed; the engine publishes every second.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(60);

/// What the answers are made of.
pub(super) struct Sight {
    common: Arc<Common>,
    ground: Arc<Ground>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    looks: watch::Receiver<Looks>,
}

/// Who looks, and since when.
type Looks = (Looker, Stopwatch);

/// What fills them.
pub(super) struct Looking {
    common: Arc<Common>,
    ground: Arc<Ground>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    looks: watch::Sender<Looks>,
}

impl Sight {
    pub(super) fn new(common: Common, ground: Ground) -> (Self, Looking) {
        let (common, ground) = (Arc::new(common), Arc::new(ground));
        let first = if is_watched(&ground.state_dir) { Looker::Watch } else { Looker::Own };
        let (snapshots, seen) = watch::channel(Arc::<Snapshot>::default());
        let (begin, looks) = watch::channel((first, Stopwatch::start()));
        let (of, with) = (Arc::clone(&common), Arc::clone(&ground));
        let sight = Self { common, ground, snapshots: seen, looks };
        (sight, Looking { common: of, ground: with, snapshots, looks: begin })
    }

    /// What our own engine sees. The first answers wait for its first look at everything.
    async fn own(&self, since: Stopwatch) -> Result<Known, Trouble> {
        let mut snapshots = self.snapshots.clone();
        let left = FIRST_LOOK_MAX.saturating_sub(since.elapsed());
        // After that time the answer is what is known by then, and unknown where nothing is.
        let _ = tokio::time::timeout(left, snapshots.wait_for(|snapshot| is_looked_at(snapshot))).await;
        let snapshot = Arc::clone(&snapshots.borrow());
        if snapshot.at == Timestamp::default() {
            return Err(Trouble::Nothing("nothing was looked at yet: ask again in a few seconds".to_owned()));
        }
        Ok(Known { snapshot, now: clock::now(), by: Looker::Own, stale_after: STALE_AFTER })
    }
}

impl Facts for Sight {
    fn known(&self) -> BoxFuture<'_, Result<Known, Trouble>> {
        Box::pin(async {
            let (looker, since) = *self.looks.borrow();
            if looker == Looker::Own {
                return self.own(since).await;
            }
            let (common, ground) = (Arc::clone(&self.common), Arc::clone(&self.ground));
            // Read on a thread of its own, so that other questions are answered meanwhile.
            match tokio::task::spawn_blocking(move || of_watch(&common, &ground)).await {
                Ok(known) => known.map_err(failed),
                Err(_panic) => Err(Trouble::Failed("reading the history failed".to_owned())),
            }
        })
    }

    fn daily(&self) -> Result<Daily, Trouble> {
        let to = clock::now();
        let reports = past::reports(&self.common, DAY, Kind::Daily).map_err(failed)?;
        Ok(daily(Span { from: to.minus(DAY), to }, &reports))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where errors are mapped")]
fn failed(error: anyhow::Error) -> Trouble {
    Trouble::Failed(format!("{error:#}"))
}

impl Looking {
    /// Looks until it is told to stop.
    pub(super) async fn run(self, mut stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            if is_watched(&self.ground.state_dir) {
                self.looks.send_replace((Looker::Watch, Stopwatch::start()));
                until(&mut stopped, &self.ground.state_dir, false).await;
            } else {
                self.look(&mut stopped).await;
            }
        }
    }

    /// The same loop as `watch`, without a history of its own, until a `watch` begins.
    async fn look(&self, stopped: &mut watch::Receiver<bool>) {
        let dir = self.ground.state_dir.clone();
        let memory = tokio::task::spawn_blocking(move || wiring::memory(&dir)).await.unwrap_or_default();
        self.snapshots.send_replace(Arc::default());
        self.looks.send_replace((Looker::Own, Stopwatch::start()));
        let faces = Faces { snapshot: self.snapshots.clone(), tell: Box::new(|_, _| {}), say: Box::new(|_| {}) };
        let (controls, inbox) = mpsc::channel(1);
        let engine = self.engine(memory, faces);
        let stop = async {
            until(stopped, &self.ground.state_dir, true).await;
            // The engine ends with its controls, and closes what it holds.
            drop(controls);
        };
        tokio::join!(stop, engine.run(inbox, None));
    }

    fn engine(&self, memory: Memory, faces: Faces) -> Engine {
        let Ground { settings, surroundings, wanted, .. } = &*self.ground;
        Engine::new(settings.clone(), surroundings.clone(), wanted.clone(), memory, History::Off, None, faces)
            .looking_around(wiring::look_around(&self.common))
    }
}

/// Waits until it is told to stop, or until it is as `wanted` whether a `watch` runs.
async fn until(stopped: &mut watch::Receiver<bool>, dir: &Path, wanted: bool) {
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(LOOK_EVERY) => if is_watched(dir) == wanted { return },
        }
    }
}

/// Whether a `watch` keeps this history.
fn is_watched(dir: &Path) -> bool {
    Store::holder(dir).is_some_and(|holder| holder.command.ends_with(" watch") || clock::now().since(holder.since) > PASSING_MAX)
}

/// Whether every target was looked at: with a health, and a verdict on each of its servers.
fn is_looked_at(snapshot: &Snapshot) -> bool {
    let has_verdicts = |state: &TargetState| state.servers.iter().all(|truth| truth.verdict != Verdict::Unknown);
    let is_told = |state: &TargetState| state.health != Health::Unknown && has_verdicts(state);
    snapshot.at > Timestamp::default() && snapshot.targets.iter().all(|state| is_told(state))
}

/// What the running `watch` has written down.
fn of_watch(common: &Common, ground: &Ground) -> anyhow::Result<Known> {
    let reader = wiring::reader(&ground.state_dir)?;
    let now = clock::now();
    let mut snapshot = match &reader {
        Some(reader) => vitals_engine::history::latest(reader, targets(common, ground, reader)?, now)?,
        None => Snapshot::default(),
    };
    if snapshot.targets.is_empty() {
        // That nothing is watched is so now.
        snapshot.at = now;
    }
    let stale_after = STALE_AFTER.max(ground.settings.defaults.schedule.light * 3);
    Ok(Known { snapshot: Arc::new(snapshot), now, by: Looker::Watch, stale_after })
}

/// The targets that are found, and those that only the `watch` knows: named on its command line, or gone meanwhile.
fn targets(common: &Common, ground: &Ground, reader: &Reader) -> anyhow::Result<Vec<Target>> {
    let found = discover::find(&ground.settings, &wiring::surroundings(common), &ground.wanted);
    let mut targets = found.targets;
    if !ground.wanted.is_empty() {
        return Ok(targets);
    }
    for id in reader.targets()? {
        if targets.iter().any(|target| target.id == id) {
            continue;
        }
        let is_hub = reader.checks(&id)?.contains(&vitals_judge::check::api_id());
        let address = if is_hub { Address::Hub { url: String::new() } } else { Address::Http { url: String::new() } };
        let settings = ground.settings.targets.get(id.as_str()).map_or(&ground.settings.defaults, |of| &of.settings);
        targets.push(Target { id, address, origin: Origin::CommandLine, settings: Arc::clone(settings) });
    }
    Ok(targets)
}

/// The report of a day, as agents are told it.
pub(crate) fn daily(span: Span, reports: &[Report]) -> Daily {
    let unmet = |report: &Report| -> Vec<String> {
        let unmet = report.criteria.iter().filter(|criterion| criterion.fulfilment == Fulfilment::Unmet);
        unmet.map(|of| format!("{} {}: wants {}, seen {}", of.weight.as_str(), of.name, of.wants, of.seen)).collect()
    };
    let target = |report: &Report| DailyTarget {
        id: report.target.clone(),
        health: report.health,
        score: report.score.clone(),
        observed: report.observed,
        incidents: report.incidents.len(),
        unmet: unmet(report),
        recommendations: report.recommendations.clone(),
    };
    Daily { span, targets: reports.iter().map(target).collect(), markdown: render::report::markdown(reports) }
}
