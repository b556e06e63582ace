//! Keyword by keyword: types, listed values, bounds, items, and what is only words.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use vitals_model::canonical::canonical;
use vitals_model::drift::Meaning;

use super::{Side, Turn, Walk, arrow, safe_name, texts};

/// Keywords that constrain nothing (JSON Schema 2020-12: core and meta-data), and containers of definitions,
/// which count where something refers to them.
const WORDS: [&str; 13] = [
    "title",
    "description",
    "$comment",
    "examples",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$schema",
    "$id",
    "$anchor",
    "$defs",
    "definitions",
];

/// Bounds that take values away as they grow.
const LOWER: [&str; 5] = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];

/// Bounds that take values away as they shrink.
const UPPER: [&str; 5] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];

/// Keywords that take values away when they are there; what another value of them does is not decided.
const PRESENT: [&str; 4] = ["pattern", "multipleOf", "format", "contentEncoding"];

/// Handled by functions of their own.
const OWN: [&str; 10] =
    ["type", "enum", "const", "properties", "required", "additionalProperties", "items", "anyOf", "oneOf", "allOf"];

/// Every type (JSON Schema, 6.1.1); `integer` is a part of `number`.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Whether a keyword only has words for readers. Names that begin with `x-` are extensions that validators
/// ignore.
pub(super) fn is_words(name: &str) -> bool {
    WORDS.contains(&name) || name.starts_with("x-")
}

impl<'a> Walk<'a> {
    /// `type`.
    pub(super) fn types(&mut self, a: &Map<String, Value>, b: &Map<String, Value>, path: &str) {
        let (old, new) = (a.get("type"), b.get("type"));
        if old == new {
            return;
        }
        let [was, is] = [old, new].map(types_of);
        let turn = match (is.is_superset(&was), was.is_superset(&is)) {
            (true, true) => return,
            (true, false) => Turn::Wider,
            (false, true) => Turn::Narrower,
            (false, false) => Turn::Both,
        };
        self.turn(path, turn, format!("type {} → {}", show_types(old), show_types(new)));
    }

    /// `enum` and `const`: a list of one.
    pub(super) fn values(&mut self, a: &Map<String, Value>, b: &Map<String, Value>, path: &str) {
        let [old, new] = [a, b].map(listed);
        match (old, new) {
            (None, None) => {}
            (None, Some(new)) => self.turn(path, Turn::Narrower, format!("any value → one of {}", show_list(&new))),
            (Some(old), None) => self.turn(path, Turn::Wider, format!("one of {} → any value", show_list(&old))),
            (Some(old), Some(new)) => {
                let gone: BTreeSet<_> = old.difference(&new).cloned().collect();
                let came: BTreeSet<_> = new.difference(&old).cloned().collect();
                if !gone.is_empty() {
                    self.turn(path, Turn::Narrower, format!("value {} is gone", show_list(&gone)));
                }
                if !came.is_empty() {
                    self.turn(path, Turn::Wider, format!("new value {}", show_list(&came)));
                }
            }
        }
    }

    /// All other keywords.
    pub(super) fn others(&mut self, a: &'a Map<String, Value>, b: &'a Map<String, Value>, path: &str) {
        let mut names: Vec<_> = a.keys().chain(b.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (old, new) = (a.get(name), b.get(name));
            match name {
                "additionalProperties" => self.additional(old, new, path),
                "items" => self.below(old, new, &format!("{path}[]")),
                "allOf" => self.all_of(old, new, path),
                _ if old == new || OWN.contains(&name) => {}
                "title" | "description" => {
                    self.say(path, Meaning::TextOnly, format!("{name}: {}", texts(old, new)));
                }
                "$defs" | "definitions" => {}
                "default" => self.default(old, new, path),
                "uniqueItems" => {
                    let turn = if new == Some(&Value::Bool(true)) { Turn::Narrower } else { Turn::Wider };
                    self.turn(path, turn, format!("uniqueItems {}", arrow(old, new)));
                }
                _ if is_words(name) => self.say(path, Meaning::TextOnly, format!("{}: {}", safe_name(name), arrow(old, new))),
                _ if LOWER.contains(&name) => self.bound(name, old, new, |old, new| new > old, path),
                _ if UPPER.contains(&name) => self.bound(name, old, new, |old, new| new < old, path),
                _ if PRESENT.contains(&name) => {
                    let (turn, why) = match (old, new) {
                        // A validator may check a format or not.
                        (None, _) if name == "format" => (Turn::Unclear, ": whether it is checked is up to the server"),
                        (None, _) => (Turn::Narrower, ""),
                        (_, None) => (Turn::Wider, ""),
                        _ => (Turn::Unclear, ": whether one includes the other is not decided"),
                    };
                    self.turn(path, turn, format!("{name} {}{why}", arrow(old, new)));
                }
                _ => {
                    let what = format!("{}: {}: what this keyword does is not decided", safe_name(name), arrow(old, new));
                    self.turn(path, Turn::Unclear, what);
                }
            }
        }
    }

