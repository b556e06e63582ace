//! One server: what the hub claims beside what is true, each step of the way to its tools, how its calls went, what
//! its tools changed in, and what was logged of it.

use crate::look::{Pen, Tone};
use crate::said::Range;
use crate::screen::target::over;
use crate::screen::{empty, health_word};
use crate::widgets::fit::{Row, advice, hang, width};
use crate::widgets::incidents::tags;
use crate::widgets::lines::{Goal, Lines};
use crate::widgets::panel::{Panel, Room, arrange};
use crate::widgets::plot::plot;
use crate::widgets::servers::claim;
use ratatui::text::Line;
use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::reading::{Health, Reading};
use vitals_model::snapshot::TargetState;
use vitals_model::text::Text;
use vitals_model::verdict::{ServerTruth, Verdict};

/// Lines of the plot of calls.
const PLOT_LINES: usize = 5;
/// Columns of a name before what it says.
const NAME_COLUMNS: usize = 10;
/// Most columns of a bar.
const BAR_COLUMNS_MAX: usize = 40;
/// Most lines that one piece of text may take.
const TEXT_LINES_MAX: usize = 3;
/// Log lines shown at most.
const LOG_LINES_MAX: usize = 8;

/// The whole document.
pub fn lines(state: &TargetState, name: Option<&Text>, range: Range, pen: Pen, columns: usize) -> Lines {
    let Some(server) = state.servers.iter().find(|server| Some(&server.name) == name) else {
        let why = "The hub does not list it now, or the filter hides it.";
        return if name.is_none() {
            empty(pen, "No server is known.", "", columns)
        } else {
            empty(pen, "This server is not shown.", why, columns)
        };
    };
    let id = |question: &str| CheckId::of_server(&server.name, question);
    let own = CheckId::of_server(&server.name, "");
    let readings: Vec<&Reading> =
        state.readings.iter().filter(|reading| reading.id.server().is_some() && reading.id.server() == own.server()).collect();
    let panels = [
        Some(Panel::fixed(head(state, server, pen, columns))),
        Some(Panel::fixed(truth(server, pen, columns))),
        incidents(state, &own, pen, columns),
        phases(state, &id("call"), pen, columns),
        calls(state, &id("call"), range, pen, columns),
        checks(&readings, pen, columns),
        tools(&readings, pen, columns),
        log(state, server, pen, columns),
    ];
    arrange(&panels.into_iter().flatten().collect::<Vec<_>>(), columns, Room::Endless)
}

fn head(state: &TargetState, server: &ServerTruth, pen: Pen, columns: usize) -> Vec<Line<'static>> {
    let row = health_word(Row::new(pen), server.health, pen).put("  ", Tone::Plain);
    let row = row.until(server.name.as_str(), columns / 2, Tone::Strong);
    let row = row.until(&format!("  of {}", state.target.id), columns, Tone::Quiet);
    vec![row.until(&format!("  for {}", pen.age(server.since)), columns, Tone::Quiet).line()]
}

/// The two words that matter, one below the other.
fn truth(server: &ServerTruth, pen: Pen, columns: usize) -> Vec<Line<'static>> {
    const NAME: usize = 15;
    let agrees = matches!(server.verdict, Verdict::Agrees | Verdict::ExpectedDown);
    let (sign, tone) = match server.verdict {
        Verdict::Unknown => ("?", Tone::Of(Health::Unknown)),
        _ if agrees => (pen.glyphs.agrees, Tone::Of(Health::Healthy)),
        _ => (pen.glyphs.differs, Tone::Of(server.health)),
    };
    let word = if agrees { server.verdict.as_str().to_owned() } else { server.verdict.as_str().to_uppercase() };
    let tone_of_word = if agrees { Tone::Of(Health::Healthy) } else { Tone::Badge(server.health) };
    let claimed = Row::new(pen).to(2).cell("the hub claims", NAME, Tone::Quiet).until(&claim(server), columns, Tone::Plain);
    let row = Row::new(pen).put(sign, tone).to(2).cell("the truth", NAME, Tone::Quiet);
    let row = row.put(if agrees { word } else { format!(" {word} ") }, tone_of_word).put("  ", Tone::Plain);
    let mut lines = vec![Panel::title(pen, "CLAIM AGAINST TRUTH", "", columns), claimed.line()];
    lines.extend(hang(row, &server.reason, columns, TEXT_LINES_MAX, Tone::Plain));
    lines
}

