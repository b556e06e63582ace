//! `check` against the real hub: what it says and how it exits, healthy and with every fault of a hub
//! that its own API hides.

use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::hub::{Options, RealHub, Server};
use crate::product::{Home, Ran, Running};
use crate::wait::Stopwatch;
use crate::{contract, procs, said, wait};

/// Far more than a check of a healthy hub takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The bound on a check of what is stopped: it may not hang with it.
const STOPPED_MAX: Duration = Duration::from_secs(15);

fn check(home: &Home, arguments: &[&str]) -> Ran {
    let ran = home.run(&[&["check"], arguments].concat(), PATIENCE);
    said::assert_no_panic(&ran);
    said::assert_plain(&ran.stdout);
    said::assert_plain(&ran.stderr);
    ran
}

/// Checks as JSON; the exit code stands in the report too.
fn judged(home: &Home, arguments: &[&str]) -> (i32, serde_json::Value) {
    let ran = check(home, &[&["--format", "json"], arguments].concat());
    let report = said::json(&ran);
    contract::assert_report(&report);
    let code = ran.code.expect("it was not killed");
    assert_eq!(report["exit_code"], code);
    (code, report)
}

#[test]
fn a_healthy_hub_is_0_in_every_format() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let home = &hub.home;
    let id = format!("hub-{}", hub.port);

    let text = check(home, &[]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""), "{text:?}");
    for wanted in [&id, "HEALTHY", "filesystem", "hub says connected, 14 tools; call answered", "This visit cost the hub"] {
        assert!(text.stdout.contains(wanted), "no `{wanted}` in {}", text.stdout);
    }
    assert!(check(home, &["--verbose"]).stdout.lines().count() > text.stdout.lines().count(), "evidence is shown");

    let (code, report) = judged(home, &[]);
    let target = &report["targets"][0];
    assert_eq!((code, &target["id"], &target["kind"], &target["score"]), (0, &json!(id), &json!("hub"), &json!(100)));
    assert_eq!(target["url"], format!("http://127.0.0.1:{}", hub.port));
    for (name, tools) in [("filesystem", 14), ("everything", 13)] {
        let server = said::server(target, name);
        assert_eq!((&server["verdict"], &server["tools"]), (&json!("agrees"), &json!(tools)), "{server}");
        assert!(server["call_ms"].as_f64().is_some_and(|ms| ms > 0.0), "a call was answered: {server}");
    }
    for point in ["hub-servers", "hub-llm", "filtering-sessions", "meta-tool-clients", "logging", "workspace"] {
        said::find(&target["checks"], "point", point);
    }
    assert_eq!(target["visit"]["sessions"], 1, "one visit, one session");

    let junit = check(home, &["--format", "junit"]);
    said::assert_xml(&junit.stdout);
    assert!(junit.code == Some(0) && junit.stdout.contains("failures=\"0\""), "{junit:?}");
    let markdown = check(home, &["--format", "markdown"]);
    assert!(markdown.code == Some(0) && markdown.stdout.contains("| filesystem | connected | agrees |"), "{markdown:?}");
    let nagios = check(home, &["--format", "nagios"]);
    let (status, values) = said::plugin_line(&nagios.stdout);
    let score = values.iter().find(|p| p.label == format!("{id}/score")).expect("the score is there");
    assert_eq!((nagios.code, status.as_str(), values.len() > 5), (Some(0), "OK", true));
    assert!((score.value - 100.0).abs() < f64::EPSILON, "{score:?}");
}

#[test]
fn a_target_is_found_by_url_name_and_port_and_an_unknown_one_is_3() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let (port, id) = (hub.port.to_string(), format!("hub-{}", hub.port));
    for named in [format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}/"), id.clone(), port] {
        let (code, report) = judged(&hub.home, &["--target", &named]);
        assert_eq!((code, &report["targets"][0]["id"]), (0, &json!(id)), "{named}: {report:#}");
    }
    let unknown = check(&hub.home, &["--target", "elsewhere"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(3), ""));
    assert!(unknown.stderr.contains("elsewhere") && unknown.stderr.contains(&id), "it says which are known: {unknown:?}");
    for wrong in [&["--target"][..], &["--format", "yaml"], &["--target", "ftp://127.0.0.1"]] {
        assert_eq!(check(&hub.home, wrong).code, Some(3), "{wrong:?}");
    }
}

