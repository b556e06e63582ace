//! What a step of a case says was seen. Every key has a default; a key that is not known is an error.

use std::collections::BTreeMap;

use serde::Deserialize;

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
    pub(crate) host: Option<Host>,
    #[serde(default)]
    pub(crate) orphans: Vec<u32>,
    #[serde(default)]
    pub(crate) children: BTreeMap<String, OrWord<Child>>,
}

/// What the machine lacks: percent of the time, and megabytes.
#[derive(Deserialize, Clone, Copy, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Host {
    pub(crate) memory_stall: Option<f64>,
    pub(crate) cpu_wait: Option<f64>,
    pub(crate) free_mb: Option<u64>,
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
    /// When the hub last began to start it, as it says.
    pub(crate) started: Option<f64>,
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
    #[serde(default)]
    pub(crate) shared: bool,
    /// `[seconds before now, level, how many]`.
    #[serde(default)]
    pub(crate) records: Vec<(f64, String, u64)>,
    /// `connected fs` or `lost fs`, without a time, or with so many seconds before now: `lost fs 600`.
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
