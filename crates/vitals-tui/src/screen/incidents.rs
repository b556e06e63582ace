//! The incidents of all targets: those that last, worst first, then those that are over, and the silences that hold.

use crate::filter::Filter;
use crate::look::{Pen, Tone};
use crate::screen::target::over;
use crate::widgets::fit::{Row, hang, paragraph, width};
use crate::widgets::incidents::tags;
use crate::widgets::lines::{Goal, Lines};
use crate::widgets::panel::{Panel, Room, Span, arrange};
use crate::widgets::readings::one_line;
use ratatui::text::Line;
use std::cmp::Reverse;
use vitals_model::incident::Incident;
use vitals_model::quiet::Silence;
use vitals_model::reading::Health;
use vitals_model::snapshot::Snapshot;
use vitals_model::text::count;

/// From this width on the summary stands beside the incident, below it under it.
const WIDE_MIN: usize = 110;
/// Most columns of a kind, of a target's name and of what an incident is about.
const KIND_COLUMNS_MAX: usize = 14;
/// See [`KIND_COLUMNS_MAX`].
const NAME_COLUMNS_MAX: usize = 18;
/// Most columns of the words behind an incident.
const TAGS_COLUMNS_MAX: usize = 36;
/// Columns of an age.
const AGE_COLUMNS: usize = 7;

/// The whole document.
pub fn lines(snapshot: &Snapshot, filter: Filter, pen: Pen, columns: usize, room: Room) -> Lines {
    let all = snapshot.targets.iter().flat_map(|state| &state.open).chain(&snapshot.own.open);
    let mut open: Vec<&Incident> = all.filter(|incident| filter.covers(&incident.check)).collect();
    open.sort_by_key(|incident| (incident.ties.follows.is_some(), Reverse(incident.health), incident.opened_at));
    let mut recent: Vec<&Incident> =
        snapshot.targets.iter().flat_map(|state| &state.recent).filter(|incident| filter.covers(&incident.check)).collect();
    recent.sort_by_key(|incident| Reverse(incident.resolved_at));
    let panels =
        [Some(lasting(&open, pen, columns)), silences(&snapshot.own.silences, pen, columns), resolved(&recent, pen, columns)];
    arrange(&panels.into_iter().flatten().collect::<Vec<_>>(), columns, room)
}

/// Widths of the columns.
struct Columns {
    all: usize,
    kind: usize,
    target: usize,
    about: usize,
    tags: usize,
}

fn lasting(open: &[&Incident], pen: Pen, columns: usize) -> Panel {
    let title = Panel::title(pen, "INCIDENTS", &format!("{} open", open.len()), columns);
    if open.is_empty() {
        let row = Row::marked(pen, pen.mark(Health::Healthy));
        return Panel::fixed(vec![title, row.put("Nothing is wrong now.", Tone::Plain).line()]);
    }
    let longest = |of: fn(&Incident) -> &str, most: usize| open.iter().map(|i| width(of(i))).max().unwrap_or(0).clamp(6, most);
    let at = Columns {
        all: columns,
        kind: longest(|i| &i.kind, KIND_COLUMNS_MAX),
        target: longest(|i| i.target.as_str(), NAME_COLUMNS_MAX),
        about: longest(about, NAME_COLUMNS_MAX),
        tags: open.iter().map(|incident| width(&tags(incident).join(", "))).max().unwrap_or(0).min(TAGS_COLUMNS_MAX),
    };
    let (mut full, mut compact) = (Lines::from(vec![title.clone()]), Lines::from(vec![title]));
    for incident in open {
        let goal = Goal::Incident(incident.id);
        full.push_link(goal.clone(), row(incident, &at, pen, 2));
        compact.push_link(goal, row(incident, &at, pen, 1));
    }
    Panel { span: Span::Wide, full, compact }
}

/// The server or the integration point that it is about.
fn about(incident: &Incident) -> &str {
    let point = incident.check.as_str().split('/').next().unwrap_or_default();
    incident.check.server().unwrap_or(point)
}

/// `✗   I42  GHOST   hub-7001 filesystem  3m 12s  FLAPPING, ack ada  summary`
fn row(incident: &Incident, at: &Columns, pen: Pen, summary_lines: usize) -> Vec<Line<'static>> {
    let row = Row::marked(pen, pen.mark(incident.health)).right(&format!("I{}", incident.id), 4, Tone::Quiet);
    let end = row.used() + at.kind + 2;
    let row = row.until(&format!(" {} ", incident.kind.to_uppercase()), end, Tone::Badge(incident.health)).to(end + 1);
    let row = row.cell(incident.target.as_str(), at.target, Tone::Plain).cell(about(incident), at.about, Tone::Strong);
    let row = row.right(&pen.age(incident.opened_at), AGE_COLUMNS, Tone::Quiet).put(" ", Tone::Plain);
    let tags = tags(incident).join(", ");
    if at.all < WIDE_MIN {
        let mut lines = vec![row.until(&tags, at.all, Tone::Info).line()];
        lines.extend(paragraph(pen, &incident.summary, 7, at.all, summary_lines, Tone::Quiet));
        return lines;
    }
    let row = if at.tags == 0 { row } else { row.cell(&tags, at.tags, Tone::Info).put(" ", Tone::Plain) };
    hang(row, &incident.summary, at.all, summary_lines, Tone::Plain)
}

fn silences(silences: &[Silence], pen: Pen, columns: usize) -> Option<Panel> {
    if silences.is_empty() {
        return None;
    }
    let note = "incidents go on, nobody is told";
    let mut full = vec![Panel::title(pen, "SILENCES", note, columns)];
    full.extend(silences.iter().map(|silence| {
        let left = pen.left(silence.until);
        let row = Row::marked(pen, ("i", Tone::Info)).right(&format!("S{}", silence.id), 4, Tone::Quiet);
        let row = row.until(&format!("{} of {}", silence.check, silence.target), columns / 2, Tone::Strong);
        let why = if silence.remark.text.as_str().is_empty() { String::new() } else { format!(": {}", silence.remark.text) };
        row.until(&format!("  for {left} more, by {}{why}", silence.remark.author), columns, Tone::Quiet).line()
    }));
    let held = format!("{} held", count(silences.len() as u64, "silence"));
    Some(Panel::wide(full, one_line(("i", Tone::Info), "SILENCES", &held, pen, columns)))
}

fn resolved(recent: &[&Incident], pen: Pen, columns: usize) -> Option<Panel> {
    let latest = recent.first()?;
    let mut full = Lines::from(vec![Panel::title(pen, "RESOLVED", "latest first", columns)]);
    for incident in recent {
        full.push_link(Goal::Incident(incident.id), [over(incident, pen, columns)]);
    }
    let text = format!("{}, the last one {} {}", count(recent.len() as u64, "incident"), latest.kind, latest.check);
    Some(Panel::wide(full, one_line(pen.mark(Health::Healthy), "RESOLVED", &text, pen, columns)))
}
