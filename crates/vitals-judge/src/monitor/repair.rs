//! Repair at the end of each event: whether an action has helped, and whether one is to be begun.

use std::time::Duration;

use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::limits::TEXT_CHARS_MAX;
use vitals_model::quiet::{Remark, Silence};
use vitals_model::remedy::{AUTHOR, Acted, Action, By, HeldReason, OutcomeKind, Prospect, Remedy, RepairMode};
use vitals_model::target::TargetId;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use super::{Monitor, Watched};
use crate::event::{Effect, Event, Record};
use crate::incident::Look;
use crate::remedy::{Course, Ended, Repairs, Spares, Want, probes};
use crate::telling::{self, Hush};

/// How old somebody's wish for a remedy may be.
const ASKED_MAX: Duration = Duration::from_secs(60);

/// Whose repair an event may concern.
pub(super) enum Whose {
    /// Nobody's.
    Nobody,
    /// One target's.
    One(TargetId),
    /// Everybody's.
    All,
}

impl Whose {
    pub(super) fn of(event: &Event) -> Self {
        match event {
            Event::Observed(observation) => Self::One(observation.target.clone()),
            Event::Acted(acted) => Self::One(acted.target.clone()),
            Event::Tick => Self::All,
            _ => Self::Nobody,
        }
    }
}

impl Monitor {
    /// Takes in how far the moves of an action came.
    pub(super) fn acted(&mut self, now: Timestamp, acted: &Acted) -> Vec<Effect> {
        if !self.repairs.acted(acted, now) {
            return vec![Effect::Say(format!("A{} of {} is not waited for", acted.action, acted.target))];
        }
        let under_way = self.repairs.known(&acted.target).and_then(Course::under_way);
        // One that failed is over: that is kept as its outcome.
        let Some(action) = under_way.filter(|action| action.outcome.is_none()) else { return Vec::new() };
        // The same probes that found the fault, at once.
        std::iter::once(keep(action)).chain(ask(&action.target, &action.remedy)).collect()
    }

    /// Looks after the repair of those whom the event may concern.
    pub(super) fn repair(&mut self, now: Timestamp, whose: &Whose) -> Vec<Effect> {
        let Self { targets, repairs, own, .. } = self;
        let mut effects = Vec::new();
        match whose {
            Whose::Nobody => {}
            Whose::One(id) => {
                if let Some(watched) = targets.get_mut(id) {
                    effects = watched.mend(repairs, &own.silences, now, whose);
                }
            }
            Whose::All => {
                for watched in targets.values_mut() {
                    effects.extend(watched.mend(repairs, &own.silences, now, whose));
                }
            }
        }
        effects
    }

    /// Somebody wants the remedy for an incident carried out. The same order twice is carried out once, and one that
    /// nobody took in for a while not at all: it is of another time.
    pub(super) fn repair_asked(&mut self, now: Timestamp, id: u64, remark: Remark) -> Vec<Effect> {
        if now.since(remark.at) > ASKED_MAX {
            let line = format!("I{id} is not repaired: that was asked for at {}, and nobody took it in", remark.at);
            return vec![Effect::Say(line)];
        }
        let by = By::Person(remark);
        if self.repairs.actions().any(|action| action.incident == id && action.by == by) {
            return Vec::new();
        }
        let Some(watched) = self.targets.values_mut().find(|watched| watched.ledger.open_one(id).is_some()) else {
            return vec![Effect::Say(format!("there is no incident I{id} that lasts: nothing is repaired"))];
        };
        let Some(prospect) = watched.prospect(id, &self.repairs, &self.own.silences, Want::Asked, now) else { return Vec::new() };
        match &prospect.held {
            Some(held) => vec![Effect::Say(format!("I{id} is not repaired: {}", held.sentence))],
            None => watched.begin_action(&prospect, by, &mut self.repairs, now),
        }
    }

    /// What may be done about an incident that lasts when a person wants it.
    pub fn asked(&self, incident: u64, now: Timestamp) -> Option<Prospect> {
        let of = |watched: &Watched| watched.prospect(incident, &self.repairs, &self.own.silences, Want::Asked, now);
        self.targets.values().find_map(of)
    }

