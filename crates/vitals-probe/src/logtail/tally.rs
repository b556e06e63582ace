//! Sums the lines of a log into a [`LogStretch`]. It reads no file and cuts no lines; the age of a
//! record is compared with the record's own time, never with a clock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use vitals_model::limits::{ERROR_KINDS_MAX, ERROR_KINDS_TRACKED_MAX, EVIDENCE_CHARS_MAX, LOG_MINUTES_MAX, LOG_TURNS_MAX};
use vitals_model::observation::{ErrorKind, Level, LevelCounts, LogStretch, ServerTurn};
use vitals_model::template::template;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use super::mark::{self, Mark};
use super::parse::{Format, Record, parse};
use super::quick::Quick;
use super::tap::Spout;

const MINUTE_MS: i64 = 60_000;

/// Longest error code or template kept, in characters.
const KIND_CHARS_MAX: usize = 80;

/// Which records count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// Records from before this instant do not; a line without a time is as old as the last record
    /// before it that has one.
    pub from: Option<Timestamp>,
    /// Records with another pid do not; those without any do, because nobody knows whose they are.
    pub pid: Option<u32>,
}

/// The sums so far.
#[derive(Default)]
pub struct Tally {
    filter: Filter,
    /// Whether the last record with a time was older than the filter asks for.
    stale: bool,
    quick: Quick,
    /// The minute being counted, and its levels; in `minutes` as soon as another minute comes.
    minute: Timestamp,
    levels: LevelCounts,
    minutes: BTreeMap<Timestamp, LevelCounts>,
    /// What is known of each kind, by its code.
    kinds: HashMap<Text, ErrorKind>,
    /// Errors of further kinds than can be told apart.
    other_kinds: u64,
    turns: VecDeque<ServerTurn>,
    /// All sums that need no more than a number.
    sums: LogStretch,
    /// Where the lines that count are also put.
    spout: Option<Spout>,
}

impl Tally {
    /// A tally of the records that `filter` lets through.
    pub fn new(filter: Filter) -> Self {
        Self { filter, ..Self::default() }
    }

    /// Changes which records count from here on.
    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
    }

    /// Also puts every line that counts there.
    pub(super) fn tap(&mut self, spout: Spout) {
        self.spout = Some(spout);
    }

    /// Counts nothing until a record comes that is as new as the filter asks for.
    pub(super) fn begin_stale(&mut self) {
        self.stale = true;
    }

    /// Notes that `n` bytes were read.
    pub(super) fn add_bytes(&mut self, n: usize) {
        self.sums.bytes += n as u64;
    }

    /// Counts one line without its line end; an empty one is none.
    pub fn line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let record = match self.quick.parse(line) {
            Some(record) => record,
            None if line.is_empty() => return,
            None => parse(line),
        };
        let counts = self.record(&record);
        if let Some(spout) = self.spout.as_ref().filter(|_| counts) {
            spout.put(record.level, line);
        }
    }

    /// Counts a line that is too long to be kept.
    pub(super) fn overlong_line(&mut self) {
        self.record(&Record::new(Format::Broken, ""));
    }

    /// The sums, which begin anew.
    pub fn take(&mut self) -> LogStretch {
        self.close_minute();
        let mut stretch = std::mem::take(&mut self.sums);
        stretch.minutes = std::mem::take(&mut self.minutes).into_iter().collect();
        stretch.turns = std::mem::take(&mut self.turns).into();
        stretch.errors = most_frequent(self.kinds.drain().map(|(_, kind)| kind).collect(), std::mem::take(&mut self.other_kinds));
        stretch
    }

    /// Counts one record; whether it is one that counts.
    fn record(&mut self, record: &Record<'_>) -> bool {
        if let (Some(from), Some(at)) = (self.filter.from, record.at) {
            self.stale = at < from;
        }
        let foreign = matches!((self.filter.pid, record.pid), (Some(ours), Some(theirs)) if ours != theirs);
        if self.stale || foreign {
            return false;
        }
        *match record.format {
            Format::Plain => &mut self.sums.plain,
            Format::Pino => &mut self.sums.pino,
            Format::Stdout => &mut self.sums.stdout,
            Format::Broken => &mut self.sums.broken,
        } += 1;
        match mark::mark(record.level, &record.message) {
            Some(Mark::Turn(server, turn)) => {
                self.turns.push_back(ServerTurn { at: record.at, server: Text::new(server), turn });
                if self.turns.len() > LOG_TURNS_MAX {
                    self.turns.pop_front();
                    self.sums.turns_left_out += 1;
                }
            }
            Some(Mark::StormLine) => self.sums.storm_lines += 1,
            Some(Mark::Fallback) => self.sums.fallbacks += 1,
            Some(Mark::ClientAbort) => {
                self.sums.client_aborts += 1;
                return true;
            }
            None => {}
        }
        if let Some(level) = record.level {
            self.level(level, record);
        }
        true
    }

    fn level(&mut self, level: Level, record: &Record<'_>) {
        if level >= Level::Error {
            let code = record.code.as_deref().unwrap_or_default();
            if mark::is_client_abort(code, [&record.message, record.error.as_deref().unwrap_or_default()]) {
                self.sums.client_aborts += 1;
                return;
            }
            self.error(code, &record.message, record.at);
        }
        let Some(at) = record.at else {
            self.sums.untimed.add(level, 1);
            return;
        };
        // Most records share the minute of the one before.
        if !(0..MINUTE_MS).contains(&at.as_millis().wrapping_sub(self.minute.as_millis())) {
            self.close_minute();
            self.minute = at.floor_to(Duration::from_secs(60));
        }
        self.levels.add(level, 1);
    }

    fn error(&mut self, code: &str, message: &str, at: Option<Timestamp>) {
        let kind = if code.is_empty() { Text::cut(&template(message), KIND_CHARS_MAX) } else { Text::cut(code, KIND_CHARS_MAX) };
        if let Some(known) = self.kinds.get_mut(&kind) {
            known.count += 1;
            known.first = known.first.into_iter().chain(at).min();
        } else if self.kinds.len() < ERROR_KINDS_TRACKED_MAX {
            let example = Text::cut(message, EVIDENCE_CHARS_MAX);
            self.kinds.insert(kind.clone(), ErrorKind { code: kind, example, count: 1, first: at });
        } else {
            self.other_kinds += 1;
        }
    }

    fn close_minute(&mut self) {
        let levels = std::mem::take(&mut self.levels);
        if levels == LevelCounts::default() {
            return;
        }
        self.minutes.entry(self.minute).or_default().merge(&levels);
        if self.minutes.len() > LOG_MINUTES_MAX
            && let Some((_, oldest)) = self.minutes.pop_first()
        {
            self.sums.older.merge(&oldest);
        }
    }
}

fn most_frequent(mut kinds: Vec<ErrorKind>, untold: u64) -> Vec<ErrorKind> {
    kinds.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.code.cmp(&b.code)));
    let rest = kinds.split_off(kinds.len().min(ERROR_KINDS_MAX));
    let others = untold + rest.iter().map(|kind| kind.count).sum::<u64>();
    if others > 0 {
        kinds.push(ErrorKind { code: "other".into(), example: Text::default(), count: others, first: None });
    }
    kinds
}

#[cfg(test)]
mod tests;
