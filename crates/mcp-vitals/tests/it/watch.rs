//! `watch` against the real hub, as timelines: what happens to a server or to the hub, and how soon
//! the incident opens and closes.

use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::hub::{Options, RealHub, Server};
use crate::product::{Home, Ran, Running};
use crate::wait::Stopwatch;
use crate::{contract, procs, said, wait};

/// Far more than anything here takes that has no bound of its own.
const PATIENCE: Duration = Duration::from_secs(30);

/// The bound on hearing that a process was killed.
const KILLED_MAX: Duration = Duration::from_secs(1);

/// The bound on hearing that a process was stopped, or goes on.
const STOPPED_MAX: Duration = Duration::from_secs(15);

/// Clients that a watch is to its hub: the event stream and two sessions.
const HELD: u64 = 3;

/// Starts a watch on the hub and waits until it holds all that it holds.
pub(crate) fn begin(hub: &RealHub, arguments: &[&str]) -> Running {
    begin_command(hub, hub.home.mcp_vitals(&[&["watch"], arguments].concat()))
}

pub(crate) fn begin_command(hub: &RealHub, command: Command) -> Running {
    let mut watch = Running::start(command);
    watch.expect_note(&format!("watching hub-{}", hub.port), PATIENCE);
    settle(hub);
    watch
}

/// Waits until a watch holds its stream and its sessions, and has called every server.
pub(crate) fn settle(hub: &RealHub) {
    let held = || (hub.clients() >= HELD).then_some(());
    wait::until_now_and_then("stream and sessions", PATIENCE, held);
    // Its first calls have come by then; a server's uptime is told in whole seconds.
    let lives = |server| hub.claim(server)["uptime"].as_u64() > Some(0);
    let both = || (lives(Server::Filesystem) && lives(Server::Everything)).then_some(());
    wait::until_now_and_then("a second of the servers' life", PATIENCE, both);
}

/// The next change of an incident that a watch with `--format json` tells.
fn change(watch: &mut Running, change: &str, kind: &str, within: Duration) -> Value {
    let line = watch.expect_line(&format!("\"change\":\"{change}\""), within);
    let incident = said::json_lines(&line).remove(0);
    contract::assert_fields(&incident, contract::INCIDENT);
    assert_eq!(incident["kind"], kind, "{incident:#}");
    incident
}

/// Ends a watch as an operator does: exit 0, a summary, nothing left at the hub.
pub(crate) fn end(hub: &RealHub, watch: Running, signal: Signal) -> Ran {
    watch.signal(signal);
    let ran = watch.wait(PATIENCE);
    said::assert_no_panic(&ran);
    said::assert_plain(&ran.stdout);
    assert!(ran.code == Some(0) && ran.stderr.contains("watched 1 target for"), "{ran:?}");
    wait::until_now_and_then("the hub to have no client", PATIENCE, || (hub.clients() == 0).then_some(()));
    ran
}

/// How many changes of a kind were told, in either format.
fn told(ran: &Ran, change: &str) -> usize {
    let json = format!("\"change\":\"{}\"", change.to_lowercase());
    ran.stdout.lines().filter(|line| line.contains(change) || line.contains(&json)).count()
}

/// The sessions that the summary counts.
fn sessions(ran: &Ran) -> u64 {
    let before = ran.stderr.split(" MCP session").next().and_then(|text| text.rsplit(' ').next());
    before.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no sessions in {ran:?}"))
}

#[test]
fn a_killed_server_opens_within_a_second_and_is_resolved_when_healed() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let mut watch = begin(&hub, &["--format", "json"]);
    procs::signal(hub.server_pid(Server::Filesystem), Signal::KILL);
    let opened = change(&mut watch, "opened", "ghost", KILLED_MAX);
    assert_eq!((&opened["check"], &opened["state"]), (&"hub-servers/filesystem/truth".into(), &"open".into()));
    assert!(said::text(&opened, "summary").contains("hub says connected"), "{opened:#}");
    assert!(said::text(&opened, "hint").contains("start"), "{opened:#}");

    hub.heal(Server::Filesystem);
    let resolved = change(&mut watch, "resolved", "ghost", KILLED_MAX * 2);
    assert_eq!((&resolved["id"], &resolved["state"]), (&opened["id"], &"resolved".into()));

    procs::signal(hub.server_pid(Server::Everything), Signal::KILL);
    let second = change(&mut watch, "opened", "ghost", KILLED_MAX);
    assert_eq!(second["check"], "hub-servers/everything/truth");
    assert_ne!(second["id"], opened["id"]);
    let ran = end(&hub, watch, Signal::INT);
    assert_eq!((told(&ran, "OPENED"), told(&ran, "RESOLVED")), (2, 1), "one incident per fault: {}", ran.stdout);
    assert!(ran.stderr.contains("2 incidents opened, 1 resolved, 1 still open"), "{}", ran.stderr);
    assert_eq!(said::json_lines(&ran.stdout).len(), 3);
}

