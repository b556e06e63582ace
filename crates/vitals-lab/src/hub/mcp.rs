//! The hub's MCP endpoint: Streamable HTTP in every revision, and HTTP+SSE of revision 2024-11-05, with
//! the tools of all servers under namespaced names, a list for each session, and the meta-tool. It starts
//! no server and knows none: the tools and the calls are the [`Backend`]'s.

mod catalogue;
mod feed;
pub(super) mod guard;
mod legacy;
mod levels;
mod members;
mod sessions;
mod shared;
mod storm;
#[cfg(test)]
mod tests;
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::any;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use vitals_probe::task::Task;

use super::backend::Backend;
use super::filter::Settings;
use super::front::Front;
use super::journal::Journal;
use crate::fault::HubFault;
use crate::persona::Persona;
use legacy::Legacy;
use sessions::Sessions;
use shared::Shared;
use visitor::Visitor;

/// A session over Streamable HTTP without a message for this long is closed: such a client may be gone without a word.
/// One over HTTP+SSE goes with its stream.
const IDLE_MAX: Duration = Duration::from_secs(30 * 60);

/// How long sessions may take to end when the hub does. Nothing of theirs is waited for, so it is a safeguard.
const END_MAX: Duration = Duration::from_secs(1);

/// Largest message from a client, in bytes; a larger one is refused with 413.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// The endpoint. Its sessions end with [`Front::end`], and when it is dropped.
pub(crate) struct Endpoint {
    shared: Arc<Shared>,
    streamable: Streamable,
    legacy: Arc<Legacy>,
    ended: CancellationToken,
    _watcher: Task,
}

type Streamable = StreamableHttpService<Visitor, Sessions>;

impl Endpoint {
    /// An endpoint without a port: its routes are merged into the hub's server. It must be started within
    /// a runtime.
    pub(crate) fn start(backend: Arc<dyn Backend>, journal: Journal, filtering: Settings, persona: Persona) -> Self {
        Self::with_idle_max(backend, journal, filtering, persona, IDLE_MAX)
    }

    fn with_idle_max(
        backend: Arc<dyn Backend>,
        journal: Journal,
        filtering: Settings,
        persona: Persona,
        idle_max: Duration,
    ) -> Self {
        let ended = CancellationToken::new();
        let shared = Arc::new(Shared::new(backend, journal, filtering, persona));
        let config = StreamableHttpServerConfig::default()
            .with_allowed_origins(guard::ORIGINS)
            .with_max_request_body_bytes(MESSAGE_BYTES_MAX)
            .with_cancellation_token(ended.child_token());
        let of = Arc::clone(&shared);
        let streamable = Streamable::new(move || Ok(Visitor::new(Arc::clone(&of))), Arc::new(Sessions::new(idle_max)), config);
        let legacy = Legacy::new(Arc::clone(&shared), ended.child_token());
        let watcher = Task::spawn(shared::watch(Arc::clone(&shared)));
        Self { shared, streamable, legacy, ended, _watcher: watcher }
    }

    /// Closes every session, and refuses new ones.
    fn close(&self) {
        self.ended.cancel();
        self.legacy.end();
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.close();
    }
}

impl Front for Endpoint {
    fn routes(&self) -> Router {
        let (streamable, legacy, persona) = (self.streamable.clone(), Arc::clone(&self.legacy), self.shared.persona);
        let mcp = any(move |request: Request| {
            let (streamable, legacy) = (streamable.clone(), Arc::clone(&legacy));
            async move { answer(request, persona, streamable, legacy).await }
        });
        let legacy = Arc::clone(&self.legacy);
        let messages = any(move |request: Request| async move { legacy.message(request).await });
        Router::new().route("/mcp", mcp).route("/messages", messages).layer(from_fn(guard::loopback_only))
    }

    fn clients(&self) -> usize {
        self.shared.members.count(self.shared.does(HubFault::SessionsKept))
    }

    fn stats(&self) -> Option<Value> {
        let analyst = self.shared.analyst.as_ref()?;
        let (catalogue, hit_rate) = self.shared.catalogue();
        let (answers, answer_rate) = analyst.memory_stats();
        let total = catalogue.len();
        // In this mode nothing is kept from everyone, so nothing counts as filtered (recorded).
        Some(json!({
            "enabled": true,
            "mode": "prompt-based",
            "totalTools": total,
            "filteredTools": 0,
            "exposedTools": total,
            "filterRate": 0,
            "serverFilterMode": null,
            "allowedServers": [],
            "allowedCategories": [],
            "categoryCacheSize": total,
            "cacheHitRate": hit_rate,
            "llmCacheSize": answers,
            "llmCacheHitRate": answer_rate,
            "timestamp": vitals_probe::clock::now().to_string(),
        }))
    }

    fn registered(&self) -> usize {
        self.shared.catalogue().0.len() + usize::from(self.shared.has_meta_tool())
    }

    fn end(&self) -> BoxFuture<'_, ()> {
        // Each session that leaves has the lists looked at again.
        let mut looks = self.shared.looks();
        self.close();
        let gone = async move { while self.shared.members.open() > 0 && looks.changed().await.is_ok() {} };
        // One that does not go is cut off with its connection.
        tokio::time::timeout(END_MAX, gone).map(drop).boxed()
    }
}

async fn answer(request: Request, persona: Persona, streamable: Streamable, legacy: Arc<Legacy>) -> Response {
    match persona {
        Persona::Npm421 if *request.method() == axum::http::Method::GET => legacy.stream(),
        Persona::Npm421 => legacy::not_found(request.method(), "/mcp"),
        Persona::Honest if legacy::is_legacy(&request) => legacy.stream(),
        Persona::Honest => streamable.handle(request).await.map(Body::new),
    }
}
