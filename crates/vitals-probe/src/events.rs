//! The hub's event stream (`GET /api/events`): the only place where npm mcp-hub's log has levels and
//! times, and the quickest news of a change. Events become notes here; what they mean is judged
//! elsewhere, and so is a missing heartbeat.

mod notes;
#[cfg(test)]
mod tests;

use std::time::Duration;

use url::Url;
use vitals_model::limits::{LINE_BYTES_MAX, STREAM_NOTES_MAX};
use vitals_model::observation::{Failure, FailureKind, Level, Phase, StreamNote, StreamSeen};

use crate::clock::Stopwatch;
use crate::http::sse::{Event, EventSource};
use crate::http::{Client, Request};
use crate::rest::endpoint;

/// How long a batch is gathered after its first event: long enough to hold a whole disconnect storm
/// in few batches, short enough to leave a death well within its second.
const GATHER: Duration = Duration::from_millis(100);

/// A stream that is silent for this long has ended, whatever TCP thinks: six heartbeats are missing.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// An open event stream; dropping it closes it. It counts as one of the hub's clients.
#[derive(Debug)]
pub struct Stream {
    source: EventSource,
    /// The first event of the next batch, when it is here already.
    waiting: Option<Event>,
    broken_told: u64,
}

impl Stream {
    /// Opens the stream of the hub at `base` and awaits its first event, all within `limit`.
    ///
    /// # Errors
    /// As [`Client::send`], a status that is no success, an answer that is no event stream, or no
    /// event within `limit`.
    pub async fn open(client: &Client, base: &Url, limit: Duration) -> Result<(Self, StreamSeen), Failure> {
        let clock = Stopwatch::start();
        let url = endpoint(base, "api/events");
        let answer = client.send(Request::get(&url).header("accept", "text/event-stream"), limit).await?;
        let mut source = EventSource::new(answer, LINE_BYTES_MAX).await?;
        let left = limit.saturating_sub(clock.elapsed());
        let first = tokio::time::timeout(left, source.next()).await;
        let first =
            first.unwrap_or_else(|_| Err(source.answer().failure(Phase::Body, FailureKind::TimedOut(limit), b"no event")))?;
        let stream = Self { source, waiting: Some(first), broken_told: 0 };
        Ok((stream, StreamSeen::Opened { first_event: clock.elapsed() }))
    }

    /// The next batch: it begins with the next event and ends 100 ms later. Notes beyond
    /// [`STREAM_NOTES_MAX`] are counted only. Cancel safe until a batch has begun; after `Lost` every
    /// further call says `Lost` again.
    pub async fn next(&mut self) -> StreamSeen {
        let first = match self.waiting.take() {
            Some(event) => event,
            None => match tokio::time::timeout(SILENCE_MAX, self.source.next()).await {
                Ok(Ok(event)) => event,
                Ok(Err(failure)) => return StreamSeen::Lost(failure),
                Err(_) => {
                    let kind = FailureKind::TimedOut(SILENCE_MAX);
                    return StreamSeen::Lost(self.source.answer().failure(Phase::Body, kind, b"no event"));
                }
            },
        };
        let mut batch = Batch::default();
        batch.add(&first);
        let clock = Stopwatch::start();
        // An end of the stream is told by the next call: what came before it counts too.
        while let Ok(Ok(event)) = tokio::time::timeout(GATHER.saturating_sub(clock.elapsed()), self.source.next()).await {
            batch.add(&event);
        }
        let broken = self.source.broken();
        batch.dropped += broken - self.broken_told;
        self.broken_told = broken;
        StreamSeen::Notes { notes: batch.notes, dropped: batch.dropped }
    }
}

#[derive(Default)]
struct Batch {
    notes: Vec<StreamNote>,
    dropped: u64,
}

impl Batch {
    /// Reads `event`. Notes that come in storms fill at most half of the batch, so that a death in the
    /// middle of one is still told.
    fn add(&mut self, event: &Event) {
        notes::read(event, &mut |note| {
            let bound = if comes_in_storms(&note) { STREAM_NOTES_MAX / 2 } else { STREAM_NOTES_MAX };
            if self.notes.len() < bound {
                self.notes.push(note);
            } else {
                self.dropped += 1;
            }
        });
    }
}

fn comes_in_storms(note: &StreamNote) -> bool {
    match note {
        StreamNote::StormLine | StreamNote::ClientAbort | StreamNote::Other(_) => true,
        StreamNote::Log { level, .. } => *level < Level::Warn,
        StreamNote::State { .. } | StreamNote::Turn(_) | StreamNote::Changed(_) | StreamNote::Heartbeat => false,
    }
}
