//! The other commands on the real hub: dashboard, anomalies, report, export, configuration and manual.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::hub::{Options, RealHub, Server};
use crate::product::{Home, Ran, Running};
use crate::{procs, said, wait, watch};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The kinds of anomaly: the original six, and those that compare with the history.
pub(crate) const KINDS: [&str; 12] = [
    "error-spike",
    "flapping",
    "resources",
    "clients",
    "servers",
    "log-growth",
    "leak",
    "error-rate",
    "level-shift",
    "unusual",
    "silence",
    "new-errors",
];

fn run(home: &Home, arguments: &[&str]) -> Ran {
    let ran = home.run(arguments, PATIENCE);
    said::assert_no_panic(&ran);
    said::assert_plain(&ran.stdout);
    ran
}

fn kill(hub: &RealHub, server: Server) {
    procs::signal(hub.server_pid(server), Signal::KILL);
    wait::until("the process to be gone", PATIENCE, || hub.find_server(server).is_none().then_some(()));
}

#[test]
fn dashboard_and_anomalies_show_a_healthy_hub_and_a_ghost() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let shown = run(&hub.home, &["dashboard", "--once"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let panels = ["SERVERS", "SCORE", "PROCESS", "NETWORK", "LOGGING", "FILTERING & LLM", "WORKSPACE", "ANOMALIES"];
    for panel in panels.iter().chain(&["filesystem", "everything", "100/100", "connected, 14 tools"]) {
        assert!(shown.stdout.contains(panel), "no {panel} in {}", shown.stdout);
    }
    let ascii = run(&hub.home, &["dashboard", "--once", "--ascii", "--width", "80"]);
    assert!(ascii.stdout.is_ascii() && ascii.stdout.lines().all(|l| l.len() <= 80), "{}", ascii.stdout);

    let none = run(&hub.home, &["anomalies"]);
    assert_eq!(none.code, Some(0), "{none:?}");
    for kind in KINDS {
        assert!(none.stdout.contains(kind), "no {kind} in {}", none.stdout);
    }

    kill(&hub, Server::Filesystem);
    let shown = run(&hub.home, &["dashboard", "--once"]);
    assert!(shown.code == Some(2) && shown.stdout.to_lowercase().contains("ghost"), "{shown:?}");
    let found = run(&hub.home, &["anomalies", "--format", "json"]);
    let report = said::json(&found);
    let servers = said::find(&report["targets"][0]["anomalies"], "kind", "servers");
    assert_eq!(
        (found.code, &report["schema"], &servers["outcome"]),
        (Some(2), &json!("mcp-vitals/anomalies/v1"), &json!("critical"))
    );
    assert!(said::text(servers, "reason").contains("filesystem ghost"), "{servers}");
}

#[test]
fn the_live_dashboard_shows_a_ghost_and_ends_when_asked() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let file = hub.home.path().join("screen");
    let mut terminal = std::process::Command::new("script");
    hub.home.furnish(&mut terminal);
    let line = format!("stty rows 40 cols 140; exec '{}' dashboard", env!("CARGO_BIN_EXE_mcp-vitals"));
    terminal.env("TERM", "xterm-256color").args(["-q", "-e", "-f", "-c", &line]).arg(&file);
    let mut dashboard = Running::start_with_input(terminal);
    let screen = || String::from_utf8_lossy(&fs::read(&file).unwrap_or_default()).into_owned();
    wait::until("the servers on the screen", PATIENCE, || screen().contains("filesystem").then_some(()));
    wait::until_now_and_then("its sessions", PATIENCE, || (hub.clients() >= 3).then_some(()));
    assert!(!screen().contains("ghost"));
    kill(&hub, Server::Filesystem);
    wait::until("the ghost on the screen", Duration::from_secs(2), || screen().contains("ghost").then_some(()));
    dashboard.type_in("q");
    let ran = dashboard.wait(PATIENCE);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(screen().contains("\u{1b}[?1049l"), "the terminal is given back");
    wait::until_now_and_then("the hub to have no client", PATIENCE, || (hub.clients() == 0).then_some(()));
}

#[test]
fn a_dashboard_that_is_told_to_end_gives_the_terminal_and_its_sessions_back() {
    let Some(hub) = RealHub::start(Options { servers: vec![Server::Filesystem], ..Options::default() }) else { return };
    let file = hub.home.path().join("screen");
    let mut terminal = std::process::Command::new("script");
    hub.home.furnish(&mut terminal);
    let line = format!("stty rows 40 cols 140; exec '{}' dashboard", env!("CARGO_BIN_EXE_mcp-vitals"));
    terminal.env("TERM", "xterm-256color").args(["-q", "-e", "-f", "-c", &line]).arg(&file);
    let dashboard = Running::start_with_input(terminal);
    wait::until_now_and_then("its sessions", PATIENCE, || (hub.clients() >= 3).then_some(()));
    let [shown] = &procs::children(dashboard.pid())[..] else { panic!("script runs one program") };
    procs::signal(shown.pid, Signal::TERM);
    let ran = dashboard.wait(PATIENCE);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let screen = String::from_utf8_lossy(&fs::read(&file).expect("a file of ours")).into_owned();
    assert!(screen.contains("\u{1b}[?1049l"), "the terminal is given back");
    wait::until_now_and_then("the hub to have no client", PATIENCE, || (hub.clients() == 0).then_some(()));
}

