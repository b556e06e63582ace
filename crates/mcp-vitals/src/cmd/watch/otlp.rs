//! Sends metrics and traces to a collector of OpenTelemetry, on a thread and a runtime of its own: a collector that
//! is slow or gone delays no probe. What it does not take is counted and not sent again: metrics are cumulative, so
//! the next ones say the same, and traces are samples.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use url::Url;
use vitals_model::config::{Otlp, Timeouts};
use vitals_model::snapshot::{Exported, Snapshot};
use vitals_probe::http::{Client, Method, Proxy, Request};
use vitals_probe::{process, secret};
use vitals_web::metrics::otlp::{self, METRICS_PATH, TRACES_PATH, Traces};

use crate::render;

/// How long one request may take.
const REQUEST_MAX: Duration = Duration::from_secs(10);

/// Longest answer that is read; it says little.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How long the last requests may take when the watch ends.
const END_MAX: Duration = Duration::from_secs(2);

/// What was sent so far; shared with whoever shows it.
#[derive(Debug, Default)]
pub(super) struct Counts {
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    /// As metrics tell it.
    pub(super) fn exported(&self) -> Exported {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Exported { sent: of(&self.sent), failed: of(&self.failed), dropped: of(&self.dropped) }
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
            is_refused: false,
        };
        let interval = settings.interval;
        let (say_finished, at_end) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot send to otlp")?;
        std::thread::spawn(move || {
            runtime.block_on(sender.run(snapshots, interval));
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
    /// Whether the last request was refused, which is said once.
    is_refused: bool,
}

impl Sender {
    async fn run(mut self, mut snapshots: watch::Receiver<Arc<Snapshot>>, interval: Duration) {
        let mut due = tokio::time::interval(interval);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        due.reset();
        let mut traces = Traces::default();
        loop {
            tokio::select! {
                changed = snapshots.changed() => {
                    let snapshot = Arc::clone(&snapshots.borrow_and_update());
                    traces.take(&snapshot);
                    if changed.is_err() {
                        return self.send(&snapshot, &mut traces).await;
                    }
                }
                _ = due.tick() => {
                    let snapshot = Arc::clone(&snapshots.borrow());
                    self.send(&snapshot, &mut traces).await;
                }
            }
        }
    }

    async fn send(&mut self, snapshot: &Snapshot, traces: &mut Traces) {
        self.counts.dropped.store(traces.dropped(), Ordering::Relaxed);
        let overhead = vitals_model::snapshot::Overhead { export: Some(self.counts.exported()), ..process::own() };
        self.post(self.metrics.clone(), otlp::metrics(snapshot, &overhead)).await;
        if let Some(body) = traces.body() {
            self.post(self.traces.clone(), body).await;
        }
    }

    async fn post(&mut self, url: Url, body: Vec<u8>) {
        let request = Request::new(Method::POST, &url).header("content-type", otlp::CONTENT_TYPE).body(body.into());
        let taken = async { self.client.send(request, REQUEST_MAX).await?.ok().await?.bytes(ANSWER_BYTES_MAX).await };
        match taken.await {
            Ok(_) => {
                self.counts.sent.fetch_add(1, Ordering::Relaxed);
                self.is_refused = false;
            }
            Err(failure) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                if !std::mem::replace(&mut self.is_refused, true) {
                    render::note(&format!("otlp: {url}: {failure}; trying on"));
                }
            }
        }
    }
}
