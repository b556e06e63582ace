//! `check`: look at everything once and say how it is.

use super::visit::Opening;
use crate::cli::{CheckArgs, CheckFormat, Common};
use crate::exit::Exit;
use crate::render;
use crate::wiring::Ground;

pub(crate) fn run(common: &Common, args: &CheckArgs) -> anyhow::Result<Exit> {
    let ground = Ground::new(common)?;
    let targets = ground.targets()?;
    let history = (!args.no_history).then(|| Opening::begin(&ground));
    let look = super::visit::look(&ground, targets)?;
    let snapshot = &look.snapshot;
    let text = match args.format {
        CheckFormat::Text => render::text::check(snapshot, args.verbose),
        CheckFormat::Json => render::json(&vitals_model::view::v1::CheckView::from(&**snapshot))?,
        CheckFormat::Junit => render::junit::check(snapshot),
        CheckFormat::Markdown => render::markdown::check(snapshot),
        CheckFormat::Nagios => render::nagios::check(snapshot),
    };
    let exit = Exit::from(snapshot.health());
    render::print(&text)?;
    if let Some(history) = history {
        look.keep(history);
    }
    Ok(exit)
}
