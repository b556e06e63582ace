//! `cargo xtask bench`: the built product beside every bar that it must reach, on the real npm hub.
//! The frame is `xtask::bench`; the real hub and the built binary are the acceptance tests' own.

mod bed;
mod faces;
mod faults;
mod kill;
mod lab;
mod looks;
mod programs;
mod watch;

use std::process::ExitCode;

use xtask::bench::{self, Measurement};

// The harness says `crate::` of its parts.
use bed::{hub, install, procs, product, rest, wait};

/// In the order in which they run.
const MEASUREMENTS: [Measurement; 15] = [
    looks::CHECK,
    looks::DASHBOARD,
    faults::FAULTS,
    kill::KILL,
    watch::WATCH,
    programs::LOG,
    programs::HISTORY,
    programs::REPORT,
    programs::JUDGING,
    faces::SCREEN,
    faces::ANSWERS,
    faces::PAGE,
    lab::SESSIONS,
    lab::DEMO,
    bench::TIDY,
];

fn main() -> anyhow::Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let reached = bench::run(&MEASUREMENTS, &args, &mut std::io::stdout())?;
    Ok(if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
