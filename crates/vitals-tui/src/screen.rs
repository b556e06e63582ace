//! Screens: what stands where. A screen turns a snapshot into the lines of one document; this file chooses the
//! screen, and frames the visible part of its document with header, tabs and footer.
//!
//! It paints a `State`; it never changes one.

mod bottom;
pub mod criteria;
pub mod help;
pub mod incident;
pub mod incidents;
pub mod log;
pub mod overview;
pub mod scenarios;
pub mod server;
pub mod target;

use crate::look::{Pen, Tone, age, clock};
use crate::said::{Motion, Range, What};
use crate::state::place::Screen;
use crate::state::{Flow, State};
use crate::widgets::fit::{Row, paragraph, width};
use crate::widgets::lines::Lines;
use crate::widgets::panel::Room;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::Paragraph;
use vitals_model::reading::Health;
use vitals_model::snapshot::{OwnState, Snapshot};

/// From this height on there is an empty line below the tabs.
const TALL_MIN: u16 = 30;

/// The row of the tabs, from 0.
pub const TABS_ROW: u16 = 1;

/// Lines between the tabs and the document.
const fn gap(height: u16) -> u16 {
    if height < TALL_MIN { 0 } else { 1 }
}

/// The first row of the document in a terminal of this height.
pub const fn body_top(height: u16) -> u16 {
    TABS_ROW + 1 + gap(height)
}

/// Lines of the document that are visible at once: all but header, tabs, gap, what is said, and footer.
pub fn page(state: &State) -> usize {
    let height = state.size().1;
    usize::from(height.saturating_sub(body_top(height) + bottom::lines(state) + 1).max(1))
}

/// The document of the screen that the reader is on.
pub fn document(state: &State, room: Room) -> Lines {
    let columns = usize::from(state.size().0.saturating_sub(2)); // One column stays free on each side.
    let pen = state.pen();
    if state.is_helping() {
        return help::lines(pen, columns, Room::Endless);
    }
    let target = || state.shown_target();
    let document = match state.place().screen {
        Screen::Overview => Some(overview::lines(state.snapshot(), state.filter(), pen, columns, room)),
        Screen::Incidents => Some(match state.place().incident {
            Some(id) => incident::lines(state.snapshot(), id, pen, columns),
            None => incidents::lines(state.snapshot(), state.filter(), pen, columns, room),
        }),
        Screen::Target => target().map(|target| target::lines(&target, pen, columns, room)),
        Screen::Server => {
            target().map(|target| server::lines(&target, state.place().server.as_ref(), state.range(), pen, columns))
        }
        Screen::Log => target().map(|target| log::lines(&target, pen, columns)),
        Screen::Scenarios => target().map(|target| scenarios::lines(&target, state.found(What::Scenarios), pen, columns)),
        Screen::Criteria => target().map(|target| criteria::lines(&target, state.found(What::Criteria), pen, columns)),
    };
    document.unwrap_or_else(|| empty(pen, "No target is watched yet.", "", columns))
}

/// A document that only says that there is nothing, and why.
pub fn empty(pen: Pen, what: &'static str, why: &str, columns: usize) -> Lines {
    let mut lines = vec![Line::default(), Row::marked(pen, (pen.glyphs.dot, Tone::Quiet)).put(what, Tone::Strong).line()];
    lines.extend(paragraph(pen, why, 2, columns, 4, Tone::Plain));
    lines.into()
}

