//! The hub's log: records become lines of the chosen form, and a thread writes them to the file, which it
//! opens by its path for every line, as npm mcp-hub does. It decides nothing about what is logged.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use vitals_model::time::Timestamp;
use vitals_probe::clock::{self, Stopwatch};

use super::events::Events;
use super::journal::{Journal, Level, Record};
use crate::fault::HubFault;
use crate::persona::LogFormat;

/// Most pieces, of one line or of several, that wait for the disk; more are lost, counted, and told with the next failure.
const QUEUE_MAX: usize = 4096;

/// The least time between two reports of failed writes.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How long a torn line stays half written.
const TORN_FOR: Duration = Duration::from_secs(1);

/// A record and its time.
pub(crate) struct Stamped {
    pub record: Record,
    pub at: Timestamp,
}

/// A record as the event stream and the hub's standard output have it. The order of fields is npm's.
#[derive(Serialize)]
pub(crate) struct AsEvent<'a> {
    r#type: &'static str,
    message: &'a str,
    data: Value,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

impl AsEvent<'_> {
    /// The record as one of the lowest level.
    pub(crate) fn without_level(self) -> Self {
        Self { r#type: word(Level::Debug), ..self }
    }
}

impl Stamped {
    pub(crate) fn as_event(&self) -> AsEvent<'_> {
        let mut data = match &self.record.data {
            Value::Object(data) => data.clone(),
            _ => Map::new(),
        };
        if let Some(server) = &self.record.server {
            data.entry("server").or_insert_with(|| server.clone().into());
        }
        AsEvent {
            r#type: word(self.record.level),
            message: &self.record.message,
            data: data.into(),
            timestamp: self.at.to_string(),
            code: self.record.code,
        }
    }

    /// The record as a line of the file, with its end.
    pub(crate) fn line(&self, format: LogFormat, host: &str) -> String {
        let mut line = match format {
            LogFormat::Plain => self.record.message.clone(),
            LogFormat::Stdout => serde_json::to_string(&self.as_event()).unwrap_or_default(),
            LogFormat::Pino => self.pino(host),
        };
        line.push('\n');
        line
    }

    /// pino writes level, time, pid and host first, then the record's own fields, and the message last.
    fn pino(&self, host: &str) -> String {
        let event = self.as_event();
        let head = [
            ("level", json!(event.r#type)),
            ("time", json!(event.timestamp)),
            ("pid", json!(std::process::id())),
            ("hostname", json!(host)),
        ];
        let code = event.code.map(|code| ("code", json!(code)));
        let own = event.data.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value.clone()));
        let last = [("msg", json!(event.message))];
        let fields = head.into_iter().chain(code).chain(own).chain(last);
        let fields: Vec<_> = fields.map(|(key, value)| format!("{}:{value}", json!(key))).collect();
        format!("{{{}}}", fields.join(","))
    }
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

/// The log file and its thread.
pub(crate) struct Log {
    queue: Option<SyncSender<Entry>>,
    writer: Option<JoinHandle<()>>,
    lost: Arc<AtomicU64>,
    tear_next: Arc<AtomicBool>,
}

enum Entry {
    Whole(String),
    Torn(String),
}

impl Log {
    /// Empties the file, as npm mcp-hub does at its start, and starts the thread. `report` is told of
    /// failed writes, at most once a second: the error and how many records it cost since the last report.
    pub(crate) fn start(path: PathBuf, report: impl Fn(&io::Error, u64) + Send + 'static) -> io::Result<Self> {
        let (queue, entries) = sync_channel(QUEUE_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let losses = Arc::clone(&lost);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // A file that cannot be emptied cannot be written either, and that is told record by record.
        drop(OpenOptions::new().write(true).create(true).truncate(true).open(&path));
        let writer =
            std::thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&path, &entries, &losses, &report))?;
        Ok(Self { queue: Some(queue), writer: Some(writer), lost, tear_next: Arc::default() })
    }

    /// Appends lines, their ends included, in one write. Never blocks.
    pub(crate) fn append(&self, lines: String) {
        let count = count(&lines);
        let torn = self.tear_next.swap(false, Ordering::Relaxed);
        let entry = if torn { Entry::Torn(lines) } else { Entry::Whole(lines) };
        if self.queue.as_ref().is_none_or(|queue| queue.try_send(entry).is_err()) {
            self.lost.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// The next line will be torn.
    pub(crate) fn tear_next(&self) {
        self.tear_next.store(true, Ordering::Relaxed);
    }
}

/// Writes what is left, and ends the thread.
impl Drop for Log {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            // Its panic would have been printed; there is nothing to add to it.
            drop(writer.join());
        }
    }
}

