//! What judging costs: two hours of a noisy world of 20 servers, and of one of 5, gathered first and then played to a
//! monitor with the CPU's clock running. Prints events per second of CPU time, where the time goes by kind of event, and
//! the memory that the monitor holds per check.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use subject::{Watch, event};
use vitals_judge::event::{Event, Memory};
use vitals_judge::monitor::Monitor;
use vitals_model::observation::Seen;
use vitals_model::target::Target;
use vitals_model::time::Timestamp;
use vitals_sim::drill::Subject as _;
use vitals_sim::world::{Setting, World};

#[path = "../tests/soak/subject.rs"]
mod subject;

/// What the bar is taken with, and what most people have.
const SERVERS: usize = 20;
const SERVERS_OFTEN: usize = 5;
const LASTS: Duration = Duration::from_secs(2 * 3600);
const ROUNDS: usize = 8;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let bar = Stream::of(SERVERS);
    // First of all: later ones would live in what others left.
    let (bytes, checks) = memory(&bar);
    tell_time(&mut out, &bar)?;
    writeln!(out, "memory: {bytes} bytes for {checks} checks, {:.0} each", bytes as f64 / checks as f64)?;
    tell_time(&mut out, &Stream::of(SERVERS_OFTEN))
}

/// What a world of so many servers makes happen.
struct Stream {
    servers: usize,
    target: Target,
    began: Timestamp,
    events: Vec<(Timestamp, Event)>,
}

impl Stream {
    fn of(servers: usize) -> Self {
        let mut world = World::new(Setting { servers, ..Setting::of(1) });
        let (target, began) = (world.target(), world.clock());
        let mut watch = Watch::begin(target.clone(), began);
        let mut events = Vec::new();
        while let Some((now, happened)) = world.next(LASTS) {
            let told = watch.take(now, happened.clone());
            told.looks.into_iter().for_each(|probe| world.ask(probe));
            events.push((now, event(happened)));
        }
        Self { servers, target, began, events }
    }

    fn monitor(&self) -> Monitor {
        let mut monitor = Monitor::new(self.began, Memory::default());
        monitor.apply(self.began, Event::Watch(self.target.clone()));
        monitor
    }
}

/// How the resident memory grows by one monitor, and how many checks that has.
fn memory(stream: &Stream) -> (u64, usize) {
    let before = resident();
    let monitors: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let mut monitor = stream.monitor();
            for (now, event) in &stream.events {
                std::hint::black_box(monitor.apply(*now, event.clone()));
            }
            monitor
        })
        .collect();
    let grown = resident().saturating_sub(before) / ROUNDS as u64;
    let last = stream.events.last().map_or(stream.began, |(now, _)| *now);
    (grown, monitors[0].snapshot(last).targets.iter().map(|target| target.readings.len()).sum())
}

fn tell_time(out: &mut impl Write, stream: &Stream) -> io::Result<()> {
    let mut fastest = Duration::MAX;
    for _ in 0..ROUNDS {
        let (mut monitor, events) = (stream.monitor(), stream.events.clone());
        let before = cpu();
        for (now, event) in events {
            std::hint::black_box(monitor.apply(now, event));
        }
        fastest = fastest.min(cpu().saturating_sub(before));
    }
    let (n, servers) = (stream.events.len(), stream.servers);
    let rate = n as f64 / fastest.as_secs_f64();
    writeln!(out, "judging: {n} events in {fastest:.1?}, {rate:.0} a second, {servers} servers")?;
    let costs = costs(stream);
    let all: Duration = costs.values().map(|(_, took)| *took).sum();
    for (kind, (count, took)) in costs {
        let (of_events, of_time) = (count as f64 * 100.0 / n as f64, took.as_secs_f64() * 100.0 / all.as_secs_f64());
        let each = took.as_secs_f64() * 1e6 / count as f64;
        writeln!(out, "  {kind:<10} {count:>6} ({of_events:4.1} %) {each:8.2} µs each, {of_time:4.1} % of the time")?;
    }
    Ok(())
}

type Costs = BTreeMap<&'static str, (u64, Duration)>;

/// Each event with a clock of its own, some 0.03 µs slower than all in a row; the fastest of several rounds counts, for in
/// one of them something else had the core.
#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a measurement, and no judgement")]
fn costs(stream: &Stream) -> Costs {
    let mut fastest = vec![Duration::MAX; stream.events.len()];
    for _ in 0..ROUNDS {
        let mut monitor = stream.monitor();
        for ((now, event), fastest) in stream.events.clone().into_iter().zip(&mut fastest) {
            let before = std::time::Instant::now();
            std::hint::black_box(monitor.apply(now, event));
            *fastest = before.elapsed().min(*fastest);
        }
    }
    let mut costs = Costs::new();
    for ((_, event), took) in stream.events.iter().zip(fastest) {
        let cost = costs.entry(kind(event)).or_default();
        *cost = (cost.0 + 1, cost.1 + took);
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

/// CPU time of this thread so far, to the nanosecond; zero where it cannot be read.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

/// Resident memory of this process in bytes; 0 where it cannot be read.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
