//! When somebody stopped a server, as far as the hub tells: a server that is stopped is not lost.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use vitals_model::claim::{ClaimStatus, ServerClaim};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

/// The process of a server that is stopped ends up to this long before the hub is asked of it, and a log
/// without times tells of it up to this long afterwards: its turn has the time at which it was read.
const AROUND: Duration = Duration::from_secs(2);

/// Times remembered of one server; the oldest go first.
const SPANS_MAX: usize = 32;

/// From when to when each server was stopped.
#[derive(Clone, Debug, Default)]
pub(super) struct Stopped {
    spans: BTreeMap<Text, VecDeque<(Timestamp, Timestamp)>>,
    /// Servers that are stopped now.
    now: BTreeSet<Text>,
}

impl Stopped {
    /// Takes in what the hub says of its servers. One that it says is disabled, or disconnected without an
    /// error, was stopped; one that was lost has an error, or goes on being called connected. Whether any is stopped.
    pub(super) fn follow(&mut self, servers: &[ServerClaim], at: Timestamp) -> bool {
        let is_listed = |name: &Text| servers.iter().any(|claim| claim.name == *name);
        self.spans.retain(|name, _| is_listed(name));
        self.now.retain(is_listed);
        for claim in servers {
            let is_stopped = match claim.status {
                ClaimStatus::Disabled => true,
                ClaimStatus::Disconnected => claim.error.is_none(),
                _ => false,
            };
            if !is_stopped {
                self.now.remove(&claim.name);
                continue;
            }
            let spans = self.spans.entry(claim.name.clone()).or_default();
            match (self.now.insert(claim.name.clone()), spans.back_mut()) {
                (false, Some((_, until))) => *until = at.plus(AROUND),
                _ => super::push_bounded(spans, (at.minus(AROUND), at.plus(AROUND)), SPANS_MAX),
            }
        }
        !self.now.is_empty()
    }

    /// Leaves out a gap of our own clock.
    pub(super) fn skip(&mut self, ms: i64) {
        for (from, until) in self.spans.values_mut().flatten() {
            (*from, *until) = (from.shifted(ms), until.shifted(ms));
        }
    }

    /// Whether a server was stopped at this time.
    pub(super) fn was(&self, server: &Text, at: Timestamp) -> bool {
        self.spans.get(server).is_some_and(|spans| spans.iter().any(|(from, until)| at >= *from && at <= *until))
    }
}
