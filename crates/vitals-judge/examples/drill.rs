//! Days of a world in simulated time, played to the monitor: `drill SEEDS HOURS [--faults]`, where SEEDS is
//! one seed or `FIRST..LAST`. Prints a line per seed, what went wrong, and the sums; ends with 1 when a bar is
//! missed. `cargo xtask drill` runs it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use subject::Watch;
use vitals_sim::drill::{Outcome, Plan, run};
use vitals_sim::fault::Fault;
use vitals_sim::world::Setting;

#[path = "../tests/soak/subject.rs"]
mod subject;

/// Most false incidents in all seeds together.
const FALSE_MAX: usize = 1;

/// What was asked for.
struct Asked {
    seeds: std::ops::RangeInclusive<u64>,
    lasts: Duration,
    faults: bool,
}

#[expect(clippy::disallowed_methods, reason = "a program is told what to play; the crate itself reads no arguments")]
fn main() -> io::Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(asked) = read(&args) else {
        writeln!(io::stderr(), "usage: drill SEED|FIRST..LAST HOURS [--faults]")?;
        return Ok(ExitCode::from(3));
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{:>6} {:>8} {:>9} {:>5} {:>6}  slowest", "seed", "events", "incidents", "false", "missed")?;
    let mut all = Vec::new();
    for seed in asked.seeds.clone() {
        let setting = Setting::of(seed);
        let plan = if asked.faults { Plan::with_faults(setting, asked.lasts) } else { Plan::healthy(setting, asked.lasts) };
        let outcome = run(&plan, Watch::begin);
        line(&mut out, &outcome)?;
        all.push(outcome);
    }
    let passed = sums(&mut out, &all)?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(args: &[String]) -> Option<Asked> {
    let (seeds, hours, faults) = match args {
        [seeds, hours] => (seeds, hours, false),
        [seeds, hours, flag] if flag == "--faults" => (seeds, hours, true),
        _ => return None,
    };
    let (first, last) = seeds.split_once("..").unwrap_or((seeds, seeds));
    let seeds = first.parse().ok()?..=last.parse().ok()?;
    Some(Asked { seeds, lasts: Duration::try_from_secs_f64(hours.parse::<f64>().ok()? * 3600.0).ok()?, faults })
}

fn line(out: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
    let missed = outcome.missed().count();
    let slowest = outcome.slowest().and_then(|met| Some(format!("{} {:.1?}", met.planned.fault.card().name, met.told_after?)));
    writeln!(
        out,
        "{:>6} {:>8} {:>9} {:>5} {missed:>6}  {}",
        outcome.seed,
        outcome.events,
        outcome.incidents,
        outcome.false_ones.len(),
        slowest.unwrap_or_default()
    )?;
    for wrong in &outcome.false_ones {
        writeln!(out, "         false: {wrong}")?;
    }
    for met in outcome.missed() {
        let card = met.planned.fault.card();
        let told = met.told_after.map_or_else(|| "never told".to_owned(), |after| format!("told after {after:.1?}"));
        let over = if met.is_over { "" } else { ", not over in time" };
        writeln!(out, "         missed: {} at {:.0?}: {told}, at most {:?}{over}", card.name, met.planned.from, card.within)?;
    }
    out.flush()
}

fn sums(out: &mut impl Write, all: &[Outcome]) -> io::Result<bool> {
    let wrong: usize = all.iter().map(|outcome| outcome.false_ones.len()).sum();
    let missed: usize = all.iter().map(|outcome| outcome.missed().count()).sum();
    let events: u64 = all.iter().map(|outcome| outcome.events).sum();
    let mut times: BTreeMap<Fault, Vec<Duration>> = BTreeMap::new();
    for met in all.iter().flat_map(|outcome| &outcome.faults) {
        times.entry(met.planned.fault).or_default().extend(met.told_after);
    }
    writeln!(
        out,
        "\n{} seeds, {events} events, {wrong} false incidents (at most {FALSE_MAX}), {missed} faults missed",
        all.len()
    )?;
    for (fault, mut times) in times {
        times.sort_unstable();
        let (middle, worst) = (times.get(times.len() / 2), times.last());
        if let (Some(middle), Some(worst)) = (middle, worst) {
            writeln!(out, "  {:<24} {:>4} times, told after {middle:.1?}, at worst {worst:.1?}", fault.card().name, times.len())?;
        }
    }
    Ok(!all.is_empty() && wrong <= FALSE_MAX && missed == 0)
}
