//! What `/proc` says about processes that the tests started, and signals to them.

use std::fs;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// One process as its `stat` line has it.
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// One letter: `R`, `S`, `T` (stopped), `Z` (ended, not yet reaped), …
    pub(crate) state: char,
    pub(crate) parent: u32,
    pub(crate) group: u32,
}

/// The process, while it has a `stat` line.
pub(crate) fn find(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything, so the fields begin after the last one.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some(Process { pid, state, parent: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
}

/// Whether this process, and with it what it starts, ignores SIGHUP, as under `nohup`.
pub(crate) fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("a machine with /proc");
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("the mask of ignored signals");
    let mask = u64::from_str_radix(ignored.trim(), 16).expect("hexadecimal digits");
    // The lowest bit is signal 1, which is SIGHUP.
    mask & 1 == 1
}

/// Every process of the machine.
fn all() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").expect("a machine with /proc");
    entries.flatten().filter_map(|e| find(e.file_name().to_str()?.parse().ok()?))
}

/// Processes that live and whose parent is `pid`.
pub(crate) fn children(pid: u32) -> Vec<Process> {
    all().filter(|p| p.parent == pid && p.state != 'Z').collect()
}

/// Pids of the processes of a group that live.
pub(crate) fn group_members(group: u32) -> Vec<u32> {
    all().filter(|p| p.group == group && p.state != 'Z').map(|p| p.pid).collect()
}

/// Every process that was started with this variable and lives.
pub(crate) fn with_variable(name: &str, value: &str) -> impl Iterator<Item = u32> {
    all().filter(move |p| p.state != 'Z' && has_variable(p.pid, name, value)).map(|p| p.pid)
}

/// Whether the process was started with this variable.
pub(crate) fn has_variable(pid: u32, name: &str, value: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|b| *b == 0).any(|v| v == format!("{name}={value}").as_bytes())
}

/// How many files the process has open.
pub(crate) fn fds(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("a process of ours").count()
}

/// Sends a signal to one process that the test started.
pub(crate) fn signal(pid: u32, signal: Signal) {
    kill_process(to_pid(pid), signal).expect("the process takes the signal");
}

/// Kills a group that the test started; one that is gone is what was wanted.
pub(crate) fn kill_group(group: u32) {
    let _ = kill_process_group(to_pid(group), Signal::KILL);
}

fn to_pid(pid: u32) -> Pid {
    i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a pid")
}
