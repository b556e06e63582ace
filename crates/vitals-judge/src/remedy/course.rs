//! What was done to one target: whether more may be done, and whether it helped.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::limits::{ACTIONS_REMEMBERED_MAX, EVIDENCE_PIECES_MAX};
use vitals_model::reading::{Health, Reading};
use vitals_model::remedy::{
    Acted, Action, By, Held, HeldReason, Outcome, OutcomeKind, Plan, Prospect, Remedy, RepairMode, RepairSettings,
};
use vitals_model::snapshot::RepairState;
use vitals_model::text::{count, plural};
use vitals_model::time::{Timestamp, human};

use super::fit;
use crate::incident::Look;
use crate::telling::Hush;

/// The span of a budget.
const HOUR: Duration = Duration::from_secs(3600);

/// A hub that ended is most often started again by what it runs under: systemd waits 0.1 s by default, an editor a
/// few seconds.
pub(super) const HUB_ITSELF: Duration = Duration::from_secs(10);

/// The moves of one action take no longer than this, all their deadlines together.
const MOVES_MAX: Duration = Duration::from_secs(5 * 60);

/// A cooldown is doubled this often at most.
const DOUBLED_MAX: u32 = 10;

/// What was done to one target, and what is being done.
#[derive(Debug, Default)]
pub(crate) struct Course {
    under_way: Option<Action>,
    /// What is over, oldest first; at most [`ACTIONS_REMEMBERED_MAX`].
    past: VecDeque<Action>,
    /// What came of the actions that ended since we began.
    outcomes: BTreeMap<(&'static str, OutcomeKind), u64>,
}

/// Who wants something done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Want {
    /// The configuration: mode, budget and cooldown hold it back.
    Configured,
    /// A person: only what cannot be done holds them back, and what is being done already.
    Asked,
}

/// What became of the action that was under way.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Nothing is under way.
    Nothing,
    /// It goes on: its moves are being made.
    Moving,
    /// It goes on: all moves were made, and it is looked whether it helped.
    Looking(Remedy),
    /// It is over.
    Over(Box<Action>),
}

impl Course {
    /// Takes in an action of the monitor before. Whether the moves of one that was under way were made is not known:
    /// they are not made again, it is only looked whether they helped.
    pub(super) fn restore(&mut self, mut action: Action, now: Timestamp) {
        if action.outcome.is_none() && self.under_way.is_none() {
            action.done_at = Some(now);
            action.evidence.push("the watch that began it ended meanwhile: it is not begun again".to_owned());
            self.under_way = Some(action);
        } else {
            self.remember(action);
        }
    }

    /// All actions that are remembered, oldest first.
    pub(super) fn actions(&self) -> impl Iterator<Item = &Action> {
        self.past.iter().chain(&self.under_way)
    }

    /// What is over, oldest first.
    pub(super) fn past(&self) -> impl Iterator<Item = &Action> + Clone {
        self.past.iter()
    }

    /// What is being done.
    pub(crate) const fn under_way(&self) -> Option<&Action> {
        self.under_way.as_ref()
    }

    pub(super) fn state(&self) -> RepairState {
        RepairState {
            under_way: self.under_way.as_ref().map(Action::standing),
            last: self.past.back().map(Action::standing),
            outcomes: self.outcomes.clone(),
        }
    }

    /// What may be done about an incident, and why it is not done now.
    pub(crate) fn prospect(&self, look: Look<'_>, incident: &Incident, hush: Hush<'_>, want: Want) -> Prospect {
        let (plan, held) = match fit(look, incident) {
            Ok(plan) => {
                let held = self.held(look, &plan, incident, hush, want);
                (Some(plan), held)
            }
            Err(held) => (None, Some(held)),
        };
        Prospect {
            target: look.target.id.clone(),
            incident: incident.id,
            check: incident.check.clone(),
            summary: incident.summary.clone(),
            plan,
            held,
        }
    }

    fn held(&self, look: Look<'_>, plan: &Plan, incident: &Incident, hush: Hush<'_>, want: Want) -> Option<Held> {
        let held = |reason, sentence| Some(Held { reason, sentence });
        let settings = &look.target.settings.repair;
        if want == Want::Configured {
            // What people need not hear of for now they do not want repaired under their hands either.
            if let Some(quiet) = hush.why(incident, IncidentChange::Reminded) {
                return held(HeldReason::Quiet, quiet.sentence);
            }
            match settings.mode {
                RepairMode::Observe => return held(HeldReason::Mode, "repair is off (`repair: {mode: observe}`)".to_owned()),
                RepairMode::Suggest => {
                    return held(HeldReason::Mode, "it is only suggested (`repair: {mode: suggest}`)".to_owned());
                }
                RepairMode::Act => {}
            }
        }
        if let Some(action) = &self.under_way {
            return held(HeldReason::Busy, format!("one at a time: {}", action.standing()));
        }
        if want == Want::Asked {
            return None;
        }
        let lasts = look.now.since(incident.opened_at);
        if plan.remedy == Remedy::RestartHub && lasts < HUB_ITSELF {
            let rest = human(HUB_ITSELF.saturating_sub(lasts));
            return held(HeldReason::Settling, format!("it may be started again by what it runs under: {rest} more for that"));
        }
        self.spent(settings, plan, incident, look.now)
    }

