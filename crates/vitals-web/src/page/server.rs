//! One server: the hub's claim beside the truth, how it went over an hour, a day and 90 days, its calls, its checks, and
//! what of its tools is not as approved.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};
use vitals_model::check::{CheckId, Unit};
use vitals_model::snapshot::TargetState;
use vitals_model::text::{count, plural};
use vitals_model::verdict::{ServerTruth, Verdict};
use vitals_model::view::tools_v1::{ServerToolsView, ToolsView};

use super::forms::of_range;
use super::parts::{chip, incidents, of_server, of_target, plot, readings, since, slices, verdict};
use super::strips::{Range, choice, draw, strips, uptime};
use super::target::{Named, Wanted, read};
use super::{Place, Shown, sheet};
use crate::ask;
use crate::look::of_health;
use crate::problem::Problem;
use crate::serve::App;

pub(super) async fn show(State(app): State<Arc<App>>, name: Named, asked: Wanted) -> Shown {
    let (name, asked) = read(name, asked)?;
    let snapshot = app.feed.latest();
    let state = Arc::clone(ask::target(&snapshot, &name)?);
    let truth = state.servers.iter().find(|truth| truth.name.as_str() == asked.name);
    let truth = truth.ok_or_else(|| Problem::not_found(format!("{name} has no server of that name now")))?;
    let (id, server) = (state.target.id.as_str(), truth.name.as_str());
    let range = Range::parse(Some(&asked.range));
    let link = |range: Range| of_range(&format!("{}/server", of_target(id)), &[("name", server), ("range", range.as_str())]);
    let is_its = |check: &CheckId| check.server().is_some_and(|name| name == server.replace('/', "_"));
    let related: Vec<_> = state.open.iter().chain(&state.recent).filter(|incident| is_its(&incident.check)).collect();
    let tools = tools(&app, &state, server).await;
    let body = html! {
        nav.crumbs aria-label="Breadcrumb" { a href="/" { "Overview" } " / " a href=(of_target(id)) { (id) } " / " (server) }
        div.title id="head" data-live { div { p.kind.as-is { "server of " (id) } h1 { (server) } } p.chip.(of_health(truth.health)) { (truth.health.as_str()) } }
        (claim_and_truth(truth, snapshot.at))
        section.card id="strips" data-live { h2 { "How it went" } (all_strips(&app, &state, truth).await) }
        @if !related.is_empty() { section.card id="incidents" data-live { h2 { "Incidents" } (incidents(related.iter().copied(), snapshot.at)) } }
        div.title { h2 { "Calls" } (choice(range, link)) }
        section.card id="plots" data-live { (calls(&app, &state, truth, range).await) }
        section.card id="checks" data-live { h2 { "Checks" } (readings(&state, |reading| is_its(&reading.id), snapshot.at)) }
        (tools)
    };
    Ok(sheet(&snapshot, server, Place::Elsewhere, &body))
}

fn claim_and_truth(truth: &ServerTruth, now: vitals_model::time::Timestamp) -> Markup {
    let agrees = truth.verdict == Verdict::Agrees;
    html! {
        section.against id="truth" data-live aria-label="Claim against truth" {
            div.card { h2 { "The hub says" } p.word { @match &truth.claim { Some(claim) => (claim.as_str()), None => "nothing: it is reached directly" } } }
            div.card.(of_health(truth.health)) { h2 { "True is" } p.word { (chip(truth.health)) " " (verdict(truth)) } }
            div.card.reason {
                p { (truth.reason) }
                p.dim {
                    @if agrees { "So" } @else { (truth.verdict.as_str()) } " for " (since(truth.since, now))
                    @if let Some(tools) = truth.tools { " · " (count(tools, "tool")) }
                    @if let Some(ms) = truth.call_ms { " · last call " (Unit::Millis.show(ms)) }
                }
            }
        }
    }
}

async fn all_strips(app: &App, state: &TargetState, truth: &ServerTruth) -> Markup {
    let check = || (state.target.id.clone(), CheckId::of_server(&truth.name, "truth"));
    let mut rows = Vec::new();
    for range in Range::STRIPS {
        rows.push((range, strips(app, vec![check()], range).await.pop().flatten()));
    }
    html! {
        @for (range, strip) in &rows {
            div.whole { span.label { (range.title()) } (draw(strip.as_ref(), *range)) span.up { (uptime(strip.as_ref())) } }
        }
    }
}

async fn calls(app: &App, state: &TargetState, truth: &ServerTruth, range: Range) -> Markup {
    let cut = range.cut(app.source.now());
    let (id, check) = (state.target.id.clone(), vec![CheckId::of_server(&truth.name, "call")]);
    match app.ask(move |source| source.course(&id, &check, &cut)).await {
        Ok(courses) => {
            let course = courses.first().map_or(&[][..], Vec::as_slice);
            html! { (plot("calls".to_owned(), "Latency of the canary call", Unit::Millis, &slices(&cut), course)) }
        }
        Err(problem) => html! { p.dim { (problem.detail) "." } },
    }
}

/// The tools of one server against the lock file; nothing where there is no lock file.
async fn tools(app: &App, state: &TargetState, server: &str) -> Markup {
    let id = state.target.id.clone();
    let Ok(Some(tools)) = app.ask(move |source| source.tools(&id)).await else { return html! {} };
    let found = tools.servers.iter().find(|one| one.name == server);
    html! {
        section.card id="tools" {
            h2 { "Tools" }
            @if let Some(found) = found { (one_server(found)) }
            p { a href={ (of_target(&tools.target)) "/tools" } { "The tools of every server" } }
        }
    }
}

/// The tools of every server against the lock file.
pub(super) fn all_tools(tools: &ToolsView) -> Markup {
    html! {
        p.dim { "Against " (tools.lock) "." }
        @for server in &tools.servers {
            section.card { h2 { a href=(of_server(&tools.target, &server.name)) { (server.name) } } (one_server(server)) }
        }
    }
}

fn one_server(server: &ServerToolsView) -> Markup {
    let differ = server.tools.len() as u64;
    html! {
        p {
            @match (server.presence, &server.reason) {
                ("new", _) => "Not approved yet.",
                ("gone", _) => "Approved, and not there any more.",
                (_, Some(why)) => { "Not compared, its tools cannot be seen: " (why) "." },
                _ if differ == 0 => "As approved.",
                _ => { (plural(differ, "tool differs", "tools differ")) " from what was approved." },
            }
            span.dim { " About " @if server.tokens_before != server.tokens { (server.tokens_before) " → " } (count(server.tokens, "token")) "." }
        }
        @if differ > 0 {
            table.tools {
                thead { tr { th scope="col" { "Tool" } th scope="col" { "Is" } th scope="col" { "For callers" } th scope="col" { "What changed" } } }
                tbody {
                    @for tool in &server.tools {
                        tr {
                            th scope="row" { (tool.tool) }
                            td data-label="Is" { (tool.fate) }
                            td data-label="For callers" { span.chip.small.(if tool.meaning.starts_with("breaking") { "bad" } else { "warn" }) { (tool.meaning) } }
                            td { ul { @for change in &tool.changes { li { (change.what) } } } }
                        }
                    }
                }
            }
        }
        @for sign in &server.signs { p.hint.bad { span.chip.small.bad { "sign of orders" } " " (sign.tool) ", " (sign.field) ": " (sign.sign) " “" (sign.excerpt) "”" } }
    }
}
