//! The part of the API that changes or asks something: one server, or the hub.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Json, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rmcp::model::CallToolRequestParams;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{json_answer, now, ok, page};
use crate::hub::Hub;
use crate::hub::servers::{AndThen, Refusal, Server, Trouble};

/// A body as axum read it, or why it could not.
type Posted = Result<Json<Value>, JsonRejection>;

/// Why a request is answered with an error.
pub(super) enum Failed {
    /// The body is no JSON: Express answers with a page.
    NoJson,
    /// A field is missing: what, and which.
    Missing(&'static str, &'static str),
    /// A server refused; with the code for what has none, and what was asked for.
    Refused(Refusal, &'static str, Value),
    /// A server could not be connected.
    NotConnected(Trouble, String),
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let (status, error, code, data) = match self {
            Self::NoJson => return (StatusCode::BAD_REQUEST, page("Bad Request")).into_response(),
            Self::Missing(what, field) => {
                (StatusCode::BAD_REQUEST, format!("Missing {what}"), "VALIDATION_ERROR".into(), json!({ "field": field }))
            }
            Self::Refused(refusal, fallback, data) => {
                let (error, code, data) = refusal.words(fallback, data);
                (StatusCode::INTERNAL_SERVER_ERROR, error, code, data)
            }
            Self::NotConnected(trouble, server) => {
                let error = format!("Failed to connect to \"{server}\" MCP server: {trouble}");
                let data = json!({"server": server, "error": trouble.to_string()});
                (StatusCode::INTERNAL_SERVER_ERROR, error, "CONNECTION_ERROR".into(), data)
            }
        };
        json_answer(status, &json!({"error": error, "code": code, "data": data, "timestamp": now()}))
    }
}

/// What a request asks of one server.
struct Asked {
    server: Arc<Server>,
    body: Value,
}

fn asked(hub: &Hub, posted: Posted) -> Result<Asked, Failed> {
    let Ok(Json(body)) = posted else { return Err(Failed::NoJson) };
    let name = text(&body, "server name", "server_name")?;
    let server = hub.servers.get(name).map_err(|refusal| Failed::Refused(refusal, "SERVER_ERROR", json!({ "server": name })))?;
    Ok(Asked { server, body })
}

fn text<'a>(body: &'a Value, what: &'static str, field: &'static str) -> Result<&'a str, Failed> {
    body.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or(Failed::Missing(what, field))
}

fn done(server: &Server) -> Response {
    ok(&json!({"status": "ok", "server": server.view(), "timestamp": now()}))
}

pub(super) async fn info(State(hub): State<Arc<Hub>>, posted: Posted) -> Result<Response, Failed> {
    let Asked { server, .. } = asked(&hub, posted)?;
    Ok(ok(&json!({"server": server.view(), "timestamp": now()})))
}

pub(super) async fn start(State(hub): State<Arc<Hub>>, posted: Posted) -> Result<Response, Failed> {
    let Asked { server, .. } = asked(&hub, posted)?;
    server.start().await.map_err(|trouble| Failed::NotConnected(trouble, server.config.name.clone()))?;
    Ok(done(&server))
}

#[derive(Deserialize)]
pub(super) struct StopQuery {
    disable: Option<String>,
}

pub(super) async fn stop(
    State(hub): State<Arc<Hub>>,
    Query(query): Query<StopQuery>,
    posted: Posted,
) -> Result<Response, Failed> {
    let Asked { server, .. } = asked(&hub, posted)?;
    let then = if query.disable.as_deref() == Some("true") { AndThen::Disabled } else { AndThen::Down };
    server.stop(then).await.map_err(|trouble| Failed::NotConnected(trouble, server.config.name.clone()))?;
    Ok(done(&server))
}

pub(super) async fn refresh(State(hub): State<Arc<Hub>>, posted: Posted) -> Result<Response, Failed> {
    let Asked { server, .. } = asked(&hub, posted)?;
    server.refresh().await;
    Ok(done(&server))
}

pub(super) async fn tools(State(hub): State<Arc<Hub>>, posted: Posted) -> Result<Response, Failed> {
    let Asked { server, body } = asked(&hub, posted)?;
    let tool = text(&body, "tool name", "tool")?.to_owned();
    let arguments = body.get("arguments").cloned().unwrap_or_else(|| json!({}));
    let mut request = CallToolRequestParams::new(tool.clone());
    request.arguments = arguments.as_object().cloned();
    let called = server.call(request).await.map_err(|refusal| {
        let mut data = json!({"server": server.config.name, "tool": tool});
        if matches!(refusal, Refusal::Trouble(_)) {
            data["args"] = arguments;
        }
        Failed::Refused(refusal, "TOOL_EXECUTION_ERROR", data)
    })?;
    Ok(ok(&json!({"result": called, "timestamp": now()})))
}

pub(super) async fn resources(State(hub): State<Arc<Hub>>, posted: Posted) -> Result<Response, Failed> {
    let Asked { server, body } = asked(&hub, posted)?;
    let uri = text(&body, "resource URI", "uri")?;
    let refused = |refusal| Failed::Refused(refusal, "RESOURCE_READ_ERROR", json!({"server": server.config.name, "uri": uri}));
    let upstream = server.upstream().map_err(refused)?;
    let result = upstream.read(uri).await.map_err(|trouble| refused(Refusal::Trouble(trouble)))?;
    Ok(ok(&json!({"result": result, "timestamp": now()})))
}

pub(super) async fn prompts(State(hub): State<Arc<Hub>>, posted: Posted) -> Result<Response, Failed> {
    let Asked { server, body } = asked(&hub, posted)?;
    let prompt = text(&body, "prompt name", "prompt")?;
    let asked_for = json!({"server": server.config.name, "prompt": prompt});
    let refused = |refusal| Failed::Refused(refusal, "PROMPT_EXECUTION_ERROR", asked_for.clone());
    let upstream = server.upstream().map_err(refused)?;
    let known = server.prompts();
    if !known.iter().any(|name| name == prompt) {
        let data = json!({"server": server.config.name, "prompt": prompt, "availablePrompts": known});
        let body = json!({"error": "Prompt not found", "code": "TOOL_ERROR", "data": data, "timestamp": now()});
        return Ok(json_answer(StatusCode::INTERNAL_SERVER_ERROR, &body));
    }
    let arguments = body.get("arguments").cloned().unwrap_or_else(|| json!({}));
    let result = upstream.prompt(prompt, arguments).await.map_err(|trouble| refused(Refusal::Trouble(trouble)))?;
    Ok(ok(&json!({"result": result, "timestamp": now()})))
}

pub(super) async fn restart(State(hub): State<Arc<Hub>>) -> Response {
    match hub.restart().await {
        Ok(()) => ok(&json!({"status": "ok", "timestamp": now()})),
        Err(error) => {
            let data = json!({"error": error.to_string()});
            let body = json!({"error": "Failed to restart the hub", "code": "HUB_ERROR", "data": data, "timestamp": now()});
            json_answer(StatusCode::INTERNAL_SERVER_ERROR, &body)
        }
    }
}

/// npm mcp-hub ends, and leaves it to its supervisor to start it again.
pub(super) async fn hard_restart(State(hub): State<Arc<Hub>>) -> Response {
    hub.end_soon();
    ok(&json!({"status": "ok", "timestamp": now()}))
}
