//! The two text formats. They differ in the head of a family (`_total` and `_info` belong to the sample in
//! `OpenMetrics`, units are named) and in the last line.
//!
//! Sources: <https://prometheus.io/docs/instrumenting/exposition_formats/>, `OpenMetrics` 1.0.

use std::fmt::Write as _;

use vitals_model::snapshot::{Overhead, Snapshot};
use vitals_model::tally::Histogram;

use super::{Format, Kind, METRICS, Metric, Sink, View};

/// The bounds of [`Histogram::BOUNDS`] as `le` has them, the same in both formats, so that a scraper that changes
/// its mind finds the same series.
const LE: [&str; Histogram::BOUNDS.len() + 1] =
    ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1.0", "2.0", "5.0", "10.0", "30.0", "60.0", "120.0", "300.0", "+Inf"];

/// Everything that a snapshot says, in the wanted format; `bytes` is about how long it will be.
pub(super) fn snapshot(snapshot: &Snapshot, format: Format, bytes: usize) -> String {
    let mut out = String::with_capacity(bytes);
    let overhead = Overhead::default();
    write(&View::new(snapshot, &overhead), format, |metric| !metric.is_of_cost(), &mut out);
    out
}

/// What follows it: what watching costs, and the end.
pub(super) fn cost(overhead: &Overhead, format: Format) -> String {
    let mut out = String::new();
    write(&View::new(&Snapshot::default(), overhead), format, Metric::is_of_cost, &mut out);
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

fn write(view: &View<'_>, format: Format, wanted: impl Fn(&Metric) -> bool, out: &mut String) {
    for metric in METRICS.iter().filter(|metric| wanted(metric)) {
        metric.read(view, &mut Family { metric, format, has_head: false, labels: String::new(), out });
    }
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
                self.out.push_str(if self.labels.is_empty() { "le=\"" } else { ",le=\"" });
                self.out.push_str(le);
                self.out.push('"');
            }
            self.out.push('}');
        }
        // The shortest text that reads as the same number. Most are counts, which are written faster as such.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what was cut off would be seen")]
        let whole = value as u64;
        let is_whole = (whole as f64).to_bits() == value.to_bits();
        self.out.push(' ');
        if is_whole {
            digits(self.out, whole);
        } else {
            let _ = write!(self.out, "{value}");
        }
        self.out.push('\n');
    }
}

/// Writes a whole number. There are a hundred thousand of them for some hundred targets, and the formatting of the
/// standard library takes several times as long.
fn digits(out: &mut String, mut number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        // One digit is below ten.
        digits[first] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend(digits[first..].iter().map(|digit| char::from(*digit)));
}

/// Writes a label's value: backslash, quote and line feed are escaped, which is all that both formats ask for.
fn escape(out: &mut String, mut value: &str) {
    while let Some(at) = value.bytes().position(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
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
