//! The overview: every target with its score, its servers and how they went. Many targets are shown as rows, in pages.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;
use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::reading::Health;
use vitals_model::snapshot::{Snapshot, TargetState};
use vitals_model::target::TargetKind;
use vitals_model::text::{Text, count, plural};
use vitals_model::verdict::ServerTruth;

use super::forms::{check_form, of_range};
use super::parts::{chip, incidents, of_server, of_target, verdict};
use super::strips::{Range, Strip, choice, draw, strips, uptime};
use super::{Place, Shown, sheet};
use crate::auth::Access;
use crate::limits::{TARGETS_A_PAGE, TARGETS_IN_FULL};
use crate::look::of_health;
use crate::problem::Problem;
use crate::serve::App;

/// What the address says.
#[derive(Deserialize, Default)]
pub(super) struct Asked {
    #[serde(default)]
    range: String,
    #[serde(default)]
    show: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: String,
}

/// A word that can be looked for, as long as that makes sense.
const QUERY_CHARS_MAX: usize = 128;

pub(super) async fn show(access: Access, State(app): State<Arc<App>>, asked: Result<Query<Asked>, QueryRejection>) -> Shown {
    let Query(mut asked) = asked.map_err(|_| Problem::bad("what follows the ? cannot be read"))?;
    asked.q = Text::cut(&asked.q, QUERY_CHARS_MAX).as_str().to_lowercase();
    let (snapshot, range) = (app.feed.latest(), Range::parse(Some(&asked.range)));
    let found: Vec<_> = snapshot.targets.iter().filter(|state| is_wanted(state, &asked)).collect();
    let pages = found.len().div_ceil(TARGETS_A_PAGE).max(1);
    let page = asked.page.parse().unwrap_or(1).clamp(1, pages);
    let shown: Vec<_> = found.iter().copied().skip((page - 1) * TARGETS_A_PAGE).take(TARGETS_A_PAGE).collect();
    let targets =
        if found.len() <= TARGETS_IN_FULL { in_full(&app, &shown, range).await } else { in_rows(&app, &shown, range).await };
    let link = |range: Range, page: usize| {
        let page = if page == 1 { String::new() } else { page.to_string() };
        of_range("/", &[("range", range.as_str()), ("show", &asked.show), ("q", &asked.q), ("page", &page)])
    };
    let body = html! {
        div.title {
            h1 { "Overview" }
            (choice(range, |range| link(range, page)))
        }
        (own(&snapshot))
        @if snapshot.targets.len() > 1 { (filter(&asked, range)) }
        div id="targets" data-live { (targets) @if found.is_empty() { (none(&snapshot)) } }
        @if pages > 1 { (turn(page, pages, found.len(), |page| link(range, page))) }
        section.acts { (check_form("", access)) }
    };
    Ok(sheet(&snapshot, "Overview", Place::Overview, &body))
}

fn is_wanted(state: &TargetState, asked: &Asked) -> bool {
    let is_named = |text: &str| text.to_lowercase().contains(&asked.q);
    let matches = asked.q.is_empty()
        || is_named(state.target.id.as_str())
        || is_named(&state.target.address.to_string())
        || state.servers.iter().any(|truth| is_named(truth.name.as_str()));
    matches && (asked.show != "bad" || state.health != Health::Healthy)
}

fn none(snapshot: &Snapshot) -> Markup {
    html! {
        section.card {
            @if snapshot.targets.is_empty() {
                h2 { "No hub yet" }
                p { "A hub that starts on this machine is found by itself. Others are named in the configuration, or with " code { "--target" } "." }
            } @else {
                p.dim { "Nothing matches." }
            }
        }
    }
}

/// What is to be said of the monitor itself.
fn own(snapshot: &Snapshot) -> Markup {
    let own = &snapshot.own;
    html! {
        div id="own" data-live {
            @if let Some(error) = &own.store_error {
                p.verdict.warn { strong { "History is not kept" } span { (error) "; " (count(own.samples_lost, "sample")) " lost so far" } }
            }
            @if !own.open.is_empty() { section.card { h2 { "The monitor itself" } (incidents(own.open.iter(), snapshot.at)) } }
        }
    }
}

fn filter(asked: &Asked, range: Range) -> Markup {
    html! {
        form.filter method="get" action="/" role="search" {
            input type="hidden" name="range" value=(range.as_str());
            label { "Find" input type="search" name="q" value=(asked.q) maxlength=(QUERY_CHARS_MAX); }
            label { "Show" select name="show" { option value="" { "all targets" } option value="bad" selected[asked.show == "bad"] { "those not healthy" } } }
            button { "Show" }
        }
    }
}

fn turn(page: usize, pages: usize, found: usize, link: impl Fn(usize) -> String) -> Markup {
    html! {
        nav.turn aria-label="Pages of targets" {
            @if page > 1 { a rel="prev" href=(link(page - 1)) { "Previous" } }
            span { "Page " (page) " of " (pages) ", " (count(found as u64, "target")) }
            @if page < pages { a rel="next" href=(link(page + 1)) { "Next" } }
        }
    }
}

