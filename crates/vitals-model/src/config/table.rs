//! Every key of the configuration file: its name, what it means, what it may hold and where its value
//! lives. The parser, `config show`, the editor schema and the reference are all made from this table,
//! so they cannot disagree. It decides nothing.

mod notices;
mod repair;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::table_onward::REPORT;
use super::value::{Bounds, Carrier, UrlKind};
use super::{
    CheckPolicy, Configured, DailyReport, Expect, LogDestination, Otlp, SecretRef, ServerSettings, Settings, Storage,
    TargetSettings, TimeOfDay, Web,
};
use crate::check::Unit;
use crate::criterion::Weight;
use crate::limits::{
    CONFIG_COUNT_MAX, CONFIG_SIZE_MAX, INTERVAL_DISCOVERY_MIN, INTERVAL_LIGHT_MIN, INTERVAL_LLM_MIN, INTERVAL_MAX,
    INTERVAL_META_TOOL_MIN, INTERVAL_SESSION_MIN, MAINTENANCE_MAX, OBJECTIVE_WINDOW_MAX, OBJECTIVE_WINDOW_MIN, OTLP_INTERVAL_MIN,
    RETENTION_MAX, RETENTION_MIN, STORE_BYTES_MIN, TIMEOUT_MAX, TIMEOUT_MIN, WINDOW_MAX, WINDOW_MIN,
};
use crate::notice::{GroupBy, Notices, Receiver, Route};
use crate::objective::Objective;
use crate::quiet::{Cron, Maintenance, Pattern};
use crate::remedy::{HubRestart, RepairMode};
use crate::target::Address;
use crate::time::Timestamp;

use notices::HEARTBEAT;
pub(super) use notices::{RECEIVER, ROUTE};

/// One key of a mapping whose values live in a `T`.
pub(super) struct Key<T: 'static> {
    /// The key as written.
    pub name: &'static str,
    /// What it means: one sentence without a full stop.
    pub doc: &'static str,
    /// What it may hold.
    pub slot: Slot<T>,
}

/// Where a value lives in a `T`.
type At<T, V> = fn(&mut T) -> &mut V;