    /// `additionalProperties`: absent is open.
    fn additional(&mut self, old: Option<&'a Value>, new: Option<&'a Value>, path: &str) {
        static OPEN: Value = Value::Bool(true);
        let (old, new) = (old.unwrap_or(&OPEN), new.unwrap_or(&OPEN));
        match (super::extent(old), super::extent(new)) {
            (a, b) if a == b && a != Some(super::Extent::Some) => {}
            // Receivers of an object rely on its properties; that more may come, breaks only strict ones.
            (Some(super::Extent::None), _) if self.side == Side::Output => {
                self.turn(path, Turn::Unclear, "additional properties closed → open: a strict reader may refuse them");
            }
            (_, Some(super::Extent::None)) => self.turn(path, Turn::Narrower, "additional properties open → closed"),
            (Some(super::Extent::None), _) => self.turn(path, Turn::Wider, "additional properties closed → open"),
            _ => self.pair(old, new, &super::join(path, "*")),
        }
    }

    /// A schema for what lies below: absent is any.
    fn below(&mut self, old: Option<&'a Value>, new: Option<&'a Value>, path: &str) {
        static ANY: Value = Value::Bool(true);
        if old.is_some() || new.is_some() {
            self.pair(old.unwrap_or(&ANY), new.unwrap_or(&ANY), path);
        }
    }

    fn default(&mut self, old: Option<&Value>, new: Option<&Value>, path: &str) {
        let what = format!("default {}", arrow(old, new));
        match (self.side, old) {
            (Side::Output, _) => self.say(path, Meaning::TextOnly, what),
            (Side::Input, None) => self.say(path, Meaning::Widening, what),
            (Side::Input, Some(_)) => {
                self.say(path, Meaning::MaybeBreaking, format!("{what}: a call without it means something else now"));
            }
        }
    }

    fn bound(&mut self, name: &str, old: Option<&Value>, new: Option<&Value>, narrows: fn(f64, f64) -> bool, path: &str) {
        let turn = match (old, new, old.and_then(Value::as_f64).zip(new.and_then(Value::as_f64))) {
            (None, Some(_), _) => Turn::Narrower,
            (Some(_), None, _) => Turn::Wider,
            (_, _, Some((old, new))) if narrows(old, new) => Turn::Narrower,
            (_, _, Some(_)) => Turn::Wider,
            _ => Turn::Unclear,
        };
        self.turn(path, turn, format!("{name} {}", arrow(old, new)));
    }
}

/// The types that a schema allows; absent is all.
fn types_of(value: Option<&Value>) -> BTreeSet<&str> {
    let mut types: BTreeSet<_> = match value {
        None => TYPES.into(),
        Some(Value::String(one)) => [one.as_str()].into(),
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        Some(_) => BTreeSet::new(),
    };
    if types.contains("number") {
        types.insert("integer");
    }
    types
}

fn show_types(value: Option<&Value>) -> String {
    match value {
        None => "any".to_owned(),
        Some(Value::String(one)) => safe_name(one),
        Some(Value::Array(many)) => safe_name(&many.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|")),
        Some(other) => safe_name(&other.to_string()),
    }
}

/// The listed values in canonical JSON; `None` where any is allowed.
fn listed(schema: &Map<String, Value>) -> Option<BTreeSet<String>> {
    let constant = schema.get("const").map(|value| [canonical(value)].into());
    constant.or_else(|| Some(schema.get("enum")?.as_array()?.iter().map(canonical).collect()))
}

fn show_list(values: &BTreeSet<String>) -> String {
    safe_name(&values.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
}
