//! A tap on followed logs: their lines as they were written, for whoever sends them onward. What finds no room is counted
//! and let go, so a receiver that stands still delays no probe. It looks at no line; without a tap none is copied.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use vitals_model::observation::Level;
use vitals_model::target::TargetId;

use crate::http::secrets::Secrets;

/// The lines of any number of logs, in the order in which they were read.
#[derive(Clone)]
pub struct Tap(Arc<Basin>);

struct Basin {
    level: Level,
    bytes_max: usize,
    lines: Mutex<(VecDeque<Tapped>, usize)>,
    dropped: AtomicU64,
    filled: Notify,
}

/// One line.
pub struct Tapped {
    /// The target whose log it is from.
    pub target: TargetId,
    /// The line without its end.
    pub line: Box<[u8]>,
    secrets: Arc<Secrets>,
}

impl Tapped {
    /// `text` of this line without what we ourselves keep secret about its target: a hub may log the headers that it got.
    pub fn without_secrets<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.secrets.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(self.secrets.redact(text.as_bytes())) }
    }
}

impl Tap {
    /// A tap for records of `level` and above (one without a level is taken for information), which holds lines of
    /// `bytes_max` bytes at most.
    pub fn new(level: Level, bytes_max: usize) -> Self {
        let basin = Basin { level, bytes_max, lines: Mutex::default(), dropped: AtomicU64::new(0), filled: Notify::new() };
        Self(Arc::new(basin))
    }

    /// Everything that came since the last time.
    pub fn take(&self) -> VecDeque<Tapped> {
        let mut lines = self.lines();
        lines.1 = 0;
        std::mem::take(&mut lines.0)
    }

    /// Resolves when there may be something to take. It may be dropped and asked again at any time.
    pub async fn filled(&self) {
        self.0.filled.notified().await;
    }

    /// Lines that found no room, since the last time this was asked.
    pub fn take_dropped(&self) -> u64 {
        self.0.dropped.swap(0, Ordering::Relaxed)
    }

    fn lines(&self) -> MutexGuard<'_, (VecDeque<Tapped>, usize)> {
        // Lines are put and taken whole: a panic elsewhere leaves nothing half-done.
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tap on the log of one target.
#[derive(Clone)]
pub(crate) struct Spout {
    tap: Tap,
    target: TargetId,
    secrets: Arc<Secrets>,
}

impl Spout {
    pub(crate) fn new(tap: Tap, target: TargetId, secrets: Secrets) -> Self {
        Self { tap, target, secrets: Arc::new(secrets) }
    }

    /// Takes one line, unless its level is too low.
    pub(super) fn put(&self, level: Option<Level>, line: &[u8]) {
        let basin = &self.tap.0;
        if level.unwrap_or(Level::Info) < basin.level {
            return;
        }
        let mut lines = self.tap.lines();
        if lines.1 + line.len() > basin.bytes_max {
            basin.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        lines.1 += line.len();
        lines.0.push_back(Tapped { target: self.target.clone(), line: line.into(), secrets: Arc::clone(&self.secrets) });
        drop(lines);
        basin.filled.notify_one();
    }
}

impl std::fmt::Debug for Spout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spout({})", self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn spout(level: Level, bytes_max: usize) -> (Tap, Spout) {
        let tap = Tap::new(level, bytes_max);
        let secret = Secret::new("Bearer hunter2".to_owned());
        (tap.clone(), Spout::new(tap, TargetId::new("hub"), Secrets::of([&secret].into_iter())))
    }

    #[test]
    fn what_finds_no_room_is_counted_and_room_comes_with_taking() {
        let (tap, spout) = spout(Level::Trace, 8);
        for line in ["first", "second", "333"] {
            spout.put(None, line.as_bytes());
        }
        let taken: Vec<_> = tap.take().into_iter().map(|tapped| String::from_utf8_lossy(&tapped.line).into_owned()).collect();
        assert_eq!((taken, tap.take_dropped(), tap.take_dropped()), (vec!["first".to_owned(), "333".to_owned()], 1, 0));
        spout.put(None, b"eight...");
        assert_eq!((tap.take().len(), tap.take_dropped()), (1, 0));
    }

    #[test]
    fn a_level_too_low_is_left_out_and_no_level_is_information() {
        let (tap, spout) = spout(Level::Info, 100);
        spout.put(Some(Level::Debug), b"quiet");
        spout.put(None, b"plain");
        spout.put(Some(Level::Error), b"loud");
        assert_eq!((tap.take().len(), tap.take_dropped()), (2, 0));
    }

    #[test]
    fn what_we_keep_secret_about_a_target_is_taken_out() {
        let (tap, spout) = spout(Level::Info, 100);
        spout.put(None, b"got authorization: Bearer hunter2 from monitor");
        let tapped = tap.take().pop_front().unwrap();
        let text = String::from_utf8_lossy(&tapped.line).into_owned();
        assert_eq!(tapped.without_secrets(&text), "got authorization: (secret) from monitor");
    }
}
