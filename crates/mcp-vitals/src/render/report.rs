//! The report as text, markdown and JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};
use vitals_judge::report::phase::Phase;
use vitals_judge::report::trend::{Direction, Trend};
use vitals_judge::report::{Line, Report};
use vitals_model::check::Unit;
use vitals_model::history::Spread;
use vitals_model::incident::Incident;
use vitals_model::scenario::{Outcome, Run};
use vitals_model::time::human;
use vitals_model::view::scenario_v1::RunView;
use vitals_model::view::v1::IncidentView;

use super::criteria;
use super::markdown::{cell, code};

/// The unit in which a check's history is kept.
pub(super) fn unit(question: &str) -> Unit {
    match question {
        "cpu" | "memory" => Unit::Percent,
        "api" | "call" => Unit::Millis,
        "process" => Unit::Seconds,
        "size" => Unit::Bytes,
        "growth" => Unit::BytesPerHour,
        _ => Unit::Count,
    }
}

pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "unknown".to_owned(), |s| format!("{:.2} %", s * 100.0))
}

/// For people.
pub(crate) fn text(reports: &[Report]) -> String {
    let mut out = String::new();
    for report in reports {
        head(&mut out, report);
        heading(&mut out, "What to do first");
        if report.recommendations.is_empty() {
            out.push_str("  nothing\n");
        }
        for (n, recommendation) in report.recommendations.iter().enumerate() {
            let _ = writeln!(out, "  {}. {recommendation}", n + 1);
        }
        if let Some(more) = more(report) {
            let _ = writeln!(out, "  {more}");
        }
        report.phases.iter().for_each(|phase| one_phase(&mut out, phase));
        heading(&mut out, &format!("Criteria ({})", criteria::tally(&report.criteria)));
        criteria::list(&mut out, report.criteria.iter());
        figures(&mut out, report);
        heading(&mut out, "Against the span before");
        report.trends.iter().for_each(|t| trend(&mut out, t));
        heading(&mut out, "Incidents");
        if report.incidents.is_empty() {
            out.push_str("  none\n");
        }
        report.incidents.iter().for_each(|i| incident(&mut out, i));
        if !report.scenarios.is_empty() {
            heading(&mut out, "Scenarios");
        }
        report.scenarios.iter().for_each(|run| scenario(&mut out, run));
        out.push('\n');
    }
    out
}

fn head(out: &mut String, report: &Report) {
    let (span, observed) = (report.span, report.observed * 100.0);
    let _ = writeln!(out, "Report of {}", report.target);
    let _ = writeln!(out, "  from {} to {}, observed {observed:.0} % of it", span.from, span.to);
    if let Some(stability) = &report.stability {
        let _ = writeln!(out, "  verdict: {}: {}", stability.as_str(), stability.reason);
    }
    let _ = writeln!(out, "  status now: {}   score: {}", report.health.as_str(), report.score);
    for deduction in &report.score.deductions {
        let _ = writeln!(out, "    −{:<3} {}", deduction.points, deduction.reason);
    }
    if !report.unknown.is_empty() {
        let _ = writeln!(out, "    nothing is known of {}", report.unknown.join(", "));
    }
}

/// The hub, its servers, its resources and its log.
fn figures(out: &mut String, report: &Report) {
    heading(out, "Hub");
    for line in &report.hub {
        let spread =
            line.spread.filter(|_| line.id.question() == "api").map(|s| format!("  {}", percentiles(&s))).unwrap_or_default();
        let _ = writeln!(out, "  {:28} up {:>9}{spread}", line.id, percent(line.uptime));
    }
    heading(out, "Servers");
    for server in &report.servers {
        let calls = server.calls.map(|s| format!("calls {}", percentiles(&s))).unwrap_or_default();
        let _ = writeln!(out, "  {:28} up {:>9}  now {:9} {calls}", server.name, percent(server.uptime), server.health.as_str());
    }
    heading(out, "Resources");
    report.resources.iter().for_each(|line| resource(out, line));
    heading(out, "Log records");
    let _ = writeln!(out, "  {}", levels(report, "  "));
}

/// `error 2, warn 7`.
pub(super) fn levels(report: &Report, between: &str) -> String {
    let levels: Vec<_> = report.levels.iter().map(|(level, n)| format!("{} {n}", level.as_str())).collect();
    if levels.is_empty() { "none with a level".to_owned() } else { levels.join(between) }
}

fn one_phase(out: &mut String, phase: &Phase) {
    let (span, observed) = (phase.span, phase.observed * 100.0);
    heading(out, &format!("Phase {}: {} ({})", phase.name, phase.fulfilment().as_str(), phase.about));
    let _ = writeln!(out, "  from {} to {}, observed {observed:.0} % of it", span.from, span.to);
    criteria::list(out, phase.criteria.iter());
}

/// The value of a trend in words; unknown where it is not known.
pub(super) fn known(trend: &Trend, value: Option<f64>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| trend.unit.show(value))
}

