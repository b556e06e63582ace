//! The reader: history as it is at this instant, beside a running writer or without one. It takes no lock,
//! creates nothing and changes nothing.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, Params, params};
use vitals_model::check::CheckId;
use vitals_model::errors::KnownErrors;
use vitals_model::history::{HealthTimes, Spread, Summary};
use vitals_model::incident::Incident;
use vitals_model::quiet::Silence;
use vitals_model::reading::Sample;
use vitals_model::remedy::Action;
use vitals_model::scenario::Run;
use vitals_model::target::TargetId;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::ToolSet;

use super::record::v1::{self, ActionRecord, ErrorsRecord, ScenarioRecord, ToolsRecord, health_of};
use super::record::v2;
use super::rollup::Rollup;
use super::rollup::standing::{self, STANDS_MS_MAX, Times};
use super::seal::{HOUR_MS, Latest, WINDOW_MS, start_of};
use super::segment::{self, Row};
use super::{StoreError, base};

mod course;

/// Most samples read at once; of more, the latest are kept. A month at one sample in 10 s is a quarter of it.
pub const SAMPLES_MAX: usize = 1 << 20;

/// Most scenarios read at once; of more, the latest are kept. All twelve every two hours are a week of them.
pub const SCENARIOS_MAX: u32 = 1024;

/// A history opened for reading.
pub struct Reader {
    connection: Connection,
    /// A file that no writer of this version has opened yet is older.
    schema: i64,
}

/// Which incidents to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IncidentFilter {
    /// Those that last.
    Open,
    /// Those that last, and those that changed at or after this instant.
    Since(Timestamp),
}

