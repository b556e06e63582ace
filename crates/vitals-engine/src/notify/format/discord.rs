//! Discord, Execute Webhook with an embed (discord.com/developers/docs: Webhook resource, Embed limits, Allowed mentions).
//! Nobody is mentioned, whatever our words hold.

use serde_json::json;

use super::{Letter, Outgoing, colour, cut};

/// Longest title and description of an embed, in characters.
const TITLE_CHARS_MAX: usize = 256;
const DESCRIPTION_CHARS_MAX: usize = 4096;

/// What is written before and behind the body, so that it is shown as it is.
const FENCE: &str = "```";

pub(super) fn request(letter: &Letter<'_>) -> Result<Outgoing, String> {
    let (subject, view) = (letter.subject(TITLE_CHARS_MAX)?, &letter.view);
    // A fence within would end ours.
    let body = letter.body(DESCRIPTION_CHARS_MAX)?.replace(FENCE, "'''");
    let body = cut(&body, DESCRIPTION_CHARS_MAX - 2 * (FENCE.len() + 1));
    let mut embed = json!({
        "title": subject, "description": format!("{FENCE}\n{body}\n{FENCE}"), "color": colour(view), "timestamp": view.at,
        "footer": {"text": format!("mcp-vitals on {}", view.host)},
    });
    if let Some(link) = &view.link {
        embed["url"] = link.as_str().into();
    }
    Ok(letter.json(&json!({"username": "mcp-vitals", "embeds": [embed], "allowed_mentions": {"parse": []}})))
}
