//! HTTP for probes, on hyper's client half: every phase is timed and bounded, and whatever goes
//! wrong says how far it came and what answered instead.
//!
//! Own, not a general client, because those hide what a prober is asked for: which phase took how
//! long, whether a connection was reused, the first bytes of what was no HTTP. It follows no
//! redirects, keeps no cookies, decodes no compression and speaks HTTP/1.1 only.

mod connect;
mod deadline;
mod json;
mod proxy;
pub(crate) mod secrets;
pub mod sse;
mod tap;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
pub use hyper::Method;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use tokio_rustls::rustls::ClientConfig;
use url::Url;
use vitals_model::config::Timeouts;
use vitals_model::limits::{REFUSAL_BYTES_MAX, RETRY_AFTER_MAX};
use vitals_model::observation::{Failure, FailureKind, Phase, Timing};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use crate::clock::Stopwatch;
use crate::secret::Secret;
use connect::{Connection, Origin};
use deadline::Deadline;
pub use json::json;
pub use proxy::Proxy;
use secrets::Secrets;

/// How long a connection may lie idle and still be reused. Node closes idle ones after 5 s, so this
/// leaves no race in which a request is written to a connection that is being closed.
const KEPT_IDLE_MAX: Duration = Duration::from_secs(2);

/// What we call ourselves, so that an operator finds our visits in the target's access log.
const USER_AGENT: &str = concat!("mcp-vitals/", env!("CARGO_PKG_VERSION"));

/// A client for one target. It keeps at most one idle connection.
#[derive(Debug)]
pub struct Client {
    connect_limit: Duration,
    headers: Vec<(String, Secret)>,
    proxy: Option<Proxy>,
    tls: OnceLock<Arc<ClientConfig>>,
    kept: Kept,
}

/// The one idle connection, shared with the answers that will give it back.
type Kept = Arc<Mutex<Option<(Connection, Stopwatch)>>>;

/// A request under construction.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    method: Method,
    url: &'a Url,
    headers: Vec<(&'a str, &'a str)>,
    secrets: Vec<(&'a str, &'a Secret)>,
    hidden: Vec<&'a Secret>,
    body: Option<Bytes>,
}

impl<'a> Request<'a> {
    /// A request without headers and body.
    pub const fn new(method: Method, url: &'a Url) -> Self {
        Self { method, url, headers: Vec::new(), secrets: Vec::new(), hidden: Vec::new(), body: None }
    }

