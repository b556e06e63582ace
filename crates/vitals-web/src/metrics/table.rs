//! Every metric: its name, type, unit, what it says, its labels, and how a snapshot gives it.
//!
//! Names follow Prometheus: base units, `_total` for counters, `_info`, `_timestamp_seconds`. `probe_success` and
//! `probe_duration_seconds` are named as blackbox_exporter has them, `mcp_client_operation_duration_seconds` and its
//! labels as the MCP conventions of OpenTelemetry, `process_*` as Prometheus' own clients.

use vitals_model::check::Point;
use vitals_model::claim::ClaimStatus;
use vitals_model::incident::Incident;
use vitals_model::limits::{EVENT_QUEUE_MAX, STORE_QUEUE_MAX};
use vitals_model::observation::{Level, Phase};
use vitals_model::reading::{Health, Standing};
use vitals_model::time::Timestamp;
use vitals_model::verdict::Verdict;

use super::Sink;
use super::view::{ServerRow, TargetRow, View};

/// The type of a metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only goes up while the program runs.
    Counter,
    /// Texts in labels; the value is 1.
    Info,
    /// Durations by length.
    Histogram,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, with the suffix of its type.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its base unit, which its name ends with (before `_total`); empty for plain numbers.
    pub unit: &'static str,
    /// What it says, in one sentence without a full stop.
    pub help: &'static str,
    read: Read,
}

