//! Rollups against the values they were made of.

use proptest::prelude::*;
use vitals_model::reading::Health;

use super::*;

fn row(at: i64, value: Option<f64>) -> Row {
    Row { at, health: Health::Healthy, value }
}

fn rollup(values: &[f64]) -> Rollup {
    let mut rollup = Rollup::default();
    for value in values {
        rollup.add(&row(0, Some(*value)));
        rollup.stand(&[1, 0, 2, -1]);
    }
    rollup
}

/// The percentile by nearest rank, from the values themselves.
fn naive(values: &[f64], permille: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * permille).div_ceil(1000).max(1) - 1]
}

proptest! {
    #[test]
    fn percentiles_are_within_the_promised_error(
        values in prop::collection::vec(prop_oneof![0.001_f64..1e6, -1e3_f64..-0.001, Just(0.0)], 1..400),
        permille in 1_usize..=1000,
    ) {
        let (told, truth) = (rollup(&values).percentile(permille as u64), naive(&values, permille));
        let told = told.ok_or_else(|| TestCaseError::fail("no percentile"))?;
        prop_assert!((told - truth).abs() <= truth.abs() / 64.0 + 1e-9, "{told} for {truth}");
    }

    #[test]
    fn parts_add_up_to_the_whole(values in prop::collection::vec(-1e4_f64..1e4, 0..200), cut in 0_usize..200) {
        let (left, right) = values.split_at(cut.min(values.len()));
        let (mut sum, whole) = (rollup(left), rollup(&values));
        sum.merge(&rollup(right));
        prop_assert_eq!((&sum.sketch, sum.samples, sum.times), (&whole.sketch, whole.samples, whole.times));
        prop_assert_eq!((sum.min, sum.max), (whole.min, whole.max));
        prop_assert_eq!(Rollup::decode(&whole.encode()), Some(whole));
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let body = [vec![LAYOUT], body].concat();
        if let Some(rollup) = Rollup::decode(&body) {
            let told = rollup.percentile(950);
            prop_assert!(told.is_none() || rollup.min <= rollup.max);
        }
    }
}

#[test]
fn nothing_has_no_percentile() {
    assert_eq!(Rollup::default().percentile(500), None);
    assert_eq!(Rollup::default().min_mean_max(), None);
    assert_eq!(rollup(&[3.0, 1.0, 2.0]).min_mean_max(), Some((1.0, 2.0, 3.0)));
}
