//! Dashboards for Grafana 10 and later: the overview of all targets, one target, one server.

use serde_json::{Value, json};
use vitals_web::metrics::METRICS;

use super::promql::checked;
use super::rules::recorded;

/// Columns of Grafana's grid.
const COLUMNS: u64 = 24;

/// Height of a panel in rows of the grid.
const HEIGHT: u64 = 7;

/// How a panel draws.
#[derive(Clone, Copy)]
enum Look {
    Lines,
    Number,
    Table,
    /// States over time, one bar for each series.
    Bars,
}

/// A panel: its title, its look, its width in columns, and what it shows: expressions with their legends.
struct Panel(&'static str, Look, u64, &'static [(&'static str, &'static str)]);

const OVERVIEW: &[Panel] = &[
    Panel("Score", Look::Number, 8, &[("mcp_target_score", "{{target}}")]),
    Panel("Open incidents", Look::Number, 8, &[("sum by (severity) (mcp_incidents_open)", "{{severity}}")]),
    Panel("Servers that work", Look::Number, 8, &[("target:mcp_server_up:ratio", "{{target}}")]),
    Panel(
        "Servers that are not what their hub says",
        Look::Table,
        24,
        &[("mcp_server_verdict{verdict!~\"agrees|unknown\"} > 0", "{{target}} {{server}} {{verdict}}")],
    ),
    Panel("Health", Look::Bars, 24, &[("mcp_target_health{health=\"healthy\"}", "{{target}}")]),
    Panel("Incidents opened in a day", Look::Lines, 12, &[("target:mcp_incidents:increase1d", "{{target}} {{severity}}")]),
    Panel("Operations that fail", Look::Lines, 12, &[("target:mcp_client_operation_failures:ratio_rate5m", "{{target}}")]),
    Panel("Probes sent", Look::Lines, 8, &[("rate(mcp_vitals_probes_total[5m])", "probes")]),
    Panel(
        "Our own memory",
        Look::Lines,
        8,
        &[("process_resident_memory_bytes and on (instance, job) mcp_vitals_info", "resident")],
    ),
    Panel(
        "Lost by us",
        Look::Lines,
        8,
        &[("rate(mcp_vitals_dropped_total[5m])", "observations"), ("rate(mcp_vitals_history_lost_total[5m])", "records")],
    ),
];

const HUB: &[Panel] = &[
    Panel("Score", Look::Number, 6, &[("mcp_target_score{target=\"$target\"}", "score")]),
    Panel("Open incidents", Look::Number, 6, &[("sum(mcp_incidents_open{target=\"$target\"})", "open")]),
    Panel("Tools", Look::Number, 6, &[("mcp_hub_tools{target=\"$target\"}", "tools")]),
    Panel("What the tools cost in tokens", Look::Number, 6, &[("mcp_hub_tool_tokens{target=\"$target\"}", "tokens")]),
    Panel("Servers that work", Look::Bars, 12, &[("mcp_server_up{target=\"$target\"}", "{{server}}")]),
    Panel("Servers as the hub claims", Look::Bars, 12, &[("mcp_server_claimed_connected{target=\"$target\"}", "{{server}}")]),
    Panel(
        "Checks that are not healthy",
        Look::Lines,
        12,
        &[("mcp_target_checks{target=\"$target\",health!=\"healthy\"}", "{{point}} {{health}}")],
    ),
    Panel("API", Look::Lines, 12, &[("mcp_hub_api_duration_seconds{target=\"$target\"}", "health")]),
    Panel("Duration of probes", Look::Lines, 12, &[("sum by (probe) (probe_duration_seconds{target=\"$target\"})", "{{probe}}")]),
    Panel(
        "Phases of the API probe",
        Look::Lines,
        12,
        &[("probe_duration_seconds{target=\"$target\",probe=\"api\"}", "{{phase}}")],
    ),
    Panel("CPU", Look::Lines, 8, &[("mcp_hub_cpu_ratio{target=\"$target\"}", "of one core")]),
    Panel("Memory", Look::Lines, 8, &[("mcp_hub_resident_memory_bytes{target=\"$target\"}", "resident")]),
    Panel(
        "Files, children, threads, clients",
        Look::Lines,
        8,
        &[
            ("mcp_hub_open_fds{target=\"$target\"}", "open files"),
            ("mcp_hub_children{target=\"$target\"}", "children"),
            ("mcp_hub_threads{target=\"$target\"}", "threads"),
            ("mcp_hub_clients{target=\"$target\"}", "clients"),
        ],
    ),
    Panel("Restarts", Look::Lines, 8, &[("increase(mcp_hub_restarts_total{target=\"$target\"}[1h])", "in an hour")]),
    Panel("Log records", Look::Lines, 8, &[("rate(mcp_hub_log_records_total{target=\"$target\"}[5m])", "{{source}} {{level}}")]),
    Panel("Log file", Look::Lines, 8, &[("mcp_hub_log_size_bytes{target=\"$target\"}", "size")]),
    Panel("LLM", Look::Bars, 12, &[("mcp_llm_up{target=\"$target\"}", "accepts the key")]),
    Panel("LLM latency", Look::Lines, 12, &[("mcp_llm_duration_seconds{target=\"$target\"}", "list of models")]),
];

