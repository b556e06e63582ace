//! Wrong input: a hub that answers anything but what it should. Each answer is one failing check with
//! one line that says what was seen; memory and time stay bounded, and nothing of it reaches a terminal,
//! a page or a parser as more than text.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::double::{Double, Script, Trick};
use crate::product::{Home, Ran, Running};
use crate::{contract, procs, said, wait};

/// The timeouts of every step in these tests.
const CONFIGURATION: &str = "version: 1\ndefaults:\n  timeouts: {connect: 1s, request: 1s, initialize: 1s, list: 1s, call: 1s}\n";

/// Longest that a check may take with these timeouts: process, API, then session beside stream, each
/// of them with a few steps.
const CHECK_MAX: Duration = Duration::from_secs(10);

/// Most memory that any input may cost, from the start of the program to its end.
const MEMORY_KB_MAX: u64 = 64 << 10;

fn home() -> Home {
    let home = Home::new();
    home.configure(CONFIGURATION);
    home
}

/// Runs to the end, and looks at the memory until then: its peak never falls, so the last look counts.
fn run_within_memory(home: &Home, arguments: &[&str], within: Duration) -> Ran {
    let running = Running::start(home.mcp_vitals(arguments));
    let pid = running.pid();
    let mut peak_kb = 0;
    let ended = wait::poll(within, || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok());
        peak_kb = peak.unwrap_or(peak_kb).max(peak_kb);
        procs::find(pid).is_none_or(|p| p.state == 'Z').then_some(())
    });
    let ran = running.wait(if ended.is_some() { Duration::from_secs(5) } else { Duration::ZERO });
    assert!(peak_kb > 0 && peak_kb < MEMORY_KB_MAX, "{peak_kb} kB at its peak: {ran:?}");
    said::assert_no_panic(&ran);
    said::assert_plain(&ran.stderr);
    ran
}

/// Checks a double that plays by this script.
fn check(script: Script) -> (Option<i32>, Value) {
    let double = Double::start(script);
    let ran = run_within_memory(&home(), &["check", "--format", "json", "--target", &double.url()], CHECK_MAX);
    contract::assert_report(&said::json(&ran));
    (ran.code, said::target(&ran))
}

/// The check of this id fails, and its one line says what was seen.
fn assert_failing(script: Script, id: &str, seen: &str) {
    let name = format!("{script:?}");
    let name = name.rsplit("tricks").next().unwrap_or_default();
    let (code, target) = check(script);
    let reading = said::check(&target, id);
    let summary = said::text(reading, "summary");
    assert_eq!((code, &reading["health"]), (Some(2), &json!("failing")), "{name}: {reading:#}");
    assert!(summary.contains(seen) && summary.lines().count() == 1, "{name}: `{seen}` in `{summary}`");
}

#[test]
fn the_double_without_a_trick_is_healthy() {
    let (_, target) = check(Script::healthy());
    for id in ["hub-servers/api", "hub-servers/state", "hub-servers/files/truth", "filtering-sessions/open", "logging/stream"] {
        assert_eq!(said::check(&target, id)["health"], "healthy", "{id} in {target:#}");
    }
}

#[test]
fn an_api_that_answers_something_else() {
    for (trick, seen) in [
        (Trick::Page(200), "Welcome"),
        (Trick::Page(404), "404"),
        (Trick::Page(500), "500"),
        (Trick::Truncated, "JSON"),
        (Trick::Deep, "nested"),
        (Trick::Json(json!([1, 2, 3])), "[1,2,3]"),
        (Trick::Close, "closed"),
        (Trick::Noise, "HTTP"),
    ] {
        assert_failing(Script::with("/api/", trick), "hub-servers/api", seen);
    }
}

#[test]
fn an_api_that_does_not_come_to_an_end() {
    assert_failing(Script::with("/api/", Trick::Endless), "hub-servers/api", "larger");
    for trick in [Trick::Trickle, Trick::Silence] {
        assert_failing(Script::with("/api/", trick), "hub-servers/api", "no answer within 1.0 s");
    }
}

