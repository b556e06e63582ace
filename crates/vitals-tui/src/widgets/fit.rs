//! Making text fit: widths as the terminal sees them, cutting, wrapping, rows of cells.
//!
//! Widths are ratatui's own (per grapheme), so wide characters and emoji take the columns that the
//! terminal gives them. It does not clean text: what comes from a target is clean already.

use crate::look::{Mark, Pen, Tone};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use std::borrow::Cow;

/// Columns that `text` takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { Span::raw(text).width() }
}

/// `text` in at most `columns` columns; what is left out is marked with `ellipsis`.
pub fn cut<'a>(text: &'a str, columns: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let (head, _) = split(text, columns.saturating_sub(width(ellipsis)));
    let mark = if columns == 0 { "" } else { ellipsis };
    Cow::Owned(format!("{}{mark}", head.trim_end()))
}

/// The longest start of `text` that takes at most `columns` columns, and the rest.
fn split(text: &str, columns: usize) -> (&str, &str) {
    let (mut used, mut end) = (0, 0);
    for grapheme in Span::raw(text).styled_graphemes(Style::new()) {
        used += width(grapheme.symbol);
        if used > columns {
            break;
        }
        // Graphemes are slices of `text` in order, except control characters, which are left out.
        end = grapheme.symbol.as_ptr() as usize - text.as_ptr() as usize + grapheme.symbol.len();
    }
    text.split_at(end)
}

/// `text` broken at spaces into at most `lines_max` lines of `columns`; the last one is cut.
pub fn wrap(text: &str, columns: usize, lines_max: usize, ellipsis: &str) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if width(rest) <= columns || lines.len() + 1 >= lines_max {
            lines.push(cut(rest, columns, ellipsis).into_owned());
            break;
        }
        let (head, tail) = split(rest, columns);
        // A word longer than half a line is broken rather than pushed down whole.
        let at = match head.rfind(' ') {
            _ if tail.starts_with(' ') => head.len(),
            Some(space) if space * 2 > head.len() => space,
            _ => head.len(),
        };
        if at == 0 {
            break; // Not even one character fits.
        }
        lines.push(rest[..at].trim_end().to_owned());
        rest = rest[at..].trim_start();
    }
    lines
}

/// A line under construction, cell by cell.
#[derive(Debug)]
pub struct Row {
    pen: Pen,
    spans: Vec<Span<'static>>,
    used: usize,
}

impl Row {
    /// An empty row.
    pub const fn new(pen: Pen) -> Self {
        Self { pen, spans: Vec::new(), used: 0 }
    }

    /// A row that begins with a mark and a space.
    pub fn marked(pen: Pen, (symbol, tone): Mark) -> Self {
        Self::new(pen).put(symbol, tone).put(" ", Tone::Plain)
    }

    /// Columns used so far.
    pub const fn used(&self) -> usize {
        self.used
    }

    /// Adds text as it is.
    #[must_use]
    pub fn put(mut self, text: impl Into<Cow<'static, str>>, tone: Tone) -> Self {
        let text = text.into();
        if text.is_empty() {
            return self;
        }
        self.used += width(&text);
        self.spans.push(self.pen.span(text, tone));
        self
    }

    /// Adds text cut so that the row ends at column `end` at the latest.
    #[must_use]
    pub fn until(self, text: &str, end: usize, tone: Tone) -> Self {
        let text = cut(text, end.saturating_sub(self.used), self.pen.glyphs.ellipsis).into_owned();
        self.put(text, tone)
    }

    /// Adds text cut and filled to exactly `columns`, then one space.
    #[must_use]
    pub fn cell(self, text: &str, columns: usize, tone: Tone) -> Self {
        let end = self.used + columns;
        self.until(text, end, tone).to(end + 1)
    }

    /// Adds text at the right of a cell of `columns`, then one space.
    #[must_use]
    pub fn right(self, text: &str, columns: usize, tone: Tone) -> Self {
        let end = self.used + columns;
        let text = cut(text, columns, self.pen.glyphs.ellipsis).into_owned();
        self.to(end.saturating_sub(width(&text))).put(text, tone).to(end + 1)
    }

    /// Fills with spaces up to this column.
    #[must_use]
    pub fn to(self, column: usize) -> Self {
        let missing = column.saturating_sub(self.used);
        if missing == 0 { self } else { self.put(" ".repeat(missing), Tone::Plain) }
    }

    /// The line.
    pub fn line(self) -> Line<'static> {
        Line::from(self.spans)
    }
}

/// `row`, continued with wrapped text whose further lines begin where the first one does.
pub fn hang(row: Row, text: &str, columns: usize, lines_max: usize, tone: Tone) -> Vec<Line<'static>> {
    let (pen, indent) = (row.pen, row.used);
    let mut parts = wrap(text, columns.saturating_sub(indent), lines_max, pen.glyphs.ellipsis).into_iter();
    let first = row.put(parts.next().unwrap_or_default(), tone).line();
    std::iter::once(first).chain(parts.map(|part| Row::new(pen).to(indent).put(part, tone).line())).collect()
}

/// Wrapped text from column `indent` on; no line for an empty text.
pub fn paragraph(pen: Pen, text: &str, indent: usize, columns: usize, lines_max: usize, tone: Tone) -> Vec<Line<'static>> {
    if text.is_empty() { Vec::new() } else { hang(Row::new(pen).to(indent), text, columns, lines_max, tone) }
}

/// What to do, after an arrow; nothing when there is nothing to do.
pub fn advice(pen: Pen, hint: &str, indent: usize, columns: usize) -> Vec<Line<'static>> {
    const HINT_LINES_MAX: usize = 3;
    if hint.is_empty() {
        return Vec::new();
    }
    let row = Row::new(pen).to(indent).put(pen.glyphs.arrow, Tone::Info).put(" ", Tone::Plain);
    hang(row, hint, columns, HINT_LINES_MAX, Tone::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_are_cut_by_columns() {
        assert_eq!(cut("filesystem", 10, "…"), "filesystem");
        assert_eq!(cut("filesystem", 6, "…"), "files…");
        assert_eq!(cut("文件系统服务器", 6, "…"), "文件…");
        assert_eq!(width(&cut("🚀🚀🚀🚀", 6, "…")), 5);
        assert_eq!(cut("abc", 0, "…"), "");
    }

    #[test]
    fn wrapped_lines_lose_no_word_and_stay_within_the_width() {
        let text = "process 2087 is gone since 3m 12s; call answered \"Not connected\"";
        let lines = wrap(text, 24, 9, "…");
        assert!(lines.iter().all(|l| width(l) <= 24), "{lines:?}");
        assert_eq!(lines.join(" "), text);
        assert_eq!(wrap(text, 24, 2, "…").last().map(String::as_str), Some("since 3m 12s; call answ…"));
    }

    #[test]
    fn a_word_without_spaces_is_broken() {
        let lines = wrap(&"x".repeat(50), 20, 9, "…");
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [20, 20, 10]);
        assert!(wrap("🚀", 1, 9, "…").len() <= 1);
    }
}
