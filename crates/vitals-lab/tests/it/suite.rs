//! The official conformance suite, in server mode, against any endpoint: what is not expected to fail must pass, and what is
//! expected to must fail. Other crates' tests have this file, too.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::install::{self, PINNED};

/// The suite within its folder.
const SUITE: &str = "node_modules/@modelcontextprotocol/conformance/dist/index.js";

/// Runs every server scenario of the suite that applies to `revision` against `url`. The suite itself fails on a failure
/// that is not in `expected`, and on an expectation that passes; one that is never met is found here, and so is a run that
/// passes fewer checks than `checks_min`. Without the suite it says so and passes.
pub(crate) async fn conforms(url: String, revision: &'static str, expected: &str, checks_min: u32) {
    let Some((node, folder)) = tokio::task::spawn_blocking(install::suite).await.unwrap() else { return };
    let expected = format!("{PINNED}/conformance/{expected}-{revision}.yaml");
    let results = tempfile::tempdir().unwrap();
    let (baseline, saved) = (expected.clone(), results.path().to_owned());
    let said = tokio::task::spawn_blocking(move || {
        let arguments = ["server", "--suite", "all", "--url", &url, "--spec-version", revision, "--expected-failures", &baseline];
        let mut suite = Command::new(node);
        suite.arg(folder.join(SUITE)).args(arguments).arg("--output-dir").arg(saved).stdin(Stdio::null()).output()
    });
    let said = said.await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    let seen = Seen::read(results.path());
    assert!(said.status.success(), "{text}\n{}\n{:#?}", String::from_utf8_lossy(&said.stderr), seen.0);
    let total = text.lines().find_map(|line| line.strip_prefix("Total: ")?.split(' ').next()?.parse::<u32>().ok());
    assert!(total.is_some_and(|passed| passed >= checks_min), "a run that checks little proves little: {text}");
    let listed = fs::read_to_string(expected).unwrap();
    let unmet: Vec<_> = entries(&listed).into_iter().filter(|entry| !seen.fails(entry)).collect();
    assert!(unmet.is_empty(), "expected, and not among the failures of this run: {unmet:?}");
}

/// The entries of a file of expected failures. Each has its reason beside it.
fn entries(file: &str) -> Vec<&str> {
    let lines = file.lines().filter_map(|line| line.strip_prefix("  - "));
    lines.map(|line| line.split_once(" # ").unwrap_or_else(|| panic!("no reason for {line}")).0).collect()
}

/// Every check that did not pass, of each scenario that ran.
struct Seen(BTreeMap<String, Vec<String>>);

impl Seen {
    /// Each scenario has a folder `server-SCENARIO-TIME` with its checks.
    fn read(results: &Path) -> Self {
        let mut seen = BTreeMap::new();
        for folder in fs::read_dir(results).unwrap().map(|folder| folder.unwrap().path()) {
            let name = folder.file_name().unwrap().to_str().unwrap();
            // Scenarios may begin with the same word.
            let name = name.strip_prefix("server-").unwrap_or(name).to_owned();
            let checks: Vec<Value> = serde_json::from_str(&fs::read_to_string(folder.join("checks.json")).unwrap()).unwrap();
            let bad = checks.iter().filter(|check| ["FAILURE", "WARNING"].iter().any(|status| check["status"] == *status));
            seen.insert(name, bad.map(|check| check["id"].as_str().unwrap_or_default().to_owned()).collect());
        }
        Self(seen)
    }

    /// Whether `scenario`, or `scenario:check`, ran and did not pass.
    fn fails(&self, entry: &str) -> bool {
        let (scenario, check) = entry.split_once(':').map_or((entry, None), |(scenario, check)| (scenario, Some(check)));
        let timed = |name: &str| name.strip_prefix(scenario).is_some_and(|rest| rest.starts_with("-20"));
        let mut runs = self.0.iter().filter(|(name, _)| timed(name)).map(|(_, bad)| bad);
        runs.any(|bad| check.map_or(!bad.is_empty(), |check| bad.iter().any(|id| id == check)))
    }
}

#[test]
fn an_expected_failure_that_was_not_met_is_found() {
    let bad =
        BTreeMap::from([("caching-2026-07-28T10-00-00".to_owned(), vec!["a".to_owned()]), ("ping-2026-x".to_owned(), vec![])]);
    let seen = Seen(bad);
    for (entry, fails) in
        [("caching", true), ("caching:a", true), ("caching:b", false), ("ping", false), ("cach", false), ("x", false)]
    {
        assert_eq!(seen.fails(entry), fails, "{entry}");
    }
    assert_eq!(entries("server:\n  # words\n  - caching:a # why\n"), ["caching:a"]);
}
