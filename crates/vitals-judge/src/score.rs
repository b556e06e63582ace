//! The health score: one formula, every deduction named.
//!
//! ```text
//! 100
//!  −50  the hub's process is down, or its API does not answer (once, whichever is the cause)
//!  −30  per server that fails its users, −20 per server that serves them badly
//!  −15  CPU beyond its critical threshold, −8 beyond its warning; memory likewise
//!  −20  errors beyond their critical threshold, −10 beyond their warning
//!   −5  per other degraded check, −10 per other failing one, −20 for all of these together
//! ```
//!
//! Never below 0. Advice, facts and expected failures take nothing off; what follows from another
//! failing check is not counted twice; what could not be measured gives no points: without process
//! and API there is no score. The weights are the original system's (−50, −15, −15, −20 to −30, up to
//! −20, up to −20).

use std::collections::BTreeSet;

use vitals_model::check::CheckId;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::score::{Deduction, Score};

use crate::check::{api_id, process_id};

/// The most that all checks without a weight of their own take off together.
const OTHERS_MAX: u32 = 20;

/// The score of a target's readings.
pub fn score(readings: &[Reading]) -> Score {
    let bad: BTreeSet<_> = readings.iter().filter(|r| is_bad(r)).map(|r| &r.id).collect();
    let judged = || readings.iter().filter(|r| is_bad(r) && !explained(r, &bad));
    let mut deductions: Vec<_> = judged().filter_map(weighed).collect();
    let mut others = 0;
    for reading in judged().filter(|r| weighed(r).is_none()) {
        let points = if reading.health == Health::Failing { 10 } else { 5 }.min(OTHERS_MAX - others);
        others += points;
        if points > 0 {
            deductions.push(deduction(points, reading));
        }
    }
    deductions.sort_by_key(|d| std::cmp::Reverse(d.points));
    let lost: u32 = deductions.iter().map(|d| d.points).sum();
    let points = measured(readings).then(|| 100 - lost.min(100));
    Score { points, deductions }
}

fn is_bad(reading: &Reading) -> bool {
    reading.standing == Standing::Judged && matches!(reading.health, Health::Degraded | Health::Failing)
}

/// Whether the check that explains this one is bad itself.
fn explained(reading: &Reading, bad: &BTreeSet<&CheckId>) -> bool {
    reading.cause.as_ref().is_some_and(|cause| bad.contains(cause))
}

/// Something must have been measured that says whether the target lives.
fn measured(readings: &[Reading]) -> bool {
    let told = |r: &&Reading| r.health != Health::Unknown && r.standing == Standing::Judged;
    let hub = readings.iter().filter(told).any(|r| r.id == process_id() || r.id == api_id());
    hub || (readings.iter().all(|r| r.id != api_id()) && readings.iter().filter(told).any(|r| r.id.question() == "truth"))
}

fn weighed(reading: &Reading) -> Option<Deduction> {
    let failing = reading.health == Health::Failing;
    let points = match (reading.id.server().is_some(), reading.id.question()) {
        (false, "process" | "api") if failing => 50,
        (true, "truth") => {
            if failing {
                30
            } else {
                20
            }
        }
        (false, "cpu" | "memory") => {
            if failing {
                15
            } else {
                8
            }
        }
        (false, "errors") => {
            if failing {
                20
            } else {
                10
            }
        }
        _ => return None,
    };
    Some(deduction(points, reading))
}

fn deduction(points: u32, reading: &Reading) -> Deduction {
    Deduction { points, reason: format!("{}: {}", reading.id, reading.summary) }
}
