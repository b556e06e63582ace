//! Routing: from what people are told of incidents to notices, each for one receiver. Every decision has a reason, which is
//! kept with the incident. It knows no clock and sends nothing.
//!
//! An incident that is told is asked of each route (*matched*), joins a group, and waits there for more of the same
//! (*waiting*). When its group is due, what nobody may hear any more is left out (*withheld*), what is outside the windows of
//! its route waits (*outside*), and the rest becomes one notice for each receiver (*sent*). A group that lasts is told again
//! (*repeated*), and others are told when nobody takes care of it (*escalated*).

mod daily;
mod due;
mod group;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vitals_model::incident::{Incident, IncidentChange, Quiet};
use vitals_model::limits::GROUPS_MAX;
use vitals_model::notice::{Decision, DecisionKind, Delivery, Notice, Notices, Posted, ReceiverState, Route};
use vitals_model::time::Timestamp;

use crate::event::{Effect, Record};
use crate::own;
use group::{Group, Member};

/// What an incident is at the moment, as far as telling goes.
#[derive(Clone, Debug)]
pub struct Now {
    /// The incident.
    pub incident: Incident,
    /// Why people are not told of it now; `None` when they are.
    pub quiet: Option<Quiet>,
    /// The labels of its target.
    pub labels: BTreeMap<String, String>,
}

/// Finds an incident by its number; `None` when it is not known any more.
pub type Find<'a> = &'a dyn Fn(u64) -> Option<Now>;

/// The name of a group: its route, and what its incidents have in common.
type GroupName = (String, String);

/// All state of routing.
#[derive(Debug, Default)]
pub struct Router {
    notices: Arc<Notices>,
    groups: BTreeMap<GroupName, Group>,
    last_notice: u64,
    /// The first moment at which something is to be done.
    due_at: Option<Timestamp>,
    /// How each receiver does.
    receivers: BTreeMap<String, ReceiverState>,
    /// The day of the last report that each receiver was sent.
    reported: BTreeMap<String, String>,
}

impl Router {
    /// A router that goes on from what the one before it sent.
    pub fn remembering(last_notice: u64, posted: &[Posted]) -> Self {
        let mut router = Self { last_notice, ..Self::default() };
        let mut posted: Vec<_> = posted.iter().collect();
        posted.sort_by_key(|posted| posted.notice.id);
        for one in posted {
            if let Some(report) = &one.notice.report {
                router.reported.insert(one.notice.receiver.clone(), report.day.clone());
            } else {
                let name = (one.notice.route.clone(), one.notice.group.clone());
                router.groups.entry(name).or_default().remember(&one.notice);
            }
            let receiver = router.receivers.entry(one.notice.receiver.clone()).or_default();
            receiver.waiting += u64::from(one.waits());
        }
        router.groups.retain(|_, group| !group.members.is_empty());
        router
    }

    /// Follows these settings from now on: groups of routes that are gone are forgotten.
    pub fn follow(&mut self, notices: Arc<Notices>) {
        self.groups.retain(|(route, _), _| notices.route(route).is_some());
        self.receivers.retain(|name, state| notices.receivers.contains_key(name) || state.waiting > 0);
        for name in notices.receivers.keys() {
            self.receivers.entry(name.clone()).or_default();
        }
        self.notices = notices;
        self.plan();
    }

    /// How each receiver does.
    pub fn receivers(&self) -> &BTreeMap<String, ReceiverState> {
        &self.receivers
    }

    /// When it must be asked again; `None` while nothing waits.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }

    /// Takes in what came of an attempt to deliver a notice.
    pub fn delivered(&mut self, delivery: Delivery) {
        self.receivers.entry(delivery.receiver.clone()).or_default().count(delivery);
    }

    /// Leaves out a gap of our own clock, of `ms` milliseconds.
    pub fn skip(&mut self, ms: i64) {
        self.groups.values_mut().for_each(|group| group.skip(ms));
        self.plan();
    }

