//! The lab's faults on the real npm hub: those that can be made from outside of it. `watch` must say of each
//! what the proof's table of expectations says of it in the lab: the same check, kind, health and words, once,
//! and that it is over. If it does not, the lab's hub and the real one are not alike, and the proof is of
//! another thing than what people run.
//!
//! How soon is not compared: the proof measures that by itself, here sixty other tests run beside it.

use std::cell::RefCell;
use std::fs;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use vitals_lab::fault::Fault;
use vitals_lab::proof::expect::{Expectation, Expects, SERVER};

use crate::hub::{Options, RealHub, Server};
use crate::product::{Home, Running};
use crate::watch::{begin, end, settle};
use crate::{contract, procs, said, wait};

/// Far more than an incident takes to open or to end at the settings below.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a fault goes on after it was seen: the longest patience of an incident without a value is 5 s, so
/// what wrongly follows from a fault has opened by then.
const HOLD: Duration = Duration::from_secs(6);

/// In every line that tells of an incident.
const CHANGE: &str = "\"change\":";

/// Looks come as often as they may, so that nobody waits for them.
/// Each fault is an incident of its own, however soon it follows the one before it.
const OFTEN: &str = "version: 1\ndefaults:\n  schedule: {light: 1s, session: 10s, discovery: 1s}\n  incidents: {reopen: off}\n";

/// A proxy before a hub, as people have them: a double, because no real one is on every machine. It answers
/// the API with a page of HTML between the lines `html` and `hub` on its standard input, and ends with it.
/// It is a process of its own: the tests' process is the parent of every hub that they start, and would
/// be taken for the parent of this hub's servers too.
const PROXY: &str = r"
const http = require('http'), hub = Number(process.argv[1]);
let html = false;
const proxy = http.createServer((request, answer) => {
  if (html && request.url.startsWith('/api/')) {
    answer.writeHead(200, {'content-type': 'text/html'});
    return answer.end('<!DOCTYPE html><html><body>Sign in</body></html>');
  }
  const {method, headers, url: path} = request;
  const beyond = http.request({host: '127.0.0.1', port: hub, method, headers, path}, (from) => {
    answer.writeHead(from.statusCode, from.headers);
    answer.flushHeaders();
    from.pipe(answer);
  });
  beyond.on('error', () => answer.destroy());
  answer.on('close', () => beyond.destroy());
  request.pipe(beyond);
});
proxy.listen(0, '127.0.0.1', () => console.log('port ' + proxy.address().port));
require('readline').createInterface({input: process.stdin})
  .on('line', (line) => { html = line === 'html'; console.log('now ' + line); })
  .on('close', () => process.exit());
";

/// Fails unless the incident is the one that the table has for this fault.
fn assert_expected(fault: Fault, opened: &Value) {
    contract::assert_fields(opened, contract::INCIDENT);
    let Expects::Incident(verdict) = Expectation::of(fault).expects else { panic!("{fault} is to open an incident") };
    let seen = ["check", "kind", "health"].map(|field| said::text(opened, field));
    assert_eq!(seen, [verdict.check, verdict.kind, verdict.severity.as_str()], "{fault}: {opened:#}");
    let said = format!("{} {}", opened["summary"], opened["evidence"]).to_lowercase();
    for word in verdict.words {
        assert!(said.contains(&word.to_lowercase()), "{fault}: \"{word}\" in {opened:#}");
    }
}

/// Something done to a hub.
type Deed<'a> = dyn Fn(&mut RealHub) + 'a;

/// Makes a fault, and ends it after its incident was seen to be the only one; waits for that to end.
fn show(hub: &mut RealHub, watch: &mut Running, fault: Fault, make: &Deed<'_>, mend: &Deed<'_>) {
    make(hub);
    let opened = next_change(watch);
    assert_eq!(opened["change"], "opened", "{fault}: {opened:#}");
    assert_expected(fault, &opened);
    watch.expect_no_line(CHANGE, HOLD);
    mend(hub);
    let over = next_change(watch);
    assert_eq!((&over["change"], &over["id"]), (&"resolved".into(), &opened["id"]), "{fault}: {over:#}");
}

fn next_change(watch: &mut Running) -> Value {
    said::json_lines(&watch.expect_line(CHANGE, PATIENCE)).remove(0)
}

fn signal(server: Server, signal: Signal) -> impl Fn(&mut RealHub) {
    move |hub| procs::signal(hub.server_pid(server), signal)
}

