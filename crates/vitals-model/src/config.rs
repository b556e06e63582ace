//! Configuration: what an operator asked for. `raw` is the file as written, `validate` finds every
//! error at once with its place, and [`Settings`] is what the rest of the product sees: complete,
//! with every default in place, immutable after load. Nothing here opens a file or reads the
//! environment: [`load`] takes text, and secrets stay references.

mod command;
mod onward;
mod problem;
mod raw;
mod schema;
mod show;
mod table;
mod table_onward;
mod validate;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use self::command::split_command;
pub use self::onward::{DailyReport, LogDestination, LogRecords, LogWay, TimeOfDay};
pub use self::problem::{Problem, Severity, Snippet};
pub use self::schema::{reference, schema};
pub use self::show::show;
pub use self::validate::{Source, load};

use crate::check::{CheckId, Probe};
use crate::notice::Notices;
use crate::objective::Objective;
use crate::quiet::{Maintenance, Pattern};
use crate::remedy::RepairSettings;
use crate::target::Address;

/// A configuration file with every key explained, commented out where it would change anything: what
/// `config init` writes.
pub const fn example() -> &'static str {
    include_str!("../../../examples/mcp-vitals.yaml")
}

/// Everything that was configured.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// Whether hubs are looked for in `workspaces.json`.
    pub discover: bool,
    /// Targets named in the configuration, by name.
    pub targets: BTreeMap<String, Configured>,
    /// Settings for discovered targets, and the defaults of configured ones.
    pub defaults: Arc<TargetSettings>,
    /// History.
    pub storage: Storage,
    /// The collector that metrics and traces are sent to.
    pub otlp: Otlp,
    /// The page and the API.
    pub web: Web,
    /// Where log records and events are sent to, by a name that tells them apart.
    pub logs: BTreeMap<String, LogDestination>,
    /// The report of each day.
    pub report: DailyReport,
    /// Who is told of what.
    pub notices: Arc<Notices>,
}

/// A target named in the configuration.
#[derive(Clone, PartialEq, Debug)]
pub struct Configured {
    /// How it is reached.
    pub address: Address,
    /// Its settings, the defaults filled in.
    pub settings: Arc<TargetSettings>,
}

/// What was asked for one target.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TargetSettings {
    /// How often each probe runs.
    pub schedule: Schedule,
    /// How long each step may take.
    pub timeouts: Timeouts,
    /// Where values become bad.
    pub thresholds: Thresholds,
    /// What is known about single servers, by their name in the hub's configuration.
    pub servers: BTreeMap<String, ServerSettings>,
    /// When checks open and end incidents, by patterns of their ids.
    pub checks: BTreeMap<Pattern, CheckPolicy>,
    /// What holds for all incidents.
    pub incidents: IncidentSettings,
    /// What routes may ask for.
    pub labels: BTreeMap<String, String>,
    /// When nobody wants to be told, by name.
    pub maintenance: BTreeMap<String, Maintenance>,
    /// What may be done to it when it is ill.
    pub repair: RepairSettings,
    /// What is promised of checks, by the name that each objective was given.
    pub objectives: BTreeMap<String, Objective>,
    /// The LLM check.
    pub llm: LlmSettings,
    /// The meta-tool check.
    pub meta_tool: MetaToolSettings,
    /// The hub's log file, when it is not where the hub puts it.
    pub log_file: Option<PathBuf>,
    /// The lock file with the approved tools; `None` is `mcp-vitals.lock` in the current folder, if it is there.
    pub lock: Option<PathBuf>,
    /// Headers sent with every request to this target; values may be secrets.
    pub headers: BTreeMap<String, SecretRef>,
    /// Environment of a stdio server, added to a minimal one; values may be secrets.
    pub env: BTreeMap<String, SecretRef>,
}

impl TargetSettings {
    /// The policy of a check: that of the most precise pattern which matches it.
    pub fn policy(&self, check: &CheckId) -> CheckPolicy {
        let fits = self.checks.iter().filter(|(pattern, _)| pattern.matches(check.as_str()));
        fits.max_by_key(|(pattern, _)| pattern.precision()).map(|(_, policy)| *policy).unwrap_or_default()
    }
}

