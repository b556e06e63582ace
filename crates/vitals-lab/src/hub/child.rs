//! A server's process: started in a group of its own, its standard error logged, its standard output
//! freed of lines that are none of the protocol's, ended with all of its group. It speaks no protocol.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use vitals_model::limits::BODY_BYTES_MAX;
use vitals_probe::clock::Stopwatch;
use vitals_probe::secret::Secret;
use vitals_probe::task::Task;

use super::journal::{Journal, Level, Record};

/// Longest line of standard error that is logged, in bytes; the rest of a longer one is left out.
const STDERR_LINE_BYTES_MAX: usize = 8 << 10;

/// Bytes of output that wait for the protocol to read them.
const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// How much of a line that is no message is logged, in characters.
const NOISE_CHARS_MAX: usize = 80;

/// Most such lines logged in a second; more are counted, and told with the next one.
const NOISE_RECORDS_MAX: u32 = 10;

/// How long a server may take to end after its input was closed, and again after SIGTERM. The official
/// TypeScript SDK waits as long.
const END_STEP: Duration = Duration::from_secs(2);

/// What is to be started.
pub(super) struct Start<'a> {
    pub name: &'a str,
    pub command: &'a str,
    pub args: &'a [String],
    pub env: &'a [(String, Secret)],
    pub cwd: Option<&'a Path>,
}

/// A running server process. Dropping it kills its group at once.
pub(super) struct Child {
    process: Option<tokio::process::Child>,
    group: Option<Pid>,
    output_ended: CancellationToken,
    _readers: [Task; 2],
}

/// Its input, and its output without noise.
pub(super) struct Pipes {
    pub input: ChildStdin,
    pub output: DuplexStream,
}

impl Child {
    /// Starts the process.
    pub(super) fn start(what: &Start<'_>, journal: &Journal) -> io::Result<(Self, Pipes)> {
        let mut command = Command::new(what.command);
        command.args(what.args).envs(what.env.iter().map(|(name, value)| (name, value.expose())));
        if let Some(cwd) = what.cwd {
            command.current_dir(cwd);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut process = command.spawn()?;
        let group = process.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        let (Some(input), Some(stdout), Some(stderr)) = (process.stdin.take(), process.stdout.take(), process.stderr.take())
        else {
            return Err(io::Error::other("the server has no pipes"));
        };
        let (ours, output) = tokio::io::duplex(OUTPUT_BYTES_MAX);
        let output_ended = CancellationToken::new();
        let readers = [
            Task::spawn(pump(stdout, ours, what.name.to_owned(), journal.clone(), output_ended.clone())),
            Task::spawn(tell(stderr, what.name.to_owned(), journal.clone())),
        ];
        Ok((Self { process: Some(process), group, output_ended, _readers: readers }, Pipes { input, output }))
    }

    /// Resolves when the process has closed its output: it ended, most often.
    pub(super) async fn output_ended(&self) {
        self.output_ended.cancelled().await;
    }

    /// Ends the process, whose input must be closed already, and all of its group. Given up on the way, it
    /// kills the group at once.
    pub(super) async fn end(mut self) {
        for step in [Signal::TERM, Signal::KILL] {
            let Some(process) = &mut self.process else { return };
            if timeout(END_STEP, process.wait()).await.is_ok() {
                break;
            }
            signal(self.group, step);
        }
        if let Some(process) = &mut self.process {
            drop(timeout(END_STEP, process.wait()).await);
        }
        // What it had started itself is in its group still, which keeps the group's id from being used again.
        signal(self.group, Signal::KILL);
        self.process = None;
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.process.is_some() {
            signal(self.group, Signal::KILL);
        }
    }
}

fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // The only failure is that nobody is left, which is what a signal is sent for.
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

/// Hands on what is JSON; logs what is not.
async fn pump(stdout: ChildStdout, mut ours: DuplexStream, name: String, journal: Journal, ended: CancellationToken) {
    let mut input = BufReader::new(stdout);
    let mut line = Vec::new();
    let mut noise = Noise { name, journal, second: Stopwatch::start(), told: 0, untold: 0 };
    while let Some(whole) = next_line(&mut input, &mut line, BODY_BYTES_MAX).await {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if !whole || !is_message(&line) {
            noise.hear(&line);
            continue;
        }
        line.push(b'\n');
        if ours.write_all(&line).await.is_err() {
            break;
        }
    }
    ended.cancel();
}

/// Messages of JSON-RPC are objects; batches, which one revision had, are lists of them.
fn is_message(line: &[u8]) -> bool {
    matches!(line.trim_ascii().first(), Some(b'{' | b'[')) && serde_json::from_slice::<IgnoredAny>(line).is_ok()
}

struct Noise {
    name: String,
    journal: Journal,
    second: Stopwatch,
    told: u32,
    untold: u64,
}

impl Noise {
    fn hear(&mut self, line: &[u8]) {
        if self.second.elapsed() >= Duration::from_secs(1) {
            (self.second, self.told) = (Stopwatch::start(), 0);
        }
        if self.told >= NOISE_RECORDS_MAX {
            self.untold += 1;
            return;
        }
        self.told += 1;
        let text: String = String::from_utf8_lossy(line.trim_ascii()).chars().take(NOISE_CHARS_MAX).collect();
        let mut data = json!({"line": text});
        if self.untold > 0 {
            data["notLogged"] = self.untold.into();
            self.untold = 0;
        }
        self.journal.write(Record {
            code: Some("SERVER_STDOUT_NOISE"),
            server: Some(self.name.clone()),
            data,
            ..Record::new(Level::Error, format!("'{}' wrote text between its messages: {text}", self.name))
        });
    }
}

/// Logs standard error as npm mcp-hub does.
async fn tell(stderr: ChildStderr, name: String, journal: Journal) {
    let mut input = BufReader::new(stderr);
    let mut line = Vec::new();
    while next_line(&mut input, &mut line, STDERR_LINE_BYTES_MAX).await.is_some() {
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            journal.write(Record::new(Level::Warn, format!("{name} stderr: {}", text.trim_end())));
        }
    }
}

