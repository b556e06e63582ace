//! `watch` sends logs onward: to a real collector of OpenTelemetry, and over a kill that leaves no time for anything.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::lab::lab;
use crate::otlp::collector_at;
use crate::product::{Home, Running};
use crate::{programs, wait};

/// How long anything may take, on a busy machine.
const LONG: Duration = Duration::from_secs(40);

fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a free port")
}

/// The records of a file of JSON Lines; a line that is being written is none yet.
fn records(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_inclusive('\n').filter_map(|line| serde_json::from_str(line.strip_suffix('\n')?).ok()).collect()
}

fn id(record: &Value) -> String {
    record["event"]["id"].as_str().expect("each has one").to_owned()
}

#[test]
fn a_real_collector_gets_the_hubs_records_and_our_incidents() {
    let Some(program) = programs::rotel() else { return };
    let home = Home::new();
    let (port, grpc) = (free(), free());
    let said = home.path().join("collector.txt");
    let mut collector = Command::new("sh");
    collector.args(["-c", "exec \"$0\" \"$@\" > collector.txt 2>&1"]).arg(program).current_dir(home.path());
    collector.args(["start", "--exporter", "blackhole", "--debug-log", "logs", "--debug-log-verbosity", "detailed"]);
    collector.arg(format!("--otlp-http-endpoint={port}")).arg(format!("--otlp-grpc-endpoint={grpc}"));
    let collector = Running::start(collector);
    let (lab, _) = lab(&home, &[]);
    home.configure(&format!("version: 1\nlogs: {{away: {{otlp: 'http://{port}'}}}}\n"));
    let mut watch = Running::start(home.mcp_vitals(&["watch", "--no-history"]));
    watch.expect_note("watching", LONG);
    let broken = home.run(&["lab", "fault", "inject", "server-killed", "--server", "echo"], LONG);
    assert_eq!(broken.code, Some(0), "{}", broken.stderr);
    watch.expect_line("ghost", LONG);
    let wanted = ["incident-opened", "Str(hub-servers/echo/truth)", "mcp_vitals.hub", "Body: Str(watch started)", "event.id"];
    wait::until("the collector to have it all", LONG, || {
        let said = fs::read_to_string(&said).unwrap_or_default();
        wanted.iter().all(|text| said.contains(text)).then_some(())
    });
    watch.signal(Signal::TERM);
    let ended = watch.wait(LONG);
    assert!(ended.code == Some(0) && ended.stderr.contains("0 wait on disk\n"), "{}", ended.stderr);
    drop(collector);
    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
}

#[test]
fn what_was_spooled_when_watch_was_killed_arrives_when_the_receiver_is_there() {
    let home = Home::new();
    let (lab, _) = lab(&home, &[]);
    let (away, disk) = (free(), home.path().join("events.jsonl"));
    let configuration = format!("version: 1\nlogs:\n  away: {{otlp: 'http://{away}'}}\n  disk: {{file: {}}}\n", disk.display());
    home.configure(&configuration);
    let mut watch = Running::start(home.mcp_vitals(&["watch", "--no-history"]));
    watch.expect_note("logs: away takes no records: connection refused", LONG);
    let broken = home.run(&["lab", "fault", "inject", "server-killed", "--server", "echo"], LONG);
    assert_eq!(broken.code, Some(0), "{}", broken.stderr);
    // What the file has was spooled for both.
    let has_all = |records: &Vec<Value>| records.iter().any(|r| r["event"]["action"] == "incident-opened") && records.len() > 3;
    wait::until("an incident in the file", LONG, || Some(records(&disk)).filter(has_all));
    watch.signal(Signal::KILL);
    assert_eq!(watch.wait(LONG).code, None);
    let before: BTreeSet<String> = records(&disk).iter().map(id).collect();

    let inbox = collector_at(away);
    let watch = Running::start(home.mcp_vitals(&["watch", "--no-history"]));
    let mut missing = before.clone();
    while !missing.is_empty() {
        let got = inbox.recv_timeout(LONG).expect("a request");
        assert!(got.head.starts_with("post /v1/logs "), "{}", got.head);
        missing.retain(|id| !got.holds(id));
    }
    watch.signal(Signal::TERM);
    let ended = watch.wait(LONG);
    assert!(ended.code == Some(0) && !ended.stderr.contains("dropped"), "{}", ended.stderr);
    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
}
