//! One look at every target: what `check`, `dashboard --once` and `anomalies` have in common.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;

use vitals_engine::lockfile;
use vitals_engine::store::{Record, Store, StoreError};
use vitals_judge::detect::Evidence;
use vitals_judge::event::{Effect, Event, Record as Kept};
use vitals_judge::explain::Explanation;
use vitals_judge::monitor::Monitor;
use vitals_model::check::CheckId;
use vitals_model::remedy::Prospect;
use vitals_model::snapshot::Snapshot;
use vitals_model::target::Target;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::ToolSet;
use vitals_probe::clock;
use vitals_probe::hands::{Hands, Manner};

use crate::render;
use crate::wiring::{self, Ground};

/// What one look came to.
pub(super) struct Look {
    /// The state of everything.
    pub snapshot: Arc<Snapshot>,
    /// What is worth keeping.
    kept: Vec<Kept>,
    monitor: Monitor,
    /// The highest number of an incident that a `watch` gave.
    last_incident: u64,
}

/// Looks at every target once, all at the same time.
pub(super) fn look(ground: &Ground, targets: Vec<Target>) -> anyhow::Result<Look> {
    let progress = render::Progress::start("looking");
    let looked = wiring::block_on(look_at(ground, targets));
    progress.end();
    looked
}

async fn look_at(ground: &Ground, targets: Vec<Target>) -> Look {
    let memory = wiring::memory(&ground.state_dir);
    let last_incident = memory.last_incident;
    let mut monitor = Monitor::new(clock::now(), memory).leaving_repair();
    let mut visits = tokio::task::JoinSet::new();
    for target in targets {
        monitor.apply(clock::now(), Event::Watch(target.clone()));
        let lock = lockfile::look(&lockfile::path_of(&target.settings));
        monitor.apply(clock::now(), Event::LockFile(target.id.clone(), lock));
        let hands = Hands::new(target, &ground.surroundings, Manner::Once);
        visits.spawn(async move { hands.visit().await });
    }
    let mut kept = Vec::new();
    while let Some(observations) = visits.join_next().await {
        for observation in observations.unwrap_or_default() {
            let effects = monitor.apply(clock::now(), Event::Observed(observation));
            kept.extend(effects.into_iter().filter_map(|effect| match effect {
                Effect::Keep(kept) => Some(kept),
                Effect::Check(..)
                | Effect::Tell(..)
                | Effect::Withhold(..)
                | Effect::Notify(_)
                | Effect::Act(..)
                | Effect::Say(_) => None,
            }));
        }
    }
    Look { snapshot: only_known_incidents(monitor.snapshot(clock::now()), last_incident), kept, monitor, last_incident }
}

/// Incidents are `watch`'s: what a single look finds bad is in its readings, and has no number in any
/// history.
fn only_known_incidents(mut snapshot: Arc<Snapshot>, last: u64) -> Arc<Snapshot> {
    for target in &mut Arc::make_mut(&mut snapshot).targets {
        Arc::make_mut(target).open.retain(|incident| incident.id <= last);
    }
    snapshot
}

/// A history that is opened while the look goes on: syncing a file takes as long as asking a hub.
pub(crate) struct Opening(JoinHandle<Result<Store, StoreError>>);

impl Opening {
    /// Begins to open it.
    pub(crate) fn begin(ground: &Ground) -> Self {
        let (dir, storage) = (ground.state_dir.clone(), ground.settings.storage.clone());
        Self(std::thread::spawn(move || Store::open(&dir, &storage)))
    }
}

impl Look {
    /// What detectors look at for one target.
    pub(super) fn evidence(&self, target: &Target, now: Timestamp) -> Evidence {
        self.monitor.evidence(&target.id, now).unwrap_or_default()
    }

    /// The tools of every server that shows any.
    pub(super) fn tools(&self) -> BTreeMap<Text, ToolSet> {
        let tools = self.monitor.tools().into_iter();
        tools.filter_map(|kept| if let Kept::Tools(_, server, tools) = kept { Some((server, tools)) } else { None }).collect()
    }

    /// Why a check is what it is; `None` when it has no reading.
    pub(super) fn explain(&self, target: &Target, check: &CheckId, now: Timestamp) -> Option<Explanation> {
        let mut explained = self.monitor.explain(&target.id, check, now)?;
        if explained.incident.as_ref().is_some_and(|incident| incident.id > self.last_incident) {
            (explained.incident, explained.quiet, explained.repair) = (None, None, None);
        }
        Some(explained)
    }

    /// What may be done about each incident that a watch has told of and that lasts.
    pub(super) fn prospects(&self, now: Timestamp) -> Vec<Prospect> {
        let mut prospects = self.monitor.prospects(now);
        prospects.retain(|prospect| prospect.incident <= self.last_incident);
        prospects
    }

    /// What may be done about one of them when a person wants it.
    pub(super) fn asked(&self, incident: u64, now: Timestamp) -> Option<Prospect> {
        self.monitor.asked(incident, now).filter(|prospect| prospect.incident <= self.last_incident)
    }

    /// The judgement that looked.
    pub(super) fn into_monitor(self) -> Monitor {
        self.monitor
    }

    /// Writes the look into the history, unless a running `watch` keeps it already. Incidents are the
    /// business of `watch`, which sees their beginning and their end.
    pub(crate) fn keep(self, opening: Opening) {
        let store = match opening.0.join() {
            Ok(Ok(store)) => store,
            Ok(Err(StoreError::Held { .. })) => return,
            Ok(Err(error)) => return render::note(&format!("history not kept: {:#}", anyhow::Error::from(error))),
            Err(_panic) => return render::note("history not kept: opening it failed"),
        };
        for kept in self.kept.into_iter().chain(self.monitor.tools()) {
            match kept {
                Kept::Samples(target, samples) => {
                    for sample in samples {
                        store.put(Record::Sample(target.clone(), sample));
                    }
                }
                Kept::Tools(target, server, tools) => store.put(Record::Tools(target, server, tools)),
                // What one look has heard of errors must not replace what a watch has heard in weeks.
                Kept::Incident(_) | Kept::Silence(_) | Kept::Action(_) | Kept::Note(_) | Kept::Errors(..) | Kept::Decision(_) => {
                }
            }
        }
        let health = store.close();
        if let Some(error) = health.error {
            render::note(&format!("history not kept: {error}"));
        }
    }
}
