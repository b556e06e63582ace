//! One target: score, servers with claim and truth, incidents, latency and resources over a range, every check.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;
use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::finding::Outcome;
use vitals_model::observation::Level;
use vitals_model::reading::Health;
use vitals_model::snapshot::TargetState;
use vitals_model::target::TargetKind;
use vitals_model::text::{bytes, count};
use vitals_model::time::{Timestamp, human};

use super::forms::{check_form, of_range};
use super::overview::server_table;
use super::parts::{chip, incidents, of_target, plot, readings, slices};
use super::strips::{Range, choice, strips};
use super::{Place, Shown, sheet};
use crate::ask;
use crate::auth::Access;
use crate::look::{of_health, score};
use crate::problem::Problem;
use crate::serve::App;

/// Most plots of servers' calls; of more servers, each has its own page.
const CALL_PLOTS_MAX: usize = 6;

/// Log lines shown, the latest.
const LOG_LINES_SHOWN: usize = 20;

/// What the address of a page says after the `?`.
#[derive(Deserialize, Default)]
pub(super) struct Asked {
    #[serde(default)]
    pub range: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub check: String,
}

pub(super) type Wanted = Result<Query<Asked>, QueryRejection>;
pub(super) type Named = Result<Path<String>, PathRejection>;

pub(super) fn read(name: Named, asked: Wanted) -> Result<(String, Asked), Problem> {
    let Path(name) = name.map_err(|_| Problem::bad("the path is not UTF-8"))?;
    let Query(asked) = asked.map_err(|_| Problem::bad("what follows the ? cannot be read"))?;
    Ok((name, asked))
}

pub(super) async fn show(access: Access, State(app): State<Arc<App>>, name: Named, asked: Wanted) -> Shown {
    let (name, asked) = read(name, asked)?;
    let snapshot = app.feed.latest();
    let state = Arc::clone(ask::target(&snapshot, &name)?);
    let range = Range::parse(Some(&asked.range));
    let wanted = state.servers.iter().map(|truth| (state.target.id.clone(), CheckId::of_server(&truth.name, "truth")));
    let of_servers = strips(&app, wanted.collect(), range).await;
    let id = state.target.id.as_str();
    let path = of_target(id);
    let body = html! {
        (head(&state))
        div.hero id="score" data-live { (score(&state.score, &[])) (facts(&state)) }
        @if !state.open.is_empty() { section.card id="incidents" data-live { h2 { "Incidents" } (incidents(state.open.iter(), snapshot.at)) } }
        @else { div id="incidents" data-live {} }
        div.title { h2 { "Over time" } (choice(range, |range| of_range(&path, &[("range", range.as_str())]))) }
        @if state.target.address.kind() == TargetKind::Hub {
            section.card id="servers" data-live { h2 { "Servers: what the hub says, and what is true" } (server_table(id, &state.servers, &of_servers, range)) }
        }
        section.card id="plots" data-live { h2 { "Latency and resources" } (plots(&app, &state, range).await) }
        section.card id="checks" data-live { h2 { "Checks" } (readings(&state, |_| true, snapshot.at)) }
        (anomalies(&state))
        (log(&state))
        @if !state.recent.is_empty() { section.card id="over" data-live { h2 { "Incidents that are over" } (incidents(state.recent.iter(), snapshot.at)) } }
        section.acts { (check_form(id, access)) }
    };
    Ok(sheet(&snapshot, id, Place::Elsewhere, &body))
}

fn head(state: &TargetState) -> Markup {
    let id = state.target.id.as_str();
    let path = of_target(id);
    html! {
        div.title id="head" data-live {
            div {
                p.kind { (state.target.address.kind().as_str()) }
                h1 { (id) }
                p.dim.address { (state.target.address) }
            }
            p.chip.(of_health(state.health)) { (state.health.as_str()) }
        }
        nav.tabs aria-label={ "More about " (id) } {
            a href={ (path) "/report?range=1d" } { "Daily report" }
            a href={ (path) "/criteria?range=7d" } { "Criteria" }
            a href={ (path) "/tools" } { "Tools" }
            a href={ "/badge/" (super::parts::encoded(id)) ".svg" } { "Badge" }
        }
    }
}

