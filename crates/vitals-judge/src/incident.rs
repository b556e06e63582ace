//! Incidents: when a bad reading becomes one, and when it is over.
//!
//! A reading opens an incident when it is judged, bad, not explained by another check that is as bad,
//! has been bad for as long as its [`patience`] says, and in as many looks as its policy asks for. It is over
//! when the reading is healthy again for as long, or when there is nothing left to measure. Unknown neither
//! opens nor resolves: what cannot be seen has not ended. While a check flaps its incident goes on.

mod evidence;
mod ledger;
mod streak;

use std::time::Duration;

use vitals_model::check::{CheckId, Point};
use vitals_model::claim::{ClaimStatus, HubState};
use vitals_model::config::CheckPolicy;
use vitals_model::drift::Fate;
use vitals_model::incident::Cause;
use vitals_model::observation::{FailureKind, LlmSeen, ProcessSeen};
use vitals_model::reading::{Health, Reading};
use vitals_model::target::Target;
use vitals_model::time::Timestamp;
use vitals_model::verdict::{ServerTruth, Verdict};

use crate::cause::{self, is_bad};
use crate::check::pace::{self, Pace};
use crate::check::{self, Ids, Scene, Words};
use crate::facts::{CpuUse, Facts};

pub use ledger::{Ledger, News};

/// How long a bad state must last before people hear of it, and a good one before it is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// This long.
    pub wait: Duration,
    /// Whether it must have been measured again in that time.
    pub again: bool,
}

/// A first look at what may be mended by itself within the moment: a stream that is opened again.
const A_MOMENT: Duration = Duration::from_millis(400);

/// A hub that ends in good order closes its port before it is gone.
const A_LOOK: Duration = Duration::from_secs(2);

/// A restart of a server takes 0.1 s to a few seconds.
const RESTART: Duration = Duration::from_secs(5);

/// When a hub that was asked has been given all its time for an answer, so much later that is known.
const THE_HUB_FIRST: Duration = Duration::from_secs(1);

/// Time to ask the LLM itself when the hub seems to get no good answer from it.
const THE_LLM_FIRST: Duration = Duration::from_secs(15);

/// The longest time between the two looks that a value beyond its threshold is given.
const TWO_LOOKS_MAX: Duration = Duration::from_secs(15);

/// A hub that spins takes half a core or more, and for longer than it collects its heap. That takes up to 2 s, which
/// is less than half of this span.
const SPINS: (f64, Duration) = (50.0, Duration::from_millis(4500));

/// Any other is at work until its mean over so long, three minutes, is above its threshold. Three collections
/// shortly after one another, or a start of all servers, are less than the default threshold's share of that: 9 s.
const AT_WORK: Duration = CpuUse::KEPT;

/// How long a hub that was stopped in good order may take to be there again.
const HUB_RESTART: Duration = Duration::from_secs(10);

/// A call or a list is made once more as soon as it failed; so much later than it may take, that is known.
const ONCE_MORE: Duration = Duration::from_secs(2);

/// One reading with all that decides whether it is an incident.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'a> {
    /// What else is known.
    pub look: Look<'a>,
    /// The reading.
    pub reading: &'a Reading,
    /// What it says about a server, when it says that.
    pub truth: Option<&'a ServerTruth>,
    /// The policy of its check.
    pub policy: CheckPolicy,
}

impl<'a> Matter<'a> {
    /// The matter of a reading.
    pub fn of(look: Look<'a>, reading: &'a Reading) -> Self {
        let policy = look.target.settings.policy(&reading.id);
        Self { look, reading, truth: truth_of(reading, look.truths), policy }
    }

    /// What it may follow from, nearest first, whether that is bad or not.
    pub fn causes(&self) -> impl Iterator<Item = &'a Reading> + use<'a> {
        cause::of(self.reading, self.look.readings)
    }

