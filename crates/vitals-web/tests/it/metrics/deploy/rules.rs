//! Recording and alerting rules.

use std::fmt::Write as _;

use super::promql::checked;

const HEAD: &str = "# Made by `cargo xtask gen` from the table of metrics in vitals-web; do not edit.\n";

/// Recordings: `level:metric:operation`, as Prometheus advises.
pub(super) const RECORDINGS: [(&str, &str); 5] = [
    ("target:mcp_server_up:ratio", "avg by (target) (mcp_server_up)"),
    (
        "target:mcp_client_operation_failures:ratio_rate5m",
        "sum by (target) (rate(mcp_client_operation_duration_seconds_count{error_type!=\"\"}[5m])) \
         / sum by (target) (rate(mcp_client_operation_duration_seconds_count[5m]))",
    ),
    (
        "target_server:mcp_client_operation_duration_seconds:p95_rate15m",
        "histogram_quantile(0.95, sum by (target, server, le) \
         (rate(mcp_client_operation_duration_seconds_bucket{mcp_method_name=\"tools/call\"}[15m])))",
    ),
    ("target:mcp_incidents:increase1d", "sum by (target, severity) (increase(mcp_incidents_total[1d]))"),
    (
        "target:mcp_hub_log_errors:rate5m",
        "max by (target) (sum by (target, source) (rate(mcp_hub_log_records_total{level=~\"error|fatal\"}[5m])))",
    ),
];

/// An alert.
struct Alert {
    name: &'static str,
    expr: &'static str,
    /// How long it must hold. A verdict and an incident have had their patience already.
    lasts: &'static str,
    severity: &'static str,
    summary: &'static str,
    description: &'static str,
}

