//! What is left of an observation when the facts have taken it in, and whether it told more than figures. Most looks at
//! a hub that is well find everything as it was, a little older.

use std::time::Duration;

use vitals_model::claim::{ClaimStatus, ServerClaim};
use vitals_model::observation::{ApiSeen, CallSeen, ExitRole, ProcessFacts, ProcessSeen, RunState, SessionSeen, StreamSeen};
use vitals_model::time::Timestamp;

use super::Known;

/// An observation that the facts have taken in.
#[derive(Debug)]
pub enum Taken {
    /// Of the workspace record.
    Workspace,
    /// Of the process.
    Process(Told),
    /// The end of a process.
    Exit(ExitRole),
    /// Of the API.
    Api(Told),
    /// Of the sessions.
    Session(Told),
    /// Of the meta-tool.
    MetaTool,
    /// Of the LLM.
    Llm,
    /// Of the log.
    Log,
    /// Of the event stream, which the facts do not keep.
    Stream(StreamSeen),
    /// Of what our visits cost.
    Visit,
}

impl Taken {
    /// Whether it tells of the servers by itself.
    pub(crate) const fn is_of_servers(&self) -> bool {
        matches!(self, Self::Process(_) | Self::Exit(_) | Self::Api(_) | Self::Session(_))
    }

    /// Whether it told of the servers, and only figures.
    pub(crate) const fn is_figures(&self) -> bool {
        matches!(self, Self::Process(Told::Figures) | Self::Api(Told::Figures) | Self::Session(Told::Figures))
    }
}

/// What a look told of the servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// Nothing but how old they are and how fast.
    Figures,
    /// More than that.
    More,
}

impl Told {
    fn of(is_figures: bool) -> Self {
        if is_figures { Self::Figures } else { Self::More }
    }

    /// What a look at the process told beside the one before.
    pub(super) fn by_process(before: Option<&Known<ProcessSeen>>, seen: &ProcessSeen, at: Timestamp) -> Self {
        let Some(Known { seen: ProcessSeen::Alive(before), at: before_at, .. }) = before else { return Self::More };
        let ProcessSeen::Alive(now) = seen else { return Self::More };
        let is_same_start = is_near(before_at.minus(before.uptime), at.minus(now.uptime));
        Self::of(is_same_start && is_same_process(before, now))
    }

    /// What an answer of the API told beside the one before, its servers aside.
    pub(super) fn by_answer(before: Option<&ApiSeen>, now: &ApiSeen) -> Self {
        let (Some(before), Ok(hub)) = (before, &now.health) else { return Self::More };
        let Ok(hub_before) = &before.health else { return Self::More };
        let is_same_hub = hub_before.state == hub.state && hub_before.registered_tools == hub.registered_tools;
        let is_same_filtering = match (&before.filtering, &now.filtering) {
            (Some(Ok(before)), Some(Ok(now))) => before.enabled == now.enabled && before.mode == now.mode,
            (None, None) => true,
            _ => false,
        };
        Self::of(is_same_hub && is_same_filtering && before.servers.is_ok() && now.servers.is_ok())
    }

    /// What the claims told beside those before, both in the order of their names.
    pub(super) fn by_claims(before: &[ServerClaim], now: &[ServerClaim]) -> Self {
        Self::of(before.len() == now.len() && before.iter().zip(now).all(|(before, now)| is_same_claim(before, now)))
    }

    /// What a visit told beside the one before.
    pub(super) fn by_visit(before: Option<&SessionSeen>, now: &SessionSeen) -> Self {
        let Some(before) = before else { return Self::More };
        let is_same_shape = before.held == now.held
            && before.opened_total == now.opened_total
            && before.sessions.len() == now.sessions.len()
            && before.calls.len() == now.calls.len();
        let mut sessions = before.sessions.iter().zip(&now.sessions);
        let is_same_list = sessions.all(|(before, now)| {
            let is_listed = before.tools.as_ref().ok().zip(now.tools.as_ref().ok()).is_some_and(|(before, now)| before == now);
            is_listed && before.opened.is_ok() && now.opened.is_ok() && before.meta_tool == now.meta_tool
        });
        Self::of(
            is_same_shape && is_same_list && before.calls.iter().zip(&now.calls).all(|(before, now)| is_same_call(before, now)),
        )
    }

    /// This, when more is so.
    pub(super) fn when(self, is_so: bool) -> Self {
        if is_so { self } else { Self::More }
    }

    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        self.when(other == Self::Figures)
    }
}

/// The age of a process is measured in ticks, and the time of the look in another clock.
fn is_near(a: Timestamp, b: Timestamp) -> bool {
    const NEAR: Duration = Duration::from_secs(1);
    a.since(b).max(b.since(a)) <= NEAR
}

const fn runs(state: RunState) -> bool {
    matches!(state, RunState::Normal | RunState::DiskSleep)
}

fn is_same_process(before: &ProcessFacts, now: &ProcessFacts) -> bool {
    let mut children = before.children.iter().zip(&now.children);
    before.id == now.id
        && runs(before.state)
        && runs(now.state)
        && before.listen == now.listen
        && before.children.len() == now.children.len()
        && children
            .all(|(before, now)| before.id == now.id && before.server == now.server && runs(before.state) && runs(now.state))
}

/// An uptime of zero is more than a figure: it is judged by how long it lasts.
fn is_same_claim(before: &ServerClaim, now: &ServerClaim) -> bool {
    let is_up = |claim: &ServerClaim| claim.uptime.map(|uptime| !uptime.is_zero());
    before.name == now.name
        && before.status == now.status
        && before.error == now.error
        && before.started_at == now.started_at
        && before.tools == now.tools
        && is_up(before) == is_up(now)
        && (now.status != ClaimStatus::Connected || is_up(now) != Some(false))
}

/// Two good answers to one call. How long one took is judged with the other figures.
fn is_same_call(before: &CallSeen, now: &CallSeen) -> bool {
    let is_same_answer = matches!((&before.answer, &now.answer), (Some(Ok(_)), Some(Ok(_))) | (None, None));
    is_same_answer && before.server == now.server && before.tool == now.tool
}
