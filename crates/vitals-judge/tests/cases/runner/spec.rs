//! A case as an operator writes it. Every key has a default; a key that is not known is an error. How the
//! keys are meant is told in `tests/cases/README.md`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One file.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) about: String,
    #[serde(default = "hub")]
    pub(crate) target: String,
    #[serde(default = "two_servers")]
    pub(crate) servers: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) settings: Settings,
    /// Incidents left open by an earlier monitor: `kind check`.
    #[serde(default)]
    pub(crate) restore: Vec<String>,
    /// The tools of servers as an earlier monitor last saw them.
    #[serde(default)]
    pub(crate) known_tools: BTreeMap<String, Vec<String>>,
    pub(crate) step: Vec<Step>,
}

fn hub() -> String {
    "hub".to_owned()
}

fn two_servers() -> BTreeMap<String, Vec<String>> {
    [("fs", vec!["read", "write"]), ("web", vec!["fetch"])]
        .into_iter()
        .map(|(name, tools)| (name.to_owned(), tools.into_iter().map(str::to_owned).collect()))
        .collect()
}

/// What the configuration asks for.
#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default)]
    pub(crate) expect_down: Vec<String>,
    pub(crate) start_grace_s: Option<f64>,
    pub(crate) errors: Option<(f64, f64)>,
}

/// What was seen at one moment, and what follows.
#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// Seconds since the case began.
    pub(crate) at: f64,
    /// The same is seen again this often (in seconds), until this time.
    pub(crate) repeat: Option<Repeat>,
    pub(crate) workspace: Option<String>,
    pub(crate) exit: Option<String>,
    pub(crate) process: Option<OrWord<Process>>,
    pub(crate) api: Option<OrWord<Api>>,
    pub(crate) session: Option<OrWord<Session>>,
    pub(crate) stream: Option<String>,
    #[serde(default)]
    pub(crate) notes: Vec<String>,
    pub(crate) log: Option<OrWord<Log>>,
    pub(crate) llm: Option<OrWord<Llm>>,
    pub(crate) meta_tool: Option<OrWord<MetaTool>>,
    pub(crate) visit: Option<Visit>,
    /// `forget` or `watch`.
    pub(crate) target: Option<String>,
    #[serde(default)]
    pub(crate) expect: Expect,
}

#[derive(Deserialize, Clone, Copy, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeat {
    pub(crate) every: f64,
    pub(crate) until: f64,
}

/// A table of particulars, or one word for the whole.
#[derive(Deserialize, Clone, Debug)]
#[serde(untagged)]
pub(crate) enum OrWord<T> {
    Word(String),
    Table(T),
}

#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Process {
    pub(crate) pid: Option<u32>,
    pub(crate) started: Option<f64>,
    pub(crate) state: Option<String>,
    pub(crate) cpu: Option<f64>,
    pub(crate) over_s: Option<f64>,
    pub(crate) memory: Option<f64>,
    pub(crate) fds: Option<u64>,
    pub(crate) listen: Option<String>,
    #[serde(default)]
    pub(crate) orphans: Vec<u32>,
    #[serde(default)]
    pub(crate) children: BTreeMap<String, OrWord<Child>>,
}

#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Child {
    pub(crate) pid: Option<u32>,
    pub(crate) started: Option<f64>,
    pub(crate) state: Option<String>,
}

#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Api {
    pub(crate) state: Option<String>,
    pub(crate) took_ms: Option<u64>,
    pub(crate) clients: Option<u64>,
    pub(crate) registered: Option<u64>,
    /// `prompt-based`, `off`, or how asking for the statistics failed.
    pub(crate) filtering: Option<String>,
    #[serde(default)]
    pub(crate) servers: BTreeMap<String, OrWord<Claim>>,
}

#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    pub(crate) status: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) uptime_s: Option<u64>,
    pub(crate) tools: Option<Vec<String>>,
}

