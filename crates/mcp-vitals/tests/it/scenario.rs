//! `scenario` against the real hub: what passes, what a lying hub fails, what is refused, what is left behind.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::hub::{Options, RealHub, Server, free_port};
use crate::product::{Home, Ran, Running};
use crate::{procs, said, wait};

/// Far more than a scenario without a fixed time takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The 30 s that a lost server has, and all around it.
const CRASH_MAX: Duration = Duration::from_secs(90);

fn run(home: &Home, arguments: &[&str], within: Duration) -> Ran {
    let ran = home.run(&[&["scenario"], arguments].concat(), within);
    said::assert_no_panic(&ran);
    said::assert_plain(&ran.stdout);
    said::assert_plain(&ran.stderr);
    ran
}

/// Runs on the hub as JSON: the exit code, and the only run.
fn judged(hub: &RealHub, name: &str, further: &[&str], within: Duration) -> (i32, Value) {
    let target = hub.port.to_string();
    let ran = run(&hub.home, &[&["run", name, "--target", &target, "--format", "json"], further].concat(), within);
    let report = said::json(&ran);
    assert_eq!((report["schema"].as_str(), &report["exit_code"]), (Some("mcp-vitals/scenario/v1"), &json!(ran.code)));
    let runs = report["runs"].as_array().expect("runs");
    assert_eq!((runs.len(), runs[0]["scenario"].as_str()), (1, Some(name)));
    (ran.code.expect("it was not killed"), runs[0].clone())
}

fn step<'a>(run: &'a Value, does: &str) -> &'a Value {
    let found = run["steps"].as_array().and_then(|steps| steps.iter().find(|s| said::text(s, "does").contains(does)));
    found.unwrap_or_else(|| panic!("no step that does `{does}` in {run:#}"))
}

fn figure(step: &Value, name: &str) -> f64 {
    said::find(&step["figures"], "name", name)["value"].as_f64().expect("a number")
}

/// Calls a tool of the server as the hub's own users do.
fn works(hub: &RealHub, server: Server) -> bool {
    let body = json!({"server_name": server.name(), "tool": "list_allowed_directories", "arguments": {}});
    hub.post("/api/servers/tools", &body).1.get("result").is_some()
}

#[test]
fn sessions_of_a_real_hub_are_isolated_cleaned_up_and_told_in_every_format() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let target = hub.port.to_string();
    let text = run(&hub.home, &["run", "session-isolation", "session-cleanup", "sse-loss", "--target", &target], PATIENCE);
    assert_eq!(text.code, Some(0), "{text:?}");
    for wanted in ["both see 27 tools", "the second session sees what it saw", "3 passed, 0 skipped, 0 failed", "PASSED"] {
        assert!(text.stdout.contains(wanted), "no `{wanted}` in {}", text.stdout);
    }
    let all_gone = || (hub.clients() == 0).then_some(());
    wait::until_now_and_then("every session to be closed", PATIENCE, all_gone);

    let junit = run(&hub.home, &["run", "session-isolation", "--target", &target, "--format", "junit"], PATIENCE);
    said::assert_xml(&junit.stdout);
    assert!(junit.code == Some(0) && junit.stdout.contains("tests=\"3\" failures=\"0\""), "{junit:?}");
    let markdown = run(&hub.home, &["run", "session-isolation", "--target", &target, "--format", "markdown"], PATIENCE);
    assert!(markdown.stdout.contains("### `session-isolation` on `hub-"), "{markdown:?}");

    let report = run_report(&hub, &["--format", "json"]);
    let scenarios = said::target(&report)["scenarios"].clone();
    let names: Vec<_> = scenarios.as_array().expect("a list").iter().map(|s| said::text(s, "scenario").to_owned()).collect();
    assert_eq!(names, ["session-isolation", "session-cleanup", "sse-loss", "session-isolation", "session-isolation"]);
    assert_eq!(report.code, Some(0), "nothing was watched, and every scenario passed");
}

fn run_report(hub: &RealHub, arguments: &[&str]) -> Ran {
    let ran = hub.home.run(&[&["report"], arguments].concat(), PATIENCE);
    said::assert_no_panic(&ran);
    ran
}

#[test]
fn five_clients_at_once_are_served_and_cost_what_is_said() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let (code, ran) = judged(&hub, "clients-5", &[], PATIENCE);
    assert_eq!((code, &ran["outcome"]), (0, &json!("passed")), "{ran:#}");
    let load = step(&ran, "all of them at once");
    assert_eq!([&load["figures"][0]["value"], &load["figures"][1]["value"]], [50.0, 0.0], "requests and errors: {load:#}");
    assert!(figure(load, "list p50") <= figure(load, "list p99") && figure(load, "call p95") > 0.0, "{load:#}");
    let close = step(&ran, "close the sessions");
    assert_eq!(said::find(&close["figures"], "name", "closed")["value"], 5.0);
    assert!(figure(close, "log grew by") > 100_000.0, "this hub answers each closed session with a storm: {close:#}");
    assert_eq!(hub.clients(), 0);
}

