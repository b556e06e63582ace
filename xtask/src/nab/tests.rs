//! The scorer against cases worked out by hand, and the reading of a corpus.

use std::fs;
use std::path::Path;

use super::score::{PROFILES, Window, ignored};
use vitals_model::time::Timestamp;

use super::*;

/// A file of 1,000 rows (150 not scored) with one window of 100.
const ROWS: usize = 1_000;
const WINDOW: [Window; 1] = [400..=499];

fn raw(alarms: &[usize]) -> [f64; 3] {
    PROFILES.map(|p| score::tally(ROWS, &WINDOW, alarms, p).raw)
}

fn close(seen: [f64; 3], expected: [f64; 3]) {
    assert!(seen.iter().zip(expected).all(|(s, e)| (s - e).abs() < 1e-5), "{seen:?}, expected {expected:?}");
}

#[test]
fn alarms_are_worth_what_they_are_by_hand() {
    close(raw(&[]), [-1.0, -1.0, -2.0]);
    close(raw(&[400]), [1.0, 1.0, 1.0]);
    // y = -0.5: S = 2/(1+e^-2.5)-1 = 0.848284; S(-1) = 0.986614.
    close(raw(&[450]), [0.859_793; 3]);
    // y = -0.01: S = 0.024995.
    close(raw(&[499]), [0.025_334; 3]);
    // The first of a window counts, the others cost nothing.
    close(raw(&[450, 451, 499]), [0.859_793; 3]);
    // Before any window: all of it.
    close(raw(&[200, 400]), [0.89, 0.78, 0.89]);
    // y = 50/99: S = 2/(1+e^2.525253)-1 = -0.851801.
    close(raw(&[400, 549]), [0.906_302, 0.812_604, 0.906_302]);
    // y = 401/99 is more than three widths away.
    close(raw(&[400, 900]), [0.89, 0.78, 0.89]);
    // Rows 0 to 149 are not scored; row 150 is.
    close(raw(&[0, 149, 400]), [1.0, 1.0, 1.0]);
    close(raw(&[150, 400]), [0.89, 0.78, 0.89]);
}

#[test]
fn a_score_is_0_for_silence_and_100_for_perfection() {
    for profile in PROFILES {
        let score = |alarms: &[usize]| score::tally(ROWS, &WINDOW, alarms, profile).score();
        assert!(score(&[]).abs() < 1e-9);
        assert!((score(&[400]) - 100.0).abs() < 1e-9);
        assert!(score(&[200, 300]) < 0.0);
    }
    assert!((score::tally(ROWS, &WINDOW, &[450], PROFILES[0]).score() - 92.98965).abs() < 1e-3);
}

#[test]
fn a_window_that_begins_before_the_scored_rows_can_still_be_found_perfectly() {
    let score = |alarms: &[usize]| score::tally(ROWS, &[100..=199], alarms, PROFILES[0]).score();
    assert!((score(&[150]) - 100.0).abs() < 1e-9);
    let tally = score::tally(ROWS, &[10..=99], &[], PROFILES[0]);
    assert!(tally.null == 0.0 && tally.perfect == 0.0, "one before them is no window");
}

#[test]
fn at_most_750_rows_are_not_scored() {
    assert_eq!([ignored(100), ignored(1_243), ignored(5_000), ignored(20_000)], [15, 186, 750, 750]);
}

fn corpus(labels: &str, rows: &[f64]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("labels")).expect("a folder");
    fs::create_dir_all(folder.path().join("data/made")).expect("a folder");
    fs::write(folder.path().join("labels/combined_windows.json"), labels).expect("written");
    let lines = rows.iter().enumerate().map(|(n, value)| {
        let (day, hour, minute) = (1 + n / 1_440, n / 60 % 24, n % 60);
        format!("2026-11-{day:02} {hour:02}:{minute:02}:00,{value}\n")
    });
    let csv: String = std::iter::once("timestamp,value\n".to_owned()).chain(lines).collect();
    fs::write(folder.path().join("data/made/one.csv"), csv).expect("written");
    folder
}

fn said(folder: &Path, more: &[&str]) -> anyhow::Result<(bool, String)> {
    let mut args = vec!["--data".to_owned(), folder.display().to_string()];
    args.extend(more.iter().map(|a| (*a).to_owned()));
    let mut out = Vec::new();
    let passed = run(&args, &mut out)?;
    Ok((passed, String::from_utf8(out)?))
}

#[test]
fn a_corpus_is_read_and_scored() {
    // An even series that jumps at row 2,000; the window is 10 rows before to 189 after.
    let rows: Vec<f64> = (0..3_000).map(|n| f64::from(n % 7) + if n < 2_000 { 0.0 } else { 50.0 }).collect();
    let folder = corpus(r#"{"made/one.csv": [["2026-11-02 09:10:00.000000", "2026-11-02 12:29:00.000000"]]}"#, &rows);
    let series = &corpus::read(folder.path()).expect("read")[0];
    assert_eq!((series.samples.len(), series.windows.clone()), (3_000, vec![1_990..=2_189]));
    assert_eq!(series.samples[61].0, Timestamp::parse("2026-11-01T01:01:00Z").expect("a time"));
    let (passed, text) = said(folder.path(), &["--files", "--halves", "2"]).expect("scored");
    assert!(passed, "{text}");
    assert!(text.contains("made/one.csv") && text.contains("standard") && text.contains("two random halves"), "{text}");
}

#[test]
fn a_missed_bar_is_said() {
    let folder = corpus(r#"{"made/one.csv": [["2026-11-02 09:10:00", "2026-11-02 12:29:00"]]}"#, &vec![1.0; 3_000]);
    let (passed, text) = said(folder.path(), &[]).expect("scored");
    assert!(!passed && text.contains("standard       0.00"), "{text}");
}

#[test]
fn what_is_missing_is_named() {
    let nowhere = tempfile::tempdir().expect("a folder");
    let error = |folder: &Path| format!("{:#}", said(folder, &[]).expect_err("nothing to read"));
    assert!(error(nowhere.path()).contains("labels/combined_windows.json cannot be read; --data is the folder"));
    let folder = corpus(r#"{"made/two.csv": []}"#, &[1.0]);
    assert!(error(folder.path()).contains("made/two.csv is named by labels/combined_windows.json, and missing"));
    assert!(format!("{:#}", run(&[], &mut Vec::new()).expect_err("no folder")).contains("--data DIR is missing"));
    assert!(format!("{:#}", run(&["--fast".into()], &mut Vec::new()).expect_err("no such option")).contains("--fast"));
}
