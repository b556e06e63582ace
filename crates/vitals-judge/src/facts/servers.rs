//! Taking in what tells of the servers: the hub's answers and our visits.

use std::time::Duration;

use vitals_model::claim::{HubClaim, ServerClaim};
use vitals_model::observation::{ApiSeen, CallSeen, SessionSeen, SessionView};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use super::by_server::Place;
use super::exposure::Exposure;
use super::listed::{self, Listed};
use super::{CallCourse, Facts, Known, StateCourse, TOOLS_BEFORE_MAX, Told, course};

impl Facts {
    pub(super) fn take_api(&mut self, mut seen: ApiSeen, at: Timestamp, took: Duration) -> Told {
        if seen.filtering.is_none() {
            seen.filtering = self.api.as_ref().and_then(|known| known.seen.filtering.clone());
        }
        let mut told = Told::by_answer(self.api.as_ref().map(|known| &known.seen), &seen);
        if let Ok(servers) = &mut seen.servers {
            // They are known by one place only.
            let servers = std::mem::take(servers);
            told = told.and(self.take_claims(servers, at));
        }
        if let Ok(HubClaim { state: Some(state), .. }) = &seen.health {
            self.state = Some(StateCourse::next(self.state.as_ref(), state, at));
        }
        self.own_clients = self.count_own_clients();
        self.api = Some(Known { seen, at, took });
        if self.api_failure().is_some() {
            self.hub_unwell = Some(at);
        }
        if told == Told::More {
            self.sort_tools();
        }
        told
    }

    fn take_claims(&mut self, mut servers: Vec<ServerClaim>, at: Timestamp) -> Told {
        servers.sort_by(|a, b| a.name.cmp(&b.name));
        let before = self.last_servers.take();
        share_tools(before.as_deref().unwrap_or_default(), &mut servers);
        let mut told = Told::by_claims(before.as_deref().unwrap_or_default(), &servers);
        if told == Told::More {
            course::follow(&mut self.courses, before.as_deref(), &servers, at);
            let courses = &self.courses;
            self.refused_since.retain(|name| courses.has(name));
            self.calls.retain(|name| courses.has(name));
            self.forget_tools();
        }
        // A loss that was told at a time at which a server is now known to have been stopped does not count.
        let is_stopped = self.stopped.follow(&servers, at);
        told = told.when(!is_stopped || self.turns.is_empty() && self.exits.is_empty());
        self.last_servers = Some(servers);
        told
    }

    pub(super) fn take_session(&mut self, mut seen: SessionSeen, at: Timestamp, took: Duration) -> Told {
        seen.calls.sort_by(|a, b| a.server.cmp(&b.server));
        share_lists(self.session.as_ref().map(|known| known.seen.sessions.as_slice()).unwrap_or_default(), &mut seen.sessions);
        // A server whose tools only sessions list may have some now.
        let are_told = self.servers().iter().all(|claim| claim.tools.is_some());
        let told = Told::by_visit(self.session.as_ref().map(|known| &known.seen), &seen).when(are_told);
        for call in &seen.calls {
            match &call.answer {
                Some(Err(failure)) if crate::truth::is_disconnected(failure) => {
                    self.refused_since.get_or(&call.server, || at);
                }
                _ => {
                    self.refused_since.take(&call.server);
                }
            }
        }
        self.take_calls(&seen.calls);
        if seen.calls.iter().any(|call| call.answer.is_some()) {
            let file = self.log.as_ref().is_some_and(|log| log.seen.file.is_ok());
            self.records.worked(at.minus(took), at, (file, self.stream.opened.is_some()));
        }
        let exposure = self.exposure.take();
        let own = || listed::all_of(self.servers());
        self.exposure = Exposure::next(exposure, &seen, at.minus(took), self.servers_changed(), own);
        self.session = Some(Known { seen, at, took });
        if told == Told::More {
            self.sort_tools();
        }
        told.when(self.calls.values().all(|course| course.slower_than().is_none()))
    }

    /// Takes in calls, in the order of their servers' names.
    fn take_calls(&mut self, calls: &[CallSeen]) {
        let called = || calls.iter().filter(|call| call.answer.is_some());
        // Calls to all servers that are slow at once say nothing of any one of them.
        let slow = || called().filter_map(|call| self.calls.get(&call.server)?.is_slow(call));
        if slow().nth(1).is_some() && slow().all(|is_slow| is_slow) {
            return;
        }
        for call in called() {
            let child = crate::truth::child(self, &call.server).map(|child| child.id);
            let run = (child, self.claim(&call.server).and_then(|claim| claim.started_at));
            self.calls.get_or(&call.server, CallCourse::default).take(call, run);
        }
    }

    /// When the hub's list of servers and of their tools last became another one.
    fn servers_changed(&self) -> Option<Timestamp> {
        self.courses.values().flat_map(|c| [Some(c.first_seen), c.status_changed, c.tools_changed]).flatten().max()
    }

    /// Tools that the second session, which asks for nothing, has gained while the servers' own did not
    /// change.
    pub fn gained_unasked(&self) -> &[Text] {
        self.exposure.as_ref().map_or(&[], |exposure| exposure.gained(self.servers_changed()))
    }

    /// Finds out whose the listed tools are.
    fn sort_tools(&mut self) {
        let tools = self.session.as_ref().and_then(|known| known.seen.sessions.first()?.tools.as_ref().ok());
        let is_known = |tools| self.listed.as_ref().is_some_and(|listed| listed.is_of(tools, self.servers()));
        if !tools.is_some_and(is_known) {
            self.listed = tools.map(|tools| Listed::of_session(tools, self.servers()));
        }
    }

    /// A hub that names other servers each time must not fill our memory.
    fn forget_tools(&mut self) {
        if self.tools_before.len() > TOOLS_BEFORE_MAX {
            let courses = &self.courses;
            self.tools_before.retain(|name| courses.has(name));
        }
    }

    /// Our own connections to the hub, which are no clients of its users.
    fn count_own_clients(&self) -> u64 {
        let sessions = self.session.as_ref().map_or(0, |known| {
            if known.seen.held { known.seen.sessions.iter().filter(|s| s.opened.is_ok()).count() as u64 } else { 0 }
        });
        sessions + u64::from(self.stream.opened.is_some())
    }
}

/// What is as it was shares its memory with that. Both are in the order of their names.
fn share_tools(before: &[ServerClaim], now: &mut [ServerClaim]) {
    let place = Place::default();
    for claim in now {
        let known = place.of(before.len(), |n| Some(&before[n].name), &claim.name).map(|n| &before[n]);
        if let Some((tools, before)) = claim.tools.as_mut().zip(known.and_then(|known| known.tools.as_ref())) {
            tools.share(before);
        }
    }
}

/// The same for the lists of sessions side by side, which most often see the same.
fn share_lists(before: &[SessionView], now: &mut [SessionView]) {
    for n in 0..now.len() {
        let (others, view) = now.split_at_mut(n);
        let Some(Ok(tools)) = view.first_mut().map(|view| &mut view.tools) else { continue };
        let known = others.last().into_iter().chain(before.get(n)).filter_map(|view| view.tools.as_ref().ok());
        known.for_each(|known| tools.share(known));
    }
}
