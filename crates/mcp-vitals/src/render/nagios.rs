//! One line in the format of monitoring plugins: `SERVICE STATUS - text | perfdata`.

use std::fmt::Write as _;

use vitals_model::check::{Threshold, Unit};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::Snapshot;

use crate::exit::Exit;

/// Values worth a graph, by the question of their check.
const PERFDATA: [&str; 9] = ["api", "cpu", "memory", "fds", "call", "clients", "errors", "size", "heartbeat"];

/// The whole of `check` in one line.
pub(crate) fn check(snapshot: &Snapshot, exit: Exit) -> String {
    let status = match exit {
        Exit::Ok => "OK",
        Exit::Warning => "WARNING",
        Exit::Critical => "CRITICAL",
        Exit::Unknown => "UNKNOWN",
    };
    let mut texts = Vec::new();
    let mut perfdata = String::new();
    for target in &snapshot.targets {
        let bad = target.readings.iter().filter(|r| is_cause(r, &target.readings));
        let said: Vec<_> = bad.map(|r| format!("{} {}", r.id, r.summary)).collect();
        let said =
            if said.is_empty() { format!("{} servers, score {}", target.servers.len(), target.score) } else { said.join("; ") };
        texts.push(format!("{}: {said}", target.target.id));
        if let Some(points) = target.score.points {
            let _ = write!(perfdata, " {}={points};;;0;100", label(target.target.id.as_str(), "score"));
        }
        for reading in target.readings.iter().filter(|r| PERFDATA.contains(&r.id.question())) {
            let _ = write!(perfdata, "{}", value(target.target.id.as_str(), reading));
        }
    }
    // The bar separates perfdata and may not stand in the text.
    let text = texts.join(", ").replace('|', "/");
    format!("MCP {status} - {text} |{perfdata}\n")
}

/// Whether this bad reading is a cause of its own.
fn is_cause(reading: &Reading, all: &[Reading]) -> bool {
    let bad = |r: &Reading| r.standing == Standing::Judged && matches!(r.health, Health::Degraded | Health::Failing);
    bad(reading) && reading.cause.as_ref().is_none_or(|cause| !all.iter().any(|r| r.id == *cause && bad(r)))
}

fn value(target: &str, reading: &Reading) -> String {
    let Some(value) = reading.value.filter(|value| value.is_finite()) else { return String::new() };
    let unit = match reading.unit {
        Unit::Count => "",
        Unit::Millis => "ms",
        Unit::Seconds => "s",
        Unit::Bytes | Unit::BytesPerHour => "B",
        Unit::Percent => "%",
    };
    let bound = |b: f64| if b.is_finite() { b.to_string() } else { String::new() };
    let bounds = match reading.threshold {
        Some(Threshold::Above(warning, critical)) => format!(";{};{}", bound(warning), bound(critical)),
        // A range that begins at the bound alerts below it.
        Some(Threshold::Below(warning, critical)) => format!(";{}:;{}:", bound(warning), bound(critical)),
        None => String::new(),
    };
    format!(" {}={value:.3}{unit}{bounds}", label(target, reading.id.as_str()))
}

/// A quoted label: it may hold neither a quote, nor an equals sign, nor the bar.
fn label(target: &str, question: &str) -> String {
    format!("'{}'", format!("{target}/{question}").replace(['\'', '=', '|'], "_"))
}
