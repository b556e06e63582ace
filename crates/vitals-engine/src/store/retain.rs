//! Retention: takes away what is too old or too much, a little at a time so that writing never waits long.
//! Incidents and tool sets are never taken away.

use std::time::Duration;

use rusqlite::{Connection, params};
use vitals_model::config::Storage;
use vitals_model::time::Timestamp;

use super::StoreError;
use super::seal::WINDOW_MS;

/// Segments deleted in one step; at 10 kB each this is the work of some 20 ms.
const SEGMENTS_MAX: i64 = 512;

/// Checks whose rollups are looked at in one step.
const SERIES_MAX: i64 = 64;

/// Pages given back to the file system in one step: 4 MB.
const PAGES_MAX: u32 = 1024;

/// What one step took away.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Step {
    pub(super) segments: usize,
    pub(super) rollups: usize,
    /// Checks of which nothing is left.
    pub(super) series: Vec<i64>,
    /// The series after which the next step goes on.
    pub(super) next: i64,
}

/// One step: raw samples past their time, then raw samples beyond the size, then rollups of some checks from
/// `next` on. To be run in a transaction of its own; [`shrink`] comes after its commit.
pub(super) fn step(connection: &Connection, storage: &Storage, now: Timestamp, next: i64) -> Result<Step, StoreError> {
    let raw_until = now.minus(storage.raw).as_millis().saturating_sub(WINDOW_MS);
    let mut oldest = connection
        .prepare_cached("DELETE FROM segment WHERE id IN (SELECT id FROM segment WHERE window <= ? ORDER BY window LIMIT ?)")?;
    let mut segments = oldest.execute(params![raw_until, SEGMENTS_MAX])?;
    if segments == 0 && bytes_used(connection)? > storage.bytes_max {
        segments = oldest.execute(params![i64::MAX, SEGMENTS_MAX / 8])?;
    }
    let rollups_until = now.minus(storage.rollups.max(Duration::from_secs(86_400))).as_millis();
    for old in [
        "DELETE FROM note WHERE at < ?",
        "DELETE FROM scenario WHERE at < ?",
        "DELETE FROM decision WHERE at < ?",
        "DELETE FROM told WHERE notice IN (SELECT id FROM notice WHERE at < ? AND NOT waits)",
        "DELETE FROM notice WHERE at < ? AND NOT waits",
    ] {
        connection.prepare_cached(old)?.execute([rollups_until])?;
    }
    let mut step = Step { segments, ..Step::default() };
    let mut some = connection.prepare_cached("SELECT id FROM series WHERE id > ? ORDER BY id LIMIT ?")?;
    let ids = some.query_map(params![next, SERIES_MAX], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    for id in &ids {
        step.rollups += age(connection, *id, rollups_until)?;
        if forget(connection, *id)? {
            step.series.push(*id);
        }
    }
    step.next = ids.last().copied().unwrap_or(0);
    Ok(step)
}

/// Deletes a series' rollups that ended before `until`; a day goes when all of it is older.
fn age(connection: &Connection, series: i64, until: i64) -> Result<usize, StoreError> {
    let mut old = connection.prepare_cached("DELETE FROM rollup WHERE series = ? AND hours = ? AND start <= ?")?;
    let mut deleted = 0;
    for hours in super::seal::ROLLUP_HOURS {
        deleted += old.execute(params![series, hours, until.saturating_sub(hours * super::seal::HOUR_MS)])?;
    }
    Ok(deleted)
}

/// Deletes a series of which nothing is left, so that names that came once do not stay for ever.
fn forget(connection: &Connection, series: i64) -> Result<bool, StoreError> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM series WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM rollup WHERE series = ?1)
             AND NOT EXISTS (SELECT 1 FROM segment WHERE series = ?1) AND NOT EXISTS (SELECT 1 FROM head WHERE series = ?1)",
        )?
        .execute([series])?;
    Ok(gone > 0)
}

/// Bytes of the file that hold something.
fn bytes_used(connection: &Connection) -> Result<u64, StoreError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = (pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Gives free pages back to the file system.
pub(super) fn shrink(connection: &Connection) -> Result<(), StoreError> {
    let mut vacuum = connection.prepare_cached(&format!("PRAGMA incremental_vacuum({PAGES_MAX})"))?;
    let mut rows = vacuum.query([])?;
    // One step per page.
    while rows.next()?.is_some() {}
    Ok(())
}
