//! The sessions of Streamable HTTP: where each message of a client goes, and on which stream each message to it.
//!
//! They take the place of the library's own, which keep room for hundreds of whole messages in each session, and
//! every answer for a time after it was given: with a thousand sessions that is most of the hub's memory.

use std::collections::{BTreeMap, HashMap};
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{FutureExt as _, Stream};
use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, GetMeta as _, JsonRpcMessage, JsonRpcRequest, ProgressToken,
    RequestId, ServerJsonRpcMessage, ServerNotification,
};
use rmcp::transport::Transport;
use rmcp::transport::common::server_side_http::{ServerSseMessage, SessionId, session_id};
use rmcp::transport::streamable_http_server::SessionManager;
use tokio::sync::{mpsc, oneshot};
use vitals_probe::clock::Stopwatch;

use super::feed::{EventId, Feed};

/// Messages from one client that wait for its session; beyond that their requests wait.
const INCOMING_MAX: usize = 64;

/// Requests of one session that are under way; a further one is refused.
const REQUESTS_MAX: usize = 256;

/// How long a client should wait before it resumes a stream that broke: the library's own time for it.
const RETRY: Duration = Duration::from_secs(3);

/// How long an answer is kept for a client that lost its connection: those that nobody has read, and the latest.
const RESUME_MAX: Duration = Duration::from_secs(60);

/// All open sessions.
pub(super) struct Sessions {
    open: Mutex<HashMap<SessionId, Line>>,
    idle_max: Duration,
}

/// One session's way in, and its streams. Dropping the last of them ends the session.
#[derive(Clone)]
struct Line {
    // A channel keeps room for 32 of what it carries, so it carries what is small.
    incoming: mpsc::Sender<Box<ClientJsonRpcMessage>>,
    streams: Arc<Mutex<Streams>>,
}

struct Streams {
    /// Waits for the answer to `initialize`, which the library sends itself.
    opening: Option<oneshot::Sender<ServerJsonRpcMessage>>,
    own: Arc<Feed>,
    requests: BTreeMap<u64, Asked>,
    next: u64,
    /// The request that was answered last.
    latest: Option<u64>,
}

/// A request that is under way, or whose answer is kept.
struct Asked {
    id: RequestId,
    token: Option<ProgressToken>,
    feed: Arc<Feed>,
    /// Runs from when it was answered.
    answered: Option<Stopwatch>,
}

/// Why a message of a client is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("there is no such session")]
    NoSession,
    #[error("{REQUESTS_MAX} requests of this session are under way")]
    Busy,
    #[error("there is nothing to resume after this event")]
    NoEvent,
}

impl Sessions {
    /// No session yet. One without a message for `idle_max` is closed.
    pub(super) fn new(idle_max: Duration) -> Self {
        Self { open: Mutex::default(), idle_max }
    }

