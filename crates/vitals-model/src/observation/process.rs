//! What the kernel of its machine knows of a hub: its process, its children, who listens on its port, and how
//! much of the machine it gets.

use std::net::IpAddr;
use std::time::Duration;

use super::Failure;
use crate::text::Text;

/// A process as the kernel identifies it: a pid alone may be reused, with its start time it is unique.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProcessId {
    /// The pid.
    pub pid: u32,
    /// Start time in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub start_ticks: u64,
}

/// The hub's process.
#[derive(Clone, PartialEq, Debug)]
pub enum ProcessSeen {
    /// It is there.
    Alive(Box<ProcessFacts>),
    /// Nothing listens on the hub's port on this machine, and its known process is gone.
    Gone {
        /// The last known identity.
        last: Option<ProcessId>,
        /// Former children that outlived it.
        orphans: Vec<ChildFacts>,
    },
    /// The target is on another machine: its process cannot be seen from here.
    Remote,
    /// It may not be looked at, or `/proc` cannot be read.
    Hidden(Failure),
}

/// Facts about a live process, from `/proc`.
#[derive(Clone, PartialEq, Debug)]
pub struct ProcessFacts {
    /// Identity.
    pub id: ProcessId,
    /// Kernel state.
    pub state: RunState,
    /// Since its start.
    pub uptime: Duration,
    /// CPU used between two looks, in percent of one core; `None` until there was a second look.
    pub cpu_percent: Option<f64>,
    /// The span between those two looks.
    pub cpu_over: Duration,
    /// Resident memory in bytes.
    pub rss_bytes: u64,
    /// The machine's memory in bytes.
    pub machine_bytes: u64,
    /// The limit of memory in bytes of its control group, or of one above it; `None` when there is none.
    pub memory_max: Option<u64>,
    /// Open file descriptors; `None` when they may not be counted.
    pub fds: Option<u64>,
    /// Its soft limit of file descriptors.
    pub fds_max: Option<u64>,
    /// Threads.
    pub threads: u64,
    /// Its direct children.
    pub children: Vec<ChildFacts>,
    /// Processes of its servers' commands whose parent is gone.
    pub orphans: Vec<ChildFacts>,
    /// Who listens on the hub's port.
    pub listen: ListenSeen,
    /// How its machine is.
    pub host: HostFacts,
}

/// How the machine is that a hub runs on, as far as its kernel tells.
///
/// The stalls are averages over ten seconds of "pressure stall information", which not every kernel keeps
/// (<https://docs.kernel.org/accounting/psi.html>).
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct HostFacts {
    /// In percent of the time, nothing on this machine went on because all of it waited for memory (`full`).
    pub memory_stall_percent: Option<f64>,
    /// In percent of the time, something on this machine waited for a core (`some`).
    pub cpu_stall_percent: Option<f64>,
    /// How long the hub's thread that waited longest was ready and got no core, in percent of
    /// [`ProcessFacts::cpu_over`].
    pub cpu_wait_percent: Option<f64>,
    /// Memory that programs can still get, in bytes.
    pub memory_free_bytes: Option<u64>,
}

/// A child of the hub, most often a stdio server.
#[derive(Clone, PartialEq, Debug)]
pub struct ChildFacts {
    /// Identity.
    pub id: ProcessId,
    /// Kernel state; the worst of the child and its own descendants (`npx` starts `node`).
    pub state: RunState,
    /// Command line, cut.
    pub command: Text,
    /// The server it runs, when the hub's configuration names exactly one with this command.
    pub server: Option<Text>,
    /// Resident memory of the child and its descendants, in bytes.
    pub rss_bytes: u64,
    /// Since its start.
    pub uptime: Duration,
    /// The hub that it was seen below, when that is gone: whose orphan it provably is.
    pub left_by: Option<ProcessId>,
}

/// The state letter of `/proc/PID/stat`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunState {
    /// Running, sleeping, idle: the ordinary states.
    Normal,
    /// Stopped by a signal or a tracer (`T`, `t`).
    Stopped,
    /// In uninterruptible sleep (`D`).
    DiskSleep,
    /// Ended, not yet reaped (`Z`, `X`).
    Zombie,
}

/// Who listens on the hub's port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListenSeen {
    /// Nobody.
    Nobody,
    /// The hub's process itself.
    Hub {
        /// The addresses it is bound to.
        addresses: Vec<IpAddr>,
    },
    /// Another process.
    Other {
        /// Its pid, when it can be found.
        pid: Option<u32>,
        /// Its command line, cut.
        command: Text,
    },
    /// The kernel's tables could not be read.
    Unknown(Text),
}

/// A process that we held a pidfd of has ended.
#[derive(Clone, PartialEq, Debug)]
pub struct ExitSeen {
    /// Which one.
    pub id: ProcessId,
    /// What it was to the hub.
    pub role: ExitRole,
}

/// What an ended process was to the hub.
#[derive(Clone, PartialEq, Debug)]
pub enum ExitRole {
    /// The hub itself.
    Hub,
    /// A child of the hub, with its command and, when known, its server.
    Child {
        /// Command line, cut.
        command: Text,
        /// The server it ran, when known.
        server: Option<Text>,
    },
}
