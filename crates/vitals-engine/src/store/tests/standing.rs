//! Summaries weigh time, not looks: on real files, sealed and fresh, against a model that adds up stretches.

use vitals_model::history::HealthTimes;

use super::*;

/// No gap of these tests is longer than what a sample stands for at any pace.
const STANDS_MS: i64 = 30_000;

fn looked(ms: i64, health: Health) -> Record {
    Record::Sample(target(), Sample { id: check(), at: at(ms), health, value: None })
}

/// Time per health in a span: each sample stands until the next, the last for half a minute.
fn naive(samples: &[(i64, Health)], (from, to): (i64, i64)) -> [u64; 4] {
    let mut times = [0; 4];
    let ends = samples.iter().skip(1).map(|(ms, _)| *ms).chain(samples.last().map(|(ms, _)| ms + STANDS_MS));
    for ((begin, health), end) in samples.iter().zip(ends) {
        times[usize::from(record::v1::health_code(*health))] += (end.min(to) - (*begin).max(from)).max(0).unsigned_abs();
    }
    times
}

fn told(dir: &Path, (from, to): (i64, i64)) -> HealthTimes {
    read(dir).summary(&target(), &check(), at(from), at(to)).expect("summary").healths
}

fn in_ms(times: &HealthTimes) -> [u128; 4] {
    [times.healthy, times.unknown, times.degraded, times.failing].map(|time| time.as_millis())
}

/// 7 min 43 s of looks every 10 s, with a fault of 7.5 s that is looked at four times a second.
fn a_short_fault(start: i64) -> Vec<(i64, Health)> {
    let mut samples: Vec<_> = (0..=46).map(|n| (start + n * 10_000, Health::Healthy)).collect();
    samples.extend((0..30).map(|n| (start + 200_500 + n * 250, Health::Failing)));
    // It is over after 7.5 s, and seen to be over by two more looks of the burst.
    samples.extend([(start + 208_000, Health::Healthy), (start + 208_250, Health::Healthy)]);
    samples.sort_by_key(|(ms, _)| *ms);
    samples
}

#[test]
fn a_fault_of_7_5_s_in_7_min_43_s_is_1_6_percent_however_often_it_was_looked_at() {
    // Within an hour, and across the border of two windows; fresh, and sealed.
    for start in [DAY + 600_000, DAY + WINDOW_MS - 203_000] {
        let dir = tempfile::tempdir().expect("folder");
        let (mut base, _) = Base::open(dir.path(), at(DAY)).expect("opens");
        let batch: Vec<Record> = a_short_fault(start).into_iter().map(|(ms, health)| looked(ms, health)).collect();
        base.write(&batch).expect("writes");
        for state in ["fresh", "sealed"] {
            for span in [(start, start + 463_000), (start - 2 * HOUR_MS, start + 463_000)] {
                let times = told(dir.path(), span);
                assert_eq!(in_ms(&times), [455_500, 0, 0, 7_500], "{state}, {span:?}");
                let uptime = times.uptime().expect("known");
                assert!((uptime - (1.0 - 7.5 / 463.0)).abs() < 1e-9, "{uptime}");
            }
            base.seal().expect("seals");
        }
    }
}

#[test]
fn a_night_without_the_monitor_is_not_observed() {
    let dir = tempfile::tempdir().expect("folder");
    let (mut base, _) = Base::open(dir.path(), at(DAY)).expect("opens");
    let evening = (0..360).map(|n| looked(DAY + n * 10_000, Health::Healthy));
    let morning = (0..360).map(|n| looked(DAY + 9 * HOUR_MS + n * 10_000, Health::Failing));
    base.write(&evening.chain(morning).collect::<Vec<_>>()).expect("writes");
    for _ in ["fresh", "sealed"] {
        // The last look before the pause stands for half a minute, as does the last of all.
        let times = told(dir.path(), (DAY, DAY + 24 * HOUR_MS));
        assert_eq!(in_ms(&times), [3_590_000 + 30_000, 0, 0, 3_590_000 + 30_000]);
        assert_eq!(times.uptime(), Some(0.5));
        base.seal().expect("seals");
    }
}

#[test]
fn looks_every_30_minutes_leave_no_hole_across_windows_and_seals() {
    let dir = tempfile::tempdir().expect("folder");
    let (mut base, _) = Base::open(dir.path(), at(DAY)).expect("opens");
    for n in 0..=47 {
        // Ten past and twenty to: no look falls on a border.
        base.write(&[looked(DAY + HOUR_MS / 6 + n * HOUR_MS / 2, if n == 10 { Health::Failing } else { Health::Healthy })])
            .expect("writes");
        if n % 2 == 1 {
            base.seal().expect("seals");
        }
    }
    let times = told(dir.path(), (DAY, DAY + 24 * HOUR_MS));
    let half_hour = u128::from(HOUR_MS.unsigned_abs() / 2);
    assert_eq!(in_ms(&times), [47 * half_hour - half_hour / 3, 0, 0, half_hour]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sealed_here_and_there_times_are_those_of_the_model(
        steps in prop::collection::vec((prop_oneof![1 => 1_i64..400, 2 => 1_i64..=STANDS_MS], 0_u8..4), 2..900),
        seals in prop::collection::vec(0_usize..900, 0..4),
        span in (0_f64..1.0, 0_f64..1.0),
    ) {
        // Across the border of a day, and as a rule far enough for whole hours on both sides of it.
        let mut ms = DAY - 20 * 60_000;
        let samples: Vec<_> = steps
            .into_iter()
            .map(|(step, code)| {
                ms += step;
                (ms, record::v1::health_of(code).expect("a health"))
            })
            .collect();
        let dir = tempfile::tempdir().expect("folder");
        let (mut base, _) = Base::open(dir.path(), at(DAY)).expect("opens");
        let mut done = 0;
        let mut cuts: Vec<usize> = seals.into_iter().map(|cut| cut.min(samples.len())).collect();
        cuts.sort_unstable();
        for cut in cuts {
            base.write(&samples[done..cut].iter().map(|(ms, health)| looked(*ms, *health)).collect::<Vec<_>>()).expect("writes");
            base.seal().expect("seals");
            done = cut;
        }
        base.write(&samples[done..].iter().map(|(ms, health)| looked(*ms, *health)).collect::<Vec<_>>()).expect("writes");

        // A span that ends at the last sample at the latest: what that one stands for depends on the pace.
        let (start, length) = (samples[0].0 - HOUR_MS, (ms - samples[0].0 + HOUR_MS) as f64);
        #[expect(clippy::cast_possible_truncation, reason = "a share of two hours in milliseconds")]
        let [a, b] = [span.0, span.1].map(|share| start + (length * share) as i64);
        for span in [(a.min(b), a.max(b)), (start, ms)] {
            let times = told(dir.path(), span);
            prop_assert_eq!(in_ms(&times), naive(&samples, span).map(u128::from));
            let inside = samples.iter().filter(|(ms, _)| (span.0..span.1).contains(ms)).count();
            prop_assert_eq!(times.total(), inside as u64);
        }
    }
}

#[test]
fn uptime_leaves_out_what_is_not_known() {
    let s = Duration::from_secs;
    let times = HealthTimes { healthy: s(6), unknown: s(90), degraded: s(2), failing: s(2), samples: 7 };
    assert_eq!((times.uptime(), times.total(), times.observed()), (Some(0.8), 7, s(100)));
    assert_eq!(HealthTimes { unknown: s(3), ..HealthTimes::default() }.uptime(), None);
}
