//! What a server says during calls: its progress and its log messages are heard in the order of the wire,
//! before the answer that follows them, and given to whoever called. It judges none of them.
//!
//! The official client gives each request a progress token of its own, so a call is marked on its way out and the
//! token is noted there. A log message names no call, so every call that is under way is given it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequestParams, ClientRequest, GetMeta as _, JsonRpcMessage, ProgressToken, RequestMetaObject, ServerNotification,
};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;

use crate::hub::backend::Notes;
use crate::hub::journal::{Journal, Level, Record};

/// The mark of a call between its caller and the wire, where it is taken off.
const MARK: &str = "mcp-vitals/call";

/// The calls to one server that are under way. Each has its client's request, of which there are so many as there
/// are places for connections.
pub(crate) struct Calls {
    server: String,
    journal: Journal,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    calls: HashMap<u64, Call>,
}

struct Call {
    notes: Notes,
    /// The token that the client chose.
    asked: Option<ProgressToken>,
    /// The token on this connection.
    sent: Option<ProgressToken>,
    /// Notes that its client was too slow for.
    left_out: u64,
}

/// Hears for one call, until it is dropped.
pub(super) struct Ear {
    calls: Arc<Calls>,
    number: u64,
}

impl Drop for Ear {
    fn drop(&mut self) {
        let call = self.calls.lock().calls.remove(&self.number);
        let left_out = call.map_or(0, |call| call.left_out);
        if left_out > 0 {
            let message = format!("{left_out} notifications of '{}' were left out: their client is slow", self.calls.server);
            self.calls.journal.write(Record::new(Level::Warn, message));
        }
    }
}

impl Calls {
    pub(super) fn new(server: &str, journal: &Journal) -> Arc<Self> {
        Arc::new(Self { server: server.to_owned(), journal: journal.clone(), open: Mutex::default() })
    }

    /// Has what the server says during this request put into `notes`.
    pub(super) fn listen(self: &Arc<Self>, request: &mut CallToolRequestParams, notes: Notes) -> Ear {
        let meta = request.meta.get_or_insert_with(RequestMetaObject::new);
        let call = Call { notes, asked: meta.get_progress_token(), sent: None, left_out: 0 };
        let mut open = self.lock();
        open.next += 1;
        let number = open.next;
        open.calls.insert(number, call);
        meta.0.0.insert(MARK.to_owned(), number.into());
        Ear { calls: Arc::clone(self), number }
    }

    /// Takes the mark off a request, and notes the token that it has got.
    fn sent(&self, message: &mut TxJsonRpcMessage<RoleClient>) {
        let JsonRpcMessage::Request(message) = message else { return };
        let token = message.request.get_meta().get_progress_token();
        let ClientRequest::CallToolRequest(call) = &mut message.request else { return };
        let mark = call.params.meta.as_mut().and_then(|meta| meta.0.0.remove(MARK)).and_then(|mark| mark.as_u64());
        if let Some(number) = mark
            && let Some(call) = self.lock().calls.get_mut(&number)
        {
            call.sent = token;
        }
    }

    fn heard(&self, message: &RxJsonRpcMessage<RoleClient>) {
        let JsonRpcMessage::Notification(message) = message else { return };
        let mut open = self.lock();
        match &message.notification {
            ServerNotification::ProgressNotification(progress) => {
                let token = &progress.params.progress_token;
                let called = open.calls.values_mut().find(|call| call.sent.as_ref() == Some(token));
                if let Some(call) = called
                    && let Some(asked) = call.asked.clone()
                {
                    let mut progress = progress.clone();
                    progress.params.progress_token = asked;
                    call.take(ServerNotification::ProgressNotification(progress));
                }
            }
            ServerNotification::LoggingMessageNotification(_) => {
                open.calls.values_mut().for_each(|call| call.take(message.notification.clone()));
            }
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    fn take(&mut self, note: ServerNotification) {
        // A caller that is gone needs none; its call ends with it.
        self.left_out += u64::from(matches!(self.notes.try_send(note), Err(tokio::sync::mpsc::error::TrySendError::Full(_))));
    }
}

/// A connection to a server that is listened to.
pub(super) struct Heard<T> {
    pub(super) transport: T,
    pub(super) calls: Arc<Calls>,
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Heard<T> {
    type Error = T::Error;

    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn send(
        &mut self,
        mut message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.calls.sent(&mut message);
        self.transport.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let message = self.transport.receive().await?;
        self.calls.heard(&message);
        Some(message)
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.transport.close()
    }
}
