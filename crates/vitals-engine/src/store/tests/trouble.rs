//! What goes wrong with a disk: damaged and newer files, a full disk, a folder that cannot be used.

use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Output};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

/// A store with one sample in it.
fn used() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("folder");
    let store = open(dir.path());
    put(&store, DAY, 1.0);
    store.close();
    dir
}

#[test]
fn a_damaged_file_is_moved_aside_and_said() {
    let dir = used();
    fs::write(base::path(dir.path()), b"this is no database, and never was one".repeat(200)).expect("writes");
    let store = open(dir.path());
    put(&store, DAY + 1, 2.0);
    let health = store.close();
    let aside = health.moved_aside.expect("moved aside");
    assert!(fs::read(&aside).expect("kept").starts_with(b"this is no database"), "{}", aside.display());
    let reader = read(dir.path());
    assert_eq!(kept(&reader), [(DAY + 1, 2.0)]);
    let notes = reader.notes(at(0), at(i64::MAX)).expect("notes");
    assert!(notes[0].1.contains("history.db.corrupt-"), "{notes:?}");
}

#[test]
fn a_segment_that_makes_no_sense_does_not_stop_the_store() {
    let dir = used();
    let store = open(dir.path());
    // As a bad disk would: behind the writer's back.
    let connection = rusqlite::Connection::open(base::path(dir.path())).expect("opens");
    let window = at(DAY).floor_to(Duration::from_secs(6 * 3600)).as_millis();
    let garbage = "INSERT INTO segment (series, window, part, body) VALUES (1, ?, 0, x'ff')";
    connection.execute(garbage, [window]).expect("garbage");
    drop(connection);
    assert!(read(dir.path()).samples(&target(), &check(), at(DAY), at(DAY + 1)).is_err());
    // Enough fresh samples to make it seal, and to find the garbage.
    for n in 0..10_000 {
        put(&store, DAY + n, 2.0);
    }
    wait_until(&store, |health| health.moved_aside.is_some());
    // Some of those may have been on their way, and are in the new file: this one is after all of them.
    put(&store, DAY + 10_000, 3.0);
    let health = store.close();
    assert_eq!(health.error, None);
    assert_eq!(kept(&read(dir.path())).last(), Some(&(DAY + 10_000, 3.0)));
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let dir = used();
    let connection = rusqlite::Connection::open(base::path(dir.path())).expect("opens");
    connection.pragma_update(None, "user_version", base::SCHEMA + 1).expect("newer");
    drop(connection);
    for refusal in [Store::open(dir.path(), &Storage::default()).err(), Store::read(dir.path()).err()] {
        let Some(StoreError::Newer { found, known }) = refusal else { panic!("{refusal:?}") };
        assert_eq!((found, known), (base::SCHEMA + 1, base::SCHEMA));
    }
    let connection = rusqlite::Connection::open(base::path(dir.path())).expect("opens");
    let left: i64 = connection.query_row("SELECT count(*) FROM head", [], |row| row.get(0)).expect("left");
    assert_eq!(left, 1);
}

#[test]
fn a_file_older_than_any_release_is_moved_aside() {
    let dir = used();
    let connection = rusqlite::Connection::open(base::path(dir.path())).expect("opens");
    connection.pragma_update(None, "user_version", 1).expect("older");
    drop(connection);
    assert!(matches!(Store::read(dir.path()).err(), Some(StoreError::Damaged(_))));
    let store = open(dir.path());
    put(&store, DAY + 1, 2.0);
    assert!(store.close().moved_aside.is_some_and(|aside| aside.exists()));
    assert_eq!(kept(&read(dir.path())), [(DAY + 1, 2.0)]);
}

#[test]
fn a_folder_that_is_a_file_is_an_error() {
    let dir = used();
    let error = Store::open(&base::path(dir.path()), &Storage::default()).err();
    assert!(matches!(error, Some(StoreError::Folder { .. })), "{error:?}");
}

