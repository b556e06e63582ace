//! What comes into judgement and what it asks for.

use vitals_model::check::Probe;
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::observation::Observation;
use vitals_model::reading::Sample;
use vitals_model::target::{Target, TargetId};
use vitals_model::text::Text;
use vitals_model::tool::ToolSet;

use crate::detect::Lookout;

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A target is to be watched from now on, or its address or settings changed.
    Watch(Target),
    /// A target is not watched any more (its configuration is gone).
    Forget(TargetId),
    /// Something was seen.
    Observed(Observation),
    /// Time passed.
    Tick,
    /// The store cannot keep history (with its reason and the samples lost so far), or can again.
    StoreHealth {
        /// Why not; `None` while it keeps.
        error: Option<String>,
        /// Samples lost since the start.
        lost: u64,
    },
    /// Observations were dropped because a queue was full.
    Dropped(u64),
}

/// What judgement asks for. The engine carries it out; it decides nothing.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Run this probe now, out of turn.
    Check(TargetId, Probe),
    /// Keep this in history.
    Keep(Record),
    /// Tell people about an incident.
    Tell(IncidentChange, Box<Incident>),
}

/// What history keeps.
#[derive(Clone, PartialEq, Debug)]
pub enum Record {
    /// One value of one check.
    Sample(TargetId, Sample),
    /// An incident as it is now.
    Incident(Incident),
    /// The tools of one server as last seen.
    Tools(TargetId, Text, ToolSet),
}

/// What a monitor remembers from the one before it, out of the store.
#[derive(Clone, Default, Debug)]
pub struct Memory {
    /// Incidents that were open.
    pub open: Vec<Incident>,
    /// The highest incident id ever given.
    pub last_incident: u64,
    /// The tools of each server as last seen.
    pub tools: Vec<(TargetId, Text, ToolSet)>,
    /// What the detectors remember of each target's last days.
    pub lookouts: Vec<(TargetId, Lookout)>,
}
