//! `/metrics`: the latest snapshot, written when it is asked for.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;
use vitals_model::snapshot::{Overhead, Snapshot};

use super::{Format, render};

/// What watching costs at the moment it is asked for.
pub type Cost = Arc<dyn Fn() -> Overhead + Send + Sync>;

/// The route of `/metrics`, to be merged into a server.
pub fn router(snapshots: watch::Receiver<Arc<Snapshot>>, cost: Cost) -> Router {
    let scrape = move |headers: HeaderMap| {
        let (snapshot, cost) = (Arc::clone(&snapshots.borrow()), Arc::clone(&cost));
        async move { answer(snapshot, cost, &headers).await }
    };
    Router::new().route("/metrics", get(scrape))
}

/// Writing takes some milliseconds per hundred targets: not where others wait.
async fn answer(snapshot: Arc<Snapshot>, cost: Cost, headers: &HeaderMap) -> Response {
    let format = Format::negotiate(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()));
    match tokio::task::spawn_blocking(move || render(&snapshot, &cost(), format)).await {
        Ok(text) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(_panic) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
