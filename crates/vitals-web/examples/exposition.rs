//! How long the snapshot of many targets takes as metrics and as JSON:
//! `cargo run --release -p vitals-web --example exposition [TARGETS] [SERVERS]`.

use std::io::Write as _;

use vitals_model::limits::OTLP_BODY_BYTES_MAX;
use vitals_model::snapshot::Overhead;
use vitals_model::view::v1::CheckView;
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
    measure("OTLP", || otlp::metrics(&snapshot, &overhead, OTLP_BODY_BYTES_MAX).iter().map(Vec::len).sum())?;
    measure("JSON", || serde_json::to_vec(&CheckView::from(&snapshot)).map_or(0, |text| text.len()))
}

/// CPU time, so that other work on the machine does not count.
fn measure(what: &str, make: impl Fn() -> usize) -> std::io::Result<()> {
    let mut bytes = 0;
    let mut took: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let began = cpu();
            bytes = make();
            cpu().saturating_sub(began)
        })
        .collect();
    took.sort_unstable();
    writeln!(std::io::stdout(), "{what}: {bytes} bytes, CPU median {:?}, most {:?}", took[ROUNDS / 2], took[ROUNDS - 1])
}

/// CPU time of this thread so far.
fn cpu() -> std::time::Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    std::time::Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