/// What a key may hold, and where it is put.
pub(super) enum Slot<T: 'static> {
    Flag(At<T, bool>),
    Every(Bounds<Duration>, At<T, Duration>),
    EveryOrOff(Bounds<Duration>, At<T, Option<Duration>>),
    Count(Bounds<u32>, fn(&T) -> u64, fn(&mut T, u32)),
    Size(Bounds<u64>, At<T, u64>),
    SizeOrOff(Bounds<u64>, At<T, Option<u64>>),
    Level(Level, At<T, (f64, f64)>),
    Text(At<T, String>),
    OptionalText(At<T, Option<String>>),
    Name(At<T, String>),
    Path(At<T, Option<PathBuf>>),
    Url(UrlKind, At<T, Option<String>>),
    Command(At<T, Option<Vec<String>>>),
    Expect(At<T, Expect>),
    Weight(At<T, Weight>),
    RepairMode(At<T, RepairMode>),
    HubRestart(At<T, Option<HubRestart>>),
    /// A share in percent, above 0 and below 100.
    Goal(At<T, f64>),
    /// The id of a check, in which `*` stands for any server.
    Check(At<T, String>),
    Json(At<T, Option<String>>),
    Secret(At<T, Option<SecretRef>>),
    Secrets(Carrier, At<T, BTreeMap<String, SecretRef>>),
    Pattern(At<T, Pattern>),
    Instant(At<T, Option<Timestamp>>),
    Cron(At<T, Option<Cron>>),
    /// One of these words.
    Choice(&'static [&'static str], fn(&T) -> &'static str, fn(&mut T, &str)),
    /// A time of day, or `off`.
    TimeOrOff(At<T, Option<TimeOfDay>>),
    /// A list of names.
    Names(At<T, Vec<String>>),
    /// An IP address and a port of this machine.
    Listen(At<T, Option<SocketAddr>>),
    /// A mapping of further keys of the same `T`.
    Group(&'static [Key<T>]),
    /// Servers by name, each with the keys of [`SERVER`].
    Servers(At<T, BTreeMap<String, ServerSettings>>),
    /// Patterns of checks, each with the keys of [`POLICY`].
    Checks(At<T, BTreeMap<Pattern, CheckPolicy>>),
    /// Windows of maintenance by name, each with the keys of [`MAINTENANCE`].
    Maintenance(At<T, BTreeMap<String, Maintenance>>),
    /// Objectives by name, each with the keys of [`OBJECTIVE`].
    Objectives(At<T, BTreeMap<String, Objective>>),
    /// Destinations of logs by name, each with the keys of [`super::table_onward::LOG`].
    Logs(At<T, BTreeMap<String, LogDestination>>),
    /// A list of texts, or one.
    Words(At<T, Vec<String>>),
    GroupBy(At<T, Vec<GroupBy>>),
    /// Texts by name.
    Labels(At<T, BTreeMap<String, String>>),
    /// Patterns of texts by name.
    Patterns(At<T, BTreeMap<String, Pattern>>),
    /// Receivers by name, each with the keys of [`RECEIVER`].
    Receivers(At<T, BTreeMap<String, Receiver>>),
    /// A list; each item has the keys of [`ROUTE`].
    Routes(At<T, Vec<Route>>),
    /// The keys of [`SETTINGS`].
    Defaults(At<T, Draft>),
    /// A list; each item has the keys of [`ADDRESS`] and of [`SETTINGS`], and begins as the defaults.
    Targets(fn(&mut T) -> (&Draft, &mut Vec<Draft>)),
}

/// A pair of thresholds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub unit: Unit,
    pub worse: Worse,
    /// The largest number that makes sense; sizes and durations have bounds of their own.
    pub max: f64,
}

/// Which side of a threshold is the bad one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Worse {
    Above,
    Below,
}

/// The keys of a pair of thresholds, in the order of the pair.
pub(super) const LEVEL_KEYS: [&str; 2] = ["warning", "critical"];

/// The file as a whole, every default in place.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub discover: bool,
    pub defaults: Draft,
    pub targets: Vec<Draft>,
    pub storage: Storage,
    pub otlp: Otlp,
    pub web: Web,
    pub logs: BTreeMap<String, LogDestination>,
    pub report: DailyReport,
    pub notices: Notices,
}

/// A target as far as it was read; for `defaults`, only the settings are used.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub name: String,
    pub hub: Option<String>,
    pub mcp: Option<String>,
    pub stdio: Option<Vec<String>>,
    pub settings: TargetSettings,
}

impl Draft {
    fn address(&self) -> Option<Address> {
        let command = || {
            let (command, args) = self.stdio.as_ref()?.split_first()?;
            Some(Address::Stdio { command: command.clone(), args: args.to_vec() })
        };
        let hub = self.hub.clone().map(|url| Address::Hub { url });
        hub.or_else(|| self.mcp.clone().map(|url| Address::Http { url })).or_else(command)
    }
}

impl From<&Settings> for File {
    fn from(settings: &Settings) -> Self {
        let draft = |(name, target): (&String, &Configured)| {
            let mut draft = Draft { name: name.clone(), settings: (*target.settings).clone(), ..Draft::default() };
            match &target.address {
                Address::Hub { url } => draft.hub = Some(url.clone()),
                Address::Http { url } => draft.mcp = Some(url.clone()),
                Address::Stdio { command, args } => draft.stdio = Some([std::slice::from_ref(command), args].concat()),
            }
            draft
        };
        Self {
            discover: settings.discover,
            defaults: Draft { settings: (*settings.defaults).clone(), ..Draft::default() },
            targets: settings.targets.iter().map(draft).collect(),
            storage: settings.storage.clone(),
            otlp: settings.otlp.clone(),
            web: settings.web.clone(),
            logs: settings.logs.clone(),
            report: settings.report.clone(),
            notices: (*settings.notices).clone(),
        }
    }
}

