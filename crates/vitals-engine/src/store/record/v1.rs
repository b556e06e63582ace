//! Version 1 of the disk record. A later version reads these and writes its own; these never change.

mod action;
mod errors;
mod scenario;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vitals_model::check::CheckId;
use vitals_model::incident::{Handling, Incident, IncidentState, Ties};
use vitals_model::reading::Health;
use vitals_model::target::TargetId;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::{Definition, ToolSet};

pub(in crate::store) use action::ActionRecord;
pub(in crate::store) use errors::ErrorsRecord;
pub(in crate::store) use scenario::ScenarioRecord;

/// The number of a health on disk.
pub(in crate::store) fn health_code(health: Health) -> u8 {
    match health {
        Health::Healthy => 0,
        Health::Unknown => 1,
        Health::Degraded => 2,
        Health::Failing => 3,
    }
}

/// The health of a number on disk; `None` for a number that none has.
pub(in crate::store) fn health_of(code: u8) -> Option<Health> {
    [Health::Healthy, Health::Unknown, Health::Degraded, Health::Failing].get(usize::from(code)).copied()
}

/// A record as JSON.
pub(in crate::store) fn json(record: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(record).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// An incident, as JSON.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct IncidentRecord {
    id: u64,
    target: String,
    check: String,
    kind: String,
    health: u8,
    open: bool,
    summary: String,
    evidence: Vec<String>,
    hint: String,
    opened_at_ms: i64,
    updated_at_ms: i64,
    resolved_at_ms: Option<i64>,
}

impl From<&Incident> for IncidentRecord {
    fn from(incident: &Incident) -> Self {
        Self {
            id: incident.id,
            target: incident.target.as_str().to_owned(),
            check: incident.check.as_str().to_owned(),
            kind: incident.kind.clone(),
            health: health_code(incident.health),
            open: incident.state == IncidentState::Open,
            summary: incident.summary.clone(),
            evidence: incident.evidence.clone(),
            hint: incident.hint.clone(),
            opened_at_ms: incident.opened_at.as_millis(),
            updated_at_ms: incident.updated_at.as_millis(),
            resolved_at_ms: incident.resolved_at.map(Timestamp::as_millis),
        }
    }
}

impl IncidentRecord {
    /// The incident; `None` when its health is none.
    pub(in crate::store) fn incident(self) -> Option<Incident> {
        Some(Incident {
            id: self.id,
            target: TargetId::new(&self.target),
            check: CheckId::from_stored(&self.check),
            kind: self.kind,
            health: health_of(self.health)?,
            state: if self.open { IncidentState::Open } else { IncidentState::Resolved },
            summary: self.summary,
            evidence: self.evidence,
            hint: self.hint,
            opened_at: Timestamp::from_millis(self.opened_at_ms),
            updated_at: Timestamp::from_millis(self.updated_at_ms),
            resolved_at: self.resolved_at_ms.map(Timestamp::from_millis),
            flapping: false,
            ties: Ties::default(),
            // Whatever changed was told.
            handling: Handling::told(Timestamp::from_millis(self.updated_at_ms)),
        })
    }
}

/// A tool set, as JSON: by name the definition in canonical JSON, or its digest where no more is known.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct ToolsRecord(BTreeMap<String, ToolRecord>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ToolRecord {
    Digest(u64),
    Definition(String),
}

impl From<&ToolSet> for ToolsRecord {
    fn from(tools: &ToolSet) -> Self {
        let record = |definition: &Definition| match definition.text() {
            Some(text) => ToolRecord::Definition(text.to_owned()),
            None => ToolRecord::Digest(definition.digest()),
        };
        Self(tools.definitions().map(|(name, definition)| (name.as_str().to_owned(), record(definition))).collect())
    }
}

impl From<ToolsRecord> for ToolSet {
    fn from(record: ToolsRecord) -> Self {
        let definition = |record: &ToolRecord| match record {
            ToolRecord::Digest(digest) => Definition::known_by(*digest),
            // A text that is no JSON is no tool that was ever seen: whatever comes differs from it.
            ToolRecord::Definition(text) => Definition::of(&serde_json::from_str(text).unwrap_or_default()),
        };
        record.0.iter().map(|(name, tool)| (Text::new(name), definition(tool))).collect()
    }
}
