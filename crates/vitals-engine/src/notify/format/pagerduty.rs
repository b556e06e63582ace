//! `PagerDuty`, Events API v2 (developer.pagerduty.com: Send an alert event; PD-CEF). A group of incidents is one alert: the
//! same `dedup_key` opens, acknowledges and resolves it, so that a notice that comes twice changes nothing.

use serde_json::json;

use super::{Letter, Outgoing, key, line};

/// Longest summary, in characters.
const SUMMARY_CHARS_MAX: usize = 1024;

/// Longest `dedup_key`, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// Longest body among the details: an event has 512 kB at most.
const BODY_CHARS_MAX: usize = 16 << 10;

pub(super) fn request(letter: &Letter<'_>) -> Result<Outgoing, String> {
    let view = &letter.view;
    let action = match view.status {
        "resolved" => "resolve",
        "acknowledged" => "acknowledge",
        _ => "trigger",
    };
    let mut event = json!({"routing_key": letter.token(), "event_action": action, "dedup_key": key(&view.key, KEY_BYTES_MAX)});
    if action == "trigger" {
        let first = view.incidents.first();
        event["payload"] = json!({
            "summary": letter.subject(SUMMARY_CHARS_MAX)?,
            "source": first.map_or_else(|| view.host.clone(), |told| told.target.clone()),
            "severity": view.severity,
            "timestamp": view.since,
            "component": first.map_or("", |told| told.server.as_deref().unwrap_or(&told.check)),
            "group": line(&view.group, 256),
            "class": first.map_or("", |told| told.kind.as_str()),
            "custom_details": {
                "body": letter.body(BODY_CHARS_MAX)?, "notice": view.id, "reason": view.reason, "route": view.route,
                "host": view.host, "labels": view.labels,
            },
        });
        event["client"] = "mcp-vitals".into();
        if let Some(link) = &view.link {
            event["client_url"] = link.as_str().into();
            event["links"] = json!([{"href": link, "text": "See it"}]);
        }
    }
    Ok(Outgoing::json(format!("{}/v2/enqueue", letter.base()), &event))
}
