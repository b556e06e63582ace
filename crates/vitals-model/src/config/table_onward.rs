//! The keys of what leaves this machine by itself: destinations of logs, and the daily report. It decides nothing.

use super::table::{File, Key, Slot, key};
use super::value::{Bounds, Carrier, UrlKind};
use super::{LogDestination, LogRecords};
use crate::limits::{CONFIG_SIZE_MAX, LOG_FILES_MAX, RETENTION_MAX, SPOOL_BYTES_MIN};
use crate::observation::Level;

/// The keys of [`LOG`] of which a destination has exactly one.
pub(super) const LOG_WAYS: [&str; 4] = ["elasticsearch", "loki", "otlp", "file"];

const RECORDS: [&str; 3] = [LogRecords::All.as_str(), LogRecords::Hub.as_str(), LogRecords::Own.as_str()];

const LEVELS: [&str; 6] = [
    Level::Trace.as_str(),
    Level::Debug.as_str(),
    Level::Info.as_str(),
    Level::Warn.as_str(),
    Level::Error.as_str(),
    Level::Fatal.as_str(),
];

/// The keys of one destination of logs.
pub(super) static LOG: &[Key<LogDestination>] = &[
    key(
        "elasticsearch",
        "Base URL of Elasticsearch or OpenSearch; `/INDEX/_bulk` is added",
        Slot::Url(UrlKind::Base, |l| &mut l.elasticsearch),
    ),
    key("loki", "Base URL of Loki; `/loki/api/v1/push` is added", Slot::Url(UrlKind::Base, |l| &mut l.loki)),
    key(
        "otlp",
        "Base URL of a collector of OpenTelemetry, by OTLP over HTTP; `/v1/logs` is added",
        Slot::Url(UrlKind::Base, |l| &mut l.otlp),
    ),
    key("file", "A file of JSON Lines, rotated by `watch` itself", Slot::Path(|l| &mut l.file)),
    key(
        "index",
        "Of Elasticsearch: the index, alias or data stream; without it `logs-mcp_vitals-default`",
        Slot::Name(|l| &mut l.index),
    ),
    key("headers", "Headers sent with every request to it", Slot::Secrets(Carrier::Headers, |l| &mut l.headers)),
    key(
        "records",
        "Those of hubs, our own events (incidents, notes, gaps), or both",
        Slot::Choice(
            &RECORDS,
            |l| l.records.as_str(),
            |l, word| l.records = LogRecords::ALL.into_iter().find(|r| r.as_str() == word).unwrap_or_default(),
        ),
    ),
    key(
        "level",
        "The lowest level of the hubs' records",
        Slot::Choice(&LEVELS, |l| l.level.as_str(), |l, word| l.level = Level::parse(word).unwrap_or(Level::Info)),
    ),
    key(
        "spool_bytes_max",
        "Most bytes that wait on disk while it takes none; beyond it the oldest go",
        Slot::Size(Bounds { min: SPOOL_BYTES_MIN, max: CONFIG_SIZE_MAX }, |l| &mut l.spool_bytes_max),
    ),
    key(
        "file_bytes_max",
        "Of `file`: its size from which it is rotated",
        Slot::Size(Bounds { min: SPOOL_BYTES_MIN, max: CONFIG_SIZE_MAX }, |l| &mut l.file_bytes_max),
    ),
    key(
        "files",
        "Of `file`: most files kept, the newest included",
        Slot::Count(Bounds { min: 1, max: LOG_FILES_MAX }, |l| u64::from(l.files), |l, n| l.files = n),
    ),
];

/// The keys of the daily report.
pub(super) static REPORT: &[Key<File>] = &[
    key("at", "When it is written, in local time", Slot::TimeOrOff(|f| &mut f.report.at)),
    key("to", "Whom it is sent to, by the names of receivers", Slot::Names(|f| &mut f.report.to)),
    key("folder", "Its folder; without it `reports` in the folder of the history", Slot::Path(|f| &mut f.report.folder)),
    key(
        "keep",
        "How long reports are kept",
        Slot::Every(Bounds { min: std::time::Duration::from_secs(86_400), max: RETENTION_MAX }, |f| &mut f.report.keep),
    ),
];
