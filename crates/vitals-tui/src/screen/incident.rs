//! One incident: what is wrong and what to do, what it rests on, what it follows from and what follows from it, and
//! what people were told, said and were kept from.

use crate::look::{Pen, Tone, clock};
use crate::screen::empty;
use crate::widgets::fit::{Row, advice, hang, paragraph};
use crate::widgets::incidents::tags;
use crate::widgets::lines::{Goal, Lines};
use crate::widgets::panel::{Panel, Room, arrange};
use ratatui::text::Line;
use vitals_model::incident::Incident;
use vitals_model::quiet::Remark;
use vitals_model::snapshot::Snapshot;
use vitals_model::text::{Text, count};
use vitals_model::time::{Timestamp, human};

/// Columns of a name before what it says.
const NAME_COLUMNS: usize = 12;
/// Most lines that one piece of text may take.
const TEXT_LINES_MAX: usize = 4;

/// The whole document.
pub fn lines(snapshot: &Snapshot, id: u64, pen: Pen, columns: usize) -> Lines {
    let of_targets = snapshot.targets.iter().flat_map(|state| state.open.iter().chain(&state.recent));
    let Some(incident) = of_targets.chain(&snapshot.own.open).find(|incident| incident.id == id) else {
        return empty(pen, "This incident is not shown any more.", "`mcp-vitals incidents show` knows it.", columns);
    };
    let panels = [
        Some(Panel::fixed(head(incident, pen, columns))),
        evidence(incident, pen, columns),
        Some(Panel::fixed(ties(snapshot, incident, pen, columns))),
        Some(Panel::fixed(people(incident, pen, columns))),
    ];
    arrange(&panels.into_iter().flatten().collect::<Vec<_>>(), columns, Room::Endless)
}

fn head(incident: &Incident, pen: Pen, columns: usize) -> Vec<Line<'static>> {
    let row = Row::marked(pen, pen.mark(incident.health)).put(format!("I{}  ", incident.id), Tone::Strong);
    let row = row.until(&format!(" {} ", incident.kind.to_uppercase()), columns / 2, Tone::Badge(incident.health));
    let row = row.put("  ", Tone::Plain).until(incident.check.as_str(), columns, Tone::Strong);
    let row = row.until(&format!(" of {}", incident.target), columns, Tone::Quiet);
    let lasts = match incident.resolved_at {
        Some(at) => format!("lasted {}, ended {} ago", human(at.since(incident.opened_at)), pen.age(at)),
        None => format!("lasts {}", pen.age(incident.opened_at)),
    };
    let parts: Vec<String> = std::iter::once(lasts).chain(tags(incident)).collect();
    let mut lines = vec![row.line()];
    lines.extend(paragraph(pen, &parts.join(&format!(" {} ", pen.glyphs.dot)), 2, columns, 2, Tone::Info));
    lines.push(Line::default());
    lines.extend(paragraph(pen, &incident.summary, 2, columns, TEXT_LINES_MAX, Tone::Plain));
    lines.extend(advice(pen, &incident.hint, 2, columns));
    lines
}

fn evidence(incident: &Incident, pen: Pen, columns: usize) -> Option<Panel> {
    if incident.evidence.is_empty() {
        return None;
    }
    let mut lines = vec![Panel::title(pen, "EVIDENCE", "from when it opened, and when it grew worse", columns)];
    for piece in &incident.evidence {
        lines.extend(hang(Row::marked(pen, (pen.glyphs.dot, Tone::Quiet)), piece, columns, TEXT_LINES_MAX, Tone::Plain));
    }
    Some(Panel::fixed(lines))
}

/// What it follows from, and what follows from it: the checks that say nothing of their own.
fn ties(snapshot: &Snapshot, incident: &Incident, pen: Pen, columns: usize) -> Lines {
    let ties = &incident.ties;
    let following = ties.suppressed.len() as u64 + ties.suppressed_more;
    let mut lines = Lines::from(vec![Panel::title(pen, "CAUSE", "", columns)]);
    match &ties.follows {
        Some(cause) => {
            let row = Row::marked(pen, (pen.glyphs.arrow, Tone::Info)).put("follows from ", Tone::Plain);
            let row = row.put(format!("I{} ", cause.incident), Tone::Strong).until(cause.check.as_str(), columns, Tone::Plain);
            lines.push_link(Goal::Incident(cause.incident), [row.line()]);
        }
        None => lines.push(Row::new(pen).to(2).until("none known: this is the cause", columns, Tone::Quiet).line()),
    }
    if following > 0 {
        let what = format!(
            "{} without an incident of {} own because of it",
            count(following, "check"),
            if following == 1 { "its" } else { "their" }
        );
        lines.push(Row::new(pen).to(2).until(&what, columns, Tone::Plain).line());
    }
    for suppressed in &ties.suppressed {
        let row = Row::new(pen).to(2).put(pen.mark(suppressed.health).0, pen.mark(suppressed.health).1).put(" ", Tone::Plain);
        let row = row.right(&pen.age(suppressed.since), 7, Tone::Quiet).put(" ", Tone::Plain);
        let line = row.until(suppressed.check.as_str(), columns, Tone::Plain).line();
        let server = suppressed.check.server().filter(|name| is_known(snapshot, incident, name));
        match server {
            Some(name) => lines.push_link(Goal::Server(incident.target.clone(), Text::new(name)), [line]),
            None => lines.push(line),
        }
    }
    if ties.suppressed_more > 0 {
        lines.push(Row::new(pen).to(4).put(format!("and {} more", ties.suppressed_more), Tone::Quiet).line());
    }
    lines
}

fn is_known(snapshot: &Snapshot, incident: &Incident, name: &str) -> bool {
    let target = snapshot.targets.iter().find(|state| state.target.id == incident.target);
    target.is_some_and(|state| state.servers.iter().any(|server| server.name.as_str() == name))
}

/// What people were told, what they said, and what they were not told and why.
fn people(incident: &Incident, pen: Pen, columns: usize) -> Vec<Line<'static>> {
    let handling = &incident.handling;
    let named = |name: &str, at: Timestamp| {
        Row::new(pen).to(2).cell(name, NAME_COLUMNS, Tone::Quiet).cell(&clock(at), 8, Tone::Quiet).put(" ", Tone::Plain)
    };
    let said = |name: &str, remark: &Remark| {
        let text = if remark.text.as_str().is_empty() { String::new() } else { format!(": {}", remark.text) };
        hang(named(name, remark.at), &format!("by {}{text}", remark.author), columns, TEXT_LINES_MAX, Tone::Plain)
    };
    let mut lines = vec![Panel::title(pen, "PEOPLE", "times in UTC", columns), named("opened", incident.opened_at).line()];
    lines.push(match handling.told_at {
        Some(at) => named("told", at).line(),
        None => Row::new(pen).to(2).cell("told", NAME_COLUMNS, Tone::Quiet).put("nobody yet", Tone::Plain).line(),
    });
    lines.extend(handling.acknowledged.iter().flat_map(|remark| said("acknowledged", remark)));
    lines.extend(handling.notes.iter().flat_map(|remark| said("note", remark)));
    for withheld in &handling.withheld {
        let row = named("not told", withheld.at);
        let text = format!("{}: {}", withheld.change.as_str().to_lowercase(), withheld.why.sentence);
        lines.extend(hang(row, &text, columns, TEXT_LINES_MAX, Tone::Plain));
    }
    lines.extend(incident.resolved_at.map(|at| named("resolved", at).line()));
    lines
}
