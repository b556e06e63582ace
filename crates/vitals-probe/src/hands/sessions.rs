//! Sessions with one target: opened, listed, one canary call per server, held or closed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use url::Url;
use vitals_model::claim::{ClaimStatus, ServerClaim};
use vitals_model::config::{TargetSettings, Timeouts};
use vitals_model::observation::{CallSeen, CallWay, Failure, FailureKind, Phase, SessionSeen, SessionView};
use vitals_model::target::{Address, Target};
use vitals_model::text::Text;
use vitals_model::tool::namespace_prefix;

use super::Manner;
use crate::clock::Stopwatch;
use crate::http::Client;
use crate::mcp::{self, Context, Listen, META_TOOL, Session, ToolInfo};
use crate::rest;
use crate::secret::Secret;

/// Sessions held side by side while watching: the least that can show whether one leaks into another.
const HELD: usize = 2;

/// Most canary calls under way at once: each is a connection to the hub.
const CALLS_AT_ONCE_MAX: usize = 32;

/// Most sessions begun in a minute. A hub that ends sessions as soon as they are opened, or never gets as
/// far as opening one, is not asked for more: each costs it thousands of log lines.
const BEGUN_PER_MINUTE_MAX: usize = 6;

/// A hub that refuses a session with an HTTP error before it began is asked again after the first pause, then
/// after twice as long each time up to the last. npm mcp-hub 4.2.1 answers 500 from when it listens until it has
/// loaded its catalogue, and logs a line each time.
const REFUSED_PAUSE_MIN: Duration = Duration::from_millis(500);
const REFUSED_PAUSE_MAX: Duration = Duration::from_secs(8);

/// How a hub last refused a session before it began.
#[derive(Debug)]
struct Refusal {
    failure: Failure,
    since: Stopwatch,
    /// How long it is not asked again.
    pause: Duration,
}

/// Sessions with one target.
#[derive(Debug)]
pub(super) struct Sessions {
    context: Context,
    manner: Manner,
    open: Vec<Arc<Session>>,
    opened_total: u64,
    /// When sessions were begun in the last minute: the hub was reached, whatever came of it.
    begun_lately: Vec<Stopwatch>,
    refusal: Option<Refusal>,
    /// The canary of each server as last chosen: when its tools vanish from the list, it can still be
    /// called by the REST API.
    canaries: BTreeMap<Text, Canary>,
}

/// A tool that may be called without harm.
#[derive(Clone, Debug)]
struct Canary {
    /// Without the hub's prefix.
    tool: String,
    arguments: Value,
}

impl Sessions {
    pub(super) fn new(client: Arc<Client>, timeouts: &Timeouts, environment: Vec<(String, Secret)>, manner: Manner) -> Self {
        let listen = if manner == Manner::Held { Listen::Asked } else { Listen::Unasked };
        let context = Context::new(client, timeouts.clone(), environment, listen);
        let (begun_lately, canaries) = (Vec::new(), BTreeMap::new());
        Self { context, manner, open: Vec::new(), opened_total: 0, begun_lately, refusal: None, canaries }
    }

    /// The sessions that are open, oldest first.
    pub(super) fn open(&self) -> &[Arc<Session>] {
        &self.open
    }

    /// Requests sent in the open sessions.
    pub(super) fn requests(&self) -> u64 {
        self.open.iter().map(|s| s.requests()).sum()
    }

    /// Sessions opened so far.
    pub(super) const fn opened_total(&self) -> u64 {
        self.opened_total
    }

    /// Opens what is missing, lists in each session, and calls one tool per server.
    pub(super) async fn look(
        &mut self,
        target: &Target,
        claims: &[ServerClaim],
        client: &Client,
        base: Option<&Url>,
    ) -> SessionSeen {
        let timeouts = &target.settings.timeouts;
        let failed = self.open_missing(target).await;
        let listings = join_all(self.open.iter().map(|session| session.list(timeouts.list))).await;
        let mut infos = Vec::new();
        let mut views = Vec::new();
        for (session, listing) in self.open.iter().zip(listings) {
            views.push(SessionView {
                opened: Ok(session.opened().clone()),
                meta_tool: listing.tools.as_ref().is_ok_and(|tools| tools.has(META_TOOL)),
                tools: listing.tools,
                list_took: listing.took,
                pages: listing.pages,
                list_changes: session.take_list_changes(),
                noise: session.noise(),
            });
            if infos.is_empty() {
                infos = listing.infos;
            }
        }
        if let Some(failure) = failed {
            views.push(SessionView::failed(&failure));
        }
        let calls = match &target.address {
            Address::Hub { .. } => self.call_servers(&target.settings, claims, &infos, client, base).await,
            Address::Http { .. } | Address::Stdio { .. } => self.call_direct(target, &infos).await,
        };
        SessionSeen { sessions: views, calls, opened_total: self.opened_total, held: self.manner == Manner::Held }
    }