impl Reader {
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let connection = base::open_read(dir)?;
        Ok(Self { schema: base::schema(&connection)?, connection })
    }

    /// Whether the file is of a version that knows notices.
    pub(super) fn knows_notices(&self) -> bool {
        self.schema >= 6
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The targets that history knows, by samples or by scenarios, in order of name.
    ///
    /// # Errors
    /// This and every other method: [`StoreError::Sqlite`] when the file cannot be read, [`StoreError::Damaged`]
    /// when a record makes no sense.
    pub fn targets(&self) -> Result<Vec<TargetId>, StoreError> {
        let sql = if self.schema >= 3 {
            "SELECT target FROM series UNION SELECT target FROM scenario ORDER BY target"
        } else {
            "SELECT DISTINCT target FROM series ORDER BY target"
        };
        let names = self.column(sql, [])?;
        Ok(names.iter().map(|name: &String| TargetId::new(name)).collect())
    }

    /// The checks and series of `target`, in order of id.
    pub fn checks(&self, target: &TargetId) -> Result<Vec<CheckId>, StoreError> {
        let names = self.column("SELECT name FROM series WHERE target = ? ORDER BY name", [target.as_str()])?;
        Ok(names.iter().map(|name: &String| CheckId::from_stored(name)).collect())
    }

    /// The samples with `from ≤ at < to`, oldest first; the latest [`SAMPLES_MAX`] of more.
    pub fn samples(&self, target: &TargetId, check: &CheckId, from: Timestamp, to: Timestamp) -> Result<Vec<Sample>, StoreError> {
        let _same_instant = self.connection.unchecked_transaction()?;
        let Some(series) = self.series(target, check)? else { return Ok(Vec::new()) };
        let span = (from.as_millis(), to.as_millis());
        let mut rows = self.fresh(series, span)?;
        self.sealed(series, span, &mut rows)?;
        rows.sort_by_key(|row| row.at);
        let skipped = rows.len().saturating_sub(SAMPLES_MAX);
        Ok(rows.iter().skip(skipped).map(|row| sample(check, row)).collect())
    }

    /// The latest sample; `None` when there is none.
    pub fn last(&self, target: &TargetId, check: &CheckId) -> Result<Option<Sample>, StoreError> {
        let _same_instant = self.connection.unchecked_transaction()?;
        let Some(series) = self.series(target, check)? else { return Ok(None) };
        let mut rows = self.fresh(series, (i64::MIN, i64::MAX))?;
        let window = "SELECT max(window) FROM segment WHERE series = ?";
        let latest: Option<i64> = self.connection.prepare_cached(window)?.query_row([series], |row| row.get(0))?;
        if let Some(start) = latest {
            self.sealed(series, (start, start.saturating_add(WINDOW_MS)), &mut rows)?;
        }
        Ok(rows.iter().max_by_key(|row| row.at).map(|row| sample(check, row)))
    }

    /// What the samples with `from ≤ at < to` come to: whole hours and days from rollups, the edges and what is
    /// fresh from samples. Where raw samples are no longer kept, the broken hour at either edge is left out.
    pub fn summary(&self, target: &TargetId, check: &CheckId, from: Timestamp, to: Timestamp) -> Result<Summary, StoreError> {
        Ok(summary(&self.sum(target, check, (from, to))?, to.since(from)))
    }

    /// The same, and how many of the values are greater than `limit` (within 1.6 % of it, as percentiles are).
    pub fn summary_above(
        &self,
        target: &TargetId,
        check: &CheckId,
        (from, to): (Timestamp, Timestamp),
        limit: f64,
    ) -> Result<(Summary, u64), StoreError> {
        let sum = self.sum(target, check, (from, to))?;
        Ok((summary(&sum, to.since(from)), sum.values_above(limit)))
    }

    fn sum(&self, target: &TargetId, check: &CheckId, (from, to): (Timestamp, Timestamp)) -> Result<Rollup, StoreError> {
        const DAY_MS: i64 = 24 * HOUR_MS;
        let _same_instant = self.connection.unchecked_transaction()?;
        let mut sum = Rollup::default();
        let Some(series) = self.series(target, check)? else { return Ok(sum) };
        let (from, to) = (from.as_millis(), to.as_millis());
        // The sample before the span may reach into it.
        let mut fresh = self.fresh(series, (from.saturating_sub(STANDS_MS_MAX), to))?;
        fresh.sort_by_key(|row| row.at);
        if let Some((first, end)) = whole((from, to), HOUR_MS) {
            let mut add = |span, hours| self.rolled_up(series, hours, span, |_, rollup| sum.merge(rollup));
            if let Some((first_day, end_day)) = whole((first, end), DAY_MS) {
                add((first, first_day), 1)?;
                add((first_day, end_day), 24)?;
                add((end_day, end), 1)?;
            } else {
                add((first, end), 1)?;
            }
            let hours = first..end;
            fresh.iter().filter(|row| hours.contains(&row.at)).for_each(|row| sum.add(row));
            let gained = self.gained(series, &fresh)?;
            gained.iter().filter(|(start, _)| hours.contains(start)).for_each(|(_, times)| sum.stand(times));
            self.edge(series, (from, first), &fresh, &mut sum)?;
            self.edge(series, (end, to), &fresh, &mut sum)?;
        } else {
            self.edge(series, (from, to), &fresh, &mut sum)?;
        }
        Ok(sum)
    }

    /// Incidents, oldest first.
    pub fn incidents(&self, filter: IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        let since = match filter {
            IncidentFilter::Open => i64::MAX,
            IncidentFilter::Since(at) => at.as_millis(),
        };
        let sql = "SELECT version, body FROM incident WHERE open = 1 OR updated_at >= ? ORDER BY id";
        self.incidents_of(sql, [since])
    }

    /// One incident by its number, however old it is.
    pub fn incident(&self, id: u64) -> Result<Option<Incident>, StoreError> {
        let found = self.incidents_of("SELECT version, body FROM incident WHERE id = ?", [id.cast_signed()])?;
        Ok(found.into_iter().next())
    }

    fn incidents_of(&self, sql: &str, params: impl Params) -> Result<Vec<Incident>, StoreError> {
        let mut all = self.connection.prepare_cached(sql)?;
        let rows = all.query_map(params, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| {
            let (version, body) = row?;
            let incident = match version {
                1 => serde_json::from_str(&body).ok().and_then(v1::IncidentRecord::incident),
                _ => serde_json::from_str(&body).ok().and_then(v2::IncidentRecord::incident),
            };
            incident.ok_or(StoreError::Damaged("incident"))
        })
        .collect()
    }

    /// Every silence ever given, oldest first; those that are over included.
    pub fn silences(&self) -> Result<Vec<Silence>, StoreError> {
        if self.schema < 4 {
            return Ok(Vec::new());
        }
        let bodies: Vec<String> = self.column("SELECT body FROM silence ORDER BY id", [])?;
        let silence = |body: &String| serde_json::from_str::<v2::SilenceRecord>(body).ok().map(Silence::from);
        bodies.iter().map(|body| silence(body).ok_or(StoreError::Damaged("silence"))).collect()
    }

    /// Actions that were begun since then, and those that are under way, oldest first.
    pub fn actions(&self, since: Timestamp) -> Result<Vec<Action>, StoreError> {
        self.actions_of("SELECT body FROM action WHERE over = 0 OR at >= ? ORDER BY id", since.as_millis())
    }

    /// All that was ever done about an incident, oldest first.
    pub fn actions_for(&self, incident: u64) -> Result<Vec<Action>, StoreError> {
        self.actions_of("SELECT body FROM action WHERE incident = ? ORDER BY id", incident.cast_signed())
    }

    fn actions_of(&self, sql: &str, param: i64) -> Result<Vec<Action>, StoreError> {
        if self.schema < 7 {
            return Ok(Vec::new());
        }
        let bodies: Vec<String> = self.column(sql, [param])?;
        let action = |body: &String| serde_json::from_str(body).ok().and_then(ActionRecord::action);
        bodies.iter().map(|body| action(body).ok_or(StoreError::Damaged("action"))).collect()
    }

    /// The greatest number of an action ever given; 0 before the first.
    pub fn last_action_id(&self) -> Result<u64, StoreError> {
        if self.schema < 7 {
            return Ok(0);
        }
        let last: Option<i64> = self.connection.query_row("SELECT max(id) FROM action", [], |row| row.get(0))?;
        Ok(last.unwrap_or(0).cast_unsigned())
    }

    /// The greatest incident id ever given; 0 before the first.
    pub fn last_incident_id(&self) -> Result<u64, StoreError> {
        let last: Option<i64> = self.connection.query_row("SELECT max(id) FROM incident", [], |row| row.get(0))?;
        Ok(last.unwrap_or(0).cast_unsigned())
    }

    /// The tools of each server of `target` as last seen, in order of server.
    pub fn tools(&self, target: &TargetId) -> Result<Vec<(Text, ToolSet)>, StoreError> {
        let mut all = self.connection.prepare_cached("SELECT server, body FROM tools WHERE target = ? ORDER BY server")?;
        let rows = all.query_map([target.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| {
            let (server, body) = row?;
            let tools: ToolsRecord = serde_json::from_str(&body).map_err(|_| StoreError::Damaged("tool set"))?;
            Ok((Text::new(&server), tools.into()))
        })
        .collect()
    }

    /// The kinds of error of `target` as last known.
    pub fn errors(&self, target: &TargetId) -> Result<Option<KnownErrors>, StoreError> {
        if self.schema < 5 {
            return Ok(None);
        }
        let bodies: Vec<String> = self.column("SELECT body FROM errors WHERE target = ?", [target.as_str()])?;
        let known = |body: &String| serde_json::from_str::<ErrorsRecord>(body).map_err(|_| StoreError::Damaged("kinds of error"));
        bodies.first().map(known).transpose().map(|record| record.map(KnownErrors::from))
    }

    /// Scenarios run on `target` that began with `from ≤ at < to`, oldest first; the latest [`SCENARIOS_MAX`] of more.
    pub fn scenarios(&self, target: &TargetId, from: Timestamp, to: Timestamp) -> Result<Vec<Run>, StoreError> {
        if self.schema < 3 {
            return Ok(Vec::new());
        }
        let sql = "SELECT body FROM scenario WHERE target = ? AND at >= ? AND at < ? ORDER BY at DESC, id DESC LIMIT ?";
        let span = (from.as_millis(), to.as_millis());
        let mut bodies: Vec<String> = self.column(sql, params![target.as_str(), span.0, span.1, SCENARIOS_MAX])?;
        bodies.reverse();
        let run = |body: &String| serde_json::from_str(body).ok().and_then(ScenarioRecord::run);
        bodies.iter().map(|body| run(body).ok_or(StoreError::Damaged("scenario"))).collect()
    }

    /// Notes with `from ≤ at < to`, oldest first.
    pub fn notes(&self, from: Timestamp, to: Timestamp) -> Result<Vec<(Timestamp, String)>, StoreError> {
        let mut all = self.connection.prepare_cached("SELECT at, text FROM note WHERE at >= ? AND at < ? ORDER BY at, id")?;
        let note = |row: &rusqlite::Row<'_>| Ok((Timestamp::from_millis(row.get(0)?), row.get(1)?));
        Ok(all.query_map([from.as_millis(), to.as_millis()], note)?.collect::<Result<_, _>>()?)
    }

    fn series(&self, target: &TargetId, check: &CheckId) -> Result<Option<i64>, StoreError> {
        let mut id = self.connection.prepare_cached("SELECT id FROM series WHERE target = ? AND name = ?")?;
        Ok(id.query_row([target.as_str(), check.as_str()], |row| row.get(0)).optional()?)
    }

    fn column<T: FromSql>(&self, sql: &str, params: impl Params) -> Result<Vec<T>, StoreError> {
        Ok(self.connection.prepare_cached(sql)?.query_map(params, |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Fresh samples of one series, in the order in which they came.
    fn fresh(&self, series: i64, (from, to): (i64, i64)) -> Result<Vec<Row>, StoreError> {
        let sql = "SELECT at, health, value FROM head WHERE series = ? AND at >= ? AND at < ?";
        let mut fresh = self.connection.prepare_cached(sql)?;
        let mut rows = fresh.query([series, from, to])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let health = health_of(row.get(1)?).ok_or(StoreError::Damaged("fresh sample"))?;
            all.push(Row { at: row.get(0)?, health, value: row.get(2)? });
        }
        Ok(all)
    }

    /// Adds sealed samples to `into`, latest windows first, until there are enough.
    fn sealed(&self, series: i64, (from, to): (i64, i64), into: &mut Vec<Row>) -> Result<(), StoreError> {
        if from >= to {
            return Ok(());
        }
        let sql = "SELECT body FROM segment WHERE series = ? AND window > ? AND window < ? ORDER BY window DESC, part DESC";
        let mut segments = self.connection.prepare_cached(sql)?;
        let mut bodies = segments.query(params![series, from.saturating_sub(WINDOW_MS), to])?;
        while let Some(row) = bodies.next()? {
            let body = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            let rows = segment::decode(body).ok_or(StoreError::Damaged("segment"))?;
            into.extend(rows.into_iter().filter(|row| (from..to).contains(&row.at)));
            if into.len() >= SAMPLES_MAX {
                break;
            }
        }
        Ok(())
    }

    /// Adds a span without rollups, from samples.
    fn edge(&self, series: i64, (from, to): (i64, i64), fresh: &[Row], sum: &mut Rollup) -> Result<(), StoreError> {
        if from >= to {
            return Ok(());
        }
        let around = from.saturating_sub(STANDS_MS_MAX)..to;
        let mut rows: Vec<Row> = fresh.iter().filter(|row| around.contains(&row.at)).copied().collect();
        self.sealed(series, (around.start, around.end), &mut rows)?;
        rows.sort_by_key(|row| row.at);
        sum.stand(&standing::within(&rows, (from, to)));
        rows.iter().filter(|row| row.at >= from).for_each(|row| sum.add(row));
        Ok(())
    }

    /// By how much the times of hours would change if the `fresh` rows (sorted by time) were sealed: each hour's start
    /// and what to add.
    fn gained(&self, series: i64, fresh: &[Row]) -> Result<Vec<(i64, Times)>, StoreError> {
        let mut all = Vec::new();
        let mut before: Option<Row> = None;
        for rows in fresh.chunk_by(|a, b| start_of(a.at, WINDOW_MS) == start_of(b.at, WINDOW_MS)) {
            let window = start_of(rows[0].at, WINDOW_MS);
            let mut latest = Latest::of(&self.connection, series, window)?;
            latest.before = latest.before.into_iter().chain(before).max_by_key(|row| row.at);
            all.extend(latest.gained_with(window, rows));
            before = rows.last().copied();
        }
        Ok(all)
    }

    /// Hands over the rollups with `from ≤ start < to`, each with its start.
    fn rolled_up(
        &self,
        series: i64,
        hours: i64,
        (from, to): (i64, i64),
        mut take: impl FnMut(i64, &Rollup),
    ) -> Result<(), StoreError> {
        let sql = "SELECT start, body FROM rollup WHERE series = ? AND hours = ? AND start >= ? AND start < ?";
        let mut rollups = self.connection.prepare_cached(sql)?;
        let mut bodies = rollups.query([series, hours, from, to])?;
        while let Some(row) = bodies.next()? {
            let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            take(row.get(0)?, &Rollup::decode(body).ok_or(StoreError::Damaged("rollup"))?);
        }
        Ok(())
    }
}

/// The whole `width`-long spans inside a span; `None` when there is none.
fn whole((from, to): (i64, i64), width: i64) -> Option<(i64, i64)> {
    let (first, end) = (start_of(from.saturating_add(width - 1), width), start_of(to, width));
    (first < end).then_some((first, end))
}

fn sample(check: &CheckId, row: &Row) -> Sample {
    Sample { id: check.clone(), at: Timestamp::from_millis(row.at), health: row.health, value: row.value }
}

fn summary(sum: &Rollup, span: Duration) -> Summary {
    let [healthy, unknown, degraded, failing] = sum.times.map(|ms| Duration::from_millis(ms.max(0).unsigned_abs()));
    let times = HealthTimes { healthy, unknown, degraded, failing, samples: sum.samples };
    let percentile = |permille| sum.percentile(permille).unwrap_or(0.0);
    Summary {
        observed: times.observed().min(span),
        healths: times,
        spread: sum.min_mean_max().map(|(min, mean, max)| Spread {
            values: sum.values(),
            min,
            mean,
            max,
            p50: percentile(500),
            p95: percentile(950),
            p99: percentile(990),
        }),
    }
}
