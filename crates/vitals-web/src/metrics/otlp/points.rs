//! Metrics as OTLP: `Metric` with its points, cumulative since watching began.

use vitals_model::tally::Histogram;

use super::proto::{self, Message};
use super::{attribute, nanos};
use crate::metrics::{Kind, METRICS, Metric, Sink, View};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u64 = 2;

/// The one metric that OpenTelemetry names itself: our name, its name.
const CONVENTION: (&str, &str) = ("mcp_client_operation_duration_seconds", "mcp.client.operation.duration");

/// Every metric that has a point, as field 2 of one `ScopeMetrics` or, beyond `bytes_max`, of several: the points of one
/// metric may come in parts.
pub(super) fn all(view: &View<'_>, bytes_max: usize) -> Vec<Message> {
    let (start, now) = (nanos(view.snapshot.began_at), nanos(view.snapshot.at));
    let mut points = Points {
        metric: &METRICS[0],
        bytes_max,
        start,
        now,
        all: Message::default(),
        full: Vec::new(),
        scope: Message::default(),
    };
    for metric in METRICS {
        points.metric = metric;
        metric.read(view, &mut points);
        points.close();
    }
    points.full.push(points.scope);
    points.full
}

/// More than name, help, unit and lengths of a metric take.
const HEAD_BYTES: usize = 512;

fn described(metric: &Metric, points: &Message) -> Message {
    let name = if metric.name == CONVENTION.0 { CONVENTION.1 } else { metric.name };
    let unit = match metric.unit {
        "seconds" => "s",
        "bytes" => "By",
        _ => "1",
    };
    let head = Message::default().with_text(1, name).with_text(2, metric.help).with_text(3, unit);
    match metric.kind {
        Kind::Gauge | Kind::Info => head.with_message(5, points),
        Kind::Counter => head.with_message(7, &points.clone().with_number(2, CUMULATIVE).with_number(3, 1)),
        Kind::Histogram => head.with_message(9, &points.clone().with_number(2, CUMULATIVE)),
    }
}

/// Points on their way into messages.
struct Points {
    metric: &'static Metric,
    bytes_max: usize,
    start: u64,
    now: u64,
    /// The points of this metric, as field 1 of what holds them.
    all: Message,
    /// The metrics before it.
    scope: Message,
    /// What has no room for more.
    full: Vec<Message>,
}

impl Points {
    fn add(&mut self, point: &Message) {
        let held = self.scope.len() + self.all.len();
        if held > 0 && held + point.len() + HEAD_BYTES > self.bytes_max {
            self.close();
            self.full.push(std::mem::take(&mut self.scope));
        }
        self.all = std::mem::take(&mut self.all).with_message(1, point);
    }

    /// Puts the points of the metric in hand to those before it.
    fn close(&mut self) {
        if self.all.len() > 0 {
            let metric = described(self.metric, &std::mem::take(&mut self.all));
            self.scope = std::mem::take(&mut self.scope).with_message(2, &metric);
        }
    }

    /// The times of a point. A gauge has no start.
    fn begin(&self) -> Message {
        let point = Message::default();
        let point = if matches!(self.metric.kind, Kind::Gauge | Kind::Info) { point } else { point.with_fixed(2, self.start) };
        point.with_fixed(3, self.now)
    }
}

/// Adds the labels as attributes in this field.
fn labelled(point: Message, field: u64, labels: &[(&'static str, &str)]) -> Message {
    let set = labels.iter().filter(|(_, value)| !value.is_empty());
    set.fold(point, |point, (label, value)| point.with_message(field, &proto::text(attribute(label), value)))
}

impl Sink for Points {
    fn value(&mut self, labels: &[(&'static str, &str)], value: f64) {
        let point = self.begin().with_double(4, value);
        self.add(&labelled(point, 7, labels));
    }

    fn histogram(&mut self, labels: &[(&'static str, &str)], histogram: &Histogram) {
        let point = self
            .begin()
            .with_fixed(4, histogram.count())
            .with_double(5, histogram.sum())
            .with_packed(6, histogram.counts().iter().copied())
            .with_packed(7, Histogram::BOUNDS.iter().map(|bound| bound.to_bits()));
        let point = labelled(point, 9, labels);
        let is_call = labels.contains(&("mcp_method_name", "tools/call"));
        let point = if is_call { point.with_message(9, &proto::text("gen_ai.operation.name", "execute_tool")) } else { point };
        self.add(&point);
    }
}
