//! Opening a connection phase by phase, and one exchange on it. It retries nothing and keeps nothing.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use url::{Host, Url};
use vitals_model::limits::{ADDRESSES_MAX, HEADER_BYTES_MAX};
use vitals_model::observation::{Failure, FailureKind, Phase, Timing};
use vitals_model::text::Text;

use super::Client;
use super::deadline::Deadline;
use super::proxy::Proxy;
use super::secrets::Secrets;
use super::tap::{FirstBytes, Tap};
use crate::clock::Stopwatch;
use crate::task::Task;

/// Where a connection leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Origin {
    https: bool,
    host: Host,
    port: u16,
}

impl Origin {
    /// The origin of `url`; the error is a sentence.
    pub(super) fn of(url: &Url) -> Result<Self, String> {
        let https = match url.scheme() {
            "http" => false,
            "https" => true,
            other => return Err(format!("scheme {other} is neither http nor https")),
        };
        match (url.host(), url.port_or_known_default()) {
            (Some(host), Some(port)) => Ok(Self { https, host: host.to_owned(), port }),
            _ => Err("the URL names no host".to_owned()),
        }
    }
}

/// An open connection that carries one exchange at a time; dropping it closes it.
#[derive(Debug)]
pub(super) struct Connection {
    origin: Origin,
    sender: SendRequest<Full<Bytes>>,
    first: FirstBytes,
    _task: Task,
}

/// An exchange without an answer.
pub(super) struct Lost {
    pub(super) failure: Failure,
    /// Whether the other side sent nothing at all before it closed: a kept connection may just be stale.
    pub(super) unanswered: bool,
    /// Whether the request was certainly not sent, so that even a call may be sent again.
    pub(super) unsent: bool,
}

impl Connection {
    /// Whether it leads to `origin` and is still open as far as we know.
    pub(super) fn leads_to(&self, origin: &Origin) -> bool {
        self.origin == *origin && !self.sender.is_closed()
    }

    /// Sends `message` and awaits the head of its answer.
    pub(super) async fn exchange(
        mut self,
        message: hyper::Request<Full<Bytes>>,
        deadline: Deadline,
        secrets: &Secrets,
    ) -> Result<(Self, hyper::Response<Incoming>), Lost> {
        self.first.clear();
        let sent = async {
            match self.sender.ready().await {
                Ok(()) => {
                    self.sender.try_send_request(message).await.map_err(|mut e| (e.take_message().is_some(), e.into_error()))
                }
                Err(error) => Err((true, error)),
            }
        };
        match deadline.within(Phase::Request, deadline.limit(), sent).await {
            Ok(Ok(response)) => Ok((self, response)),
            Ok(Err((unsent, error))) => {
                let first = self.first.get();
                let failure = hyper_failure(&error, Phase::Request, deadline, secrets.evidence(&first));
                Err(Lost { failure, unanswered: first.is_empty(), unsent })
            }
            Err(failure) => Err(Lost { failure, unanswered: false, unsent: false }),
        }
    }
}

/// Opens a connection to `origin`, directly or through the client's proxy.
pub(super) async fn open(origin: &Origin, client: &Client, deadline: Deadline) -> Result<(Connection, Timing), Failure> {
    let limit = client.connect_limit;
    let proxy = client.proxy.as_ref().filter(|p| origin.https && p.serves(&origin.host));
    let mut timing = Timing::default();
    let tcp = tcp(proxy.map_or(origin, Proxy::origin), limit, deadline, &mut timing).await?;
    if !origin.https {
        return Ok((start(origin, tcp, deadline).await?, timing));
    }
    if proxy.is_none() {
        let stream = tls(client, origin, tcp, deadline, &mut timing).await?;
        return Ok((start(origin, stream, deadline).await?, timing));
    }
    let clock = Stopwatch::start();
    let tunnel = deadline.within(Phase::Connect, limit, tunnel(origin, tcp, deadline)).await??;
    timing.connect += clock.elapsed();
    let stream = tls(client, origin, tunnel, deadline, &mut timing).await?;
    Ok((start(origin, stream, deadline).await?, timing))
}