    /// Takes in a change of an incident that people are told.
    pub fn tell(&mut self, now: Timestamp, change: IncidentChange, of: &Now) -> Vec<Effect> {
        let notices = Arc::clone(&self.notices);
        if notices.routes.is_empty() {
            return Vec::new();
        }
        let id = of.incident.id;
        let mut effects = Vec::new();
        let mut names: BTreeSet<GroupName> = self.with(id).cloned().collect();
        let begins = !matches!(change, IncidentChange::Resolved | IncidentChange::Acknowledged);
        if begins {
            for route in taking(&notices, of) {
                if !names.iter().any(|(name, _)| *name == route.name) {
                    let name = self.name(route, &of.incident);
                    effects.push(decide(
                        id,
                        now,
                        &route.name,
                        DecisionKind::Matched,
                        format!("it is told with {}", of_group(&name.1)),
                    ));
                    names.insert(name);
                }
            }
            if names.is_empty() {
                return vec![decide(id, now, "", DecisionKind::Unmatched, unmatched(&notices, of))];
            }
        }
        for name in names {
            let Some(route) = notices.route(&name.0) else { continue };
            let group = self.groups.entry(name).or_default();
            let member =
                group.members.entry(id).or_insert_with(|| Member { incident: of.incident.clone(), said: None, held_for: None });
            member.incident = of.incident.clone();
            if member.is_news() {
                let wait_until = group.wait(now, route);
                let sentence = format!("until {wait_until}, for more of the same");
                effects.push(decide(id, now, &route.name, DecisionKind::Waiting, sentence));
            } else if change == IncidentChange::Updated {
                let sentence = "nothing that a notice says of it has changed".to_owned();
                effects.push(decide(id, now, &route.name, DecisionKind::Deduplicated, sentence));
            }
        }
        self.plan();
        effects
    }

    /// Brings groups and incidents together that do not know of each other: after a restart, and with new routes. What was
    /// told, and of which no notice is kept, is told; what is over meanwhile is said to be over.
    pub fn reconcile(&mut self, now: Timestamp, told: &[Now], find: Find<'_>) -> Vec<Effect> {
        let mut effects: Vec<_> = told.iter().flat_map(|of| self.tell(now, IncidentChange::Reminded, of)).collect();
        let notices = Arc::clone(&self.notices);
        let over = |(id, member): (&u64, &Member)| match find(*id) {
            Some(found) if found.incident.resolved_at.is_some() => Some(found),
            Some(_) => None,
            // The history has it no more: it ended longer ago than is remembered.
            None => Some(Now {
                incident: own::ended(member.incident.clone(), "it is not known any more", now),
                quiet: None,
                labels: BTreeMap::new(),
            }),
        };
        let over: Vec<Now> = self.groups.values().flat_map(|group| group.members.iter().filter_map(over)).collect();
        for of in over {
            effects.extend(self.tell(now, IncidentChange::Resolved, &of));
        }
        debug_assert!(self.groups.keys().all(|(route, _)| notices.route(route).is_some()));
        effects
    }

    /// The groups that have this incident.
    fn with(&self, id: u64) -> impl Iterator<Item = &GroupName> {
        self.groups.iter().filter(move |(_, group)| group.members.contains_key(&id)).map(|(name, _)| name)
    }

    /// The group that an incident joins; when there are too many, the one for all of its route.
    fn name(&self, route: &Route, incident: &Incident) -> GroupName {
        let name = (route.name.clone(), route.group(incident));
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&name) {
            (route.name.clone(), String::new())
        } else {
            name
        }
    }

    /// The next number of a notice.
    fn next_id(&mut self) -> u64 {
        self.last_notice += 1;
        self.last_notice
    }

    /// Finds the first moment at which something is to be done.
    fn plan(&mut self) {
        let notices = &self.notices;
        let due = self.groups.iter().filter_map(|((route, _), group)| group.due_at(notices.route(route)?));
        self.due_at = due.min();
    }

    /// Hands a notice over.
    fn send(&mut self, notice: Notice) -> Effect {
        self.receivers.entry(notice.receiver.clone()).or_default().waiting += 1;
        Effect::Notify(Box::new(notice))
    }
}

/// The routes that take an incident: the first that matches, and those behind one that goes on.
fn taking<'a>(notices: &'a Notices, of: &Now) -> Vec<&'a Route> {
    let mut taking = Vec::new();
    for route in &notices.routes {
        if route.matches.unlike(&of.incident, &of.labels).is_none() {
            taking.push(route);
            if !route.goes_on {
                break;
            }
        }
    }
    taking
}

/// Why no route takes it.
fn unmatched(notices: &Notices, of: &Now) -> String {
    let why = |route: &Route| route.matches.unlike(&of.incident, &of.labels).map(|why| format!("{}: {why}", route.name));
    format!("no route takes it; {}", notices.routes.iter().filter_map(why).collect::<Vec<_>>().join("; "))
}

fn of_group(group: &str) -> String {
    if group.is_empty() { "all others of its route".to_owned() } else { format!("all others of {group}") }
}

pub(crate) fn decide(incident: u64, at: Timestamp, route: &str, kind: DecisionKind, sentence: String) -> Effect {
    Effect::Keep(Record::Decision(Decision { incident, at, route: route.to_owned(), kind, sentence }))
}

#[cfg(test)]
mod tests;
