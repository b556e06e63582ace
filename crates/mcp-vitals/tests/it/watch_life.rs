//! The life of a `watch` itself: its end, its configuration, its history, its records.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::hub::{Options, RealHub, Server};
use crate::watch::{begin, end};
use crate::{procs, said, wait};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The bound on hearing that a process was killed.
const KILLED_MAX: Duration = Duration::from_secs(1);

/// How long to listen for what must not be told: all that is told of a killed process is told in 1 s.
const SILENCE: Duration = Duration::from_secs(2);

/// The records of the one file that a watch wrote.
fn records(folder: &std::path::Path) -> Vec<Value> {
    let files: Vec<_> = fs::read_dir(folder).expect("the folder is there").flatten().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let name = files[0].file_name().into_string().expect("a plain name");
    let stamp = name.strip_prefix("health_").and_then(|n| n.strip_suffix(".jsonl")).unwrap_or_default();
    let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(shape, "99999999_999999", "{name}");
    said::json_lines(&fs::read_to_string(files[0].path()).expect("a file of ours"))
}

#[test]
fn it_ends_after_its_time_and_leaves_the_original_records() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let folder = hub.home.path().join("records");
    let recording = hub.home.path().join("recording.jsonl");
    let recording = recording.to_str().expect("a plain path");
    let folder_name = folder.to_str().expect("a plain path");
    let mut watch = begin(&hub, &["--for", "6s", "--jsonl", folder_name, "--record", recording]);
    procs::signal(hub.server_pid(Server::Filesystem), Signal::KILL);
    watch.expect_line("OPENED", KILLED_MAX);
    let ran = watch.wait(PATIENCE);
    assert!(ran.code == Some(0) && ran.took < Duration::from_secs(12), "{ran:?}");
    assert!(ran.stderr.contains("1 incident opened, 0 resolved, 1 still open"), "{}", ran.stderr);

    let shown = hub.home.run(&["dashboard", "--replay", recording, "--once"], PATIENCE);
    assert!(shown.code == Some(2) && shown.stdout.contains("GHOST") && shown.stdout.contains("I1"), "{shown:?}");
    let again = hub.home.run(&["watch", "--for", "1s", "--record", recording], PATIENCE);
    assert!(again.code == Some(3) && again.stderr.contains("cannot record into"), "{again:?}");

    let records = records(&folder);
    let of = |kind: &str| records.iter().find(|r| r["type"] == kind).unwrap_or_else(|| panic!("no {kind} in {records:?}"));
    for record in &records {
        assert!(said::text(record, "timestamp").parse::<jiff::Timestamp>().is_ok(), "{record}");
    }
    let light = of("light_check");
    for figure in ["cpu", "mem", "uptime"] {
        assert!(light[figure].as_f64().is_some_and(|n| n >= 0.0), "{figure} in {light}");
    }
    assert_eq!(said::find(&light["servers"], "name", "filesystem")["status"], "connected");
    let full = of("full_health");
    assert_eq!((&full["data"]["status"], full["data"]["servers"].as_array().map(Vec::len)), (&"ok".into(), Some(2)));
    assert!(said::text(of("critical_error"), "message").contains("ghost"), "{records:?}");
}

#[test]
fn a_hangup_reads_the_configuration_again_and_a_bad_one_changes_nothing() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let mut watch = begin(&hub, &[]);
    hub.home.configure("version: 1\ndefaults:\n  servers:\n    filesystem: {expect: down}\n");
    watch.signal(Signal::HUP);
    watch.expect_note("configuration read again", PATIENCE);
    wait::until_now_and_then("the watch to hold its sessions again", PATIENCE, || (hub.clients() == 3).then_some(()));
    procs::signal(hub.server_pid(Server::Filesystem), Signal::KILL);
    watch.expect_no_line("OPENED", SILENCE);

    hub.home.configure("version: 1\ndefaults:\n  treshold: {}\n");
    watch.signal(Signal::HUP);
    watch.expect_note("configuration not changed", PATIENCE);
    watch.expect_note("did you mean `thresholds`", PATIENCE);
    procs::signal(hub.server_pid(Server::Everything), Signal::KILL);
    let line = watch.expect_line("OPENED", KILLED_MAX);
    assert!(line.contains("ghost") && line.contains("everything"), "{line}");
    let ran = end(&hub, watch, Signal::TERM);
    assert!(!ran.stdout.contains("filesystem"), "{}", ran.stdout);
}

