//! What the facts of a target say, read in the ways in which judgement asks.

use std::time::Duration;

use vitals_model::claim::{FilteringClaim, HubClaim, ServerClaim};
use vitals_model::observation::{CallSeen, ChildFacts, Failure, ProcessFacts, ProcessSeen, SessionSeen};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::ToolSet;

use super::{Facts, Known, Levels, stretch};
use crate::detect::Room;

impl Facts {
    /// What the hub last said of itself, if its last answer was one.
    pub fn hub(&self) -> Option<&HubClaim> {
        self.api.as_ref()?.seen.health.as_ref().ok()
    }

    /// What the hub last said of its servers; the last good answer when the latest was none.
    pub fn servers(&self) -> &[ServerClaim] {
        self.last_servers.as_deref().unwrap_or_default()
    }

    /// What the hub last said of one server.
    pub fn claim(&self, server: &Text) -> Option<&ServerClaim> {
        let servers = self.servers();
        self.places[0].of(servers.len(), |n| Some(&servers[n].name), server).map(|n| &servers[n])
    }

    /// Why the API did not answer last time.
    pub fn api_failure(&self) -> Option<&Failure> {
        let seen = &self.api.as_ref()?.seen;
        seen.health.as_ref().err().or(seen.servers.as_ref().err())
    }

    /// Filtering statistics, when the hub has them.
    pub fn filtering(&self) -> Option<&FilteringClaim> {
        self.api.as_ref()?.seen.filtering.as_ref()?.as_ref().ok()
    }

    /// The latest canary call of a server, and the visit that made it.
    pub fn call(&self, server: &Text) -> Option<(&CallSeen, &Known<SessionSeen>)> {
        let known = self.session.as_ref()?;
        let calls = &known.seen.calls;
        self.places[1].of(calls.len(), |n| Some(&calls[n].server), server).map(|n| (&calls[n], known))
    }

    /// The tools of a server in the first session's list, without the hub's prefix; `None` when that
    /// session has no list.
    pub fn listed(&self, server: &Text) -> Option<&ToolSet> {
        self.listed.as_ref().map(|listed| listed.of(server))
    }

    /// The hub's process, when it was alive at the last look.
    pub fn alive(&self) -> Option<&ProcessFacts> {
        match &self.process.as_ref()?.seen {
            ProcessSeen::Alive(process) => Some(process),
            _ => None,
        }
    }

    /// When the hub's process started.
    pub fn hub_started(&self) -> Option<Timestamp> {
        Some(self.process.as_ref()?.at.minus(self.alive()?.uptime))
    }

    /// The youngest child process that runs a server, as the latest look at the hub's process saw it.
    pub(crate) fn child(&self, server: &Text) -> Option<(&Known<ProcessSeen>, &ChildFacts)> {
        let known = self.process.as_ref()?;
        let ProcessSeen::Alive(process) = &known.seen else { return None };
        let child = |n: usize| process.children.get(self.children[n]);
        let at = self.places[2].of(self.children.len(), |n| child(n)?.server.as_ref(), server)?;
        Some((known, child(at)?))
    }

    /// The processes of servers that the latest look at the hub's process saw, in the order of their servers' names.
    pub(crate) fn children(&self) -> impl Iterator<Item = &ChildFacts> {
        let of = |process| {
            move |n: &usize| {
                let process: &ProcessFacts = process;
                process.children.get(*n)
            }
        };
        self.alive().into_iter().flat_map(move |process| self.children.iter().filter_map(of(process)))
    }

    /// When the last known child of a server ended, and its pid.
    pub fn exit(&self, server: &Text) -> Option<(Timestamp, u32)> {
        self.exits.latest_of(server)
    }

    /// When the processes of a server ended, oldest first.
    pub(crate) fn exits_of<'a>(&'a self, server: &'a Text) -> impl Iterator<Item = Timestamp> + 'a {
        self.exits.of(server)
    }

    /// Whether somebody stopped a server around this time, as far as the hub tells.
    pub(crate) fn was_stopped(&self, server: &Text, at: Timestamp) -> bool {
        self.stopped.was(server, at)
    }

    /// When the latest child without a known server ended.
    pub fn unnamed_exit(&self) -> Option<Timestamp> {
        self.exits.latest_unnamed()
    }

    /// Log records by level: from the file when its records carry levels, else from the stream.
    pub fn levels(&self) -> &Levels {
        if self.file_levels.is_empty() { &self.stream_levels } else { &self.file_levels }
    }

    /// How the log grows, in bytes per hour, and over which span that was measured.
    pub fn growth_per_hour(&self, now: Timestamp) -> Option<(f64, Duration)> {
        if self.log_window.is_followed() {
            return self.log_window.growth(now);
        }
        stretch::growth_of(&self.log.as_ref()?.seen.stretch)
    }

    /// Where a leak of the hub would end.
    pub fn room(&self) -> Room {
        let file = self.log.as_ref().and_then(|known| known.seen.file.as_ref().ok());
        Room {
            memory: self.alive().map(|process| process.machine_bytes),
            memory_max: self.alive().and_then(|process| process.memory_max),
            fds: self.alive().and_then(|process| process.fds_max),
            disk: file.map(|file| file.disk_free),
        }
    }
}
