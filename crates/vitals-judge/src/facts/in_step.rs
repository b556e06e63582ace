//! Going through what is known of servers beside other things of them, both in the order of the servers' names.

use std::iter::Peekable;

use vitals_model::text::Text;

/// What is known of servers, asked for in the order of their names.
pub(super) struct InStep<I: Iterator, N> {
    known: Peekable<I>,
    name: N,
}

impl<I: Iterator, N: Fn(&I::Item) -> Option<&Text>> InStep<I, N> {
    /// What comes in the order of `name`.
    pub(super) fn new(known: impl IntoIterator<IntoIter = I>, name: N) -> Self {
        Self { known: known.into_iter().peekable(), name }
    }

    /// The first that is of this server; what is of servers before it is left behind.
    pub(super) fn of(&mut self, server: &Text) -> Option<I::Item> {
        while self.known.next_if(|one| (self.name)(one) < Some(server)).is_some() {}
        self.known.next_if(|one| (self.name)(one) == Some(server))
    }
}
