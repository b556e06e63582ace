//! Latencies that step up, and noise that does not.

use super::*;
use crate::detect::dice::Dice;

fn start() -> Timestamp {
    Timestamp::from_millis(1_795_348_800_000)
}

/// A value every `every`; says at which one a shift was first seen, and the last state.
fn play(every: Duration, values: impl IntoIterator<Item = f64>) -> (Option<usize>, Level) {
    let mut level = Level::default();
    let mut first = None;
    for (n, ms) in values.into_iter().enumerate() {
        level.take(start().plus(every * u32::try_from(n).unwrap()), ms);
        first = first.or(level.shift().map(|_| n));
    }
    (first, level)
}

const MINUTE: Duration = Duration::from_secs(60);

/// Log-normal around `ms`, with a slow answer now and then.
fn noisy(dice: &mut Dice, ms: f64) -> f64 {
    let slow = if dice.unit() < 0.03 { dice.between(3.0, 40.0) } else { 1.0 };
    ms * (0.3 * dice.normal()).exp() * slow
}

#[test]
fn a_step_up_is_seen_soon_with_before_and_after_and_since_when() {
    for seed in 1..=50 {
        let mut dice = Dice::new(seed);
        let values: Vec<f64> = (0..400).map(|n| noisy(&mut dice, if n < 300 { 40.0 } else { 120.0 })).collect();
        let (first, level) = play(MINUTE, values);
        let first = first.unwrap_or_else(|| panic!("seed {seed}: not seen"));
        assert!((303..=330).contains(&first), "seed {seed}: {first}");
        let shift = level.shift().unwrap();
        assert!((30.0..55.0).contains(&shift.before_ms) && (80.0..160.0).contains(&shift.after_ms), "seed {seed}: {shift:?}");
        let since_min = shift.since.since(start()).as_secs() / 60;
        assert!((290..=305).contains(&since_min), "seed {seed}: {since_min}");
    }
}

#[test]
fn it_ends_when_it_is_as_before() {
    let mut dice = Dice::new(7);
    let of = |n: u32| if (300..500).contains(&n) { 200.0 } else { 40.0 };
    let values: Vec<f64> = (0..800).map(|n| noisy(&mut dice, of(n))).collect();
    assert!(play(MINUTE, values[..500].iter().copied()).1.shift().is_some());
    assert_eq!(play(MINUTE, values).1.shift(), None);
}

#[test]
fn a_second_step_is_told_against_what_was_before_the_first() {
    let mut dice = Dice::new(3);
    let of = |n: u32| [40.0, 100.0, 400.0][(n / 200) as usize];
    let values: Vec<f64> = (0..600).map(|n| noisy(&mut dice, of(n))).collect();
    let shift = play(MINUTE, values).1.shift().unwrap();
    assert!(shift.before_ms < 55.0 && shift.after_ms > 300.0, "{shift:?}");
    assert!(shift.since < start().plus(MINUTE * 210));
}

#[test]
fn two_healthy_days_have_no_shift() {
    for seed in 1..=50 {
        let mut dice = Dice::new(seed);
        let day = f64::from(24 * 60);
        // By day it takes up to twice as long as by night; once an hour a busy minute or two.
        let values: Vec<f64> = (0..2 * 24 * 60)
            .map(|n| {
                let busy = if n % 60 < 2 { 3.0 } else { 1.0 };
                noisy(&mut dice, 60.0 * busy * (0.35 * (std::f64::consts::TAU * f64::from(n) / day).sin()).exp())
            })
            .collect();
        let (first, _) = play(MINUTE, values);
        assert_eq!(first, None, "seed {seed}");
    }
}

#[test]
fn what_nobody_feels_and_what_is_soon_over_is_none() {
    let step = |low: f64, high: f64, n: usize| [vec![low; 200], vec![high; n], vec![low; 100]].concat();
    assert_eq!(play(MINUTE, step(2.0, 12.0, 100)).0, None, "ten milliseconds more");
    assert_eq!(play(MINUTE, step(400.0, 500.0, 100)).0, None, "a quarter more");
    assert_eq!(play(MINUTE, step(40.0, 400.0, 7)).0, None, "seven minutes");
    assert!(play(MINUTE, step(40.0, 400.0, 15)).0.is_some());
    assert_eq!(play(Duration::from_millis(250), step(40.0, 400.0, 300)).0, None, "75 seconds, however many values");
    assert_eq!(play(MINUTE, vec![400.0; 25]).0, None, "nothing is usual yet");
    assert!(!play(MINUTE, vec![400.0; 25]).1.has_enough());
}
