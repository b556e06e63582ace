//! The report as one page that needs nothing else: no script, no request, light and dark, on screen and on paper.
//! Every text goes through `maud`, which escapes it; the page's own policy forbids scripts in any case. It computes
//! nothing that the report does not say.

mod figures;
mod plot;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use vitals_judge::report::Report;
use vitals_judge::report::trend::{Direction, Trend};
use vitals_model::check::Unit;
use vitals_model::criterion::Fulfilment;
use vitals_model::reading::Health;
use vitals_model::score::{Grade, Score};
use vitals_model::time::{Timestamp, human};

use super::report::{arrow, known, percent};

const STYLE: &str = include_str!("page/style.css");

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
                style { (PreEscaped(STYLE)) }
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
    html! {
        main id={ "target-" (n) } {
            (head(report))
            section.hero {
                (score(report))
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
}

/// A point in time as people read it: `Nov 22 14:05`.
fn at(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.as_millis())
        .map_or_else(|_| time.to_string(), |t| t.strftime("%b %d %H:%M").to_string())
}

/// The class of what is as good or as bad as this health.
const fn of_health(health: Health) -> &'static str {
    match health {
        Health::Healthy => "good",
        Health::Unknown => "unknown",
        Health::Degraded => "warn",
        Health::Failing => "bad",
    }
}

const fn of_fulfilment(fulfilment: Fulfilment) -> &'static str {
    match fulfilment {
        Fulfilment::Met => "good",
        Fulfilment::Pending => "unknown",
        Fulfilment::Unmet => "bad",
    }
}

const fn of_grade(grade: Grade) -> &'static str {
    match grade {
        Grade::Excellent | Grade::Good => "good",
        Grade::Fair => "warn",
        Grade::Poor => "bad",
        Grade::Unknown => "unknown",
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

/// The length of the ring: 2π × its radius of 52.
const RING: f64 = 326.73;

fn score(report: &Report) -> Markup {
    let Score { points, deductions } = &report.score;
    let grade = report.score.grade();
    let full = RING * f64::from(points.unwrap_or(0)) / 100.0;
    let says = points.map_or_else(|| "–".to_owned(), |points| points.to_string());
    html! {
        div.card.score {
            svg.ring.(of_grade(grade)) viewBox="0 0 120 120" role="img" aria-label={ "Score " (report.score) } {
                circle.track cx="60" cy="60" r="52" {}
                @if points.is_some_and(|points| points > 0) {
                    circle.value cx="60" cy="60" r="52" stroke-dasharray={ (format!("{full:.1}")) " " (RING) } transform="rotate(-90 60 60)" {}
                }
                text x="60" y="66" text-anchor="middle" { (says) }
                text.grade x="60" y="83" text-anchor="middle" { (grade.as_str()) }
            }
            div {
                h2 { "Score" }
                @if deductions.is_empty() { p.dim { @if points.is_some() { "Nothing was taken off." } @else { "Too little was measured." } } }
                ul.deductions {
                    @for deduction in deductions.iter().take(DEDUCTIONS_SHOWN) {
                        li { b { "−" (deduction.points) } span { (deduction.reason) } }
                    }
                    @if deductions.len() > DEDUCTIONS_SHOWN { li { b {} span.dim { "and " (deductions.len() - DEDUCTIONS_SHOWN) " more" } } }
                    @for part in &report.unknown { li { b { "?" } span { "nothing is known of " (part) } } }
                }
            }
        }
    }
}

/// Deductions beside the ring; all of them are in the other formats.
const DEDUCTIONS_SHOWN: usize = 6;

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