/// How a snapshot gives a metric.
#[derive(Clone, Copy, Debug)]
enum Read {
    /// One value, about ourselves.
    Own(fn(&View<'_>) -> Option<f64>),
    /// One value per target.
    Target(fn(&TargetRow<'_>) -> Option<f64>),
    /// One value per server behind a target; where several share a label, what they come to together.
    Server(Fold, fn(&ServerRow<'_>) -> Option<f64>),
    /// Any number of points with these labels.
    Many(&'static [&'static str], fn(&View<'_>, &mut dyn Sink)),
}

/// What the values of several servers come to.
#[derive(Clone, Copy, Debug)]
enum Fold {
    Sum,
    Max,
}

impl Metric {
    /// The names of its labels.
    pub const fn labels(&self) -> &'static [&'static str] {
        match self.read {
            Read::Own(_) => &[],
            Read::Target(_) => &["target"],
            Read::Server(..) => &["target", "server"],
            Read::Many(labels, _) => labels,
        }
    }

    /// Tells the sink every point that a view has of it.
    pub fn read(&self, view: &View<'_>, sink: &mut dyn Sink) {
        match self.read {
            Read::Own(value) => value(view).into_iter().for_each(|value| sink.value(&[], value)),
            Read::Target(value) => {
                for target in &view.targets {
                    value(target).into_iter().for_each(|value| sink.value(&[("target", target.id)], value));
                }
            }
            Read::Server(fold, value) => {
                for target in &view.targets {
                    for (server, rows) in &target.servers {
                        let together = rows.iter().filter_map(value).reduce(match fold {
                            Fold::Sum => |a, b| a + b,
                            Fold::Max => f64::max,
                        });
                        let labels = [("target", target.id), ("server", server.as_ref())];
                        together.into_iter().for_each(|value| sink.value(&labels, value));
                    }
                }
            }
            Read::Many(_, points) => points(view, sink),
        }
    }
}

const fn gauge(name: &'static str, unit: &'static str, help: &'static str, read: Read) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, help, read }
}

const fn counter(name: &'static str, unit: &'static str, help: &'static str, read: Read) -> Metric {
    Metric { name, kind: Kind::Counter, unit, help, read }
}

const fn info(name: &'static str, help: &'static str, read: Read) -> Metric {
    Metric { name, kind: Kind::Info, unit: "", help, read }
}

const fn histogram(name: &'static str, help: &'static str, read: Read) -> Metric {
    Metric { name, kind: Kind::Histogram, unit: "seconds", help, read }
}

/// Every metric, those of probes and targets first, our own last.
pub static METRICS: &[Metric] = &[
    gauge(
        "probe_success",
        "",
        "Whether the last run of a probe saw all that it asked for",
        Read::Many(&["target", "probe"], probe_success),
    ),
    gauge(
        "probe_duration_seconds",
        "seconds",
        "How long the last run of a probe took, by phase; the phases of one probe add up to the whole",
        Read::Many(&["target", "probe", "phase"], probe_duration),
    ),
    counter(
        "mcp_vitals_probe_runs_total",
        "",
        "Runs of a probe; the outcome is ok when it saw all that it asked for, else failed",
        Read::Many(&["target", "probe", "outcome"], probe_runs),
    ),
    histogram(
        "mcp_client_operation_duration_seconds",
        "How long our MCP operations took (the MCP conventions of OpenTelemetry); error_type is empty for those that went well",
        Read::Many(
            &[
                "target",
                "server",
                "mcp_method_name",
                "gen_ai_tool_name",
                "error_type",
                "network_transport",
                "mcp_protocol_version",
            ],
            operations,
        ),
    ),
    info(
        "mcp_target_info",
        "A watched target: hub or server, and the version that it claims",
        Read::Many(&["target", "kind", "version"], target_info),
    ),
    gauge(
        "mcp_target_health",
        "",
        "1 for the health that the target has, 0 for the others",
        Read::Many(&["target", "health"], target_health),
    ),
    gauge(
        "mcp_target_score",
        "",
        "The health score, 0 to 100; absent while too little could be measured",
        Read::Target(|t| t.state.score.points.map(f64::from)),
    ),
    gauge(
        "mcp_target_checks",
        "",
        "Judged checks by integration point and health",
        Read::Many(&["target", "point", "health"], target_checks),
    ),
    gauge(
        "mcp_target_observed_timestamp_seconds",
        "seconds",
        "When a probe last came back from the target",
        Read::Target(|t| t.state.tally.runs.values().map(|run| run.at).max().map(seconds)),
    ),
    gauge("mcp_incidents_open", "", "Incidents that last", Read::Many(&["target", "point", "severity"], incidents_open)),
    counter(
        "mcp_incidents_total",
        "",
        "Incidents opened, by how bad they were then",
        Read::Many(&["target", "point", "severity"], incidents_total),
    ),
    gauge(
        "mcp_server_verdict",
        "",
        "1 for the verdict on the hub's claim about the server, 0 for the others; for the server other how many have it",
        Read::Many(&["target", "server", "verdict"], server_verdict),
    ),
    gauge(
        "mcp_server_claimed_connected",
        "",
        "Whether the hub claims that the server is connected",
        Read::Server(Fold::Sum, claimed),
    ),
    gauge("mcp_server_up", "", "Whether the server truly works; absent while that is not known", Read::Server(Fold::Sum, up)),
    gauge(
        "mcp_server_verdict_since_timestamp_seconds",
        "seconds",
        "Since when the verdict is what it is",
        Read::Server(Fold::Max, |s| Some(seconds(s.truth.since))),
    ),
    gauge(
        "mcp_server_tools",
        "",
        "Tools of the server that clients can list",
        Read::Server(Fold::Sum, |s| s.truth.tools.map(number)),
    ),
    gauge(
        "mcp_server_tool_tokens",
        "",
        "What its tools cost a model in tokens, as an estimate",
        Read::Server(Fold::Sum, |s| s.tokens),
    ),
    gauge("mcp_server_flaps", "", "How often the server was lost within flap_window", Read::Server(Fold::Sum, |s| s.flaps)),
    gauge(
        "mcp_server_call_duration_seconds",
        "seconds",
        "How long the last good canary call took",
        Read::Server(Fold::Max, |s| s.truth.call_ms.map(|ms| ms / 1e3)),
    ),
    gauge("mcp_hub_tools", "", "Tools that a session lists", Read::Target(|t| t.value("filtering-sessions/tools"))),
    gauge(
        "mcp_hub_tool_tokens",
        "",
        "What all tools cost a model in tokens, as an estimate",
        Read::Target(|t| t.value("hub-servers/tokens")),
    ),
    gauge("mcp_hub_clients", "", "Clients of the hub that are not ours", Read::Target(|t| t.value("meta-tool-clients/clients"))),
    gauge(
        "mcp_hub_api_duration_seconds",
        "seconds",
        "How long the hub's API took for its health",
        Read::Target(|t| t.value("hub-servers/api").map(|ms| ms / 1e3)),
    ),
    gauge(
        "mcp_hub_cpu_ratio",
        "ratio",
        "CPU that the hub uses lately, 1 is one core",
        Read::Target(|t| t.value("hub-servers/cpu").map(|percent| percent / 100.0)),
    ),
    gauge(
        "mcp_hub_resident_memory_bytes",
        "bytes",
        "Resident memory of the hub's process",
        Read::Target(|t| t.state.rss_bytes.map(number)),
    ),
    gauge("mcp_hub_open_fds", "", "Open file descriptors of the hub", Read::Target(|t| t.value("hub-servers/fds"))),
    gauge("mcp_hub_threads", "", "Threads of the hub", Read::Target(|t| t.value("hub-servers/threads"))),
    gauge("mcp_hub_children", "", "Direct children of the hub", Read::Target(|t| t.value("hub-servers/children"))),
    gauge(
        "mcp_hub_orphans",
        "",
        "Processes of servers that outlived the hub that started them",
        Read::Target(|t| t.value("hub-servers/orphans")),
    ),
    gauge("mcp_hub_uptime_seconds", "seconds", "Age of the hub's process", Read::Target(|t| t.value("hub-servers/process"))),
    counter(
        "mcp_hub_restarts_total",
        "",
        "How often the hub was seen with another process",
        Read::Target(|t| t.value("hub-servers/restarts")),
    ),
    counter(
        "mcp_hub_log_records_total",
        "",
        "Log records of the hub since we follow them: read from its file, and told by its event stream",
        Read::Many(&["target", "source", "level"], log_records),
    ),
    gauge("mcp_hub_log_size_bytes", "bytes", "Size of the log file", Read::Target(|t| t.value("logging/size"))),
    gauge("mcp_llm_up", "", "Whether the LLM provider accepts the hub's key; absent where there is none", Read::Target(llm_up)),
    gauge(
        "mcp_llm_duration_seconds",
        "seconds",
        "How long the LLM provider took to list its models",
        Read::Target(|t| t.value("hub-llm/latency").map(|ms| ms / 1e3)),
    ),
    gauge(
        "mcp_llm_fallbacks",
        "",
        "Uses of the keyword fallback within error_window",
        Read::Target(|t| t.value("hub-llm/fallback")),
    ),
    info("mcp_vitals_info", "The version of mcp-vitals", Read::Many(&["version"], own_info)),
    gauge(
        "mcp_vitals_start_timestamp_seconds",
        "seconds",
        "When watching began",
        Read::Own(|v| Some(seconds(v.snapshot.began_at))),
    ),
    gauge(
        "mcp_vitals_snapshot_timestamp_seconds",
        "seconds",
        "When what is shown here was last brought up to date",
        Read::Own(|v| Some(seconds(v.snapshot.at))),
    ),
    gauge("mcp_vitals_targets", "", "Watched targets", Read::Own(|v| Some(v.targets.len() as f64))),
    counter("mcp_vitals_probes_total", "", "Probes that came back", Read::Own(|v| Some(number(v.snapshot.own.probes)))),
    histogram("mcp_vitals_probe_duration_seconds", "How long probes took, over all targets", Read::Many(&["probe"], own_probes)),
    counter(
        "mcp_vitals_dropped_total",
        "",
        "Observations dropped because a queue was full",
        Read::Own(|v| Some(number(v.snapshot.own.dropped))),
    ),
    counter(
        "mcp_vitals_history_lost_total",
        "",
        "Records that history lost",
        Read::Own(|v| Some(number(v.snapshot.own.samples_lost))),
    ),
    counter(
        "mcp_vitals_gaps_total",
        "",
        "How often our clock or our running had a gap",
        Read::Own(|v| Some(number(v.snapshot.own.gaps))),
    ),
    gauge(
        "mcp_vitals_history_kept",
        "",
        "Whether history can be written",
        Read::Own(|v| Some(flag(v.snapshot.own.store_error.is_none()))),
    ),
    gauge(
        "mcp_vitals_incidents_open",
        "",
        "Incidents of the monitor itself that last",
        Read::Own(|v| Some(v.snapshot.own.open.len() as f64)),
    ),
    gauge("mcp_vitals_silences", "", "Silences that hold", Read::Own(|v| Some(v.snapshot.own.silences.len() as f64))),
    gauge("mcp_vitals_queue_depth", "", "What waits in a queue of ours", Read::Many(&["queue"], queue_depth)),
    gauge("mcp_vitals_queue_limit", "", "What a queue of ours holds at most", Read::Many(&["queue"], queue_limit)),
    gauge(
        "mcp_vitals_servers_folded",
        "",
        "Servers that share the label other because their target has too many",
        Read::Own(|v| Some(v.targets.iter().map(|t| t.folded).sum::<usize>() as f64)),
    ),
    gauge(
        "mcp_vitals_operations_folded",
        "",
        "MCP operations counted under the label other because there are too many kinds",
        Read::Own(|v| Some(number(v.targets.iter().map(|t| t.state.tally.operations_folded).sum()))),
    ),
    counter(
        "process_cpu_seconds_total",
        "seconds",
        "CPU that mcp-vitals used",
        Read::Own(|v| Some(v.overhead.cpu.as_secs_f64())),
    ),
    gauge(
        "process_resident_memory_bytes",
        "bytes",
        "Resident memory of mcp-vitals",
        Read::Own(|v| Some(number(v.overhead.rss_bytes))),
    ),
    gauge("process_open_fds", "", "Open file descriptors of mcp-vitals", Read::Own(|v| v.overhead.fds.map(number))),
    gauge("process_threads", "", "Threads of mcp-vitals", Read::Own(|v| Some(number(v.overhead.threads)))),
];

const HEALTHS: [Health; 4] = [Health::Healthy, Health::Degraded, Health::Failing, Health::Unknown];

fn number(n: u64) -> f64 {
    n as f64
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1e3
}

/// An incident's health as severities are called elsewhere.
fn severity(health: Health) -> &'static str {
    if health == Health::Failing { "critical" } else { "warning" }
}

fn probe_success(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        for (probe, run) in &target.state.tally.runs {
            sink.value(&[("target", target.id), ("probe", probe.as_str())], flag(run.error.is_none()));
        }
    }
}

/// The name of a phase; those of HTTP as blackbox_exporter has them.
pub(super) const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve => "resolve",
        Phase::Connect => "connect",
        Phase::Tls => "tls",
        Phase::Request => "processing",
        Phase::Body => "transfer",
        Phase::Parse => "parse",
        Phase::Initialize => "initialize",
        Phase::Discover => "discover",
        Phase::List => "list",
        Phase::Call => "call",
        Phase::Close => "close",
    }
}

fn probe_duration(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        for (probe, run) in &target.state.tally.runs {
            let mut point = |phase, seconds| {
                sink.value(&[("target", target.id), ("probe", probe.as_str()), ("phase", phase)], seconds);
            };
            let mut rest = run.took;
            // A visit that opens two sessions has some phases twice.
            let mut phases = Vec::<(Phase, std::time::Duration)>::new();
            for (phase, took) in &run.phases {
                match phases.iter_mut().find(|(known, _)| known == phase) {
                    Some((_, sum)) => *sum += *took,
                    None => phases.push((*phase, *took)),
                }
                rest = rest.saturating_sub(*took);
            }
            phases.iter().for_each(|(phase, took)| point(phase_name(*phase), took.as_secs_f64()));
            point("other", rest.as_secs_f64());
        }
    }
}

fn probe_runs(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        for (probe, (good, bad)) in &target.state.tally.probes {
            for (outcome, n) in [("ok", good), ("failed", bad)] {
                sink.value(&[("target", target.id), ("probe", probe.as_str()), ("outcome", outcome)], number(*n));
            }
        }
    }
}

