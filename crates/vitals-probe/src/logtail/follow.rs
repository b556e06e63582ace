//! Follows a log file as it grows: through rotation by rename, truncation and absence, each line once.
//! It does not look at what was there before; that is [`recent`](super::recent::recent)'s.
//!
//! Two things cannot be seen, and are named here: a file that was rotated twice between two looks (the
//! one in between is never opened), and a file that was rewritten with the same last
//! [`SEAM_BYTES_MAX`] bytes at the place where we stopped.

use std::fs;
use std::io;
use std::path::PathBuf;

use vitals_model::observation::{LogFile, LogSeen, Phase};

use super::Writers;
use super::file::{LogReader, Reached, failure, id};
use super::tally::{Filter, Tally};
use super::tap::Spout;
use super::watch::FolderWatch;
use crate::clock::Stopwatch;

/// Most bytes read by one [`Follower::catch_up`], about 30 ms of work; what is left is read by the
/// next one, which [`Follower::changed`] asks for.
const CATCH_UP_BYTES_MAX: u64 = 32 << 20;

/// Bytes remembered from before the place where we stopped. When they are others at the next look, the
/// file was rewritten, also when it is longer by now.
const SEAM_BYTES_MAX: usize = 64;

/// A log file that is being followed.
pub struct Follower {
    path: PathBuf,
    writers: Writers,
    /// The file that has or had our name.
    log: Option<LogReader>,
    seam: Vec<u8>,
    /// The file that had the name before. Its writer may not have noticed yet, so it is read once more.
    retired: Option<LogReader>,
    reached: Reached,
    tally: Tally,
    since: Stopwatch,
    rotations: u64,
    truncations: u64,
    watch: FolderWatch,
}

impl Follower {
    /// Follows the file at `path` from its present end; from its beginning when it is not there yet.
    pub fn new(path: PathBuf, writers: Writers) -> Self {
        let mut follower = Self {
            watch: FolderWatch::new(&path),
            path,
            writers,
            log: None,
            seam: Vec::new(),
            retired: None,
            reached: Reached::End,
            tally: Tally::new(Filter { from: None, pid: writers.pid() }),
            since: Stopwatch::start(),
            rotations: 0,
            truncations: 0,
        };
        follower.log = LogReader::open(&follower.path).ok().and_then(|mut log| {
            let end = log.metadata().ok()?.len();
            log.start_at(end).ok()?;
            follower.seam = log.seam(SEAM_BYTES_MAX).ok()?;
            Some(log)
        });
        follower
    }

    /// Also puts every line that counts there.
    #[must_use]
    pub(crate) fn tapped(mut self, spout: Option<Spout>) -> Self {
        if let Some(spout) = spout {
            self.tally.tap(spout);
        }
        self
    }

    /// Says who writes to the file from here on: the hub's pid changes when it restarts.
    pub fn set_writers(&mut self, writers: Writers) {
        self.writers = writers;
        self.tally.set_filter(Filter { from: None, pid: writers.pid() });
    }

    /// Reads what was added since the last time.
    pub fn catch_up(&mut self) -> LogSeen {
        let watch = Stopwatch::start();
        let file = self.read_on().map_err(|error| failure(&error, &self.path, Phase::Body, watch));
        let mut stretch = self.tally.take();
        stretch.over = Some(self.since.elapsed());
        self.since = watch;
        LogSeen { file, stretch }
    }

    /// Resolves when there is something new to read: at most five times per second, and never when the
    /// system cannot tell us (then looking from time to time still works). It may be dropped and asked
    /// again at any time. Needs a tokio runtime with I/O and time.
    pub async fn changed(&mut self) {
        let more = self.reached == Reached::Bound;
        self.watch.changed(more).await;
    }

    fn read_on(&mut self) -> io::Result<LogFile> {
        self.reached = Reached::End;
        if let Some(mut retired) = self.retired.take() {
            if let Ok(Reached::Bound) = retired.read(CATCH_UP_BYTES_MAX, &mut self.tally) {
                self.retired = Some(retired);
                self.reached = Reached::Bound;
            } else {
                retired.end_line(&mut self.tally);
            }
        }
        // The new name is looked at before the old file is read to its end, so that nothing which was
        // written before the rotation is missed.
        let named = fs::metadata(&self.path);
        let read = self.read_log();
        let named = named?;
        if self.reached == Reached::End && self.log.as_ref().is_none_or(|log| log.id != id(&named)) {
            self.switch()?;
        } else {
            read?;
        }
        let Some(log) = &self.log else { return Err(io::ErrorKind::NotFound.into()) };
        let shared = self.writers.are_several();
        let file = log.describe(&self.path, shared)?;
        Ok(LogFile { rotations: self.rotations, truncations: self.truncations, ..file })
    }

    fn read_log(&mut self) -> io::Result<()> {
        let Some(log) = &mut self.log else { return Ok(()) };
        if log.metadata()?.len() < log.offset || log.seam(SEAM_BYTES_MAX)? != self.seam {
            self.truncations += 1;
            log.end_line(&mut self.tally);
            log.start_at(0)?;
        }
        if log.read(CATCH_UP_BYTES_MAX, &mut self.tally)? == Reached::Bound {
            self.reached = Reached::Bound;
        }
        self.seam = log.seam(SEAM_BYTES_MAX)?;
        Ok(())
    }

    /// Goes over to the file that has the name now.
    fn switch(&mut self) -> io::Result<()> {
        let next = LogReader::open(&self.path)?;
        self.retired = self.log.replace(next);
        self.rotations += u64::from(self.retired.is_some());
        self.seam.clear();
        self.read_log()
    }
}

#[cfg(test)]
mod tests;
