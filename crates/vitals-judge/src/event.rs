//! What comes into judgement and what it asks for.

use std::sync::Arc;

use vitals_model::check::Probe;
use vitals_model::errors::KnownErrors;
use vitals_model::incident::{Incident, IncidentChange, Quiet};
use vitals_model::notice::{DayReport, Decision, Delivery, Notice, Notices, Posted};
use vitals_model::observation::Observation;
use vitals_model::quiet::{Order, Silence};
use vitals_model::reading::Sample;
use vitals_model::remedy::{Acted, Action, Move};
use vitals_model::target::{Target, TargetId};
use vitals_model::text::Text;
use vitals_model::tool::{LockFile, ToolSet};

use crate::detect::Lookout;

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A target is to be watched from now on, or its address or settings changed.
    Watch(Target),
    /// A target is not watched any more (its configuration is gone).
    Forget(TargetId),
    /// The lock file of a target was read, or is not there.
    LockFile(TargetId, LockFile),
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
    /// Between the event before this one and now was a time that does not count.
    Gap(Gap),
    /// Somebody asks something about incidents.
    Ordered(Order),
    /// Who is told of what from now on.
    Notices(Arc<Notices>),
    /// The report of a day was written, and is sent to receivers with these names.
    Reported(Box<DayReport>, Vec<String>),
    /// Something came of an attempt to deliver a notice.
    Delivered(Delivery),
    /// The moves of an action were made, or as far as it went.
    Acted(Acted),
}

/// A time that does not count: nobody looked, or it never was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// What the wall clock went ahead by too much, in milliseconds; less than zero when it was set back.
    pub ms: i64,
    /// What happened.
    pub kind: GapKind,
}

/// What a gap is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GapKind {
    /// The wall clock went ahead of the monotonic one: the machine slept, or its clock was set forward.
    Ahead,
    /// The wall clock was set back.
    Back,
    /// Both went on, and this program did not: it was stopped, or got no time.
    Stood,
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
    /// Do not tell people about it, and why. Said once for as long as nothing else happens.
    Withhold(IncidentChange, Box<Incident>, Quiet),
    /// Send this to its receiver.
    Notify(Box<Notice>),
    /// Carry this action out, by these moves in turn. It was begun and is to be kept before.
    Act(Box<Action>, Vec<Move>),
    /// Say this line: it is about the watch itself, and no incident.
    Say(String),
}

/// What history keeps.
#[derive(Clone, PartialEq, Debug)]
pub enum Record {
    /// Values of checks, in the order in which they were measured.
    Samples(TargetId, Vec<Sample>),
    /// An incident as it is now.
    Incident(Box<Incident>),
    /// The tools of one server as last seen.
    Tools(TargetId, Text, ToolSet),
    /// The kinds of error that one target logs, as far as they are known.
    Errors(TargetId, KnownErrors),
    /// A silence as it is now.
    Silence(Silence),
    /// What was decided about telling people of an incident.
    Decision(Decision),
    /// An action as it is now.
    Action(Box<Action>),
    /// Something about the watch itself, such as a gap.
    Note(String),
}

/// What a monitor remembers from the one before it, out of the store.
#[derive(Clone, Default, Debug)]
pub struct Memory {
    /// Incidents that were open, or ended lately.
    pub incidents: Vec<Incident>,
    /// The highest incident id ever given.
    pub last_incident: u64,
    /// The tools of each server as last seen.
    pub tools: Vec<(TargetId, Text, ToolSet)>,
    /// What the tools of each server usually cost over the last day, in tokens.
    pub tokens: Vec<(TargetId, Text, u64)>,
    /// Silences, those that are over included.
    pub silences: Vec<Silence>,
    /// The highest number of a silence ever given.
    pub last_silence: u64,
    /// Notices that were not delivered yet, and the latest of each group to each receiver.
    pub posted: Vec<Posted>,
    /// The highest number of a notice ever given.
    pub last_notice: u64,
    /// Actions of the last hours, and all that were begun and did not end.
    pub actions: Vec<Action>,
    /// The highest number of an action ever given.
    pub last_action: u64,
    /// What the detectors remember of each target's last days.
    pub lookouts: Vec<(TargetId, Lookout)>,
}
