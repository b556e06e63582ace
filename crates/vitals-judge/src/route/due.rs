//! What becomes of a group when it is looked at: news are told, what lasts is told again, others are told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vitals_model::check::CheckId;
use vitals_model::incident::{Incident, Quiet};
use vitals_model::limits::NOTICE_INCIDENTS_MAX;
use vitals_model::notice::{DecisionKind, Notice, Route, Stage, Status};
use vitals_model::text::count;
use vitals_model::time::{Timestamp, human};

use super::group::{Group, Member, Said};
use super::{Find, Router, decide};
use crate::event::Effect;
use crate::own;

/// What cannot be told yet is looked at again after this time: windows begin and end with a minute.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// One look at one group.
struct Look<'a> {
    now: Timestamp,
    route: &'a Route,
    group_name: String,
    group: Group,
    /// What keeps people from hearing of its incidents, by number.
    quiet: BTreeMap<u64, Quiet>,
    /// The labels of its incidents' targets.
    labels: Vec<BTreeMap<String, String>>,
    effects: Vec<Effect>,
}

impl Router {
    /// Does what is due. `find` says what each incident is by now.
    pub fn due(&mut self, now: Timestamp, find: Find<'_>) -> Vec<Effect> {
        if self.due_at.is_none_or(|at| now < at) {
            return Vec::new();
        }
        let notices = Arc::clone(&self.notices);
        let is_due =
            |route: &str, group: &Group| notices.route(route).and_then(|route| group.due_at(route)).is_some_and(|at| at <= now);
        let due: Vec<_> =
            self.groups.iter().filter(|((route, _), group)| is_due(route, group)).map(|(name, _)| name.clone()).collect();
        let mut effects = Vec::new();
        for name in due {
            let (Some(route), Some(group)) = (notices.route(&name.0), self.groups.remove(&name)) else { continue };
            let (quiet, labels) = (BTreeMap::new(), Vec::new());
            let mut look = Look { now, route, group_name: name.1.clone(), group, quiet, labels, effects: Vec::new() };
            look.refresh(find);
            let told = look.news().or_else(|| look.repeat());
            let escalated = look.escalate();
            for notice in told.into_iter().chain(escalated).flatten() {
                let id = self.next_id();
                effects.extend(look.sent(id, &notice));
                effects.push(self.send(Notice { id, ..notice }));
            }
            effects.append(&mut look.effects);
            if look.group.is_needed(now, route) {
                self.groups.insert(name, look.group);
            }
        }
        self.plan();
        effects
    }
}