#[test]
fn a_crash_that_the_hub_denies_fails_with_its_words_and_is_mended() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let killed = hub.server_pid(Server::Filesystem);
    let further = ["--allow-destructive", "--server", "filesystem"];
    let (code, ran) = judged(&hub, "server-crash", &further, CRASH_MAX);
    assert_eq!((code, &ran["outcome"]), (2, &json!("failed")), "{ran:#}");
    assert!(said::text(step(&ran, "kill the process"), "seen").contains(&format!("process {killed} has ended")), "{ran:#}");
    let back = step(&ran, "every second");
    let seen = "hub says connected, 14 tools; calls answer \"Not connected\" for 30.0 s";
    assert_eq!((&back["outcome"], &back["seen"]), (&json!("failed"), &json!(seen)));
    assert!(back["took_ms"].as_f64().is_some_and(|ms| ms >= 30_000.0), "{back:#}");
    assert!(said::text(step(&ran, "what clients were told"), "seen").contains("by the tool's answer"), "{ran:#}");
    assert_eq!(step(&ran, "stop and start")["outcome"], "passed");
    assert_ne!(hub.server_pid(Server::Filesystem), killed);
    assert!(works(&hub, Server::Filesystem));

    let report = run_report(&hub, &[]);
    assert!(report.stdout.contains("failed: call the tool every second: hub says connected"), "{report:?}");
    assert_eq!(report.code, Some(2), "{report:?}");
}

#[test]
fn a_crash_that_is_interrupted_is_mended_too() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let killed = hub.server_pid(Server::Filesystem);
    let target = hub.port.to_string();
    let arguments = ["scenario", "run", "server-crash", "--target", &target, "--allow-destructive", "--server", "filesystem"];
    let running = Running::start(hub.home.mcp_vitals(&arguments));
    wait::until("the server to be killed", PATIENCE, || procs::find(killed).is_none().then_some(()));
    running.signal(Signal::INT);
    let ran = running.wait(PATIENCE);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stdout.contains("skipped: stopped before its end") && ran.stderr.contains("stopping:"), "{ran:?}");
    wait::until_now_and_then("the server to work again", PATIENCE, || works(&hub, Server::Filesystem).then_some(()));
    wait::until_now_and_then("every session to be closed", PATIENCE, || (hub.clients() == 0).then_some(()));
}

#[test]
fn what_breaks_a_hub_needs_leave_and_what_cannot_be_done_is_skipped() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let (target, killed) = (hub.port.to_string(), hub.server_pid(Server::Filesystem));
    let refused = run(&hub.home, &["run", "session-cleanup", "server-crash", "--target", &target], PATIENCE);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), ""), "nothing is run: {refused:?}");
    assert!(refused.stderr.contains("server-crash is destructive") && refused.stderr.contains("--allow-destructive"));
    assert_eq!(hub.find_server(Server::Filesystem), Some(killed));

    for (name, why) in [("llm-outage", "cannot be taken away from outside"), ("log-disk-full", "cannot be filled from outside")] {
        let (code, ran) = judged(&hub, name, &["--allow-destructive"], PATIENCE);
        assert_eq!((code, &ran["outcome"]), (3, &json!("skipped")), "{ran:#}");
        assert!(ran["steps"].as_array().expect("steps").iter().all(|s| said::text(s, "seen").contains(why)), "{ran:#}");
    }
}

#[test]
fn a_watch_that_holds_the_history_keeps_what_a_scenario_left() {
    let Some(hub) = RealHub::start(Options { servers: vec![Server::Filesystem], ..Options::default() }) else { return };
    hub.home.configure("version: 1\ndefaults:\n  schedule: {light: 1s}\n");
    let mut watch = Running::start(hub.home.mcp_vitals(&["watch"]));
    watch.expect_note("watching", PATIENCE);
    let held = hub.home.path().join(".local/state/mcp-vitals/history.db");
    wait::until("the history", PATIENCE, || held.exists().then_some(()));
    let (code, _) = judged(&hub, "session-isolation", &[], PATIENCE);
    assert_eq!(code, 0);
    wait::until_now_and_then("the watch to keep it", PATIENCE, || {
        run_report(&hub, &[]).stdout.contains("session-isolation").then_some(())
    });
    watch.signal(Signal::INT);
    assert_eq!(watch.wait(PATIENCE).code, Some(0));
}

#[test]
fn the_list_says_what_each_does_and_an_unknown_name_is_3() {
    let home = Home::new();
    let list = run(&home, &["list"], PATIENCE);
    assert!(list.code == Some(0) && list.stdout.contains("destructive: it kills a server's process"), "{list:?}");
    let view = said::json(&run(&home, &["list", "--format", "json"], PATIENCE));
    let scenarios = view["scenarios"].as_array().expect("a list");
    assert_eq!(scenarios.len(), 12);
    assert!(scenarios.iter().all(|s| s["steps"].as_array().is_some_and(|steps| !steps.is_empty())));
    let unknown = run(&home, &["run", "no-such-thing"], PATIENCE);
    assert!(unknown.code == Some(3) && unknown.stderr.contains("known are session-isolation"), "{unknown:?}");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let failed = run(&home, &["run", "clients-5", "--target", &nobody, "--no-history"], PATIENCE);
    assert!(failed.code == Some(2) && failed.stdout.contains("refused"), "{failed:?}");
    assert!(!home.path().join(".local/state/mcp-vitals").exists(), "nothing was to be kept");
    let single = run(&home, &["run", "soak", "--mcp", &nobody], PATIENCE);
    assert!(single.code == Some(3) && single.stderr.contains("scenarios are run on hubs"), "{single:?}");
}
