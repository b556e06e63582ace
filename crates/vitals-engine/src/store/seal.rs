//! Sealing: turns samples of one check into segments and adds them to its rollups, in the caller's transaction.
//! Segments and rollups always tell of the same samples; fresh samples (`head`) are in neither.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::rollup::{Rollup, coverage};
use super::segment::{self, Row};

pub(super) const HOUR_MS: i64 = 3_600_000;

/// Length of a segment's window.
pub(super) const WINDOW_MS: i64 = 6 * HOUR_MS;

/// Spans of rollups in hours, shortest first.
pub(super) const ROLLUP_HOURS: [i64; 2] = [1, 24];

/// Seals `rows` of one series. They need not be sorted, and may belong to any time.
pub(super) fn seal(connection: &Connection, series: i64, rows: &mut [Row]) -> Result<(), StoreError> {
    rows.sort_by_key(|row| row.at);
    let mut hours = BTreeMap::new();
    for window in rows.chunk_by(|a, b| start_of(a.at, WINDOW_MS) == start_of(b.at, WINDOW_MS)) {
        for part in window.chunks(segment::ROWS_MAX) {
            let covered = append(connection, series, part)?;
            for (row, covered_ms) in part.iter().zip(covered) {
                let hour: &mut Rollup = hours.entry(start_of(row.at, HOUR_MS)).or_default();
                hour.add(row, covered_ms);
            }
        }
    }
    roll_up(connection, series, hours)
}

/// The start of the `width`-long span that holds `at`.
pub(super) fn start_of(at: i64, width: i64) -> i64 {
    at.div_euclid(width).saturating_mul(width)
}

/// Adds sorted rows of one window to its latest part, or begins a new one when they do not fit.
/// Returns the milliseconds that each row stands for.
fn append(connection: &Connection, series: i64, rows: &[Row]) -> Result<Vec<u64>, StoreError> {
    let window = start_of(rows[0].at, WINDOW_MS);
    let latest = connection
        .prepare_cached("SELECT part, body FROM segment WHERE series = ? AND window = ? ORDER BY part DESC LIMIT 1")?
        .query_row(params![series, window], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
        .optional()?;
    let (mut part, mut all) = (0, Vec::new());
    if let Some((number, body)) = latest {
        let before = segment::decode(&body).ok_or(StoreError::Damaged("segment"))?;
        (part, all) = if before.len() + rows.len() > segment::ROWS_MAX { (number + 1, Vec::new()) } else { (number, before) };
    }
    let old = all.len();
    all.extend_from_slice(rows);
    // An index sorted by time tells old rows from new ones; the sort is stable, and nearly done already.
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|i| all[*i].at);
    let sorted: Vec<Row> = order.iter().map(|i| all[*i]).collect();
    connection
        .prepare_cached("INSERT OR REPLACE INTO segment (series, window, part, body) VALUES (?, ?, ?, ?)")?
        .execute(params![series, window, part, segment::encode(&sorted)])?;
    Ok(order.iter().zip(coverage(&sorted)).filter_map(|(i, covered)| (*i >= old).then_some(covered)).collect())
}

fn roll_up(connection: &Connection, series: i64, hours: BTreeMap<i64, Rollup>) -> Result<(), StoreError> {
    let mut days: BTreeMap<i64, Rollup> = BTreeMap::new();
    for (start, hour) in &hours {
        days.entry(start_of(*start, 24 * HOUR_MS)).or_default().merge(hour);
    }
    let mut load = connection.prepare_cached("SELECT body FROM rollup WHERE series = ? AND hours = ? AND start = ?")?;
    let mut save = connection.prepare_cached("INSERT OR REPLACE INTO rollup (series, hours, start, body) VALUES (?, ?, ?, ?)")?;
    for (span, rollups) in ROLLUP_HOURS.into_iter().zip([hours, days]) {
        for (start, mut rollup) in rollups {
            let before = load.query_row(params![series, span, start], |row| row.get::<_, Vec<u8>>(0)).optional()?;
            if let Some(body) = before {
                rollup.merge(&Rollup::decode(&body).ok_or(StoreError::Damaged("rollup"))?);
            }
            save.execute(params![series, span, start, rollup.encode()])?;
        }
    }
    Ok(())
}
