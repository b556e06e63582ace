//! `kill -9` of a `watch` at random instants: the history opens each time, and what is missing from it is
//! at most one second old.
//!
//! The light check runs every second, so the history holds an `api` sample of every second. The oldest
//! record that can be lost is the one that was due one interval after the newest kept.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustix::process::Signal;
use serde_json::Value;
use vitals_model::time::Timestamp;
use vitals_probe::clock;
use xtask::bench::{Bar, Effort, Measurement, Row, Unit, median};

use crate::bed::{self, Noise};
use crate::hub::RealHub;
use crate::procs;
use crate::product::Running;

pub(crate) const KILL: Measurement = Measurement {
    name: "kill",
    about: "`kill -9` of `watch` at random, seeded instants 0.1 to 6 s after its start, 50 times on one history",
    run: kill,
};

const INTERVAL: Duration = Duration::from_secs(1);

const CONFIGURATION: &str = "version: 1\ndefaults: {schedule: {light: 1s}}\n";

/// Longest time that any other command may take here.
const COMMAND_MAX: Duration = Duration::from_secs(30);

fn kill(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let hub = bed::hub()?;
    let configuration = hub.home.path().join("vitals.yaml");
    std::fs::write(&configuration, CONFIGURATION)?;
    let configuration = configuration.to_str().context("a path that is text")?;
    // Makes the history, so that there is one to lose.
    hub.home.run(&["check"], COMMAND_MAX);
    let (times, mut noise, mut lost) = (effort.of(50, 10), Noise::new(), Vec::new());
    for round in 0..times {
        let after = noise.between(Duration::from_millis(100), Duration::from_secs(6));
        let missing = once(&hub, configuration, after).with_context(|| format!("round {round}, killed after {after:?}"))?;
        lost.push(missing.as_secs_f64());
    }
    let worst = lost.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        Row::new(
            format!("history opened (seed {:#x})", Noise::SEED),
            lost.len() as f64,
            Unit::Count,
            Bar::AtLeast(f64::from(times)),
        ),
        Row::new("age of the oldest record lost, median", median(&lost), Unit::Seconds, Bar::Fact),
        Row::new("age of the oldest record lost, worst", worst, Unit::Seconds, Bar::AtMost(1.0)),
    ])
}

/// How old the oldest record is that this kill can have lost.
fn once(hub: &RealHub, configuration: &str, after: Duration) -> anyhow::Result<Duration> {
    let began = clock::now();
    let watch = Running::start(hub.home.mcp_vitals(&["watch", "--config", configuration]));
    bed::let_pass(after);
    ensure!(procs::find(watch.pid()).is_some_and(|p| p.state != 'Z'), "it ended by itself: {}", watch.wait(COMMAND_MAX).stderr);
    let killed = clock::now();
    watch.signal(Signal::KILL);
    let said = watch.wait(COMMAND_MAX).stderr;
    // A history that does not open is moved aside or not kept, and both are said.
    ensure!(!said.contains("history"), "{said}");
    let newest = newest_kept(hub)?.filter(|at| *at >= began);
    Ok(killed.since(newest.map_or(began, |at| at.plus(INTERVAL))))
}

/// The time of the newest `api` sample in the history.
fn newest_kept(hub: &RealHub) -> anyhow::Result<Option<Timestamp>> {
    let ran = hub.home.run(&["export", "--jsonl", "--since", "10m"], COMMAND_MAX);
    if ran.code != Some(0) {
        bail!("the history does not open: {}", ran.stderr);
    }
    let mut newest = None;
    for line in ran.stdout.lines() {
        let record: Value = serde_json::from_str(line)?;
        if record["check"] == "hub-servers/api" && record["type"] == "sample" {
            newest = newest.max(record["at"].as_str().and_then(Timestamp::parse));
        }
    }
    Ok(newest)
}
