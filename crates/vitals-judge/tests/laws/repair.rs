//! Laws of repair: random days of a hub that is repaired, with people who silence, take up and order, moves that fail
//! or succeed, and a monitor that may be killed between any two events.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use vitals_judge::event::{Effect, Record};
use vitals_model::incident::{IncidentChange, IncidentState};
use vitals_model::remedy::{Action, By};
use vitals_model::time::Timestamp;

use crate::day::{BUDGET, Day, Move, any_repaired_day};
use crate::handled::must_be_quiet;

const HOUR: Duration = Duration::from_secs(3600);

/// What was begun and ended, in the plainest words.
#[derive(Default)]
struct Done {
    under_way: Option<u64>,
    begun: BTreeSet<u64>,
    /// When the watch began something by itself.
    unasked: Vec<Timestamp>,
    kept: BTreeSet<u64>,
}

impl Done {
    fn take(&mut self, day: &Day, effects: &[Effect]) -> Result<(), TestCaseError> {
        for effect in effects {
            match effect {
                Effect::Keep(Record::Action(action)) => {
                    self.kept.insert(action.id);
                    if action.outcome.is_some() {
                        prop_assert_eq!(self.under_way.take(), Some(action.id), "what ends was under way");
                    }
                }
                Effect::Act(action, moves) => {
                    prop_assert!(!moves.is_empty() && moves.len() == action.moves.len());
                    self.begins(day, action)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn begins(&mut self, day: &Day, action: &Action) -> Result<(), TestCaseError> {
        prop_assert!(self.kept.contains(&action.id), "A{} is carried out before it is kept", action.id);
        prop_assert!(self.begun.insert(action.id), "A{} is begun twice", action.id);
        prop_assert_eq!(self.under_way.replace(action.id), None, "two at once");
        let incident = day.kept.incidents.get(&action.incident);
        prop_assert!(incident.is_some_and(|incident| incident.state == IncidentState::Open), "A{} for nothing", action.id);
        if action.by != By::Watch {
            return Ok(());
        }
        let lately = self.unasked.iter().filter(|at| day.now().since(**at) < HOUR).count();
        prop_assert!(lately < BUDGET as usize, "A{} is above the budget", action.id);
        self.unasked.push(day.now());
        let quiet = incident.and_then(|incident| must_be_quiet(day, incident, IncidentChange::Updated));
        prop_assert_eq!(quiet, None, "A{} under somebody's hands", action.id);
        Ok(())
    }
}

#[test]
fn never_two_at_once_never_above_the_budget_never_twice_and_never_under_somebodys_hands() {
    let (acted, restarted) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() };
    let ran = TestRunner::new(config).run(&any_repaired_day(), |moves| {
        let (mut day, mut done) = (Day::begin_repairing(), Done::default());
        for each in &moves {
            let effects = day.play(each);
            done.take(&day, &effects)?;
            if matches!(each, Move::Restart) {
                let begins = |effect: &&Effect| matches!(effect, Effect::Act(..));
                prop_assert_eq!(effects.iter().filter(begins).count(), 0, "a restart begins nothing");
                restarted.set(restarted.get() + usize::from(done.under_way.is_some()));
            }
        }
        acted.set(acted.get() + done.begun.len());
        Ok(())
    });
    assert!(ran.is_ok(), "{ran:?}");
    assert!(acted.get() > 50 && restarted.get() > 0, "{} actions, {} restarts amid one", acted.get(), restarted.get());
}