/// A target without a name or an address is left out; the reader has reported it.
impl From<File> for Settings {
    fn from(file: File) -> Self {
        let configured = |draft: Draft| {
            let address = draft.address()?;
            Some((draft.name, Configured { address, settings: Arc::new(draft.settings) }))
        };
        Self {
            discover: file.discover,
            targets: file.targets.into_iter().filter_map(configured).collect(),
            defaults: Arc::new(file.defaults.settings),
            storage: file.storage,
            otlp: file.otlp,
            web: file.web,
            logs: file.logs,
            report: file.report,
            notices: Arc::new(file.notices),
        }
    }
}

pub(super) const fn key<T>(name: &'static str, doc: &'static str, slot: Slot<T>) -> Key<T> {
    Key { name, doc, slot }
}

const fn every<T>(name: &'static str, doc: &'static str, min: Duration, at: At<T, Duration>) -> Key<T> {
    key(name, doc, Slot::Every(Bounds { min, max: INTERVAL_MAX }, at))
}

const fn step(name: &'static str, doc: &'static str, at: At<Draft, Duration>) -> Key<Draft> {
    key(name, doc, Slot::Every(Bounds { min: TIMEOUT_MIN, max: TIMEOUT_MAX }, at))
}

const fn window(name: &'static str, doc: &'static str, at: At<Draft, Duration>) -> Key<Draft> {
    key(name, doc, Slot::Every(Bounds { min: WINDOW_MIN, max: WINDOW_MAX }, at))
}

const fn above(name: &'static str, doc: &'static str, unit: Unit, at: At<Draft, (f64, f64)>) -> Key<Draft> {
    key(name, doc, Slot::Level(Level { unit, worse: Worse::Above, max: CONFIG_COUNT_MAX as f64 }, at))
}

const fn share(name: &'static str, doc: &'static str, worse: Worse, at: At<Draft, (f64, f64)>) -> Key<Draft> {
    key(name, doc, Slot::Level(Level { unit: Unit::Percent, worse, max: 100.0 }, at))
}

/// The keys of the file.
pub(super) static FILE: &[Key<File>] = &[
    key("version", "The version of this format", Slot::Count(Bounds { min: 1, max: 1 }, |_| 1, |_, _| {})),
    key("discover", "Whether hubs on this machine are found by themselves", Slot::Flag(|f| &mut f.discover)),
    key(
        "defaults",
        "Settings of discovered targets, and what each configured target begins with",
        Slot::Defaults(|f| &mut f.defaults),
    ),
    key("targets", "What is watched besides discovered hubs", Slot::Targets(|f| (&f.defaults, &mut f.targets))),
    key("storage", "History", Slot::Group(STORAGE)),
    key("otlp", "A collector of OpenTelemetry that `watch` sends metrics and traces to", Slot::Group(OTLP)),
    key("web", "The page and the API of `watch`", Slot::Group(WEB)),
    key("logs", "Where `watch` sends log records and its own events, by a name of your own", Slot::Logs(|f| &mut f.logs)),
    key("report", "The report that `watch` writes once a day", Slot::Group(REPORT)),
    key(
        "receivers",
        "Where notices go, by names of your own; incidents need a route to them",
        Slot::Receivers(|f| &mut f.notices.receivers),
    ),
    key(
        "routes",
        "Which incidents go to which receivers, and when; the first that matches takes an incident",
        Slot::Routes(|f| &mut f.notices.routes),
    ),
    key("heartbeat", "A dead man's switch: somebody else notices when this stops", Slot::Group(HEARTBEAT)),
];

