//! `report`: what a span of history says. It asks nothing of any target.

use std::collections::BTreeMap;

use anyhow::bail;
use vitals_judge::report::Report;
use vitals_model::scenario::Outcome;
use vitals_model::target::TargetId;
use vitals_probe::clock;

use crate::cli::{Common, ReportArgs, ReportFormat};
use crate::exit::Exit;
use crate::render;
use crate::wiring::{self, Ground};

pub(crate) fn run(common: &Common, args: &ReportArgs) -> anyhow::Result<Exit> {
    let ground = Ground::new(common)?;
    let Some(reader) = wiring::reader(&ground.state_dir)? else {
        bail!(
            "no history in {} yet: `mcp-vitals watch` keeps one, and every `mcp-vitals check` adds to it",
            ground.state_dir.display()
        );
    };
    let to = clock::now();
    let from = to.minus(args.since);
    let mut reports = Vec::new();
    for target in wanted(&ground, reader.targets()?)? {
        let past = vitals_engine::history::past(&reader, &target, from, to)?;
        let observed = past.summaries.values().any(|s| s.healths.total() > 0);
        if !observed && past.scenarios.is_empty() {
            continue;
        }
        let thresholds = ground.settings.targets.get(target.as_str()).map_or(&ground.settings.defaults, |c| &c.settings);
        reports.push(vitals_judge::report::report(target, past, from, to, &thresholds.thresholds));
    }
    if reports.is_empty() {
        bail!("nothing was observed in the last {}", vitals_model::time::human(args.since));
    }
    let text = match args.format {
        ReportFormat::Text => render::report::text(&reports),
        ReportFormat::Markdown => render::report::markdown(&reports),
        ReportFormat::Json => render::json(&render::report::view(&reports))?,
    };
    render::print(&text)?;
    Ok(exit(&reports))
}

/// The health of what was observed. Where nothing was, scenarios decide: the last run of each.
fn exit(reports: &[Report]) -> Exit {
    let observed = reports.iter().filter(|r| r.observed > 0.0).map(|r| r.health).max().map(Exit::from);
    let latest: BTreeMap<(&TargetId, &str), Outcome> =
        reports.iter().flat_map(|r| &r.scenarios).map(|run| ((&run.target, run.scenario.as_str()), run.outcome())).collect();
    observed.or_else(|| latest.into_values().max().map(Exit::from)).unwrap_or(Exit::Unknown)
}

/// The targets of the history that were asked for; all when none was named.
fn wanted(ground: &Ground, known: Vec<TargetId>) -> anyhow::Result<Vec<TargetId>> {
    if ground.wanted.is_empty() {
        return Ok(known);
    }
    let named = vitals_probe::discover::find(&ground.settings, &ground.surroundings, &ground.wanted);
    let ids: Vec<_> = known.iter().filter(|id| named.targets.iter().any(|t| t.id == **id)).cloned().collect();
    // A hub that is not there any more is known to the history by its name alone.
    let by_name = known.into_iter().filter(|id| {
        ground.wanted.iter().any(|w| matches!(w, vitals_probe::discover::Wanted::Named(name) if name == id.as_str()))
            && !ids.contains(id)
    });
    let all: Vec<_> = ids.iter().cloned().chain(by_name).collect();
    if all.is_empty() {
        bail!("the history knows none of the named targets");
    }
    Ok(all)
}
