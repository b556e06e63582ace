//! `explain`: why a check is red, and why nobody was told. A check is looked at once, now; an incident is read from
//! the history. It decides nothing, so its exit code is 0 when it could explain.

use anyhow::bail;
use vitals_judge::explain::Explanation;
use vitals_model::quiet::Pattern;
use vitals_model::target::TargetId;
use vitals_probe::clock;
use vitals_web::source::{Explained, ExplainedView};

use crate::cli::{Common, ExplainArgs, IncidentsAction, IncidentsArgs, LineFormat};
use crate::exit::Exit;
use crate::render;
use crate::wiring::Ground;

pub(crate) fn run(common: &Common, args: &ExplainArgs) -> anyhow::Result<Exit> {
    if let Some(id) = args.what.strip_prefix(['I', 'i']).and_then(|digits| digits.parse().ok()) {
        let action = IncidentsAction::Show { id, format: args.format };
        return super::incidents::run(common, &IncidentsArgs { action });
    }
    let ground = Ground::new(common)?;
    let targets = ground.targets()?;
    let look = super::visit::look(&ground, targets.clone())?;
    let now = clock::now();
    let wanted = Pattern::new(&args.what);
    let mut found: Vec<(&TargetId, Explanation)> = Vec::new();
    for target in &targets {
        let state = look.snapshot.targets.iter().find(|state| state.target.id == target.id);
        let readings = state.into_iter().flat_map(|state| &state.readings);
        for reading in readings.filter(|reading| wanted.matches(reading.id.as_str())) {
            found.extend(look.explain(target, &reading.id, now).map(|explained| (&target.id, explained)));
        }
    }
    if found.is_empty() {
        bail!("no check {} has a reading now; `mcp-vitals check --format json` names those that have", args.what);
    }
    render::print(&match args.format {
        LineFormat::Text => found.iter().map(|(target, explained)| render::explain::text(target, explained)).collect(),
        LineFormat::Json => {
            let one = |(target, explained): &(&TargetId, Explanation)| ExplainedView::new(target, &told(explained));
            render::json(&found.iter().map(one).collect::<Vec<_>>())?
        }
    })?;
    Ok(Exit::Ok)
}

/// An explanation with its sentences, as faces are given it.
pub(super) fn told(explanation: &Explanation) -> Explained {
    Explained {
        reading: explanation.reading.clone(),
        causes: explanation.causes.clone(),
        verdict: explanation.verdict(),
        terms: explanation.terms(),
        incident: explanation.incident.clone(),
        quiet: explanation.quiet.as_ref().map(|quiet| quiet.sentence.clone()),
        repair: explanation.repair.clone(),
    }
}
