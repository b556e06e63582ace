//! The writer: the one thread that changes the history file. It commits what the queue holds twice a second,
//! seals fresh samples now and then, and after a failure keeps what it could not write and tries again with a
//! newly opened file. It decides nothing about what is worth keeping.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, params};
use vitals_model::check::CheckId;
use vitals_model::config::Storage;
use vitals_model::reading::Sample;
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;
use vitals_probe::clock::{Stopwatch, now};

use super::lock::Lock;
use super::queue::{Queue, Wish};
use super::record::v1::{ActionRecord, ErrorsRecord, ScenarioRecord, ToolsRecord, health_code, health_of, json};
use super::record::v2;
use super::segment::{Row, grain};
use super::{Record, StoreError, base, left, notices, retain, seal};

/// Longest time a record waits in memory. With the commit itself a kill loses less than a second.
const COMMIT_EVERY: Duration = Duration::from_millis(500);

/// Pause before another attempt after a failure.
const RETRY_EVERY: Duration = Duration::from_secs(2);

/// Fresh samples are sealed at least this often.
const SEAL_EVERY: Duration = Duration::from_secs(3600);

/// Fresh samples are sealed when there are this many (0.2 MB, read through in half a millisecond), or
/// [`HEAD_ROWS_PER_SERIES`] for each check where that is more: sealing costs by the check.
const HEAD_ROWS: usize = 8192;
const HEAD_ROWS_PER_SERIES: usize = 64;

/// Most fresh samples in any case: sealing reads them all into 32 MB.
const HEAD_ROWS_MAX: usize = 1 << 20;

/// Pause between two looks for what other processes left.
const COLLECT_EVERY: Duration = Duration::from_secs(2);

/// Pause between two steps of retention.
const RETAIN_EVERY: Duration = Duration::from_secs(60);

/// Most checks of one store; samples of further ones are lost and counted. 1,000 hubs with 60 checks each, and
/// a stop for a hub that invents a new server name at every visit.
const SERIES_MAX: usize = 65_536;

/// The open history file, and what is known of it without reading.
pub(super) struct Base {
    connection: Connection,
    series: HashMap<TargetId, HashMap<CheckId, i64>>,
    series_count: usize,
    head_rows: usize,
    sealed: Stopwatch,
    /// `None` before the first time.
    collected: Option<Stopwatch>,
    retained: Stopwatch,
    retain_next: i64,
}

impl Base {
    /// Opens the history for writing. A damaged one is moved aside and a new one begun: then the second value is
    /// where the old one went.
    pub(super) fn open(dir: &Path, at: Timestamp) -> Result<(Self, Option<PathBuf>), StoreError> {
        match Self::open_file(dir) {
            Err(error) if error.is_damage() => {
                let aside = base::move_aside(dir, at)?;
                Ok((Self::open_file(dir)?, Some(aside)))
            }
            other => other.map(|base| (base, None)),
        }
    }

    fn open_file(dir: &Path) -> Result<Self, StoreError> {
        let connection = base::open(dir)?;
        let mut base = Self {
            connection,
            series: HashMap::new(),
            series_count: 0,
            head_rows: 0,
            sealed: Stopwatch::start(),
            collected: None,
            retained: Stopwatch::start(),
            retain_next: 0,
        };
        base.load()?;
        Ok(base)
    }

