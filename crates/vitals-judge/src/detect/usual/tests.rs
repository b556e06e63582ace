//! Minutes that are unlike the hours before them, and noise that is not.

use super::*;
use crate::detect::dice::Dice;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: u32 = 24 * 60;

fn start() -> Timestamp {
    Timestamp::from_millis(1_795_348_800_000).floor_to(HOUR * 24)
}

fn minute(n: u32) -> Timestamp {
    start().plus(MINUTE * n)
}

/// A call of 60 ms that takes up to twice as long by day as by night, with a slow answer now and then, and a busy
/// minute or two in each hour.
fn healthy(dice: &mut Dice, n: u32) -> f64 {
    let slow = if dice.unit() < 0.01 { dice.between(3.0, 40.0) } else { 1.0 };
    let busy = if n % 60 < 2 { 3.0 } else { 1.0 };
    let day = (0.35 * (std::f64::consts::TAU * f64::from(n) / f64::from(DAY)).sin()).exp();
    60.0 * day * slow * busy * (0.3 * dice.normal()).exp()
}

/// One value a minute, `times` as long as healthy; says at which minute something was first found, and the last state.
fn play(seed: u64, minutes: u32, times: impl Fn(u32) -> f64) -> (Option<u32>, Usual) {
    let (mut dice, mut usual, mut first) = (Dice::new(seed), Usual::default(), None);
    for n in 0..minutes {
        usual.take(minute(n), times(n) * healthy(&mut dice, n));
        first = first.or(usual.unusual().map(|_| n));
    }
    (first, usual)
}

/// `times` for `lasts` minutes from minute `from` on.
fn burst(from: u32, lasts: u32, times: f64) -> impl Fn(u32) -> f64 {
    move |n| if (from..from + lasts).contains(&n) { times } else { 1.0 }
}

#[test]
fn a_healthy_month_has_one_unusual_run_at_most_and_most_have_none() {
    let mut all = 0;
    for seed in 1..=4 {
        let (mut dice, mut usual, mut found) = (Dice::new(seed), Usual::default(), Vec::new());
        for n in 0..30 * DAY {
            usual.take(minute(n), healthy(&mut dice, n));
            found.extend(usual.unusual().map(|found| found.since));
        }
        found.dedup();
        assert!(found.len() <= 1, "seed {seed}: {found:?}");
        assert!(usual.has_enough() && usual.hours.len() == HOURS_MAX && usual.values.len() <= HOUR_VALUES_MAX);
        all += found.len();
    }
    assert!(all <= 1, "{all} in four months");
}

#[test]
fn of_six_minutes_that_take_four_times_as_long_nineteen_in_twenty_are_found_and_said_when_over() {
    let mut missed = Vec::new();
    for seed in 1..=40 {
        // At any time of the first three days, but for their nights.
        let from = u32::try_from(seed % 3).unwrap() * DAY + 5 * 60 + u32::try_from(seed * 7 % 600).unwrap() + 20;
        let (first, usual) = play(seed, from + 120, burst(from, 6, 4.0));
        let Some(first) = first else {
            missed.push(seed);
            continue;
        };
        assert!((from..=from + 6).contains(&first), "seed {seed}: {}", first - from);
        let found = usual.unusual().expect("it is still told");
        let times = found.seen_ms / found.expected_ms;
        assert!((1.5..6.0).contains(&times), "seed {seed}: {found:?}");
        let [since, until] = [found.since, found.until].map(|at| at.since(start()).as_secs() / 60);
        assert!(since.abs_diff(from.into()) <= 5 && until.abs_diff((from + 5).into()) <= 5, "seed {seed}: {since} {until}");
    }
    assert!(missed.len() <= 2, "{missed:?}");
}

#[test]
fn three_times_as_long_is_found_within_a_quarter_of_an_hour_of_the_first_day_and_of_the_third() {
    for from in [5 * 60 + 20, 2 * DAY + 5 * 60 + 20] {
        for seed in 1..=20 {
            let (first, _) = play(seed, from + 15, burst(from, 60, 3.0));
            assert!(first.is_some_and(|first| first >= from), "seed {seed} from {from}: {first:?}");
        }
    }
}

#[test]
fn what_comes_every_day_at_this_time_is_usual_on_the_second_day() {
    // A backup at half past two, for 20 minutes.
    let backup = |n: u32| if (150..170).contains(&(n % DAY)) { 5.0 } else { 1.0 };
    for seed in 1..=5 {
        let (first, usual) = play(seed, 3 * DAY, backup);
        assert!(first.is_some_and(|first| first < 170), "seed {seed}: {first:?}");
        let last = usual.unusual().map(|found| found.since.since(start()).as_secs() / 60);
        assert!(last < Some(170), "seed {seed}: {last:?}");
    }
}

#[test]
fn what_the_day_reaches_at_noon_is_unusual_at_night() {
    let night = 3 * DAY + 18 * 60 + 10;
    // By day 60 * e^0.35 = 85 ms; at this hour 42 ms, and for a while 105.
    let (first, _) = play(3, night + 15, burst(night, 15, 2.5));
    assert!(first.is_some_and(|first| first >= night), "{first:?}");
}

#[test]
fn few_or_fast_or_seldom_values_are_no_run() {
    let steady = |minutes: u32, every: Duration, then: &[f64]| {
        let mut usual = Usual::default();
        let n = u32::try_from(HOUR.as_secs() * 3 / every.as_secs()).unwrap();
        let values = (0..n).map(|_| 60.0).chain(then.iter().copied());
        for (n, ms) in (0..).zip(values) {
            // A little unrest, else each value is rare.
            usual.take(minute(minutes).plus(every * n), ms * (1.0 + f64::from(n % 7) / 50.0));
        }
        usual.unusual()
    };
    assert_eq!(steady(0, MINUTE, &[600.0; 3]), None, "three values");
    assert!(steady(0, MINUTE, &[600.0; 4]).is_some());
    assert_eq!(steady(0, Duration::from_secs(5), &[600.0; 24]), None, "just under two minutes");
    assert!(steady(0, Duration::from_secs(5), &[600.0; 30]).is_some());
    assert_eq!(steady(0, MINUTE, &[80.0; 60]), None, "a third more");
}

#[test]
fn values_far_apart_are_of_different_runs_and_a_clock_set_back_does_no_harm() {
    let mut usual = Usual::default();
    let calm = |usual: &mut Usual, from: u32| (from..from + 150).for_each(|n| usual.take(minute(n), 60.0 + f64::from(n % 7)));
    calm(&mut usual, 0);
    assert!(usual.has_enough());
    for n in 0..6 {
        usual.take(minute(200 + 40 * n), 600.0);
    }
    assert_eq!(usual.unusual(), None, "one value in forty minutes");
    calm(&mut usual, 20);
    assert_eq!(usual.unusual(), None);
    assert!(usual.hours.len() <= HOURS_MAX);
    // A week later nothing of it is asked any more.
    usual.take(minute(8 * DAY), 60.0);
    assert!(!usual.has_enough());
}

#[test]
fn the_sentence_says_what_was_seen_and_expected_since_when_and_who_agreed() {
    let found = Unusual { since: minute(60), until: minute(66), seen_ms: 212.0, expected_ms: 60.0, hours: 8, one_in: 5210.4 };
    assert_eq!(
        found.to_string(),
        "took 212 ms for 6m 00s since 2026-11-22T01:00:00.000Z, usually at most 60 ms (3.5x): too high for each of 8 hours \
         compared with, and 1 value in 5210 is so rare"
    );
}