static OTLP: &[Key<File>] = &[
    key(
        "endpoint",
        "Base URL of its OTLP over HTTP; `/v1/metrics` and `/v1/traces` are added. Without it nothing is sent",
        Slot::Url(UrlKind::Base, |f| &mut f.otlp.endpoint),
    ),
    key("headers", "Headers sent with every request to it", Slot::Secrets(Carrier::Headers, |f| &mut f.otlp.headers)),
    every("interval", "How often metrics and traces are sent", OTLP_INTERVAL_MIN, |f| &mut f.otlp.interval),
];

static WEB: &[Key<File>] = &[
    key(
        "listen",
        "Where they are served; without it nowhere, unless `watch --listen` says so",
        Slot::Listen(|f| &mut f.web.listen),
    ),
    key(
        "token",
        "What must be shown to change anything, and for everything where `listen` is not on loopback",
        Slot::Secret(|f| &mut f.web.token),
    ),
    key(
        "url",
        "Where people reach the page, which notices link to; without it, what `listen` says",
        Slot::Url(UrlKind::Base, |f| &mut f.web.url),
    ),
];

const KEPT: Bounds<Duration> = Bounds { min: RETENTION_MIN, max: RETENTION_MAX };

static STORAGE: &[Key<File>] = &[
    key("dir", "The folder of the history; without it `$XDG_STATE_HOME/mcp-vitals`", Slot::Path(|f| &mut f.storage.dir)),
    key("raw", "How long single samples are kept", Slot::Every(KEPT, |f| &mut f.storage.raw)),
    key("rollups", "How long hourly summaries are kept", Slot::Every(KEPT, |f| &mut f.storage.rollups)),
    key(
        "bytes_max",
        "The largest size of the history; beyond it the oldest samples go first",
        Slot::Size(Bounds { min: STORE_BYTES_MIN, max: CONFIG_SIZE_MAX }, |f| &mut f.storage.bytes_max),
    ),
];

/// The keys that only a target has: its name, and exactly one way to reach it ([`WAYS`]).
pub(super) static ADDRESS: &[Key<Draft>] = &[
    key("name", "The name of the target, unique over all files", Slot::Name(|d| &mut d.name)),
    key("hub", "Base URL of an MCP hub", Slot::Url(UrlKind::Base, |d| &mut d.hub)),
    key("mcp", "Endpoint of an MCP server, by Streamable HTTP or legacy HTTP+SSE", Slot::Url(UrlKind::Endpoint, |d| &mut d.mcp)),
    key("stdio", "Command of an MCP server that is started for the check; no shell is involved", Slot::Command(|d| &mut d.stdio)),
];

/// The keys of [`ADDRESS`] of which a target has exactly one.
pub(super) const WAYS: [&str; 3] = ["hub", "mcp", "stdio"];

/// The keys of `defaults` and of every target.
pub(super) static SETTINGS: &[Key<Draft>] = &[
    key("schedule", "How often each probe runs", Slot::Group(SCHEDULE)),
    key("timeouts", "How long each step of a probe may take", Slot::Group(TIMEOUTS)),
    key("thresholds", "Where a value becomes a warning and where it becomes critical", Slot::Group(THRESHOLDS)),
    key("servers", "What is known about single servers, by their name in the hub", Slot::Servers(|d| &mut d.settings.servers)),
    key(
        "checks",
        "When checks open and end incidents, by patterns of their ids; the most precise one counts",
        Slot::Checks(|d| &mut d.settings.checks),
    ),
    key("incidents", "What holds for all incidents", Slot::Group(INCIDENTS)),
    key("labels", "What routes may ask for, and notices carry", Slot::Labels(|d| &mut d.settings.labels)),
    key("maintenance", "When incidents are not told, by a name of your own", Slot::Maintenance(|d| &mut d.settings.maintenance)),
    key(
        "objectives",
        "What is promised of checks, by a name of your own: goals with an error budget, judged by `criteria`",
        Slot::Objectives(|d| &mut d.settings.objectives),
    ),
    key("repair", "What may be done to a target that is ill, and how often; by default nothing", Slot::Group(repair::REPAIR)),
    key("llm", "The check of the LLM that a hub asks", Slot::Group(LLM)),
    key(
        "meta_tool",
        "The check of the meta-tool; each call makes the hub ask its LLM, which is billable",
        Slot::Group(META_TOOL),
    ),
    key("log_file", "The log of the hub, when it is not where the hub puts it", Slot::Path(|d| &mut d.settings.log_file)),
    key(
        "lock",
        "The lock file with the tools that were approved; without it `mcp-vitals.lock` in the current folder, if it is there",
        Slot::Path(|d| &mut d.settings.lock),
    ),
    key("headers", "Headers sent with every request", Slot::Secrets(Carrier::Headers, |d| &mut d.settings.headers)),
    key("env", "Variables added to the environment of a `stdio` server", Slot::Secrets(Carrier::Env, |d| &mut d.settings.env)),
];

