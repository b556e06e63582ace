//! An explanation of one check for people.

use std::fmt::Write as _;

use vitals_judge::explain::Explanation;
use vitals_model::check::Threshold;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::target::TargetId;

use super::text::{BAD, BOLD, DIM, GOOD, WARN};

/// One check: what it is, by which bounds, through which causes, and what follows for people.
pub(crate) fn text(target: &TargetId, explained: &Explanation) -> String {
    let reading = &explained.reading;
    let style = match (reading.standing, reading.health) {
        (Standing::Judged, Health::Failing) => BAD,
        (Standing::Judged, Health::Degraded) => WARN,
        (_, Health::Healthy) => GOOD,
        _ => DIM,
    };
    let mut out = format!(
        "{BOLD}{} {target}{BOLD:#}\n  {style}{}{style:#}, {}, since {}\n  seen      {}\n",
        reading.id,
        reading.health.as_str(),
        reading.standing.as_str(),
        reading.since,
        reading.summary
    );
    let mut line = |word: &str, text: &str| {
        if !text.is_empty() {
            let _ = writeln!(out, "  {word:<9} {text}");
        }
    };
    line("bounds", &bounds(reading));
    line("measured", &reading.at.to_string());
    for piece in &reading.evidence {
        line("evidence", piece);
    }
    for cause in &explained.causes {
        line("may be", &format!("{} {}: {}", cause.id, cause.health.as_str(), cause.summary));
    }
    let (verdict, terms) = (explained.verdict(), explained.terms());
    line("people", &verdict);
    if !verdict.contains(&terms) {
        line("terms", &terms);
    }
    line("to do", &reading.hint);
    line("repair", explained.repair.as_deref().unwrap_or_default());
    out
}

fn bounds(reading: &Reading) -> String {
    let (word, degraded, failing) = match reading.threshold {
        Some(Threshold::Above(degraded, failing)) => ("above", degraded, failing),
        Some(Threshold::Below(degraded, failing)) => ("below", degraded, failing),
        None => return String::new(),
    };
    let show = |value| reading.unit.show(value);
    format!("degraded {word} {}, failing {word} {}", show(degraded), show(failing))
}
