//! Answers in Gemini's shapes, the refusals among them. Shapes: <https://ai.google.dev/api/models>,
//! <https://ai.google.dev/api/generate-content> and <https://google.aip.dev/193>.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// Models on offer: name, title, tokens in and out.
const MODELS: [(&str, &str, u32, u32); 5] = [
    ("gemini-2.5-pro", "Gemini 2.5 Pro", 1_048_576, 65_536),
    ("gemini-2.5-flash", "Gemini 2.5 Flash", 1_048_576, 65_536),
    ("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", 1_048_576, 65_536),
    ("gemini-2.0-flash", "Gemini 2.0 Flash", 1_048_576, 8_192),
    ("gemini-2.0-flash-lite", "Gemini 2.0 Flash-Lite", 1_048_576, 8_192),
];

/// Models on a page when the client does not say, and at most; both are Gemini's.
const PAGE: [usize; 2] = [50, 1000];

/// Seconds after which a quota is said to be free again.
const QUOTA_S: u32 = 30;

/// Bytes of a token, roughly: what usage is counted by.
const TOKEN_BYTES: usize = 4;

/// One page of models.
pub(super) fn models(from: usize, size: Option<usize>) -> Response {
    if from > MODELS.len() {
        return invalid_argument("page token is invalid");
    }
    let size = size.filter(|size| *size > 0).unwrap_or(PAGE[0]).min(PAGE[1]);
    let to = (from + size).min(MODELS.len());
    let mut page = json!({ "models": MODELS[from..to].iter().map(about).collect::<Vec<_>>() });
    if to < MODELS.len() {
        page["nextPageToken"] = json!(to.to_string());
    }
    Json(page).into_response()
}

/// One model; `None` when it is not on offer.
pub(super) fn model(name: &str) -> Option<Response> {
    MODELS.iter().find(|model| model.0 == name).map(|model| Json(about(model)).into_response())
}

fn about((name, title, tokens_in, tokens_out): &(&str, &str, u32, u32)) -> Value {
    json!({
        "name": format!("models/{name}"),
        "version": "001",
        "displayName": title,
        "inputTokenLimit": tokens_in,
        "outputTokenLimit": tokens_out,
        "supportedGenerationMethods": ["generateContent"],
    })
}

/// What a model said to a prompt.
pub(super) fn content(model: &str, prompt: &str, text: &str) -> Response {
    let (asked, said) = (prompt.len().div_ceil(TOKEN_BYTES), text.len().div_ceil(TOKEN_BYTES));
    Json(json!({
        "candidates": [{
            "content": { "parts": [{ "text": text }], "role": "model" },
            "finishReason": "STOP",
            "index": 0,
        }],
        "usageMetadata": { "promptTokenCount": asked, "candidatesTokenCount": said, "totalTokenCount": asked + said },
        "modelVersion": model,
        "responseId": "lab",
    }))
    .into_response()
}

/// The credentials are not accepted.
pub(super) fn unauthorized() -> Response {
    let words = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other \
        valid authentication credential.";
    error(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", words, &[])
}

/// The quota is used up.
pub(super) fn quota() -> Response {
    let retry = json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{QUOTA_S}s") });
    let words =
        format!("You exceeded your current quota, please check your plan and billing details. Please retry in {QUOTA_S}s.");
    let mut answer = error(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", &words, &[retry]);
    answer.headers_mut().insert(header::RETRY_AFTER, QUOTA_S.into());
    answer
}

/// The model is overloaded.
pub(super) fn unavailable() -> Response {
    error(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "The model is overloaded. Please try again later.", &[])
}

/// The key is none of ours: 400, not 401.
pub(super) fn key_invalid() -> Response {
    let details = json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": { "service": "generativelanguage.googleapis.com" },
    });
    let words = "API key not valid. Please pass a valid API key.";
    error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", words, &[details])
}

/// There is no key.
pub(super) fn no_key() -> Response {
    let words = "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or \
        other form of API consumer identity to call this API.";
    error(StatusCode::FORBIDDEN, "PERMISSION_DENIED", words, &[])
}

/// The request makes no sense.
pub(super) fn invalid_argument(words: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", words, &[])
}

/// The model is not on offer.
pub(super) fn no_model(name: &str) -> Response {
    not_found(&format!("models/{name} is not found for API version v1beta, or is not supported for generateContent."))
}

/// Nothing is here.
pub(super) fn not_found(words: &str) -> Response {
    error(StatusCode::NOT_FOUND, "NOT_FOUND", words, &[])
}

/// A page for people where JSON should be, as a proxy sends it.
pub(super) fn html() -> Response {
    axum::response::Html("<!DOCTYPE html><html><body><h1>Sign in to continue</h1></body></html>").into_response()
}

/// JSON that ends in the middle.
pub(super) fn cut_json() -> Response {
    let cut = r#"{"candidates":[{"content":{"parts":[{"text":"{\"categories\":[\"filesy"#;
    ([(header::CONTENT_TYPE, "application/json; charset=UTF-8")], cut).into_response()
}

fn error(code: StatusCode, status: &str, words: &str, details: &[Value]) -> Response {
    let mut error = json!({ "code": code.as_u16(), "message": words, "status": status });
    if !details.is_empty() {
        error["details"] = json!(details);
    }
    (code, Json(json!({ "error": error }))).into_response()
}
