//! The bulk path: whole series go straight into segments and rollups, past the queue and the fresh samples.
//! For importing a history. It is not for watching: it waits for the disk, and its errors are the caller's.

use std::path::Path;

use vitals_model::check::CheckId;
use vitals_model::reading::Health;
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;
use vitals_probe::clock::now;

use super::StoreError;
use super::lock::Lock;
use super::segment::{Row, grain};
use super::writer::Base;

/// A store opened for import; it holds the store's lock. Dropping it is the end of the import.
pub struct Bulk {
    base: Base,
    _lock: Lock,
}

impl Bulk {
    /// Opens the store in `dir`, which is created when there is none.
    ///
    /// # Errors
    /// As [`Store::open`](super::Store::open), and [`StoreError::Sqlite`] when the file cannot be opened.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let lock = super::claim(dir)?;
        let (base, _) = Base::open(dir, now())?;
        Ok(Self { base, _lock: lock })
    }

    /// Adds samples of one check, in any order, in one transaction; returns how many. What is there already is
    /// not looked for: adding the same samples twice counts them twice.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`], [`StoreError::Damaged`], or [`StoreError::Full`] when the store has too many checks;
    /// then nothing was added.
    pub fn add(
        &mut self,
        target: &TargetId,
        check: &CheckId,
        samples: impl IntoIterator<Item = (Timestamp, Health, Option<f64>)>,
    ) -> Result<usize, StoreError> {
        let row =
            |(at, health, value): (Timestamp, _, Option<f64>)| Row { at: at.as_millis(), health, value: value.and_then(grain) };
        let mut rows: Vec<Row> = samples.into_iter().map(row).collect();
        self.base.transact(|base| {
            let series = base.series(target, check)?.ok_or(StoreError::Full)?;
            base.seal_rows(series, &mut rows)
        })?;
        Ok(rows.len())
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        self.base.settle();
    }
}
