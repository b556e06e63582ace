//! The original system's JSON Lines: one file per run, `health_<YYYYMMDD_HHMMSS>.jsonl`, in the shapes
//! that its other scripts read. Fields that we can fill truly are filled truly: `cpu` is the average
//! since the record before and not over the process's life, errors are counted per time window.
//!
//! | type | when | fields |
//! |---|---|---|
//! | `light_check` | every light interval | `cpu`, `mem` (percent), `uptime` (s), `servers[{name, status}]` |
//! | `full_health` | every sixth light check, and first | `data`: the whole `/api/health` |
//! | `error_alert` | errors beyond the threshold | `count`, `window_s` |
//! | `resource_alert` | CPU or memory beyond the threshold | `cpu`, `mem` |
//! | `critical_error` | an incident that is critical opened | `message` |

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use vitals_model::check::{CheckId, Point};
use vitals_model::reading::{Health, Reading};
use vitals_model::snapshot::{Snapshot, TargetState};
use vitals_model::time::Timestamp;

/// Every which light check is followed by a full one (the original's every sixth).
const FULL_EVERY: u64 = 6;

/// Why the records cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ClassicError {
    /// The folder or the file cannot be made.
    #[error("cannot write {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The writer of classic records.
pub struct Classic {
    path: PathBuf,
    file: File,
    every: Duration,
    next: Instant,
    light_checks: u64,
    /// The critical incidents that last and were written.
    told: BTreeSet<u64>,
    /// Why the last record could not be written, and how many could not be so far.
    error: Option<std::io::Error>,
    lost: u64,
}

impl Classic {
    /// Begins a file in `dir`, named after `now` in UTC; a record every `every`.
    pub fn create(dir: &Path, now: Timestamp, every: Duration) -> Result<Self, ClassicError> {
        let path = dir.join(format!("health_{}.jsonl", stamp(now)));
        let opened = std::fs::create_dir_all(dir).and_then(|()| File::options().create(true).append(true).open(&path));
        match opened {
            Ok(file) => Ok(Self::over(path, file, every)),
            Err(source) => Err(ClassicError::Open { path, source }),
        }
    }

    fn over(path: PathBuf, file: File, every: Duration) -> Self {
        Self { path, file, every, next: Instant::now(), light_checks: 0, told: BTreeSet::new(), error: None, lost: 0 }
    }

    /// Why records cannot be written now, and how many were lost so far.
    pub fn health(&self) -> (Option<String>, u64) {
        let error = self.error.as_ref().map(|error| format!("cannot write {}: {error}", self.path.display()));
        (error, self.lost)
    }

    /// Writes what is due: the alerts of now at once, the periodic records when their time has come and
    /// something was measured.
    pub fn write_due(&mut self, snapshot: &Snapshot) {
        for target in &snapshot.targets {
            self.critical(target, snapshot.at);
        }
        let lasts = |id: &u64| snapshot.targets.iter().any(|t| t.open.iter().any(|i| i.id == *id));
        self.told.retain(lasts);
        let mut measured = snapshot.targets.iter().filter(|t| t.claim.is_some() || t.health != Health::Unknown).peekable();
        if Instant::now() < self.next || measured.peek().is_none() {
            return;
        }
        self.next = Instant::now() + self.every;
        for target in measured {
            self.periodic(target, snapshot.at);
        }
        self.light_checks += 1;
    }

    fn periodic(&mut self, target: &TargetState, at: Timestamp) {
        let (cpu, mem) = (value(target, "cpu"), value(target, "memory"));
        let servers: Vec<_> = target
            .servers
            .iter()
            .map(|s| json!({"name": s.name.as_str(), "status": s.claim.as_ref().map(vitals_model::claim::ClaimStatus::as_str), "verdict": s.verdict.as_str()}))
            .collect();
        self.write(
            at,
            target,
            "light_check",
            json!({"cpu": cpu, "mem": mem, "uptime": value(target, "process"), "servers": servers}),
        );
        if self.light_checks.is_multiple_of(FULL_EVERY)
            && let Some(raw) = target.claim.as_ref().and_then(|claim| claim.raw.as_deref())
        {
            let data = serde_json::from_str::<Value>(raw).unwrap_or(Value::Null);
            self.write(at, target, "full_health", json!({ "data": data }));
        }
        let errors = reading(target, Point::Logging, "errors").filter(|r| is_bad(r));
        if let Some(count) = errors.and_then(|r| r.value) {
            let window = target.target.settings.thresholds.error_window.as_secs();
            self.write(at, target, "error_alert", json!({"count": count, "window_s": window}));
        }
        let tight = ["cpu", "memory"].into_iter().filter_map(|q| reading(target, Point::HubServers, q)).any(is_bad);
        if tight {
            self.write(at, target, "resource_alert", json!({"cpu": cpu, "mem": mem}));
        }
    }

    /// Each critical incident once.
    fn critical(&mut self, target: &TargetState, at: Timestamp) {
        for incident in target.open.iter().filter(|i| i.health == Health::Failing) {
            if self.told.insert(incident.id) {
                let message = format!("{} {}: {}", incident.check, incident.kind, incident.summary);
                self.write(at, target, "critical_error", json!({ "message": message }));
            }
        }
    }

    fn write(&mut self, at: Timestamp, target: &TargetState, kind: &str, fields: Value) {
        let mut record = json!({"timestamp": at.to_string(), "type": kind, "target": target.target.id.as_str()});
        if let (Some(record), Value::Object(fields)) = (record.as_object_mut(), fields) {
            record.extend(fields);
        }
        // What a full disk cut off stands on a line of its own, and costs no other record.
        let torn = if self.error.is_some() { "\n" } else { "" };
        // One write per record: the line is there whole, or not.
        self.error = self.file.write_all(format!("{torn}{record}\n").as_bytes()).err();
        self.lost += u64::from(self.error.is_some());
    }
}

fn reading<'a>(target: &'a TargetState, point: Point, question: &str) -> Option<&'a Reading> {
    let id = CheckId::of_target(point, question);
    target.readings.iter().find(|r| r.id == id)
}

fn value(target: &TargetState, question: &str) -> Option<f64> {
    reading(target, Point::HubServers, question)?.value.map(|v| (v * 100.0).round() / 100.0)
}

fn is_bad(reading: &Reading) -> bool {
    matches!(reading.health, Health::Degraded | Health::Failing)
}

/// `20261122_142200`.
fn stamp(at: Timestamp) -> String {
    let text: String = at.to_string().chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
    text.replace('T', "_")
}

#[cfg(test)]
mod tests;
