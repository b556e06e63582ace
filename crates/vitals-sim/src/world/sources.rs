//! The held sources: the log that is followed, the event stream that is held open.

use std::path::PathBuf;
use std::time::Duration;

use vitals_model::limits::STREAM_NOTES_MAX;
use vitals_model::observation::{
    ErrorKind, Failure, FailureKind, Level, LevelCounts, LogFile, LogSeen, LogStretch, Phase, Seen, ServerTurn, StreamNote,
    StreamSeen, Turn,
};
use vitals_model::text::Text;

use super::{Next, Persona, World};
use crate::fault::Fault;
use crate::queue::Ms;

/// How often a hub's event stream beats.
pub(super) const BEAT: Ms = 10_000;

/// How long a batch of the stream is gathered, and between which times it is opened again: as the probe does.
const GATHER: Ms = 100;
const RETRY: (Ms, Ms) = (500, 10_000);

/// A log that is written is read five times a second at most.
const READ_EVERY: Ms = 200;

/// Bytes of one record.
const RECORD_BYTES: u64 = 180;

/// The log since it was last read.
#[derive(Debug)]
pub(super) struct Log {
    size: u64,
    rotations: u64,
    stretch: LogStretch,
    read: Option<Ms>,
    /// A reading that is planned.
    planned: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { size: 4_000_000, rotations: 0, stretch: LogStretch::default(), read: None, planned: false }
    }
}

impl Log {
    pub(super) fn rotate(&mut self) {
        (self.size, self.rotations) = (0, self.rotations + 1);
    }

    pub(super) fn storm(&mut self, lines: u64) {
        const LINE_BYTES: u64 = 76;
        self.stretch.plain += lines;
        self.stretch.storm_lines += lines;
        self.grow(lines * LINE_BYTES);
    }

    fn grow(&mut self, bytes: u64) {
        self.size += bytes;
        self.stretch.bytes += bytes;
    }
}

/// The event stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) is_open: bool,
    notes: Vec<StreamNote>,
    dropped: u64,
    pause: Ms,
    told_lost: u8,
}

impl Default for Stream {
    fn default() -> Self {
        Self { is_open: false, notes: Vec::new(), dropped: 0, pause: RETRY.0, told_lost: 0 }
    }
}

impl World {
    /// The hub writes a record: into its file, and to whoever listens.
    pub(super) fn write(&mut self, level: Level, code: &str, message: &str) {
        if !self.hub.lives || self.has(Fault::LogSilent) {
            return;
        }
        self.log.grow(RECORD_BYTES);
        if self.setting.persona == Persona::Npm {
            self.log.stretch.plain += 1;
        } else {
            let minute = self.clock().floor_to(Duration::from_secs(60));
            self.log.stretch.pino += 1;
            if self.log.stretch.minutes.last().is_none_or(|(at, _)| *at != minute) {
                self.log.stretch.minutes.push((minute, LevelCounts::default()));
            }
            if let Some((_, counts)) = self.log.stretch.minutes.last_mut() {
                counts.add(level, 1);
            }
            if level >= Level::Error {
                let (code, example, first) = (Text::new(code), Text::new(message), Some(self.clock()));
                self.log.stretch.errors.push(ErrorKind { code, example, count: 1, first });
            }
        }
        self.plan_read();
        let at = Some(self.clock());
        self.note(StreamNote::Log { at, level, code: Text::new(code), message: Text::new(message) });
    }

    /// The hub falls back to keywords, and writes so.
    pub(super) fn fall_back(&mut self) {
        self.log.stretch.fallbacks += 1;
        self.write(Level::Warn, "LLM_FALLBACK", "falling back to keywords");
    }

    /// The hub tells that a server connected or was lost.
    pub(super) fn tell_turn(&mut self, n: usize, turn: Turn) {
        let at = Some(self.clock());
        let told = ServerTurn { at, server: self.servers[n].name.clone(), turn };
        let in_file = ServerTurn { at: at.filter(|_| self.setting.persona == Persona::Filtering), ..told.clone() };
        self.write(Level::Info, "SERVER", "a server's connection changed");
        if !self.has(Fault::LogSilent) {
            self.log.stretch.turns.push(in_file);
            self.note(StreamNote::Turn(told));
        }
    }