#[test]
fn an_mcp_endpoint_that_answers_something_else() {
    for (trick, seen) in [
        (Trick::Page(200), "text/html"),
        (Trick::Page(500), "500"),
        (Trick::Silence, "no answer within"),
        (Trick::Close, "closed"),
        (Trick::Trickle, "application/json"),
        (Trick::EndlessLine, ""),
        (Trick::Flood("event: message\ndata: {\"jsonrpc\":\"2.0\"}\n\n"), "message"),
        (Trick::Flood(": nothing\n"), ""),
        (Trick::Flood("event: endpoint\ndata: http://other.example/messages\n\n"), "other.example"),
    ] {
        assert_failing(Script::with("/mcp", trick), "filtering-sessions/open", seen);
    }
    // The session's answers are what is wrong, or do not come.
    for (trick, seen) in [(Trick::Page(500), "500"), (Trick::Silence, "no answer within"), (Trick::Endless, "")] {
        assert_failing(Script::with("/messages", trick), "filtering-sessions/open", seen);
    }
}

#[test]
fn a_tool_list_without_end_stops_at_its_limit() {
    let mut script = Script::healthy();
    script.tools["nextCursor"] = "again".into();
    let (code, target) = check(script);
    assert!(code.is_some_and(|c| c < 3), "{target:#}");
    let (_, target) = check(Script { tools: json!({"tools": "none"}), ..Script::healthy() });
    assert_eq!(said::check(&target, "filtering-sessions/tools")["health"], "failing", "{target:#}");
}

#[test]
fn an_event_stream_without_end_or_sense() {
    let error = "event: log\ndata: {\"type\":\"error\",\"message\":\"again\",\"timestamp\":\"2026-01-01T00:00:00Z\"}\n\n";
    for (trick, health, seen) in [
        (Trick::Flood(error), "healthy", "open"),
        (Trick::Flood("data\n"), "degraded", "no event"),
        (Trick::EndlessLine, "degraded", "no event"),
        (Trick::Silence, "degraded", "no answer within 1.0 s"),
        (Trick::Page(404), "degraded", "404"),
    ] {
        let name = format!("{trick:?}");
        let (_, target) = check(Script::with("/api/events", trick));
        let stream = said::check(&target, "logging/stream");
        assert!(stream["health"] == health && said::text(stream, "summary").contains(seen), "{name}: {stream:#}");
        for id in ["hub-servers/api", "hub-servers/files/truth", "filtering-sessions/open"] {
            assert_eq!(said::check(&target, id)["health"], "healthy", "{id} beside {name}: {target:#}");
        }
    }
}

#[test]
fn a_watch_under_a_flood_of_events_keeps_its_bounds() {
    let event = "event: log\ndata: {\"type\":\"error\",\"message\":\"again\",\"code\":\"E\"}\n\n";
    let double = Double::start(Script::with("/api/events", Trick::Flood(event)));
    let arguments = ["watch", "--for", "3s", "--target", &double.url()];
    let ran = run_within_memory(&home(), &arguments, Duration::from_secs(20));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    said::assert_plain(&ran.stdout);
}

#[test]
fn unknown_words_and_missing_fields_spoil_nothing_else() {
    let mut script = Script::healthy();
    script.health["state"] = "dreaming".into();
    script.servers["servers"][0]["status"] = "levitating".into();
    script.servers["servers"][0]["transportType"] = 7.into();
    script.health["servers"] = script.servers["servers"].clone();
    let (code, target) = check(script);
    assert!(code.is_some_and(|c| c > 0), "{target:#}");
    let state = said::check(&target, "hub-servers/state");
    assert!(state["health"] == "degraded" && said::text(state, "summary").contains("dreaming"), "{state}");
    assert!(said::text(said::server(&target, "files"), "claim").contains("levitating"), "{target:#}");

    for (health, servers) in [
        (json!({}), json!({})),
        (
            json!({"state": null, "servers": [null, 1, {}]}),
            json!({"servers": [null, {"name": 5}, {"name": " "}, {"name": "bare"}]}),
        ),
        (json!({"state": 1, "activeClients": -1, "mcpEndpoint": [], "workspaces": "x"}), json!({"servers": {"a": {}}})),
        (json!({"activeClients": 1e300, "servers": []}), json!({"servers": []})),
    ] {
        let (code, target) = check(Script { health, servers, ..Script::healthy() });
        assert!(code.is_some(), "{target:#}");
        said::check(&target, "hub-servers/api");
    }
}

