//! Reading a file that somebody else wrote: bounded, and never blocked by what is not a file.
//!
//! It makes no sense of the content.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use vitals_model::limits::EVIDENCE_CHARS_MAX;
use vitals_model::observation::{Failure, FailureKind, Phase};
use vitals_model::text::Text;

use crate::clock::Stopwatch;

/// Opens a regular file for reading. Paths come from a hub's record: a named pipe would block an
/// ordinary open for ever, a directory opens and cannot be read.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

/// The whole file; `Ok(None)` when it has more than `bytes_max` bytes.
pub(crate) fn read(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
}

/// A system error as a failure, with the system's words as evidence.
pub(crate) fn failure(error: &io::Error, since: Stopwatch) -> Failure {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => FailureKind::Missing,
        io::ErrorKind::PermissionDenied => FailureKind::Denied,
        _ => FailureKind::Os,
    };
    let evidence = Text::cut(&error.to_string(), EVIDENCE_CHARS_MAX);
    Failure { phase: Phase::Body, kind, evidence, after: since.elapsed() }
}
