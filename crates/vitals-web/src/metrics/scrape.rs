//! `/metrics`: the latest snapshot, written when it is asked for.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{Format, render};
use crate::serve::App;

/// The route of `/metrics`.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new().route("/metrics", get(answer))
}

/// Writing takes some milliseconds per hundred targets: not where others wait.
async fn answer(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let format = Format::negotiate(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()));
    match tokio::task::spawn_blocking(move || render(&app.feed.latest(), &app.source.overhead(), format)).await {
        Ok(text) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(_panic) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
