//! What a lab does to its hub and servers from outside: signals, processes, files, limits.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use tokio::net::TcpStream;
use tokio::process::Child;
use vitals_model::observation::ProcessId;
use vitals_probe::clock::Stopwatch;
use vitals_probe::mcp::Session;
use vitals_probe::process;
use vitals_probe::task::Task;

use super::{LabError, PAUSE, START_WELL, State};
use crate::fault::{Fault, Outside};
use crate::lab::files::failed;
use crate::lab::settings::Servers;
use crate::lab::signal::{self, Orphan, Stopped};
use crate::part::Part;

/// How long what was done may take to show.
const EFFECT_MAX: Duration = Duration::from_secs(5);

/// How long a server is given to read what it is told: it looks every 50–100 ms.
const NOTICE: Duration = Duration::from_millis(300);

/// What was done from outside. Each is undone when dropped, as far as that needs no waiting.
#[derive(Debug)]
pub(super) enum Effect {
    /// A process that stands still.
    Stopped(#[expect(dead_code, reason = "dropping it lets the process go on")] Stopped),
    /// A server that outlived its hub.
    Orphan(#[expect(dead_code, reason = "dropping it ends the process")] Orphan),
    /// The process that took the hub's port; it is killed when dropped.
    Squatter(Child),
    /// A session that is held open.
    Session(Box<Session>),
    /// The hub's own limit of file sizes, as it was.
    Limit(ProcessId, Rlimit),
    /// The hub will be started again.
    Restart(#[expect(dead_code, reason = "dropping it ends the task")] Task),
}

impl Effect {
    /// Undoes it, and waits until that is done.
    pub(super) async fn end(self) {
        match self {
            // A session that the hub does not let go of in good order ends with its connection.
            Self::Session(session) => drop(session.close().await),
            Self::Squatter(mut child) => {
                let _ = child.kill().await;
            }
            Self::Stopped(_) | Self::Orphan(_) | Self::Limit(..) | Self::Restart(_) => {}
        }
    }
}

impl State {
    pub(super) async fn act(&mut self, fault: Fault, outside: Outside, server: &str) -> Result<(), LabError> {
        let effect = match outside {
            Outside::KillHub | Outside::RestartHub => return self.kill_hub().await,
            Outside::StopHub => Effect::Stopped(stop(self.hub_id()?, "the hub")?),
            Outside::StopServer => Effect::Stopped(stop(self.process_of(server)?, server)?),
            Outside::KillServer => {
                let id = self.process_of(server)?;
                let sent = signal::send(id, Signal::KILL).map_err(refused(server))?;
                return if sent { Ok(()) } else { Err(LabError::NoProcess(server.to_owned())) };
            }
            Outside::HoldPort => Effect::Squatter(self.take_port().await?),
            Outside::LeaveOrphan => Effect::Orphan(self.leave_orphan(server).await?),
            Outside::BlockLog => return block(&self.files().place().log()),
            Outside::FillDisk => self.limit_log()?,
            Outside::RotateMidLine => return self.tear_log().await,
        };
        self.effects.insert(fault, effect);
        Ok(())
    }

    pub(super) async fn undo(&mut self, fault: Fault, outside: Outside, server: &str) -> Result<(), LabError> {
        let effect = self.effects.remove(&fault);
        match outside {
            Outside::KillHub | Outside::RestartHub => {
                drop(effect);
                if self.hub.is_some() { Ok(()) } else { self.start_hub().await }
            }
            Outside::KillServer => {
                self.stop_server(server).await?;
                self.start_server(server, START_WELL).await
            }
            Outside::HoldPort => {
                if let Some(squatter) = effect {
                    squatter.end().await;
                }
                self.settle(fault, server).await?;
                if self.hub.is_some() { self.wait_listening().await } else { Ok(()) }
            }
            Outside::LeaveOrphan | Outside::RotateMidLine => {
                drop(effect);
                self.settle(fault, server).await
            }
            Outside::FillDisk => match effect {
                Some(Effect::Limit(id, before)) => limit(id, before).map(drop),
                _ => Ok(()),
            },
            Outside::BlockLog => unblock(&self.files().place().log()),
            Outside::StopHub | Outside::StopServer => {
                drop(effect);
                Ok(())
            }
        }
    }

    fn hub_id(&self) -> Result<ProcessId, LabError> {
        self.hub.as_ref().map(super::HubProcess::id).ok_or(LabError::NoHub)
    }

    fn process_of(&self, server: &str) -> Result<ProcessId, LabError> {
        self.hub_id()?;
        self.server_process(server).ok_or_else(|| LabError::NoProcess(server.to_owned()))
    }

    /// The hub gives up its port, and a process of ours takes it.
    async fn take_port(&mut self) -> Result<Child, LabError> {
        self.tell_hub().await?;
        let began = Stopwatch::start();
        loop {
            let command = self.settings.program.command(&Part::Squatter { port: self.port });
            let mut command = tokio::process::Command::from(command);
            // Its input stays open for as long as we hold it.
            command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            let mut child = command.kill_on_drop(true).process_group(0).spawn().map_err(LabError::Spawn)?;
            // The hub may still be closing its socket: then the squatter ends, and another one is sent.
            while child.try_wait().map_err(LabError::Spawn)?.is_none() {
                let owner = process::owner_of_port(self.port).ok().flatten().and_then(|owner| owner.process);
                if owner.is_some_and(|owner| Some(owner.pid) == child.id()) {
                    return Ok(child);
                }
                in_time(began, || format!("port {} was not taken", self.port))?;
                tokio::time::sleep(PAUSE).await;
            }
            in_time(began, || format!("port {} was not given up", self.port))?;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn wait_listening(&self) -> Result<(), LabError> {
        let began = Stopwatch::start();
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            in_time(began, || "the hub did not listen again".to_owned())?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// A server that resists outlives its hub, and a new hub starts another one.
    async fn leave_orphan(&mut self, server: &str) -> Result<Orphan, LabError> {
        let id = self.process_of(server)?;
        self.write_faults(server)?;
        tokio::time::sleep(NOTICE).await;
        self.kill_hub().await?;
        let orphan = Orphan(id);
        let began = Stopwatch::start();
        while began.elapsed() < NOTICE {
            if process::identify(id.pid) != Some(id) {
                self.start_hub().await?;
                return Err(LabError::NoEffect { what: format!("{server} did not outlive its hub"), limit: NOTICE });
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.start_hub().await?;
        Ok(orphan)
    }

    /// The log may not grow beyond its size, as on a full disk.
    pub(super) fn limit_log(&self) -> Result<Effect, LabError> {
        let id = self.hub_id()?;
        let size = fs::metadata(self.files().place().log()).map_or(0, |meta| meta.len());
        // The hub inherited its hard limit from us.
        let wanted = Rlimit { current: Some(size), maximum: getrlimit(Resource::Fsize).maximum };
        Ok(Effect::Limit(id, limit(id, wanted)?))
    }

    /// Half a record is written, the file is renamed, and the rest goes to a new file.
    async fn tear_log(&mut self) -> Result<(), LabError> {
        let log = self.files().place().log();
        self.tell_hub().await?;
        let api = self.api();
        let name = self.config().servers.into_iter().next().map(|server| server.raw_name).unwrap_or_default();
        let (server, tool) = match self.settings.servers {
            Servers::BuiltIn => ("echo".to_owned(), "about"),
            Servers::Of(_) => (name, "no_such_tool"),
        };
        // Any call is logged, also one that fails.
        let call = Task::spawn(async move { drop(api.call(&server, tool).await) });
        let began = Stopwatch::start();
        while !ends_mid_line(&log) {
            in_time(began, || "no half record was written".to_owned())?;
            tokio::time::sleep(PAUSE).await;
        }
        drop(call);
        fs::rename(&log, beside(&log, "1")).map_err(failed(&log))
    }
}

fn stop(id: ProcessId, what: &str) -> Result<Stopped, LabError> {
    Stopped::stop(id).map_err(refused(what))?.ok_or_else(|| LabError::NoProcess(what.to_owned()))
}

/// Sets the soft limit of file sizes; what it was before.
fn limit(id: ProcessId, wanted: Rlimit) -> Result<Rlimit, LabError> {
    let pid = i32::try_from(id.pid).ok().and_then(Pid::from_raw).filter(|_| process::identify(id.pid) == Some(id));
    // A hub that was started again has no such limit.
    let Some(pid) = pid else { return Ok(wanted) };
    prlimit(Some(pid), Resource::Fsize, wanted).map_err(|errno| refused("the hub")(errno.into()))
}

/// Puts a folder where the file is, in one step, so that no record slips in between.
fn block(log: &Path) -> Result<(), LabError> {
    let aside = beside(log, "aside");
    fs::create_dir_all(&aside).map_err(failed(&aside))?;
    match exchange(&aside, log) {
        // There was no log yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(&aside, log).map_err(failed(log)),
        exchanged => exchanged.map_err(failed(log)),
    }
}

/// Puts the file back where it was.
fn unblock(log: &Path) -> Result<(), LabError> {
    let aside = beside(log, "aside");
    if !log.is_dir() {
        return Ok(());
    }
    if aside.exists() {
        exchange(&aside, log).map_err(failed(log))?;
        return fs::remove_dir(&aside).map_err(failed(&aside));
    }
    fs::remove_dir(log).map_err(failed(log))
}

fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

fn beside(log: &Path, suffix: &str) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

fn ends_mid_line(log: &Path) -> bool {
    use std::os::unix::fs::FileExt as _;
    let Ok(file) = fs::File::open(log) else { return false };
    let Some(last) = file.metadata().ok().and_then(|meta| meta.len().checked_sub(1)) else { return false };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last).is_ok() && byte != *b"\n"
}

fn in_time(began: Stopwatch, what: impl FnOnce() -> String) -> Result<(), LabError> {
    if began.elapsed() < EFFECT_MAX { Ok(()) } else { Err(LabError::NoEffect { what: what(), limit: EFFECT_MAX }) }
}

fn refused(what: &str) -> impl FnOnce(io::Error) -> LabError + use<> {
    let what = what.to_owned();
    |source| LabError::Signal { what, source }
}
