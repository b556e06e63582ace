//! The frame: what passes, what fails, what is printed.

use super::*;

fn printed(all: &[Measurement], names: &[&str]) -> (anyhow::Result<bool>, String) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut out = Vec::new();
    let passed = run(all, &names, &mut out);
    (passed, String::from_utf8(out).expect("text"))
}

fn row(measured: f64, bar: Bar) -> Row {
    Row::new("start", measured, Unit::Seconds, bar)
}

const GOOD: Measurement = Measurement { name: "good", about: "a", run: |_| Ok(vec![row(0.15, Bar::AtMost(0.3))]) };
const BAD: Measurement = Measurement { name: "bad", about: "b", run: |_| Ok(vec![row(0.6, Bar::AtMost(0.3))]) };
const BROKEN: Measurement = Measurement { name: "broken", about: "c", run: |_| bail!("no hub") };

#[test]
fn a_bar_is_reached_or_missed_in_both_directions() {
    let cases = [(1.0, Bar::AtMost(2.0), true, 2.0), (4.0, Bar::AtMost(2.0), false, 0.5), (4.0, Bar::AtLeast(2.0), true, 2.0)];
    for (measured, bar, passes, ratio) in cases {
        let row = row(measured, bar);
        assert_eq!(row.passes(), passes, "{row:?}");
        assert!(row.ratio().is_some_and(|r| (r - ratio).abs() < 1e-9), "{row:?}");
    }
    assert!(!row(f64::NAN, Bar::AtMost(1.0)).passes());
    assert!(row(7.0, Bar::Fact).passes() && !row(f64::NAN, Bar::Fact).passes());
}

#[test]
fn nothing_is_the_bar_for_what_must_not_be_there() {
    let (none, some) = (row(0.0, Bar::AtMost(0.0)), row(3.0, Bar::AtMost(0.0)));
    assert_eq!((none.passes(), none.ratio()), (true, Some(1.0)));
    assert_eq!((some.passes(), some.ratio()), (false, Some(0.0)));
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
    assert!(printed(&[GOOD, BAD], &["--bench", "good"]).0.expect("cargo's own word is passed over"));
}

#[test]
fn a_quick_run_says_that_it_is_one() {
    const EFFORT: Measurement = Measurement {
        name: "effort",
        about: "d",
        run: |effort| Ok(vec![Row::new("runs", effort.of(20.0, 3.0), Unit::Count, Bar::Fact)]),
    };
    let (_, full) = printed(&[EFFORT], &[]);
    let (_, quick) = printed(&[EFFORT], &["--quick"]);
    assert!(full.contains("runs  20") && !full.contains("quick"), "{full}");
    assert!(quick.contains("runs  3") && quick.contains("not to be quoted"), "{quick}");
    assert!(printed(&[EFFORT], &["--fast"]).0.is_err());
}

#[test]
fn a_panic_ends_one_measurement_only() {
    const PANICS: Measurement = Measurement { name: "panics", about: "e", run: |_| panic!("no line within 5 s") };
    let (passed, text) = printed(&[PANICS, GOOD], &[]);
    assert!(!passed.expect("printed") && text.contains("not measured: no line within 5 s"), "{text}");
    assert!(text.contains("pass  start"), "{text}");
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
