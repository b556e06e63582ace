//! Who may talk to the endpoint: pages of other sites, and names that were bound to loopback to reach it,
//! may not. The protocol asks for this of every local server.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use url::Url;

/// Origins of pages that may: those of this machine, at any port.
pub(super) const ORIGINS: [&str; 6] = [
    "http://localhost:*",
    "http://127.0.0.1:*",
    "http://[::1]:*",
    "https://localhost:*",
    "https://127.0.0.1:*",
    "https://[::1]:*",
];

/// Names of this machine.
const HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Answers 403 to a request whose `Host` or `Origin` is not of this machine.
pub(in crate::hub) async fn loopback_only(request: Request, next: Next) -> Response {
    match refusal(request.headers()) {
        Some(why) => (StatusCode::FORBIDDEN, why).into_response(),
        None => next.run(request).await,
    }
}

fn refusal(headers: &HeaderMap) -> Option<&'static str> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_local(&format!("http://{host}")) {
        return Some("Forbidden: Host header is not allowed");
    }
    let origin = headers.get(header::ORIGIN)?.to_str().unwrap_or_default();
    (!is_local(origin)).then_some("Forbidden: Origin header is not allowed")
}

fn is_local(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| url.host_str().is_some_and(|host| HOSTS.contains(&host)))
}
