//! The probes under way: how long each takes, and whether it gets an answer. What the answer says is taken
//! from the world when it ends.

use std::time::Duration;

use vitals_model::check::Probe;
use vitals_model::observation::{FailureKind, Phase, Seen};

use super::life::whole;
use super::{Next, Persona, World};
use crate::fault::Fault;
use crate::queue::Ms;

/// The default limit of a request, of a list and of a call.
const LIMIT: Ms = 5000;

/// How often a request, a list, a call or a question to the LLM is lost for no lasting reason.
const REQUEST_LOST: f64 = 0.000_05;
const LIST_LOST: f64 = 0.0003;
const CALL_LOST: f64 = 0.0002;
const LLM_LOST: f64 = 0.003;

/// How often an answer takes much longer than usual, and how much.
const TAIL: f64 = 0.001;
const TAIL_FACTOR: (f64, f64) = (5.0, 100.0);

/// How a request goes.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Fate {
    Answered,
    Failed(Phase, FailureKind, &'static str),
}

/// A canary call: how it goes, and how long it takes.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Call {
    pub(super) server: usize,
    pub(super) fate: Fate,
    pub(super) took: Ms,
}

/// One run of a probe.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) began: Ms,
    pub(super) pid: u32,
    pub(super) fate: Fate,
    pub(super) list_took: Ms,
    pub(super) calls: Vec<Call>,
}

impl World {
    pub(super) fn plan_due(&mut self) {
        if let Some(at) = self.table.next().filter(|at| *at < self.due) {
            self.due = at;
            self.queue.plan(at.max(self.now), Next::Due);
        }
    }

    pub(super) fn start_due(&mut self) {
        self.due = Ms::MAX;
        for probe in self.table.start_due(self.now) {
            // A held log is read by its own source, which this only asks to read on.
            if probe == Probe::Log {
                self.table.ended(probe);
                self.plan_read();
                continue;
            }
            let (took, run) = self.start(probe);
            self.plan(took, Next::Ended(probe, Box::new(run)));
        }
        self.plan_due();
    }

    fn start(&mut self, probe: Probe) -> (Ms, Run) {
        let mut run = Run { began: self.now, pid: self.hub.pid, fate: Fate::Answered, list_took: 0, calls: Vec::new() };
        let took = match probe {
            Probe::Api => {
                let is_slow = self.has(Fault::ApiSlow) || self.is_in_need();
                let slow = if is_slow { self.draw((2500.0, 4500.0)) } else { 0 };
                let took = slow + self.latency(4.0);
                self.ask_hub(&mut run.fate, took, REQUEST_LOST)
            }
            Probe::Session => self.start_session(&mut run),
            Probe::Llm => self.ask_llm(&mut run.fate),
            Probe::MetaTool => self.start_meta_tool(&mut run),
            Probe::Workspace | Probe::Process | Probe::Log | Probe::Stream => 3,
        };
        (took, run)
    }

    /// A request to the hub that it would answer after `took`: when it ends.
    fn ask_hub(&mut self, fate: &mut Fate, took: Ms, lost: f64) -> Ms {
        if !self.hub.listens {
            *fate = Fate::Failed(Phase::Connect, FailureKind::Refused, "");
            return 1;
        }
        if self.answers.happens(lost) {
            *fate = Fate::Failed(Phase::Request, FailureKind::Closed, "");
            return took.min(LIMIT);
        }
        let took = self.hub.mute_until.saturating_sub(self.now) + took;
        if took > LIMIT {
            *fate = timed_out(Phase::Request);
        }
        took.min(LIMIT)
    }

    fn start_session(&mut self, run: &mut Run) -> Ms {
        if self.hub.listens && self.now < self.hub.takes_sessions {
            run.fate = Fate::Failed(Phase::Connect, FailureKind::Status { code: 500, retry_after: None }, "");
            return 4;
        }
        let took = self.latency(if self.sessions { 18.0 } else { 100.0 });
        run.list_took = self.ask_hub(&mut run.fate, took, 0.0);
        if run.fate == Fate::Answered && self.answers.happens(LIST_LOST) {
            (run.fate, run.list_took) = (timed_out(Phase::List), LIMIT);
        }
        if matches!(run.fate, Fate::Failed(Phase::Connect, ..)) {
            return run.list_took;
        }
        if !self.sessions {
            self.sessions = true;
            self.opened_total += 2;
        }
        for n in 0..self.servers.len() {
            if self.servers[n].is_claimed() {
                let call = self.call(n);
                run.calls.push(call);
            }
        }
        run.list_took + run.calls.iter().map(|call| call.took).max().unwrap_or(0)
    }