/// When a check opens and ends an incident. A look counts at the usual pace of its check: what is looked at
/// more often for a moment does not count more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CheckPolicy {
    /// Bad looks in a row, degraded or failing, that open an incident.
    pub failures: u32,
    /// Failing looks in a row that make it critical; until then it is a warning.
    pub critical_after: u32,
    /// Good looks in a row that end it.
    pub successes: u32,
    /// How far a value must be on the good side of its threshold to be good again, in percent of it.
    pub hysteresis_percent: u32,
    /// From which share of changes among its last 21 states a check flaps, in percent; 0 is never.
    pub flap_start_percent: u32,
    /// Down to which share it goes on flapping.
    pub flap_stop_percent: u32,
}

impl Default for CheckPolicy {
    /// One look decides, as its patience allows. Nagios begins to flap at 20 % of looks that are a minute or more
    /// apart; here they are 10 s apart, and every change between them counts too. A heap that is filled and
    /// collected crosses its threshold again and again: 10 % of it is more than most collections give back.
    fn default() -> Self {
        Self {
            failures: 1,
            critical_after: 1,
            successes: 1,
            hysteresis_percent: 10,
            flap_start_percent: 50,
            flap_stop_percent: 25,
        }
    }
}

/// What holds for all incidents of a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IncidentSettings {
    /// What comes back within this time after its end is the same incident; `None` is never.
    pub reopen: Option<Duration>,
    /// An incident that lasts is told again after this time; `None` is never.
    pub reminder: Option<Duration>,
}

impl Default for IncidentSettings {
    /// A minute is as long as a server takes that is started anew and dies again. Four hours are half a
    /// working day: who has taken up an incident by then acknowledges it, which ends the reminders.
    fn default() -> Self {
        Self { reopen: Some(Duration::from_secs(60)), reminder: Some(Duration::from_secs(4 * 3600)) }
    }
}

/// A value given as text or by reference; only a reference is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// The value itself, as written in the file. Shown as `(set)`.
    Plain(String),
    /// `env:NAME`.
    Env(String),
    /// `file:PATH`: the file's content without the final line break.
    File(PathBuf),
}

impl SecretRef {
    /// Reads `env:NAME`, `file:PATH` or a plain value.
    pub fn parse(text: &str) -> Self {
        if let Some(name) = text.strip_prefix("env:") {
            Self::Env(name.to_owned())
        } else if let Some(path) = text.strip_prefix("file:") {
            Self::File(path.into())
        } else {
            Self::Plain(text.to_owned())
        }
    }
}

/// Never writes a plain value.
impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("(set)"),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl std::fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// How often each probe runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// Light check: workspace, process, API, log.
    pub light: Duration,
    /// Session canary on the held sessions.
    pub session: Duration,
    /// LLM `models.list`.
    pub llm: Duration,
    /// Meta-tool call; `None` is off.
    pub meta_tool: Option<Duration>,
    /// How often discovery looks for new and restarted hubs.
    pub discovery: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            light: Duration::from_secs(10),
            session: Duration::from_secs(60),
            llm: Duration::from_secs(5 * 60),
            meta_tool: Some(Duration::from_secs(30 * 60)),
            discovery: Duration::from_secs(10),
        }
    }
}

impl Schedule {
    /// The original pair: everything light every 5 minutes, everything else every 30.
    pub const fn classic() -> Self {
        Self {
            light: Duration::from_secs(5 * 60),
            session: Duration::from_secs(30 * 60),
            llm: Duration::from_secs(30 * 60),
            meta_tool: Some(Duration::from_secs(30 * 60)),
            discovery: Duration::from_secs(5 * 60),
        }
    }

