//! What it costs to be asked: every representation of a snapshot is written once, and soon enough with 500 targets. CPU
//! time of the thread is counted, which other work on the machine does not lengthen.

use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;
use vitals_model::snapshot::Snapshot;

use super::fixture::{Fixed, get};
use super::fleet;
use crate::Reach;
use crate::metrics::{Format, Scrapes};
use crate::stream::Feed;

/// Longest time for one representation of 500 targets with four servers each. Without optimisation the same code takes
/// some ten times as long, so a debug build holds it to that; `cargo xtask bench` has the figures of the program itself.
const WRITE_MAX: Duration = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 50 });

/// Longest time for what was written before.
const KEPT_MAX: Duration = Duration::from_millis(1);

/// CPU time that this thread takes for something; the least of three, since caches are cold at first.
fn cpu<T>(mut work: impl FnMut() -> T) -> Duration {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
    };
    let once = |_| {
        let began = now();
        drop(work());
        now().saturating_sub(began)
    };
    (0..3).map(once).min().unwrap_or_default()
}

#[test]
fn five_hundred_targets_are_written_in_time_and_once() {
    let snapshots: Vec<_> = (0..4).map(|_| Arc::new(fleet::fleet(500, 4))).collect();
    let (scrapes, feed) = (Scrapes::default(), Feed::new(watch::channel(Arc::clone(&snapshots[0])).1));
    let each = |write: &dyn Fn(&Arc<Snapshot>)| {
        let mut next = snapshots.iter().cycle();
        (cpu(|| write(next.next().expect("without end"))), cpu(|| write(&snapshots[2])))
    };
    let costs = [
        ("metrics", each(&|snapshot| drop(scrapes.of(snapshot, Format::Prometheus)))),
        ("OpenMetrics", each(&|snapshot| drop(scrapes.of(snapshot, Format::OpenMetrics)))),
        ("JSON", each(&|snapshot| drop(feed.written(snapshot)))),
    ];
    assert!(costs.iter().all(|(_, (write, kept))| *write <= WRITE_MAX && *kept <= KEPT_MAX), "{costs:?}");
}

#[tokio::test]
async fn a_new_snapshot_is_written_anew_and_what_watching_costs_is_told_each_time() {
    let source = Fixed::with(fleet::lying());
    let router = source.router(Reach::Loopback);
    let (first, again) = (get(&router, "/metrics").await, get(&router, "/metrics").await);
    assert_eq!(first.header("content-length"), first.text.len().to_string());
    assert!(first.text.contains("} 1\n") && first.text.contains("\nprocess_threads "));
    let of_snapshot = |text: &str| text.split("# HELP process_").next().unwrap_or_default().to_owned();
    assert_eq!(of_snapshot(&first.text), of_snapshot(&again.text));
    source.snapshots.send_replace(Arc::new(fleet::healthy()));
    let healthy = get(&router, "/metrics").await;
    let is_ghost = "mcp_server_verdict{target=\"hub-7001\",server=\"filesystem\",verdict=\"ghost\"} 1";
    assert!(first.text.contains(is_ghost) && !healthy.text.contains(is_ghost));
    assert!(get(&router, "/api/v1/snapshot").await.text.contains("\"verdict\":\"agrees\""));
}