static SCHEDULE: &[Key<Draft>] = &[
    every("light", "Workspace, process, API and log", INTERVAL_LIGHT_MIN, |d| &mut d.settings.schedule.light),
    every("session", "Canary calls over the held MCP sessions", INTERVAL_SESSION_MIN, |d| &mut d.settings.schedule.session),
    every("llm", "List of models of the LLM provider", INTERVAL_LLM_MIN, |d| &mut d.settings.schedule.llm),
    key(
        "meta_tool",
        "Call of the meta-tool",
        Slot::EveryOrOff(Bounds { min: INTERVAL_META_TOOL_MIN, max: INTERVAL_MAX }, |d| &mut d.settings.schedule.meta_tool),
    ),
    every("discovery", "Search for new and restarted hubs", INTERVAL_DISCOVERY_MIN, |d| &mut d.settings.schedule.discovery),
];

static TIMEOUTS: &[Key<Draft>] = &[
    step("connect", "TCP connect and TLS, each", |d| &mut d.settings.timeouts.connect),
    step("request", "One API request", |d| &mut d.settings.timeouts.request),
    step("initialize", "`initialize` of a server that may still be starting", |d| &mut d.settings.timeouts.initialize),
    step("list", "`tools/list`", |d| &mut d.settings.timeouts.list),
    step("call", "A canary call", |d| &mut d.settings.timeouts.call),
    step("meta_tool", "The meta-tool, which waits for an LLM", |d| &mut d.settings.timeouts.meta_tool),
    step("list_changed", "`tools/list_changed` after a meta-tool call", |d| &mut d.settings.timeouts.list_changed),
];

