//! Facts about a hub's process, its children and its listening socket, cheap enough for every second.
//!
//! Everything comes from `/proc` and the kernel's socket table; nothing is asked of the hub and no
//! signal is sent. What may not be looked at is said to be hidden.

mod cgroup;
mod command;
mod exit;
mod family;
mod host;
mod listen;
mod procfs;
#[cfg(test)]
pub(crate) mod tests;

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use vitals_model::limits::EVIDENCE_CHARS_MAX;
use vitals_model::observation::{Failure, FailureKind, HostFacts, ListenSeen, Phase, ProcessFacts, ProcessId, ProcessSeen};
use vitals_model::snapshot::Overhead;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use crate::clock::{self, Stopwatch};
use crate::hub_config::HubConfig;
use crate::hub_config::file::failure;
use command::Command;
use family::Family;
use procfs::{Stat, ThreadTimes};

pub use exit::exited;
pub(crate) use exit::hold;

/// Shortest span over which CPU is measured. The kernel books the time of a running thread at its
/// ticks (1–10 ms), so a shorter span would show the ticks.
const CPU_OVER_MIN: Duration = Duration::from_millis(50);

/// The identity of the live process with this pid; `None` when there is none that can be seen, or
/// when it has ended and only waits for its parent (a zombie).
pub fn identify(pid: u32) -> Option<ProcessId> {
    let stat = procfs::stat(pid).filter(|s| !s.has_ended())?;
    Some(ProcessId { pid, start_ticks: stat.start_ticks })
}

/// How many members of a process group still run.
pub(crate) fn running_in_group(group: u32) -> u64 {
    let alive = |pid: &u32| procfs::stat(*pid).is_some_and(|stat| stat.group == group && !stat.has_ended());
    procfs::pids().iter().filter(|pid| alive(pid)).count() as u64
}

/// What this process itself uses; zero where `/proc` cannot be read.
pub fn own() -> Overhead {
    let pid = std::process::id();
    let fds = procfs::fds(pid);
    procfs::stat(pid).map_or(Overhead { fds, ..Overhead::default() }, |stat| Overhead {
        rss_bytes: stat.rss_pages * rustix::param::page_size() as u64,
        cpu: procfs::ticks(stat.cpu_ticks),
        fds,
        threads: stat.threads,
        export: None,
    })
}

/// When the process started, by the wall clock as it stands now.
pub fn started_at(id: ProcessId) -> Option<Timestamp> {
    Some(clock::now().minus(procfs::age(procfs::uptime()?, id.start_ticks)))
}

/// Who listens on a port of this machine, for a local client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortOwner {
    /// The process; `None` when it cannot be found (another user's).
    pub process: Option<ProcessId>,
    /// The addresses it is bound to.
    pub addresses: Vec<IpAddr>,
}

/// Finds who listens on `port`; `Ok(None)` is nobody. It scans the descriptors of all processes:
/// for discovery, not for every second.
pub fn owner_of_port(port: u16) -> Result<Option<PortOwner>, Failure> {
    let since = Stopwatch::start();
    let mut listeners = listen::listeners(port).map_err(|e| failure(&e, since))?;
    listeners.retain(listen::Listener::is_local);
    if listeners.is_empty() {
        return Ok(None);
    }
    let process = listen::find_holder(&listeners, None).and_then(identify);
    if let Some(held) = process.and_then(|id| listen::held_by(id.pid, &listeners)) {
        listeners = held;
    }
    Ok(Some(PortOwner { process, addresses: listeners.into_iter().map(|l| l.address).collect() }))
}

/// Looks at a hub's process again and again, and keeps what is needed between two looks: CPU times,
/// and the children seen before.
#[derive(Debug, Default)]
pub struct Look {
    cpu: Option<CpuMark>,
    family: Family,
}

/// CPU used up to a moment.
#[derive(Debug)]
struct CpuMark {
    id: ProcessId,
    at: Stopwatch,
    ticks: u64,
    /// Per thread, in order of thread id.
    threads: Option<Vec<ThreadTimes>>,
}