fn operations(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        for (operation, histogram) in &target.state.tally.operations {
            let labels = [
                ("target", target.id),
                ("server", operation.server.as_ref().map_or("", |server| server.as_str())),
                ("mcp_method_name", operation.method.as_str()),
                ("gen_ai_tool_name", operation.tool.as_ref().map_or("", |tool| tool.as_str())),
                ("error_type", operation.error.as_ref().map_or("", |error| error.as_str())),
                ("network_transport", operation.transport),
                ("mcp_protocol_version", operation.protocol.as_str()),
            ];
            sink.histogram(&labels, histogram);
        }
    }
}

fn target_info(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        let version = target.state.claim.as_ref().and_then(|claim| claim.version.as_ref());
        let version = version.map_or(std::borrow::Cow::Borrowed(""), |version| super::view::label(version.as_str()));
        let kind = target.state.target.address.kind().as_str();
        sink.value(&[("target", target.id), ("kind", kind), ("version", &version)], 1.0);
    }
}

fn target_health(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        for health in HEALTHS {
            sink.value(&[("target", target.id), ("health", health.as_str())], flag(target.state.health == health));
        }
    }
}

fn target_checks(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        let mut counts = std::collections::BTreeMap::<(Point, Health), u64>::new();
        for reading in target.state.readings.iter().filter(|reading| reading.standing == Standing::Judged) {
            // A point that has any check has a count of each health, so that none of them comes and goes.
            HEALTHS.iter().for_each(|health| drop(counts.entry((reading.point, *health)).or_default()));
            *counts.entry((reading.point, reading.health)).or_default() += 1;
        }
        for ((point, health), n) in counts {
            sink.value(&[("target", target.id), ("point", point.as_str()), ("health", health.as_str())], number(n));
        }
    }
}

