//! Children of the hub that ended.

use std::collections::{BTreeMap, VecDeque};

use vitals_model::observation::{ExitRole, ExitSeen, ProcessId};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

/// Children that ended, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Exits {
    all: VecDeque<(Timestamp, ExitSeen)>,
    /// The latest of each server, and its pid: what is asked most often.
    latest: BTreeMap<Text, (Timestamp, u32)>,
    unnamed: Option<Timestamp>,
}

impl Exits {
    /// Takes in one; of more than `max` the oldest is forgotten.
    pub(super) fn take(&mut self, at: Timestamp, seen: &ExitSeen, max: usize) {
        if self.all.len() == max
            && let Some((then, oldest)) = self.all.pop_front()
        {
            match server(&oldest) {
                Some(name) if self.latest.get(name).is_some_and(|(at, _)| *at == then) => _ = self.latest.remove(name),
                None if self.unnamed == Some(then) => self.unnamed = None,
                _ => {}
            }
        }
        match server(seen) {
            Some(name) => _ = self.latest.insert(name.clone(), (at, seen.id.pid)),
            None => self.unnamed = Some(at),
        }
        self.all.push_back((at, seen.clone()));
    }

    /// Whether none is known.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// When each ended, oldest first.
    pub(crate) fn times(&self) -> impl Iterator<Item = Timestamp> {
        self.all.iter().map(|(at, _)| *at)
    }

    /// When the latest process of a server ended, and its pid.
    pub(super) fn latest_of(&self, server: &Text) -> Option<(Timestamp, u32)> {
        self.latest.get(server).copied()
    }

    /// When the latest child without a known server ended.
    pub(super) const fn latest_unnamed(&self) -> Option<Timestamp> {
        self.unnamed
    }

    /// When the processes of a server ended, oldest first.
    pub(super) fn of<'a>(&'a self, name: &'a Text) -> impl Iterator<Item = Timestamp> + 'a {
        let all = self.latest.contains_key(name).then_some(&self.all);
        all.into_iter().flatten().filter(move |(_, exit)| server(exit) == Some(name)).map(|(at, _)| *at)
    }

    /// Whether a process was seen to end at `from` or later.
    pub(crate) fn has_since(&self, id: ProcessId, from: Timestamp) -> bool {
        self.all.iter().rev().take_while(|(at, _)| *at >= from).any(|(_, exit)| exit.id == id)
    }

    /// Leaves out a gap of our own clock.
    pub(super) fn skip(&mut self, ms: i64) {
        let all = self.all.iter_mut().map(|(at, _)| at);
        all.chain(self.latest.values_mut().map(|(at, _)| at)).chain(&mut self.unnamed).for_each(|at| *at = at.shifted(ms));
    }
}

/// The server that an ended child ran.
const fn server(exit: &ExitSeen) -> Option<&Text> {
    match &exit.role {
        ExitRole::Child { server, .. } => server.as_ref(),
        ExitRole::Hub => None,
    }
}
