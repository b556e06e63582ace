//! The course of a check: its slices say together what the summary of the whole span says.

use vitals_model::history::{Cut, HealthTimes, Span, Summary};

use super::*;

const MINUTE: i64 = 60_000;

/// Ten days of looks every 20 s, a tenth of them failing, with a pause of a day; the last hours are not sealed.
fn history() -> (tempfile::TempDir, i64) {
    let dir = tempfile::tempdir().expect("a folder");
    let end = DAY + 10 * 24 * HOUR_MS;
    let looks: Vec<_> = (DAY..end)
        .step_by(20_000)
        .filter(|ms| !(DAY + 3 * 24 * HOUR_MS..DAY + 4 * 24 * HOUR_MS).contains(ms))
        .map(|ms| {
            let n = (ms - DAY) / 20_000;
            let health = if n % 10 == 7 { Health::Failing } else { Health::Healthy };
            (at(ms), health, (health == Health::Healthy).then_some((n % 97) as f64))
        })
        .collect();
    let (sealed, fresh) = looks.split_at(looks.len() - 1000);
    Bulk::open(dir.path()).expect("opens").add(&target(), &check(), sealed.iter().copied()).expect("adds");
    let keep = Storage {
        raw: Duration::from_secs(86_400 * 36_500),
        rollups: Duration::from_secs(86_400 * 36_500),
        ..Storage::default()
    };
    let store = Store::open(dir.path(), &keep).expect("opens");
    for (at, health, value) in fresh {
        store.put(Record::Sample(target(), Sample { id: check(), at: *at, health: *health, value: *value }));
    }
    assert_eq!(store.close().lost, 0);
    (dir, end)
}

fn added(slices: &[Summary]) -> HealthTimes {
    slices.iter().fold(HealthTimes::default(), |sum, slice| HealthTimes {
        healthy: sum.healthy + slice.healths.healthy,
        unknown: sum.unknown + slice.healths.unknown,
        degraded: sum.degraded + slice.healths.degraded,
        failing: sum.failing + slice.healths.failing,
        samples: sum.samples + slice.healths.samples,
    })
}

#[test]
fn slices_of_any_length_add_up_to_the_summary() {
    let (dir, end) = history();
    let reader = read(dir.path());
    for (minutes, step) in [(60, 1), (6 * 60, 5), (48 * 60, 30), (4 * 24 * 60, 60), (10 * 24 * 60, 6 * 60)] {
        let cut = Cut::of(Span { from: at(end - minutes * MINUTE), to: at(end) });
        assert_eq!(cut.step, Duration::from_secs(step * 60));
        let slices = reader.course(&target(), &check(), &cut).expect("a course");
        assert_eq!(slices.len(), cut.count());
        let whole = reader.summary(&target(), &check(), cut.from, cut.to).expect("a summary");
        let (sum, all) = (added(&slices), whole.healths);
        assert_eq!(sum.samples, all.samples, "{minutes} minutes");
        // A pause may be seen 30 s longer or shorter, once.
        for (a, b) in [(sum.healthy, all.healthy), (sum.failing, all.failing)] {
            assert!(a.abs_diff(b) <= Duration::from_secs(31), "{minutes} minutes: {sum:?} and {all:?}");
        }
        let greatest = slices.iter().filter_map(|s| s.spread).map(|s| s.max).fold(0.0, f64::max);
        assert_eq!(whole.spread.map(|s| s.max), Some(greatest));
    }
}

#[test]
fn a_slice_in_which_nobody_looked_is_empty() {
    let (dir, end) = history();
    let cut = Cut::of(Span { from: at(DAY), to: at(end) });
    let slices = read(dir.path()).course(&target(), &check(), &cut).expect("a course");
    let pause = &slices[3 * 4 + 1..4 * 4];
    assert!(pause.iter().all(|slice| slice.observed.is_zero() && slice.spread.is_none()), "{pause:?}");
    let unknown = read(dir.path()).course(&target(), &CheckId::from_stored("logging/size"), &cut).expect("a course");
    assert!(unknown.len() == cut.count() && unknown.iter().all(|slice| *slice == Summary::default()));
}

#[test]
fn values_above_a_limit_are_counted() {
    let (dir, end) = history();
    let reader = read(dir.path());
    let span = (at(end - 10 * 24 * HOUR_MS), at(end));
    let above = |limit| {
        let (summary, above) = reader.summary_above(&target(), &check(), span, limit).expect("a count");
        above as f64 / summary.spread.expect("values").values as f64
    };
    assert_eq!((above(96.0), above(-1.0)), (0.0, 1.0));
    // Values are 0 to 96, evenly.
    assert!((above(47.9) - 0.5).abs() < 0.02, "{}", above(47.9));
}
