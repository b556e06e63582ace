//! Panels, and how they are arranged into one document: most important first, in as many columns as
//! there is width for, and collapsed where the room is too small. What a panel says is not its business.

use crate::look::{Pen, Tone};
use crate::widgets::fit::{Row, width};
use crate::widgets::lines::Lines;
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
    pub full: Lines,
    /// What stays when there is no room.
    pub compact: Lines,
}

impl Panel {
    /// A panel over the whole width that has only one form.
    pub fn fixed(lines: impl Into<Lines>) -> Self {
        let lines = lines.into();
        Self { span: Span::Wide, compact: lines.clone(), full: lines }
    }

    /// A panel of one column that collapses to one line.
    pub fn narrow(full: impl Into<Lines>, compact: Line<'static>) -> Self {
        Self { span: Span::Narrow, full: full.into(), compact: vec![compact].into() }
    }

    /// A panel over the whole width that collapses to one line.
    pub fn wide(full: impl Into<Lines>, compact: Line<'static>) -> Self {
        Self { span: Span::Wide, full: full.into(), compact: vec![compact].into() }
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
pub fn arrange(panels: &[Panel], columns: usize, room: Room) -> Lines {
    let mut forms = vec![Form::Full; panels.len()];
    if let Room::Lines(max) = room
        && height(panels, &forms, columns) > max
    {
        forms.fill(Form::Compact);
        for n in 0..panels.len() {
            forms[n] = Form::Full;
            if height(panels, &forms, columns) > max {
                forms[n] = Form::Compact;
            }
        }
    }
    lay(panels, &forms, columns)
}

/// A part of the document: one panel over the whole width, or full narrow ones that share it.
enum Part<'a> {
    Whole(&'a Lines),
    Shared(Vec<&'a Lines>),
}

/// The parts in their order. Narrow panels that follow each other share the width while they are full; the
/// collapsed ones among them come below.
fn parts<'a>(panels: &'a [Panel], forms: &[Form]) -> Vec<Part<'a>> {
    let formed: Vec<(&Panel, Form)> = panels.iter().zip(forms.iter().copied()).collect();
    let mut parts = Vec::new();
    for group in formed.chunk_by(|(a, _), (b, _)| a.span == Span::Narrow && b.span == Span::Narrow) {
        let is_shared = |panel: &Panel, form: Form| panel.span == Span::Narrow && form == Form::Full;
        let shared: Vec<_> = group.iter().filter(|(panel, form)| is_shared(panel, *form)).map(|(panel, _)| &panel.full).collect();
        if !shared.is_empty() {
            parts.push(Part::Shared(shared));
        }
        parts.extend(group.iter().filter(|(panel, form)| !is_shared(panel, *form)).map(|(panel, form)| {
            Part::Whole(match form {
                Form::Full => &panel.full,
                Form::Compact => &panel.compact,
            })
        }));
    }
    parts
}

/// How many lines the document has in these forms.
fn height(panels: &[Panel], forms: &[Form], columns: usize) -> usize {
    let (mut lines, mut last) = (0, 0);
    for part in parts(panels, forms) {
        let part = match part {
            Part::Whole(part) => part.len(),
            Part::Shared(shared) => side_heights(&shared, columns).1,
        };
        if part > 0 {
            lines += gap(lines, part, last) + part;
            last = part;
        }
    }
    lines
}

fn lay(panels: &[Panel], forms: &[Form], columns: usize) -> Lines {
    let mut lines = Lines::new();
    let mut last = 0; // Lines of the part before.
    for part in parts(panels, forms) {
        let beside;
        let part = match part {
            Part::Whole(part) => part,
            Part::Shared(shared) => {
                beside = side_by_side(&shared, columns).into();
                &beside
            }
        };
        if !part.is_empty() {
            lines.extend(vec![Line::default(); gap(lines.len(), part.len(), last)]);
            lines.append(part);
            last = part.len();
        }
    }
    lines
}

/// An empty line sets a part apart from the one before (of `last` lines) unless both have only one line.
fn gap(above: usize, part: usize, last: usize) -> usize {
    usize::from(above > 0 && part.max(last) > 1)
}

/// Each panel goes into the side that is shortest so far: its side and its first row; and the rows in all.
fn side_heights(shared: &[&Lines], columns: usize) -> (Vec<(usize, usize)>, usize) {
    let mut heights = vec![0; column_count(columns)];
    let mut places = Vec::new();
    for lines in shared {
        let side = (0..heights.len()).min_by_key(|side| heights[*side]).unwrap_or(0);
        let top = heights[side] + gap(heights[side], lines.len(), 1);
        heights[side] = top + lines.len();
        places.push((side, top));
    }
    (places, heights.into_iter().max().unwrap_or(0))
}

fn side_by_side(shared: &[&Lines], columns: usize) -> Vec<Line<'static>> {
    let (places, height) = side_heights(shared, columns);
    let mut sides = vec![vec![Line::default(); height]; column_count(columns)];
    for (lines, (side, top)) in shared.iter().zip(places) {
        for (row, line) in sides[side].iter_mut().skip(top).zip(lines.all()) {
            *row = line.clone();
        }
    }
    let mut rows = vec![Line::default(); height];
    for (n, side) in sides.into_iter().enumerate() {
        let start = n * (Widths::of(columns).column + GUTTER);
        for (row, line) in rows.iter_mut().zip(side).filter(|(_, line)| !line.spans.is_empty()) {
            let used: usize = row.spans.iter().map(|span| width(&span.content)).sum();
            row.push_span(" ".repeat(start.saturating_sub(used)));
            row.spans.extend(line.spans);
        }
    }
    rows
}
