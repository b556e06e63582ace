//! Laws: what must hold whatever is seen, in whatever order. Random days of a hub are played against the
//! monitor and against the plainest statement of each law.
#![expect(clippy::expect_used, reason = "what cannot be generated must fail the test")]

use std::collections::{BTreeMap, BTreeSet};

use day::{Day, Move, any_day, any_quiet_day};
use proptest::prelude::*;
use vitals_judge::event::{Effect, Record};
use vitals_judge::monitor::Thrift;
use vitals_judge::score::score;
use vitals_model::config::Schedule;
use vitals_model::incident::{IncidentChange, IncidentState};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::TargetState;
use vitals_model::verdict::Verdict;

#[path = "laws/bounds.rs"]
mod bounds;
#[path = "laws/calm.rs"]
mod calm;
#[path = "laws/day.rs"]
mod day;
#[path = "laws/handled.rs"]
mod handled;
#[path = "cases/runner/laws.rs"]
mod of_reading;
#[path = "laws/repair.rs"]
mod repair;
#[path = "cases/runner/seen.rs"]
mod seen;
#[path = "cases/runner/sources.rs"]
mod sources;
#[path = "laws/windows.rs"]
mod windows;
#[path = "cases/runner/world.rs"]
mod world;

const BADNESS: [Health; 3] = [Health::Healthy, Health::Degraded, Health::Failing];

fn is_bad(reading: &Reading) -> bool {
    reading.standing == Standing::Judged && matches!(reading.health, Health::Degraded | Health::Failing)
}

/// Whether something was measured that says whether the target lives, in the plainest words.
fn lives_or_not(readings: &[Reading]) -> bool {
    let judged = |id: &str| readings.iter().find(|r| r.id.as_str() == id).filter(|r| r.standing == Standing::Judged);
    let told = |id: &str| judged(id).is_some_and(|r| r.health != Health::Unknown);
    told("hub-servers/process")
        || told("hub-servers/api")
        || (readings.iter().all(|r| r.id.as_str() != "hub-servers/api")
            && readings
                .iter()
                .any(|r| r.id.question() == "truth" && r.standing == Standing::Judged && r.health != Health::Unknown))
}

/// Health in the plainest words: the worst known; else unknown where life is not known.
fn plain_health(readings: &[Reading]) -> Health {
    let judged: Vec<_> = readings.iter().filter(|r| r.standing == Standing::Judged).collect();
    if judged.iter().any(|r| r.health == Health::Failing) {
        return Health::Failing;
    }
    if judged.iter().any(|r| r.health == Health::Degraded) {
        return Health::Degraded;
    }
    let vital = |r: &&&Reading| ["process", "api", "truth", "state"].contains(&r.id.question());
    let known = judged.iter().any(|r| r.health == Health::Healthy);
    if known && judged.iter().filter(vital).all(|r| r.health == Health::Healthy) { Health::Healthy } else { Health::Unknown }
}

/// Follows what is told of incidents, and says what is wrong with it.
#[derive(Default)]
struct Told {
    open: BTreeMap<u64, String>,
    last: u64,
}

impl Told {
    fn take(&mut self, effects: &[Effect], state: Option<&TargetState>) -> Result<(), TestCaseError> {
        for effect in effects {
            let Effect::Tell(change, incident) = effect else { continue };
            let check = incident.check.to_string();
            match change {
                IncidentChange::Opened => {
                    prop_assert!(incident.id > self.last, "ids only grow: {} after {}", incident.id, self.last);
                    self.last = incident.id;
                    prop_assert!(!self.open.values().any(|c| *c == check), "{check} has an incident already");
                    self.open.insert(incident.id, check);
                    prop_assert!(!incident.hint.is_empty() && !incident.summary.is_empty());
                    prop_assert!(incident.opened_at <= incident.updated_at);
                    let reading = state.and_then(|s| s.readings.iter().find(|r| r.id == incident.check));
                    prop_assert!(reading.is_none_or(is_bad), "opened for what is not bad: {reading:?}");
                }
                IncidentChange::Reopened => {
                    prop_assert!(incident.id <= self.last, "reopened before it opened");
                    prop_assert!(self.open.insert(incident.id, check).is_none(), "reopened while it lasts");
                }
                IncidentChange::Updated | IncidentChange::Reminded | IncidentChange::Acknowledged => {
                    prop_assert!(self.open.contains_key(&incident.id), "{} before it opened", change.as_str());
                }
                IncidentChange::Resolved => {
                    prop_assert!(self.open.remove(&incident.id).is_some(), "resolved before it opened");
                    prop_assert_eq!(incident.state, IncidentState::Resolved);
                    prop_assert!(incident.resolved_at.is_some_and(|at| at >= incident.opened_at));
                }
            }
        }
        if let Some(state) = state {
            let shown: BTreeSet<_> = state.open.iter().map(|i| i.id).collect();
            let told = self.open.iter().filter(|(_, check)| !check.starts_with("own/"));
            prop_assert_eq!(shown, told.map(|(id, _)| *id).collect::<BTreeSet<_>>(), "faces show what was told");
        }
        Ok(())
    }
}

