//! MCP clients, our own: they speak every transport and revision that servers in the field speak, and
//! tell how far they came when one does not answer (docs/design/own-mcp-client.md).
//!
//! Only tools are looked at, and a tool is called only when the caller names it. A session is made by
//! [`open`] and ended by [`Session::close`].

mod ledger;
mod legacy;
mod link;
mod session;
mod stdio;
mod stream;
mod streamable;
mod tools;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;
use vitals_model::config::Timeouts;
use vitals_model::observation::{Failure, FailureKind, Opened, Phase, Transport};
use vitals_model::target::Address;

use crate::clock::Stopwatch;
use crate::http::Client;
use crate::http::secrets::Secrets;
use crate::secret::Secret;
use ledger::{Ledger, failure};
use link::{Line, Link};
use session::Greeting;
use streamable::Streamable;
use wire::Era;

pub use session::{CallAnswer, META_TEXT_BYTES_MAX, META_TOOL, Session};
pub(crate) use tools::declared_harmless;
pub use tools::{Listing, ToolInfo, canary};

/// What opening sessions with one target needs. Keep one for each target: it remembers which
/// transport and era worked, so that the next session is opened without guessing.
#[derive(Debug)]
pub struct Context {
    client: Arc<Client>,
    timeouts: Timeouts,
    environment: Vec<(String, Secret)>,
    listen: Listen,
    worked: Mutex<Option<(Transport, Era)>>,
}

/// Whether a session should be told of list changes when that takes a stream of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listen {
    /// No: for a short visit. A server that tells by itself is still heard.
    Unasked,
    /// Yes: for a session that is held.
    Asked,
}

impl Context {
    /// A context for one target. `environment` is for stdio servers, beside the minimal one.
    pub fn new(client: Arc<Client>, timeouts: Timeouts, environment: Vec<(String, Secret)>, listen: Listen) -> Self {
        Self { client, timeouts, environment, listen, worked: Mutex::default() }
    }

    fn worked(&self) -> Option<(Transport, Era)> {
        *self.worked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, transport: Transport, era: Era) {
        *self.worked.lock().unwrap_or_else(PoisonError::into_inner) = Some((transport, era));
    }

    fn session(&self, link: Link, transport: Transport, greeting: Greeting, connect: Duration, took: Duration) -> Session {
        self.remember(transport, link.era);
        let opened = Opened {
            transport,
            protocol: greeting.protocol.clone(),
            server: greeting.server.clone(),
            connect,
            initialize: took.saturating_sub(connect),
        };
        let listen = (self.listen == Listen::Asked).then_some(self.timeouts.initialize);
        Session::new(link, opened, greeting, listen)
    }
}

/// A failure, with the HTTP status that a transport met. Statuses decide what is tried next.
#[derive(Debug)]
struct Setback {
    failure: Failure,
    status: Option<u16>,
}

impl From<Failure> for Setback {
    fn from(failure: Failure) -> Self {
        let status = match failure.kind {
            FailureKind::Status { code, .. } => Some(code),
            _ => None,
        };
        Self { failure, status }
    }
}

impl From<Setback> for Failure {
    fn from(setback: Setback) -> Self {
        setback.failure
    }
}

/// Opens a session with the target at `address`.
///
/// A hub is asked by HTTP+SSE first, because npm mcp-hub has nothing else; any other URL by Streamable
/// HTTP first. When a server says that this is not its transport (400, 404, 405) or not its era (a
/// JSON-RPC error instead of a handshake), the next one is tried, each at most once.
///
/// # Errors
/// What the first transport met, when none works; with the phase reached and the time since the start.
pub async fn open(address: &Address, context: &Context) -> Result<Session, Failure> {
    let began = Stopwatch::start();
    let opened = match address {
        Address::Stdio { command, args } => by_stdio(command, args, context).await,
        Address::Hub { url } => by_http(&format!("{url}/mcp"), Transport::LegacySse, context).await,
        Address::Http { url } => by_http(url, Transport::StreamableHttp, context).await,
    };
    opened.map_err(|failure| Failure { after: began.elapsed(), ..failure })
}

