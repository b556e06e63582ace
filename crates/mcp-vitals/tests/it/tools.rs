//! `tools pin|diff|approve` against a lab and against the real hub: what was approved, what changed, and that a
//! bad lock file loses nothing.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::hub::{Options, RealHub};
use crate::product::{Home, Ran, Running};
use crate::wait;

/// How long a lab may take to start, on a busy machine.
const START_MAX: Duration = Duration::from_secs(20);

/// How long anything else may take.
const LONG: Duration = Duration::from_secs(30);

const LOCK: &str = "mcp-vitals.lock";

fn tools(home: &Home, arguments: &[&str]) -> Ran {
    home.run(&[&["tools"], arguments].concat(), LONG)
}

fn fault(home: &Home, arguments: &[&str]) {
    let ran = home.run(&[&["lab", "fault"], arguments].concat(), LONG);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// Runs `tools diff` until it ends with this code: the hub takes a moment to list what its servers have.
fn diff(home: &Home, code: i32) -> Ran {
    wait::until_now_and_then("the hub's list", LONG, || Some(tools(home, &["diff"])).filter(|ran| ran.code == Some(code)))
}

#[test]
fn what_changes_is_told_with_its_meaning_and_approved_tool_by_tool() {
    let home = Home::new();
    let mut lab = Running::start(home.mcp_vitals(&["lab"]));
    lab.expect_line("hub  ", START_MAX);
    let none = tools(&home, &["diff"]);
    assert_eq!(none.code, Some(3), "{}", none.stdout);
    assert!(none.stderr.contains("there is no mcp-vitals.lock: write it with `mcp-vitals tools pin`"), "{}", none.stderr);

    let pinned = tools(&home, &["pin"]);
    assert_eq!(pinned.code, Some(0), "{}", pinned.stderr);
    assert!(pinned.stdout.starts_with("pinned ") && pinned.stdout.ends_with(" in mcp-vitals.lock\n"), "{}", pinned.stdout);
    let first = fs::read_to_string(home.path().join(LOCK)).expect("the lock file");
    assert_eq!(tools(&home, &["pin"]).stdout, "mcp-vitals.lock is as it was\n");
    let same = tools(&home, &["diff"]);
    assert_eq!(same.code, Some(0), "{}{}", same.stdout, same.stderr);

    fault(&home, &["inject", "schema-drift", "--server", "filesystem"]);
    let drifted = diff(&home, 2);
    let required = "breaking           read_text_file inputSchema request_reason: new required property `request_reason`";
    assert!(drifted.stdout.contains(required), "{}", drifted.stdout);
    let json = tools(&home, &["diff", "--format", "json"]);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    let server = &json["servers"].as_array().expect("servers").iter().find(|s| s["name"] == "filesystem").expect("it")["tools"];
    let names: Vec<_> = server.as_array().expect("tools").iter().filter_map(|tool| tool["tool"].as_str()).collect();
    assert_eq!((&json["exit_code"], names.len(), &server[0]["meaning"]), (&2.into(), 2, &"breaking".into()), "{json:#}");
    // A look judges by the same file.
    let check = home.run(&["check", "--no-history"], LONG);
    assert!(check.stdout.contains("since pinned; breaking: ") && check.code == Some(1), "{}", check.stdout);

    let one = tools(&home, &["approve", &format!("filesystem/{}", names[0])]);
    assert_eq!(one.code, Some(0), "{}", one.stderr);
    assert!(one.stdout.contains("redefined (breaking)\napproved 1 tool in mcp-vitals.lock"), "{}", one.stdout);
    assert!(!diff(&home, 2).stdout.contains(required));
    assert_eq!(tools(&home, &["approve", "filesystem"]).code, Some(0));
    assert_eq!(tools(&home, &["diff"]).code, Some(0));
    for nobody in ["nobody", "filesystem/no_such_tool"] {
        assert_eq!(tools(&home, &["approve", nobody]).code, Some(3), "{nobody}");
    }

    fault(&home, &["clear", "--all"]);
    diff(&home, 2);
    assert_eq!(tools(&home, &["approve"]).code, Some(0));
    assert_eq!(fs::read_to_string(home.path().join(LOCK)).expect("the lock file"), first, "the same tools are the same file");
    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
}

#[test]
fn orders_in_a_description_are_told_by_their_signs() {
    let home = Home::new();
    let mut lab = Running::start(home.mcp_vitals(&["lab"]));
    lab.expect_line("hub  ", START_MAX);
    assert_eq!(tools(&home, &["pin"]).code, Some(0));
    fault(&home, &["inject", "description-injected", "--server", "echo"]);
    let told = diff(&home, 2);
    for sign in ["order-tag", "secret-file", "concealment"] {
        assert!(told.stdout.contains(&format!("description: {sign} “")), "{sign} is not in {}", told.stdout);
    }
    assert!(told.stdout.contains("text-only "), "{}", told.stdout);
    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
}

#[test]
fn a_lock_file_that_cannot_be_read_is_told_and_left_as_it_is() {
    let home = Home::new();
    home.configure("version: 1\ndefaults:\n  lock: other.lock\n");
    let mut lab = Running::start(home.mcp_vitals(&["lab"]));
    lab.expect_line("hub  ", START_MAX);
    assert_eq!(tools(&home, &["pin"]).code, Some(0));
    let path = home.path().join("other.lock");
    let good = fs::read_to_string(&path).expect("the configuration names the file");
    let bad = format!("<<<<<<< HEAD\n{good}=======\n{good}>>>>>>> theirs\n");
    fs::write(&path, &bad).expect("a file of ours");
    for command in ["diff", "pin", "approve"] {
        let ran = tools(&home, &[command]);
        assert_eq!(ran.code, Some(3), "{command}: {}", ran.stdout);
        assert!(
            ran.stderr.contains("other.lock") && ran.stderr.contains("line 1: an unresolved merge conflict"),
            "{}",
            ran.stderr
        );
        assert_eq!(fs::read_to_string(&path).expect("the file"), bad);
    }
    let check = home.run(&["check", "--no-history"], LONG);
    assert!(check.stdout.contains("line 1: an unresolved merge conflict") && check.code == Some(1), "{}", check.stdout);
    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
}

#[test]
fn a_watch_hears_of_an_approval_by_itself() {
    let home = Home::new();
    home.configure("version: 1\ndefaults:\n  schedule: {light: 1s, discovery: 1s}\n");
    let mut lab = Running::start(home.mcp_vitals(&["lab"]));
    lab.expect_line("hub  ", START_MAX);
    assert_eq!(tools(&home, &["pin"]).code, Some(0));
    fault(&home, &["inject", "schema-drift", "--server", "filesystem"]);
    diff(&home, 2);
    let mut watch = Running::start(home.mcp_vitals(&["watch", "--no-history", "--format", "json"]));
    let opened = watch.expect_line("\"drifted\"", LONG);
    assert!(opened.contains("since pinned; breaking: "), "{opened}");
    assert_eq!(tools(&home, &["approve"]).code, Some(0));
    watch.expect_line("\"resolved\"", LONG);
    watch.signal(Signal::TERM);
    assert_eq!(watch.wait(LONG).code, Some(0));
    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
}

#[test]
fn the_tools_of_the_real_hub_are_pinned_and_have_no_sign_of_orders() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let looked = hub.home.run(&["check", "--no-history", "--format", "json"], LONG);
    let looked: Value = serde_json::from_str(&looked.stdout).expect("JSON");
    let checks = looked["targets"][0]["checks"].as_array().expect("checks");
    let of = |question: &str| -> Vec<f64> {
        let asked = checks.iter().filter(|check| check["id"].as_str().is_some_and(|id| id.ends_with(question)));
        asked.filter_map(|check| check["value"].as_f64()).collect()
    };
    assert_eq!(of("/signs"), [0.0, 0.0], "{checks:#?}");
    assert!(of("/tokens").len() == 3 && of("/tokens").iter().all(|tokens| *tokens > 500.0), "{:?}", of("/tokens"));
    assert_eq!(tools(&hub.home, &["pin"]).code, Some(0));
    let same = tools(&hub.home, &["diff"]);
    assert_eq!(same.code, Some(0), "{}{}", same.stdout, same.stderr);
}
