//! Waiting on values with a deadline: the one place of the acceptance tests that reads a clock or sleeps.

use std::time::{Duration, Instant};

/// Time between two looks.
const STEP: Duration = Duration::from_millis(10);

/// Looks until there is a value; `None` when there is none `within` the time.
pub(crate) fn poll<T>(within: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Stopwatch::start();
    loop {
        let seen = look();
        if seen.is_some() || started.elapsed() >= within {
            return seen;
        }
        std::thread::sleep(STEP);
    }
}

/// As [`poll`], for a value that must come.
pub(crate) fn until<T>(what: &str, within: Duration, look: impl FnMut() -> Option<T>) -> T {
    poll(within, look).unwrap_or_else(|| panic!("waited {within:?} for {what}"))
}

/// A running measurement.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "the acceptance tests' one home of the clock")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
