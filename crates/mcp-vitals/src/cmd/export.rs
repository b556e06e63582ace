//! `export`: history as JSON Lines, for other programs.

use std::io::Write as _;

use anyhow::bail;
use serde_json::json;
use vitals_engine::store::IncidentFilter;
use vitals_model::view::v1::IncidentView;
use vitals_probe::clock;

use crate::cli::{Common, ExportArgs};
use crate::exit::Exit;
use crate::wiring::{self, Ground};

pub(crate) fn run(common: &Common, args: &ExportArgs) -> anyhow::Result<Exit> {
    let ground = Ground::new(common)?;
    let Some(reader) = wiring::reader(&ground.state_dir)? else {
        bail!("no history in {} yet", ground.state_dir.display());
    };
    let to = clock::now();
    let from = to.minus(args.since);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for target in reader.targets()? {
        for check in reader.checks(&target)? {
            for sample in reader.samples(&target, &check, from, to)? {
                let line = json!({
                    "type": "sample", "at": sample.at.to_string(), "target": target.as_str(), "check": check.as_str(),
                    "health": sample.health.as_str(), "value": sample.value,
                });
                writeln!(out, "{line}")?;
            }
        }
    }
    for incident in reader.incidents(IncidentFilter::Since(from))? {
        let mut line = serde_json::to_value(IncidentView::from(&incident))?;
        line["type"] = "incident".into();
        writeln!(out, "{line}")?;
    }
    for (at, text) in reader.notes(from, to)? {
        writeln!(out, "{}", json!({"type": "note", "at": at.to_string(), "text": text}))?;
    }
    out.flush()?;
    Ok(Exit::Ok)
}