    /// Whether it may become an incident of its own: we do see, nothing explains it, and it is of now.
    fn may_open(&self, blind_until: Timestamp) -> bool {
        let is_blind = self.look.shield.is_some() || self.reading.at <= blind_until;
        !is_blind && !self.causes().any(|cause| cause::explains(cause, self.reading)) && !self.is_outdated()
    }

    /// Whether this reading was measured before one of the checks that it depends on was good again: then it
    /// says nothing of now. A hub may be another one before its API was seen to fail.
    fn is_outdated(&self) -> bool {
        self.causes().any(|cause| cause.since > self.reading.at)
    }

    /// The patience with one reading.
    ///
    /// What has hard evidence (a process that ended, a count that was passed, a tool that is another one than before, a
    /// stream that is cut while its hub goes on) does not wait. One call, list, answer or question may be lost: the next one is waited for. What may follow from the hub's own end, or from its LLM,
    /// waits until that was looked at. A server that the hub itself reports as down may be in the middle of a
    /// restart. Starting is no fault until it takes too long. A value beyond its threshold must be there at the
    /// next look too; silence lasts by its own threshold.
    pub fn patience(&self) -> Patience {
        let Self { look, reading, truth, .. } = *self;
        let failing = reading.health == Health::Failing;
        let grace = look.target.settings.thresholds.start_grace;
        let is_connecting = truth.is_some_and(|t| t.verdict == Verdict::Agrees && t.claim == Some(ClaimStatus::Connecting));
        let wait = match (reading.id.server(), reading.id.question(), truth.map(|t| t.verdict)) {
            (None, "errors", _) if is_bad(reading) => Duration::ZERO,
            (None, "heartbeat", _) if is_bad(reading) => look.silence_of_before(reading),
            // The further above its threshold the sooner it counts: by the CPU that was used, not by the time alone.
            (None, "cpu", _) if is_bad(reading) && look.is_at_work() => return Patience { wait: AT_WORK, again: true },
            _ if reading.threshold.is_some() => return Patience { wait: look.pace(reading), again: true },
            // The children of a hub that was killed take a moment to notice.
            (None, "orphans", _) => return Patience { wait: A_LOOK, again: true },
            (None, "stream", _) if look.goes_on_after(reading.at) => A_MOMENT,
            (None, "file", _) => A_MOMENT,
            (None, "fallback" | "call", _) if look.asks_an_llm() => THE_LLM_FIRST,
            (Some(server), "truth", Some(Verdict::Ghost | Verdict::Hung)) if look.flaps(server) => RESTART,
            (Some(_), "truth", Some(Verdict::Hung)) if truth.is_some_and(|t| look.may_be_the_hub(t)) => {
                look.target.settings.timeouts.request + THE_HUB_FIRST
            }
            // One call without an answer may be lost.
            (Some(_), "truth", Some(Verdict::Hung)) if truth.is_some_and(|t| look.rests_on_a_call(t)) => {
                look.target.settings.timeouts.call + ONCE_MORE
            }
            (Some(_), "flaps", _) | (Some(_), "truth", Some(Verdict::Ghost | Verdict::Hung)) => Duration::ZERO,
            (Some(_), "truth", Some(Verdict::Drifted)) if truth.is_some_and(|t| look.shows_another_tool(t)) => Duration::ZERO,
            (None, "process", _) if failing && look.ended_in_good_order() => HUB_RESTART,
            (None, "process", _) if failing => Duration::ZERO,
            // So may be a call that failed, a list that did not come, a question to the LLM that nobody else asked
            // in vain.
            (Some(_), "call", _) if reading.value.is_none() => return Patience { wait: RESTART, again: true },
            // A machine may be in need for a moment.
            // A hub that has just started writes its record a little later.
            (None, "host" | "entry", _) => return Patience { wait: RESTART, again: true },
            (None, "tools", _) if crate::truth::is_list_lost(look.facts) => return Patience { wait: RESTART, again: true },
            // A question that timed out has taken its time already: it is asked again at once.
            (None, "key", _) if !failing && !look.has_fallen_back() && !check::is_llm_mute(look.facts) => {
                return Patience { wait: RESTART, again: true };
            }
            (None, "api", _) if look.lost_an_answer() => return Patience { wait: A_LOOK, again: true },
            (None, "port" | "api" | "open", _) if failing => A_LOOK,
            (None, "state", _) if !failing => grace,
            (Some(_), "truth", _) if is_connecting && !failing => grace,
            _ => RESTART,
        };
        Patience { wait, again: false }
    }

