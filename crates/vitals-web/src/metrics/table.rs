//! Every metric: its name, type, unit, what it says, its labels, and how a snapshot gives it.
//!
//! Names follow Prometheus: base units, `_total` for counters, `_info`, `_timestamp_seconds`. `probe_success` and
//! `probe_duration_seconds` are named as `blackbox_exporter` has them, `mcp_client_operation_duration_seconds` and its
//! labels as the MCP conventions of OpenTelemetry, `process_*` as Prometheus' own clients.

use vitals_model::snapshot::Overhead;

use super::Sink;
use super::points::{
    actions, claimed, destinations, flag, forwarded, incidents_open, incidents_total, llm_up, log_records, notices_total,
    notices_waiting, number, operations, otlp_requests, own_info, own_probes, probe_duration, probe_runs, probe_success,
    queue_depth, queue_limit, seconds, server_verdict, target_checks, target_health, target_info, up,
};
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
    /// One value about what watching costs at this moment, which is another one at each scrape.
    Cost(fn(&Overhead) -> Option<f64>),
    /// The same with these labels.
    Costs(&'static [&'static str], fn(&Overhead, &mut dyn Sink)),
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
            Read::Own(_) | Read::Cost(_) => &[],
            Read::Target(_) => &["target"],
            Read::Server(..) => &["target", "server"],
            Read::Many(labels, _) | Read::Costs(labels, _) => labels,
        }
    }

    /// Whether it says what watching costs at this moment, and nothing of the snapshot.
    pub(super) const fn is_of_cost(&self) -> bool {
        matches!(self.read, Read::Cost(_) | Read::Costs(..))
    }

    /// Tells the sink every point that a view has of it.
    pub fn read(&self, view: &View<'_>, sink: &mut dyn Sink) {
        match self.read {
            Read::Own(value) => {
                if let Some(value) = value(view) {
                    sink.value(&[], value);
                }
            }
            Read::Target(value) => {
                for target in &view.targets {
                    if let Some(value) = value(target) {
                        sink.value(&[("target", target.id)], value);
                    }
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
                        if let Some(value) = together {
                            sink.value(&labels, value);
                        }
                    }
                }
            }
            Read::Cost(value) => {
                if let Some(value) = value(view.overhead) {
                    sink.value(&[], value);
                }
            }
            Read::Costs(_, points) => points(view.overhead, sink),
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

/// Every metric: those of probes and targets first, then our own, and last what watching costs.
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
    counter(
        "mcp_repair_actions_total",
        "",
        "Actions that ended, by kind of remedy and by what came of them",
        Read::Many(&["target", "remedy", "outcome"], actions),
    ),
    gauge(
        "mcp_repair_under_way",
        "",
        "Whether something is being done to repair the target",
        Read::Target(|t| Some(flag(t.state.repair.under_way.is_some()))),
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
    counter(
        "mcp_vitals_notices_total",
        "",
        "Notices by what came of them; delayed are attempts that failed and are made again",
        Read::Many(&["receiver", "outcome"], notices_total),
    ),
    gauge("mcp_vitals_notices_waiting", "", "Notices that wait to be delivered", Read::Many(&["receiver"], notices_waiting)),
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
        "mcp_vitals_otlp_requests_total",
        "",
        "Requests to the collector of OpenTelemetry",
        Read::Costs(&["outcome"], otlp_requests),
    ),
    counter(
        "mcp_vitals_otlp_retries_total",
        "",
        "Requests to the collector that were sent once more",
        Read::Cost(|o| o.export.map(|export| number(export.retried))),
    ),
    counter(
        "mcp_vitals_otlp_dropped_total",
        "",
        "Runs of probes of which no trace could be sent",
        Read::Cost(|o| o.export.map(|export| number(export.dropped))),
    ),
    counter(
        "mcp_vitals_logs_records_total",
        "",
        "Records for a destination of logs by what became of them; what failed waits and is no outcome",
        Read::Many(&["destination", "outcome"], forwarded),
    ),
    gauge(
        "mcp_vitals_logs_spooled_records",
        "",
        "Records that wait on disk for a destination of logs",
        Read::Many(&["destination"], |v, s| destinations(v, s, |d| d.waiting)),
    ),
    gauge(
        "mcp_vitals_logs_spool_bytes",
        "bytes",
        "Disk that they use",
        Read::Many(&["destination"], |v, s| destinations(v, s, |d| d.waiting_bytes)),
    ),
    counter(
        "mcp_vitals_logs_failures_total",
        "",
        "Requests to a destination of logs that failed and are made again",
        Read::Many(&["destination"], |v, s| destinations(v, s, |d| d.failures)),
    ),
    gauge(
        "mcp_vitals_logs_up",
        "",
        "Whether a destination of logs takes records",
        Read::Many(&["destination"], |v, s| destinations(v, s, |d| u64::from(d.trouble.is_none()))),
    ),
    counter("process_cpu_seconds_total", "seconds", "CPU that mcp-vitals used", Read::Cost(|o| Some(o.cpu.as_secs_f64()))),
    gauge("process_resident_memory_bytes", "bytes", "Resident memory of mcp-vitals", Read::Cost(|o| Some(number(o.rss_bytes)))),
    gauge("process_open_fds", "", "Open file descriptors of mcp-vitals", Read::Cost(|o| o.fds.map(number))),
    gauge("process_threads", "", "Threads of mcp-vitals", Read::Cost(|o| Some(number(o.threads)))),
];
