//! Parts that several pages have: links, chips, tables of readings, lists of incidents, plots.

use std::fmt::Write as _;

use maud::{Markup, html};
use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::history::{Cut, Span, Spread, Summary};
use vitals_model::incident::{Incident, IncidentState};
use vitals_model::reading::{Health, Reading};
use vitals_model::snapshot::TargetState;
use vitals_model::text::count;
use vitals_model::time::{Timestamp, human};
use vitals_model::verdict::ServerTruth;
use vitals_model::view::v1::severity;

use crate::look::{at, of_health};
use crate::plot::{Line, Plot};

/// A part of an address: everything but letters, digits and `-._~` is encoded (RFC 3986).
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

pub(super) fn of_target(id: &str) -> String {
    format!("/targets/{}", encoded(id))
}

pub(super) fn of_server(target: &str, server: &str) -> String {
    format!("/targets/{}/server?name={}", encoded(target), encoded(server))
}

pub(super) fn of_check(target: &str, check: &CheckId) -> String {
    format!("/targets/{}/explain?check={}", encoded(target), encoded(check.as_str()))
}

pub(super) fn chip(health: Health) -> Markup {
    html! { span.chip.small.(of_health(health)) { (health.as_str()) } }
}

/// A verdict; the tone is that of the server's health.
pub(super) fn verdict(truth: &ServerTruth) -> Markup {
    html! { span.chip.small.(of_health(truth.health)) { (truth.verdict.as_str()) } }
}

/// How long ago something was, and when.
pub(super) fn since(then: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(then) title=(then) { (human(now.since(then))) } }
}

pub(super) fn instant(time: Timestamp) -> Markup {
    html! { time datetime=(time) { (at(time)) } }
}

/// Incidents, each with what it is about.
pub(super) fn incidents<'a>(incidents: impl Iterator<Item = &'a Incident>, now: Timestamp) -> Markup {
    html! {
        ul.incidents {
            @for incident in incidents {
                @let over = incident.state == IncidentState::Resolved;
                li.(if over { "unknown" } else { of_health(incident.health) }) {
                    p {
                        a href={ "/incidents/I" (incident.id) } { b { "I" (incident.id) " " (incident.kind) } }
                        " " span.chip.small.(if over { "good" } else { of_health(incident.health) }) { @if over { "over" } @else { (incident.health.as_str()) } }
                        @if incident.handling.acknowledged.is_some() { " " span.chip.small.unknown { "acknowledged" } }
                        @if incident.flapping { " " span.chip.small.warn { "flapping" } }
                        @if let Some(cause) = &incident.ties.follows { span.dim { " follows from " a href={ "/incidents/I" (cause.incident) } { "I" (cause.incident) } } }
                    }
                    p { (incident.summary) }
                    p.dim {
                        (incident.target.as_str()) " · " (incident.check.as_str()) " · " (instant(incident.opened_at)) ", "
                        @match incident.resolved_at { Some(end) => { "lasted " (human(end.since(incident.opened_at))) }, None => { "for " (since(incident.opened_at, now)) } }
                    }
                }
            }
        }
    }
}

/// Readings by integration point: what is not healthy, worst first; the rest is folded.
pub(super) fn readings<'a>(state: &'a TargetState, of: impl Fn(&&'a Reading) -> bool, now: Timestamp) -> Markup {
    let all: Vec<_> = state.readings.iter().filter(of).collect();
    let id = state.target.id.as_str();
    html! {
        @for point in Point::ALL {
            @let here = all.iter().copied().filter(|reading| reading.point == point);
            @let (calm, mut loud): (Vec<_>, Vec<_>) = here.partition(|reading| severity_rank(reading) == 0 && reading.health == Health::Healthy);
            @let () = loud.sort_by_key(|reading| std::cmp::Reverse((severity_rank(reading), reading.health)));
            @if calm.len() + loud.len() > 0 {
                h3 { (point.title()) }
                @if !loud.is_empty() { ul.readings { @for reading in loud { (one_reading(id, reading, now)) } } }
                @if !calm.is_empty() {
                    details.calm {
                        summary { (count(calm.len() as u64, "check")) " healthy" span.sr { " of " (point.title()) } }
                        ul.readings { @for reading in calm { (one_reading(id, reading, now)) } }
                    }
                }
            }
        }
    }
}

fn severity_rank(reading: &Reading) -> u8 {
    match severity(reading.health, reading.standing) {
        "critical" => 3,
        "warning" => 2,
        "advice" => 1,
        _ => 0,
    }
}

fn one_reading(target: &str, reading: &Reading, now: Timestamp) -> Markup {
    let severity = severity(reading.health, reading.standing);
    let class = if severity == "advice" { "unknown" } else { of_health(reading.health) };
    html! {
        li.(class) {
            details {
                summary {
                    span.chip.small.(class) { @if severity == "advice" { "advice" } @else { (reading.health.as_str()) } }
                    span.what { b { (reading.id.as_str().split_once('/').map_or(reading.id.as_str(), |(_, rest)| rest)) } " " (reading.summary) }
                }
                @if !reading.evidence.is_empty() { ul.evidence { @for piece in &reading.evidence { li { (piece) } } } }
                @if !reading.hint.is_empty() { p.hint { b { "To do: " } (reading.hint) } }
                p.dim { (reading.standing.as_str()) ", for " (since(reading.since, now)) ". " a href=(of_check(target, &reading.id)) { "Explain " span.sr { (reading.id.as_str()) } } }
            }
        }
    }
}

/// A plot of one check's values, median and 95th percentile.
pub(super) fn plot(id: String, title: &str, unit: Unit, slices: &[Span], course: &[Summary]) -> Markup {
    let values = |of: fn(&Spread) -> f64| course.iter().map(|summary| summary.spread.as_ref().map(of)).collect::<Vec<_>>();
    let (low, high) = (values(|s| s.p50), values(|s| s.p95));
    let most = high.iter().flatten().copied().fold(0.0, f64::max);
    let says =
        if high.iter().all(Option::is_none) { "Never measured.".to_owned() } else { format!("At most {}.", unit.show(most)) };
    let lines = vec![
        Line { name: "p95", class: "second", values: high.clone() },
        Line { name: "p50", class: "first", values: low.clone() },
    ];
    Plot { id, title, says, slices, unit, top: None, band: Some((low, high)), lines }.draw()
}

/// The slices of a cut.
pub(super) fn slices(cut: &Cut) -> Vec<Span> {
    cut.spans().collect()
}