/// Each point has both severities always: a series that only comes with its first incident has no increase then.
fn by_severity(target: &str, sink: &mut dyn Sink, count: impl Fn(Point, &'static str) -> u64) {
    for point in Point::ALL {
        for severity in ["warning", "critical"] {
            let labels = [("target", target), ("point", point.as_str()), ("severity", severity)];
            sink.value(&labels, number(count(point, severity)));
        }
    }
}

fn incidents_open(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        let is_at = |incident: &&Incident, point: Point| incident.check.as_str().split('/').next() == Some(point.as_str());
        by_severity(target.id, sink, |point, wanted| {
            target.state.open.iter().filter(|i| is_at(i, point) && severity(i.health) == wanted).count() as u64
        });
    }
}

fn incidents_total(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        let counts = &target.state.tally.incidents;
        by_severity(target.id, sink, |point, wanted| {
            counts.iter().filter(|((at, health), _)| *at == point && severity(*health) == wanted).map(|(_, n)| n).sum()
        });
    }
}

fn server_verdict(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        for (server, rows) in &target.servers {
            for verdict in Verdict::ALL {
                let labels = [("target", target.id), ("server", server.as_ref()), ("verdict", verdict.as_str())];
                sink.value(&labels, rows.iter().filter(|row| row.truth.verdict == verdict).count() as f64);
            }
        }
    }
}

