//! Panels, and how they are arranged into one document: most important first, in as many columns as
//! there is width for, and collapsed where the room is too small. What a panel says is not its business.

use crate::look::{Pen, Tone};
use crate::widgets::fit::{Row, width};
use ratatui::text::Line;

/// Narrowest column of panels, in columns of the terminal.
const COLUMN_MIN: usize = 60;
/// Space between two columns of panels.
const GUTTER: usize = 2;

/// How much of the width a panel takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Span {
    /// All of it.
    Wide,
    /// One column while it is full, all of it once it is collapsed.
    Narrow,
}

/// A titled piece of the dashboard, in a long and in a short form.
#[derive(Debug)]
pub struct Panel {
    /// How wide its lines were made.
    pub span: Span,
    /// All of it, title included.
    pub full: Vec<Line<'static>>,
    /// What stays when there is no room.
    pub compact: Vec<Line<'static>>,
}

impl Panel {
    /// A panel over the whole width that has only one form.
    pub fn fixed(lines: Vec<Line<'static>>) -> Self {
        Self { span: Span::Wide, compact: lines.clone(), full: lines }
    }

    /// The heading of a panel: title, a quiet note, and a rule up to the right edge.
    pub fn title(pen: Pen, title: &'static str, note: &str, columns: usize) -> Line<'static> {
        let row = Row::new(pen).put(title, Tone::Strong).put(" ", Tone::Plain);
        let row =
            if note.is_empty() { row } else { row.put(" ", Tone::Plain).until(note, columns, Tone::Quiet).put(" ", Tone::Plain) };
        let missing = columns.saturating_sub(row.used());
        row.put(pen.glyphs.rule.repeat(missing), Tone::Quiet).line()
    }
}

/// How many lines a document may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Room {
    /// As many as it takes.
    Endless,
    /// This many, if collapsing panels can reach it.
    Lines(usize),
}

/// The widths that a panel may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Widths {
    /// Of one column of panels: for the full form of a narrow panel.
    pub column: usize,
    /// Of the document: for wide panels and every collapsed one.
    pub all: usize,
}

impl Widths {
    /// The widths in a document of this width.
    pub const fn of(columns: usize) -> Self {
        let n = column_count(columns);
        Self { column: columns.saturating_sub(GUTTER * (n - 1)) / n, all: columns }
    }
}

const fn column_count(columns: usize) -> usize {
    match columns / COLUMN_MIN {
        0 | 1 => 1,
        2 => 2,
        _ => 3,
    }
}

/// The form in which a panel is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Full,
    Compact,
}

/// Arranges panels, given in order of importance: each in full as long as there is room for it and
/// for the collapsed form of all others.
pub fn arrange(panels: &[Panel], columns: usize, room: Room) -> Vec<Line<'static>> {
    let mut forms = vec![Form::Full; panels.len()];
    let mut lines = lay(panels, &forms, columns);
    let Room::Lines(max) = room else { return lines };
    if lines.len() <= max {
        return lines;
    }
    forms.fill(Form::Compact);
    lines = lay(panels, &forms, columns);
    for n in 0..panels.len() {
        forms[n] = Form::Full;
        let longer = lay(panels, &forms, columns);
        if longer.len() <= max {
            lines = longer;
        } else {
            forms[n] = Form::Compact;
        }
    }
    lines
}

/// Narrow panels that follow each other share the width while they are full; the collapsed ones among
/// them come below.
fn lay(panels: &[Panel], forms: &[Form], columns: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut last = 0; // Lines of the part before.
    let formed: Vec<(&Panel, Form)> = panels.iter().zip(forms.iter().copied()).collect();
    for group in formed.chunk_by(|(a, _), (b, _)| a.span == Span::Narrow && b.span == Span::Narrow) {
        let narrow = |(panel, form): &&(&Panel, Form)| panel.span == Span::Narrow && *form == Form::Full;
        let full: Vec<&Panel> = group.iter().filter(narrow).map(|(panel, _)| *panel).collect();
        let rows = side_by_side(&full, columns);
        let rest = group.iter().filter(|each| !narrow(each)).map(|(panel, form)| match form {
            Form::Full => panel.full.as_slice(),
            Form::Compact => panel.compact.as_slice(),
        });
        for part in std::iter::once(rows.as_slice()).chain(rest).filter(|part| !part.is_empty()) {
            append(&mut lines, part, last);
            last = part.len();
        }
    }
    lines
}

/// Adds a part. An empty line sets it apart from the part before (of `last` lines) unless both have
/// only one line.
fn append(lines: &mut Vec<Line<'static>>, part: &[Line<'static>], last: usize) {
    if !lines.is_empty() && part.len().max(last) > 1 {
        lines.push(Line::default());
    }
    lines.extend(part.iter().cloned());
}

/// Each panel goes into the column that is shortest so far.
fn side_by_side(panels: &[&Panel], columns: usize) -> Vec<Line<'static>> {
    let mut sides: Vec<Vec<Line<'static>>> = vec![Vec::new(); column_count(columns)];
    for panel in panels {
        if let Some(shortest) = sides.iter_mut().min_by_key(|side| side.len()) {
            append(shortest, &panel.full, 1);
        }
    }
    let height = sides.iter().map(Vec::len).max().unwrap_or(0);
    let mut rows = vec![Line::default(); height];
    for (n, side) in sides.into_iter().enumerate() {
        let start = n * (Widths::of(columns).column + GUTTER);
        for (row, line) in rows.iter_mut().zip(side) {
            let used: usize = row.spans.iter().map(|span| width(&span.content)).sum();
            row.push_span(" ".repeat(start.saturating_sub(used)));
            row.spans.extend(line.spans);
        }
    }
    rows
}
