//! The report of a span: what history says of it, with criteria, score, trends and what to do first; at the end of a
//! stability run also its four phases and the verdict.
//!
//! It is a function of the past alone (summaries, incidents, scenarios); the binary writes it as text, markdown,
//! JSON or a page.

mod advice;
pub mod phase;
mod score;
pub mod trend;

use std::collections::BTreeMap;
use std::time::Duration;

use vitals_model::check::{CheckId, Point};
use vitals_model::config::Thresholds;
use vitals_model::criterion::{Criterion, Stability};
use vitals_model::history::{Slice, Span, Spread, Summary};
use vitals_model::incident::{Incident, IncidentState};
use vitals_model::limits::RECOMMENDATIONS_MAX;
use vitals_model::observation::Level;
use vitals_model::reading::Health;
use vitals_model::scenario::Run;
use vitals_model::score::Score;
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;

use crate::criteria::{self, Record};
use crate::objective::Spending;
use phase::Phase;
use trend::Trend;

/// What history holds of one target over a span.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// What each check's samples come to.
    pub summaries: BTreeMap<CheckId, Summary>,
    /// The health of the last sample of each check.
    pub last: BTreeMap<CheckId, (Timestamp, Health)>,
    /// Incidents that lasted into the span.
    pub incidents: Vec<Incident>,
    /// Scenarios that began in the span, oldest first.
    pub scenarios: Vec<Run>,
}

impl Past {
    /// The greatest share of the span (0–1) in which any check was observed; `None` when none was.
    pub fn observed(&self, span: Span) -> Option<f64> {
        let known = self.summaries.values().filter(|summary| summary.healths.total() > 0);
        known.map(|summary| span.share(summary.observed)).reduce(f64::max)
    }

    /// Log records: how many there are, and how many of these levels.
    pub(crate) fn records(&self, of: impl Fn(Level) -> bool) -> (u64, u64) {
        let levels = levels(self);
        let sum = |levels: &mut dyn Iterator<Item = &(Level, u64)>| levels.map(|(_, n)| n).sum();
        (sum(&mut levels.iter()), sum(&mut levels.iter().filter(|(level, _)| of(*level))))
    }
}

/// Whether reports and criteria read this check's summary. Objectives name their own.
pub fn reads(check: &CheckId) -> bool {
    is_of_span(check)
        || matches!(check.as_str(), "hub-servers/restarts" | "filtering-sessions/isolation" | "logging/errors")
        || (check.server().is_some() && matches!(check.question(), "tools" | "drift" | "turn") && is_at(check, Point::HubServers))
}

/// Whether a report compares this check with the span before.
pub fn compares(check: &CheckId) -> bool {
    is_of_span(check)
}

/// Whether a report shows how this check went.
pub fn draws(check: &CheckId) -> bool {
    matches!(
        check.as_str(),
        "hub-servers/process" | "hub-servers/api" | "hub-servers/cpu" | "hub-servers/memory" | "hub-servers/fds" | "logging/size"
    ) || matches!(check.as_str(), "logging/lines/error" | "logging/lines/fatal")
        || is_of_server(check)
}

/// Whether the health of the last sample says how the target is now.
pub fn is_vital(check: &CheckId) -> bool {
    matches!(check.question(), "process" | "api" | "truth" | "state")
}

fn is_of_span(check: &CheckId) -> bool {
    let id = check.as_str();
    matches!(
        id,
        "hub-servers/process"
            | "hub-servers/api"
            | "hub-servers/state"
            | "hub-servers/cpu"
            | "hub-servers/memory"
            | "hub-servers/fds"
    ) || matches!(id, "meta-tool-clients/call" | "meta-tool-clients/clients" | "logging/size" | "logging/growth")
        || id.starts_with("logging/lines/")
        || is_of_server(check)
}

fn is_of_server(check: &CheckId) -> bool {
    check.server().is_some() && matches!(check.question(), "truth" | "call") && is_at(check, Point::HubServers)
}

fn is_at(check: &CheckId, point: Point) -> bool {
    check.as_str().split('/').next() == Some(point.as_str())
}

