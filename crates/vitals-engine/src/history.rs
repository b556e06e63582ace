//! The past of a target out of the store, in the shapes that judgement reads.

mod latest;

use std::collections::BTreeMap;
use std::time::Duration;

pub use latest::latest;

use vitals_judge::detect::{Evidence, Lookout, REACH};
use vitals_judge::event::Memory;
use vitals_judge::objective::{self, Spending, Tally};
use vitals_judge::report::{self, Past};
use vitals_judge::surface::tokens::GROWTH_WINDOW;
use vitals_model::check::{CheckId, Point};
use vitals_model::history::{Cut, Slice, Span, Spread, Summary};
use vitals_model::incident::Incident;
use vitals_model::objective::Objective;
use vitals_model::observation::{ServerTurn, Turn};
use vitals_model::scenario::Run;
use vitals_model::target::TargetId;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use crate::store::{IncidentFilter, Reader, StoreError};

/// Samples are read for so long a time at once: of one target, some ten thousand.
const PART: Duration = Duration::from_secs(6 * 3600);

/// Incidents that ended within this time are remembered: they may come back, be written about, and are shown.
const RECENT: Duration = Duration::from_secs(24 * 3600);

/// What a new monitor should remember of the one before it.
pub fn memory(reader: &Reader, now: Timestamp) -> Result<Memory, StoreError> {
    let (mut tools, mut tokens) = (Vec::new(), Vec::new());
    for target in reader.targets()? {
        for (server, set) in reader.tools(&target)? {
            let usual = usual_tokens(reader, &target, &server, now)?;
            tokens.extend(usual.map(|usual| (target.clone(), server.clone(), usual)));
            tools.push((target.clone(), server, set));
        }
    }
    let silences = reader.silences()?;
    let (posted, last_notice) = (reader.posted()?, reader.last_notice_id()?);
    Ok(Memory {
        incidents: reader.incidents(IncidentFilter::Since(now.minus(RECENT)))?,
        last_incident: reader.last_incident_id()?,
        tools,
        tokens,
        last_silence: silences.last().map_or(0, |silence| silence.id),
        silences,
        posted,
        last_notice,
        actions: reader.actions(now.minus(RECENT))?,
        last_action: reader.last_action_id()?,
        lookouts: Vec::new(),
    })
}

/// As [`memory`], and what the detectors remember of every target's last days: for a monitor that watches on.
pub fn memory_and_past(reader: &Reader, now: Timestamp) -> Result<Memory, StoreError> {
    let mut memory = memory(reader, now)?;
    for target in reader.targets()? {
        let mut lookout = Lookout::default();
        replay(&mut lookout, reader, &target, now)?;
        memory.lookouts.push((target, lookout));
    }
    Ok(memory)
}

/// Shows a lookout the samples of the last days before `to`, as the watch that kept them saw them, and the kinds of
/// error that it knew.
pub fn replay(lookout: &mut Lookout, reader: &Reader, target: &TargetId, to: Timestamp) -> Result<(), StoreError> {
    if let Some(known) = reader.errors(target)? {
        lookout.know_errors(known);
    }
    let checks: Vec<_> = reader.checks(target)?.into_iter().filter(Lookout::heeds).collect();
    let mut from = to.minus(REACH);
    while from < to {
        let end = from.plus(PART).min(to);
        let mut samples = Vec::new();
        for check in &checks {
            samples.extend(reader.samples(target, check, from, end)?);
        }
        // Of one moment, the process is judged first: what else was measured belongs to its run.
        samples.sort_by_key(|sample| (sample.at, sample.id.question() != "process"));
        for sample in &samples {
            lookout.take(sample);
        }
        from = end;
    }
    Ok(())
}

/// What the tools of a server cost in tokens for the most of the last day: a restart of the monitor does not
/// make the usual of what grew an hour ago.
fn usual_tokens(reader: &Reader, target: &TargetId, server: &Text, now: Timestamp) -> Result<Option<u64>, StoreError> {
    let summary = reader.summary(target, &CheckId::of_server(server, "tokens"), now.minus(GROWTH_WINDOW), now)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of tokens is whole and not negative")]
    let usual = |spread: Spread| spread.p50 as u64;
    Ok(summary.spread.map(usual))
}

/// What a report reads of a span.
pub fn past(reader: &Reader, target: &TargetId, span: Span) -> Result<Past, StoreError> {
    let mut past = Past { summaries: summaries(reader, target, span, report::reads)?, ..Past::default() };
    for check in past.summaries.keys().filter(|check| report::is_vital(check)) {
        if let Some(last) = reader.last(target, check)?.filter(|s| s.at >= span.from && s.at < span.to) {
            past.last.insert(check.clone(), (last.at, last.health));
        }
    }
    (past.incidents, past.scenarios) = events(reader, target, span)?;
    Ok(past)
}

/// What a report compares with: as [`past`], without what only criteria read, and without the last samples.
pub fn before(reader: &Reader, target: &TargetId, span: Span) -> Result<Past, StoreError> {
    let (incidents, scenarios) = events(reader, target, span)?;
    Ok(Past { summaries: summaries(reader, target, span, report::compares)?, incidents, scenarios, ..Past::default() })
}

fn summaries(
    reader: &Reader,
    target: &TargetId,
    span: Span,
    wanted: impl Fn(&CheckId) -> bool,
) -> Result<BTreeMap<CheckId, Summary>, StoreError> {
    let checks = reader.checks(target)?.into_iter().filter(wanted);
    checks.map(|check| Ok((check.clone(), reader.summary(target, &check, span.from, span.to)?))).collect()
}