/// What the hub says of itself, and what a look costs it.
fn facts(state: &TargetState) -> Markup {
    let claim = state.claim.as_ref();
    let good = state.servers.iter().filter(|truth| truth.health == Health::Healthy).count();
    let tile = |label: &str, value: String| html! { div.card.tile { p.label { (label) } p.value { (value) } } };
    let unknown = || "–".to_owned();
    html! {
        div.tiles {
            (tile("Servers healthy", format!("{good} of {}", state.servers.len())))
            (tile("Incidents that last", state.open.len().to_string()))
            (tile("The hub says it is", claim.and_then(|claim| claim.state.as_ref()).map_or_else(unknown, |state| state.as_str().to_owned())))
            (tile("Latency after our visit", state.visit.latency_after.map_or_else(unknown, human)))
        }
    }
}

async fn plots(app: &App, state: &TargetState, range: Range) -> Markup {
    let hub = |question: &str| CheckId::of_target(Point::HubServers, question);
    let mut wanted = vec![("API".to_owned(), Unit::Millis, hub("api")), ("CPU".to_owned(), Unit::Percent, hub("cpu"))];
    wanted.push(("Memory".to_owned(), Unit::Percent, hub("memory")));
    wanted.push(("Clients".to_owned(), Unit::Count, CheckId::of_target(Point::MetaToolClients, "clients")));
    let calls = state.servers.iter().take(CALL_PLOTS_MAX);
    wanted.extend(calls.map(|truth| (format!("Calls of {}", truth.name), Unit::Millis, CheckId::of_server(&truth.name, "call"))));
    let cut = range.cut(app.source.now());
    let (id, checks) = (state.target.id.clone(), wanted.iter().map(|(_, _, check)| check.clone()).collect::<Vec<_>>());
    let courses = match app.ask(move |source| source.course(&id, &checks, &cut)).await {
        Ok(courses) => courses,
        Err(problem) => return html! { p.dim { (problem.detail) "." } },
    };
    let slices = slices(&cut);
    let drawn =
        wanted.iter().zip(&courses).enumerate().filter(|(_, (_, course))| course.iter().any(|slice| slice.spread.is_some()));
    let drawn: Vec<_> =
        drawn.map(|(n, ((title, unit, _), course))| plot(format!("plot-{n}"), title, *unit, &slices, course)).collect();
    html! {
        @if drawn.is_empty() { p.dim { "Nothing was measured in this time." } } @else { div.plots { @for plot in drawn { (plot) } } }
    }
}

fn anomalies(state: &TargetState) -> Markup {
    let found = |outcome| matches!(outcome, Outcome::Found(_));
    let (loud, calm): (Vec<_>, Vec<_>) = state.findings.iter().partition(|finding| found(finding.outcome));
    html! {
        section.card id="anomalies" data-live {
            h2 { "Anomalies" }
            @if loud.is_empty() { p.dim { "None: " (count(calm.len() as u64, "detector")) " looked." } }
            ul.readings {
                @for finding in loud {
                    @let class = if finding.outcome == Outcome::Found(Health::Failing) { "bad" } else { "warn" };
                    li.(class) { p { span.chip.small.(class) { (finding.kind.as_str()) } " " (finding.reason) } @if !finding.hint.is_empty() { p.hint { b { "To do: " } (finding.hint) } } }
                }
            }
        }
    }
}

fn log(state: &TargetState) -> Markup {
    let levels: Vec<_> = [("error", state.levels.errors()), ("warn", state.levels.of(Level::Warn))]
        .into_iter()
        .map(|(word, n)| format!("{n} {word}"))
        .collect();
    html! {
        section.card id="log" data-live {
            h2 { "Log" }
            p { (levels.join(", ")) @if !state.levels_over.is_zero() { " in the last " (human(state.levels_over)) } @if let Some(cost) = state.visit.log_bytes { "; our visit made the hub write " (bytes(cost)) } "." }
            @if !state.log.is_empty() {
                details { summary { "Latest warnings and errors" } ol.log { @for line in state.log.iter().rev().take(LOG_LINES_SHOWN) { li { (line) } } } }
            }
        }
    }
}

/// The state of one target at one time, for pages that show less.
pub(super) fn line(state: &TargetState, now: Timestamp) -> Markup {
    html! { p { (chip(state.health)) " " a href=(of_target(state.target.id.as_str())) { (state.target.id.as_str()) } span.dim { " as of " time datetime=(now) { (now) } } } }
}