/// All that a report is made of.
#[derive(Clone, Debug)]
pub struct Material {
    /// The target.
    pub target: TargetId,
    /// The span.
    pub span: Span,
    /// What history holds of it.
    pub past: Past,
    /// What it holds of the span before.
    pub before: Past,
    /// How the span went.
    pub course: Vec<Slice>,
    /// How the objectives' budgets are spent.
    pub spendings: Vec<Spending>,
    /// Of the end of a stability run: what history holds of each phase ([`phase::phases`]), in their order. Empty
    /// for any other report.
    pub phases: Vec<Past>,
}

/// The report of one target.
#[derive(Clone, Debug)]
pub struct Report {
    /// The target.
    pub target: TargetId,
    /// The span.
    pub span: Span,
    /// How much of the span was observed, 0–1.
    pub observed: f64,
    /// The worst health of the last samples.
    pub health: Health,
    /// The score of the span.
    pub score: Score,
    /// What the score says nothing of: parts that are there and of which nothing is known.
    pub unknown: Vec<String>,
    /// The verdict on a stability run; `None` for any other report.
    pub stability: Option<Stability>,
    /// The phases of a stability run.
    pub phases: Vec<Phase>,
    /// What must, should and may be.
    pub criteria: Vec<Criterion>,
    /// How it compares with the span before.
    pub trends: Vec<Trend>,
    /// The hub's process and API.
    pub hub: Vec<Line>,
    /// Every server.
    pub servers: Vec<ServerLine>,
    /// Log records per level.
    pub levels: Vec<(Level, u64)>,
    /// Averages and peaks.
    pub resources: Vec<Line>,
    /// How it went, with the score of each slice.
    pub course: Vec<(Slice, Score)>,
    /// Incidents, oldest first.
    pub incidents: Vec<Incident>,
    /// Scenarios, oldest first. They are tests that somebody ran: they cost no points.
    pub scenarios: Vec<Run>,
    /// What to do, most urgent first; at most [`vitals_model::limits::RECOMMENDATIONS_MAX`].
    pub recommendations: Vec<String>,
    /// How many more there are.
    pub recommendations_more: u64,
}

/// One check over the span.
#[derive(Clone, Debug)]
pub struct Line {
    /// The check.
    pub id: CheckId,
    /// The share of known time that it was not failing, 0–1.
    pub uptime: Option<f64>,
    /// Its values.
    pub spread: Option<Spread>,
}

/// One server over the span.
#[derive(Clone, Debug)]
pub struct ServerLine {
    /// Its name as check ids write it.
    pub name: String,
    /// The health of its last sample.
    pub health: Health,
    /// The share of known time in which it truly worked, 0–1.
    pub uptime: Option<f64>,
    /// How long it was observed.
    pub observed: Duration,
    /// Latency of its canary calls in milliseconds.
    pub calls: Option<Spread>,
}

/// The figures of a span, from which all else is said.
struct Figures {
    hub: Vec<Line>,
    servers: Vec<ServerLine>,
    levels: Vec<(Level, u64)>,
    resources: Vec<Line>,
    score: Score,
}

impl Figures {
    fn of(past: &Past, span: Span, limits: &Thresholds) -> Self {
        let of = criteria::of_hub;
        let lines = |ids: &[CheckId]| ids.iter().filter_map(|id| line(past, id)).collect::<Vec<_>>();
        let clients = CheckId::of_target(Point::MetaToolClients, "clients");
        let (size, growth) = (CheckId::of_target(Point::Logging, "size"), CheckId::of_target(Point::Logging, "growth"));
        Self {
            hub: lines(&[of("process"), of("api")]),
            servers: servers(past),
            levels: levels(past),
            resources: lines(&[of("cpu"), of("memory"), of("fds"), of("tokens"), clients, size, growth]),
            score: score::of_span(past, span, limits),
        }
    }
}

