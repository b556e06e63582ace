//! Every fault on a card: its id, what it hurts, what happens, who does it.

use super::{Fault, HubFault, Layer, LlmFault, Means, Outside, ServerFault};

/// One fault as people and programs see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Card {
    /// The fault.
    pub fault: Fault,
    /// Its stable id.
    pub id: &'static str,
    /// What it hurts.
    pub layer: Layer,
    /// What happens, in one line.
    pub what: &'static str,
    /// Who makes it happen.
    pub means: Means,
}

const fn card(fault: Fault, id: &'static str, layer: Layer, what: &'static str, means: Means) -> Card {
    Card { fault, id, layer, what, means }
}

/// All faults, in the order of [`Fault`].
#[rustfmt::skip]
pub const CATALOGUE: [Card; 46] = [
    card(Fault::HubKilled, "hub-killed", Layer::Hub, "the hub's process is killed", Means::Outside(Outside::KillHub)),
    card(Fault::HubStopped, "hub-stopped", Layer::Hub, "the hub's process is stopped (SIGSTOP)", Means::Outside(Outside::StopHub)),
    card(Fault::HubRestarted, "hub-restarted", Layer::Hub, "the hub's process is killed and comes back with a new pid", Means::Outside(Outside::RestartHub)),
    card(Fault::ApiSlow, "api-slow", Layer::Hub, "every API answer is 5 s late", Means::Hub(HubFault::ApiSlow)),
    card(Fault::ApiHtml, "api-html", Layer::Hub, "the API answers with an HTML page", Means::Hub(HubFault::ApiHtml)),
    card(Fault::ApiStatus500, "api-500", Layer::Hub, "the API answers 500", Means::Hub(HubFault::ApiStatus500)),
    card(Fault::ApiTruncated, "api-truncated", Layer::Hub, "the API's JSON is cut off", Means::Hub(HubFault::ApiTruncated)),
    card(Fault::CpuSpin, "cpu-spin", Layer::Hub, "one of the hub's threads spins", Means::Hub(HubFault::CpuSpin)),
    card(Fault::MemoryLeak, "memory-leak", Layer::Hub, "the hub keeps 16 MiB more each second", Means::Hub(HubFault::MemoryLeak)),
    card(Fault::FdLeak, "fd-leak", Layer::Hub, "the hub opens files and does not close them", Means::Hub(HubFault::FdLeak)),
    card(Fault::PortHeld, "port-held", Layer::Hub, "another process listens on the hub's port", Means::Outside(Outside::HoldPort)),
    card(Fault::StartingForEver, "starting-for-ever", Layer::Hub, "the hub's state stays `starting`", Means::Hub(HubFault::StartingForEver)),
    card(Fault::ServerKilled, "server-killed", Layer::Server, "a server's process is killed", Means::Outside(Outside::KillServer)),
    card(Fault::ServerStopped, "server-stopped", Layer::Server, "a server's process is stopped (SIGSTOP)", Means::Outside(Outside::StopServer)),
    card(Fault::CrashLoop, "crash-loop", Layer::Server, "a server exits two seconds after each start", Means::Server(ServerFault::CrashLoop)),
    card(Fault::SlowStart, "slow-start", Layer::Server, "a server needs 30 s to initialise", Means::Server(ServerFault::SlowStart)),
    card(Fault::NeverInitialises, "never-initialises", Layer::Server, "a server never answers `initialize`", Means::Server(ServerFault::NeverInitialises)),
    card(Fault::ToolsEmptied, "tools-emptied", Layer::Server, "a server lists no tools any more", Means::Server(ServerFault::ToolsEmptied)),
    card(Fault::ToolDropped, "tool-dropped", Layer::Server, "the hub loses a tool that a server has", Means::Hub(HubFault::ToolDropped)),
    card(Fault::PhantomTool, "phantom-tool", Layer::Server, "the hub lists a tool that no server has", Means::Hub(HubFault::PhantomTool)),
    card(Fault::SchemaDrift, "schema-drift", Layer::Server, "a tool wants another argument than before", Means::Server(ServerFault::SchemaDrift)),
    card(Fault::DescriptionInjected, "description-injected", Layer::Server, "a tool's description gives the model orders", Means::Server(ServerFault::DescriptionInjected)),
    card(Fault::EmptyAnswers, "empty-answers", Layer::Server, "a failure is answered as success: an empty result", Means::Server(ServerFault::EmptyAnswers)),
    card(Fault::SlowCalls, "slow-calls", Layer::Server, "calls take ten times as long as usual", Means::Server(ServerFault::SlowCalls)),
    card(Fault::StdoutNoise, "stdout-noise", Layer::Server, "a server writes text between its messages", Means::Server(ServerFault::StdoutNoise)),
    card(Fault::OrphanLeft, "orphan-left", Layer::Server, "a server outlives the hub that started it", Means::Outside(Outside::LeaveOrphan)),
    card(Fault::LlmUnauthorized, "llm-401", Layer::Llm, "the LLM refuses the key", Means::Llm(LlmFault::Unauthorized)),
    card(Fault::LlmQuota, "llm-429", Layer::Llm, "the LLM's quota is used up", Means::Llm(LlmFault::Quota)),
    card(Fault::LlmUnavailable, "llm-503", Layer::Llm, "the LLM is overloaded", Means::Llm(LlmFault::Unavailable)),
    card(Fault::LlmTimeout, "llm-timeout", Layer::Llm, "the LLM does not answer", Means::Llm(LlmFault::Timeout)),
    card(Fault::LlmMalformed, "llm-malformed", Layer::Llm, "the LLM's answer is no JSON", Means::Llm(LlmFault::Malformed)),
    card(Fault::LlmSlow, "llm-slow", Layer::Llm, "the LLM answers after 8 s", Means::Llm(LlmFault::Slow)),
    card(Fault::ExposureLeak, "exposure-leak", Layer::Sessions, "what one session asked for is exposed to all", Means::Hub(HubFault::ExposureLeak)),
    card(Fault::SessionsKept, "sessions-kept", Layer::Sessions, "closed sessions are never removed", Means::Hub(HubFault::SessionsKept)),
    card(Fault::StreamCut, "stream-cut", Layer::Sessions, "the event stream is cut and refused", Means::Hub(HubFault::StreamCut)),
    card(Fault::StreamSilent, "stream-silent", Layer::Sessions, "the event stream is open and silent", Means::Hub(HubFault::StreamSilent)),
    card(Fault::ListChangedMute, "list-changed-mute", Layer::Sessions, "clients are not told that tools changed", Means::Hub(HubFault::ListChangedMute)),
    card(Fault::MetaToolMissing, "meta-tool-missing", Layer::Sessions, "the meta-tool is not listed", Means::Hub(HubFault::MetaToolMissing)),
    card(Fault::MetaToolShape, "meta-tool-shape", Layer::Sessions, "the meta-tool's answer lacks fields", Means::Hub(HubFault::MetaToolShape)),
    card(Fault::ToolsListError, "tools-list-error", Layer::Sessions, "`tools/list` fails with -32603", Means::Hub(HubFault::ToolsListError)),
    card(Fault::LogBlocked, "log-blocked", Layer::Logging, "the log file cannot be written", Means::Outside(Outside::BlockLog)),
    card(Fault::DiskFull, "disk-full", Layer::Logging, "no room is left for the log (a quota)", Means::Outside(Outside::FillDisk)),
    card(Fault::LogFlood, "log-flood", Layer::Logging, "the log grows by 100 MB an hour", Means::Hub(HubFault::LogFlood)),
    card(Fault::ErrorSpike, "error-spike", Layer::Logging, "errors are logged, twenty at once", Means::Hub(HubFault::ErrorSpike)),
    card(Fault::LogSilence, "log-silence", Layer::Logging, "the hub works and logs nothing", Means::Hub(HubFault::LogSilence)),
    card(Fault::LogTorn, "log-torn", Layer::Logging, "the log is rotated in the middle of a line", Means::Outside(Outside::RotateMidLine)),
];
