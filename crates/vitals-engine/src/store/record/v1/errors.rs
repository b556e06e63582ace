//! The kinds of error of one target, as JSON.

use serde::{Deserialize, Serialize};
use vitals_model::errors::{KnownError, KnownErrors};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

/// The kinds of error of one target, as JSON.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct ErrorsRecord {
    since_ms: i64,
    kinds: Vec<ErrorRecord>,
    forgotten: u64,
}

#[derive(Serialize, Deserialize)]
struct ErrorRecord {
    name: String,
    first_ms: i64,
    last_ms: i64,
    count: u64,
}

impl From<&KnownErrors> for ErrorsRecord {
    fn from(known: &KnownErrors) -> Self {
        let record = |kind: &KnownError| ErrorRecord {
            name: kind.name.as_str().to_owned(),
            first_ms: kind.first.as_millis(),
            last_ms: kind.last.as_millis(),
            count: kind.count,
        };
        Self { since_ms: known.since.as_millis(), kinds: known.kinds.iter().map(record).collect(), forgotten: known.forgotten }
    }
}

impl From<ErrorsRecord> for KnownErrors {
    fn from(record: ErrorsRecord) -> Self {
        let kind = |kind: ErrorRecord| KnownError {
            name: Text::new(&kind.name),
            first: Timestamp::from_millis(kind.first_ms),
            last: Timestamp::from_millis(kind.last_ms),
            count: kind.count,
        };
        let kinds = record.kinds.into_iter().map(kind).collect();
        Self { since: Timestamp::from_millis(record.since_ms), kinds, forgotten: record.forgotten }
    }
}
