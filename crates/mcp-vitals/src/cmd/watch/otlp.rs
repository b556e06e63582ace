//! Sends metrics and traces to a collector of OpenTelemetry, on a thread and a runtime of its own: a collector that
//! is slow or gone delays no probe. While a request is tried again the next ones wait: metrics are cumulative, so that
//! only their grain grows coarser, and traces wait within their limit. What is given up is counted.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use url::Url;
use vitals_model::config::{Otlp, Timeouts};
use vitals_model::limits::{OTLP_BODY_BYTES_MAX, OTLP_TRIES_MAX};
use vitals_model::observation::{Failure, FailureKind, Phase};
use vitals_model::snapshot::{Exported, Overhead, Snapshot};
use vitals_probe::http::{Client, Method, Proxy, Request};
use vitals_probe::{clock, process, secret};
use vitals_web::metrics::otlp::{self, METRICS_PATH, TRACES_PATH, Traces};

use crate::render;

/// How long one request may take.
const REQUEST_MAX: Duration = Duration::from_secs(10);

/// Longest answer that is read; it says little.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How long the last requests may take when the watch ends.
const END_MAX: Duration = Duration::from_secs(2);

/// How long to wait before a request is sent once more, where the collector does not say; each time twice as long.
const PAUSE: Duration = Duration::from_secs(1);

/// What was sent so far; shared with whoever shows it.
#[derive(Debug, Default)]
pub(super) struct Counts {
    sent: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    /// Runs of probes whose trace was not taken.
    refused: AtomicU64,
    /// Runs of probes of which no trace was made.
    dropped: AtomicU64,
}

impl Counts {
    /// As metrics tell it.
    pub(super) fn exported(&self) -> Exported {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Exported {
            sent: of(&self.sent),
            failed: of(&self.failed),
            retried: of(&self.retried),
            dropped: of(&self.dropped) + of(&self.refused),
        }
    }
}

/// The sending thread; it ends with the snapshots.
pub(super) struct Export {
    pub(super) counts: Arc<Counts>,
    at_end: mpsc::Receiver<()>,
}

impl Export {
    /// Begins, where an endpoint is configured.
    ///
    /// # Errors
    /// A header whose secret has no value here.
    pub(super) fn start(
        settings: &Otlp,
        proxy: Option<Proxy>,
        snapshots: watch::Receiver<Arc<Snapshot>>,
    ) -> anyhow::Result<Option<Self>> {
        let Some(endpoint) = &settings.endpoint else { return Ok(None) };
        let value = |(name, reference): (&String, &_)| {
            let value = secret::resolve(reference).map_err(|why| anyhow::anyhow!("the header {name} of otlp: {why}"))?;
            Ok((name.clone(), value))
        };
        let headers = settings.headers.iter().map(value).collect::<anyhow::Result<Vec<_>>>()?;
        let client = Client::new(&Timeouts::default(), headers).with_proxy(proxy);
        let url = |path: &str| Url::parse(&format!("{endpoint}{path}")).with_context(|| format!("otlp: {endpoint} is no URL"));
        let counts = Arc::<Counts>::default();
        let sender = Sender {
            client,
            metrics: url(METRICS_PATH)?,
            traces: url(TRACES_PATH)?,
            counts: Arc::clone(&counts),
            snapshots,
            not_before: Instant::now(),
            is_refused: false,
        };
        let interval = settings.interval;
        let (say_finished, at_end) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot send to otlp")?;
        std::thread::spawn(move || {
            runtime.block_on(sender.run(interval));
            let _ = say_finished.send(());
        });
        Ok(Some(Self { counts, at_end }))
    }

    /// Waits until the last is sent, for [`END_MAX`] at most, and says what was. The snapshots must have ended.
    pub(super) fn end(self) -> Exported {
        let _ = self.at_end.recv_timeout(END_MAX);
        self.counts.exported()
    }
}

struct Sender {
    client: Client,
    metrics: Url,
    traces: Url,
    counts: Arc<Counts>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    /// The collector wants no request before this.
    not_before: Instant,
    /// Whether the last request was refused, which is said once.
    is_refused: bool,
}

