//! The contract of `check --format json`: every key, and what kind of value it has.

use serde_json::Value;

/// What a value may be.
pub(crate) enum Kind {
    /// A text with something in it.
    Filled,
    /// Any text.
    Text,
    /// A whole number from 0.
    Count,
    /// A number from 0.
    Number,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A time in RFC 3339.
    Time,
    /// A list of texts.
    Texts,
    /// Any list.
    List,
    /// An object.
    Map,
    /// `null` or this.
    Maybe(&'static Kind),
}

use Kind::{Count, Filled, List, Map, Maybe, Number, Text, Texts, Time, Word};

const HEALTH: Kind = Word(&["healthy", "degraded", "failing", "unknown"]);
const GRADE: Kind = Word(&["EXCELLENT", "GOOD", "FAIR", "POOR", "UNKNOWN"]);
const VERDICT: Kind = Word(&["agrees", "ghost", "hung", "hidden", "dropped", "phantom", "drifted", "expected-down", "unknown"]);
const POINT: Kind = Word(&["hub-servers", "hub-llm", "filtering-sessions", "meta-tool-clients", "logging", "workspace"]);

const REPORT: &[(&str, Kind)] = &[("schema", Filled), ("at", Time), ("health", HEALTH), ("exit_code", Count), ("targets", List)];

const TARGET: &[(&str, Kind)] = &[
    ("id", Filled),
    ("kind", Word(&["hub", "server"])),
    ("url", Filled),
    ("health", HEALTH),
    ("score", Maybe(&Count)),
    ("grade", GRADE),
    ("deductions", List),
    ("servers", List),
    ("checks", List),
    ("incidents", List),
    ("anomalies", List),
    ("visit", Map),
];

const DEDUCTION: &[(&str, Kind)] = &[("points", Count), ("reason", Filled)];

const SERVER: &[(&str, Kind)] = &[
    ("name", Filled),
    ("claim", Maybe(&Filled)),
    ("verdict", VERDICT),
    ("health", HEALTH),
    ("reason", Filled),
    ("tools", Maybe(&Count)),
    ("call_ms", Maybe(&Number)),
    ("since", Time),
];

const CHECK: &[(&str, Kind)] = &[
    ("id", Filled),
    ("point", POINT),
    ("health", HEALTH),
    ("severity", Word(&["none", "advice", "warning", "critical"])),
    ("standing", Word(&["judged", "advice", "expected", "fact"])),
    ("summary", Filled),
    ("value", Maybe(&Number)),
    ("unit", Text),
    ("warning", Maybe(&Number)),
    ("critical", Maybe(&Number)),
    ("evidence", Texts),
    ("hint", Text),
    ("took_ms", Number),
    ("since", Time),
];

const ANOMALY: &[(&str, Kind)] = &[
    ("kind", Word(&crate::faces::KINDS)),
    ("outcome", Word(&["quiet", "warning", "critical", "not-yet"])),
    ("reason", Filled),
    ("hint", Text),
];

const VISIT: &[(&str, Kind)] = &[
    ("requests", Count),
    ("sessions", Count),
    ("log_bytes", Maybe(&Count)),
    ("latency_after_ms", Maybe(&Number)),
    ("clients_before", Maybe(&Count)),
    ("clients_after", Maybe(&Count)),
];

pub(crate) const INCIDENT: &[(&str, Kind)] = &[
    ("id", Filled),
    ("target", Filled),
    ("check", Filled),
    ("kind", Filled),
    ("health", HEALTH),
    ("state", Word(&["open", "resolved"])),
    ("summary", Filled),
    ("evidence", Texts),
    ("hint", Text),
    ("opened_at", Time),
    ("resolved_at", Maybe(&Time)),
    ("follows", Maybe(&Filled)),
    ("follows_check", Maybe(&Filled)),
    ("suppressed", List),
    ("suppressed_more", Count),
    ("acknowledged", Maybe(&Map)),
    ("notes", List),
    ("withheld", List),
];

/// Fails unless a whole report has every key with a value of its kind.
pub(crate) fn assert_report(report: &Value) {
    assert_fields(report, REPORT);
    assert_eq!(report["schema"], "mcp-vitals/check/v1");
    let worst = ["healthy", "degraded", "failing", "unknown"].iter().position(|h| report["health"] == *h);
    assert_eq!(report["exit_code"].as_u64(), worst.map(|n| n as u64), "{} and {}", report["health"], report["exit_code"]);
    for target in list(report, "targets") {
        assert_fields(target, TARGET);
        assert!(target["score"].as_u64().is_none_or(|s| s <= 100), "{}", target["score"]);
        assert_fields(&target["visit"], VISIT);
        let parts = [("deductions", DEDUCTION), ("servers", SERVER), ("checks", CHECK), ("incidents", INCIDENT)];
        for (name, fields) in parts.into_iter().chain([("anomalies", ANOMALY)]) {
            for one in list(target, name) {
                assert_fields(one, fields);
            }
        }
        for check in list(target, "checks") {
            let (id, point) = (&check["id"], &check["point"]);
            let inside = id.as_str().zip(point.as_str()).is_some_and(|(id, point)| id.starts_with(&format!("{point}/")));
            assert!(inside, "{id} is not of {point}");
        }
        assert_eq!(list(target, "anomalies").len(), crate::faces::KINDS.len(), "each kind of anomaly once");
    }
}

/// Fails unless an object has these fields; others may be there, as the contract says.
pub(crate) fn assert_fields(object: &Value, fields: &[(&str, Kind)]) {
    for (name, kind) in fields {
        let value = object.get(name).unwrap_or_else(|| panic!("no {name} in {object:#}"));
        assert!(fits(kind, value), "{name} is {value} in {object:#}");
    }
}

fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name].as_array().unwrap_or_else(|| panic!("{name} is no list"))
}

fn fits(kind: &Kind, value: &Value) -> bool {
    match kind {
        Filled => value.as_str().is_some_and(|text| !text.trim().is_empty()),
        Text => value.is_string(),
        Count => value.is_u64(),
        Number => value.as_f64().is_some_and(|n| n >= 0.0),
        Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        Time => value.as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()),
        Texts => value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
        List => value.is_array(),
        Map => value.is_object(),
        Maybe(kind) => value.is_null() || fits(kind, value),
    }
}
