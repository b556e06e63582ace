//! What the change of a JSON Schema means for those who send (arguments) or receive (results) what it describes.
//!
//! A schema is a set of values. Arguments: a set that shrinks breaks senders. Results: a set that grows breaks
//! receivers. Properties are told apart from that: an argument that is not known any more breaks its senders
//! although an open object still takes it. What cannot be decided is [`Meaning::MaybeBreaking`] with its reason.

mod keywords;
mod union;

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use vitals_model::drift::Meaning;

use super::drift::{arrow, safe_name, texts};

/// Whose values a schema describes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    /// Arguments: callers send them.
    Input,
    /// Results: callers receive them.
    Output,
}

/// How a set of values changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    /// It loses values.
    Narrower,
    /// It gains values.
    Wider,
    /// It does both.
    Both,
    /// Which of them, is not known.
    Unclear,
}

/// Most pairs of schemas that are compared in one field; beyond it the rest is called undecided. The tools of
/// npm's servers have a dozen or two.
const PAIRS_MAX: usize = 2_000;

/// Deepest nesting that is compared, references included.
const DEPTH_MAX: usize = 48;

/// Most differences that are told of one field; of more, the worst are kept.
const FOUND_MAX: usize = 64;

/// Path, meaning and words of every difference.
type Found = Vec<(String, Meaning, String)>;

/// Every difference between two schemas; at least one, as they are not the same.
pub(super) fn compare(before: &Value, now: &Value, side: Side) -> Found {
    let mut walk = Walk { roots: [before, now], side, found: Vec::new(), pairs: 0, open: BTreeSet::new(), depth: 0 };
    walk.pair(before, now, "");
    if walk.found.is_empty() {
        walk.leftover(before, now);
    }
    walk.found
}

/// One comparison under way.
struct Walk<'a> {
    roots: [&'a Value; 2],
    side: Side,
    found: Found,
    pairs: usize,
    /// Pairs of references whose targets are being compared: a schema may hold itself.
    open: BTreeSet<(String, String)>,
    depth: usize,
}

impl<'a> Walk<'a> {
    fn say(&mut self, path: &str, meaning: Meaning, what: impl Into<String>) {
        if self.found.len() < FOUND_MAX {
            self.found.push((path.to_owned(), meaning, what.into()));
        } else if let Some(mildest) = self.found.iter_mut().min_by_key(|found| found.1).filter(|found| found.1 < meaning) {
            *mildest = (path.to_owned(), meaning, what.into());
        }
    }

    /// Says a change of the set of values, with what that means on this side.
    fn turn(&mut self, path: &str, turn: Turn, what: impl Into<String>) {
        let meaning = match (turn, self.side) {
            (Turn::Narrower, Side::Input) | (Turn::Wider, Side::Output) | (Turn::Both, _) => Meaning::Breaking,
            (Turn::Wider, Side::Input) | (Turn::Narrower, Side::Output) => Meaning::Widening,
            (Turn::Unclear, _) => Meaning::MaybeBreaking,
        };
        self.say(path, meaning, what);
    }

    /// Compares two schemas that stand at the same place.
    fn pair(&mut self, before: &'a Value, now: &'a Value, path: &str) {
        if before == now && !holds_ref(before) {
            return;
        }
        self.pairs += 1;
        if self.pairs > PAIRS_MAX || self.depth >= DEPTH_MAX {
            return self.say(path, Meaning::MaybeBreaking, "too large or too deep to compare");
        }
        let refs = [before, now].map(|schema| reference(schema).unwrap_or_default().to_owned());
        let key = (refs[0].clone(), refs[1].clone());
        let is_ref = !(refs[0].is_empty() && refs[1].is_empty());
        if is_ref && !self.open.insert(key.clone()) {
            return;
        }
        self.depth += 1;
        match (resolve(before, self.roots[0]), resolve(now, self.roots[1])) {
            (Some(a), Some(b)) => self.resolved(before, now, a, b, path),
            _ if before == now => {}
            _ => self.say(
                path,
                Meaning::MaybeBreaking,
                format!("a reference that cannot be followed: {}", arrow(before.get("$ref"), now.get("$ref"))),
            ),
        }
        self.depth -= 1;
        if is_ref {
            self.open.remove(&key);
        }
    }