fn trend(out: &mut String, trend: &Trend) {
    let (before, now) = (known(trend, trend.before), known(trend, trend.now));
    let _ =
        writeln!(out, "  {} {:28} {before:>12} → {now:>12}  {}", arrow(trend.direction), trend.what, trend.direction.as_str());
}

/// A mark for a direction.
pub(super) const fn arrow(direction: Direction) -> char {
    match direction {
        Direction::Better => '✓',
        Direction::Same => '=',
        Direction::Unknown => '?',
        Direction::Worse => '✗',
    }
}

fn heading(out: &mut String, title: &str) {
    let _ = writeln!(out, "\n{title}");
}

fn percentiles(spread: &Spread) -> String {
    let show = |v| Unit::Millis.show(v);
    format!("p50 {}, p95 {}, p99 {}, max {}", show(spread.p50), show(spread.p95), show(spread.p99), show(spread.max))
}

fn resource(out: &mut String, line: &Line) {
    let Some(spread) = line.spread else { return };
    let unit = unit(line.id.question());
    let _ = writeln!(
        out,
        "  {:28} average {:>10}  p95 {:>10}  peak {:>10}",
        line.id,
        unit.show(spread.mean),
        unit.show(spread.p95),
        unit.show(spread.max)
    );
}

fn incident(out: &mut String, incident: &Incident) {
    let _ = writeln!(out, "  {} I{} {} {}: {}", incident.opened_at, incident.id, incident.check, incident.kind, incident.summary);
    let _ = writeln!(out, "    {}", lasted(incident));
}

/// One run, and below it what was not as expected.
fn scenario(out: &mut String, run: &Run) {
    let (name, outcome) = (&run.scenario, run.outcome().as_str());
    let _ = writeln!(out, "  {} {name:24} {outcome}  {} of {} steps passed", run.at, run.count(Outcome::Passed), run.steps.len());
    for step in run.steps.iter().filter(|step| step.outcome != Outcome::Passed) {
        let _ = writeln!(out, "    {}: {}: {}", step.outcome.as_str(), step.does, step.seen);
    }
}

pub(super) fn lasted(incident: &Incident) -> String {
    match incident.resolved_at {
        Some(at) => format!("lasted {}", human(at.since(incident.opened_at))),
        None => "lasts".to_owned(),
    }
}

/// That there is more to do than is listed, when there is.
pub(super) fn more(report: &Report) -> Option<String> {
    let more = report.recommendations_more;
    (more > 0).then(|| format!("and {more} more: see the incidents and the criteria below"))
}

/// For chat and job summaries.
pub(crate) fn markdown(reports: &[Report]) -> String {
    let mut out = String::new();
    for report in reports {
        markdown_head(&mut out, report);
        if !report.recommendations.is_empty() {
            out.push_str("\n## What to do first\n\n");
        }
        for recommendation in &report.recommendations {
            let _ = writeln!(out, "1. {}", cell(recommendation));
        }
        if let Some(more) = more(report) {
            let _ = writeln!(out, "\n{more}");
        }
        for phase in &report.phases {
            let _ = writeln!(out, "\n## Phase {}: {}\n\n{}.\n", phase.name, phase.fulfilment().as_str(), phase.about);
            criteria::table(&mut out, &phase.criteria);
        }
        let _ = writeln!(out, "\n## Criteria: {}\n", criteria::tally(&report.criteria));
        criteria::table(&mut out, &report.criteria);
        out.push_str("\n## Figures\n");
        servers_table(&mut out, report);
        resources_table(&mut out, report);
        let _ = writeln!(out, "\nLog records: {}.\n", levels(report, ", "));
        trends_table(&mut out, report);
        let _ = writeln!(out, "## Incidents: {}\n", report.incidents.len());
        for incident in &report.incidents {
            let _ = writeln!(
                out,
                "- {} {} {}: {} ({})",
                incident.opened_at,
                code(incident.check.as_str()),
                cell(&incident.kind),
                cell(&incident.summary),
                lasted(incident)
            );
        }
        scenarios(&mut out, &report.scenarios);
        out.push('\n');
    }
    out
}

fn markdown_head(out: &mut String, report: &Report) {
    let (span, observed, health) = (report.span, report.observed * 100.0, report.health.as_str());
    let _ = writeln!(out, "# {} — {}\n", cell(report.target.as_str()), report.score);
    if let Some(stability) = &report.stability {
        let _ = writeln!(out, "**{}**: {}.\n", stability.as_str(), cell(&stability.reason));
    }
    let _ = writeln!(out, "{} to {}, observed {observed:.0} % of it. Status now: **{health}**.\n", span.from, span.to);
    for deduction in &report.score.deductions {
        let _ = writeln!(out, "- −{}: {}", deduction.points, cell(&deduction.reason));
    }
    for part in &report.unknown {
        let _ = writeln!(out, "- nothing is known of {}", code(part));
    }
}

