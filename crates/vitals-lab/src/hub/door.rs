//! The listening socket: it takes connections, at most so many, and can be closed with all of them and
//! opened again. It knows nothing of what is asked over them.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use vitals_probe::clock::Stopwatch;
use vitals_probe::task::Task;

use super::journal::{Journal, Level, Record};
use crate::fault::HubFault;

/// Most connections at once; the next one waits unaccepted. A thousand sessions need two each.
const CONNECTIONS_MAX: usize = 4096;

/// How often a lost port is tried for.
const RETRY_EVERY: Duration = Duration::from_millis(100);

/// How long a lost port is tried for, before the hub gives up.
const RETRY_FOR: Duration = Duration::from_secs(30);

/// How often it is logged that the port is still taken.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How long after a failure to accept (no more files, most often) the next try is made.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Opens the port on the loopback address; 0 takes a free one.
pub(crate) async fn open(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Serves `router` on `listener` for ever, except while the port is said to be lost. `listening` is told
/// whether it does.
///
/// # Errors
/// The port could not be had again within 30 s.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    mut faults: watch::Receiver<BTreeSet<HubFault>>,
    journal: Journal,
    listening: watch::Sender<bool>,
) -> io::Result<()> {
    let port = listener.local_addr()?.port();
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut listener = listener;
    loop {
        let open = CancellationToken::new();
        // Connections end with the door, not with the task that took them.
        let close = open.clone().drop_guard();
        let door = Door { listener, open, room: Arc::clone(&room) };
        let router = router.clone();
        let (kept, gone) = oneshot::channel::<()>();
        let taking = Task::spawn(async move {
            let _kept = kept;
            drop(axum::serve(door, router).await);
        });
        if faults.wait_for(|faults| faults.contains(&HubFault::PortLost)).await.is_err() {
            return Ok(());
        }
        drop((taking, close));
        // The task is gone when it lets go of its end, and the socket with it.
        drop(gone.await);
        listening.send_replace(false);
        if faults.wait_for(|faults| !faults.contains(&HubFault::PortLost)).await.is_err() {
            return Ok(());
        }
        listener = again(port, &journal).await?;
        listening.send_replace(true);
    }
}

async fn again(port: u16, journal: &Journal) -> io::Result<TcpListener> {
    let trying = Stopwatch::start();
    let mut told: Option<Stopwatch> = None;
    loop {
        let error = match open(port).await {
            Ok(listener) => return Ok(listener),
            Err(error) => error,
        };
        if trying.elapsed() >= RETRY_FOR {
            return Err(error);
        }
        if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            told = Some(Stopwatch::start());
            let taken = error.kind() == io::ErrorKind::AddrInUse;
            let why = if taken { "listen EADDRINUSE: address already in use".to_owned() } else { error.to_string() };
            journal.write(Record {
                code: Some(if taken { "EADDRINUSE" } else { "LISTEN_ERROR" }),
                data: json!({"port": port}),
                ..Record::new(Level::Error, format!("{why} 127.0.0.1:{port}"))
            });
        }
        tokio::time::sleep(RETRY_EVERY).await;
    }
}

struct Door {
    listener: TcpListener,
    open: CancellationToken,
    room: Arc<Semaphore>,
}

impl Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let Ok(place) = Arc::clone(&self.room).acquire_owned().await else { std::future::pending().await };
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    // Without it answers wait for acknowledgements; nothing breaks if it is refused.
                    let _ = stream.set_nodelay(true);
                    let closed = Box::pin(self.open.clone().cancelled_owned());
                    return (Connection { stream, closed, _place: place }, from);
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that breaks when the door is closed.
struct Connection {
    stream: TcpStream,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn still_open(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.closed.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.still_open(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.still_open(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.still_open(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::routing::get;
    use tokio::io::AsyncReadExt;
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_lost_port_breaks_every_connection_and_is_taken_again_when_it_is_free() {
        let records: Arc<Mutex<Vec<Record>>> = Arc::default();
        let sink = Arc::clone(&records);
        let journal = Journal::new(move |record, _| sink.lock().unwrap().push(record));
        let (tell, faults) = watch::channel(BTreeSet::new());
        let listener = open(0).await.unwrap();
        let address = listener.local_addr().unwrap();
        let listening = watch::Sender::new(true);
        let mut still = listening.subscribe();
        let router = Router::new().route("/", get(|| async { "here" }));
        let _serving = Task::spawn(async move { drop(serve(listener, router, faults, journal, listening).await) });

        let mut idle = TcpStream::connect(address).await.unwrap();
        tell.send(BTreeSet::from([HubFault::PortLost])).unwrap();
        let mut nothing = Vec::new();
        assert_eq!(timeout(SOON, idle.read_to_end(&mut nothing)).await.unwrap().unwrap_or(0), 0);
        timeout(SOON, still.wait_for(|listening| !listening)).await.unwrap().unwrap();
        let squatter = TcpListener::bind(address).await.unwrap();

        tell.send(BTreeSet::new()).unwrap();
        let told = timeout(SOON, async {
            while records.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        });
        told.await.unwrap();
        assert_eq!(records.lock().unwrap()[0].code, Some("EADDRINUSE"));
        drop(squatter);
        let client = vitals_probe::http::Client::new(&vitals_model::config::Timeouts::default(), Vec::new());
        let url = format!("http://{address}/").parse().unwrap();
        let answered = timeout(SOON, async {
            loop {
                let request = vitals_probe::http::Request::get(&url);
                if client.send(request, Duration::from_secs(1)).await.is_ok_and(|answer| answer.status() == 200) {
                    break;
                }
            }
        });
        answered.await.unwrap();
    }
}
