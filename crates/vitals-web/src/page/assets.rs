//! What the page loads: one style, one script, one picture. Their addresses carry a version, so they are kept for long.

use std::sync::OnceLock;

use axum::http::header;
use axum::response::IntoResponse;
use sha2::{Digest, Sha256};

use crate::look;

const MORE_STYLE: &str = include_str!("app.css");
const SCRIPT: &str = include_str!("script.js");
const ICON: &str = include_str!("icon.svg");

const KEEP: &str = "private, max-age=31536000, immutable";

/// What changes with the contents.
pub(super) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let hash = Sha256::new().chain_update(look::STYLE).chain_update(MORE_STYLE).chain_update(SCRIPT).finalize();
        let [a, b, c, d, ..]: [u8; 32] = hash.into();
        format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
    })
}

pub(super) async fn style() -> impl IntoResponse {
    let whole = [look::STYLE, MORE_STYLE].concat();
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, KEEP)], whole)
}

pub(super) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, KEEP)], SCRIPT)
}

pub(super) async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "private, max-age=86400")], ICON)
}
