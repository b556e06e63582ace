//! What to look at again at once because of what was just seen. Polling would find it too, later.

use vitals_model::check::{CheckId, Point, Probe};
use vitals_model::limits::INTERVAL_LLM_MIN;
use vitals_model::observation::{ExitRole, Failure, FailureKind, LlmSeen, RunState, SessionView, StreamNote, StreamSeen};
use vitals_model::reading::{Health, Reading};
use vitals_model::time::Timestamp;
use vitals_model::verdict::{ServerTruth, Verdict};

use super::Watched;
use crate::cause::is_bad;
use crate::check;
use crate::event::Effect;
use crate::facts::{Known, Taken};
use crate::truth;

impl Watched {
    /// The probes to send out of turn, after what was seen was judged.
    pub(super) fn follow_up(&mut self, taken: &Taken, at: Timestamp) -> Vec<Effect> {
        self.are_settled &= taken.is_figures() || !taken.is_of_servers();
        let first = self.facts.session.as_ref().and_then(|known| known.seen.sessions.first());
        let probes: &[Probe] = match taken {
            Taken::Exit(role) => match role {
                ExitRole::Hub => &[Probe::Process, Probe::Workspace, Probe::Api],
                ExitRole::Child { .. } => &[Probe::Api, Probe::Session, Probe::Process],
            },
            Taken::Stream(stream) => self.after_stream(stream),
            Taken::Session(_) if first.is_none_or(|first| first.opened.is_err()) => &[Probe::Process, Probe::Api],
            Taken::Session(_) if first.is_some_and(is_mute) && self.is_hub_well() => &[Probe::Process, Probe::Api],
            Taken::Session(_) if self.may_be_the_hub() && self.is_hub_well() => &[Probe::Process, Probe::Api],
            Taken::Session(_) if self.answers_though_stopped() => &[Probe::Process],
            // The loop rests between two runs of a probe for longer than a hub takes to settle.
            Taken::Api(_) | Taken::Process(_) if !self.are_settled() => &[Probe::Api, Probe::Process, Probe::Session],
            // What the sessions saw does not fit what the hub last said: it may have changed since.
            Taken::Session(_) if self.contradicts_an_older_claim() => &[Probe::Api],
            // Is it the hub that ended? Then that is the fault, and the API's silence follows from it.
            Taken::Api(_) if self.is_answer_lost(at) => &[Probe::Process, Probe::Api],
            Taken::Api(_) if self.facts.api_failure().is_some() => &[Probe::Process],
            Taken::Api(_) if self.has_changed_at(at) => &[Probe::Session],
            // A server that is bad now may be good again: do not wait a minute to see it. A stopped
            // child or a zero uptime wants a call to tell what it means.
            Taken::Process(_) if self.wants_call() => &[Probe::Session],
            Taken::Log if self.has_fallen_back() => self.ask_llm(at),
            Taken::MetaTool if self.is_bad(&CheckId::of_target(Point::MetaToolClients, "call")) => self.ask_llm(at),
            // One question may be lost: it is asked once more before people hear of it. One that was waited for in
            // vain is asked again at once, any other when it may be.
            Taken::Llm if check::is_llm_mute(&self.facts) && self.is_new(&check::key_id(), at) => &[Probe::Llm],
            Taken::Process(_) if self.is_bad(&check::key_id()) && !self.ledger.is_open(&check::key_id()) => self.ask_llm(at),
            _ => &[],
        };
        // So may be one call.
        let again = matches!(taken, Taken::Session(_)) && self.is_first_failure(at);
        probes.iter().chain(again.then_some(&Probe::Session)).map(|probe| Effect::Check(self.target.id.clone(), *probe)).collect()
    }

    /// Whether the evidence about every server may be held against its hub. Figures only make it older.
    fn are_settled(&mut self) -> bool {
        if !self.are_settled {
            self.are_settled = self.facts.servers().iter().all(|claim| truth::is_settled(&self.facts, &claim.name));
        }
        self.are_settled
    }

