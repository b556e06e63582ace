//! Standing times against hand-made histories, and against a model that looks at every tick.

use proptest::prelude::*;
use vitals_model::reading::Health;

use super::*;

const HEALTHS: [Health; 4] = [Health::Healthy, Health::Unknown, Health::Degraded, Health::Failing];
const EVER: (i64, i64) = (i64::MIN, i64::MAX);

fn row(at: i64, health: Health) -> Row {
    Row { at, health, value: None }
}

fn healthy(at: impl IntoIterator<Item = i64>) -> Vec<Row> {
    at.into_iter().map(|at| row(at, Health::Healthy)).collect()
}

/// The bound on standing by a slow model: the pace is the least gap that three quarters of the gaps do not exceed.
fn longest(rows: &[Row]) -> i64 {
    let gaps: Vec<i64> = rows.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    let enough = |pace: &i64| gaps.iter().filter(|gap| *gap <= pace).count() * 4 >= gaps.len() * 3;
    (2 * gaps.iter().copied().filter(enough).min().unwrap_or(0)).clamp(30_000, 2_100_000)
}

/// The times of a span by a slow model: at each tick, the health of the last sample that still stands.
fn naive(rows: &[Row], (from, to): (i64, i64), tick: i64) -> Times {
    let mut times = Times::default();
    for now in (from..to).step_by(usize::try_from(tick).unwrap_or(1)) {
        let last = rows.iter().rfind(|row| row.at <= now);
        if let Some(row) = last.filter(|row| now < row.at + longest(rows)) {
            times[usize::from(health_code(row.health))] += tick;
        }
    }
    times
}

const TICK: i64 = 10_000;

/// Times in ticks, so that the model need not look at every millisecond: bursts, a pace, pauses.
fn history() -> impl Strategy<Value = Vec<Row>> {
    let step = prop_oneof![4 => 0_i64..3, 4 => 28_i64..32, 1 => 100_i64..700];
    prop::collection::vec((step, 0_usize..4), 0..60).prop_map(|steps| {
        let mut at = 0;
        let row_after = |(step, health): (i64, usize)| {
            at += step * TICK;
            row(at, HEALTHS[health])
        };
        steps.into_iter().map(row_after).collect()
    })
}

proptest! {
    #[test]
    fn a_span_is_what_a_look_at_every_tick_says(rows in history(), from in -100_i64..2000, length in 0_i64..2000) {
        let span = (from * TICK, (from + length) * TICK);
        prop_assert_eq!(within(&rows, span), naive(&rows, span, TICK));
    }

    #[test]
    fn the_hours_of_a_window_are_spans_of_it(rows in history(), before in prop::option::of(1_i64..300)) {
        let window = HOUR_MS * 6;
        let rows: Vec<Row> = rows.into_iter().filter(|row| row.at < window).map(|r| Row { at: r.at + window, ..r }).collect();
        let before = before.map(|ticks| row(window - ticks * TICK, Health::Degraded));
        let all: Vec<Row> = before.into_iter().chain(rows.iter().copied()).collect();
        let mut start = window;
        for times in by_hour(before, &rows, window) {
            let expected = if rows.is_empty() { Times::default() } else { within(&all, (start, start + HOUR_MS)) };
            prop_assert_eq!(times, expected);
            start += HOUR_MS;
        }
    }
}

#[test]
fn a_pause_counts_for_twice_the_pace_only() {
    let looks = [0, 60_000, 120_000, 180_000, 3_630_000, 3_690_000];
    assert_eq!(within(&healthy(looks), EVER), [3 * 60_000 + 120_000 + 60_000 + 120_000, 0, 0, 0]);
    // At a fast pace half a minute.
    assert_eq!(within(&healthy((0..5).map(|n| n * 1000)), EVER), [34_000, 0, 0, 0]);
    assert_eq!(within(&healthy([0]), EVER), [30_000, 0, 0, 0]);
    assert_eq!(within(&[], EVER), Times::default());
}

#[test]
fn looks_every_30_minutes_leave_no_hole() {
    let half_hours = healthy((0..48).map(|n| n * 30 * 60_000));
    assert_eq!(within(&half_hours, (0, 24 * HOUR_MS)), [24 * HOUR_MS, 0, 0, 0]);
}

#[test]
fn a_burst_does_not_shorten_what_a_quiet_look_stands_for() {
    // Every five minutes, and 20 looks a quarter of a second apart after the third of ten.
    let mut looks: Vec<i64> = (0..10).map(|n| n * 300_000).collect();
    looks.extend((1..=20).map(|n| 600_000 + n * 250));
    looks.sort_unstable();
    assert_eq!(within(&healthy(looks), (0, 3_000_000)), [3_000_000, 0, 0, 0]);
}
