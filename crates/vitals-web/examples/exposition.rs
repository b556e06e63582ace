//! How long the metrics of many targets take: `cargo run --release -p vitals-web --example exposition [TARGETS] [SERVERS]`.

use std::io::Write as _;

use vitals_model::limits::OTLP_BODY_BYTES_MAX;
use vitals_model::snapshot::Overhead;
use vitals_web::metrics::{Format, otlp, render};

#[path = "../tests/it/metrics/fixtures.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod fixtures;

/// Rounds; the median of them is told.
const ROUNDS: usize = 21;

fn main() -> std::io::Result<()> {
    let mut numbers = std::env::args().skip(1).map_while(|arg| arg.parse().ok());
    let (targets, servers) = (numbers.next().unwrap_or(500), numbers.next().unwrap_or(4));
    writeln!(std::io::stdout(), "{targets} targets x {servers} servers")?;
    let snapshot = fixtures::fleet(targets, servers);
    let overhead = Overhead::default();
    measure("Prometheus", || render(&snapshot, &overhead, Format::Prometheus).len())?;
    measure("OpenMetrics", || render(&snapshot, &overhead, Format::OpenMetrics).len())?;
    measure("OTLP", || otlp::metrics(&snapshot, &overhead, OTLP_BODY_BYTES_MAX).iter().map(Vec::len).sum())
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn measure(what: &str, make: impl Fn() -> usize) -> std::io::Result<()> {
    let mut bytes = 0;
    let mut took: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let began = std::time::Instant::now();
            bytes = make();
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    writeln!(std::io::stdout(), "{what}: {bytes} bytes, median {:?}, most {:?}", took[ROUNDS / 2], took[ROUNDS - 1])
}
