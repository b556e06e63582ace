//! Text for people: what is wrong first, then everything, then what it cost.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use vitals_model::check::Point;
use vitals_model::finding::{Finding, Outcome};
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::{Snapshot, TargetState};
use vitals_model::target::Target;
use vitals_model::text::{bytes, count};
use vitals_model::time::human;
use vitals_model::verdict::{ServerTruth, Verdict};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const WARN: Style = AnsiColor::Yellow.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
const ADVICE: Style = AnsiColor::Cyan.on_default();

/// The whole of `check`.
pub(crate) fn check(snapshot: &Snapshot, verbose: bool) -> String {
    let mut out = String::new();
    for (n, target) in snapshot.targets.iter().enumerate() {
        if n > 0 {
            out.push('\n');
        }
        one_target(&mut out, target, verbose);
    }
    out
}

fn one_target(out: &mut String, state: &TargetState, verbose: bool) {
    let style = style(state.health);
    let health = state.health.as_str().to_uppercase();
    let _ = writeln!(
        out,
        "{BOLD}{}{BOLD:#}  {DIM}{}{DIM:#}  {style}{health}{style:#}  score {BOLD}{}{BOLD:#}",
        state.target.id, state.target.address, state.score
    );
    servers(out, &state.servers);
    for point in Point::ALL {
        let readings: Vec<_> = state.readings.iter().filter(|r| r.point == point && r.standing != Standing::Advice).collect();
        if readings.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{BOLD}{}{BOLD:#}", point.title());
        let width = readings.iter().map(|r| name(r).chars().count()).max().unwrap_or(0);
        for reading in readings {
            line(out, reading, width, verbose);
        }
    }
    advice(out, state);
    deductions(out, state);
    visit(out, state);
}

/// Claim beside truth: the table that the product exists for.
fn servers(out: &mut String, servers: &[ServerTruth]) {
    if servers.is_empty() {
        return;
    }
    let width = |cells: &mut dyn Iterator<Item = usize>, title: &str| cells.max().unwrap_or(0).max(title.len());
    let names = width(&mut servers.iter().map(|s| s.name.as_str().chars().count()), "server");
    let claims = width(&mut servers.iter().map(|s| claim(s).chars().count()), "hub says");
    let _ = writeln!(out, "\n  {DIM}  {:names$}  {:claims$}  truth{DIM:#}", "server", "hub says");
    for server in servers {
        let style = style(server.health);
        let verdict = match server.verdict {
            Verdict::Agrees => String::new(),
            verdict => format!("{}  ", verdict.as_str().to_uppercase()),
        };
        let mark = mark(server.health, standing(server));
        let _ = writeln!(
            out,
            "  {style}{mark}{style:#} {:names$}  {:claims$}  {style}{verdict}{style:#}{}",
            server.name,
            claim(server),
            server.reason
        );
    }
}

fn standing(server: &ServerTruth) -> Standing {
    if server.verdict == Verdict::ExpectedDown { Standing::Expected } else { Standing::Judged }
}

fn claim(server: &ServerTruth) -> String {
    server.claim.as_ref().map_or_else(|| "(asked directly)".to_owned(), |c| c.as_str().to_owned())
}

fn line(out: &mut String, reading: &Reading, width: usize, verbose: bool) {
    let style = style_of(reading);
    let mark = mark(reading.health, reading.standing);
    let _ = writeln!(out, "  {style}{mark}{style:#} {:width$}  {}", name(reading), reading.summary);
    let bad = reading.standing == Standing::Judged && matches!(reading.health, Health::Degraded | Health::Failing);
    if bad || verbose {
        for evidence in &reading.evidence {
            let _ = writeln!(out, "    {:width$}  {DIM}{evidence}{DIM:#}", "");
        }
    }
    // What follows from another failing check is mended there.
    if bad && !reading.hint.is_empty() && !reading.hint.starts_with("see hub-servers/<server>/truth") {
        let _ = writeln!(out, "    {:width$}  → {}", "", reading.hint);
    }
}

/// The id without its point, which is the heading.
fn name(reading: &Reading) -> &str {
    reading.id.as_str().strip_prefix(reading.point.as_str()).map_or(reading.id.as_str(), |rest| rest.trim_start_matches('/'))
}

fn advice(out: &mut String, state: &TargetState) {
    let advice: Vec<_> = state.readings.iter().filter(|r| r.standing == Standing::Advice).collect();
    if advice.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{BOLD}Advice{BOLD:#} {DIM}(weaknesses of the hub, not scored){DIM:#}");
    for reading in advice {
        let _ = writeln!(out, "  {ADVICE}i{ADVICE:#} {}  {}", reading.id, reading.summary);
        let _ = writeln!(out, "    → {}", reading.hint);
    }
}

fn deductions(out: &mut String, state: &TargetState) {
    if state.score.deductions.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{BOLD}Score{BOLD:#} {}", state.score);
    for deduction in &state.score.deductions {
        let _ = writeln!(out, "  −{:<3} {}", deduction.points, deduction.reason);
    }
}

fn visit(out: &mut String, state: &TargetState) {
    let visit = &state.visit;
    if visit.requests == 0 {
        return;
    }
    let mut parts = vec![count(visit.requests, "request"), count(visit.sessions, "MCP session")];
    parts.extend(visit.log_bytes.map(|n| format!("{} of log", bytes(n))));
    parts.extend(visit.latency_after.map(|d| format!("{} until the next answer", human(d))));
    let _ = writeln!(out, "\n{DIM}This visit cost the hub {}.{DIM:#}", parts.join(", "));
}

/// The whole of `anomalies`.
pub(crate) fn anomalies(all: &[(&Target, Vec<Finding>)], window: Duration) -> String {
    let mut out = String::new();
    for (target, findings) in all {
        let found = findings.iter().filter(|f| matches!(f.outcome, Outcome::Found(_))).count() as u64;
        let _ = writeln!(
            out,
            "{BOLD}{}{BOLD:#}  {} in the last {}",
            target.id,
            vitals_model::text::plural(found, "anomaly", "anomalies"),
            human(window)
        );
        for finding in findings {
            let (style, mark) = match finding.outcome {
                Outcome::Quiet => (GOOD, '✓'),
                Outcome::NotYet => (DIM, '?'),
                Outcome::Found(health) => (style(health), mark(health, Standing::Judged)),
            };
            let _ = writeln!(out, "  {style}{mark}{style:#} {:12}  {}", finding.kind.as_str(), finding.reason);
            if matches!(finding.outcome, Outcome::Found(_)) && !finding.hint.is_empty() {
                let _ = writeln!(out, "    {:12}  → {}", "", finding.hint);
            }
        }
    }
    out
}

/// One change of an incident: one line, and what to do below it.
pub(crate) fn incident(change: IncidentChange, incident: &Incident) -> String {
    let (style, severity) = match (change, incident.health) {
        (IncidentChange::Resolved, _) => (GOOD, "ok"),
        (_, Health::Failing) => (BAD, "critical"),
        (_, _) => (WARN, "warning"),
    };
    let mut out = format!(
        "{DIM}{}{DIM:#} {style}{:8} {severity:8} {}{style:#} {BOLD}{} {}{BOLD:#} I{}: {}",
        incident.updated_at,
        change.as_str(),
        incident.kind,
        incident.target,
        incident.check,
        incident.id,
        incident.summary
    );
    if let (IncidentChange::Resolved, Some(at)) = (change, incident.resolved_at) {
        let last = incident.evidence.last().map(|e| format!("; {e}")).unwrap_or_default();
        let _ = writeln!(out, " (lasted {}{last})", human(at.since(incident.opened_at)));
    } else if let (IncidentChange::Acknowledged, Some(who)) = (change, &incident.handling.acknowledged) {
        let _ = writeln!(out, " (by {}: {})", who.author, who.text);
    } else {
        out.push('\n');
        if !incident.hint.is_empty() {
            let _ = writeln!(out, "  → {}", incident.hint);
        }
    }
    if let Some(done) = incident.handling.last_done() {
        let _ = writeln!(out, "  repair: {}", done.text);
    }
    out
}

fn mark(health: Health, standing: Standing) -> char {
    match (standing, health) {
        (Standing::Fact, _) => '·',
        (Standing::Expected, _) => '~',
        (Standing::Advice, _) => 'i',
        (_, Health::Healthy) => '✓',
        (_, Health::Degraded) => '!',
        (_, Health::Failing) => '✗',
        (_, Health::Unknown) => '?',
    }
}

fn style_of(reading: &Reading) -> Style {
    match reading.standing {
        Standing::Judged => style(reading.health),
        Standing::Advice => ADVICE,
        Standing::Expected | Standing::Fact => DIM,
    }
}

fn style(health: Health) -> Style {
    match health {
        Health::Healthy => GOOD,
        Health::Degraded => WARN,
        Health::Failing => BAD,
        Health::Unknown => DIM,
    }
}
