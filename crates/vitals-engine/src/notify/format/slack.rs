//! Slack, incoming webhooks with blocks (docs.slack.dev: Sending messages using incoming webhooks; Header, Section and
//! Context block). What looks like markup in our words is escaped as its documentation of formatting says.

use serde_json::json;

use super::{Letter, Outgoing, cut};

/// Longest text of a header block and of a section block, in characters.
const HEADER_CHARS_MAX: usize = 150;
const SECTION_CHARS_MAX: usize = 3000;

pub(super) fn request(letter: &Letter<'_>) -> Result<Outgoing, String> {
    let (subject, view) = (letter.subject(HEADER_CHARS_MAX)?, &letter.view);
    let body = cut(&escape(&letter.body(SECTION_CHARS_MAX)?), SECTION_CHARS_MAX);
    let mut blocks = vec![
        json!({"type": "header", "text": {"type": "plain_text", "text": subject, "emoji": false}}),
        json!({"type": "section", "text": {"type": "mrkdwn", "text": body, "verbatim": true}}),
    ];
    if let Some(link) = &view.link {
        blocks
            .push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": format!("<{link}|{}>", escape("See it"))}]}));
    }
    Ok(letter.json(&json!({"text": escape(&subject), "blocks": blocks, "unfurl_links": false, "unfurl_media": false})))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