    /// What was done already, and is enough.
    fn spent(&self, settings: &RepairSettings, plan: &Plan, incident: &Incident, now: Timestamp) -> Option<Held> {
        let held = |reason, sentence| Some(Held { reason, sentence });
        let own = self.past.iter().filter(|action| action.by == By::Watch);
        let failed = |action: &&Action| action.outcome.as_ref().is_none_or(|outcome| outcome.kind != OutcomeKind::Helped);
        let tries = own.clone().filter(|action| action.incident == incident.id).filter(failed).count() as u64;
        if tries >= u64::from(settings.budget) {
            let sentence = format!("{} did not help: a person is asked for", plural(tries, "try", "tries"));
            return held(HeldReason::Useless, sentence);
        }
        let lately = own.clone().filter(|action| now.since(action.begun_at) < HOUR).count() as u64;
        if lately >= u64::from(settings.budget) {
            let sentence = format!("{} within an hour, and no more may be: a person is asked for", count(lately, "action"));
            return held(HeldReason::Budget, sentence);
        }
        let same = || self.past.iter().rev().filter(|action| action.remedy == plan.remedy);
        let doubled = u32::try_from(same().take_while(failed).count()).unwrap_or(DOUBLED_MAX).min(DOUBLED_MAX);
        let cooldown = settings.cooldown.saturating_mul(1 << doubled.saturating_sub(1));
        let over = same().next().and_then(|action| action.outcome.as_ref()).map(|outcome| outcome.at.plus(cooldown));
        let until = over.filter(|until| now < *until)?;
        held(HeldReason::Cooldown, format!("the same was done a short while ago: not again before {until}"))
    }

    /// Begins what is planned.
    pub(crate) fn begin(&mut self, id: u64, prospect: &Prospect, plan: &Plan, by: By, now: Timestamp) -> Action {
        let action = Action {
            id,
            target: prospect.target.clone(),
            incident: prospect.incident,
            check: prospect.check.clone(),
            remedy: plan.remedy.clone(),
            by,
            why: plan.why.clone(),
            moves: plan.moves.iter().map(ToString::to_string).collect(),
            begun_at: now,
            done_at: None,
            within: plan.within,
            evidence: Vec::new(),
            outcome: None,
        };
        self.under_way = Some(action.clone());
        action
    }

    pub(super) fn acted(&mut self, acted: &Acted, now: Timestamp) -> bool {
        let Some(action) = self.under_way.as_mut().filter(|action| action.id == acted.action) else { return false };
        let room = EVIDENCE_PIECES_MAX.saturating_sub(action.evidence.len());
        action.evidence.extend(acted.evidence.iter().take(room).cloned());
        match &acted.failed {
            Some(why) => action.outcome = Some(Outcome { kind: OutcomeKind::NotCarriedOut, reason: why.clone(), at: now }),
            None => action.done_at = Some(now),
        }
        true
    }

    /// Looks what became of the action that is under way. `reading` is that of its check, and `lasts` whether its
    /// incident does.
    pub(crate) fn follow(&mut self, reading: Option<&Reading>, lasts: bool, now: Timestamp) -> Ended {
        let Some(action) = &mut self.under_way else { return Ended::Nothing };
        if action.outcome.is_none() {
            action.outcome = judged(action, reading, lasts, now);
        }
        let Some(outcome) = &action.outcome else {
            return if action.done_at.is_some() { Ended::Looking(action.remedy.clone()) } else { Ended::Moving };
        };
        *self.outcomes.entry((action.remedy.kind(), outcome.kind)).or_default() += 1;
        let Some(action) = self.under_way.take() else { return Ended::Nothing };
        self.remember(action.clone());
        Ended::Over(Box::new(action))
    }

    /// How often it was tried in vain, without being asked, to end an incident.
    pub(crate) fn vain(&self, incident: u64) -> usize {
        let failed = |action: &&Action| action.outcome.as_ref().is_some_and(|outcome| outcome.kind != OutcomeKind::Helped);
        self.past.iter().filter(|action| action.incident == incident && action.by == By::Watch).filter(failed).count()
    }

    fn remember(&mut self, action: Action) {
        if self.past.len() == ACTIONS_REMEMBERED_MAX {
            self.past.pop_front();
        }
        self.past.push_back(action);
    }
}

/// What came of an action, when that is known.
fn judged(action: &Action, reading: Option<&Reading>, lasts: bool, now: Timestamp) -> Option<Outcome> {
    let outcome = |kind, reason| Some(Outcome { kind, reason, at: now });
    let Some(done_at) = action.done_at else {
        let is_lost = now.since(action.begun_at) >= MOVES_MAX;
        return if is_lost { outcome(OutcomeKind::NotCarriedOut, "nothing was heard of it".to_owned()) } else { None };
    };
    let took = || human(now.since(action.begun_at));
    match reading {
        Some(reading) if reading.health == Health::Healthy && reading.at >= done_at => {
            return outcome(OutcomeKind::Helped, format!("{} is good again after {}", reading.id, took()));
        }
        None if !lasts => return outcome(OutcomeKind::Helped, format!("{} is over after {}", action.check, took())),
        _ => {}
    }
    if now.since(done_at) < action.within {
        return None;
    }
    let seen = reading.map_or("not measured", |reading| reading.health.as_str());
    outcome(OutcomeKind::DidNotHelp, format!("{} is {seen} {} after it was done", action.check, human(action.within)))
}
