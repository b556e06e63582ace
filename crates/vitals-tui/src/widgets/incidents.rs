//! What is to be known of an incident at a glance: whether it flaps, who takes care of it, what it follows from,
//! what follows from it, and whether people were kept from hearing of it.

use vitals_model::incident::{Incident, QuietReason};
use vitals_model::text::count;

/// The words that stand behind an incident.
pub fn tags(incident: &Incident) -> Vec<String> {
    let mut tags = Vec::new();
    tags.extend(incident.flapping.then(|| "FLAPPING".to_owned()));
    tags.extend(incident.ties.follows.as_ref().map(|cause| format!("follows I{}", cause.incident)));
    tags.extend(incident.handling.acknowledged.as_ref().map(|remark| format!("ack {}", remark.author)));
    tags.extend(hushed(incident).map(str::to_owned));
    let following = incident.ties.suppressed.len() as u64 + incident.ties.suppressed_more;
    tags.extend(
        (following > 0).then(|| format!("{} follow{}", count(following, "check"), if following == 1 { "s" } else { "" })),
    );
    tags
}

/// `silenced` or `maintenance`, when that is why people did not hear of its latest change.
fn hushed(incident: &Incident) -> Option<&'static str> {
    let last = incident.handling.withheld.last()?;
    let is_hushed = matches!(last.why.reason, QuietReason::Silenced | QuietReason::Maintenance);
    (is_hushed && incident.handling.told_at.is_none_or(|told| told < last.at)).then(|| last.why.reason.as_str())
}