    /// The interval of a probe; `None` when it is not scheduled (held sources, or off).
    pub const fn interval(&self, probe: Probe) -> Option<Duration> {
        match probe {
            Probe::Workspace | Probe::Process | Probe::Api | Probe::Log => Some(self.light),
            Probe::Session => Some(self.session),
            Probe::Llm => Some(self.llm),
            Probe::MetaTool => self.meta_tool,
            Probe::Stream => None,
        }
    }
}

/// How long each step of a probe may take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// TCP connect and TLS, each.
    pub connect: Duration,
    /// One API request.
    pub request: Duration,
    /// `initialize` of a server that may still be starting (npx fetches packages first).
    pub initialize: Duration,
    /// `tools/list`.
    pub list: Duration,
    /// A canary call.
    pub call: Duration,
    /// The meta-tool, which waits for an LLM.
    pub meta_tool: Duration,
    /// `tools/list_changed` after a meta-tool call.
    pub list_changed: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            request: Duration::from_secs(5),
            initialize: Duration::from_secs(30),
            list: Duration::from_secs(5),
            call: Duration::from_secs(5),
            meta_tool: Duration::from_secs(30),
            list_changed: Duration::from_secs(2),
        }
    }
}

/// Where a value becomes degraded and where it becomes failing: `(warning, critical)`.
#[derive(Clone, PartialEq, Debug)]
pub struct Thresholds {
    /// CPU in percent of one core (original: 5, 10).
    pub cpu_percent: (f64, f64),
    /// Resident memory in percent of the machine's (original: 5, 10).
    pub memory_percent: (f64, f64),
    /// Time in which all of the machine waited for memory, in percent, from which that explains a hub that suffers:
    /// a slow one (150 ms of a second, the example of the kernel's own documentation of pressure), and one that does
    /// not answer (60 %, from which systemd-oomd ends programs by default).
    pub memory_stall_percent: (f64, f64),
    /// Time in which the hub was ready and got no core, in percent, from which that explains a hub that suffers.
    /// Measured of a program that wakes 20 times a second: 0.6 % at rest, 12 % beside three and 20 % beside nine
    /// busy programs per core, which slow it by 10 ms each time and are no reason for seconds.
    pub cpu_wait_percent: (f64, f64),
    /// Open file descriptors in percent of the soft limit.
    pub fds_percent: (f64, f64),
    /// Clients: event streams and MCP sessions, our own left out (original: 5, 10).
    pub clients: (f64, f64),
    /// API latency in milliseconds (original: 2 s should, 10 s is an anomaly).
    pub api_ms: (f64, f64),
    /// Canary call latency in milliseconds.
    pub call_ms: (f64, f64),
    /// Meta-tool latency in milliseconds (original: 6 s should, 10 s is an anomaly).
    pub meta_tool_ms: (f64, f64),
    /// LLM `models.list` latency in milliseconds.
    pub llm_ms: (f64, f64),
    /// Errors within [`Thresholds::error_window`] (original: 5 raises an alert, 10 is a spike).
    pub errors: (f64, f64),
    /// The window of `errors`.
    pub error_window: Duration,
    /// Connections lost by one server within [`Thresholds::flap_window`] (original: 3).
    pub flaps: u64,
    /// The window of `flaps`.
    pub flap_window: Duration,
    /// Log size in bytes (original: 50 MB, 100 MB).
    pub log_bytes: (f64, f64),
    /// Log growth in bytes per hour (original: 100 MB/h).
    pub log_growth: (f64, f64),
    /// Free disk behind the log, in percent: degraded and failing below.
    pub disk_free_percent: (f64, f64),
    /// Silence of the event stream in seconds; it beats every 10 s.
    pub stream_silence_s: (f64, f64),
    /// How long a hub or a server may be starting before that is a failure.
    pub start_grace: Duration,
    /// Growth of what all tools cost a model in tokens, within a day, in percent.
    pub token_growth_percent: (f64, f64),
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            cpu_percent: (5.0, 10.0),
            memory_percent: (5.0, 10.0),
            memory_stall_percent: (15.0, 60.0),
            cpu_wait_percent: (30.0, 60.0),
            fds_percent: (80.0, 95.0),
            clients: (5.0, 10.0),
            api_ms: (2_000.0, 10_000.0),
            call_ms: (2_000.0, 5_000.0),
            meta_tool_ms: (6_000.0, 10_000.0),
            llm_ms: (2_000.0, 10_000.0),
            errors: (5.0, 10.0),
            error_window: Duration::from_secs(10 * 60),
            flaps: 3,
            flap_window: Duration::from_secs(60 * 60),
            log_bytes: (50e6, 100e6),
            log_growth: (50e6, 100e6),
            disk_free_percent: (10.0, 2.0),
            stream_silence_s: (15.0, 60.0),
            start_grace: Duration::from_secs(60),
            token_growth_percent: (50.0, 200.0),
        }
    }
}

