//! Laws of the detector: what must never alarm, what must, and what must make no difference. The series
//! are made here, from a fixed seed.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::from_millis(1_795_305_600_000);
const FIVE_MIN: Duration = Duration::from_secs(300);

/// Even noise between -1 and 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

fn noise(seed: u64, n: usize, level: f64, size: f64) -> Vec<f64> {
    let mut noise = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    (0..n).map(|_| level + size * noise.next()).collect()
}

/// A day's course, one sample every five minutes, as `(time, value)`.
fn rhythm(seed: u64, days: usize) -> Vec<(Timestamp, f64)> {
    let day = |k: usize| (k as f64 / 288.0 * std::f64::consts::TAU).sin();
    let noise = noise(seed, days * 288, 0.0, 5.0);
    noise.into_iter().enumerate().map(|(k, n)| (at(k), 100.0 + 50.0 * day(k) + n)).collect()
}

fn at(row: usize) -> Timestamp {
    START.plus(FIVE_MIN * u32::try_from(row).expect("few rows"))
}

fn opinions(values: &[f64]) -> Vec<Opinion> {
    let mut detector = Detector::default();
    values.iter().enumerate().map(|(row, value)| detector.observe(at(row), *value)).collect()
}

fn alarms(values: &[f64]) -> Vec<usize> {
    rows(opinions(values).iter().map(|o| o.call))
}

fn rows(calls: impl Iterator<Item = Call>) -> Vec<usize> {
    calls.enumerate().filter(|(_, call)| *call == Call::Alarm).map(|(row, _)| row).collect()
}

/// Noise, and from row 2,000 on something else.
fn then(other: Vec<f64>) -> Vec<f64> {
    let mut values = noise(7, 2_000, 100.0, 5.0);
    values.extend(other);
    values
}

fn first_from(values: &[f64], row: usize) -> Option<usize> {
    alarms(values).into_iter().find(|r| *r >= row)
}

#[test]
fn nothing_is_said_of_the_first_samples() {
    let wild: Vec<f64> = noise(3, 400, 0.0, 1.0).into_iter().map(|x| 1.0 / (x * x + 1e-9)).collect();
    let early = usize::try_from(SAMPLES_MIN).expect("small");
    assert!(opinions(&wild)[..early].iter().all(|o| o.call == Call::NotYet));
    assert!(opinions(&wild)[early..].iter().all(|o| o.call != Call::NotYet));
}

#[test]
fn a_shift_of_level_is_one_alarm() {
    let values = then(noise(8, 100, 120.0, 5.0));
    let found = first_from(&values, 2_000).expect("the shift is found");
    assert!(found < 2_005, "{found}");
    assert_eq!(alarms(&values).into_iter().filter(|r| *r >= 2_000).count(), 1, "what follows belongs to it");
    assert!(opinions(&values)[found + 1..].iter().any(|o| o.call == Call::Withheld));
}

#[test]
fn a_small_shift_that_stays_is_found_later() {
    let found = first_from(&then(noise(8, 200, 104.0, 5.0)), 2_000).expect("the shift is found");
    assert!(found < 2_060, "{found}");
}

#[test]
fn a_spike_is_found_at_once() {
    assert_eq!(first_from(&then(vec![250.0]), 2_000), Some(2_000));
}

#[test]
fn more_noise_at_the_same_level_is_found() {
    let found = first_from(&then(noise(8, 100, 100.0, 15.0)), 2_000).expect("the noise is found");
    assert!(found < 2_020, "{found}");
}

#[test]
fn even_noise_gives_few_false_alarms() {
    let count: usize = (1..=20).map(|seed| alarms(&noise(seed, 5_000, 100.0, 5.0)).len()).sum();
    assert!(count <= 100, "{count} in 100,000 samples");
}

#[test]
fn a_rhythm_with_gaps_is_usual_and_a_day_without_it_is_not() {
    let series = rhythm(5, 15);
    let gap = |row: usize| row > 3 * 288 && (row / 50).is_multiple_of(7);
    let mut detector = Detector::default();
    let mut calls = series.iter().enumerate().filter(|(row, _)| !gap(*row)).map(|(row, (at, value))| {
        // The last day has no afternoon: at the time of its low it stays high.
        let value = if row > 14 * 288 + 150 { 140.0 } else { *value };
        (row, detector.observe(*at, value))
    });
    let usual: Vec<usize> = calls
        .by_ref()
        .take_while(|(row, _)| *row < 14 * 288 + 150)
        .filter(|(_, o)| o.call == Call::Alarm)
        .map(|(row, _)| row)
        .collect();
    assert!(usual.len() <= 3, "{usual:?}");
    let (row, opinion) = calls.find(|(_, o)| o.call == Call::Alarm).expect("the odd day is found");
    assert!(row < 14 * 288 + 190, "{row}");
    assert!(opinion.agreed().any(|a| a == Aspect::Day), "{opinion}");
    assert!(opinion.expected < 100.0, "it was expected low at this time of day: {}", opinion.expected);
}