fn incidents(state: &TargetState, own: &CheckId, pen: Pen, columns: usize) -> Option<Panel> {
    let is_own = |check: &CheckId| check.server() == own.server();
    let mut lines = Lines::from(vec![Panel::title(pen, "INCIDENTS", "", columns)]);
    for incident in state.open.iter().filter(|incident| is_own(&incident.check)) {
        let row = Row::marked(pen, pen.mark(incident.health)).right(&format!("I{}", incident.id), 4, Tone::Quiet);
        let row = row.put(format!(" {} ", incident.kind.to_uppercase()), Tone::Badge(incident.health)).put(" ", Tone::Plain);
        let parts: Vec<String> = std::iter::once(format!("for {}", pen.age(incident.opened_at))).chain(tags(incident)).collect();
        let row = row.until(&parts.join(&format!(" {} ", pen.glyphs.dot)), columns, Tone::Quiet);
        let mut item = vec![row.line()];
        item.extend(advice(pen, &incident.hint, 7, columns));
        lines.push_link(Goal::Incident(incident.id), item);
    }
    for incident in state.recent.iter().filter(|incident| is_own(&incident.check)) {
        lines.push_link(Goal::Incident(incident.id), [over(incident, pen, columns)]);
    }
    (lines.len() > 1).then(|| Panel::fixed(lines))
}

/// The way to a tool of this server, step by step, each with its time.
fn phases(state: &TargetState, call: &CheckId, pen: Pen, columns: usize) -> Option<Panel> {
    let steps = [
        ("API", CheckId::of_target(Point::HubServers, "api")),
        ("session", CheckId::of_target(Point::FilteringSessions, "open")),
        ("list", CheckId::of_target(Point::FilteringSessions, "tools")),
        ("call", call.clone()),
    ];
    let steps: Vec<(&str, &Reading)> =
        steps.iter().filter_map(|(name, id)| Some((*name, state.readings.iter().find(|reading| reading.id == *id)?))).collect();
    let took = |reading: &Reading| match (reading.unit, reading.value) {
        (Unit::Millis, Some(ms)) => Some(ms),
        (_, Some(_)) => Some(reading.took.as_secs_f64() * 1000.0),
        (_, None) => None,
    };
    let longest = steps.iter().filter_map(|(_, reading)| took(reading)).fold(0.0, f64::max);
    if steps.is_empty() {
        return None;
    }
    let mut lines = vec![Panel::title(pen, "PHASES", "the way to a tool of it, as last measured", columns)];
    for (name, reading) in steps {
        let row = Row::marked(pen, pen.reading_mark(reading)).cell(name, NAME_COLUMNS, Tone::Quiet);
        let Some(ms) = took(reading) else {
            lines.push(row.until(&reading.summary, columns, Tone::Plain).line());
            continue;
        };
        let bars = (columns / 3).min(BAR_COLUMNS_MAX);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the columns of a bar, by the clamp")]
        let filled = ((ms / longest.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0) * bars as f64).round().max(1.0) as usize;
        let row = row.right(&Unit::Millis.show(ms), 8, Tone::Plain).put(pen.glyphs.bar[0].repeat(filled), Tone::Info);
        let row = row.to(2 + NAME_COLUMNS + 1 + 9 + bars + 1);
        let why = reading.evidence.first().map_or(reading.summary.as_str(), String::as_str);
        lines.push(row.until(why, columns, Tone::Quiet).line());
    }
    Some(Panel::fixed(lines))
}

