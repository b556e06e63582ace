//! What judging costs: two hours of a noisy world of 20 servers, gathered first and then played to a monitor
//! with the CPU's clock running. Prints events per second of CPU time, where the time goes by kind of event, and the memory that
//! the monitor holds per check. `cargo xtask bench judging` reads it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use subject::{Watch, event};
use vitals_judge::event::{Event, Memory};
use vitals_judge::monitor::Monitor;
use vitals_model::observation::Seen;
use vitals_model::time::Timestamp;
use vitals_sim::drill::Subject as _;
use vitals_sim::world::{Setting, World};

#[path = "../tests/soak/subject.rs"]
mod subject;

const SERVERS: usize = 20;
const LASTS: Duration = Duration::from_secs(2 * 3600);
const ROUNDS: usize = 2;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut world = World::new(Setting { servers: SERVERS, ..Setting::of(1) });
    let (target, began) = (world.target(), world.clock());
    let mut watch = Watch::begin(target.clone(), began);
    let mut events = Vec::new();
    while let Some((now, happened)) = world.next(LASTS) {
        let told = watch.take(now, happened.clone());
        told.looks.into_iter().for_each(|probe| world.ask(probe));
        events.push((now, event(happened)));
    }
    // What each of several monitors holds, while the first is kept, so that none lives in what another left.
    let resident_before = resident();
    let (mut fastest, mut monitors) = (Duration::MAX, Vec::new());
    for _ in 0..ROUNDS {
        let (mut monitor, events) = (Monitor::new(began, Memory::default()), events.clone());
        monitor.apply(began, Event::Watch(target.clone()));
        let before = cpu();
        for (now, event) in events {
            std::hint::black_box(monitor.apply(now, event));
        }
        fastest = fastest.min(cpu().saturating_sub(before));
        monitors.push(monitor);
    }
    let grown = resident().saturating_sub(resident_before) / ROUNDS as u64;
    drop((watch, monitors));
    let rate = events.len() as f64 / fastest.as_secs_f64();
    writeln!(out, "judging: {} events in {fastest:.1?}, {rate:.0} a second", events.len())?;
    let mut monitor = Monitor::new(began, Memory::default());
    monitor.apply(began, Event::Watch(target));
    for (kind, (n, took)) in play(&mut monitor, &events) {
        let (share, each) = (n as f64 * 100.0 / events.len() as f64, took.as_secs_f64() * 1e6 / n as f64);
        writeln!(out, "  {kind:<10} {n:>7} ({share:4.1} %) {each:8.2} µs each")?;
    }
    let last = events.last().map_or(began, |(now, _)| *now);
    let checks: usize = monitor.snapshot(last).targets.iter().map(|target| target.readings.len()).sum();
    writeln!(out, "memory: {grown} bytes for {checks} checks, {:.0} each", grown as f64 / checks as f64)
}

type Costs = BTreeMap<&'static str, (u64, Duration)>;

/// Each event with a clock of its own: some microseconds slower than all in a row.
fn play(monitor: &mut Monitor, events: &[(Timestamp, Event)]) -> Costs {
    let mut costs = Costs::new();
    for (now, event) in events {
        let (kind, event) = (kind(event), event.clone());
        let before = cpu();
        std::hint::black_box(monitor.apply(*now, event));
        let cost = costs.entry(kind).or_default();
        *cost = (cost.0 + 1, cost.1 + cpu().saturating_sub(before));
    }
    costs
}

const fn kind(event: &Event) -> &'static str {
    match event {
        Event::Observed(observation) => match observation.seen {
            Seen::Workspace(_) => "workspace",
            Seen::Process(_) => "process",
            Seen::Exit(_) => "exit",
            Seen::Api(_) => "api",
            Seen::Session(_) => "session",
            Seen::MetaTool(_) => "meta-tool",
            Seen::Llm(_) => "llm",
            Seen::Log(_) => "log",
            Seen::Stream(_) => "stream",
            Seen::Visit(_) => "visit",
        },
        _ => "tick",
    }
}

/// CPU time of this thread so far, to the nanosecond; zero where it cannot be read. Reading it takes a few
/// microseconds, half of which count.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

/// Resident memory of this process in bytes; 0 where it cannot be read.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