fn count(lines: &str) -> u64 {
    lines.lines().count() as u64
}

fn write_all(path: &Path, entries: &Receiver<Entry>, lost: &AtomicU64, report: &dyn Fn(&io::Error, u64)) {
    let mut reported: Option<Stopwatch> = None;
    for entry in entries {
        let (Entry::Whole(lines) | Entry::Torn(lines)) = &entry;
        let written = match &entry {
            Entry::Whole(_) => append(path, lines.as_bytes()),
            Entry::Torn(_) => {
                let (first, second) = lines.as_bytes().split_at(lines.len() / 2);
                let first = append(path, first);
                std::thread::sleep(TORN_FOR);
                first.and(append(path, second))
            }
        };
        if let Err(error) = written {
            lost.fetch_add(count(lines), Ordering::Relaxed);
            if reported.is_none_or(|since| since.elapsed() >= REPORT_EVERY) {
                reported = Some(Stopwatch::start());
                report(&error, lost.swap(0, Ordering::Relaxed));
            }
        }
    }
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(bytes)
}

/// The journal that writes to the file and to the event stream, unless the hub is told to be silent.
pub(crate) fn journal(
    log: Arc<Log>,
    events: Arc<Events>,
    faults: watch::Receiver<BTreeSet<HubFault>>,
    format: LogFormat,
) -> Journal {
    let host = hostname();
    Journal::new(move |record, times| {
        if faults.borrow().contains(&HubFault::LogSilence) {
            return;
        }
        let stamped = Stamped { record, at: clock::now() };
        log.append(stamped.line(format, &host).repeat(times));
        events.log(&stamped, times);
    })
}

/// Tells the event stream, and nobody else, that the log cannot be written.
pub(crate) fn report_to(events: &Arc<Events>, path: &Path) -> impl Fn(&io::Error, u64) + Send + 'static {
    let (events, path) = (Arc::clone(events), path.to_owned());
    move |error, lost| {
        let record = Record {
            code: Some("LOG_WRITE_FAILED"),
            data: json!({"path": path, "error": error.to_string(), "lost": lost}),
            ..Record::new(Level::Error, format!("Failed to write to log file: {error}"))
        };
        events.log(&Stamped { record, at: clock::now() }, 1);
    }
}

