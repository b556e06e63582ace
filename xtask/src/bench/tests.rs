//! The frame: what passes, what fails, what is printed.

use super::*;

fn printed(all: &[Measurement], names: &[&str]) -> (anyhow::Result<bool>, String) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut out = Vec::new();
    let passed = run_of(all, &names, &mut out);
    (passed, String::from_utf8(out).expect("text"))
}

fn row(measured: f64, bar: Bar) -> Row {
    Row { what: "start".into(), measured, unit: Unit::Seconds, bar }
}

const GOOD: Measurement = Measurement { name: "good", about: "a", run: || Ok(vec![row(0.15, Bar::AtMost(0.3))]) };
const BAD: Measurement = Measurement { name: "bad", about: "b", run: || Ok(vec![row(0.6, Bar::AtMost(0.3))]) };
const BROKEN: Measurement = Measurement { name: "broken", about: "c", run: || bail!("no hub") };

#[test]
fn a_bar_is_reached_or_missed_in_both_directions() {
    let cases = [(1.0, Bar::AtMost(2.0), true, 2.0), (4.0, Bar::AtMost(2.0), false, 0.5), (4.0, Bar::AtLeast(2.0), true, 2.0)];
    for (measured, bar, passes, ratio) in cases {
        let row = row(measured, bar);
        assert_eq!(row.passes(), passes, "{row:?}");
        assert!((row.ratio() - ratio).abs() < 1e-9, "{row:?}");
    }
    assert!(!row(f64::NAN, Bar::AtMost(1.0)).passes());
}

#[test]
fn rows_show_figure_bar_and_ratio() {
    let (passed, text) = printed(&[GOOD, BAD], &[]);
    assert!(!passed.expect("printed"));
    assert!(text.contains("pass  start  150.0 ms  ██████████░░░░░░░░░░   ≤ 300.0 ms     2.00x of the bar"), "{text}");
    assert!(text.contains("FAIL  start  600.0 ms  ████████████████████+  ≤ 300.0 ms     0.50x of the bar"), "{text}");
}

#[test]
fn only_what_is_named_is_measured() {
    assert!(printed(&[GOOD, BAD], &["good"]).0.expect("printed"));
    assert!(printed(&[GOOD], &["goood"]).0.is_err());
}

#[test]
fn nothing_measured_is_not_a_success() {
    assert!(!printed(&[], &[]).0.expect("printed"));
    let (passed, text) = printed(&[BROKEN], &[]);
    assert!(!passed.expect("printed") && text.contains("not measured: no hub"), "{text}");
}

#[test]
fn the_median_is_the_middle() {
    assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
    assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    assert!(median(&[]).is_nan());
}