/// Escape sequences, markup, bidirectional overrides, separators of every output format.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m<script>alert('1')</script>|`x`\u{202e}&amp;\r\n\0]]>\"'=;";

/// A healthy hub in whose every text stands [`HOSTILE`].
fn hostile_script() -> Script {
    let mut script = Script::healthy();
    let name = format!("a{HOSTILE}");
    let server = json!({"name": name, "displayName": name, "description": HOSTILE, "transportType": HOSTILE,
        "status": "connected", "error": HOSTILE, "uptime": 5, "lastStarted": HOSTILE, "serverInfo": {"name": HOSTILE},
        "capabilities": {"tools": [{"name": name, "description": HOSTILE, "inputSchema": {"type": HOSTILE}}]}});
    let down = json!({"name": "files", "status": HOSTILE, "error": HOSTILE});
    script.health["state"] = HOSTILE.into();
    script.health["version"] = HOSTILE.into();
    script.health["servers"] = json!([server, down]);
    script.servers["servers"] = script.health["servers"].clone();
    script.tools["tools"][0]["description"] = HOSTILE.into();
    let more = json!({"name": format!("hub__{HOSTILE}"), "inputSchema": {"type": "object"}});
    script.tools["tools"].as_array_mut().expect("a list").push(more);
    script.call = Err(json!({"code": -32603, "message": HOSTILE, "data": HOSTILE}));
    script
}

#[test]
fn hostile_text_is_text_in_every_face() {
    let double = Double::start(hostile_script());
    let home = home();
    let run = |arguments: &[&str]| {
        let ran = run_within_memory(&home, &[arguments, &["--target", &double.url()]].concat(), CHECK_MAX);
        assert!(ran.code.is_some_and(|c| c > 0), "{ran:?}");
        said::assert_plain(&ran.stdout);
        ran.stdout
    };
    let text = run(&["check", "--verbose"]);
    assert!(text.contains("alert('1')"), "the text itself is shown: {text}");
    said::assert_xml(&run(&["check", "--format", "junit"]));
    let (status, _) = said::plugin_line(&run(&["check", "--format", "nagios"]));
    assert_ne!(status, "OK");
    let markdown = run(&["check", "--format", "markdown"]);
    assert!(!outside_code(&markdown).contains("<script") && markdown.contains("&lt;script"), "{markdown}");
    assert_table_is_whole(&markdown);
    contract::assert_report(&serde_json::from_str(&run(&["check", "--format", "json"])).expect("JSON"));
    run(&["dashboard", "--once"]);
    run(&["anomalies"]);
    for format in ["text", "markdown"] {
        let report = run(&["report", "--format", format]);
        assert!(format == "text" || !outside_code(&report).contains("<script"), "{report}");
    }
    let exported = home.run(&["export", "--jsonl"], CHECK_MAX);
    said::assert_plain(&exported.stdout);
    assert!(!said::json_lines(&exported.stdout).is_empty());
}

/// Markdown without its code, in which nothing is markup; every code that begins in a line ends in it.
fn outside_code(markdown: &str) -> String {
    let mut outside = String::new();
    for line in markdown.lines() {
        let plain = line.replace("\\\\", "").replace("\\`", "");
        let pieces: Vec<&str> = plain.split('`').collect();
        assert!(pieces.len() % 2 == 1, "code that does not end: {line}");
        outside.extend(pieces.iter().step_by(2).copied());
        outside.push('\n');
    }
    outside
}

/// Every row of a markdown table has as many cells as its head: no bar came from outside.
fn assert_table_is_whole(markdown: &str) {
    let mut width = 0;
    for line in markdown.lines() {
        let bars = line.replace("\\|", "").matches('|').count();
        width = if line.starts_with('|') && width > 0 { width } else { bars };
        assert_eq!(bars, width, "{line}");
    }
}
