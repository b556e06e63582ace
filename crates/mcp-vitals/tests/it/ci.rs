//! `check` as a job of CI runs it: expected failures, the job's summary, the GitHub action.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::lab::lab;
use crate::product::{Home, Ran, Running};
use crate::said;

/// How long a look may take, on a busy machine.
const LONG: Duration = Duration::from_secs(30);

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-vitals");

/// A lab whose filesystem server is dead.
fn broken(home: &Home) -> Running {
    let (lab, _) = lab(home, &[]);
    let injected = home.run(&["lab", "fault", "inject", "server-killed", "--server", "filesystem"], LONG);
    assert_eq!(injected.code, Some(0), "{}", injected.stderr);
    lab
}

fn list(home: &Home, text: &str) -> String {
    let path = home.path().join("expected.txt");
    fs::write(&path, text).expect("a folder of ours");
    path.to_str().expect("UTF-8").to_owned()
}

fn check(home: &Home, list: &str, more: &[&str]) -> Ran {
    home.run(&[&["check", "--no-history", "--expected-failures", list], more].concat(), LONG)
}

#[test]
fn expected_failures_pass_and_a_stale_entry_fails() {
    let home = Home::new();
    let lab = broken(&home);
    let list_of = |text: &str| list(&home, text);

    // The hub logs errors about it, and with it the tools of a session are fewer.
    let known = "# what is broken here\nhub-servers/filesystem/*  # killed on purpose\n";
    let passed = check(&home, &list_of(known), &["--format", "json"]);
    let report = said::json(&passed);
    assert_eq!((passed.code, &report["exit_code"]), (Some(0), &0.into()), "{}{}", passed.stdout, passed.stderr);
    let truth = said::find(&report["targets"][0]["checks"], "id", "hub-servers/filesystem/truth");
    assert_eq!((&truth["standing"], &truth["health"]), (&"expected".into(), &"failing".into()));
    assert!(truth["summary"].as_str().is_some_and(|summary| summary.ends_with("(expected: killed on purpose)")));

    let stale = list_of(&format!("{known}hub-servers/api # was slow\nhub-servers/gone/call # is gone\n"));
    for format in ["text", "json", "junit", "markdown", "nagios"] {
        let failed = check(&home, &stale, &["--format", format]);
        assert_eq!(failed.code, Some(2), "{format}: {}{}", failed.stdout, failed.stderr);
        assert!(failed.stderr.contains("line 3: hub-servers/api: it passes"), "{}", failed.stderr);
        assert!(failed.stderr.contains("line 4: hub-servers/gone/call: there is no such check"), "{}", failed.stderr);
        match format {
            "json" => assert_eq!(said::json(&failed)["exit_code"], 2),
            "junit" => {
                said::assert_xml(&failed.stdout);
                assert_eq!(failed.stdout.matches("type=\"stale\"").count(), 2, "{}", failed.stdout);
            }
            "markdown" => assert!(failed.stdout.contains("| 4 | `hub-servers/gone/call` | there is no such check |")),
            "nagios" => assert!(failed.stdout.starts_with("MCP CRITICAL - "), "{}", failed.stdout),
            _ => {}
        }
    }

    let refused = check(&home, &list_of("hub-servers/api\n"), &[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), ""));
    assert!(refused.stderr.contains("line 1: `hub-servers/api` has no reason"), "{}", refused.stderr);
    let missing = check(&home, "/nowhere/list.txt", &[]);
    assert!(missing.code == Some(3) && missing.stderr.contains("/nowhere/list.txt"), "{}", missing.stderr);

    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
}

/// The action's script as a runner starts it.
fn action(home: &Home, summary: &Path, settings: &[(&str, &str)]) -> Ran {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/github-action/run.sh");
    let mut command = Command::new("bash");
    home.furnish(&mut command);
    command.arg(script).current_dir(home.path()).env("MCP_VITALS_BINARY", PROGRAM);
    command.env("GITHUB_STEP_SUMMARY", summary).env("GITHUB_OUTPUT", home.path().join("output"));
    command.envs(settings.iter().copied());
    Running::start(command).wait(LONG)
}

