//! How long samples stand: each from its own time until the next one of its check, so that many looks in a
//! short while weigh no more than a few; at most twice the usual pace, so that what a pause has beyond that
//! counts as not observed. It does no IO.

use super::super::record::v1::health_code;
use super::super::seal::{HOUR_MS, WINDOW_HOURS};
use super::super::segment::Row;

/// Milliseconds per health, by [`health_code`].
pub(in crate::store) type Times = [i64; 4];

/// A sample stands for this many usual paces at most: one look may fail to come.
const PACES_MAX: i64 = 2;

/// A sample may stand for this long at whatever pace: what is looked at often is looked at in bursts.
const STANDS_MS_MIN: i64 = 30_000;

/// No sample stands longer. The slowest schedule looks every 30 minutes.
pub(in crate::store) const STANDS_MS_MAX: i64 = 35 * 60_000;

/// The longest time that one of `rows` (sorted by time) stands. The usual pace is the upper quartile (nearest
/// rank) of the gaps: up to three quarters of them may come from bursts.
fn stands_max(rows: &[Row]) -> i64 {
    let mut gaps: Vec<i64> = rows.windows(2).map(|pair| pair[1].at.saturating_sub(pair[0].at)).collect();
    let rank = (gaps.len() * 3).div_ceil(4);
    let pace = if rank == 0 { 0 } else { *gaps.select_nth_unstable(rank - 1).1 };
    pace.saturating_mul(PACES_MAX).clamp(STANDS_MS_MIN, STANDS_MS_MAX)
}

/// When each of `rows` (sorted by time) begins and ceases to stand, and the place of its health in [`Times`].
fn stretches(rows: &[Row]) -> impl Iterator<Item = (i64, i64, usize)> {
    let longest = stands_max(rows);
    let ends = rows.iter().skip(1).map(|row| row.at).chain([i64::MAX]);
    let stretch =
        move |(row, end): (&Row, i64)| (row.at, end.min(row.at.saturating_add(longest)), usize::from(health_code(row.health)));
    rows.iter().zip(ends).map(stretch)
}

/// The time for which `rows` (sorted by time) stand from `from` until `to`.
pub(in crate::store) fn within(rows: &[Row], (from, to): (i64, i64)) -> Times {
    let mut times = Times::default();
    for (begin, end, health) in stretches(rows) {
        times[health] += end.min(to).saturating_sub(begin.max(from)).max(0);
    }
    times
}

/// The time for which `rows` (sorted by time) stand in each of `count` spans of `step`, the first of which begins at `from`.
pub(in crate::store) fn by_step(rows: &[Row], from: i64, step: i64, count: usize) -> Vec<Times> {
    let mut steps = vec![Times::default(); count];
    for (begin, end, health) in stretches(rows) {
        let first = usize::try_from(begin.saturating_sub(from).div_euclid(step)).unwrap_or(0);
        for (n, times) in steps.iter_mut().enumerate().skip(first) {
            let start = from.saturating_add(i64::try_from(n).unwrap_or(i64::MAX).saturating_mul(step));
            if start >= end {
                break;
            }
            times[health] += end.min(start.saturating_add(step)).saturating_sub(begin.max(start)).max(0);
        }
    }
    steps
}

/// The time for which samples stand in each hour of the window that begins at `window`: `rows` of it (sorted by
/// time), and the last sample `before` it, which may reach into it. What the last of `rows` would stand for after
/// the window is the next window's. Without `rows` nothing stands.
pub(in crate::store) fn by_hour(before: Option<Row>, rows: &[Row], window: i64) -> [Times; WINDOW_HOURS] {
    let mut hours = [Times::default(); WINDOW_HOURS];
    if rows.is_empty() {
        return hours;
    }
    let all: Vec<Row> = before.into_iter().chain(rows.iter().copied()).collect();
    for (begin, end, health) in stretches(&all) {
        // A stretch is shorter than an hour, so it touches two at most; the first may lie before the window.
        let first = begin.saturating_sub(window).div_euclid(HOUR_MS);
        for hour in [first, first.saturating_add(1)] {
            let Some(times) = usize::try_from(hour).ok().and_then(|hour| hours.get_mut(hour)) else { continue };
            let start = window.saturating_add(hour * HOUR_MS);
            times[health] += end.min(start.saturating_add(HOUR_MS)).saturating_sub(begin.max(start)).max(0);
        }
    }
    hours
}

#[cfg(test)]
mod tests;
