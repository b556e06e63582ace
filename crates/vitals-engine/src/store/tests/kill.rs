//! A writer killed at random instants: the store opens each time and has lost less than a second.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

/// Rounds of the committed test; the example `history` runs 50.
const ROUNDS: u64 = 10;

/// Names the folder in which the child writes.
const FOLDER: &str = "VITALS_STORE_KILLED_IN";

/// The child of the test below; by itself it does nothing.
///
/// Puts 1,000 samples a second and prints the time of each after it was put, until it is killed.
#[test]
#[expect(clippy::disallowed_methods, reason = "how the parent tells its child where to write")]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = open(Path::new(&folder));
    let mut out = std::io::stdout();
    let watch = Stopwatch::start();
    for n in 1..60_000 {
        let ms = now().as_millis();
        put(&store, ms, 1.0);
        // A parent that has gone is the end.
        if writeln!(out, "put {ms}").is_err() {
            return;
        }
        let pause = Duration::from_millis(n).saturating_sub(watch.elapsed());
        std::thread::park_timeout(pause);
    }
}

#[test]
fn a_killed_writer_loses_less_than_a_second() {
    let dir = tempfile::tempdir().expect("folder");
    let mut put_so_far = 0;
    let mut worst = Duration::ZERO;
    for round in 0..ROUNDS {
        let kill_after = 1 + RandomState::new().hash_one(round) % 1500;
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "store::tests::kill::child", "--nocapture"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut puts = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok).filter_map(|line| {
            // The test runner may write before the first line's end.
            line.split_once("put ").and_then(|(_, ms)| ms.parse::<i64>().ok())
        });
        let first: Vec<i64> = puts.by_ref().take(usize::try_from(kill_after).expect("small")).collect();
        child.kill().expect("killed");
        child.wait().expect("gone");
        let put: Vec<i64> = first.into_iter().chain(puts).collect();
        put_so_far += put.len();

        open(dir.path()).close();
        let kept = kept(&read(dir.path()));
        let last_put = *put.last().expect("it wrote");
        let last_kept = kept.last().map_or(put[0], |(ms, _)| *ms).max(put[0]);
        let lost = at(last_put).since(at(last_kept));
        worst = worst.max(lost);
        println!("killed after {} puts: {} ms lost", put.len(), lost.as_millis());
        assert!(lost <= Duration::from_secs(1), "{lost:?} lost");
        // Nothing but the tail is lost: a second's puts per round at most.
        assert!(kept.len() + 1000 * usize::try_from(round + 1).expect("small") >= put_so_far, "{} of {put_so_far}", kept.len());
    }
    println!("worst of {ROUNDS}: {} ms", worst.as_millis());
}