/// What is known about one server.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ServerSettings {
    /// Whether it is expected to work.
    pub expect: Expect,
    /// The tool for the canary call, without the hub's prefix.
    pub canary: Option<String>,
    /// Its arguments, as JSON text of an object; `{}` when absent.
    pub canary_arguments: Option<String>,
}

/// Whether a server is expected to work.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Expect {
    /// It should work.
    #[default]
    Up,
    /// It is known not to work (no token, say): shown as such, not scored.
    Down,
}

/// The LLM check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LlmSettings {
    /// Whether the provider is asked at all.
    pub enabled: bool,
    /// Base URL, when it is not the provider's own.
    pub base_url: Option<String>,
    /// The key, when it is not the one that the hub's configuration refers to.
    pub key: Option<SecretRef>,
}

impl Default for LlmSettings {
    fn default() -> Self {
        Self { enabled: true, base_url: None, key: None }
    }
}

/// The meta-tool check. Each call makes the hub ask its LLM, which is billable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetaToolSettings {
    /// Most calls in 24 h; 0 is off. A one-shot check never calls it unless asked.
    pub calls_per_day: u32,
    /// The prompt sent.
    pub prompt: String,
}

impl Default for MetaToolSettings {
    fn default() -> Self {
        Self { calls_per_day: 48, prompt: "List the files of the current directory".to_owned() }
    }
}

/// A collector of OpenTelemetry that metrics and traces are sent to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Otlp {
    /// Base URL of its OTLP over HTTP, such as `http://127.0.0.1:4318`; `None` is off.
    pub endpoint: Option<String>,
    /// Headers sent with every request; values may be secrets.
    pub headers: BTreeMap<String, SecretRef>,
    /// How often.
    pub interval: Duration,
}

impl Default for Otlp {
    fn default() -> Self {
        Self { endpoint: None, headers: BTreeMap::new(), interval: Duration::from_secs(15) }
    }
}

/// The page and the API of `watch`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Web {
    /// Where they are served; `None` is nowhere.
    pub listen: Option<SocketAddr>,
    /// What must be shown to change anything, and for everything where `listen` is not on loopback.
    pub token: Option<SecretRef>,
    /// Where people reach the page; `None` is where it is served.
    pub url: Option<String>,
}

/// History.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Storage {
    /// The folder; `None` is `$XDG_STATE_HOME/mcp-vitals`.
    pub dir: Option<PathBuf>,
    /// How long raw samples are kept.
    pub raw: Duration,
    /// How long hourly rollups are kept.
    pub rollups: Duration,
    /// Largest size of the store in bytes; beyond it the oldest raw samples go first.
    pub bytes_max: u64,
}

impl Default for Storage {
    fn default() -> Self {
        Self { dir: None, raw: Duration::from_secs(14 * 86_400), rollups: Duration::from_secs(366 * 86_400), bytes_max: 1 << 30 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            discover: true,
            targets: BTreeMap::new(),
            defaults: Arc::default(),
            storage: Storage::default(),
            otlp: Otlp::default(),
            web: Web::default(),
            logs: BTreeMap::new(),
            report: DailyReport::default(),
            notices: Arc::default(),
        }
    }
}
