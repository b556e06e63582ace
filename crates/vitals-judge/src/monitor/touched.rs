//! Which parts of the checks an observation touches: those that rest on the facts that it brings. It judges nothing.

use vitals_model::observation::{Observation, Seen, StreamNote, StreamSeen};
use vitals_model::time::Timestamp;

use super::{Watched, history};
use crate::check::{self, Part, Parts};

/// What rests on the hub's own life.
const HUB: Parts = Parts::of(&[Part::Process, Part::Api, Part::Host]);

/// What rests on what the hub tells of itself and of its servers.
const CLAIMS: Parts = HUB.and(Parts::of(&[Part::Servers, Part::Sessions, Part::Filtering, Part::MetaTool, Part::Clients]));

impl Watched {
    /// The parts that an observation touches.
    pub(super) fn touched(&self, now: Timestamp, observation: &Observation) -> Parts {
        let parts = match &observation.seen {
            Seen::Workspace(_) => Parts::of(&[Part::Workspace]),
            Seen::Process(_) => HUB.and(Parts::of(&[Part::Servers, Part::Workspace])),
            Seen::Api(_) => CLAIMS,
            Seen::Session(_) => CLAIMS.and(Parts::of(&[Part::Writing])),
            Seen::MetaTool(_) => Parts::of(&[Part::MetaTool]),
            Seen::Llm(_) => Parts::of(&[Part::Llm, Part::Fallback, Part::MetaTool]),
            Seen::Visit(_) => Parts::of(&[Part::Sessions]),
            Seen::Log(log) => {
                // Also turns of before the log was followed, which are no new ones.
                let turned = if log.stretch.turns.is_empty() { Parts::NONE } else { Parts::of(&[Part::Servers]) };
                turned.and(Parts::of(&[Part::File, Part::Errors, Part::Writing, Part::Fallback, Part::Host]))
            }
            Seen::Stream(StreamSeen::Notes { notes, .. }) => {
                let turned = if self.facts.new_turns.is_empty() { Parts::NONE } else { Parts::of(&[Part::Servers]) };
                let told = notes.iter().any(|note| matches!(note, StreamNote::Log { .. }));
                let told = if told { Parts::of(&[Part::Writing]) } else { Parts::NONE };
                turned.and(told).and(Parts::of(&[Part::Stream, Part::Errors]))
            }
            Seen::Exit(_) | Seen::Stream(StreamSeen::Opened { .. } | StreamSeen::Lost(_)) => Parts::ALL,
        };
        // A heartbeat has an age at each event.
        let beats = self.judged.of(&check::heartbeat_id()).is_some_and(|(_, note)| history::is_due(note, now));
        if beats { parts.and(Parts::of(&[Part::Stream])) } else { parts }
    }
}