    fn after_stream(&self, stream: &StreamSeen) -> &'static [Probe] {
        match stream {
            StreamSeen::Lost(_) => &[Probe::Process, Probe::Api],
            StreamSeen::Opened { .. } => &[Probe::Workspace, Probe::Process, Probe::Api, Probe::Session],
            StreamSeen::Notes { notes, .. }
                if notes.iter().any(|n| matches!(n, StreamNote::Changed(_) | StreamNote::Turn(_))) =>
            {
                &[Probe::Api, Probe::Process, Probe::Session]
            }
            // What was seen bad by looking may be over when it is heard again.
            StreamSeen::Notes { .. } if self.is_bad(&check::process_id()) || self.is_bad(&check::api_id()) => {
                &[Probe::Process, Probe::Api]
            }
            StreamSeen::Notes { .. } if self.wants_log() => &[Probe::Log],
            StreamSeen::Notes { .. } => &[],
        }
    }

    /// What the stream told does not seem to be in the file: it is read now, to know.
    fn wants_log(&self) -> bool {
        let looked = self.facts.log.as_ref().map(|log| log.at);
        let heard = self.facts.stream.last_event.unwrap_or_default();
        looked.is_some_and(|looked| self.facts.records.wants_look(looked, heard))
    }

    /// Whether the hub used its keyword fallback within the latest stretch of its log.
    fn has_fallen_back(&self) -> bool {
        let stretch = self.facts.log.as_ref().map(|log| &log.seen.stretch);
        stretch.is_some_and(|stretch| stretch.over.is_some() && stretch.fallbacks > 0)
    }

    /// The LLM may be the reason. It is not asked more often than may be configured.
    fn ask_llm(&self, now: Timestamp) -> &'static [Probe] {
        let asked = self.facts.llm.as_ref().filter(|known| matches!(known.seen, LlmSeen::Asked { .. }));
        if asked.is_some_and(|known| now.since(known.at) >= INTERVAL_LLM_MIN) { &[Probe::Llm] } else { &[] }
    }

    /// Whether a check is bad since this observation.
    fn is_new(&self, id: &CheckId, at: Timestamp) -> bool {
        self.judged.readings.iter().any(|r| r.id == *id && is_bad(r) && r.since == at)
    }

    /// Whether the API's answer was cut off just now, and not before.
    fn is_answer_lost(&self, at: Timestamp) -> bool {
        self.is_new(&check::api_id(), at) && self.facts.api_failure().is_some_and(|failure| failure.kind == FailureKind::Closed)
    }

    /// Whether the list, or a call to a server that is well otherwise, has failed just now and not before.
    fn is_first_failure(&self, at: Timestamp) -> bool {
        let is_well = |r: &Reading| {
            self.judged.truths.iter().any(|t| Some(t.name.as_str()) == r.id.server() && t.health == Health::Healthy)
        };
        let may_be_lost = |r: &Reading| match r.id.question() {
            "call" => r.value.is_none() && is_well(r),
            "tools" => r.id.server().is_none() && truth::is_list_lost(&self.facts),
            _ => false,
        };
        self.judged.readings.iter().any(|r| r.since == at && r.at == at && is_bad(r) && may_be_lost(r))
    }

    /// As far as is known: what is known to be bad already is not asked again and again.
    fn is_hub_well(&self) -> bool {
        let hub = [check::process_id(), check::api_id()];
        !self.judged.readings.iter().any(|r| hub.contains(&r.id) && is_bad(r))
    }

    /// Calls had no answer, and the hub was not heard since. What was told already needs no further look.
    fn may_be_the_hub(&self) -> bool {
        let is_hung = |truth: &&ServerTruth| {
            let is_told = self.ledger.is_open(&check::truth_id(&truth.name));
            truth.claim.is_some() && truth.verdict == Verdict::Hung && !is_told
        };
        self.judged.truths.iter().filter(is_hung).any(|truth| truth::may_be_the_hub(&self.facts, &truth.name))
    }

    fn is_bad(&self, id: &CheckId) -> bool {
        self.judged.readings.iter().any(|r| r.id == *id && r.health != Health::Healthy)
    }

    fn answers_though_stopped(&self) -> bool {
        let answered = |server| matches!(self.facts.call(server), Some((call, _)) if matches!(call.answer, Some(Ok(_))));
        self.judged.truths.iter().any(|t| {
            let stopped = truth::child(&self.facts, &t.name).is_some_and(|c| c.state == RunState::Stopped);
            stopped && answered(&t.name)
        })
    }

    fn contradicts_an_older_claim(&self) -> bool {
        let is_open = |verdict| matches!(verdict, Verdict::Unknown | Verdict::Hidden | Verdict::Dropped | Verdict::Phantom);
        let newer = self.facts.session.as_ref().map(Known::began) > self.facts.api.as_ref().map(|a| a.at);
        newer && (self.judged.truths.iter().any(|t| is_open(t.verdict)) || !self.facts.gained_unasked().is_empty())
    }

    /// Whether this answer of the hub was the first with another state, or with another status or other
    /// tools of a server.
    fn has_changed_at(&self, at: Timestamp) -> bool {
        let state = self.facts.state.as_ref().is_some_and(|state| state.changed && state.seen == at);
        let at = Some(at);
        state || self.facts.courses.values().any(|course| course.status_changed == at || course.tools_changed == at)
    }

    fn wants_call(&self) -> bool {
        let stopped = self
            .facts
            .alive()
            .is_some_and(|process| process.children.iter().any(|c| matches!(c.state, RunState::Stopped | RunState::Zombie)));
        let bad = self
            .judged
            .truths
            .iter()
            .any(|t| matches!(t.health, Health::Failing | Health::Unknown) && t.verdict != Verdict::ExpectedDown);
        stopped || bad || self.facts.courses.values().any(|course| course.zero_since.is_some())
    }
}

/// Whether a session has ended, or does not get an answer.
fn is_mute(view: &SessionView) -> bool {
    let is_mute =
        |failure: &Failure| matches!(failure.kind, FailureKind::TimedOut(_) | FailureKind::Closed | FailureKind::Refused);
    view.tools.as_ref().is_err_and(is_mute)
}