#[test]
fn the_action_writes_junit_and_summary_and_fails_as_it_is_told() {
    let home = Home::new();
    let lab = broken(&home);
    let summary = home.path().join("summary.md");
    let read = |name: &str| fs::read_to_string(home.path().join(name)).unwrap_or_default();
    fs::write(&summary, "# The step before\n").expect("a folder of ours");

    let failed = action(&home, &summary, &[]);
    assert_eq!(failed.code, Some(2), "{}{}", failed.stdout, failed.stderr);
    assert!(failed.stdout.contains("::error::mcp-vitals: failing"), "{}", failed.stdout);
    said::assert_xml(&read("mcp-vitals.xml"));
    assert!(read("mcp-vitals.xml").contains("<failure type=\"critical\""));
    let written = read("summary.md");
    assert!(written.starts_with("# The step before\n## ") && written.contains("| filesystem | connected | ghost |"), "{written}");
    assert_eq!(read("output"), "exit-code=2\n");

    let list = list(&home, "hub-servers/filesystem/* # killed on purpose\n");
    let settings = [("MCP_VITALS_EXPECTED_FAILURES", list.as_str()), ("MCP_VITALS_JUNIT", "second.xml")];
    let passed = action(&home, &summary, &settings);
    assert_eq!(passed.code, Some(0), "{}{}", passed.stdout, passed.stderr);
    assert!(read("second.xml").contains("(expected: killed on purpose)\"/>"), "{}", read("second.xml"));
    assert!(read("summary.md").contains("Fails as expected:"));

    let nowhere = action(&home, &summary, &[("MCP_VITALS_TARGETS", "http://127.0.0.1:1\n"), ("MCP_VITALS_FAIL_ON", "critical")]);
    assert_eq!(nowhere.code, Some(2), "{}{}", nowhere.stdout, nowhere.stderr);
    let wrong = action(&home, &summary, &[("MCP_VITALS_FAIL_ON", "never")]);
    assert_eq!(wrong.code, Some(3), "{}", wrong.stdout);

    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
}

#[test]
fn the_action_hands_every_input_to_its_script() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/github-action");
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("it is committed");
    let (action, script) = (read("action.yml"), read("run.sh"));
    let (inputs, _) = action.split_once("\noutputs:").expect("it has outputs");
    let names =
        inputs.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':')).filter(|name| !name.starts_with(' '));
    let mut count = 0;
    for name in names {
        count += 1;
        let line =
            action.lines().find(|line| line.ends_with(&format!("${{{{ inputs.{name} }}}}")) && line.contains("MCP_VITALS_"));
        let variable = line.and_then(|line| line.trim().split(':').next()).unwrap_or_else(|| panic!("{name} goes nowhere"));
        assert!(script.contains(variable), "{variable} is not read");
    }
    assert_eq!(count, 6);
}

#[test]
fn a_summary_needs_a_file_and_is_cut_where_it_would_not_be_shown() {
    let home = Home::new();
    let (lab, _) = lab(&home, &[]);
    let nowhere = home.run(&["check", "--no-history", "--summary"], LONG);
    assert!(nowhere.code == Some(3) && nowhere.stderr.contains("GITHUB_STEP_SUMMARY is not set"), "{}", nowhere.stderr);

    let file: PathBuf = home.path().join("summary.md");
    let limit = 1 << 20;
    fs::write(&file, "x".repeat(limit - 200)).expect("a folder of ours");
    let ran = home.run(&["check", "--no-history", &format!("--summary={}", file.display())], LONG);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let written = fs::read_to_string(&file).expect("it is there");
    assert!(written.len() <= limit && written.ends_with("(cut: too large for a summary)\n"), "{}", &written[limit - 200..]);
    assert!(ran.stdout.contains("HEALTHY"), "the summary is beside the output, not instead of it");
    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
}