/// Incidents that lasted into the span, and scenarios that began in it.
fn events(reader: &Reader, target: &TargetId, Span { from, to }: Span) -> Result<(Vec<Incident>, Vec<Run>), StoreError> {
    let lasted = |i: &Incident| i.target == *target && i.opened_at < to && i.resolved_at.is_none_or(|at| at >= from);
    let incidents = reader.incidents(IncidentFilter::Since(from))?.into_iter().filter(lasted).collect();
    Ok((incidents, reader.scenarios(target, from, to)?))
}

/// How a span went: what a report draws.
pub fn course(reader: &Reader, target: &TargetId, span: Span) -> Result<Vec<Slice>, StoreError> {
    let cut = Cut::of(span);
    let mut slices: Vec<_> = cut.spans().map(|span| Slice { span, summaries: BTreeMap::new() }).collect();
    for check in reader.checks(target)?.iter().filter(|check| report::draws(check)) {
        for (slice, summary) in slices.iter_mut().zip(reader.course(target, check, &cut)?) {
            if summary.healths.total() > 0 || !summary.observed.is_zero() {
                slice.summaries.insert(check.clone(), summary);
            }
        }
    }
    Ok(slices)
}

/// How the budgets of objectives are spent as of `now`: one for each check that an objective is about. One that is
/// about no check of the history is there too, with nothing measured.
pub fn spendings(
    reader: &Reader,
    target: &TargetId,
    objectives: &BTreeMap<String, Objective>,
    now: Timestamp,
) -> Result<Vec<Spending>, StoreError> {
    let checks = reader.checks(target)?;
    let mut all = Vec::new();
    for (name, objective) in objectives {
        let mut about: Vec<_> = checks.iter().filter(|check| objective.is_about(check)).cloned().collect();
        if about.is_empty() {
            about.push(CheckId::from_stored(&objective.check));
        }
        for check in about {
            let tally = |window: Duration| -> Result<Tally, StoreError> {
                let span = (now.minus(window), now);
                let Some(latency) = objective.latency else {
                    return Ok(Tally::of_time(&reader.summary(target, &check, span.0, span.1)?, window));
                };
                let (summary, above) = reader.summary_above(target, &check, span, latency.as_secs_f64() * 1000.0)?;
                Ok(Tally::of_values(&summary, above, window))
            };
            let mut windows = [(Tally::default(), Tally::default()); objective::RULES.len()];
            for (tallies, rule) in windows.iter_mut().zip(&objective::RULES) {
                *tallies = (tally(rule.long)?, tally(rule.short)?);
            }
            let whole = tally(objective.window)?;
            all.push(Spending { name: name.clone(), objective: objective.clone(), check, whole, windows });
        }
    }
    Ok(all)
}

/// Adds what history knows to the evidence that a fresh look gave: the whole window instead of a moment.
pub fn widen(evidence: &mut Evidence, reader: &Reader, target: &TargetId, window: Duration) -> Result<(), StoreError> {
    let (from, to) = (evidence.at.minus(window), evidence.at);
    let values = |id: CheckId| -> Result<Vec<f64>, StoreError> {
        Ok(reader.samples(target, &id, from, to)?.into_iter().filter_map(|s| s.value).collect())
    };
    let of = |question: &str| CheckId::of_target(Point::HubServers, question);
    evidence.window = window;
    evidence.cpu.splice(0..0, values(of("cpu"))?);
    evidence.memory.splice(0..0, values(of("memory"))?);
    evidence.clients.splice(0..0, values(CheckId::of_target(Point::MetaToolClients, "clients"))?);
    if evidence.errors.is_none() {
        evidence.errors = errors(reader, target, from, to)?;
    }
    let before = evidence.turns.iter().filter_map(|t| t.at).min().unwrap_or(to);
    let known = turns(reader, target, from, before)?;
    if evidence.turns.iter().any(|t| t.at.is_some()) {
        evidence.turns.extend(known);
    } else if known.len() >= evidence.turns.len() {
        // A log without times tells of the same turns as history: whichever knows more is counted, not both.
        evidence.turns = known;
    }
    Ok(())
}

/// Errors per minute out of the series of log levels; `None` when that was never recorded.
fn errors(
    reader: &Reader,
    target: &TargetId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Option<Vec<(Timestamp, u64)>>, StoreError> {
    let mut minutes = BTreeMap::new();
    let mut known = false;
    for check in reader.checks(target)?.iter().filter(|c| c.as_str().starts_with("logging/lines/")) {
        known = true;
        if !matches!(check.question(), "error" | "fatal") {
            continue;
        }
        for sample in reader.samples(target, check, from, to)? {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count of records is whole and not negative"
            )]
            let n = sample.value.unwrap_or(0.0) as u64;
            *minutes.entry(sample.at.floor_to(Duration::from_secs(60))).or_insert(0) += n;
        }
    }
    Ok(known.then(|| minutes.into_iter().collect()))
}

fn turns(reader: &Reader, target: &TargetId, from: Timestamp, to: Timestamp) -> Result<Vec<ServerTurn>, StoreError> {
    let mut turns = Vec::new();
    for check in reader.checks(target)?.iter().filter(|c| c.question() == "turn") {
        let Some(server) = check.server() else { continue };
        for sample in reader.samples(target, check, from, to)? {
            let turn = if sample.value == Some(0.0) { Turn::Lost } else { Turn::Connected };
            turns.push(ServerTurn { at: Some(sample.at), server: Text::new(server), turn });
        }
    }
    Ok(turns)
}

#[cfg(test)]
mod tests;
