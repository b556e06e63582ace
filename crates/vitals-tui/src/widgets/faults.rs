//! What is wrong now: open incidents first, then what is bad and has no incident (yet).
//!
//! It gathers what others judged. A fault of a server says here only what to do: why it is one stands
//! in the table of servers, and nothing is told twice.

use crate::look::{Pen, Tone};
use crate::widgets::fit::{Row, advice, paragraph, width};
use crate::widgets::incidents::tags;
use crate::widgets::lines::Goal;
use crate::widgets::panel::Panel;
use ratatui::text::Line;
use vitals_model::check::CheckId;
use vitals_model::incident::Incident;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::TargetState;
use vitals_model::text::{Text, count};
use vitals_model::time::Timestamp;
use vitals_model::verdict::{ServerTruth, Verdict};

/// Most lines that one summary may take.
const SUMMARY_LINES_MAX: usize = 3;

/// Most columns of the word for a fault.
const KIND_COLUMNS_MAX: usize = 16;
/// Fewest columns in which a part of what to do says something.
const HINT_COLUMNS_MIN: usize = 20;
/// Fewest columns left for what a fault is about.
const SUBJECT_COLUMNS_MIN: usize = 8;

/// Something wrong, wherever it was told.
#[derive(Debug)]
pub struct Fault<'a> {
    /// How bad.
    pub health: Health,
    /// One word: the verdict or the question.
    pub kind: &'a str,
    /// The server or the integration point it is about.
    pub subject: &'a str,
    /// Since when.
    pub since: Timestamp,
    summary: &'a str,
    hint: &'a str,
    evidence: &'a [String],
    incident: Option<&'a Incident>,
    /// The server's name, when it is about one.
    server: Option<&'a Text>,
    /// Whether the table of servers already says why.
    in_table: bool,
}

/// The faults of a target, worst first, then oldest first.
pub fn of(state: &TargetState) -> Vec<Fault<'_>> {
    let mut faults: Vec<Fault<'_>> = state.open.iter().map(|incident| from_incident(state, incident)).collect();
    for reading in state.readings.iter().filter(|reading| is_fault(reading)) {
        let told = state.open.iter().any(|open| open.check == reading.id)
            || server_of(state, &reading.id).is_some_and(|server| is_told(&faults, server));
        if !told {
            faults.push(from_reading(state, reading));
        }
    }
    for server in &state.servers {
        if !is_told(&faults, server) && is_bad(server) {
            faults.push(from_server(server));
        }
    }
    faults.sort_by_key(|fault| (std::cmp::Reverse(fault.health), fault.since));
    faults
}

/// What follows from another failure is no fault of its own.
fn is_fault(reading: &Reading) -> bool {
    reading.standing == Standing::Judged && reading.health != Health::Healthy && reading.cause.is_none()
}

/// One server is one fault, however many of its checks fail.
fn is_told(faults: &[Fault<'_>], server: &ServerTruth) -> bool {
    faults.iter().any(|fault| fault.server == Some(&server.name))
}

/// What a check is about: the server, or the integration point.
fn subject<'a>(server: Option<&'a ServerTruth>, check: &'a CheckId) -> &'a str {
    let point = check.as_str().split('/').next().unwrap_or_default();
    server.map_or(point, |server| server.name.as_str())
}

/// Where the parts of an entry begin.
#[derive(Clone, Copy)]
struct Columns {
    all: usize,
    kind: usize,
    subject: usize,
    hint: usize,
}

impl Columns {
    fn of(faults: &[Fault<'_>], pen: Pen, all: usize) -> Self {
        let kind = faults.iter().map(|fault| width(fault.kind)).max().unwrap_or(0).min(KIND_COLUMNS_MAX);
        let tail = faults.iter().map(|fault| width(&tail(fault, pen))).max().unwrap_or(0);
        let subject = faults.iter().map(|fault| width(fault.subject)).max().unwrap_or(0);
        let subject = subject.min(all.saturating_sub(kind + tail + 8)).max(SUBJECT_COLUMNS_MIN);
        Self { all, kind, subject, hint: 2 + kind + 3 + subject + 1 + tail + 2 }
    }

    /// Where the texts below the head of an entry begin.
    const fn text(self) -> usize {
        2 + self.kind + 3
    }
}

/// Whether a server is a fault of its own. An unknown one is not: what hides it is told as the fault.
fn is_bad(server: &ServerTruth) -> bool {
    server.verdict != Verdict::ExpectedDown && matches!(server.health, Health::Degraded | Health::Failing)
}

fn from_incident<'a>(state: &'a TargetState, incident: &'a Incident) -> Fault<'a> {
    let server = server_of(state, &incident.check);
    Fault {
        health: incident.health,
        kind: &incident.kind,
        subject: subject(server, &incident.check),
        server: server.map(|server| &server.name),
        since: incident.opened_at,
        summary: &incident.summary,
        hint: &incident.hint,
        evidence: &incident.evidence,
        incident: Some(incident),
        in_table: server.is_some_and(is_bad),
    }
}

fn from_reading<'a>(state: &'a TargetState, reading: &'a Reading) -> Fault<'a> {
    let server = server_of(state, &reading.id);
    let kind = server.map_or(Verdict::Agrees, |server| server.verdict);
    Fault {
        health: reading.health,
        kind: if kind == Verdict::Agrees { reading.id.question() } else { kind.as_str() },
        subject: subject(server, &reading.id),
        server: server.map(|server| &server.name),
        since: reading.since,
        summary: &reading.summary,
        hint: &reading.hint,
        evidence: &reading.evidence,
        incident: None,
        in_table: server.is_some_and(is_bad),
    }
}

fn from_server(server: &ServerTruth) -> Fault<'_> {
    Fault {
        health: server.health,
        kind: server.verdict.as_str(),
        subject: server.name.as_str(),
        server: Some(&server.name),
        since: server.since,
        summary: &server.reason,
        hint: "",
        evidence: &[],
        incident: None,
        in_table: true,
    }
}

fn server_of<'a>(state: &'a TargetState, check: &CheckId) -> Option<&'a ServerTruth> {
    let name = check.server()?;
    // An id writes `_` where the name has `/`.
    state.servers.iter().find(|server| server.name.as_str() == name || server.name.as_str().replace('/', "_") == name)
}

