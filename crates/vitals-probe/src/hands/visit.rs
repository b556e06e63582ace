//! One visit: every probe once, in the order that hurts the hub and the figures least.
//!
//! The hub's CPU is measured before anything is asked of it, so that our own questions are not in the
//! figure; the session is closed once, and what that cost the hub is measured by its next answer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use vitals_model::check::Probe;
use vitals_model::observation::{Failure, FailureKind, Observation, ProcessSeen, Seen, VisitSeen};
use vitals_model::target::TargetKind;

use super::Hands;
use crate::clock::Stopwatch;
use crate::rest;

/// The span over which a visit measures the hub's CPU, from the kernel's nanosecond counters.
const CPU_SPAN: Duration = Duration::from_millis(60);

/// How often a hub is asked whether it forgot our session. The first pause between two questions is
/// short, because npm mcp-hub forgets within a few milliseconds of its first answer; each further one is
/// twice as long, 0.6 s in all.
const CLEANUP_TRIES: u32 = 7;
const CLEANUP_PAUSE: Duration = Duration::from_millis(10);

/// A hub that is busy over that span is looked at for so much longer: any client's disconnect keeps npm
/// mcp-hub 4.2.1 busy for 65–250 ms, and that is no hub that spins.
const BUSY_PERCENT: f64 = 50.0;
const BUSY_SPAN: Duration = Duration::from_millis(500);

impl Hands {
    /// Carries out every probe once and closes what it opened.
    pub async fn visit(&self) -> Vec<Observation> {
        if self.target.address.kind() == TargetKind::Server {
            let seen = self.run(Probe::Session).await;
            self.sessions.lock().await.close().await;
            return seen.into_iter().collect();
        }
        let began = Stopwatch::start();
        let first_look = self.run(Probe::Process).await;
        let workspace = self.run(Probe::Workspace).await;
        let (log, llm) = tokio::join!(self.run(Probe::Log), self.run(Probe::Llm));
        tokio::time::sleep(CPU_SPAN.saturating_sub(began.elapsed())).await;
        // The second look has the CPU; a process that is gone is told by the first.
        let mut process = self.run(Probe::Process).await.or(first_look);
        if process.as_ref().is_some_and(is_busy) {
            tokio::time::sleep(BUSY_SPAN).await;
            process = self.run(Probe::Process).await.or(process);
        }
        let log_size = self.log_size();
        let api = self.run(Probe::Api).await;
        let (stream, session) = tokio::join!(self.run(Probe::Stream), self.session_after(api.as_ref()));
        let meta_tool = self.run(Probe::MetaTool).await;
        let cost = self.close_and_count(api.as_ref(), log_size).await;
        let cost = self.observation(Seen::Visit(cost), began.elapsed());
        [workspace, process, api, stream, session, meta_tool, llm, log, Some(cost)].into_iter().flatten().collect()
    }

    /// A session may wait for a server that is starting. Not so with a hub that has just left a request
    /// without any answer: it is given the time of one more.
    async fn session_after(&self, api: Option<&Observation>) -> Option<Observation> {
        let Some(failure) = api.and_then(unanswered) else { return self.run(Probe::Session).await };
        let limit = self.target.settings.timeouts.request;
        match tokio::time::timeout(limit, self.run(Probe::Session)).await {
            Ok(seen) => seen,
            Err(_) => Some(self.observation(Seen::Session(Box::new(self.no_session(failure))), limit)),
        }
    }

    /// Ends the sessions and asks once more: how long does the answer take, and who is still counted?
    async fn close_and_count(&self, api: Option<&Observation>, log_size: Option<u64>) -> VisitSeen {
        let mut sessions = self.sessions.lock().await;
        let requests = sessions.requests();
        let opened = sessions.opened_total();
        let closed = sessions.close().await;
        drop(sessions);
        let before = api.and_then(clients);
        let mut cost = VisitSeen { sessions: opened, clients_before: before, ..VisitSeen::default() };
        if let (Some(base), true) = (self.base(), closed > 0) {
            let limit = self.target.settings.timeouts.request;
            for attempt in 0..CLEANUP_TRIES {
                let watch = Stopwatch::start();
                self.count_requests(1);
                let Ok(claim) = rest::health(&self.client, &base, limit).await else { break };
                cost.latency_after.get_or_insert(watch.elapsed());
                cost.clients_after = claim_clients(&claim);
                if cost.clients_after <= before || attempt + 1 == CLEANUP_TRIES {
                    break;
                }
                tokio::time::sleep(CLEANUP_PAUSE * 2_u32.pow(attempt)).await;
            }
        }
        cost.log_bytes = log_size.zip(self.log_size()).map(|(before, after)| after.saturating_sub(before));
        cost.requests = requests + self.requests.load(Ordering::Relaxed);
        cost
    }

    fn log_size(&self) -> Option<u64> {
        std::fs::metadata(self.place.log_file()?).map(|m| m.len()).ok()
    }
}

fn is_busy(process: &Observation) -> bool {
    matches!(&process.seen, Seen::Process(ProcessSeen::Alive(facts)) if facts.cpu_percent > Some(BUSY_PERCENT))
}

fn unanswered(api: &Observation) -> Option<&Failure> {
    let Seen::Api(seen) = &api.seen else { return None };
    seen.health.as_ref().err().filter(|failure| matches!(failure.kind, FailureKind::TimedOut(_)))
}

fn clients(observation: &Observation) -> Option<u64> {
    match &observation.seen {
        Seen::Api(seen) => seen.health.as_ref().ok().and_then(claim_clients),
        _ => None,
    }
}

fn claim_clients(claim: &vitals_model::claim::HubClaim) -> Option<u64> {
    match (claim.active_clients, claim.mcp_clients) {
        (None, None) => None,
        (streams, sessions) => Some(streams.unwrap_or(0) + sessions.unwrap_or(0)),
    }
}
