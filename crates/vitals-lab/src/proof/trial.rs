//! One trial: healthy, the fault, its incident, the end of the fault, the end of the incident.
//!
//! Times count from when the fault is in force, which is when its injection returns: it may take a while,
//! when a hub must be started again or sessions be opened. What an event tells of, and what is seen before
//! the injection returns, counts from its beginning. The end counts from when the cause is gone.

use std::time::Duration;

use tokio::time::Instant;
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::{Snapshot, TargetState};

use super::bed::Bed;
use super::ears::{Ears, Heard, state_of};
use super::expect::{Expectation, Expects, SERVER, Source, Verdict, fits};
use super::matrix::{Other, Part, Shortfall, Trial};

/// How long a lab may take to be seen healthy, its rounds included.
const HEALTHY_MAX: Duration = Duration::from_secs(60);

/// How long the lab may take to inject or to clear: it may have to start a hub.
const DEED_MAX: Duration = Duration::from_secs(30);

/// How long is waited beyond a bound, so that what is late is told apart from what never comes.
const LATE_MAX: Duration = Duration::from_secs(10);

/// Pieces into which a record breaks that is torn once.
const TORN_PIECES: u64 = 2;

/// The log's own figures.
const ROTATIONS: &str = "logging/rotation";
const FORMAT: &str = "logging/format";

/// Carries it out. `hold` is how long the fault goes on after it was seen, so that what follows from it
/// has time to show.
pub(super) async fn run(row: &'static Expectation, bed: &dyn Bed, ears: &mut Ears, hold: Duration) -> Trial {
    ears.begin();
    let began = Instant::now();
    let probes_before = ears.snapshot().own.probes;
    let mut trial = Trial::new(row);
    if let Err(why) = all(row, bed, ears, hold, &mut trial).await {
        trial.shortfalls.push(why);
    }
    if trial.shortfalls.is_empty() || trial.detected.is_some() {
        strangers(row, ears, &mut trial);
    }
    trial.probes = ears.snapshot().own.probes.saturating_sub(probes_before);
    trial.took = began.elapsed();
    if ears.unheard() > 0 {
        trial.shortfalls.push(Shortfall::TooMuch(ears.unheard()));
    }
    if ears.is_over() {
        trial.shortfalls.push(Shortfall::WatchEnded);
    }
    if trial.probes == 0 {
        trial.shortfalls.push(Shortfall::NoProbes);
    }
    trial
}

async fn all(
    row: &'static Expectation,
    bed: &dyn Bed,
    ears: &mut Ears,
    hold: Duration,
    trial: &mut Trial,
) -> Result<(), Shortfall> {
    healthy(row, ears).await?;
    let log_before = LogFigures::of(ears);
    let began = Instant::now();
    let injected = ears.during(bed.inject(row.fault, SERVER), DEED_MAX).await;
    injected.map_err(|_| late_deed())?.map_err(Shortfall::NotInjected)?;
    let in_force = Instant::now();
    let found = match &row.expects {
        Expects::Incident(verdict) | Expects::Passing(verdict) => detect(row, verdict, ears, in_force).await,
        Expects::Rotation => rotated(row, ears, log_before, in_force).await,
    };
    let at = match found {
        Ok(at) => at,
        Err(why) => {
            trial.shortfalls.push(why);
            note_undetected(row, ears, trial);
            // What is left is the next one's trouble if it is not taken away.
            let _ = ears.during(bed.clear(row.fault), DEED_MAX).await;
            return Ok(());
        }
    };
    let by_event = row.source == Source::Event && row.expects.verdict().is_some();
    let detected = if by_event { at - began } else { since(at, began, in_force) };
    trial.detected = Some(detected);
    if detected > row.bound() {
        trial.shortfalls.push(Shortfall::Late { detected, bound: row.bound() });
    }
    ears.listen_until(at.max(in_force) + hold).await;
    last_seen(row, ears, trial);
    let clearing = Instant::now();
    let cleared = ears.during(bed.clear(row.fault), DEED_MAX).await;
    cleared.map_err(|_| late_clear())?.map_err(Shortfall::NotCleared)?;
    let cleared = Instant::now();
    over(row, ears, cleared).await?;
    if let Some(end) = end_of(row, ears) {
        let own_end = matches!(row.expects, Expects::Passing(_)) && end < clearing;
        trial.resolved = Some(if own_end { end.saturating_duration_since(at) } else { since(end, clearing, cleared) });
    }
    if let Expects::Rotation = row.expects {
        compare_logs(log_before, LogFigures::of(ears), trial);
    }
    Ok(())
}