    /// A `GET`.
    pub const fn get(url: &'a Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A `POST` of JSON.
    pub fn post_json(url: &'a Url, body: &serde_json::Value) -> Self {
        let mut request = Self::new(Method::POST, url).header("content-type", "application/json");
        request.body = Some(body.to_string().into());
        request
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds a header whose value is taken out of all evidence, should the target echo it.
    #[must_use]
    pub fn secret(mut self, name: &'a str, value: &'a Secret) -> Self {
        self.secrets.push((name, value));
        self
    }

    /// Takes this value out of all evidence too: it is part of the URL or of the body.
    #[must_use]
    pub fn hiding(mut self, value: &'a Secret) -> Self {
        self.hidden.push(value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Bytes) -> Self {
        self.body = Some(body);
        self
    }
}

impl Client {
    /// A client that sends `headers` with every request, so it must be used for one target only.
    /// `timeouts.connect` bounds name resolution, TCP connect and TLS, each.
    pub fn new(timeouts: &Timeouts, headers: Vec<(String, Secret)>) -> Self {
        Self { connect_limit: timeouts.connect, headers, proxy: None, tls: OnceLock::new(), kept: Kept::default() }
    }

    /// Reaches https hosts through `proxy` where it applies.
    #[must_use]
    pub fn with_proxy(mut self, proxy: Option<Proxy>) -> Self {
        self.proxy = proxy;
        self
    }

    /// Sends `request` and reads the head of the answer, whatever its status. `limit` bounds all of
    /// it together with [`Answer::bytes`]; a stream read by [`Answer::chunk`] may last longer.
    ///
    /// # Errors
    /// No answer, with the phase reached; `OtherHost` for a redirect to another host.
    pub async fn send(&self, request: Request<'_>, limit: Duration) -> Result<Answer, Failure> {
        let deadline = Deadline::start(limit);
        let sent = self.headers.iter().map(|(_, s)| s).chain(request.secrets.iter().map(|(_, s)| *s));
        let secrets = Arc::new(Secrets::of(sent.chain(request.hidden.iter().copied())));
        let origin = Origin::of(request.url).map_err(|why| deadline.failure(Phase::Connect, FailureKind::Malformed, &why))?;
        let message = self.message(&request).map_err(|why| deadline.failure(Phase::Request, FailureKind::Malformed, &why))?;

        if let Some(kept) = self.take_kept(&origin) {
            match kept.exchange(message.clone(), deadline, &secrets).await {
                Ok(head) => return self.answer(head, Timing::default(), deadline, secrets, request.url),
                Err(lost) if lost.unanswered && (lost.unsent || request.method.is_idempotent()) => {}
                Err(lost) => return Err(lost.failure),
            }
        }
        let (fresh, timing) = connect::open(&origin, self, deadline).await?;
        match fresh.exchange(message, deadline, &secrets).await {
            Ok(head) => self.answer(head, timing, deadline, secrets, request.url),
            Err(lost) => Err(lost.failure),
        }
    }

    /// Gets `url` and reads its JSON.
    ///
    /// # Errors
    /// As [`Client::send`]; a status that is no success; an answer that is not such JSON.
    pub async fn get_json<T: serde::de::DeserializeOwned>(&self, url: &Url, limit: Duration) -> Result<Json<T>, Failure> {
        self.send(Request::get(url).header("accept", "application/json"), limit).await?.ok().await?.json().await
    }

    /// The values that must not show up in evidence, whichever way it comes back.
    pub(crate) fn secrets(&self) -> Secrets {
        Secrets::of(self.headers.iter().map(|(_, secret)| secret))
    }

    /// The request as hyper sends it; the error is a sentence.
    fn message(&self, request: &Request<'_>) -> Result<hyper::Request<Full<Bytes>>, String> {
        let path = &request.url[url::Position::BeforePath..url::Position::AfterQuery];
        let mut message = hyper::Request::new(Full::new(request.body.clone().unwrap_or_default()));
        *message.method_mut() = request.method.clone();
        *message.uri_mut() = path.parse().map_err(|_| "the path of the URL cannot be sent".to_owned())?;
        let headers = message.headers_mut();
        let host = &request.url[url::Position::BeforeHost..url::Position::AfterPort];
        insert(headers, "host", host)?;
        insert(headers, "user-agent", USER_AGENT)?;
        for (name, value) in &self.headers {
            insert(headers, name, value.expose())?;
        }
        for (name, value) in &request.headers {
            insert(headers, name, value)?;
        }
        for (name, value) in &request.secrets {
            insert(headers, name, value.expose())?;
        }
        Ok(message)
    }

    /// The kept connection, if it leads to `origin` and is fresh enough.
    fn take_kept(&self, origin: &Origin) -> Option<Connection> {
        let (connection, since) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        (connection.leads_to(origin) && since.elapsed() < KEPT_IDLE_MAX).then_some(connection)
    }

    fn answer(
        &self,
        (connection, response): (Connection, hyper::Response<Incoming>),
        connecting: Timing,
        deadline: Deadline,
        secrets: Arc<Secrets>,
        url: &Url,
    ) -> Result<Answer, Failure> {
        let total = deadline.elapsed();
        let first_byte = total.saturating_sub(connecting.resolve + connecting.connect + connecting.tls);
        let timing = Timing { first_byte, total, ..connecting };
        let (head, body) = response.into_parts();
        let answer = Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            timing,
            body,
            connection,
            kept: Arc::clone(&self.kept),
            deadline,
            secrets,
        };
        match answer.other_host(url) {
            Some(place) => Err(deadline.failure(Phase::Request, FailureKind::OtherHost, &place)),
            None => Ok(answer),
        }
    }
}

/// Puts a header into `headers`; the error names the header and never its value.
fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let why = || format!("the header {name} cannot be sent");
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| why())?;
    headers.insert(name, HeaderValue::from_str(value).map_err(|_| why())?);
    Ok(())
}

/// The instant of an HTTP date in its preferred form (RFC 9110: `Sun, 06 Nov 1994 08:49:37 GMT`).
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let [_, day, month, year, time, "GMT"] = text.split(' ').collect::<Vec<_>>()[..] else { return None };
    let month = MONTHS.find(month)? / 3 + 1;
    Timestamp::parse(&format!("{year}-{month:02}-{day}T{time}Z"))
}

/// An answer whose head has been read. Dropping it closes its connection.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    headers: HeaderMap,
    timing: Timing,
    body: Incoming,
    connection: Connection,
    kept: Kept,
    deadline: Deadline,
    secrets: Arc<Secrets>,
}

/// An answer whose status is no success.
pub(crate) struct Refusal {
    /// `Status`, with the first bytes of the body as evidence.
    pub(crate) failure: Failure,
    /// The body, our secrets taken out; cut at [`REFUSAL_BYTES_MAX`].
    pub(crate) body: String,
}

/// A parsed answer.
#[derive(Clone, Debug)]
pub struct Json<T> {
    /// What it says.
    pub value: T,
    /// Size of the body in bytes.
    pub bytes: u64,
    /// Phases of the exchange, the body included.
    pub timing: Timing,
    secrets: Arc<Secrets>,
}

impl Json<serde_json::Value> {
    /// The failure of an answer that is JSON of another shape than expected, with the answer as evidence.
    pub(crate) fn malformed(&self) -> Failure {
        let evidence = self.secrets.evidence(self.value.to_string().as_bytes());
        Failure { phase: Phase::Parse, kind: FailureKind::Malformed, evidence, after: self.timing.total }
    }
}

impl Answer {
    /// The status code.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The phases up to the answer's head.
    pub const fn timing(&self) -> Timing {
        self.timing
    }

