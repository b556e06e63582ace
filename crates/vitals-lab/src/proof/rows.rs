//! The table of expectations: one row per fault, in the order of the catalogue.

use vitals_model::check::Probe;
use vitals_model::reading::Health;

use super::expect::{Expectation, Expects, Polled, Severity, Source, Stage, Verdict};
use crate::fault::Fault;

/// The ten most telling: of every layer, by event and by poll, of claims that are lies and of honest ones.
pub const QUICK: [Fault; 10] = [
    Fault::HubKilled,
    Fault::HubStopped,
    Fault::ApiHtml,
    Fault::ServerKilled,
    Fault::ServerStopped,
    Fault::SchemaDrift,
    Fault::LlmUnauthorized,
    Fault::ToolsListError,
    Fault::StreamCut,
    Fault::LogBlocked,
];

const FAILING: Severity = Severity::Exactly(Health::Failing);
const DEGRADED: Severity = Severity::Exactly(Health::Degraded);
const BAD: Severity = Severity::Bad;

const PLAIN: Stage = Stage::PLAIN;
const FILTERING: Stage = Stage::FILTERING;
const LYING: Stage = Stage::LYING;

const EVENT: Source = Source::Event;

/// There is no new file, and so no rotation, before the hub writes to it.
const NEW_FILE: Source = Source::EventAfter { more_s: 1, why: "the second half, which makes the new file, comes a second later" };

/// Seen at the first look, and an incident then.
const fn at_sight(probe: Probe) -> Source {
    Source::Polled(Polled { probe, looks: 1, more_s: 0, why: "" })
}

/// Seen at the first look; for a port or an API the hub's own end may be the reason.
const fn after_2_s(probe: Probe) -> Source {
    Source::Polled(Polled { probe, looks: 1, more_s: 2, why: "the hub's own end may be the reason" })
}

/// Seen at the first look; a restart may be under way.
const fn after_5_s(probe: Probe) -> Source {
    Source::Polled(Polled { probe, looks: 1, more_s: 5, why: "a restart may be under way" })
}

/// Seen this often, with time that the fault itself takes.
const fn looks(probe: Probe, looks: u32, more_s: u64, why: &'static str) -> Source {
    Source::Polled(Polled { probe, looks, more_s, why })
}

type Words = &'static [&'static str];

const fn row(fault: Fault, stage: Stage, check: &'static str, severity: Severity, words: Words, source: Source) -> Expectation {
    let verdict = Verdict { check, kind: question(check), severity, words };
    Expectation { fault, stage, expects: Expects::Incident(verdict), source, companions: &[], rounds: 2, needs: &[], lasts_s: 0 }
}