fn late_deed() -> Shortfall {
    Shortfall::NotInjected(super::bed::Trouble(format!(
        "the lab did not say that it is in force within {} s",
        DEED_MAX.as_secs()
    )))
}

fn late_clear() -> Shortfall {
    Shortfall::NotCleared(super::bed::Trouble(format!("the lab did not say that it is over within {} s", DEED_MAX.as_secs())))
}

/// From the end of a deed to `at`; from its beginning when `at` lies within it.
fn since(at: Instant, began: Instant, ended: Instant) -> Duration {
    if at >= ended { at - ended } else { at.saturating_duration_since(began) }
}

/// Waits until the lab is seen healthy with all that the row needs.
async fn healthy(row: &Expectation, ears: &mut Ears) -> Result<(), Shortfall> {
    let began = Instant::now();
    let ready = |ears: &Ears, snapshot: &Snapshot| {
        (not_healthy(ears, snapshot).is_none() && ears.rounds() >= row.rounds && lacks(row, ears, snapshot).is_none())
            .then_some(())
    };
    let waited = ears.until(began + HEALTHY_MAX, ready).await;
    if let Some(early) = opened(ears.heard()).next() {
        return Err(Shortfall::TooEarly(Box::new(early.incident.clone())));
    }
    waited.map_err(|_| {
        let snapshot = ears.snapshot();
        let rounds = || format!("{} of {} rounds of the sessions seen", ears.rounds(), row.rounds);
        let why = not_healthy(ears, &snapshot).or_else(|| lacks(row, ears, &snapshot)).unwrap_or_else(rounds);
        Shortfall::NotHealthy { after: began.elapsed(), why }
    })
}

/// What is not healthy; `None` when all is.
pub(super) fn not_healthy(ears: &Ears, snapshot: &Snapshot) -> Option<String> {
    not_healthy_beside(&[], ears, snapshot)
}

/// The same, but for what these checks say.
fn not_healthy_beside(companions: &[&str], ears: &Ears, snapshot: &Snapshot) -> Option<String> {
    let counts = |id: &str| !companions.iter().any(|check| fits(check, id));
    let Some(state) = state_of(snapshot, ears.target()) else {
        return Some(format!("{} was not found", ears.target()));
    };
    if let Some(open) = state.open.iter().find(|incident| counts(incident.check.as_str())) {
        return Some(format!("open: {}", super::matrix::show(open)));
    }
    let bad = |reading: &&Reading| {
        reading.standing == Standing::Judged && reading.health != Health::Healthy && counts(reading.id.as_str())
    };
    if let Some(reading) = state.readings.iter().find(bad) {
        return Some(format!("{} {}: {}", reading.health.as_str(), reading.id, reading.summary));
    }
    (companions.is_empty() && state.health != Health::Healthy)
        .then(|| format!("{} is {}", state.target.id, state.health.as_str()))
}

/// A check that the row needs and that is not healthy.
fn lacks(row: &Expectation, ears: &Ears, snapshot: &Snapshot) -> Option<String> {
    let state = state_of(snapshot, ears.target());
    let stands = |check: &str| {
        state.is_some_and(|s| reading(s, check).is_some_and(|r| r.health == Health::Healthy && r.standing == Standing::Judged))
    };
    row.needs.iter().find(|check| !stands(check)).map(|check| format!("{check} was not measured yet"))
}

fn reading<'a>(state: &'a TargetState, check: &str) -> Option<&'a Reading> {
    state.readings.iter().find(|r| r.id.as_str() == check)
}

