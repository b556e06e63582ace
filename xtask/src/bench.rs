//! `cargo xtask bench`: figures of the product beside the bars it must reach, with the machine they
//! were taken on. A measurement is a function that returns rows; this module runs and prints them.
//! It decides nothing about the product: the bars stand beside their measurements.

pub mod child;
mod machine;
mod table;

use std::io::Write;

use anyhow::bail;

use child::Stopwatch;
pub use table::{Bar, Row, Unit};

/// Something that can be measured by name.
pub struct Measurement {
    /// Name on the command line.
    pub name: &'static str,
    /// What is measured, and how, in one line.
    pub about: &'static str,
    /// Takes the figures.
    pub run: fn() -> anyhow::Result<Vec<Row>>,
}

/// Every measurement, in the order in which they run.
const MEASUREMENTS: &[Measurement] =
    &[Measurement { name: "tidy", about: "all repository rules, in this process, median of 5", run: tidy }];

/// Runs the measurements that are named, or all, and prints their rows as they come. `true` when
/// there was at least one row and every bar was reached.
///
/// # Errors
/// When a name is unknown or the output cannot be written. A measurement that fails is a failed row.
pub fn run(names: &[String], out: &mut impl Write) -> anyhow::Result<bool> {
    run_of(MEASUREMENTS, names, out)
}

fn run_of(all: &[Measurement], names: &[String], out: &mut impl Write) -> anyhow::Result<bool> {
    if let Some(unknown) = names.iter().find(|n| all.iter().all(|m| m.name != n.as_str())) {
        let known: Vec<&str> = all.iter().map(|m| m.name).collect();
        bail!("no measurement is called `{unknown}`; there are: {}", known.join(", "));
    }
    writeln!(out, "machine: {}", machine::facts())?;
    let (mut rows_seen, mut reached) = (0, true);
    for measurement in all.iter().filter(|m| names.is_empty() || names.iter().any(|n| n == m.name)) {
        writeln!(out, "\n{}: {}", measurement.name, measurement.about)?;
        match (measurement.run)() {
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

fn tidy() -> anyhow::Result<Vec<Row>> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let clock = Stopwatch::start();
        let repo = crate::tidy::Repo::read(crate::root())?;
        let _broken = crate::tidy::check(&repo);
        times.push(clock.elapsed().as_secs_f64());
    }
    Ok(vec![Row { what: "read and check".into(), measured: median(&times), unit: Unit::Seconds, bar: Bar::AtMost(2.0) }])
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
