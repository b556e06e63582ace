//! Reading a snapshot back from the JSON that [`v1`](super::v1) and [`live_v1`](super::live_v1) write: for a screen
//! that is far from the watch, or that shows a recording.
//!
//! Whoever wrote it may be of another version, or hostile. So every field is optional, an unknown word is as if the
//! field were not there, every text is cleaned and cut, and every list has a bound. What a view does not have (trends
//! of the past, raw answers, settings) stays empty.

mod incidents;
mod parts;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use crate::check::CheckId;
use crate::limits::{EVENT_QUEUE_MAX, RECENT_INCIDENTS_MAX, SERVERS_MAX, TARGETS_MAX, TEXT_CHARS_MAX, TREND_POINTS_MAX};
use crate::snapshot::{OwnState, RepairState, Snapshot, TargetState};
use crate::target::TargetId;
use crate::text::Text;
use crate::time::Timestamp;

/// Most elements read of one list; the rest are left out.
const LIST_MAX: usize = 4096;
/// Longest text read, in characters: evidence and reasons are longer than names.
const TEXT_LONG_MAX: usize = 4 * TEXT_CHARS_MAX;

/// Why a text is no snapshot.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It is no JSON.
    #[error("not JSON")]
    Json(#[from] serde_json::Error),
    /// It is JSON of another kind.
    #[error("no snapshot: `{0}` is missing")]
    Missing(&'static str),
}

/// Reads snapshots one after the other, and makes trends of the values that come by.
#[derive(Debug, Default)]
pub struct Follower {
    trends: BTreeMap<TargetId, BTreeMap<CheckId, Trend>>,
}

/// The latest values of a check, and when the last of them was measured.
#[derive(Debug, Default)]
struct Trend {
    at: Timestamp,
    values: Vec<f64>,
}

impl Follower {
    /// The snapshot that `json` holds.
    ///
    /// # Errors
    /// When it is no JSON, or has no `at` or no `targets`.
    pub fn read(&mut self, json: &str) -> Result<Snapshot, ReadError> {
        let mut snapshot = snapshot(&serde_json::from_str(json)?)?;
        self.trends.retain(|id, _| snapshot.targets.iter().any(|state| state.target.id == *id));
        for state in &mut snapshot.targets {
            let state = Arc::make_mut(state);
            let trends = self.trends.entry(state.target.id.clone()).or_default();
            trends.retain(|id, _| state.readings.iter().any(|reading| reading.id == *id));
            for reading in &state.readings {
                let Some(value) = reading.value else { continue };
                trends.entry(reading.id.clone()).or_default().add(reading.at, value);
            }
            state.trends = trends.iter().map(|(id, trend)| (id.clone(), trend.values.clone())).collect();
        }
        Ok(snapshot)
    }
}

impl Trend {
    /// A value counts once, however many snapshots show it.
    fn add(&mut self, at: Timestamp, value: f64) {
        if at <= self.at && !self.values.is_empty() {
            return;
        }
        if self.values.len() == TREND_POINTS_MAX {
            self.values.remove(0);
        }
        self.at = at;
        self.values.push(value);
    }
}

fn snapshot(view: &Value) -> Result<Snapshot, ReadError> {
    let at = time(&view["at"]).ok_or(ReadError::Missing("at"))?;
    let targets = view["targets"].as_array().ok_or(ReadError::Missing("targets"))?;
    let beside = &view["beside"];
    let targets = targets.iter().take(TARGETS_MAX).map(|target| Arc::new(state(target, beside, at)));
    Ok(Snapshot { at, began_at: time(&view["began_at"]).unwrap_or(at), targets: targets.collect(), own: own(&view["own"], at) })
}

fn own(view: &Value, at: Timestamp) -> OwnState {
    OwnState {
        probes: number(&view["probes"]),
        dropped: number(&view["dropped"]),
        store_error: text_of(&view["store_error"]),
        samples_lost: number(&view["samples_lost"]),
        open: list(&view["incidents"], EVENT_QUEUE_MAX, |v| incidents::incident(v, &Value::Null, at)),
        silences: list(&view["silences"], LIST_MAX, incidents::silence),
        gaps: number(&view["gaps"]),
        last_gap: text_of(&view["last_gap"]),
        ..OwnState::default()
    }
}

fn state(view: &Value, beside: &Value, at: Timestamp) -> TargetState {
    let target = parts::target(view);
    let beside = &beside[target.id.as_str()];
    TargetState {
        health: parts::health(&view["health"]),
        score: parts::score(view),
        servers: list(&view["servers"], SERVERS_MAX, |v| Some(parts::server(v, at))),
        readings: list(&view["checks"], LIST_MAX, |v| parts::reading(v, beside, at)),
        open: list(&view["incidents"], LIST_MAX, |v| incidents::incident(v, beside, at)),
        recent: list(&beside["recent"], RECENT_INCIDENTS_MAX, |v| incidents::incident(v, beside, at)),
        findings: list(&view["anomalies"], LIST_MAX, |v| parts::finding(v, at)),
        claim: parts::claim(&beside["claim"]),
        filtering: parts::filtering(&beside["filtering"]),
        levels: parts::levels(&beside["levels"]),
        levels_over: duration(&beside["levels_over_ms"]).unwrap_or_default(),
        log: list(&beside["log"], LIST_MAX, text_of),
        visit: parts::visit(&view["visit"]),
        repair: repair(&beside["repair"]),
        // Definitions, counts and trends are not part of the view.
        ..TargetState::unmeasured(target)
    }
}

fn repair(view: &Value) -> RepairState {
    RepairState { under_way: text_of(&view["under_way"]), last: text_of(&view["last"]), ..RepairState::default() }
}

/// The elements that can be read.
fn list<T>(view: &Value, most: usize, read: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    view.as_array().into_iter().flatten().take(most).filter_map(read).collect()
}

fn text_of(view: &Value) -> Option<String> {
    view.as_str().map(|text| Text::cut(text, TEXT_LONG_MAX).to_string())
}

/// As [`text_of`]; empty where there is none.
fn words(view: &Value) -> String {
    text_of(view).unwrap_or_default()
}

fn name(view: &Value) -> Option<Text> {
    view.as_str().map(Text::new)
}

fn time(view: &Value) -> Option<Timestamp> {
    view.as_str().and_then(Timestamp::parse)
}

fn number(view: &Value) -> u64 {
    view.as_u64().unwrap_or(0)
}

/// A time in milliseconds; `None` for one that cannot be.
fn duration(view: &Value) -> Option<Duration> {
    view.as_f64().and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok())
}

/// The number behind a letter: 42 of `I42`.
fn numbered(view: &Value, letter: char) -> Option<u64> {
    view.as_str()?.strip_prefix(letter)?.parse().ok()
}

/// The one of these that is written so.
fn word<T: Copy>(view: &Value, all: &[T], as_str: fn(T) -> &'static str) -> Option<T> {
    let word = view.as_str()?;
    all.iter().copied().find(|one| as_str(*one) == word)
}

#[cfg(test)]
mod tests;
