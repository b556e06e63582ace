//! What is said of a target over a time, or of one check: report, criteria, tools, explanation.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, PreEscaped, html};
use vitals_model::check::{CheckId, Threshold};
use vitals_model::reading::Reading;
use vitals_model::target::TargetId;
use vitals_model::view::v1::severity;

use super::forms::of_range;
use super::parts::{chip, of_check, of_target, since};
use super::server::all_tools;
use super::strips::{Range, choice};
use super::target::{Named, Wanted, line, read};
use super::{Place, Shown, sheet};
use crate::ask;
use crate::look::of_health;
use crate::problem::Problem;
use crate::serve::App;
use crate::source::{Explained, Paper, Trouble};

pub(super) async fn report(State(app): State<Arc<App>>, name: Named, asked: Wanted) -> Shown {
    paper(app, name, asked, ("Report", "report"), Paper::ReportMarkup).await
}

pub(super) async fn criteria(State(app): State<Arc<App>>, name: Named, asked: Wanted) -> Shown {
    paper(app, name, asked, ("Criteria", "criteria"), Paper::CriteriaMarkup).await
}

async fn paper(app: Arc<App>, name: Named, asked: Wanted, (title, path): (&str, &str), paper: Paper) -> Shown {
    let (name, asked) = read(name, asked)?;
    let snapshot = app.feed.latest();
    let state = ask::target(&snapshot, &name)?;
    let (id, range) = (state.target.id.clone(), Range::parse(Some(&asked.range)));
    let link = |range: Range| of_range(&format!("{}/{path}", of_target(&name)), &[("range", range.as_str())]);
    let written = match app.ask(move |source| source.paper(&id, range.length(), paper)).await {
        // It is markup of ours, in which every text was escaped when it was made.
        Ok(markup) => html! { (PreEscaped(markup)) },
        Err(problem) if problem.status == axum::http::StatusCode::NOT_FOUND => {
            html! { h1 { (title) " of " (name) } section.card { p { (problem.detail) "." } } }
        }
        Err(problem) => return Err(problem.into()),
    };
    let body = html! {
        (crumbs(&name, title))
        div.title { p.kind { "Over the last" } (choice(range, link)) }
        div.paper { (written) }
    };
    Ok(sheet(&snapshot, &format!("{title} of {name}"), Place::Elsewhere, &body))
}

fn crumbs(target: &str, here: &str) -> Markup {
    html! { nav.crumbs aria-label="Breadcrumb" { a href="/" { "Overview" } " / " a href=(of_target(target)) { (target) } " / " (here) } }
}

pub(super) async fn tools(State(app): State<Arc<App>>, name: Named, asked: Wanted) -> Shown {
    let (name, _) = read(name, asked)?;
    let snapshot = app.feed.latest();
    let id = ask::target(&snapshot, &name)?.target.id.clone();
    let tools = app.ask(move |source| source.tools(&id)).await?;
    let body = html! {
        (crumbs(&name, "Tools"))
        div.title { h1 { "Tools of " (name) } }
        @match &tools {
            Some(tools) => (all_tools(tools)),
            None => section.card { p { "Nothing was approved yet. " code { "mcp-vitals tools pin --target " (name) } " writes down what the tools are now; from then on every change of them is seen." } },
        }
    };
    Ok(sheet(&snapshot, &format!("Tools of {name}"), Place::Elsewhere, &body))
}

pub(super) async fn explain(State(app): State<Arc<App>>, name: Named, asked: Wanted) -> Shown {
    let (name, asked) = read(name, asked)?;
    let snapshot = app.feed.latest();
    let state = ask::target(&snapshot, &name)?;
    let (id, check) = (state.target.id.clone(), CheckId::from_stored(&asked.check));
    let explained = app.ask(move |source| source.explain(&id, &check)).await?;
    let explained = explained.ok_or_else(|| Problem::from(Trouble::Nothing("the check has no reading now".to_owned())))?;
    let id = &state.target.id;
    let body = html! {
        (crumbs(&name, "Explain"))
        div.title { h1 { (explained.reading.id.as_str()) } (chip(explained.reading.health)) }
        (line(state, snapshot.at))
        (why(id, &explained))
    };
    Ok(sheet(&snapshot, explained.reading.id.as_str(), Place::Elsewhere, &body))
}

fn why(target: &TargetId, explained: &Explained) -> Markup {
    let reading = &explained.reading;
    html! {
        section.card {
            h2 { "What was seen" }
            p { (reading.summary) }
            @if !reading.evidence.is_empty() { ul.evidence { @for piece in &reading.evidence { li { (piece) } } } }
            @if let Some(bounds) = bounds(reading) { p.dim { (bounds) } }
            p.dim { (reading.standing.as_str()) ", " (severity(reading.health, reading.standing)) ", for " (since(reading.since, reading.at)) ", measured " time datetime=(reading.at) { (reading.at) } }
            @if !reading.hint.is_empty() { p.hint { b { "To do: " } (reading.hint) } }
        }
        section.card {
            h2 { "Why people hear of it, or do not" }
            p { (explained.verdict) "." }
            p.dim { (explained.terms) "." }
            @if let Some(quiet) = &explained.quiet { p { "People are not told: " (quiet) "." } }
            @if let Some(repair) = &explained.repair { p { "Repair: " (repair) "." } }
            @if let Some(incident) = &explained.incident { p { a href={ "/incidents/I" (incident.id) } { "Incident I" (incident.id) } } }
        }
        @if !explained.causes.is_empty() {
            section.card {
                h2 { "What it may follow from" }
                ul.readings { @for cause in &explained.causes { li.(of_health(cause.health)) { p { (chip(cause.health)) " " a href=(of_check(target.as_str(), &cause.id)) { (cause.id.as_str()) } " " (cause.summary) } } } }
            }
        }
    }
}

fn bounds(reading: &Reading) -> Option<String> {
    let show = |value| reading.unit.show(value);
    match reading.threshold? {
        Threshold::Above(degraded, failing) => {
            Some(format!("Degraded above {}, failing above {}.", show(degraded), show(failing)))
        }
        Threshold::Below(degraded, failing) => {
            Some(format!("Degraded below {}, failing below {}.", show(degraded), show(failing)))
        }
    }
}
