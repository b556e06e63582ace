//! The dead man's switch: a URL that is asked for as long as probes are truly sent. The loop gives the beat, from its own
//! progress; what goes on in the network holds up nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use url::Url;
use vitals_model::config::{SecretRef, Timeouts};
use vitals_model::limits::RECEIPT_BYTES_MAX;
use vitals_model::notice;
use vitals_probe::http::{Client, Proxy, Request};
use vitals_probe::secret;
use vitals_probe::task::Task;

/// How long one beat may take.
const BEAT_MAX: Duration = Duration::from_secs(10);

/// A beating heart. It stops with this.
pub(crate) struct Heartbeat {
    every: Duration,
    next: Instant,
    bell: Arc<Notify>,
    /// Why the last beat was not heard; `None` when it was.
    unheard: watch::Receiver<Option<String>>,
    _task: Task,
}

impl Heartbeat {
    /// Starts it; `None` where no URL is configured.
    pub(crate) fn start(settings: &notice::Heartbeat, proxy: Option<Proxy>) -> Option<Self> {
        let url = settings.url.clone()?;
        let bell = Arc::<Notify>::default();
        let (say, unheard) = watch::channel(None);
        let rung = Arc::clone(&bell);
        let task = Task::spawn(async move {
            let client = Client::new(&Timeouts { connect: BEAT_MAX, ..Timeouts::default() }, Vec::new()).with_proxy(proxy);
            loop {
                rung.notified().await;
                let why = beat(&client, &url).await.err();
                say.send_if_modified(|before| {
                    let is_news = before.is_some() != why.is_some();
                    *before = why;
                    is_news
                });
            }
        });
        Some(Self { every: settings.every, next: Instant::now(), bell, unheard, _task: task })
    }

    /// Beats when it is time; one that is under way is not joined by another.
    pub(crate) fn beat(&mut self, now: Instant) {
        if now >= self.next {
            self.next = now + self.every;
            self.bell.notify_one();
        }
    }

    /// What is to be said of it, when it is not heard any more, or is again.
    pub(crate) fn news(&mut self) -> Option<String> {
        if !self.unheard.has_changed().unwrap_or(false) {
            return None;
        }
        Some(match &*self.unheard.borrow_and_update() {
            Some(why) => format!("the heartbeat is not heard: {why}"),
            None => "the heartbeat is heard again".to_owned(),
        })
    }
}

async fn beat(client: &Client, url: &SecretRef) -> Result<(), String> {
    let secret = secret::resolve(url).map_err(|failure| failure.to_string())?;
    let url = Url::parse(secret.expose()).ok().filter(Url::has_host);
    let url = url.ok_or_else(|| "its address is no URL".to_owned())?;
    let answer = client.send(Request::get(&url).hiding(&secret), BEAT_MAX).await;
    let answer = async { answer?.ok().await?.bytes(RECEIPT_BYTES_MAX).await };
    answer.await.map(drop).map_err(|failure| failure.to_string())
}
