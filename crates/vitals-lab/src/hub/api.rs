//! The REST API in the shapes of npm mcp-hub 4.2.1, and the doors of the event stream. It only reads and asks;
//! what the hub is and does is elsewhere.

mod calls;
mod faults;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use vitals_probe::clock;

use super::Hub;
use super::events::{Form, Joined, Wants};
use super::journal::{Level, Record};
use super::mcp::guard;
use super::servers::ServerView;

/// The version that the lab's hub imitates.
const VERSION: &str = "4.2.1";

/// All routes of the hub; those of `front` beside the API.
pub(crate) fn routes(hub: &Arc<Hub>, front: Router) -> Router {
    let api = Router::new()
        .route("/api/health", get(health))
        .route("/api/servers", get(servers))
        .route("/api/workspaces", get(workspaces))
        .route("/api/filtering/stats", get(stats))
        .route("/api/servers/start", post(calls::start))
        .route("/api/servers/stop", post(calls::stop))
        .route("/api/servers/info", post(calls::info))
        .route("/api/servers/refresh", post(calls::refresh))
        .route("/api/servers/tools", post(calls::tools))
        .route("/api/servers/resources", post(calls::resources))
        .route("/api/servers/prompts", post(calls::prompts))
        .route("/api/restart", post(calls::restart))
        .route("/api/hard-restart", post(calls::hard_restart))
        .layer(from_fn_with_state(Arc::clone(hub), faults::act));
    Router::new()
        .merge(api)
        .route("/api/events", get(events))
        .route("/api/logs", get(logs))
        .layer(from_fn(guard::loopback_only))
        .with_state(Arc::clone(hub))
        .merge(front)
        .method_not_allowed_fallback(not_found)
        .fallback(not_found)
        .layer(map_response(as_express))
}

/// Express names itself in every answer.
async fn as_express(mut response: Response) -> Response {
    response.headers_mut().insert("x-powered-by", HeaderValue::from_static("Express"));
    response
}

/// What Express says of a path that it does not know, or not with this method.
async fn not_found(method: Method, uri: Uri) -> Response {
    (StatusCode::NOT_FOUND, page(&format!("Cannot {method} {}", escape(uri.path())))).into_response()
}

/// A page in the form of Express.
fn page(text: &str) -> Html<String> {
    let head = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>";
    Html(format!("{head}\n<body>\n<pre>{text}</pre>\n</body>\n</html>\n"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// JSON with the type that Express gives it.
fn json_answer(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}

fn ok(body: &impl Serialize) -> Response {
    json_answer(StatusCode::OK, body)
}

fn now() -> String {
    clock::now().to_string()
}

/// The answer of `GET /api/health`. The order of fields is npm's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status: &'static str,
    state: &'static str,
    #[serde(rename = "server_id")]
    server_id: &'static str,
    version: &'static str,
    active_clients: usize,
    timestamp: String,
    servers: Vec<ServerView>,
    connections: Value,
    mcp_endpoint: Value,
    workspaces: Workspaces,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Workspaces {
    current: String,
    all_active: Map<String, Value>,
}

async fn health(State(hub): State<Arc<Hub>>) -> Response {
    let connections: Vec<_> = hub
        .streams()
        .into_iter()
        .map(|(id, since)| json!({"id": id, "state": "connected", "connectedAt": since.to_string()}))
        .collect();
    let registered = hub.front.registered();
    ok(&Health {
        status: "ok",
        state: hub.state().as_str(),
        server_id: "mcp-hub",
        version: VERSION,
        active_clients: hub.events.count(),
        timestamp: now(),
        servers: views(&hub),
        connections: json!({"totalConnections": connections.len(), "connections": connections}),
        mcp_endpoint: json!({
            "activeClients": hub.front.clients(),
            "registeredCapabilities": {"tools": registered, "resources": 0, "resourceTemplates": 0, "prompts": 0},
            "totalCapabilities": registered,
        }),
        workspaces: Workspaces { current: hub.workspace.key(), all_active: hub.workspace.all() },
    })
}

async fn servers(State(hub): State<Arc<Hub>>) -> Response {
    ok(&json!({"servers": views(&hub), "timestamp": now()}))
}

fn views(hub: &Hub) -> Vec<ServerView> {
    hub.servers.all().iter().map(|server| server.view()).collect()
}

async fn workspaces(State(hub): State<Arc<Hub>>) -> Response {
    ok(&json!({"workspaces": hub.workspace.all(), "timestamp": now()}))
}

async fn stats(State(hub): State<Arc<Hub>>, method: Method, uri: Uri) -> Response {
    match hub.front.stats() {
        Some(stats) => ok(&stats),
        None => not_found(method, uri).await,
    }
}

/// One client of the event stream, until it goes.
struct Seat {
    hub: Arc<Hub>,
    id: u64,
    queue: mpsc::Receiver<Bytes>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.stream_left(self.id);
        self.hub.journal.write(Record::new(Level::Debug, "SSE client disconnected"));
    }
}

async fn events(State(hub): State<Arc<Hub>>) -> Response {
    match hub.events.join(Wants::Everything) {
        Some(joined) => seat(hub, joined, Hub::greet),
        None => no_stream(),
    }
}

/// The records of the log as they are written, without those of before; upstream has no such path. Nothing of it was
/// recorded. By the public source of the filtering variant it is an event stream, and its page reads `log` and
/// `log_batch` there. That its clients count like others is our own choice.
async fn logs(State(hub): State<Arc<Hub>>, method: Method, uri: Uri) -> Response {
    if hub.events.form() == Form::Single {
        return not_found(method, uri).await;
    }
    match hub.events.join(Wants::Records) {
        Some(joined) => seat(hub, joined, |_, _| {}),
        None => no_stream(),
    }
}

fn no_stream() -> Response {
    let body = json!({"error": "Event stream unavailable", "code": "STREAM_UNAVAILABLE", "data": {}, "timestamp": now()});
    json_answer(StatusCode::SERVICE_UNAVAILABLE, &body)
}

/// The stream of a client that has joined, and what comes after the record of that.
fn seat(hub: Arc<Hub>, joined: Joined, then: impl FnOnce(&Hub, u64)) -> Response {
    let id = joined.id;
    hub.stream_joined(id);
    let mut record = Record::new(Level::Debug, "SSE client connected");
    record.data = json!({"clientId": id.to_string(), "totalConnections": hub.events.count()});
    hub.journal.write(record);
    then(&hub, id);
    let seat = Seat { hub, id, queue: joined.queue };
    let frames = stream::unfold(seat, |mut seat| async {
        let frame = seat.queue.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(frame), seat))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    (headers, [("x-accel-buffering", "no")], Body::from_stream(frames)).into_response()
}