fn calls(state: &TargetState, call: &CheckId, range: Range, pen: Pen, columns: usize) -> Option<Panel> {
    let note = match range.length() {
        None => "the latest".to_owned(),
        Some(_) => format!("the last {}, the slowest of each part", range.as_str()),
    };
    let title = Panel::title(pen, "CALLS", &note, columns);
    let values = state.trends.get(call).map_or(&[][..], Vec::as_slice);
    let drawn = plot(values, Unit::Millis, pen, columns, PLOT_LINES);
    if drawn.is_empty() {
        let nothing = Row::new(pen).to(2).put("too little is known to draw", Tone::Quiet).line();
        return (range != Range::Live).then(|| Panel::fixed(vec![title, nothing]));
    }
    Some(Panel::fixed(std::iter::once(title).chain(drawn).collect::<Vec<_>>()))
}

/// Every check of the server that is told nowhere else on this screen.
fn checks(readings: &[&Reading], pen: Pen, columns: usize) -> Option<Panel> {
    let told = ["call", "truth", "drift", "signs", "claim"];
    let rest: Vec<&&Reading> = readings.iter().filter(|reading| !told.contains(&reading.id.question())).collect();
    if rest.is_empty() {
        return None;
    }
    let names = rest.iter().map(|reading| width(reading.id.question())).max().unwrap_or(0).max(NAME_COLUMNS);
    let mut lines = vec![Panel::title(pen, "CHECKS", "", columns)];
    for reading in rest {
        let row = Row::marked(pen, pen.reading_mark(reading)).cell(reading.id.question(), names, Tone::Quiet);
        lines.extend(hang(row, &reading.summary, columns, 2, Tone::Plain));
        if reading.health != Health::Healthy {
            lines.extend(advice(pen, &reading.hint, names + 3, columns));
        }
    }
    Some(Panel::fixed(lines))
}

/// What its tools changed in, and what in them looks like an order.
fn tools(readings: &[&Reading], pen: Pen, columns: usize) -> Option<Panel> {
    let told: Vec<&&Reading> = readings.iter().filter(|reading| ["drift", "signs"].contains(&reading.id.question())).collect();
    if told.is_empty() {
        return None;
    }
    let mut lines = vec![Panel::title(pen, "TOOLS", "against those pinned, or last known", columns)];
    for reading in told {
        let row = Row::marked(pen, pen.reading_mark(reading)).cell(reading.id.question(), NAME_COLUMNS, Tone::Quiet);
        lines.extend(hang(row, &reading.summary, columns, TEXT_LINES_MAX, Tone::Plain));
        for piece in &reading.evidence {
            let row = Row::new(pen).to(2 + NAME_COLUMNS + 1).put(pen.glyphs.dot, Tone::Quiet).put(" ", Tone::Plain);
            lines.extend(hang(row, piece, columns, TEXT_LINES_MAX, Tone::Plain));
        }
        if reading.health != Health::Healthy {
            lines.extend(advice(pen, &reading.hint, 2 + NAME_COLUMNS + 1, columns));
        }
    }
    Some(Panel::fixed(lines))
}

fn log(state: &TargetState, server: &ServerTruth, pen: Pen, columns: usize) -> Option<Panel> {
    let of_it: Vec<&String> = state.log.iter().filter(|line| line.contains(server.name.as_str())).collect();
    if of_it.is_empty() {
        return None;
    }
    let mut lines = vec![Panel::title(pen, "LOG", "warnings and errors that name it, newest last", columns)];
    let skipped = of_it.len().saturating_sub(LOG_LINES_MAX);
    lines.extend(of_it.iter().skip(skipped).map(|text| Row::new(pen).to(2).until(text, columns, Tone::Plain).line()));
    Some(Panel::fixed(lines))
}
