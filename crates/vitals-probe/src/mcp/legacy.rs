//! HTTP+SSE of revision 2024-11-05: one long event stream to us, one POST for each message from us.
//!
//! npm mcp-hub speaks nothing else. It guesses no other transport.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use url::Url;
use vitals_model::limits::BODY_BYTES_MAX;
use vitals_model::observation::{Failure, FailureKind, Phase};

use super::Setback;
use super::ledger::{Ledger, failure};
use super::stream::{EVENT_STREAM, Stream};
use super::wire::Outgoing;
use crate::clock::Stopwatch;
use crate::http::{Client, Method, Request};
use crate::task::Task;

/// How long an open stream may take to say where messages are to be posted. It is the first thing
/// that a server of this transport sends, so a stream that stays silent is of another transport.
const ENDPOINT_WAIT_MAX: Duration = Duration::from_secs(5);

/// An open stream and its way back.
#[derive(Debug)]
pub(super) struct Legacy {
    client: Arc<Client>,
    endpoint: Url,
    /// Time from the start to the `endpoint` event.
    pub(super) connect: Duration,
    reader: Mutex<Option<Task>>,
}

/// Opens the stream at `url` and waits for its `endpoint` event. `Malformed` when what opens is no
/// stream of this transport; `OtherHost` when the endpoint is of another origin.
pub(super) async fn open(client: &Arc<Client>, url: &Url, ledger: &Arc<Ledger>, limit: Duration) -> Result<Legacy, Setback> {
    let began = Stopwatch::start();
    let request = Request::get(url).header("accept", EVENT_STREAM);
    let answer = client.send(request, limit).await?.ok().await?;
    if !answer.is_type(EVENT_STREAM) {
        let evidence = format!("content-type: {}", answer.header("content-type").unwrap_or("none"));
        return Err(answer.failure(Phase::Connect, FailureKind::Malformed, evidence.as_bytes()).into());
    }
    let mut stream = Stream::new(answer, ledger);
    let endpoint = match timeout(limit.min(ENDPOINT_WAIT_MAX), endpoint(&mut stream, url)).await {
        Ok(found) => found?,
        Err(_) => return Err(failure(Phase::Connect, FailureKind::Malformed, "a stream without an endpoint event").into()),
    };
    let connect = began.elapsed();
    let ledger = Arc::clone(ledger);
    let reader = Task::spawn(async move {
        let end = stream.feed().await;
        ledger.end(Phase::Body, &end.kind, &end.evidence);
    });
    Ok(Legacy { client: Arc::clone(client), endpoint, connect, reader: Mutex::new(Some(reader)) })
}

async fn endpoint(stream: &mut Stream, url: &Url) -> Result<Url, Failure> {
    let event = stream.event().await?;
    let refused = |kind, evidence: &str| Err(stream.answer().failure(Phase::Connect, kind, evidence.as_bytes()));
    if event.name != "endpoint" {
        return refused(FailureKind::Malformed, &format!("the stream began with an event {}", event.name));
    }
    match url.join(event.data.trim()) {
        Ok(endpoint) if endpoint.origin() == url.origin() => Ok(endpoint),
        // Only the host: the query of an endpoint is a session's secret.
        Ok(endpoint) => refused(FailureKind::OtherHost, endpoint.host_str().unwrap_or(endpoint.scheme())),
        Err(_) => refused(FailureKind::Malformed, "the endpoint event holds no URL"),
    }
}

impl Legacy {
    /// Posts one message. Any success will do (the revision asks for none in particular): the answer
    /// comes on the stream.
    pub(super) async fn send(&self, message: &Outgoing, limit: Duration) -> Result<(), Setback> {
        let request =
            Request::new(Method::POST, &self.endpoint).header("content-type", "application/json").body(message.body.clone());
        let answer = self.client.send(request, limit).await?.ok().await?;
        // Read to its end, so that the connection serves the next message too.
        answer.bytes(BODY_BYTES_MAX).await?;
        Ok(())
    }

    /// Ends the stream, which is how this transport says goodbye. The connection is closed when this is done: what
    /// is asked next comes after it.
    pub(super) async fn close(&self) {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reader) = reader {
            reader.end().await;
            // The connection was the reader's, and is a task too: it ends at its next turn, before ours.
            tokio::task::yield_now().await;
        }
    }
}