    /// Drops the sessions that ended and opens new ones until there are enough.
    async fn open_missing(&mut self, target: &Target) -> Option<Failure> {
        self.open.retain(|session| session.ended().is_none());
        let hub = matches!(target.address, Address::Hub { .. });
        let wanted = if self.manner == Manner::Held && hub { HELD } else { 1 };
        self.begun_lately.retain(|begun| begun.elapsed() < Duration::from_secs(60));
        while self.open.len() < wanted {
            if let Some(refusal) = self.refusal.as_ref().filter(|refusal| refusal.since.elapsed() < refusal.pause) {
                return Some(refusal.failure.clone());
            }
            if self.begun_lately.len() == BEGUN_PER_MINUTE_MAX {
                return Some(ended_too_often());
            }
            let begun = Stopwatch::start();
            match mcp::open(&target.address, &self.context).await {
                Ok(session) => {
                    self.refusal = None;
                    self.opened_total += 1;
                    self.begun_lately.push(begun);
                    self.open.push(Arc::new(session));
                }
                Err(failure) => {
                    self.take_failure(begun, &failure);
                    return Some(failure);
                }
            }
        }
        None
    }

    /// What a session that did not open cost the hub, and so when it is asked for the next.
    fn take_failure(&mut self, begun: Stopwatch, failure: &Failure) {
        match (failure.phase, &failure.kind) {
            // One that could not be reached was not hurt, and may be back at any moment.
            (Phase::Resolve | Phase::Connect, _) => {}
            // Nothing began that could end, and the hub may be about to be ready.
            (Phase::Request, FailureKind::Status { .. }) => {
                let pause = self.refusal.as_ref().map_or(REFUSED_PAUSE_MIN, |last| (last.pause * 2).min(REFUSED_PAUSE_MAX));
                self.refusal = Some(Refusal { failure: failure.clone(), since: Stopwatch::start(), pause });
            }
            _ => self.begun_lately.push(begun),
        }
    }

    /// All servers at once: one that hangs delays none of the others.
    async fn call_servers(
        &mut self,
        settings: &TargetSettings,
        claims: &[ServerClaim],
        infos: &[ToolInfo],
        client: &Client,
        base: Option<&Url>,
    ) -> Vec<CallSeen> {
        let mut planned = Vec::new();
        for (claim, own) in claims.iter().zip(by_server(claims, infos)) {
            if claim.status == ClaimStatus::Disabled {
                continue;
            }
            let canary = self.choose(settings, claim, &own);
            // A server that is not claimed and not listed cannot be called: there is nothing to hide.
            if canary.is_some() && own.is_empty() && claim.status != ClaimStatus::Connected {
                continue;
            }
            let is_listed = canary.as_ref().map_or(!own.is_empty(), |canary| {
                let prefix = namespace_prefix(claim.name.as_str());
                own.iter().any(|info| info.name.strip_prefix(&prefix) == Some(canary.tool.as_str()))
            });
            planned.push((claim.name.clone(), canary, if is_listed { CallWay::Session } else { CallWay::Rest }));
        }
        let session = self.open.first().cloned();
        let limit = settings.timeouts.call;
        let calls = planned.into_iter().map(|(server, canary, way)| {
            let session = session.clone();
            async move {
                let Some(canary) = canary else {
                    return CallSeen { server, tool: None, way, answer: None, took: Duration::ZERO };
                };
                let watch = Stopwatch::start();
                let answer = match (way, &session, base) {
                    (CallWay::Session, Some(session), _) => {
                        let name = format!("{}{}", namespace_prefix(server.as_str()), canary.tool);
                        Some(session.call(&name, &canary.arguments, limit).await.map(|answer| answer.items))
                    }
                    (_, _, Some(base)) => {
                        Some(rest::call_tool(client, base, server.as_str(), &canary.tool, &canary.arguments, limit).await)
                    }
                    _ => None,
                };
                CallSeen { server, tool: Some(Text::new(&canary.tool)), way, answer, took: watch.elapsed() }
            }
        });
        let mut calls: Vec<_> = stream::iter(calls).buffer_unordered(CALLS_AT_ONCE_MAX).collect().await;
        calls.sort_by(|a, b| a.server.cmp(&b.server));
        calls
    }