    /// What was done about an incident that lasts, and what may be, in one sentence.
    pub(crate) fn told_of_repair(&self, incident: u64, now: Timestamp) -> Option<String> {
        let of = |watched: &Watched| watched.prospect(incident, &self.repairs, &self.own.silences, Want::Configured, now);
        let prospect = self.targets.values().find_map(of)?;
        let last = self.repairs.actions().filter(|action| action.incident == incident).max_by_key(|action| action.id);
        let done = last.map(|action| format!("{}; ", action.standing())).unwrap_or_default();
        Some(done + &prospect.told())
    }

    /// What may be done about every incident that lasts, oldest first, and why it is not done.
    pub fn prospects(&self, now: Timestamp) -> Vec<Prospect> {
        self.targets
            .values()
            .flat_map(|watched| watched.prospects(&self.repairs, &self.own.silences, Want::Configured, now))
            .collect()
    }
}

impl Watched {
    fn look(&self, now: Timestamp) -> Look<'_> {
        let (readings, truths) = (&self.judged.readings, &self.judged.truths);
        Look { target: &self.target, facts: &self.facts, readings, truths, shield: self.shield.as_ref(), now }
    }

    /// What may be done about one incident of it that lasts.
    pub(crate) fn prospect(
        &self,
        incident: u64,
        repairs: &Repairs,
        silences: &[Silence],
        want: Want,
        now: Timestamp,
    ) -> Option<Prospect> {
        let incident = self.ledger.open_one(incident)?;
        let hush = Hush { silences, windows: &self.windows.0, spares: &Spares::NONE, now };
        let course = repairs.known(&self.target.id);
        Some(course.unwrap_or(&Course::default()).prospect(self.look(now), incident, hush, want))
    }

    fn prospects(&self, repairs: &Repairs, silences: &[Silence], want: Want, now: Timestamp) -> Vec<Prospect> {
        let ids = self.ledger.open().into_iter().map(|incident| incident.id);
        ids.filter_map(|id| self.prospect(id, repairs, silences, want, now)).collect()
    }

    fn mend(&mut self, repairs: &mut Repairs, silences: &[Silence], now: Timestamp, whose: &Whose) -> Vec<Effect> {
        let settings = &self.target.settings.repair;
        let is_wished = settings.quiet_success && settings.mode == RepairMode::Act;
        let effects = self.mend_now(repairs, silences, now, whose);
        if is_wished || self.spares.is_wished {
            self.spares = repairs.spares(&self.target.id, is_wished);
        }
        effects
    }

    fn mend_now(&mut self, repairs: &mut Repairs, silences: &[Silence], now: Timestamp, whose: &Whose) -> Vec<Effect> {
        let is_busy = repairs.known(&self.target.id).is_some_and(|course| course.under_way().is_some());
        let is_off = repairs.is_left || self.target.settings.repair.mode == RepairMode::Observe;
        if !is_busy && (is_off || self.ledger.is_all_over()) {
            return Vec::new();
        }
        let mut effects = Vec::new();
        if is_busy {
            effects = self.follow_action(repairs, silences, now, whose);
        }
        if is_off {
            return effects;
        }
        for prospect in self.prospects(repairs, silences, Want::Configured, now) {
            match &prospect.held {
                None => effects.extend(self.begin_action(&prospect, By::Watch, repairs, now)),
                Some(held) if held.reason.wants_a_person() => {
                    let text = format!("repair stops: {}", held.sentence);
                    effects.extend(self.say_once("repair stops: ", &text, prospect.incident, silences, now));
                }
                Some(held) if held.reason == HeldReason::Mode => effects.extend(self.suggest(&prospect, now)),
                Some(_) => {}
            }
            if prospect.held.is_none() {
                break;
            }
        }
        effects
    }

    /// Looks what became of the action that is under way.
    fn follow_action(&mut self, repairs: &mut Repairs, silences: &[Silence], now: Timestamp, whose: &Whose) -> Vec<Effect> {
        let course = repairs.of(&self.target.id);
        let Some(check) = course.under_way().map(|action| action.check.clone()) else { return Vec::new() };
        let reading = self.judged.of(&check).map(|(reading, _)| reading);
        match course.follow(reading, self.ledger.is_open(&check), now) {
            // As often as the time is told: what comes by itself is seen sooner.
            Ended::Looking(remedy) if matches!(whose, Whose::All) => ask(&self.target.id, &remedy),
            Ended::Nothing | Ended::Moving | Ended::Looking(_) => Vec::new(),
            Ended::Over(action) => {
                let vain = course.vain(action.incident);
                self.close_action(&action, vain, silences, now)
            }
        }
    }

    /// What came of an action is written down with its incident, and told when it was in vain for the first time.
    fn close_action(&mut self, action: &Action, vain: usize, silences: &[Silence], now: Timestamp) -> Vec<Effect> {
        let mut effects = vec![keep(action), Effect::Say(format!("{}: {}", action.target, action.standing()))];
        let budget = self.target.settings.repair.budget as usize;
        let hush = Hush { silences, windows: &self.windows.0, spares: &Spares::NONE, now };
        let Some(incident) = self.ledger.incident_mut(action.incident) else { return effects };
        note(incident, &action.standing(), now);
        let is_first = vain == 1 && vain < budget && action.by == By::Watch;
        let is_vain = action.outcome.as_ref().is_some_and(|outcome| outcome.kind != OutcomeKind::Helped);
        effects.extend(if is_vain && is_first {
            telling::tell(incident, news(incident), hush)
        } else {
            vec![telling::keep(incident)]
        });
        effects
    }

    fn begin_action(&mut self, prospect: &Prospect, by: By, repairs: &mut Repairs, now: Timestamp) -> Vec<Effect> {
        let Some(plan) = &prospect.plan else { return Vec::new() };
        let id = repairs.next_id();
        let action = repairs.of(&self.target.id).begin(id, prospect, plan, by, now);
        let line = format!("A{id} for I{}: {}, wanted by {}: {}", action.incident, action.remedy, action.by, action.why);
        let mut effects = vec![keep(&action), Effect::Say(format!("{}: {line}", self.target.id))];
        if let Some(incident) = self.ledger.incident_mut(action.incident) {
            note(incident, &line, now);
            effects.push(telling::keep(incident));
        }
        effects.push(Effect::Act(Box::new(action), plan.moves.clone()));
        effects
    }

    /// Says something about repair with an incident, and tells people: once for as long as it lasts.
    fn say_once(&mut self, begins: &str, text: &str, incident: u64, silences: &[Silence], now: Timestamp) -> Vec<Effect> {
        let hush = Hush { silences, windows: &self.windows.0, spares: &Spares::NONE, now };
        let Some(incident) = self.ledger.incident_mut(incident).filter(|incident| !is_noted(incident, begins)) else {
            return Vec::new();
        };
        note(incident, text, now);
        let mut effects = vec![Effect::Say(format!("{}: I{}: {text}", incident.target, incident.id))];
        effects.extend(telling::tell(incident, news(incident), hush));
        effects
    }

    /// Writes down what could be done.
    fn suggest(&mut self, prospect: &Prospect, now: Timestamp) -> Vec<Effect> {
        const BEGINS: &str = "to repair: ";
        let (Some(plan), Some(incident)) = (&prospect.plan, self.ledger.incident_mut(prospect.incident)) else {
            return Vec::new();
        };
        if is_noted(incident, BEGINS) {
            return Vec::new();
        }
        note(incident, &format!("{BEGINS}{}, by `mcp-vitals remedy apply I{}`", plan.remedy, prospect.incident), now);
        vec![telling::keep(incident)]
    }
}

/// What people hear of an incident with which something is new: its beginning, when they have not heard of that.
fn news(incident: &Incident) -> IncidentChange {
    match incident.handling.told_at {
        Some(_) => IncidentChange::Updated,
        None => incident.handling.withheld_beginning().unwrap_or(IncidentChange::Opened),
    }
}

fn note(incident: &mut Incident, text: &str, now: Timestamp) {
    incident.handling.note(Remark { at: now, author: Text::new(AUTHOR), text: Text::cut(text, TEXT_CHARS_MAX) });
}

fn is_noted(incident: &Incident, begins: &str) -> bool {
    incident.handling.notes.iter().any(|note| note.author.as_str() == AUTHOR && note.text.as_str().starts_with(begins))
}

/// Looks whether a remedy has helped.
fn ask(target: &TargetId, remedy: &Remedy) -> Vec<Effect> {
    probes(remedy).iter().map(|probe| Effect::Check(target.clone(), *probe)).collect()
}

fn keep(action: &Action) -> Effect {
    Effect::Keep(Record::Action(Box::new(action.clone())))
}
