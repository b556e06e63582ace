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
    /// Everything is due at `now`, in the order of [`Probe::ALL`]; only what is billable waits for its
    /// interval first, so that a monitor that is restarted again and again costs nothing.
    pub fn new(schedule: Schedule, now: Instant) -> Self {
        let first = |probe| if probe == Probe::MetaTool { schedule.interval(probe).map(|wait| now + wait) } else { Some(now) };
        let scheduled = Probe::ALL.into_iter().filter(|probe| schedule.interval(*probe).is_some());
        let due = scheduled.filter_map(|probe| Some((probe, first(probe)?))).collect();
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
    use proptest::prelude::*;

    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_slow_probe_delays_only_itself_and_is_never_run_twice_at_once() {
        let start = Instant::now();
        let mut table = Timetable::new(Schedule::default(), start);
        let first = table.start_due(start);
        assert_eq!(first.len(), 6, "all but the held stream and the billable call");
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

    #[derive(Clone, Debug)]
    enum Step {
        Wait(u64),
        Ask(usize),
        End(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (0_u64..15_000).prop_map(Step::Wait),
            2 => (0_u64..400).prop_map(Step::Wait),
            2 => (0..Probe::ALL.len()).prop_map(Step::Ask),
            5 => (0..Probe::ALL.len()).prop_map(Step::End),
        ];
        proptest::collection::vec(step, 1..200)
    }

    /// What a naive reader of the rules knows of one probe.
    #[derive(Clone, Copy, Default)]
    struct Known {
        runs: bool,
        last: Option<Instant>,
        asked: bool,
    }

    /// Whether the rules call for a start at `now`, as far as they can be told without a schedule: asked
    /// for and rested, or a whole interval after the last start; without one, from `first` on.
    fn must_start(known: Known, interval: Option<Duration>, first: Instant, now: Instant) -> bool {
        let rested = known.last.is_none_or(|last| now >= last + REST);
        let interval_over = interval.is_some_and(|interval| now >= known.last.map_or(first, |last| last + interval));
        !known.runs && ((known.asked && rested) || interval_over)
    }

    proptest! {
        #[test]
        fn laws(steps in steps()) {
            let schedule = Schedule::default();
            let began = Instant::now();
            let mut now = began;
            let mut table = Timetable::new(schedule.clone(), now);
            let mut known = [Known::default(); Probe::ALL.len()];
            let (mut starts, mut asks) = ([0_u32; Probe::ALL.len()], [0_u32; Probe::ALL.len()]);
            for step in steps {
                match step {
                    Step::Wait(ms) => now += Duration::from_millis(ms),
                    Step::Ask(n) => {
                        table.ask(Probe::ALL[n], now);
                        known[n].asked = true;
                        asks[n] += 1;
                    }
                    Step::End(n) => {
                        table.ended(Probe::ALL[n]);
                        known[n].runs = false;
                    }
                }
                let started = table.start_due(now);
                for (n, probe) in Probe::ALL.into_iter().enumerate() {
                    let interval = schedule.interval(probe);
                    let starts_now = started.contains(&probe);
                    let first = if probe == Probe::MetaTool { began + interval.unwrap_or_default() } else { began };
                    prop_assert!(starts_now || !must_start(known[n], interval, first, now), "{probe:?} is forgotten");
                    if starts_now {
                        prop_assert!(!known[n].runs, "{probe:?} twice at once");
                        prop_assert!(!known[n].asked || interval.is_some() || known[n].last.is_none_or(|l| now >= l + REST));
                        prop_assert!(known[n].asked || interval.is_some(), "{probe:?} for no reason");
                        known[n] = Known { runs: true, last: Some(now), asked: false };
                        starts[n] += 1;
                    }
                    let regular = interval.map_or(0, |i| 1 + (now - began).as_millis() / i.as_millis());
                    prop_assert!(u128::from(starts[n]) <= regular + u128::from(asks[n]), "{probe:?} too often");
                }
                prop_assert!(table.next().is_none_or(|next| next > now), "what was due was started");
            }
        }
    }
}
