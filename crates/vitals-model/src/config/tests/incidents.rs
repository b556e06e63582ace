//! What an operator says about incidents: policies by pattern, windows of maintenance.

use std::time::Duration;

use super::{errors, settings};
use crate::check::CheckId;
use crate::config::{CheckPolicy, IncidentSettings};
use crate::time::Timestamp;

#[test]
fn the_most_precise_pattern_counts_and_a_target_adds_to_the_defaults() {
    let settings = settings(
        r#"
defaults:
  checks:
    "*": {failures: 2}
    "hub-servers/*": {failures: 3, successes: 4}
    "hub-servers/*/call": {failures: 5}
targets:
  - name: one
    hub: http://127.0.0.1:1
    checks:
      "hub-servers/*": {successes: 9}
"#,
    );
    let of = |id: &str| {
        let policy = settings.targets["one"].settings.policy(&CheckId::from_stored(id));
        (policy.failures, policy.successes)
    };
    assert_eq!(of("hub-servers/fs/call"), (5, 1));
    assert_eq!(of("hub-servers/api"), (3, 9), "key by key over the defaults");
    assert_eq!(of("logging/file"), (2, 1));
    let defaults = settings.defaults.policy(&CheckId::from_stored("hub-servers/api"));
    assert_eq!(defaults, CheckPolicy { failures: 3, successes: 4, ..CheckPolicy::default() });
}

#[test]
fn reminders_are_every_four_hours_unless_they_are_off() {
    let of = |text: &str| settings(text).defaults.incidents.clone();
    assert_eq!(of(""), IncidentSettings { reopen: Some(Duration::from_secs(60)), reminder: Some(Duration::from_secs(14_400)) });
    let off = of("defaults: {incidents: {reopen: off, reminder: off}}");
    assert_eq!(off, IncidentSettings { reopen: None, reminder: None });
}

#[test]
fn a_window_is_once_or_again() {
    let settings = settings(
        "
defaults:
  maintenance:
    nightly: {cron: 0 2 * * *, for: 30m, checks: hub-llm/*}
    move: {from: 2026-12-24T18:00:00Z, to: 2026-12-27T06:00:00Z}
",
    );
    let until = |name: &str, now: &str| settings.defaults.maintenance[name].until(Timestamp::parse(now).unwrap());
    assert_eq!(until("nightly", "2026-11-22T02:10:00Z"), Timestamp::parse("2026-11-22T02:30:00Z"));
    assert_eq!(until("nightly", "2026-11-22T02:30:00Z"), None);
    assert_eq!(until("move", "2026-12-25T00:00:00Z"), Timestamp::parse("2026-12-27T06:00:00Z"));
    assert!(!settings.defaults.maintenance["nightly"].checks.matches("hub-servers/api"));
}

#[test]
fn what_can_never_hold_is_refused() {
    let shown = errors(
        r#"
defaults:
  checks:
    "": {}
    "a": {flap_start: 20, flap_stop: 30}
    "b": {failures: 0, hysteresis: 101}
  maintenance:
    never: {checks: "*"}
    backward: {from: 2026-12-27T06:00:00Z, to: 2026-12-24T18:00:00Z}
    wrong: {cron: 0 25 * * *, for: 2d, from: tomorrow}
"#,
    );
    for words in [
        "a pattern of checks is empty",
        "`a` stops to flap above where it begins",
        "`failures` must be at least 1, not 0",
        "`hysteresis` must be at most 100, not 101",
        "`never` never holds",
        "`backward` never holds",
        "`cron` has no hour in `25`",
        "`for` must be at most 1d, not 2d",
        "`from` must be an instant, not `tomorrow`",
    ] {
        assert!(shown.contains(words), "{words:?} is not in\n{shown}");
    }
}
