//! Version 2 of the disk record of incidents: version 1, and what belongs together with it and how people were told.
//! Silences and orders begin with this version. These never change; a later version reads them and writes its own.

use serde::{Deserialize, Serialize};
use vitals_model::check::CheckId;
use vitals_model::incident::{Cause, Handling, Incident, IncidentChange, Quiet, QuietReason, Suppressed, Ties, Withheld};
use vitals_model::quiet::{Order, Pattern, Remark, Silence};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use super::v1::{self, health_code, health_of};

/// The version that is written beside a record.
pub(in crate::store) const VERSION: i64 = 2;

/// An incident, as JSON.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct IncidentRecord {
    #[serde(flatten)]
    first: v1::IncidentRecord,
    flapping: bool,
    /// Number and check of the incident that it follows from.
    follows: Option<(u64, String)>,
    suppressed: Vec<SuppressedRecord>,
    suppressed_more: u64,
    told_at_ms: Option<i64>,
    acknowledged: Option<RemarkRecord>,
    notes: Vec<RemarkRecord>,
    withheld: Vec<WithheldRecord>,
}

#[derive(Serialize, Deserialize)]
struct SuppressedRecord {
    check: String,
    health: u8,
    since_ms: i64,
}

/// What somebody said, as JSON.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct RemarkRecord {
    at_ms: i64,
    author: String,
    text: String,
}

#[derive(Serialize, Deserialize)]
struct WithheldRecord {
    at_ms: i64,
    change: String,
    reason: String,
    sentence: String,
}

/// A silence, as JSON.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct SilenceRecord {
    id: u64,
    target: String,
    check: String,
    until_ms: i64,
    remark: RemarkRecord,
}

/// An order, as JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum OrderRecord {
    Acknowledge(u64, RemarkRecord),
    Note(u64, RemarkRecord),
    Silence(SilenceRecord),
    Unsilence(u64, RemarkRecord),
    Repair(u64, RemarkRecord),
}

impl From<&Remark> for RemarkRecord {
    fn from(remark: &Remark) -> Self {
        Self { at_ms: remark.at.as_millis(), author: remark.author.to_string(), text: remark.text.to_string() }
    }
}

impl From<RemarkRecord> for Remark {
    fn from(record: RemarkRecord) -> Self {
        Self { at: Timestamp::from_millis(record.at_ms), author: Text::new(&record.author), text: Text::new(&record.text) }
    }
}

impl From<&Incident> for IncidentRecord {
    fn from(incident: &Incident) -> Self {
        let suppressed = |s: &Suppressed| SuppressedRecord {
            check: s.check.as_str().to_owned(),
            health: health_code(s.health),
            since_ms: s.since.as_millis(),
        };
        let withheld = |w: &Withheld| WithheldRecord {
            at_ms: w.at.as_millis(),
            change: w.change.as_str().to_owned(),
            reason: w.why.reason.as_str().to_owned(),
            sentence: w.why.sentence.clone(),
        };
        let (ties, handling) = (&incident.ties, &incident.handling);
        Self {
            first: incident.into(),
            flapping: incident.flapping,
            follows: ties.follows.as_ref().map(|cause| (cause.incident, cause.check.as_str().to_owned())),
            suppressed: ties.suppressed.iter().map(suppressed).collect(),
            suppressed_more: ties.suppressed_more,
            told_at_ms: handling.told_at.map(Timestamp::as_millis),
            acknowledged: handling.acknowledged.as_ref().map(RemarkRecord::from),
            notes: handling.notes.iter().map(RemarkRecord::from).collect(),
            withheld: handling.withheld.iter().map(withheld).collect(),
        }
    }
}

impl IncidentRecord {
    /// The incident; `None` when a word or a number in it has no meaning.
    pub(in crate::store) fn incident(self) -> Option<Incident> {
        let suppressed = |s: SuppressedRecord| {
            let since = Timestamp::from_millis(s.since_ms);
            Some(Suppressed { check: CheckId::from_stored(&s.check), health: health_of(s.health)?, since })
        };
        let withheld = |w: WithheldRecord| {
            let reason = QuietReason::ALL.into_iter().find(|reason| reason.as_str() == w.reason)?;
            Some(Withheld {
                at: Timestamp::from_millis(w.at_ms),
                change: IncidentChange::ALL.into_iter().find(|change| change.as_str() == w.change)?,
                why: Quiet { reason, sentence: w.sentence },
            })
        };
        let ties = Ties {
            follows: self.follows.map(|(incident, check)| Cause { incident, check: CheckId::from_stored(&check) }),
            suppressed: self.suppressed.into_iter().map(suppressed).collect::<Option<_>>()?,
            suppressed_more: self.suppressed_more,
        };
        let handling = Handling {
            told_at: self.told_at_ms.map(Timestamp::from_millis),
            acknowledged: self.acknowledged.map(Remark::from),
            notes: self.notes.into_iter().map(Remark::from).collect(),
            withheld: self.withheld.into_iter().map(withheld).collect::<Option<_>>()?,
        };
        Some(Incident { flapping: self.flapping, ties, handling, ..self.first.incident()? })
    }
}

impl From<&Silence> for SilenceRecord {
    fn from(silence: &Silence) -> Self {
        Self {
            id: silence.id,
            target: silence.target.as_str().to_owned(),
            check: silence.check.as_str().to_owned(),
            until_ms: silence.until.as_millis(),
            remark: (&silence.remark).into(),
        }
    }
}

impl From<SilenceRecord> for Silence {
    fn from(record: SilenceRecord) -> Self {
        Self {
            id: record.id,
            target: Pattern::new(&record.target),
            check: Pattern::new(&record.check),
            until: Timestamp::from_millis(record.until_ms),
            remark: record.remark.into(),
        }
    }
}

impl From<&Order> for OrderRecord {
    fn from(order: &Order) -> Self {
        match order {
            Order::Acknowledge(id, remark) => Self::Acknowledge(*id, remark.into()),
            Order::Note(id, remark) => Self::Note(*id, remark.into()),
            Order::Silence(silence) => Self::Silence(silence.into()),
            Order::Unsilence(id, remark) => Self::Unsilence(*id, remark.into()),
            Order::Repair(id, remark) => Self::Repair(*id, remark.into()),
        }
    }
}

impl OrderRecord {
    /// The order.
    pub(in crate::store) fn order(self) -> Order {
        match self {
            Self::Acknowledge(id, remark) => Order::Acknowledge(id, remark.into()),
            Self::Note(id, remark) => Order::Note(id, remark.into()),
            Self::Silence(silence) => Order::Silence(silence.into()),
            Self::Unsilence(id, remark) => Order::Unsilence(id, remark.into()),
            Self::Repair(id, remark) => Order::Repair(id, remark.into()),
        }
    }
}
