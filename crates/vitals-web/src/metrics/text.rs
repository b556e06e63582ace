//! The two text formats. They differ in the head of a family (`_total` and `_info` belong to the sample in
//! `OpenMetrics`, units are named) and in the last line.
//!
//! Sources: <https://prometheus.io/docs/instrumenting/exposition_formats/>, `OpenMetrics` 1.0.

use std::fmt::Write as _;

use vitals_model::tally::Histogram;

use super::{Format, Kind, METRICS, Metric, Sink, View};

/// The bounds of [`Histogram::BOUNDS`] as `le` has them, the same in both formats, so that a scraper that changes
/// its mind finds the same series.
const LE: [&str; Histogram::BOUNDS.len() + 1] =
    ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1.0", "2.0", "5.0", "10.0", "30.0", "60.0", "120.0", "300.0", "+Inf"];

/// Everything that a view has, in the wanted format.
pub(super) fn write(view: &View<'_>, format: Format) -> String {
    let mut out = String::new();
    for metric in METRICS {
        metric.read(view, &mut Family { metric, format, has_head: false, labels: String::new(), out: &mut out });
    }
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

/// One metric on its way into the text. Its head is written with its first sample.
struct Family<'a> {
    metric: &'a Metric,
    format: Format,
    has_head: bool,
    /// The labels of the point in hand.
    labels: String,
    out: &'a mut String,
}

impl Sink for Family<'_> {
    fn value(&mut self, labels: &[(&'static str, &str)], value: f64) {
        self.begin(labels);
        self.sample("", None, value);
    }

    fn histogram(&mut self, labels: &[(&'static str, &str)], histogram: &Histogram) {
        self.begin(labels);
        let mut below = 0;
        for (le, count) in LE.iter().zip(histogram.counts()) {
            below += count;
            self.sample("_bucket", Some(le), below as f64);
        }
        self.sample("_sum", None, histogram.sum());
        self.sample("_count", None, below as f64);
    }
}

impl Family<'_> {
    fn begin(&mut self, labels: &[(&'static str, &str)]) {
        if !self.has_head {
            self.has_head = true;
            self.head();
        }
        self.labels.clear();
        // An empty label is the same as none.
        for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
            if !self.labels.is_empty() {
                self.labels.push(',');
            }
            self.labels.push_str(name);
            self.labels.push_str("=\"");
            escape(&mut self.labels, value);
            self.labels.push('"');
        }
    }

    fn head(&mut self) {
        let Metric { name, kind, unit, help, .. } = *self.metric;
        let (family, kind) = match (self.format, kind) {
            (Format::OpenMetrics, Kind::Counter) => (name.trim_end_matches("_total"), "counter"),
            (Format::OpenMetrics, Kind::Info) => (name.trim_end_matches("_info"), "info"),
            (Format::Prometheus, Kind::Counter) => (name, "counter"),
            (_, Kind::Gauge | Kind::Info) => (name, "gauge"),
            (_, Kind::Histogram) => (name, "histogram"),
        };
        // Our own texts have nothing to escape; a test holds that.
        let _ = writeln!(self.out, "# HELP {family} {help}\n# TYPE {family} {kind}");
        if self.format == Format::OpenMetrics && !unit.is_empty() {
            let _ = writeln!(self.out, "# UNIT {family} {unit}");
        }
    }

    fn sample(&mut self, suffix: &str, le: Option<&str>, value: f64) {
        self.out.push_str(self.metric.name);
        self.out.push_str(suffix);
        if !self.labels.is_empty() || le.is_some() {
            self.out.push('{');
            self.out.push_str(&self.labels);
            if let Some(le) = le {
                let comma = if self.labels.is_empty() { "" } else { "," };
                let _ = write!(self.out, "{comma}le=\"{le}\"");
            }
            self.out.push('}');
        }
        // The shortest text that reads as the same number. Most are counts, which are written faster as such.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what was cut off would be seen")]
        let whole = value as u64;
        let is_whole = (whole as f64).to_bits() == value.to_bits();
        let _ = if is_whole { writeln!(self.out, " {whole}") } else { writeln!(self.out, " {value}") };
    }
}

/// Writes a label's value: backslash, quote and line feed are escaped, which is all that both formats ask for.
fn escape(out: &mut String, mut value: &str) {
    while let Some(at) = value.find(['\\', '"', '\n']) {
        out.push_str(&value[..at]);
        out.push_str(match value.as_bytes()[at] {
            b'\\' => "\\\\",
            b'"' => "\\\"",
            _ => "\\n",
        });
        value = &value[at + 1..];
    }
    out.push_str(value);
}
