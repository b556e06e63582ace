//! Incidents: the list, one with its timeline, evidence and cause, and silences.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use maud::{Markup, html};
use vitals_model::incident::{Incident, IncidentState};
use vitals_model::quiet::Remark;
use vitals_model::text::count;
use vitals_model::time::{Timestamp, human};

use super::forms::{end_form, of_incident, of_range, silence_form};
use super::parts::{chip, incidents, instant, of_check, of_target, since};
use super::strips::{Range, choice};
use super::target::Wanted;
use super::{Place, Shown, sheet};
use crate::api::latest;
use crate::ask;
use crate::auth::Access;
use crate::look::of_health;
use crate::problem::Problem;
use crate::serve::App;
use crate::source::Trouble;

pub(super) async fn list(State(app): State<Arc<App>>, asked: Wanted) -> Shown {
    let asked = asked.map_err(|_| Problem::bad("what follows the ? cannot be read"))?.0;
    let (snapshot, range) = (app.feed.latest(), Range::parse(Some(if asked.range.is_empty() { "7d" } else { &asked.range })));
    let open: Vec<_> = snapshot.targets.iter().flat_map(|state| &state.open).chain(&snapshot.own.open).collect();
    let from = app.source.now().minus(range.length());
    let past = match app.ask(move |source| source.incidents(from)).await {
        Ok(all) => latest(all),
        Err(problem) if problem.detail == Trouble::NoHistory.to_string() => {
            snapshot.targets.iter().flat_map(|state| state.recent.clone()).collect()
        }
        Err(problem) => return Err(problem.into()),
    };
    let mut over: Vec<_> = past.into_iter().filter(|incident| incident.state == IncidentState::Resolved).collect();
    over.sort_by_key(|incident| std::cmp::Reverse(incident.resolved_at));
    let body = html! {
        div.title { h1 { "Incidents" } }
        section.card id="open" data-live { h2 { "That last" } @if open.is_empty() { p.dim { "None." } } (incidents(open.iter().copied(), snapshot.at)) }
        div.title { h2 { "That are over" } (choice(range, |range| of_range("/incidents", &[("range", range.as_str())]))) }
        section.card id="over" data-live { @if over.is_empty() { p.dim { "None in this time." } } (incidents(over.iter(), snapshot.at)) }
    };
    Ok(sheet(&snapshot, "Incidents", Place::Incidents, &body))
}

pub(super) async fn show(access: Access, State(app): State<Arc<App>>, name: Result<Path<String>, PathRejection>) -> Shown {
    let Path(name) = name.map_err(|_| Problem::bad("the path is not UTF-8"))?;
    let incident = ask::incident(&app, ask::number('I', &name)?).await?;
    let snapshot = app.feed.latest();
    let title = format!("I{} {}", incident.id, incident.kind);
    let body = html! {
        nav.crumbs aria-label="Breadcrumb" { a href="/incidents" { "Incidents" } " / I" (incident.id) }
        div id="incident" data-live { (head(&incident, snapshot.at)) (about(&incident)) (timeline(&incident)) }
        (of_incident(&incident, access))
    };
    Ok(sheet(&snapshot, &title, Place::Incidents, &body))
}

fn head(incident: &Incident, now: Timestamp) -> Markup {
    let over = incident.state == IncidentState::Resolved;
    let target = incident.target.as_str();
    html! {
        div.title {
            div { p.kind.as-is { a href=(of_target(target)) { (target) } " · " (incident.check.as_str()) } h1 { "I" (incident.id) " " (incident.kind) } }
            p.chip.(if over { "good" } else { of_health(incident.health) }) { @if over { "over" } @else { (incident.health.as_str()) } }
        }
        p.verdict.(if over { "unknown" } else { of_health(incident.health) }) { strong { (incident.summary) } }
        p.dim {
            "Since " (instant(incident.opened_at))
            @match incident.resolved_at { Some(end) => { ", lasted " (human(end.since(incident.opened_at))) }, None => { ", for " (since(incident.opened_at, now)) } }
            @if incident.flapping { ". It flaps: its end is not believed until it is calm" }
            "."
        }
    }
}

