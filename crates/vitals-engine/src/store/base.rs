//! The history file: its place, its schema, and what is done with one that cannot be used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use vitals_model::time::Timestamp;

use super::StoreError;

/// The schema this version writes, kept in `user_version`. Schema 1 was never released; schema 2 has no scenarios,
/// schema 3 no silences, schema 4 no kinds of error, schema 5 no notices, schema 6 no actions.
pub(super) const SCHEMA: i64 = 7;

/// The oldest schema that is brought up to date when it is opened for writing, and read as it is.
const SCHEMA_MIN: i64 = 2;

/// How long a statement waits for another process, which holds a lock only while it repairs the log of a killed writer.
const BUSY_MAX: Duration = Duration::from_secs(1);

/// Prepared statements kept per connection; the writer uses about a dozen.
const STATEMENTS_MAX: usize = 32;

const TABLES: &str = "
CREATE TABLE series (id INTEGER PRIMARY KEY, target TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (target, name));
-- Fresh samples in the order in which they came. No index: one would write a page per row.
CREATE TABLE head (series INTEGER NOT NULL, at INTEGER NOT NULL, health INTEGER NOT NULL, value REAL);
-- Sealed samples. A window is 6 h long and named by its start; a window has several parts when it is crowded.
CREATE TABLE segment (id INTEGER PRIMARY KEY, series INTEGER NOT NULL, window INTEGER NOT NULL, part INTEGER NOT NULL,
    body BLOB NOT NULL, UNIQUE (series, window, part));
CREATE INDEX segment_age ON segment (window);
-- What sealed samples come to, per 1 h and per 24 h.
CREATE TABLE rollup (series INTEGER NOT NULL, hours INTEGER NOT NULL, start INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (series, hours, start)) WITHOUT ROWID;
CREATE TABLE incident (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX incident_age ON incident (open, updated_at);
CREATE TABLE tools (target TEXT NOT NULL, server TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (target, server)) WITHOUT ROWID;
CREATE TABLE note (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX note_age ON note (at);
";

/// What schema 3 has more than schema 2.
const SCENARIOS: &str = "
CREATE TABLE scenario (id INTEGER PRIMARY KEY, target TEXT NOT NULL, at INTEGER NOT NULL, version INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE INDEX scenario_age ON scenario (at);
";

/// What schema 4 has more than schema 3.
const SILENCES: &str = "
CREATE TABLE silence (id INTEGER PRIMARY KEY, until INTEGER NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL);
";

/// What schema 5 has more than schema 4: one row for each target.
const ERRORS: &str = "
CREATE TABLE errors (target TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
";

/// What schema 6 has more than schema 5: notices, with what came of them so far (`waits` until nothing more does), which
/// incidents they tell of, and what was decided about each incident.
const NOTICES: &str = "
CREATE TABLE notice (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, receiver TEXT NOT NULL, route TEXT NOT NULL,
    grp TEXT NOT NULL, waits INTEGER NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, delivery TEXT);
CREATE INDEX notice_waits ON notice (waits) WHERE waits;
CREATE INDEX notice_group ON notice (route, grp, receiver);
CREATE TABLE told (incident INTEGER NOT NULL, notice INTEGER NOT NULL, PRIMARY KEY (incident, notice)) WITHOUT ROWID;
CREATE TABLE decision (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL, at INTEGER NOT NULL, route TEXT NOT NULL,
    kind TEXT NOT NULL, sentence TEXT NOT NULL);
CREATE INDEX decision_incident ON decision (incident);
CREATE INDEX decision_age ON decision (at);
";

/// What schema 7 has more than schema 6: what was done to repair a target. Kept for ever.
const ACTIONS: &str = "
CREATE TABLE action (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL, at INTEGER NOT NULL, over INTEGER NOT NULL,
    version INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX action_age ON action (over, at);
CREATE INDEX action_incident ON action (incident);
";

/// Where the history of `dir` is.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("history.db")
}

/// Opens the history in `dir` for writing, and creates it when there is none.
pub(super) fn open(dir: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path(dir), flags)?;
    // The log and its index stay when we close, so that a reader never has to create them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    small(&connection)?;
    // The first pragma counts only before the first table. 512 pages of log are 2 MB.
    connection.execute_batch(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
         PRAGMA wal_autocheckpoint = 512; PRAGMA journal_size_limit = 2097152;",
    )?;
    let found = schema(&connection)?;
    if found < SCHEMA {
        // In one transaction: a kill in the middle leaves the file as it was.
        let create = connection.unchecked_transaction()?;
        if found == 0 {
            create.execute_batch(TABLES)?;
        }
        if found < 3 {
            create.execute_batch(SCENARIOS)?;
        }
        if found < 4 {
            create.execute_batch(SILENCES)?;
        }
        if found < 5 {
            create.execute_batch(ERRORS)?;
        }
        if found < 6 {
            create.execute_batch(NOTICES)?;
        }
        create.execute_batch(ACTIONS)?;
        create.pragma_update(None, "user_version", SCHEMA)?;
        create.commit()?;
    }
    Ok(connection)
}

/// Opens the history in `dir` for reading, beside a writer or without one. It creates and changes nothing.
pub(super) fn open_read(dir: &Path) -> Result<Connection, StoreError> {
    let file = path(dir);
    if !file.exists() {
        return Err(StoreError::None { dir: dir.to_owned() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    small(&connection)?;
    match schema(&connection)? {
        // A writer that is only just creating it.
        0 => Err(StoreError::None { dir: dir.to_owned() }),
        _ => Ok(connection),
    }
}

/// Keeps a connection's memory small: 512 KiB of pages, no mapped file, sorting in files.
fn small(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_MAX)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.execute_batch("PRAGMA cache_size = -512; PRAGMA mmap_size = 0; PRAGMA temp_store = FILE;")?;
    Ok(())
}

/// The schema of the file, 0 for a new one. A newer one than ours is refused; one older than [`SCHEMA_MIN`] is as good
/// as damaged, because no release wrote it. A reader changes nothing, so it meets older files as they are.
pub(super) fn schema(connection: &Connection) -> Result<i64, StoreError> {
    match connection.pragma_query_value(None, "user_version", |row| row.get(0))? {
        found @ (0 | SCHEMA_MIN..=SCHEMA) => Ok(found),
        found if found > SCHEMA => Err(StoreError::Newer { found, known: SCHEMA }),
        _ => Err(StoreError::Damaged("schema (older than any release)")),
    }
}

/// Renames the damaged history of `dir` (and its log, which belongs to it) out of the way; returns its new place.
pub(super) fn move_aside(dir: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let file = path(dir);
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", file.display()));
    let suffix = format!(".corrupt-{}", now.to_string().replace(':', ""));
    let aside = beside(&suffix);
    std::fs::rename(&file, &aside).map_err(|source| StoreError::Folder { path: file.clone(), source })?;
    // Either may be missing; a log left behind would be taken for the new file's.
    let _ = std::fs::rename(beside("-wal"), beside(&format!("{suffix}-wal")));
    let _ = std::fs::remove_file(beside("-shm"));
    Ok(aside)
}