/// Makes the report of one target.
pub fn report(material: Material, limits: &Thresholds) -> Report {
    let Material { target, span, past, before, course, spendings, phases } = material;
    let now = Figures::of(&past, span, limits);
    let then = Figures::of(&before, span.before(), limits);
    let criteria = criteria::criteria(&Record { span, past: &past, course: &course }, &spendings);
    let trends = trend::trends((&before, &then), (&past, &now), span);
    let phases = phase::judge(span, &phases, &course);
    let stability = (!phases.is_empty()).then(|| phase::stability(span, &criteria, &phases));
    let mut recommendations = advice::recommendations(&past, &now, &criteria, &trends);
    let recommendations_more = recommendations.len().saturating_sub(RECOMMENDATIONS_MAX) as u64;
    recommendations.truncate(RECOMMENDATIONS_MAX);
    let scored = |slice: Slice| {
        let score = score::of_slice(&slice, &past.incidents, limits);
        (slice, score)
    };
    Report {
        target,
        span,
        observed: past.observed(span).unwrap_or(0.0),
        health: health(&past, span.to, limits),
        unknown: unknown(&past),
        stability,
        phases,
        criteria,
        trends,
        recommendations,
        recommendations_more,
        course: course.into_iter().map(scored).collect(),
        score: now.score,
        hub: now.hub,
        servers: now.servers,
        levels: now.levels,
        resources: now.resources,
        incidents: past.incidents,
        scenarios: past.scenarios,
    }
}

fn line(past: &Past, id: &CheckId) -> Option<Line> {
    let summary = past.summaries.get(id).filter(|s| s.healths.total() > 0)?;
    Some(Line { id: id.clone(), uptime: summary.healths.uptime(), spread: summary.spread })
}

fn truths(past: &Past) -> impl Iterator<Item = (&CheckId, &Summary)> {
    past.summaries.iter().filter(|(id, summary)| id.server().is_some() && id.question() == "truth" && summary.healths.total() > 0)
}

fn servers(past: &Past) -> Vec<ServerLine> {
    let line = |(id, summary): (&CheckId, &Summary)| {
        let name = id.server().unwrap_or_default().to_owned();
        let call = CheckId::from_stored(&format!("{}/{name}/call", Point::HubServers.as_str()));
        ServerLine {
            health: past.last.get(id).map_or(Health::Unknown, |(_, health)| *health),
            uptime: summary.healths.uptime(),
            observed: summary.observed,
            calls: past.summaries.get(&call).and_then(|s| s.spread),
            name,
        }
    };
    truths(past).map(line).collect()
}

/// Parts that were looked at and never measured.
fn unknown(past: &Past) -> Vec<String> {
    let vital = [criteria::of_hub("process"), criteria::of_hub("api")];
    let hub = vital.iter().filter_map(|id| Some((id, past.summaries.get(id).filter(|s| s.healths.total() > 0)?)));
    let silent = hub.chain(truths(past)).filter(|(_, summary)| summary.healths.uptime().is_none());
    silent.map(|(id, _)| id.to_string()).collect()
}

/// Each sample of a level's series is a number of records.
fn levels(past: &Past) -> Vec<(Level, u64)> {
    let lines = |level: Level| {
        let id = CheckId::from_stored(&format!("logging/lines/{}", level.as_str()));
        let spread = past.summaries.get(&id)?.spread?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of records is whole and not negative"
        )]
        Some((level, (spread.mean * spread.values as f64).round() as u64))
    };
    Level::ALL.into_iter().filter_map(lines).collect()
}

/// The worst of the last samples that are fresh at the end of the span.
fn health(past: &Past, to: Timestamp, limits: &Thresholds) -> Health {
    let fresh = limits.start_grace * 10;
    let vital = past.last.iter().filter(|(id, _)| is_vital(id));
    let mut told: Vec<_> = vital.filter(|(_, (at, _))| to.since(*at) <= fresh).map(|(_, (_, health))| *health).collect();
    told.extend(past.incidents.iter().filter(|i| i.state == IncidentState::Open).map(|i| i.health));
    told.into_iter().max().unwrap_or(Health::Unknown)
}