    /// The targets of references, and what stands beside the references.
    fn resolved(&mut self, before: &'a Value, now: &'a Value, a: &'a Value, b: &'a Value, path: &str) {
        self.bare(a, b, path);
        let is_ref = [before, now].map(|schema| reference(schema).is_some());
        match is_ref {
            [false, false] => {}
            [true, true] => self.beside(before, now, path),
            // What stood beside a reference is compared with what stands in its place: only words can be.
            [true, false] | [false, true] => {
                let with_ref = if is_ref[0] { before } else { now };
                if constraints(with_ref).next().is_some() {
                    self.say(path, Meaning::MaybeBreaking, "a reference with constraints beside it came or went");
                }
            }
        }
    }

    /// Keywords beside two references.
    fn beside(&mut self, before: &'a Value, now: &'a Value, path: &str) {
        let none = Map::new();
        let [a, b] = [before, now].map(|s| s.as_object().cloned().unwrap_or_else(|| none.clone()));
        let mut names: Vec<_> = a.keys().chain(b.keys()).filter(|name| *name != "$ref").collect();
        names.sort_unstable();
        names.dedup();
        for name in names.into_iter().filter(|name| a.get(*name) != b.get(*name)) {
            let meaning = if keywords::is_words(name) { Meaning::TextOnly } else { Meaning::MaybeBreaking };
            self.say(path, meaning, format!("{} beside a reference: {}", safe_name(name), arrow(a.get(name), b.get(name))));
        }
    }

    /// Two schemas without references at their top.
    fn bare(&mut self, before: &'a Value, now: &'a Value, path: &str) {
        match (before, now) {
            (Value::Object(a), Value::Object(b)) => self.objects(a, b, path),
            _ => match (extent(before), extent(now)) {
                (Some(a), Some(b)) if a == b => {}
                (_, Some(Extent::All)) | (Some(Extent::None), _) => {
                    self.turn(path, Turn::Wider, format!("{} → {}", show(before), show(now)));
                }
                (_, Some(Extent::None)) | (Some(Extent::All), _) => {
                    self.turn(path, Turn::Narrower, format!("{} → {}", show(before), show(now)));
                }
                _ => self.say(path, Meaning::MaybeBreaking, "not a schema"),
            },
        }
    }

    fn objects(&mut self, a: &'a Map<String, Value>, b: &'a Map<String, Value>, path: &str) {
        if self.unions(a, b, path) {
            return;
        }
        self.types(a, b, path);
        self.values(a, b, path);
        self.properties(a, b, path);
        self.required(a, b, path);
        self.others(a, b, path);
    }

    /// `properties`: those that came, went, and changed.
    fn properties(&mut self, a: &'a Map<String, Value>, b: &'a Map<String, Value>, path: &str) {
        let [old, new] = [a, b].map(|schema| schema.get("properties").and_then(Value::as_object));
        let required = names_of(b.get("required"));
        let was_closed = a.get("additionalProperties") == Some(&Value::Bool(false));
        for (name, before) in old.into_iter().flatten() {
            match new.and_then(|new| new.get(name)) {
                Some(now) => self.pair(before, now, &join(path, name)),
                None => self.say(&join(path, name), Meaning::Breaking, format!("property `{}` is gone", safe_name(name))),
            }
        }
        for (name, _) in new.into_iter().flatten().filter(|(name, _)| old.is_none_or(|old| !old.contains_key(*name))) {
            let shown = safe_name(name);
            match self.side {
                Side::Input if required.contains(name.as_str()) => {
                    self.say(&join(path, name), Meaning::Breaking, format!("new required property `{shown}`"));
                }
                Side::Input => self.say(&join(path, name), Meaning::Widening, format!("new optional property `{shown}`")),
                // A strict reader of a closed object refuses what it does not know.
                Side::Output if was_closed => {
                    self.say(
                        &join(path, name),
                        Meaning::MaybeBreaking,
                        format!("new property `{shown}` in what was closed: a strict reader may refuse it"),
                    );
                }
                Side::Output => self.say(&join(path, name), Meaning::Widening, format!("new property `{shown}`")),
            }
        }
    }

