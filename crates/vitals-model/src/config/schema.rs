//! What a configuration may hold, for editors (JSON Schema) and for people (the reference). Both are
//! made from the table of keys; neither checks anything.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::problem::Report;
use super::show::{Shown, shown};
use super::table::{
    ADDRESS, Draft, FILE, File, Key, LEVEL_KEYS, Level, MAINTENANCE, OBJECTIVE, POLICY, RECEIVER, ROUTE, SERVER, SETTINGS, Slot,
    WAYS, Worse,
};
use super::table_onward::{LOG, LOG_WAYS};
use super::value::{Bounds, Carrier, UrlKind, show_duration, show_size};
use super::{CheckPolicy, LogDestination, ServerSettings, Settings, raw, value};
use crate::check::Unit;
use crate::criterion::Weight;
use crate::limits::{CONFIG_COUNT_MAX, OBJECTIVE_GOAL_MAX};
use crate::notice::{GroupBy, Receiver, ReceiverKind, Route};
use crate::objective::Objective;
use crate::quiet::Maintenance;
use crate::remedy::RepairMode;

/// The JSON Schema (draft 2020-12) of a configuration file, indented.
pub fn schema() -> String {
    let mut file = object(&[FILE], &mut File::from(&Settings::default()));
    file["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    file["title"] = "Configuration of mcp-vitals".into();
    format!("{file:#}\n")
}

/// A mapping with exactly these keys; their defaults are what `of` holds.
fn object<T>(tables: &[&'static [Key<T>]], of: &mut T) -> Value {
    let mut properties = Map::new();
    for key in tables.iter().copied().flatten() {
        let mut property = property(&key.slot, of);
        property["description"] = key.doc.into();
        properties.insert(key.name.to_owned(), property);
    }
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn property<T>(slot: &Slot<T>, of: &mut T) -> Value {
    let named = |values: Value| json!({"type": ["object", "null"], "additionalProperties": values});
    let single = || json!({"type": ["string", "number", "boolean"]});
    let mut property = match slot {
        Slot::Flag(_) => json!({"type": "boolean"}),
        Slot::Every(..)
        | Slot::Size(..)
        | Slot::SizeOrOff(..)
        | Slot::HubRestart(_)
        | Slot::Url(..)
        | Slot::Name(_)
        | Slot::Instant(_)
        | Slot::Cron(_)
        | Slot::Check(_)
        | Slot::Listen(_) => {
            json!({"type": "string"})
        }
        Slot::EveryOrOff(..) | Slot::TimeOrOff(_) => json!({"type": ["string", "boolean"]}),
        Slot::Count(bounds, ..) => json!({"type": "integer", "minimum": bounds.min, "maximum": bounds.max}),
        Slot::Level(level, _) => threshold(*level),
        Slot::Text(_) | Slot::OptionalText(_) | Slot::Path(_) | Slot::Secret(_) | Slot::Pattern(_) => single(),
        Slot::Choice(words, ..) => json!({"enum": words}),
        Slot::Names(_) => json!({"type": ["array", "null"], "items": single()}),
        Slot::Command(_) | Slot::Words(_) => json!({"type": ["string", "array"], "items": single()}),
        Slot::Expect(_) => json!({"enum": ["up", "down"]}),
        Slot::Weight(_) => json!({"enum": Weight::ALL.map(Weight::as_str)}),
        Slot::RepairMode(_) => json!({"enum": RepairMode::ALL.map(RepairMode::as_str)}),
        Slot::Goal(_) => json!({"type": "number", "exclusiveMinimum": 0, "maximum": OBJECTIVE_GOAL_MAX}),
        Slot::Json(_) => json!({"type": ["object", "null"]}),
        Slot::Secrets(..) | Slot::Labels(_) | Slot::Patterns(_) => named(single()),
        Slot::Servers(_) => named(optional(object(&[SERVER], &mut ServerSettings::default()))),
        Slot::Checks(_) => named(optional(object(&[POLICY], &mut CheckPolicy::default()))),
        Slot::Maintenance(_) => named(optional(object(&[MAINTENANCE], &mut Maintenance::default()))),
        Slot::Objectives(_) => named(objective()),
        Slot::Logs(_) => named(log_destination()),
        Slot::GroupBy(_) => json!({"type": ["string", "array"], "items": {"enum": GroupBy::ALL.map(GroupBy::as_str)}}),
        Slot::Receivers(_) => named(receiver()),
        Slot::Routes(_) => json!({"type": ["array", "null"], "items": route()}),
        Slot::Group(keys) => optional(object(&[keys], of)),
        Slot::Defaults(at) => optional(object(&[SETTINGS], at(of))),
        Slot::Targets(_) => json!({"type": ["array", "null"], "items": target()}),
    };
    if let Some(default) = default(slot, of) {
        let node = raw::parse(0, &default, &mut Report::default());
        property["default"] = node.map_or(Value::Null, |node| value::json(&node));
    }
    property
}

fn objective() -> Value {
    let mut objective = object(&[OBJECTIVE], &mut Objective::default());
    objective["required"] = json!(["check"]);
    objective
}

fn log_destination() -> Value {
    let mut destination = object(&[LOG], &mut LogDestination::default());
    destination["oneOf"] = LOG_WAYS.iter().map(|way| json!({"required": [way]})).collect();
    destination
}

fn receiver() -> Value {
    let mut receiver = object(&[RECEIVER], &mut Receiver::default());
    receiver["required"] = json!(["kind"]);
    receiver
}

fn route() -> Value {
    let mut route = object(&[ROUTE], &mut Route::default());
    route["required"] = json!(["name", "receivers"]);
    route
}

fn target() -> Value {
    let mut target = object(&[ADDRESS, SETTINGS], &mut Draft::default());
    target["required"] = json!(["name"]);
    target["oneOf"] = WAYS.iter().map(|way| json!({"required": [way]})).collect();
    target
}

/// The default of a key as it is written; `None` for what has none.
fn default<T>(slot: &Slot<T>, of: &mut T) -> Option<String> {
    match (slot, shown(slot, of)) {
        (Slot::Name(_) | Slot::Check(_), _) => None,
        (Slot::Choice(words, ..), _) if words.len() == ReceiverKind::WORDS.len() => None,
        (_, Shown::Line(text)) => Some(text),
        _ => None,
    }
}

/// A mapping that may be left empty, as when its keys are commented out.
fn optional(mut object: Value) -> Value {
    object["type"] = json!(["object", "null"]);
    object
}

fn threshold(level: Level) -> Value {
    let number = match level.unit {
        Unit::Count | Unit::Percent => json!({"type": "number", "minimum": 0, "maximum": level.max}),
        Unit::Millis | Unit::Seconds | Unit::Bytes | Unit::BytesPerHour => json!({"type": "string"}),
    };
    let keys: Map<_, _> = LEVEL_KEYS.iter().map(|key| ((*key).to_owned(), number.clone())).collect();
    json!({"type": ["object", "null"], "properties": keys, "additionalProperties": false})
}

/// The reference of all keys, as Markdown.
pub fn reference() -> String {
    let mut out = String::from(INTRODUCTION);
    let mut file = File::from(&Settings::default());
    section("The file", "", &[FILE], &mut file, &mut out);
    section("Targets", "targets[].", &[ADDRESS], &mut Draft::default(), &mut out);
    section("Settings of `defaults` and of each target", "", &[SETTINGS], &mut file.defaults, &mut out);
    section("Servers", "servers.NAME.", &[SERVER], &mut ServerSettings::default(), &mut out);
    section("Checks", "checks.PATTERN.", &[POLICY], &mut CheckPolicy::default(), &mut out);
    section("Maintenance", "maintenance.NAME.", &[MAINTENANCE], &mut Maintenance::default(), &mut out);
    section("Logs", "logs.NAME.", &[LOG], &mut LogDestination::default(), &mut out);
    section("Receivers", "receivers.NAME.", &[RECEIVER], &mut Receiver::default(), &mut out);
    section("Routes", "routes[].", &[ROUTE], &mut Route::default(), &mut out);
    section("Objectives", "objectives.NAME.", &[OBJECTIVE], &mut Objective::default(), &mut out);
    out
}

const INTRODUCTION: &str = "\
# Configuration reference

<!-- Generated from the table of keys in vitals-model; a test keeps it current (UPDATE=1 rewrites it). -->

The file is YAML 1.2. Every key is optional; an unknown one is refused. Several files, or the `*.yaml`
of a folder in the order of their names, are read as one: mappings are merged, targets are appended,
and any other key may be set in one file only.

- A **duration** has units: `10s`, `1m 30s`, `14d` (a day has 24 hours).
- A **size** has a unit: `50MB`, `1GiB`.
- A **secret** is `env:NAME` (a variable), `file:PATH` (a file's content without the final line break),
  or the value itself, which gives a warning.
- A **pair** is `{warning: X, critical: Y}`; what is left out keeps its default.
";

fn section<T>(title: &str, path: &str, tables: &[&'static [Key<T>]], of: &mut T, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\n## {title}\n\n| key | type | default | meaning |\n|---|---|---|---|\n");
    for table in tables {
        rows(path, table, of, out);
    }
}

fn rows<T>(path: &str, keys: &'static [Key<T>], of: &mut T, out: &mut String) {
    for Key { name, doc, slot } in keys {
        let default = default(slot, of).map_or_else(String::new, |text| format!("`{text}`"));
        let _ = writeln!(out, "| `{path}{name}` | {} | {default} | {doc} |", kind(slot));
        if let Slot::Group(inner) = slot {
            rows(&format!("{path}{name}."), inner, of, out);
        }
    }
}

/// What a key may hold, in words.
fn kind<T>(slot: &Slot<T>) -> String {
    match slot {
        Slot::Flag(_) => "`true` or `false`".to_owned(),
        Slot::Every(Bounds { min, max }, _) => format!("duration, {} to {}", show_duration(*min), show_duration(*max)),
        Slot::EveryOrOff(Bounds { min, max }, _) => {
            format!("duration, {} to {}, or `off`", show_duration(*min), show_duration(*max))
        }
        Slot::Count(Bounds { min, max }, ..) if min == max => format!("`{min}`"),
        Slot::Count(Bounds { min, max }, ..) if *max < CONFIG_COUNT_MAX => format!("whole number, {min} to {max}"),
        Slot::Count(Bounds { min, .. }, ..) => format!("whole number from {min}"),
        Slot::Size(Bounds { min, .. }, _) => format!("size from {}", show_size(*min)),
        Slot::SizeOrOff(Bounds { min, .. }, _) => format!("size from {}, or `off`", show_size(*min)),
        Slot::Level(level, _) => {
            let unit = match level.unit {
                Unit::Percent => "percent",
                Unit::Count => "numbers",
                Unit::Millis | Unit::Seconds => "durations",
                Unit::Bytes | Unit::BytesPerHour => "sizes",
            };
            let order = if level.worse == Worse::Below { ", falling" } else { "" };
            format!("pair of {unit}{order}")
        }
        Slot::Text(_) | Slot::OptionalText(_) => "text".to_owned(),
        Slot::Name(_) => "1 to 64 of A-Z a-z 0-9 . _ -".to_owned(),
        Slot::Path(_) => "path".to_owned(),
        Slot::Url(UrlKind::Base, _) => "http or https URL without a query".to_owned(),
        Slot::Url(UrlKind::Endpoint, _) => "http or https URL".to_owned(),
        Slot::Command(_) => "list of words, or one text split as a shell would".to_owned(),
        Slot::Expect(_) => "`up` or `down`".to_owned(),
        Slot::Weight(_) => Weight::ALL.map(|weight| format!("`{}`", weight.as_str())).join(", "),
        Slot::RepairMode(_) => RepairMode::ALL.map(|mode| format!("`{}`", mode.as_str())).join(", "),
        Slot::HubRestart(_) => "`api`, `systemd [--user] UNIT` or `command WORDS`, split as a shell would".to_owned(),
        Slot::Goal(_) => format!("percent above 0, at most {OBJECTIVE_GOAL_MAX}"),
        Slot::Check(_) => "id of a check".to_owned(),
        Slot::Secret(_) => "secret".to_owned(),
        Slot::Secrets(Carrier::Headers, _) => "secrets by header".to_owned(),
        Slot::Secrets(Carrier::Env, _) => "secrets by variable".to_owned(),
        Slot::Group(_) | Slot::Json(_) => "mapping".to_owned(),
        Slot::Choice(words, ..) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Slot::TimeOrOff(_) => "time of day as `HH:MM`, or `off`".to_owned(),
        Slot::Names(_) => "list of names".to_owned(),
        Slot::Logs(_) => "mapping of destinations by name".to_owned(),
        Slot::Pattern(_) => "pattern: `*` stands for anything".to_owned(),
        Slot::Instant(_) => "RFC 3339 instant".to_owned(),
        Slot::Listen(_) => "IP address and port".to_owned(),
        Slot::Cron(_) => "five fields of cron".to_owned(),
        Slot::Checks(_) => "mapping of policies by pattern".to_owned(),
        Slot::Maintenance(_) => "mapping of windows by name".to_owned(),
        Slot::Servers(_) => "mapping of servers by name".to_owned(),
        Slot::Objectives(_) => "mapping of objectives by name".to_owned(),
        Slot::Words(_) | Slot::GroupBy(_) => "list of words, or one".to_owned(),
        Slot::Labels(_) => "texts by name".to_owned(),
        Slot::Patterns(_) => "patterns by name".to_owned(),
        Slot::Receivers(_) => "mapping of receivers by name".to_owned(),
        Slot::Routes(_) => "list of routes".to_owned(),
        Slot::Defaults(_) => "the settings below".to_owned(),
        Slot::Targets(_) => "list of targets: address and settings".to_owned(),
    }
}
