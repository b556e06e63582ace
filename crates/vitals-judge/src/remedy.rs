//! Repair: which remedy fits which incident, whether it may be carried out now, and whether it helped. It carries
//! nothing out.
//!
//! Of one target at most one action is under way. It is kept before it is carried out, so a monitor that ends in
//! between does not begin it again: the next one looks whether it helped.

mod course;
mod fit;
mod spares;

use std::collections::BTreeMap;

use vitals_model::remedy::{Acted, Action};
use vitals_model::snapshot::RepairState;
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;

pub(crate) use course::{Course, Ended, Want};
pub(crate) use fit::{fit, probes};
pub(crate) use spares::Spares;

/// What was done to every target, and what is being done.
#[derive(Debug, Default)]
pub(crate) struct Repairs {
    courses: BTreeMap<TargetId, Course>,
    last: u64,
    /// Nothing is begun unasked: that is a watch's business.
    pub(crate) is_left: bool,
}

impl Repairs {
    /// As the monitor before left it. What it had begun and did not see the end of is not begun again.
    pub(crate) fn restored(actions: Vec<Action>, last: u64, now: Timestamp) -> Self {
        let mut repairs = Self { last, ..Self::default() };
        for action in actions {
            repairs.last = repairs.last.max(action.id);
            repairs.of(&action.target.clone()).restore(action, now);
        }
        repairs
    }

    /// The course of one target.
    pub(crate) fn of(&mut self, target: &TargetId) -> &mut Course {
        self.courses.entry(target.clone()).or_default()
    }

    /// The course of one target that has one.
    pub(crate) fn known(&self, target: &TargetId) -> Option<&Course> {
        self.courses.get(target)
    }

    /// The number of a new action.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Takes in how far the moves of an action came. Whether it was waited for.
    pub(crate) fn acted(&mut self, acted: &Acted, now: Timestamp) -> bool {
        self.courses.get_mut(&acted.target).is_some_and(|course| course.acted(acted, now))
    }

    /// All that was ever begun and is remembered.
    pub(crate) fn actions(&self) -> impl Iterator<Item = &Action> {
        self.courses.values().flat_map(Course::actions)
    }

    /// Of what people need not hear while it is repaired, where that is wished.
    pub(crate) fn spares(&self, target: &TargetId, is_wished: bool) -> Spares {
        Spares::of(self.known(target), is_wished && !self.is_left)
    }

    /// What faces show of one target.
    pub(crate) fn state(&self, target: &TargetId) -> RepairState {
        self.known(target).map(Course::state).unwrap_or_default()
    }
}
