//! Days in simulated time: what disturbs an ordinary day opens no incident, and each real fault in the midst
//! of it opens exactly one. A few hours here; `cargo xtask drill` plays two days of a hundred seeds.
#![expect(clippy::expect_used, reason = "what cannot be generated must fail the test")]

use std::time::Duration;

use proptest::prelude::*;
use subject::Watch;
use vitals_judge::monitor::Thrift;
use vitals_sim::drill::{Outcome, Plan, Subject as _, run};
use vitals_sim::fault::Fault;
use vitals_sim::world::{Setting, World};

#[path = "soak/subject.rs"]
mod subject;

fn assert_met(outcome: &Outcome) {
    assert!(outcome.events > 500, "seed {}: {} events are no soak", outcome.seed, outcome.events);
    assert!(outcome.false_ones.is_empty(), "seed {}: false: {:#?}", outcome.seed, outcome.false_ones);
    let missed: Vec<_> = outcome.missed().collect();
    assert!(missed.is_empty(), "seed {}: missed: {missed:#?}", outcome.seed);
}

/// The leak takes hours to be seen, the flapping an hour to be over: those are the drill's.
fn one_fault(fault: Fault) {
    let fits = |seed: &u64| fault.fits(&World::new(Setting::of(*seed)));
    let seed = (fault as u64..100).find(fits).expect("a seed for every fault");
    let outcome = run(&Plan::of_fault(Setting::of(seed), fault), Watch::begin);
    assert_eq!(outcome.faults.len(), 1);
    assert_met(&outcome);
}

#[test]
fn nothing_is_told_of_half_an_hour_with_noise() {
    assert_met(&run(&Plan::healthy(Setting::of(7), Duration::from_secs(1800)), Watch::begin));
}

#[test]
fn a_killed_server_is_told_once() {
    one_fault(Fault::ServerKilled);
}

#[test]
fn a_hung_server_is_told_once() {
    one_fault(Fault::ServerHung);
}

#[test]
fn a_killed_hub_is_told_once() {
    one_fault(Fault::HubKilled);
}

#[test]
fn a_slow_api_is_told_once() {
    one_fault(Fault::ApiSlow);
}

#[test]
fn a_silent_log_is_told_once() {
    one_fault(Fault::LogSilent);
}

#[test]
fn a_machine_short_of_cores_is_told_once() {
    one_fault(Fault::ShortOfCores);
}

#[test]
fn a_machine_short_of_memory_is_told_once() {
    one_fault(Fault::ShortOfMemory);
}

/// The hub that suffers from its machine has no incident of its own: what it suffers is listed with the machine's.
#[test]
fn what_a_hub_suffers_from_its_machine_follows_from_that() {
    let mut world = World::new(Setting::of(2));
    let mut watch = Watch::begin(world.target(), world.clock());
    for until_s in [300, 420] {
        while let Some((now, happened)) = world.next(Duration::from_secs(until_s)) {
            watch.take(now, happened).looks.into_iter().for_each(|probe| world.ask(probe));
        }
        world.begin(Fault::ShortOfCores);
    }
    let snapshot = watch.0.snapshot(world.clock());
    let open: Vec<_> = snapshot.targets.iter().flat_map(|target| &target.open).collect();
    let [incident] = open[..] else { panic!("{open:#?}") };
    assert!(Fault::ShortOfCores.is_told_by(incident) && incident.summary.contains("short of cores"), "{incident:#?}");
    assert!(incident.ties.suppressed.iter().any(|one| one.check.as_str() == "hub-servers/api"), "{incident:#?}");
}

/// A drill finds what was not told: a subject that is blind meets no fault.
#[test]
fn a_blind_watch_fails_the_drill() {
    struct Blind;
    impl vitals_sim::drill::Subject for Blind {
        fn take(&mut self, _: vitals_model::time::Timestamp, _: vitals_sim::world::Happened) -> vitals_sim::drill::Told {
            vitals_sim::drill::Told::default()
        }
    }
    let outcome = run(&Plan::of_fault(Setting::of(1), Fault::HubKilled), |_, _| Blind);
    assert_eq!(outcome.missed().count(), 1);
    assert_eq!(outcome.slowest(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    /// On the world's own streams of events, a tick that is not judged would have changed nothing.
    #[test]
    fn a_tick_that_is_left_out_changes_nothing(seed in 0_u64..1000, fault in proptest::sample::select(&Fault::ALL[..])) {
        let mut world = World::new(Setting::of(seed));
        let (target, now) = (world.target(), world.clock());
        let mut needed = Watch::begin(target.clone(), now);
        let mut all = Watch::begin_judging(target, now, Thrift::Lavish);
        for until_s in [200, 400, 500] {
            while let Some((now, happened)) = world.next(Duration::from_secs(until_s)) {
                let told = needed.take(now, happened.clone());
                prop_assert_eq!(format!("{told:?}"), format!("{:?}", all.take(now, happened)));
                prop_assert_eq!(format!("{:?}", needed.0.snapshot(now)), format!("{:?}", all.0.snapshot(now)));
                told.looks.into_iter().for_each(|probe| world.ask(probe));
            }
            match until_s {
                200 => world.begin(fault),
                400 => world.end(fault),
                _ => {}
            }
        }
    }
}
