//! What is to happen, by time; of one time in the order in which it was planned.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Milliseconds of running time since the world began: they stand still while the machine is suspended.
pub(crate) type Ms = u64;

/// Happenings by time.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    planned: BTreeMap<Reverse<(Ms, u64)>, T>,
    next: u64,
}

impl<T> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self { planned: BTreeMap::new(), next: 0 }
    }

    pub(crate) fn plan(&mut self, at: Ms, what: T) {
        self.planned.insert(Reverse((at, self.next)), what);
        self.next += 1;
    }

    /// The next happening and its time.
    pub(crate) fn next(&mut self) -> Option<(Ms, T)> {
        self.planned.pop_last().map(|(Reverse((at, _)), what)| (at, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_first_comes_first_and_of_one_time_what_was_planned_first() {
        let mut queue = Queue::new();
        for (at, what) in [(5, "c"), (1, "a"), (5, "d"), (3, "b")] {
            queue.plan(at, what);
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(order, [(1, "a"), (3, "b"), (5, "c"), (5, "d")]);
    }
}
