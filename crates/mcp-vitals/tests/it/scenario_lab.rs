//! `scenario` on a lab of its own: what only a lab can lose, an honest hub beside a lying one, and faults that a
//! scenario must find.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::hub::free_port;
use crate::product::{Home, Running};
use crate::{procs, said};

/// Far more than any of these takes on a busy machine; the lying hub alone takes 30 s.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs scenarios as JSON: the exit code, and each run with its outcome.
fn run(home: &Home, arguments: &[&str]) -> (i32, Vec<(String, String)>, Value) {
    let ran = home.run(&[&["scenario", "run", "--format", "json"], arguments].concat(), PATIENCE);
    said::assert_no_panic(&ran);
    let report = said::json(&ran);
    let runs = report["runs"].as_array().expect("runs").iter();
    let outcomes = runs.map(|r| (said::text(r, "scenario").to_owned(), said::text(r, "outcome").to_owned())).collect();
    (ran.code.expect("it was not killed"), outcomes, report)
}

/// Fails when a process of this user lives on.
fn assert_nothing_left(home: &Home) {
    let left: Vec<u32> = procs::with_variable("HOME", &home.path().display().to_string()).collect();
    assert_eq!(left, [0; 0], "processes of this user that live on");
}

#[test]
fn an_honest_lab_passes_what_only_a_lab_can_lose() {
    let home = Home::new();
    let names = ["session-isolation", "session-cleanup", "sse-loss", "server-crash", "llm-outage", "log-disk-full", "clients-10"];
    let (code, outcomes, report) = run(&home, &names);
    assert_eq!(code, 0, "{report:#}");
    assert!(outcomes.iter().map(|(name, _)| name.as_str()).eq(names), "{outcomes:?}");
    assert!(report["runs"].as_array().expect("runs").iter().all(|r| r["stand"] == "lab" && r["target"] == "lab"));
    assert_nothing_left(&home);
    let told = home.run(&["report"], PATIENCE);
    assert!(told.code == Some(0) && told.stdout.contains("llm-outage"), "{told:?}");
}

#[test]
fn a_lab_that_lies_fails_the_crash() {
    let home = Home::new();
    let (code, _, report) = run(&home, &["server-crash", "--persona", "npm-4.2.1"]);
    let step = &report["runs"][0]["steps"][2];
    assert_eq!((code, step["outcome"].as_str()), (2, Some("failed")), "{report:#}");
    assert!(said::text(step, "seen").contains("hub says connected"), "{step:#}");
    assert_nothing_left(&home);
}

#[test]
fn what_leaks_and_what_stays_is_found() {
    let home = Home::new();
    let port = free_port().to_string();
    let arguments = ["lab", "--persona", "honest", "--filtering", "meta-only", "--port", &port];
    let mut lab = Running::start(home.mcp_vitals(&arguments));
    lab.expect_line("break it", PATIENCE);
    let fault = |verb: &str, id: &str| {
        let ran = home.run(&["lab", "fault", verb, id], PATIENCE);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    };
    for (id, name) in [
        ("exposure-leak", "session-isolation"),
        ("exposure-leak", "concurrent-modification"),
        ("sessions-kept", "session-cleanup"),
    ] {
        let target = ["--target", &port, "--no-history"];
        let (code, _, report) = run(&home, &[&[name], &target[..]].concat());
        assert_eq!(code, 0, "{name} without a fault: {report:#}");
        fault("inject", id);
        let (code, _, report) = run(&home, &[&[name], &target[..]].concat());
        assert_eq!(code, 2, "{name} with {id}: {report:#}");
        fault("clear", id);
    }
    lab.signal(Signal::INT);
    lab.wait(PATIENCE);
    assert_nothing_left(&home);
}
