//! The API for programs: `/api/v1`, and what orchestrators and other pages ask. Its routes are one table, which the
//! `OpenAPI` document is tested against.

mod act;
mod status;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, extract::rejection::PathRejection};
use serde_json::{Value, json};
use vitals_model::check::CheckId;
use vitals_model::history::{Cut, Span, Summary};
use vitals_model::incident::Incident;
use vitals_model::view::v1::{IncidentView, TargetView};

use crate::ask;
use crate::limits::{PAST_INCIDENTS_MAX, SERIES_MAX, SPAN_MAX};
use crate::problem::Problem;
use crate::serve::App;
use crate::source::{ExplainedView, Paper};
use crate::stream;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// An answer of the API.
type Answer = Result<Json<Value>, Problem>;
type Known = State<Arc<App>>;
type Named = Result<Path<String>, PathRejection>;
/// Everything after the `?`, in its order; a name may come more than once.
type Asked = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// Method, path and what answers, of every route.
pub(crate) fn routes() -> Vec<(&'static str, &'static str, MethodRouter<Arc<App>>)> {
    vec![
        ("get", "/api/v1/snapshot", get(snapshot)),
        ("get", "/api/v1/stream", get(stream::stream)),
        ("get", "/api/v1/openapi.json", get(openapi)),
        ("get", "/api/v1/targets", get(targets)),
        ("get", "/api/v1/targets/{target}", get(target)),
        ("get", "/api/v1/targets/{target}/report", get(report)),
        ("get", "/api/v1/targets/{target}/criteria", get(criteria)),
        ("get", "/api/v1/targets/{target}/explain", get(explain)),
        ("get", "/api/v1/targets/{target}/tools", get(tools)),
        ("get", "/api/v1/targets/{target}/series", get(series)),
        ("get", "/api/v1/incidents", get(incidents)),
        ("get", "/api/v1/incidents/{incident}", get(incident)),
        ("post", "/api/v1/incidents/{incident}/acknowledge", post(act::acknowledge)),
        ("post", "/api/v1/incidents/{incident}/notes", post(act::note)),
        ("get", "/api/v1/silences", get(silences)),
        ("post", "/api/v1/silences", post(act::silence)),
        ("post", "/api/v1/silences/{silence}/end", post(act::unsilence)),
        ("post", "/api/v1/check-now", post(act::check_now)),
        ("get", "/health", get(status::health)),
        ("get", "/livez", get(status::alive)),
        ("get", "/readyz", get(status::ready)),
        ("get", "/badge/{badge}", get(status::badge)),
    ]
}

pub(crate) fn router() -> Router<Arc<App>> {
    routes().into_iter().fold(Router::new(), |router, (_, path, route)| router.route(path, route))
}

/// The part of a path that names something.
fn named(name: Named) -> Result<String, Problem> {
    name.map(|Path(name)| name).map_err(|_| Problem::bad("the path is not UTF-8"))
}

/// The value of one name after the `?`. One that the route does not know is refused: it would be a mistake unnoticed.
fn one<'a>(asked: &'a [(String, String)], known: &[&str], name: &str) -> Result<Option<&'a str>, Problem> {
    if let Some((other, _)) = asked.iter().find(|(other, _)| !known.contains(&other.as_str())) {
        return Err(Problem::bad(format!("there is no parameter {other:?} here; there is {}", known.join(", "))));
    }
    Ok(asked.iter().rfind(|(other, _)| other == name).map(|(_, value)| value.as_str()))
}

fn asked(asked: Asked) -> Result<Vec<(String, String)>, Problem> {
    asked.map(|Query(asked)| asked).map_err(|_| Problem::bad("what follows the ? cannot be read"))
}

async fn snapshot(State(app): Known) -> Response {
    let written = app.feed.written(&app.feed.latest());
    ([(header::CONTENT_TYPE, "application/json")], written.text.clone()).into_response()
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/vnd.oai.openapi+json;version=3.1")], include_str!("api/openapi.json")).into_response()
}

async fn targets(State(app): Known) -> Json<Value> {
    let snapshot = app.feed.latest();
    let brief = |state: &Arc<vitals_model::snapshot::TargetState>| {
        let good = |health: &str| state.servers.iter().filter(|truth| truth.health.as_str() == health).count();
        json!({
            "id": state.target.id.as_str(), "kind": state.target.address.kind().as_str(), "url": state.target.address.to_string(),
            "health": state.health.as_str(), "score": state.score.points, "grade": state.score.grade().as_str(),
            "servers": state.servers.len(), "servers_healthy": good("healthy"), "incidents": state.open.len(),
        })
    };
    Json(json!({ "at": snapshot.at.to_string(), "targets": snapshot.targets.iter().map(brief).collect::<Vec<_>>() }))
}

async fn target(State(app): Known, name: Named) -> Answer {
    let snapshot = app.feed.latest();
    let view = TargetView::from(&**ask::target(&snapshot, &named(name)?)?);
    Ok(Json(json!(view)))
}

async fn report(app: Known, name: Named, asked: Asked) -> Result<Response, Problem> {
    paper(app, name, asked, DAY, Paper::ReportJson).await
}

async fn criteria(app: Known, name: Named, asked: Asked) -> Result<Response, Problem> {
    paper(app, name, asked, DAY * 2, Paper::CriteriaJson).await
}

