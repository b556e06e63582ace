//! Server-Sent Events, parsed piece by piece as they arrive (WHATWG HTML, section 9.2). It knows
//! nothing of what the events mean.

use std::time::Duration;

use bytes::{Buf, Bytes};
use vitals_model::observation::{Failure, FailureKind, Phase};

use super::Answer;

#[cfg(test)]
mod tests;

/// One event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// `event`; `message` when the stream named none.
    pub name: String,
    /// The `data` lines, joined by line feeds; invalid UTF-8 is replaced.
    pub data: String,
    /// The last `id` so far; empty when there was none.
    pub id: String,
}

/// An incremental parser. It keeps at most one unfinished line and one unfinished event, each no
/// longer than its bound; what is longer is skipped and counted as broken.
#[derive(Debug)]
pub struct Parser {
    bytes_max: usize,
    /// The unfinished line; `None` when it is too long: skip to its end.
    line: Option<Vec<u8>>,
    /// The last byte was a carriage return, so a line feed that follows belongs to it.
    after_return: bool,
    /// No line has ended yet: a byte order mark may stand at its beginning.
    at_start: bool,
    name: String,
    data: Vec<u8>,
    /// A line of this event is missing: do not deliver it.
    event_broken: bool,
    id: String,
    retry: Option<Duration>,
    broken: u64,
}

impl Parser {
    /// A parser for lines and events of at most `bytes_max` bytes.
    pub const fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            line: Some(Vec::new()),
            after_return: false,
            at_start: true,
            name: String::new(),
            data: Vec::new(),
            event_broken: false,
            id: String::new(),
            retry: None,
            broken: 0,
        }
    }

    /// Reads from `input` up to the end of the next event; `None` when `input` is used up. Call it
    /// until it says `None`.
    pub fn next(&mut self, input: &mut Bytes) -> Option<Event> {
        while !input.is_empty() {
            if std::mem::take(&mut self.after_return) && input[0] == b'\n' {
                input.advance(1);
                continue;
            }
            let Some(end) = memchr::memchr2(b'\r', b'\n', input) else {
                self.add_to_line(input);
                input.clear();
                return None;
            };
            self.add_to_line(&input[..end]);
            self.after_return = input[end] == b'\r';
            input.advance(end + 1);
            if let Some(event) = self.end_line() {
                return Some(event);
            }
        }
        None
    }

    /// Events that were too long, so far.
    pub const fn broken(&self) -> u64 {
        self.broken
    }

    /// The last `retry` of the stream.
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn add_to_line(&mut self, bytes: &[u8]) {
        match &mut self.line {
            Some(line) if line.len() + bytes.len() <= self.bytes_max => line.extend_from_slice(bytes),
            line => *line = None,
        }
    }

    fn end_line(&mut self) -> Option<Event> {
        let at_start = std::mem::take(&mut self.at_start);
        let Some(mut line) = self.line.replace(Vec::new()) else {
            self.event_broken = true;
            return None;
        };
        let text = if at_start { line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line) } else { &line };
        let event = if text.is_empty() { self.end_event() } else { self.field(text) };
        line.clear();
        self.line = Some(line);
        event
    }

    /// Takes one line that is not empty. A comment is a field without a name, and unknown fields are
    /// ignored, as the standard asks. Always `None`: only an empty line ends an event.
    fn field(&mut self, line: &[u8]) -> Option<Event> {
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" if self.data.len() + value.len() >= self.bytes_max => self.event_broken = true,
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"event" => self.name = String::from_utf8_lossy(value).into_owned(),
            b"id" if !value.contains(&0) => self.id = String::from_utf8_lossy(value).into_owned(),
            b"retry" if value.iter().all(u8::is_ascii_digit) => {
                self.retry = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok()).map(Duration::from_millis);
            }
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        if std::mem::take(&mut self.event_broken) {
            self.broken += 1;
            return None;
        }
        data.pop()?;
        let data = String::from_utf8(data).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
        Some(Event { name: if name.is_empty() { "message".to_owned() } else { name }, data, id: self.id.clone() })
    }
}

/// An open event stream: an answer read through a [`Parser`].
#[derive(Debug)]
pub struct EventSource {
    answer: Answer,
    parser: Parser,
    unread: Bytes,
}

impl EventSource {
    /// Reads `answer` as events of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// A status that is no success; `Malformed` when the answer is no `text/event-stream`, with its
    /// type as evidence.
    pub async fn new(answer: Answer, bytes_max: usize) -> Result<Self, Failure> {
        let answer = answer.ok().await?;
        if !answer.is_type("text/event-stream") {
            let evidence = format!("content-type: {}", answer.header("content-type").unwrap_or("none"));
            return Err(answer.failure(Phase::Parse, FailureKind::Malformed, evidence.as_bytes()));
        }
        Ok(Self { answer, parser: Parser::new(bytes_max), unread: Bytes::new() })
    }

    /// The next event. Cancel safe.
    ///
    /// # Errors
    /// `Closed` when the stream ended.
    pub async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            if let Some(event) = self.parser.next(&mut self.unread) {
                return Ok(event);
            }
            self.unread = match self.answer.chunk().await {
                Some(chunk) => chunk?,
                None => return Err(self.answer.failure(Phase::Body, FailureKind::Closed, b"the stream ended")),
            };
        }
    }

    /// The answer that carries the stream.
    pub const fn answer(&self) -> &Answer {
        &self.answer
    }

    /// Events that were too long, so far.
    pub const fn broken(&self) -> u64 {
        self.parser.broken()
    }
}
