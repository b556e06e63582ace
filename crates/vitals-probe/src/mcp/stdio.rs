//! MCP over the standard streams of a child process: one message per line.
//!
//! The child leads a process group of its own and is ended with all of it. It matches no ids: lines
//! go to the session's ledger as they come.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio as Pipe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use vitals_model::limits::{BODY_BYTES_MAX, EVIDENCE_CHARS_MAX};
use vitals_model::observation::{Failure, FailureKind, Phase};
use vitals_model::text::Text;

use super::ledger::{Ledger, failure};
use crate::clock::Stopwatch;
use crate::process;
use crate::secret::Secret;
use crate::task::Task;

/// What a child gets of our own environment: the list that the reference client libraries pass on. A
/// server is somebody else's program, and our environment may hold secrets that are not meant for it.
const ENVIRONMENT: [&str; 6] = ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"];

/// Most lines waiting to be written; beyond it a sender waits within its own limit.
const LINES_MAX: usize = 64;

/// Longest line of standard error kept, in bytes; the rest of it is dropped.
const STDERR_LINE_BYTES_MAX: usize = 4096;

/// How long a child gets for each step of its end: after its input closed, after SIGTERM, after SIGKILL.
const CLOSE_STEP: Duration = Duration::from_secs(2);

/// How often the process group is counted while it ends.
const GROUP_LOOK: Duration = Duration::from_millis(20);

/// How long we wait for the last words of a child that ended, when a grandchild still holds its pipes.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A running child and its group. Dropping it kills the group at once.
#[derive(Debug)]
pub(super) struct Stdio {
    ledger: Arc<Ledger>,
    input: Mutex<Option<mpsc::Sender<Bytes>>>,
    /// Not reaped before the group is gone: until then no other process can get its id.
    child: Mutex<Option<Child>>,
    group: Group,
    _tasks: [Task; 3],
}

/// Starts `command` in a process group of its own.
pub(super) fn start(
    command: &str,
    args: &[String],
    environment: &[(String, Secret)],
    ledger: &Arc<Ledger>,
) -> Result<Stdio, Failure> {
    let spawn_failure = |error: &io::Error| failure(Phase::Connect, FailureKind::Spawn, error.to_string().as_str());
    let mut child = Command::new(command)
        .args(args)
        .env_clear()
        .envs(passed_on())
        .envs(environment.iter().map(|(name, value)| (name, value.expose())))
        .stdin(Pipe::piped())
        .stdout(Pipe::piped())
        .stderr(Pipe::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| spawn_failure(&error))?;
    let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let (Some(pid), Some(stdin), Some(stdout), Some(stderr)) =
        (pid, child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failure(Phase::Connect, FailureKind::Spawn, "the child has no pipes"));
    };
    let group = Group(pid);
    let exit = exit_of(pid).map_err(|error| {
        group.signal(Signal::KILL);
        spawn_failure(&error)
    })?;
    let (sender, lines) = mpsc::channel(LINES_MAX);
    let last_line = Arc::new(Mutex::new(Text::default()));
    let (stderr_open, stderr_end) = oneshot::channel::<()>();
    let tasks = [
        Task::spawn(write(stdin, lines)),
        Task::spawn(drain(stderr, Arc::clone(&last_line), Arc::clone(ledger), stderr_open)),
        Task::spawn(mind(stdout, exit, pid, stderr_end, last_line, Arc::clone(ledger))),
    ];
    Ok(Stdio {
        ledger: Arc::clone(ledger),
        input: Mutex::new(Some(sender)),
        child: Mutex::new(Some(child)),
        group,
        _tasks: tasks,
    })
}

/// Becomes readable when the process ends.
#[expect(deprecated, reason = "its replacement is unsafe; an owned descriptor cannot be closed behind its back")]
fn exit_of(pid: Pid) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

#[expect(clippy::disallowed_methods, reason = "handed to the child as they are, never looked at")]
fn passed_on() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    ENVIRONMENT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}

impl Stdio {
    /// Sends one line. Waits when the child does not read; a line once taken is written whole.
    pub(super) async fn send(&self, line: Bytes) -> Result<(), Failure> {
        let input = self.input.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sent = match input {
            Some(input) => input.send(line).await.is_ok(),
            None => false,
        };
        if sent { Ok(()) } else { Err(failure(Phase::Request, FailureKind::Closed, "")) }
    }

    /// Ends the child and all of its group: closes its input, then SIGTERM, then SIGKILL, with
    /// [`CLOSE_STEP`] for each. Fails when a member of the group survives even that.
    pub(super) async fn close(&self) -> Result<(), Failure> {
        drop(self.input.lock().unwrap_or_else(PoisonError::into_inner).take());
        // A server that ends by itself is the good case; what it leaves behind is not waited for.
        drop(timeout(CLOSE_STEP, self.ledger.wait_end()).await);
        for signal in [Signal::TERM, Signal::KILL] {
            if self.group.members() > 0 {
                self.group.signal(signal);
                self.group.wait_gone(CLOSE_STEP).await;
            }
        }
        let left = self.group.members();
        if left > 0 {
            let evidence = format!("{} left in process group {}", vitals_model::text::count(left, "member"), self.group.0);
            return Err(failure(Phase::Close, FailureKind::Os, evidence.as_str()));
        }
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            // Reaping frees the id. Every member is gone, so this is immediate.
            drop(timeout(CLOSE_STEP, child.wait()).await);
        }
        Ok(())
    }
}

