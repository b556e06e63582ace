//! The health score: one formula, every deduction named.
//!
//! ```text
//! 100
//!  −50  the hub's process is down, or its API does not answer (once, whichever is the cause)
//!  −30  per server that fails its users, or that nobody can reach; −20 per server that serves them badly
//!  −15  CPU beyond its critical threshold, −8 beyond its warning; memory likewise
//!  −60  when the target is a server asked directly and fails: there is nothing else in it
//!  −20  errors beyond their critical threshold, −10 beyond their warning
//!   −5  per other degraded check, −10 per other failing one, −20 for all of these together
//! ```
//!
//! Never below 0. Advice, facts and expected failures take nothing off. What follows from another fault
//! is not counted twice, when that fault has taken off as much as all of it together could. A server
//! that nobody can reach, because the hub is down, fails its users as one that is down itself: otherwise
//! a hub could raise its score by dying. What could not be measured gives no points: without process
//! and API there is no score. The weights are the original system's (−50, −15, −15, −20 to −30, up to
//! −20, up to −20).

use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::score::{Deduction, Score};

use crate::cause::{self, is_bad};
use crate::check::{api_id, process_id};

/// The most that all checks without a weight of their own take off together.
const OTHERS_MAX: u32 = 20;

/// What the hub's process or its API takes off when it is down.
const HUB_DOWN: u32 = 50;

/// What a server takes off that fails its users.
const SERVER_FAILS: u32 = 30;

/// What a server that is asked directly takes off when it fails: the target is as good as down.
const DIRECT_FAILS: u32 = 60;

/// The score of a target's readings.
pub fn score(readings: &[Reading]) -> Score {
    // The hub itself counts once; with it down, whatever hangs on its process or its API follows from that.
    let hub = [process_id(), api_id()];
    let down = hub.iter().find_map(|id| readings.iter().find(|r| r.id == *id && is_bad(r) && r.health == Health::Failing));
    let explains = |cause: &Reading| {
        if hub.contains(&cause.id) { down.is_some() } else { is_bad(cause) && points(cause) >= Some(OTHERS_MAX) }
    };
    let mut deductions: Vec<_> = down.map(|reading| deduction(HUB_DOWN, reading)).into_iter().collect();
    let mut others = 0;
    for reading in readings {
        let is_unreachable = down.is_some() && reading.standing == Standing::Judged && reading.health != Health::Healthy;
        if is_truth(reading) && (is_bad(reading) || is_unreachable) {
            let points = if is_unreachable { Some(SERVER_FAILS) } else { points(reading) };
            deductions.extend(points.map(|points| deduction(points, reading)));
        } else if is_bad(reading) && !(down.is_some() && hub.contains(&reading.id)) && !cause::of(reading, readings).any(explains)
        {
            let points = points(reading).unwrap_or_else(|| {
                let points = if reading.health == Health::Failing { 10 } else { 5 }.min(OTHERS_MAX - others);
                others += points;
                points
            });
            if points > 0 {
                deductions.push(deduction(points, reading));
            }
        }
    }
    deductions.sort_by_key(|d| std::cmp::Reverse(d.points));
    let lost: u32 = deductions.iter().map(|d| d.points).sum();
    let points = measured(readings).then(|| 100 - lost.min(100));
    Score { points, deductions }
}

fn is_truth(reading: &Reading) -> bool {
    reading.id.server().is_some() && reading.id.question() == "truth"
}

/// Something must have been measured that says whether the target lives.
fn measured(readings: &[Reading]) -> bool {
    let told = |r: &&Reading| r.health != Health::Unknown && r.standing == Standing::Judged;
    let hub = readings.iter().filter(told).any(|r| r.id == process_id() || r.id == api_id());
    hub || (readings.iter().all(|r| r.id != api_id()) && readings.iter().filter(told).any(|r| r.id.question() == "truth"))
}

/// The points of a bad reading that has a weight of its own.
fn points(reading: &Reading) -> Option<u32> {
    let failing = reading.health == Health::Failing;
    let of = |when_failing, when_degraded| Some(if failing { when_failing } else { when_degraded });
    match (reading.id.server().is_some(), reading.id.question()) {
        // Behind a hub a server's truth hangs on the API; one that is asked directly hangs on nothing.
        (true, "truth") => of(if reading.cause.is_some() { SERVER_FAILS } else { DIRECT_FAILS }, 20),
        (false, "cpu" | "memory") => of(15, 8),
        (false, "errors") => of(20, 10),
        _ => None,
    }
}

fn deduction(points: u32, reading: &Reading) -> Deduction {
    Deduction { points, reason: format!("{}: {}", reading.id, reading.summary) }
}
