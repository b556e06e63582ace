//! Notices in the history: written before they are sent, marked when something came of them, and read back by the watch
//! that goes on.

use rusqlite::{Connection, OptionalExtension, params};
use vitals_model::notice::{Decision, DecisionKind, Delivery, Notice, Posted};
use vitals_model::time::Timestamp;

use super::reader::Reader;
use super::record::v1::json;
use super::record::v3::{self, DeliveryRecord, NoticeRecord};
use super::{Record, StoreError};

/// Most notices read at once; of more, the latest.
const NOTICES_MAX: u32 = 10_000;

/// Most decisions read of one incident; of more, the latest.
const DECISIONS_MAX: u32 = 1000;

/// The columns of a notice with what came of it.
const POSTED: &str = "SELECT body, delivery FROM notice";

/// Writes a notice, what came of it, or a decision.
pub(super) fn write(connection: &Connection, record: &Record) -> Result<(), StoreError> {
    match record {
        Record::Notice(notice) => put(connection, notice),
        Record::Delivery(delivery) => mark(connection, delivery),
        Record::Decision(Decision { incident, at, route, kind, sentence }) => {
            connection
                .prepare_cached("INSERT INTO decision (incident, at, route, kind, sentence) VALUES (?, ?, ?, ?, ?)")?
                .execute(params![incident.cast_signed(), at.as_millis(), route, kind.as_str(), sentence])?;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn put(connection: &Connection, notice: &Notice) -> Result<(), StoreError> {
    let body = json(&NoticeRecord::from(notice))?;
    let id = notice.id.cast_signed();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO notice (id, at, receiver, route, grp, waits, version, body) VALUES (?, ?, ?, ?, ?, 1, ?, ?)",
        )?
        .execute(params![id, notice.at.as_millis(), notice.receiver, notice.route, notice.group, v3::VERSION, body])?;
    let mut told = connection.prepare_cached("INSERT OR IGNORE INTO told (incident, notice) VALUES (?, ?)")?;
    for incident in &notice.incidents {
        told.execute([incident.id.cast_signed(), id])?;
    }
    Ok(())
}

fn mark(connection: &Connection, delivery: &Delivery) -> Result<(), StoreError> {
    let body = json(&DeliveryRecord::from(delivery))?;
    connection.prepare_cached("UPDATE notice SET delivery = ?, waits = ? WHERE id = ?")?.execute(params![
        body,
        !delivery.outcome.is_final(),
        delivery.notice.cast_signed()
    ])?;
    Ok(())
}

impl Reader {
    /// What a watch goes on from: notices that wait, and the latest of each group to each receiver, oldest first.
    pub fn posted(&self) -> Result<Vec<Posted>, StoreError> {
        let latest = "SELECT max(id) FROM notice GROUP BY route, grp, receiver";
        self.read_posted(&format!("{POSTED} WHERE waits OR id IN ({latest}) ORDER BY id DESC LIMIT {NOTICES_MAX}"), [])
    }

    /// The notices that told of an incident, oldest first.
    pub fn posted_of(&self, incident: u64) -> Result<Vec<Posted>, StoreError> {
        let of = "WHERE id IN (SELECT notice FROM told WHERE incident = ?)";
        self.read_posted(&format!("{POSTED} {of} ORDER BY id DESC LIMIT {NOTICES_MAX}"), [incident.cast_signed()])
    }

    /// The latest notice to a receiver of which something came; `None` without one.
    pub fn last_posted(&self, receiver: &str) -> Result<Option<Posted>, StoreError> {
        let of = "WHERE receiver = ? AND delivery IS NOT NULL ORDER BY id DESC LIMIT 1";
        Ok(self.read_posted(&format!("{POSTED} {of}"), [receiver])?.pop())
    }

    /// How many notices wait for a receiver.
    pub fn posted_waiting(&self, receiver: &str) -> Result<u64, StoreError> {
        if !self.knows_notices() {
            return Ok(0);
        }
        let mut count = self.connection().prepare_cached("SELECT count(*) FROM notice WHERE waits AND receiver = ?")?;
        Ok(count.query_row([receiver], |row| row.get::<_, i64>(0))?.cast_unsigned())
    }

    /// The highest number of a notice; 0 when there was none.
    pub fn last_notice_id(&self) -> Result<u64, StoreError> {
        if !self.knows_notices() {
            return Ok(0);
        }
        let last: Option<Option<i64>> =
            self.connection().query_row("SELECT max(id) FROM notice", [], |row| row.get(0)).optional()?;
        Ok(last.flatten().unwrap_or(0).cast_unsigned())
    }

    /// What was decided about telling people of an incident, oldest first.
    pub fn decisions(&self, incident: u64) -> Result<Vec<Decision>, StoreError> {
        if !self.knows_notices() {
            return Ok(Vec::new());
        }
        let sql = "SELECT at, route, kind, sentence FROM decision WHERE incident = ? ORDER BY id DESC LIMIT ?";
        let mut all = self.connection().prepare_cached(sql)?;
        let mut rows = all.query(params![incident.cast_signed(), DECISIONS_MAX])?;
        let mut decisions = Vec::new();
        while let Some(row) = rows.next()? {
            let word: String = row.get(2)?;
            let kind = DecisionKind::ALL.into_iter().find(|kind| kind.as_str() == word);
            decisions.push(Decision {
                incident,
                at: Timestamp::from_millis(row.get(0)?),
                route: row.get(1)?,
                kind: kind.ok_or(StoreError::Damaged("decision"))?,
                sentence: row.get(3)?,
            });
        }
        decisions.reverse();
        Ok(decisions)
    }

    fn read_posted(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<Posted>, StoreError> {
        if !self.knows_notices() {
            return Ok(Vec::new());
        }
        let mut all = self.connection().prepare_cached(sql)?;
        let mut rows = all.query(params)?;
        let mut posted = Vec::new();
        while let Some(row) = rows.next()? {
            posted.push(one(&row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?.as_deref())?);
        }
        posted.reverse();
        Ok(posted)
    }
}

fn one(body: &str, delivery: Option<&str>) -> Result<Posted, StoreError> {
    let notice = serde_json::from_str(body).ok().and_then(NoticeRecord::notice);
    let delivery = delivery.map(|body| serde_json::from_str(body).ok().and_then(DeliveryRecord::delivery));
    match (notice, delivery) {
        (Some(notice), None) => Ok(Posted { notice, delivery: None }),
        (Some(notice), Some(Some(delivery))) => Ok(Posted { notice, delivery: Some(delivery) }),
        _ => Err(StoreError::Damaged("notice")),
    }
}
