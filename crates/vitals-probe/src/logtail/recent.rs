//! One look back from the end of the log file. It follows nothing.

use std::io;
use std::path::Path;

use vitals_model::limits::LOG_SCAN_BYTES_MAX;
use vitals_model::observation::{LogSeen, LogStretch, Phase};
use vitals_model::time::Timestamp;

use super::Writers;
use super::file::{LogReader, failure};
use super::parse::parse;
use super::tally::{Filter, Tally};
use crate::clock::Stopwatch;

/// Distance between two places where the age of the log is looked at, in bytes.
const STRIDE_BYTES: u64 = 1 << 20;

/// Bytes looked at in such a place. A storm of lines without a time may be longer; then the place says
/// nothing, and we go back one stride further.
const PEEK_BYTES: usize = 16 << 10;

/// Bytes at the end of a file without a single time in the places looked at, after which it counts as
/// plain text: how far back to read for `since` cannot be told, and reading all of it tells no more. It
/// is a dozen disconnect storms of npm mcp-hub 4.2.1.
const UNTIMED_BYTES_MAX: u64 = 8 << 20;

/// Reads what the log at `path` says since `since`, at most [`LOG_SCAN_BYTES_MAX`] back from its end.
///
/// Lines without a time are as old as the last record before them that has one; in a file that has no
/// times at all, `since` stands for the last [`UNTIMED_BYTES_MAX`]. A last line without its line end is still being written and
/// does not count. This blocks for up to a quarter of a second when there is a lot to read.
pub fn recent(path: &Path, since: Option<Timestamp>, writers: Writers) -> LogSeen {
    let watch = Stopwatch::start();
    let mut tally = Tally::new(Filter { from: since, pid: writers.pid() });
    let mut log = match LogReader::open(path) {
        Ok(log) => log,
        Err(error) => return LogSeen { file: Err(failure(&error, path, Phase::Connect, watch)), stretch: LogStretch::default() },
    };
    let file = log
        .describe(path, writers.are_several())
        .and_then(|file| read_back(&mut log, file.size, since, &mut tally).map(|()| file))
        .map_err(|error| failure(&error, path, Phase::Body, watch));
    LogSeen { file, stretch: tally.take() }
}

fn read_back(log: &mut LogReader, size: u64, since: Option<Timestamp>, tally: &mut Tally) -> io::Result<()> {
    let earliest = size.saturating_sub(LOG_SCAN_BYTES_MAX);
    let start = match since {
        Some(since) => match older_place(log, earliest, size, since)? {
            Beginning::Older(place) => {
                tally.begin_stale();
                place
            }
            Beginning::Untimed(place) => place,
        },
        None => earliest,
    };
    log.start_at(start)?;
    // What is added meanwhile is not read: a log that grows as fast as we read would never end.
    log.read(size - start, tally)?;
    Ok(())
}

/// Where reading back begins.
enum Beginning {
    /// At a place whose first record is from before the time asked for.
    Older(u64),
    /// At a place that no time led to: the earliest allowed, or far enough back in a file without times.
    Untimed(u64),
}

/// Looks for the last of the places one stride apart whose first record is from before `since`.
fn older_place(log: &LogReader, earliest: u64, size: u64, since: Timestamp) -> io::Result<Beginning> {
    let mut bytes = vec![0; PEEK_BYTES];
    let mut place = size;
    let mut timed = false;
    while place > earliest {
        place = place.saturating_sub(STRIDE_BYTES).max(earliest);
        let first = log.peek(&mut bytes, place)?.split(|b| *b == b'\n').find_map(|line| parse(line).at);
        if first.is_some_and(|at| at < since) {
            return Ok(Beginning::Older(place));
        }
        timed |= first.is_some();
        if !timed && size - place >= UNTIMED_BYTES_MAX {
            break;
        }
    }
    Ok(Beginning::Untimed(place))
}

#[cfg(test)]
mod tests;