    /// The reading, and the truth behind it, in words.
    fn in_words(&self) -> (Reading, Option<ServerTruth>) {
        let Look { target, facts, readings, now, .. } = self.look;
        let truths = check::truths(target, facts, now, Words::Said);
        let ids = Ids::of(readings);
        let (settings, words) = (&target.settings, Words::Said);
        let scene = Scene { facts, settings, truths: &truths, others: &[], now, words, ids: &ids };
        let found = check::all(target, scene).into_iter().find(|worded| worded.id == self.reading.id);
        let reading = found.unwrap_or_else(|| self.reading.clone());
        let truth = truth_of(&reading, &truths).cloned();
        (reading, truth)
    }

    /// What was seen; for a server the verdict stands beside it as the incident's kind.
    fn summary(&self) -> String {
        self.truth.map_or_else(|| self.reading.summary.clone(), |truth| truth.reason.clone())
    }

    /// The verdict for a server, or what it honestly is; else the check's question.
    fn kind(&self) -> String {
        let Some(truth) = self.truth else { return self.reading.id.question().to_owned() };
        match (truth.verdict, &truth.claim) {
            (Verdict::Agrees, Some(claim @ (ClaimStatus::Unauthorized | ClaimStatus::Connecting))) => claim.as_str().to_owned(),
            (Verdict::Agrees, None) if truth.health == Health::Degraded => "degraded".to_owned(),
            (Verdict::Agrees | Verdict::Unknown, _) => "down".to_owned(),
            (verdict, _) => verdict.as_str().to_owned(),
        }
    }
}

/// What the ledger compares its incidents with.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The target.
    pub target: &'a Target,
    /// What is known of it.
    pub facts: &'a Facts,
    /// Its readings.
    pub readings: &'a [Reading],
    /// The truth about its servers.
    pub truths: &'a [ServerTruth],
    /// Our own incident that explains whatever is wrong with this target.
    pub shield: Option<&'a Cause>,
    /// Now.
    pub now: Timestamp,
}