/// A session that is dropped without being closed, or while it is, still leaves no process behind.
impl Drop for Stdio {
    fn drop(&mut self) {
        if self.child.get_mut().unwrap_or_else(PoisonError::into_inner).is_some() {
            self.group.signal(Signal::KILL);
        }
    }
}

/// The process group that a child leads.
#[derive(Debug)]
struct Group(Pid);

impl Group {
    /// Members that still run: killing `npx` alone leaves `node`.
    fn members(&self) -> u64 {
        u32::try_from(self.0.as_raw_nonzero().get()).map_or(0, process::running_in_group)
    }

    fn signal(&self, signal: Signal) {
        // The only failure is that nobody is left, which is what a signal is sent for.
        let _ = rustix::process::kill_process_group(self.0, signal);
    }

    async fn wait_gone(&self, limit: Duration) {
        let waited = Stopwatch::start();
        while self.members() > 0 && waited.elapsed() < limit {
            tokio::time::sleep(GROUP_LOOK).await;
        }
    }
}

async fn write(mut stdin: ChildStdin, mut lines: mpsc::Receiver<Bytes>) {
    while let Some(line) = lines.recv().await {
        let written = async {
            stdin.write_all(&line).await?;
            stdin.write_all(b"\n").await?;
            stdin.flush().await
        };
        // A broken pipe: whoever minds the child will say how it ended.
        if written.await.is_err() {
            return;
        }
    }
}

/// Reads standard error to its end, so that the child never blocks on it, and keeps the last line.
async fn drain(stderr: ChildStderr, last_line: Arc<Mutex<Text>>, ledger: Arc<Ledger>, _open: oneshot::Sender<()>) {
    let mut input = BufReader::new(stderr);
    let mut line = Vec::new();
    while read_line(&mut input, &mut line, STDERR_LINE_BYTES_MAX).await != Line::End {
        if !line.trim_ascii().is_empty() {
            let text = ledger.evidence(line.trim_ascii());
            *last_line.lock().unwrap_or_else(PoisonError::into_inner) = text;
        }
    }
}

/// Reads the child's output until it ends, and tells the ledger how it ended.
async fn mind(
    stdout: ChildStdout,
    exit: AsyncFd<OwnedFd>,
    pid: Pid,
    stderr_end: oneshot::Receiver<()>,
    last_line: Arc<Mutex<Text>>,
    ledger: Arc<Ledger>,
) {
    let mut reading = std::pin::pin!(read(stdout, &ledger));
    tokio::select! {
        // Most often it is about to exit, and its status says more than a closed pipe.
        () = &mut reading => drop(timeout(LAST_WORDS, exit.readable()).await),
        _ = exit.readable() => drop(timeout(LAST_WORDS, &mut reading).await),
    }
    drop(timeout(LAST_WORDS, stderr_end).await);
    let last_line = last_line.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let evidence = match (how_it_ended(pid), last_line.as_str()) {
        (how, "") => how,
        (how, line) => format!("{how}: {line}"),
    };
    ledger.end(Phase::Body, &FailureKind::Closed, &Text::cut(&evidence, EVIDENCE_CHARS_MAX));
}

async fn read(stdout: ChildStdout, ledger: &Ledger) {
    let mut input = BufReader::new(stdout);
    let mut line = Vec::new();
    loop {
        match read_line(&mut input, &mut line, BODY_BYTES_MAX).await {
            Line::End => return,
            Line::Whole if line.trim_ascii().is_empty() => {}
            // What is no message is counted by the ledger, and the next line may be one again.
            Line::Whole => drop(ledger.receive(&line)),
            Line::Cut => {
                let evidence = ledger.evidence(&line);
                ledger.count_noise(&evidence);
                ledger.fail_all(&FailureKind::TooLarge, &evidence);
                // One such line must not cost its size for ever.
                line = Vec::new();
            }
        }
    }
}

/// How the process ended, without reaping it.
fn how_it_ended(pid: Pid) -> String {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    match rustix::process::waitid(WaitId::Pid(pid), look) {
        Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => format!("exit status {code}"),
            (_, Some(signal)) => format!("killed by signal {signal}"),
            _ => "ended".to_owned(),
        },
        _ => "closed its output".to_owned(),
    }
}

/// What [`read_line`] found.
#[derive(PartialEq, Eq, Debug)]
enum Line {
    /// A line, without its line break; also what stands before the end of the input.
    Whole,
    /// The beginning of a line that is too long; the rest of it is skipped.
    Cut,
    /// Nothing: the input has ended.
    End,
}

/// Reads the next line into `line`, at most `bytes_max` of it.
async fn read_line(input: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>, bytes_max: usize) -> Line {
    line.clear();
    let mut found = Line::End;
    loop {
        // A read error on a pipe is an end like any other.
        let available = input.fill_buf().await.unwrap_or_default();
        if available.is_empty() {
            return found;
        }
        let line_end = memchr::memchr(b'\n', available);
        let piece = &available[..line_end.unwrap_or(available.len())];
        let room = bytes_max - line.len();
        line.extend_from_slice(&piece[..piece.len().min(room)]);
        found = if found == Line::Cut || piece.len() > room { Line::Cut } else { Line::Whole };
        let used = piece.len() + usize::from(line_end.is_some());
        input.consume(used);
        if line_end.is_some() {
            return found;
        }
    }
}

#[cfg(test)]
mod tests;
