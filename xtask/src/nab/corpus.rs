//! Reads a corpus in the layout of the Numenta Anomaly Benchmark: `labels/combined_windows.json` names
//! the files, `data/` has them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use vitals_model::time::Timestamp;

use super::score::Window;

/// Where the windows stand, beside `data/`.
const LABELS: &str = "labels/combined_windows.json";

/// One file.
#[derive(Debug)]
pub(super) struct Series {
    /// As the labels name it.
    pub(super) name: String,
    pub(super) samples: Vec<(Timestamp, f64)>,
    /// In order; those without a row in them are left out.
    pub(super) windows: Vec<Window>,
}

/// Every file that the labels name, by name.
pub(super) fn read(folder: &Path) -> anyhow::Result<Vec<Series>> {
    let labels = folder.join(LABELS);
    let hint = || format!("{} cannot be read; --data is the folder that holds labels/ and data/", labels.display());
    let text = fs::read_to_string(&labels).with_context(hint)?;
    let labels: BTreeMap<String, Vec<[String; 2]>> = serde_json::from_str(&text).with_context(hint)?;
    if labels.is_empty() {
        bail!("{LABELS} names no file");
    }
    labels.into_iter().map(|(name, windows)| series(folder, name, &windows)).collect()
}

fn series(folder: &Path, name: String, windows: &[[String; 2]]) -> anyhow::Result<Series> {
    let path = folder.join("data").join(&name);
    let text = fs::read_to_string(&path).with_context(|| format!("{} is named by {LABELS}, and missing", path.display()))?;
    let rows = text.lines().enumerate().skip(1).filter(|(_, line)| !line.is_empty());
    let samples = rows
        .map(|(n, line)| sample(line).with_context(|| format!("{}:{}: `{line}` is not `time,value`", path.display(), n + 1)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut rows_of = Vec::new();
    for [from, to] in windows {
        let (from, to) = time(from).zip(time(to)).with_context(|| format!("{LABELS}: {name}: a window without times"))?;
        let first = samples.iter().position(|(at, _)| *at >= from);
        let last = samples.iter().rposition(|(at, _)| *at <= to);
        rows_of.extend(first.zip(last).filter(|(first, last)| first <= last).map(|(first, last)| first..=last));
    }
    rows_of.sort_by_key(|w| *w.start());
    Ok(Series { name, samples, windows: rows_of })
}

fn sample(line: &str) -> Option<(Timestamp, f64)> {
    let (at, value) = line.split_once(',')?;
    Some((time(at)?, value.trim().parse().ok()?))
}

/// `2014-04-10 07:15:00`, with or without a fraction, taken as UTC.
fn time(text: &str) -> Option<Timestamp> {
    Timestamp::parse(&format!("{}Z", text.trim().replace(' ', "T")))
}
