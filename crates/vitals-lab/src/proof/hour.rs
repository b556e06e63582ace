//! The healthy hour: a healthy lab is watched for as many probes as an hour of default watching sends, at a
//! faster schedule. Nothing may be found, and silence without probes is no silence.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use vitals_model::check::Probe;
use vitals_model::config::Schedule;
use vitals_model::finding::Outcome;
use vitals_model::incident::Incident;
use vitals_model::snapshot::Snapshot;

use super::ears::Ears;
use super::matrix::Shortfall;
use super::trial::not_healthy;

/// How many times as often as by default each probe runs: then the shortest interval is 250 ms, the rest
/// that each probe is given.
pub(super) const TIMES: u32 = 40;

/// Beyond its length, how long a lab may take to start and a slow machine to send its probes.
const MORE_MAX: Duration = Duration::from_secs(60);

/// How long after that what is not known for a moment may take to be known.
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// How much of an hour is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Length {
    /// All of it: about 90 s.
    Whole,
    /// A sixth: about 15 s.
    Sixth,
}

impl Length {
    /// The time of default watching that it stands for.
    pub const fn stands_for(self) -> Duration {
        match self {
            Self::Whole => Duration::from_secs(60 * 60),
            Self::Sixth => Duration::from_secs(10 * 60),
        }
    }

    /// The probes that default watching sends in that time.
    pub fn probes(self) -> u64 {
        let schedule = Schedule::default();
        let runs = |every: Duration| u64::try_from(self.stands_for().as_millis() / every.as_millis().max(1)).unwrap_or(u64::MAX);
        Probe::ALL.into_iter().filter_map(|probe| schedule.interval(probe)).map(runs).sum()
    }
}

/// What it came to.
#[derive(Clone, Debug)]
pub struct Hour {
    /// How much of an hour.
    pub length: Length,
    /// Probes sent.
    pub probes: u64,
    /// How long it took.
    pub took: Duration,
    /// Incidents that opened.
    pub incidents: Vec<Incident>,
    /// What the detectors found, once per kind.
    pub findings: Vec<String>,
    /// What does not hold.
    pub shortfalls: Vec<Shortfall>,
}

impl Hour {
    /// An hour that could not begin.
    pub(super) fn failed(length: Length, why: Shortfall) -> Self {
        let (incidents, findings) = (Vec::new(), Vec::new());
        Self { length, probes: 0, took: Duration::ZERO, incidents, findings, shortfalls: vec![why] }
    }

    /// Whether nothing was found, and enough was asked.
    pub fn holds(&self) -> bool {
        self.shortfalls.is_empty()
    }
}

/// Watches.
pub(super) async fn run(length: Length, ears: &mut Ears) -> Hour {
    let began = Instant::now();
    let wanted = length.probes();
    let mut found: BTreeMap<&'static str, String> = BTreeMap::new();
    let limit = length.stands_for() / TIMES + MORE_MAX;
    let enough = |_: &Ears, snapshot: &Snapshot| {
        note_findings(snapshot, &mut found);
        (snapshot.own.probes >= wanted).then_some(())
    };
    let _ = ears.until(began + limit, enough).await;
    let settled = |ears: &Ears, snapshot: &Snapshot| not_healthy(ears, snapshot).is_none().then_some(());
    let _ = ears.until(Instant::now() + SETTLE_MAX, settled).await;
    let snapshot = ears.snapshot();
    note_findings(&snapshot, &mut found);
    let opened = ears.heard().iter().filter(|h| h.change.begins());
    let incidents: Vec<Incident> = opened.map(|h| h.incident.clone()).collect();
    let probes = snapshot.own.probes;
    let mut shortfalls: Vec<Shortfall> = incidents.iter().cloned().map(|i| Shortfall::Stranger(Box::new(i))).collect();
    shortfalls.extend(found.values().cloned().map(Shortfall::Found));
    if probes == 0 {
        shortfalls.push(Shortfall::NoProbes);
    } else if probes < wanted {
        shortfalls.push(Shortfall::TooFewProbes { sent: probes, wanted });
    }
    if let Some(why) = not_healthy(ears, &snapshot) {
        shortfalls.push(Shortfall::Found(why));
    }
    if ears.is_over() {
        shortfalls.push(Shortfall::WatchEnded);
    }
    Hour { length, probes, took: began.elapsed(), incidents, findings: found.into_values().collect(), shortfalls }
}

fn note_findings(snapshot: &Snapshot, found: &mut BTreeMap<&'static str, String>) {
    for finding in snapshot.targets.iter().flat_map(|target| &target.findings) {
        if matches!(finding.outcome, Outcome::Found(_)) {
            let kind = finding.kind.as_str();
            found.entry(kind).or_insert_with(|| format!("{kind}: {}", finding.reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_the_probes_of_the_default_schedule() {
        // Four light ones every 10 s, sessions every minute, the LLM every 5, the meta-tool every 30.
        assert_eq!(Length::Whole.probes(), 4 * 360 + 60 + 12 + 2);
        assert_eq!(Length::Sixth.probes(), 4 * 60 + 10 + 2);
    }
}
