//! What stands behind the page of a watch: its snapshots, its history read beside the writer, its monitor looked at
//! between two events.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use vitals_engine::Control;
use vitals_engine::store::{IncidentFilter, Reader};
use vitals_judge::event::Record;
use vitals_judge::monitor::Monitor;
use vitals_model::check::CheckId;
use vitals_model::history::{Cut, Span, Summary};
use vitals_model::incident::Incident;
use vitals_model::quiet::Order;
use vitals_model::snapshot::{Overhead, Snapshot, TargetState};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;
use vitals_model::view::tools_v1::ToolsView;
use vitals_probe::{clock, process};
use vitals_web::source::{Daily, Facts, Known, Looker};
use vitals_web::{Explained, Paper, Source, Trouble};

use super::super::otlp::Counts;
use crate::cmd::mcp::{STALE_AFTER, daily};
use crate::cmd::past::{self, DAY, Kind};
use crate::cmd::{explain, tools};
use crate::{render, wiring};

/// A running watch, as its faces ask it.
pub(in crate::cmd::watch) struct WatchSource {
    /// Where the history is; `None` where this watch keeps none: an older one is not of it.
    history: Option<PathBuf>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    controls: mpsc::Sender<Control>,
    /// What was sent to a collector, where there is one.
    exported: Option<Arc<Counts>>,
    /// The history, opened when it is first asked for.
    reader: Mutex<Option<Reader>>,
}

impl WatchSource {
    pub(in crate::cmd::watch) fn new(
        history: Option<PathBuf>,
        snapshots: watch::Receiver<Arc<Snapshot>>,
        controls: mpsc::Sender<Control>,
        exported: Option<Arc<Counts>>,
    ) -> Self {
        Self { history, snapshots, controls, exported, reader: Mutex::default() }
    }

    /// Reads the history. A reader that failed is given up: the file may have been moved aside.
    fn read<T>(&self, question: impl FnOnce(&Reader) -> anyhow::Result<T>) -> Result<T, Trouble> {
        let mut kept = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = if let Some(reader) = kept.take() {
            reader
        } else {
            let dir = self.history.as_ref().ok_or(Trouble::NoHistory)?;
            wiring::reader(dir).map_err(failed)?.ok_or(Trouble::NoHistory)?
        };
        let answer = question(&reader).map_err(failed)?;
        *kept = Some(reader);
        Ok(answer)
    }

    fn control(&self, control: Control) -> Result<(), Trouble> {
        self.controls.try_send(control).map_err(|error| match error {
            TrySendError::Full(_) => Trouble::Busy,
            TrySendError::Closed(_) => Trouble::Failed("the watch has ended".to_owned()),
        })
    }

    /// Looks at the monitor between two events.
    fn peek<T: Send + 'static>(&self, look: impl FnOnce(&Monitor) -> T + Send + 'static) -> Result<T, Trouble> {
        let (answer, seen) = oneshot::channel();
        self.control(Control::Peek(Box::new(move |monitor| drop(answer.send(look(monitor))))))?;
        seen.blocking_recv().map_err(|_| Trouble::Failed("the watch has ended".to_owned()))
    }

    /// A target as it is watched now.
    fn state(&self, target: &TargetId) -> Result<Arc<TargetState>, Trouble> {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let state = snapshot.targets.iter().find(|state| state.target.id == *target);
        state.cloned().ok_or_else(|| Trouble::Nothing(format!("{target} is not watched")))
    }
}

fn failed(error: impl Into<anyhow::Error>) -> Trouble {
    Trouble::Failed(format!("{:#}", error.into()))
}

impl Facts for WatchSource {
    fn known(&self) -> BoxFuture<'_, Result<Known, Trouble>> {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        Box::pin(async { Ok(Known { snapshot, now: clock::now(), by: Looker::Own, stale_after: STALE_AFTER }) })
    }

    fn daily(&self) -> Result<Daily, Trouble> {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let report = |reader: &Reader, state: &TargetState| {
            past::one(reader, state.target.id.clone(), &state.target.settings, DAY, Kind::Daily)
        };
        let reports: Vec<_> =
            self.read(|reader| snapshot.targets.iter().filter_map(|state| report(reader, state).transpose()).collect())?;
        let to = clock::now();
        Ok(daily(Span { from: to.minus(DAY), to }, &reports))
    }
}

impl Source for WatchSource {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    fn overhead(&self) -> Overhead {
        let export = self.exported.as_ref().map(|counts| counts.exported());
        Overhead { export, ..process::own() }
    }

    fn now(&self) -> Timestamp {
        clock::now()
    }

    fn incidents(&self, since: Timestamp) -> Result<Vec<Incident>, Trouble> {
        self.read(|reader| Ok(reader.incidents(IncidentFilter::Since(since))?))
    }

    fn incident(&self, id: u64) -> Result<Option<Incident>, Trouble> {
        match self.read(|reader| Ok(reader.incident(id)?)) {
            Err(Trouble::NoHistory) => Ok(None),
            found => found,
        }
    }

    fn course(&self, target: &TargetId, checks: &[CheckId], cut: &Cut) -> Result<Vec<Vec<Summary>>, Trouble> {
        self.read(|reader| checks.iter().map(|check| Ok(reader.course(target, check, cut)?)).collect())
    }

    fn paper(&self, target: &TargetId, since: Duration, paper: Paper) -> Result<String, Trouble> {
        let kind = match paper {
            Paper::ReportJson | Paper::ReportMarkup => Kind::Daily,
            Paper::CriteriaJson | Paper::CriteriaMarkup => Kind::Criteria,
        };
        let state = self.state(target)?;
        let report = self.read(|reader| past::one(reader, target.clone(), &state.target.settings, since, kind))?;
        let reports = [report.ok_or_else(|| Trouble::Nothing(past::nothing(since)))?];
        match paper {
            Paper::ReportJson => render::json(&render::report::view(&reports)).map_err(failed),
            Paper::CriteriaJson => render::json(&render::criteria::view(&reports)).map_err(failed),
            Paper::ReportMarkup => Ok(render::page::part(&reports[0])),
            Paper::CriteriaMarkup => Ok(render::page::criteria_part(&reports[0])),
        }
    }

    fn explain(&self, target: &TargetId, check: &CheckId) -> Result<Option<Explained>, Trouble> {
        let (target, check) = (target.clone(), check.clone());
        let explained = self.peek(move |monitor| monitor.explain(&target, &check, clock::now()))?;
        Ok(explained.as_ref().map(explain::told))
    }

    fn tools(&self, target: &TargetId) -> Result<Option<ToolsView>, Trouble> {
        let state = self.state(target)?;
        let of = target.clone();
        let kept = self.peek(Monitor::tools)?.into_iter();
        let now: BTreeMap<_, _> = kept
            .filter_map(
                |kept| if let Record::Tools(id, server, tools) = kept { (id == of).then_some((server, tools)) } else { None },
            )
            .collect();
        tools::review_known(&state.target, &state.servers, now).map_err(failed)
    }

    fn order(&self, order: Order) -> Result<(), Trouble> {
        self.control(Control::Order(order))
    }

    fn check_now(&self) -> Result<(), Trouble> {
        self.control(Control::CheckNow)
    }
}
