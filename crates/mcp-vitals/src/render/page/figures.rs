//! The figures of the page: score, incidents, latency and resources over time, each with its table beside it.

use std::collections::BTreeMap;

use maud::{Markup, html};
use vitals_judge::report::{Report, ServerLine};
use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::history::{Span, Spread};
use vitals_model::incident::Incident;
use vitals_model::reading::Health;
use vitals_model::text::count;

use super::super::report::{lasted, levels, percent, unit};
use vitals_web::plot::{Line, Plot, Values, share, times};
use vitals_web::{at, of_health};

/// Most rows of the timeline: the checks with the most incidents. The others are counted.
const ROWS_MAX: usize = 24;

/// The least width of a bar in thousandths of the timeline: an incident of a second is seen, too.
const BAR_MIN: f64 = 4.0;

fn slices(report: &Report) -> Vec<Span> {
    report.course.iter().map(|(slice, _)| slice.span).collect()
}

fn values(report: &Report, id: &CheckId, of: impl Fn(&Spread) -> f64) -> Values {
    report.course.iter().map(|(slice, _)| Some(of(slice.summaries.get(id)?.spread.as_ref()?))).collect()
}

/// The score over time.
pub(super) fn course(n: usize, report: &Report) -> Markup {
    let scores: Values = report.course.iter().map(|(_, score)| score.points.map(f64::from)).collect();
    let least = scores.iter().flatten().copied().fold(100.0, f64::min);
    let slices = slices(report);
    let plot = Plot {
        id: format!("score-{n}"),
        title: "Score over time",
        says: format!("{}; the least was {least:.0}.", count(scores.iter().flatten().count() as u64, "slice")),
        slices: &slices,
        unit: Unit::Count,
        top: Some(100.0),
        band: Some((vec![Some(0.0); scores.len()], scores.clone())),
        lines: vec![Line { name: "score", class: "first", values: scores }],
    };
    html! { section.card { (plot.draw()) } }
}

/// Incidents over time, a row for each check.
pub(super) fn timeline(n: usize, report: &Report) -> Markup {
    let mut rows: BTreeMap<&CheckId, Vec<&Incident>> = BTreeMap::new();
    for incident in &report.incidents {
        rows.entry(&incident.check).or_default().push(incident);
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|(_, incidents)| std::cmp::Reverse(incidents.len()));
    let (shown, left_out) = (rows.len().min(ROWS_MAX), rows.len().saturating_sub(ROWS_MAX));
    let slices = slices(report);
    let span = slices.first().zip(slices.last()).map_or(report.span, |(first, last)| Span { from: first.from, to: last.to });
    html! {
        section.card {
            h2 { "Incidents" }
            @if rows.is_empty() { p.dim { "None." } } @else {
                figure.timeline {
                    @for (row, (check, incidents)) in rows[..shown].iter().enumerate() {
                        div.row {
                            span.name { (check.as_str()) }
                            (bars(&format!("incidents-{n}-{row}"), incidents, span))
                        }
                    }
                    div.row { span.name {} (times(&slices)) }
                }
                @if left_out > 0 { p.dim { "and " (count(left_out as u64, "check")) " with fewer" } }
            }
        }
    }
}

fn bars(id: &str, incidents: &[&Incident], span: Span) -> Markup {
    let bar = |incident: &Incident| {
        let (from, to) = (share(incident.opened_at, span), share(incident.resolved_at.unwrap_or(span.to), span));
        let width = ((to - from) * 1000.0).max(BAR_MIN);
        (format!("{:.1}", (from * 1000.0).min(1000.0 - BAR_MIN)), format!("{width:.1}"))
    };
    html! {
        svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-labelledby=(id) {
            title id=(id) { (count(incidents.len() as u64, "incident")) }
            path.grid d="M0 5H1000" {}
            @for incident in incidents {
                @let (x, width) = bar(incident);
                rect.(of_health(incident.health)) x=(x) y="0" width=(width) height="10" {
                    title { (at(incident.opened_at)) " " (incident.kind) ", " (lasted(incident)) ": " (incident.summary) }
                }
            }
        }
    }
}

