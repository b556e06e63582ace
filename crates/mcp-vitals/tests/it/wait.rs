//! Waiting on values with a deadline: the one place of the acceptance tests that reads a clock or sleeps.

use std::time::{Duration, Instant};

/// Time between two looks.
const STEP: Duration = Duration::from_millis(10);

/// Time between two looks that are costly.
const REST: Duration = Duration::from_millis(100);

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

/// As [`until`], with rests between two looks: for what costs the one that is asked.
pub(crate) fn until_now_and_then<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let mut rested = None::<Stopwatch>;
    until(what, within, || {
        if rested.is_some_and(|since| since.elapsed() < REST) {
            return None;
        }
        rested = Some(Stopwatch::start());
        look()
    })
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
