//! Repair with the real hub and with a lab: what is healed, how soon, how often, and when it stops.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::hub::{Options, RealHub, Server};
use crate::lab::lab;
use crate::product::{Home, Ran, Running};
use crate::wait::Stopwatch;
use crate::{procs, said, wait, watch};

/// Far more than anything here takes that has no bound of its own.
const PATIENCE: Duration = Duration::from_secs(30);

/// The bound on a remedy: from the incident to the probe that finds the server well again.
const HEALED_MAX: Duration = Duration::from_secs(5);

/// Carries out what fits.
const ACT: &str = "version: 1\ndefaults:\n  repair: {mode: act}\n";

/// Waits until a watch has healed the server that it finds ill, and says how long that took.
fn healed(watch: &mut Running, server: &str, kind: &str) -> Duration {
    let opened = watch.expect_line("OPENED", PATIENCE);
    let since = Stopwatch::start();
    assert!(opened.contains(kind) && opened.contains(server), "{opened}");
    watch.expect_line("RESOLVED", PATIENCE);
    let took = since.elapsed();
    watch.expect_note(": helped, ", PATIENCE);
    took
}

/// Ends a watch, which must have done this many things and told nothing else.
fn end(watch: Running, actions: usize) {
    watch.signal(Signal::TERM);
    let ran = watch.wait(PATIENCE);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stderr.matches("wanted by the watch").count(), actions, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches(": helped, ").count(), actions, "{}", ran.stderr);
    assert_eq!(ran.stdout.matches("OPENED").count(), actions, "{}", ran.stdout);
}

#[test]
fn a_dead_and_a_hung_server_of_the_real_hub_are_healed_within_seconds_by_one_restart_each() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    hub.home.configure(ACT);
    let mut watch = watch::begin(&hub, &[]);
    procs::signal(hub.server_pid(Server::Filesystem), Signal::KILL);
    let ghost = healed(&mut watch, "filesystem", "ghost");
    procs::signal(hub.server_pid(Server::Everything), Signal::STOP);
    let hung = healed(&mut watch, "everything", "hung");
    assert!(ghost <= HEALED_MAX && hung <= HEALED_MAX, "ghost {ghost:?}, hung {hung:?}");
    end(watch, 2);
}

#[test]
fn a_dead_and_a_hung_server_of_a_lab_are_healed_within_seconds_by_one_restart_each() {
    // A lab has one fault of this kind at a time.
    for (fault, kind) in [("server-killed", "ghost"), ("server-stopped", "hung")] {
        let home = Home::new();
        home.configure(ACT);
        let (lab, _) = lab(&home, &[]);
        let mut watch = Running::start(home.mcp_vitals(&["watch"]));
        watch.expect_note("watching", PATIENCE);
        let ran = home.run(&["lab", "fault", "inject", fault, "--server", "echo"], PATIENCE);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let took = healed(&mut watch, "echo", kind);
        assert!(took <= HEALED_MAX, "{kind} after {took:?}");
        end(watch, 1);
        drop(lab);
    }
}

fn remedy(home: &Home, arguments: &[&str]) -> Ran {
    let ran = home.run(&[&["remedy"], arguments].concat(), Duration::from_secs(90));
    said::assert_no_panic(&ran);
    ran
}

/// What the history has of what was done.
fn history(home: &Home) -> Vec<Value> {
    let ran = remedy(home, &["history", "--format", "json"]);
    said::json(&ran)["actions"].as_array().expect("actions").clone()
}