    /// `required`, of properties that were there before: new ones are told with the property.
    fn required(&mut self, a: &Map<String, Value>, b: &Map<String, Value>, path: &str) {
        let [old, new] = [a, b].map(|schema| names_of(schema.get("required")));
        let side = self.side;
        let has = |schema: &Map<String, Value>, name: &str| schema.get("properties").is_some_and(|all| all.get(name).is_some());
        for name in new.difference(&old).filter(|name| has(a, name) || !has(b, name) || side == Side::Output) {
            self.turn(&join(path, name), Turn::Narrower, format!("optional → required (`{}`)", safe_name(name)));
        }
        for name in old.difference(&new).filter(|name| has(b, name) || !has(a, name)) {
            self.turn(&join(path, name), Turn::Wider, format!("required → optional (`{}`)", safe_name(name)));
        }
    }

    /// They differ and nothing was found: in definitions that nothing refers to, or in what is not understood.
    fn leftover(&mut self, before: &Value, now: &Value) {
        let without = |schema: &Value| {
            let mut schema = schema.clone();
            if let Some(map) = schema.as_object_mut() {
                map.retain(|name, _| !matches!(name.as_str(), "$defs" | "definitions"));
            }
            schema
        };
        if without(before) == without(now) {
            self.say("", Meaning::TextOnly, "definitions that nothing in use refers to");
        } else {
            self.say("", Meaning::MaybeBreaking, "written differently in a way that this version does not understand");
        }
    }
}

/// All values, none, or some.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Extent {
    All,
    None,
    Some,
}

/// `None` for what is no schema.
fn extent(schema: &Value) -> Option<Extent> {
    match schema {
        Value::Bool(true) => Some(Extent::All),
        Value::Bool(false) => Some(Extent::None),
        Value::Object(_) if constraints(schema).next().is_none() => Some(Extent::All),
        Value::Object(_) => Some(Extent::Some),
        _ => None,
    }
}

/// A schema in a few words.
fn show(schema: &Value) -> String {
    match extent(schema) {
        Some(Extent::All) => "anything".to_owned(),
        Some(Extent::None) => "nothing".to_owned(),
        _ => {
            schema.get("type").map_or_else(|| "a schema".to_owned(), |kind| safe_name(kind.as_str().unwrap_or(&kind.to_string())))
        }
    }
}

/// The keywords of a schema that constrain values.
fn constraints(schema: &Value) -> impl Iterator<Item = &String> {
    schema.as_object().into_iter().flat_map(Map::keys).filter(|name| *name != "$ref" && !keywords::is_words(name))
}

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()
}

/// Whether a reference stands anywhere below: what it points to may have changed.
fn holds_ref(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.iter().any(|(name, value)| name == "$ref" || holds_ref(value)),
        Value::Array(items) => items.iter().any(holds_ref),
        _ => false,
    }
}

/// What a schema stands for: itself, or the end of its chain of references within the document.
fn resolve<'a>(schema: &'a Value, root: &'a Value) -> Option<&'a Value> {
    let mut at = schema;
    for _ in 0..DEPTH_MAX {
        let Some(target) = reference(at) else { return Some(at) };
        at = root.pointer(target.strip_prefix('#')?)?;
    }
    None
}

fn names_of(required: Option<&Value>) -> BTreeSet<&str> {
    required.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn join(path: &str, name: &str) -> String {
    let name = safe_name(name);
    if path.is_empty() { name } else { format!("{path}.{name}") }
}
