//! Two versions of a server's tools, tool by tool and field by field, each difference with its meaning.

use serde_json::{Map, Value};
use vitals_model::drift::{Change, Fate, Meaning, ToolDrift};
use vitals_model::text::Text;
use vitals_model::tool::{Definition, Field, ToolSet};

use super::schema::{self, Side};

/// Characters shown of a text on each side of an arrow.
const SHOWN_CHARS_MAX: usize = 48;

/// Characters shown of two texts before they part.
const LEAD_CHARS: usize = 12;

/// The hints of `annotations` with the value that lets a client be less careful (MCP, `ToolAnnotations`).
const HINTS: [(&str, bool); 4] =
    [("readOnlyHint", true), ("destructiveHint", false), ("idempotentHint", true), ("openWorldHint", false)];

/// How the tools of `now` differ from those of `before`, in order of name; nothing where they are the same.
pub fn compare(before: &ToolSet, now: &ToolSet) -> Vec<ToolDrift> {
    let change = now.change_since(before);
    let whole = |tool: &Text, fate, meaning, what: &str| {
        let change = Change { field: None, path: String::new(), meaning, what: what.to_owned() };
        ToolDrift { tool: tool.clone(), fate, changes: vec![change] }
    };
    let mut drifts: Vec<_> = change.added.iter().map(|tool| whole(tool, Fate::Added, Meaning::Widening, "a new tool")).collect();
    drifts.extend(change.removed.iter().map(|tool| whole(tool, Fate::Removed, Meaning::Breaking, "the tool is gone")));
    for tool in &change.changed {
        let values =
            before.get(tool.as_str()).and_then(Definition::value).zip(now.get(tool.as_str()).and_then(Definition::value));
        drifts.push(match values {
            Some((before, now)) => ToolDrift { tool: tool.clone(), fate: Fate::Redefined, changes: changes(&before, &now) },
            None => whole(tool, Fate::Redefined, Meaning::MaybeBreaking, "only a digest of the earlier definition was kept"),
        });
    }
    drifts.sort_by(|a, b| a.tool.cmp(&b.tool));
    drifts
}

/// The worst meaning of all; `None` where nothing differs.
pub fn worst(drifts: &[ToolDrift]) -> Option<Meaning> {
    drifts.iter().map(ToolDrift::meaning).max()
}

/// Every difference between two definitions of one tool, the worst first.
fn changes(before: &Value, now: &Value) -> Vec<Change> {
    let mut all = Vec::new();
    for field in Field::ALL {
        let (before, now) = (before.get(field.as_str()), now.get(field.as_str()));
        if before == now {
            continue;
        }
        let found = match field {
            Field::Title | Field::Description => vec![(String::new(), Meaning::TextOnly, texts(before, now))],
            Field::InputSchema => input(before, now),
            Field::OutputSchema => output(before, now),
            Field::Annotations => annotations(before, now),
        };
        all.extend(found.into_iter().map(|(path, meaning, what)| Change { field: Some(field), path, meaning, what }));
    }
    if all.is_empty() {
        let what = "its definition differs in a way that this version does not understand".to_owned();
        all.push(Change { field: None, path: String::new(), meaning: Meaning::MaybeBreaking, what });
    }
    all.sort_by_key(|change| std::cmp::Reverse(change.meaning));
    all
}

type Found = Vec<(String, Meaning, String)>;

/// A tool without a schema for its arguments takes any.
fn input(before: Option<&Value>, now: Option<&Value>) -> Found {
    let any = Value::Bool(true);
    schema::compare(before.unwrap_or(&any), now.unwrap_or(&any), Side::Input)
}

fn output(before: Option<&Value>, now: Option<&Value>) -> Found {
    match (before, now) {
        (Some(before), Some(now)) => schema::compare(before, now, Side::Output),
        (None, _) => vec![(String::new(), Meaning::Widening, "answers have a schema now".to_owned())],
        (_, None) => vec![(String::new(), Meaning::Breaking, "answers have no schema any more".to_owned())],
    }
}

/// A hint that grows less safe may break a client that calls safe tools without asking.
fn annotations(before: Option<&Value>, now: Option<&Value>) -> Found {
    let none = Map::new();
    let [before, now] = [before, now].map(|side| side.and_then(Value::as_object).unwrap_or(&none));
    let mut names: Vec<_> = before.keys().chain(now.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let one = |name: &String| {
        let (old, new) = (before.get(name), now.get(name));
        if old == new {
            return None;
        }
        let safe = HINTS.iter().find(|(hint, _)| hint == name).map(|(_, safe)| Some(Value::Bool(*safe)));
        let meaning = match safe {
            Some(safe) if new == safe.as_ref() => Meaning::Widening,
            Some(safe) if old == safe.as_ref() => Meaning::MaybeBreaking,
            Some(_) | None => Meaning::TextOnly,
        };
        let reason = if meaning == Meaning::MaybeBreaking { ": a client may have relied on it" } else { "" };
        Some((safe_name(name), meaning, format!("{}{reason}", arrow(old, new))))
    };
    names.into_iter().filter_map(one).collect()
}

/// `old → new` of two values, each in a few words.
pub(super) fn arrow(old: Option<&Value>, new: Option<&Value>) -> String {
    let show = |value: Option<&Value>| {
        value.map_or_else(|| "absent".to_owned(), |v| Text::cut(&v.to_string(), SHOWN_CHARS_MAX).to_string())
    };
    format!("{} → {}", show(old), show(new))
}

/// Two texts from where they part.
pub(super) fn texts(before: Option<&Value>, now: Option<&Value>) -> String {
    let (Some(before), Some(now)) = (before.and_then(Value::as_str), now.and_then(Value::as_str)) else {
        return arrow(before, now);
    };
    let same = before.chars().zip(now.chars()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(LEAD_CHARS);
    let show = |text: &str| {
        let rest: String = text.chars().skip(from).collect();
        format!("“{}{}”", if from > 0 { "…" } else { "" }, Text::cut(&rest, SHOWN_CHARS_MAX))
    };
    format!("{} → {}", show(before), show(now))
}

/// A name out of a schema, harmless and short.
pub(super) fn safe_name(name: &str) -> String {
    Text::cut(name, SHOWN_CHARS_MAX).to_string()
}

#[cfg(test)]
mod tests;
