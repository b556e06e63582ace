//! `criteria`: whether a hub was what it must, should and may be. Exit 0 when every must is met, 1 when a should or a
//! nice is not, 2 when a must is not, 3 when a must is pending.

use super::past::{self, Kind};
use crate::cli::{Common, CriteriaArgs, CriteriaFormat};
use crate::exit::Exit;
use crate::render;

pub(crate) fn run(common: &Common, args: &CriteriaArgs) -> anyhow::Result<Exit> {
    let reports = past::reports(common, args.since, Kind::Criteria)?;
    let text = match args.format {
        CriteriaFormat::Text => render::criteria::text(&reports),
        CriteriaFormat::Json => render::json(&render::criteria::view(&reports))?,
        CriteriaFormat::Junit => render::criteria::junit(&reports),
        CriteriaFormat::Markdown => render::criteria::markdown(&reports),
    };
    render::print(&text)?;
    let exits = reports.iter().map(|report| Exit::of_criteria(&report.criteria));
    Ok(exits.max_by_key(|exit| exit.badness()).unwrap_or(Exit::Unknown))
}