static THRESHOLDS: &[Key<Draft>] = &[
    above("cpu_percent", "CPU of the hub in percent of one core", Unit::Percent, |d| &mut d.settings.thresholds.cpu_percent),
    share("memory_percent", "Memory of the hub in percent of the machine's", Worse::Above, |d| {
        &mut d.settings.thresholds.memory_percent
    }),
    share("memory_stall_percent", "Time in which all of the machine waits for memory, when the hub suffers", Worse::Above, |d| {
        &mut d.settings.thresholds.memory_stall_percent
    }),
    share("cpu_wait_percent", "Time in which the hub is ready and gets no core, when it suffers", Worse::Above, |d| {
        &mut d.settings.thresholds.cpu_wait_percent
    }),
    share("fds_percent", "Open file descriptors in percent of the limit", Worse::Above, |d| {
        &mut d.settings.thresholds.fds_percent
    }),
    above("clients", "Clients of the hub, our own left out", Unit::Count, |d| &mut d.settings.thresholds.clients),
    above("api_latency", "Latency of the hub's API", Unit::Millis, |d| &mut d.settings.thresholds.api_ms),
    above("call_latency", "Latency of a canary call", Unit::Millis, |d| &mut d.settings.thresholds.call_ms),
    above("meta_tool_latency", "Latency of the meta-tool", Unit::Millis, |d| &mut d.settings.thresholds.meta_tool_ms),
    above("llm_latency", "Latency of the LLM provider's list of models", Unit::Millis, |d| &mut d.settings.thresholds.llm_ms),
    above("errors", "Errors in the log within `error_window`", Unit::Count, |d| &mut d.settings.thresholds.errors),
    window("error_window", "The window of `errors`", |d| &mut d.settings.thresholds.error_window),
    key(
        "flaps",
        "Connections lost by one server within `flap_window` that make it flapping",
        Slot::Count(
            Bounds { min: 1, max: CONFIG_COUNT_MAX },
            |d| d.settings.thresholds.flaps,
            |d, n| d.settings.thresholds.flaps = u64::from(n),
        ),
    ),
    window("flap_window", "The window of `flaps`", |d| &mut d.settings.thresholds.flap_window),
    above("log_bytes", "Size of the log", Unit::Bytes, |d| &mut d.settings.thresholds.log_bytes),
    above("log_growth", "Growth of the log per hour", Unit::BytesPerHour, |d| &mut d.settings.thresholds.log_growth),
    share("disk_free_percent", "Free disk behind the log; less is worse", Worse::Below, |d| {
        &mut d.settings.thresholds.disk_free_percent
    }),
    above("stream_silence", "Silence of the event stream, which beats every 10 s", Unit::Seconds, |d| {
        &mut d.settings.thresholds.stream_silence_s
    }),
    window("start_grace", "How long a hub or a server may be starting", |d| &mut d.settings.thresholds.start_grace),
    above("token_growth_percent", "Growth within a day of what all tools cost a model in tokens", Unit::Percent, |d| {
        &mut d.settings.thresholds.token_growth_percent
    }),
];

static INCIDENTS: &[Key<Draft>] = &[
    key(
        "reopen",
        "What comes back within this time after its end is the same incident",
        Slot::EveryOrOff(Bounds { min: WINDOW_MIN, max: WINDOW_MAX }, |d| &mut d.settings.incidents.reopen),
    ),
    key(
        "reminder",
        "An incident that lasts, and that nobody acknowledged, is told again after this time",
        Slot::EveryOrOff(Bounds { min: WINDOW_MIN, max: WINDOW_MAX }, |d| &mut d.settings.incidents.reminder),
    ),
];

/// The keys of one pattern of checks.
pub(super) static POLICY: &[Key<CheckPolicy>] = &[
    looks("failures", "Bad looks in a row that open an incident", |p| p.failures.into(), |p, n| p.failures = n),
    looks(
        "critical_after",
        "Failing looks in a row that make it critical; until then it is a warning",
        |p| p.critical_after.into(),
        |p, n| p.critical_after = n,
    ),
    looks("successes", "Good looks in a row that end it", |p| p.successes.into(), |p, n| p.successes = n),
    percent(
        "hysteresis",
        "How far a value must be back behind its threshold to be good, in percent of it",
        |p| p.hysteresis_percent.into(),
        |p, n| p.hysteresis_percent = n,
    ),
    percent(
        "flap_start",
        "From which share of changes among its last 21 states a check flaps, in percent; 0 is never",
        |p| p.flap_start_percent.into(),
        |p, n| p.flap_start_percent = n,
    ),
    percent(
        "flap_stop",
        "Down to which share it goes on flapping",
        |p| p.flap_stop_percent.into(),
        |p, n| p.flap_stop_percent = n,
    ),
];

/// Most looks in a row that can be asked for.
const LOOKS_MAX: u32 = 1000;

const fn looks(
    name: &'static str,
    doc: &'static str,
    get: fn(&CheckPolicy) -> u64,
    set: fn(&mut CheckPolicy, u32),
) -> Key<CheckPolicy> {
    key(name, doc, Slot::Count(Bounds { min: 1, max: LOOKS_MAX }, get, set))
}

