//! What a server is told to do wrong: a file that is read again when it changes. A file rather than a
//! message, so that a fault outlives a restart and is there before the first message.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use vitals_probe::task::Task;

use super::say;
use crate::fault::ServerFault;

/// What goes wrong at one time.
pub(super) type FaultSet = BTreeSet<ServerFault>;

/// Largest file of faults, in bytes: the whole catalogue is less than 300. A larger one is not read.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// The faults of now and of later, for as long as this is kept.
pub(super) struct Faults {
    now: watch::Receiver<FaultSet>,
    _watch: Task,
}

impl Faults {
    /// Reads the file, if there is one, and looks at it again each time `every` has passed. Without a path
    /// nothing ever goes wrong.
    pub(super) fn watch(path: Option<PathBuf>, every: Duration) -> Self {
        let mut file = path.map(File::new);
        let first = file.as_mut().and_then(File::look).unwrap_or_default();
        let (sender, now) = watch::channel(first);
        let watch = Task::spawn(async move {
            let Some(mut file) = file else {
                // The sender is kept, so that the others may wait for a change that never comes.
                return sender.closed().await;
            };
            let mut looks = tokio::time::interval(every);
            loop {
                looks.tick().await;
                if let Some(faults) = file.look() {
                    sender.send_if_modified(|old| std::mem::replace(old, faults.clone()) != faults);
                }
            }
        });
        Self { now, _watch: watch }
    }

    /// The faults of now, and word of each change.
    pub(super) fn now(&self) -> watch::Receiver<FaultSet> {
        self.now.clone()
    }
}

/// Waits until `fault` is there. It never comes when nobody watches any more.
pub(super) async fn begun(faults: &mut watch::Receiver<FaultSet>, fault: ServerFault) {
    if faults.wait_for(|now| now.contains(&fault)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits until `fault` is not there, which it is not when nobody watches any more.
pub(super) async fn over(faults: &mut watch::Receiver<FaultSet>, fault: ServerFault) {
    let _unwatched = faults.wait_for(|now| !now.contains(&fault)).await;
}

/// What tells one writing of a file from another. The inode is among it because a file that is replaced
/// twice within one tick of the file system's clock may keep its time and its length.
type Stamp = (u64, u64, i64, i64);

pub(super) struct File {
    path: PathBuf,
    /// Of the content that was last read; `None` without a file.
    seen: Option<Stamp>,
    /// What was last complained of, so that it is said once.
    complaint: String,
}

impl File {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, seen: None, complaint: String::new() }
    }

    /// The faults, when the file is another one than at the last look. One that cannot be used changes
    /// nothing, and that is said once.
    pub(super) fn look(&mut self) -> Option<FaultSet> {
        let stamp = stamp(&self.path);
        if stamp == self.seen {
            return None;
        }
        let read = if stamp.is_some() { read(&self.path) } else { Ok(FaultSet::new()) };
        self.seen = stamp;
        match read {
            Ok(faults) => {
                self.complaint.clear();
                Some(faults)
            }
            Err(complaint) => {
                if complaint != self.complaint {
                    say(&format!("{}: {complaint}; the faults stay as they are", self.path.display()));
                    self.complaint = complaint;
                }
                None
            }
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
}

fn read(path: &Path) -> Result<FaultSet, String> {
    let about = std::fs::metadata(path).map_err(|e| e.to_string())?;
    if !about.is_file() || about.len() > FILE_BYTES_MAX {
        return Err(format!("no file of at most {FILE_BYTES_MAX} bytes"));
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|e| e.to_string())?;
    serde_json::from_str(&text).map_err(|e| format!("no list of faults: {e}"))
}
