//! A program of the operator's: no shell, a process group of its own, bounded time and output.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;
use vitals_model::limits::{COMMAND_OUTPUT_BYTES_MAX, TEXT_CHARS_MAX};
use vitals_model::text::Text;

/// How long it may run. `systemctl restart` waits for the old process, 90 s by default, and for the new one to be ready.
const RUN_MAX: Duration = Duration::from_secs(150);

/// How long its last words are waited for when what it started still holds its output.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// What it gets of our own environment, which may hold secrets: the usual, and by what `systemctl --user` is reached.
const ENVIRONMENT: [&str; 11] = [
    "DBUS_SESSION_BUS_ADDRESS",
    "HOME",
    "LANG",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TERM",
    "USER",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
];

/// Runs a program to its end: itself and its arguments. What it started goes on, unless its time is over.
///
/// # Errors
/// Why it cannot be started, how it failed, or that its time was over, with the end of its output; in one line.
pub(super) async fn run(words: &[String]) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("there is no program to run")?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(passed_on())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot be started: {error}"))?;
    let group = Group(child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let mut talking = Box::pin(async { tokio::join!(keep_end(stdout, &mut out), keep_end(stderr, &mut errors)) });
    let mut is_silent = false;
    let ended = timeout(RUN_MAX, async {
        loop {
            tokio::select! {
                status = child.wait() => return status,
                _ = &mut talking, if !is_silent => is_silent = true,
            }
        }
    })
    .await;
    let holds_on = ended.is_ok() && !is_silent && timeout(LAST_WORDS, &mut talking).await.is_err();
    drop(talking);
    if ended.is_ok() {
        group.leave();
    }
    let said = |words: &[u8]| Text::cut(String::from_utf8_lossy(words).trim(), TEXT_CHARS_MAX / 2).to_string();
    let said = [said(&errors), said(&out)].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("; ");
    let said = if said.is_empty() { String::new() } else { format!(", said: {said}") };
    let held = if holds_on { "; what it started still holds its output, which is closed now: redirect it" } else { "" };
    match ended {
        Ok(Ok(status)) if status.success() => Ok(format!("done{said}{held}")),
        Ok(Ok(status)) => Err(format!("{status}{said}{held}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("ended, with all that it started, after {} s{said}", RUN_MAX.as_secs())),
    }
}

#[expect(clippy::disallowed_methods, reason = "handed to the program as they are, never looked at")]
fn passed_on() -> impl Iterator<Item = (&'static str, OsString)> {
    ENVIRONMENT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// Reads to the end, or for as long as it is awaited, and keeps the last bytes.
async fn keep_end(stream: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        into.extend_from_slice(&piece[..read]);
        into.drain(..into.len().saturating_sub(COMMAND_OUTPUT_BYTES_MAX));
    }
}

/// A process group that is killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    /// What is in it goes on.
    fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Whoever is in it may have ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
