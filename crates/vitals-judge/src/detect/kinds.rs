//! New kinds of error: a code with a message that was never heard before. Messages are told apart by their
//! template, so another file name is not another kind.

use std::collections::BTreeMap;
use std::time::Duration;

use vitals_model::errors::{KnownError, KnownErrors};
use vitals_model::observation::ErrorKind;
use vitals_model::template::template;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

/// What is heard within this time is how the hub is, and not new.
const LEARN: Duration = Duration::from_secs(3600);

/// A kind is new from the second record on: an error that came once is in the log.
const RECORDS_MIN: u64 = 2;

/// Kinds remembered; of more, the one that was not heard for longest is forgotten, and counted.
const KINDS_MAX: usize = 64;

/// Longest name of a kind, in characters.
const NAME_CHARS_MAX: usize = 120;

/// What is known is kept so soon after a new kind, and so soon after any change: a kind that is heard every second
/// is not written every second. What a killed watch had not kept is heard as new once more.
const KEPT_AFTER_NEW: Duration = Duration::from_secs(60);
const KEPT_AFTER: Duration = Duration::from_secs(3600);

/// The name under which the kinds beyond a batch's bound are summed.
const OTHER: &str = "other";

/// A kind of error that is new.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct NewKind {
    /// Its code and the template of its message.
    pub(super) name: Text,
    /// When it was first heard.
    pub(super) first: Timestamp,
    /// How often since.
    pub(super) count: u64,
}

/// The kinds of error that one target writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Kinds {
    since: Option<Timestamp>,
    known: BTreeMap<Text, Known>,
    forgotten: u64,
    /// When it was last kept, and what has changed since then.
    kept: Timestamp,
    changed: Changed,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
enum Changed {
    #[default]
    Nothing,
    /// Kinds were heard again.
    Counts,
    /// Kinds are new, or it has begun to hear them.
    Kinds,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    first: Timestamp,
    last: Timestamp,
    count: u64,
}

impl Kinds {
    /// Errors are heard from now on, if they were not before.
    pub(super) fn listen(&mut self, at: Timestamp) {
        if self.since.is_none() {
            self.since = Some(at);
            self.changed = Changed::Kinds;
        }
    }

    /// Takes in errors of one kind.
    pub(super) fn take(&mut self, kind: &ErrorKind, at: Timestamp) {
        let Some(name) = name(kind) else { return };
        if let Some(known) = self.known.get_mut(&name) {
            known.first = known.first.min(at);
            known.last = known.last.max(at);
            known.count += kind.count;
            self.changed = self.changed.max(Changed::Counts);
            return;
        }
        self.changed = Changed::Kinds;
        self.insert(name, Known { first: at, last: at, count: kind.count });
    }

    /// Takes in what an earlier monitor knew. What both know was heard by both, so it is not counted twice.
    pub(super) fn know(&mut self, earlier: KnownErrors) {
        self.since = self.since.into_iter().chain([earlier.since]).min();
        self.forgotten += earlier.forgotten;
        for KnownError { name, first, last, count } in earlier.kinds {
            if let Some(known) = self.known.get_mut(&name) {
                known.first = known.first.min(first);
                known.last = known.last.max(last);
                known.count = known.count.max(count);
            } else {
                self.insert(name, Known { first, last, count });
            }
        }
    }

    /// What is known, when it is time to keep it.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<KnownErrors> {
        let after = match self.changed {
            Changed::Nothing => return None,
            Changed::Counts => KEPT_AFTER,
            Changed::Kinds => KEPT_AFTER_NEW,
        };
        let since = self.since.filter(|_| now.since(self.kept) >= after)?;
        (self.kept, self.changed) = (now, Changed::Nothing);
        let known = |(name, known): (&Text, &Known)| KnownError {
            name: name.clone(),
            first: known.first,
            last: known.last,
            count: known.count,
        };
        Some(KnownErrors { since, kinds: self.known.iter().map(known).collect(), forgotten: self.forgotten })
    }

    fn insert(&mut self, name: Text, known: Known) {
        if self.known.len() == KINDS_MAX
            && let Some(oldest) = self.known.iter().min_by_key(|(_, known)| known.last).map(|(name, _)| name.clone())
        {
            self.known.remove(&oldest);
            self.forgotten += 1;
        }
        self.known.insert(name, known);
    }

    /// Whether it has heard for long enough to know what is not new.
    pub(super) fn has_enough(&self, now: Timestamp) -> bool {
        self.since.is_some_and(|since| now.since(since) >= LEARN)
    }

    /// Kinds first heard within the window, most frequent first.
    pub(super) fn new_within(&self, window: Duration, now: Timestamp) -> Vec<NewKind> {
        let Some(known_at) = self.since.map(|since| since.plus(LEARN)) else { return Vec::new() };
        let is_new = |known: &Known| known.first >= known_at && now.since(known.first) <= window && known.count >= RECORDS_MIN;
        let new = self.known.iter().filter(|(_, known)| is_new(known));
        let mut new: Vec<_> =
            new.map(|(name, known)| NewKind { name: name.clone(), first: known.first, count: known.count }).collect();
        new.sort_by_key(|kind| std::cmp::Reverse(kind.count));
        new
    }

    /// Kinds known, and kinds forgotten because there were too many.
    pub(super) fn counts(&self) -> (usize, u64) {
        (self.known.len(), self.forgotten)
    }
}

