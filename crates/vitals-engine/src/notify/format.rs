//! Formats: what a notice is to each service, as one request. Each is a pure function, and its file names the documentation
//! of the service that it follows.

mod alertmanager;
mod discord;
mod ntfy;
mod opsgenie;
mod pagerduty;
mod slack;
mod teams;
mod telegram;
mod webhook;

use std::fmt::Write as _;

use serde_json::Value;
use vitals_model::notice::{Notice, Receiver, ReceiverKind, words};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::view::notice_v1::NoticeView;
use vitals_probe::secret::Secret;

pub(super) use alertmanager::AGAIN as ALERTMANAGER_AGAIN;

/// A notice on its way, with what it takes to write it.
pub(super) struct Letter<'a> {
    pub(super) notice: &'a Notice,
    /// What the receiver was last told of the same group, and still believes.
    pub(super) standing: Option<&'a Notice>,
    pub(super) view: NoticeView,
    pub(super) receiver: &'a Receiver,
    pub(super) url: Option<Secret>,
    pub(super) token: Option<Secret>,
    pub(super) sign: Option<Secret>,
    /// When it is written; a notice may be older.
    pub(super) now: Timestamp,
}

impl Letter<'_> {
    /// Where the receiver is, without a slash at its end.
    pub(super) fn base(&self) -> &str {
        let own = self.receiver.kind.url().unwrap_or_default();
        self.url.as_ref().map_or(own, Secret::expose).trim_end_matches('/')
    }

    /// The URL exactly as it is configured: that of a webhook.
    fn exact(&self) -> &str {
        self.url.as_ref().map_or("", Secret::expose)
    }

    pub(super) fn token(&self) -> &str {
        self.token.as_ref().map_or("", Secret::expose)
    }

    /// The subject, at most so many characters long.
    pub(super) fn subject(&self, chars_max: usize) -> Result<String, String> {
        words::subject(&self.view, self.receiver).map(|line| cut(&line, chars_max))
    }

    /// The body as plain text, at most so many characters long.
    pub(super) fn body(&self, chars_max: usize) -> Result<String, String> {
        let whole = if self.notice.report.is_some() { cut_lines } else { cut };
        words::body(&self.view, self.receiver).map(|text| whole(&text, chars_max))
    }

    /// A `POST` of JSON to a webhook.
    fn json(&self, body: &Value) -> Outgoing {
        Outgoing::json(self.exact().to_owned(), body)
    }
}

/// One request.
pub(super) struct Outgoing {
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) secrets: Vec<(&'static str, Secret)>,
    pub(super) body: Vec<u8>,
}

impl Outgoing {
    fn json(url: String, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { url, headers, secrets: Vec::new(), body: body.to_string().into_bytes() }
    }

    fn secret(mut self, name: &'static str, value: String) -> Self {
        self.secrets.push((name, Secret::new(value)));
        self
    }
}

/// The request for a letter to a service.
///
/// # Errors
/// What is wrong with the receiver's template, as a fragment.
pub(super) fn request(letter: &Letter<'_>) -> Result<Outgoing, String> {
    match letter.receiver.kind {
        ReceiverKind::Alertmanager => alertmanager::request(letter),
        ReceiverKind::Slack => slack::request(letter),
        ReceiverKind::Teams => teams::request(letter),
        ReceiverKind::Discord => discord::request(letter),
        ReceiverKind::Pagerduty => pagerduty::request(letter),
        ReceiverKind::Opsgenie => opsgenie::request(letter),
        ReceiverKind::Ntfy => ntfy::request(letter),
        ReceiverKind::Telegram => telegram::request(letter),
        ReceiverKind::Webhook => webhook::request(letter),
        ReceiverKind::Email | ReceiverKind::Command | ReceiverKind::Desktop => Err("is not reached by HTTP".to_owned()),
    }
}

/// At most so many characters; what is cut is marked.
fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max - 1).chain(['…']).collect(),
    }
}

/// The same, in whole lines where there is more than one: what is left of a table is one.
fn cut_lines(text: &str, chars_max: usize) -> String {
    let short = cut(text, chars_max);
    match short.rfind('\n').filter(|_| short != text) {
        Some(end) => format!("{}\n…", &short[..end]),
        None => short,
    }
}

/// A name that a service bounds: as it is when it fits, else what is left of it with a digest, so that two stay two.
fn key(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let digest = hex(&digest.as_ref()[..8]);
    let room = (0..bytes_max - digest.len()).rev().find(|n| text.is_char_boundary(*n)).unwrap_or(0);
    format!("{}-{digest}", &text[..room])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The colour of a notice, as `0xRRGGBB`: green when it is over, blue for a report, red when it is critical, else amber.
fn colour(view: &NoticeView) -> u32 {
    match (view.status, view.severity) {
        ("resolved", _) => 0x1a_7f37,
        ("report", _) => 0x1f_6feb,
        (_, "critical") => 0xb4_2318,
        _ => 0xd4_a72c,
    }
}

/// One line of a text that may have several.
fn line(text: &str, chars_max: usize) -> String {
    Text::cut(text, chars_max - 1).to_string()
}

#[cfg(test)]
mod tests;
