//! The daily summary: what a span of history says, with the score and what to do first.
//!
//! It is a function of the past alone (samples, incidents) and of the last snapshot when there is one;
//! the binary writes it as text, markdown or JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use vitals_model::check::{CheckId, Point};
use vitals_model::config::Thresholds;
use vitals_model::history::{Spread, Summary};
use vitals_model::incident::{Incident, IncidentState};
use vitals_model::observation::Level;
use vitals_model::reading::Health;
use vitals_model::scenario::{Outcome, Run};
use vitals_model::score::{Deduction, Score};
use vitals_model::target::TargetId;
use vitals_model::time::{Timestamp, human};

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

/// The summary of one target.
#[derive(Clone, Debug)]
pub struct Report {
    /// The target.
    pub target: TargetId,
    /// The span.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// How much of the span was observed, 0–1.
    pub observed: f64,
    /// The worst health of the last samples.
    pub health: Health,
    /// The score of the span.
    pub score: Score,
    /// The hub's process and API.
    pub hub: Vec<Line>,
    /// Every server.
    pub servers: Vec<ServerLine>,
    /// Log records per level.
    pub levels: Vec<(Level, u64)>,
    /// Averages and peaks.
    pub resources: Vec<Line>,
    /// Incidents, oldest first.
    pub incidents: Vec<Incident>,
    /// Scenarios, oldest first. They are tests that somebody ran: they cost no points.
    pub scenarios: Vec<Run>,
    /// What to do, most urgent first.
    pub recommendations: Vec<String>,
}

/// One check over the span.
#[derive(Clone, Debug)]
pub struct Line {
    /// The check.
    pub id: CheckId,
    /// The share of known samples that were not failing, 0–1.
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
    /// The share of known samples in which it truly worked, 0–1.
    pub uptime: Option<f64>,
    /// How long it was observed.
    pub observed: Duration,
    /// Latency of its canary calls in milliseconds.
    pub calls: Option<Spread>,
}

/// Makes the report of one target.
pub fn report(target: TargetId, past: Past, from: Timestamp, to: Timestamp, limits: &Thresholds) -> Report {
    let of = |question: &str| CheckId::of_target(Point::HubServers, question);
    let vital = [of("process"), of("api")];
    let hub: Vec<_> = vital.iter().filter_map(|id| line(&past, id)).collect();
    let clients = CheckId::of_target(Point::MetaToolClients, "clients");
    let (size, growth) = (CheckId::of_target(Point::Logging, "size"), CheckId::of_target(Point::Logging, "growth"));
    let resources: Vec<_> = [of("cpu"), of("memory"), of("fds"), of("tokens"), clients, size, growth]
        .iter()
        .filter_map(|id| line(&past, id))
        .collect();
    let servers = servers(&past);
    let levels: Vec<_> = Level::ALL.into_iter().filter_map(|level| Some((level, lines_of(&past, level)?))).collect();
    let observed = past.summaries.values().map(|s| s.observed).max().unwrap_or_default();
    let span = to.since(from).as_secs_f64().max(1.0);
    let health = health(&past, to, limits);
    let score = score(&past, &servers, &hub, &resources, &levels, limits, to.since(from));
    let mut recommendations = recommendations(&past.incidents, &servers, &score);
    recommendations.extend(still_failing(&past.scenarios));
    Report {
        target,
        from,
        to,
        observed: (observed.as_secs_f64() / span).min(1.0),
        health,
        score,
        hub,
        servers,
        levels,
        resources,
        incidents: past.incidents,
        scenarios: past.scenarios,
        recommendations,
    }
}

fn line(past: &Past, id: &CheckId) -> Option<Line> {
    let summary = past.summaries.get(id).filter(|s| s.healths.total() > 0)?;
    Some(Line { id: id.clone(), uptime: summary.healths.uptime(), spread: summary.spread })
}

fn servers(past: &Past) -> Vec<ServerLine> {
    let truths = past
        .summaries
        .iter()
        .filter(|(id, summary)| id.server().is_some() && id.question() == "truth" && summary.healths.total() > 0);
    truths
        .map(|(id, summary)| {
            let name = id.server().unwrap_or_default().to_owned();
            let call = CheckId::from_stored(&format!("{}/{name}/call", Point::HubServers.as_str()));
            ServerLine {
                health: past.last.get(id).map_or(Health::Unknown, |(_, health)| *health),
                uptime: summary.healths.uptime(),
                observed: summary.observed,
                calls: past.summaries.get(&call).and_then(|s| s.spread),
                name,
            }
        })
        .collect()
}

/// Each sample of a level's series is a number of records.
fn lines_of(past: &Past, level: Level) -> Option<u64> {
    let spread = past.summaries.get(&CheckId::from_stored(&format!("logging/lines/{}", level.as_str())))?.spread?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of records is whole and not negative")]
    Some((spread.mean * spread.values as f64).round() as u64)
}

/// The worst of the last samples that are fresh at the end of the span.
fn health(past: &Past, to: Timestamp, limits: &Thresholds) -> Health {
    let fresh = limits.start_grace * 10;
    let vital = past.last.iter().filter(|(id, _)| matches!(id.question(), "process" | "api" | "truth" | "state"));
    let mut told: Vec<_> = vital.filter(|(_, (at, _))| to.since(*at) <= fresh).map(|(_, (_, health))| *health).collect();
    told.extend(past.incidents.iter().filter(|i| i.state == IncidentState::Open).map(|i| i.health));
    told.into_iter().max().unwrap_or(Health::Unknown)
}

