//! Streamable HTTP: every message is a POST, answered by JSON or by a short event stream.
//!
//! Both eras: with a session (2025-03-26 to 2025-11-25) and without (2026-07-28). It takes part in no
//! handshake; it only carries what one agreed on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;
use vitals_model::limits::{BODY_BYTES_MAX, EVIDENCE_CHARS_MAX};
use vitals_model::observation::{Failure, FailureKind, Phase};
use vitals_model::text::Text;

use super::Setback;
use super::ledger::{Ledger, failure};
use super::stream::{EVENT_STREAM, Stream};
use super::wire::{self, Era, Incoming, Outgoing};
use crate::http::{Answer, Client, Method, Refusal, Request};
use crate::task::Task;

const SESSION_ID: &str = "mcp-session-id";
const PROTOCOL_VERSION: &str = "mcp-protocol-version";
const ACCEPT_BOTH: &str = "application/json, text/event-stream";

/// One endpoint and what was agreed with it.
#[derive(Debug)]
pub(super) struct Streamable {
    client: Arc<Client>,
    url: Url,
    era: Era,
    ledger: Arc<Ledger>,
    agreed: Mutex<Agreed>,
    refuses_listening: AtomicBool,
}

/// What later requests repeat.
#[derive(Clone, Debug, Default)]
struct Agreed {
    session: Option<String>,
    protocol: Option<String>,
    connect: Duration,
}

impl Streamable {
    pub(super) fn new(client: &Arc<Client>, url: &Url, era: Era, ledger: &Arc<Ledger>) -> Self {
        Self {
            client: Arc::clone(client),
            url: url.clone(),
            era,
            ledger: Arc::clone(ledger),
            agreed: Mutex::default(),
            refuses_listening: AtomicBool::new(false),
        }
    }

    /// Time that the last handshake spent on connecting.
    pub(super) fn connect(&self) -> Duration {
        self.agreed().connect
    }

    /// The session's id, when the server gave one.
    pub(super) fn session(&self) -> Option<String> {
        self.agreed().session
    }

    /// Takes note of the revision that `initialize` agreed on.
    pub(super) fn agree(&self, protocol: &str) {
        self.with_agreed(|agreed| agreed.protocol = Some(protocol.to_owned()));
    }

    fn agreed(&self) -> Agreed {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn with_agreed(&self, change: impl FnOnce(&mut Agreed)) {
        change(&mut self.agreed.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Posts one message. The answer to a request is in the ledger when this returns, or it comes
    /// through the returned task: dropping that gives the request up.
    pub(super) async fn send(&self, message: &Outgoing, limit: Duration) -> Result<Option<Task>, Setback> {
        let answer = accepted(self.post(message, limit).await?).await?;
        if message.method == Some("initialize") {
            self.with_agreed(|agreed| {
                let timing = answer.timing();
                agreed.connect = timing.resolve + timing.connect + timing.tls;
                agreed.session = answer.header(SESSION_ID).map(str::to_owned);
            });
        }
        let Some(id) = message.id else {
            answer.bytes(BODY_BYTES_MAX).await?;
            return Ok(None);
        };
        if answer.is_type(EVENT_STREAM) {
            let stream = Stream::new(answer, &self.ledger);
            return Ok(Some(Task::spawn(stream.feed_answer(id))));
        }
        let (body, _) = answer.bytes(BODY_BYTES_MAX).await?;
        self.ledger.receive(&body).map_err(|kind| failure(Phase::Parse, kind, self.ledger.evidence(&body)))?;
        self.ledger.fail(id, FailureKind::Malformed, &"an answer to another request".into());
        Ok(None)
    }

    async fn post(&self, message: &Outgoing, limit: Duration) -> Result<Answer, Failure> {
        // A handshake begins anew, whatever was agreed before.
        let agreed = if message.method == Some("initialize") { Agreed::default() } else { self.agreed() };
        let mut request = self.request(Method::POST, &agreed).header("accept", ACCEPT_BOTH);
        if self.era == Era::Stateless {
            if let Some(method) = message.method {
                request = request.header("mcp-method", method);
            }
            if let Some(name) = &message.name {
                request = request.header("mcp-name", name);
            }
        }
        let request = request.header("content-type", "application/json").body(message.body.clone());
        self.client.send(request, limit).await
    }

    fn request<'a>(&'a self, method: Method, agreed: &'a Agreed) -> Request<'a> {
        let mut request = Request::new(method, &self.url);
        if self.era == Era::Stateless {
            return request.header(PROTOCOL_VERSION, wire::PROTOCOL_STATELESS);
        }
        if let Some(session) = &agreed.session {
            request = request.header(SESSION_ID, session);
        }
        if let Some(protocol) = &agreed.protocol {
            request = request.header(PROTOCOL_VERSION, protocol);
        }
        request
    }

    /// Whether the server said that it has no stream to listen to (405 and its like are legal).
    pub(super) fn refuses_listening(&self) -> bool {
        self.refuses_listening.load(Ordering::Relaxed)
    }

    /// Holds a stream open on which the server may tell that its tool list changed, until it ends.
    /// `message` is the `subscriptions/listen` of the stateless era; before it, the stream is a GET.
    /// Losing it is no failure: the list is read regularly anyway.
    pub(super) async fn listen(&self, message: Option<&Outgoing>, limit: Duration) {
        let agreed = self.agreed();
        let answer = match message {
            Some(message) => self.post(message, limit).await,
            None => self.client.send(self.request(Method::GET, &agreed).header("accept", EVENT_STREAM), limit).await,
        };
        match answer {
            Ok(answer) if answer.status() == 200 && answer.is_type(EVENT_STREAM) => {
                drop(Stream::new(answer, &self.ledger).feed().await);
            }
            Ok(answer) if answer.status() < 500 => self.refuses_listening.store(true, Ordering::Relaxed),
            // Its own trouble, not a refusal: the next visit asks again.
            Ok(_) | Err(_) => {}
        }
    }

    /// Ends the session. A server may not offer that (405), or may know the session no longer (404).
    pub(super) async fn close(&self, limit: Duration) -> Result<(), Failure> {
        let agreed = self.agreed();
        if agreed.session.is_none() {
            return Ok(());
        }
        let answer = self.client.send(self.request(Method::DELETE, &agreed), limit).await?;
        match answer.status() {
            404 | 405 => Ok(()),
            _ => answer.ok().await.map(drop),
        }
    }
}

/// The answer, if it is a success. A JSON-RPC error under 400, 404 or 405 is told as that error: in
/// both eras those statuses only repeat what the error says.
async fn accepted(answer: Answer) -> Result<Answer, Setback> {
    let Refusal { failure, body } = match answer.accepted().await {
        Ok(answer) => return Ok(answer),
        Err(refusal) => refusal,
    };
    let mut setback = Setback::from(failure);
    if let (Some(400 | 404 | 405), Ok(messages)) = (setback.status, wire::read(body.as_bytes()))
        && let Some(Incoming::Answer { result: Err(error), .. }) = messages.into_iter().next()
    {
        setback.failure.kind = FailureKind::Rpc(error.code);
        setback.failure.evidence = Text::cut(&error.message, EVIDENCE_CHARS_MAX);
    }
    Err(setback)
}
