//! The built binary, run as a user runs it: with a HOME of its own, captured output and a deadline.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::wait::Stopwatch;
use crate::{install, procs, wait};

/// Most lines kept that no test has read; beyond it the program waits on its pipe.
const LINES_MAX: usize = 100_000;

/// Longest wait for the rest of the output of a program that has ended.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// A user of this machine who has nothing yet.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where hubs of this user keep their traces.
    pub(crate) fn hub_state(&self) -> PathBuf {
        self.path().join(".local/state/mcp-hub")
    }

    /// The log that all hubs of this user share.
    pub(crate) fn hub_log(&self) -> PathBuf {
        self.hub_state().join("logs/mcp-hub.log")
    }

    /// Writes this user's configuration of mcp-vitals.
    pub(crate) fn configure(&self, text: &str) {
        let folder = self.path().join(".config/mcp-vitals");
        std::fs::create_dir_all(&folder).expect("a folder of ours");
        std::fs::write(folder.join("config.yaml"), text).expect("a folder of ours");
    }

    /// Gives a program this user's environment and nothing of the developer's but PATH.
    pub(crate) fn furnish(&self, command: &mut Command) {
        let path = install::variable("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", self.path()).current_dir(self.path());
    }

    /// The built binary with these arguments, as this user.
    pub(crate) fn mcp_vitals(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-vitals"));
        self.furnish(&mut command);
        command.args(arguments);
        command
    }

    /// Runs the built binary to its end.
    pub(crate) fn run(&self, arguments: &[&str], within: Duration) -> Ran {
        Running::start(self.mcp_vitals(arguments)).wait(within)
    }
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// From start to end.
    pub(crate) took: Duration,
}

/// A program that runs. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    started: Stopwatch,
    stdout: Stream,
    stderr: Stream,
}

impl Running {
    /// Starts `command` with nothing to read and both outputs captured.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null());
        Self::spawn(command)
    }

    /// The same with something to read: what [`Running::type_in`] is given.
    pub(crate) fn start_with_input(mut command: Command) -> Self {
        command.stdin(Stdio::piped());
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let started = Stopwatch::start();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
        let stdout = Stream::follow(child.stdout.take().expect("a pipe"));
        let stderr = Stream::follow(child.stderr.take().expect("a pipe"));
        Self { child, started, stdout, stderr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives it these keys.
    pub(crate) fn type_in(&mut self, keys: &str) {
        let input = self.child.stdin.as_mut().expect("started with input");
        input.write_all(keys.as_bytes()).expect("it reads");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        procs::signal(self.pid(), signal);
    }

    /// The next line on stdout that contains `wanted`; lines before it are passed over.
    pub(crate) fn expect_line(&mut self, wanted: &str, within: Duration) -> String {
        self.stdout.line_with(wanted, within).unwrap_or_else(|why| self.fail(wanted, within, why))
    }

    /// As [`Running::expect_line`], on stderr.
    pub(crate) fn expect_note(&mut self, wanted: &str, within: Duration) -> String {
        self.stderr.line_with(wanted, within).unwrap_or_else(|why| self.fail(wanted, within, why))
    }

    /// Fails when a line on stdout contains `unwanted` before this time is over.
    pub(crate) fn expect_no_line(&mut self, unwanted: &str, during: Duration) {
        if let Ok(line) = self.stdout.line_with(unwanted, during) {
            panic!("within {during:?} came: {line}\nstdout before it:\n{}", self.stdout.seen);
        }
    }

    fn fail(&mut self, wanted: &str, within: Duration, why: RecvTimeoutError) -> ! {
        self.stdout.drain(Duration::ZERO);
        self.stderr.drain(Duration::ZERO);
        let (out, err) = (&self.stdout.seen, &self.stderr.seen);
        panic!("no line with `{wanted}` within {within:?} ({why}).\nstdout:\n{out}\nstderr:\n{err}");
    }

    /// Ends what it reads, and waits for its end.
    pub(crate) fn wait_without_input(mut self, within: Duration) -> Ran {
        drop(self.child.stdin.take());
        self.wait(within)
    }

    /// Waits for the end; one that does not come fails the test.
    pub(crate) fn wait(mut self, within: Duration) -> Ran {
        let ended = self.end(within);
        let took = self.started.elapsed();
        self.stdout.drain(if ended.is_some() { DRAIN_MAX } else { Duration::ZERO });
        self.stderr.drain(if ended.is_some() { DRAIN_MAX } else { Duration::ZERO });
        let (stdout, stderr) = (std::mem::take(&mut self.stdout.seen), std::mem::take(&mut self.stderr.seen));
        let Some(status) = ended else {
            panic!("it has not ended within {within:?}.\nstdout:\n{stdout}\nstderr:\n{stderr}");
        };
        Ran { code: status.code(), stdout, stderr, took }
    }

    /// A program that fills its pipe must not stand still, so its output is read while it ends.
    fn end(&mut self, within: Duration) -> Option<ExitStatus> {
        wait::poll(within, || {
            self.stdout.drain(Duration::ZERO);
            self.stderr.drain(Duration::ZERO);
            self.child.try_wait().expect("our child")
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One output of a program, line by line.
struct Stream {
    lines: Receiver<String>,
    /// Everything that was taken so far, as it was written.
    seen: String,
}

impl Stream {
    /// The reading thread ends with the output, or when nobody takes its lines any more.
    fn follow(output: impl Read + Send + 'static) -> Self {
        let (sender, lines) = sync_channel(LINES_MAX);
        std::thread::spawn(move || send_lines(output, &sender));
        Self { lines, seen: String::new() }
    }

    fn next_line(&mut self, within: Duration) -> Result<String, RecvTimeoutError> {
        let line = self.lines.recv_timeout(within)?;
        self.seen.push_str(&line);
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn line_with(&mut self, wanted: &str, within: Duration) -> Result<String, RecvTimeoutError> {
        let started = Stopwatch::start();
        loop {
            let line = self.next_line(within.saturating_sub(started.elapsed()))?;
            if line.contains(wanted) {
                return Ok(line);
            }
        }
    }

    /// Takes what is there, and all of it once the output has ended.
    fn drain(&mut self, within: Duration) {
        let started = Stopwatch::start();
        while self.next_line(within.saturating_sub(started.elapsed())).is_ok() {}
    }
}

fn send_lines(output: impl Read, sender: &SyncSender<String>) {
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
            return;
        }
        line.clear();
    }
}
