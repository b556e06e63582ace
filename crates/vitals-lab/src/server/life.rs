//! One server from its first byte to its last: who reads, who writes, and what ends it.
//!
//! Reading and writing have tasks of their own. So the end of the input is seen while an answer is still
//! awaited, and one task alone writes, line by line, whatever else wants to be said.

use std::sync::Arc;
use std::time::Duration;

use rmcp::ServiceExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use vitals_probe::task::Task;

use super::answer::Server;
use super::faults::{FaultSet, Faults, begun, over};
use super::{ServerError, say};
use crate::fault::ServerFault;
use crate::part::{ServerKind, ServerPart};

/// Bytes between the reader, the SDK and the writer; the one that is ahead waits.
const PIPE_BYTES_MAX: usize = 64 << 10;

/// Lines that are no messages, in turn: what a forgotten `console.log` leaves behind.
const NOISE: [&str; 3] =
    ["[debug] cache: 3 entries, 0 stale\n", "INFO  worker ready (pool=1)\n", "DeprecationWarning: Buffer() is deprecated\n"];

/// How long a server takes for what it does wrong. Tests make it shorter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Between two looks at the file of faults.
    pub look: Duration,
    /// From a start to a crash, in a crash loop.
    pub crash: Duration,
    /// Before `initialize` is answered, in a slow start.
    pub start: Duration,
    /// Least time of a slow call.
    pub call_min: Duration,
    /// Between two lines of noise.
    pub noise: Duration,
    /// For how long the end of the input is ignored: a lab that dies must leave nothing for ever.
    pub ignore_max: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look: Duration::from_millis(50),
            crash: Duration::from_secs(2),
            start: Duration::from_secs(30),
            call_min: Duration::from_millis(600),
            noise: Duration::from_secs(1),
            ignore_max: Duration::from_secs(600),
        }
    }
}

/// After the input has ended, what is already under way may still be answered for this long.
const LAST_WORDS_MAX: Duration = Duration::from_millis(250);

/// How a server ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// Its input ended.
    InputEnded,
    /// Nobody reads what it says.
    OutputLost,
    /// It was told to crash.
    Crashed,
    /// It was told to end by a signal.
    Terminated,
    /// It ignored its end for as long as it may.
    Expired,
}

/// Where SIGTERM comes from.
pub(super) enum Terms {
    /// From the system, to this process. It is taken only while it is to be ignored, and then for good;
    /// before that it kills as it always does.
    OfProcess,
    /// From a test.
    #[cfg(test)]
    From(CancellationToken),
}

/// Serves on any pair of streams.
///
/// # Errors
/// A folder that cannot be used, and a first message that opens no session.
pub(super) async fn serve(
    part: ServerPart,
    input: impl AsyncRead + Unpin + Send + 'static,
    output: impl AsyncWrite + Unpin + Send + 'static,
    terms: Terms,
    pace: Pace,
) -> Result<End, ServerError> {
    let faults = Faults::watch(part.faults.clone(), pace.look);
    let (heard, to_hear) = tokio::io::duplex(PIPE_BYTES_MAX);
    let (to_say, said) = tokio::io::duplex(PIPE_BYTES_MAX);
    let (ended, mute) = (CancellationToken::new(), CancellationToken::new());
    let (failed, failure) = oneshot::channel();

    let talk = if part.kind == ServerKind::Github {
        Task::spawn(wait_for_token(to_hear, to_say))
    } else {
        let server = Server::new(&part, faults.now(), ended.clone(), pace)?;
        Task::spawn(talk(Arc::new(server), faults.now(), to_hear, to_say, failed))
    };
    let listen = Task::spawn(hear(input, heard, ended.clone()));
    let speak = Task::spawn(speak(said, output, faults.now(), pace.noise, mute.clone()));

    let end = tokio::select! {
        end = natural_end(faults.now(), &ended, &mute, pace.ignore_max) => end,
        () = terminated(terms, faults.now(), pace.ignore_max) => End::Terminated,
        () = crash(faults.now(), pace.crash) => End::Crashed,
    };
    if end == End::InputEnded {
        let _cut = tokio::time::timeout(LAST_WORDS_MAX, mute.cancelled()).await;
    }
    // The output is lost too when the SDK gives a session up, and that is said a moment later.
    if end == End::OutputLost
        && let Ok(Ok(words)) = tokio::time::timeout(LAST_WORDS_MAX, failure).await
    {
        return Err(ServerError::NoSession(words));
    }
    drop((talk, listen, speak));
    Ok(end)
}