const fn percent(
    name: &'static str,
    doc: &'static str,
    get: fn(&CheckPolicy) -> u64,
    set: fn(&mut CheckPolicy, u32),
) -> Key<CheckPolicy> {
    key(name, doc, Slot::Count(Bounds { min: 0, max: 100 }, get, set))
}

/// The keys of one window of maintenance.
pub(super) static MAINTENANCE: &[Key<Maintenance>] = &[
    key("checks", "Of which checks, as a pattern of their ids", Slot::Pattern(|m| &mut m.checks)),
    key("from", "The first moment of a window that comes once; without it, it has begun", Slot::Instant(|m| &mut m.from)),
    key("to", "Its end", Slot::Instant(|m| &mut m.to)),
    key("cron", "When a window that comes again begins: five fields of cron, in UTC", Slot::Cron(|m| &mut m.cron)),
    key(
        "for",
        "How long a window lasts that comes again",
        Slot::Every(Bounds { min: WINDOW_MIN, max: MAINTENANCE_MAX }, |m| &mut m.lasts),
    ),
];

static LLM: &[Key<Draft>] = &[
    key("enabled", "Whether the provider is asked at all; it is not billable", Slot::Flag(|d| &mut d.settings.llm.enabled)),
    key(
        "base_url",
        "Base URL of the provider's API; without it the provider's own",
        Slot::Url(UrlKind::Base, |d| &mut d.settings.llm.base_url),
    ),
    key("key", "The key; without it the one that the hub's configuration refers to", Slot::Secret(|d| &mut d.settings.llm.key)),
];

static META_TOOL: &[Key<Draft>] = &[
    key(
        "calls_per_day",
        "Most calls in 24 h; 0 is off",
        Slot::Count(
            Bounds { min: 0, max: CONFIG_COUNT_MAX },
            |d| u64::from(d.settings.meta_tool.calls_per_day),
            |d, n| d.settings.meta_tool.calls_per_day = n,
        ),
    ),
    key("prompt", "The prompt sent", Slot::Text(|d| &mut d.settings.meta_tool.prompt)),
];

/// The keys of one server.
pub(super) static SERVER: &[Key<ServerSettings>] = &[
    key("expect", "`down` for a server that is known not to work: shown as such, not scored", Slot::Expect(|s| &mut s.expect)),
    key("canary", "The tool for the canary call, without the hub's prefix", Slot::OptionalText(|s| &mut s.canary)),
    key("canary_arguments", "The arguments of that call", Slot::Json(|s| &mut s.canary_arguments)),
];

/// The keys of one objective.
pub(super) static OBJECTIVE: &[Key<Objective>] = &[
    key(
        "check",
        "The check that it is about, such as `hub-servers/*/truth`; `*` stands for every server",
        Slot::Check(|o| &mut o.check),
    ),
    key("goal", "The share of time, or of calls, that must be good", Slot::Goal(|o| &mut o.goal)),
    key(
        "latency",
        "The longest latency of a good call; `off` counts time instead, in which all but failing is good",
        Slot::EveryOrOff(Bounds { min: TIMEOUT_MIN, max: TIMEOUT_MAX }, |o| &mut o.latency),
    ),
    key(
        "window",
        "The window over which the budget is spent",
        Slot::Every(Bounds { min: OBJECTIVE_WINDOW_MIN, max: OBJECTIVE_WINDOW_MAX }, |o| &mut o.window),
    ),
    key("weight", "How much it weighs", Slot::Weight(|o| &mut o.weight)),
    key(
        "events_min",
        "The least number of samples from which a burn rate is computed",
        Slot::Count(Bounds { min: 1, max: CONFIG_COUNT_MAX }, |o| u64::from(o.events_min), |o, n| o.events_min = n),
    ),
];
