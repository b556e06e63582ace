//! The report as one page that needs nothing else: no script, no request, light and dark, on screen and on paper.
//! Every text goes through `maud`, which escapes it; the page's own policy forbids scripts in any case. It computes
//! nothing that the report does not say.

mod figures;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use vitals_judge::report::Report;
use vitals_judge::report::trend::{Direction, Trend};
use vitals_model::check::Unit;
use vitals_model::criterion::Fulfilment;
use vitals_model::reading::Health;
use vitals_model::time::human;
use vitals_web::{at, of_health};

use super::report::{arrow, known, percent};

/// Nothing is loaded, nothing is run: the page is text and style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The whole page.
pub(crate) fn report(reports: &[Report]) -> String {
    let names: Vec<_> = reports.iter().map(|report| report.target.as_str()).collect();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "mcp-vitals " (env!("CARGO_PKG_VERSION")) };
                title { "Report of " (names.join(", ")) }
                style { (PreEscaped(vitals_web::STYLE)) }
            }
            body {
                @if reports.len() > 1 {
                    nav aria-label="Targets" {
                        @for (n, name) in names.iter().enumerate() { a href={ "#target-" (n) } { (name) } }
                    }
                }
                @for (n, report) in reports.iter().enumerate() { (target(n, report)) }
                footer {
                    "mcp-vitals " (env!("CARGO_PKG_VERSION")) ". Times are UTC. Shares are of known time; grey is time in which nobody \
                    looked. Percentiles are within 1.6 % of the true ones."
                }
            }
        }
    };
    page.into_string()
}

fn target(n: usize, report: &Report) -> Markup {
    html! { main id={ "target-" (n) } { (contents(n, report)) } }
}

/// The report of one target as part of another page, which has the style.
pub(crate) fn part(report: &Report) -> String {
    contents(0, report).into_string()
}

/// The criteria of one target as part of another page, which has the style.
pub(crate) fn criteria_part(report: &Report) -> String {
    html! { (head(report)) (tables::criteria(&report.criteria)) }.into_string()
}

fn contents(n: usize, report: &Report) -> Markup {
    html! {
            (head(report))
            section.hero {
                (vitals_web::score(&report.score, &report.unknown))
                (tiles(report))
            }
            (first(report))
            @if !report.phases.is_empty() { (tables::phases(&report.phases)) }
            (figures::course(n, report))
            (figures::timeline(n, report))
            (figures::latencies(n, report))
            (figures::resources(n, report))
            (tables::criteria(&report.criteria))
            (tables::trends(&report.trends))
            (tables::incidents(report))
            (tables::scenarios(&report.scenarios))
    }
}

const fn of_fulfilment(fulfilment: Fulfilment) -> &'static str {
    match fulfilment {
        Fulfilment::Met => "good",
        Fulfilment::Pending => "unknown",
        Fulfilment::Unmet => "bad",
    }
}

const fn of_direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Better => "good",
        Direction::Same | Direction::Unknown => "unknown",
        Direction::Worse => "bad",
    }
}

fn head(report: &Report) -> Markup {
    let span = report.span;
    html! {
        header {
            div {
                p.kind { @if report.stability.is_some() { "Stability run" } @else { "Report" } }
                h1 { (report.target.as_str()) }
                p.span {
                    time datetime=(span.from) { (at(span.from)) } " – " time datetime=(span.to) { (at(span.to)) }
                    " UTC · " (human(span.length())) " · observed " (format!("{:.0} %", report.observed * 100.0))
                }
            }
            p.chip.(of_health(report.health)) { "now " (report.health.as_str()) }
        }
        @if let Some(stability) = &report.stability {
            p.verdict.(of_fulfilment(stability.fulfilment)) { strong { (stability.as_str()) } span { (stability.reason) } }
        }
    }
}

fn tiles(report: &Report) -> Markup {
    let trend = |what: &str| report.trends.iter().find(|trend| trend.what == what);
    let hub = |question: &str| report.hub.iter().find(|line| line.id.question() == question);
    let api = hub("api");
    let working = report.servers.iter().filter(|s| matches!(s.health, Health::Healthy | Health::Degraded)).count();
    let p95 = api.and_then(|line| line.spread).map_or_else(|| "unknown".to_owned(), |s| Unit::Millis.show(s.p95));
    html! {
        div.tiles {
            (tile("API uptime", &percent(api.and_then(|line| line.uptime)), trend("API uptime")))
            (tile("API p95", &p95, trend("API p95")))
            (tile("Servers that work now", &format!("{working} of {}", report.servers.len()), None))
            (tile("Incidents", &report.incidents.len().to_string(), trend("incidents")))
        }
    }
}

fn tile(label: &str, value: &str, trend: Option<&Trend>) -> Markup {
    html! {
        div.card.tile {
            p.label { (label) }
            p.value { (value) }
            @match trend.filter(|trend| trend.before.is_some()) {
                Some(trend) => p.trend.(of_direction(trend.direction)) { (arrow(trend.direction)) " was " (known(trend, trend.before)) },
                None => p.trend.unknown { "\u{a0}" },
            }
        }
    }
}

fn first(report: &Report) -> Markup {
    html! {
        section.card {
            h2 { "What to do first" }
            @if report.recommendations.is_empty() {
                p.dim { "Nothing." }
            } @else {
                ol.todo { @for recommendation in &report.recommendations { li { (recommendation) } } }
                @if let Some(more) = super::report::more(report) { p.dim { (more) } }
            }
        }
    }
}
