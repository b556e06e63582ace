//! Objectives: what an operator promises of a check, as a share of time or of calls over a window.
//!
//! The terms are those of the SRE workbook (chapter 5, "Alerting on SLOs"): what an objective leaves over
//! is its error budget, and the burn rate says how many times too fast it is spent. How both are judged is
//! not said here.

use std::time::Duration;

use crate::check::{CheckId, Point};
use crate::criterion::Weight;

/// What is promised of one check, or of one question for every server (`hub-servers/*/truth`).
#[derive(Clone, PartialEq, Debug)]
pub struct Objective {
    /// The check's id; a part that is `*` stands for any.
    pub check: String,
    /// The share that must be good, in percent, above 0 and below 100.
    pub goal: f64,
    /// The longest latency of a good call. Without one, time is counted: all that is not failing is good.
    pub latency: Option<Duration>,
    /// The window over which the budget is spent.
    pub window: Duration,
    /// How much it weighs.
    pub weight: Weight,
    /// The least number of samples in a burn rate's long window from which a rate is computed.
    pub events_min: u32,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            check: String::new(),
            goal: 99.9,
            latency: None,
            window: Duration::from_secs(30 * 86_400),
            weight: Weight::Should,
            events_min: 20,
        }
    }
}

impl Objective {
    /// Whether it is about this check.
    pub fn is_about(&self, check: &CheckId) -> bool {
        let (mut wanted, mut there) = (self.check.split('/'), check.as_str().split('/'));
        loop {
            match (wanted.next(), there.next()) {
                (None, None) => return true,
                (Some(pattern), Some(part)) if pattern == "*" || pattern == part => {}
                _ => return false,
            }
        }
    }

    /// Whether the text is a point and a question, with a server between them or without.
    pub fn may_name_a_check(text: &str) -> bool {
        let parts: Vec<&str> = text.split('/').collect();
        let point = Point::ALL.iter().any(|point| parts.first() == Some(&point.as_str()));
        point && matches!(parts.len(), 2 | 3) && parts.iter().all(|part| !part.is_empty())
    }

    /// The error budget: the share (0–1) that may be bad.
    pub fn budget(&self) -> f64 {
        1.0 - self.goal / 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_one_part() {
        let about = |check: &str, id: &str| {
            Objective { check: check.to_owned(), ..Objective::default() }.is_about(&CheckId::from_stored(id))
        };
        assert!(about("hub-servers/*/truth", "hub-servers/fs/truth"));
        assert!(about("hub-servers/api", "hub-servers/api"));
        assert!(!about("hub-servers/*/truth", "hub-servers/fs/call"));
        assert!(!about("hub-servers/*", "hub-servers/fs/truth"));
        assert!(!about("hub-servers/*/truth", "hub-servers/api"));
    }

    #[test]
    fn a_check_is_named_by_its_point() {
        assert!(Objective::may_name_a_check("hub-servers/*/truth") && Objective::may_name_a_check("logging/size"));
        for wrong in ["", "hub-servers", "servers/fs/truth", "hub-servers//truth", "hub-servers/a/b/c"] {
            assert!(!Objective::may_name_a_check(wrong), "{wrong}");
        }
    }
}