async fn paper(State(app): Known, name: Named, query: Asked, usual: Duration, paper: Paper) -> Result<Response, Problem> {
    let query = asked(query)?;
    let since = one(&query, &["since"], "since")?.map_or(Ok(usual), |text| ask::duration(text, SPAN_MAX))?;
    let id = ask::target_id(&app, &named(name)?)?;
    let text = app.ask(move |source| source.paper(&id, since, paper)).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

async fn explain(State(app): Known, name: Named, query: Asked) -> Answer {
    let query = asked(query)?;
    let check = one(&query, &["check"], "check")?.ok_or_else(|| Problem::bad("name the check: ?check=hub-servers/api"))?;
    let (id, check) = (ask::target_id(&app, &named(name)?)?, CheckId::from_stored(check));
    let of = id.clone();
    let explained = app.ask(move |source| source.explain(&id, &check)).await?;
    let explained = explained.ok_or_else(|| Problem::not_found("the check has no reading now"))?;
    Ok(Json(json!(ExplainedView::new(&of, &explained))))
}

async fn tools(State(app): Known, name: Named) -> Answer {
    let id = ask::target_id(&app, &named(name)?)?;
    let tools = app.ask(move |source| source.tools(&id)).await?;
    let tools = tools.ok_or_else(|| Problem::not_found("there is no lock file: write it with `mcp-vitals tools pin`"))?;
    Ok(Json(json!(tools)))
}

async fn series(State(app): Known, name: Named, query: Asked) -> Answer {
    let query = asked(query)?;
    let span = ask::span(&app, one(&query, &["check", "since"], "since")?, DAY)?;
    let checks: Vec<_> = query.iter().filter(|(name, _)| name == "check").map(|(_, id)| CheckId::from_stored(id)).collect();
    if checks.is_empty() || checks.len() > SERIES_MAX {
        return Err(Problem::bad(format!("name 1 to {SERIES_MAX} checks: ?check=hub-servers/api")));
    }
    let (id, cut) = (ask::target_id(&app, &named(name)?)?, Cut::of(span));
    let (of, ids) = (id.clone(), checks.clone());
    let courses = app.ask(move |source| source.course(&id, &checks, &cut)).await?;
    let slices: Vec<_> = cut.spans().collect();
    let series: Vec<_> = ids.iter().zip(&courses).map(|(id, course)| one_series(id, &slices, course)).collect();
    Ok(Json(json!({
        "target": of.as_str(), "from": cut.from.to_string(), "to": cut.to.to_string(), "step_s": cut.step.as_secs(), "series": series,
    })))
}

/// One series; a slice of which nothing is known is left out.
fn one_series(id: &CheckId, slices: &[Span], course: &[Summary]) -> Value {
    let slice = |(span, summary): (&Span, &Summary)| {
        let known = summary.healths.total() > 0 || !summary.observed.is_zero();
        let healths = &summary.healths;
        known.then(|| {
            json!({
                "from": span.from.to_string(), "to": span.to.to_string(), "samples": healths.samples, "uptime": healths.uptime(),
                "healthy_s": healths.healthy.as_secs_f64(), "degraded_s": healths.degraded.as_secs_f64(),
                "failing_s": healths.failing.as_secs_f64(), "unknown_s": healths.unknown.as_secs_f64(),
                "values": summary.spread.map(|s| json!({
                    "count": s.values, "min": s.min, "mean": s.mean, "max": s.max, "p50": s.p50, "p95": s.p95, "p99": s.p99,
                })),
            })
        })
    };
    json!({ "check": id.as_str(), "slices": slices.iter().zip(course).filter_map(slice).collect::<Vec<_>>() })
}

async fn incidents(State(app): Known, query: Asked) -> Answer {
    let query = asked(query)?;
    let (since, snapshot) = (one(&query, &["since"], "since")?, app.feed.latest());
    let found = match since {
        None => snapshot.targets.iter().flat_map(|state| &state.open).chain(&snapshot.own.open).cloned().collect(),
        Some(text) => {
            let from = app.source.now().minus(ask::duration(text, SPAN_MAX)?);
            latest(app.ask(move |source| source.incidents(from)).await?)
        }
    };
    Ok(Json(json!({ "at": snapshot.at.to_string(), "incidents": found.iter().map(IncidentView::from).collect::<Vec<_>>() })))
}

/// Those that last, and the latest of those that are over.
pub(crate) fn latest(incidents: Vec<Incident>) -> Vec<Incident> {
    let over = incidents.iter().filter(|incident| incident.resolved_at.is_some()).count();
    let mut skip = over.saturating_sub(PAST_INCIDENTS_MAX);
    let keep = |incident: &Incident| {
        let skipped = incident.resolved_at.is_some() && skip > 0;
        skip -= usize::from(skipped);
        !skipped
    };
    incidents.into_iter().filter(keep).collect()
}

async fn incident(State(app): Known, name: Named) -> Answer {
    let id = ask::number('I', &named(name)?)?;
    Ok(Json(json!(IncidentView::from(&ask::incident(&app, id).await?))))
}

async fn silences(State(app): Known) -> Json<Value> {
    let silence = |s: &vitals_model::quiet::Silence| {
        json!({
            "id": format!("S{}", s.id), "target": s.target.as_str(), "check": s.check.as_str(), "until": s.until.to_string(),
            "author": s.remark.author.as_str(), "text": s.remark.text.as_str(), "at": s.remark.at.to_string(),
        })
    };
    Json(json!({ "silences": app.feed.latest().own.silences.iter().map(silence).collect::<Vec<_>>() }))
}

/// Accepted: the watch was told, and does it now.
fn accepted() -> Response {
    (StatusCode::ACCEPTED, Json(json!({ "accepted": true }))).into_response()
}
