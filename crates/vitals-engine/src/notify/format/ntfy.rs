//! ntfy, publish as JSON (docs.ntfy.sh: Sending messages, Publish as JSON; Limitations).

use serde_json::json;

use super::{Letter, Outgoing};

/// Longest message, in characters: 4096 bytes are a message, more become an attachment.
const MESSAGE_CHARS_MAX: usize = 1000;

/// Longest title, in characters.
const TITLE_CHARS_MAX: usize = 200;

pub(super) fn request(letter: &Letter<'_>) -> Result<Outgoing, String> {
    let view = &letter.view;
    let (priority, tag) = match (view.status, view.severity) {
        ("resolved", _) => (3, "white_check_mark"),
        ("report", _) => (3, "bar_chart"),
        (_, "critical") => (5, "rotating_light"),
        _ => (4, "warning"),
    };
    let mut message = json!({
        "topic": letter.receiver.topic.as_deref().unwrap_or_default(),
        "title": letter.subject(TITLE_CHARS_MAX)?,
        "message": letter.body(MESSAGE_CHARS_MAX)?,
        "priority": priority,
        "tags": [tag],
    });
    if let Some(link) = &view.link {
        message["click"] = link.as_str().into();
    }
    let outgoing = Outgoing::json(letter.base().to_owned(), &message);
    Ok(match letter.token.as_ref() {
        Some(token) => outgoing.secret("authorization", format!("Bearer {}", token.expose())),
        None => outgoing,
    })
}
