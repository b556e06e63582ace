//! `selftest`: proves on this machine that every fault is seen. What is expected and how it is tried is in
//! `vitals-lab`; here the monitoring is handed to it, exactly as `watch` runs it, and the outcome is shown.

mod watcher;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::sync::{mpsc, watch};
use vitals_lab::fault::{CATALOGUE, Fault};
use vitals_lab::part::Program;
use vitals_lab::proof::expect::{EXPECTATIONS, Expectation, QUICK};
use vitals_lab::proof::view::MatrixView;
use vitals_lab::proof::{Labs, Length, Matrix, Places, Plan, Progress, page, prove};
use vitals_probe::clock;

use crate::cli::{SelftestArgs, SelftestFormat};
use crate::exit::Exit;
use crate::render;
use watcher::Engines;

/// Lines waiting to be printed: more than there are trials.
const PROGRESS_MAX: usize = 256;

/// How long a fault goes on after it was seen. The longest patience of an incident without a value is 5 s,
/// so what wrongly follows from a fault has opened by then; the quick form looks less long.
const HOLD: Duration = Duration::from_secs(8);
const HOLD_QUICK: Duration = Duration::from_secs(4);

/// What a proof that is shown elsewhere need not say: whose home this is, and where this program was built.
fn places() -> Places {
    let home = crate::wiring::env("HOME");
    let program = std::env::current_exe().ok();
    let folder = program.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    Places::of(home.as_deref().map(Path::new), &[&std::env::temp_dir(), folder])
}

pub(crate) fn run(args: &SelftestArgs) -> anyhow::Result<Exit> {
    let plan = plan(args)?;
    let rows = plan.rows.clone();
    let out = args.out.as_deref().map(prepare).transpose()?;
    let path = std::env::current_exe().context("cannot find this program, of which the lab's parts are made")?;
    let program = Program { path, words: vec!["lab-part".into()] };
    render::note(&render::selftest::announce(&plan));
    let (matrix, interrupted) = crate::wiring::block_on(proving(plan, program, args.format))??;
    let view = MatrixView::of(&matrix, env!("CARGO_PKG_VERSION"), args.seed, args.lanes.into(), clock::now());
    let view = view.shortened(&places());
    let page = || page::page(rows.iter().copied(), Some(&view));
    let text = match args.format {
        SelftestFormat::Text => render::selftest::summary(&view),
        SelftestFormat::Json => render::json(&view)?,
        SelftestFormat::Junit => render::selftest::junit(&view),
        SelftestFormat::Markdown => page(),
    };
    render::print(&text)?;
    if let Some(dir) = out {
        write(dir, "selftest.md", &page())?;
        write(dir, "selftest.json", &render::json(&view)?)?;
    }
    if interrupted {
        render::note("interrupted: what was not tried is no proof");
        return Ok(Exit::Unknown);
    }
    Ok(if view.holds { Exit::Ok } else { Exit::Critical })
}

fn plan(args: &SelftestArgs) -> anyhow::Result<Plan> {
    let whole = !args.quick && args.fault.is_empty();
    let rows = if args.quick {
        QUICK.into_iter().map(Expectation::of).collect()
    } else if whole {
        EXPECTATIONS.iter().collect()
    } else {
        named(&args.fault)?
    };
    let hour = match (whole, args.quick) {
        (true, _) => Some(Length::Whole),
        (false, true) => Some(Length::Sixth),
        (false, false) => None,
    };
    let hold = if args.quick { HOLD_QUICK } else { HOLD };
    Ok(Plan { rows, hour, lanes: args.lanes.into(), seed: args.seed, hold })
}

/// The faults with these ids, each once, in the order of the catalogue.
fn named(ids: &[String]) -> anyhow::Result<Vec<&'static Expectation>> {
    if let Some(unknown) = ids.iter().find(|id| Fault::parse(id).is_none()) {
        let known = CATALOGUE.iter().map(|card| card.id).collect::<Vec<_>>().join(", ");
        bail!("no fault is called '{unknown}'; there are {known}");
    }
    Ok(Fault::all().filter(|fault| ids.iter().any(|id| id == fault.card().id)).map(Expectation::of).collect())
}

/// Makes the folder before anything is tried: minutes of work are not lost to a wrong path.
fn prepare(dir: &Path) -> anyhow::Result<&Path> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

fn write(dir: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = dir.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Proves, and prints what ends; a signal to end ends the labs first. Whether it was interrupted.
async fn proving(plan: Plan, program: Program, format: SelftestFormat) -> anyhow::Result<(Matrix, bool)> {
    let mut signals = crate::wiring::EndSignals::listen()?;
    let (progress, mut ended) = mpsc::channel(PROGRESS_MAX);
    let (stop, stopping) = watch::channel(false);
    let proving = prove(plan, Arc::new(Labs { program }), Arc::new(Engines), progress, stopping);
    tokio::pin!(proving);
    loop {
        tokio::select! {
            biased;
            Some(progress) = ended.recv() => tell(format, &progress)?,
            matrix = &mut proving => {
                while let Ok(progress) = ended.try_recv() {
                    tell(format, &progress)?;
                }
                let interrupted = *stop.borrow();
                return Ok((matrix, interrupted));
            }
            () = signals.told() => drop(stop.send_replace(true)),
        }
    }
}

/// A line per trial: the output itself for people, beside it for programs.
fn tell(format: SelftestFormat, progress: &Progress) -> anyhow::Result<()> {
    let line = match progress {
        Progress::Trial(trial) => render::selftest::trial(&(&**trial).into()),
        Progress::Hour(hour) => render::selftest::hour(&(&**hour).into()),
    };
    match format {
        SelftestFormat::Text => render::print(&line),
        SelftestFormat::Json | SelftestFormat::Junit | SelftestFormat::Markdown => {
            render::note(line.trim_end());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn plan_of(words: &[&str]) -> anyhow::Result<Plan> {
        match Cli::try_parse_from([&["mcp-vitals", "selftest"], words].concat())?.command {
            Command::Selftest(args) => plan(&args),
            _ => bail!("another command"),
        }
    }

    #[test]
    fn the_whole_has_every_fault_and_the_hour() {
        let plan = plan_of(&[]).unwrap();
        assert_eq!((plan.rows.len(), plan.hour, plan.lanes), (CATALOGUE.len(), Some(Length::Whole), 4));
        let quick = plan_of(&["--quick"]).unwrap();
        assert_eq!((quick.rows.len(), quick.hour), (10, Some(Length::Sixth)));
        assert!(quick.hold < plan.hold);
    }

    #[test]
    fn named_faults_are_tried_once_and_unknown_ones_refused() {
        let plan = plan_of(&["--fault", "llm-401", "--fault", "hub-killed", "--fault", "llm-401"]).unwrap();
        let ids: Vec<_> = plan.rows.iter().map(|row| row.card().id).collect();
        assert_eq!((ids, plan.hour), (vec!["hub-killed", "llm-401"], None));
        let error = plan_of(&["--fault", "llm-402"]).unwrap_err().to_string();
        assert!(error.starts_with("no fault is called 'llm-402'; there are hub-killed, "), "{error}");
        assert!(plan_of(&["--quick", "--fault", "llm-401"]).is_err() && plan_of(&["--lanes", "0"]).is_err());
    }
}
