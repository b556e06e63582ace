//! What is kept with an incident besides its reading's own evidence: claim against truth, the phases of the
//! request and the first bytes of what answered instead, the log around it.

use vitals_model::limits::{EVIDENCE_LOG_LINES_MAX, EVIDENCE_PIECES_MAX};
use vitals_model::observation::{Failure, Timing};
use vitals_model::reading::Reading;
use vitals_model::time::human;

use super::{Look, Matter};

/// All that the observations of now say about a bad reading, most telling first; at most
/// [`EVIDENCE_PIECES_MAX`] less one, which is left for how it ended.
pub(super) fn of(matter: &Matter<'_>) -> Vec<String> {
    let Matter { look, reading, truth, .. } = *matter;
    let mut pieces = reading.evidence.clone();
    if let Some(truth) = truth {
        let claim = truth.claim.as_ref().map_or("nothing", |claim| claim.as_str());
        pieces.push(format!("claim: {claim}; truth: {}", truth.verdict.as_str()));
    }
    pieces.extend(exchange(&look, reading));
    let tail = &look.facts.tail;
    let latest = tail.iter().skip(tail.len().saturating_sub(EVIDENCE_LOG_LINES_MAX));
    pieces.extend(latest.map(|line| format!("log: {line}")));
    pieces.truncate(EVIDENCE_PIECES_MAX - 1);
    pieces
}

/// The exchange that the reading rests on, as far as it was one.
fn exchange(look: &Look<'_>, reading: &Reading) -> Vec<String> {
    let api = look.facts.api.as_ref();
    match (reading.id.server(), reading.id.question()) {
        (None, "api") => match look.facts.api_failure() {
            Some(failure) => failed(failure),
            None => api.map(|known| phases(known.seen.timing)).into_iter().collect(),
        },
        (Some(server), "truth" | "call") => {
            let named = look.truths.iter().find(|truth| truth.name.as_str().replace('/', "_") == server);
            let call = named.and_then(|truth| look.facts.call(&truth.name)).map(|(call, _)| call);
            match call.and_then(|call| Some((call, call.answer.as_ref()?))) {
                Some((_, Err(failure))) => failed(failure),
                Some((call, Ok(_))) => vec![format!("last call answered in {}", human(call.took))],
                None => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

fn failed(failure: &Failure) -> Vec<String> {
    let mut pieces = vec![format!("failed after {} while {}", human(failure.after), failure.phase.doing())];
    if !failure.evidence.as_str().is_empty() {
        pieces.push(format!("answered instead: {}", failure.evidence));
    }
    pieces
}

fn phases(timing: Timing) -> String {
    format!(
        "resolve {}, connect {}, TLS {}, first byte {}, total {}",
        human(timing.resolve),
        human(timing.connect),
        human(timing.tls),
        human(timing.first_byte),
        human(timing.total)
    )
}