#[test]
fn what_is_no_number_leaves_no_trace() {
    let values = then(noise(8, 100, 120.0, 5.0));
    let mut detector = Detector::default();
    let mut calls = Vec::new();
    for (row, value) in values.iter().enumerate() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(detector.observe(at(row), odd).call, Call::NotYet);
        }
        calls.push(detector.observe(at(row), *value).call);
    }
    assert_eq!(rows(calls.into_iter()), alarms(&values));
}

#[test]
fn the_largest_numbers_do_no_harm() {
    let mut values = noise(4, 500, 0.0, f64::MAX);
    values.extend([0.0; 50]);
    assert!(opinions(&values).iter().all(|o| (0.0..=1.0).contains(&o.rarity) && o.expected.is_finite()));
    assert_eq!(first_from(&then(vec![f64::MAX]), 2_000), Some(2_000));
}

#[test]
fn the_reason_says_what_was_seen_expected_and_by_whom() {
    let said: Vec<String> = opinions(&then(vec![250.0, 250.0]))[1_999..].iter().map(ToString::to_string).collect();
    let all = "unusual in level, time of day, hour of week, activity, shape";
    let expected = [
        "101.4, expected about 100.5; 1 value in 2 (6d 22h seen); an alarm needs 1 value in 76 by 4 aspects".to_owned(),
        format!("250.0, expected about 100.5; 1 value in 239839 (6d 22h seen), {all}"),
        format!("250.0, expected about 104.2; 1 value in 23715 (6d 22h seen), {all}; belongs to the alarm before it"),
    ];
    assert_eq!(said, expected);
    assert_eq!(opinions(&[1.0])[0].to_string(), "1.000: not enough was seen before it");
}

#[test]
fn numbers_are_short() {
    let cases = [
        (0.0, "0.000"),
        (1234.5, "1234"),
        (35.0, "35.00"),
        (0.000_123_4, "0.0001234"),
        (-9_999_999.0, "-9999999"),
        (1e-300, "0.000000000000"),
    ];
    for (x, text) in cases {
        assert_eq!(brief(x), text);
    }
    assert_eq!([0.0, 0.975, 1.0].map(one_in), ["1 value in 1", "1 value in 40", "less than 1 value in a million"]);
}

#[test]
fn rarer_is_demanded_after_an_alarm() {
    let seen = opinions(&then(vec![250.0, 100.0]));
    let (before, after) = (seen[2_000].demanded, seen[2_001].demanded);
    assert!((1.0 - after) < 0.51 * (1.0 - before), "{before} {after}");
}

#[test]
fn any_factor_gives_the_same_alarms() {
    let values = then(noise(8, 500, 104.0, 5.0));
    for factor in [1e-9, 0.001, 3.7, 1e6, 1e12] {
        let scaled: Vec<f64> = values.iter().map(|v| v * factor).collect();
        assert_eq!(alarms(&scaled), alarms(&values), "{factor}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_constant_never_alarms(value: f64) {
        prop_assert_eq!(alarms(&[value; 1_500]), Vec::<usize>::new());
    }

    /// Powers of two scale without rounding, so here every opinion is the same to the last bit.
    #[test]
    fn powers_of_two_change_no_rarity(seed in 1_u64.., exponent in -30_i32..30) {
        let values = noise(seed, 700, 100.0, 90.0);
        let scaled: Vec<f64> = values.iter().map(|v| v * 2_f64.powi(exponent)).collect();
        for (a, b) in opinions(&values).iter().zip(opinions(&scaled)) {
            prop_assert_eq!(a.rarity.to_bits(), b.rarity.to_bits());
            prop_assert_eq!(a.call, b.call);
        }
    }

    #[test]
    fn turned_upside_down_it_is_as_rare(seed in 1_u64..) {
        let values = noise(seed, 700, 100.0, 90.0);
        let turned: Vec<f64> = values.iter().map(|v| -v).collect();
        prop_assert_eq!(alarms(&values), alarms(&turned));
    }

    /// Times that jump, stand still or go back, and any values: an opinion stays within its bounds.
    #[test]
    fn any_samples_are_borne(samples in prop::collection::vec((any::<i64>(), any::<f64>()), 0..400)) {
        let mut detector = Detector::default();
        for (ms, value) in samples {
            let opinion = detector.observe(Timestamp::from_millis(ms), value);
            prop_assert!((0.0..=1.0).contains(&opinion.rarity), "{}", opinion);
            prop_assert!(opinion.by_aspect.iter().all(|r| (0.0..=1.0).contains(r)), "{}", opinion);
        }
    }
}
