//! What the dashboard looks up in the history: trends over a range, scenarios, criteria. On a thread of its own: a
//! large history delays neither the screen nor a probe.

use std::collections::BTreeMap;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use anyhow::bail;
use tokio::sync::mpsc;
use vitals_engine::store::Reader;
use vitals_model::check::CheckId;
use vitals_model::history::{Cut, Span};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;
use vitals_probe::clock;
use vitals_probe::discover::Wanted;
use vitals_tui::Said;
use vitals_tui::said::{Found, Range, Recall, What};

use crate::cmd::past::{self, Kind};
use crate::wiring::{self, Ground};

/// Questions waiting: the screen asks one of each kind at a time.
const QUESTIONS_MAX: usize = 4;
/// Scenarios shown at most.
const SCENARIOS_MAX: usize = 20;
/// Over how long criteria are judged, as `mcp-vitals criteria` does.
const CRITERIA_OVER: Duration = Duration::from_secs(48 * 3600);

/// The history, as the dashboard asks it. Its thread ends with it.
pub(super) struct Archive(SyncSender<Recall>);

impl Archive {
    /// Looks up in the history of `ground`, and tells what it finds.
    pub(super) fn open(ground: &Ground, tell: mpsc::Sender<Said>) -> Self {
        let (questions, inbox) = sync_channel::<Recall>(QUESTIONS_MAX);
        let mut ground = ground.clone();
        std::thread::spawn(move || {
            for recall in inbox {
                ground.wanted = vec![Wanted::Named(recall.target.to_string())];
                let found = look_up(&ground, &recall).unwrap_or_else(|why| Found::Nothing(format!("{why:#}")));
                if tell.blocking_send(Said::Recalled(recall, found)).is_err() {
                    return;
                }
            }
        });
        Self(questions)
    }

    /// Asks a question; one too many comes back.
    pub(super) fn ask(&self, recall: Recall) -> Result<(), Recall> {
        self.0.try_send(recall).map_err(|error| match error {
            TrySendError::Full(recall) | TrySendError::Disconnected(recall) => recall,
        })
    }
}

fn look_up(ground: &Ground, recall: &Recall) -> anyhow::Result<Found> {
    let Some(reader) = wiring::reader(&ground.state_dir)? else {
        bail!("There is no history in {} yet: `mcp-vitals watch` keeps one.", ground.state_dir.display());
    };
    let now = clock::now();
    match recall.what {
        What::Trends(range) => trends(&reader, &recall.target, range, now),
        What::Scenarios => {
            let mut runs = reader.scenarios(&recall.target, Timestamp::default(), now)?;
            runs.reverse();
            runs.truncate(SCENARIOS_MAX);
            Ok(Found::Scenarios(runs))
        }
        What::Criteria => {
            let report = past::reports_on(ground, CRITERIA_OVER, Kind::Criteria)?.into_iter().find(|r| r.target == recall.target);
            Ok(match report {
                Some(report) => Found::Criteria(CRITERIA_OVER, report.criteria),
                None => Found::Nothing(format!("The history has nothing of {}.", recall.target)),
            })
        }
    }
}

/// The greatest value of each check in each part of the range.
fn trends(reader: &Reader, target: &TargetId, range: Range, now: Timestamp) -> anyhow::Result<Found> {
    let Some(length) = range.length() else { return Ok(Found::Trends(BTreeMap::new())) };
    let cut = Cut::of(Span { from: now.minus(length), to: now });
    let mut all: BTreeMap<CheckId, Vec<f64>> = BTreeMap::new();
    for check in reader.checks(target)? {
        let course = reader.course(target, &check, &cut)?;
        let values: Vec<f64> = course.iter().map(|slice| slice.spread.map_or(f64::NAN, |spread| spread.max)).collect();
        if values.iter().any(|value| value.is_finite()) {
            all.insert(check, values);
        }
    }
    Ok(Found::Trends(all))
}
