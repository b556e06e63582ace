//! `/api/v1/stream`: server-sent events, one for each snapshot in which something is different.
//!
//! `event: snapshot` carries the JSON of `/api/v1/snapshot`, with `?view=live` also what a screen shows beside it; with `?view=brief`, `event: changed` carries the time and
//! the health alone. Each client waits on the watch by itself: one that is slow is given the latest and misses
//! those between.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use vitals_model::snapshot::Snapshot;
use vitals_model::view::live_v1::LiveView;
use vitals_model::view::v1::CheckView;

use crate::kept::Kept;
use crate::limits::{STREAM_BEAT, STREAM_EVERY, STREAM_SLOW, STREAMS_MAX};
use crate::problem::Problem;
use crate::serve::App;

/// The snapshots as text, each written once however many ask.
pub(crate) struct Feed {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    written: Kept<Written>,
    places: Arc<Semaphore>,
    slow: AtomicU64,
}

/// A snapshot as JSON.
pub(crate) struct Written {
    pub text: Bytes,
    /// Where what follows the time begins: two snapshots that differ before it alone say the same.
    after_time: usize,
}

impl Written {
    /// Writes it; `bytes` is about how long it will be.
    fn new(snapshot: &Snapshot, bytes: usize) -> Self {
        let view = CheckView::from(snapshot);
        let mut text = Vec::with_capacity(bytes);
        // A view is made of texts and finite numbers: it can always be written.
        let _ = serde_json::to_writer(&mut text, &view);
        let head = format!("{{\"schema\":\"{}\",\"at\":\"{}\"", view.schema, view.at);
        let after_time = if text.starts_with(head.as_bytes()) { head.len() } else { 0 };
        Self { text: text.into(), after_time }
    }

    fn says(&self) -> &[u8] {
        &self.text[self.after_time..]
    }
}

impl Feed {
    pub(crate) fn new(snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        Self { snapshots, written: Kept::default(), places: Arc::new(Semaphore::new(STREAMS_MAX)), slow: AtomicU64::new(0) }
    }

    /// The latest snapshot.
    pub(crate) fn latest(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// Waits until a snapshot fulfils a condition.
    pub(crate) async fn shows(&self, condition: impl FnMut(&Arc<Snapshot>) -> bool) {
        let mut snapshots = self.snapshots.clone();
        drop(snapshots.wait_for(condition).await);
    }

    /// A snapshot as JSON.
    pub(crate) fn written(&self, snapshot: &Arc<Snapshot>) -> Arc<Written> {
        self.written.of(snapshot, |last| Written::new(snapshot, last.map_or(0, |last| last.text.len() + last.text.len() / 16)))
    }

    /// How many clients there are, and how many events were taken too slowly.
    pub(crate) fn clients(&self) -> (usize, u64) {
        (STREAMS_MAX - self.places.available_permits(), self.slow.load(Ordering::Relaxed))
    }
}

/// What a client asks for.
#[derive(Deserialize, Default)]
pub(crate) struct Wish {
    #[serde(default)]
    view: View,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum View {
    #[default]
    Full,
    /// With what a screen shows beside it.
    Live,
    Brief,
}

pub(crate) async fn stream(State(app): State<Arc<App>>, wish: Result<Query<Wish>, QueryRejection>) -> Response {
    let Ok(Query(Wish { view })) = wish else { return Problem::bad("view is full, live or brief").into_response() };
    let Ok(place) = Arc::clone(&app.feed.places).try_acquire_owned() else {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "as many streams are open as there may be").into_response();
    };
    let mut snapshots = app.feed.snapshots.clone();
    snapshots.mark_changed();
    let client = Client { app, snapshots, view, last: None, given_at: None, _place: place };
    let events = stream::unfold(client, |mut client| async move { Some((client.next().await?, client)) });
    Sse::new(events).keep_alive(KeepAlive::new().interval(STREAM_BEAT)).into_response()
}

/// A snapshot with all that a screen shows, for the few screens that are far away.
fn live(snapshot: &Snapshot) -> String {
    // A view is made of texts and finite numbers: it can always be written.
    serde_json::to_string(&LiveView::from(snapshot)).unwrap_or_default()
}

struct Client {
    app: Arc<App>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    view: View,
    last: Option<Arc<Written>>,
    /// When the last event was handed over; what is asked for the next one has room for it.
    given_at: Option<Instant>,
    _place: OwnedSemaphorePermit,
}

impl Client {
    /// The next event; `None` when the watch ends.
    async fn next(&mut self) -> Option<Result<Event, std::convert::Infallible>> {
        if let Some(at) = self.given_at {
            if at.elapsed() > STREAM_SLOW {
                self.app.feed.slow.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep_until(at + STREAM_EVERY).await;
        }
        loop {
            self.snapshots.changed().await.ok()?;
            let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
            let written = self.app.feed.written(&snapshot);
            if self.last.as_ref().is_some_and(|last| last.says() == written.says()) {
                continue;
            }
            let event = match self.view {
                View::Full => Event::default().event("snapshot").data(String::from_utf8_lossy(&written.text)),
                View::Live => Event::default().event("snapshot").data(live(&snapshot)),
                View::Brief => {
                    let brief = json!({ "at": snapshot.at.to_string(), "health": snapshot.health().as_str() });
                    Event::default().event("changed").data(brief.to_string())
                }
            };
            (self.last, self.given_at) = (Some(written), Some(Instant::now()));
            return Some(Ok(event));
        }
    }
}
