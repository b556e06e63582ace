//! The store as its callers use it, on real files: what is put comes back, and what goes wrong is said.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use vitals_model::check::CheckId;
use vitals_model::incident::{Cause, Handling, IncidentChange, IncidentState, Quiet, QuietReason, Suppressed, Ties, Withheld};
use vitals_model::quiet::{Pattern, Remark};
use vitals_model::reading::Health;
use vitals_model::tool::Definition;
use vitals_probe::clock::Stopwatch;

use super::seal::{HOUR_MS, WINDOW_MS};
use super::*;

mod actions;
mod course;
mod handled;
mod kill;
mod notices;
mod scenario;
mod standing;
mod trouble;

/// A Sunday in November 2026, 00:00 UTC.
const DAY: i64 = 1_795_305_600_000;

fn target() -> TargetId {
    TargetId::new("hub-7001")
}

fn check() -> CheckId {
    CheckId::of_server(&Text::new("filesystem"), "call")
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn sample(ms: i64, value: f64) -> Sample {
    Sample { id: check(), at: at(ms), health: Health::Healthy, value: Some(value) }
}

fn put(store: &Store, ms: i64, value: f64) {
    store.put(Record::Sample(target(), sample(ms, value)));
}

fn open(dir: &Path) -> Store {
    Store::open(dir, &Storage::default()).expect("opens")
}

fn read(dir: &Path) -> Reader {
    Store::read(dir).expect("reads")
}

/// Everything kept of [`check`], as (time, value).
fn kept(reader: &Reader) -> Vec<(i64, f64)> {
    let samples = reader.samples(&target(), &check(), at(i64::MIN), at(i64::MAX)).expect("samples");
    samples.iter().map(|s| (s.at.as_millis(), s.value.unwrap_or(f64::NAN))).collect()
}

/// Waits until the store's health is as wished; fails after 20 s.
fn wait_until(store: &Store, wish: impl Fn(&StoreHealth) -> bool) -> StoreHealth {
    let watch = Stopwatch::start();
    loop {
        let health = store.health();
        if wish(&health) {
            return health;
        }
        assert!(watch.elapsed() < Duration::from_secs(20), "still {health:?}");
        std::thread::yield_now();
    }
}

/// A number straight from the file.
fn count(dir: &Path, sql: &str) -> i64 {
    base::open_read(dir).expect("reads").query_row(sql, [], |row| row.get(0)).expect("a number")
}

fn incident(id: u64, state: IncidentState) -> Incident {
    Incident {
        id,
        target: target(),
        check: check(),
        kind: "ghost".to_owned(),
        health: Health::Failing,
        state,
        summary: "claimed connected, its process is gone".to_owned(),
        evidence: vec!["pid 7 ended".to_owned()],
        hint: "restart it".to_owned(),
        opened_at: at(DAY),
        updated_at: at(DAY + 5),
        resolved_at: (state == IncidentState::Resolved).then(|| at(DAY + 5)),
        flapping: false,
        ties: Ties::default(),
        handling: Handling::default(),
    }
}

#[test]
fn what_is_put_comes_back_after_closing() {
    let dir = tempfile::tempdir().expect("folder");
    let home = dir.path().join("state/mcp-vitals");
    let store = open(&home);
    put(&store, DAY, 3.25);
    store.put(Record::Sample(target(), Sample { value: None, health: Health::Failing, ..sample(DAY + 10_000, 0.0) }));
    store.put(Record::Incident(Box::new(incident(1, IncidentState::Open))));
    store.put(Record::Incident(Box::new(incident(2, IncidentState::Open))));
    store.put(Record::Incident(Box::new(incident(1, IncidentState::Resolved))));
    let write = Definition::of(&serde_json::json!({"name": "write_file", "inputSchema": {"maximum": 0.1}}));
    let known = [("read_file", Definition::known_by(u64::MAX)), ("write_file", write)];
    let tools: ToolSet = known.into_iter().map(|(name, definition)| (Text::new(name), definition)).collect();
    store.put(Record::Tools(target(), Text::new("filesystem"), ToolSet::default()));
    store.put(Record::Tools(target(), Text::new("filesystem"), tools.clone()));
    store.put(Record::Note { at: at(DAY), text: "watch started".to_owned() });
    let health = store.close();
    assert_eq!((health.error, health.written, health.lost), (None, 8, 0));

    let reader = read(&home);
    let samples = reader.samples(&target(), &check(), at(DAY), at(DAY + 10_001)).expect("samples");
    assert_eq!(samples[0], sample(DAY, 3.25));
    assert_eq!((samples.len(), samples[1].health, samples[1].value), (2, Health::Failing, None));
    assert_eq!(reader.last(&target(), &check()).expect("last"), samples.get(1).cloned());
    assert_eq!(reader.targets().expect("targets"), [target()]);
    assert_eq!(reader.checks(&target()).expect("checks"), [check()]);
    assert_eq!(reader.incidents(IncidentFilter::Open).expect("open"), [incident(2, IncidentState::Open)]);
    let since = |ms| reader.incidents(IncidentFilter::Since(at(ms))).expect("since").len();
    assert_eq!((since(DAY + 5), since(DAY + 6)), (2, 1));
    assert_eq!(reader.last_incident_id().expect("id"), 2);
    assert_eq!(reader.tools(&target()).expect("tools"), [(Text::new("filesystem"), tools)]);
    assert_eq!(reader.notes(at(DAY), at(DAY + 1)).expect("notes"), [(at(DAY), "watch started".to_owned())]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&home).expect("folder").permissions());
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_reader_beside_a_writer_sees_what_is_committed_and_creates_nothing() {
    let dir = tempfile::tempdir().expect("folder");
    assert!(matches!(Store::read(dir.path()), Err(StoreError::None { .. })));
    assert_eq!(std::fs::read_dir(dir.path()).expect("folder").count(), 0);
    let store = open(dir.path());
    put(&store, DAY, 1.0);
    wait_until(&store, |health| health.written == 1);
    let reader = read(dir.path());
    assert_eq!(kept(&reader), [(DAY, 1.0)]);
    put(&store, DAY + 1, 2.0);
    wait_until(&store, |health| health.written == 2);
    assert_eq!(kept(&reader), [(DAY, 1.0), (DAY + 1, 2.0)]);
    drop((reader, store));

    let files = || -> Vec<_> { std::fs::read_dir(dir.path()).expect("folder").map(|f| f.expect("file").file_name()).collect() };
    let before = files();
    assert_eq!(kept(&read(dir.path())).len(), 2);
    assert_eq!(files(), before, "reading leaves no file behind");
}

#[test]
fn a_second_writer_learns_who_holds_the_store() {
    let dir = tempfile::tempdir().expect("folder");
    let store = open(dir.path());
    let Err(error) = Store::open(dir.path(), &Storage::default()) else { panic!("two writers") };
    let StoreError::Held { pid, since, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*pid, std::process::id());
    assert!(now().since(*since) < Duration::from_secs(60));
    assert!(error.to_string().contains(&format!("process {pid} (vitals_engine")), "{error}");
    assert_eq!(Store::holder(dir.path()).map(|holder| (holder.pid, holder.since)), Some((*pid, *since)), "asked without opening");
    store.close();
    assert_eq!(Store::holder(dir.path()), None, "the file alone holds nothing");
    assert_eq!(Store::holder(&dir.path().join("no such folder")), None);
    open(dir.path());
}

#[test]
fn samples_of_a_clock_set_back_are_read_in_order() {
    let dir = tempfile::tempdir().expect("folder");
    let (mut base, _) = Base::open(dir.path(), at(DAY)).expect("opens");
    for ms in [60_000, 70_000, 20_000] {
        base.write(&[Record::Sample(target(), sample(DAY + ms, 1.0))]).expect("writes");
    }
    base.seal().expect("seals");
    for ms in [30_000, 65_000, -WINDOW_MS] {
        base.write(&[Record::Sample(target(), sample(DAY + ms, 2.0))]).expect("writes");
    }
    let times = || -> Vec<i64> { kept(&read(dir.path())).iter().map(|(ms, _)| ms - DAY).collect() };
    let sorted = [-WINDOW_MS, 20_000, 30_000, 60_000, 65_000, 70_000];
    assert_eq!(times(), sorted, "some sealed, some fresh");
    base.seal().expect("seals");
    assert_eq!(times(), sorted, "all sealed");
    assert_eq!(read(dir.path()).last(&target(), &check()).expect("last").map(|s| s.at), Some(at(DAY + 70_000)));
}

#[test]
fn a_crowded_window_has_several_parts_and_none_is_large() {
    let dir = tempfile::tempdir().expect("folder");
    let (mut base, _) = Base::open(dir.path(), at(DAY)).expect("opens");
    let count = 3 * i64::try_from(segment::ROWS_MAX).expect("small");
    for round in 0..4 {
        let batch: Vec<Record> =
            (0..count / 4).map(|n| Record::Sample(target(), sample(DAY + (round * count / 4 + n) * 100, 1.0))).collect();
        base.write(&batch).expect("writes");
        base.seal().expect("seals");
    }
    let reader = read(dir.path());
    let times: Vec<i64> = kept(&reader).iter().map(|(ms, _)| (ms - DAY) / 100).collect();
    assert!(times.iter().copied().eq(0..count), "{} of {count}", times.len());
    let summary = reader.summary(&target(), &check(), at(DAY), at(DAY + HOUR_MS)).expect("summary");
    assert_eq!(summary.healths.samples, count.unsigned_abs());
    // The last look stands for half a minute; neither the seals nor the parts in between count any time twice.
    let stands = Duration::from_millis((count * 100 - 100 + 30_000).unsigned_abs());
    assert_eq!((summary.healths.healthy, summary.observed), (stands, stands));
}

#[test]
fn samples_on_both_sides_of_a_window_border_go_to_two_segments() {
    let dir = tempfile::tempdir().expect("folder");
    let (mut base, _) = Base::open(dir.path(), at(DAY)).expect("opens");
    let times = [-1, 0, WINDOW_MS - 1, WINDOW_MS].map(|ms| DAY + ms);
    base.write(&times.map(|ms| Record::Sample(target(), sample(ms, 1.0)))).expect("writes");
    base.seal().expect("seals");
    assert_eq!(kept(&read(dir.path())).iter().map(|(ms, _)| *ms).collect::<Vec<_>>(), times);
    assert_eq!(count(dir.path(), "SELECT count(*) FROM segment"), 3);
    assert_eq!(count(dir.path(), "SELECT count(*) FROM rollup WHERE hours = 1"), 4);
    assert_eq!(count(dir.path(), "SELECT count(*) FROM rollup WHERE hours = 24"), 2);
    assert_eq!(count(dir.path(), "SELECT count(*) FROM head"), 0);
}

#[test]
fn the_writer_seals_by_itself_and_nothing_is_seen_twice() {
    let dir = tempfile::tempdir().expect("folder");
    let store = open(dir.path());
    for n in 0..10_000 {
        put(&store, DAY + n * 1000, 1.0);
    }
    assert_eq!(store.close().written, 10_000);
    assert!(count(dir.path(), "SELECT count(*) FROM head") < 8192);
    assert_eq!(kept(&read(dir.path())).len(), 10_000);
    let summary = read(dir.path()).summary(&target(), &check(), at(DAY), at(DAY + WINDOW_MS)).expect("summary");
    assert_eq!((summary.healths.total(), summary.observed.as_secs()), (10_000, 9_999 + 30));
}

#[test]
fn a_hub_that_invents_names_does_not_grow_the_store_for_ever() {
    let dir = tempfile::tempdir().expect("folder");
    let (mut base, _) = Base::open(dir.path(), at(DAY)).expect("opens");
    let named = |n: u32| Sample { id: CheckId::from_stored(&format!("hub-servers/{n}/call")), ..sample(DAY, 1.0) };
    let batch: Vec<Record> = (0..65_540).map(|n| Record::Sample(target(), named(n))).collect();
    assert_eq!(base.write(&batch).expect("writes"), 4);
    assert_eq!(read(dir.path()).checks(&target()).expect("checks").len(), 65_536);
}

#[test]
fn retention_takes_raw_then_rollups_then_the_name_and_never_incidents() {
    const DAY_MS: i64 = 24 * HOUR_MS;
    let dir = tempfile::tempdir().expect("folder");
    let mut bulk = Bulk::open(dir.path()).expect("opens");
    bulk.add(&target(), &check(), (0..10 * 24 * 60).map(|n| (at(DAY + n * 60_000), Health::Healthy, Some(1.0)))).expect("adds");
    drop(bulk);
    let (mut base, _) = Base::open(dir.path(), at(DAY)).expect("opens");
    base.write(&[Record::Incident(Box::new(incident(1, IncidentState::Resolved)))]).expect("writes");
    let day = Duration::from_secs(86_400);
    let storage = Storage { dir: None, raw: 2 * day, rollups: 5 * day, bytes_max: u64::MAX };
    base.retain(&storage, at(DAY + 10 * DAY_MS)).expect("step");
    let reader = read(dir.path());
    assert_eq!(kept(&reader).first(), Some(&(DAY + 8 * DAY_MS, 1.0)));
    let seen = |from, to| reader.summary(&target(), &check(), at(from), at(to)).expect("summary").healths.total();
    assert_eq!(seen(DAY, DAY + 5 * DAY_MS), 0);
    assert_eq!(seen(DAY, DAY + 10 * DAY_MS), 5 * 24 * 60);

    // Too large: raw samples go, rollups stay.
    let small = Storage { bytes_max: 1, ..storage.clone() };
    let step = base.retain(&small, at(DAY + 10 * DAY_MS)).expect("step");
    assert_eq!(step.segments, 8);
    assert_eq!((kept(&reader).len(), seen(DAY, DAY + 10 * DAY_MS)), (0, 5 * 24 * 60));

    base.retain(&storage, at(DAY + 30 * DAY_MS)).expect("step");
    assert!(reader.targets().expect("targets").is_empty());
    assert_eq!(reader.incidents(IncidentFilter::Since(at(DAY))).expect("incidents").len(), 1);
    base.write(&[Record::Sample(target(), sample(DAY, 1.0))]).expect("a forgotten name can come back");
    assert_eq!(reader.targets().expect("targets"), [target()]);
}

/// What a summary should say, from the samples themselves.
fn naive(samples: &BTreeMap<i64, (Health, Option<f64>)>, from: i64, to: i64) -> (usize, Option<(u64, f64, f64)>) {
    let inside = || samples.range(from..to.max(from));
    let mut values: Vec<f64> = inside().filter_map(|(_, (_, value))| *value).collect();
    values.sort_by(f64::total_cmp);
    let spread = (!values.is_empty()).then(|| {
        (values.len() as u64, values.iter().sum::<f64>() / values.len() as f64, values[(values.len() * 95).div_ceil(100) - 1])
    });
    (inside().count(), spread)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_summary_says_what_the_samples_say(
        samples in prop::collection::btree_map(0..4 * 24 * HOUR_MS, (0_u8..4, prop::option::of(1_u32..100_000)), 1..120),
        seals in prop::collection::vec(0_usize..120, 0..3),
        window in (-HOUR_MS..5 * 24 * HOUR_MS, -HOUR_MS..5 * 24 * HOUR_MS),
    ) {
        let samples: BTreeMap<i64, _> = samples
            .into_iter()
            .map(|(ms, (code, value))| (DAY + ms, (record::v1::health_of(code).expect("a health"), value.map(f64::from))))
            .collect();
        let dir = tempfile::tempdir().expect("folder");
        let (mut base, _) = Base::open(dir.path(), at(DAY)).expect("opens");
        // In no order, sealed here and there.
        let mut order: Vec<_> = samples.iter().collect();
        order.sort_by_key(|(ms, _)| *ms % 977);
        for (n, (ms, (health, value))) in order.into_iter().enumerate() {
            let sample = Sample { id: check(), at: at(*ms), health: *health, value: *value };
            base.write(&[Record::Sample(target(), sample)]).expect("writes");
            if seals.contains(&n) {
                base.seal().expect("seals");
            }
        }
        let (from, to) = (DAY + window.0, DAY + window.1);
        let told = read(dir.path()).summary(&target(), &check(), at(from), at(to)).expect("summary");
        let (count, spread) = naive(&samples, from, to);
        prop_assert_eq!(told.healths.total(), count as u64);
        prop_assert_eq!(told.spread.map(|s| s.values), spread.map(|s| s.0));
        if let (Some(told), Some((_, mean, p95))) = (told.spread, spread) {
            prop_assert!((told.mean - mean).abs() < 1e-6 * mean, "mean {} for {}", told.mean, mean);
            prop_assert!((told.p95 - p95).abs() <= p95 / 64.0, "p95 {} for {}", told.p95, p95);
        }
        prop_assert!(told.observed <= at(to).since(at(from)));
    }
}