fn claimed(server: &ServerRow<'_>) -> Option<f64> {
    server.truth.claim.as_ref().map(|claim| flag(*claim == ClaimStatus::Connected))
}

fn up(server: &ServerRow<'_>) -> Option<f64> {
    match (server.truth.verdict, server.truth.health) {
        (Verdict::Unknown, _) | (_, Health::Unknown) => None,
        (Verdict::ExpectedDown, _) | (_, Health::Failing) => Some(0.0),
        (_, Health::Healthy | Health::Degraded) => Some(1.0),
    }
}

fn llm_up(target: &TargetRow<'_>) -> Option<f64> {
    let key = target.reading("hub-llm/key").filter(|key| key.standing == Standing::Judged)?;
    (key.health != Health::Unknown).then(|| flag(key.health == Health::Healthy))
}

fn log_records(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        let tally = &target.state.tally;
        for (source, counts) in [("file", &tally.file_records), ("stream", &tally.stream_records)] {
            for level in Level::ALL {
                let labels = [("target", target.id), ("source", source), ("level", level.as_str())];
                sink.value(&labels, number(counts.of(level)));
            }
        }
    }
}

fn own_info(_: &View<'_>, sink: &mut dyn Sink) {
    sink.value(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
}

fn own_probes(view: &View<'_>, sink: &mut dyn Sink) {
    for (probe, histogram) in &view.snapshot.own.took {
        sink.histogram(&[("probe", probe.as_str())], histogram);
    }
}

fn queue_depth(view: &View<'_>, sink: &mut dyn Sink) {
    let waiting = view.snapshot.own.waiting;
    sink.value(&[("queue", "events")], number(waiting.events));
    sink.value(&[("queue", "history")], number(waiting.records));
}

fn queue_limit(_: &View<'_>, sink: &mut dyn Sink) {
    sink.value(&[("queue", "events")], EVENT_QUEUE_MAX as f64);
    sink.value(&[("queue", "history")], STORE_QUEUE_MAX as f64);
}