/// What was used between two looks.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
struct CpuUsed {
    /// In percent of one core; `None` until there was a second look.
    percent: Option<f64>,
    /// For how much of the time the thread that waited longest was ready and got no core, in percent; `None` where
    /// the kernel does not tell.
    wait_percent: Option<f64>,
    /// The span between the two looks.
    over: Duration,
}

impl Look {
    /// Looks at the process `id` and, when `port` is given, at who listens there. The configuration
    /// tells which child runs which server.
    pub fn look(&mut self, id: ProcessId, port: Option<u16>, config: &HubConfig) -> ProcessSeen {
        let since = Stopwatch::start();
        let (Some(uptime), Some(_)) = (procfs::uptime(), procfs::stat(std::process::id())) else {
            return ProcessSeen::Hidden(hidden(FailureKind::Missing, "/proc cannot be read", since));
        };
        match procfs::stat_of(id) {
            Some(stat) if !stat.has_ended() => {
                let facts = self.facts(id, &stat, uptime, port, config);
                // A process that ends loses its descriptors, its socket among them, before it is gone:
                // what was seen meanwhile is explained by the state that it is in afterwards.
                match procfs::stat_of(id) {
                    Some(after) if !after.has_ended() => {
                        ProcessSeen::Alive(Box::new(ProcessFacts { state: after.state, ..facts }))
                    }
                    _ => self.gone(id, config, uptime),
                }
            }
            None if exists_unseen(id.pid) => {
                ProcessSeen::Hidden(hidden(FailureKind::Denied, "/proc hides other users' processes", since))
            }
            _ => self.gone(id, config, uptime),
        }
    }

    /// The hub that a process was seen below while both lived, when that hub is gone.
    pub(crate) fn left_by(&self, id: ProcessId) -> Option<ProcessId> {
        self.family.left_by(id)
    }

    fn gone(&mut self, id: ProcessId, config: &HubConfig, uptime: Duration) -> ProcessSeen {
        self.cpu = None;
        ProcessSeen::Gone { last: Some(id), orphans: self.family.orphans(None, config, uptime) }
    }

    fn facts(&mut self, id: ProcessId, stat: &Stat, uptime: Duration, port: Option<u16>, config: &HubConfig) -> ProcessFacts {
        let cpu = self.cpu_since_last(id, stat);
        let machine = rustix::system::sysinfo();
        let children = self.family.children(id, config, uptime);
        ProcessFacts {
            id,
            state: stat.state,
            uptime: procfs::age(uptime, id.start_ticks),
            cpu_percent: cpu.percent,
            cpu_over: cpu.over,
            rss_bytes: rss_bytes(stat),
            machine_bytes: machine.totalram.saturating_mul(machine.mem_unit.into()),
            memory_max: cgroup::memory_max(id.pid),
            fds: procfs::fds(id.pid),
            fds_max: procfs::fds_max(id.pid),
            threads: stat.threads,
            children,
            orphans: self.family.orphans(Some(id), config, uptime),
            listen: port.map_or_else(|| ListenSeen::Unknown(Text::new("no port is known")), |port| listen_seen(port, id)),
            host: HostFacts { cpu_wait_percent: cpu.wait_percent, ..host::look(Path::new("/proc")) },
        }
    }

    /// CPU since the last look at this process. A mark younger than [`CPU_OVER_MIN`] is kept for the next look.
    fn cpu_since_last(&mut self, id: ProcessId, stat: &Stat) -> CpuUsed {
        let before = self.cpu.take_if(|b| b.id != id || b.at.elapsed() >= CPU_OVER_MIN).filter(|b| b.id == id);
        if self.cpu.is_some() {
            return CpuUsed::default();
        }
        let mark = CpuMark { id, at: Stopwatch::start(), ticks: stat.cpu_ticks, threads: procfs::thread_times(id.pid) };
        let now = self.cpu.insert(mark);
        let Some(before) = before else { return CpuUsed::default() };
        let over = before.at.elapsed();
        let percent = |time: Duration| time.as_secs_f64() / over.as_secs_f64().max(f64::EPSILON) * 100.0;
        // The two marks are not of the same instant as the span's ends.
        let wait_percent = now.waited_since(&before).map(|waited| percent(waited).min(100.0));
        CpuUsed { percent: Some(percent(now.used_since(&before))), wait_percent, over }
    }
}

