//! The ids of the checks, as they were when the same checks were judged before: they come again each time, and to
//! write them anew would cost more than to judge.

use std::cell::Cell;

use vitals_model::check::{CheckId, Point};
use vitals_model::reading::Reading;
use vitals_model::text::Text;

/// The ids of an earlier judgement.
#[derive(Debug)]
pub struct Ids<'a> {
    before: &'a [Reading],
    /// Where the one that was last asked for stands, and one more: most often the same come in the same order.
    next: Cell<usize>,
}

impl<'a> Ids<'a> {
    /// Those of these readings.
    pub fn of(before: &'a [Reading]) -> Self {
        Self { before, next: Cell::new(0) }
    }

    pub(super) fn of_target(&self, point: Point, question: &str) -> CheckId {
        self.known(|id| id.is_of_target(point, question)).unwrap_or_else(|| CheckId::of_target(point, question))
    }

    pub(super) fn of_server(&self, server: &Text, question: &str) -> CheckId {
        self.known(|id| id.is_of_server(server, question)).unwrap_or_else(|| CheckId::of_server(server, question))
    }

    fn known(&self, is_it: impl Fn(&CheckId) -> bool) -> Option<CheckId> {
        let next = self.next.get();
        let at = (next..self.before.len()).chain(0..next.min(self.before.len())).find(|n| is_it(&self.before[*n].id))?;
        self.next.set(at + 1);
        Some(self.before[at].id.clone())
    }
}