fn opened(heard: &[Heard]) -> impl Iterator<Item = &Heard> {
    heard.iter().filter(|h| h.change.begins())
}

/// Waits for the incident that says all that is expected; when.
async fn detect(row: &Expectation, verdict: &Verdict, ears: &mut Ears, in_force: Instant) -> Result<Instant, Shortfall> {
    let bound = row.bound();
    let waited = bound + LATE_MAX;
    let right = |ears: &Ears, _: &Snapshot| {
        let said = |h: &&Heard| {
            h.change != IncidentChange::Resolved && h.incident.target == *ears.target() && verdict.holds(&h.incident)
        };
        ears.heard().iter().find(said).map(|h| h.at)
    };
    ears.until(in_force + waited, right).await.map_err(|_| {
        let about = ears.heard().iter().rev().find(|h| verdict.is_about(&h.incident));
        about.map_or(Shortfall::NotDetected { waited, bound }, |h| Shortfall::WrongVerdict(Box::new(h.incident.clone())))
    })
}

/// An incident on no expected check tells best what was seen instead.
fn note_undetected(row: &'static Expectation, ears: &Ears, trial: &mut Trial) {
    trial.seen = about(row, ears.heard()).last().map(|h| h.incident.clone());
    strangers(row, ears, trial);
}

/// The changes of the expected incident.
fn about<'a>(row: &Expectation, heard: &'a [Heard]) -> impl DoubleEndedIterator<Item = &'a Heard> {
    let verdict = row.expects.verdict().copied();
    heard.iter().filter(move |h| verdict.is_some_and(|v| v.is_about(&h.incident)))
}

/// What the expected incident says while the fault goes on, and whether it still lasts.
fn last_seen(row: &'static Expectation, ears: &Ears, trial: &mut Trial) {
    let Some(verdict) = row.expects.verdict() else { return };
    let changes = || about(row, ears.heard());
    trial.seen = changes().rfind(|h| h.change != IncidentChange::Resolved).map(|h| h.incident.clone());
    if let Some(seen) = trial.seen.as_ref().filter(|seen| !verdict.holds(seen)) {
        trial.shortfalls.push(Shortfall::Changed(Box::new(seen.clone())));
    }
    if matches!(row.expects, Expects::Incident(_)) && changes().any(|h| h.change == IncidentChange::Resolved) {
        trial.shortfalls.push(Shortfall::EndedEarly);
    }
}

/// Waits until every incident is over and the hub is healthy again, companions apart: what they count may
/// last for a window of time.
async fn over(row: &Expectation, ears: &mut Ears, cleared: Instant) -> Result<(), Shortfall> {
    let limit = row.resolve_max();
    let lasts = |ears: &Ears| {
        let apart = |i: &&Incident| !row.companions.iter().any(|check| fits(check, i.check.as_str()));
        lasting(ears.heard()).filter(apart).map(|i| format!("{} {}", i.kind, i.check)).collect::<Vec<_>>()
    };
    let all_over = |ears: &Ears, snapshot: &Snapshot| {
        (lasts(ears).is_empty() && not_healthy_beside(row.companions, ears, snapshot).is_none()).then_some(())
    };
    ears.until(cleared + limit, all_over).await.map_err(|_| {
        let open = lasts(ears);
        let bad = || not_healthy_beside(row.companions, ears, &ears.snapshot()).unwrap_or_default();
        Shortfall::NotResolved { open: if open.is_empty() { bad() } else { open.join(", ") }, waited: limit }
    })
}

/// Incidents that were heard to open and not to end.
fn lasting(heard: &[Heard]) -> impl Iterator<Item = &Incident> {
    let last = |id: u64| heard.iter().rfind(|h| h.incident.id == id).map(|h| h.change);
    let is_over = move |id: u64| last(id) == Some(IncidentChange::Resolved);
    opened(heard).map(|h| &h.incident).filter(move |incident| !is_over(incident.id))
}

