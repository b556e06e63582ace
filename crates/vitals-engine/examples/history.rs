//! Measures the history: how fast a month of 40 servers is written, how long asking for the month takes, how
//! large it is, and what a killed writer loses. It judges nothing; the bars stand beside the figures.
//!
//! `cargo run --release -p vitals-engine --example history -- FOLDER` (the folder must not exist yet)
#![expect(clippy::print_stdout, reason = "the figures are its output")]

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use vitals_engine::store::{Bulk, Record, Store};
use vitals_model::check::CheckId;
use vitals_model::config::Storage;
use vitals_model::reading::{Health, Sample};
use vitals_model::target::TargetId;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_probe::clock::{Stopwatch, now};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const SERVERS: usize = 40;
const SAMPLES_PER_SERVER: usize = 250_000;
/// Fresh samples per server at the end: nearly as many as are kept unsealed, the worst case for the questions.
const FRESH_PER_SERVER: usize = 200;
const PACE_MS: i64 = 10_000;
const KILLS: u64 = 50;

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        (Some("child"), Some(folder)) => child(Path::new(&folder)),
        (Some(folder), None) => {
            let folder = Path::new(folder);
            let end = now();
            let begin = end.minus(Duration::from_secs(30 * 86_400));
            let truth = write(folder, begin)?;
            ask(folder, begin, end, &truth)?;
            kill(&folder.join("killed"))
        }
        _ => Err("usage: history FOLDER".into()),
    }
}

/// A small generator of noise (xorshift), seeded per server so that every run writes the same.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 0–1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / 9_007_199_254_740_992.0
    }
}

/// One server's call latency: its own level, noise with a long tail, and an outage now and then.
struct Server {
    noise: Noise,
    base_ms: f64,
    at: i64,
    down_for: u64,
}

impl Server {
    fn new(number: usize, begin: Timestamp) -> Self {
        let mut noise = Noise(0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1));
        let base_ms = 1.0 + 60.0 * noise.share();
        Self { noise, base_ms, at: begin.as_millis(), down_for: 0 }
    }
}

impl Iterator for Server {
    type Item = (Timestamp, Health, Option<f64>);

    fn next(&mut self) -> Option<Self::Item> {
        let jitter = (self.noise.next() % 30).cast_signed() - 15;
        self.at += PACE_MS;
        let at = Timestamp::from_millis(self.at + jitter);
        if self.down_for == 0 && self.noise.next().is_multiple_of(20_000) {
            self.down_for = 6 + self.noise.next() % 360;
        }
        if self.down_for > 0 {
            self.down_for -= 1;
            return Some((at, Health::Failing, None));
        }
        // Exponential tail: most near the base, one in a thousand seven times as slow.
        let value = self.base_ms * (1.0 - 0.9 * (1.0 - self.noise.share()).ln());
        let health = if value > self.base_ms * 6.0 { Health::Degraded } else { Health::Healthy };
        Some((at, health, Some(value)))
    }
}

fn series(number: usize) -> (TargetId, CheckId) {
    (TargetId::new("hub-7001"), CheckId::of_server(&Text::new(&format!("server-{number:02}")), "call"))
}

/// Writes the month; returns the first server's true 95th percentile and uptime.
fn write(folder: &Path, begin: Timestamp) -> Outcome<(f64, f64)> {
    let mut truth = (Vec::new(), 0_usize);
    let mut busy = Duration::ZERO;
    let mut bulk = Bulk::open(folder)?;
    let mut fresh = Vec::new();
    for number in 0..SERVERS {
        let (target, check) = series(number);
        let mut server = Server::new(number, begin);
        let samples: Vec<_> = server.by_ref().take(SAMPLES_PER_SERVER).collect();
        let more: Vec<_> = server.take(FRESH_PER_SERVER).collect();
        if number == 0 {
            let all = || samples.iter().chain(&more);
            truth = (all().filter_map(|s| s.2).collect(), all().filter(|s| s.1 != Health::Failing).count());
        }
        fresh.extend(more.into_iter().map(|(at, health, value)| {
            let sample = Sample { id: check.clone(), at, health, value };
            Record::Sample(target.clone(), sample)
        }));
        let watch = Stopwatch::start();
        bulk.add(&target, &check, samples)?;
        busy += watch.elapsed();
    }
    let watch = Stopwatch::start();
    drop(bulk);
    busy += watch.elapsed();
    let total = SERVERS * SAMPLES_PER_SERVER;
    println!("written        {total} observations in {busy:.2?}: {:.0} k/s (bar 500)", total as f64 / busy.as_secs_f64() / 1e3);
    let bytes = std::fs::metadata(folder.join("history.db"))?.len();
    println!("size           {} MB: {:.2} bytes per observation (bar 8)", bytes / 1_000_000, bytes as f64 / total as f64);

    let store = Store::open(folder, &Storage { raw: Duration::from_secs(60 * 86_400), ..Storage::default() })?;
    for record in fresh {
        store.put(record);
    }
    let health = store.close();
    println!("fresh          {} put, {} lost", health.written, health.lost);
    truth.0.sort_by(f64::total_cmp);
    let p95 = truth.0[(truth.0.len() * 95).div_ceil(100) - 1];
    Ok((p95, truth.1 as f64 / (SAMPLES_PER_SERVER + FRESH_PER_SERVER) as f64))
}

