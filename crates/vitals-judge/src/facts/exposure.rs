//! What is exposed to a session that never asks for tools: the second of the two held ones.

use std::collections::BTreeSet;

use vitals_model::observation::SessionSeen;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::ToolSet;

/// What the second session saw first, and what it has gained since.
#[derive(Clone, Debug)]
pub(super) struct Exposure {
    /// When that first look began: what the servers changed later explains a gain.
    since: Timestamp,
    /// Sessions opened until then: with another one this begins anew.
    opened_total: u64,
    first: ToolSet,
    gained: Vec<Text>,
}

impl Exposure {
    /// What is known after another visit. `own` are the tools that servers truly have, as a session would
    /// list them: a tool that no server has is no leak; `None` when nobody says which those are.
    pub(super) fn next(
        before: Option<Self>,
        seen: &SessionSeen,
        began: Timestamp,
        servers_changed: Option<Timestamp>,
        own: impl FnOnce() -> Option<BTreeSet<String>>,
    ) -> Option<Self> {
        let [first, second] = seen.sessions.as_slice() else { return None };
        let (true, Ok(_), Ok(tools)) = (seen.held, &first.tools, &second.tools) else { return before };
        let same = before.filter(|b| b.opened_total == seen.opened_total && servers_changed.is_none_or(|at| at <= b.since));
        let base = same.map_or_else(|| (began, tools.clone()), |b| (b.since, b.first));
        let mut gained = tools.change_since(&base.1).added;
        if !gained.is_empty()
            && let Some(own) = own()
        {
            gained.retain(|name| own.contains(name.as_str()));
        }
        Some(Self { since: base.0, opened_total: seen.opened_total, first: base.1, gained })
    }

    /// The tools that the second session gained without asking for them. None when the servers changed
    /// since: then the next visit begins anew.
    pub(super) fn gained(&self, servers_changed: Option<Timestamp>) -> &[Text] {
        if servers_changed.is_some_and(|at| at > self.since) { &[] } else { &self.gained }
    }

    /// Leaves out a gap of our own clock.
    pub(super) fn skip(&mut self, ms: i64) {
        self.since = self.since.shifted(ms);
    }
}
