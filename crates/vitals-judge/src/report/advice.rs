//! What to do first, from what a report has found. It finds nothing itself.

use std::collections::BTreeMap;

use vitals_model::check::CheckId;
use vitals_model::criterion::{Alarm, Criterion, Fulfilment, Weight};
use vitals_model::incident::IncidentState;
use vitals_model::scenario::{Outcome, Run};

use super::trend::{Direction, Trend};
use super::{Figures, Past};

/// Incidents of one check from which on its cause is worth more than another restart.
const AGAIN_AND_AGAIN: u64 = 3;

/// What lasts first, then what pages, then what failed again and again, then what must be and is not, then what grew
/// worse; where there is nothing of these, what cost most.
pub(super) fn recommendations(past: &Past, figures: &Figures, criteria: &[Criterion], trends: &[Trend]) -> Vec<String> {
    let mut list: Vec<String> = past
        .incidents
        .iter()
        .filter(|i| i.state == IncidentState::Open && !i.hint.is_empty())
        .map(|i| format!("{}: {}", i.check, i.hint))
        .collect();
    list.extend(criteria.iter().filter(|c| pages(c)).map(|c| format!("{}: {}", c.name, c.seen)));
    let mut times: BTreeMap<&CheckId, u64> = BTreeMap::new();
    for incident in &past.incidents {
        *times.entry(&incident.check).or_default() += 1;
    }
    for (check, n) in times.into_iter().filter(|(_, n)| *n >= AGAIN_AND_AGAIN) {
        list.push(format!("{check} failed {n} times: mend the cause, restarts do not"));
    }
    for server in
        figures.servers.iter().filter(|s| s.calls.is_some_and(|c| c.values >= 20 && c.p99 > c.p50 * 20.0 && c.p99 > 1000.0))
    {
        list.push(format!(
            "{}: one call in a hundred takes more than twenty times the usual; see what it waits for",
            server.name
        ));
    }
    let is_unmet = |c: &&Criterion| c.weight == Weight::Must && c.fulfilment == Fulfilment::Unmet && !pages(c);
    list.extend(criteria.iter().filter(is_unmet).map(|c| format!("{}, it must be; it was: {}", c.wants, c.seen)));
    let worse = trends.iter().filter(|trend| trend.direction == Direction::Worse && trend.what != "score");
    list.extend(worse.filter_map(|trend| {
        let (before, now) = (trend.unit.show(trend.before?), trend.unit.show(trend.now?));
        Some(format!("{}: {now}, before it was {before}; see what changed", trend.what))
    }));
    if list.is_empty() && figures.score.points.is_some_and(|p| p < 100) {
        list.extend(figures.score.deductions.first().map(|d| format!("look at what cost most: {}", d.reason)));
    }
    list.extend(still_failing(&past.scenarios));
    list
}

/// Whether its budget is spent so fast that people are to hear of it now.
fn pages(criterion: &Criterion) -> bool {
    let burns = criterion.budget.iter().flat_map(|budget| &budget.burns);
    burns.into_iter().any(|burn| burn.alarm == Alarm::Page && burn.fires() == Some(true))
}

/// Scenarios whose last run failed. One that passed since is mended.
fn still_failing(runs: &[Run]) -> Vec<String> {
    let latest: BTreeMap<&str, &Run> = runs.iter().map(|run| (run.scenario.as_str(), run)).collect();
    let failed = latest.into_values().filter(|run| run.outcome() == Outcome::Failed);
    failed.filter_map(|run| Some(format!("scenario {}: {}", run.scenario, run.worst()?.seen))).collect()
}