#[test]
fn a_killed_hub_is_one_incident_and_is_followed_when_it_comes_back() {
    let Some(mut hub) = RealHub::start(Options::default()) else { return };
    let mut watch = begin(&hub, &[]);
    let first = hub.pid();
    hub.kill();
    let line = watch.expect_line("OPENED", KILLED_MAX);
    assert!(line.contains("process") && line.contains(&format!("pid {first}")), "{line}");
    // As long as what a hub's end drags down has to be bad before it is told on its own.
    watch.expect_no_line("OPENED", Duration::from_secs(7));

    hub.start_again();
    assert_ne!(hub.pid(), first);
    watch.expect_line("RESOLVED", STOPPED_MAX);
    settle(&hub);
    procs::signal(hub.server_pid(Server::Filesystem), Signal::KILL);
    let line = watch.expect_line("OPENED", KILLED_MAX);
    assert!(line.contains("ghost"), "{line}");
    let ran = end(&hub, watch, Signal::TERM);
    assert_eq!((told(&ran, "OPENED"), told(&ran, "RESOLVED")), (2, 1), "{}", ran.stdout);
    assert!(sessions(&ran) <= 4, "two for each life of the hub: {}", ran.stderr);
}

#[test]
fn a_restarted_hub_is_followed_and_is_one_incident_at_most() {
    let Some(mut hub) = RealHub::start(Options::default()) else { return };
    let mut watch = begin(&hub, &[]);
    let servers = [Server::Filesystem, Server::Everything].map(|s| hub.server_pid(s));
    hub.restart();
    settle(&hub);
    let now = [Server::Filesystem, Server::Everything].map(|s| hub.server_pid(s));
    assert!(servers.iter().all(|old| !now.contains(old)));
    procs::signal(now[0], Signal::KILL);
    let line = watch.expect_line("ghost", KILLED_MAX);
    assert!(line.contains("OPENED") && line.contains("filesystem"), "{line}");
    let ran = end(&hub, watch, Signal::INT);
    let others = ran.stdout.lines().filter(|l| l.contains("OPENED") && !l.contains("ghost"));
    assert!(others.count() <= 1, "{}", ran.stdout);
    assert!(ran.stderr.contains(" 1 still open"), "the restart is over: {}", ran.stderr);
    assert!(sessions(&ran) <= 4, "two for each life of the hub: {}", ran.stderr);
}

#[test]
fn a_hub_that_comes_later_is_found_and_watched() {
    let home = Rc::new(Home::new());
    let mut watch = Running::start(home.mcp_vitals(&["watch"]));
    watch.expect_note("no hub yet", PATIENCE);
    let Some(hub) = RealHub::start(Options { home: Some(home), ..Options::default() }) else { return };
    settle(&hub);
    procs::signal(hub.server_pid(Server::Filesystem), Signal::KILL);
    let line = watch.expect_line("OPENED", KILLED_MAX);
    assert!(line.contains("ghost"), "{line}");
    end(&hub, watch, Signal::TERM);
}

#[test]
fn a_stopped_server_is_hung_and_resolved_when_it_goes_on() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let mut watch = begin(&hub, &["--format", "json"]);
    let server = hub.server_pid(Server::Everything);
    procs::signal(server, Signal::STOP);
    let opened = change(&mut watch, "opened", "hung", STOPPED_MAX);
    assert_eq!(opened["check"], "hub-servers/everything/truth");
    procs::signal(server, Signal::CONT);
    change(&mut watch, "resolved", "hung", STOPPED_MAX);
    let ran = end(&hub, watch, Signal::INT);
    assert_eq!((told(&ran, "OPENED"), told(&ran, "RESOLVED")), (1, 1), "{}", ran.stdout);
}

#[test]
fn a_stopped_hub_opens_in_time_and_is_resolved_when_it_goes_on() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let mut watch = begin(&hub, &[]);
    procs::signal(hub.pid(), Signal::STOP);
    let line = watch.expect_line("OPENED", STOPPED_MAX);
    assert!(line.contains("hub-servers/process") && line.contains("stopped"), "{line}");
    procs::signal(hub.pid(), Signal::CONT);
    watch.expect_line("RESOLVED", STOPPED_MAX);
    let ran = end(&hub, watch, Signal::INT);
    assert_eq!(told(&ran, "OPENED"), told(&ran, "RESOLVED"), "{}", ran.stdout);
    assert!(sessions(&ran) <= 4, "{}", ran.stderr);
}

#[test]
fn a_quiet_watch_opens_two_sessions_and_no_incident() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let watch = begin(&hub, &["--for", "20s"]);
    let fds = hub.fds();
    let began = Stopwatch::start();
    // One look shortly before the end, not more: what we ask keeps the hub busy too.
    let late = wait::until("most of the time to be over", PATIENCE, || {
        (began.elapsed() > Duration::from_secs(15)).then(|| hub.clients())
    });
    let ran = watch.wait(PATIENCE);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{}", ran.stderr);
    assert_eq!((sessions(&ran), late), (2, HELD), "{}", ran.stderr);
    assert!(ran.took >= Duration::from_secs(20) && ran.took < Duration::from_secs(30), "{:?}", ran.took);
    assert!(ran.stderr.contains("healthy, score 100/100"), "{}", ran.stderr);
    wait::until_now_and_then("fewer files than while it was watched", PATIENCE, || {
        (hub.clients() == 0 && hub.fds() < fds).then_some(())
    });
}
