//! What an API does wrong, done to every answer of it except the event stream.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;
use vitals_model::limits::BODY_BYTES_MAX;

use crate::fault::HubFault;
use crate::hub::Hub;

/// How late a slow API answers.
const LATE: Duration = Duration::from_secs(5);

/// What a proxy in front of a hub answers with.
const PROXY_PAGE: &str =
    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in to continue</h1></body></html>\n";

/// Lets the answer pass, or spoils it.
pub(super) async fn act(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let faults = hub.faults.borrow().clone();
    if faults.contains(&HubFault::ApiSlow) {
        tokio::time::sleep(LATE).await;
    }
    if faults.contains(&HubFault::ApiHtml) {
        return Html(PROXY_PAGE).into_response();
    }
    if faults.contains(&HubFault::ApiStatus500) {
        let body = json!({"error": "Internal server error", "code": "UNEXPECTED_ERROR", "data": {}, "timestamp": super::now()});
        return super::json_answer(StatusCode::INTERNAL_SERVER_ERROR, &body);
    }
    let response = next.run(request).await;
    if faults.contains(&HubFault::ApiTruncated) {
        return truncated(response).await;
    }
    response
}

/// The first half of the body, under a head that fits it: the JSON is broken, the transfer is not.
async fn truncated(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(body.slice(..body.len() / 2)))
}
