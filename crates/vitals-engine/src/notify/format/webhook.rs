//! Any URL that takes JSON: [`vitals_model::view::notice_v1`], or what the receiver's template makes of it. With a key, the
//! body is signed together with the time, as Slack and Stripe sign theirs, so that nobody can send an old one again.

use ring::hmac;

use super::{Letter, Outgoing};

/// The seconds since the epoch at which it was signed.
const TIMESTAMP: &str = "mcp-vitals-timestamp";

/// `v1=` and the HMAC-SHA256 of `TIMESTAMP.BODY` in hexadecimal.
const SIGNATURE: &str = "mcp-vitals-signature";

pub(super) fn request(letter: &Letter<'_>) -> Result<Outgoing, String> {
    let body = match &letter.receiver.body {
        Some(_) => letter.body(vitals_model::limits::NOTICE_CHARS_MAX)?,
        None => serde_json::to_string(&letter.view).map_err(|error| error.to_string())?,
    };
    let mut headers = vec![("content-type", "application/json".to_owned()), ("idempotency-key", letter.view.once.clone())];
    if let Some(key) = &letter.sign {
        let seconds = (letter.now.as_millis() / 1000).to_string();
        headers.push((SIGNATURE, sign(key.expose(), &seconds, &body)));
        headers.push((TIMESTAMP, seconds));
    }
    Ok(Outgoing { url: letter.exact().to_owned(), headers, secrets: Vec::new(), body: body.into_bytes() })
}

pub(super) fn sign(key: &str, seconds: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    format!("v1={}", super::hex(tag.as_ref()))
}
