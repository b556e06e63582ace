//! One record as JSON in the field names of the Elastic Common Schema (ECS 8.17,
//! <https://www.elastic.co/docs/reference/ecs>); what it has no name for stands under `mcp_vitals`. It is what waits on
//! disk, and each destination takes from it what it needs. It sends nothing.
//!
//! Every text of a target has passed through [`Text`].

use serde_json::{Map, Value, json};
use vitals_model::incident::{Incident, IncidentChange, IncidentState};
use vitals_model::limits::ONWARD_MESSAGE_CHARS_MAX;
use vitals_model::observation::Level;
use vitals_model::reading::Health;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_probe::logtail::{Format, Record, Tapped};

/// The version of the schema.
const ECS_VERSION: &str = "8.17.0";

/// Longest name or code of a record, in characters.
const NAME_CHARS_MAX: usize = 256;

/// What all records of one run have in common.
pub(super) struct Writer {
    /// The machine's name; empty when nobody knows it.
    host: String,
    /// Begins the id of each record: no two runs on any machines have the same.
    run: u64,
    written: u64,
}

impl Writer {
    pub(super) fn new(host: &str, run: u64) -> Self {
        Self { host: host.to_owned(), run, written: 0 }
    }

    /// A line of a hub's log, read at `now`.
    pub(super) fn line(&mut self, now: Timestamp, tapped: &Tapped, record: &Record<'_>) -> String {
        let clean = |text: &str, chars_max| Text::cut(&tapped.without_secrets(text), chars_max);
        let message = match record.format {
            Format::Broken => clean(&String::from_utf8_lossy(&tapped.line), ONWARD_MESSAGE_CHARS_MAX),
            Format::Plain | Format::Pino | Format::Stdout => clean(&record.message, ONWARD_MESSAGE_CHARS_MAX),
        };
        let name = |text: &Option<std::borrow::Cow<'_, str>>| {
            text.as_deref().map(|text| clean(text, NAME_CHARS_MAX).as_str().to_owned())
        };
        let error = record.error.as_deref().map(|text| clean(text, ONWARD_MESSAGE_CHARS_MAX).as_str().to_owned());
        let target = tapped.target.as_str();
        self.written(json!({
            "@timestamp": record.at.unwrap_or(now).to_string(),
            "message": message.as_str(),
            "log": {"level": record.level.map(Level::as_str), "logger": "mcp-hub"},
            "event": {"kind": "event", "dataset": "mcp_vitals.hub", "created": now.to_string()},
            "service": {"name": target, "type": "mcp-hub"},
            "process": {"pid": record.pid},
            "error": {"code": name(&record.code), "message": error},
            "mcp_vitals": {"target": target, "point": "logging", "server": name(&record.server), "format": format_of(record.format)},
        }))
    }

    /// A change of an incident.
    pub(super) fn incident(&mut self, now: Timestamp, change: IncidentChange, incident: &Incident) -> String {
        let (level, severity) = match (change, incident.health) {
            (IncidentChange::Resolved, _) => (Level::Info, 1),
            (_, Health::Failing) => (Level::Error, 3),
            (_, _) => (Level::Warn, 2),
        };
        let (target, check) = (incident.target.as_str(), incident.check.as_str());
        let state = match incident.state {
            IncidentState::Open => "open",
            IncidentState::Resolved => "resolved",
        };
        self.written(json!({
            "@timestamp": now.to_string(),
            "message": format!("{} {} {check} I{}: {}", change.as_str(), incident.kind, incident.id, incident.summary),
            "log": {"level": level.as_str(), "logger": "mcp-vitals"},
            "event": {
                "kind": "alert", "dataset": "mcp_vitals.incidents", "created": now.to_string(),
                "action": format!("incident-{}", change.as_str().to_lowercase()),
                "reason": incident.summary, "severity": severity,
                "start": incident.opened_at.to_string(), "end": incident.resolved_at.map(|at| at.to_string()),
            },
            "service": {"name": target, "type": "mcp-hub"},
            "mcp_vitals": {
                "target": target, "point": check.split('/').next(), "check": check, "server": incident.check.server(),
                "incident": {
                    "id": format!("I{}", incident.id), "kind": incident.kind, "state": state, "health": incident.health.as_str(),
                    "evidence": incident.evidence, "hint": incident.hint,
                },
            },
        }))
    }

    /// Something about the watch itself.
    pub(super) fn note(&mut self, now: Timestamp, text: &str) -> String {
        self.written(json!({
            "@timestamp": now.to_string(),
            "message": Text::cut(text, ONWARD_MESSAGE_CHARS_MAX).as_str(),
            "log": {"level": Level::Info.as_str(), "logger": "mcp-vitals"},
            "event": {"kind": "event", "dataset": "mcp_vitals.notes", "created": now.to_string()},
            "service": {"name": "mcp-vitals"},
        }))
    }

    /// With what all have in common, and without what is not known.
    fn written(&mut self, mut record: Value) -> String {
        self.written += 1;
        record["ecs"] = json!({"version": ECS_VERSION});
        record["event"]["id"] = format!("{:016x}-{:x}", self.run, self.written).into();
        record["event"]["module"] = "mcp_vitals".into();
        record["observer"] = json!({"product": "mcp-vitals", "type": "monitor", "version": env!("CARGO_PKG_VERSION")});
        record["host"] = json!({"name": if self.host.is_empty() { Value::Null } else { self.host.as_str().into() }});
        if let Value::Object(fields) = &mut record {
            prune(fields);
        }
        record.to_string()
    }
}

/// Takes out what is null, empty text included, and objects that have nothing else.
fn prune(fields: &mut Map<String, Value>) {
    fields.retain(|_, value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(inner) => {
            prune(inner);
            !inner.is_empty()
        }
        _ => true,
    });
}

const fn format_of(format: Format) -> &'static str {
    match format {
        Format::Plain => "plain",
        Format::Pino => "pino",
        Format::Stdout => "stdout",
        Format::Broken => "broken",
    }
}

/// What a destination needs to know of a record besides its text.
pub(super) struct About {
    /// The whole record.
    pub(super) fields: Value,
    /// Its time.
    pub(super) at: Timestamp,
}

impl About {
    /// Reads a record of ours again; `None` for what is none.
    pub(super) fn read(record: &str) -> Option<Self> {
        let fields: Value = serde_json::from_str(record).ok()?;
        let at = Timestamp::parse(fields["@timestamp"].as_str()?)?;
        Some(Self { fields, at })
    }

    /// A text by its path, such as `/log/level`; empty when it is not there.
    pub(super) fn text(&self, path: &str) -> &str {
        self.fields.pointer(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// Its level.
    pub(super) fn level(&self) -> Option<Level> {
        Level::parse(self.text("/log/level"))
    }

    /// Its time in nanoseconds since the Unix epoch, as a text; `0` before it.
    pub(super) fn nanos(&self) -> String {
        let ms = u64::try_from(self.at.as_millis()).unwrap_or(0);
        ms.saturating_mul(1_000_000).to_string()
    }
}
