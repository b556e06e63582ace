//! A case as an operator writes it. Every key has a default; a key that is not known is an error. How the
//! keys are meant is told in `tests/cases/README.md`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::seen::{Api, Llm, Log, MetaTool, OrWord, Process, Session, Visit};

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
    /// What the tools of servers usually cost in tokens, as an earlier monitor saw it.
    #[serde(default)]
    pub(crate) usual_tokens: BTreeMap<String, u64>,
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
    pub(crate) flap_window_s: Option<f64>,
    /// Policies by pattern of checks.
    #[serde(default)]
    pub(crate) checks: BTreeMap<String, Policy>,
    /// Seconds; 0 is off.
    pub(crate) reopen_s: Option<f64>,
    pub(crate) reminder_s: Option<f64>,
    /// Windows of maintenance that come once: pattern of checks, from, to, by name.
    #[serde(default)]
    pub(crate) maintenance: BTreeMap<String, (String, f64, f64)>,
    /// What may be done to the target; nothing where it is not there.
    pub(crate) repair: Option<Repair>,
    /// The intervals of the schedule.
    pub(crate) light_s: Option<f64>,
    pub(crate) session_s: Option<f64>,
}

/// What may be done to the target, and how often.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repair {
    /// `act` when it is not there.
    pub(crate) mode: Option<String>,
    pub(crate) budget: Option<u32>,
    pub(crate) cooldown_s: Option<f64>,
    #[serde(default)]
    pub(crate) quiet_success: bool,
    /// `api`, `systemd`, or the words of a command.
    pub(crate) hub: Option<String>,
    pub(crate) rotate_mb: Option<u64>,
}

/// When a check opens and ends an incident.
#[derive(Deserialize, Clone, Copy, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    pub(crate) failures: Option<u32>,
    pub(crate) critical_after: Option<u32>,
    pub(crate) successes: Option<u32>,
    pub(crate) hysteresis: Option<u32>,
    pub(crate) flap_start: Option<u32>,
    pub(crate) flap_stop: Option<u32>,
}

/// Something that somebody asks about incidents, by `anna`.
#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum Ordered {
    /// `kind check` of an incident that lasts.
    Ack(String),
    /// The same, and the words.
    Note(String, String),
    /// Pattern of checks, and until when.
    Silence(String, f64),
    /// Its number.
    Unsilence(u64),
    /// `kind check`.
    Repair(String),
    /// The same, two minutes ago.
    RepairLong(String),
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
    /// The lock file: approved tools by server, `absent`, or why it cannot be read.
    pub(crate) lock: Option<OrWord<BTreeMap<String, Vec<String>>>>,
    /// `forget` or `watch`.
    pub(crate) target: Option<String>,
    /// Seconds of the time since the step before that do not count: the loop did not tick, and says so when it
    /// goes on. Less than zero when the clock was set back.
    pub(crate) gap_s: Option<f64>,
    #[serde(default)]
    pub(crate) order: Vec<Ordered>,
    /// How the moves of the action went that is under way: `done`, or `failed: why`.
    pub(crate) acted: Option<String>,
    /// The monitor is started anew with what was kept.
    #[serde(default)]
    pub(crate) restart: bool,
    #[serde(default)]
    pub(crate) expect: Expect,
}

#[derive(Deserialize, Clone, Copy, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeat {
    pub(crate) every: f64,
    pub(crate) until: f64,
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
    #[serde(default)]
    pub(crate) reopened: Vec<String>,
    #[serde(default)]
    pub(crate) reminded: Vec<String>,
    #[serde(default)]
    pub(crate) acknowledged: Vec<String>,
    /// `kind check: change: words of the reason`.
    #[serde(default)]
    pub(crate) withheld: Vec<String>,
    /// Words of each line that is said.
    #[serde(default)]
    pub(crate) said: Vec<String>,
    /// `what is done: words of its moves`.
    #[serde(default)]
    pub(crate) acts: Vec<String>,
    /// `what was done: helped`, `did not help`, `not carried out`, or words of why.
    #[serde(default)]
    pub(crate) ended: Vec<String>,
    /// By `kind check` of an incident that lasts: why nothing is done about it now, `reason: words`.
    #[serde(default)]
    pub(crate) held: BTreeMap<String, String>,
    /// By `kind check` of an incident that lasts or ended lately: `critical` or `warning`, `flapping`,
    /// `I7` (its number), `follows CHECK`, `suppresses CHECK health`, `evidence WORDS`, `note WORDS`, `ack`.
    #[serde(default)]
    pub(crate) about: BTreeMap<String, Vec<String>>,
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
