//! An event stream that carries MCP messages into a ledger: the long one of HTTP+SSE, the one that a
//! watch holds, and the short one that answers a single POST.
//!
//! It opens nothing and sends nothing.

use std::sync::Arc;

use bytes::Bytes;
use vitals_model::limits::{BODY_BYTES_MAX, EVIDENCE_CHARS_MAX};
use vitals_model::observation::{Failure, FailureKind, Phase};
use vitals_model::text::Text;

use super::ledger::Ledger;
use crate::http::Answer;
use crate::http::sse::{Event, Parser};

/// The content type of an event stream.
pub(super) const EVENT_STREAM: &str = "text/event-stream";

/// An answer read as events.
#[derive(Debug)]
pub(super) struct Stream {
    answer: Answer,
    parser: Parser,
    unread: Bytes,
    broken: u64,
    ledger: Arc<Ledger>,
}

impl Stream {
    /// Reads `answer` as events for `ledger`. Tool lists are one event, so an event may be as large as
    /// a body.
    pub(super) fn new(answer: Answer, ledger: &Arc<Ledger>) -> Self {
        let parser = Parser::new(BODY_BYTES_MAX);
        Self { answer, parser, unread: Bytes::new(), broken: 0, ledger: Arc::clone(ledger) }
    }

    /// The answer that carries the stream.
    pub(super) const fn answer(&self) -> &Answer {
        &self.answer
    }

    /// The next event, whatever it is.
    pub(super) async fn event(&mut self) -> Result<Event, Failure> {
        loop {
            let event = self.parser.next(&mut self.unread);
            self.note_broken();
            if let Some(event) = event {
                return Ok(event);
            }
            self.unread = match self.answer.chunk().await {
                Some(chunk) => chunk?,
                None => return Err(self.answer.failure(Phase::Body, FailureKind::Closed, b"the stream ended")),
            };
        }
    }

    /// Feeds events to the ledger until the stream ends.
    pub(super) async fn feed(&mut self) -> Failure {
        loop {
            match self.event().await {
                // What is no message is counted by the ledger, and the next event may be one again.
                Ok(event) => drop(take(&self.ledger, &event)),
                Err(end) => return end,
            }
        }
    }

    /// Feeds the answer to request `id` to the ledger, with whatever comes before and after it, and
    /// gives the connection back when the server ends the stream in time.
    pub(super) async fn feed_answer(mut self, id: u64) {
        let mut garbage = None;
        while self.ledger.awaits(id) {
            match self.event().await {
                Ok(event) => {
                    if let Err(kind) = take(&self.ledger, &event) {
                        garbage.get_or_insert((kind, self.ledger.evidence(event.data.as_bytes())));
                    }
                }
                Err(end) => {
                    // Without an answer, the first thing that was no message says more than "closed".
                    let (kind, evidence) = garbage.unwrap_or((end.kind, end.evidence));
                    return self.ledger.fail(id, kind, &evidence);
                }
            }
        }
        let Self { answer, mut parser, mut unread, ledger, .. } = self;
        let mut rest = answer.bytes(BODY_BYTES_MAX).await.map(|(rest, _)| rest).unwrap_or_default();
        for part in [&mut unread, &mut rest] {
            while let Some(event) = parser.next(part) {
                drop(take(&ledger, &event));
            }
        }
    }

    /// An event that was too long to keep may have been the answer to any request.
    fn note_broken(&mut self) {
        if self.parser.broken() > self.broken {
            self.broken = self.parser.broken();
            let evidence = Text::new("one event of a stream");
            self.ledger.count_noise(&evidence);
            self.ledger.fail_all(&FailureKind::TooLarge, &evidence);
        }
    }
}

fn take(ledger: &Ledger, event: &Event) -> Result<(), FailureKind> {
    match event.name.as_str() {
        // Servers of 2025-11-25 begin a stream with an empty event that only carries an id.
        "message" if event.data.is_empty() => Ok(()),
        "message" => ledger.receive(event.data.as_bytes()),
        name => {
            ledger.count_noise(&Text::cut(&format!("event: {name}"), EVIDENCE_CHARS_MAX));
            Ok(())
        }
    }
}
