//! One target: what is wrong and why, claim against truth, and the seven panels of the original dashboard.

use crate::look::{Pen, Tone, grade_health};
use crate::screen::health_word;
use crate::widgets::fit::{Row, advice, hang};
use crate::widgets::lines::{Goal, Lines};
use crate::widgets::panel::{Panel, Room, Widths, arrange};
use crate::widgets::readings::{self, Fact, is_advice, one_line};
use crate::widgets::spark::bar;
use crate::widgets::{faults, servers};
use ratatui::text::Line;
use vitals_model::check::Point;
use vitals_model::finding::Outcome;
use vitals_model::incident::Incident;
use vitals_model::observation::Level;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::TargetState;
use vitals_model::text::{bytes, count};
use vitals_model::time::{Timestamp, human};

/// Questions about the hub's process; every other question about the hub itself is about its network.
pub const PROCESS_QUESTIONS: [&str; 10] =
    ["process", "uptime", "cpu", "memory", "rss", "fds", "threads", "children", "orphans", "restarts"];
/// Incidents that are over, shown at most.
const RECENT_MAX: usize = 5;
/// Log records shown at most.
const LOG_LINES_MAX: usize = 8;

/// The whole document of one target.
pub fn lines(state: &TargetState, pen: Pen, columns: usize, room: Room) -> Lines {
    let widths = Widths::of(columns);
    let panels: Vec<Panel> = [
        Some(Panel::fixed(headline(state, pen, columns))),
        faults::panel(state, pen, columns),
        servers::panel(state, pen, columns),
        Some(score(state, pen, widths)),
        process(state, pen, widths),
        network(state, pen, widths),
        filtering(state, pen, widths),
        logging(state, pen, widths),
        anomalies(state, pen, widths),
        readings::advice_panel(state, pen, widths),
        workspace(state, pen, widths),
        recent(state, pen, widths),
        log(state, pen, widths),
    ]
    .into_iter()
    .flatten()
    .collect();
    arrange(&panels, columns, room)
}

/// Health and since when, id, score, address.
fn headline(state: &TargetState, pen: Pen, columns: usize) -> Vec<Line<'static>> {
    let grade = Tone::Of(grade_health(state.score.grade()));
    let row = health_word(Row::new(pen), state.health, pen).put("  ", Tone::Plain);
    let row = row.until(state.target.id.as_str(), columns / 2, Tone::Strong);
    let row = match since(state) {
        Some(since) => row.until(&format!("  for {}", pen.age(since)), columns, Tone::Quiet),
        None => row,
    };
    let row = row.until("   score ", columns, Tone::Quiet).until(&state.score.to_string(), columns, grade);
    let address = state.target.address.to_string();
    vec![row.until(&format!("   {address}"), columns, Tone::Quiet).line()]
}

/// Since when the target is as it is: the oldest fault as bad as the whole; for a healthy one the
/// reading that became healthy last.
pub fn since(state: &TargetState) -> Option<Timestamp> {
    if state.health != Health::Healthy {
        return faults::of(state).iter().filter(|fault| fault.health == state.health).map(|fault| fault.since).min();
    }
    state.readings.iter().filter(|reading| reading.standing == Standing::Judged).map(|reading| reading.since).max()
}

fn of_points<'a>(state: &'a TargetState, points: &[Point]) -> Vec<&'a Reading> {
    state
        .readings
        .iter()
        .filter(|reading| points.contains(&reading.point) && reading.id.server().is_none() && !is_advice(reading))
        .collect()
}

fn process(state: &TargetState, pen: Pen, widths: Widths) -> Option<Panel> {
    let mut readings = of_points(state, &[Point::HubServers]);
    readings.retain(|reading| PROCESS_QUESTIONS.contains(&reading.id.question()));
    readings::panel("PROCESS", &[], &readings, state, pen, widths)
}

