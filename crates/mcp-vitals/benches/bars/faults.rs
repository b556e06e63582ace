//! From a fault to the line that tells of it. Every fault strikes at a random, seeded instant, so that no
//! schedule is flattered.

use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;
use serde_json::json;
use xtask::bench::{Bar, Effort, Measurement, Row, Unit, median};

use crate::bed::{self, Noise};
use crate::hub::{RealHub, Server};
use crate::procs;
use crate::product::Running;
use crate::wait::Stopwatch;

pub(crate) const FAULTS: Measurement = Measurement {
    name: "faults",
    about: "from a signal to the OPENED line of a running `watch`, at random instants, 7 times each",
    run: faults,
};

/// Longest wait for a line; far beyond every bar.
const LINE_MAX: Duration = Duration::from_secs(60);

/// How long the watch runs before the next fault strikes: longer than one light interval.
const CALM: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(14));

fn faults(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let times = effort.of(7, 2);
    let mut noise = Noise::new();
    let mut rows = Vec::new();
    let hub = bed::hub()?;
    let mut watch = bed::watch(&hub, &[]);
    rows.extend(repeat(times, 1.0, "server killed", || server_killed(&hub, &mut watch, &mut noise))?);
    rows.extend(repeat(times, 15.0, "server stopped", || {
        let pid = hub.server_pid(Server::Everything);
        stopped(pid, "hung", &mut watch, &mut noise)
    })?);
    rows.extend(repeat(times, 15.0, "hub stopped", || stopped(hub.pid(), "OPENED", &mut watch, &mut noise))?);
    drop((watch, hub));
    rows.extend(repeat(times, 1.0, "hub killed", || hub_killed(&mut noise))?);
    Ok(rows)
}

/// The median and the worst of several times, both below the bar.
fn repeat(times: usize, bar_s: f64, what: &str, mut once: impl FnMut() -> anyhow::Result<Duration>) -> anyhow::Result<Vec<Row>> {
    let seen = (0..times).map(|_| once().map(|d| d.as_secs_f64())).collect::<anyhow::Result<Vec<_>>>()?;
    let worst = seen.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        Row::new(what, median(&seen), Unit::Seconds, Bar::AtMost(bar_s)),
        Row::new(format!("{what}, worst of {times}"), worst, Unit::Seconds, Bar::AtMost(bar_s)),
    ])
}

fn calm(noise: &mut Noise) {
    bed::let_pass(noise.between(CALM.0, CALM.1));
}

fn server_killed(hub: &RealHub, watch: &mut Running, noise: &mut Noise) -> anyhow::Result<Duration> {
    calm(noise);
    let pid = hub.server_pid(Server::Filesystem);
    let clock = Stopwatch::start();
    procs::signal(pid, Signal::KILL);
    let opened = watch.expect_line("ghost", LINE_MAX);
    let took = clock.elapsed();
    for action in ["stop", "start"] {
        hub.post(&format!("/api/servers/{action}"), &json!({"server_name": Server::Filesystem.name()}));
    }
    resolved(watch, &opened)?;
    Ok(took)
}

fn stopped(pid: u32, word: &str, watch: &mut Running, noise: &mut Noise) -> anyhow::Result<Duration> {
    calm(noise);
    let clock = Stopwatch::start();
    procs::signal(pid, Signal::STOP);
    let opened = watch.expect_line(word, LINE_MAX);
    let took = clock.elapsed();
    procs::signal(pid, Signal::CONT);
    resolved(watch, &opened)?;
    Ok(took)
}

/// A killed hub does not come back, so each time has a hub and a watch of its own.
fn hub_killed(noise: &mut Noise) -> anyhow::Result<Duration> {
    let mut hub = bed::hub()?;
    let mut watch = bed::watch(&hub, &[]);
    calm(noise);
    let clock = Stopwatch::start();
    hub.kill();
    watch.expect_line("OPENED", LINE_MAX);
    Ok(clock.elapsed())
}

/// Waits for the end of the incident that this line opened.
fn resolved(watch: &mut Running, opened: &str) -> anyhow::Result<()> {
    let id = opened.split(' ').find(|word| word.starts_with('I') && word.ends_with(':'));
    let id = id.with_context(|| format!("no incident's number in: {opened}"))?;
    while !watch.expect_line("RESOLVED", LINE_MAX).contains(id) {}
    Ok(())
}
