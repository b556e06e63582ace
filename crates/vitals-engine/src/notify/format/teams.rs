//! Microsoft Teams, a workflow with the trigger "When a Teams webhook request is received" (learn.microsoft.com: Create and
//! send messages with Power Automate; Adaptive Cards 1.4). Texts are text runs, which know no markup.

use serde_json::{Value, json};

use super::{Letter, Outgoing};

/// Longest body in characters: a message to Teams has 28 kB at most.
const BODY_CHARS_MAX: usize = 6000;

/// Longest subject, in characters.
const SUBJECT_CHARS_MAX: usize = 200;

pub(super) fn request(letter: &Letter<'_>) -> Result<Outgoing, String> {
    let (subject, body, view) = (letter.subject(SUBJECT_CHARS_MAX)?, letter.body(BODY_CHARS_MAX)?, &letter.view);
    let colour = match (view.status, view.severity) {
        ("resolved", _) => "Good",
        ("report", _) => "Accent",
        (_, "critical") => "Attention",
        _ => "Warning",
    };
    let text = |inlines: Vec<Value>| json!({"type": "RichTextBlock", "inlines": inlines});
    let mut blocks =
        vec![text(vec![json!({"type": "TextRun", "text": subject, "weight": "Bolder", "size": "Medium", "color": colour})])];
    blocks.extend(
        body.lines().filter(|line| !line.trim().is_empty()).map(|line| text(vec![json!({"type": "TextRun", "text": line})])),
    );
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": blocks,
        "msteams": {"width": "Full"},
    });
    if let Some(link) = &view.link {
        card["actions"] = json!([{"type": "Action.OpenUrl", "title": "See it", "url": link}]);
    }
    let attachment = json!({"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card});
    Ok(letter.json(&json!({"type": "message", "attachments": [attachment]})))
}
