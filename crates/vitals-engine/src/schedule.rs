//! When each probe of a target is due. Monotonic: a wall clock that jumps changes no interval.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;
use vitals_model::check::Probe;
use vitals_model::config::Schedule;

/// Shortest time between two runs of the same probe, however often it is asked for out of turn: a hub
/// that sends a hundred changes a second is not asked a hundred times.
const REST: Duration = Duration::from_millis(250);

/// The due times of one target's probes, and which of them are under way.
#[derive(Debug)]
pub struct Timetable {
    schedule: Schedule,
    due: BTreeMap<Probe, Instant>,
    running: BTreeSet<Probe>,
    last_start: BTreeMap<Probe, Instant>,
}

impl Timetable {
    /// Everything is due at `now`, in the order of [`Probe::ALL`].
    pub fn new(schedule: Schedule, now: Instant) -> Self {
        let due = Probe::ALL.into_iter().filter(|probe| schedule.interval(*probe).is_some()).map(|probe| (probe, now)).collect();
        Self { schedule, due, running: BTreeSet::new(), last_start: BTreeMap::new() }
    }

    /// The earliest time at which a probe that is not under way is due.
    pub fn next(&self) -> Option<Instant> {
        self.due.iter().filter(|(probe, _)| !self.running.contains(probe)).map(|(_, at)| *at).min()
    }

    /// The probes due at `now`; they count as under way until [`Timetable::ended`].
    pub fn start_due(&mut self, now: Instant) -> Vec<Probe> {
        let due: Vec<_> =
            self.due.iter().filter(|(probe, at)| **at <= now && !self.running.contains(probe)).map(|(probe, _)| *probe).collect();
        for probe in &due {
            self.running.insert(*probe);
            self.last_start.insert(*probe, now);
            match self.schedule.interval(*probe) {
                // The next one counts from when this one was due, so that a slow start does not add
                // up; after a long pause the missed ones are not made up for.
                Some(interval) => {
                    let was = self.due.get(probe).copied().unwrap_or(now);
                    let next = was + interval;
                    self.due.insert(*probe, if next > now { next } else { now + interval });
                }
                None => {
                    self.due.remove(probe);
                }
            }
        }
        due
    }

    /// Makes a probe due now, or as soon as it ended and rested.
    pub fn ask(&mut self, probe: Probe, now: Instant) {
        let earliest = self.last_start.get(&probe).map_or(now, |last| (*last + REST).max(now));
        let due = self.due.entry(probe).or_insert(earliest);
        *due = (*due).min(earliest);
    }

    /// A probe ended.
    pub fn ended(&mut self, probe: Probe) {
        self.running.remove(&probe);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_slow_probe_delays_only_itself_and_is_never_run_twice_at_once() {
        let start = Instant::now();
        let mut table = Timetable::new(Schedule::default(), start);
        let first = table.start_due(start);
        assert_eq!(first.len(), 7, "all but the held stream");
        for probe in first.into_iter().filter(|p| *p != Probe::Api) {
            table.ended(probe);
        }
        let later = table.start_due(start + 10 * S);
        assert_eq!(later, [Probe::Workspace, Probe::Process, Probe::Log]);
        table.ended(Probe::Api);
        assert_eq!(table.start_due(start + 10 * S), [Probe::Api]);
    }

    #[tokio::test(start_paused = true)]
    async fn asking_a_hundred_times_runs_a_probe_once_per_rest() {
        let start = Instant::now();
        let mut table = Timetable::new(Schedule::default(), start);
        table.start_due(start);
        table.ended(Probe::Api);
        (0..100).for_each(|_| table.ask(Probe::Api, start));
        assert_eq!(table.start_due(start), []);
        assert_eq!(table.start_due(start + REST), [Probe::Api]);
        table.ended(Probe::Api);
        assert_eq!(table.start_due(start + REST), []);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_long_pause_missed_runs_are_not_made_up_for() {
        let start = Instant::now();
        let mut table = Timetable::new(Schedule::default(), start);
        for probe in table.start_due(start) {
            table.ended(probe);
        }
        let woke = start + 3600 * S;
        for probe in table.start_due(woke) {
            table.ended(probe);
        }
        assert_eq!(table.start_due(woke), []);
        assert!(table.next().is_some_and(|at| at > woke));
    }
}