/// Passes on what comes, and says when it has ended.
async fn hear(mut input: impl AsyncRead + Unpin, mut heard: DuplexStream, ended: CancellationToken) {
    let _ = tokio::io::copy(&mut input, &mut heard).await;
    // The SDK may have gone while the input goes on; its end is what counts here.
    let _ = tokio::io::copy(&mut input, &mut tokio::io::sink()).await;
    ended.cancel();
}

/// Writes what is said, each line as a whole, and noise between the lines when it is told to.
async fn speak(
    said: DuplexStream,
    mut output: impl AsyncWrite + Unpin,
    faults: watch::Receiver<FaultSet>,
    every: Duration,
    mute: CancellationToken,
) {
    let _said_all = mute.drop_guard();
    let mut said = BufReader::new(said);
    let mut ticks = tokio::time::interval(every);
    let (mut line, mut noise) = (Vec::new(), NOISE.iter().cycle());
    loop {
        // A read that loses against the clock leaves its part of the line in `line`, and goes on there.
        let message = tokio::select! {
            read = said.read_until(b'\n', &mut line) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => true,
            },
            _ = ticks.tick() => false,
        };
        let mut written = Vec::new();
        if faults.borrow().contains(&ServerFault::StdoutNoise) {
            written.extend(noise.next().into_iter().flat_map(|words| words.bytes()));
        }
        if message {
            written.append(&mut line);
        }
        if output.write_all(&written).await.is_err() || output.flush().await.is_err() {
            return;
        }
    }
}

/// Reads and answers nothing, as a server without its token does.
async fn wait_for_token(mut heard: DuplexStream, to_say: DuplexStream) {
    say("GITHUB_TOKEN is not set; waiting for it");
    let _ = tokio::io::copy(&mut heard, &mut tokio::io::sink()).await;
    drop(to_say);
}

/// Answers until the input ends, and tells of each change of the tools.
async fn talk(
    server: Arc<Server>,
    faults: watch::Receiver<FaultSet>,
    heard: DuplexStream,
    to_say: DuplexStream,
    failed: oneshot::Sender<String>,
) {
    let running = match server.clone().serve((heard, to_say)).await {
        Ok(running) => running,
        // The input ended first, which is no fault of the session's.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return,
        Err(_) if server.is_over() => return,
        Err(error) => {
            let _nobody_waits = failed.send(error.to_string());
            return;
        }
    };
    let peer = running.peer().clone();
    let told = Task::spawn(async move {
        let mut changes = server.tool_changes(faults);
        while changes.next().await {
            // Peers that opened their session with `initialize` are told outright; later ones subscribe.
            if server.is_open() && peer.notify_tool_list_changed().await.is_err() {
                return;
            }
        }
    });
    let _ended = running.waiting().await;
    drop(told);
}

/// Waits for the end of the input, or of whoever reads the output, and for as long as that is ignored.
async fn natural_end(
    mut faults: watch::Receiver<FaultSet>,
    ended: &CancellationToken,
    mute: &CancellationToken,
    ignore_max: Duration,
) -> End {
    let end = tokio::select! {
        biased;
        () = ended.cancelled() => End::InputEnded,
        () = mute.cancelled() => End::OutputLost,
    };
    match tokio::time::timeout(ignore_max, over(&mut faults, ServerFault::IgnoreEnd)).await {
        Ok(()) => end,
        Err(_) => End::Expired,
    }
}

/// Waits until it is to crash.
async fn crash(mut faults: watch::Receiver<FaultSet>, after: Duration) {
    loop {
        begun(&mut faults, ServerFault::CrashLoop).await;
        if tokio::time::timeout(after, over(&mut faults, ServerFault::CrashLoop)).await.is_err() {
            return;
        }
    }
}

/// Waits for a SIGTERM that counts. Before the first time that it is to be ignored, the system does this.
async fn terminated(terms: Terms, mut faults: watch::Receiver<FaultSet>, ignore_max: Duration) {
    begun(&mut faults, ServerFault::IgnoreEnd).await;
    match terms {
        Terms::OfProcess => {
            let Ok(mut signals) = signal(SignalKind::terminate()) else {
                say("SIGTERM cannot be ignored");
                return std::future::pending().await;
            };
            signals.recv().await;
        }
        #[cfg(test)]
        Terms::From(token) => token.cancelled().await,
    }
    let _expired = tokio::time::timeout(ignore_max, over(&mut faults, ServerFault::IgnoreEnd)).await;
}