const ALERTS: [Alert; 17] = [
    Alert {
        name: "McpServerGhost",
        expr: "mcp_server_verdict{verdict=\"ghost\"} > 0",
        lasts: "0s",
        severity: "critical",
        summary: "{{ $labels.server }} behind {{ $labels.target }} is dead, and the hub says that it is connected",
        description: "Calls to its tools fail. Restart the server through the hub; `mcp-vitals explain` has the evidence.",
    },
    Alert {
        name: "McpServerHung",
        expr: "mcp_server_verdict{verdict=\"hung\"} > 0",
        lasts: "0s",
        severity: "critical",
        summary: "{{ $labels.server }} behind {{ $labels.target }} does not answer, and the hub says that it is connected",
        description: "Its process is there. Restart the server through the hub.",
    },
    Alert {
        name: "McpServerDropped",
        expr: "mcp_server_verdict{verdict=\"dropped\"} > 0",
        lasts: "1m",
        severity: "critical",
        summary: "the hub {{ $labels.target }} lost tools of {{ $labels.server }}",
        description: "Its REST list has them, its MCP clients do not see them.",
    },
    Alert {
        name: "McpServerMisrepresented",
        expr: "max by (target, server, verdict) (mcp_server_verdict{verdict=~\"hidden|phantom|drifted\"}) > 0",
        lasts: "5m",
        severity: "warning",
        summary: "what {{ $labels.target }} says of {{ $labels.server }} is not so: {{ $labels.verdict }}",
        description: "Hidden works and is claimed down, phantom is listed and nowhere, drifted is not what was approved.",
    },
    Alert {
        name: "McpServerDown",
        expr: "mcp_server_up == 0 unless on (target, server) mcp_server_verdict{verdict=~\"ghost|hung|dropped|expected-down\"} > 0",
        lasts: "1m",
        severity: "critical",
        summary: "{{ $labels.server }} behind {{ $labels.target }} is down",
        description: "The hub says so too, or it is watched directly.",
    },
    Alert {
        name: "McpIncidentCritical",
        expr: "sum by (target, point) (mcp_incidents_open{severity=\"critical\",point!=\"hub-servers\"}) > 0",
        lasts: "0s",
        severity: "critical",
        summary: "critical incident at {{ $labels.point }} of {{ $labels.target }}",
        description: "`mcp-vitals incidents list` says which.",
    },
    Alert {
        name: "McpIncidentWarning",
        expr: "sum by (target, point) (mcp_incidents_open{severity=\"warning\"}) > 0",
        lasts: "10m",
        severity: "warning",
        summary: "incident at {{ $labels.point }} of {{ $labels.target }} lasts",
        description: "`mcp-vitals incidents list` says which.",
    },
    Alert {
        name: "McpTargetFailing",
        expr: "mcp_target_health{health=\"failing\"} == 1",
        lasts: "1m",
        severity: "critical",
        summary: "{{ $labels.target }} is failing",
        description: "`mcp-vitals check` says why and what to do.",
    },
    Alert {
        name: "McpTargetUnknown",
        expr: "mcp_target_health{health=\"unknown\"} == 1",
        lasts: "10m",
        severity: "warning",
        summary: "nobody can tell how {{ $labels.target }} is",
        description: "What says whether it lives could not be measured for ten minutes.",
    },
    Alert {
        name: "McpTargetScorePoor",
        expr: "mcp_target_score < 50",
        lasts: "10m",
        severity: "warning",
        summary: "the score of {{ $labels.target }} is {{ $value }}",
        description: "Below 50 is poor.",
    },
    Alert {
        name: "McpOperationsFailing",
        expr: "target:mcp_client_operation_failures:ratio_rate5m > 0.1",
        lasts: "10m",
        severity: "warning",
        summary: "{{ $value | humanizePercentage }} of our MCP operations on {{ $labels.target }} fail",
        description: "See error_type of mcp_client_operation_duration_seconds.",
    },
    Alert {
        name: "McpLlmDown",
        expr: "mcp_llm_up == 0",
        lasts: "10m",
        severity: "warning",
        summary: "the LLM provider of {{ $labels.target }} refuses or does not answer",
        description: "Tool filtering falls back to keywords.",
    },
    Alert {
        name: "McpVitalsAbsent",
        expr: "absent(mcp_vitals_info)",
        lasts: "5m",
        severity: "critical",
        summary: "mcp-vitals is not scraped: nobody watches",
        description: "Silence is never success.",
    },
    Alert {
        name: "McpVitalsIdle",
        expr: "mcp_vitals_targets > 0 and increase(mcp_vitals_probes_total[10m]) == 0",
        lasts: "5m",
        severity: "critical",
        summary: "mcp-vitals has sent no probe for ten minutes",
        description: "What it says of its targets is old.",
    },
    Alert {
        name: "McpTargetNotObserved",
        expr: "time() - mcp_target_observed_timestamp_seconds > 900",
        lasts: "5m",
        severity: "warning",
        summary: "no probe came back from {{ $labels.target }} for a quarter of an hour",
        description: "With --classic, probes are that rare: raise the bound.",
    },
    Alert {
        name: "McpVitalsHistoryNotKept",
        expr: "mcp_vitals_history_kept == 0",
        lasts: "5m",
        severity: "warning",
        summary: "mcp-vitals cannot write its history",
        description: "Watching goes on in memory. Make room on its disk.",
    },
    Alert {
        name: "McpVitalsDropping",
        expr: "increase(mcp_vitals_dropped_total[15m]) > 0 or increase(mcp_vitals_history_lost_total[15m]) > 0",
        lasts: "0s",
        severity: "warning",
        summary: "mcp-vitals loses observations or records",
        description: "A queue was full, or history cannot be written.",
    },
];

/// The names of all recordings.
pub(super) fn recorded() -> Vec<&'static str> {
    RECORDINGS.iter().map(|(name, _)| *name).collect()
}

pub(super) fn recordings() -> String {
    let mut out = format!("{HEAD}groups:\n  - name: mcp-vitals-recordings\n    rules:\n");
    for (name, expr) in RECORDINGS {
        let _ = writeln!(out, "      - record: {name}\n        expr: {}", quoted(&checked(expr, &recorded())));
    }
    out
}

pub(super) fn alerts() -> String {
    let mut out = format!("{HEAD}groups:\n  - name: mcp-vitals\n    rules:\n");
    for alert in &ALERTS {
        let Alert { name, lasts, severity, summary, description, .. } = alert;
        let _ = writeln!(out, "      - alert: {name}\n        expr: {}", quoted(&checked(alert.expr, &recorded())));
        let _ = writeln!(out, "        for: {lasts}\n        labels:\n          severity: {severity}\n        annotations:");
        let _ = writeln!(out, "          summary: {}\n          description: {}", quoted(summary), quoted(description));
    }
    out
}

/// A text as YAML: a JSON string is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
