//! What is seen of a hub's log.

use std::path::PathBuf;
use std::time::Duration;

use super::Failure;
use crate::text::Text;
use crate::time::Timestamp;

/// The level of a log record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// pino 10.
    Trace,
    /// pino 20.
    Debug,
    /// pino 30.
    Info,
    /// pino 40.
    Warn,
    /// pino 50.
    Error,
    /// pino 60.
    Fatal,
}

impl Level {
    /// All levels from the quietest to the loudest.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// The level's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// Reads a level name, as pino and the hub write it; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "trace" => Some(Self::Trace),
            "debug" => Some(Self::Debug),
            "info" => Some(Self::Info),
            "warn" | "warning" => Some(Self::Warn),
            "error" => Some(Self::Error),
            "fatal" => Some(Self::Fatal),
            _ => None,
        }
    }

    /// Reads pino's number: 10 trace … 60 fatal; a custom number counts as the level below it.
    pub const fn from_pino(number: u64) -> Self {
        match number {
            0..=19 => Self::Trace,
            20..=29 => Self::Debug,
            30..=39 => Self::Info,
            40..=49 => Self::Warn,
            50..=59 => Self::Error,
            _ => Self::Fatal,
        }
    }
}

/// How many records of each level, in the order of [`Level::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LevelCounts([u64; 6]);

impl LevelCounts {
    /// Counts `n` records of `level`.
    pub fn add(&mut self, level: Level, n: u64) {
        self.0[level as usize] += n;
    }

    /// The records of `level`.
    pub const fn of(&self, level: Level) -> u64 {
        self.0[level as usize]
    }

    /// Records of level error and above.
    pub const fn errors(&self) -> u64 {
        self.0[Level::Error as usize] + self.0[Level::Fatal as usize]
    }

    /// All records.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds another count to this one.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine += theirs);
    }
}

/// What a stretch of the log file says.
#[derive(Clone, PartialEq, Debug)]
pub struct LogSeen {
    /// The file, or why it cannot be read.
    pub file: Result<LogFile, Failure>,
    /// What was read of it.
    pub stretch: LogStretch,
}

/// The log file itself.
#[derive(Clone, PartialEq, Debug)]
pub struct LogFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Last change.
    pub modified: Option<Timestamp>,
    /// Free bytes on its file system, for a user without privileges.
    pub disk_free: u64,
    /// Size of its file system in bytes.
    pub disk_total: u64,
    /// Rotations followed since we began (another file under the same name).
    pub rotations: u64,
    /// Truncations followed since we began (the same file, shorter).
    pub truncations: u64,
    /// Whether other live hubs of this user write to the same file.
    pub shared: bool,
}

/// The records of a stretch of log, summed.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LogStretch {
    /// Bytes read.
    pub bytes: u64,
    /// Time between the stretch before and the end of this one; `None` when it was read in one go.
    pub over: Option<Duration>,
    /// Lines of plain text (no level, no time).
    pub plain: u64,
    /// pino records.
    pub pino: u64,
    /// Records in the shape of the hub's standard output.
    pub stdout: u64,
    /// Lines that begin like JSON and are none, or are too long.
    pub broken: u64,
    /// Levels per minute, oldest first; at most [`crate::limits::LOG_MINUTES_MAX`].
    pub minutes: Vec<(Timestamp, LevelCounts)>,
    /// Levels of records older than the minutes kept.
    pub older: LevelCounts,
    /// Levels of records that have a level and no readable time.
    pub untimed: LevelCounts,
    /// Records of level error and above by code (or message template), most frequent first.
    pub errors: Vec<ErrorKind>,
    /// Servers seen connecting and disconnecting, oldest first; at most [`crate::limits::LOG_TURNS_MAX`].
    pub turns: Vec<ServerTurn>,
    /// Turns before those, counted and not kept.
    pub turns_left_out: u64,
    /// Uses of the LLM fallback.
    pub fallbacks: u64,
    /// Lines written by a disconnect storm (`client disconnected from MCP HUB`).
    pub storm_lines: u64,
    /// Error records that only say that a client went away (`SSE_CONNECTION_ERROR: aborted`): not
    /// counted as errors, because our own visit writes them too.
    pub client_aborts: u64,
}

/// One kind of error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErrorKind {
    /// `code`, or the message's [template](crate::template::template) when there is none.
    pub code: Text,
    /// One message of this kind.
    pub example: Text,
    /// How many.
    pub count: u64,
    /// When the first of them was written, where records have times.
    pub first: Option<Timestamp>,
}

/// A server that connected or was lost, as the log or the event stream tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerTurn {
    /// When, if the record has a time.
    pub at: Option<Timestamp>,
    /// The server.
    pub server: Text,
    /// Whether it connected (`true`) or its transport closed.
    pub turn: Turn,
}

/// The direction of a [`ServerTurn`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// The server connected.
    Connected,
    /// Its transport closed.
    Lost,
}