#[test]
fn a_second_watch_on_one_history_says_who_holds_it() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let watch = begin(&hub, &[]);
    let second = hub.home.run(&["watch", "--for", "5s"], PATIENCE);
    assert_eq!((second.code, second.stdout.as_str()), (Some(3), ""), "{second:?}");
    assert!(second.stderr.contains(&format!("process {}", watch.pid())), "{}", second.stderr);
    assert!(second.stderr.contains("--state-dir"), "it says what to do: {}", second.stderr);
    let beside = hub.home.run(&["watch", "--for", "1s", "--no-history"], PATIENCE);
    assert_eq!(beside.code, Some(0), "{beside:?}");
    hub.rest(3);
    let checked = hub.home.run(&["check"], PATIENCE);
    assert_eq!(checked.code, Some(0), "a check beside it goes on: {checked:?}");
    end(&hub, watch, Signal::INT);
}

#[test]
fn a_killed_watch_neither_forgets_nor_repeats_its_incident() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let mut first = begin(&hub, &["--format", "json"]);
    procs::signal(hub.server_pid(Server::Filesystem), Signal::KILL);
    let opened = said::json_lines(&first.expect_line("\"opened\"", KILLED_MAX)).remove(0);
    // The history promises to have what is a second old.
    first.expect_no_line("\"opened\"", KILLED_MAX);
    first.signal(Signal::KILL);
    assert_eq!(first.wait(PATIENCE).code, None);
    wait::until_now_and_then("the hub to have no client", PATIENCE, || (hub.clients() == 0).then_some(()));

    let mut second = begin_beside_a_ghost(&hub);
    second.expect_no_line("\"change\"", SILENCE);
    hub.heal(Server::Filesystem);
    let resolved = said::json_lines(&second.expect_line("\"change\"", PATIENCE)).remove(0);
    assert_eq!((&resolved["change"], &resolved["id"]), (&"resolved".into(), &opened["id"]), "{resolved:#}");
    assert_eq!(resolved["opened_at"], opened["opened_at"]);
    end(&hub, second, Signal::INT);
}

/// A ghost's uptime stays 0, so there is less to wait for.
fn begin_beside_a_ghost(hub: &RealHub) -> crate::product::Running {
    let watch = crate::product::Running::start(hub.home.mcp_vitals(&["watch", "--format", "json"]));
    wait::until_now_and_then("stream and sessions", PATIENCE, || (hub.clients() == 3).then_some(()));
    watch
}

#[test]
fn without_a_place_for_history_watching_goes_on_and_says_so() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let file = hub.home.path().join("not-a-folder");
    fs::write(&file, "in the way").expect("a folder of ours");
    let place = file.to_str().expect("a plain path");
    let mut watch = begin(&hub, &["--state-dir", place]);
    procs::signal(hub.server_pid(Server::Filesystem), Signal::KILL);
    let line = watch.expect_line("ghost", KILLED_MAX);
    assert!(line.contains("OPENED"), "{line}");
    let ran = end(&hub, watch, Signal::INT);
    let said = ran.stderr.lines().find(|l| l.contains("history") && l.contains("not kept")).unwrap_or_default();
    assert!(said.contains("watching goes on") && said.contains("not-a-folder"), "{}", ran.stderr);
    assert!(ran.stderr.contains("lost: "), "what is lost is counted: {}", ran.stderr);
    let checked = hub.home.run(&["check", "--state-dir", place], PATIENCE);
    assert!(checked.code == Some(2) && checked.stderr.contains("not kept"), "{checked:?}");
}
