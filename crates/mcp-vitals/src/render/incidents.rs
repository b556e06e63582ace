//! Incidents for people and for programs: in a list, and one with all that is known of it.

use std::fmt::Write as _;

use serde_json::{Value, json};
use vitals_model::incident::{Incident, IncidentState};
use vitals_model::quiet::{Remark, Silence};
use vitals_model::reading::Health;
use vitals_model::text::{count, plural};
use vitals_model::time::{Timestamp, human};
use vitals_model::view::v1::IncidentView;

use super::text::{BAD, BOLD, DIM, GOOD, WARN};

/// The value of `schema` of `incidents list --format json`.
const LIST_SCHEMA: &str = "mcp-vitals/incidents/v1";

/// `incidents list`.
pub(crate) fn list(incidents: &[Incident], silences: &[Silence], waiting: usize, now: Timestamp) -> String {
    let mut out = String::new();
    for incident in incidents {
        out.push_str(&head(incident, now));
        let marks = marks(incident);
        if !marks.is_empty() {
            let _ = writeln!(out, "    {DIM}{}{DIM:#}", marks.join("; "));
        }
    }
    if incidents.is_empty() {
        out.push_str("no incident lasts\n");
    }
    for silence in silences {
        let Silence { id, target, check, until, remark } = silence;
        let left = human(until.since(now));
        let _ = writeln!(out, "{BOLD}S{id}{BOLD:#}  silence of {check} on {target} for {left} more: {}", said(remark));
    }
    if waiting > 0 {
        let what = plural(waiting as u64, "order waits", "orders wait");
        let _ = writeln!(out, "{what} for a watch to take it in");
    }
    out
}

/// `incidents list` for programs.
pub(crate) fn list_view(incidents: &[Incident], silences: &[Silence], waiting: usize) -> Value {
    let silence = |s: &Silence| {
        json!({
            "id": format!("S{}", s.id), "target": s.target.as_str(), "check": s.check.as_str(), "until": s.until.to_string(),
            "author": s.remark.author.as_str(), "reason": s.remark.text.as_str(), "at": s.remark.at.to_string(),
        })
    };
    json!({
        "schema": LIST_SCHEMA,
        "incidents": incidents.iter().map(IncidentView::from).collect::<Vec<_>>(),
        "silences": silences.iter().map(silence).collect::<Vec<_>>(),
        "orders_waiting": waiting,
    })
}

/// `incidents show`.
pub(crate) fn one(incident: &Incident, now: Timestamp) -> String {
    let mut out = head(incident, now);
    if !incident.hint.is_empty() && incident.state == IncidentState::Open {
        let _ = writeln!(out, "    → {}", incident.hint);
    }
    let mut part = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = writeln!(out, "  {BOLD}{title}{BOLD:#}");
            for line in lines {
                let _ = writeln!(out, "    {line}");
            }
        }
    };
    part("state", marks(incident));
    part("evidence", incident.evidence.clone());
    let ties = &incident.ties;
    let mut suppressed: Vec<_> =
        ties.suppressed.iter().map(|s| format!("{} {} since {}", s.check, s.health.as_str(), s.since)).collect();
    if ties.suppressed_more > 0 {
        suppressed.push(format!("and {} more", count(ties.suppressed_more, "check")));
    }
    part("no incidents of their own because of this one", suppressed);
    part("notes", incident.handling.notes.iter().map(|note| format!("{} {}", note.at, said(note))).collect());
    let withheld = incident.handling.withheld.iter();
    let withheld = withheld.map(|w| format!("{} {}: {}", w.at, w.change.as_str().to_lowercase(), w.why.sentence));
    part("nobody was told", withheld.collect());
    let told = match incident.handling.told_at {
        Some(at) => format!("last at {at}"),
        None => "never".to_owned(),
    };
    part("people were told", vec![told]);
    out
}

/// One line: how bad, what, where, since when.
fn head(incident: &Incident, now: Timestamp) -> String {
    let Incident { id, kind, target, check, summary, opened_at, .. } = incident;
    let (style, severity) = match (incident.state, incident.health) {
        (IncidentState::Resolved, _) => (GOOD, "over"),
        (_, Health::Failing) => (BAD, "critical"),
        (_, _) => (WARN, "warning"),
    };
    let lasts = incident.resolved_at.unwrap_or(now).since(*opened_at);
    let lasts = if incident.resolved_at.is_some() { format!("lasted {}", human(lasts)) } else { format!("for {}", human(lasts)) };
    format!(
        "{BOLD}I{id}{BOLD:#}  {style}{severity} {kind}{style:#} {target} {check} {DIM}since {opened_at}, {lasts}{DIM:#}\n    {summary}\n"
    )
}

/// What else is true of it.
fn marks(incident: &Incident) -> Vec<String> {
    let mut marks = Vec::new();
    if incident.flapping {
        marks.push("flapping: its end is not believed until it is calm".to_owned());
    }
    if let Some(cause) = &incident.ties.follows {
        marks.push(format!("follows from I{} {}", cause.incident, cause.check));
    }
    if let Some(who) = &incident.handling.acknowledged {
        marks.push(format!("acknowledged at {} by {}", who.at, said(who)));
    }
    if incident.handling.told_at.is_none()
        && let Some(last) = incident.handling.withheld.last()
    {
        marks.push(format!("nobody was told: {}", last.why.sentence));
    }
    marks
}

/// Who said what.
fn said(remark: &Remark) -> String {
    if remark.text.as_str().is_empty() { remark.author.to_string() } else { format!("{}: {}", remark.author, remark.text) }
}