    /// Reads what is remembered of the file.
    fn load(&mut self) -> Result<(), StoreError> {
        // First, so that no number of a series that was rolled back is used again, whatever fails below.
        self.series.clear();
        self.series_count = 0;
        let head_rows: i64 = self.connection.query_row("SELECT count(*) FROM head", [], |row| row.get(0))?;
        self.head_rows = usize::try_from(head_rows).unwrap_or(0);
        let mut all = self.connection.prepare_cached("SELECT id, target, name FROM series")?;
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            let target = TargetId::new(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?);
            let name = CheckId::from_stored(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?);
            self.series.entry(target).or_default().insert(name, row.get(0)?);
            self.series_count += 1;
        }
        Ok(())
    }

    /// The number of a series, made up for a new one; `None` when there are too many.
    pub(super) fn series(&mut self, target: &TargetId, check: &CheckId) -> Result<Option<i64>, StoreError> {
        if let Some(id) = self.series.get(target).and_then(|checks| checks.get(check)) {
            return Ok(Some(*id));
        }
        if self.series_count >= SERIES_MAX {
            return Ok(None);
        }
        self.connection
            .prepare_cached("INSERT INTO series (target, name) VALUES (?, ?)")?
            .execute([target.as_str(), check.as_str()])?;
        let id = self.connection.last_insert_rowid();
        self.series.entry(target.clone()).or_default().insert(check.clone(), id);
        self.series_count += 1;
        Ok(Some(id))
    }

    /// Runs `work` in one transaction: all of it is done, or nothing.
    pub(super) fn transact<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let outcome = work(self).and_then(|done| {
            self.connection.execute_batch("COMMIT")?;
            Ok(done)
        });
        if outcome.is_err() {
            // Some errors have rolled back already. What was remembered of the work must go too.
            let _ = self.connection.execute_batch("ROLLBACK");
            let _ = self.load();
        }
        outcome
    }

    /// Writes all of `batch` or nothing; returns how many samples no series was left for.
    pub(super) fn write(&mut self, batch: &[Record]) -> Result<u64, StoreError> {
        self.transact(|base| {
            let mut refused = 0;
            for record in batch {
                match record {
                    Record::Sample(target, sample) => refused += u64::from(!base.sample(target, sample)?),
                    other => base.rare(other)?,
                }
            }
            Ok(refused)
        })
    }

    fn sample(&mut self, target: &TargetId, sample: &Sample) -> Result<bool, StoreError> {
        let Some(series) = self.series(target, &sample.id)? else { return Ok(false) };
        self.connection.prepare_cached("INSERT INTO head (series, at, health, value) VALUES (?, ?, ?, ?)")?.execute(params![
            series,
            sample.at.as_millis(),
            health_code(sample.health),
            sample.value.and_then(grain)
        ])?;
        self.head_rows += 1;
        Ok(true)
    }

    fn rare(&self, record: &Record) -> Result<(), StoreError> {
        match record {
            Record::Sample(..) | Record::Ordered(_) => {}
            Record::Notice(_) | Record::Delivery(_) | Record::Decision(_) => notices::write(&self.connection, record)?,
            Record::Incident(incident) => {
                let body = json(&v2::IncidentRecord::from(&**incident))?;
                let open = incident.state == vitals_model::incident::IncidentState::Open;
                self.connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO incident (id, open, updated_at, version, body) VALUES (?, ?, ?, ?, ?)",
                    )?
                    .execute(params![incident.id.cast_signed(), open, incident.updated_at.as_millis(), v2::VERSION, body])?;
            }
            Record::Tools(target, server, tools) => {
                let body = json(&ToolsRecord::from(tools))?;
                self.connection
                    .prepare_cached("INSERT OR REPLACE INTO tools (target, server, version, body) VALUES (?, ?, 1, ?)")?
                    .execute(params![target.as_str(), server.as_str(), body])?;
            }
            Record::Errors(target, known) => {
                let body = json(&ErrorsRecord::from(known))?;
                self.connection
                    .prepare_cached("INSERT OR REPLACE INTO errors (target, version, body) VALUES (?, 1, ?)")?
                    .execute(params![target.as_str(), body])?;
            }
            Record::Scenario(run) => {
                let body = json(&ScenarioRecord::from(&**run))?;
                self.connection
                    .prepare_cached("INSERT INTO scenario (target, at, version, body) VALUES (?, ?, 1, ?)")?
                    .execute(params![run.target.as_str(), run.at.as_millis(), body])?;
            }
            Record::Silence(silence) => {
                let body = json(&v2::SilenceRecord::from(&**silence))?;
                self.connection
                    .prepare_cached("INSERT OR REPLACE INTO silence (id, until, version, body) VALUES (?, ?, ?, ?)")?
                    .execute(params![silence.id.cast_signed(), silence.until.as_millis(), v2::VERSION, body])?;
            }
            Record::Action(action) => {
                let body = json(&ActionRecord::from(&**action))?;
                self.connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO action (id, incident, at, over, version, body) VALUES (?, ?, ?, ?, 1, ?)",
                    )?
                    .execute(params![
                        action.id.cast_signed(),
                        action.incident.cast_signed(),
                        action.begun_at.as_millis(),
                        action.outcome.is_some(),
                        body
                    ])?;
            }
            Record::Note { at, text } => {
                self.connection
                    .prepare_cached("INSERT INTO note (at, text) VALUES (?, ?)")?
                    .execute(params![at.as_millis(), text])?;
            }
        }
        Ok(())
    }

    /// Seals the fresh samples when there are many, or when the oldest have waited long.
    fn seal_when_due(&mut self) -> Result<(), StoreError> {
        let many = (self.series_count * HEAD_ROWS_PER_SERIES).clamp(HEAD_ROWS, HEAD_ROWS_MAX);
        if self.head_rows >= many || (self.head_rows > 0 && self.sealed.elapsed() >= SEAL_EVERY) {
            self.seal()?;
        }
        Ok(())
    }

    /// Moves all fresh samples into segments and rollups.
    pub(super) fn seal(&mut self) -> Result<(), StoreError> {
        self.transact(|base| {
            let mut rows = base.head()?;
            rows.sort_by_key(|(series, _)| *series);
            for of_one in rows.chunk_by(|a, b| a.0 == b.0) {
                let mut fresh: Vec<Row> = of_one.iter().map(|(_, row)| *row).collect();
                seal::seal(&base.connection, of_one[0].0, &mut fresh)?;
            }
            base.connection.prepare_cached("DELETE FROM head")?.execute([])?;
            Ok(())
        })?;
        self.head_rows = 0;
        self.sealed = Stopwatch::start();
        Ok(())
    }

    fn head(&self) -> Result<Vec<(i64, Row)>, StoreError> {
        let mut fresh = self.connection.prepare_cached("SELECT series, at, health, value FROM head")?;
        let mut rows = fresh.query([])?;
        let mut all = Vec::with_capacity(self.head_rows);
        while let Some(row) = rows.next()? {
            let health = health_of(row.get(2)?).ok_or(StoreError::Damaged("fresh sample"))?;
            all.push((row.get(0)?, Row { at: row.get(1)?, health, value: row.get(3)? }));
        }
        Ok(all)
    }

    /// Seals rows of one series at once, past the fresh ones.
    pub(super) fn seal_rows(&self, series: i64, rows: &mut [Row]) -> Result<(), StoreError> {
        seal::seal(&self.connection, series, rows)
    }

    /// Takes in what other processes left; how many runs that were, and how many files were none.
    fn collect_when_due(&mut self, dir: &Path) -> Result<(u64, u64), StoreError> {
        if self.collected.is_some_and(|since| since.elapsed() < COLLECT_EVERY) {
            return Ok((0, 0));
        }
        self.collected = Some(Stopwatch::start());
        let (mut taken, mut broken) = (0, 0);
        for (path, run) in left::found(dir) {
            if let Some(run) = run {
                self.write(&[Record::Scenario(Box::new(run))])?;
                taken += 1;
            } else {
                broken += 1;
            }
            // One that cannot be removed would be taken in again: the error is said, and the next try is 2 s later.
            std::fs::remove_file(&path).map_err(|source| StoreError::Folder { path, source })?;
        }
        Ok((taken, broken))
    }

    fn retain_when_due(&mut self, storage: &Storage) -> Result<(), StoreError> {
        if self.retained.elapsed() < RETAIN_EVERY {
            return Ok(());
        }
        self.retained = Stopwatch::start();
        self.retain(storage, now()).map(|_| ())
    }

    /// One step of retention.
    pub(super) fn retain(&mut self, storage: &Storage, at: Timestamp) -> Result<retain::Step, StoreError> {
        let next = self.retain_next;
        let step = self.transact(|base| retain::step(&base.connection, storage, at, next))?;
        retain::shrink(&self.connection)?;
        self.retain_next = step.next;
        if !step.series.is_empty() {
            self.load()?;
        }
        Ok(step)
    }

    /// Writes the log into the file, so that it is whole by itself; a reader in the way is no harm.
    pub(super) fn settle(&self) {
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
}

