//! Opsgenie, Alert API v2 (docs.opsgenie.com: Alert API, create, acknowledge and close). A group of incidents is one alert,
//! known by its alias.

use serde_json::json;
use url::form_urlencoded::byte_serialize;

use super::{Letter, Outgoing, key, line};

/// The limits of the API, in characters.
const MESSAGE_CHARS_MAX: usize = 130;
const ALIAS_CHARS_MAX: usize = 512;
const DESCRIPTION_CHARS_MAX: usize = 15_000;
const NOTE_CHARS_MAX: usize = 25_000;
const SOURCE_CHARS_MAX: usize = 100;

pub(super) fn request(letter: &Letter<'_>) -> Result<Outgoing, String> {
    let view = &letter.view;
    let alias = key(&view.key, ALIAS_CHARS_MAX);
    let source = line(&format!("mcp-vitals on {}", view.host), SOURCE_CHARS_MAX);
    let alerts = format!("{}/v2/alerts", letter.base());
    let of_alias = |action: &str| {
        // Behind a path, a space is `%20` and not `+`.
        let name: String = byte_serialize(alias.as_bytes()).collect::<String>().replace('+', "%20");
        format!("{alerts}/{name}/{action}?identifierType=alias")
    };
    let outgoing = match view.status {
        "resolved" | "acknowledged" => {
            let action = if view.status == "resolved" { "close" } else { "acknowledge" };
            Outgoing::json(of_alias(action), &json!({"source": source, "note": letter.body(NOTE_CHARS_MAX)?}))
        }
        _ => {
            let details: serde_json::Map<_, _> =
                view.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
            let body = json!({
                "message": letter.subject(MESSAGE_CHARS_MAX)?,
                "alias": alias,
                "description": letter.body(DESCRIPTION_CHARS_MAX)?,
                "entity": line(&view.group, ALIAS_CHARS_MAX),
                "source": source,
                "tags": ["mcp-vitals", view.severity],
                "details": details,
                "priority": if view.severity == "critical" { "P1" } else { "P3" },
            });
            Outgoing::json(alerts, &body)
        }
    };
    Ok(outgoing.secret("authorization", format!("GenieKey {}", letter.token())))
}
