//! Sealing: turns samples of one check into segments and adds them to its rollups, in the caller's transaction.
//! Segments and rollups always tell of the same samples; fresh samples (`head`) are in neither.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::rollup::Rollup;
use super::rollup::standing::{self, Times};
use super::segment::{self, Row};

pub(super) const HOUR_MS: i64 = 3_600_000;

/// Length of a segment's window.
pub(super) const WINDOW_HOURS: usize = 6;
pub(super) const WINDOW_MS: i64 = 6 * HOUR_MS;

/// Spans of rollups in hours, shortest first.
pub(super) const ROLLUP_HOURS: [i64; 2] = [1, 24];

/// Seals `rows` of one series. They need not be sorted, and may belong to any time.
pub(super) fn seal(connection: &Connection, series: i64, rows: &mut [Row]) -> Result<(), StoreError> {
    rows.sort_by_key(|row| row.at);
    let mut hours = BTreeMap::new();
    for window in rows.chunk_by(|a, b| start_of(a.at, WINDOW_MS) == start_of(b.at, WINDOW_MS)) {
        for part in window.chunks(segment::ROWS_MAX) {
            for (start, gained) in append(connection, series, part)? {
                hours.entry(start).or_insert_with(Rollup::default).stand(&gained);
            }
            for row in part {
                hours.entry(start_of(row.at, HOUR_MS)).or_default().add(row);
            }
        }
    }
    roll_up(connection, series, hours)
}

/// The start of the `width`-long span that holds `at`.
pub(super) fn start_of(at: i64, width: i64) -> i64 {
    at.div_euclid(width).saturating_mul(width)
}

/// What new samples of a window come after: the window's latest part.
pub(super) struct Latest {
    part: i64,
    /// Sorted by time; empty before the first part.
    rows: Vec<Row>,
    /// The last sample of the window before, whose time may reach into this one. A later part has none: what came
    /// before it has its time already.
    pub(super) before: Option<Row>,
}

impl Latest {
    pub(super) fn of(connection: &Connection, series: i64, window: i64) -> Result<Self, StoreError> {
        let (part, rows) = latest(connection, series, window)?.unwrap_or_default();
        let before = if part == 0 { latest(connection, series, window.saturating_sub(WINDOW_MS))? } else { None };
        Ok(Self { part, rows, before: before.and_then(|(_, rows)| rows.last().copied()) })
    }

    /// The rows with `more` among them, sorted by time.
    fn with(&self, more: &[Row]) -> Vec<Row> {
        let mut all = [&self.rows, more].concat();
        // Stable, and nearly done already.
        all.sort_by_key(|row| row.at);
        all
    }

    /// By how much each hour's times change when the rows become `all`: the hours' starts and what to add.
    fn gained(&self, window: i64, all: &[Row]) -> impl Iterator<Item = (i64, Times)> + use<> {
        let [old, new] = [&self.rows[..], all].map(|rows| standing::by_hour(self.before, rows, window));
        let starts = (0..).map(move |hour: i64| window.saturating_add(hour * HOUR_MS));
        let change = |(old, new): (Times, Times)| std::array::from_fn(|health| new[health] - old[health]);
        starts.zip(old.into_iter().zip(new).map(change)).filter(|(_, gained)| *gained != Times::default())
    }

    /// By how much each hour's times would change if `fresh` rows of the window were sealed.
    pub(super) fn gained_with(&self, window: i64, fresh: &[Row]) -> impl Iterator<Item = (i64, Times)> + use<> {
        self.gained(window, &self.with(fresh))
    }
}

/// The number and the rows of a window's latest part; `None` when it has none.
fn latest(connection: &Connection, series: i64, window: i64) -> Result<Option<(i64, Vec<Row>)>, StoreError> {
    let latest = connection
        .prepare_cached("SELECT part, body FROM segment WHERE series = ? AND window = ? ORDER BY part DESC LIMIT 1")?
        .query_row(params![series, window], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
        .optional()?;
    let Some((part, body)) = latest else { return Ok(None) };
    Ok(Some((part, segment::decode(&body).ok_or(StoreError::Damaged("segment"))?)))
}

/// Adds sorted rows of one window to its latest part, or begins a new one when they do not fit.
/// Returns by how much the times of hours change.
fn append(connection: &Connection, series: i64, rows: &[Row]) -> Result<impl Iterator<Item = (i64, Times)> + use<>, StoreError> {
    let window = start_of(rows[0].at, WINDOW_MS);
    let latest = Latest::of(connection, series, window)?;
    let all = latest.with(rows);
    let (part, body) = if all.len() > segment::ROWS_MAX {
        (latest.part + 1, segment::encode(rows))
    } else {
        (latest.part, segment::encode(&all))
    };
    connection
        .prepare_cached("INSERT OR REPLACE INTO segment (series, window, part, body) VALUES (?, ?, ?, ?)")?
        .execute(params![series, window, part, body])?;
    Ok(latest.gained(window, &all))
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
