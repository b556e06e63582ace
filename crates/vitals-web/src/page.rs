//! The page for people: written on the server, whole without a script. The one script only keeps it current and
//! remembers the token; the one style is the report's and some more. Every text goes through `maud`, which escapes it.

mod assets;
mod forms;
mod incidents;
mod overview;
mod papers;
mod parts;
mod server;
mod strips;
mod target;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use maud::{DOCTYPE, Markup, html};
use vitals_model::reading::Health;
use vitals_model::snapshot::Snapshot;
use vitals_model::text::{count, plural};

use crate::look::of_health;
use crate::problem::Problem;
use crate::serve::App;

pub(crate) use strips::Strips;

/// A page, or why there is none.
type Shown = Result<Html<String>, Refused>;

/// The routes of people.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(overview::show))
        .route("/targets/{target}", get(target::show))
        .route("/targets/{target}/server", get(server::show))
        .route("/targets/{target}/report", get(papers::report))
        .route("/targets/{target}/criteria", get(papers::criteria))
        .route("/targets/{target}/explain", get(papers::explain))
        .route("/targets/{target}/tools", get(papers::tools))
        .route("/incidents", get(incidents::list))
        .route("/incidents/{incident}", get(incidents::show))
        .route("/incidents/{incident}/acknowledge", post(forms::acknowledge))
        .route("/incidents/{incident}/note", post(forms::note))
        .route("/silences", get(incidents::silences).post(forms::silence))
        .route("/silences/{silence}/end", post(forms::unsilence))
        .route("/check-now", post(forms::check_now))
        .route("/style.css", get(assets::style))
        .route("/script.js", get(assets::script))
        .route("/icon.svg", get(assets::icon))
}

/// Whether a path is asked by programs, which are told of problems in JSON.
pub(crate) fn is_for_programs(path: &str) -> bool {
    ["/api/", "/badge/", "/mcp"].iter().any(|start| path.starts_with(start))
        || ["/health", "/livez", "/readyz", "/metrics"].contains(&path)
}

/// Whether a path says so little that who starts and stops processes may ask it without a token.
pub(crate) fn is_for_orchestrators(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz")
}

/// What the pages are called in the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Overview,
    Incidents,
    Silences,
    Elsewhere,
}

const NAVIGATION: [(Place, &str, &str); 3] = [
    (Place::Overview, "/", "Overview"),
    (Place::Incidents, "/incidents", "Incidents"),
    (Place::Silences, "/silences", "Silences"),
];

/// How everything is, in a sentence that is also read out when it changes.
fn sentence(snapshot: &Snapshot) -> String {
    let targets = &snapshot.targets;
    let open: usize = targets.iter().map(|state| state.open.len()).sum::<usize>() + snapshot.own.open.len();
    let of = |health| targets.iter().filter(|state| state.health == health).count();
    let (failing, degraded, unknown) = (of(Health::Failing), of(Health::Degraded), of(Health::Unknown));
    let mut parts = Vec::new();
    for (n, word) in [(failing, "failing"), (degraded, "degraded"), (unknown, "unknown")] {
        if n > 0 && targets.len() == 1 {
            parts.push(format!("the target is {word}"));
        } else if n > 0 {
            parts.push(format!("{n} of {} {word}", count(targets.len() as u64, "target")));
        }
    }
    if parts.is_empty() {
        parts.push(match targets.len() {
            0 => "no target yet".to_owned(),
            1 => "the target is healthy".to_owned(),
            n => format!("all {n} targets are healthy"),
        });
    }
    parts.push(if open == 0 { "no incident lasts".to_owned() } else { plural(open as u64, "incident lasts", "incidents last") });
    parts.join(", ")
}

/// A whole page.
fn sheet(snapshot: &Snapshot, title: &str, place: Place, body: &Markup) -> Html<String> {
    let says = sentence(snapshot);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body.app {
                a.skip href="#main" { "Skip to content" }
                header.site {
                    a.brand href="/" { img src="/icon.svg" alt="" width="22" height="22"; "mcp-vitals" }
                    nav aria-label="Main" {
                        @for (of, link, name) in NAVIGATION { a href=(link) aria-current=[(of == place).then_some("page")] { (name) } }
                    }
                    p.state.(of_health(snapshot.health())) id="state" data-live { span.dot {} (says) }
                }
                p.sr id="say" role="status" aria-live="polite" {}
                main id="main" tabindex="-1" { (body) }
                footer {
                    p id="as-of" data-live { "As of " time datetime=(snapshot.at) { (snapshot.at) } ". Times are UTC." }
                    p { "mcp-vitals " (env!("CARGO_PKG_VERSION")) " · " a href="/api/v1/openapi.json" { "API" } " · " a href="/health" { "health" } }
                }
                script src={ "/script.js?" (assets::version()) } type="module" {}
            }
        }
    };
    Html(page.into_string())
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (title) " · mcp-vitals" }
            link rel="icon" href="/icon.svg" type="image/svg+xml";
            link rel="stylesheet" href={ "/style.css?" (assets::version()) };
        }
    }
}

/// A problem as a page.
pub(crate) struct Refused(pub Problem);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        refusal(&self.0).into_response()
    }
}

/// A problem for people. It says nothing of any target, so everybody may see it.
pub(crate) fn refusal(problem: &Problem) -> (StatusCode, Html<String>) {
    let refused = problem.status == StatusCode::UNAUTHORIZED || problem.status == StatusCode::FORBIDDEN;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(problem.title()))
            body.app {
                header.site { a.brand href="/" { img src="/icon.svg" alt="" width="22" height="22"; "mcp-vitals" } }
                main id="main" data-refused[refused] {
                    section.card.refusal {
                        p.kind { (problem.status.as_u16()) }
                        h1 { (problem.title()) }
                        p { (problem.detail) "." }
                        p { a href="/" { "To the overview" } }
                    }
                }
                script src={ "/script.js?" (assets::version()) } type="module" {}
            }
        }
    };
    (problem.status, Html(page.into_string()))
}

/// What is at no path.
pub(crate) async fn nothing_here(uri: Uri) -> Response {
    either(&uri, Problem::not_found("there is nothing at this path"))
}

/// A path that answers other methods.
pub(crate) async fn not_so(uri: Uri) -> Response {
    either(&uri, Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not answer this method"))
}

fn either(uri: &Uri, problem: Problem) -> Response {
    if is_for_programs(uri.path()) { problem.into_response() } else { refusal(&problem).into_response() }
}
