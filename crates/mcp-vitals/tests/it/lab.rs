//! `lab`, `lab fault` and `demo`, as a user runs them: a hub of our own, broken and mended.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::product::{Home, Running};
use crate::{procs, wait};

/// How long a lab may take to start, on a busy machine.
const START_MAX: Duration = Duration::from_secs(20);

/// How long anything else may take.
const LONG: Duration = Duration::from_secs(30);

fn folder(home: &Home) -> PathBuf {
    home.path().join(".local/state/mcp-vitals/lab")
}

/// A lab that runs, and the pid of its hub.
pub(crate) fn lab(home: &Home, more: &[&str]) -> (Running, u32) {
    let mut lab = Running::start(home.mcp_vitals(&[&["lab"], more].concat()));
    let line = lab.expect_line("hub  ", START_MAX);
    let (_, pid) = line.split_once("(pid ").expect("the line names the hub's process");
    let pid = pid.trim_end().trim_end_matches(')').parse().expect("a number");
    (lab, pid)
}

/// All that runs below a process, itself included.
fn family(pid: u32) -> Vec<u32> {
    let below = procs::children(pid).into_iter().flat_map(|child| family(child.pid));
    std::iter::once(pid).chain(below).collect()
}

fn wait_gone(pids: &[u32]) {
    wait::until("the end of every process", LONG, || {
        pids.iter().all(|pid| procs::find(*pid).is_none_or(|process| process.state == 'Z')).then_some(())
    });
}

#[test]
fn a_lab_is_found_by_itself_broken_and_mended_and_leaves_nothing() {
    let home = Home::new();
    let (lab, hub) = lab(&home, &[]);
    let whole = home.run(&["check", "--no-history"], LONG);
    assert_eq!(whole.code, Some(0), "{}{}", whole.stdout, whole.stderr);

    let injected = home.run(&["lab", "fault", "inject", "server-killed", "--server", "echo"], LONG);
    assert_eq!((injected.code, injected.stdout.as_str()), (Some(0), "server-killed in force\n"), "{}", injected.stderr);
    let broken = home.run(&["check", "--no-history"], LONG);
    assert_eq!(broken.code, Some(2), "{}", broken.stdout);
    assert!(broken.stdout.contains("GHOST  hub says connected"), "{}", broken.stdout);
    let listed = home.run(&["lab", "fault", "list", "--format", "json"], LONG);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let active: Vec<_> = listed["faults"].as_array().expect("faults").iter().filter(|f| f["active"] == true).collect();
    assert_eq!((active.len(), &active[0]["id"], &active[0]["server"]), (1, &"server-killed".into(), &"echo".into()));

    let cleared = home.run(&["lab", "fault", "clear", "--all"], LONG);
    assert_eq!((cleared.code, cleared.stdout.as_str()), (Some(0), "server-killed cleared\n"), "{}", cleared.stderr);
    let again = home.run(&["check", "--no-history"], LONG);
    assert_eq!(again.code, Some(0), "{}{}", again.stdout, again.stderr);

    let below = family(hub);
    assert!(below.len() >= 3, "hub and two servers: {below:?}");
    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
    wait_gone(&below);
    assert!(!folder(&home).exists());
}

#[test]
fn a_second_lab_is_refused_and_the_configuration_that_is_written_looks_at_the_first() {
    let home = Home::new();
    let dir = home.path().join("mine");
    let dir = dir.to_str().expect("UTF-8");
    let (lab, _) = lab(&home, &["--dir", dir, "--persona", "honest", "--filtering", "all"]);
    let second = home.run(&["lab", "--dir", dir], LONG);
    assert_eq!(second.code, Some(3));
    assert!(second.stderr.contains("another lab runs in"), "{}", second.stderr);
    let looked = home.run(&["check", "--no-history", "--config", &format!("{dir}/mcp-vitals.yaml"), "--format", "json"], LONG);
    let looked: Value = serde_json::from_str(&looked.stdout).expect("JSON");
    let target = &looked["targets"][0];
    assert_eq!((&target["id"], &target["health"]), (&"lab".into(), &"healthy".into()), "{target:#}");
    let checks: Vec<_> = target["checks"].as_array().expect("checks").iter().filter_map(|check| check["id"].as_str()).collect();
    for known in ["workspace/entry", "logging/file", "hub-llm/key"] {
        assert!(checks.contains(&known), "{known} is not in {checks:?}");
    }
    lab.signal(Signal::INT);
    assert_eq!(lab.wait(LONG).code, Some(0));
}

