//! One stream of events to a client: what it was sent, what it was not sent yet, and how a client that lost its
//! connection goes on where it was.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{Stream, stream};
use rmcp::model::ServerJsonRpcMessage;
use rmcp::transport::common::server_side_http::ServerSseMessage;
use tokio::sync::Notify;

/// Events that were read and can be read again, in a feed that goes on.
const KEPT_MAX: usize = 8;

/// Unread events with which a writer waits for the reader.
const UNREAD_MAX: usize = 16;

/// Unread events with which nobody is waited for any more: a reader that is so far behind is cut off, and finds the
/// newest [`KEPT_MAX`] when it comes again.
const BEHIND_MAX: usize = 256;

/// The events of one stream. One connection reads them, or several in turn; each event goes to one of them.
pub(super) struct Feed {
    /// The request whose answer it carries, by its number in the session; `None` for what the hub says by itself.
    of: Option<u64>,
    inner: Mutex<Inner>,
    written: Notify,
    read: Notify,
}

struct Inner {
    events: VecDeque<ServerSseMessage>,
    /// The number of the oldest event kept.
    first: u64,
    /// The number of the next event to be read.
    next: u64,
    readers: usize,
    /// Counts the times that all readers were cut off.
    cuts: u64,
    is_over: bool,
}

/// Which event of which stream a client has seen last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct EventId {
    pub(super) number: u64,
    pub(super) of: Option<u64>,
}

impl EventId {
    /// Reads `NUMBER` or `NUMBER/REQUEST`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (number, of) = match text.split_once('/') {
            Some((number, of)) => (number, Some(of.parse().ok()?)),
            None => (text, None),
        };
        Some(Self { number: number.parse().ok()?, of })
    }

    fn write(self) -> String {
        match self.of {
            Some(of) => format!("{}/{of}", self.number),
            None => self.number.to_string(),
        }
    }
}

impl Feed {
    /// A feed for what the hub says by itself. Its event 0 is the library's: it is sent before all others.
    pub(super) fn own() -> Arc<Self> {
        Self::new(None, VecDeque::new(), 1)
    }

    /// A feed for the answer to a request. Its event 0 says at once how the stream is resumed.
    pub(super) fn of_request(number: u64, retry: Duration) -> Arc<Self> {
        let id = EventId { number: 0, of: Some(number) };
        Self::new(Some(number), VecDeque::from([ServerSseMessage::priming(id.write(), retry)]), 0)
    }

    fn new(of: Option<u64>, events: VecDeque<ServerSseMessage>, first: u64) -> Arc<Self> {
        let inner = Inner { events, first, next: first, readers: 0, cuts: 0, is_over: false };
        Arc::new(Self { of, inner: Mutex::new(inner), written: Notify::new(), read: Notify::new() })
    }

    /// Adds a message, at once and in order. What is left to do is to wait for a reader that is behind.
    pub(super) fn write(self: &Arc<Self>, message: ServerJsonRpcMessage) -> impl Future<Output = ()> + Send + use<> {
        let mut inner = self.inner();
        if !inner.is_over {
            let id = EventId { number: inner.end(), of: self.of };
            inner.events.push_back(ServerSseMessage::new(id.write(), message));
            if inner.unread() > BEHIND_MAX {
                inner.cut();
            }
            inner.trim();
        }
        drop(inner);
        self.written.notify_waiters();
        let feed = Arc::clone(self);
        async move {
            loop {
                let read = feed.read.notified();
                if !feed.inner().is_behind() {
                    return;
                }
                read.await;
            }
        }
    }

    /// Nothing more is written. What is unread can still be read.
    pub(super) fn end(&self) {
        self.inner().is_over = true;
        self.written.notify_waiters();
        self.read.notify_waiters();
    }

    /// Whether it has ended and was read.
    pub(super) fn is_done(&self) -> bool {
        let inner = self.inner();
        inner.is_over && inner.unread() == 0
    }

    /// What is unread, and what comes.
    pub(super) fn read(self: &Arc<Self>) -> impl Stream<Item = ServerSseMessage> + Send + Sync + use<> {
        let mut inner = self.inner();
        inner.readers += 1;
        let reader = Reader { feed: Arc::clone(self), cuts: inner.cuts };
        drop(inner);
        stream::unfold(reader, |reader| async move { reader.next().await.map(|event| (event, reader)) })
    }

