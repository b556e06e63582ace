//! Screens: what stands where. A screen turns a snapshot into the lines of one document; this file
//! frames the visible part of it with header, tabs and footer.
//!
//! It paints a `State`; it never changes one.

pub mod help;
pub mod overview;
pub mod target;

use crate::keymap::KEYMAP;
use crate::look::{Pen, Tone, age, clock};
use crate::state::{Flow, State};
use crate::widgets::fit::{Row, hang, width};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::Paragraph;
use vitals_model::reading::Health;
use vitals_model::snapshot::{OwnState, Snapshot};

/// From this height on there is an empty line below the tabs.
const TALL_MIN: u16 = 30;

/// Lines between the tabs and the document.
const fn gap(height: u16) -> u16 {
    if height < TALL_MIN { 0 } else { 1 }
}

/// Lines of the document that are visible at once in a terminal of this height: all but header, tabs,
/// gap and footer.
pub const fn page(height: u16) -> u16 {
    let page = height.saturating_sub(3 + gap(height));
    if page == 0 { 1 } else { page }
}

/// Lines that a caption takes, with or without words, so that the picture does not jump.
const CAPTION_LINES: u16 = 2;

/// Lines between the document and the footer that belong to a narrator; none without one.
pub fn caption_lines(state: &State) -> u16 {
    if state.caption().is_some() { CAPTION_LINES } else { 0 }
}

/// Paints the whole terminal.
pub fn render(frame: &mut Frame<'_>, state: &State) {
    let gap = gap(frame.area().height);
    let rows = [
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(gap),
        Constraint::Fill(1),
        Constraint::Length(caption_lines(state)),
        Constraint::Length(1),
    ];
    let [header_area, tabs_area, _, body, caption_area, footer_area] = Layout::vertical(rows).areas(frame.area());
    let pen = state.pen();
    let columns = usize::from(frame.area().width);
    frame.render_widget(header(state.snapshot(), pen, columns, state.flow()), header_area);
    frame.render_widget(tabs(state, pen, columns), tabs_area);
    let visible = state.lines().iter().skip(state.scroll()).take(usize::from(body.height));
    frame.render_widget(Paragraph::new(visible.cloned().collect::<Text<'_>>()), inset(body));
    frame.render_widget(caption(state, pen, columns), caption_area);
    frame.render_widget(footer(state, pen, columns, usize::from(body.height)), footer_area);
}

/// One column free on each side.
const fn inset(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

/// Name, worst health, how many targets are how, trouble of our own, and the time of the snapshot.
pub fn header(snapshot: &Snapshot, pen: Pen, columns: usize, flow: Flow) -> Line<'static> {
    let health = snapshot.health();
    let row = Row::new(pen).put(" mcp-vitals  ", Tone::Strong);
    let row = health_word(row, health, pen).put("  ", Tone::Plain);
    let watched = age(snapshot.at.since(snapshot.began_at));
    let time = match flow {
        Flow::Live => format!("watched {watched} {} {} UTC", pen.glyphs.dot, clock(snapshot.at)),
        Flow::Paused(behind) => format!("PAUSED, {} behind", age(behind)),
        Flow::Printed => format!("{} UTC", clock(snapshot.at)),
    };
    let end = columns.saturating_sub(time.len() + 2);
    let row = match trouble(&snapshot.own) {
        Some(text) => row.until(&format!("! {text}  "), end, Tone::Of(Health::Degraded)),
        None => row,
    };
    let row = row.until(&tally(snapshot), end, Tone::Plain).to(end + 1);
    row.put(time, if matches!(flow, Flow::Paused(_)) { Tone::Badge(Health::Degraded) } else { Tone::Quiet }).line()
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
fn trouble(own: &OwnState) -> Option<String> {
    match (&own.store_error, own.dropped) {
        (Some(error), _) => Some(format!("history is not kept, {} samples lost: {error}", own.samples_lost)),
        (None, 1..) => Some(format!("{} observations dropped: mcp-vitals cannot keep up", own.dropped)),
        (None, 0) => None,
    }
}

/// One tab for the overview and one per target, beginning so that the chosen one is visible.
fn tabs(state: &State, pen: Pen, columns: usize) -> Line<'static> {
    let targets = &state.snapshot().targets;
    let chosen = state.position();
    let labels: Vec<String> = std::iter::once("overview".to_owned())
        .chain(targets.iter().map(|target| target.target.id.to_string()))
        .enumerate()
        .map(|(n, name)| if n < 10 { format!("{n} {name}") } else { name })
        .collect();
    let room = columns.saturating_sub(4);
    let mut first = chosen;
    let mut used = labels.get(chosen).map_or(0, |label| width(label) + 4);
    while let Some(label) = first.checked_sub(1).and_then(|n| labels.get(n)) {
        used += width(label) + 4;
        if used > room {
            break;
        }
        first -= 1;
    }
    let mut row = Row::new(pen).put(if first > 0 { pen.glyphs.ellipsis } else { " " }, Tone::Quiet);
    for (n, label) in labels.iter().enumerate().skip(first) {
        let health = n.checked_sub(1).and_then(|n| targets.get(n)).map(|target| target.health);
        if let Some(health) = health.filter(|health| *health != Health::Healthy) {
            let (symbol, tone) = pen.mark(health);
            row = row.until(symbol, columns, tone);
        }
        let text = format!(" {label} ");
        row = if n == chosen { row.until(&text, columns, Tone::Chosen) } else { row.until(&text, columns, Tone::Quiet) };
        row = row.until(" ", columns, Tone::Plain);
    }
    row.line()
}

/// What a narrator says, in as many lines as there are.
fn caption(state: &State, pen: Pen, columns: usize) -> Text<'static> {
    let words = state.caption().unwrap_or_default();
    hang(Row::new(pen).put(" > ", Tone::Strong), words, columns, usize::from(CAPTION_LINES), Tone::Strong).into()
}

/// The keys that matter most, from the table of keys, and where in the document we are.
fn footer(state: &State, pen: Pen, columns: usize, height: usize) -> Line<'static> {
    let total = state.lines().len();
    let upto = (state.scroll() + height).min(total);
    let place = if total > height { format!("lines {} to {upto} of {total} ", state.scroll() + 1) } else { String::new() };
    let end = columns.saturating_sub(place.len() + 1);
    let mut row = Row::new(pen).put(" ", Tone::Plain);
    for binding in KEYMAP.iter().filter(|binding| !binding.short.is_empty()) {
        let key = binding.keys[0].label(pen.glyphs);
        if row.used() + key.len() + binding.short.len() + 3 > end {
            break;
        }
        row = row.put(key, Tone::Strong).put(format!(" {}  ", binding.short), Tone::Quiet);
    }
    row.to(end).put(place, Tone::Quiet).line()
}
