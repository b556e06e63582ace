//! Alertmanager, API v2 `postAlerts` (prometheus/alertmanager: api/v2/openapi.yaml). Every incident is an alert of its own:
//! grouping and silences are Alertmanager's there. An alert that is not sent again ends by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use vitals_model::incident::{Incident, IncidentState};
use vitals_model::notice::Severity;
use vitals_model::view::notice_v1::ToldView;

use super::{Letter, Outgoing};

/// How often an alert that lasts is sent again, as Prometheus does by default.
pub(in crate::notify) const AGAIN: Duration = Duration::from_secs(60);

/// After this time without being sent again an alert is over: four times, as Prometheus has it.
const LASTS: Duration = Duration::from_secs(4 * 60);

/// Longest annotation, in characters.
const ANNOTATION_CHARS_MAX: usize = 4096;

pub(super) fn request(letter: &Letter<'_>) -> Result<Outgoing, String> {
    let (subject, body) = (letter.subject(ANNOTATION_CHARS_MAX)?, letter.body(ANNOTATION_CHARS_MAX)?);
    let mut alerts = Vec::new();
    for (incident, told) in letter.notice.incidents.iter().zip(&letter.view.incidents) {
        let is_over = incident.state == IncidentState::Resolved;
        let until = if is_over { incident.resolved_at.unwrap_or(letter.now) } else { letter.now.plus(LASTS) };
        let mut annotations = annotations(told);
        if letter.receiver.subject.is_some() {
            annotations.insert("summary", subject.clone());
        }
        if letter.receiver.body.is_some() {
            annotations.insert("description", body.clone());
        }
        // The severity is among what an alert is known by: when it is another one, the alert that stands is over.
        let standing = letter.standing.and_then(|notice| notice.incidents.iter().find(|before| before.id == incident.id));
        let severity = Severity::of(incident.health);
        if let Some(before) = standing.map(|before| Severity::of(before.health)).filter(|before| *before != severity) {
            alerts.push(alert(letter, (incident, told), before, &letter.now.to_string(), &annotations));
        }
        alerts.push(alert(letter, (incident, told), severity, &until.to_string(), &annotations));
    }
    Ok(Outgoing::json(format!("{}/api/v2/alerts", letter.base()), &alerts.into()))
}

fn alert(
    letter: &Letter<'_>,
    (incident, told): (&Incident, &ToldView),
    severity: Severity,
    until: &str,
    annotations: &BTreeMap<&str, String>,
) -> Value {
    let mut labels: BTreeMap<String, String> =
        letter.view.labels.iter().map(|(name, value)| (label_name(name), value.clone())).collect();
    let point = incident.check.as_str().split('/').next().unwrap_or_default();
    let own = [
        ("alertname", format!("McpVitals{}", camel(incident.check.question()))),
        ("target", told.target.clone()),
        ("check", told.check.clone()),
        ("point", point.to_owned()),
        ("severity", severity.as_str().to_owned()),
        ("host", letter.view.host.clone()),
    ];
    labels.extend(own.map(|(name, value)| (name.to_owned(), value)));
    labels.extend(told.server.as_ref().map(|server| ("server".to_owned(), server.clone())));
    let mut alert = json!({"labels": labels, "annotations": annotations, "startsAt": told.since, "endsAt": until});
    if let Some(link) = &told.link {
        alert["generatorURL"] = link.as_str().into();
    }
    alert
}

fn annotations(told: &ToldView) -> BTreeMap<&'static str, String> {
    let all = [
        ("summary", told.what.clone()),
        ("description", told.why.clone()),
        ("evidence", super::cut(&told.evidence.join("\n"), ANNOTATION_CHARS_MAX)),
        ("done", told.done.join("\n")),
        ("todo", told.todo.clone()),
        ("incident", told.id.clone()),
        ("kind", told.kind.clone()),
    ];
    all.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

/// `list-changed` as `ListChanged`.
fn camel(words: &str) -> String {
    let capital = |word: &str| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>();
    words.split(|c: char| !c.is_ascii_alphanumeric()).map(capital).collect()
}

/// A name that Prometheus takes: letters, digits and `_`.
fn label_name(name: &str) -> String {
    let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if safe.starts_with(|c: char| c.is_ascii_digit()) { format!("_{safe}") } else { safe }
}