    /// The configured canary, else one that the session's list declares harmless, else the one of before,
    /// else one of the hub's REST list: a hub that filters by prompts shows a session next to nothing.
    fn choose(&mut self, settings: &TargetSettings, claim: &ServerClaim, own: &[ToolInfo]) -> Option<Canary> {
        let server = &claim.name;
        if let Some(configured) = configured_canary(settings, server.as_str()) {
            return Some(configured);
        }
        let prefix = namespace_prefix(server.as_str());
        if let Some(info) = mcp::canary(own, &prefix) {
            let tool = info.name.strip_prefix(&prefix).unwrap_or(&info.name).to_owned();
            self.canaries.insert(server.clone(), Canary { tool, arguments: json!({}) });
        }
        let in_rest = || Some(Canary { tool: claim.canary.as_ref()?.to_string(), arguments: json!({}) });
        self.canaries.get(server).cloned().or_else(in_rest)
    }

    async fn call_direct(&self, target: &Target, infos: &[ToolInfo]) -> Vec<CallSeen> {
        let Some(session) = self.open.first() else { return Vec::new() };
        let server = Text::new(target.id.as_str());
        let canary = configured_canary(&target.settings, target.id.as_str())
            .or_else(|| mcp::canary(infos, "").map(|info| Canary { tool: info.name.clone(), arguments: json!({}) }));
        let Some(canary) = canary else {
            return vec![CallSeen { server, tool: None, way: CallWay::Session, answer: None, took: Duration::ZERO }];
        };
        let watch = Stopwatch::start();
        let answer = session.call(&canary.tool, &canary.arguments, target.settings.timeouts.call).await;
        let tool = Some(Text::new(&canary.tool));
        vec![CallSeen { server, tool, way: CallWay::Session, answer: Some(answer.map(|a| a.items)), took: watch.elapsed() }]
    }

    /// Closes every session; how many there were.
    pub(super) async fn close(&mut self) -> usize {
        let open = std::mem::take(&mut self.open);
        let n = open.len();
        for session in open {
            // Held tasks have ended before this is called; if one still holds a session, dropping its
            // last handle closes it.
            if let Some(session) = Arc::into_inner(session) {
                drop(session.close().await);
            }
        }
        n
    }
}

/// The tools of each server. Where several servers fit (`a` and `a__b`), the longest prefix is meant.
fn by_server(claims: &[ServerClaim], infos: &[ToolInfo]) -> Vec<Vec<ToolInfo>> {
    let prefixes: Vec<_> = claims.iter().map(|claim| namespace_prefix(claim.name.as_str())).collect();
    let mut own = vec![Vec::new(); claims.len()];
    for info in infos {
        let fitting = (0..prefixes.len()).filter(|n| info.name.starts_with(&prefixes[*n]));
        if let Some(n) = fitting.max_by_key(|n| prefixes[*n].len()) {
            own[n].push(info.clone());
        }
    }
    own
}

fn configured_canary(settings: &TargetSettings, server: &str) -> Option<Canary> {
    let server = settings.servers.get(server)?;
    let tool = server.canary.clone()?;
    let arguments = server.canary_arguments.as_deref().and_then(|text| serde_json::from_str(text).ok());
    Some(Canary { tool, arguments: arguments.unwrap_or_else(|| json!({})) })
}

fn ended_too_often() -> Failure {
    let evidence = format!("sessions end as soon as they are begun: {BEGUN_PER_MINUTE_MAX} in a minute, waiting");
    Failure { phase: Phase::Initialize, kind: FailureKind::Closed, evidence: Text::new(&evidence), after: Duration::ZERO }
}

#[cfg(test)]
pub(super) mod tests;
