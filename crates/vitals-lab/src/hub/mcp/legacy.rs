//! HTTP+SSE of revision 2024-11-05, as npm mcp-hub speaks it: one event stream to the client, which names
//! the address for messages from it. A session is as long as its stream.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, stream};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::service::serve_server_with_ct;
use rmcp::transport::common::server_side_http::session_id;
use rmcp::transport::sink_stream::TransportAdapterSinkStream;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard, PollSendError, PollSender};
use vitals_probe::task::Task;

use super::MESSAGE_BYTES_MAX;
use super::members::SESSIONS_MAX;
use super::shared::Shared;
use super::storm::Storms;
use super::visitor::Visitor;
use crate::persona::Persona;

/// Messages to one client that wait for it; beyond that its session waits.
const OUTGOING_MAX: usize = 64;

/// Messages from one client that wait for its session; beyond that their requests wait.
const INCOMING_MAX: usize = 64;

/// How long a message may wait for its session to take it; after that it is refused with 503.
const INCOMING_WAIT_MAX: Duration = Duration::from_secs(10);

/// All sessions of this transport.
pub(super) struct Legacy {
    shared: Arc<Shared>,
    ended: CancellationToken,
    lines: Mutex<HashMap<String, Line>>,
    storms: Storms,
}

/// One session's way in. Dropping it ends the session.
struct Line {
    incoming: mpsc::Sender<Box<ClientJsonRpcMessage>>,
    _session: Task,
}

/// What a client's stream holds: the session ends with it.
struct Held {
    legacy: Arc<Legacy>,
    /// What the client calls itself, once it has.
    client: Arc<OnceLock<String>>,
    _open: DropGuard,
}

impl Drop for Held {
    /// At once and before all else that has come meanwhile: the next client waits for the storm.
    fn drop(&mut self) {
        let Legacy { shared, ended, storms, .. } = &*self.legacy;
        if shared.persona == Persona::Npm421 && !ended.is_cancelled() {
            storms.one(&shared.journal, self.client.get().map(String::as_str));
        }
    }
}

impl Legacy {
    pub(super) fn new(shared: Arc<Shared>, ended: CancellationToken) -> Arc<Self> {
        Arc::new(Self { shared, ended, lines: Mutex::default(), storms: Storms::default() })
    }

    /// Answers `GET /mcp`: a stream whose first event names the address for messages.
    pub(super) fn stream(self: Arc<Self>) -> Response {
        let mut lines = self.lines();
        if lines.len() >= SESSIONS_MAX || self.ended.is_cancelled() {
            return (StatusCode::SERVICE_UNAVAILABLE, "no room for another session").into_response();
        }
        let id = session_id().to_string();
        let open = self.ended.child_token();
        // A channel keeps room for 32 of what it carries, so it carries what is small: a thousand sessions
        // with the library's own messages in them would be 40 MB more.
        let (incoming, mut from_client) = mpsc::channel::<Box<ClientJsonRpcMessage>>(INCOMING_MAX);
        let (to_client, outgoing) = mpsc::channel::<Bytes>(OUTGOING_MAX);

        let from_client = stream::poll_fn(move |cx| from_client.poll_recv(cx)).map(|message| *message);
        let written = |message: ServerJsonRpcMessage| ready(Ok::<_, PollSendError<Bytes>>(event(&message)));
        let transport = (Box::pin(PollSender::new(to_client).with(written)), Box::pin(from_client));
        let (legacy, own, until) = (Arc::downgrade(&self), id.clone(), open.clone());
        let said = Arc::new(OnceLock::new());
        let held = Held { legacy: Arc::clone(&self), client: Arc::clone(&said), _open: open.drop_guard() };
        let visitor = Visitor::new(Arc::clone(&self.shared));
        let session = Task::spawn(async move {
            if let Ok(running) = serve_server_with_ct::<_, _, _, TransportAdapterSinkStream>(visitor, transport, until).await {
                if let Some(client) = running.service().client() {
                    // Nobody else sets it.
                    drop(said.set(client.to_owned()));
                }
                drop(running.waiting().await);
            }
            if let Some(legacy) = legacy.upgrade() {
                legacy.lines().remove(&own);
            }
        });
        let first = format!("event: endpoint\ndata: /messages?sessionId={id}\n\n");
        lines.insert(id, Line { incoming, _session: session });
        drop(lines);

        // The stream holds the session: when the client goes, hyper drops the stream, and that ends it.
        let messages = stream::unfold((outgoing, held), |(mut outgoing, held)| async move {
            let message = outgoing.recv().await?;
            Some((message, (outgoing, held)))
        });
        let events = stream::once(async move { Bytes::from(first) }).chain(messages).map(Ok::<_, Infallible>);
        let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache, no-transform")];
        (headers, Body::from_stream(events)).into_response()
    }

    /// Answers `POST /messages?sessionId=…`: 202, and what the message asks for comes on the stream.
    pub(super) async fn message(&self, request: Request) -> Response {
        if *request.method() != Method::POST {
            return not_found(request.method(), "/messages");
        }
        let id = request.uri().query().and_then(|query| {
            url::form_urlencoded::parse(query.as_bytes())
                .find_map(|(key, value)| (key == "sessionId").then(|| value.into_owned()))
        });
        let incoming = id.and_then(|id| self.lines().get(&id).map(|line| line.incoming.clone()));
        let Some(incoming) = incoming else {
            return (StatusCode::NOT_FOUND, "Session not found").into_response();
        };
        let Ok(body) = to_bytes(request.into_body(), MESSAGE_BYTES_MAX).await else {
            return (StatusCode::PAYLOAD_TOO_LARGE, format!("a message has at most {MESSAGE_BYTES_MAX} bytes")).into_response();
        };
        let message = match serde_json::from_slice::<Box<ClientJsonRpcMessage>>(&body) {
            Ok(message) => message,
            Err(error) => return (StatusCode::BAD_REQUEST, format!("Invalid message: {error}")).into_response(),
        };
        match incoming.send_timeout(message, INCOMING_WAIT_MAX).await {
            Ok(()) => (StatusCode::ACCEPTED, "Accepted").into_response(),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "the session takes no more messages").into_response()
            }
            Err(mpsc::error::SendTimeoutError::Closed(_)) => (StatusCode::NOT_FOUND, "Session not found").into_response(),
        }
    }

    /// Ends all sessions.
    pub(super) fn end(&self) {
        self.ended.cancel();
        self.lines().clear();
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<String, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a request is the opening of this transport's stream: a `GET` of a client that has no session and
/// does not say that it speaks a later revision.
pub(super) fn is_legacy(request: &Request) -> bool {
    let has = |name: &str| request.headers().contains_key(name);
    *request.method() == Method::GET && !has("mcp-session-id") && !has("mcp-protocol-version") && !has("last-event-id")
}

/// What Express answers where it has no route.
pub(super) fn not_found(method: &Method, path: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n\
         <pre>Cannot {method} {path}</pre>\n</body>\n</html>\n"
    );
    (StatusCode::NOT_FOUND, Html(page)).into_response()
}

fn event(message: &ServerJsonRpcMessage) -> Bytes {
    match serde_json::to_string(message) {
        Ok(json) => format!("event: message\ndata: {json}\n\n").into(),
        // The library's own messages are always JSON; were one not, an empty comment keeps the stream whole.
        Err(_) => Bytes::from_static(b":\n\n"),
    }
}
