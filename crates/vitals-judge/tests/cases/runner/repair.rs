//! The part of a case that is about repair: its settings, what is to be carried out, how that went, and what came of
//! it.

use std::time::Duration;

use vitals_judge::event::{Effect, Event, Record};
use vitals_judge::monitor::Monitor;
use vitals_model::config::TargetSettings;
use vitals_model::remedy::{Acted, Action, HubRestart, Move, RepairMode, UnitOf};
use vitals_model::target::TargetId;

use super::handled::each;
use super::play::{TARGET, Wrong, shown};
use super::spec::{Expect, Repair, Settings};
use super::world::time;

/// The settings that a case names; it carries out what fits when it says nothing else.
pub(crate) fn settle(case: &Settings, settings: &mut TargetSettings) {
    let Some(Repair { mode, budget, cooldown_s, quiet_success, hub, rotate_mb }) = &case.repair else { return };
    let repair = &mut settings.repair;
    repair.mode = mode.as_ref().map_or(RepairMode::Act, |word| {
        RepairMode::ALL.into_iter().find(|mode| mode.as_str() == word).expect("observe, suggest or act")
    });
    repair.budget = budget.unwrap_or(repair.budget);
    repair.cooldown = cooldown_s.map_or(repair.cooldown, Duration::from_secs_f64);
    repair.quiet_success = *quiet_success;
    repair.hub_restart = hub.as_ref().map(|way| match way.as_str() {
        "api" => HubRestart::Api,
        "systemd" => HubRestart::Unit(UnitOf::User, "mcp-hub.service".to_owned()),
        other => HubRestart::Command(other.split(' ').map(str::to_owned).collect()),
    });
    repair.rotate_above = rotate_mb.map(|mb| mb * 1_000_000);
}

/// What is under way, as the loop carries it out.
#[derive(Default)]
pub(crate) struct Carried {
    under_way: Option<Action>,
    /// What broke a law.
    pub(crate) lawless: Vec<String>,
}

impl Carried {
    pub(crate) fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Act(action, _) => {
                if let Some(before) = self.under_way.replace((**action).clone()) {
                    self.lawless.push(format!("A{} is begun while A{} is under way", action.id, before.id));
                }
            }
            Effect::Keep(Record::Action(action)) if action.outcome.is_some() => self.under_way = None,
            _ => {}
        }
    }

    /// How carrying it out went: `done`, or `failed: why`.
    pub(crate) fn acted(&self, how: &str) -> Event {
        let action = self.under_way.as_ref().expect("an action is under way");
        let failed = how.strip_prefix("failed: ").map(str::to_owned);
        assert!(failed.is_some() || how == "done", "`done`, or `failed: why`: {how}");
        Event::Acted(Acted { target: TargetId::new(TARGET), action: action.id, evidence: vec![how.to_owned()], failed })
    }
}

/// Compares what was begun, what came of it, and why nothing more is done.
pub(crate) fn compare(expect: &Expect, effects: &[Effect], monitor: &Monitor, now: f64, wrong: &mut Wrong) {
    let begun = |effect: &Effect| match effect {
        Effect::Act(action, moves) => {
            let moves: Vec<_> = moves.iter().map(Move::to_string).collect();
            Some(format!("{}: {}", action.remedy, moves.join("; ")))
        }
        _ => None,
    };
    each("acts", &effects.iter().filter_map(begun).collect::<Vec<_>>(), &expect.acts, wrong);
    let ended = |effect: &Effect| match effect {
        Effect::Keep(Record::Action(action)) => {
            action.outcome.as_ref().map(|outcome| format!("{}: {}, {}", action.remedy, outcome.kind.said(), outcome.reason))
        }
        _ => None,
    };
    each("ended", &effects.iter().filter_map(ended).collect::<Vec<_>>(), &expect.ended, wrong);
    let prospects = monitor.prospects(time(now));
    let open: Vec<_> = monitor.snapshot(time(now)).targets.iter().flat_map(|state| state.open.clone()).collect();
    for (words, expected) in &expect.held {
        let incident = open.iter().find(|incident| shown(incident) == *words);
        let held = incident.and_then(|incident| prospects.iter().find(|prospect| prospect.incident == incident.id));
        let Some(held) = held.and_then(|prospect| prospect.held.as_ref()) else {
            return wrong.check(words, false, "nothing is held back");
        };
        wrong.words(words, held.reason.as_str(), &held.sentence, expected);
    }
}
