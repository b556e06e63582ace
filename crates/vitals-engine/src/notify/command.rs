//! A program of this machine that is told: it reads the notice as JSON on its standard input, and says by its exit code what
//! came of it. It has a process group of its own, which ends with its time.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use vitals_model::limits::RECEIPT_BYTES_MAX;
use vitals_model::text::Text;

use super::Trouble;
use super::format::Letter;

/// The exit code that asks for another attempt (sysexits.h: `EX_TEMPFAIL`).
const TRY_AGAIN: i32 = 75;

/// Longest part of what it says that is kept, in characters.
const SAID_CHARS_MAX: usize = 160;

/// The limits of what a desktop shows, in characters.
const DESKTOP_SUBJECT_CHARS_MAX: usize = 100;
const DESKTOP_BODY_CHARS_MAX: usize = 500;

/// A program, its arguments, and what it reads.
pub(super) struct Call {
    pub(super) words: Vec<String>,
    pub(super) input: Vec<u8>,
}

/// The configured program, which reads the notice.
pub(super) fn of(letter: &Letter<'_>) -> Result<Call, String> {
    let input = serde_json::to_vec(&letter.view).map_err(|error| error.to_string())?;
    Ok(Call { words: letter.receiver.command.clone().unwrap_or_default(), input })
}

/// `notify-send` of the desktop (Desktop Notifications Specification), or what is configured in its place.
pub(super) fn desktop(letter: &Letter<'_>) -> Result<Call, String> {
    let urgency = match (letter.view.status, letter.view.severity) {
        ("resolved" | "report", _) => "low",
        (_, "critical") => "critical",
        _ => "normal",
    };
    let own = || vec!["notify-send".to_owned(), "--app-name=mcp-vitals".to_owned(), format!("--urgency={urgency}")];
    let mut words = letter.receiver.command.clone().unwrap_or_else(own);
    // What begins with a dash must not be taken for an option, and what looks like markup not for that.
    let body = letter.body(DESKTOP_BODY_CHARS_MAX)?.replace('&', "&amp;").replace('<', "&lt;");
    words.extend(["--".to_owned(), letter.subject(DESKTOP_SUBJECT_CHARS_MAX)?, body]);
    Ok(Call { words, input: Vec::new() })
}

/// Runs it. 0 is delivered, 75 is to be tried again, as is one that takes too long; everything else is a refusal.
pub(super) async fn run(call: &Call, limit: Duration) -> Result<Text, Trouble> {
    let (program, arguments) = call.words.split_first().ok_or_else(|| Trouble::Final(Text::new("no program is named")))?;
    let mut command = Command::new(program);
    command.args(arguments).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| {
        let why = Text::new(&format!("{program} cannot be started: {error}"));
        if error.kind() == io::ErrorKind::WouldBlock { Trouble::Passing { why, after: None } } else { Trouble::Final(why) }
    })?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let ended = tokio::time::timeout(limit, talk(&mut child, &call.input)).await;
    drop(group);
    let late = || Trouble::passing(&format!("{program} did not end within {}", vitals_model::time::human(limit)));
    let (status, said) = ended.map_err(|_| late())?.map_err(|error| Trouble::passing(&error.to_string()))?;
    let said = Text::from_bytes(&said, SAID_CHARS_MAX);
    let words = |code: &str| Text::cut(format!("{code} {said}").trim_end(), SAID_CHARS_MAX);
    match status.code() {
        Some(0) => Ok(words("exit 0")),
        Some(TRY_AGAIN) => Err(Trouble::Passing { why: words("exit 75"), after: None }),
        Some(code) => Err(Trouble::Final(words(&format!("exit {code}")))),
        None => Err(Trouble::Passing { why: words("killed"), after: None }),
    }
}

/// Writes what it reads, reads what it says, and waits for its end.
async fn talk(child: &mut Child, input: &[u8]) -> io::Result<(std::process::ExitStatus, Vec<u8>)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // One that does not read its input need not.
            let _ = stdin.write_all(input).await;
        }
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let read_out = async {
        if let Some(stdout) = stdout {
            let _ = stdout.take(RECEIPT_BYTES_MAX as u64).read_to_end(&mut out).await;
        }
    };
    let read_err = async {
        if let Some(stderr) = stderr {
            let _ = stderr.take(RECEIPT_BYTES_MAX as u64).read_to_end(&mut err).await;
        }
    };
    tokio::join!(write, read_out, read_err);
    let status = child.wait().await?;
    Ok((status, if err.is_empty() { out } else { err }))
}

/// What the program started ends with this.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Most often it has ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