fn inject(home: &Home, fault: &str) {
    let ran = home.run(&["lab", "fault", "inject", fault], PATIENCE);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn what_does_not_help_is_tried_as_often_as_it_may_be_and_then_people_are_told_once() {
    let home = Home::new();
    home.configure(
        "version: 1\ndefaults:\n  thresholds: {start_grace: 1s}\n  repair:\n    mode: act\n    budget: 2\n    cooldown: 1s\n    \
         hub: {restart: command true}\n",
    );
    let (lab, _) = lab(&home, &[]);
    let mut watch = Running::start(home.mcp_vitals(&["watch"]));
    watch.expect_note("watching", PATIENCE);
    inject(&home, "hub-killed");
    watch.expect_line("OPENED", PATIENCE);
    watch.expect_note("repair stops: 2 tries did not help", PATIENCE);
    watch.expect_line("repair: repair stops: 2 tries did not help", PATIENCE);
    watch.expect_no_line("UPDATED", Duration::from_secs(5));
    let explained = home.run(&["explain", "hub-servers/process"], PATIENCE);
    assert!(explained.stdout.contains("2 tries did not help: a person is asked for"), "{explained:?}");
    watch.signal(Signal::TERM);
    let ran = watch.wait(PATIENCE);
    assert_eq!(ran.stderr.matches("repair stops").count(), 1, "{}", ran.stderr);
    let outcomes: Vec<_> = history(&home).iter().map(|action| action["outcome"].clone()).collect();
    assert_eq!(outcomes, ["did-not-help", "did-not-help"]);
    drop(lab);
}

#[test]
fn a_person_sees_what_would_be_done_and_has_it_done_by_the_watch_or_without_one() {
    let home = Home::new();
    let (lab, _) = lab(&home, &[]);
    assert_eq!(history(&home), Vec::<Value>::new());
    let mut watch = Running::start(home.mcp_vitals(&["watch"]));
    watch.expect_note("watching", PATIENCE);
    inject(&home, "server-killed");
    watch.expect_line("OPENED", PATIENCE);
    let planned = || {
        let ran = remedy(&home, &["plan", "--format", "json"]);
        said::json(&ran)["prospects"].as_array().filter(|all| !all.is_empty()).map(|all| all[0].clone())
    };
    let plan = wait::until_now_and_then("the incident in the history", PATIENCE, planned);
    assert_eq!(
        (&plan["incident"], &plan["held"], &plan["plan"]["remedy"]),
        (&"I1".into(), &"mode".into(), &"restart-server".into())
    );
    let dry = remedy(&home, &["apply", "I1", "--dry-run"]);
    assert!(dry.code == Some(0) && dry.stdout.contains("2. start filesystem by the hub's API"), "{dry:?}");
    let unasked = remedy(&home, &["apply", "I1"]);
    assert!(unasked.code == Some(3) && unasked.stderr.contains("--yes"), "{unasked:?}");
    assert!(remedy(&home, &["plan", "I9"]).stderr.contains("no incident I9 lasts"));
    assert_eq!(history(&home).len(), 0, "nothing was done yet");

    let done = remedy(&home, &["apply", "I1", "the disk is back", "--yes", "--author", "anna"]);
    assert!(done.code == Some(0) && done.stdout.contains("helped"), "{done:?}");
    watch.expect_line("RESOLVED", PATIENCE);
    let first = history(&home).remove(0);
    assert_eq!(
        (&first["by"], &first["remark"], &first["outcome"]),
        (&"anna".into(), &"the disk is back".into(), &"helped".into())
    );
    assert_eq!(first["evidence"].as_array().map(Vec::len), Some(2), "{first:#}");
    let told = home.run(&["explain", "I1"], PATIENCE);
    assert!(told.stdout.contains("restart the server filesystem") && told.stdout.contains("wanted by anna"), "{told:?}");

    // The same once more, and the watch ends before anybody repairs it.
    let ran = home.run(&["lab", "fault", "clear", "--all"], PATIENCE);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    inject(&home, "server-killed");
    watch.expect_line("OPENED", PATIENCE);
    watch.signal(Signal::TERM);
    assert_eq!(watch.wait(PATIENCE).code, Some(0));
    let last = wait::until_now_and_then("an incident that lasts", PATIENCE, planned)["incident"].clone();
    let done = remedy(&home, &["apply", last.as_str().expect("a number"), "--yes"]);
    assert!(done.code == Some(0) && done.stdout.contains("helped"), "{done:?}");
    let healthy = home.run(&["check", "--no-history"], PATIENCE);
    assert_eq!(healthy.code, Some(0), "{healthy:?}");
    assert_eq!(history(&home).len(), 2);
    drop(lab);
}

#[test]
fn a_watch_that_is_killed_while_it_repairs_does_not_do_so_again() {
    let home = Home::new();
    // The first of its moves outlasts the watch, and it is told whether it was made twice.
    let marks = home.path().join("marks");
    let marks = marks.to_str().expect("a plain path");
    let restart = format!("command sh -c \\\"echo made >> {marks}; exec tail -f /dev/null\\\"");
    home.configure(&format!(
        "version: 1\ndefaults:\n  thresholds: {{start_grace: 1s}}\n  repair:\n    mode: act\n    cooldown: 1h\n    hub:\n      \
         restart: \"{restart}\"\n"
    ));
    let (lab, _) = lab(&home, &[]);
    let mut first = Running::start(home.mcp_vitals(&["watch"]));
    first.expect_note("watching", PATIENCE);
    inject(&home, "hub-killed");
    let made = || std::fs::read_to_string(marks).unwrap_or_default();
    wait::until("the move", PATIENCE, || (made() == "made\n").then_some(()));
    let left: Vec<_> = procs::children(first.pid()).iter().map(|process| process.pid).collect();
    first.signal(Signal::KILL);
    first.wait(PATIENCE);
    left.into_iter().for_each(procs::kill_group);

    let mut second = Running::start(home.mcp_vitals(&["watch"]));
    second.expect_note("A1 restart the hub: did not help", PATIENCE);
    second.signal(Signal::TERM);
    let ran = second.wait(PATIENCE);
    assert_eq!((made().as_str(), ran.stderr.contains("A2")), ("made\n", false), "{}", ran.stderr);
    let actions = history(&home);
    let lines = actions[0]["evidence"].to_string();
    assert!(actions.len() == 1 && lines.contains("it is not begun again"), "{actions:#?}");
    drop(lab);
}

/// What a command has started, by the file with its group: it is in no group of the harness.
struct Again(PathBuf);

impl Drop for Again {
    fn drop(&mut self) {
        let group = std::fs::read_to_string(&self.0).ok().and_then(|text| text.trim().parse().ok());
        if let Some(group) = group {
            procs::kill_group(group);
            wait::until("the end of the hub", PATIENCE, || procs::group_members(group).is_empty().then_some(()));
        }
    }
}

#[test]
fn a_dead_hub_is_restarted_by_the_command_that_is_configured() {
    let Some(mut hub) = RealHub::start(Options::default()) else { return };
    let modules = crate::hub::modules().expect("where one hub starts");
    let program = modules.join("node_modules/.bin/mcp-hub");
    let (out, pid) = (hub.home.path().join("again.out"), hub.home.path().join("again.pid"));
    let script = hub.home.path().join("restart-hub");
    let line = format!(
        "#!/bin/sh\nnode '{}' --port {} --config '{}' > '{}' 2>&1 &\necho $$ > '{}'\n",
        program.display(),
        hub.port,
        hub.config.display(),
        out.display(),
        pid.display()
    );
    std::fs::write(&script, line).expect("a folder of ours");
    hub.home.configure(&format!(
        "version: 1\ndefaults:\n  repair:\n    mode: act\n    hub: {{restart: command sh {}}}\n",
        script.display()
    ));
    let _again = Again(pid);
    let mut watch = watch::begin(&hub, &[]);
    hub.kill();
    watch.expect_line("OPENED", PATIENCE);
    watch.expect_note("restart the hub: helped", Duration::from_secs(60));
    watch.signal(Signal::TERM);
    assert_eq!(watch.wait(PATIENCE).code, Some(0));
    wait::until_now_and_then("a hub that is ready", PATIENCE, || (hub.get("/api/health").1["state"] == "ready").then_some(()));
}
