//! One-shot commands: what they cost us, and what they leave behind in the hub.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use xtask::bench::{Bar, Effort, Measurement, Row, Unit, child, median};

use crate::hub::RealHub;
use crate::{bed, procs, wait};

pub(crate) const CHECK: Measurement = Measurement {
    name: "check",
    about: "`check` on the real two-server hub: 20 runs on a hub at rest, medians; then 20 in a row, and what they leave",
    run: check,
};

pub(crate) const DASHBOARD: Measurement = Measurement {
    name: "dashboard",
    about: "`dashboard --once` on the real two-server hub at rest, median of 20 runs",
    run: dashboard,
};

/// Longest time that a hub may take to forget the clients that left it.
const FORGET_MAX: Duration = Duration::from_secs(10);

fn check(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let hub = bed::hub()?;
    let runs = effort.of(20, 5);
    let mut rows = at_rest(&hub, &["check"], runs)?;
    rows.extend(in_a_row(&hub, runs)?);
    bed::rest_of(&hub);
    rows.extend(visit(&hub)?);
    Ok(rows)
}

fn dashboard(effort: Effort) -> anyhow::Result<Vec<Row>> {
    at_rest(&bed::hub()?, &["dashboard", "--once"], effort.of(20, 5))
}

/// Wall and CPU time of each run on a hub that has nothing else to do.
fn at_rest(hub: &RealHub, arguments: &[&str], runs: usize) -> anyhow::Result<Vec<Row>> {
    let (mut walls, mut cpus) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        bed::rest_of(hub);
        let cost = run(hub, arguments)?;
        walls.push(cost.wall.as_secs_f64());
        cpus.push(cost.cpu.as_secs_f64());
    }
    let worst = walls.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        Row::new("wall", median(&walls), Unit::Seconds, Bar::AtMost(0.3)),
        Row::new("wall, slowest run", worst, Unit::Seconds, Bar::Fact),
        Row::new("own CPU", median(&cpus), Unit::Seconds, Bar::AtMost(0.04)),
    ])
}

fn run(hub: &RealHub, arguments: &[&str]) -> anyhow::Result<child::Cost> {
    let cost = child::run(&mut hub.home.mcp_vitals(arguments))?;
    // A hub that works off the last visit may count as busy, never as failing.
    ensure!(matches!(cost.code, 0 | 1), "{arguments:?} ended with {} on a healthy hub", cost.code);
    Ok(cost)
}

/// One after the other without a pause, and what is left in the hub afterwards.
fn in_a_row(hub: &RealHub, runs: usize) -> anyhow::Result<Vec<Row>> {
    bed::rest_of(hub);
    let before = Traces::of(hub);
    let mut walls = Vec::new();
    for _ in 0..runs {
        walls.push(run(hub, &["check"])?.wall.as_secs_f64());
    }
    let mut rows = before.left(hub);
    rows.insert(0, Row::new(format!("wall, {runs} in a row"), median(&walls), Unit::Seconds, Bar::Fact));
    Ok(rows)
}

/// What one look costs the hub, as the product itself measures it.
fn visit(hub: &RealHub) -> anyhow::Result<Vec<Row>> {
    let ran = hub.home.run(&["check", "--format", "json"], FORGET_MAX);
    let seen: serde_json::Value = serde_json::from_str(&ran.stdout).context("check --format json")?;
    let figure = |name: &str| seen.pointer(&format!("/targets/0/visit/{name}")).and_then(serde_json::Value::as_f64);
    let figure = |name: &str| figure(name).with_context(|| format!("no visit.{name} in {seen}"));
    Ok(vec![
        Row::new("MCP sessions of one check", figure("sessions")?, Unit::Count, Bar::AtMost(1.0)),
        Row::new("it makes the hub log", figure("log_bytes")?, Unit::Bytes, Bar::Fact),
        Row::new("and answer next after", figure("latency_after_ms")? / 1e3, Unit::Seconds, Bar::Fact),
    ])
}

/// What a visitor may leave in a hub.
pub(crate) struct Traces {
    clients: u64,
    fds: usize,
    processes: usize,
}

impl Traces {
    pub(crate) fn of(hub: &RealHub) -> Self {
        Self { clients: hub.clients(), fds: hub.fds(), processes: procs::group_members(hub.pid()).len() }
    }

    /// What is there beyond these, once the hub had time to notice who has left.
    pub(crate) fn left(&self, hub: &RealHub) -> Vec<Row> {
        let beyond = || {
            let now = Self::of(hub);
            [
                now.clients.saturating_sub(self.clients) as f64,
                now.fds.saturating_sub(self.fds) as f64,
                now.processes.saturating_sub(self.processes) as f64,
            ]
        };
        wait::poll(FORGET_MAX, || beyond().iter().all(|n| *n == 0.0).then_some(()));
        let names = ["clients that the hub still counts", "files that it still has open", "processes left behind"];
        names.into_iter().zip(beyond()).map(|(what, n)| Row::new(what, n, Unit::Count, Bar::AtMost(0.0))).collect()
    }
}
