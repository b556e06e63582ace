//! A writer killed at random instants: the store opens each time, has lost less than a second, and no order.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use vitals_judge::event::{Effect, Event, Record as Kept};
use vitals_judge::monitor::Monitor;

use super::*;

/// Rounds of the committed test; the example `history` runs 50.
const ROUNDS: u64 = 10;

/// Names the folder in which the child writes.
const FOLDER: &str = "VITALS_STORE_KILLED_IN";

/// Starts this test program with one test, which writes in `folder`.
fn run(test: &str, folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", test, "--nocapture"]).env(FOLDER, folder).stdout(Stdio::piped());
    command.spawn().expect("starts")
}

/// The child of the next test; by itself it does nothing.
///
/// Carries out orders as a watch does, and prints how many silences hold, until it is killed.
#[test]
#[expect(clippy::disallowed_methods, reason = "how the parent tells its child where to write")]
fn carrying_out() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut store = open(Path::new(&folder));
    let mut monitor = Monitor::new(now(), crate::history::memory(&read(Path::new(&folder)), now()).expect("reads"));
    let mut out = std::io::stdout();
    let watch = Stopwatch::start();
    while watch.elapsed() < Duration::from_secs(60) {
        for (name, order) in store.orders() {
            for effect in monitor.apply(now(), Event::Ordered(order)) {
                if let Effect::Keep(Kept::Silence(silence)) = effect {
                    store.put(Record::Silence(Box::new(silence)));
                }
            }
            store.put(Record::Ordered(name));
        }
        if writeln!(out, "hold {}", monitor.snapshot(now()).own.silences.len()).is_err() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn an_order_survives_whoever_carries_it_out_and_counts_once() {
    const PER_ROUND: usize = 4;
    let dir = tempfile::tempdir().expect("folder");
    let started = now();
    open(dir.path()).close();
    let mut wanted = Vec::new();
    for round in 0..ROUNDS {
        for n in 0..PER_ROUND {
            let words = format!("{round}-{n}");
            let remark = Remark { at: started, author: Text::new("anna"), text: Text::new(&words) };
            let until = started.plus(Duration::from_secs(3600));
            let silence = Silence { id: 0, target: Pattern::all(), check: Pattern::all(), until, remark };
            Store::order(dir.path(), &Order::Silence(silence), now()).expect("left");
            wanted.push(words);
        }
        let mut child = run("store::tests::kill::carrying_out", dir.path());
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        // They hold in its memory. Whether they are in the history yet is a matter of chance, and so is what is left.
        let hold = format!("hold {}", wanted.len());
        assert!(lines.any(|line| line.ends_with(&hold)), "they hold, {round}");
        let more = RandomState::new().hash_one(round) % 150;
        drop(lines.take(usize::try_from(more).expect("small")).last());
        child.kill().expect("killed");
        child.wait().expect("gone");
        let texts: Vec<_> = read(dir.path()).silences().expect("reads").into_iter().map(|s| s.remark.text.to_string()).collect();
        let waiting = Store::ordered(dir.path()).len();
        println!("{} of {} in the history, {waiting} wait", texts.len(), wanted.len());
        assert_eq!(texts, wanted[..texts.len()], "each once, in their order");
        assert!(texts.len() + waiting >= wanted.len(), "none is lost");
    }
}

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
        let mut child = run("store::tests::kill::child", dir.path());
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
