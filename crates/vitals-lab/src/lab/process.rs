//! The hub's process as the lab holds it: it is started, told what to do wrong over its standard input,
//! and answers on its standard output. What it says besides that is not looked at here.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::watch;
use tokio::time::timeout;
use vitals_model::observation::ProcessId;
use vitals_probe::process;
use vitals_probe::task::Task;

use super::error::LabError;
use super::signal;
use crate::fault::HubFault;

/// How long a hub may take until it listens.
const START_MAX: Duration = Duration::from_secs(10);

/// How long a hub may take to acknowledge what it is told.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How long a hub may take to close its servers and end.
const END_MAX: Duration = Duration::from_secs(8);

/// Longest line read from a hub, in bytes; the rest of a longer one is read as a line of its own, and
/// what is none of the control's messages is passed over.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// A hub's process. Dropping it kills the process; [`HubProcess::end`] lets it end in good order.
#[derive(Debug)]
pub(super) struct HubProcess {
    id: ProcessId,
    port: u16,
    orders: ChildStdin,
    heard: watch::Receiver<Heard>,
    /// How often it was told something: each is answered once.
    told: u64,
    _reader: Task,
}

/// What a hub has said so far.
#[derive(Clone, Debug, Default)]
struct Heard {
    port: Option<u16>,
    answers: u64,
    /// What it last said that it does wrong.
    faults: BTreeSet<HubFault>,
    /// How it ended.
    end: Option<String>,
}

/// A line of a hub's standard output.
#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Ready { ready: Ready },
    Told { faults: BTreeSet<HubFault> },
}

#[derive(Deserialize)]
struct Ready {
    port: u16,
}

impl HubProcess {
    /// Starts a hub and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, ends, or does not listen within [`START_MAX`].
    pub(super) async fn start(mut command: Command) -> Result<Self, LabError> {
        // A group of its own: Ctrl-C is for the lab, which then lets the hub end in good order.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn().map_err(LabError::Spawn)?;
        let (Some(pid), Some(orders), Some(answers)) = (child.id(), child.stdin.take(), child.stdout.take()) else {
            return Err(LabError::Spawn(std::io::ErrorKind::BrokenPipe.into()));
        };
        // One that has ended already is no process; how it ended is heard below.
        let id = process::identify(pid).unwrap_or(ProcessId { pid, start_ticks: 0 });
        let (say, heard) = watch::channel(Heard::default());
        let reader = Task::spawn(listen(child, answers, say));
        let mut hub = Self { id, port: 0, orders, heard, told: 0, _reader: reader };
        let ready = hub.hear(START_MAX, "listen", |heard| heard.port.is_some()).await?;
        hub.port = ready.port.unwrap_or_default();
        Ok(hub)
    }

    /// Its identity.
    pub(super) const fn id(&self) -> ProcessId {
        self.id
    }

    /// The port on which it listens.
    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// How it ended; `None` while it runs.
    pub(super) fn ended(&self) -> Option<String> {
        self.heard.borrow().end.clone()
    }

    /// Tells it all that it is to do wrong from now on, and waits for its acknowledgement.
    ///
    /// # Errors
    /// It has ended, or does not answer within [`ANSWER_MAX`].
    pub(super) async fn tell(&mut self, faults: &BTreeSet<HubFault>) -> Result<(), LabError> {
        let mut line = serde_json::json!({ "faults": faults }).to_string();
        line.push('\n');
        let written = timeout(ANSWER_MAX, self.orders.write_all(line.as_bytes())).await;
        self.told += 1;
        if !matches!(written, Ok(Ok(()))) {
            let end = self.ended().unwrap_or_else(|| "it does not read its standard input".to_owned());
            return Err(LabError::HubEnded(end));
        }
        let told = self.told;
        self.hear(ANSWER_MAX, "acknowledge", |heard| heard.answers >= told && heard.faults == *faults).await.map(drop)
    }

    /// Kills it, and waits until it is gone.
    pub(super) async fn kill(self) -> Result<(), LabError> {
        signal::send(self.id, Signal::KILL).map_err(|source| LabError::Signal { what: "the hub".to_owned(), source })?;
        self.gone(END_MAX).await.map(drop)
    }

    /// Lets it end in good order: its standard input ends. One that resists is killed.
    pub(super) async fn end(self) -> Result<(), LabError> {
        let Self { id, orders, mut heard, _reader, .. } = self;
        drop(orders);
        if timeout(END_MAX, heard.wait_for(|heard| heard.end.is_some())).await.is_ok() {
            return Ok(());
        }
        signal::send(id, Signal::KILL).map_err(|source| LabError::Signal { what: "the hub".to_owned(), source })?;
        let _ = timeout(END_MAX, heard.wait_for(|heard| heard.end.is_some())).await;
        Err(LabError::HubSilent { what: "end", limit: END_MAX })
    }

    /// Waits for the end; how it ended.
    async fn gone(mut self, limit: Duration) -> Result<String, LabError> {
        match timeout(limit, self.heard.wait_for(|heard| heard.end.is_some())).await {
            Ok(Ok(heard)) => Ok(heard.end.clone().unwrap_or_default()),
            Ok(Err(_)) => Ok(String::new()),
            Err(_) => Err(LabError::HubSilent { what: "end", limit }),
        }
    }

    /// Waits until it has said what is waited for.
    async fn hear(&mut self, limit: Duration, what: &'static str, done: impl Fn(&Heard) -> bool) -> Result<Heard, LabError> {
        let waited = timeout(limit, self.heard.wait_for(|heard| done(heard) || heard.end.is_some())).await;
        match waited {
            Ok(Ok(heard)) if done(&heard) => Ok(heard.clone()),
            Ok(Ok(heard)) => Err(LabError::HubEnded(heard.end.clone().unwrap_or_default())),
            Ok(Err(_)) => Err(LabError::HubEnded(String::new())),
            Err(_) => Err(LabError::HubSilent { what, limit }),
        }
    }
}

/// Reads what a hub says until it ends, and how it ended. The child is killed when this is dropped.
async fn listen(mut child: Child, answers: ChildStdout, say: watch::Sender<Heard>) {
    let mut answers = BufReader::new(answers);
    let mut line = Vec::new();
    let status = loop {
        let mut rest = (&mut answers).take(LINE_BYTES_MAX);
        tokio::select! {
            // What it has said counts, also when it has ended since.
            biased;
            read = rest.read_until(b'\n', &mut line) => match read {
                Ok(1..) => {
                    note(&line, &say);
                    line.clear();
                }
                // It has closed its standard output, and may still run.
                Ok(0) | Err(_) => break child.wait().await,
            },
            status = child.wait() => break status,
        }
    };
    let end = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    say.send_modify(|heard| heard.end = Some(end));
}

fn note(line: &[u8], say: &watch::Sender<Heard>) {
    match serde_json::from_slice(line) {
        Ok(Said::Ready { ready }) => say.send_modify(|heard| heard.port = Some(ready.port)),
        Ok(Said::Told { faults }) => say.send_modify(|heard| {
            heard.answers += 1;
            heard.faults = faults;
        }),
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests;
