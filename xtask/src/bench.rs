//! The frame of `cargo xtask bench`: figures beside the bars they must reach, with the machine they
//! were taken on. A measurement is a function that returns rows; this module runs and prints them.
//! It decides nothing about the product: what is measured stands in `crates/mcp-vitals/benches/bars/`,
//! a bench target, for which cargo builds the release binary; the bars stand beside their measurements.

pub mod child;
mod machine;
mod table;

use std::io::Write;
use std::panic::{UnwindSafe, catch_unwind};
use std::process::Command;

use anyhow::{Context as _, bail};

use child::Stopwatch;
pub use table::{Bar, Row, Unit};

/// How much time the figures are worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effort {
    /// As the bars ask.
    Full,
    /// Fewer runs and shorter waits: enough to see that something broke, too little to quote.
    Quick,
}

impl Effort {
    /// `full` or `quick`, whichever was asked for.
    pub const fn of<T: Copy>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// Something that can be measured by name.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// Name on the command line.
    pub name: &'static str,
    /// What is measured, and how, in one line.
    pub about: &'static str,
    /// Takes the figures.
    pub run: fn(Effort) -> anyhow::Result<Vec<Row>>,
}

/// The repository's own rules.
pub const TIDY: Measurement = Measurement { name: "tidy", about: "all repository rules, in one process, median of 5", run: tidy };

/// Builds what is measured, and measures it. `true` when every bar was reached.
///
/// # Errors
/// When cargo does not run.
pub fn start(args: &[String]) -> anyhow::Result<bool> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(crate::root()).args(["bench", "--quiet", "--package", "mcp-vitals", "--bench", "bars", "--"]).args(args);
    Ok(cargo.status().context("cargo does not run")?.success())
}

/// Runs the measurements that are named in `args`, or all, and prints their rows as they come. `true`
/// when there was at least one row and every bar was reached. `--quick` is the one option.
///
/// # Errors
/// When a name is unknown or the output cannot be written. A measurement that fails is a failed row.
pub fn run(all: &[Measurement], args: &[String], out: &mut impl Write) -> anyhow::Result<bool> {
    // Cargo says `--bench` to every bench target.
    let (options, names): (Vec<&str>, Vec<&str>) =
        args.iter().map(String::as_str).filter(|a| *a != "--bench").partition(|a| a.starts_with('-'));
    let effort = match options.as_slice() {
        [] => Effort::Full,
        ["--quick"] => Effort::Quick,
        _ => bail!("the one option is --quick; there was {}", options.join(" ")),
    };
    if let Some(unknown) = names.iter().find(|n| all.iter().all(|m| m.name != **n)) {
        let known: Vec<&str> = all.iter().map(|m| m.name).collect();
        bail!("no measurement is called `{unknown}`; there are: {}", known.join(", "));
    }
    writeln!(out, "machine: {}", machine::facts())?;
    if effort == Effort::Quick {
        writeln!(out, "quick: fewer runs and shorter waits than the bars ask for; not to be quoted")?;
    }
    let (mut rows_seen, mut reached) = (0, true);
    for measurement in all.iter().filter(|m| names.is_empty() || names.contains(&m.name)) {
        writeln!(out, "\n{}: {}", measurement.name, measurement.about)?;
        out.flush()?;
        match unbroken(|| (measurement.run)(effort)) {
            Ok(rows) => {
                write!(out, "{}", table::render(&rows))?;
                rows_seen += rows.len();
                reached &= !rows.is_empty() && rows.iter().all(Row::passes);
            }
            Err(e) => {
                writeln!(out, "  FAIL  not measured: {e:#}")?;
                reached = false;
            }
        }
    }
    Ok(reached && rows_seen > 0)
}

/// The acceptance tests' harness panics where a test would fail: that ends one measurement, not all.
fn unbroken(measure: impl FnOnce() -> anyhow::Result<Vec<Row>> + UnwindSafe) -> anyhow::Result<Vec<Row>> {
    catch_unwind(measure).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        bail!("{}", said.unwrap_or("it panicked"))
    })
}

fn tidy(_effort: Effort) -> anyhow::Result<Vec<Row>> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let clock = Stopwatch::start();
        let repo = crate::tidy::Repo::read(crate::root())?;
        let _broken = crate::tidy::check(&repo);
        times.push(clock.elapsed().as_secs_f64());
    }
    Ok(vec![Row::new("read and check", median(&times), Unit::Seconds, Bar::AtMost(2.0))])
}

/// The middle value; between the two middle ones of an even number. NaN of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (n, middle) if n % 2 == 1 => sorted[middle],
        (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests;