/// Paints the whole terminal.
pub fn render(frame: &mut Frame<'_>, state: &State) {
    let area = frame.area();
    let rows = [
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(gap(area.height)),
        Constraint::Fill(1),
        Constraint::Length(bottom::lines(state)),
        Constraint::Length(1),
    ];
    let [header_area, tabs_area, _, body, bottom_area, footer_area] = Layout::vertical(rows).areas(area);
    let pen = state.pen();
    let columns = usize::from(area.width);
    frame.render_widget(header(state.snapshot(), pen, columns, &state.flow()), header_area);
    frame.render_widget(tabs(state, pen, columns), tabs_area);
    let visible = state.lines().all().iter().skip(state.scroll()).take(usize::from(body.height));
    frame.render_widget(Paragraph::new(visible.cloned().collect::<Text<'_>>()), inset(body));
    mark_chosen(frame.buffer_mut(), state, pen, body);
    mark_hits(frame.buffer_mut(), state, pen, inset(body));
    frame.render_widget(bottom::text(state, pen, columns), bottom_area);
    frame.render_widget(bottom::footer(state, pen, columns), footer_area);
}

/// One column free on each side.
const fn inset(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

/// The row of a line of the document, when it is visible in `body`.
fn row_of(line: usize, state: &State, body: Rect) -> Option<u16> {
    let row = u16::try_from(line.checked_sub(state.scroll())?).ok()?;
    (row < body.height).then_some(body.y + row)
}

/// The chosen line has a sign in the free column before it, and is bold.
fn mark_chosen(buffer: &mut Buffer, state: &State, pen: Pen, body: Rect) {
    let Some(row) = state.cursor_line().and_then(|line| row_of(line, state, body)) else { return };
    buffer.set_style(Rect { y: row, height: 1, ..body }, pen.style(Tone::Strong));
    buffer.set_stringn(body.x, row, pen.glyphs.chosen, usize::from(body.width.min(1)), pen.style(Tone::Pointer));
}

/// The text that is looked for stands out wherever it is.
fn mark_hits(buffer: &mut Buffer, state: &State, pen: Pen, body: Rect) {
    let needle = state.search().to_lowercase();
    for line in state.hits() {
        let Some(row) = row_of(*line, state, body) else { continue };
        let text = state.lines().all()[*line].to_string();
        let lower = text.to_lowercase();
        if lower.len() != text.len() {
            continue; // Another length in lower case: places in the one are none in the other.
        }
        for (at, found) in lower.match_indices(&needle) {
            let (Some(before), Some(found)) = (text.get(..at), text.get(at..at + found.len())) else { continue };
            let (x, columns) = (width(before), width(found));
            let area = Rect { x: body.x.saturating_add(narrow(x)), y: row, width: narrow(columns), height: 1 };
            buffer.set_style(area.intersection(body), pen.style(Tone::Chosen));
        }
    }
}

/// Columns as the terminal counts them.
fn narrow(columns: usize) -> u16 {
    u16::try_from(columns).unwrap_or(u16::MAX)
}

/// Name, worst health, how many targets are how, trouble of our own, and the time of the snapshot.
pub fn header(snapshot: &Snapshot, pen: Pen, columns: usize, flow: &Flow) -> Line<'static> {
    let health = snapshot.health();
    let row = Row::new(pen).put(" mcp-vitals  ", Tone::Strong);
    let row = health_word(row, health, pen).put("  ", Tone::Plain);
    let at = clock(snapshot.at);
    let dot = pen.glyphs.dot;
    let (time, tone) = match flow {
        Flow::Live => (format!("watched {} {dot} {at} UTC", age(snapshot.at.since(snapshot.began_at))), Tone::Quiet),
        Flow::Paused(behind) => (format!("PAUSED, {} behind", age(*behind)), Tone::Badge(Health::Degraded)),
        Flow::Lost(_) => (format!("DISCONNECTED at {at} UTC"), Tone::Badge(Health::Unknown)),
        Flow::Playing(playing) => {
            let word = if playing.motion == Motion::Held { "held" } else { "recording" };
            (format!("{word} {} of {} {dot} {} {at} UTC", playing.nth, playing.of, day(snapshot)), Tone::Strong)
        }
        Flow::Printed => (format!("{at} UTC"), Tone::Quiet),
    };
    let end = columns.saturating_sub(width(&time) + 2);
    let row = match trouble(&snapshot.own, flow) {
        Some(text) => row.until(&format!("! {text}  "), end, Tone::Of(Health::Degraded)),
        None => row,
    };
    let row = row.until(&tally(snapshot), end, Tone::Plain).to(end + 1);
    row.put(time, tone).line()
}

fn day(snapshot: &Snapshot) -> String {
    snapshot.at.to_string().chars().take(10).collect()
}

/// `1 failing, 2 healthy of 3 targets`
fn tally(snapshot: &Snapshot) -> String {
    let of = |health| snapshot.targets.iter().filter(|target| target.health == health).count();
    let parts: Vec<String> = [Health::Failing, Health::Degraded, Health::Unknown, Health::Healthy]
        .into_iter()
        .map(|health| (of(health), health))
        .filter(|(n, _)| *n > 0)
        .map(|(n, health)| format!("{n} {}", health.as_str()))
        .collect();
    match snapshot.targets.len() {
        0 => "no target".to_owned(),
        1 => String::new(),
        n => format!("{} of {n} targets", parts.join(", ")),
    }
}

/// Mark and word of a health; a badge unless all is well.
pub fn health_word(row: Row, health: Health, pen: Pen) -> Row {
    let (symbol, _) = pen.mark(health);
    match health {
        Health::Healthy => row.put(format!("{symbol} {}", health.as_str()), Tone::Of(health)),
        _ => row.put(format!(" {symbol} {} ", health.as_str().to_uppercase()), Tone::Badge(health)),
    }
}

/// What the reader must know about the monitor itself; `None` while it works.
fn trouble(own: &OwnState, flow: &Flow) -> Option<String> {
    match (flow, &own.store_error, own.dropped) {
        (Flow::Lost(why), _, _) => Some(why.clone()),
        (_, Some(error), _) => Some(format!("history is not kept, {} samples lost: {error}", own.samples_lost)),
        (_, None, 1..) => Some(format!("{} observations dropped: mcp-vitals cannot keep up", own.dropped)),
        (_, None, 0) => None,
    }
}

/// One tab per screen.
fn tab_labels() -> impl Iterator<Item = String> {
    Screen::ALL.iter().enumerate().map(|(n, screen)| format!(" {} {} ", n + 1, screen.as_str()))
}

/// Which tab stands at this column.
pub fn tab_at(state: &State, column: usize) -> Option<usize> {
    let labels: Vec<String> = tab_labels().collect();
    let gap = tab_gap(state.size().0);
    let mut start = 0;
    labels.iter().position(|label| {
        let here = (start..start + label.len()).contains(&column);
        start += label.len() + gap;
        here
    })
}

/// Columns between two tabs.
const fn tab_gap(columns: u16) -> usize {
    if columns < 100 { 0 } else { 1 }
}

/// The tabs, and at the right what is chosen and filtered, as far as there is room.
fn tabs(state: &State, pen: Pen, columns: usize) -> Line<'static> {
    let chosen = state.place().screen as usize;
    let mut row = Row::new(pen);
    for (n, label) in tab_labels().enumerate() {
        let tone = if n == chosen { Tone::Chosen } else { Tone::Quiet };
        row = row.until(&label, columns, tone).put(" ".repeat(tab_gap(state.size().0)), Tone::Plain);
    }
    let place = state.place();
    let about = match (place.screen, &place.target) {
        (Screen::Overview | Screen::Incidents, _) | (_, None) => String::new(),
        (_, Some(target)) => target.to_string(),
    };
    let range = if state.range() == Range::Live { "" } else { state.range().as_str() };
    let parts: Vec<String> = [state.filter().label(), range.to_owned()].into_iter().filter(|part| !part.is_empty()).collect();
    let filter = if parts.is_empty() { String::new() } else { format!("[{}]", parts.join(", ")) };
    let room = columns.saturating_sub(row.used() + 2);
    let used = width(&about) + width(&filter) + usize::from(!filter.is_empty());
    if used > room {
        let start = columns.saturating_sub(width(&filter) + 1);
        return row.to(start).until(&filter, columns, Tone::Of(Health::Degraded)).line();
    }
    let row = row.to(columns.saturating_sub(used + 1)).put(filter.clone(), Tone::Of(Health::Degraded));
    row.put(if filter.is_empty() { "" } else { " " }, Tone::Plain).put(about, Tone::Strong).line()
}
