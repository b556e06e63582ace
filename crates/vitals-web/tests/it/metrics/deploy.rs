//! The files for Prometheus and Grafana, and the reference page, made from the table of metrics. `UPDATE=1` writes
//! them; without it what is committed must be what is made.
//!
//! Every expression is looked through: a metric, a label or a recording that does not exist is refused.

mod dashboards;
mod promql;
mod rules;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use vitals_web::metrics::{Kind, METRICS};

/// A file below the root of the repository.
pub(crate) fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

#[expect(clippy::disallowed_methods, reason = "whether the files are to be written is the developer's word")]
fn held(path: &str, made: &str) {
    let file = in_repository(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("the repository can be written");
        std::fs::write(&file, made).expect("the repository can be written");
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == made, "{path} is not what is made from the metrics: run `cargo xtask gen`");
}

#[test]
fn the_reference_of_rules_is_generated() {
    held("deploy/prometheus/recording.yml", &rules::recordings());
    held("deploy/prometheus/alerts.yml", &rules::alerts());
}

#[test]
fn the_reference_of_dashboards_is_generated() {
    for (name, made) in dashboards::all() {
        held(&format!("deploy/grafana/{name}.json"), &made);
    }
}

#[test]
fn the_reference_of_metrics_is_generated() {
    let mut page = String::from(
        "# Metrics\n\n<!-- Made by `cargo xtask gen` from the table in vitals-web; do not edit. -->\n\n\
         What `/metrics` tells. [The guide](../guide/metrics.md) shows how to scrape it, and the rules and dashboards that\n\
         come with it. A metric without a value just now is left out.\n\n\
         | name | type | labels | what it says |\n|---|---|---|---|\n",
    );
    for metric in METRICS {
        let labels: Vec<_> = metric.labels().iter().map(|label| format!("`{label}`")).collect();
        let kind = match metric.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Info => "info",
            Kind::Histogram => "histogram",
        };
        let _ = writeln!(page, "| `{}` | {kind} | {} | {} |", metric.name, labels.join(" "), metric.help);
    }
    held("docs/reference/metrics.md", &page);
}