/// A pino log: one line a record.
fn pino_log(records: &[(u64, Value, &str, &str)]) -> String {
    let now = vitals_probe::clock::now();
    let mut text = String::new();
    for (ago_s, level, code, message) in records {
        let at = now.minus(Duration::from_secs(*ago_s));
        let _ = writeln!(text, "{}", json!({"level": level, "time": at.to_string(), "pid": 1, "code": code, "msg": message}));
    }
    text
}

#[test]
fn an_error_spike_is_counted_exactly_and_per_time() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let log = hub.home.path().join("pino.log");
    let port = hub.port;
    hub.home.configure(&format!(
        "version: 1\ntargets:\n  - name: lab\n    hub: http://127.0.0.1:{port}\n    log_file: {}\n",
        log.display()
    ));
    let spike = |records: Vec<(u64, Value, &str, &str)>, since: &str| {
        fs::write(&log, pino_log(&records)).expect("a folder of ours");
        let ran = run(&hub.home, &["anomalies", "--since", since, "--format", "json"]);
        let report = said::json(&ran);
        assert_eq!(report["targets"][0]["target"], "lab");
        let spike = said::find(&report["targets"][0]["anomalies"], "kind", "error-spike").clone();
        (ran.code, said::text(&spike, "outcome").to_owned(), said::text(&spike, "reason").to_owned())
    };
    let error = |ago| (ago, json!("error"), "TOOL_EXECUTION_ERROR", "Not connected");
    let quiet = (0..200).map(|n| (n, json!("info"), "X", "an error in the message is no error")).collect::<Vec<_>>();

    let mut records = quiet.clone();
    records.extend((0..12).map(|n| error(120 + n)));
    // Numeric levels count as well: 50 is error, 60 fatal, 40 only a warning.
    records.extend([(130, json!(50), "E", "x"), (130, json!(60), "E", "x"), (130, json!(40), "W", "x")]);
    let (code, outcome, reason) = spike(records, "1h");
    assert_eq!((code, outcome.as_str()), (Some(2), "critical"), "{reason}");
    assert!(reason.contains("14 errors within 10m") && reason.contains("TOOL_EXECUTION_ERROR ×12"), "{reason}");

    let mut records = quiet.clone();
    records.extend((0..7).map(|n| error(300 + n)));
    let (code, outcome, reason) = spike(records, "1h");
    assert_eq!((code, outcome.as_str()), (Some(1), "warning"), "{reason}");
    assert!(reason.contains("7 errors within 10m"), "{reason}");

    // As many, but an hour apart from each other: no spike. And what is older than the window is not in it.
    let mut records = (1..15).rev().map(|hours| error(hours * 3600)).collect::<Vec<_>>();
    records.extend(quiet.clone());
    let (code, outcome, reason) = spike(records, "24h");
    assert_eq!((code, outcome.as_str()), (Some(0), "quiet"), "{reason}");
    let mut records = (0..20).map(|n| error(7300 + n)).collect::<Vec<_>>();
    records.extend(quiet);
    let (code, outcome, reason) = spike(records, "1h");
    assert_eq!((code, outcome.as_str()), (Some(0), "quiet"), "{reason}");
}

#[test]
fn a_report_after_a_watch_has_uptime_percentiles_and_the_incident() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    let none = run(&hub.home, &["report"]);
    assert!(none.code == Some(3) && none.stderr.contains("mcp-vitals watch"), "{none:?}");

    let mut watching = watch::begin(&hub, &[]);
    kill(&hub, Server::Filesystem);
    watching.expect_line("OPENED", PATIENCE);
    hub.heal(Server::Filesystem);
    watching.expect_line("RESOLVED", PATIENCE);
    watch::end(&hub, watching, Signal::INT);

    let ran = run(&hub.home, &["report", "--since", "1h", "--format", "json"]);
    let report = said::json(&ran);
    assert_eq!((ran.code, &report["schema"]), (Some(0), &json!("mcp-vitals/report/v1")), "{report:#}");
    let target = &report["targets"][0];
    assert_eq!(target["id"], format!("hub-{}", hub.port));
    let uptime = |name: &str| said::find(&target["servers"], "name", name)["uptime"].as_f64().expect("an uptime");
    assert!((0.0..1.0).contains(&uptime("filesystem")) && uptime("everything") > 0.999, "{target:#}");
    let calls = &said::find(&target["servers"], "name", "everything")["call_ms"];
    let [p50, p95, p99, max] = ["p50", "p95", "p99", "max"].map(|p| calls[p].as_f64().expect("a percentile"));
    assert!(0.0 < p50 && p50 <= p95 && p95 <= p99 && p99 <= max, "{calls}");
    let incidents = target["incidents"].as_array().expect("incidents");
    let [incident] = &incidents[..] else { panic!("one incident: {incidents:?}") };
    assert_eq!((&incident["kind"], &incident["state"]), (&json!("ghost"), &json!("resolved")));

    let text = run(&hub.home, &["report"]).stdout;
    for wanted in ["filesystem", "ghost", "p50", "p95", "100.00 %", "lasted", "score"] {
        assert!(text.contains(wanted), "no `{wanted}` in {text}");
    }
    let markdown = run(&hub.home, &["report", "--format", "markdown"]).stdout;
    assert!(markdown.starts_with("# hub") && markdown.contains("## Incidents: 1"), "{markdown}");
    // A server was down for a good part of the time that was observed.
    let criteria = run(&hub.home, &["criteria", "--since", "1h"]);
    assert!(criteria.code == Some(2) && criteria.stdout.contains("✗ unmet    zero-alerts"), "{criteria:?}");

    let exported = said::json_lines(&run(&hub.home, &["export", "--jsonl", "--since", "1h"]).stdout);
    for kind in ["sample", "incident", "note"] {
        assert!(exported.iter().any(|line| line["type"] == kind), "no {kind} among {} lines", exported.len());
    }
    for sample in exported.iter().filter(|line| line["type"] == "sample") {
        assert!(said::text(sample, "at").parse::<jiff::Timestamp>().is_ok() && sample["check"].is_string(), "{sample}");
    }
}