/// The check that says how a target went as a whole.
fn whole(state: &TargetState) -> CheckId {
    match (state.target.address.kind(), state.servers.first()) {
        (TargetKind::Server, Some(truth)) => CheckId::of_server(&truth.name, "truth"),
        _ => CheckId::of_target(Point::HubServers, "api"),
    }
}

async fn in_full(app: &App, shown: &[&Arc<TargetState>], range: Range) -> Markup {
    let mut wanted = Vec::new();
    for state in shown {
        let id = &state.target.id;
        wanted.push((id.clone(), whole(state)));
        wanted.extend(state.servers.iter().map(|truth| (id.clone(), CheckId::of_server(&truth.name, "truth"))));
    }
    let mut read = strips(app, wanted, range).await.into_iter();
    html! {
        @for state in shown {
            @let whole = read.next().flatten();
            @let of_servers: Vec<_> = read.by_ref().take(state.servers.len()).collect();
            (card(state, whole.as_ref(), &of_servers, range))
        }
    }
}

fn card(state: &TargetState, whole: Option<&Strip>, servers: &[Option<Strip>], range: Range) -> Markup {
    let id = state.target.id.as_str();
    html! {
        section.card.target {
            div.top {
                div.name {
                    h2 { a href=(of_target(id)) { (id) } }
                    p.dim.address { (state.target.address) }
                }
                (score(state))
                (chip(state.health))
            }
            div.whole { span.label { @if state.target.address.kind() == TargetKind::Hub { "API" } @else { "Server" } } (draw(whole, range)) span.up { (uptime(whole)) } }
            @if state.target.address.kind() == TargetKind::Hub { (server_table(id, &state.servers, servers, range)) }
            @if !state.open.is_empty() {
                p.open.bad { a href={ (of_target(id)) "#incidents" } { (plural(state.open.len() as u64, "incident lasts", "incidents last")) } ": " (state.open[0].summary) }
            }
            @if let Some(repair) = state.repair.under_way.as_ref().or(state.repair.last.as_ref()) { p.dim.repair { "Repair: " (repair) } }
        }
    }
}

fn score(state: &TargetState) -> Markup {
    let says = state.score.points.map_or_else(|| "–".to_owned(), |points| points.to_string());
    html! { p.points title={ "Score " (state.score) } { span.sr { "Score " } b { (says) } span.dim { "/100" } } }
}

/// Servers with what the hub says of them, what is true, and how they went.
pub(super) fn server_table(target: &str, servers: &[ServerTruth], strips: &[Option<Strip>], range: Range) -> Markup {
    html! {
        @if servers.is_empty() { p.dim { "No server is known yet." } } @else {
            table.servers {
                thead {
                    tr {
                        th scope="col" { "Server" } th scope="col" { "The hub says" } th scope="col" { "Verdict" }
                        th.bars scope="col" { "Last " (range.title()) } th.number scope="col" { "Up" } th.number scope="col" { "Call" }
                    }
                }
                tbody {
                    @for (truth, strip) in servers.iter().zip(strips) {
                        tr {
                            th scope="row" { a href=(of_server(target, truth.name.as_str())) { (truth.name) } }
                            td data-label="The hub says" { (truth.claim.as_ref().map_or("–", |claim| claim.as_str())) }
                            td data-label="Verdict" { (verdict(truth)) }
                            td.bars { (draw(strip.as_ref(), range)) }
                            td.number data-label="Up" { (uptime(strip.as_ref())) }
                            td.number data-label="Call" { (truth.call_ms.map_or_else(|| "–".to_owned(), |ms| Unit::Millis.show(ms))) }
                        }
                    }
                }
            }
        }
    }
}

/// Many targets: a row each, the worst servers by name.
async fn in_rows(app: &App, shown: &[&Arc<TargetState>], range: Range) -> Markup {
    let wanted = shown.iter().map(|state| (state.target.id.clone(), whole(state))).collect();
    let read = strips(app, wanted, range).await;
    html! {
        section.card {
            table.targets {
                thead {
                    tr {
                        th scope="col" { "Target" } th scope="col" { "Health" } th.number scope="col" { "Score" } th scope="col" { "Servers" }
                        th.number scope="col" { "Incidents" } th.bars scope="col" { "Last " (range.title()) } th.number scope="col" { "Up" }
                    }
                }
                tbody { @for (state, strip) in shown.iter().zip(&read) { (row(state, strip.as_ref(), range)) } }
            }
        }
    }
}

fn row(state: &TargetState, strip: Option<&Strip>, range: Range) -> Markup {
    let id = state.target.id.as_str();
    let good = state.servers.iter().filter(|truth| truth.health == Health::Healthy).count();
    html! {
        tr.(of_health(state.health)) {
            th scope="row" { a href=(of_target(id)) { (id) } }
            td data-label="Health" { (chip(state.health)) }
            td.number data-label="Score" { (state.score.points.map_or_else(|| "–".to_owned(), |points| points.to_string())) }
            td data-label="Servers" { (good) " of " (state.servers.len()) " healthy" }
            td.number data-label="Incidents" { (state.open.len()) }
            td.bars { (draw(strip, range)) }
            td.number data-label="Up" { (uptime(strip)) }
        }
    }
}