/// The score of a span: the formula of [`crate::score`], with the share of time in place of the moment.
///
/// A part that was bad for a tenth of the time takes a tenth of its points off (rounded up), so that a
/// short fault shows and does not ruin a day. Resources are judged by their average.
fn score(
    past: &Past,
    servers: &[ServerLine],
    hub: &[Line],
    resources: &[Line],
    levels: &[(Level, u64)],
    limits: &Thresholds,
    span: Duration,
) -> Score {
    let mut deductions = Vec::new();
    let mut take = |points: f64, reason: String| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 50 points")]
        let points = points.clamp(0.0, 50.0).ceil() as u32;
        if points > 0 {
            deductions.push(Deduction { points, reason });
        }
    };
    if let Some((id, up)) = hub.iter().filter_map(|l| Some((&l.id, l.uptime?))).min_by(|a, b| a.1.total_cmp(&b.1)) {
        take((1.0 - up) * 50.0, format!("{id} failing for {:.2} % of the time", (1.0 - up) * 100.0));
    }
    for server in servers {
        let truth = CheckId::from_stored(&format!("{}/{}/truth", Point::HubServers.as_str(), server.name));
        let Some((healths, up)) = past.summaries.get(&truth).map(|s| s.healths).zip(server.uptime) else { continue };
        take((1.0 - up) * 30.0, format!("{} did not truly work for {:.2} % of the time", server.name, (1.0 - up) * 100.0));
        let known = healths.healthy + healths.degraded + healths.failing;
        let badly = healths.degraded.as_secs_f64() / known.as_secs_f64();
        take(badly * 20.0, format!("{} worked badly for {:.2} % of the time", server.name, badly * 100.0));
    }
    for (question, bounds) in [("cpu", limits.cpu_percent), ("memory", limits.memory_percent)] {
        let Some(mean) = resources.iter().find(|l| l.id.question() == question).and_then(|l| l.spread).map(|s| s.mean) else {
            continue;
        };
        let points = if mean > bounds.1 {
            15.0
        } else if mean > bounds.0 {
            8.0
        } else {
            0.0
        };
        take(points, format!("{question} {mean:.1} % on average, expected at most {} %", bounds.0));
    }
    let errors: u64 = levels.iter().filter(|(level, _)| *level >= Level::Error).map(|(_, n)| n).sum();
    let windows = (span.as_secs_f64() / limits.error_window.as_secs_f64()).max(1.0);
    let per_window = errors as f64 / windows;
    let points = if per_window > limits.errors.1 {
        20.0
    } else if per_window > limits.errors.0 {
        10.0
    } else {
        0.0
    };
    take(points, format!("{per_window:.1} errors per {}, expected at most {}", human(limits.error_window), limits.errors.0));
    let others = past
        .incidents
        .iter()
        .filter(|i| !matches!(i.check.question(), "process" | "api" | "truth" | "cpu" | "memory" | "errors"))
        .count();
    take((others as f64 * 5.0).min(20.0), format!("{others} other incidents"));
    deductions.sort_by_key(|d| std::cmp::Reverse(d.points));
    let lost: u32 = deductions.iter().map(|d| d.points).sum();
    let measured = hub.iter().any(|l| l.uptime.is_some()) || servers.iter().any(|s| s.uptime.is_some());
    Score { points: measured.then(|| 100 - lost.min(100)), deductions }
}

/// What lasts first, then what cost most.
fn recommendations(incidents: &[Incident], servers: &[ServerLine], score: &Score) -> Vec<String> {
    let mut list: Vec<String> = incidents
        .iter()
        .filter(|i| i.state == IncidentState::Open && !i.hint.is_empty())
        .map(|i| format!("{}: {}", i.check, i.hint))
        .collect();
    let mut times: BTreeMap<&CheckId, u64> = BTreeMap::new();
    for incident in incidents {
        *times.entry(&incident.check).or_default() += 1;
    }
    for (check, n) in times.into_iter().filter(|(_, n)| *n >= 3) {
        list.push(format!("{check} failed {n} times: mend the cause, restarts do not"));
    }
    for server in servers.iter().filter(|s| s.calls.is_some_and(|c| c.values >= 20 && c.p99 > c.p50 * 20.0 && c.p99 > 1000.0)) {
        list.push(format!(
            "{}: one call in a hundred takes more than twenty times the usual; see what it waits for",
            server.name
        ));
    }
    if list.is_empty() && score.points.is_some_and(|p| p < 100) {
        list.extend(score.deductions.first().map(|d| format!("look at what cost most: {}", d.reason)));
    }
    list
}

/// Scenarios whose last run failed. One that passed since is mended.
fn still_failing(runs: &[Run]) -> Vec<String> {
    let latest: BTreeMap<&str, &Run> = runs.iter().map(|run| (run.scenario.as_str(), run)).collect();
    let failed = latest.into_values().filter(|run| run.outcome() == Outcome::Failed);
    failed.filter_map(|run| Some(format!("scenario {}: {}", run.scenario, run.worst()?.seen))).collect()
}
