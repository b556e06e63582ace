//! Tests of lists of expected failures.

use std::time::Duration;

use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::score::Score;
use vitals_model::snapshot::TargetState;
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::time::Timestamp;

use super::*;

fn reading(id: &str, health: Health, standing: Standing) -> Reading {
    Reading {
        id: CheckId::from_stored(id),
        point: Point::HubServers,
        health,
        standing,
        value: None,
        unit: Unit::Count,
        threshold: None,
        summary: "seen".to_owned(),
        evidence: Vec::new(),
        hint: String::new(),
        cause: None,
        at: Timestamp::default(),
        took: Duration::ZERO,
        since: Timestamp::default(),
    }
}

fn target(id: &str, readings: Vec<Reading>) -> Arc<TargetState> {
    let address = Address::Hub { url: "http://127.0.0.1:1".to_owned() };
    Arc::new(TargetState {
        health: crate::monitor::health(&readings),
        score: Score { points: Some(1), deductions: Vec::new() },
        readings,
        ..TargetState::unmeasured(Target { id: TargetId::new(id), address, origin: Origin::Configured, settings: Arc::default() })
    })
}

/// One good check, one that fails, one that could not be measured, a piece of advice.
fn snapshot() -> Snapshot {
    let readings = vec![
        reading("hub-servers/api", Health::Healthy, Standing::Judged),
        reading("hub-servers/github/truth", Health::Failing, Standing::Judged),
        reading("hub-servers/github/call", Health::Degraded, Standing::Judged),
        reading("hub-llm/key", Health::Unknown, Standing::Judged),
        reading("hub-servers/exposure", Health::Degraded, Standing::Advice),
    ];
    let second = vec![reading("hub-servers/api", Health::Healthy, Standing::Judged)];
    Snapshot { targets: vec![target("a", readings), target("b", second)], ..Snapshot::default() }
}

fn applied(list: &str) -> (Snapshot, Vec<String>) {
    let mut snapshot = snapshot();
    let stale = apply(&mut snapshot, &read(list).expect("a list"));
    (snapshot, stale.iter().map(|stale| format!("{} {}", stale.entry.line, stale.why)).collect())
}

#[test]
fn what_is_expected_does_not_fail_and_what_is_not_does() {
    let (all, stale) = applied("# known\n\nhub-servers/github/*  # no token in CI\n");
    assert_eq!((all.health(), stale.len()), (Health::Healthy, 0));
    let truth = &all.targets[0].readings[1];
    assert_eq!((truth.standing, truth.summary.as_str()), (Standing::Expected, "seen (expected: no token in CI)"));
    assert_eq!(truth.health, Health::Failing, "what is so is still shown");
    assert_eq!(all.targets[0].score.points, Some(100));

    let (one, stale) = applied("hub-servers/github/truth # no token");
    assert_eq!((one.health(), stale.len()), (Health::Degraded, 0), "the call is on no list");
}

#[test]
fn an_entry_that_nothing_fails_for_is_stale() {
    for (entry, stale) in [
        ("hub-servers/api", vec!["1 it passes"]),
        ("hub-servers/gone/truth", vec!["1 there is no such check"]),
        ("hub-servers/exposure", vec!["1 it passes"]),
        ("hub-llm/key", vec![]),
        ("hub-servers/*", vec![]),
    ] {
        assert_eq!(applied(&format!("{entry} # why")).1, stale, "{entry}");
    }
}

#[test]
fn a_check_that_could_not_be_measured_is_as_unknown_as_before() {
    let (all, _) = applied("hub-llm/key # quota");
    assert_eq!(all.targets[0].readings[3].standing, Standing::Judged);
}

#[test]
fn a_list_says_where_it_cannot_be_used() {
    let error = |list: &str| read(list).expect_err("no list").to_string();
    assert!(error("# fine\nhub-servers/api").starts_with("line 2: `hub-servers/api` has no reason"));
    assert!(error("hub-servers/api #").starts_with("line 1: `hub-servers/api` has no reason"));
    assert!(error("a b # why").starts_with("line 1: `a b` is more than one check"));
    assert_eq!(error(&"a # b\n".repeat(ENTRIES_MAX + 1)), "more than 1000 entries");
    let entries = read("hub-servers/c#/call\t# its name has the sign").expect("a list");
    assert_eq!((entries[0].checks.as_str(), entries[0].reason.as_str()), ("hub-servers/c#/call", "its name has the sign"));
}