/// Asks for uptime and p95 of every server over the month, with nothing of the history in memory.
fn ask(folder: &Path, begin: Timestamp, end: Timestamp, truth: &(f64, f64)) -> Outcome<()> {
    for state in ["cold", "warm"] {
        if state == "cold" {
            forget(folder)?;
        }
        let watch = Stopwatch::start();
        let reader = Store::read(folder)?;
        let mut first = None;
        for number in 0..SERVERS {
            let (target, check) = series(number);
            let summary = reader.summary(&target, &check, begin, end)?;
            first = first.or(Some(summary));
        }
        println!("30 days, {state}  {:.1?} for uptime and p95 of {SERVERS} servers (bar 200 ms)", watch.elapsed());
        let summary = first.ok_or("no summary")?;
        let (p95, uptime) = (summary.spread.ok_or("no values")?.p95, summary.healths.uptime().ok_or("nothing known")?);
        println!("  first server p95 {p95:.3} ms, truth {:.3} ({:+.2} %)", truth.0, (p95 / truth.0 - 1.0) * 100.0);
        println!("  first server uptime {:.4} %, truth {:.4} %", uptime * 100.0, truth.1 * 100.0);
        println!("  observed {:.2} days", summary.observed.as_secs_f64() / 86_400.0);
    }
    Ok(())
}

/// Drops the history's files from the page cache.
fn forget(folder: &Path) -> Outcome<()> {
    for name in ["history.db", "history.db-wal"] {
        let file = File::open(folder.join(name))?;
        file.sync_all()?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(())
}

/// Puts 1,000 samples a second and prints each time after it was put, until it is killed.
fn child(folder: &Path) -> Outcome<()> {
    let store = Store::open(folder, &Storage::default())?;
    let (target, check) = series(0);
    let mut out = std::io::stdout();
    let watch = Stopwatch::start();
    for n in 1..60_000 {
        let at = now();
        store.put(Record::Sample(target.clone(), Sample { id: check.clone(), at, health: Health::Healthy, value: Some(1.0) }));
        writeln!(out, "{}", at.as_millis())?;
        std::thread::park_timeout(Duration::from_millis(n).saturating_sub(watch.elapsed()));
    }
    Ok(())
}

fn kill(folder: &Path) -> Outcome<()> {
    let mut lost_ms = Vec::new();
    for round in 0..KILLS {
        let kill_after = usize::try_from(1 + RandomState::new().hash_one(round) % 1500)?;
        let mut child = Command::new(std::env::current_exe()?).arg("child").arg(folder).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or("no output")?;
        let mut puts = BufReader::new(out).lines().map_while(Result::ok).filter_map(|line| line.parse::<i64>().ok());
        let first = puts.next().ok_or("the child wrote nothing")?;
        let before = puts.by_ref().take(kill_after).last();
        child.kill()?;
        child.wait()?;
        let last_put = puts.last().or(before).unwrap_or(first);
        let (target, check) = series(0);
        Store::open(folder, &Storage::default())?.close();
        let reader = Store::read(folder)?;
        let last_kept = reader.last(&target, &check)?.map_or(first, |sample| sample.at.as_millis()).max(first);
        lost_ms.push(last_put - last_kept);
    }
    lost_ms.sort_unstable();
    let median = lost_ms[lost_ms.len() / 2];
    println!(
        "kill -9        {KILLS} times at 1,000 samples/s: opened each time, lost {median} ms (median), {} ms (worst; bar 1000)",
        lost_ms[lost_ms.len() - 1]
    );
    Ok(())
}
