//! Telegram, Bot API `sendMessage` (core.telegram.org/bots/api). It is sent as plain text: nothing in it is markup.

use serde_json::json;

use super::{Letter, Outgoing, cut};

/// Longest text, in characters.
const TEXT_CHARS_MAX: usize = 4096;

pub(super) fn request(letter: &Letter<'_>) -> Result<Outgoing, String> {
    let text = format!("{}\n\n{}", letter.subject(TEXT_CHARS_MAX)?, letter.body(TEXT_CHARS_MAX)?);
    let body = json!({
        "chat_id": letter.receiver.chat.as_deref().unwrap_or_default(),
        "text": cut(&text, TEXT_CHARS_MAX),
        "link_preview_options": {"is_disabled": true},
        "disable_notification": matches!(letter.view.status, "resolved" | "report"),
    });
    Ok(Outgoing::json(format!("{}/bot{}/sendMessage", letter.base(), letter.token()), &body))
}
