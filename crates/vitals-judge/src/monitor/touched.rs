//! Which parts of the checks an observation touches: those that rest on the facts that it brings. It judges nothing.

use vitals_model::observation::{StreamNote, StreamSeen};
use vitals_model::time::Timestamp;

use super::judged::Touched;
use super::{Watched, history};
use crate::check::{self, Part, Parts};
use crate::facts::{Taken, Told};

/// The event stream, and the age of its heartbeat.
pub(super) const STREAM: Parts = Parts::of(&[Part::Stream]);

/// What rests on the hub's own life.
const HUB: Parts = Parts::of(&[Part::Process, Part::Api, Part::Host]);

/// What rests on what the hub tells of itself and of its servers.
const CLAIMS: Parts = HUB.and(Parts::of(&[Part::Servers, Part::Sessions, Part::Filtering, Part::MetaTool, Part::Clients]));

impl Watched {
    /// The parts that an observation touches.
    pub(super) fn touched(&self, now: Timestamp, taken: &Taken) -> Touched {
        let parts = match taken {
            Taken::Workspace => Parts::of(&[Part::Workspace]),
            Taken::Process(Told::Figures) => Parts::of(&[Part::Process, Part::Servers, Part::Host]),
            Taken::Process(Told::More) => HUB.and(Parts::of(&[Part::Servers, Part::Workspace])),
            Taken::Api(Told::Figures) => Parts::of(&[Part::Api, Part::Servers, Part::Filtering, Part::Clients]),
            Taken::Api(Told::More) => CLAIMS,
            Taken::Session(Told::Figures) => Parts::of(&[Part::Servers, Part::Sessions, Part::MetaTool, Part::Writing]),
            Taken::Session(Told::More) => CLAIMS.and(Parts::of(&[Part::Writing])),
            Taken::MetaTool => Parts::of(&[Part::MetaTool]),
            Taken::Llm => Parts::of(&[Part::Llm, Part::Fallback, Part::MetaTool]),
            Taken::Visit => Parts::of(&[Part::Sessions]),
            Taken::Log => {
                // Also turns of before the log was followed, which are no new ones.
                let turned = self.facts.log.as_ref().is_some_and(|log| !log.seen.stretch.turns.is_empty());
                let turned = if turned { Parts::of(&[Part::Servers]) } else { Parts::NONE };
                turned.and(Parts::of(&[Part::File, Part::Errors, Part::Writing, Part::Fallback, Part::Host]))
            }
            Taken::Stream(StreamSeen::Notes { notes, .. }) => {
                let turned = if self.facts.new_turns.is_empty() { Parts::NONE } else { Parts::of(&[Part::Servers]) };
                let told = notes.iter().any(|note| matches!(note, StreamNote::Log { .. }));
                let told = if told { Parts::of(&[Part::Writing]) } else { Parts::NONE };
                turned.and(told).and(Parts::of(&[Part::Stream, Part::Errors]))
            }
            Taken::Exit(_) | Taken::Stream(StreamSeen::Opened { .. } | StreamSeen::Lost(_)) => Parts::ALL,
        };
        let parts = if self.wants_age_of_heartbeat(now) { parts.and(STREAM) } else { parts };
        Touched { parts, by_figures: taken.is_figures() }
    }

    /// A heartbeat has an age at each event.
    fn wants_age_of_heartbeat(&self, now: Timestamp) -> bool {
        let id = check::heartbeat_id();
        let heartbeat = self.judged.range(Part::Stream).find(|n| self.judged.readings[*n].id == id);
        heartbeat.is_some_and(|n| history::is_due(&self.judged.notes[n], now))
    }
}
