//! A `watch` somewhere else, by its stream `/api/v1/stream`: every `snapshot` event is a picture. A stream that is
//! lost is opened again, and the screen says so meanwhile.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use tokio::time::Instant;
use url::Url;
use vitals_model::config::{SecretRef, Timeouts};
use vitals_model::limits::BODY_BYTES_MAX;
use vitals_model::observation::Failure;
use vitals_model::snapshot::Snapshot;
use vitals_model::text::Text;
use vitals_model::view::read::Follower;
use vitals_probe::http::sse::EventSource;
use vitals_probe::http::{Client, Request};
use vitals_probe::secret::{self, Secret};
use vitals_tui::Said;
use vitals_tui::said::{Link, Play};

use super::{Arrival, Source};

/// How long opening the stream may take.
const OPEN_MAX: Duration = Duration::from_secs(5);
/// How long the watch may take to do what it is asked: it shows what it did for a second at most.
const ANSWER_MAX: Duration = Duration::from_secs(10);
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
        let mut url = api(base)?;
        url.set_path(&format!("{}/stream", url.path()));
        url.set_query(Some("view=live"));
        Ok(Self { client: client(token)?, url, stream: None, follower: Follower::default(), retry_at: Instant::now() })
    }

    /// The first snapshot.
    ///
    /// # Errors
    /// When the watch cannot be reached, or sends none in time.
    pub(super) async fn first(&mut self) -> anyhow::Result<Arc<Snapshot>> {
        let read = async {
            loop {
                match self.next().await {
                    Arrival::Snapshot(snapshot) => return Ok(snapshot),
                    Arrival::Said(Said::Link(Link::Lost(why))) => bail!("{}: {why}", self.url),
                    Arrival::Said(_) => {}
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

/// Where the API is of a watch that listens at `base`.
fn api(base: &str) -> anyhow::Result<Url> {
    let base = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
    let mut url = Url::parse(&base).with_context(|| format!("--connect {base} is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        bail!("--connect {base}: expected http:// or https://");
    }
    url.set_path(&format!("{}/api/v1", url.path().trim_end_matches('/')));
    Ok(url)
}

fn client(token: Option<&str>) -> anyhow::Result<Client> {
    let headers = token.map(bearer).transpose()?.into_iter().map(|secret| ("authorization".to_owned(), secret)).collect();
    Ok(Client::new(&Timeouts::default(), headers))
}

/// What a watch is asked over its API. It wants the token for whatever changes something.
pub(super) struct Asking {
    client: Client,
    api: Url,
}

impl Asking {
    /// A watch that listens at `base`; the errors are those of [`Attached::new`].
    pub(super) fn new(base: &str, token: &str) -> anyhow::Result<Self> {
        Ok(Self { client: client(Some(token))?, api: api(base)? })
    }

    /// Asks for something; an error is why it was not done, in the watch's words where it answered.
    pub(super) async fn post(&self, path: &str, body: &serde_json::Value) -> anyhow::Result<()> {
        let mut url = self.api.clone();
        url.set_path(&format!("{}/{path}", url.path()));
        let answer = self.client.send(Request::post_json(&url, body), ANSWER_MAX).await.map_err(|why| anyhow!("{why}"))?;
        let status = answer.status();
        let body = answer.bytes(BODY_BYTES_MAX).await.map(|(body, _)| body).unwrap_or_default();
        if (200..300).contains(&status) {
            return Ok(());
        }
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        bail!(
            "{}",
            problem["detail"].as_str().map_or_else(|| format!("the watch answered {status}"), |why| Text::new(why).to_string())
        )
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
    async fn next(&mut self) -> Arrival {
        let Some(stream) = &mut self.stream else {
            tokio::time::sleep_until(self.retry_at).await;
            return match self.open().await {
                Ok(stream) => {
                    self.stream = Some(stream);
                    Arrival::Said(Said::Link(Link::Held))
                }
                Err(failure) => self.lost(&failure.to_string()),
            };
        };
        let event = loop {
            match tokio::time::timeout(SILENCE_MAX, stream.next()).await {
                Ok(Ok(event)) if event.name == "snapshot" => break event,
                Ok(Ok(_)) => {}
                Ok(Err(failure)) => return self.lost(&failure.to_string()),
                Err(_) => return self.lost("the watch is silent"),
            }
        };
        match self.follower.read(&event.data) {
            Ok(snapshot) => Arrival::Snapshot(Arc::new(snapshot)),
            Err(error) => self.lost(&format!("what the watch sends cannot be read: {error}")),
        }
    }

    fn play(&mut self, _play: Play) {}
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// How long anything may take in these tests: more than one retry.
    const DEADLINE: Duration = Duration::from_secs(20);

    /// A watch that answers each visitor with one of `bodies` and hangs up; the requests that it saw come back.
    fn watch(bodies: &'static [&'static str]) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let answering = std::thread::spawn(move || {
            let answer = |body: &&str| {
                let (mut visitor, _) = listener.accept().expect("a visitor");
                let mut request = [0; 4096];
                let read = visitor.read(&mut request).expect("a request");
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                visitor.write_all(format!("{head}{body}").as_bytes()).expect("written");
                String::from_utf8_lossy(&request[..read]).into_owned()
            };
            bodies.iter().map(answer).collect()
        });
        (address, answering)
    }

    const TWO: &str = "retry: 1000\n\nevent: hello\ndata: {}\n\n\
        event: snapshot\ndata: {\"at\":\"2026-11-22T14:22:00.000Z\",\"targets\":[]}\n\n\
        event: snapshot\ndata: {\"at\":\"2026-11-22T14:22:01.000Z\",\"targets\":[]}\n\n";

    async fn told(source: &mut Attached) -> String {
        let arrival = tokio::time::timeout(DEADLINE, source.next()).await.expect("in time");
        match arrival {
            Arrival::Snapshot(snapshot) => snapshot.at.to_string()[17..19].to_owned(),
            Arrival::Said(Said::Link(Link::Held)) => "held".to_owned(),
            Arrival::Said(Said::Link(Link::Lost(_))) => "lost".to_owned(),
            Arrival::Said(_) => "other".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_stream_that_is_lost_is_opened_again_and_the_screen_is_told() {
        let (address, answering) = watch(&[TWO, TWO]);
        let mut source = Attached::new(&address, None).expect("a URL");
        for expected in ["held", "00", "01", "lost", "held", "00"] {
            assert_eq!(told(&mut source).await, expected);
        }
        let requests = answering.join().expect("answered");
        assert!(requests.iter().all(|request| request.starts_with("GET /api/v1/stream?view=live ")), "{requests:?}");
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_a_loss_and_no_crash() {
        let (address, _answering) = watch(&["event: snapshot\ndata: {\"at\":7}\n\n"]);
        let mut source = Attached::new(&format!("http://{address}/"), None).expect("a URL");
        assert_eq!((told(&mut source).await.as_str(), told(&mut source).await.as_str()), ("held", "lost"));
    }

    #[test]
    fn a_token_on_the_command_line_and_other_schemes_are_refused() {
        let refused = |url: &str, token| Attached::new(url, token).err().map(|error| error.to_string());
        assert!(refused("http://127.0.0.1:1", Some("hunter2")).is_some_and(|why| why.contains("env:NAME")));
        assert!(refused("ftp://127.0.0.1:1", None).is_some_and(|why| why.contains("expected http")));
    }
}
