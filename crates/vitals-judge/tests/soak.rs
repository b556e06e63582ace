//! Days in simulated time: what disturbs an ordinary day opens no incident, and each real fault in the midst
//! of it opens exactly one. A few hours here; `cargo xtask drill` plays two days of a hundred seeds.
#![expect(clippy::expect_used, reason = "what cannot be generated must fail the test")]

use std::time::Duration;

use subject::Watch;
use vitals_sim::drill::{Outcome, Plan, run};
use vitals_sim::fault::Fault;
use vitals_sim::world::{Setting, World};

#[path = "soak/subject.rs"]
mod subject;

fn assert_met(outcome: &Outcome) {
    assert!(outcome.events > 1000, "seed {}: {} events are no soak", outcome.seed, outcome.events);
    assert!(outcome.false_ones.is_empty(), "seed {}: false: {:#?}", outcome.seed, outcome.false_ones);
    let missed: Vec<_> = outcome.missed().collect();
    assert!(missed.is_empty(), "seed {}: missed: {missed:#?}", outcome.seed);
}

fn one_fault(fault: Fault) {
    let fits = |seed: &u64| fault.fits(&World::new(Setting::of(*seed)));
    let seed = (40 + fault as u64..).find(fits).expect("a seed for every fault");
    let outcome = run(&Plan::of_fault(Setting::of(seed), fault), Watch::begin);
    assert_eq!(outcome.faults.len(), 1);
    assert_met(&outcome);
}

#[test]
fn a_hub_killed() {
    one_fault(Fault::HubKilled);
}
