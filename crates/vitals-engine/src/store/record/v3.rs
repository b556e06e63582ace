//! Version 3 of the disk record begins with notices. These never change; a later version reads them and writes its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vitals_model::notice::{DayReport, Delivery, Notice, Outcome, Stage, Status};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use super::v2;

/// The version that is written beside a record.
pub(in crate::store) const VERSION: i64 = 3;

/// A notice, as JSON.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct NoticeRecord {
    id: u64,
    route: String,
    receiver: String,
    group: String,
    status: String,
    stage: String,
    reason: String,
    at_ms: i64,
    incidents: Vec<v2::IncidentRecord>,
    more: u64,
    labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<ReportRecord>,
}

/// The report of a day.
#[derive(Serialize, Deserialize)]
struct ReportRecord {
    day: String,
    title: String,
    text: String,
    page: PathBuf,
}

/// What came of an attempt, as JSON.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct DeliveryRecord {
    notice: u64,
    receiver: String,
    at_ms: i64,
    attempts: u32,
    outcome: String,
    words: String,
}

impl From<&Notice> for NoticeRecord {
    fn from(notice: &Notice) -> Self {
        Self {
            id: notice.id,
            route: notice.route.clone(),
            receiver: notice.receiver.clone(),
            group: notice.group.clone(),
            status: notice.status.as_str().to_owned(),
            stage: notice.stage.as_str().to_owned(),
            reason: notice.reason.clone(),
            at_ms: notice.at.as_millis(),
            incidents: notice.incidents.iter().map(v2::IncidentRecord::from).collect(),
            more: notice.more,
            labels: notice.labels.clone(),
            report: notice.report.as_ref().map(ReportRecord::from),
        }
    }
}

impl NoticeRecord {
    /// The notice; `None` when a word or a number in it has no meaning.
    pub(in crate::store) fn notice(self) -> Option<Notice> {
        Some(Notice {
            id: self.id,
            status: Status::ALL.into_iter().chain([Status::Report]).find(|status| status.as_str() == self.status)?,
            stage: Stage::ALL.into_iter().find(|stage| stage.as_str() == self.stage)?,
            route: self.route,
            receiver: self.receiver,
            group: self.group,
            reason: self.reason,
            at: Timestamp::from_millis(self.at_ms),
            incidents: self.incidents.into_iter().map(v2::IncidentRecord::incident).collect::<Option<_>>()?,
            more: self.more,
            labels: self.labels,
            report: self.report.map(ReportRecord::report),
        })
    }
}

impl From<&DayReport> for ReportRecord {
    fn from(report: &DayReport) -> Self {
        let DayReport { day, title, text, page } = report.clone();
        Self { day, title, text, page }
    }
}

impl ReportRecord {
    fn report(self) -> DayReport {
        DayReport { day: self.day, title: self.title, text: self.text, page: self.page }
    }
}

impl From<&Delivery> for DeliveryRecord {
    fn from(delivery: &Delivery) -> Self {
        Self {
            notice: delivery.notice,
            receiver: delivery.receiver.clone(),
            at_ms: delivery.at.as_millis(),
            attempts: delivery.attempts,
            outcome: delivery.outcome.as_str().to_owned(),
            words: delivery.outcome.words().to_string(),
        }
    }
}

impl DeliveryRecord {
    /// The delivery; `None` when its outcome is no word of ours.
    pub(in crate::store) fn delivery(self) -> Option<Delivery> {
        Some(Delivery {
            notice: self.notice,
            receiver: self.receiver,
            at: Timestamp::from_millis(self.at_ms),
            attempts: self.attempts,
            outcome: Outcome::of(&self.outcome, Text::new(&self.words))?,
        })
    }
}