#[test]
fn twenty_checks_leave_nothing_at_the_hub() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    // The first visit makes the hub load what it then keeps.
    assert_eq!(check(&hub.home, &[]).code, Some(0));
    let look = || {
        let mut servers: Vec<_> = procs::children(hub.pid()).iter().map(|p| p.pid).collect();
        servers.sort_unstable();
        (hub.clients(), hub.fds(), servers)
    };
    let before = look();
    for _ in 0..20 {
        let ran = check(&hub.home, &[]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let after = wait::poll(PATIENCE, || Some(look()).filter(|now| *now == before));
    assert_eq!(after.unwrap_or_else(look), before, "clients, files and children of the hub");
}

#[test]
fn colours_are_for_terminals_and_not_with_no_color() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    // A spinner that is taken away on a slow machine erases its line, and that is no colour.
    let coloured = |ran: &Ran| ran.stdout.replace("\u{1b}[2K", "").contains('\u{1b}');
    let always = hub.home.run(&["check", "--color", "always"], PATIENCE);
    assert!(coloured(&always) && always.code == Some(0), "{always:?}");
    let mut no_colour = hub.home.mcp_vitals(&["check"]);
    let no_colour = Running::start(on_terminal(no_colour.env("NO_COLOR", "1"))).wait(PATIENCE);
    let terminal = Running::start(on_terminal(&hub.home.mcp_vitals(&["check"]))).wait(PATIENCE);
    assert!(terminal.stdout.contains("HEALTHY") && coloured(&terminal), "{terminal:?}");
    assert!(no_colour.stdout.contains("HEALTHY") && !coloured(&no_colour), "{no_colour:?}");
}

/// The same program on a terminal of its own.
fn on_terminal(command: &std::process::Command) -> std::process::Command {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    let line: Vec<_> = words.iter().map(|w| format!("'{}'", w.to_str().expect("plain words"))).collect();
    let mut script = std::process::Command::new("script");
    script.args(["-q", "-e", "-c", &line.join(" "), "/dev/null"]).env_clear();
    script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm-256color");
    script
}

#[test]
fn a_stopped_server_is_hung_and_a_killed_one_a_ghost() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let everything = hub.server_pid(Server::Everything);
    procs::signal(everything, Signal::STOP);
    let began = Stopwatch::start();
    let (code, report) = judged(&hub.home, &[]);
    assert!(code == 2 && began.elapsed() < STOPPED_MAX, "{code} after {:?}", began.elapsed());
    let target = &report["targets"][0];
    assert_eq!(said::server(target, "everything")["verdict"], "hung", "{target:#}");
    assert_eq!(said::server(target, "filesystem")["verdict"], "agrees");
    procs::signal(everything, Signal::CONT);
    hub.rest(0);
    let (code, report) = judged(&hub.home, &[]);
    assert_eq!(code, 0, "it goes on where it stopped: {report:#}");

    procs::signal(hub.server_pid(Server::Filesystem), Signal::KILL);
    wait::until("the process to be gone", PATIENCE, || hub.find_server(Server::Filesystem).is_none().then_some(()));
    assert_eq!(hub.claim(Server::Filesystem)["status"], "connected", "the hub's word is as before");
    let (code, report) = judged(&hub.home, &[]);
    let target = &report["targets"][0];
    let ghost = said::server(target, "filesystem");
    assert_eq!((code, &ghost["verdict"], &ghost["claim"]), (2, &json!("ghost"), &json!("connected")), "{ghost}");
    assert_eq!(said::server(target, "everything")["verdict"], "agrees");
    let taken_off = target["deductions"].as_array().map(Vec::len);
    assert!(target["score"].as_u64().is_some_and(|s| s < 100) && taken_off > Some(0), "{target:#}");
    let text = check(&hub.home, &[]).stdout;
    assert!(text.contains("GHOST") && text.contains("hub says connected, 14 tools") && text.contains("→ "), "{text}");
    let to_do = said::text(said::check(target, "hub-servers/filesystem/truth"), "hint");
    assert!(to_do.contains("stop") && to_do.contains("start"), "{to_do}");
    let nagios = check(&hub.home, &["--format", "nagios"]);
    assert_eq!((nagios.code, said::plugin_line(&nagios.stdout).0.as_str()), (Some(2), "CRITICAL"));
    let junit = check(&hub.home, &["--format", "junit"]);
    said::assert_xml(&junit.stdout);
    assert!(junit.stdout.contains("<failure type=\"critical\""), "{}", junit.stdout);
    assert!(check(&hub.home, &["--format", "markdown"]).stdout.contains("| filesystem | connected | ghost |"));

    hub.home.configure("version: 1\ndefaults:\n  servers:\n    filesystem: {expect: down}\n");
    let (code, report) = judged(&hub.home, &[]);
    let expected = said::server(&report["targets"][0], "filesystem");
    assert_eq!((code, &expected["verdict"]), (0, &json!("expected-down")), "{report:#}");
    assert_eq!(report["targets"][0]["score"], 100, "what is expected is not scored");
}

