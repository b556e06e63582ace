//! Runs of scenarios in the store, and a file from before there were any.

use vitals_model::check::Unit;
use vitals_model::scenario::{Figure, Outcome, Run, Stand, Step};

use super::*;

fn run(ms: i64, outcome: Outcome) -> Run {
    let step = Step {
        does: "kill its process".to_owned(),
        expects: "calls are answered again within 30 s".to_owned(),
        outcome,
        seen: "hub says connected; calls answer \"Not connected\"".to_owned(),
        figures: vec![Figure::new("back", 1234.5, Unit::Millis), Figure::count("calls", 30)],
        took: Duration::from_millis(30_125),
    };
    let (scenario, took) = ("server-crash".to_owned(), Duration::from_millis(31_250));
    Run { scenario, target: target(), stand: Stand::Hub, at: at(ms), took, steps: vec![step] }
}

#[test]
fn runs_come_back_as_they_were_and_old_ones_go() {
    let dir = tempfile::tempdir().expect("folder");
    let store = open(dir.path());
    for (ms, outcome) in [(DAY, Outcome::Failed), (DAY + 1, Outcome::Skipped), (DAY + 2, Outcome::Passed)] {
        store.put(Record::Scenario(Box::new(run(ms, outcome))));
    }
    assert_eq!(store.close().written, 3);
    let runs = |from, to| read(dir.path()).scenarios(&target(), at(from), at(to)).expect("runs");
    assert_eq!(runs(DAY, DAY + 2), [run(DAY, Outcome::Failed), run(DAY + 1, Outcome::Skipped)]);
    assert_eq!(read(dir.path()).targets().expect("targets"), [target()], "known by its scenarios alone");
    assert_eq!(read(dir.path()).scenarios(&TargetId::new("other"), at(0), at(i64::MAX)).expect("none"), []);

    let (mut base, _) = Base::open(dir.path(), at(DAY)).expect("opens");
    let kept = Storage { rollups: Duration::from_secs(86_400), ..Storage::default() };
    base.retain(&kept, at(DAY + 1).plus(kept.rollups)).expect("retains");
    drop(base);
    assert_eq!(runs(0, i64::MAX).len(), 2, "the one older than the rollups is gone");
}

#[test]
fn a_file_of_schema_2_is_read_as_it_is_and_brought_up_to_date() {
    let dir = tempfile::tempdir().expect("folder");
    let store = open(dir.path());
    put(&store, DAY, 1.0);
    store.close();
    // What later schemas added is taken away again.
    let connection = rusqlite::Connection::open(base::path(dir.path())).expect("opens");
    connection
        .execute_batch(
            "DROP TABLE action; DROP TABLE notice; DROP TABLE told; DROP TABLE decision; DROP TABLE errors; DROP TABLE scenario;
             DROP TABLE silence; PRAGMA user_version = 2;",
        )
        .expect("schema 2");
    drop(connection);

    let old = read(dir.path());
    assert_eq!((old.targets().expect("targets"), kept(&old)), (vec![target()], vec![(DAY, 1.0)]));
    assert_eq!(old.scenarios(&target(), at(0), at(i64::MAX)).expect("none"), []);
    assert_eq!(count(dir.path(), "PRAGMA user_version"), 2, "a reader changes nothing");

    let store = open(dir.path());
    store.put(Record::Scenario(Box::new(run(DAY, Outcome::Passed))));
    let health = store.close();
    assert_eq!((health.error, health.moved_aside, health.written), (None, None, 1));
    let new = read(dir.path());
    assert_eq!(new.scenarios(&target(), at(0), at(i64::MAX)).expect("runs"), [run(DAY, Outcome::Passed)]);
    assert_eq!((kept(&new), count(dir.path(), "PRAGMA user_version")), (vec![(DAY, 1.0)], base::SCHEMA));
}

#[test]
fn what_is_left_while_another_process_writes_is_taken_in_once() {
    let dir = tempfile::tempdir().expect("folder");
    let store = open(dir.path());
    Store::leave(dir.path(), &run(DAY, Outcome::Failed)).expect("left");
    Store::leave(dir.path(), &run(DAY + 1, Outcome::Passed)).expect("left");
    std::fs::write(dir.path().join("left/0-broken.json"), "{").expect("writes");
    put(&store, DAY, 1.0);
    wait_until(&store, |health| health.written == 3 && health.lost == 1);
    store.close();
    let runs = || read(dir.path()).scenarios(&target(), at(0), at(i64::MAX)).expect("runs");
    assert_eq!(runs(), [run(DAY, Outcome::Failed), run(DAY + 1, Outcome::Passed)]);
    let store = open(dir.path());
    put(&store, DAY + 1, 1.0);
    store.close();
    assert_eq!(runs().len(), 2, "nothing is left to be taken in again");
    assert_eq!(std::fs::read_dir(dir.path().join("left")).expect("folder").count(), 0);
}

#[test]
fn no_more_is_left_than_there_is_room_for() {
    let dir = tempfile::tempdir().expect("folder");
    let left = (0..300).filter(|ms| Store::leave(dir.path(), &run(DAY + ms, Outcome::Passed)).is_ok()).count();
    assert_eq!(left, 256);
}
