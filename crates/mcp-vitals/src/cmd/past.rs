//! The reports of every target over a span of history: what `report` and `criteria` show. It asks nothing of any target.

use std::time::Duration;

use anyhow::bail;
use vitals_engine::history;
use vitals_engine::store::Reader;
use vitals_judge::report::phase::phases;
use vitals_judge::report::{Material, Past, Report, report};
use vitals_model::config::TargetSettings;
use vitals_model::history::Span;
use vitals_model::target::TargetId;
use vitals_model::time::{Timestamp, human};
use vitals_probe::clock;
use vitals_probe::discover::{self, Wanted};

use crate::cli::Common;
use crate::wiring::{self, Ground};

/// A day: what a report is of, if nothing else is asked.
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

/// What is to be said of the span.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What it shows, be it only scenarios.
    Daily,
    /// Whether criteria are met. Of a lab that was there for a scenario alone there is nothing to say.
    Criteria,
    /// Whether it was a stable run: its phases are read, too.
    Final,
}

/// The reports of the targets that were named, or of all, over the time until now.
pub(super) fn reports(common: &Common, since: Duration, kind: Kind) -> anyhow::Result<Vec<Report>> {
    reports_on(&Ground::new(common)?, since, kind)
}

/// The same on ground that is known already.
pub(super) fn reports_on(ground: &Ground, since: Duration, kind: Kind) -> anyhow::Result<Vec<Report>> {
    if wiring::reader(&ground.state_dir)?.is_none() {
        bail!(
            "no history in {} yet: `mcp-vitals watch` keeps one, and every `mcp-vitals check` adds to it",
            ground.state_dir.display()
        );
    }
    let reports = reports_until(ground, clock::now(), since, kind)?;
    if reports.is_empty() {
        bail!("{}", nothing(since));
    }
    Ok(reports)
}

/// Those over the time until `to`; none where nothing was observed.
pub(super) fn reports_until(ground: &Ground, to: Timestamp, since: Duration, kind: Kind) -> anyhow::Result<Vec<Report>> {
    let Some(reader) = wiring::reader(&ground.state_dir)? else { return Ok(Vec::new()) };
    let span = Span { from: to.minus(since), to };
    let mut reports = Vec::new();
    for target in wanted(ground, reader.targets()?)? {
        let settings = ground.settings.targets.get(target.as_str()).map_or(&ground.settings.defaults, |c| &c.settings);
        reports.extend(over(&reader, target, settings, span, kind)?);
    }
    Ok(reports)
}

/// The report of one target over the time until now; `None` when nothing is known of it.
pub(super) fn one(
    reader: &Reader,
    target: TargetId,
    settings: &TargetSettings,
    since: Duration,
    kind: Kind,
) -> anyhow::Result<Option<Report>> {
    let to = clock::now();
    over(reader, target, settings, Span { from: to.minus(since), to }, kind)
}

fn over(reader: &Reader, target: TargetId, settings: &TargetSettings, span: Span, kind: Kind) -> anyhow::Result<Option<Report>> {
    let past = history::past(reader, &target, span)?;
    if past.observed(span).is_none() && (kind != Kind::Daily || past.scenarios.is_empty()) {
        return Ok(None);
    }
    let material = material(reader, target, past, span, settings, kind)?;
    Ok(Some(report(material, &settings.thresholds)))
}

/// That there is no report, as it is said.
pub(super) fn nothing(since: Duration) -> String {
    format!("nothing was observed in the last {}", human(since))
}

fn material(
    reader: &Reader,
    target: TargetId,
    past: Past,
    span: Span,
    settings: &TargetSettings,
    kind: Kind,
) -> anyhow::Result<Material> {
    let parts: Result<Vec<_>, _> = match kind {
        Kind::Daily | Kind::Criteria => Ok(Vec::new()),
        Kind::Final => phases(span).into_iter().map(|phase| history::past(reader, &target, phase)).collect(),
    };
    Ok(Material {
        before: history::before(reader, &target, span.before())?,
        course: history::course(reader, &target, span)?,
        spendings: history::spendings(reader, &target, &settings.objectives, span.to)?,
        phases: parts?,
        target,
        span,
        past,
    })
}

/// The targets of the history that were asked for; all when none was named.
fn wanted(ground: &Ground, known: Vec<TargetId>) -> anyhow::Result<Vec<TargetId>> {
    if ground.wanted.is_empty() {
        return Ok(known);
    }
    let named = discover::find(&ground.settings, &ground.surroundings, &ground.wanted);
    let ids: Vec<_> = known.iter().filter(|id| named.targets.iter().any(|t| t.id == **id)).cloned().collect();
    // A hub that is not there any more is known to the history by its name alone.
    let by_name = known
        .into_iter()
        .filter(|id| ground.wanted.iter().any(|w| matches!(w, Wanted::Named(name) if name == id.as_str())) && !ids.contains(id));
    let all: Vec<_> = ids.iter().cloned().chain(by_name).collect();
    if all.is_empty() {
        bail!("the history knows none of the named targets");
    }
    Ok(all)
}
