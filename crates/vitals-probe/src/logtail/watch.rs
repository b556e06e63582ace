//! Wakes a follower when its file changes. It only says that, not what; and it may fall silent for
//! good, so nobody may depend on it.

use std::ffi::OsString;
use std::future::pending;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use crate::clock::Stopwatch;

/// Least time between two wakes: a storm of 6,000 lines costs a few reads and not 6,000.
const WAKE_INTERVAL_MIN: Duration = Duration::from_millis(200);

/// Most notes taken from the kernel per wake: twice its own default bound of a queue.
const NOTES_MAX: usize = 32_768;

/// Bytes of notes read at once.
const NOTE_BYTES: usize = 4096;

/// A watch on one name in one folder. The folder is watched and not the file, because the file may be
/// replaced or not be there yet; what is written to it is told to its folder too.
pub(super) struct FolderWatch {
    folder: PathBuf,
    name: OsString,
    notes: Option<AsyncFd<OwnedFd>>,
    woke: Option<Stopwatch>,
}

impl FolderWatch {
    /// A watch on `path`, which begins when it is first waited for.
    pub(super) fn new(path: &Path) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self { folder: folder.to_owned(), name: path.file_name().unwrap_or_default().to_owned(), notes: None, woke: None }
    }

    /// Resolves at the next change, or at once when there is `more` to read already.
    pub(super) async fn changed(&mut self, more: bool) {
        loop {
            if let Some(woke) = self.woke {
                tokio::time::sleep(WAKE_INTERVAL_MIN.saturating_sub(woke.elapsed())).await;
            }
            if more || self.next_is_ours().await {
                break;
            }
            self.woke = Some(Stopwatch::start());
        }
        self.woke = Some(Stopwatch::start());
    }

    /// Waits for notes and takes them all: whether one of them is about our file.
    async fn next_is_ours(&mut self) -> bool {
        let Some(notes) = &self.notes else {
            self.notes = watch(&self.folder);
            // What happened before we watched is not known: a reason to look, once.
            return if self.notes.is_some() { true } else { pending().await };
        };
        let Ok(mut ready) = notes.readable().await else { return pending().await };
        let taken = take_notes(notes.get_ref(), &self.name);
        if taken == Taken::Lost {
            drop(ready);
            self.notes = None;
        } else {
            ready.clear_ready();
        }
        taken != Taken::Others
    }
}

/// What the notes were about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Ours,
    Others,
    /// The folder itself is gone or was moved, or the notes cannot be read any more.
    Lost,
}

fn take_notes(notes: &OwnedFd, name: &OsString) -> Taken {
    let mut buffer = [MaybeUninit::uninit(); NOTE_BYTES];
    let mut reader = inotify::Reader::new(notes, &mut buffer);
    let mut taken = Taken::Others;
    // The flag of readiness may only be cleared when nothing is left, so a queue that is never empty is
    // given up as lost, and watched anew.
    for _ in 0..NOTES_MAX {
        match reader.next() {
            Ok(note) if note.events().intersects(ReadFlags::IGNORED | ReadFlags::MOVE_SELF | ReadFlags::DELETE_SELF) => {
                return Taken::Lost;
            }
            Ok(note) => {
                let ours = note.file_name().is_some_and(|file| file.to_bytes() == name.as_bytes());
                if ours || note.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                    taken = Taken::Ours;
                }
            }
            Err(Errno::AGAIN) => return taken,
            Err(Errno::INTR) => {}
            Err(_) => return Taken::Lost,
        }
    }
    Taken::Lost
}

#[expect(deprecated, reason = "its successor needs unsafe code; the reason, a type that changes its descriptor, is not ours")]
fn watch(folder: &Path) -> Option<AsyncFd<OwnedFd>> {
    let notes = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
    let changes = WatchFlags::MODIFY
        | WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVED_FROM
        | WatchFlags::MOVED_TO
        | WatchFlags::MOVE_SELF
        | WatchFlags::DELETE_SELF
        | WatchFlags::ONLYDIR;
    inotify::add_watch(&notes, folder, changes).ok()?;
    AsyncFd::new(notes).ok()
}