#[test]
fn a_stopped_hub_is_2_in_time_and_a_killed_one_has_no_process() {
    let Some(mut hub) = RealHub::start(Options::default()) else { return };
    procs::signal(hub.pid(), Signal::STOP);
    let ran = check(&hub.home, &["--format", "json"]);
    procs::signal(hub.pid(), Signal::CONT);
    assert!(ran.code == Some(2) && ran.took < STOPPED_MAX, "{ran:?}");
    let target = said::target(&ran);
    let process = said::check(&target, "hub-servers/process");
    assert_eq!(process["health"], "failing");
    assert!(said::text(process, "summary").contains("stopped"), "{process}");
    hub.rest(0);
    let (code, report) = judged(&hub.home, &[]);
    assert_eq!(code, 0, "it goes on where it stopped: {report:#}");

    hub.kill();
    let (code, report) = judged(&hub.home, &[]);
    let process = said::check(&report["targets"][0], "hub-servers/process");
    assert_eq!((code, &process["health"]), (2, &json!("failing")), "{report:#}");
    assert!(said::text(process, "summary").contains("gone"), "{process}");
    let record = said::check(&report["targets"][0], "workspace/entry");
    assert_ne!(record["health"], "healthy", "the record that stayed behind is no proof of life: {record}");
    assert!(said::text(record, "summary").contains(&format!("pid {}", hub.pid())), "{record}");
    let text = check(&hub.home, &[]).stdout;
    assert!(text.contains("gone") && text.contains("start the hub again"), "{text}");
}

#[test]
fn a_hub_that_is_starting_is_1_and_says_for_whom_it_waits() {
    let servers = vec![Server::Filesystem, Server::Mute];
    let Some(hub) = RealHub::start(Options { servers, ..Options::default() }) else { return };
    let (code, report) = judged(&hub.home, &[]);
    let target = &report["targets"][0];
    let state = said::check(target, "hub-servers/state");
    assert_eq!((code, &state["health"]), (1, &json!("degraded")), "{report:#}");
    assert!(said::text(state, "summary").contains("waiting for mute"), "{state}");
    let filesystem = said::server(target, "filesystem");
    assert_ne!(filesystem["health"], "unknown", "the others are judged: {filesystem}");
    assert_ne!(filesystem["health"], "failing", "its process and its tools are there: {filesystem}");
}

#[test]
fn two_hubs_of_a_user_are_two_targets_also_when_one_is_dead() {
    let one = |home| RealHub::start(Options { servers: vec![Server::Filesystem], home, ..Options::default() });
    let Some(first) = one(None) else { return };
    let mut second = one(Some(Rc::clone(&first.home))).expect("where one hub starts, so does another");
    let (code, report) = judged(&first.home, &[]);
    let id = |hub: &RealHub| format!("hub-{}", hub.port);
    assert_eq!((code, report["targets"].as_array().map(Vec::len)), (0, Some(2)), "{report:#}");

    // A server takes a moment to notice that its hub is gone; until then it is an orphan, and rightly told as one.
    let left_behind = second.server_pid(Server::Filesystem);
    second.kill();
    wait::until("the end of its server", PATIENCE, || procs::find(left_behind).is_none_or(|p| p.state == 'Z').then_some(()));
    let (code, report) = judged(&first.home, &[]);
    let health = |hub: &RealHub| said::find(&report["targets"], "id", &id(hub))["health"].clone();
    assert_eq!((code, health(&first), health(&second)), (2, json!("healthy"), json!("failing")), "{report:#}");
    let (code, report) = judged(&first.home, &["--target", &id(&first)]);
    assert_eq!(code, 0, "the other one is well: {report:#}");
}

#[test]
fn no_hub_is_3_with_where_it_looked_and_what_to_do() {
    let home = Home::new();
    let ran = check(&home, &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{ran:?}");
    let registry = home.hub_state().join("workspaces.json");
    assert!(ran.stderr.contains(&registry.display().to_string()), "{}", ran.stderr);
    let commands = ran.stderr.lines().filter(|line| line.contains("mcp-vitals check --")).count();
    assert_eq!(commands, 2, "{}", ran.stderr);
}