    fn call(&mut self, server: usize) -> Call {
        let slow = if self.is_in_need() { self.draw((300.0, 1500.0)) } else { 0 };
        let took = slow + self.latency(self.servers[server].call_ms);
        let it = &self.servers[server];
        let (fate, took) = if it.child.is_none() {
            (Fate::Failed(Phase::Call, FailureKind::ToolError, "Not connected"), 3)
        } else if it.is_hung {
            (timed_out(Phase::Call), LIMIT)
        } else if self.answers.happens(CALL_LOST) {
            if self.answers.happens(0.5) {
                (timed_out(Phase::Call), LIMIT)
            } else {
                (Fate::Failed(Phase::Call, FailureKind::ToolError, "fetch failed: socket hang up"), took.min(LIMIT))
            }
        } else if took > LIMIT {
            (timed_out(Phase::Call), LIMIT)
        } else {
            (Fate::Answered, took)
        };
        Call { server, fate, took }
    }

    fn ask_llm(&mut self, fate: &mut Fate) -> Ms {
        if self.setting.persona == Persona::Npm {
            return 1;
        }
        if self.has(Fault::LlmQuota) {
            let retry_after = Some(Duration::from_secs(60));
            *fate = Fate::Failed(Phase::Request, FailureKind::Status { code: 429, retry_after }, "quota exceeded");
        } else if self.answers.happens(LLM_LOST) {
            if self.answers.happens(0.5) {
                *fate = timed_out(Phase::Request);
                return LIMIT;
            }
            *fate = Fate::Failed(Phase::Request, FailureKind::Status { code: 503, retry_after: None }, "overloaded");
        }
        let took = self.latency(180.0);
        if took > LIMIT {
            *fate = timed_out(Phase::Request);
        }
        took.min(LIMIT)
    }

    /// The hub asks its LLM three times, with pauses of 1 and 2 s, and falls back to keywords.
    fn start_meta_tool(&mut self, run: &mut Run) -> Ms {
        if self.setting.persona == Persona::Npm || !self.sessions {
            return 1;
        }
        let took = if self.has(Fault::LlmQuota) { 3600 } else { self.latency(1500.0).min(30_000) };
        if !self.hub.listens {
            run.fate = Fate::Failed(Phase::Call, FailureKind::Closed, "");
            return 1;
        }
        self.hub.mute_until.saturating_sub(self.now) + took
    }

    /// A time around `median`, by the hour of the day, with a long tail.
    fn latency(&mut self, median: f64) -> Ms {
        let usual = self.answers.log_normal(median * self.load().powf(0.7), 0.4);
        let tail = if self.answers.happens(TAIL) { self.answers.between(TAIL_FACTOR.0, TAIL_FACTOR.1) } else { 1.0 };
        whole((usual * tail).min(60_000.0)).max(1)
    }

    /// Our sessions end with the hub, and we hear of it.
    pub(super) fn sessions_end(&mut self) {
        if std::mem::take(&mut self.sessions) {
            self.ask(Probe::Session);
        }
    }

    /// What a probe that ends now has seen, and how long it took.
    pub(super) fn see(&mut self, probe: Probe, run: &Run) -> Option<(Seen, Ms)> {
        let seen = match probe {
            Probe::Workspace => Seen::Workspace(self.workspace()),
            Probe::Process => Seen::Process(self.process()),
            Probe::Api => Seen::Api(Box::new(self.api(run))),
            Probe::Session => Seen::Session(Box::new(self.session(run))),
            Probe::MetaTool => Seen::MetaTool(self.meta_tool(run)),
            Probe::Llm => Seen::Llm(self.llm(run)),
            Probe::Log | Probe::Stream => return None,
        };
        Some((seen, self.now - run.began))
    }
}

fn timed_out(phase: Phase) -> Fate {
    Fate::Failed(phase, FailureKind::TimedOut(Duration::from_millis(LIMIT)), "")
}