    /// A header, when it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the `Content-Type` is `mime`, its parameters left aside.
    pub fn is_type(&self, mime: &str) -> bool {
        let value = self.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        value.split(';').next().is_some_and(|t| t.trim().eq_ignore_ascii_case(mime))
    }

    /// This answer if its status is a success (2xx).
    ///
    /// # Errors
    /// `Status`, with the first bytes of the body as evidence.
    pub async fn ok(self) -> Result<Self, Failure> {
        self.accepted().await.map_err(|refusal| refusal.failure)
    }

    /// As [`Answer::ok`], with the body of a refusal for those who know its shape.
    pub(crate) async fn accepted(mut self) -> Result<Self, Refusal> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let mut body = BytesMut::new();
        // A body that breaks off or stalls still leaves a status worth reporting.
        while body.len() < REFUSAL_BYTES_MAX {
            let Some(Ok(chunk)) = self.timely_chunk().await else { break };
            body.extend_from_slice(&chunk);
        }
        let kind = FailureKind::Status { code: self.status, retry_after: self.retry_after() };
        Err(Refusal { failure: self.failure(Phase::Request, kind, &body), body: self.secrets.redact(&body) })
    }

    /// The whole body, within the request's limit, and the phases with the body's time in `total`.
    /// The connection is kept for the next request.
    ///
    /// # Errors
    /// `TooLarge` beyond `bytes_max`; `TimedOut` for a body that is silent or trickles; `Closed`.
    pub async fn bytes(mut self, bytes_max: usize) -> Result<(Bytes, Timing), Failure> {
        let mut body = BytesMut::new();
        let announced = self.body.size_hint().lower();
        if announced > bytes_max as u64 {
            return Err(self.failure(Phase::Body, FailureKind::TooLarge, format!("{announced} bytes announced").as_bytes()));
        }
        while let Some(chunk) = self.timely_chunk().await {
            body.extend_from_slice(&chunk?);
            if body.len() > bytes_max {
                return Err(self.failure(Phase::Body, FailureKind::TooLarge, &body));
            }
        }
        let timing = Timing { total: self.deadline.elapsed(), ..self.timing };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((self.connection, Stopwatch::start()));
        Ok((body.freeze(), timing))
    }

    /// The body as JSON of the shape `T`.
    ///
    /// # Errors
    /// As [`Answer::bytes`] with `BODY_BYTES_MAX`, and as [`json()`].
    pub async fn json<T: serde::de::DeserializeOwned>(self) -> Result<Json<T>, Failure> {
        let (deadline, secrets) = (self.deadline, Arc::clone(&self.secrets));
        let (body, timing) = self.bytes(vitals_model::limits::BODY_BYTES_MAX).await?;
        match json::parse(&body) {
            Ok(value) => Ok(Json { value, bytes: body.len() as u64, timing, secrets }),
            Err(kind) => Err(deadline.failure(Phase::Parse, kind, secrets.evidence(&body).as_str())),
        }
    }

    /// The next piece of the body, at most [`vitals_model::limits::HEADER_BYTES_MAX`] long; `None` at
    /// its end. Without a limit of its own: a stream may be silent for as long as its reader likes.
    /// Cancel safe.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, Failure>> {
        loop {
            match self.body.frame().await? {
                Ok(frame) => {
                    if let Ok(chunk) = frame.into_data() {
                        return Some(Ok(chunk));
                    }
                }
                Err(error) => return Some(Err(connect::hyper_failure(&error, Phase::Body, self.deadline, Text::default()))),
            }
        }
    }

    /// The next piece of the body within the request's limit.
    async fn timely_chunk(&mut self) -> Option<Result<Bytes, Failure>> {
        let deadline = self.deadline;
        deadline.within(Phase::Body, deadline.limit(), self.chunk()).await.unwrap_or_else(|late| Some(Err(late)))
    }

    /// A failure of this exchange with the first bytes of `evidence`, our secrets taken out.
    pub fn failure(&self, phase: Phase, kind: FailureKind, evidence: &[u8]) -> Failure {
        self.deadline.failure(phase, kind, self.secrets.evidence(evidence).as_str())
    }

    /// `Retry-After` as seconds or as an HTTP date, at most [`RETRY_AFTER_MAX`].
    fn retry_after(&self) -> Option<Duration> {
        let value = self.header(header::RETRY_AFTER.as_str())?.trim();
        let wait = match value.parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => http_date(value)?.since(crate::clock::now()),
        };
        Some(wait.min(RETRY_AFTER_MAX))
    }

    /// Where a redirect leads when it leads to another host: scheme and host only, because paths and
    /// queries of redirects carry tokens.
    fn other_host(&self, url: &Url) -> Option<String> {
        if !(300..400).contains(&self.status) {
            return None;
        }
        let place = url.join(self.header(header::LOCATION.as_str())?).ok()?;
        (place.origin() != url.origin()).then(|| format!("{}://{}", place.scheme(), place.host_str().unwrap_or_default()))
    }
}
