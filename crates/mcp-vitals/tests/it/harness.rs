//! The harness holds what the acceptance tests stand on: the real hub lies as described, and what the
//! tests start is gone when they end.

use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::hub::{Options, RealHub, Server};
use crate::product::{Home, Running};
use crate::{procs, wait};

/// Far more than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn a_program_is_read_line_by_line_and_ended() {
    let mut running = Running::start(sh("echo one; echo two >&2; echo three; exec tail -f /dev/null"));
    assert_eq!(running.expect_line("thr", PATIENCE), "three");
    let pid = running.pid();
    drop(running);
    assert!(procs::find(pid).is_none(), "a dropped program is gone and reaped");
}

#[test]
fn a_program_that_ends_gives_code_and_output() {
    let ran = Running::start(sh("yes out | head -n 100000; echo err >&2; exit 3")).wait(PATIENCE);
    assert_eq!((ran.code, ran.stdout.len(), ran.stderr.as_str()), (Some(3), 400_000, "err\n"));
    let killed = Running::start(sh("exec tail -f /dev/null"));
    killed.signal(Signal::TERM);
    assert_eq!(killed.wait(PATIENCE).code, None);
}

#[test]
#[should_panic(expected = "no line with `never`")]
fn a_line_that_does_not_come_fails_the_test() {
    Running::start(sh("echo something else")).expect_line("never", PATIENCE);
}

#[test]
fn the_product_runs_as_a_user_with_nothing() {
    let ran = Home::new().run(&["--version"], PATIENCE);
    assert!(ran.code.is_some() && ran.took < PATIENCE, "{ran:?}");
}

#[test]
fn a_hub_starts_with_its_traces_and_says_ready() {
    let Some(mut hub) = RealHub::start(Options::default()) else { return };
    let first = hub.pid();
    assert_eq!((hub.get("/api/health").1["state"].as_str(), hub.clients()), (Some("ready"), 0));
    assert!(hub.home.hub_log().is_file() && hub.home.hub_state().join("workspaces.json").is_file());
    assert!(hub.fds() > 10, "{} files", hub.fds());
    hub.restart();
    assert_ne!(hub.pid(), first);
    hub.kill();
    assert!(procs::find(hub.pid()).is_none());
}

#[test]
fn a_killed_server_stays_connected_in_the_hubs_words() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let lives_long = || hub.claim(Server::Filesystem)["uptime"].as_u64().filter(|s| *s > 0);
    wait::until("an uptime of a second", PATIENCE, lives_long);
    procs::signal(hub.server_pid(Server::Filesystem), Signal::KILL);
    wait::until("uptime 0", PATIENCE, || (hub.claim(Server::Filesystem)["uptime"] == 0).then_some(()));
    assert_eq!(hub.claim(Server::Filesystem)["status"], "connected");
    assert_eq!(hub.find_server(Server::Filesystem), None);
    let (_, answer) = hub
        .post("/api/servers/tools", &json!({"server_name": "filesystem", "tool": "list_allowed_directories", "arguments": {}}));
    assert_eq!(answer["code"], "TOOL_EXECUTION_ERROR", "{answer}");
}

#[test]
fn a_mute_server_keeps_one_of_two_hubs_of_a_user_starting() {
    let Some(quick) = RealHub::start(Options { servers: vec![Server::Filesystem], ..Options::default() }) else { return };
    let servers = vec![Server::Filesystem, Server::Mute];
    let slow = RealHub::start(Options { servers, home: Some(Rc::clone(&quick.home)), settings: json!({}) });
    let slow = slow.expect("where one hub starts, so does another");
    assert_eq!([&quick, &slow].map(|h| h.get("/api/health").1["state"].clone()), [json!("ready"), json!("starting")]);
    let mute = slow.server_pid(Server::Mute);
    drop(slow);
    assert!(procs::find(mute).is_none_or(|p| p.state == 'Z'), "a dropped hub leaves no server");
}
