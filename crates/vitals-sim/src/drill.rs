//! A drill: days of a world played to a judgement, and what it told held against what really was.

use std::collections::BTreeMap;
use std::time::Duration;

use vitals_model::check::Probe;
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::target::Target;
use vitals_model::time::Timestamp;

use crate::chance::Chance;
use crate::fault::Fault;
use crate::world::{Happened, Setting, World};

/// The first fault comes when a watch knows what is usual.
const FIRST: Duration = Duration::from_secs(45 * 60);

/// The one fault of a short drill comes sooner, and lasts so much longer than it may take to be told.
const SOON: Duration = Duration::from_secs(8 * 60);
const LONGER: Duration = Duration::from_secs(60);

/// Between the end of one fault's incident and the next fault, in seconds.
const BETWEEN_S: (f64, f64) = (600.0, 2400.0);

/// What is drilled.
pub trait Subject {
    /// Takes in what happened; says what to look at out of turn, and what it tells of incidents.
    fn take(&mut self, now: Timestamp, happened: Happened) -> Told;
}

/// What a judgement says to one thing that happened.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Looks out of turn.
    pub looks: Vec<Probe>,
    /// Changes of incidents.
    pub incidents: Vec<(IncidentChange, Incident)>,
}

/// A fault of a drill: from when to when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Planned {
    /// The fault.
    pub fault: Fault,
    /// When it begins, in running time.
    pub from: Duration,
    /// When it ends.
    pub until: Duration,
}

/// What is played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The world.
    pub setting: Setting,
    /// How long.
    pub lasts: Duration,
    /// Its faults, by time; one at a time.
    pub faults: Vec<Planned>,
}

impl Plan {
    /// A time without faults.
    pub const fn healthy(setting: Setting, lasts: Duration) -> Self {
        Self { setting, lasts, faults: Vec::new() }
    }

    /// As many faults as there is time for: each once before any comes again, in an order of the seed.
    pub fn with_faults(setting: Setting, lasts: Duration) -> Self {
        let mut chance = Chance::of(setting.seed ^ 0x0fa1_7000);
        let world = World::new(setting.clone());
        let (mut faults, mut from) = (Vec::new(), FIRST);
        loop {
            let before = faults.len();
            let mut left: Vec<_> = Fault::ALL.into_iter().filter(|fault| fault.fits(&world)).collect();
            while !left.is_empty() {
                let fault = left.swap_remove(chance.below(left.len()));
                let card = fault.card();
                if from + card.lasts + card.stays <= lasts {
                    faults.push(Planned { fault, from, until: from + card.lasts });
                    from += card.lasts + card.stays + Duration::from_secs_f64(chance.between(BETWEEN_S.0, BETWEEN_S.1));
                }
            }
            if faults.len() == before {
                return Self { setting, lasts, faults };
            }
        }
    }

    /// One fault as soon as a watch knows how the hub logs, for little longer than it may take to be told.
    pub fn of_fault(setting: Setting, fault: Fault) -> Self {
        let card = fault.card();
        let until = SOON + card.within + LONGER;
        Self { setting, lasts: until + card.stays, faults: vec![Planned { fault, from: SOON, until }] }
    }
}

/// What became of one fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Met {
    /// The fault.
    pub planned: Planned,
    /// How long after its begin it was told; `None` when it never was.
    pub told_after: Option<Duration>,
    /// Whether its incident was over in time.
    pub is_over: bool,
}

impl Met {
    /// Whether it was told in time, and over in time.
    pub fn is_met(&self) -> bool {
        self.is_over && self.told_after.is_some_and(|after| after <= self.planned.fault.card().within)
    }
}

/// What a drill came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Observations and ticks that were judged.
    pub events: u64,
    /// Incidents that opened.
    pub incidents: usize,
    /// Incidents that nothing called for: when, which, and what they said.
    pub false_ones: Vec<String>,
    /// Every fault, by time.
    pub faults: Vec<Met>,
}

