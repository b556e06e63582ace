//! How one check went over a span: a summary for each slice. Slices of an hour and more come from rollups, shorter
//! ones from samples. One pass over the history however many slices there are.

use std::ops::Range;
use std::time::Duration;

use vitals_model::check::CheckId;
use vitals_model::history::{Cut, Summary};
use vitals_model::target::TargetId;

use super::super::StoreError;
use super::super::rollup::Rollup;
use super::super::rollup::standing::{self, STANDS_MS_MAX};
use super::super::seal::HOUR_MS;
use super::{Reader, summary};

impl Reader {
    /// What each slice comes to, in their order. Where raw samples are no longer kept, slices shorter than an hour are
    /// empty.
    ///
    /// # Errors
    /// As every method of the reader.
    pub fn course(&self, target: &TargetId, check: &CheckId, cut: &Cut) -> Result<Vec<Summary>, StoreError> {
        let _same_instant = self.connection.unchecked_transaction()?;
        let Some(series) = self.series(target, check)? else { return Ok(vec![Summary::default(); cut.count()]) };
        let step = i64::try_from(cut.step.as_millis()).unwrap_or(i64::MAX);
        let span = cut.from.as_millis()..cut.to.as_millis();
        let rollups = if step < HOUR_MS {
            self.course_of_samples(series, span, step, cut.count())?
        } else {
            self.course_of_rollups(series, span, step, cut.count())?
        };
        Ok(rollups.iter().map(|rollup| summary(rollup, Duration::from_millis(step.unsigned_abs()))).collect())
    }

    fn course_of_samples(&self, series: i64, span: Range<i64>, step: i64, count: usize) -> Result<Vec<Rollup>, StoreError> {
        let around = (span.start.saturating_sub(STANDS_MS_MAX), span.end);
        let mut rows = self.fresh(series, around)?;
        self.sealed(series, around, &mut rows)?;
        rows.sort_by_key(|row| row.at);
        let mut rollups = vec![Rollup::default(); count];
        for (rollup, times) in rollups.iter_mut().zip(standing::by_step(&rows, span.start, step, count)) {
            rollup.stand(&times);
        }
        for row in &rows {
            if let Some(rollup) = at(&mut rollups, row.at, span.start, step) {
                rollup.add(row);
            }
        }
        Ok(rollups)
    }

    fn course_of_rollups(&self, series: i64, span: Range<i64>, step: i64, count: usize) -> Result<Vec<Rollup>, StoreError> {
        let mut rollups = vec![Rollup::default(); count];
        let hours = if step % (24 * HOUR_MS) == 0 { 24 } else { 1 };
        self.rolled_up(series, hours, (span.start, span.end), |start, found| {
            if let Some(rollup) = at(&mut rollups, start, span.start, step) {
                rollup.merge(found);
            }
        })?;
        let mut fresh = self.fresh(series, (span.start.saturating_sub(STANDS_MS_MAX), span.end))?;
        fresh.sort_by_key(|row| row.at);
        for row in &fresh {
            if let Some(rollup) = at(&mut rollups, row.at, span.start, step) {
                rollup.add(row);
            }
        }
        for (start, times) in self.gained(series, &fresh)? {
            if let Some(rollup) = at(&mut rollups, start, span.start, step) {
                rollup.stand(&times);
            }
        }
        Ok(rollups)
    }
}

/// The slice that holds an instant.
fn at(rollups: &mut [Rollup], instant: i64, from: i64, step: i64) -> Option<&mut Rollup> {
    let n = instant.checked_sub(from).filter(|ms| *ms >= 0)? / step;
    rollups.get_mut(usize::try_from(n).ok()?)
}
