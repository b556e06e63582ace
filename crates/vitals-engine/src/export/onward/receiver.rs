//! What takes records, and what it may answer. When is asked again is not decided here.

mod elasticsearch;
mod lines;
mod loki;
mod otlp;

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;
use vitals_model::config::{LogDestination, LogWay, SecretRef, Timeouts};
use vitals_model::observation::{Failure, FailureKind};
use vitals_probe::http::{Client, Method, Proxy, Request};
use vitals_probe::secret::{self, Secret};

use self::elasticsearch::Elasticsearch;
use self::lines::Lines;
use self::loki::Loki;
use self::otlp::Otlp;
use super::OnwardError;

/// How long one request may take.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// Largest answer read, in bytes: a `_bulk` of [`RECORDS_MAX`] items says less than 300 bytes of each.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Most records in one request.
pub(super) const RECORDS_MAX: usize = 500;

/// What became of the records of one request.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// Each was taken, but for these.
    Taken {
        /// Why records were refused for good, one reason for each.
        refused: Vec<String>,
        /// Those to be sent again, by their place in the request, in ascending order, and why.
        again: (Vec<usize>, String),
    },
    /// None was taken, and that may change.
    NotNow {
        /// Why.
        why: String,
        /// When it wants to be asked again.
        after: Option<Duration>,
    },
    /// None was taken, and as they are they never will be: one of them, or all together.
    Never {
        /// Why.
        why: String,
    },
}

impl Answer {
    /// All were taken.
    fn all() -> Self {
        Self::Taken { refused: Vec::new(), again: (Vec::new(), String::new()) }
    }

    /// What a request without success means. 400, 413 and 422 blame what was sent; everything else may pass, also a
    /// wrong password and a path that is not there: whoever runs the receiver can put that right.
    fn of(failure: &Failure) -> Self {
        let why = failure.to_string();
        match failure.kind {
            FailureKind::Status { code: 400 | 413 | 422, .. } => Self::Never { why },
            FailureKind::Status { retry_after, .. } => Self::NotNow { why, after: retry_after },
            _ => Self::NotNow { why, after: None },
        }
    }
}

/// A receiver, one of each kind.
pub(super) enum Receiver {
    Elasticsearch(Elasticsearch),
    Loki(Loki),
    Otlp(Otlp),
    Lines(Lines),
}

impl Receiver {
    /// The receiver of a destination; `name` is what its errors begin with. Nothing is opened yet.
    pub(super) fn new(name: &str, destination: &LogDestination, proxy: Option<&Proxy>) -> Result<Self, OnwardError> {
        let post = |url: String| Post::new(name, &url, &destination.headers, proxy.cloned());
        Ok(match destination.way() {
            Some(LogWay::Elasticsearch(url)) => {
                Self::Elasticsearch(Elasticsearch(post(format!("{url}/{}/_bulk?{}", destination.index, elasticsearch::ANSWER))?))
            }
            Some(LogWay::Loki(url)) => Self::Loki(Loki(post(format!("{url}{}", loki::PATH))?)),
            Some(LogWay::Otlp(url)) => Self::Otlp(Otlp(post(format!("{url}{}", otlp::PATH))?)),
            Some(LogWay::File(path)) => Self::Lines(Lines::new(path, destination.file_bytes_max, destination.files)),
            None => return Err(OnwardError::NoWay { name: name.to_owned() }),
        })
    }

    /// What it is, in a word.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Elasticsearch(_) => "elasticsearch",
            Self::Loki(_) => "loki",
            Self::Otlp(_) => "otlp",
            Self::Lines(_) => "file",
        }
    }

    /// Gives it records, at most [`RECORDS_MAX`] and at least one.
    pub(super) async fn give(&self, records: &[String]) -> Answer {
        match self {
            Self::Elasticsearch(receiver) => receiver.give(records).await,
            Self::Loki(receiver) => receiver.give(records).await,
            Self::Otlp(receiver) => receiver.give(records).await,
            Self::Lines(receiver) => receiver.give(records).await,
        }
    }
}

/// Where requests are posted to.
struct Post {
    client: Client,
    url: Url,
}

impl Post {
    fn new(name: &str, url: &str, headers: &BTreeMap<String, SecretRef>, proxy: Option<Proxy>) -> Result<Self, OnwardError> {
        let value = |(header, reference): (&String, &SecretRef)| {
            let value = secret::resolve(reference);
            let value = value.map_err(|why| OnwardError::Secret { name: name.to_owned(), header: header.clone(), why })?;
            Ok((header.clone(), value))
        };
        let headers: Vec<(String, Secret)> = headers.iter().map(value).collect::<Result<_, _>>()?;
        let url = Url::parse(url).map_err(|_| OnwardError::Url { name: name.to_owned(), url: url.to_owned() })?;
        Ok(Self { client: Client::new(&Timeouts::default(), headers).with_proxy(proxy), url })
    }

    /// The body of the answer to `body`.
    async fn post(&self, content_type: &str, body: String) -> Result<Vec<u8>, Failure> {
        let request = Request::new(Method::POST, &self.url).header("content-type", content_type).body(body.into());
        let (bytes, _) = self.client.send(request, REQUEST_MAX).await?.ok().await?.bytes(ANSWER_BYTES_MAX).await?;
        Ok(bytes.to_vec())
    }
}