fn network(state: &TargetState, pen: Pen, widths: Widths) -> Option<Panel> {
    let mut readings = of_points(state, &[Point::HubServers]);
    readings.retain(|reading| !PROCESS_QUESTIONS.contains(&reading.id.question()));
    let mut facts: Vec<Fact> = Vec::new();
    if let Some(claim) = &state.claim {
        let dot = pen.glyphs.dot;
        let parts = [
            claim.state.as_ref().map(|state| state.as_str().to_owned()),
            claim.version.as_ref().map(|version| format!("version {version}")),
            claim.active_clients.map(|n| count(n, "client")),
            claim.mcp_clients.map(|n| count(n, "MCP session")),
            claim.registered_tools.map(|n| count(n, "tool")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        facts.extend((!parts.is_empty()).then(|| ("hub says", parts.join(&format!(" {dot} ")))));
    }
    facts.extend(visit(state).map(|text| ("our visit", text)));
    readings::panel("NETWORK", &facts, &readings, state, pen, widths)
}

/// What our own looking cost the hub.
fn visit(state: &TargetState) -> Option<String> {
    let visit = &state.visit;
    if visit.sessions == 0 && visit.requests == 0 {
        return None;
    }
    let mut parts = vec![count(visit.sessions, "session"), count(visit.requests, "request")];
    parts.extend(visit.log_bytes.map(|n| format!("{} of log", bytes(n))));
    parts.extend(visit.latency_after.map(|took| format!("{} after close", human(took))));
    if let (Some(before), Some(after)) = (visit.clients_before, visit.clients_after) {
        parts.push(format!("clients {before} before, {after} after"));
    }
    Some(parts.join(", "))
}

fn filtering(state: &TargetState, pen: Pen, widths: Widths) -> Option<Panel> {
    let readings = of_points(state, &[Point::FilteringSessions, Point::HubLlm, Point::MetaToolClients]);
    let mut facts: Vec<Fact> = Vec::new();
    if let Some(claim) = &state.filtering {
        let mode = claim.mode.as_ref().map_or("mode not told", |mode| mode.as_str());
        let on = match claim.enabled {
            Some(true) => mode.to_owned(),
            Some(false) => "off".to_owned(),
            None => format!("{mode}, on or off not told"),
        };
        facts.push(("filter", on));
        if let (Some(exposed), Some(total)) = (claim.exposed_tools, claim.total_tools) {
            facts.push(("exposed", format!("{exposed} of {}", count(total, "tool"))));
        }
        let rates = [("cache", claim.cache_hit_rate), ("LLM cache", claim.llm_cache_hit_rate)];
        let rates: Vec<String> =
            rates.iter().filter_map(|(name, rate)| rate.map(|r| format!("{name} {:.0} %", r * 100.0))).collect();
        facts.extend((!rates.is_empty()).then(|| ("hits", rates.join(", "))));
    }
    readings::panel("FILTERING & LLM", &facts, &readings, state, pen, widths)
}

/// How much of each level was logged, and the checks on it.
pub fn logging(state: &TargetState, pen: Pen, widths: Widths) -> Option<Panel> {
    let levels: Vec<String> = Level::ALL
        .into_iter()
        .rev()
        .filter(|level| state.levels.of(*level) > 0)
        .map(|level| format!("{} {}", state.levels.of(level), level.as_str()))
        .collect();
    let mut facts: Vec<Fact> = Vec::new();
    if !levels.is_empty() {
        facts.push(("levels", format!("{} in {}", levels.join(", "), human(state.levels_over))));
    }
    readings::panel("LOGGING", &facts, &of_points(state, &[Point::Logging]), state, pen, widths)
}

fn workspace(state: &TargetState, pen: Pen, widths: Widths) -> Option<Panel> {
    let mut facts: Vec<Fact> = Vec::new();
    if let Some(key) = state.claim.as_ref().and_then(|claim| claim.workspace.as_ref()) {
        facts.push(("hub says", format!("workspace {key}")));
    }
    readings::panel("WORKSPACE", &facts, &of_points(state, &[Point::Workspace]), state, pen, widths)
}

fn score(state: &TargetState, pen: Pen, widths: Widths) -> Panel {
    const BAR_COLUMNS: usize = 30;
    let health = grade_health(state.score.grade());
    let text = state.score.to_string();
    let row = bar(Row::marked(pen, pen.mark(health)), pen, &state.score, BAR_COLUMNS, Tone::Of(health));
    let row = row.put("  ", Tone::Plain).until(&text, widths.column, Tone::Of(health));
    let mut full = vec![Panel::title(pen, "SCORE", "", widths.column), row.line()];
    for deduction in &state.score.deductions {
        let points = format!("{}{}", pen.glyphs.minus, deduction.points);
        let row = Row::new(pen).to(2).right(&points, 4, Tone::Strong).put(" ", Tone::Plain);
        full.extend(hang(row, &deduction.reason, widths.column, 2, Tone::Plain));
    }
    let reasons: Vec<String> =
        state.score.deductions.iter().map(|d| format!("{}{} {}", pen.glyphs.minus, d.points, d.reason)).collect();
    let reasons = if reasons.is_empty() { text } else { reasons.join(", ") };
    Panel::narrow(full, one_line(pen.mark(health), "SCORE", &reasons, pen, widths.all))
}

fn anomalies(state: &TargetState, pen: Pen, widths: Widths) -> Option<Panel> {
    if state.findings.is_empty() {
        return None;
    }
    let names = |wanted: Outcome| {
        let kinds = state.findings.iter().filter(|finding| finding.outcome == wanted).map(|finding| finding.kind.as_str());
        kinds.collect::<Vec<_>>().join(", ")
    };
    let mut full = vec![Panel::title(pen, "ANOMALIES", "", widths.column)];
    let mut found = Vec::new();
    for finding in &state.findings {
        let Outcome::Found(health) = finding.outcome else { continue };
        let row = Row::marked(pen, pen.mark(health)).cell(finding.kind.as_str(), 11, Tone::Strong);
        full.extend(hang(row, &finding.reason, widths.column, 3, Tone::Plain));
        full.extend(advice(pen, &finding.hint, 2, widths.column));
        found.push((health, format!("{}: {}", finding.kind.as_str(), finding.reason)));
    }
    for (outcome, mark, word) in
        [(Outcome::Quiet, pen.mark(Health::Healthy), "quiet"), (Outcome::NotYet, (pen.glyphs.dot, Tone::Quiet), "not yet")]
    {
        let names = names(outcome);
        if !names.is_empty() {
            full.extend(hang(Row::marked(pen, mark).cell(word, 11, Tone::Quiet), &names, widths.column, 2, Tone::Plain));
        }
    }
    let worst = found.iter().map(|(health, _)| *health).max().unwrap_or(Health::Healthy);
    let mut text = found.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("; ");
    if text.is_empty() {
        "none found".clone_into(&mut text);
    }
    Some(Panel::narrow(full, one_line(pen.mark(worst), "ANOMALIES", &text, pen, widths.all)))
}

fn recent(state: &TargetState, pen: Pen, widths: Widths) -> Option<Panel> {
    let latest = state.recent.first()?;
    let mut full = Lines::from(vec![Panel::title(pen, "RESOLVED", "incidents that are over", widths.all)]);
    for incident in state.recent.iter().take(RECENT_MAX) {
        full.push_link(Goal::Incident(incident.id), [over(incident, pen, widths.all)]);
    }
    let text = format!("{}, the last one {} {}", count(state.recent.len() as u64, "incident"), latest.kind, latest.check);
    Some(Panel::wide(full, one_line(pen.mark(Health::Healthy), "RESOLVED", &text, pen, widths.all)))
}

/// `✓ I41  hung  filesystem/call  lasted 2m 03s, ended 40m 10s ago  summary`
pub fn over(incident: &Incident, pen: Pen, columns: usize) -> Line<'static> {
    let ended = incident.resolved_at.unwrap_or(incident.updated_at);
    let lasted = human(ended.since(incident.opened_at));
    let row = Row::marked(pen, pen.mark(Health::Healthy))
        .right(&format!("I{}", incident.id), 4, Tone::Quiet)
        .cell(&incident.kind, 10, Tone::Plain)
        .put(format!("lasted {lasted}, ended {} ago  ", pen.age(ended)), Tone::Quiet);
    row.until(&incident.summary, columns, Tone::Quiet).line()
}

fn log(state: &TargetState, pen: Pen, widths: Widths) -> Option<Panel> {
    let last = state.log.last()?;
    let mut full = vec![Panel::title(pen, "LOG", "warnings and errors, newest last", widths.all)];
    let skipped = state.log.len().saturating_sub(LOG_LINES_MAX);
    full.extend(state.log.iter().skip(skipped).map(|text| Row::new(pen).to(2).until(text, widths.all, Tone::Plain).line()));
    Some(Panel::wide(full, one_line((pen.glyphs.dot, Tone::Quiet), "LOG", last, pen, widths.all)))
}
