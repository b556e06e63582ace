//! How a claim went on while we watched: when it was first seen and when it changed. What was measured
//! before a change says nothing about the time after it.

use std::time::Duration;

use vitals_model::claim::{ClaimStatus, HubState, ServerClaim};
use vitals_model::time::Timestamp;

use super::by_server::{ByServer, Place};

/// The course of one server's claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Course {
    /// When the claim was first seen.
    pub first_seen: Timestamp,
    /// When its status last became another one, as far as we saw it.
    pub status_changed: Option<Timestamp>,
    /// When the tools that it lists last changed, as far as we saw it.
    pub tools_changed: Option<Timestamp>,
    /// Since when it has been "connected with an uptime of zero".
    pub zero_since: Option<Timestamp>,
}

/// Brings the courses up to a new answer. Servers that the answer does not have are forgotten.
/// Both are in the order of their names.
pub(super) fn follow(courses: &mut ByServer<Course>, before: Option<&[ServerClaim]>, now: &[ServerClaim], at: Timestamp) {
    let (here, there) = (Place::default(), Place::default());
    courses.retain(|server| here.of(now.len(), |n| Some(&now[n].name), server).is_some());
    for claim in now {
        // In the very first answer everything is new to us and nothing has changed.
        let appeared = before.map(|_| at);
        let known = before.and_then(|claims| claims.get(there.of(claims.len(), |n| Some(&claims[n].name), &claim.name)?));
        let course = courses.get_or(&claim.name, || Course {
            first_seen: at,
            status_changed: appeared,
            tools_changed: appeared,
            zero_since: None,
        });
        if known.is_some_and(|k| k.status != claim.status) {
            course.status_changed = Some(at);
        }
        if known.is_some_and(|k| k.tools != claim.tools) {
            course.tools_changed = Some(at);
        }
        let zero = claim.status == ClaimStatus::Connected && claim.uptime == Some(Duration::ZERO);
        // Started again since: it is another zero.
        let same_start = known.is_some_and(|k| k.started_at == claim.started_at);
        course.zero_since = zero.then(|| course.zero_since.filter(|_| same_start).unwrap_or(at));
    }
}

impl Course {
    /// Leaves out a gap of our own clock.
    pub(super) fn skip(&mut self, ms: i64) {
        self.first_seen = self.first_seen.shifted(ms);
        for at in [&mut self.status_changed, &mut self.tools_changed, &mut self.zero_since].into_iter().flatten() {
            *at = at.shifted(ms);
        }
    }
}

/// The state that the hub claims, and since when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StateCourse {
    /// The state.
    pub state: HubState,
    /// When it was first seen.
    pub seen: Timestamp,
    /// Whether it was another one before; else it may be as old as the hub.
    pub changed: bool,
}

impl StateCourse {
    /// The course with the state of a new answer.
    pub(super) fn next(before: Option<&Self>, state: &HubState, at: Timestamp) -> Self {
        match before {
            Some(same) if same.state == *state => same.clone(),
            _ => Self { state: state.clone(), seen: at, changed: before.is_some() },
        }
    }
}