impl Outcome {
    /// Faults that were not told, or too late, or whose incident did not end.
    pub fn missed(&self) -> impl Iterator<Item = &Met> {
        self.faults.iter().filter(|met| !met.is_met())
    }

    /// The longest time from a fault to its incident.
    pub fn slowest(&self) -> Option<&Met> {
        self.faults.iter().filter(|met| met.told_after.is_some()).max_by_key(|met| met.told_after)
    }
}

/// Plays a plan to what `begin` makes of the target. A fault waits until nothing is being restarted.
pub fn run<S: Subject>(plan: &Plan, begin: impl FnOnce(Target, Timestamp) -> S) -> Outcome {
    let mut world = World::new(plan.setting.clone());
    let mut subject = begin(world.target(), world.clock());
    let mut ledger = Ledger::default();
    let mut faults = plan.faults.clone();
    for planned in &mut faults {
        play(&mut world, &mut subject, &mut ledger, planned.from);
        while !world.is_settled() && planned.from < planned.until {
            planned.from += Duration::from_secs(1);
            play(&mut world, &mut subject, &mut ledger, planned.from);
        }
        world.begin(planned.fault);
        play(&mut world, &mut subject, &mut ledger, planned.until);
        world.end(planned.fault);
    }
    play(&mut world, &mut subject, &mut ledger, plan.lasts);
    ledger.outcome(plan.setting.seed, &faults)
}

fn play(world: &mut World, subject: &mut impl Subject, ledger: &mut Ledger, until: Duration) {
    while let Some((now, happened)) = world.next(until) {
        ledger.events += 1;
        let told = subject.take(now, happened);
        for probe in told.looks {
            world.ask(probe);
        }
        for (change, incident) in told.incidents {
            ledger.take(world.ran(), change, incident);
        }
    }
}

/// One incident as it was told.
#[derive(Debug)]
struct Entry {
    opened: Duration,
    resolved: Option<Duration>,
    /// As it was told each time.
    said: Vec<Incident>,
}

#[derive(Debug, Default)]
struct Ledger {
    events: u64,
    entries: BTreeMap<u64, Entry>,
}

impl Ledger {
    fn take(&mut self, ran: Duration, change: IncidentChange, incident: Incident) {
        let entry = self.entries.entry(incident.id).or_insert(Entry { opened: ran, resolved: None, said: Vec::new() });
        if change == IncidentChange::Resolved {
            entry.resolved = Some(ran);
        }
        entry.said.push(incident);
    }

    fn outcome(mut self, seed: u64, faults: &[Planned]) -> Outcome {
        let incidents = self.entries.len();
        let faults = faults.iter().map(|planned| self.settle(*planned)).collect();
        let false_ones = self.entries.values().map(Entry::line).collect();
        Outcome { seed, events: self.events, incidents, false_ones, faults }
    }

    /// Takes out the one incident of a fault; others about it stay, and are false.
    fn settle(&mut self, planned: Planned) -> Met {
        let last = planned.until + planned.fault.card().stays;
        let is_its = |entry: &Entry| {
            entry.opened >= planned.from && entry.opened <= last && entry.said.iter().any(|i| planned.fault.is_told_by(i))
        };
        let found = self.entries.iter().filter(|(_, entry)| is_its(entry)).min_by_key(|(_, entry)| entry.opened);
        let Some(id) = found.map(|(id, _)| *id) else { return Met { planned, told_after: None, is_over: false } };
        let entry = self.entries.remove(&id);
        let told_after = entry.as_ref().map(|entry| entry.opened.saturating_sub(planned.from));
        let is_over = entry.and_then(|entry| entry.resolved).is_some_and(|at| at <= last);
        Met { planned, told_after, is_over }
    }
}

impl Entry {
    fn line(&self) -> String {
        let lasted = self.resolved.map_or_else(|| "lasts".to_owned(), |at| format!("for {:.0?}", at.saturating_sub(self.opened)));
        let said = self.said.first().map(|i| format!("{} {}: {}", i.kind, i.check, i.summary)).unwrap_or_default();
        format!("at {:.1?} {lasted}: {said}", self.opened)
    }
}
