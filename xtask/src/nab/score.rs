//! The scoring of the Numenta Anomaly Benchmark, as its authors define it (Lavin and Ahmad, "Evaluating
//! Real-time Anomaly Detection Algorithms", 2015). It is pure: rows in, points out.
//!
//! The first alarm in a window counts, and the more the earlier it is; each alarm outside of all windows
//! costs, and the less the sooner it follows one.

use std::ops::{Add, RangeInclusive};

/// What finding and missing are worth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Profile {
    pub(super) name: &'static str,
    /// Points for a window found at its first row.
    pub(super) found: f64,
    /// Points lost per alarm outside.
    pub(super) beside: f64,
    /// Points lost per window missed.
    pub(super) missed: f64,
}

pub(super) const PROFILES: [Profile; 3] = [
    Profile { name: "standard", found: 1.0, beside: 0.11, missed: 1.0 },
    Profile { name: "low FP", found: 1.0, beside: 0.22, missed: 1.0 },
    Profile { name: "low FN", found: 1.0, beside: 0.11, missed: 2.0 },
];

/// Part of a file's rows that is not scored, in percent, and the most of such rows.
const IGNORED_PERCENT: usize = 15;
const IGNORED_MAX: usize = 750;

/// Window widths after which an alarm costs all that it can.
const FAR_WIDTHS: f64 = 3.0;

/// First and last row.
pub(super) type Window = RangeInclusive<usize>;

/// Points of one file or of several.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Of the detector.
    pub(super) raw: f64,
    /// Of one that never alarms.
    pub(super) null: f64,
    /// Of one that alarms once per window, at its first scored row, and never else.
    pub(super) perfect: f64,
}

impl Tally {
    /// 0 for silence, 100 for perfection; below 0 for noise. NaN without windows.
    pub(super) fn score(self) -> f64 {
        100.0 * (self.raw - self.null) / (self.perfect - self.null)
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { raw: self.raw + other.raw, null: self.null + other.null, perfect: self.perfect + other.perfect }
    }
}

/// Rows at the start of a file that are not scored.
pub(super) fn ignored(rows: usize) -> usize {
    (rows * IGNORED_PERCENT / 100).min(IGNORED_MAX)
}

/// The points of these alarms. `windows` are in order and do not overlap; one that ends before the first
/// scored row can neither be found nor missed.
pub(super) fn tally(rows: usize, windows: &[Window], alarms: &[usize], profile: Profile) -> Tally {
    let first = ignored(rows);
    let scored: Vec<usize> = alarms.iter().copied().filter(|row| *row >= first).collect();
    let mut tally = Tally::default();
    for window in windows.iter().filter(|w| *w.end() >= first) {
        let early = scored.iter().filter(|row| window.contains(row)).min();
        tally.raw += early.map_or(-profile.missed, |row| profile.found * inside(*row, window));
        tally.null -= profile.missed;
        tally.perfect += profile.found * inside(first.max(*window.start()), window);
    }
    for row in scored.iter().filter(|row| !windows.iter().any(|w| w.contains(row))) {
        let before = windows.iter().rfind(|w| w.end() < row);
        tally.raw += profile.beside * before.map_or(-1.0, |w| after(*row, w));
    }
    tally
}

/// 1 at the first row of a window, near 0 at its last.
fn inside(row: usize, window: &Window) -> f64 {
    let width = (window.end() - window.start() + 1) as f64;
    let y = -((window.end() - row + 1) as f64) / width;
    sigmoid(y) / sigmoid(-1.0)
}

/// 0 just after a window, -1 far from it.
fn after(row: usize, window: &Window) -> f64 {
    let y = (row - window.end()) as f64 / (window.end() - window.start()) as f64;
    if y > FAR_WIDTHS { -1.0 } else { sigmoid(y) }
}

fn sigmoid(y: f64) -> f64 {
    2.0 / (1.0 + (5.0 * y).exp()) - 1.0
}
