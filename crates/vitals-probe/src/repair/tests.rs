//! Moves on real processes, files and programs, and on a hub's API that a test plays.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{end, program, rotate};
use crate::process::identify;

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|word| (*word).to_owned()).collect()
}

/// A process that runs until it is ended, and says when it is ready.
fn running(script: &str) -> Child {
    use std::io::Read as _;
    let script = format!("{script}; echo ready; while :; do sleep 0.02; done");
    let mut child = Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    child
}

#[tokio::test]
async fn a_process_ends_by_request_else_by_force_and_only_when_it_is_that_one() {
    let mut meek = running(":");
    let id = identify(meek.id()).unwrap();
    let other = vitals_model::observation::ProcessId { start_ticks: id.start_ticks + 1, ..id };
    assert_eq!(end::end(other).await, Ok("it had ended already"), "the pid is another's");
    assert_eq!(meek.try_wait().unwrap(), None, "who is not meant is not touched");
    assert_eq!(end::end(id).await, Ok("ended when it was asked to"));
    meek.wait().unwrap();
    let mut stubborn = running("trap '' TERM");
    assert_eq!(end::end(identify(stubborn.id()).unwrap()).await, Ok("ended by SIGKILL"));
    stubborn.wait().unwrap();
}

#[tokio::test]
async fn a_program_is_run_without_a_shell_and_its_end_and_its_words_are_told() {
    let done = program::run(&words(&["sh", "-c", "echo started; echo careful >&2"])).await.unwrap();
    assert_eq!(done, "done, said: careful; started");
    let failed = program::run(&words(&["sh", "-c", "echo no >&2; exit 3"])).await.unwrap_err();
    assert_eq!(failed, "exit status: 3, said: no");
    assert!(program::run(&words(&["/no/such/program"])).await.unwrap_err().starts_with("cannot be started"));
    let literal = program::run(&words(&["echo", "$HOME; exit 1"])).await.unwrap();
    assert_eq!(literal, "done, said: $HOME; exit 1");
}

#[tokio::test]
async fn what_a_program_leaves_running_goes_on_and_its_output_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let script = format!("sleep 60 & echo $! > {}", file.display());
    let told = tokio::time::timeout(Duration::from_secs(20), program::run(&words(&["sh", "-c", &script]))).await;
    let told = told.expect("it does not wait for the output").unwrap();
    assert!(told.contains("still holds its output"), "{told}");
    let pid: u32 = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    assert_eq!(end::end(identify(pid).expect("it goes on")).await, Ok("ended when it was asked to"));
}

#[tokio::test]
async fn of_a_flood_the_end_is_kept() {
    let told = program::run(&words(&["sh", "-c", "yes flood | head -n 200000; echo the end"])).await.unwrap();
    assert!(told.len() < 1000, "{}", told.len());
}

fn log(dir: &Path) -> std::path::PathBuf {
    let path = dir.join("mcp-hub.log");
    fs::write(&path, "old\n".repeat(1000)).unwrap();
    path
}

fn read(path: &Path, n: u32) -> String {
    fs::read_to_string(format!("{}.{n}", path.display())).unwrap_or_default()
}

#[test]
fn a_log_that_nobody_holds_is_renamed_and_so_many_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = log(dir.path());
    let told = rotate::rotate(&path, 2).unwrap();
    assert!(told.contains("renamed") && !path.exists(), "{told}");
    for text in ["second", "third"] {
        fs::write(&path, text).unwrap();
        rotate::rotate(&path, 2).unwrap();
    }
    assert_eq!([read(&path, 1), read(&path, 2), read(&path, 3)], ["third", "second", ""]);
}

#[test]
fn a_log_whose_writer_appends_is_copied_and_cut() {
    let dir = tempfile::tempdir().unwrap();
    let path = log(dir.path());
    let mut writer = OpenOptions::new().append(true).open(&path).unwrap();
    let _reader = fs::File::open(&path).unwrap();
    let told = rotate::rotate(&path, 3).unwrap();
    assert!(told.contains("copied and cut"), "{told}");
    writer.write_all(b"new\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
    assert_eq!(read(&path, 1).lines().count(), 1000);
}

#[test]
fn a_log_whose_writer_would_leave_a_hole_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = log(dir.path());
    let _writer = OpenOptions::new().write(true).open(&path).unwrap();
    let why = rotate::rotate(&path, 3).unwrap_err();
    assert!(why.contains("without appending"), "{why}");
    assert_eq!((fs::metadata(&path).unwrap().len(), read(&path, 1)), (4000, String::new()));
    assert!(rotate::rotate(&dir.path().join("none"), 3).unwrap_err().contains("No such file"));
    assert!(rotate::rotate(dir.path(), 3).unwrap_err().contains("is no file"));
}
