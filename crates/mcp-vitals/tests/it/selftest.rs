//! `selftest`: faults in labs of our own, seen by the built binary's own monitoring.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::product::{Home, Running};
use crate::{procs, said, wait};

/// Far more than saying no takes.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Far more than two faults take.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn an_unknown_fault_is_refused_with_those_that_there_are() {
    let ran = Home::new().run(&["selftest", "--fault", "hub-killed", "--fault", "no-such"], AT_ONCE);
    said::assert_no_panic(&ran);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("no fault is called 'no-such'; there are hub-killed, hub-stopped, "), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

/// Nothing that was started for this user lives.
fn assert_nothing_left(home: &Home) {
    let mine = home.path().display().to_string();
    wait::until("every process to be gone", AT_ONCE, || procs::with_variable("HOME", &mine).next().is_none().then_some(()));
}

#[test]
fn a_lie_and_a_broken_api_are_seen_in_labs_that_leave_nothing_behind() {
    let home = Home::new();
    let arguments =
        ["selftest", "--fault", "server-killed", "--fault", "api-html", "--lanes", "2", "--format", "json", "--out", "out"];
    let ran = home.run(&arguments, PATIENCE);
    said::assert_no_panic(&ran);
    let matrix = said::json(&ran);
    assert_eq!((ran.code, &matrix["holds"]), (Some(0), &Value::Bool(true)), "{ran:?}");
    let verdicts: Vec<_> =
        matrix["faults"].as_array().expect("faults").iter().map(|f| (&f["fault"], &f["seen"]["kind"])).collect();
    assert_eq!(
        verdicts,
        [(&Value::from("api-html"), &Value::from("api")), (&Value::from("server-killed"), &Value::from("ghost"))]
    );
    assert!(matrix["probes"].as_u64().is_some_and(|n| n > 20), "{}", matrix["probes"]);
    let kept: Value =
        serde_json::from_str(&fs::read_to_string(home.path().join("out/selftest.json")).expect("written")).expect("JSON");
    assert_eq!(kept, matrix);
    let page = fs::read_to_string(home.path().join("out/selftest.md")).expect("written");
    assert!(page.contains("2 of 2 faults as expected") && page.contains("| `server-killed` |"), "{page}");
    assert!(ran.stderr.contains("✓ server-killed"), "progress beside the JSON: {}", ran.stderr);
    assert_nothing_left(&home);
    assert!(!home.path().join(".local").exists(), "the user's own folders are not touched");
}

#[test]
fn an_interrupted_proof_ends_its_labs_and_is_no_proof() {
    let home = Home::new();
    let running = Running::start(home.mcp_vitals(&["selftest", "--fault", "log-flood"]));
    let mine = home.path().display().to_string();
    wait::until("the lab to run", AT_ONCE, || (procs::with_variable("HOME", &mine).count() > 2).then_some(()));
    running.signal(Signal::INT);
    let ran = running.wait(AT_ONCE * 3);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stdout.contains("not tried: the proof ended before") || ran.stdout.contains("does not hold"), "{ran:?}");
    assert!(ran.stderr.contains("interrupted"), "{ran:?}");
    assert_nothing_left(&home);
}