/// The panel: one entry per fault. `None` when nothing is wrong.
pub fn panel(state: &TargetState, pen: Pen, columns: usize) -> Option<Panel> {
    let faults = of(state);
    if faults.is_empty() {
        return None;
    }
    let title = Panel::title(pen, "WRONG NOW", &count(faults.len() as u64, "fault"), columns);
    let mut panel = Panel::fixed(vec![title]);
    let at = Columns::of(&faults, pen, columns);
    for fault in &faults {
        let why = why(fault, pen, at);
        let goal = goal(state, fault);
        panel.compact.push_link(goal.clone(), [short(fault, pen, at)]);
        panel.compact.extend(why.first().cloned());
        panel.full.push_link(goal, [head(fault, pen, at).line()]);
        panel.full.extend(why);
        panel.full.extend(evidence(fault, pen, at));
        panel.full.extend(repair(fault, pen, at));
        panel.full.extend(advice(pen, fault.hint, at.text(), columns));
    }
    Some(panel)
}

/// Where more of a fault is told.
fn goal(state: &TargetState, fault: &Fault<'_>) -> Goal {
    let target = || state.target.id.clone();
    match (fault.incident, fault.server) {
        (Some(incident), _) => Goal::Incident(incident.id),
        (None, Some(server)) => Goal::Server(target(), server.clone()),
        (None, None) => Goal::Target(target()),
    }
}

/// `✗  GHOST  filesystem   for 3m 12s · I42`
fn head(fault: &Fault<'_>, pen: Pen, at: Columns) -> Row {
    let row = Row::marked(pen, pen.mark(fault.health));
    let row = row.until(&format!(" {} ", fault.kind.to_uppercase()), at.text() - 1, Tone::Badge(fault.health)).to(at.text());
    row.cell(fault.subject, at.subject, Tone::Strong).until(&tail(fault, pen), at.all, Tone::Quiet)
}

/// `for 3m 12s · I42 · FLAPPING`
fn tail(fault: &Fault<'_>, pen: Pen) -> String {
    let id = fault.incident.map(|incident| format!("I{}", incident.id));
    let tags = fault.incident.map(tags).unwrap_or_default();
    let parts: Vec<String> = std::iter::once(format!("for {}", pen.age(fault.since))).chain(id).chain(tags).collect();
    parts.join(&format!(" {} ", pen.glyphs.dot))
}

/// The head with as much of what to do as fits behind it.
fn short(fault: &Fault<'_>, pen: Pen, at: Columns) -> Line<'static> {
    let row = head(fault, pen, at);
    if fault.hint.is_empty() || at.hint + HINT_COLUMNS_MIN > at.all {
        return row.line();
    }
    let row = row.to(at.hint);
    row.until(pen.glyphs.arrow, at.all, Tone::Info).until(&format!(" {}", fault.hint), at.all, Tone::Plain).line()
}

fn why(fault: &Fault<'_>, pen: Pen, at: Columns) -> Vec<Line<'static>> {
    if fault.in_table {
        return Vec::new();
    }
    paragraph(pen, fault.summary, at.text(), at.all, SUMMARY_LINES_MAX, Tone::Plain)
}

/// What is done to repair it, or was last.
fn repair(fault: &Fault<'_>, pen: Pen, at: Columns) -> Vec<Line<'static>> {
    let done = fault.incident.and_then(|incident| incident.handling.last_done());
    let text = done.map(|done| format!("repair: {}", done.text)).unwrap_or_default();
    paragraph(pen, &text, at.text(), at.all, 1, Tone::Info)
}

fn evidence(fault: &Fault<'_>, pen: Pen, at: Columns) -> Vec<Line<'static>> {
    const PIECES_MAX: usize = 3;
    const LINES_MAX: usize = 2;
    let pieces = fault.evidence.iter().take(PIECES_MAX).map(String::as_str).collect::<Vec<_>>().join("; ");
    paragraph(pen, &pieces, at.text(), at.all, LINES_MAX, Tone::Quiet)
}