/// What the writer thread is given.
pub(super) struct Writer {
    pub(super) dir: PathBuf,
    pub(super) storage: Storage,
    /// Held until the thread ends.
    pub(super) lock: Lock,
    /// The file as opened by the store; `None` after a failure.
    pub(super) base: Option<Base>,
}

impl Writer {
    /// Writes until the store closes.
    pub(super) fn run(mut self, queue: &Queue) {
        let mut batch = Vec::new();
        let mut pause = Duration::ZERO;
        loop {
            let resting = queue.rest(pause);
            let wish = if batch.is_empty() || resting == Wish::Close { queue.take(&mut batch, COMMIT_EVERY) } else { Wish::GoOn };
            let outcome = self.turn(&mut batch, queue);
            pause = if outcome.is_ok() { Duration::ZERO } else { RETRY_EVERY };
            queue.report(|health| health.error = outcome.err().map(|error| error.chain()));
            if wish == Wish::Close {
                break;
            }
        }
        queue.report(|health| health.lost += batch.len() as u64);
        if let Some(base) = self.base.take() {
            base.settle();
        }
        drop(self.lock);
        queue.end();
    }

    /// Writes and empties `batch`, then does what else is due. After a failure the file is opened anew, and set
    /// aside first when it is damaged.
    fn turn(&mut self, batch: &mut Vec<Record>, queue: &Queue) -> Result<(), StoreError> {
        let mut base = if let Some(base) = self.base.take() {
            base
        } else {
            let (base, aside) = Base::open(&self.dir, now())?;
            queue.moved_aside(aside, now());
            base
        };
        let outcome = base.write(batch).and_then(|refused| {
            queue.report(|health| {
                health.written += batch.len() as u64 - refused;
                health.lost += refused;
            });
            queue.kept(batch);
            queue.written();
            for record in batch.drain(..) {
                // A file that stays is carried out again by the next watch, which changes nothing.
                if let Record::Ordered(name) = record {
                    left::remove_order(&self.dir, &name)?;
                }
            }
            let (taken, broken) = base.collect_when_due(&self.dir)?;
            queue.report(|health| {
                health.written += taken;
                health.lost += broken;
            });
            base.seal_when_due()?;
            base.retain_when_due(&self.storage)
        });
        match &outcome {
            Ok(()) => self.base = Some(base),
            Err(error) if error.is_damage() => {
                drop(base);
                queue.moved_aside(Some(base::move_aside(&self.dir, now())?), now());
            }
            Err(_) => {}
        }
        outcome
    }
}
