//! Laws of what people do about incidents: random orders among random observations, each order perhaps twice, and
//! a monitor that may be killed between any two of them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vitals_judge::event::Effect;
use vitals_model::incident::{Incident, IncidentChange, IncidentState};

use crate::day::{Day, Move, any_handled_day};

/// Why nobody may be told of a change now, in the plainest words; `None` when people are to hear of it.
pub(crate) fn must_be_quiet(day: &Day, incident: &Incident, change: IncidentChange) -> Option<&'static str> {
    if matches!(change, IncidentChange::Resolved | IncidentChange::Acknowledged) {
        return None;
    }
    let (target, check) = (incident.target.as_str(), incident.check.as_str());
    let is_silent = day.kept.silences.values().any(|silence| silence.holds(target, check, day.now()));
    let reasons = [
        (incident.ties.follows.is_some(), "it follows from another"),
        (incident.handling.acknowledged.is_some(), "somebody takes care of it"),
        (is_silent, "a silence holds"),
        (target == "main" && day.is_maintained(), "a window of maintenance holds"),
    ];
    reasons.into_iter().find_map(|(holds, why)| holds.then_some(why))
}

/// Which incidents people know of.
#[derive(Default)]
struct Heard(BTreeSet<u64>);

impl Heard {
    fn take(&mut self, day: &Day, effects: &[Effect]) -> Result<(), TestCaseError> {
        for effect in effects {
            match effect {
                Effect::Tell(change, incident) => self.told(day, *change, incident)?,
                Effect::Withhold(change, incident, why) => {
                    prop_assert!(!why.sentence.is_empty(), "withheld without a reason");
                    let last = incident.handling.withheld.last().expect("it is written down");
                    prop_assert_eq!((last.change, &last.why), (*change, why));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn told(&mut self, day: &Day, change: IncidentChange, incident: &Incident) -> Result<(), TestCaseError> {
        let quiet = must_be_quiet(day, incident, change);
        prop_assert_eq!(quiet, None, "{} {} was told", change.as_str(), &incident.check);
        prop_assert!(!incident.summary.is_empty(), "told without a reason");
        prop_assert_eq!(incident.state == IncidentState::Resolved, change == IncidentChange::Resolved);
        match change {
            IncidentChange::Opened => prop_assert!(self.0.insert(incident.id), "I{} began twice", incident.id),
            // It may have come back before anybody was told that it had begun.
            IncidentChange::Reopened => drop(self.0.insert(incident.id)),
            IncidentChange::Resolved => prop_assert!(self.0.remove(&incident.id), "I{} ended unheard", incident.id),
            IncidentChange::Updated | IncidentChange::Reminded | IncidentChange::Acknowledged => {}
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_people_order_and_whenever_the_monitor_ends(moves in any_handled_day()) {
        let mut day = Day::begin();
        let mut heard = Heard::default();
        for each in &moves {
            let before = day.ledger();
            let effects = day.play(each);
            heard.take(&day, &effects)?;
            if matches!(each, Move::Again | Move::Restart) {
                prop_assert_eq!(before, day.ledger(), "after {:?}", each);
            }
            for incident in day.kept.incidents.values() {
                prop_assert!(incident.resolved_at.is_none_or(|at| at >= incident.opened_at));
                prop_assert_eq!(incident.resolved_at.is_some(), incident.state == IncidentState::Resolved);
            }
        }
    }
}