/// Reads the next line into `line`, without its end; whether it is whole, or longer than `bytes_max` and
/// cut there. `None` at the end of the input.
pub(super) async fn next_line(input: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>, bytes_max: usize) -> Option<bool> {
    line.clear();
    let mut whole = true;
    let mut any = false;
    loop {
        let Ok(bytes) = input.fill_buf().await else { return None };
        if bytes.is_empty() {
            return any.then_some(whole);
        }
        any = true;
        let end = bytes.iter().position(|b| *b == b'\n');
        let text = &bytes[..end.unwrap_or(bytes.len())];
        let room = bytes_max.saturating_sub(line.len());
        whole &= text.len() <= room;
        line.extend_from_slice(&text[..text.len().min(room)]);
        let used = end.map_or(bytes.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Some(whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::AsyncReadExt;

    use super::*;

    type Records = Arc<Mutex<Vec<Record>>>;

    fn journal() -> (Journal, Records) {
        let records = Records::default();
        let sink = Arc::clone(&records);
        (Journal::new(move |record, _| sink.lock().unwrap().push(record)), records)
    }

    fn shell(script: &str, journal: &Journal) -> (Child, Pipes) {
        let args = ["-c".to_owned(), script.to_owned()];
        Child::start(&Start { name: "s", command: "sh", args: &args, env: &[], cwd: None }, journal).unwrap()
    }

    #[tokio::test]
    async fn text_between_messages_is_logged_and_not_handed_on() {
        let (journal, records) = journal();
        let script = "echo 'hello world'; echo '{\"a\":1}'; echo 42; echo oops >&2; printf '{\"b\":2}\\n'";
        let (child, mut pipes) = shell(script, &journal);
        let mut output = String::new();
        timeout(Duration::from_secs(10), pipes.output.read_to_string(&mut output)).await.unwrap().unwrap();
        assert_eq!(output, "{\"a\":1}\n{\"b\":2}\n");
        timeout(Duration::from_secs(10), child.output_ended()).await.unwrap();
        let records = records.lock().unwrap();
        let noise: Vec<_> = records.iter().filter(|r| r.code == Some("SERVER_STDOUT_NOISE")).collect();
        assert_eq!(noise.len(), 2, "{records:?}");
        assert_eq!((noise[0].server.as_deref(), &noise[0].data), (Some("s"), &json!({"line": "hello world"})));
        assert_eq!(noise[0].level, Level::Error);
    }

    #[tokio::test]
    async fn much_noise_is_counted() {
        let (journal, records) = journal();
        let (child, pipes) = shell("i=0; while [ $i -lt 50 ]; do echo x; i=$((i+1)); done; read go; echo last", &journal);
        let waited = Stopwatch::start();
        while records.lock().unwrap().len() < 10 {
            assert!(waited.elapsed() < Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
        let second = Stopwatch::start();
        while second.elapsed() < Duration::from_millis(1100) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut input = pipes.input;
        input.write_all(b"\n").await.unwrap();
        timeout(Duration::from_secs(10), child.output_ended()).await.unwrap();
        let records = records.lock().unwrap();
        assert_eq!(records.len(), 11);
        assert_eq!(records[10].data, json!({"line": "last", "notLogged": 40}));
    }

    #[tokio::test]
    async fn a_server_and_what_it_started_are_ended_even_when_they_resist() {
        let (journal, records) = journal();
        let (child, pipes) = shell("trap '' TERM; sleep 100 & echo $! >&2; while :; do wait; done", &journal);
        let waited = Stopwatch::start();
        while records.lock().unwrap().is_empty() {
            assert!(waited.elapsed() < Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
        let message = records.lock().unwrap()[0].message.clone();
        let grandchild: u32 = message.trim_start_matches("s stderr: ").parse().unwrap();
        assert!(vitals_probe::process::identify(grandchild).is_some());
        drop(pipes);
        child.end().await;
        let waited = Stopwatch::start();
        while vitals_probe::process::identify(grandchild).is_some() {
            assert!(waited.elapsed() < Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_long_line_is_cut_and_the_next_one_is_read() {
        let mut input = io::Cursor::new(b"0123456789\nabc".to_vec());
        let mut line = Vec::new();
        assert_eq!(next_line(&mut input, &mut line, 4).await, Some(false));
        assert_eq!(line, b"0123");
        assert_eq!(next_line(&mut input, &mut line, 4).await, Some(true));
        assert_eq!(line, b"abc");
        assert_eq!(next_line(&mut input, &mut line, 4).await, None);
    }
}
