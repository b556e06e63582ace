//! `cargo xtask`: reads which chore is asked for and runs it. What a chore does is in the library.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;

const USAGE: &str = "\
usage: cargo xtask CHORE

  tidy                      hold the repository to its own rules; exit 1 when one is broken
  gen                       write the reference pages that are made from code anew
  drill [--seed N] [--hours H] [--faults]
                            play days in simulated time to the judgement, 48 h of 100 seeds or of one; exit 1 when
                            an incident is false or a fault is missed
  package [--binary FILE]   make the Debian package in target/package, of the release build or of this program
  bench [--quick] [NAME…]   measure and compare with the bars, all or the named; exit 1 when a bar is missed
  nab --data DIR [--files] [--halves N]
                            score the value detector on the Numenta Anomaly Benchmark in DIR: the whole corpus, each
                            file, N times a threshold chosen on one random half of the files and scored on the
                            other; exit 1 when a bar is missed
";

fn main() -> anyhow::Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout().lock();
    let passed = match args.split_first().map(|(chore, rest)| (chore.as_str(), rest)) {
        Some(("tidy", [])) => tidy(&mut out)?,
        Some(("gen", [])) => xtask::generated::write()?,
        Some(("drill", args)) => {
            drop(out);
            xtask::drill::start(args)?
        }
        Some(("bench", args)) => {
            drop(out);
            xtask::bench::start(args)?
        }
        Some(("package", args)) => xtask::package::run(args, &mut out)?,
        Some(("nab", args)) => xtask::nab::run(args, &mut out)?,
        _ => {
            write!(std::io::stderr(), "{USAGE}")?;
            return Ok(ExitCode::from(3));
        }
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tidy(out: &mut impl std::io::Write) -> anyhow::Result<bool> {
    let repo = xtask::tidy::Repo::read(xtask::root()).context("cannot read the repository")?;
    let broken = xtask::tidy::check(&repo);
    for violation in &broken {
        writeln!(out, "{violation}\n")?;
    }
    writeln!(out, "tidy: {} files, {} rules broken", repo.len(), broken.len())?;
    Ok(broken.is_empty())
}