fn about(incident: &Incident) -> Markup {
    let ties = &incident.ties;
    html! {
        div.pair {
            section.card {
                h2 { "Evidence" }
                @if incident.evidence.is_empty() { p.dim { "None was kept." } }
                ul.evidence { @for piece in &incident.evidence { li { (piece) } } }
                @if !incident.hint.is_empty() { p.hint { b { "To do: " } (incident.hint) } }
                @if incident.state == IncidentState::Open { p { a href=(of_check(incident.target.as_str(), &incident.check)) { "Explain this check" } } }
            }
            section.card {
                h2 { "What belongs together" }
                @if let Some(cause) = &ties.follows { p { "It follows from " a href={ "/incidents/I" (cause.incident) } { "I" (cause.incident) } " " (cause.check.as_str()) "." } }
                @if ties.suppressed.is_empty() && ties.follows.is_none() { p.dim { "Nothing else." } }
                @if !ties.suppressed.is_empty() {
                    p { "These have no incident of their own because of it:" }
                    ul.evidence { @for one in &ties.suppressed { li { (chip(one.health)) " " (one.check.as_str()) span.dim { " since " (instant(one.since)) } } } }
                    @if ties.suppressed_more > 0 { p.dim { "and " (count(ties.suppressed_more, "check")) " more" } }
                }
            }
        }
    }
}

/// What happened when, in its order.
fn timeline(incident: &Incident) -> Markup {
    let handling = &incident.handling;
    let said = |remark: &Remark| {
        if remark.text.as_str().is_empty() { remark.author.to_string() } else { format!("{}: {}", remark.author, remark.text) }
    };
    let mut all: Vec<(Timestamp, &str, String)> = vec![(incident.opened_at, "began", incident.kind.clone())];
    all.extend(handling.told_at.map(|at| (at, "people last heard of it", String::new())));
    all.extend(handling.acknowledged.as_ref().map(|remark| (remark.at, "acknowledged", said(remark))));
    all.extend(handling.notes.iter().map(|remark| (remark.at, "note", said(remark))));
    let withheld = handling.withheld.iter();
    all.extend(withheld.map(|one| (one.at, "not told", format!("{}: {}", one.change.as_str().to_lowercase(), one.why.sentence))));
    all.extend(incident.resolved_at.map(|at| (at, "over", String::new())));
    all.sort_by_key(|(at, ..)| *at);
    html! {
        section.card {
            h2 { "Timeline" }
            ol.history { @for (at, what, more) in &all { li { time datetime=(at) { (at) } span { b { (what) } @if !more.is_empty() { " " (more) } } } } }
        }
    }
}

pub(super) async fn silences(access: Access, State(app): State<Arc<App>>) -> Shown {
    let snapshot = app.feed.latest();
    let silences = &snapshot.own.silences;
    let body = html! {
        div.title { h1 { "Silences" } }
        section.card id="silences" data-live {
            @if silences.is_empty() { p.dim { "None holds: people are told of every incident." } } @else {
                table {
                    thead { tr { th scope="col" { "Silence" } th scope="col" { "Targets" } th scope="col" { "Checks" } th scope="col" { "For" } th scope="col" { "Who and why" } } }
                    tbody {
                        @for silence in silences {
                            tr {
                                th scope="row" { "S" (silence.id) }
                                td data-label="Targets" { (silence.target) } td data-label="Checks" { (silence.check) }
                                td data-label="For" { time datetime=(silence.until) { (human(silence.until.since(snapshot.at))) } " more" }
                                td { (silence.remark.author) ": " (silence.remark.text) }
                            }
                        }
                    }
                }
            }
        }
        @if !silences.is_empty() { section.card.acts { h2 { "End one" } @for silence in silences { (end_form(silence.id, access)) } } }
        section.card { h2 { "Silence checks" } p.dim { "Incidents are still seen and kept; people are not told of them." } (silence_form("*", "", access)) }
    };
    Ok(sheet(&snapshot, "Silences", Place::Silences, &body))
}
