//! The past of a target out of the store, in the shapes that judgement reads.

use std::time::Duration;

use vitals_judge::detect::{Evidence, Lookout, REACH};
use vitals_judge::event::Memory;
use vitals_judge::report::Past;
use vitals_model::check::{CheckId, Point};
use vitals_model::observation::{ServerTurn, Turn};
use vitals_model::target::TargetId;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use crate::store::{IncidentFilter, Reader, StoreError};

/// Samples are read for so long a time at once: of one target, some ten thousand.
const PART: Duration = Duration::from_secs(6 * 3600);

/// What a new monitor should remember of the one before it.
pub fn memory(reader: &Reader) -> Result<Memory, StoreError> {
    let mut tools = Vec::new();
    for target in reader.targets()? {
        tools.extend(reader.tools(&target)?.into_iter().map(|(server, set)| (target.clone(), server, set)));
    }
    Ok(Memory {
        open: reader.incidents(IncidentFilter::Open)?,
        last_incident: reader.last_incident_id()?,
        tools,
        ..Memory::default()
    })
}

/// As [`memory`], and what the detectors remember of every target's last days: for a monitor that watches on.
pub fn memory_and_past(reader: &Reader, now: Timestamp) -> Result<Memory, StoreError> {
    let mut memory = memory(reader)?;
    for target in reader.targets()? {
        let mut lookout = Lookout::default();
        replay(&mut lookout, reader, &target, now)?;
        memory.lookouts.push((target, lookout));
    }
    Ok(memory)
}

/// Shows a lookout the samples of the last days before `to`, as the watch that kept them saw them.
pub fn replay(lookout: &mut Lookout, reader: &Reader, target: &TargetId, to: Timestamp) -> Result<(), StoreError> {
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

/// What a report reads.
pub fn past(reader: &Reader, target: &TargetId, from: Timestamp, to: Timestamp) -> Result<Past, StoreError> {
    let mut past = Past::default();
    for check in reader.checks(target)? {
        past.summaries.insert(check.clone(), reader.summary(target, &check, from, to)?);
        if let Some(last) = reader.last(target, &check)?.filter(|s| s.at >= from && s.at < to) {
            past.last.insert(check, (last.at, last.health));
        }
    }
    past.incidents =
        reader.incidents(IncidentFilter::Since(from))?.into_iter().filter(|i| i.target == *target && i.opened_at < to).collect();
    past.scenarios = reader.scenarios(target, from, to)?;
    Ok(past)
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
    let mut minutes = std::collections::BTreeMap::new();
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