fn servers_table(out: &mut String, report: &Report) {
    out.push_str("\n| server | uptime | now | p50 | p95 | p99 |\n|---|--:|---|--:|--:|--:|\n");
    for server in &report.servers {
        let show = |of: fn(&Spread) -> f64| server.calls.as_ref().map_or_else(|| "—".to_owned(), |s| Unit::Millis.show(of(s)));
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            cell(&server.name),
            percent(server.uptime),
            server.health.as_str(),
            show(|s| s.p50),
            show(|s| s.p95),
            show(|s| s.p99)
        );
    }
}

fn trends_table(out: &mut String, report: &Report) {
    out.push_str("| figure | before | now | |\n|---|--:|--:|---|\n");
    for trend in &report.trends {
        let (before, now) = (known(trend, trend.before), known(trend, trend.now));
        let (mark, word) = (arrow(trend.direction), trend.direction.as_str());
        let _ = writeln!(out, "| {} | {before} | {now} | {mark} {word} |", cell(&trend.what));
    }
    out.push('\n');
}

fn scenarios(out: &mut String, runs: &[Run]) {
    if runs.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## Scenarios: {}\n", runs.len());
    for run in runs {
        let (at, outcome) = (run.at, run.outcome().as_str());
        let why = run.worst().map(|step| format!(": {}: {}", cell(&step.does), cell(&step.seen))).unwrap_or_default();
        let _ = writeln!(out, "- {at} {} **{outcome}**{why}", code(&run.scenario));
    }
}

fn resources_table(out: &mut String, report: &Report) {
    out.push_str("\n| resource | average | p95 | peak |\n|---|--:|--:|--:|\n");
    for line in &report.resources {
        let Some(spread) = line.spread else { continue };
        let unit = unit(line.id.question());
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            code(line.id.as_str()),
            unit.show(spread.mean),
            unit.show(spread.p95),
            unit.show(spread.max)
        );
    }
}

/// For programs.
pub(crate) fn view(reports: &[Report]) -> Value {
    json!({ "schema": "mcp-vitals/report/v1", "targets": reports.iter().map(one).collect::<Vec<_>>() })
}

fn one(report: &Report) -> Value {
    json!({
        "id": report.target.as_str(),
        "from": report.span.from.to_string(),
        "to": report.span.to.to_string(),
        "observed": report.observed,
        "health": report.health.as_str(),
        "score": report.score.points,
        "grade": report.score.grade().as_str(),
        "deductions": report.score.deductions.iter().map(|d| json!({"points": d.points, "reason": d.reason})).collect::<Vec<_>>(),
        "unknown": report.unknown,
        "stability": report.stability.as_ref().map(|s| json!({"verdict": s.as_str(), "fulfilment": s.fulfilment.as_str(), "reason": s.reason})),
        "phases": report.phases.iter().map(phase).collect::<Vec<_>>(),
        "criteria": report.criteria.iter().map(criteria::one).collect::<Vec<_>>(),
        "trends": report.trends.iter().map(|t| json!({
            "what": t.what, "unit": t.unit.as_str(), "before": t.before, "now": t.now, "direction": t.direction.as_str(),
        })).collect::<Vec<_>>(),
        "course": report.course.iter().map(|(slice, score)| json!({
            "from": slice.span.from.to_string(), "to": slice.span.to.to_string(), "score": score.points,
        })).collect::<Vec<_>>(),
        "hub": report.hub.iter().map(line).collect::<Vec<_>>(),
        "servers": report.servers.iter().map(|s| json!({
            "name": s.name, "health": s.health.as_str(), "uptime": s.uptime, "observed_s": s.observed.as_secs(), "call_ms": spread(s.calls.as_ref()),
        })).collect::<Vec<_>>(),
        "resources": report.resources.iter().map(line).collect::<Vec<_>>(),
        "levels": report.levels.iter().map(|(level, n)| (level.as_str().to_owned(), json!(n))).collect::<serde_json::Map<_, _>>(),
        "incidents": report.incidents.iter().map(IncidentView::from).collect::<Vec<_>>(),
        "scenarios": report.scenarios.iter().map(RunView::from).collect::<Vec<_>>(),
        "recommendations": report.recommendations,
        "recommendations_more": report.recommendations_more,
    })
}

fn phase(phase: &Phase) -> Value {
    json!({
        "name": phase.name, "from": phase.span.from.to_string(), "to": phase.span.to.to_string(), "observed": phase.observed,
        "fulfilment": phase.fulfilment().as_str(), "criteria": phase.criteria.iter().map(criteria::one).collect::<Vec<_>>(),
    })
}

fn line(line: &Line) -> Value {
    json!({"check": line.id.as_str(), "unit": unit(line.id.question()).as_str(), "uptime": line.uptime, "values": spread(line.spread.as_ref())})
}

fn spread(spread: Option<&Spread>) -> Value {
    spread.map_or(
        Value::Null,
        |s| json!({"count": s.values, "min": s.min, "mean": s.mean, "max": s.max, "p50": s.p50, "p95": s.p95, "p99": s.p99}),
    )
}
