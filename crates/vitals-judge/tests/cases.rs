//! Judgement by tables of cases: `tests/cases/**/*.toml`, each a story of what was seen and of what
//! follows. `tests/cases/README.md` says how they are written.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a case that cannot be read must fail the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use spec::Case;
use vitals_model::check::CheckId;

#[path = "cases/runner/laws.rs"]
mod laws;
#[path = "cases/runner/play.rs"]
mod play;
#[path = "cases/runner/sources.rs"]
mod sources;
#[path = "cases/runner/spec.rs"]
mod spec;
#[path = "cases/runner/world.rs"]
mod world;

/// Fewer cases than this means that some were lost.
const CASES_MIN: usize = 35;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Every case file with its name.
fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![folder()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "toml") {
                let name = path.strip_prefix(self::folder()).unwrap().display().to_string();
                files.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// Plays every case; what they produced, and what was wrong.
fn play_all() -> (BTreeSet<CheckId>, Vec<String>) {
    let (mut ids, mut wrong) = (BTreeSet::new(), Vec::new());
    for (name, text) in files() {
        let case: Case = match toml::from_str(&text) {
            Ok(case) => case,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        assert!(case.about.len() > 20 && !case.step.is_empty(), "{name} tells nothing");
        let played = play::Play::new(&case).run(&case);
        wrong.extend(played.wrong.iter().map(|what| format!("{name}: {what}\n    ({})", case.about)));
        ids.extend(played.ids);
    }
    (ids, wrong)
}

#[test]
fn every_case_ends_as_it_says() {
    assert!(files().len() >= CASES_MIN, "{} cases", files().len());
    let (_, wrong) = play_all();
    assert!(wrong.is_empty(), "{} of the expectations are not met:\n{}", wrong.len(), wrong.join("\n"));
}

/// An id as the reference writes it.
fn documented(id: &CheckId) -> String {
    match id.server() {
        Some(server) => id.as_str().replacen(&format!("/{server}/"), "/<server>/", 1),
        None => id.as_str().to_owned(),
    }
}

#[test]
fn the_reference_names_every_check_that_the_cases_produce_and_no_other() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/checks.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let in_page: BTreeSet<_> =
        rows.filter_map(|row| row.split('`').nth(1)).filter(|id| id.contains('/')).map(str::to_owned).collect();
    let produced: BTreeSet<_> = play_all().0.iter().map(documented).collect();
    let undocumented: Vec<_> = produced.difference(&in_page).collect();
    let unproduced: Vec<_> = in_page.difference(&produced).collect();
    assert!(undocumented.is_empty(), "not in the reference: {undocumented:?}");
    assert!(unproduced.is_empty(), "in the reference, and in no case: {unproduced:?}");
}

#[test]
fn a_case_that_is_wrong_fails() {
    let wrong = |text: &str| {
        let case: Case = toml::from_str(text).unwrap();
        play::Play::new(&case).run(&case).wrong
    };
    let begin = "about = 'a'\n[[step]]\nat = 0\nprocess = {}\napi = {}\nsession = {}\n";
    assert_eq!(wrong(&format!("{begin}expect.health = 'healthy'\nexpect.probes = []")), Vec::<String>::new());
    for expectation in [
        "health = 'failing'",
        "score = 1",
        "score = 'none'",
        "servers.fs = 'ghost'",
        "servers.fs = 'agrees: no such word'",
        "servers.nobody = 'agrees'",
        "readings.'hub-servers/api' = 'degraded'",
        "readings.'hub-servers/api' = 'healthy fact'",
        "readings.'hub-servers/api' = 'absent'",
        "values.'hub-servers/fds' = 25",
        "opened = ['ghost hub-servers/fs/truth']",
        "resolved = ['ghost hub-servers/fs/truth']",
        "open = ['ghost hub-servers/fs/truth']",
        "probes = ['api']",
        "findings.servers = 'degraded'",
        "kept.'hub-servers/api' = 7",
    ] {
        assert_eq!(wrong(&format!("{begin}expect.{expectation}")).len(), 1, "{expectation}");
    }
    for unknown in
        ["[[step]]\nat = 0\nprocesss = {}", "[[step]]\nat = 0\nexpect.helth = 'x'", "[[step]]\nat = 0\napi = { stat = 'x' }"]
    {
        assert!(toml::from_str::<Case>(&format!("about = 'a'\n{unknown}")).is_err(), "{unknown}");
    }
}
