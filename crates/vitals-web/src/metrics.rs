//! Metrics: a snapshot as Prometheus and `OpenMetrics` read it. Every metric is a row of [`METRICS`]; the text, the
//! reference page, the rules and the dashboards are made from that table, so none can name another one.
//!
//! It keeps nothing: what a counter needs to only grow is in the snapshot's tally.

mod negotiate;
pub mod otlp;
mod points;
mod scrape;
mod table;
mod text;
mod view;

use vitals_model::snapshot::{Overhead, Snapshot};

pub use negotiate::Format;
pub(crate) use scrape::{Scrapes, router};
pub use table::{Kind, METRICS, Metric};
pub use view::View;

use vitals_model::tally::Histogram;

/// Where the points of a metric go, one call for each.
pub trait Sink {
    /// One value with its labels.
    fn value(&mut self, labels: &[(&'static str, &str)], value: f64);

    /// One histogram with its labels.
    fn histogram(&mut self, labels: &[(&'static str, &str)], histogram: &Histogram);
}

/// All metrics of a snapshot in the wanted format.
pub fn render(snapshot: &Snapshot, overhead: &Overhead, format: Format) -> String {
    text::snapshot(snapshot, format, 0) + &text::cost(overhead, format)
}