#[test]
fn a_full_queue_refuses_samples_and_keeps_room_for_incidents() {
    let queue = Queue::default();
    for n in 0..20_000 {
        queue.put(Record::Sample(target(), sample(n, 1.0)));
    }
    queue.put(Record::Incident(Box::new(incident(1, IncidentState::Open))));
    let mut batch = Vec::new();
    queue.take(&mut batch, Duration::ZERO);
    assert_eq!((batch.len(), queue.health().lost), (16_385, 3_616));
}

/// Names the small file system on which the child fills the disk.
const FOLDER: &str = "VITALS_STORE_FULL_IN";

/// The child of the test below; by itself it does nothing.
///
/// Fills a small disk, sees the store say so and lose only what does not fit in its queue, makes room, sees it recover.
#[test]
#[expect(clippy::disallowed_methods, reason = "how the parent tells its child where to write")]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let store = open(folder);
    put(&store, DAY, 1.0);
    wait_until(&store, |health| health.written == 1);
    let ballast = folder.join("ballast");
    // Writes until the disk says no.
    let _ = fs::write(&ballast, vec![1; 64 << 20]);
    for n in 1..=40_000 {
        put(&store, DAY + n, 1.0);
    }
    let full = wait_until(&store, |health| health.error.is_some() && health.lost > 0);
    println!("disk full: {:?}, {} lost so far", full.error, full.lost);
    assert!(full.error.is_some_and(|error| error.contains("full") || error.contains("I/O")));
    fs::remove_file(ballast).expect("room");
    let limit = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: limit.maximum, ..limit }).expect("files may grow");
    let well = wait_until(&store, |health| health.error.is_none() && health.written > 1);
    put(&store, DAY - 1, 2.0);
    let closed = store.close();
    assert_eq!(closed.written + closed.lost, 40_002, "every record is accounted for: {well:?}");
    assert_eq!(closed.error, None);
    let kept = kept(&read(folder));
    assert_eq!((kept.len() as u64, kept[0]), (closed.written, (DAY - 1, 2.0)));
    println!("recovered: {} kept, {} lost", closed.written, closed.lost);
}

/// The child on a disk of 3 MB. In a namespace of its own the mount needs no cleaning up and, mostly, no root.
fn on_small_disk(dir: &Path, inside: &[&OsStr]) -> std::io::Result<Output> {
    let script = r#"mount -t tmpfs -o size=3m none "$1" && shift && exec "$@""#;
    let namespace = ["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"];
    Command::new("unshare").args(namespace).arg(dir).args(inside).env(FOLDER, dir).output()
}

/// The child with files of 256 kB at most, where no disk can be mounted.
fn with_small_files(dir: &Path, inside: &[&OsStr]) -> std::io::Result<Output> {
    let script = r#"trap '' XFSZ; ulimit -S -f 512; exec "$@""#;
    Command::new("sh").args(["-c", script, "sh"]).args(inside).env(FOLDER, dir).output()
}

/// Runs the child in the one way and says what it said.
fn fill(way: fn(&Path, &[&OsStr]) -> std::io::Result<Output>) {
    let dir = tempfile::tempdir().expect("folder");
    let this = std::env::current_exe().expect("this test");
    let test = ["--exact", "store::tests::trouble::child", "--nocapture"].map(OsStr::new);
    let out = way(dir.path(), &[&[this.as_os_str()], &test[..]].concat()).expect("runs");
    let said = String::from_utf8_lossy(&out.stdout);
    println!("{said}{}", String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success());
    assert!(said.contains("recovered:"), "the child did its work");
}

#[test]
fn a_full_disk_is_said_and_survived() {
    let dir = tempfile::tempdir().expect("folder");
    if on_small_disk(dir.path(), &["true".as_ref()]).is_ok_and(|out| out.status.success()) {
        fill(on_small_disk);
    } else {
        println!("this system lets no test mount a small disk; `files_that_may_not_grow_…` stands in");
    }
}

#[test]
fn files_that_may_not_grow_are_said_and_survived() {
    fill(with_small_files);
}