    fn line(&self, id: &SessionId) -> Result<Line, Refused> {
        self.open().get(id).cloned().ok_or(Refused::NoSession)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<SessionId, Line>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionManager for Sessions {
    type Error = Refused;
    type Transport = Wire;

    async fn create_session(&self) -> Result<(SessionId, Wire), Refused> {
        let (incoming, from_client) = mpsc::channel(INCOMING_MAX);
        let streams = Streams { opening: None, own: Feed::own(), requests: BTreeMap::new(), next: 0, latest: None };
        let line = Line { incoming, streams: Arc::new(Mutex::new(streams)) };
        let wire = Wire { from_client, streams: Arc::clone(&line.streams), idle_max: self.idle_max };
        let id = session_id();
        self.open().insert(Arc::clone(&id), line);
        Ok((id, wire))
    }

    async fn initialize_session(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<ServerJsonRpcMessage, Refused> {
        let line = self.line(id)?;
        let (opening, answer) = oneshot::channel();
        line.streams().opening = Some(opening);
        line.send(message).await?;
        drop(line);
        answer.await.map_err(|_| Refused::NoSession)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Refused> {
        Ok(self.open().contains_key(id))
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Refused> {
        self.open().remove(id);
        Ok(())
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Refused> {
        let line = self.line(id)?;
        let JsonRpcMessage::Request(request) = &message else { return Err(Refused::NoEvent) };
        let feed = line.streams().ask(request)?;
        line.send(message).await?;
        Ok(feed.read())
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), Refused> {
        let line = self.line(id)?;
        if let JsonRpcMessage::Notification(said) = &message
            && let ClientNotification::CancelledNotification(cancelled) = &said.notification
            && let Some(request) = &cancelled.params.request_id
        {
            line.streams().forget(request);
        }
        line.send(message).await
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Refused> {
        Ok(self.line(id)?.streams().own.read())
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Refused> {
        let line = self.line(id)?;
        let seen = EventId::read(&last_event_id).ok_or(Refused::NoEvent)?;
        let streams = line.streams();
        let feed = match seen.of {
            None => &streams.own,
            Some(number) => &streams.requests.get(&number).ok_or(Refused::NoEvent)?.feed,
        };
        feed.resume(seen.number).ok_or(Refused::NoEvent)
    }
}

impl Line {
    async fn send(&self, message: ClientJsonRpcMessage) -> Result<(), Refused> {
        self.incoming.send(Box::new(message)).await.map_err(|_| Refused::NoSession)
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        lock(&self.streams)
    }
}

fn lock(streams: &Mutex<Streams>) -> MutexGuard<'_, Streams> {
    streams.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Streams {
    /// A stream for the answer to a request.
    fn ask(&mut self, request: &JsonRpcRequest<ClientRequest>) -> Result<Arc<Feed>, Refused> {
        let latest = self.latest;
        self.requests.retain(|number, asked| {
            let is_wanted = latest == Some(*number) || !asked.feed.is_done();
            asked.answered.is_none_or(|since| is_wanted && since.elapsed() < RESUME_MAX)
        });
        if self.requests.len() >= REQUESTS_MAX {
            return Err(Refused::Busy);
        }
        let number = self.next;
        self.next += 1;
        let feed = Feed::of_request(number, RETRY);
        let token = request.request.get_meta().get_progress_token();
        self.requests.insert(number, Asked { id: request.id.clone(), token, feed: Arc::clone(&feed), answered: None });
        Ok(feed)
    }

    /// Nobody waits for this answer any more.
    fn forget(&mut self, id: &RequestId) {
        let found = self.open_requests().find(|(_, asked)| asked.id == *id).map(|(number, _)| number);
        if let Some(asked) = found.and_then(|number| self.requests.remove(&number)) {
            asked.feed.end();
        }
    }

    /// Puts a message on its stream; what is left to do is to wait for a reader that is behind. An answer that
    /// nobody waits for any more is left out.
    fn put(&mut self, message: ServerJsonRpcMessage) -> impl Future<Output = ()> + Send + use<> {
        let answers = match &message {
            JsonRpcMessage::Response(answer) => Some(&answer.id),
            JsonRpcMessage::Error(error) => error.id.as_ref(),
            _ => None,
        };
        let Some(id) = answers else { return self.feed_of(&message).write(message).left_future() };
        if let Some(opening) = self.opening.take() {
            // Whoever asked may be gone: the session then ends for want of messages.
            drop(opening.send(message));
            return ready(()).right_future();
        }
        let asked = self.open_requests().find(|(_, asked)| asked.id == *id);
        if let Some((number, asked)) = asked {
            drop(asked.feed.write(message));
            asked.feed.end();
            asked.answered = Some(Stopwatch::start());
            self.latest = Some(number);
        }
        ready(()).right_future()
    }

    /// Where a message goes that is no answer: progress to the request that it is of, all else to the session's own stream.
    fn feed_of(&mut self, message: &ServerJsonRpcMessage) -> Arc<Feed> {
        let own = Arc::clone(&self.own);
        let JsonRpcMessage::Notification(said) = message else { return own };
        let ServerNotification::ProgressNotification(progress) = &said.notification else { return own };
        let token = Some(&progress.params.progress_token);
        self.open_requests().find(|(_, asked)| asked.token.as_ref() == token).map_or(own, |(_, asked)| Arc::clone(&asked.feed))
    }

    fn open_requests(&mut self) -> impl Iterator<Item = (u64, &mut Asked)> {
        self.requests.iter_mut().map(|(number, asked)| (*number, asked)).filter(|(_, asked)| asked.answered.is_none())
    }
}

/// The session's side of its line.
pub(super) struct Wire {
    from_client: mpsc::Receiver<Box<ClientJsonRpcMessage>>,
    streams: Arc<Mutex<Streams>>,
    idle_max: Duration,
}

impl Transport<RoleServer> for Wire {
    type Error = Refused;

    fn send(&mut self, message: ServerJsonRpcMessage) -> impl Future<Output = Result<(), Refused>> + Send + 'static {
        lock(&self.streams).put(message).map(Ok)
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let message = tokio::time::timeout(self.idle_max, self.from_client.recv()).await.ok()??;
        Some(*message)
    }

    async fn close(&mut self) -> Result<(), Refused> {
        Ok(())
    }
}

impl Drop for Wire {
    /// Every stream of the session ends with it.
    fn drop(&mut self) {
        let mut streams = lock(&self.streams);
        streams.opening = None;
        streams.own.end();
        streams.requests.values().for_each(|asked| asked.feed.end());
    }
}
