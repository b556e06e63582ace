//! What leaves this machine by itself: log records and events to where logs are kept, and the daily report. It names
//! places; nothing here sends.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SecretRef;
use crate::observation::Level;

/// Where log records and our own events are sent to. One of [`LogDestination::way`]'s fields is set; the reader of the
/// configuration sees to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogDestination {
    /// Base URL of Elasticsearch or `OpenSearch`.
    pub elasticsearch: Option<String>,
    /// Base URL of Loki.
    pub loki: Option<String>,
    /// Base URL of a collector's OTLP over HTTP.
    pub otlp: Option<String>,
    /// A file of JSON Lines.
    pub file: Option<PathBuf>,
    /// The index, alias or data stream of Elasticsearch.
    pub index: String,
    /// Headers sent with every request; values may be secrets.
    pub headers: BTreeMap<String, SecretRef>,
    /// Which records.
    pub records: LogRecords,
    /// The lowest level of the hub's records; those without a level count as information.
    pub level: Level,
    /// Most bytes that wait on disk for a destination that does not take them; beyond it the oldest go.
    pub spool_bytes_max: u64,
    /// Largest size of the file before it is rotated, in bytes.
    pub file_bytes_max: u64,
    /// Most files kept, the one being written included.
    pub files: u32,
}

impl Default for LogDestination {
    /// 256 MiB are a hub's log of some days. The index is named as data streams of logs are, so that Elasticsearch's own
    /// templates give it the ECS mappings.
    fn default() -> Self {
        Self {
            elasticsearch: None,
            loki: None,
            otlp: None,
            file: None,
            index: "logs-mcp_vitals-default".to_owned(),
            headers: BTreeMap::new(),
            records: LogRecords::All,
            level: Level::Info,
            spool_bytes_max: 256 << 20,
            file_bytes_max: 64 << 20,
            files: 5,
        }
    }
}

/// How a destination is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogWay<'a> {
    /// The `_bulk` API of Elasticsearch and `OpenSearch`, below this URL.
    Elasticsearch(&'a str),
    /// The push API of Loki, below this URL.
    Loki(&'a str),
    /// OTLP over HTTP, below this URL.
    Otlp(&'a str),
    /// Lines in this file.
    File(&'a Path),
}

impl LogDestination {
    /// The first way that is set; `None` when none is, which no configuration that was read has.
    pub fn way(&self) -> Option<LogWay<'_>> {
        let search = self.elasticsearch.as_deref().map(LogWay::Elasticsearch);
        let loki = self.loki.as_deref().map(LogWay::Loki);
        let otlp = self.otlp.as_deref().map(LogWay::Otlp);
        search.or(loki).or(otlp).or_else(|| self.file.as_deref().map(LogWay::File))
    }
}

/// Which records a destination gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogRecords {
    /// Those of hubs and our own events.
    #[default]
    All,
    /// Those of hubs.
    Hub,
    /// Our own events: incidents, notes, gaps.
    Own,
}

impl LogRecords {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::All, Self::Hub, Self::Own];

    /// Its word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Hub => "hub",
            Self::Own => "own",
        }
    }

    /// Whether the records of hubs are among them.
    pub const fn has_hub(self) -> bool {
        matches!(self, Self::All | Self::Hub)
    }

    /// Whether our own events are among them.
    pub const fn has_own(self) -> bool {
        matches!(self, Self::All | Self::Own)
    }
}

/// The report that `watch` writes by itself, once a day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DailyReport {
    /// When, in local time; `None` is never.
    pub at: Option<TimeOfDay>,
    /// Whom it is sent to, by the names of receivers.
    pub to: Vec<String>,
    /// Its folder; `None` is `reports` in the folder of the history.
    pub folder: Option<PathBuf>,
    /// How long reports are kept.
    pub keep: Duration,
}

impl Default for DailyReport {
    /// Eight in the morning, before the day's work; a month to look back.
    fn default() -> Self {
        Self { at: Some(TimeOfDay { hour: 8, minute: 0 }), to: Vec::new(), folder: None, keep: Duration::from_secs(30 * 86_400) }
    }
}

/// A time on a clock with 24 hours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimeOfDay {
    hour: u8,
    minute: u8,
}

impl TimeOfDay {
    /// Reads `HH:MM`; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let two =
            |digits: &str| (digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?;
        let (hour, minute) = (two(hour)?, two(minute)?);
        (hour < 24 && minute < 60).then_some(Self { hour, minute })
    }

    /// The hour, 0 to 23.
    pub const fn hour(self) -> u8 {
        self.hour
    }

    /// The minute, 0 to 59.
    pub const fn minute(self) -> u8 {
        self.minute
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

#[cfg(test)]
mod tests {
    use super::TimeOfDay;

    #[test]
    fn a_time_of_day_is_two_digits_twice() {
        let shown = |text| TimeOfDay::parse(text).map(|time| time.to_string());
        assert_eq!(["00:00", "08:05", "23:59"].map(shown), ["00:00", "08:05", "23:59"].map(|text| Some(text.to_owned())));
        for wrong in ["8:00", "24:00", "08:60", "+8:00", "08:0", "0800", "08:00:00", "", "eight"] {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
    }
}
