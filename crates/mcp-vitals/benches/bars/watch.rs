//! What a `watch` at default schedules costs: its own memory and CPU, its sessions, and what it leaves in the hub.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use xtask::bench::child::{self, Stopwatch, Use};
use xtask::bench::{Bar, Effort, Measurement, Row, Unit, median};

use crate::bed;
use crate::looks::Traces;

pub(crate) const WATCH: Measurement = Measurement {
    name: "watch",
    about: "`watch` at default schedules for 10 min on the real two-server hub, sampled every second after the first 2 min",
    run: watch,
};

/// Longest time from SIGINT to the end of a watch.
const END_MAX: Duration = Duration::from_secs(15);

fn watch(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let hub = bed::hub()?;
    let before = Traces::of(&hub);
    let watch = bed::watch(&hub, &[]);
    bed::let_pass(Duration::from_secs(effort.of(120, 15)));
    let samples = effort.of(480, 20);
    let (first, clock) = (child::look(watch.pid())?, Stopwatch::start());
    let mut seen = Vec::with_capacity(samples);
    for _ in 0..samples {
        bed::let_pass(Duration::from_secs(1));
        seen.push(child::look(watch.pid())?);
    }
    let last = seen.last().context("no sample")?;
    let cpu = last.cpu.saturating_sub(first.cpu).as_secs_f64() / clock.elapsed().as_secs_f64() * 100.0;
    watch.signal(Signal::INT);
    let ran = watch.wait(END_MAX);
    ensure!(ran.code == Some(0), "the watch ended with {:?}: {}", ran.code, ran.stderr);
    ensure!(ran.stdout.is_empty(), "an incident on a healthy hub: {}", ran.stdout);
    let of = |figure: fn(&Use) -> u64| median(&seen.iter().map(|u| figure(u) as f64).collect::<Vec<_>>());
    let most = seen.iter().map(|u| u.rss_bytes).max().unwrap_or(0) as f64;
    let mut rows = vec![
        Row::new("RSS", of(|u| u.rss_bytes), Unit::Bytes, Bar::AtMost(15e6)),
        Row::new("RSS, the most", most, Unit::Bytes, Bar::AtMost(15e6)),
        Row::new("of it anonymous (the rest is its file)", of(|u| u.anonymous_bytes), Unit::Bytes, Bar::Fact),
        Row::new("own CPU, of one core", cpu, Unit::Percent, Bar::AtMost(0.3)),
        Row::new("MCP sessions in all", sessions(&ran.stderr)?, Unit::Count, Bar::AtMost(2.0)),
    ];
    rows.extend(before.left(&hub));
    Ok(rows)
}

/// `…, 2 MCP sessions opened, …` of the summary.
fn sessions(summary: &str) -> anyhow::Result<f64> {
    let before = summary.split(" MCP session").next().and_then(|text| text.rsplit(' ').next());
    before.and_then(|n| n.parse().ok()).with_context(|| format!("no number of sessions in: {summary}"))
}
