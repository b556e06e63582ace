//! Failures that a run in CI expects: a list of checks with reasons. What is on it does not fail the run; an entry
//! that nothing fails for does, so that the list stays as short as it can be. It reads no file.

use std::sync::Arc;

use vitals_model::quiet::Pattern;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::Snapshot;
use vitals_model::text::Text;

/// Most entries of one list; a longer one is refused.
pub const ENTRIES_MAX: usize = 1000;

/// One entry: checks that are expected to fail, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expectation {
    /// Its line, from 1.
    pub line: usize,
    /// The checks.
    pub checks: Pattern,
    /// Why they fail.
    pub reason: Text,
}

/// Why a list cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ListError {
    /// An entry without a reason.
    #[error("line {line}: `{entry}` has no reason: write it after a #, as in `{entry}  # no token here`")]
    NoReason {
        /// Its line.
        line: usize,
        /// What stands there.
        entry: Text,
    },
    /// Two checks on a line, or a name with a space, which no check has.
    #[error("line {line}: `{entry}` is more than one check: write one on each line")]
    TooMuch {
        /// Its line.
        line: usize,
        /// What stands there.
        entry: Text,
    },
    /// More than [`ENTRIES_MAX`] entries.
    #[error("more than {ENTRIES_MAX} entries")]
    TooLong,
}

/// An entry that nothing fails for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stale {
    /// The entry.
    pub entry: Expectation,
    /// What became of its checks, as a sentence without a full stop.
    pub why: &'static str,
}

/// Reads a list: on each line the id of a check or a pattern in which `*` stands for anything, then `#` and the
/// reason. Empty lines and lines that begin with `#` say nothing.
///
/// # Errors
/// The first line that cannot be used.
pub fn read(list: &str) -> Result<Vec<Expectation>, ListError> {
    let mut entries = Vec::new();
    for (line, text) in list.lines().enumerate().map(|(n, text)| (n + 1, text.trim())) {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        // An id may hold a `#`; a reason begins with one that stands alone.
        let (checks, reason) = text.split_once(" #").or_else(|| text.split_once("\t#")).unwrap_or((text, ""));
        let (checks, reason) = (checks.trim(), reason.trim());
        let entry = || Text::new(checks);
        if reason.is_empty() {
            return Err(ListError::NoReason { line, entry: entry() });
        }
        if checks.contains(char::is_whitespace) {
            return Err(ListError::TooMuch { line, entry: entry() });
        }
        if entries.len() == ENTRIES_MAX {
            return Err(ListError::TooLong);
        }
        entries.push(Expectation { line, checks: Pattern::new(checks), reason: Text::new(reason) });
    }
    Ok(entries)
}

/// Takes what is expected out of the judgement of a snapshot: its readings are [`Standing::Expected`] and name the
/// reason, and health and score are those without them. Returns the entries that nothing fails for. A check that
/// could not be measured says neither.
pub fn apply(snapshot: &mut Snapshot, entries: &[Expectation]) -> Vec<Stale> {
    let mut seen = vec![Seen::Nothing; entries.len()];
    for target in &mut snapshot.targets {
        let target = Arc::make_mut(target);
        for reading in &mut target.readings {
            let mut reason = None;
            for (entry, seen) in entries.iter().zip(&mut seen) {
                if entry.checks.matches(reading.id.as_str()) {
                    *seen = (*seen).max(Seen::of(reading));
                    reason.get_or_insert(&entry.reason);
                }
            }
            if let Some(reason) = reason.filter(|_| is_failure(reading)) {
                reading.standing = Standing::Expected;
                reading.summary = format!("{} (expected: {reason})", reading.summary);
            }
        }
        target.health = crate::monitor::health(&target.readings);
        target.score = crate::score::score(&target.readings);
    }
    let stale = |(entry, seen): (&Expectation, Seen)| {
        let why = match seen {
            Seen::Nothing => "there is no such check",
            Seen::Passes => "it passes",
            Seen::Fails => return None,
        };
        Some(Stale { entry: entry.clone(), why })
    };
    entries.iter().zip(seen).filter_map(stale).collect()
}

/// What became of the checks of an entry; the greatest counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Nothing,
    Passes,
    /// One fails, as the configuration may expect too, or could not be measured.
    Fails,
}

impl Seen {
    fn of(reading: &Reading) -> Self {
        match reading.standing {
            Standing::Judged if reading.health == Health::Healthy => Self::Passes,
            Standing::Judged | Standing::Expected => Self::Fails,
            Standing::Advice | Standing::Fact => Self::Passes,
        }
    }
}

fn is_failure(reading: &Reading) -> bool {
    reading.standing == Standing::Judged && matches!(reading.health, Health::Degraded | Health::Failing)
}

#[cfg(test)]
mod tests;