#[test]
fn a_configuration_is_made_checked_and_shown() {
    let home = Home::new();
    let made = run(&home, &["config", "init"]);
    assert!(made.code == Some(0) && home.path().join(".config/mcp-vitals/config.yaml").is_file(), "{made:?}");
    let again = run(&home, &["config", "init"]);
    assert!(again.code == Some(3) && again.stderr.contains("left as it is"), "{again:?}");
    let sound = run(&home, &["config", "check"]);
    assert_eq!(sound.code, Some(0), "the example is sound: {sound:?}");
    let shown = run(&home, &["config", "show"]);
    assert!(shown.code == Some(0) && shown.stdout.contains("thresholds"), "{shown:?}");
    home.configure(&shown.stdout);
    assert_eq!(run(&home, &["config", "show"]).stdout, shown.stdout, "what is shown is what is meant");
    let schema = said::json(&run(&home, &["config", "schema"]));
    assert!(schema["properties"]["targets"].is_object(), "{schema:#}");

    home.configure("version: 1\ndefaults:\n  treshold: {}\n  schedule: {light: 10}\ntargets:\n  - name: a b\n    hub: nowhere\n");
    for command in [
        &["config", "check"][..],
        &["config", "show"],
        &["check"],
        &["watch"],
        &["dashboard"],
        &["anomalies"],
        &["report"],
        &["criteria"],
    ] {
        let bad = run(&home, command);
        assert_eq!((bad.code, bad.stdout.as_str()), (Some(3), ""), "{command:?}: {bad:?}");
        for wanted in
            ["config.yaml:3:3", "did you mean `thresholds`", "config.yaml:4:", "config.yaml:6:", "config.yaml:7:", "4 errors"]
        {
            assert!(bad.stderr.contains(wanted), "no `{wanted}` in {}", bad.stderr);
        }
    }
    let missing = run(&home, &["check", "--config", "/nonexistent/vitals.yaml"]);
    assert!(missing.code == Some(3) && missing.stderr.contains("/nonexistent/vitals.yaml"), "{missing:?}");
}

#[test]
fn help_completions_and_manual_name_every_command() {
    let home = Home::new();
    let help = run(&home, &["--help"]).stdout;
    let commands = [
        "check",
        "watch",
        "dashboard",
        "anomalies",
        "report",
        "criteria",
        "export",
        "demo",
        "lab",
        "config",
        "completions",
        "man",
    ];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run_raw(&home, &["completions", shell]);
        assert!(ran.code == Some(0) && commands.iter().all(|c| ran.stdout.contains(c)), "{shell}: {ran:?}");
    }
    let man = run_raw(&home, &["man"]);
    assert!(man.code == Some(0) && man.stdout.contains(".TH mcp-vitals"), "{man:?}");
    let folder = home.path().join("man");
    assert_eq!(run(&home, &["man", "--dir", folder.to_str().expect("a plain path")]).code, Some(0));
    for command in commands {
        assert!(help.contains(command), "no {command} in {help}");
        assert!(folder.join(format!("mcp-vitals-{command}.1")).is_file(), "no page for {command}");
    }
    for wrong in [&["nonsense"][..], &[], &["check", "--nonsense"], &["watch", "--for", "0s"]] {
        assert_eq!(run(&home, wrong).code, Some(3), "{wrong:?}");
    }
}

/// Scripts for shells may hold tabs.
fn run_raw(home: &Home, arguments: &[&str]) -> Ran {
    let ran = home.run(arguments, PATIENCE);
    said::assert_no_panic(&ran);
    ran
}