/// Making one judged reading worse never makes the score better.
fn score_is_monotone(readings: &[Reading]) -> Result<(), TestCaseError> {
    let before = score(readings).points;
    for n in 0..readings.len() {
        if readings[n].standing != Standing::Judged || readings[n].health == Health::Unknown {
            continue;
        }
        for worse in BADNESS.into_iter().filter(|h| *h > readings[n].health) {
            let mut broken = readings.to_vec();
            broken[n].health = worse;
            let after = score(&broken).points;
            prop_assert!(after <= before, "{} made {}: {before:?} became {after:?}", broken[n].id, worse.as_str());
            prop_assert!(after.is_some() || before.is_none());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_every_moment_of_any_day(moves in any_day()) {
        let mut day = Day::begin();
        let mut told = Told::default();
        for each in &moves {
            let effects = day.play(each);
            let state = day.state();
            told.take(&effects, state.as_deref())?;
            let Some(state) = state else { continue };
            prop_assert!(state.score.points.is_none_or(|p| p <= 100));
            prop_assert_eq!(state.score.points.is_some(), lives_or_not(&state.readings), "after {:?}", each);
            prop_assert_eq!(state.health, plain_health(&state.readings), "after {:?}", each);
            prop_assert_eq!(state.health.exit_code(), match plain_health(&state.readings) {
                Health::Healthy => 0, Health::Degraded => 1, Health::Failing => 2, Health::Unknown => 3,
            });
            let ids: BTreeSet<_> = state.readings.iter().map(|r| &r.id).collect();
            prop_assert_eq!(ids.len(), state.readings.len(), "each check once");
            for reading in &state.readings {
                let broken = of_reading::of_reading(reading, day.now());
                prop_assert!(broken.is_none(), "{} {}: {:?}", reading.id, broken.unwrap_or_default(), reading);
            }
            for truth in &state.servers {
                prop_assert!(!truth.reason.is_empty());
                prop_assert!(truth.since <= day.now());
            }
        }
    }

    #[test]
    fn the_same_day_gives_the_same_effects(moves in any_day()) {
        let (mut one, mut two) = (Day::begin(), Day::begin());
        for each in &moves {
            prop_assert_eq!(format!("{:?}", one.play(each)), format!("{:?}", two.play(each)));
        }
        prop_assert_eq!(format!("{:?}", one.state()), format!("{:?}", two.state()));
    }

    /// A tick that is not judged would have changed nothing, and shows nothing else.
    #[test]
    fn a_tick_that_is_left_out_changes_nothing(moves in any_quiet_day()) {
        let day = |ticks| Day::begin_judging(Schedule::default(), ticks);
        let (mut needed, mut all) = (day(Thrift::Thrifty), day(Thrift::Lavish));
        for each in &moves {
            prop_assert_eq!(format!("{:?}", needed.play(each)), format!("{:?}", all.play(each)), "after {:?}", each);
            prop_assert_eq!(format!("{:?}", needed.state()), format!("{:?}", all.state()), "after {:?}", each);
        }
    }

    #[test]
    fn one_more_fault_never_makes_the_score_better(moves in any_day()) {
        let mut day = Day::begin();
        day.play_all(&moves);
        if let Some(state) = day.state() {
            score_is_monotone(&state.readings)?;
        }
    }

    /// What does not show in the readings of one moment: a hub that dies takes readings with it.
    #[test]
    fn a_hub_that_answers_cannot_raise_its_score_by_dying(moves in any_day()) {
        let mut day = Day::begin();
        day.play_all(&moves);
        for each in [Move::Process(day::Look::Same), Move::Api(day::Answer::Same)] {
            day.play(&each);
        }
        let Some(before) = day.state() else { return Ok(()) };
        prop_assume!(before.servers.iter().all(|t| t.verdict != Verdict::Hidden));
        let is_well = |id: &str| before.readings.iter().any(|r| r.id.as_str() == id && r.health == Health::Healthy);
        prop_assume!(is_well("hub-servers/api") && is_well("hub-servers/process"));
        for each in [Move::Exit(day::Who::Hub), Move::Process(day::Look::Gone), Move::Api(day::Answer::Fails("refused"))] {
            day.play(&each);
        }
        let after = day.state().expect("the target is still watched");
        prop_assert_eq!(after.health, Health::Failing);
        prop_assert!(after.score.points <= before.score.points, "{:?} became {:?}", before.score, after.score);
    }

    /// Advice, facts and expected failures: taking them all away changes neither score nor health.
    #[test]
    fn only_what_is_judged_counts(moves in any_day()) {
        let mut day = Day::begin();
        day.play_all(&moves);
        let Some(state) = day.state() else { return Ok(()) };
        let judged: Vec<_> = state.readings.iter().filter(|r| r.standing == Standing::Judged).cloned().collect();
        prop_assert_eq!(plain_health(&judged), state.health);
        // A process that is a fact (on another machine) still says that this is a hub with an API.
        if judged.iter().any(|r| r.id.as_str() == "hub-servers/api") {
            prop_assert_eq!(score(&judged), state.score.clone());
        }
    }

    /// Every kept sample is of a moment that has passed, and in no check are two kept without a change
    /// of health within less than half of the shortest interval.
    #[test]
    fn history_keeps_its_pace(moves in any_day()) {
        let mut day = Day::begin();
        let mut last: BTreeMap<String, (i64, Health)> = BTreeMap::new();
        for each in &moves {
            let samples = day.play(each).into_iter().filter_map(|effect| match effect {
                Effect::Keep(Record::Samples(_, samples)) => Some(samples),
                _ => None,
            });
            for sample in samples.flatten() {
                prop_assert!(sample.at <= day.now());
                let id = sample.id.to_string();
                let is_series = id.starts_with("logging/lines/") || id.ends_with("/turn");
                let is_rare = id.starts_with("meta-tool-clients/") || id.starts_with("filtering-sessions/");
                let here = (sample.at.as_millis(), sample.health);
                if let Some((at, health)) = last.insert(id.clone(), here).filter(|_| !is_series && !is_rare) {
                    prop_assert!(health != here.1 || here.0 - at >= 5000 || day.was_forgotten(), "{id}: {at} and {}", here.0);
                }
            }
        }
    }
}