/// The last part of a check's id: the kind of its incidents, truth apart.
const fn question(check: &'static str) -> &'static str {
    let bytes = check.as_bytes();
    let mut at = bytes.len();
    while at > 0 && bytes[at - 1] != b'/' {
        at -= 1;
    }
    check.split_at(at).1
}

impl Expectation {
    const fn kind(mut self, kind: &'static str) -> Self {
        if let Expects::Incident(verdict) = &mut self.expects {
            verdict.kind = kind;
        }
        self
    }

    const fn passing(mut self) -> Self {
        if let Expects::Incident(verdict) = self.expects {
            self.expects = Expects::Passing(verdict);
        }
        self
    }

    const fn beside(mut self, companions: Words) -> Self {
        self.companions = companions;
        self
    }

    const fn rounds(mut self, rounds: u32) -> Self {
        self.rounds = rounds;
        self
    }

    const fn needs(mut self, checks: Words) -> Self {
        self.needs = checks;
        self
    }

    const fn lasts(mut self, seconds: u64) -> Self {
        self.lasts_s = seconds;
        self
    }
}

const PROCESS: &str = "hub-servers/process";
const API: &str = "hub-servers/api";
// The server that faults are done to; see `SERVER`.
const TRUTH: &str = "hub-servers/filesystem/truth";
const CALL: &str = "hub-servers/filesystem/call";
/// The hub draws by lot which server's tool it loses or makes up.
const ANY_TRUTH: &str = "hub-servers/<server>/truth";
const KEY: &str = "hub-llm/key";
const META_CALL: &str = "meta-tool-clients/call";

/// The use of the fallback stays in the log's window after the LLM is back.
const FALLBACK: Words = &["hub-llm/fallback"];

/// All expectations, in the order of [`Fault`].
#[rustfmt::skip]
pub const EXPECTATIONS: [Expectation; 46] = [
    row(Fault::HubKilled, PLAIN, PROCESS, FAILING, &["gone"], EVENT),
    row(Fault::HubStopped, PLAIN, PROCESS, FAILING, &["stopped"], at_sight(Probe::Process)),
    row(Fault::HubRestarted, PLAIN, PROCESS, FAILING, &["gone"], EVENT).passing(),
    row(Fault::ApiSlow, PLAIN, API, DEGRADED, &["answered in 5.", "expected at most"], looks(Probe::Api, 2, 20, "four answers of 5 s")),
    row(Fault::ApiHtml, PLAIN, API, FAILING, &["not JSON", "html"], after_2_s(Probe::Api)),
    row(Fault::ApiStatus500, PLAIN, API, FAILING, &["HTTP 500"], after_2_s(Probe::Api)),
    row(Fault::ApiTruncated, PLAIN, API, FAILING, &["answer"], after_2_s(Probe::Api)),
    // On a busy machine a thread that spins may be given less of a core than the bound for failing.
    row(Fault::CpuSpin, PLAIN, "hub-servers/cpu", BAD, &["of one core"], looks(Probe::Process, 3, 2, "the span that is measured must lie within the fault")),
    row(Fault::MemoryLeak, PLAIN, "hub-servers/memory", BAD, &["resident"], looks(Probe::Process, 2, 8, "growing by 96 MB takes 6 s")),
    row(Fault::FdLeak, PLAIN, "hub-servers/fds", BAD, &["open of"], looks(Probe::Process, 2, 5, "the leak fills within 5 s")),
    row(Fault::PortHeld, PLAIN, "hub-servers/port", FAILING, &["listens on the hub's port", "squatter"], after_2_s(Probe::Process)),
    row(Fault::StartingForEver, PLAIN, "hub-servers/state", FAILING, &["starting"], looks(Probe::Api, 1, 5, "a start is given 5 s")),
    row(Fault::ServerKilled, LYING, TRUTH, FAILING, &["hub says connected"], EVENT).kind("ghost"),
    row(Fault::ServerStopped, PLAIN, TRUTH, FAILING, &["stopped"], at_sight(Probe::Process)).kind("hung"),
    row(Fault::CrashLoop, PLAIN, "hub-servers/filesystem/flaps", DEGRADED, &[], looks(Probe::Api, 1, 15, "three losses with their restarts")).lasts(60),
    row(Fault::SlowStart, PLAIN, TRUTH, FAILING, &["connecting"], looks(Probe::Api, 1, 5, "a start is given 5 s")).kind("connecting").lasts(30),
    row(Fault::NeverInitialises, PLAIN, TRUTH, FAILING, &["connecting"], looks(Probe::Api, 1, 5, "a start is given 5 s")).kind("connecting").lasts(30),
    row(Fault::ToolsEmptied, PLAIN, "hub-servers/filesystem/tools", FAILING, &["tool"], after_5_s(Probe::Session)),
    row(Fault::ToolDropped, PLAIN, ANY_TRUTH, BAD, &["clients do not see"], after_5_s(Probe::Session)).kind("dropped"),
    row(Fault::PhantomTool, PLAIN, ANY_TRUTH, DEGRADED, &["does not have"], after_5_s(Probe::Session)).kind("phantom"),
    row(Fault::SchemaDrift, PLAIN, TRUTH, DEGRADED, &["redefined"], at_sight(Probe::Api)).kind("drifted"),
    row(Fault::DescriptionInjected, PLAIN, TRUTH, DEGRADED, &["redefined"], at_sight(Probe::Api)).kind("drifted"),
    row(Fault::EmptyAnswers, PLAIN, CALL, DEGRADED, &["nothing"], after_5_s(Probe::Session)).rounds(4),
    row(Fault::SlowCalls, PLAIN, CALL, DEGRADED, &["usually"], looks(Probe::Session, 5, 0, "")).rounds(11),
    row(Fault::StdoutNoise, PLAIN, "logging/errors", BAD, &["SERVER_STDOUT_NOISE"], looks(Probe::Log, 1, 8, "six lines of noise, one a second")).lasts(120),
    row(Fault::OrphanLeft, PLAIN, "hub-servers/orphans", DEGRADED, &["outlived"], after_5_s(Probe::Process)).beside(&[PROCESS]),
    row(Fault::LlmUnauthorized, FILTERING, KEY, FAILING, &["401"], after_5_s(Probe::Llm)).needs(&[KEY]).beside(FALLBACK),
    row(Fault::LlmQuota, FILTERING, KEY, DEGRADED, &["429"], after_5_s(Probe::Llm)).needs(&[KEY]).beside(FALLBACK),
    row(Fault::LlmUnavailable, FILTERING, KEY, DEGRADED, &["503"], after_5_s(Probe::Llm)).needs(&[KEY]).beside(FALLBACK),
    row(Fault::LlmTimeout, FILTERING, KEY, DEGRADED, &["no answer"], after_5_s(Probe::Llm)).needs(&[KEY]).beside(FALLBACK),
    row(Fault::LlmMalformed, FILTERING, KEY, FAILING, &["answer"], after_5_s(Probe::Llm)).needs(&[KEY]).beside(FALLBACK),
    row(Fault::LlmSlow, FILTERING, "hub-llm/latency", DEGRADED, &["expected at most"], looks(Probe::Llm, 2, 16, "two answers of 8 s")).needs(&[KEY]).beside(FALLBACK),
    row(Fault::ExposureLeak, FILTERING, "filtering-sessions/isolation", FAILING, &["session"], after_5_s(Probe::Session)).rounds(3),
    row(Fault::SessionsKept, PLAIN, "meta-tool-clients/clients", BAD, &["besides us"], looks(Probe::Api, 2, 0, "")),
    row(Fault::StreamCut, PLAIN, "logging/stream", DEGRADED, &["lost"], EVENT),
    row(Fault::StreamSilent, PLAIN, "logging/heartbeat", DEGRADED, &["heartbeat"], looks(Probe::Stream, 1, 15, "a heartbeat is late after 15 s")),
    row(Fault::ListChangedMute, FILTERING, "meta-tool-clients/list-changed", DEGRADED, &["list_changed"], after_5_s(Probe::MetaTool)).needs(&[META_CALL]),
    row(Fault::MetaToolMissing, FILTERING, "meta-tool-clients/registered", FAILING, &["not listed"], after_5_s(Probe::Session)),
    row(Fault::MetaToolShape, FILTERING, META_CALL, DEGRADED, &["lacks"], after_5_s(Probe::MetaTool)).needs(&[META_CALL]),
    row(Fault::ToolsListError, PLAIN, "filtering-sessions/tools", FAILING, &["-32603"], after_5_s(Probe::Session)),
    row(Fault::LogBlocked, PLAIN, "logging/file", DEGRADED, &["log cannot be read"], EVENT),
    row(Fault::DiskFull, PLAIN, "logging/written", DEGRADED, &["did not grow"], looks(Probe::Session, 3, 5, "a restart may be under way")).rounds(4),
    row(Fault::LogFlood, PLAIN, "logging/growth", BAD, &["/h"], looks(Probe::Log, 2, 75, "a flood is one when it lasts a minute")).lasts(90),
    row(Fault::ErrorSpike, PLAIN, "logging/errors", BAD, &["LAB_ERROR_SPIKE"], EVENT).lasts(120),
    row(Fault::LogSilence, PLAIN, "logging/silence", DEGRADED, &["logged nothing"], looks(Probe::Session, 4, 6, "a record may be on its way, and a restart under way")).needs(&["logging/silence"]),
    Expectation { expects: Expects::Rotation, ..row(Fault::LogTorn, PLAIN, "logging/rotation", BAD, &[], NEW_FILE) },
];