pub(crate) fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::hub::events::{Form, Wants};

    fn stamped() -> Stamped {
        let record = Record {
            code: Some("CONNECTION_ERROR"),
            server: Some("github".to_owned()),
            data: json!({"error": "spawn x ENOENT"}),
            ..Record::new(Level::Error, "Failed to connect to \"github\" MCP server: spawn x ENOENT")
        };
        Stamped { record, at: Timestamp::parse("2026-11-22T13:41:41.453Z").unwrap() }
    }

    #[test]
    fn the_three_forms_are_those_of_real_hubs() {
        assert_eq!(stamped().line(LogFormat::Plain, "staging"), "Failed to connect to \"github\" MCP server: spawn x ENOENT\n");
        assert_eq!(
            stamped().line(LogFormat::Stdout, "staging"),
            "{\"type\":\"error\",\"message\":\"Failed to connect to \\\"github\\\" MCP server: spawn x ENOENT\",\
             \"data\":{\"error\":\"spawn x ENOENT\",\"server\":\"github\"},\"timestamp\":\"2026-11-22T13:41:41.453Z\",\
             \"code\":\"CONNECTION_ERROR\"}\n"
        );
        assert_eq!(
            stamped().line(LogFormat::Pino, "staging"),
            format!(
                "{{\"level\":\"error\",\"time\":\"2026-11-22T13:41:41.453Z\",\"pid\":{},\"hostname\":\"staging\",\
                 \"code\":\"CONNECTION_ERROR\",\"error\":\"spawn x ENOENT\",\"server\":\"github\",\
                 \"msg\":\"Failed to connect to \\\"github\\\" MCP server: spawn x ENOENT\"}}\n",
                std::process::id()
            )
        );
    }

    #[test]
    fn the_monitor_reads_every_form() {
        for format in LogFormat::ALL {
            let line = stamped().line(format, "staging");
            let stretch = vitals_probe::logtail::scan(line.as_bytes(), vitals_probe::logtail::Filter::default());
            assert_eq!(format!("{stretch:?}").contains("CONNECTION_ERROR"), format != LogFormat::Plain, "{stretch:?}");
        }
    }

    #[test]
    fn the_file_is_emptied_at_the_start_and_found_by_its_path_at_every_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/mcp-hub.log");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "old\n").unwrap();
        let log = Log::start(path.clone(), |_, _| {}).unwrap();
        log.append("one\n".to_owned());
        drop(log);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n");
    }

    #[test]
    fn a_record_many_times_over_is_so_many_lines_and_so_many_events() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mcp-hub.log");
        let faults = watch::channel(BTreeSet::new()).1;
        let (log, events) =
            (Arc::new(Log::start(path.clone(), |_, _| {}).unwrap()), Arc::new(Events::new(Form::Single, faults.clone())));
        let mut joined = events.join(Wants::Everything).unwrap();
        journal(log, events, faults, LogFormat::Plain).repeat(Record::new(Level::Info, "again"), 300);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "again\n".repeat(300));
        let piece = String::from_utf8(joined.queue.try_recv().unwrap().to_vec()).unwrap();
        assert!(piece.starts_with("event: log\ndata: {\"type\":\"info\",\"message\":\"again\""), "{piece}");
        assert_eq!(piece.matches("}\n\n").count(), 300);
        joined.queue.try_recv().unwrap_err();
    }

    #[test]
    fn a_failed_write_is_reported_once_a_second_with_its_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mcp-hub.log");
        std::fs::create_dir(&path).unwrap();
        let reports: Arc<Mutex<Vec<(String, u64)>>> = Arc::default();
        let seen = Arc::clone(&reports);
        let log = Log::start(path, move |error, lost| seen.lock().unwrap().push((error.to_string(), lost))).unwrap();
        log.append("one\ntwo\n".to_owned());
        log.append("three\n".to_owned());
        drop(log);
        let reports = reports.lock().unwrap();
        assert_eq!(reports.len(), 1, "{reports:?}");
        assert!(reports[0].0.contains("Is a directory") && reports[0].1 == 2, "{reports:?}");
    }

    #[test]
    fn a_torn_line_is_written_in_two_halves_the_second_found_by_path_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mcp-hub.log");
        let log = Log::start(path.clone(), |_, _| {}).unwrap();
        log.tear_next();
        log.append("0123456789\n".to_owned());
        log.append("whole\n".to_owned());
        let waited = Stopwatch::start();
        while std::fs::metadata(&path).map_or(0, |m| m.len()) == 0 {
            assert!(waited.elapsed() < Duration::from_secs(5));
            std::thread::yield_now();
        }
        std::fs::rename(&path, path.with_extension("1")).unwrap();
        drop(log);
        assert_eq!(std::fs::read_to_string(path.with_extension("1")).unwrap(), "01234");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "56789\nwhole\n");
    }
}