impl Look<'_> {
    /// Whether the target answers, so that what has no reading is not there.
    fn answers(&self) -> bool {
        self.facts.api.is_some() && self.facts.api_failure().is_none()
    }

    /// How long until this was measured again, within bounds.
    fn pace(&self, reading: &Reading) -> Duration {
        match pace::of(reading, self.target.address.kind(), &self.target.settings.schedule) {
            Pace::Every(interval) | Pace::Lasting(interval) => interval.min(TWO_LOOKS_MAX),
            Pace::Rare => TWO_LOOKS_MAX,
        }
    }

    /// The usual time between two looks; `None` for what is looked at now and then.
    fn usual(&self, reading: &Reading) -> Option<Duration> {
        match pace::of(reading, self.target.address.kind(), &self.target.settings.schedule) {
            Pace::Every(interval) | Pace::Lasting(interval) => Some(interval),
            Pace::Rare => None,
        }
    }

    /// Whether what CPU the hub used lately may be its work: the further above its threshold, the sooner it is not.
    fn is_at_work(&self) -> bool {
        let cpu = &self.facts.cpu;
        let (warning, _) = self.target.settings.thresholds.cpu_percent;
        cpu.within(SPINS.1) < SPINS.0.max(warning) && cpu.within(AT_WORK) <= warning
    }

    /// Whether the hub was heard after `at`, and neither ends nor starts.
    fn goes_on_after(&self, at: Timestamp) -> bool {
        let state = self.facts.hub().and_then(|hub| hub.state.as_ref());
        let settles = matches!(
            state,
            Some(HubState::Starting | HubState::Restarting | HubState::Stopping | HubState::Stopped | HubState::Error)
        );
        let is_gone = self.facts.process.as_ref().is_some_and(|known| matches!(known.seen, ProcessSeen::Gone { .. }));
        self.answers() && !settles && !is_gone && self.facts.api.as_ref().is_some_and(|api| api.at > at)
    }

    /// How long a silence must go on that began before the hub itself was well again: the first heartbeat
    /// may be on its way.
    fn silence_of_before(&self, reading: &Reading) -> Duration {
        let bound = Duration::try_from_secs_f64(self.target.settings.thresholds.stream_silence_s.0).unwrap_or_default();
        let is_new = |cause: &Reading| self.now.since(cause.since) < bound;
        if cause::of(reading, self.readings).any(is_new) { bound } else { Duration::ZERO }
    }

    /// Whether the hub said that it stops, shortly before its process ended.
    fn ended_in_good_order(&self) -> bool {
        let ended =
            self.facts.process.as_ref().filter(|known| matches!(known.seen, ProcessSeen::Gone { .. })).map(|known| known.at);
        ended.zip(self.facts.stopping).is_some_and(|(ended, said)| ended.since(said) <= HUB_RESTART)
    }

    /// Whether the API's answer was cut off: one may be lost.
    fn lost_an_answer(&self) -> bool {
        self.facts.api_failure().is_some_and(|failure| failure.kind == FailureKind::Closed)
    }

    /// Whether a server behind a hub is hung only as far as calls tell.
    fn rests_on_a_call(&self, truth: &ServerTruth) -> bool {
        truth.claim.is_some() && !crate::truth::is_stopped(self.facts, &truth.name)
    }

    /// Whether a server has a tool, or a definition of one, that it did not have: it was read, so it is no moment of a
    /// restart, in which tools are only missing.
    fn shows_another_tool(&self, truth: &ServerTruth) -> bool {
        let drift = crate::truth::drift(self.facts, &truth.name).and_then(|surface| surface.drift.as_deref());
        drift.is_some_and(|tools| tools.iter().any(|tool| tool.fate != Fate::Removed))
    }

    /// Whether the hub, too, had no use of its LLM lately.
    fn has_fallen_back(&self) -> bool {
        let shows =
            |r: &Reading| matches!((r.point, r.id.question()), (Point::HubLlm, "fallback") | (Point::MetaToolClients, "call"));
        self.readings.iter().any(|r| shows(r) && is_bad(r))
    }

    fn asks_an_llm(&self) -> bool {
        self.facts.llm.as_ref().is_some_and(|known| matches!(known.seen, LlmSeen::Asked { .. }))
    }

    fn flaps(&self, server: &str) -> bool {
        self.readings.iter().any(|r| r.id.server() == Some(server) && r.id.question() == "flaps" && is_bad(r))
    }

    fn may_be_the_hub(&self, truth: &ServerTruth) -> bool {
        truth.claim.is_some() && crate::truth::may_be_the_hub(self.facts, &truth.name)
    }
}

/// The truth that a reading tells, when it is one about a server.
pub(crate) fn truth_of<'a>(reading: &Reading, truths: &'a [ServerTruth]) -> Option<&'a ServerTruth> {
    truth_about(&reading.id, truths)
}

/// The truth that this check is about, when it is one about a server.
pub(crate) fn truth_about<'a>(check: &CheckId, truths: &'a [ServerTruth]) -> Option<&'a ServerTruth> {
    let is_it = |t: &&ServerTruth| {
        // Only a name that an id cannot hold as it is wants its id made.
        check.is_of_server(&t.name, "truth") || t.name.as_str().contains('/') && check::truth_id(&t.name) == *check
    };
    (check.question() == "truth").then(|| truths.iter().find(is_it))?
}