#[test]
fn after_a_lab_was_killed_its_hub_ends_and_its_remains_are_no_target() {
    let home = Home::new();
    let (lab, hub) = lab(&home, &[]);
    let below = family(hub);
    lab.signal(Signal::KILL);
    wait_gone(&below);
    drop(lab);
    let none = home.run(&["check", "--no-history"], LONG);
    assert_eq!(none.code, Some(3));
    assert!(none.stderr.contains("no hub found"), "{}", none.stderr);
    let refused = home.run(&["lab", "fault", "inject", "api-slow"], LONG);
    assert!(refused.stderr.contains("no lab runs in"), "{}", refused.stderr);
    let catalogue = home.run(&["lab", "fault", "list"], LONG);
    assert!(catalogue.code == Some(0) && catalogue.stdout.contains("hub-killed"), "{}", catalogue.stdout);
    let unknown = home.run(&["lab", "fault", "inject", "kill-server"], LONG);
    assert!(unknown.stderr.contains("the nearest are server-killed"), "{}", unknown.stderr);
}

#[test]
fn a_lab_that_comes_after_a_watch_is_found_and_watched() {
    let home = Home::new();
    home.configure("version: 1\ndefaults:\n  schedule: {discovery: 1s}\n");
    let mut watch = Running::start(home.mcp_vitals(&["watch", "--no-history"]));
    watch.expect_note("no hub yet", START_MAX);
    let (lab, _) = lab(&home, &[]);
    let injected = home.run(&["lab", "fault", "inject", "server-killed"], LONG);
    assert_eq!(injected.code, Some(0), "{}", injected.stderr);
    let line = watch.expect_line("OPENED", LONG);
    assert!(line.contains("hub-servers/filesystem/truth") && line.contains("ghost"), "{line}");
    watch.signal(Signal::TERM);
    assert_eq!(watch.wait(LONG).code, Some(0));
    // The end of its terminal ends a lab too, unless these tests run under `nohup`: then the lab does as well.
    lab.signal(if procs::ignores_hangup() { Signal::TERM } else { Signal::HUP });
    assert_eq!(lab.wait(LONG).code, Some(0));
    assert!(!folder(&home).exists());
}

#[test]
fn the_demo_tells_its_story_and_touches_nothing_of_the_users() {
    let home = Home::new();
    let told = home.run(&["demo"], Duration::from_secs(60));
    assert_eq!(told.code, Some(0), "{}{}", told.stdout, told.stderr);
    let mut rest = told.stdout.as_str();
    for wanted in [
        "healthy, score 100/100",
        "kills the server `filesystem`: kill -9",
        r#""name":"filesystem","status":"connected","error":null"#,
        "found after",
        "POST /api/servers/stop",
        "resolved after",
        "healthy, score 100/100",
    ] {
        let (_, after) = rest.split_once(wanted).unwrap_or_else(|| panic!("no `{wanted}` in its place in\n{}", told.stdout));
        rest = after;
    }
    let left: Vec<_> = fs::read_dir(home.path()).expect("a folder of ours").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_demo_that_is_told_to_end_takes_its_processes_with_it() {
    let home = Home::new();
    let mut demo = Running::start(home.mcp_vitals(&["demo", "--plain"]));
    demo.expect_line("the hub listens at", START_MAX);
    let below = family(demo.pid());
    assert!(below.len() >= 4, "demo, hub and two servers: {below:?}");
    demo.signal(Signal::TERM);
    assert_eq!(demo.wait(LONG).code, Some(0));
    wait_gone(&below);
}

#[test]
fn in_a_terminal_the_demo_is_the_dashboard_with_the_story_below_it() {
    let home = Home::new();
    let file = home.path().join("screen");
    let mut terminal = std::process::Command::new("script");
    home.furnish(&mut terminal);
    let line = format!("stty rows 40 cols 140; exec '{}' demo", env!("CARGO_BIN_EXE_mcp-vitals"));
    terminal.env("TERM", "xterm-256color").args(["-q", "-e", "-f", "-c", &line]).arg(&file);
    let mut shown = Running::start_with_input(terminal);
    let screen = || String::from_utf8_lossy(&fs::read(&file).unwrap_or_default()).into_owned();
    // A painting leaves out what stands there already, so single words are looked for.
    wait::until("the first screen", Duration::from_secs(2), || screen().contains("our own").then_some(()));
    wait::until("the ghost on the screen", LONG, || screen().contains("GHOST").then_some(()));
    let below = family(shown.pid());
    assert!(below.len() >= 4, "demo, hub and server: {below:?}");
    shown.type_in("q");
    let ran = shown.wait(LONG);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(screen().contains("\u{1b}[?1049l"), "the terminal is given back");
    wait_gone(&below);
}
