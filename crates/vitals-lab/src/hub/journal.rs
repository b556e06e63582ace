//! The hub's records: each goes to the log file in the chosen form, and to the event stream.

use std::sync::Arc;

use serde_json::Value;

/// The level of a record, least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// One record.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub level: Level,
    pub message: String,
    /// Errors carry one: `TOOL_EXECUTION_ERROR`.
    pub code: Option<&'static str>,
    /// The server that it is about.
    pub server: Option<String>,
    /// More, as an object.
    pub data: Value,
}

impl Record {
    /// A record without code, server and data.
    pub(crate) fn new(level: Level, message: impl Into<String>) -> Self {
        Self { level, message: message.into(), code: None, server: None, data: Value::Object(serde_json::Map::new()) }
    }
}

/// Where records are written to; cheap to clone.
#[derive(Clone)]
pub(crate) struct Journal(Arc<dyn Fn(Record, usize) + Send + Sync>);

impl Journal {
    /// A journal that hands each record, and how many times it is to be written, to `sink`, which must not block.
    pub(crate) fn new(sink: impl Fn(Record, usize) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Writes a record.
    pub(crate) fn write(&self, record: Record) {
        self.repeat(record, 1);
    }

    /// Writes a record so many times over, in one piece: it takes one place in each queue.
    pub(crate) fn repeat(&self, record: Record, times: usize) {
        (self.0)(record, times);
    }
}
