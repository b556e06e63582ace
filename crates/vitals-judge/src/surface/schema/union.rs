//! `anyOf`, `oneOf` and `allOf`, as far as they can be decided: by which branches came and went.

use serde_json::{Map, Value};
use vitals_model::canonical::canonical;
use vitals_model::drift::Meaning;

use super::{Turn, Walk, keywords, show};

/// A branch and its canonical text without words.
type Branch<'a> = (&'a Value, String);

impl<'a> Walk<'a> {
    /// Compares what the two schemas leave a choice of; `true` when with that everything was compared: one of
    /// them was a plain schema, and is one of the branches of the other.
    pub(super) fn unions(&mut self, a: &'a Map<String, Value>, b: &'a Map<String, Value>, path: &str) -> bool {
        for name in ["anyOf", "oneOf"] {
            match (a.get(name), b.get(name)) {
                (None, None) => {}
                (Some(old), Some(new)) => self.choice(name, old, new, path),
                (None, Some(new)) => return self.became(a, b, new, Turn::Wider, path),
                (Some(old), None) => return self.became(b, a, old, Turn::Narrower, path),
            }
        }
        false
    }

    /// A plain schema became a choice, or a choice a plain schema.
    fn became(
        &mut self,
        plain: &'a Map<String, Value>,
        chooser: &'a Map<String, Value>,
        choice: &'a Value,
        turn: Turn,
        path: &str,
    ) -> bool {
        let own = text_of(plain);
        let is_alone =
            chooser.keys().all(|name| keywords::is_words(name) || matches!(name.as_str(), "anyOf" | "oneOf" | "default"));
        let others: Vec<_> =
            branches(choice).into_iter().filter(|(_, text)| *text != own).map(|(branch, _)| show(branch)).collect();
        if is_alone && others.len() + 1 == branches(choice).len() {
            let others = others.join(", ");
            let what = if turn == Turn::Wider { format!("may also be {others}") } else { format!("may no longer be {others}") };
            self.turn(path, turn, what);
        } else if is_alone && own == "{}" {
            let turn = if turn == Turn::Wider { Turn::Narrower } else { Turn::Wider };
            self.turn(path, turn, "anything against a choice of schemas");
        } else {
            self.turn(path, Turn::Unclear, "a choice of schemas came or went: whether they allow the same is not decided");
        }
        true
    }

    /// Two choices.
    fn choice(&mut self, name: &str, old: &'a Value, new: &'a Value, path: &str) {
        let (old, new) = (branches(old), branches(new));
        let gone: Vec<_> = old.iter().filter(|(_, text)| new.iter().all(|(_, other)| other != text)).collect();
        let came: Vec<_> = new.iter().filter(|(_, text)| old.iter().all(|(_, other)| other != text)).collect();
        for ((a, _), (b, _)) in old.iter().filter_map(|branch| Some((branch, new.iter().find(|(_, text)| *text == branch.1)?))) {
            // The same but for words, or with references whose targets may have changed.
            self.in_branch(a, b, path);
        }
        let names = |branches: &[&Branch<'_>]| branches.iter().map(|(branch, _)| show(branch)).collect::<Vec<_>>().join(", ");
        match (gone.as_slice(), came.as_slice()) {
            ([], []) => {}
            ([(a, _)], [(b, _)]) => self.in_branch(a, b, path),
            ([], came) if name == "anyOf" => self.turn(path, Turn::Wider, format!("may also be {}", names(came))),
            (gone, []) if name == "anyOf" => self.turn(path, Turn::Narrower, format!("may no longer be {}", names(gone))),
            (gone, came) => {
                let change = format!("{name}: {} → {}", names(gone), names(came));
                self.turn(path, Turn::Unclear, format!("{change}: whether the branches overlap is not decided"));
            }
        }
    }

    /// A branch that changed: what it lost, another branch may still allow.
    fn in_branch(&mut self, a: &'a Value, b: &'a Value, path: &str) {
        let from = self.found.len();
        self.pair(a, b, path);
        for (_, meaning, what) in self.found.iter_mut().skip(from).filter(|(_, meaning, _)| *meaning == Meaning::Breaking) {
            *meaning = Meaning::MaybeBreaking;
            what.push_str(" in one branch: another may still allow it");
        }
    }

    /// `allOf`: each branch takes values away.
    pub(super) fn all_of(&mut self, old: Option<&'a Value>, new: Option<&'a Value>, path: &str) {
        let (old, new) = (old.map(branches).unwrap_or_default(), new.map(branches).unwrap_or_default());
        let gone: Vec<_> = old.iter().filter(|(_, text)| new.iter().all(|(_, other)| other != text)).collect();
        let came: Vec<_> = new.iter().filter(|(_, text)| old.iter().all(|(_, other)| other != text)).collect();
        for ((a, _), (b, _)) in old.iter().filter_map(|branch| Some((branch, new.iter().find(|(_, text)| *text == branch.1)?))) {
            self.pair(a, b, path);
        }
        match (gone.as_slice(), came.as_slice()) {
            ([], []) => {}
            ([(a, _)], [(b, _)]) => self.pair(a, b, path),
            ([], [..]) => self.turn(path, Turn::Narrower, "allOf has one more condition"),
            ([..], []) => self.turn(path, Turn::Wider, "allOf has one condition less"),
            _ => self.turn(path, Turn::Unclear, "allOf has other conditions: what they come to is not decided"),
        }
    }
}

fn branches(choice: &Value) -> Vec<Branch<'_>> {
    let text = |branch: &Value| branch.as_object().map_or_else(|| canonical(branch), text_of);
    choice.as_array().into_iter().flatten().map(|branch| (branch, text(branch))).collect()
}

/// The canonical text of a schema without its words, so that a reworded branch is known again.
fn text_of(schema: &Map<String, Value>) -> String {
    let kept = schema.iter().filter(|(name, _)| !keywords::is_words(name) && *name != "default");
    canonical(&Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect()))
}
