//! `/metrics`: the latest snapshot, written once for each format however often it is asked for, and what watching costs at
//! this moment.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use vitals_model::snapshot::Snapshot;

use super::{Format, text};
use crate::kept::Kept;
use crate::serve::App;

/// The metrics of the latest snapshot in both formats.
#[derive(Default)]
pub(crate) struct Scrapes {
    prometheus: Kept<Bytes>,
    open: Kept<Bytes>,
}

impl Scrapes {
    pub(crate) fn of(&self, snapshot: &Arc<Snapshot>, format: Format) -> Arc<Bytes> {
        let kept = match format {
            Format::Prometheus => &self.prometheus,
            Format::OpenMetrics => &self.open,
        };
        kept.of(snapshot, |last| text::snapshot(snapshot, format, last.map_or(0, |last| last.len() + last.len() / 16)).into())
    }
}

/// The route of `/metrics`.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new().route("/metrics", get(answer))
}

/// Writing takes some milliseconds per hundred targets: not where others wait.
async fn answer(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let format = Format::negotiate(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()));
    let write = move || {
        let snapshot = app.scrapes.of(&app.feed.latest(), format);
        [(*snapshot).clone(), text::cost(&app.source.overhead(), format).into()]
    };
    let Ok(parts) = tokio::task::spawn_blocking(write).await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let length = parts.iter().map(Bytes::len).sum::<usize>();
    // In parts, so that what is kept is not copied for each who asks.
    let body = Body::from_stream(stream::iter(parts.map(Ok::<_, std::convert::Infallible>)));
    ([(header::CONTENT_TYPE, format.content_type().to_owned()), (header::CONTENT_LENGTH, length.to_string())], body)
        .into_response()
}