/// Latency of the API and of each server's calls.
pub(super) fn latencies(n: usize, report: &Report) -> Markup {
    let slices = slices(report);
    let api = CheckId::of_target(Point::HubServers, "api");
    let plot = |number: usize, title: &str, id: &CheckId, whole: Option<Spread>| {
        let (low, high) = (values(report, id, |s| s.p50), values(report, id, |s| s.p95));
        let show = |value: f64| Unit::Millis.show(value);
        let says = whole.map_or_else(
            || "Never measured.".to_owned(),
            |s| format!("Median {}, 95th percentile {}.", show(s.p50), show(s.p95)),
        );
        let lines = vec![
            Line { name: "p95", class: "second", values: high.clone() },
            Line { name: "p50", class: "first", values: low.clone() },
        ];
        let plot = Plot {
            id: format!("latency-{n}-{number}"),
            title,
            says,
            slices: &slices,
            unit: Unit::Millis,
            top: None,
            band: Some((low, high)),
            lines,
        };
        plot.draw()
    };
    let of_api = report.hub.iter().find(|line| line.id == api).and_then(|line| line.spread);
    html! {
        section.card {
            h2 { "Latency" }
            div.plots {
                @if of_api.is_some() { (plot(0, "the hub's API", &api, of_api)) }
                @for (number, server) in report.servers.iter().enumerate().filter(|(_, server)| server.calls.is_some()) {
                    (plot(number + 1, &server.name, &call(server), server.calls))
                }
            }
            (servers(report))
        }
    }
}

fn call(server: &ServerLine) -> CheckId {
    CheckId::from_stored(&format!("{}/{}/call", Point::HubServers.as_str(), server.name))
}

fn servers(report: &Report) -> Markup {
    let show =
        |spread: Option<Spread>, of: fn(&Spread) -> f64| spread.map_or_else(|| "–".to_owned(), |s| Unit::Millis.show(of(&s)));
    let row = |name: &str, health: Option<Health>, uptime: Option<f64>, spread: Option<Spread>| {
        html! {
            tr {
                th scope="row" { (name) }
                td { @if let Some(health) = health { span.chip.small.(of_health(health)) { (health.as_str()) } } }
                td.number { (percent(uptime)) }
                td.number { (show(spread, |s| s.p50)) }
                td.number { (show(spread, |s| s.p95)) }
                td.number { (show(spread, |s| s.p99)) }
                td.number { (show(spread, |s| s.max)) }
            }
        }
    };
    html! {
        div.scroll {
            table {
                caption { "Uptime and latency" }
                thead { tr {
                    th scope="col" { "server" } th scope="col" { "now" }
                    @for head in ["up", "p50", "p95", "p99", "max"] { th.number scope="col" { (head) } }
                } }
                tbody {
                    @for line in &report.hub { (row(line.id.as_str(), None, line.uptime, line.spread.filter(|_| line.id.question() == "api"))) }
                    @for server in &report.servers { (row(&server.name, Some(server.health), server.uptime, server.calls)) }
                }
            }
        }
    }
}

/// CPU, memory, open files and the log.
pub(super) fn resources(n: usize, report: &Report) -> Markup {
    let slices = slices(report);
    let drawn = |line: &&vitals_judge::report::Line| {
        line.spread.is_some() && matches!(line.id.question(), "cpu" | "memory" | "fds" | "size")
    };
    let plot = |number: usize, line: &vitals_judge::report::Line| {
        let (title, unit) = match line.id.question() {
            "cpu" => ("CPU of one core", Unit::Percent),
            "memory" => ("Memory, share of the machine", Unit::Percent),
            "fds" => ("Open files", Unit::Count),
            _ => ("Size of the log", Unit::Bytes),
        };
        let (means, peaks) = (values(report, &line.id, |s| s.mean), values(report, &line.id, |s| s.max));
        let says =
            line.spread.map_or_else(String::new, |s| format!("{} on average, at most {}.", unit.show(s.mean), unit.show(s.max)));
        let lines = vec![
            Line { name: "peak", class: "second", values: peaks.clone() },
            Line { name: "average", class: "first", values: means.clone() },
        ];
        Plot {
            id: format!("resource-{n}-{number}"),
            title,
            says,
            slices: &slices,
            unit,
            top: None,
            band: Some((means, peaks)),
            lines,
        }
        .draw()
    };
    html! {
        section.card {
            h2 { "Resources" }
            div.plots { @for (number, line) in report.resources.iter().filter(drawn).enumerate() { (plot(number, line)) } }
            div.scroll {
                table {
                    caption { "Averages and peaks" }
                    thead { tr { th scope="col" { "resource" } @for head in ["average", "p95", "peak"] { th.number scope="col" { (head) } } } }
                    tbody {
                        @for line in &report.resources {
                            @if let Some(spread) = line.spread {
                                tr {
                                    th scope="row" { (line.id.as_str()) }
                                    @for value in [spread.mean, spread.p95, spread.max] { td.number { (unit(line.id.question()).show(value)) } }
                                }
                            }
                        }
                    }
                }
            }
            p.dim { "Log records: " (levels(report, ", ")) "." }
        }
    }
}