impl Look<'_> {
    /// Brings every incident up to date; what was over by itself before anybody was told of it goes.
    fn refresh(&mut self, find: Find<'_>) {
        for (id, member) in &mut self.group.members {
            match find(*id) {
                Some(found) => {
                    member.incident = found.incident;
                    self.quiet.extend(found.quiet.map(|quiet| (*id, quiet)));
                    self.labels.push(found.labels);
                }
                None if member.lasts() => {
                    member.incident = own::ended(member.incident.clone(), "it is not known any more", self.now);
                }
                None => {}
            }
        }
        let (now, route) = (self.now, &self.route.name);
        let effects = &mut self.effects;
        self.group.members.retain(|id, member| {
            let is_nothing = !member.lasts() && member.said.is_none() && !member.is_news();
            if is_nothing {
                let sentence = "it was over before anybody was told".to_owned();
                effects.push(decide(*id, now, route, DecisionKind::Withheld, sentence));
            }
            !is_nothing
        });
    }

    /// Tells what is new; `None` when nothing is, or nothing may be told now.
    fn news(&mut self) -> Option<Vec<Notice>> {
        self.group.news_at.take_if(|at| *at <= self.now)?;
        let news: Vec<u64> =
            self.group.members.iter().filter(|(id, member)| self.speaks(**id, member)).map(|(id, _)| *id).collect();
        self.hold_back(&news);
        if news.is_empty() {
            return None;
        }
        let is_first = self.group.members.values().all(|member| member.said.is_none());
        let reason = self.changes(&news);
        let stage = if is_first { Stage::First } else { Stage::Changed };
        let mut to: Vec<&String> = self.route.receivers.iter().collect();
        if self.group.escalated_at.is_some() {
            to.extend(self.route.escalate.receivers.iter().filter(|name| !self.route.receivers.contains(name)));
        }
        let told = |id: &u64, member: &Member| news.contains(id) || (member.said.is_some() && member.lasts());
        let notices = self.notices(to, stage, &reason, told);
        for id in &news {
            if let Some(member) = self.group.members.get_mut(id) {
                let first = member.said.as_ref().map_or(self.now, |said| said.first);
                member.said = Some(Said::of(&member.incident, first));
            }
        }
        self.group.members.retain(|id, member| member.lasts() || !news.contains(id));
        if self.group.members.values().all(|member| member.said.is_none()) {
            self.group.escalated_at = None;
        }
        self.group.sent_at = Some(self.now);
        Some(notices)
    }

    /// Whether a notice tells of this now. Who heard the beginning hears the end, and that somebody takes care of it.
    fn speaks(&self, id: u64, member: &Member) -> bool {
        let is_taken_up = member.said.as_ref().is_some_and(|said| said.is_acknowledged != member.is_acknowledged());
        let may_be_told = || !self.quiet.contains_key(&id) && self.is_inside(&member.incident.check);
        let is_over_for_those_who_heard = !member.lasts() && member.said.is_some();
        member.is_news() && (is_over_for_those_who_heard || is_taken_up || may_be_told())
    }

    fn is_inside(&self, check: &CheckId) -> bool {
        let mut windows = self.route.during.values();
        self.route.during.is_empty()
            || windows.any(|window| window.checks.matches(check.as_str()) && window.until(self.now).is_some())
    }

    /// Says once why news are not told now, and looks at them again.
    fn hold_back(&mut self, told: &[u64]) {
        let (now, route) = (self.now, &self.route.name);
        let mut held = Vec::new();
        for (id, member) in self.group.members.iter().filter(|(id, member)| member.is_news() && !told.contains(id)) {
            held.push(match self.quiet.get(id) {
                Some(quiet) => (*id, DecisionKind::Withheld, quiet.sentence.clone()),
                None => (*id, DecisionKind::Outside, format!("no window of {route} holds for {}", member.incident.check)),
            });
        }
        for (id, kind, sentence) in held {
            let Some(member) = self.group.members.get_mut(&id) else { continue };
            if member.held_for.as_ref() != Some(&sentence) {
                member.held_for = Some(sentence.clone());
                self.effects.push(decide(id, now, route, kind, sentence));
            }
            self.group.news_at = Some(now.floor_to(LOOK_AGAIN).plus(LOOK_AGAIN));
        }
    }

    /// What began, changed and ended, in words.
    fn changes(&self, news: &[u64]) -> String {
        let of = |wish: fn(&Member) -> bool| {
            news.iter().filter_map(|id| self.group.members.get(id)).filter(|member| wish(member)).count() as u64
        };
        let parts = [
            (of(|m| m.lasts() && m.said.is_none()), "began"),
            (of(|m| m.lasts() && m.said.as_ref().is_some_and(|said| said.is_acknowledged != m.is_acknowledged())), "taken up"),
            (of(|m| m.lasts() && m.said.as_ref().is_some_and(|said| said.is_acknowledged == m.is_acknowledged())), "changed"),
            (of(|m| !m.lasts() && m.said.is_none()), "repaired at once"),
            (of(|m| !m.lasts() && m.said.is_some()), "over"),
        ];
        let parts = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", count(n, "incident")));
        parts.collect::<Vec<_>>().join(", ")
    }

    /// Tells others, when nobody took care of it in time.
    fn escalate(&mut self) -> Option<Vec<Notice>> {
        self.group.escalate_at(self.route).filter(|at| *at <= self.now)?;
        if !self.has_open() {
            self.group.put_off(self.now);
            return None;
        }
        let reason = format!("nobody took care of it for {}", human(self.route.escalate.after.unwrap_or_default()));
        self.group.escalated_at = Some(self.now);
        Some(self.notices(&self.route.escalate.receivers, Stage::Escalated, &reason, |_, member| member.said.is_some()))
    }

    /// Tells again what lasts.
    fn repeat(&mut self) -> Option<Vec<Notice>> {
        self.group.repeat_at(self.route).filter(|at| *at <= self.now)?;
        if !self.has_open() {
            self.group.put_off(self.now);
            return None;
        }
        let reason = format!("it lasts, and was last told {} ago", human(self.route.repeat.unwrap_or_default()));
        self.group.sent_at = Some(self.now);
        Some(self.notices(&self.route.receivers, Stage::Repeated, &reason, |_, member| member.said.is_some()))
    }

    /// Whether something is there that nobody takes care of, and that may be told now.
    fn has_open(&self) -> bool {
        self.group.open().any(|(id, member)| !self.quiet.contains_key(id) && self.is_inside(&member.incident.check))
    }

    /// A notice for each receiver, without a number yet.
    fn notices<'n>(
        &self,
        to: impl IntoIterator<Item = &'n String>,
        stage: Stage,
        reason: &str,
        told: impl Fn(&u64, &Member) -> bool,
    ) -> Vec<Notice> {
        let mut incidents: Vec<&Incident> =
            self.group.members.iter().filter(|(id, member)| told(id, member)).map(|(_, member)| &member.incident).collect();
        incidents.sort_by_key(|i| (i.resolved_at.is_some(), std::cmp::Reverse(i.health), i.opened_at, i.id));
        let lasting = || incidents.iter().filter(|incident| incident.resolved_at.is_none());
        let status = if lasting().next().is_none() {
            Status::Resolved
        } else if lasting().all(|incident| incident.handling.acknowledged.is_some()) {
            Status::Acknowledged
        } else {
            Status::Firing
        };
        let notice = Notice {
            id: 0,
            route: self.route.name.clone(),
            receiver: String::new(),
            group: self.group_name.clone(),
            status,
            stage,
            reason: reason.to_owned(),
            at: self.now,
            more: incidents.len().saturating_sub(NOTICE_INCIDENTS_MAX) as u64,
            incidents: incidents.into_iter().take(NOTICE_INCIDENTS_MAX).cloned().collect(),
            labels: in_common(&self.labels),
            report: None,
        };
        to.into_iter().map(|receiver| Notice { receiver: receiver.clone(), ..notice.clone() }).collect()
    }

    /// The decisions that a notice comes from, one for each of its incidents.
    fn sent(&self, id: u64, notice: &Notice) -> Vec<Effect> {
        let kind = match notice.stage {
            Stage::Repeated => DecisionKind::Repeated,
            Stage::Escalated => DecisionKind::Escalated,
            Stage::First | Stage::Changed | Stage::Sample | Stage::Daily => DecisionKind::Sent,
        };
        let sentence = format!("N{id} to {}: {}", notice.receiver, notice.reason);
        notice.incidents.iter().map(|of| decide(of.id, self.now, &notice.route, kind, sentence.clone())).collect()
    }
}

/// The labels that are the same everywhere.
fn in_common(all: &[BTreeMap<String, String>]) -> BTreeMap<String, String> {
    let Some((first, others)) = all.split_first() else { return BTreeMap::new() };
    let is_everywhere = |(name, value): &(&String, &String)| others.iter().all(|labels| labels.get(*name) == Some(*value));
    first.iter().filter(is_everywhere).map(|(name, value)| (name.clone(), value.clone())).collect()
}
