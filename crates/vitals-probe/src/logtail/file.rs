//! A log file as a file: opened without waiting, read at offsets, described. It does not look into it.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use vitals_model::limits::EVIDENCE_CHARS_MAX;
use vitals_model::observation::{Failure, FailureKind, LogFile, Phase};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use super::lines::Lines;
use super::tally::Tally;
use crate::clock::Stopwatch;

/// Bytes per read: small, because it is memory, and large enough that the system call does not show
/// (measured with `examples/logscan.rs`: 64 KiB to 1 MiB are alike within 5 %).
const READ_BYTES: usize = 128 << 10;

/// An open log file and how far it was read.
pub(super) struct LogReader {
    file: File,
    /// Device and inode: which file it is, whatever its name.
    pub(super) id: (u64, u64),
    /// Where the next read begins.
    pub(super) offset: u64,
    lines: Lines,
    buffer: Vec<u8>,
}

impl LogReader {
    /// Opens the regular file at `path`, to be read from its beginning.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // A FIFO under this name must not block us.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        Ok(Self { file, id: id(&about), offset: 0, lines: Lines::default(), buffer: Vec::new() })
    }

    /// Size, times and the like.
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// Goes to `offset`; when that is in the middle of a line, what follows of this line will not count.
    pub(super) fn start_at(&mut self, offset: u64) -> io::Result<()> {
        self.offset = offset;
        self.lines = Lines::default();
        if let Some(before) = offset.checked_sub(1) {
            let mut byte = [0];
            self.file.read_exact_at(&mut byte, before)?;
            if byte != *b"\n" {
                self.lines = Lines::Unseen;
            }
        }
        Ok(())
    }

    /// Reads on, until the end of the file or until `bytes_max` were read.
    pub(super) fn read(&mut self, bytes_max: u64, tally: &mut Tally) -> io::Result<Reached> {
        self.buffer.resize(READ_BYTES, 0);
        let mut left = bytes_max;
        let reached = loop {
            let want = READ_BYTES.min(usize::try_from(left).unwrap_or(READ_BYTES));
            if want == 0 {
                break Ok(Reached::Bound);
            }
            match self.file.read_at(&mut self.buffer[..want], self.offset) {
                Ok(0) => break Ok(Reached::End),
                Ok(n) => {
                    self.offset += n as u64;
                    left -= n as u64;
                    self.lines.feed(&self.buffer[..n], tally);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        // At rest a follower holds no buffer: there may be many of them.
        self.buffer = Vec::new();
        reached
    }

    /// Counts the line begun as if it had ended: no more of it will come.
    pub(super) fn end_line(&mut self, tally: &mut Tally) {
        self.lines.end(tally);
    }

    /// The `bytes.len()` bytes at `offset`, or fewer at the end of the file.
    pub(super) fn peek<'a>(&self, bytes: &'a mut [u8], offset: u64) -> io::Result<&'a [u8]> {
        let n = self.file.read_at(bytes, offset)?;
        Ok(&bytes[..n])
    }

    /// The last bytes before the place where the next read begins, at most `bytes_max`.
    pub(super) fn seam(&self, bytes_max: usize) -> io::Result<Vec<u8>> {
        let length = bytes_max.min(usize::try_from(self.offset).unwrap_or(bytes_max));
        let mut bytes = vec![0; length];
        let n = self.peek(&mut bytes, self.offset - length as u64)?.len();
        bytes.truncate(n);
        Ok(bytes)
    }

    /// What is known of the file, which has the name `path`.
    pub(super) fn describe(&self, path: &Path, shared: bool) -> io::Result<LogFile> {
        let about = self.file.metadata()?;
        let disk = rustix::fs::fstatvfs(&self.file)?;
        Ok(LogFile {
            path: path.to_owned(),
            size: about.len(),
            modified: about.mtime().checked_mul(1000).map(|ms| Timestamp::from_millis(ms + about.mtime_nsec() / 1_000_000)),
            disk_free: disk.f_bavail.saturating_mul(disk.f_frsize),
            disk_total: disk.f_blocks.saturating_mul(disk.f_frsize),
            rotations: 0,
            truncations: 0,
            shared,
        })
    }
}

/// How far a read came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reached {
    /// The end of the file.
    End,
    /// The bound of this read; there may be more.
    Bound,
}

/// Device and inode.
pub(super) fn id(about: &Metadata) -> (u64, u64) {
    (about.dev(), about.ino())
}

/// A system error about `path` as an observation.
pub(super) fn failure(error: &io::Error, path: &Path, phase: Phase, since: Stopwatch) -> Failure {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => FailureKind::Missing,
        io::ErrorKind::PermissionDenied => FailureKind::Denied,
        _ => FailureKind::Os,
    };
    let evidence = Text::cut(&format!("{}: {error}", path.display()), EVIDENCE_CHARS_MAX);
    Failure { phase, kind, evidence, after: since.elapsed() }
}
