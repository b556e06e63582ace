//! The open sessions: who is there, what each asked for, and what its client was last told of its list.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rmcp::RoleServer;
use rmcp::service::Peer;

use crate::hub::filter::Category;

/// Most sessions at once; a further `initialize` is refused with -32603.
pub(super) const SESSIONS_MAX: usize = 4096;

/// The number of a session, never given twice.
pub(super) type Number = u64;

/// One open session.
#[derive(Clone)]
pub(super) struct Member {
    /// The way to its client.
    pub(super) peer: Peer<RoleServer>,
    /// The categories that it asked for.
    pub(super) asked: BTreeSet<Category>,
    /// The list that its client was last told of, as a digest.
    pub(super) told: u64,
    /// The least severity of log messages that it wants; 0 is all.
    pub(super) severity: u8,
}

/// All of them.
#[derive(Default)]
pub(super) struct Members(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    next: Number,
    open: BTreeMap<Number, Member>,
    /// Closed ones that are still counted.
    kept: usize,
}

/// Whether a session that closes is forgotten.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    Forgotten,
    StillCounted,
}

impl Members {
    /// Takes a session in; `None` when there are [`SESSIONS_MAX`].
    pub(super) fn join(&self, member: Member) -> Option<Number> {
        let mut inner = self.lock();
        if inner.open.len() >= SESSIONS_MAX {
            return None;
        }
        inner.next += 1;
        let number = inner.next;
        inner.open.insert(number, member);
        Some(number)
    }

    /// A session closed.
    pub(super) fn leave(&self, number: Number, closing: Closing) {
        let mut inner = self.lock();
        let was_open = inner.open.remove(&number).is_some();
        inner.kept += usize::from(was_open && closing == Closing::StillCounted);
    }

    /// How many are counted. Closed ones are only as long as `keeping`, and not again after that.
    pub(super) fn count(&self, keeping: bool) -> usize {
        let mut inner = self.lock();
        if !keeping {
            inner.kept = 0;
        }
        inner.open.len() + inner.kept
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.lock().open.len()
    }

    /// The session, when it is open.
    pub(super) fn get(&self, number: Number) -> Option<Member> {
        self.lock().open.get(&number).cloned()
    }

    /// Changes a session, when it is open.
    pub(super) fn change(&self, number: Number, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.lock().open.get_mut(&number) {
            change(member);
        }
    }

    /// What all open sessions together asked for.
    pub(super) fn asked_by_all(&self) -> BTreeSet<Category> {
        self.lock().open.values().flat_map(|member| member.asked.iter().copied()).collect()
    }

    /// Notes for each session the list that it has now, and gives the peers of those for whom it is another.
    pub(super) fn retell(&self, mut signature: impl FnMut(&Member) -> u64) -> Vec<Peer<RoleServer>> {
        let mut other = Vec::new();
        for member in self.lock().open.values_mut() {
            let now = signature(member);
            if std::mem::replace(&mut member.told, now) != now {
                other.push(member.peer.clone());
            }
        }
        other
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
