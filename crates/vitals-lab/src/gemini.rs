//! An LLM stub in the shape of Gemini's REST API: a stand-in for the real API, which costs money and needs
//! a key. It answers by keywords, always the same, and fails in Gemini's own words when it is told to.

mod choice;
mod listener;
mod reply;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Json, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use vitals_probe::task::Task;

use crate::fault::LlmFault;
use listener::Listener;

/// The key that it accepts. It opens nothing else.
const KEY: &str = "lab-llm-key";

/// Largest request, in bytes; a larger one is answered 413.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// How long an answer takes under [`LlmFault::Slow`].
const SLOW: Duration = Duration::from_secs(8);

/// A running stub. When it is dropped its port is closed and its connections end.
#[derive(Debug)]
pub struct Stub {
    base_url: String,
    shared: Arc<Shared>,
    _connections: DropGuard,
    _task: Task,
}

/// Requests so far, failed ones included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// For the list of models, or one of them.
    pub models: u64,
    /// For content: those that a provider bills.
    pub generate: u64,
}

#[derive(Debug)]
struct Shared {
    fault: watch::Sender<Option<LlmFault>>,
    models: AtomicU64,
    generate: AtomicU64,
    slow: Duration,
}

impl Stub {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(SLOW).await
    }

    async fn start_with(slow: Duration) -> io::Result<Self> {
        let shared =
            Arc::new(Shared { fault: watch::Sender::new(None), models: AtomicU64::new(0), generate: AtomicU64::new(0), slow });
        let over = CancellationToken::new();
        let listener = Listener::bind(over.clone()).await?;
        let base_url = format!("http://{}", axum::serve::Listener::local_addr(&listener)?);
        let router = router(Arc::clone(&shared));
        let task = Task::spawn(async move {
            // It has no end of its own.
            let _never = axum::serve(listener, router).await;
        });
        Ok(Self { base_url, shared, _connections: over.drop_guard(), _task: task })
    }

    /// The URL before `/v1beta`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The key that it accepts. Any other is refused as Gemini refuses it.
    pub fn key(&self) -> &'static str {
        KEY
    }

    /// Sets what goes wrong from the next request on. Clearing it ends what still waits.
    pub fn set(&self, fault: Option<LlmFault>) {
        self.shared.fault.send_replace(fault);
    }

    /// Requests so far.
    pub fn calls(&self) -> Counts {
        Counts { models: self.shared.models.load(Ordering::Relaxed), generate: self.shared.generate.load(Ordering::Relaxed) }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let refuse = middleware::from_fn_with_state(Arc::clone(&shared), refuse);
    Router::new()
        .route("/v1beta/models", get(list))
        .route("/v1beta/models/{name}", get(model))
        .route("/v1beta/models/{name}", post(generate))
        .layer(refuse)
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .fallback(|| async { reply::not_found("the requested URL was not found on this server") })
        .with_state(shared)
}

/// Counts a request, lets the fault of now have its way, and looks at the key.
async fn refuse(State(shared): State<Arc<Shared>>, request: axum::extract::Request, next: middleware::Next) -> Response {
    let generates = request.method() == axum::http::Method::POST;
    let count = if generates { &shared.generate } else { &shared.models };
    count.fetch_add(1, Ordering::Relaxed);

    let fault = *shared.fault.borrow();
    let mut changes = shared.fault.subscribe();
    match fault {
        None => {}
        Some(LlmFault::Unauthorized) => return reply::unauthorized(),
        Some(LlmFault::Quota) => return reply::quota(),
        Some(LlmFault::Unavailable) => return reply::unavailable(),
        Some(LlmFault::Malformed) if generates => return reply::cut_json(),
        Some(LlmFault::Malformed) => return reply::html(),
        // Until the client hangs up, which drops this, or the fault is over.
        Some(LlmFault::Timeout) => {
            let _over = changes.wait_for(|now| *now != fault).await;
        }
        Some(LlmFault::Slow) => {
            let _over = tokio::time::timeout(shared.slow, changes.wait_for(|now| *now != fault)).await;
        }
    }
    match key(request.headers(), request.uri().query()) {
        Some(given) if given == KEY => next.run(request).await,
        Some(_) => reply::key_invalid(),
        None => reply::no_key(),
    }
}

/// The key, which comes in a header or, from older clients, in the query.
fn key(headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    if let Some(header) = headers.get("x-goog-api-key") {
        return Some(header.to_str().unwrap_or_default().to_owned());
    }
    let pairs = url::form_urlencoded::parse(query?.as_bytes());
    pairs.into_iter().find(|(name, _)| name == "key").map(|(_, value)| value.into_owned())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    page_size: Option<usize>,
    page_token: Option<usize>,
}

async fn list(page: Result<Query<Page>, QueryRejection>) -> Response {
    match page {
        Ok(Query(Page { page_size, page_token })) => reply::models(page_token.unwrap_or(0), page_size),
        Err(_) => reply::invalid_argument("the page size or page token is no number of a page"),
    }
}

async fn model(Path(name): Path<String>) -> Response {
    reply::model(&name).unwrap_or_else(|| reply::no_model(&name))
}

async fn generate(Path(call): Path<String>, body: Result<Json<Value>, JsonRejection>) -> Response {
    let Some((name, "generateContent")) = call.split_once(':') else {
        return reply::not_found("the method is not known");
    };
    if reply::model(name).is_none() {
        return reply::no_model(name);
    }
    match body {
        Ok(Json(request)) => match choice::prompt(&request) {
            Some(prompt) => reply::content(name, &prompt, &choice::answer(&prompt)),
            None => reply::invalid_argument("GenerateContentRequest.contents: contents is not specified"),
        },
        Err(JsonRejection::BytesRejection(too_large)) => too_large.into_response(),
        Err(_) => reply::invalid_argument("Invalid JSON payload received."),
    }
}
