//! The monitor as what is drilled: what the world tells goes in, looks and incidents come out.

use vitals_judge::event::{Effect, Event, Gap, GapKind, Memory};
use vitals_judge::monitor::{Monitor, Thrift};
use vitals_model::target::Target;
use vitals_model::time::Timestamp;
use vitals_sim::drill::{Subject, Told};
use vitals_sim::world::Happened;

/// A monitor that watches one world.
pub(crate) struct Watch(pub(crate) Monitor);

impl Watch {
    pub(crate) fn begin(target: Target, now: Timestamp) -> Self {
        Self::begin_judging(target, now, Thrift::Thrifty)
    }

    pub(crate) fn begin_judging(target: Target, now: Timestamp, thrift: Thrift) -> Self {
        let mut monitor = Monitor::new(now, Memory::default()).with(thrift);
        monitor.apply(now, Event::Watch(target));
        Self(monitor)
    }
}

/// What happened, as the engine would put it.
pub(crate) fn event(happened: Happened) -> Event {
    match happened {
        Happened::Observed(observation) => Event::Observed(observation),
        Happened::Tick => Event::Tick,
        Happened::Slept(long) => {
            Event::Gap(Gap { ms: i64::try_from(long.as_millis()).unwrap_or(i64::MAX), kind: GapKind::Ahead })
        }
    }
}

impl Subject for Watch {
    fn take(&mut self, now: Timestamp, happened: Happened) -> Told {
        let mut told = Told::default();
        for effect in self.0.apply(now, event(happened)) {
            match effect {
                Effect::Check(_, probe) => told.looks.push(probe),
                Effect::Tell(change, incident) => told.incidents.push((change, *incident)),
                Effect::Keep(_) | Effect::Withhold(..) | Effect::Notify(_) | Effect::Act(..) | Effect::Say(_) => {}
            }
        }
        told
    }
}
