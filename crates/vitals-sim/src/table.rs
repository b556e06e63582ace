//! When each probe is due: the rules of the engine's timetable, in simulated time. It reads no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vitals_model::check::Probe;
use vitals_model::config::Schedule;

use crate::queue::Ms;

/// Shortest time between two runs of one probe that is asked for out of turn: the engine's.
const REST: Ms = 250;

/// The due times of the probes.
#[derive(Debug)]
pub(crate) struct Table {
    schedule: Schedule,
    due: BTreeMap<Probe, Ms>,
    running: BTreeSet<Probe>,
    last: BTreeMap<Probe, Ms>,
}

impl Table {
    /// Everything is due at once; only what is billable waits for its interval first.
    pub(crate) fn new(schedule: Schedule) -> Self {
        let first = |probe| if probe == Probe::MetaTool { schedule.interval(probe).map(ms) } else { Some(0) };
        let scheduled = Probe::ALL.into_iter().filter(|probe| schedule.interval(*probe).is_some());
        let due = scheduled.filter_map(|probe| Some((probe, first(probe)?))).collect();
        Self { schedule, due, running: BTreeSet::new(), last: BTreeMap::new() }
    }

    /// When a probe that is not under way is due next.
    pub(crate) fn next(&self) -> Option<Ms> {
        self.due.iter().filter(|(probe, _)| !self.running.contains(probe)).map(|(_, at)| *at).min()
    }

    /// The probes due at `now`; they are under way until [`Table::ended`].
    pub(crate) fn start_due(&mut self, now: Ms) -> Vec<Probe> {
        let is_due = |(probe, at): &(&Probe, &Ms)| **at <= now && !self.running.contains(probe);
        let due: Vec<_> = self.due.iter().filter(is_due).map(|(probe, at)| (*probe, *at)).collect();
        for (probe, at) in &due {
            self.running.insert(*probe);
            self.last.insert(*probe, now);
            match self.schedule.interval(*probe).map(ms) {
                Some(interval) => {
                    let next = at + interval;
                    self.due.insert(*probe, if next > now { next } else { now + interval });
                }
                None => drop(self.due.remove(probe)),
            }
        }
        due.into_iter().map(|(probe, _)| probe).collect()
    }

    /// Makes a probe due now, or as soon as it has rested.
    pub(crate) fn ask(&mut self, probe: Probe, now: Ms) {
        let earliest = self.last.get(&probe).map_or(now, |last| (last + REST).max(now));
        let due = self.due.entry(probe).or_insert(earliest);
        *due = (*due).min(earliest);
    }

    pub(crate) fn ended(&mut self, probe: Probe) {
        self.running.remove(&probe);
    }
}

/// A duration in whole milliseconds.
pub(crate) fn ms(duration: Duration) -> Ms {
    Ms::try_from(duration.as_millis()).unwrap_or(Ms::MAX)
}
