//! A `watch` somewhere else, by its stream `/api/v1/stream`: every `snapshot` event is a picture. A stream that is
//! lost is opened again, and the screen says so meanwhile.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;
use url::Url;
use vitals_model::config::{SecretRef, Timeouts};
use vitals_model::limits::BODY_BYTES_MAX;
use vitals_model::observation::Failure;
use vitals_model::snapshot::Snapshot;
use vitals_model::view::read::Follower;
use vitals_probe::http::sse::EventSource;
use vitals_probe::http::{Client, Request};
use vitals_probe::secret::{self, Secret};
use vitals_tui::Said;
use vitals_tui::said::{Link, Play};

use super::{Arrival, Source};

/// How long opening the stream may take.
const OPEN_MAX: Duration = Duration::from_secs(5);
/// How long to wait before a lost stream is opened again.
const RETRY_EVERY: Duration = Duration::from_secs(2);
/// A stream that is silent for this long has ended, whatever TCP thinks: a watch has news every few seconds.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A watch that we are attached to.
pub(super) struct Attached {
    client: Client,
    url: Url,
    stream: Option<EventSource>,
    follower: Follower,
    /// Not before this is a lost stream opened again.
    retry_at: Instant,
}

impl Attached {
    /// A watch that listens at `base`, with the token that it asks for.
    ///
    /// # Errors
    /// When `base` is no http URL, or there is no token where one is said to be.
    pub(super) fn new(base: &str, token: Option<&str>) -> anyhow::Result<Self> {
        let base = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
        let mut url = Url::parse(&base).with_context(|| format!("--connect {base} is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            bail!("--connect {base}: expected http:// or https://");
        }
        url.set_path(&format!("{}/api/v1/stream", url.path().trim_end_matches('/')));
        let headers = token.map(bearer).transpose()?.into_iter().map(|secret| ("authorization".to_owned(), secret)).collect();
        Ok(Self {
            client: Client::new(&Timeouts::default(), headers),
            url,
            stream: None,
            follower: Follower::default(),
            retry_at: Instant::now(),
        })
    }

    /// The first snapshot.
    ///
    /// # Errors
    /// When the watch cannot be reached, or sends none in time.
    pub(super) async fn first(&mut self) -> anyhow::Result<Arc<Snapshot>> {
        let read = async {
            loop {
                match self.next().await {
                    Some(Arrival::Snapshot(snapshot)) => return Ok(snapshot),
                    Some(Arrival::Said(Said::Link(Link::Lost(why)))) => bail!("{}: {why}", self.url),
                    Some(Arrival::Said(_)) | None => {}
                }
            }
        };
        tokio::time::timeout(OPEN_MAX, read).await.with_context(|| format!("no snapshot within {} s", OPEN_MAX.as_secs()))?
    }

    async fn open(&self) -> Result<EventSource, Failure> {
        let request = Request::get(&self.url).header("accept", "text/event-stream");
        EventSource::new(self.client.send(request, OPEN_MAX).await?.ok().await?, BODY_BYTES_MAX).await
    }

    fn lost(&mut self, why: &str) -> Arrival {
        self.stream = None;
        self.retry_at = Instant::now() + RETRY_EVERY;
        Arrival::Said(Said::Link(Link::Lost(why.to_owned())))
    }
}

/// The header's value for a token given as `env:NAME` or `file:PATH`: one on the command line would be seen by all.
fn bearer(reference: &str) -> anyhow::Result<Secret> {
    let reference = SecretRef::parse(reference);
    if matches!(reference, SecretRef::Plain(_)) {
        bail!("--token: expected env:NAME or file:PATH");
    }
    let token = secret::resolve(&reference).map_err(|_| anyhow::anyhow!("--token: there is none in {reference}"))?;
    Ok(Secret::new(format!("Bearer {}", token.expose())))
}

impl Source for Attached {
    async fn next(&mut self) -> Option<Arrival> {
        let Some(stream) = &mut self.stream else {
            tokio::time::sleep_until(self.retry_at).await;
            return Some(match self.open().await {
                Ok(stream) => {
                    self.stream = Some(stream);
                    Arrival::Said(Said::Link(Link::Held))
                }
                Err(failure) => self.lost(&failure.to_string()),
            });
        };
        let event = loop {
            match tokio::time::timeout(SILENCE_MAX, stream.next()).await {
                Ok(Ok(event)) if event.name == "snapshot" => break event,
                Ok(Ok(_)) => {}
                Ok(Err(failure)) => return Some(self.lost(&failure.to_string())),
                Err(_) => return Some(self.lost("the watch is silent")),
            }
        };
        Some(match self.follower.read(&event.data) {
            Ok(snapshot) => Arrival::Snapshot(Arc::new(snapshot)),
            Err(error) => self.lost(&format!("what the watch sends cannot be read: {error}")),
        })
    }

    fn play(&mut self, _play: Play) {}
}