/// Resolves and connects: each address in turn with a fair share of the time that is left, so that one
/// dead address cannot use up the time of a good one.
async fn tcp(origin: &Origin, limit: Duration, deadline: Deadline, timing: &mut Timing) -> Result<TcpStream, Failure> {
    let clock = Stopwatch::start();
    let addresses = deadline.within(Phase::Resolve, limit, resolve(origin)).await?;
    let addresses = addresses.map_err(|e| deadline.failure(Phase::Resolve, FailureKind::NoSuchHost, &e.to_string()))?;
    timing.resolve = clock.elapsed();

    let clock = Stopwatch::start();
    let mut worst: Option<Failure> = None;
    for (n, address) in addresses.iter().enumerate() {
        let addresses_left = u32::try_from(addresses.len() - n).unwrap_or(u32::MAX);
        let share = limit.saturating_sub(clock.elapsed()) / addresses_left;
        let failure = match deadline.within(Phase::Connect, share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Small requests must not wait for Nagle's algorithm; a failure only costs latency.
                let _ = stream.set_nodelay(true);
                timing.connect = clock.elapsed();
                return Ok(stream);
            }
            Ok(Err(error)) => deadline.failure(Phase::Connect, io_kind(&error), &format!("{address}: {error}")),
            Err(timed_out) => Failure { evidence: Text::new(&address.to_string()), ..timed_out },
        };
        // No route (IPv6 on a machine without it) says less than a refusal or a silence.
        if worst.as_ref().is_none_or(|w| w.kind == FailureKind::Unreachable) {
            worst = Some(failure);
        }
    }
    Err(worst.unwrap_or_else(|| deadline.failure(Phase::Resolve, FailureKind::NoSuchHost, "no address")))
}

/// The addresses of a host. `localhost` is loopback by definition (RFC 6761), without a look-up.
async fn resolve(origin: &Origin) -> io::Result<Vec<SocketAddr>> {
    let at = |ip: IpAddr| SocketAddr::new(ip, origin.port);
    Ok(match &origin.host {
        Host::Ipv4(ip) => vec![at((*ip).into())],
        Host::Ipv6(ip) => vec![at((*ip).into())],
        Host::Domain(name) if name == "localhost" => vec![at(Ipv4Addr::LOCALHOST.into()), at(Ipv6Addr::LOCALHOST.into())],
        Host::Domain(name) => tokio::net::lookup_host((name.as_str(), origin.port)).await?.take(ADDRESSES_MAX).collect(),
    })
}

/// The TLS handshake over `stream`.
async fn tls<S: AsyncRead + AsyncWrite + Unpin>(
    client: &Client,
    origin: &Origin,
    stream: S,
    deadline: Deadline,
    timing: &mut Timing,
) -> Result<tokio_rustls::client::TlsStream<S>, Failure> {
    let failure = |why: &str| deadline.failure(Phase::Tls, FailureKind::Tls, why);
    let config = if let Some(config) = client.tls.get() {
        Arc::clone(config)
    } else {
        let config = default_tls().map_err(|e| failure(&e.to_string()))?;
        Arc::clone(client.tls.get_or_init(|| config))
    };
    let name = match &origin.host {
        Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|e| failure(&e.to_string()))?,
        Host::Ipv4(ip) => ServerName::IpAddress(IpAddr::from(*ip).into()),
        Host::Ipv6(ip) => ServerName::IpAddress(IpAddr::from(*ip).into()),
    };
    let clock = Stopwatch::start();
    let handshake = TlsConnector::from(config).connect(name, stream);
    let stream = deadline.within(Phase::Tls, client.connect_limit, handshake).await?;
    let stream = stream.map_err(|error| failure(&error.to_string()))?;
    timing.tls = clock.elapsed();
    Ok(stream)
}

/// TLS with this machine's roots, or with Mozilla's where it has none. Made once per process and only
/// when an https URL is first used: reading the roots takes longer than a whole check of a local hub.
fn default_tls() -> Result<Arc<ClientConfig>, rustls::Error> {
    static SHARED: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = SHARED.get() {
        return Ok(Arc::clone(config));
    }
    let mut roots = RootCertStore::empty();
    // Certificates that cannot be read are left out: a host that needs one of them fails with its reason.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    }
    let config = tls_trusting(roots)?;
    Ok(Arc::clone(SHARED.get_or_init(|| config)))
}

