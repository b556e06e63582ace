//! The lock on a store's folder: one writer at a time, and whoever comes second learns who holds it.
//! The kernel gives the lock back when its process ends, however it ends; the file's text is for people only.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use vitals_model::time::Timestamp;

use super::{Holder, StoreError};

/// Longest text read from a lock file, in bytes.
const TEXT_BYTES_MAX: u64 = 512;

/// Held for as long as it lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock in `dir`, or says who has it.
    pub(super) fn take(dir: &Path, now: Timestamp) -> Result<Self, StoreError> {
        let path = dir.join("lock");
        let folder = |source| StoreError::Folder { path: path.clone(), source };
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(folder)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(read(&mut file).into()),
            Err(errno) => return Err(folder(errno.into())),
        }
        // A full disk may refuse the text; the lock holds without it.
        let text = format!("{} {} {}\n", std::process::id(), now.as_millis(), command());
        let _ = file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).and_then(|_| file.write_all(text.as_bytes()));
        Ok(Self { _file: file })
    }
}

/// Our program and its subcommand. Not the other arguments: they may carry a secret.
fn command() -> String {
    let mut args = std::env::args();
    let program = args.next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    match args.next().filter(|a| !a.starts_with('-')) {
        Some(subcommand) => format!("{name} {subcommand}"),
        None => name.to_owned(),
    }
}

/// Who holds the lock in `dir`; `None` when nobody does. It is not taken from anybody: one that begins to open the
/// history in the same instant tries again.
pub(super) fn holder(dir: &Path) -> Option<Holder> {
    let mut file = File::open(dir.join("lock")).ok()?;
    let held = flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK);
    held.then(|| read(&mut file))
}

/// Who holds the lock, as the file says; pid 0 when it does not (its holder could not write, or is about to).
fn read(file: &mut File) -> Holder {
    let mut text = String::new();
    let _ = file.take(TEXT_BYTES_MAX).read_to_string(&mut text);
    let mut words = text.trim().splitn(3, ' ');
    let pid = words.next().and_then(|w| w.parse().ok()).unwrap_or(0);
    let since = words.next().and_then(|w| w.parse().ok()).map_or(Timestamp::default(), Timestamp::from_millis);
    Holder { pid, since, command: words.next().unwrap_or("unknown program").to_owned() }
}