/// The name of a kind; `None` for the sum of what was not told apart.
fn name(kind: &ErrorKind) -> Option<Text> {
    let (code, message) = (kind.code.as_str(), kind.example.as_str());
    if message.is_empty() {
        return (code != OTHER).then(|| Text::cut(code, NAME_CHARS_MAX));
    }
    let words = template(message);
    // Without a code, the template stands in its place.
    let is_code = !code.is_empty() && !code.contains(' ');
    let name = if is_code && words != code { format!("{code}: {words}") } else { words };
    Some(Text::cut(&name, NAME_CHARS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u32) -> Timestamp {
        Timestamp::from_millis(1_795_348_800_000).plus(Duration::from_secs(60) * minute)
    }

    fn error(code: &str, message: &str) -> ErrorKind {
        ErrorKind { code: Text::new(code), example: Text::new(message), count: 1, first: None }
    }

    fn names(kinds: &Kinds, now: Timestamp) -> Vec<String> {
        kinds
            .new_within(Duration::from_secs(3600), now)
            .into_iter()
            .map(|kind| format!("{} ×{}", kind.name, kind.count))
            .collect()
    }

    #[test]
    fn what_was_heard_in_the_first_hour_is_not_new() {
        let mut kinds = Kinds::default();
        kinds.listen(at(0));
        for minute in [0, 59, 70, 100] {
            kinds.take(&error("TOOL_ERROR", &format!("call {minute} failed: '/a/{minute}'")), at(minute));
        }
        assert_eq!((kinds.counts(), names(&kinds, at(101))), ((1, 0), vec![]));
        kinds.take(&error("TOOL_ERROR", "connect ECONNREFUSED 127.0.0.1:7000"), at(102));
        assert!(names(&kinds, at(102)).is_empty(), "once is in the log");
        kinds.take(&error("TOOL_ERROR", "connect ECONNREFUSED 127.0.0.1:7004"), at(103));
        assert_eq!(names(&kinds, at(103)), ["TOOL_ERROR: connect ECONNREFUSED #.#.#.#:# ×2"]);
        assert!(names(&kinds, at(163)).is_empty(), "an hour later it is known");
    }

    #[test]
    fn a_message_without_a_code_is_its_own_name_and_a_sum_is_none() {
        let mut kinds = Kinds::default();
        kinds.listen(at(0));
        for _ in 0..2 {
            kinds.take(&error("Tool # failed after # ms", "Tool 3 failed after 90 ms"), at(61));
            kinds.take(&error("other", ""), at(61));
        }
        assert_eq!(names(&kinds, at(62)), ["Tool # failed after # ms ×2"]);
    }

    #[test]
    fn what_is_known_is_kept_soon_when_it_is_new_and_else_once_an_hour() {
        let mut kinds = Kinds::default();
        assert_eq!(kinds.due(at(0)), None, "nothing was heard");
        kinds.listen(at(0));
        assert_eq!(kinds.due(at(0)), Some(KnownErrors { since: at(0), kinds: Vec::new(), forgotten: 0 }));
        kinds.take(&error("E", "it fails"), at(0));
        assert_eq!(kinds.due(at(0)), None);
        assert_eq!(kinds.due(at(1)).map(|known| known.kinds.len()), Some(1));
        kinds.take(&error("E", "it fails"), at(2));
        assert_eq!(kinds.due(at(60)), None);
        let known = KnownError { name: Text::new("E: it fails"), first: at(0), last: at(2), count: 2 };
        assert_eq!(kinds.due(at(61)), Some(KnownErrors { since: at(0), kinds: vec![known], forgotten: 0 }));
        assert_eq!(kinds.due(at(200)), None, "nothing has changed");
    }

    #[test]
    fn what_two_have_heard_is_not_counted_twice_and_too_much_is_forgotten() {
        let mut kinds = Kinds::default();
        kinds.listen(at(100));
        kinds.take(&error("E", "it fails"), at(100));
        let known = |n: u32| KnownError { name: Text::new(&format!("K{n}")), first: at(n), last: at(n), count: 1 };
        let same = KnownError { name: Text::new("E: it fails"), first: at(3), last: at(99), count: 5 };
        kinds.know(KnownErrors { since: at(1), kinds: vec![same], forgotten: 4 });
        kinds.know(KnownErrors { since: at(2), kinds: (0..64).map(known).collect(), forgotten: 0 });
        assert_eq!(kinds.counts(), (KINDS_MAX, 5));
        let kept = kinds.known[&Text::new("E: it fails")];
        assert_eq!((kept.first, kept.last, kept.count, kinds.since), (at(3), at(100), 5, Some(at(1))));
        assert!(!kinds.known.contains_key(&Text::new("K0")), "what was not heard for longest goes first");
    }

    #[test]
    fn a_hub_that_never_says_the_same_twice_fills_no_memory() {
        let mut kinds = Kinds::default();
        kinds.listen(at(0));
        for n in 0..5000_u32 {
            let word: String = n.to_string().bytes().map(|b| char::from(b - b'0' + b'a')).collect();
            kinds.take(&error("E", &format!("{word} {}", "x".repeat(500))), at(100));
        }
        assert_eq!(kinds.counts(), (KINDS_MAX, 5000 - KINDS_MAX as u64));
        assert!(
            kinds.known.keys().all(|name| name.as_str().chars().count() <= NAME_CHARS_MAX + 1),
            "and the mark of what was cut"
        );
    }
}