/// TLS that trusts `roots`.
pub(super) fn tls_trusting(roots: RootCertStore) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Asks the proxy behind `stream` for a tunnel to `origin`.
async fn tunnel(origin: &Origin, stream: TcpStream, deadline: Deadline) -> Result<TokioIo<hyper::upgrade::Upgraded>, Failure> {
    let closed = |error: &hyper::Error| hyper_failure(error, Phase::Connect, deadline, Text::default());
    let (mut sender, connection) = builder().handshake(TokioIo::new(stream)).await.map_err(|e| closed(&e))?;
    let _task = Task::spawn(async move {
        // Its error reaches us through the exchange as well.
        let _ = connection.with_upgrades().await;
    });
    let authority = format!("{}:{}", origin.host, origin.port);
    let message = hyper::Request::connect(&authority).header("host", &authority).body(Empty::<Bytes>::new());
    let message = message.map_err(|e| deadline.failure(Phase::Connect, FailureKind::Malformed, &e.to_string()))?;
    let answer = sender.send_request(message).await.map_err(|e| closed(&e))?;
    if !answer.status().is_success() {
        let kind = FailureKind::Status { code: answer.status().as_u16(), retry_after: None };
        return Err(deadline.failure(Phase::Connect, kind, "the proxy refused a tunnel"));
    }
    Ok(TokioIo::new(hyper::upgrade::on(answer).await.map_err(|e| closed(&e))?))
}

/// Begins HTTP on `stream`.
async fn start<S>(origin: &Origin, stream: S, deadline: Deadline) -> Result<Connection, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let first = FirstBytes::default();
    let tap = TokioIo::new(Tap { stream, first: first.clone() });
    let started = builder().handshake(tap).await;
    let (sender, connection) = started.map_err(|e| hyper_failure(&e, Phase::Connect, deadline, Text::default()))?;
    let task = Task::spawn(async move {
        // Its error reaches us through the exchange as well.
        let _ = connection.await;
    });
    Ok(Connection { origin: origin.clone(), sender, first, _task: task })
}

/// HTTP/1.1 with a bounded buffer, which bounds header blocks and body pieces.
fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEADER_BYTES_MAX);
    builder
}

/// What an error of hyper says. `evidence` is what the other side sent; where that is nothing, the
/// error's own words stand in.
pub(super) fn hyper_failure(error: &hyper::Error, phase: Phase, deadline: Deadline, evidence: Text) -> Failure {
    let cause =
        std::iter::successors(std::error::Error::source(error), |e| e.source()).find_map(|e| e.downcast_ref::<io::Error>());
    // hyper names this kind on its server side only.
    let kind = if error.is_parse() && error.to_string() == "message head is too large" {
        FailureKind::TooLarge
    } else if error.is_parse() {
        FailureKind::Malformed
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        FailureKind::Closed
    } else {
        cause.map_or(FailureKind::Os, io_kind)
    };
    let words = cause.map_or_else(|| error.to_string(), ToString::to_string);
    let evidence = if evidence.as_str().is_empty() { Text::new(&words) } else { evidence };
    Failure { evidence, ..deadline.failure(phase, kind, "") }
}

/// What an error of the system says.
fn io_kind(error: &io::Error) -> FailureKind {
    use io::ErrorKind as E;
    match error.kind() {
        E::ConnectionRefused => FailureKind::Refused,
        E::HostUnreachable | E::NetworkUnreachable | E::NetworkDown | E::AddrNotAvailable => FailureKind::Unreachable,
        E::ConnectionReset | E::ConnectionAborted | E::BrokenPipe | E::UnexpectedEof | E::NotConnected => FailureKind::Closed,
        E::PermissionDenied => FailureKind::Denied,
        E::InvalidData if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>) => {
            FailureKind::Tls
        }
        _ => FailureKind::Os,
    }
}