    pub(super) fn plan_read(&mut self) {
        if !self.log.planned {
            self.log.planned = true;
            let rested = self.log.read.map_or(0, |read| (read + READ_EVERY).saturating_sub(self.now));
            self.plan(rested.max(5), Next::ReadLog);
        }
    }

    pub(super) fn read_log(&mut self) -> Seen {
        self.log.planned = false;
        let over = self.log.read.replace(self.now).map(|read| Duration::from_millis(self.now - read));
        let stretch = LogStretch { over, ..std::mem::take(&mut self.log.stretch) };
        let file = LogFile {
            path: PathBuf::from("/home/op/mcp-hub.log"),
            size: self.log.size,
            modified: None,
            disk_free: 60_000_000_000,
            disk_total: 250_000_000_000,
            rotations: self.log.rotations,
            truncations: 0,
            shared: false,
        };
        Seen::Log(Box::new(LogSeen { file: Ok(file), stretch }))
    }

    pub(super) fn note(&mut self, note: StreamNote) {
        match self.room(STREAM_NOTES_MAX) {
            Some(0) => self.stream.dropped += 1,
            Some(_) => self.stream.notes.push(note),
            None => {}
        }
    }

    /// The lines of a disconnect storm: they may take half of a batch, as in the probe.
    pub(super) fn note_storm(&mut self, lines: u64) {
        let Some(room) = self.room(STREAM_NOTES_MAX / 2) else { return };
        let kept = usize::try_from(lines).unwrap_or(usize::MAX).min(room);
        self.stream.notes.extend(std::iter::repeat_n(StreamNote::StormLine, kept));
        self.stream.dropped += lines - kept as u64;
    }

    /// How many notes still fit into the batch; `None` while nobody listens. A batch begins with its first.
    fn room(&mut self, bound: usize) -> Option<usize> {
        if !self.stream.is_open {
            return None;
        }
        if self.stream.notes.is_empty() {
            let blocked = self.hub.mute_until.saturating_sub(self.now);
            self.plan(blocked + GATHER, Next::Flush);
        }
        Some(bound.saturating_sub(self.stream.notes.len()))
    }

    pub(super) fn flush(&mut self) -> Option<Seen> {
        if self.stream.notes.is_empty() {
            return None;
        }
        let (notes, dropped) = (std::mem::take(&mut self.stream.notes), std::mem::take(&mut self.stream.dropped));
        Some(Seen::Stream(StreamSeen::Notes { notes, dropped }))
    }

    pub(super) fn beat(&mut self) {
        if self.hub.listens {
            self.note(StreamNote::Heartbeat);
        }
        self.plan(BEAT, Next::Beat);
    }

    pub(super) fn open_stream(&mut self) -> Option<Seen> {
        if self.hub.listens {
            let first_event = Duration::from_millis(self.hub.mute_until.saturating_sub(self.now) + 12);
            self.stream = Stream { is_open: true, ..Stream::default() };
            return Some(Seen::Stream(StreamSeen::Opened { first_event }));
        }
        self.plan(self.stream.pause, Next::OpenStream);
        self.stream.pause = (self.stream.pause * 2).min(RETRY.1);
        self.stream.told_lost += 1;
        (self.stream.told_lost <= 2).then(|| lost(Phase::Connect, FailureKind::Refused))
    }

    /// The stream ends with the hub.
    pub(super) fn lose_stream(&mut self) -> Option<Seen> {
        if !self.stream.is_open {
            return None;
        }
        self.stream = Stream { told_lost: 1, ..Stream::default() };
        self.plan(RETRY.0, Next::OpenStream);
        Some(lost(Phase::Body, FailureKind::Closed))
    }
}

fn lost(phase: Phase, kind: FailureKind) -> Seen {
    Seen::Stream(StreamSeen::Lost(failure(phase, kind, "", 1)))
}

/// A failure with what answered instead, after so many milliseconds.
pub(super) fn failure(phase: Phase, kind: FailureKind, evidence: &str, after: Ms) -> Failure {
    Failure { phase, kind, evidence: Text::new(evidence), after: Duration::from_millis(after) }
}
