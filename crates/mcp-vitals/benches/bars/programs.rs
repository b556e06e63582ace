//! Measurements that are example programs of their crates: they are built, run, and read.

use std::process::Command;

use anyhow::{Context as _, bail};
use xtask::bench::{Bar, Effort, Measurement, Row, Unit, child, median};

use crate::product::Home;

pub(crate) const LOG: Measurement = Measurement {
    name: "log",
    about: "log scan over 200 MB of pino lines on one core, fastest of 7 (vitals-probe, example logscan)",
    run: log,
};

pub(crate) const HISTORY: Measurement = Measurement {
    name: "history",
    about: "10 million observations of 40 servers, 30-day uptime and p95 of each (vitals-engine, example history)",
    run: history,
};

pub(crate) const REPORT: Measurement = Measurement {
    name: "report",
    about: "`report --since 90d` on 90 days of a hub with 20 servers, median of 5 (vitals-engine, example season)",
    run: report,
};

pub(crate) const JUDGING: Measurement = Measurement {
    name: "judging",
    about: "two noisy hours of a hub with 20 servers, played to the monitor, CPU time, fastest of 8 (vitals-judge, example cost)",
    run: judging,
};

fn judging(_effort: Effort) -> anyhow::Result<Vec<Row>> {
    let said = example("vitals-judge", "cost", &[])?;
    let rate = number(after(after(line(&said, "judging:")?, "events in ")?, ", ")?)?;
    let memory = number(after(line(&said, "memory:")?, "checks, ")?)?;
    Ok(vec![
        Row::new("events judged in a second of CPU time", rate, Unit::Count, Bar::AtLeast(1e6)),
        Row::new("memory per check", memory, Unit::Bytes, Bar::AtMost(20e3)),
    ])
}

fn log(_effort: Effort) -> anyhow::Result<Vec<Row>> {
    let said = example("vitals-probe", "logscan", &[])?;
    let rate = |clock: &str| anyhow::Ok(number(after(line(&said, clock)?, ": ")?)? * 1e9);
    let faster = number(after(line(&said, "jq:")?, "scan is ")?).context("jq is not on this machine")?;
    Ok(vec![
        Row::new("scan, CPU time", rate("  cpu")?, Unit::BytesPerSecond, Bar::AtLeast(1e9)),
        Row::new("scan, wall time", rate("  wall")?, Unit::BytesPerSecond, Bar::AtLeast(1e9)),
        Row::new("faster than jq -c 'select(.level==\"error\")'", faster, Unit::Times, Bar::AtLeast(20.0)),
    ])
}

fn history(_effort: Effort) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let said = example("vitals-engine", "history", &[folder.path().join("history").to_str().context("a path that is text")?])?;
    let asked = |state: &str| seconds(after(line(&said, &format!("30 days, {state}"))?, state)?);
    let lost = after(line(&said, "kill -9")?, "(median), ")?;
    Ok(vec![
        Row::new("30 days of 40 servers, file not in memory", asked("cold")?, Unit::Seconds, Bar::AtMost(0.2)),
        Row::new("30 days of 40 servers, file in memory", asked("warm")?, Unit::Seconds, Bar::AtMost(0.2)),
        Row::new("bytes per observation", number(after(line(&said, "size")?, "MB: ")?)?, Unit::Bytes, Bar::AtMost(8.0)),
        Row::new("kill -9 at 1,000 samples/s, lost at most", number(lost)? / 1e3, Unit::Seconds, Bar::AtMost(1.0)),
    ])
}

fn report(_effort: Effort) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let history = folder.path().join("history");
    let history = history.to_str().context("a path that is text")?;
    example("vitals-engine", "season", &[history, "90", "20"])?;
    let home = Home::new();
    let wall = |format: &str| {
        let arguments = ["--state-dir", history, "report", "--since", "90d", "--format", format];
        let runs: anyhow::Result<Vec<f64>> =
            (0..5).map(|_| Ok(child::run(&mut home.mcp_vitals(&arguments))?.wall.as_secs_f64())).collect();
        anyhow::Ok(median(&runs?))
    };
    Ok(vec![
        Row::new("90 days of 20 servers, text", wall("text")?, Unit::Seconds, Bar::AtMost(0.5)),
        Row::new("90 days of 20 servers, page", wall("html")?, Unit::Seconds, Bar::AtMost(0.5)),
    ])
}

pub(crate) fn example(package: &str, name: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--release", "--package", package, "--example", name, "--"]).args(arguments);
    let ran = cargo.output().context("cargo does not run")?;
    if !ran.status.success() {
        bail!("the example {name} failed: {}", String::from_utf8_lossy(&ran.stderr).trim());
    }
    Ok(String::from_utf8(ran.stdout)?)
}

pub(crate) fn line<'a>(said: &'a str, begins: &str) -> anyhow::Result<&'a str> {
    said.lines().find(|l| l.starts_with(begins)).with_context(|| format!("no line begins with `{begins}` in:\n{said}"))
}

pub(crate) fn after<'a>(line: &'a str, mark: &str) -> anyhow::Result<&'a str> {
    line.split_once(mark).map(|(_, rest)| rest.trim_start()).with_context(|| format!("no `{mark}` in: {line}"))
}

pub(crate) fn number(text: &str) -> anyhow::Result<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].parse().with_context(|| format!("no number at: {text}"))
}

/// `29.0ms`, as the standard library shows a duration.
pub(crate) fn seconds(text: &str) -> anyhow::Result<f64> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').split(' ').next().unwrap_or_default();
    let scale = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "µs" => 1e-6,
        _ => bail!("no duration at: {text}"),
    };
    Ok(number(text)? * scale)
}
