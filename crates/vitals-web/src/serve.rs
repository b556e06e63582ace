//! Serving: one router for all faces, and the loop that accepts connections. Both are bounded by [`crate::limits`].

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::auth::{self, Guard, Reach};
use crate::limits::{
    ANSWER_TIME_MAX, BODY_BYTES_MAX, CONNECTIONS_MAX, END_TIME_MAX, HEAD_BYTES_MAX, HEAD_TIME_MAX, HEADERS_MAX, READS_MAX,
    UNREAD_TIME_MAX,
};
use crate::problem::Problem;
use crate::source::{Facts, Source, Trouble};
use crate::stream::Feed;
use crate::{agents, api, metrics, page};

/// What every route knows.
pub(crate) struct App {
    pub source: Arc<dyn Source>,
    pub guard: Arc<Guard>,
    pub feed: Feed,
    pub scrapes: metrics::Scrapes,
    pub strips: page::Strips,
    reads: Semaphore,
}

impl App {
    /// Asks the source where that holds up nobody else; at most [`READS_MAX`] at one time.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Source) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Problem> {
        let Ok(_turn) = self.reads.acquire().await else { return Err(Trouble::Busy.into()) };
        let source = Arc::clone(&self.source);
        match tokio::task::spawn_blocking(move || question(&*source)).await {
            Ok(answer) => Ok(answer?),
            Err(_panic) => Err(Trouble::Failed("reading the history failed".to_owned()).into()),
        }
    }
}

/// All routes: page, API, metrics and the server for agents.
pub fn router(source: Arc<dyn Source>, guard: Guard) -> Router {
    let guard = Arc::new(guard);
    // Beyond loopback the guard wants the token for everything, by whatever name it is reached.
    let names: Option<&[String]> = if guard.reach == Reach::Loopback { Some(&[]) } else { None };
    let agents = agents::router(Arc::clone(&source) as Arc<dyn Facts>, names);
    let app = Arc::new(App {
        feed: Feed::new(source.snapshots()),
        source,
        guard: Arc::clone(&guard),
        scrapes: metrics::Scrapes::default(),
        strips: page::Strips::default(),
        reads: Semaphore::new(READS_MAX),
    });
    let routes = api::router().merge(page::router()).merge(metrics::router()).fallback(page::nothing_here);
    let routes = routes.method_not_allowed_fallback(page::not_so).with_state(app).merge(agents);
    routes
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(guard, auth::guard))
}

/// Ends what takes too long to begin its answer.
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_TIME_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "it took too long").into_response(),
    }
}

/// What serving came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Served {
    /// Connections accepted.
    pub connections: u64,
    /// Connections that had to be cut at the end.
    pub cut: u64,
}

/// Accepts connections until `stop`; then lets those that are there end within [`END_TIME_MAX`].
pub async fn run(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) -> Served {
    let mut stop = pin!(stop);
    let (ending, told) = tokio::sync::watch::channel(());
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let accepted = AtomicU64::new(0);
    loop {
        let next = async {
            // The semaphore is never closed.
            let place = Arc::clone(&room).acquire_owned().await.ok()?;
            Some((place, accept(&listener).await))
        };
        tokio::select! {
            () = &mut stop => break,
            Some((place, stream)) = next => {
                accepted.fetch_add(1, Ordering::Relaxed);
                let (router, mut told) = (router.clone(), told.clone());
                connections.spawn(async move {
                    let _place = place;
                    let ended = async move { drop(told.changed().await) };
                    connection(stream, router, ended).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(ending);
    let all = async { while connections.join_next().await.is_some() {} };
    drop(tokio::time::timeout(END_TIME_MAX, all).await);
    Served { connections: accepted.into_inner(), cut: connections.len() as u64 }
}

/// The next connection. What cannot be accepted (it went away, no file descriptor is free) is tried again a moment later.
async fn accept(listener: &TcpListener) -> TcpStream {
    const PAUSE: Duration = Duration::from_millis(100);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn connection(stream: TcpStream, router: Router, ended: impl Future<Output = ()>) {
    drop(stream.set_nodelay(true));
    let unread_ms = u32::try_from(UNREAD_TIME_MAX.as_millis()).unwrap_or(u32::MAX);
    // Without it a client that does not read holds its place for longer, and no worse.
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, unread_ms);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX).max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let mut ended = pin!(ended);
    // How a connection ends is its client's affair: there is nobody to tell.
    tokio::select! {
        _ = &mut serving => return,
        () = &mut ended => serving.as_mut().graceful_shutdown(),
    }
    drop(serving.await);
}
