//! Notices for people: what was decided about telling of an incident, what was sent, and what came of it.

use std::fmt::Write as _;

use vitals_model::notice::{Decision, Outcome, Posted};

use super::text::{BAD, BOLD, DIM, GOOD, WARN};

/// The part of an incident that is about telling people.
pub(crate) fn of_incident(posted: &[Posted], decisions: &[Decision]) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    if !decisions.is_empty() {
        let _ = writeln!(out, "  {BOLD}decisions about telling{BOLD:#}");
    }
    for Decision { at, route, kind, sentence, .. } in decisions {
        let route = if route.is_empty() { String::new() } else { format!(" {route}:") };
        let _ = writeln!(out, "    {DIM}{at}{DIM:#} {kind:<12}{route} {sentence}");
    }
    if !posted.is_empty() {
        let _ = writeln!(out, "  {BOLD}notices{BOLD:#}");
    }
    for one in posted {
        let notice = &one.notice;
        let said = format!("{} to {} by {}, {}", notice.status.as_str(), notice.receiver, notice.route, outcome(one));
        let _ = writeln!(out, "    {DIM}{}{DIM:#} N{} {said}", notice.at, notice.id);
    }
    out
}

/// What came of a notice so far.
pub(crate) fn outcome(posted: &Posted) -> String {
    let Some(delivery) = &posted.delivery else { return format!("{WARN}waiting{WARN:#}: not tried yet") };
    let tries = vitals_model::text::plural(delivery.attempts.into(), "attempt", "attempts");
    let word = delivery.outcome.as_str();
    let words = delivery.outcome.words();
    match delivery.outcome {
        Outcome::Delivered(_) => format!("{GOOD}{word}{GOOD:#} at {} after {tries}: {words}", delivery.at),
        Outcome::Delayed(_) => format!("{WARN}waiting{WARN:#}, {tries} failed, last at {}: {words}", delivery.at),
        Outcome::Refused(_) | Outcome::Dropped(_) => format!("{BAD}{word}{BAD:#} at {}: {words}", delivery.at),
    }
}
