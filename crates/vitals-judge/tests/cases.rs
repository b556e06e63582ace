//! Judgement by tables of cases: `tests/cases/**/*.toml`, each a story of what was seen and of what
//! follows. `tests/cases/README.md` says how they are written.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a case that cannot be read must fail the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use spec::Case;
use vitals_model::check::{CheckId, Threshold};
use vitals_model::reading::Reading;

#[path = "cases/runner/counts.rs"]
mod counts;
#[path = "cases/runner/handled.rs"]
mod handled;
#[path = "cases/runner/laws.rs"]
mod laws;
#[path = "cases/runner/play.rs"]
mod play;
#[path = "cases/runner/repair.rs"]
mod repair;
#[path = "cases/runner/seen.rs"]
mod seen;
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

/// What playing every case came to.
#[derive(Default)]
struct Played {
    /// Every check that was answered, as the reference writes it, with its readings.
    produced: BTreeMap<String, Vec<Reading>>,
    /// What was not as expected.
    wrong: Vec<String>,
}

static PLAYED: LazyLock<Played> = LazyLock::new(|| {
    let mut all = Played::default();
    for (name, text) in files() {
        let case: Case = match toml::from_str(&text) {
            Ok(case) => case,
            Err(error) => {
                all.wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        assert!(case.about.len() > 20 && !case.step.is_empty(), "{name} tells nothing");
        let played = play::Play::new(&case).run(&case);
        all.wrong.extend(played.wrong.iter().map(|what| format!("{name}: {what}\n    ({})", case.about)));
        for (id, reading) in played.produced {
            all.produced.entry(documented(&id)).or_default().push(reading);
        }
    }
    all
});

/// An id as the reference writes it.
fn documented(id: &CheckId) -> String {
    match id.server() {
        Some(server) => id.as_str().replacen(&format!("/{server}/"), "/<server>/", 1),
        None => id.as_str().to_owned(),
    }
}

#[test]
fn every_case_ends_as_it_says() {
    assert!(files().len() >= CASES_MIN, "{} cases", files().len());
    let wrong = &PLAYED.wrong;
    assert!(wrong.is_empty(), "{} of the expectations are not met:\n{}", wrong.len(), wrong.join("\n"));
}

/// The rows of the reference: id, unit, and where it becomes bad.
fn reference() -> Vec<(String, String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/checks.md");
    let page = std::fs::read_to_string(page).unwrap();
    let row = |line: &str| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        Some((cells.get(1)?.trim_matches('`').to_owned(), (*cells.get(3)?).to_owned(), (*cells.get(4)?).to_owned()))
    };
    page.lines().filter(|line| line.starts_with("| `")).filter_map(row).collect()
}

#[test]
fn the_reference_names_every_check_that_the_cases_produce_and_no_other() {
    let in_page: BTreeSet<_> = reference().into_iter().map(|(id, _, _)| id).collect();
    let produced: BTreeSet<_> = PLAYED.produced.keys().cloned().collect();
    let undocumented: Vec<_> = produced.difference(&in_page).collect();
    let unproduced: Vec<_> = in_page.difference(&produced).collect();
    assert!(undocumented.is_empty(), "not in the reference: {undocumented:?}");
    assert!(unproduced.is_empty(), "in the reference, and in no case: {unproduced:?}");
}

#[test]
fn the_reference_gives_the_units_and_the_default_bounds_of_the_product() {
    for (id, unit, bounds) in reference() {
        for reading in PLAYED.produced.get(&id).into_iter().flatten() {
            if reading.value.is_some() {
                assert_eq!(unit, reading.unit.as_str(), "unit of {id}");
            }
            let (word, degraded, failing) = match reading.threshold {
                Some(Threshold::Above(degraded, failing)) => ("above", degraded, failing),
                Some(Threshold::Below(degraded, failing)) => ("below", degraded, failing),
                None => continue,
            };
            // Files are bounded by a share of the process's own limit, tokens by what they were; a CPU figure over
            // a moment is no average.
            if failing.is_finite() && !matches!(id.as_str(), "hub-servers/fds" | "hub-servers/tokens") {
                let expected = format!("{word} {} · {word} {}", reading.unit.show(degraded), reading.unit.show(failing));
                assert_eq!(bounds, expected, "bounds of {id}");
            }
        }
    }
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
