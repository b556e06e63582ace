//! What a reading follows from: the checks that explain it, nearest first.

use vitals_model::reading::{Health, Reading, Standing};

/// The longest chain there is: a server's call, its tools, its truth, the hub's state, the truth of the server
/// that the hub waits for, the API, the port, the process, the machine.
const CHAIN_MAX: usize = 8;

/// The readings that explain `reading`, directly or through others.
pub(crate) fn of<'a>(reading: &'a Reading, all: &'a [Reading]) -> impl Iterator<Item = &'a Reading> {
    let next = |reading: &Reading| reading.cause.as_ref().and_then(|cause| all.iter().find(|r| r.id == *cause));
    std::iter::successors(next(reading), move |cause| next(cause)).take(CHAIN_MAX)
}

/// Whether a reading counts and is bad.
pub(crate) fn is_bad(reading: &Reading) -> bool {
    reading.standing == Standing::Judged && matches!(reading.health, Health::Degraded | Health::Failing)
}

/// Whether `cause`, which `reading` may follow from, does explain it: a milder fault does not explain a worse one. A
/// slow API is no reason for sessions that fail.
pub(crate) fn explains(cause: &Reading, reading: &Reading) -> bool {
    is_bad(cause) && cause.health >= reading.health
}