async fn by_stdio(command: &str, args: &[String], context: &Context) -> Result<Session, Failure> {
    let began = Stopwatch::start();
    let secrets = Secrets::of(context.environment.iter().map(|(_, secret)| secret));
    let (ledger, owed) = Ledger::new(secrets);
    let child = stdio::start(command, args, &context.environment, &ledger)?;
    let connect = began.elapsed();
    let era = context.worked().map_or(Era::Stateful, |(_, era)| era);
    let mut link = Link::new(Line::Stdio(child), ledger, owed, era);
    let limit = context.timeouts.initialize;
    let mut greeted = greet(&link, limit).await;
    if let Err(Setback { failure: Failure { kind: FailureKind::Rpc(_), .. }, .. }) = greeted {
        link.era = link.era.other();
        // When neither is understood, the first refusal is what a person should read.
        greeted = greet(&link, limit).await.or(greeted);
    }
    match greeted {
        Ok(greeting) => Ok(context.session(link, Transport::Stdio, greeting, connect, began.elapsed())),
        Err(setback) => {
            // The failure to greet is what matters; how the child ends is not asked for.
            drop(link.close(limit).await);
            Err(setback.into())
        }
    }
}

async fn greet(link: &Link, limit: Duration) -> Result<Greeting, Setback> {
    match link.era {
        Era::Stateful => session::initialize(link, limit).await,
        Era::Stateless => session::discover(link, limit).await,
    }
}

async fn by_http(url: &str, first: Transport, context: &Context) -> Result<Session, Failure> {
    let url = Url::parse(url).map_err(|error| failure(Phase::Resolve, FailureKind::Malformed, error.to_string().as_str()))?;
    let mut transport = context.worked().map_or(first, |(transport, _)| transport);
    let mut tried = Vec::with_capacity(3);
    let mut first_failure = None;
    loop {
        tried.push(transport);
        let setback = match try_http(&url, transport, context).await {
            Ok(session) => return Ok(session),
            Err(setback) => setback,
        };
        let next = next_transport(transport, &setback);
        let failure = first_failure.get_or_insert(setback.failure);
        match next {
            Some(next) if !tried.contains(&next) => transport = next,
            _ => return Err(failure.clone()),
        }
    }
}

/// What to try after `tried` failed; `None` when the failure says nothing about the transport.
fn next_transport(tried: Transport, setback: &Setback) -> Option<Transport> {
    let elsewhere = matches!(setback.status, Some(400 | 404 | 405));
    let spoke = matches!(setback.failure.kind, FailureKind::Rpc(_));
    match tried {
        // A JSON-RPC error comes from an MCP endpoint: the transport is right, the era may not be.
        Transport::StreamableHttp if spoke => Some(Transport::StatelessHttp),
        Transport::StreamableHttp | Transport::StatelessHttp if elsewhere => Some(Transport::LegacySse),
        Transport::LegacySse if elsewhere || setback.failure.kind == FailureKind::Malformed => Some(Transport::StreamableHttp),
        _ => None,
    }
}

async fn try_http(url: &Url, transport: Transport, context: &Context) -> Result<Session, Setback> {
    let began = Stopwatch::start();
    let limit = context.timeouts.initialize;
    let (ledger, owed) = Ledger::new(context.client.secrets());
    let era = if transport == Transport::StatelessHttp { Era::Stateless } else { Era::Stateful };
    let way = match transport {
        Transport::LegacySse => Line::Legacy(legacy::open(&context.client, url, &ledger, limit).await?),
        _ => Line::Streamable(Streamable::new(&context.client, url, era, &ledger)),
    };
    let link = Link::new(way, ledger, owed, era);
    let greeting = match greet(&link, limit).await {
        Ok(greeting) => greeting,
        Err(setback) => {
            drop(link.close(limit).await);
            return Err(setback);
        }
    };
    let connect = match &*link.line {
        Line::Legacy(way) => way.connect,
        Line::Streamable(way) => way.connect(),
        Line::Stdio(_) => Duration::ZERO,
    };
    Ok(context.session(link, transport, greeting, connect, began.elapsed()))
}

#[cfg(test)]
pub(crate) mod tests;
