//! Follows real files through what happens to log files.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use vitals_model::observation::{FailureKind, LogStretch};

use super::*;

/// Longest wait for something that must come.
const DEADLINE: Duration = Duration::from_secs(10);

struct Scene {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Scene {
    fn new(before: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hub.log");
        fs::write(&path, before).unwrap();
        Self { folder, path }
    }

    fn follower(&self) -> Follower {
        Follower::new(self.path.clone(), Writers::OurHub)
    }

    fn append(&self, text: &str) {
        append(&self.path, text);
    }

    fn rotate(&self) -> PathBuf {
        let old = self.folder.path().join("hub.log.1");
        fs::rename(&self.path, &old).unwrap();
        old
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn lines(stretch: &LogStretch) -> u64 {
    stretch.plain + stretch.pino + stretch.stdout + stretch.broken
}

#[track_caller]
fn check(follower: &mut Follower, count: u64, rotations: u64, truncations: u64) {
    let seen = follower.catch_up();
    let file = seen.file.unwrap();
    assert_eq!((lines(&seen.stretch), file.rotations, file.truncations), (count, rotations, truncations));
    assert!(seen.stretch.over.is_some());
}

#[test]
fn only_what_is_added_counts_and_each_line_once() {
    let scene = Scene::new("history\nhistory cut i");
    let mut follower = scene.follower();
    check(&mut follower, 0, 0, 0);
    scene.append("n two\nnew\nbegun");
    check(&mut follower, 1, 0, 0);
    scene.append(" and ended\n");
    check(&mut follower, 1, 0, 0);
    check(&mut follower, 0, 0, 0);
}

#[test]
fn a_rotation_loses_and_doubles_nothing() {
    let scene = Scene::new("history\n");
    let mut follower = scene.follower();
    for round in 1..=20 {
        scene.append("before the rotation\n");
        let old = scene.rotate();
        append(&old, "by a writer that has not noticed\n");
        scene.append("after it\n");
        check(&mut follower, 3, round, 0);
        append(&old, "and still has not\n");
        check(&mut follower, 1, round, 0);
        check(&mut follower, 0, round, 0);
    }
}

#[test]
fn a_line_cut_by_a_rotation_is_one_line_and_does_not_run_into_the_next_file() {
    let scene = Scene::new("");
    let mut follower = scene.follower();
    scene.append("{\"level\":\"error\",\"msg\":\"cut o");
    check(&mut follower, 0, 0, 0);
    scene.rotate();
    scene.append("{\"level\":30,\"msg\":\"whole\"}\n");
    check(&mut follower, 1, 1, 0);
    let seen = follower.catch_up();
    assert_eq!((seen.stretch.broken, lines(&seen.stretch)), (1, 1), "its end will not come any more");
}

#[test]
fn a_truncation_is_followed_also_when_the_file_has_grown_past_it() {
    let scene = Scene::new("one line of history\n");
    let mut follower = scene.follower();
    fs::write(&scene.path, "short\n").unwrap();
    check(&mut follower, 1, 0, 1);
    fs::write(&scene.path, "a longer file\nthan the one before\nhas the same name\n").unwrap();
    check(&mut follower, 3, 0, 2);
    File::create(&scene.path).unwrap();
    check(&mut follower, 0, 0, 3);
    scene.append("and on\n");
    check(&mut follower, 1, 0, 3);
}

#[test]
fn a_file_may_be_missing_and_come_and_go() {
    let scene = Scene::new("");
    fs::remove_file(&scene.path).unwrap();
    let mut follower = scene.follower();
    assert_eq!(follower.catch_up().file.unwrap_err().kind, FailureKind::Missing);
    scene.append("first\nsecond\n");
    check(&mut follower, 2, 0, 0);
    scene.append("third\n");
    fs::remove_file(&scene.path).unwrap();
    let seen = follower.catch_up();
    assert_eq!((seen.file.unwrap_err().kind, lines(&seen.stretch)), (FailureKind::Missing, 1), "what was written before counts");
    scene.append("fourth\n");
    check(&mut follower, 1, 1, 0);
}

#[test]
fn the_hubs_new_pid_is_taken_over() {
    let scene = Scene::new("");
    let mut follower = Follower::new(scene.path.clone(), Writers::Several { ours: Some(1) });
    let record = |pid: u32| format!("{{\"level\":\"error\",\"time\":1795305600000,\"pid\":{pid},\"msg\":\"m\"}}\n");
    scene.append(&(record(1) + &record(2) + &record(2)));
    assert_eq!(follower.catch_up().stretch.pino, 1);
    follower.set_writers(Writers::Several { ours: Some(2) });
    scene.append(&(record(1) + &record(2) + &record(2)));
    let seen = follower.catch_up();
    assert_eq!((seen.stretch.pino, seen.file.unwrap().shared), (2, true));
}

#[test]
fn more_than_one_read_may_take_is_left_for_the_next_and_none_is_lost() {
    let scene = Scene::new("");
    let mut follower = scene.follower();
    let line = "x".repeat(1023) + "\n";
    let count = CATCH_UP_BYTES_MAX / 1024 + 1000;
    scene.append(&line.repeat(usize::try_from(count).unwrap()));
    scene.rotate();
    scene.append("new\n");
    let first = follower.catch_up().stretch;
    assert_eq!(first.bytes, CATCH_UP_BYTES_MAX);
    assert_eq!(lines(&first) + lines(&follower.catch_up().stretch), count + 1);
}

#[tokio::test]
async fn changes_of_every_kind_wake_it() {
    let scene = Scene::new("");
    let mut follower = scene.follower();
    wait(&mut follower).await;
    scene.append("line\n");
    wait(&mut follower).await;
    scene.rotate();
    wait(&mut follower).await;
    scene.append("new\n");
    wait(&mut follower).await;
    File::create(&scene.path).unwrap();
    wait(&mut follower).await;
    fs::write(scene.folder.path().join("another.log"), "not ours\n").unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(300), follower.changed()).await;
    assert!(quiet.is_err(), "another file is none of our business");
}

#[tokio::test]
async fn a_storm_costs_a_few_reads_and_loses_no_line() {
    let scene = Scene::new("");
    let mut follower = scene.follower();
    wait(&mut follower).await;
    let path = scene.path.clone();
    let watch = Stopwatch::start();
    let writer = std::thread::spawn(move || (0..6000).for_each(|_| append(&path, "'a' client disconnected from MCP HUB\n")));
    let (mut storm_lines, mut wakes) = (0, 0);
    while storm_lines < 6000 {
        wait(&mut follower).await;
        wakes += 1;
        storm_lines += follower.catch_up().stretch.storm_lines;
    }
    writer.join().unwrap();
    assert_eq!(storm_lines, 6000);
    let bound = watch.elapsed().as_millis() / 200 + 2;
    assert!(wakes <= bound, "{wakes} wakes, at most {bound} are due");
}

#[tokio::test]
async fn a_folder_that_is_not_there_never_wakes_until_it_is() {
    let scene = Scene::new("");
    let path = scene.folder.path().join("logs/hub.log");
    let mut follower = Follower::new(path.clone(), Writers::OurHub);
    assert!(tokio::time::timeout(Duration::from_millis(20), follower.changed()).await.is_err());
    fs::create_dir(path.parent().unwrap()).unwrap();
    append(&path, "line\n");
    wait(&mut follower).await;
    check(&mut follower, 1, 0, 0);
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    wait(&mut follower).await;
    assert!(follower.catch_up().file.is_err());
}

async fn wait(follower: &mut Follower) {
    tokio::time::timeout(DEADLINE, follower.changed()).await.expect("a change must wake the follower");
}

#[tokio::test]
async fn the_wait_can_move_between_threads() {
    fn check_send<F: Future + Send>(future: F) -> F {
        future
    }
    let scene = Scene::new("");
    let mut follower = scene.follower();
    tokio::time::timeout(DEADLINE, check_send(follower.changed())).await.unwrap();
}

#[test]
fn a_tap_gets_each_line_that_counts_once_and_in_order_through_a_rotation() {
    let scene = Scene::new("before\n");
    let tap = crate::logtail::Tap::new(vitals_model::observation::Level::Trace, 1000);
    let none = crate::http::secrets::Secrets::of(std::iter::empty());
    let spout = Spout::new(tap.clone(), vitals_model::target::TargetId::new("hub"), none);
    let mut follower = Follower::new(scene.path.clone(), Writers::Several { ours: Some(7) }).tapped(Some(spout));
    scene.append("one\n{\"level\":\"info\",\"pid\":8,\"msg\":\"another hub's\"}\n\nhalf");
    follower.catch_up();
    let old = scene.rotate();
    append(&old, " a line\n");
    scene.append("{\"level\":\"error\",\"pid\":7,\"msg\":\"ours\"}\n");
    follower.catch_up();
    follower.catch_up();
    let taken: Vec<_> = tap.take().into_iter().map(|line| String::from_utf8_lossy(&line.line).into_owned()).collect();
    assert_eq!(taken, ["one", "half a line", "{\"level\":\"error\",\"pid\":7,\"msg\":\"ours\"}"]);
    assert_eq!(tap.take_dropped(), 0);
}