const SERVER: &[Panel] = &[
    Panel("Works", Look::Number, 6, &[("mcp_server_up{target=\"$target\",server=\"$server\"}", "works")]),
    Panel(
        "Claimed connected",
        Look::Number,
        6,
        &[("mcp_server_claimed_connected{target=\"$target\",server=\"$server\"}", "claimed")],
    ),
    Panel("Tools", Look::Number, 6, &[("mcp_server_tools{target=\"$target\",server=\"$server\"}", "tools")]),
    Panel(
        "What they cost in tokens",
        Look::Number,
        6,
        &[("mcp_server_tool_tokens{target=\"$target\",server=\"$server\"}", "tokens")],
    ),
    Panel("Verdict", Look::Bars, 24, &[("mcp_server_verdict{target=\"$target\",server=\"$server\"}", "{{verdict}}")]),
    Panel(
        "Canary call",
        Look::Lines,
        12,
        &[
            ("mcp_server_call_duration_seconds{target=\"$target\",server=\"$server\"}", "last"),
            (
                "target_server:mcp_client_operation_duration_seconds:p95_rate15m{target=\"$target\",server=\"$server\"}",
                "95 % in 15 min",
            ),
        ],
    ),
    Panel(
        "Failed calls",
        Look::Lines,
        12,
        &[(
            "sum by (error_type) (increase(mcp_client_operation_duration_seconds_count{target=\"$target\",server=\"$server\",error_type!=\"\"}[15m]))",
            "{{error_type}}",
        )],
    ),
    Panel(
        "Lost connections",
        Look::Lines,
        24,
        &[("mcp_server_flaps{target=\"$target\",server=\"$server\"}", "within flap_window")],
    ),
];

/// The dashboards by file name.
pub(super) fn all() -> Vec<(&'static str, String)> {
    let target = || variable("target", "label_values(mcp_target_info, target)", "mcp_target_info");
    let server = || variable("server", "label_values(mcp_server_verdict{target=\"$target\"}, server)", "mcp_server_verdict");
    [
        ("overview", "MCP hubs", OVERVIEW, vec![]),
        ("hub", "MCP hub", HUB, vec![target()]),
        ("server", "MCP server", SERVER, vec![target(), server()]),
    ]
    .into_iter()
    .map(|(name, title, panels, variables)| (name, dashboard(name, title, panels, variables)))
    .collect()
}

fn dashboard(name: &str, title: &str, panels: &[Panel], mut variables: Vec<Value>) -> String {
    let source = json!({"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"});
    variables.insert(0, source);
    let (mut x, mut y) = (0, 0);
    let mut drawn = Vec::new();
    for (n, panel) in panels.iter().enumerate() {
        if x + panel.2 > COLUMNS {
            (x, y) = (0, y + HEIGHT);
        }
        drawn.push(draw(n as u64 + 1, panel, x, y));
        x += panel.2;
    }
    let made = json!({
        "uid": format!("mcp-vitals-{name}"),
        "title": title,
        "tags": ["mcp", "mcp-vitals"],
        "schemaVersion": 39,
        "editable": true,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": variables},
        "links": [{"type": "dashboards", "tags": ["mcp-vitals"], "title": "mcp-vitals", "asDropdown": true, "keepTime": true, "includeVars": true}],
        "panels": drawn,
    });
    format!("{made:#}\n")
}

fn variable(name: &str, query: &str, metric: &str) -> Value {
    checked(metric, &[]);
    let source = json!({"type": "prometheus", "uid": "${datasource}"});
    json!({"name": name, "type": "query", "datasource": source, "definition": query, "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1})
}

fn draw(id: u64, Panel(title, look, width, shown): &Panel, x: u64, y: u64) -> Value {
    let source = json!({"type": "prometheus", "uid": "${datasource}"});
    let is_table = matches!(look, Look::Table);
    let target = |(n, (expr, legend)): (usize, &(&str, &str))| {
        let letter = char::from(b'A' + u8::try_from(n).expect("a few"));
        let format = if is_table { "table" } else { "time_series" };
        json!({"refId": letter.to_string(), "datasource": source, "expr": checked(expr, &recorded()), "legendFormat": legend, "instant": is_table, "format": format})
    };
    let targets: Vec<_> = shown.iter().enumerate().map(target).collect();
    let kind = match look {
        Look::Lines => "timeseries",
        Look::Number => "stat",
        Look::Table => "table",
        Look::Bars => "state-timeline",
    };
    // What the first metric says is what the panel says.
    let (unit, help) = METRICS
        .iter()
        .filter(|metric| shown[0].0.contains(metric.name))
        .max_by_key(|metric| metric.name.len())
        .map_or(("", ""), |metric| (metric.unit, metric.help));
    let unit = match unit {
        _ if shown[0].0.contains(":ratio") => "percentunit",
        "seconds" => "s",
        "bytes" => "bytes",
        "ratio" => "percentunit",
        _ => "short",
    };
    json!({
        "id": id,
        "type": kind,
        "title": title,
        "description": help,
        "datasource": source,
        "gridPos": {"h": HEIGHT, "w": width, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": targets,
    })
}
