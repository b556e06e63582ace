//! Remedies for people: what would be done, and what was.

use std::fmt::Write as _;

use vitals_model::remedy::{Action, By, HeldReason, OutcomeKind, Prospect};
use vitals_model::time::human;

use super::text::{BAD, BOLD, DIM, GOOD, WARN};

/// `remedy plan`.
pub(crate) fn plan(prospects: &[Prospect]) -> String {
    if prospects.is_empty() {
        return "no incident lasts: there is nothing to repair\n".to_owned();
    }
    prospects.iter().map(one).collect()
}

/// What may be done about one incident.
pub(crate) fn one(prospect: &Prospect) -> String {
    let Prospect { target, incident, check, summary, plan, held } = prospect;
    let mut out = format!("{BOLD}I{incident}{BOLD:#}  {target} {check}\n    {summary}\n");
    if let Some(plan) = plan {
        let _ = writeln!(out, "    {GOOD}remedy{GOOD:#}  {}: {}", plan.remedy, plan.why);
        for (n, one) in plan.moves.iter().enumerate() {
            let _ = writeln!(out, "        {}. {one}", n + 1);
        }
        let _ = writeln!(out, "        then {check} must be good again within {}", human(plan.within));
    }
    match held {
        None => out.push_str("    a watch does it by itself\n"),
        Some(held) if plan.is_none() => {
            let _ = writeln!(out, "    {WARN}no remedy{WARN:#}  {}", held.sentence);
        }
        Some(held) => {
            let by_hand =
                if held.reason == HeldReason::Busy { String::new() } else { format!("; `remedy apply I{incident}` does it") };
            let _ = writeln!(out, "    {WARN}not done by itself{WARN:#}  {}{by_hand}", held.sentence);
        }
    }
    out
}

/// `remedy history`.
pub(crate) fn history(actions: &[Action]) -> String {
    if actions.is_empty() {
        return "nothing was done\n".to_owned();
    }
    actions.iter().map(action).collect()
}

/// One action with its outcome.
pub(crate) fn action(action: &Action) -> String {
    let Action { id, target, incident, remedy, by, why, begun_at, .. } = action;
    let by = match by {
        By::Watch => String::new(),
        By::Person(_) => format!(", wanted by {by}"),
    };
    let mut out =
        format!("{BOLD}A{id}{BOLD:#}  {begun_at} {target} {remedy} {DIM}for I{incident}{by}{DIM:#}\n    why      {why}\n");
    for line in &action.moves {
        let _ = writeln!(out, "    planned  {line}");
    }
    for line in &action.evidence {
        let _ = writeln!(out, "    seen     {line}");
    }
    let _ = match &action.outcome {
        Some(outcome) => {
            let style = if outcome.kind == OutcomeKind::Helped { GOOD } else { BAD };
            writeln!(out, "    outcome  {style}{}{style:#}: {}", outcome.kind.said(), outcome.reason)
        }
        None => writeln!(out, "    outcome  {WARN}not known yet{WARN:#}"),
    };
    out
}
