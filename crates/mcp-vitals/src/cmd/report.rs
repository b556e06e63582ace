//! `report`: what a span of history says; with `--final`, whether a stability run has shown a stable hub.

use std::collections::BTreeMap;

use anyhow::Context as _;
use vitals_judge::report::Report;
use vitals_model::criterion::Fulfilment;
use vitals_model::scenario::Outcome;
use vitals_model::target::TargetId;

use super::past::{self, DAY, Kind};
use crate::cli::{Common, ReportArgs, ReportFormat};
use crate::exit::Exit;
use crate::render;

pub(crate) fn run(common: &Common, args: &ReportArgs) -> anyhow::Result<Exit> {
    let (kind, usual) = if args.is_final { (Kind::Final, DAY * 2) } else { (Kind::Daily, DAY) };
    let reports = past::reports(common, args.since.unwrap_or(usual), kind)?;
    let text = match args.format {
        ReportFormat::Text => render::report::text(&reports),
        ReportFormat::Markdown => render::report::markdown(&reports),
        ReportFormat::Json => render::json(&render::report::view(&reports))?,
        ReportFormat::Html => render::page::report(&reports),
    };
    match &args.out {
        Some(file) => std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?,
        None => render::print(&text)?,
    }
    if !args.is_final {
        return Ok(of_health(&reports));
    }
    Ok(reports.iter().map(of_verdict).max_by_key(|exit| exit.badness()).unwrap_or(Exit::Unknown))
}

/// The verdict on a run; one that is stable can still miss a should or a nice.
fn of_verdict(report: &Report) -> Exit {
    match report.stability.as_ref().map(|stability| stability.fulfilment) {
        Some(Fulfilment::Met) => Exit::of_criteria(&report.criteria),
        Some(Fulfilment::Unmet) => Exit::Critical,
        Some(Fulfilment::Pending) | None => Exit::Unknown,
    }
}

/// The health of what was observed. Where nothing was, scenarios decide: the last run of each.
fn of_health(reports: &[Report]) -> Exit {
    let observed = reports.iter().filter(|r| r.observed > 0.0).map(|r| r.health).max().map(Exit::from);
    let latest: BTreeMap<(&TargetId, &str), Outcome> =
        reports.iter().flat_map(|r| &r.scenarios).map(|run| ((&run.target, run.scenario.as_str()), run.outcome())).collect();
    observed.or_else(|| latest.into_values().max().map(Exit::from)).unwrap_or(Exit::Unknown)
}
