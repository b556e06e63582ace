//! What could not be answered, and why: RFC 9457 (`application/problem+json`) for programs, a page for people.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::source::Trouble;

/// A request that could not be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    /// The status.
    pub status: StatusCode,
    /// What is wrong with this request, in one sentence.
    pub detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, what)
    }

    pub(crate) fn bad(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, why)
    }

    /// The status in words.
    pub(crate) fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Problem")
    }
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        let status = match trouble {
            Trouble::NoHistory | Trouble::Nothing(_) => StatusCode::NOT_FOUND,
            Trouble::Busy | Trouble::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, trouble.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({ "type": "about:blank", "title": self.title(), "status": self.status.as_u16(), "detail": self.detail });
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}