/// When the expected incident ended for the last time.
fn end_of(row: &Expectation, ears: &Ears) -> Option<Instant> {
    about(row, ears.heard()).rfind(|h| h.change == IncidentChange::Resolved).map(|h| h.at)
}

/// Sorts what else opened.
fn strangers(row: &'static Expectation, ears: &Ears, trial: &mut Trial) {
    if !trial.others.is_empty() {
        return;
    }
    let mut expected: Vec<&Incident> = Vec::new();
    for heard in opened(ears.heard()) {
        let incident = &heard.incident;
        let is_ours = incident.target == *ears.target();
        if is_ours && row.expects.verdict().is_some_and(|v| v.is_about(incident)) && is_same(expected.first().copied(), incident)
        {
            expected.push(incident);
            continue;
        }
        let is_companion = is_ours && row.companions.iter().any(|check| fits(check, incident.check.as_str()));
        let part = if is_companion { Part::Companion } else { Part::Stranger };
        trial.others.push(Other { incident: incident.clone(), part });
        if part == Part::Stranger {
            trial.shortfalls.push(Shortfall::Stranger(Box::new(incident.clone())));
        }
    }
    if expected.len() > 1 {
        trial.shortfalls.push(Shortfall::Reopened(expected.len()));
    }
}

/// One server has the fault: the same incident on another one is a stranger.
fn is_same(first: Option<&Incident>, incident: &Incident) -> bool {
    first.is_none_or(|first| first.check == incident.check)
}

/// What the log's readings say.
#[derive(Clone, Copy, PartialEq, Debug)]
struct LogFigures {
    rotations: f64,
    broken: Option<u64>,
}

impl LogFigures {
    fn of(ears: &Ears) -> Self {
        let snapshot = ears.snapshot();
        let state = state_of(&snapshot, ears.target());
        let rotations = state.and_then(|s| reading(s, ROTATIONS)).and_then(|r| r.value).unwrap_or(0.0);
        let broken = state.and_then(|s| reading(s, FORMAT)).and_then(|r| r.evidence.iter().find_map(|line| broken(line)));
        Self { rotations, broken }
    }
}

/// The broken lines of `12 of 13 lines parsed`.
fn broken(evidence: &str) -> Option<u64> {
    let (parsed, rest) = evidence.split_once(" of ")?;
    let (lines, _) = rest.split_once(" lines parsed")?;
    lines.trim().parse::<u64>().ok()?.checked_sub(parsed.trim().parse().ok()?)
}

/// Waits until one more rotation is counted; when.
async fn rotated(row: &Expectation, ears: &mut Ears, before: LogFigures, in_force: Instant) -> Result<Instant, Shortfall> {
    let bound = row.bound();
    let counted = |ears: &Ears, _: &Snapshot| (LogFigures::of(ears).rotations > before.rotations).then(Instant::now);
    let waited = bound + LATE_MAX;
    ears.until(in_force + waited, counted).await.map_err(|_| Shortfall::NotDetected { waited, bound })
}

/// One rotation more, and no broken line but the pieces of the torn one.
fn compare_logs(before: LogFigures, after: LogFigures, trial: &mut Trial) {
    let grown = after.broken.zip(before.broken.or(Some(0))).map(|(after, before)| after.saturating_sub(before));
    match grown {
        None => trial.shortfalls.push(Shortfall::LinesBroken(format!("{FORMAT} does not say how many"))),
        Some(n) if n > TORN_PIECES => trial.shortfalls.push(Shortfall::LinesBroken(format!("{n} pieces"))),
        Some(_) => {}
    }
    let rotations = after.rotations - before.rotations;
    if rotations > 1.0 {
        trial.shortfalls.push(Shortfall::LinesBroken(format!("{rotations} rotations counted, expected one")));
    }
    let whole = if grown.is_some_and(|n| n <= TORN_PIECES) { "no line broken but the torn one" } else { "more lines broken" };
    let turned = if rotations > 1.0 { format!("{rotations:.0} rotations") } else { "1 rotation".to_owned() };
    trial.counted = Some(format!("{turned} followed, {whole}"));
}