/// Waits until there will be no more snapshots.
async fn ended(mut snapshots: watch::Receiver<Arc<Snapshot>>) {
    drop(snapshots.wait_for(|_| false).await);
}

impl Sender {
    async fn run(mut self, interval: Duration) {
        let (traces, mut snapshots, counts) = (RefCell::new(Traces::default()), self.snapshots.clone(), Arc::clone(&self.counts));
        let gather = async {
            while snapshots.changed().await.is_ok() {
                let snapshot = Arc::clone(&snapshots.borrow_and_update());
                traces.borrow_mut().take(&snapshot);
                counts.dropped.store(traces.borrow().dropped(), Ordering::Relaxed);
            }
        };
        let send = async {
            let mut due = tokio::time::interval(interval);
            due.set_missed_tick_behavior(MissedTickBehavior::Delay);
            due.reset();
            let mut is_over = false;
            while !is_over {
                tokio::select! {
                    _ = due.tick() => {}
                    () = ended(self.snapshots.clone()) => is_over = true,
                }
                self.send(&traces).await;
            }
        };
        tokio::join!(gather, send);
    }

    async fn send(&mut self, traces: &RefCell<Traces>) {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let overhead = Overhead { export: Some(self.counts.exported()), ..process::own() };
        let metrics = self.metrics.clone();
        for body in otlp::metrics(&snapshot, &overhead, OTLP_BODY_BYTES_MAX) {
            self.deliver(&metrics, body).await;
        }
        let (url, bodies) = (self.traces.clone(), traces.borrow_mut().bodies(OTLP_BODY_BYTES_MAX));
        for (body, runs) in bodies {
            if !self.deliver(&url, body).await {
                self.counts.refused.fetch_add(runs, Ordering::Relaxed);
            }
        }
    }

    /// Sends a request until it is taken, or there is no use in sending it again. When the watch ends nothing is waited for.
    async fn deliver(&mut self, url: &Url, body: Vec<u8>) -> bool {
        let request = Request::new(Method::POST, url).header("content-type", otlp::CONTENT_TYPE).body(body.into());
        let mut pause = PAUSE;
        for nth in 1..=OTLP_TRIES_MAX {
            tokio::select! {
                () = tokio::time::sleep_until(self.not_before) => {}
                () = ended(self.snapshots.clone()) => {}
            }
            self.counts.retried.fetch_add(u64::from(nth > 1), Ordering::Relaxed);
            let request = request.clone();
            let taken = async { self.client.send(request, REQUEST_MAX).await?.ok().await?.bytes(ANSWER_BYTES_MAX).await };
            let Err(failure) = taken.await else {
                self.counts.sent.fetch_add(1, Ordering::Relaxed);
                if std::mem::take(&mut self.is_refused) {
                    render::note("otlp: the collector takes requests again");
                }
                return true;
            };
            let wait = before_another(&failure, pause);
            self.not_before = Instant::now() + wait.unwrap_or_default();
            pause *= 2;
            if !std::mem::replace(&mut self.is_refused, true) {
                render::note(&format!("otlp: {url}: {failure}; trying on"));
            }
            if wait.is_none() || self.snapshots.has_changed().is_err() {
                break;
            }
        }
        self.counts.failed.fetch_add(1, Ordering::Relaxed);
        false
    }
}

/// How long to wait before a refused request is sent once more; `None` when that is of no use. The statuses are those of
/// OTLP/HTTP (1.9, *retryable response codes*), which also wants a lost connection tried again. The pause is stretched by
/// up to a quarter, so that many watches do not come back to a collector at the same instant.
fn before_another(failure: &Failure, pause: Duration) -> Option<Duration> {
    let spread = pause / 4 * u32::try_from(clock::now().as_millis().rem_euclid(64)).unwrap_or(0) / 64;
    match &failure.kind {
        FailureKind::Status { code: 429 | 502 | 503 | 504, retry_after } => Some(retry_after.unwrap_or(pause + spread)),
        // An answer that came and could not be read says that it was taken, or not: that is not known.
        _ if failure.phase == Phase::Body => None,
        FailureKind::Refused
        | FailureKind::Unreachable
        | FailureKind::NoSuchHost
        | FailureKind::TimedOut(_)
        | FailureKind::Closed => Some(pause + spread),
        _ => None,
    }
}