    /// What comes after event `seen`, for a client whose connection is lost: connections that are still there are
    /// cut off. `None` when there never was that event, or what follows it is kept no longer.
    pub(super) fn resume(self: &Arc<Self>, seen: u64) -> Option<impl Stream<Item = ServerSseMessage> + Send + Sync + use<>> {
        let mut inner = self.inner();
        let from = seen.checked_add(1).filter(|from| (inner.first..=inner.end()).contains(from))?;
        inner.next = from;
        inner.cut();
        drop(inner);
        self.written.notify_waiters();
        Some(self.read())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    fn unread(&self) -> usize {
        usize::try_from(self.end() - self.next).unwrap_or(usize::MAX)
    }

    fn is_behind(&self) -> bool {
        !self.is_over && self.readers > 0 && self.unread() > UNREAD_MAX
    }

    fn cut(&mut self) {
        self.cuts += 1;
        self.readers = 0;
    }

    /// Forgets what was read long ago, and what waits too long for a reader to come.
    fn trim(&mut self) {
        while self.events.len() > KEPT_MAX && (self.first < self.next || self.readers == 0) {
            self.events.pop_front();
            self.first += 1;
            self.next = self.next.max(self.first);
        }
    }
}

/// One connection that reads.
struct Reader {
    feed: Arc<Feed>,
    cuts: u64,
}

impl Reader {
    async fn next(&self) -> Option<ServerSseMessage> {
        loop {
            let written = self.feed.written.notified();
            {
                let mut inner = self.feed.inner();
                if inner.cuts != self.cuts {
                    return None;
                }
                let at = usize::try_from(inner.next - inner.first).unwrap_or(usize::MAX);
                if let Some(event) = inner.events.get(at).cloned() {
                    inner.next += 1;
                    inner.trim();
                    self.feed.read.notify_waiters();
                    return Some(event);
                }
                if inner.is_over {
                    return None;
                }
            }
            written.await;
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut inner = self.feed.inner();
        if inner.cuts == self.cuts {
            inner.readers -= 1;
            inner.trim();
        }
        drop(inner);
        self.feed.read.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _, pin_mut};
    use rmcp::model::{ServerNotification, ToolListChangedNotification};

    use super::*;

    fn note() -> ServerJsonRpcMessage {
        ServerJsonRpcMessage::notification(
            ServerNotification::ToolListChangedNotification(ToolListChangedNotification::default()),
        )
    }

    /// Writes without waiting.
    fn put(feed: &Arc<Feed>, times: usize) {
        (0..times).for_each(|_| drop(feed.write(note())));
    }

    /// The ids of what can be read now, and whether the stream has ended.
    fn now(stream: &mut (impl Stream<Item = ServerSseMessage> + Unpin)) -> (Vec<String>, bool) {
        let mut ids = Vec::new();
        loop {
            match stream.next().now_or_never() {
                Some(Some(event)) => ids.push(event.event_id.unwrap()),
                Some(None) => return (ids, true),
                None => return (ids, false),
            }
        }
    }

    fn ids(events: std::ops::Range<u64>) -> Vec<String> {
        events.map(|number| number.to_string()).collect()
    }

    #[test]
    fn an_id_of_an_event_says_which_stream_it_is_of() {
        for (text, number, of) in [("0", 0, None), ("7", 7, None), ("3/12", 3, Some(12))] {
            let id = EventId::read(text).unwrap();
            assert_eq!((id, id.write().as_str()), (EventId { number, of }, text));
        }
        for text in ["", "/", "1/", "/1", "-1", "x", "1/2/3", "99999999999999999999"] {
            assert_eq!(EventId::read(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn what_was_said_before_anyone_listened_is_heard_and_the_oldest_is_forgotten() {
        let feed = Feed::own();
        put(&feed, KEPT_MAX + 2);
        let stream = feed.read();
        pin_mut!(stream);
        assert_eq!(now(&mut stream), (ids(3..11), false));
        put(&feed, 1);
        assert_eq!(now(&mut stream), (ids(11..12), false));
        feed.end();
        assert_eq!(now(&mut stream), (vec![], true));
    }

    #[tokio::test]
    async fn a_client_that_comes_again_goes_on_after_what_it_saw_and_its_old_connection_ends() {
        let feed = Feed::of_request(5, Duration::from_secs(3));
        put(&feed, 3);
        let lost = feed.read();
        pin_mut!(lost);
        assert_eq!(now(&mut lost).0, ["0/5", "1/5", "2/5", "3/5"]);
        let again = feed.resume(1).unwrap();
        pin_mut!(again);
        assert_eq!(now(&mut again), (vec!["2/5".to_owned(), "3/5".to_owned()], false));
        assert_eq!(now(&mut lost), (vec![], true));
        put(&feed, 1);
        feed.end();
        assert_eq!(now(&mut again), (vec!["4/5".to_owned()], true));
        assert!(feed.is_done() && feed.resume(9).is_none() && feed.resume(u64::MAX).is_none());
    }

    #[tokio::test]
    async fn an_answer_that_nobody_has_read_can_still_be_had() {
        let feed = Feed::of_request(0, Duration::from_secs(3));
        drop(feed.read());
        put(&feed, 1);
        feed.end();
        assert!(!feed.is_done());
        let stream = feed.resume(0).unwrap();
        pin_mut!(stream);
        assert_eq!(now(&mut stream), (vec!["1/0".to_owned()], true));
        assert!(feed.is_done());
    }

    #[tokio::test]
    async fn a_writer_waits_for_a_reader_that_is_behind_and_not_for_one_that_is_gone() {
        let feed = Feed::own();
        let stream = Box::pin(feed.read());
        put(&feed, UNREAD_MAX);
        let write = feed.write(note());
        pin_mut!(write);
        assert!((&mut write).now_or_never().is_none());
        drop(stream);
        assert!(write.now_or_never().is_some());
        let mut stream = Box::pin(feed.read());
        assert_eq!(now(&mut stream).0, ids(10..18), "the newest are there");
    }

    #[tokio::test]
    async fn a_reader_that_is_too_far_behind_is_cut_off_and_memory_is_bounded() {
        let feed = Feed::own();
        let stream = feed.read();
        pin_mut!(stream);
        put(&feed, BEHIND_MAX + 1);
        assert_eq!(now(&mut stream), (vec![], true));
        assert_eq!(feed.inner().events.len(), KEPT_MAX);
        assert!(feed.resume(1).is_none(), "what follows the first is kept no longer");
        assert_eq!(now(&mut Box::pin(feed.resume(254).unwrap())).0, ids(255..258));
    }
}
