//! One group of incidents on its way to people: what was said of each, and when the group is looked at next.

use std::collections::BTreeMap;
use std::time::Duration;

use vitals_model::incident::{Incident, IncidentState};
use vitals_model::notice::{Notice, Route, Stage};
use vitals_model::reading::Health;
use vitals_model::time::Timestamp;

/// An incident that belongs to a group.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// As it was last told, or looked up.
    pub incident: Incident,
    /// What people were last told of it; `None` before the first time.
    pub said: Option<Said>,
    /// Why it was last held back, so that this is said once.
    pub held_for: Option<String>,
}

/// What people were told of an incident, as far as another notice would say something else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Said {
    state: IncidentState,
    health: Health,
    kind: String,
    is_flapping: bool,
    pub is_acknowledged: bool,
    /// Since when people know of it.
    pub first: Timestamp,
}

impl Said {
    pub(super) fn of(incident: &Incident, first: Timestamp) -> Self {
        Self {
            state: incident.state,
            health: incident.health,
            kind: incident.kind.clone(),
            is_flapping: incident.flapping,
            is_acknowledged: incident.handling.acknowledged.is_some(),
            first,
        }
    }
}

impl Member {
    /// Whether a notice would say something of it that people do not know.
    pub(super) fn is_news(&self) -> bool {
        match &self.said {
            // Who is repaired for wants to know of it, however quick that was.
            None => self.lasts() || self.incident.handling.was_acted_on(),
            // Once all know that it is over, how it was is no news.
            Some(said) if !self.lasts() => said.state == IncidentState::Open,
            Some(said) => *said != Said::of(&self.incident, said.first),
        }
    }

    pub(super) fn lasts(&self) -> bool {
        self.incident.state == IncidentState::Open
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.incident.handling.acknowledged.is_some()
    }
}

/// A group.
#[derive(Clone, Default, Debug)]
pub(super) struct Group {
    /// Its incidents by number.
    pub members: BTreeMap<u64, Member>,
    /// When its news are told; `None` without any.
    pub news_at: Option<Timestamp>,
    /// When anything was last told of it.
    pub sent_at: Option<Timestamp>,
    /// When somebody else was told of it.
    pub escalated_at: Option<Timestamp>,
    /// Not to be looked at for repeats and escalations before.
    pub not_before: Option<Timestamp>,
}

impl Group {
    /// Takes in a notice that was sent of it, in the order in which they were.
    pub(super) fn remember(&mut self, notice: &Notice) {
        for incident in &notice.incidents {
            if incident.state == IncidentState::Resolved {
                self.members.remove(&incident.id);
                continue;
            }
            let first =
                self.members.get(&incident.id).and_then(|member| member.said.as_ref()).map_or(notice.at, |said| said.first);
            let member = Member { incident: incident.clone(), said: Some(Said::of(incident, first)), held_for: None };
            self.members.insert(incident.id, member);
        }
        self.sent_at = self.sent_at.max(Some(notice.at));
        if notice.stage == Stage::Escalated {
            self.escalated_at = Some(notice.at);
        }
    }

    /// Has news: they are told when the group has waited, and not too soon after what was told last.
    pub(super) fn wait(&mut self, now: Timestamp, route: &Route) -> Timestamp {
        let after_last = self.sent_at.map(|at| at.plus(route.group_interval));
        let at = now.plus(route.group_wait).max(after_last.unwrap_or(now));
        // What is held back may be looked at later than that.
        let at = self.news_at.map_or(at, |before| before.min(at));
        self.news_at = Some(at);
        at
    }

    /// When it is to be looked at.
    pub(super) fn due_at(&self, route: &Route) -> Option<Timestamp> {
        if self.members.is_empty() {
            return self.sent_at.map(|at| at.plus(route.group_interval));
        }
        let later = [self.repeat_at(route), self.escalate_at(route)].into_iter().flatten().min();
        let later = later.map(|at| at.max(self.not_before.unwrap_or(at)));
        self.news_at.into_iter().chain(later).min()
    }

    /// Whether it is still good for something: one without incidents keeps the next of the same from coming too soon.
    pub(super) fn is_needed(&self, now: Timestamp, route: &Route) -> bool {
        !self.members.is_empty() || self.sent_at.is_some_and(|at| now < at.plus(route.group_interval))
    }

    /// When it is told again, if it lasts and nobody takes care of it.
    pub(super) fn repeat_at(&self, route: &Route) -> Option<Timestamp> {
        self.open().next()?;
        Some(self.sent_at?.plus(route.repeat?))
    }

    /// When others are told.
    pub(super) fn escalate_at(&self, route: &Route) -> Option<Timestamp> {
        if self.escalated_at.is_some() {
            return None;
        }
        let first = self.open().filter_map(|(_, member)| Some(member.said.as_ref()?.first)).min()?;
        Some(first.plus(route.escalate.after?))
    }

    /// What people know of, what lasts, and what nobody takes care of.
    pub(super) fn open(&self) -> impl Iterator<Item = (&u64, &Member)> {
        self.members.iter().filter(|(_, member)| member.said.is_some() && member.lasts() && !member.is_acknowledged())
    }

    /// Leaves out a gap.
    pub(super) fn skip(&mut self, ms: i64) {
        for at in [&mut self.news_at, &mut self.sent_at, &mut self.escalated_at, &mut self.not_before] {
            *at = at.map(|at| at.shifted(ms));
        }
        for said in self.members.values_mut().filter_map(|member| member.said.as_mut()) {
            said.first = said.first.shifted(ms);
        }
    }

    /// Looks at repeats and escalations again in a while, because now is no time for them.
    pub(super) fn put_off(&mut self, now: Timestamp) {
        const AGAIN: Duration = Duration::from_secs(60);
        self.not_before = Some(now.plus(AGAIN));
    }
}