fn signal_hub(signal: Signal) -> impl Fn(&mut RealHub) {
    move |hub| procs::signal(hub.pid(), signal)
}

/// The rotations that a running watch has counted, by the history that it keeps.
fn rotations(home: &Home) -> f64 {
    let ran = home.run(&["export", "--jsonl", "--since", "1h"], PATIENCE);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines = said::json_lines(&ran.stdout);
    lines.iter().filter(|line| line["check"] == "logging/rotation").filter_map(|line| line["value"].as_f64()).fold(0.0, f64::max)
}

#[test]
fn a_fault_is_on_the_real_hub_what_it_is_in_the_lab() {
    let Some(mut hub) = RealHub::start(Options::default()) else { return };
    assert_eq!(Server::Filesystem.name(), SERVER, "the server that the table names");
    hub.home.configure(OFTEN);
    let mut watch = begin(&hub, &["--format", "json"]);
    let server = Server::Filesystem;
    let heal: &Deed<'_> = &move |hub| hub.heal(server);
    show(&mut hub, &mut watch, Fault::ServerKilled, &signal(server, Signal::KILL), heal);
    show(&mut hub, &mut watch, Fault::ServerStopped, &signal(server, Signal::STOP), &signal(server, Signal::CONT));
    // The remedy for a server that never goes on.
    show(&mut hub, &mut watch, Fault::ServerStopped, &signal(server, Signal::STOP), heal);
    show(&mut hub, &mut watch, Fault::HubStopped, &signal_hub(Signal::STOP), &signal_hub(Signal::CONT));
    show(&mut hub, &mut watch, Fault::HubKilled, &RealHub::kill, &RealHub::start_again);
    watch.expect_no_line(CHANGE, HOLD);
    let ran = end(&hub, watch, Signal::INT);
    assert!(ran.stderr.contains("5 incidents opened, 5 resolved"), "{}", ran.stderr);
}

#[test]
fn a_rotated_log_of_the_real_hub_is_counted_and_no_incident() {
    assert_eq!(Expectation::of(Fault::LogTorn).expects, Expects::Rotation);
    let Some(hub) = RealHub::start(Options::default()) else { return };
    hub.home.configure(OFTEN);
    let mut watch = begin(&hub, &["--format", "json"]);
    let log = hub.home.hub_log();
    for turn in 1..=2 {
        let before = rotations(&hub.home);
        fs::rename(&log, log.with_extension(format!("{turn}.log"))).expect("the hub has a log");
        // The hub makes the file anew when it has something to write.
        hub.heal(Server::Everything);
        wait::until("the new log file", PATIENCE, || log.exists().then_some(()));
        wait::until_now_and_then("the rotation to be counted", PATIENCE, || (rotations(&hub.home) >= before + 1.0).then_some(()));
    }
    watch.expect_no_line(CHANGE, HOLD);
    let counted = rotations(&hub.home);
    assert!((1.5..2.5).contains(&counted), "two rotations, counted {counted}");
    end(&hub, watch, Signal::INT);
}

#[test]
fn html_from_a_proxy_is_what_html_from_the_labs_hub_is() {
    let Some(mut hub) = RealHub::start(Options::default()) else { return };
    let mut node = Command::new("node");
    hub.home.furnish(&mut node);
    node.args(["-e", PROXY, &hub.port.to_string()]);
    let proxy = RefCell::new(Running::start_with_input(node));
    let line = proxy.borrow_mut().expect_line("port ", PATIENCE);
    let port = line.rsplit(' ').next().expect("a port");
    let switch = |to: &'static str| {
        let proxy = &proxy;
        move |_: &mut RealHub| {
            proxy.borrow_mut().type_in(&format!("{to}\n"));
            proxy.borrow_mut().expect_line(&format!("now {to}"), PATIENCE);
        }
    };
    hub.home.configure(OFTEN);
    let mut watch =
        Running::start(hub.home.mcp_vitals(&["watch", "--format", "json", "--target", &format!("http://127.0.0.1:{port}")]));
    settle(&hub);
    show(&mut hub, &mut watch, Fault::ApiHtml, &switch("html"), &switch("hub"));
    watch.expect_no_line(CHANGE, HOLD);
    let ran = end(&hub, watch, Signal::TERM);
    assert!(ran.stderr.contains("1 incident opened, 1 resolved"), "{}", ran.stderr);
}