impl CpuMark {
    /// From the threads' nanoseconds where both marks have them; a thread that ended in between is
    /// lost, which a hub's pool of threads does not do. Else from the process's clock ticks.
    fn used_since(&self, before: &Self) -> Duration {
        self.threads_since(before).map_or_else(
            || procfs::ticks(self.ticks.saturating_sub(before.ticks)),
            |threads| threads.map(|used| Duration::from_nanos(used.ran_ns)).sum(),
        )
    }

    /// How long the thread that waited longest did so; `None` when the kernel does not tell of threads.
    fn waited_since(&self, before: &Self) -> Option<Duration> {
        self.threads_since(before)?.map(|used| Duration::from_nanos(used.waited_ns)).max()
    }

    /// What each thread of now did since the mark before.
    fn threads_since(&self, before: &Self) -> Option<impl Iterator<Item = ThreadTimes>> {
        let (now, then) = (self.threads.as_ref()?, before.threads.as_ref()?);
        let earlier = |id| then.binary_search_by_key(&id, |t| t.id).map_or_else(|_| ThreadTimes::of(id), |at| then[at]);
        Some(now.iter().map(move |thread| thread.since(earlier(thread.id))))
    }
}

/// Who listens on `port`, for a local client of the hub `id`. A socket of another process beside the
/// hub's own counts as another process: some clients meet it.
fn listen_seen(port: u16, id: ProcessId) -> ListenSeen {
    let mut listeners = match listen::listeners(port) {
        Ok(listeners) => listeners,
        Err(error) => return ListenSeen::Unknown(Text::cut(&error.to_string(), EVIDENCE_CHARS_MAX)),
    };
    let held = listen::held_by(id.pid, &listeners);
    if held.as_ref().is_some_and(|held| held.len() == listeners.len() && !held.is_empty()) {
        return ListenSeen::Hub { addresses: listeners.into_iter().map(|l| l.address).collect() };
    }
    listeners.retain(|l| l.is_local() && held.as_ref().is_none_or(|held| !held.contains(l)));
    match (held, listeners.is_empty()) {
        (Some(held), true) if !held.is_empty() => ListenSeen::Hub { addresses: held.into_iter().map(|l| l.address).collect() },
        (_, true) => ListenSeen::Nobody,
        (held, false) => match (listen::find_holder(&listeners, Some(id.pid)), held) {
            (None, None) => ListenSeen::Unknown(Text::new("the hub's descriptors may not be looked at")),
            (pid, _) => {
                let name = pid.and_then(procfs::stat).map_or_else(|| "not to be seen".to_owned(), |s| s.name);
                ListenSeen::Other { pid, command: pid.map(Command::of).unwrap_or_default().shown(&name) }
            }
        },
    }
}

/// Whether there is a process with this pid that `/proc` does not show us (mounted with `hidepid`).
fn exists_unseen(pid: u32) -> bool {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // Signal 0 is no signal: the kernel only checks whether it might be sent.
    raw.is_some_and(|raw| test_kill_process(raw) == Err(Errno::PERM)) && procfs::stat(pid).is_none()
}

fn hidden(kind: FailureKind, why: &str, since: Stopwatch) -> Failure {
    Failure { phase: Phase::Body, kind, evidence: Text::new(why), after: since.elapsed() }
}

/// Resident memory.
fn rss_bytes(stat: &Stat) -> u64 {
    stat.rss_pages.saturating_mul(rustix::param::page_size() as u64)
}
