//! Segments against the rows they were made of, and against bytes that no writer wrote.

use proptest::prelude::*;

use super::*;

const HEALTHS: [Health; 4] = [Health::Healthy, Health::Unknown, Health::Degraded, Health::Failing];

/// Compares bits, so that no NaN or -0 slips through.
fn bits(rows: &[Row]) -> Vec<(i64, Health, Option<u64>)> {
    rows.iter().map(|r| (r.at, r.health, r.value.map(f64::to_bits))).collect()
}

/// Rows as a prober sees them: a steady pace with jitter, values of one nature.
fn steady() -> impl Strategy<Value = Vec<Row>> {
    let row = (9_900_i64..10_100, 0_usize..20, prop_oneof![4 => (0.0..9000.0).prop_map(Some), 1 => Just(None)]);
    prop::collection::vec(row, 0..300).prop_map(|steps| {
        let mut at = 1_795_000_000_000;
        let row = |(step, health, value): (i64, usize, Option<f64>)| {
            at += step;
            Row { at, health: *HEALTHS.get(health).unwrap_or(&Health::Healthy), value: value.and_then(grain) }
        };
        steps.into_iter().map(row).collect()
    })
}

proptest! {
    #[test]
    fn any_rows_come_back_bit_by_bit(rows in prop::collection::vec((any::<i64>(), 0_usize..4, any::<Option<f64>>()), 0..200)) {
        let rows: Vec<Row> = rows.into_iter().map(|(at, health, value)| Row { at, health: HEALTHS[health], value }).collect();
        let back = decode(&encode(&rows));
        prop_assert_eq!(back.map(|b| bits(&b)), Some(bits(&rows)));
    }

    #[test]
    fn a_steady_check_takes_at_most_six_bytes_a_sample(rows in steady()) {
        let body = encode(&rows);
        prop_assert_eq!(decode(&body).map(|b| bits(&b)), Some(bits(&rows)));
        // A run of health costs at most 2 bytes; here every row may begin one.
        prop_assert!(body.len() <= 24 + rows.len() * (6 + 2), "{} bytes for {} rows", body.len(), rows.len());
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200), layout in prop::bool::ANY) {
        let mut body = body;
        if layout && let Some(first) = body.first_mut() {
            *first = LAYOUT;
        }
        if let Some(rows) = decode(&body) {
            prop_assert!(rows.len() <= ROWS_MAX);
        }
    }

    #[test]
    fn grain_is_fine_and_stays_put(value in prop_oneof![-1e9..1e9, -1.0..1.0, any::<f64>()]) {
        match grain(value) {
            None => prop_assert!(!value.is_finite()),
            Some(kept) => {
                prop_assert_eq!(grain(kept), Some(kept));
                let fine = if value.abs() < 1.0 { 0.51e-6 } else { 0.51e-3 };
                prop_assert!((kept - value).abs() <= fine, "{value} became {kept}");
            }
        }
    }
}

/// Rounding it through a thousandth gave 0.219, twice as far away as may be.
#[test]
fn a_large_value_with_a_fraction_is_kept_as_it_is() {
    assert_eq!(grain(2_335_711_877_982.218_3), Some(2_335_711_877_982.218_3));
}

#[test]
fn whole_numbers_stay_whole() {
    for bytes in [0.0, 1.0, 90_312_704.0, 9_007_199_254_740_992.0, -5.0] {
        assert_eq!(grain(bytes), Some(bytes));
    }
    assert_eq!(grain(f64::NAN), None);
    assert_eq!(grain(-0.0).map(f64::to_bits), Some(0));
}

#[test]
fn a_cut_segment_is_damaged_not_short() {
    let rows: Vec<Row> = (0..50).map(|n| Row { at: n * 10_000, health: Health::Healthy, value: Some(n as f64) }).collect();
    let body = encode(&rows);
    for length in 0..body.len() {
        assert_eq!(decode(&body[..length]), None, "cut to {length} bytes");
    }
    assert_eq!(decode(&[body, vec![0]].concat()), None, "something after the end");
}
