//! What is wrong with a configuration, where, and what to do. It finds nothing itself.
//!
//! A problem shows the line it is about, so everything on that line which may be a secret is masked.

use std::fmt;
use std::ops::Range;

use super::Source;
use crate::limits::{CONFIG_PROBLEMS_MAX, CONFIG_SNIPPET_CHARS_MAX};
use crate::text::Text;

/// One thing wrong with a configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The name of the source.
    pub file: Text,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// The line itself.
    pub snippet: Snippet,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do; empty when the message says it all.
    pub hint: String,
}

/// How bad a problem is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration is used; something in it is unwise.
    Warning,
}

/// A line in three pieces, harmless to a terminal, with secrets masked; all are empty when the line
/// cannot be shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snippet {
    /// What stands before the problem.
    pub before: Text,
    /// The part that is wrong; empty at the end of a line.
    pub marked: Text,
    /// What stands behind it.
    pub after: Text,
}

impl Severity {
    /// The word for this severity.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Place and message, the line with a caret under the problem, the hint. No final line break.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, snippet, message, hint, .. } = self;
        write!(f, "{file}:{line}:{column}: {}: {message}", self.severity.as_str())?;
        if *snippet != Snippet::default() {
            let Snippet { before, marked, after } = snippet;
            let gutter = line.to_string().len();
            let indent = before.as_str().chars().count();
            let carets = marked.as_str().chars().count().max(1);
            write!(f, "\n  {line} | {before}{marked}{after}")?;
            write!(f, "\n  {:gutter$} | {:indent$}{:^<carets$}", "", "", "")?;
        }
        if !hint.is_empty() {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// A stretch of one source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// Which source.
    pub source: usize,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// The bytes, from the start of the source.
    pub bytes: Range<usize>,
}

/// Why one value is refused: a predicate whose subject is the key (`must be a duration`), and a hint.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Fault {
    /// The predicate.
    pub predicate: String,
    /// What to do; may be empty.
    pub hint: String,
}

impl Fault {
    /// A fault with a hint.
    pub(super) fn new(predicate: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { predicate: predicate.into(), hint: hint.into() }
    }
}

/// Collects problems while sources are read; their snippets are cut at the end, when every secret
/// that must be masked is known.
#[derive(Default)]
pub(super) struct Report {
    drafts: Vec<(Severity, Place, String, String)>,
    /// Stretches that are never shown, with their source.
    masks: Vec<(usize, Range<usize>)>,
    dropped: usize,
}

impl Report {
    /// Adds an error.
    pub(super) fn error(&mut self, place: &Place, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Error, place, message.into(), hint.into());
    }

    /// Adds a warning.
    pub(super) fn warning(&mut self, place: &Place, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Warning, place, message.into(), hint.into());
    }

    fn add(&mut self, severity: Severity, place: &Place, message: String, hint: String) {
        if self.drafts.len() == CONFIG_PROBLEMS_MAX {
            self.dropped += 1;
            // An error that is not shown must not let the configuration pass: warnings make room.
            let warning = self.drafts.iter().position(|(severity, ..)| *severity == Severity::Warning);
            match warning {
                Some(at) if severity == Severity::Error => self.drafts.swap_remove(at),
                _ => return,
            };
        }
        self.drafts.push((severity, place.clone(), message, hint));
    }

    /// Never show these bytes.
    pub(super) fn mask(&mut self, place: &Place) {
        self.masks.push((place.source, place.bytes.clone()));
    }

    /// The problems in the order of the sources and of their lines.
    pub(super) fn finish(mut self, sources: &[Source]) -> Vec<Problem> {
        self.drafts.sort_by_key(|(_, place, _, _)| (place.source, place.bytes.start));
        let masks = self.masks;
        let problem = |(severity, place, message, hint): (Severity, Place, String, String)| {
            let source = sources.get(place.source);
            let text = source.map_or("", |s| s.text.as_str());
            let masks: Vec<_> = masks.iter().filter(|(source, _)| *source == place.source).map(|(_, m)| m.clone()).collect();
            Problem {
                severity,
                file: Text::new(source.map_or("", |s| s.name.as_str())),
                line: place.line,
                column: place.column,
                snippet: snippet(text, &place.bytes, &masks),
                message,
                hint,
            }
        };
        let mut problems: Vec<_> = self.drafts.into_iter().map(problem).collect();
        if let (Some(last), 1..) = (problems.last_mut(), self.dropped) {
            last.hint = format!(
                "{}{}{} more problems are not shown",
                last.hint,
                if last.hint.is_empty() { "" } else { "; " },
                self.dropped
            );
        }
        problems
    }
}

/// Cuts the line around `marked` out of `text`.
fn snippet(text: &str, marked: &Range<usize>, masks: &[Range<usize>]) -> Snippet {
    let is_break = |c| matches!(c, '\n' | '\r');
    let (Some(head), Some(tail)) = (text.get(..marked.start), text.get(marked.start..)) else {
        return Snippet::default();
    };
    let from = head.rfind(is_break).map_or(0, |at| at + 1);
    let upto = tail.find(is_break).map_or(text.len(), |at| marked.start + at);
    let end = marked.end.clamp(marked.start, upto);
    let near = head[from..].char_indices().rev().nth(CONFIG_SNIPPET_CHARS_MAX - 1).map_or(from, |(at, _)| from + at);
    let lead = if near > from { "…" } else { "" };
    let piece = |range: Range<usize>| Text::cut(&masked(text, range, masks), CONFIG_SNIPPET_CHARS_MAX);
    let before = masked(text, near..marked.start, masks);
    Snippet {
        before: Text::new(&format!("{lead}{}", before.trim_start_matches('\u{feff}'))),
        marked: piece(marked.start..end),
        after: piece(end..upto),
    }
}

/// The first characters of `range`, one more than a snippet shows, with `***` for each run of masked ones.
fn masked(text: &str, range: Range<usize>, masks: &[Range<usize>]) -> String {
    let piece = text.get(range.clone()).unwrap_or_default();
    let length = piece.char_indices().nth(CONFIG_SNIPPET_CHARS_MAX + 1).map_or(piece.len(), |(at, _)| at);
    let shown = range.start..range.start + length;
    let masks: Vec<_> = masks.iter().filter(|mask| mask.start < shown.end && shown.start < mask.end).collect();
    let mut out = String::new();
    let mut in_mask = false;
    for (at, c) in piece[..length].char_indices() {
        let hide = masks.iter().any(|mask| mask.contains(&(range.start + at)));
        match (hide, in_mask) {
            (false, _) => out.push(c),
            (true, false) => out.push_str("***"),
            (true, true) => {}
        }
        in_mask = hide;
    }
    out
}