#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    pub(crate) took_ms: Option<u64>,
    pub(crate) list_fails: Option<String>,
    /// How many sessions there are side by side.
    pub(crate) sessions: Option<usize>,
    pub(crate) noise: Option<u64>,
    pub(crate) meta_tool: Option<bool>,
    #[serde(default)]
    pub(crate) calls: BTreeMap<String, Call>,
    #[serde(default)]
    pub(crate) tools: BTreeMap<String, Vec<String>>,
    /// Where the second session sees something else than the first.
    #[serde(default)]
    pub(crate) second: BTreeMap<String, Vec<String>>,
}

/// Milliseconds of a good call, or what came instead of its answer.
#[derive(Deserialize, Clone, Debug)]
#[serde(untagged)]
pub(crate) enum Call {
    Millis(u64),
    Word(String),
}

#[derive(Deserialize, Clone, Default, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// Time since the stretch before; absent for a look back.
    pub(crate) over_s: Option<f64>,
    #[serde(default)]
    pub(crate) bytes: u64,
    #[serde(default)]
    pub(crate) plain: u64,
    #[serde(default)]
    pub(crate) pino: u64,
    #[serde(default)]
    pub(crate) broken: u64,
    #[serde(default)]
    pub(crate) fallbacks: u64,
    #[serde(default)]
    pub(crate) storm_lines: u64,
    pub(crate) size_mb: Option<u64>,
    pub(crate) free_gb: Option<u64>,
    #[serde(default)]
    pub(crate) rotations: u64,
    /// `[seconds before now, level, how many]`.
    #[serde(default)]
    pub(crate) records: Vec<(f64, String, u64)>,
    /// `connected fs` or `lost fs`, without a time.
    #[serde(default)]
    pub(crate) turns: Vec<String>,
}

#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Llm {
    #[serde(default)]
    pub(crate) answer: Option<String>,
    pub(crate) took_ms: Option<u64>,
}

#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetaTool {
    pub(crate) took_ms: Option<u64>,
    pub(crate) confidence: Option<f64>,
    #[serde(default)]
    pub(crate) missing: Vec<String>,
    /// Whether `tools/list_changed` came.
    pub(crate) list_changed: Option<bool>,
}

#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Visit {
    #[serde(default)]
    pub(crate) log_bytes: u64,
    #[serde(default)]
    pub(crate) latency_ms: u64,
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// What must be so after the step. Changes of incidents are always compared: none is expected where
/// none is named.
#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) health: Option<String>,
    /// A score, or `none`.
    pub(crate) score: Option<Score>,
    /// `verdict`, or `verdict: words of the reason`.
    #[serde(default)]
    pub(crate) servers: BTreeMap<String, String>,
    /// By check id: `health`, `health standing`, both with `: words of the summary`; or `absent`.
    #[serde(default)]
    pub(crate) readings: BTreeMap<String, String>,
    /// By check id.
    #[serde(default)]
    pub(crate) values: BTreeMap<String, f64>,
    /// `kind check`, in any order.
    #[serde(default)]
    pub(crate) opened: Vec<String>,
    #[serde(default)]
    pub(crate) updated: Vec<String>,
    #[serde(default)]
    pub(crate) resolved: Vec<String>,
    /// All incidents that last.
    pub(crate) open: Option<Vec<String>>,
    /// All probes asked for out of turn.
    pub(crate) probes: Option<Vec<String>>,
    /// By kind of finding: `quiet`, `not-yet`, `degraded`, `failing`, with words of the reason.
    #[serde(default)]
    pub(crate) findings: BTreeMap<String, String>,
    /// How many samples were kept of a series.
    #[serde(default)]
    pub(crate) kept: BTreeMap<String, usize>,
    /// Whether a server's tools were kept as the known ones.
    #[serde(default)]
    pub(crate) known: Vec<String>,
}

#[derive(Deserialize, Debug)]
#[serde(untagged)]
pub(crate) enum Score {
    Points(u32),
    Word(String),
}
