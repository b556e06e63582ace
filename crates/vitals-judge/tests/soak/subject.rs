//! The monitor as what is drilled: what the world tells goes in, looks and incidents come out.

use vitals_judge::event::{Effect, Event, Memory};
use vitals_judge::monitor::Monitor;
use vitals_model::target::Target;
use vitals_model::time::Timestamp;
use vitals_sim::drill::{Subject, Told};
use vitals_sim::world::Happened;

/// A monitor that watches one world.
pub(crate) struct Watch(Monitor);

impl Watch {
    pub(crate) fn begin(target: Target, now: Timestamp) -> Self {
        let mut monitor = Monitor::new(now, Memory::default());
        monitor.apply(now, Event::Watch(target));
        Self(monitor)
    }
}

impl Subject for Watch {
    fn take(&mut self, now: Timestamp, happened: Happened) -> Told {
        let event = match happened {
            Happened::Observed(observation) => Event::Observed(observation),
            Happened::Tick | Happened::Slept(_) => Event::Tick,
        };
        let mut told = Told::default();
        for effect in self.0.apply(now, event) {
            match effect {
                Effect::Check(_, probe) => told.looks.push(probe),
                Effect::Tell(change, incident) => told.incidents.push((change, *incident)),
                Effect::Keep(_) => {}
            }
        }
        told
    }
}
