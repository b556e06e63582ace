//! A hub's children with all that they started, and what is left of them when the hub or one of them
//! is gone.
//!
//! Every process that was once seen below the hub is remembered while it lives: `npx` starts a shell
//! that starts `node`, and when only `npx` is killed, the others stay.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use vitals_model::limits::SERVERS_MAX;
use vitals_model::observation::{ChildFacts, ProcessId, RunState};

use super::command::Command;
use super::procfs::{self, Stat};
use super::rss_bytes;
use crate::hub_config::HubConfig;

/// Most processes below one hub that are looked at; a server that forks without end stops here.
const FAMILY_MAX: usize = 2048;

/// Most generations between a process and `init` that are followed.
const ANCESTORS_MAX: usize = 64;

/// Most children of one reaper that are compared with the configured servers.
const REAPED_MAX: usize = 4096;

/// Programs that adopt processes whose parent has ended, besides pid 1: session managers and the
/// first processes of containers. The kernel does not show who is a subreaper, hence the names.
const REAPERS: [&str; 9] =
    ["systemd", "init", "tini", "dumb-init", "docker-init", "catatonit", "containerd-shim", "conmon", "s6-svscan"];

/// The processes below a hub.
#[derive(Debug, Default)]
pub(super) struct Family {
    /// All that were ever seen below the hub and still live.
    members: BTreeSet<ProcessId>,
    /// Those of them that are below the hub now.
    current: BTreeSet<u32>,
    /// Who adopts this family's orphans.
    reapers: BTreeSet<u32>,
    /// The hub's user.
    user: Option<u32>,
}

impl Family {
    /// The hub's direct children, each with its descendants folded in, oldest pid first.
    pub(super) fn children(&mut self, hub: ProcessId, config: &HubConfig, uptime: Duration) -> Vec<ChildFacts> {
        let mut kin = Kin::default();
        let mut pids = kin.children(hub.pid);
        // The kernel's list can miss a child when another one ends at the same moment, so those
        // known from before are asked themselves.
        pids.extend(self.members.iter().map(|m| m.pid));
        pids.sort_unstable();
        pids.dedup();
        self.current.clear();
        let mut children = Vec::new();
        for pid in pids {
            if children.len() == SERVERS_MAX {
                break;
            }
            if let Some(stat) = procfs::stat(pid).filter(|s| s.parent == hub.pid) {
                children.push(self.fold(pid, &stat, &mut kin, config, uptime));
            }
        }
        self.user = std::fs::metadata(format!("/proc/{}", hub.pid)).ok().map(|m| m.uid());
        self.reapers = reapers(hub.pid);
        children
    }

    /// One child and everything below it.
    fn fold(&mut self, pid: u32, stat: &Stat, kin: &mut Kin, config: &HubConfig, uptime: Duration) -> ChildFacts {
        let mut facts = facts(pid, stat, config, uptime);
        self.remember(facts.id);
        let mut open = kin.children(pid);
        while let Some(below) = open.pop() {
            let Some(stat) = procfs::stat(below) else { continue };
            if self.current.contains(&below) || !self.remember(ProcessId { pid: below, start_ticks: stat.start_ticks }) {
                continue;
            }
            facts.rss_bytes = facts.rss_bytes.saturating_add(rss_bytes(&stat));
            // A zombie further down says nothing about the server: many never wait for their helpers.
            if stat.state != RunState::Zombie && severity(stat.state) > severity(facts.state) {
                facts.state = stat.state;
            }
            open.extend(kin.children(below));
        }
        facts
    }

    /// Whether there was room for it.
    fn remember(&mut self, id: ProcessId) -> bool {
        let room = self.members.len() < FAMILY_MAX;
        if room {
            self.members.insert(id);
            self.current.insert(id.pid);
        }
        room
    }

    /// Processes that outlived their place: former members that are no longer below `hub` (or any,
    /// when there is no hub any more), and children of a reaper that run a configured server.
    pub(super) fn orphans(&mut self, hub: Option<ProcessId>, config: &HubConfig, uptime: Duration) -> Vec<ChildFacts> {
        if hub.is_none() {
            self.current.clear();
        }
        let mut alive = BTreeMap::new();
        for id in std::mem::take(&mut self.members) {
            if let Some(stat) = procfs::stat_of(id).filter(|s| !s.has_ended()) {
                self.members.insert(id);
                alive.insert(id.pid, stat);
            }
        }
        // Only the topmost: what is below a member is that member's, and a child that the kernel's
        // list missed is still the hub's.
        let is_top = |stat: &Stat| !alive.contains_key(&stat.parent) && Some(stat.parent) != hub.map(|h| h.pid);
        let lost = alive.iter().filter(|(pid, stat)| !self.current.contains(pid) && is_top(stat));
        let mut orphans: Vec<_> = lost.map(|(&pid, stat)| facts(pid, stat, config, uptime)).collect();
        for pid in self.adopted() {
            if alive.contains_key(&pid) || Some(pid) == hub.map(|h| h.pid) || Command::of(pid).server(config).is_none() {
                continue;
            }
            if let Some(stat) = procfs::stat(pid).filter(|s| !s.has_ended()) {
                orphans.push(facts(pid, &stat, config, uptime));
            }
        }
        orphans
    }

    /// Children of the reapers that belong to the hub's user.
    fn adopted(&self) -> Vec<u32> {
        let user = self.user.unwrap_or_else(|| rustix::process::getuid().as_raw());
        let is_ours = |pid: &u32| std::fs::metadata(format!("/proc/{pid}")).is_ok_and(|m| m.uid() == user);
        let mut kin = Kin::default();
        let reapers = self.reapers.iter().copied().chain([1]).collect::<BTreeSet<_>>();
        reapers.into_iter().flat_map(|pid| kin.children(pid)).take(REAPED_MAX).filter(is_ours).collect()
    }
}

/// Who is whose child: by the kernel's lists or, on a kernel without them, by one scan of `/proc`.
#[derive(Default)]
struct Kin {
    scanned: Option<BTreeMap<u32, Vec<u32>>>,
}

impl Kin {
    fn children(&mut self, pid: u32) -> Vec<u32> {
        if self.scanned.is_none() {
            if let Some(children) = procfs::children(pid) {
                return children;
            }
            if procfs::children(std::process::id()).is_some() {
                return Vec::new();
            }
        }
        self.scanned.get_or_insert_with(scan).get(&pid).cloned().unwrap_or_default()
    }
}

fn scan() -> BTreeMap<u32, Vec<u32>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for pid in procfs::pids() {
        if let Some(stat) = procfs::stat(pid) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    children
}

/// The hub's ancestors that are known to adopt orphans.
fn reapers(hub: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::from([1]);
    let mut pid = hub;
    for _ in 0..ANCESTORS_MAX {
        let Some(parent) = procfs::stat(pid).map(|s| s.parent).filter(|p| *p > 1) else { break };
        pid = parent;
        if procfs::stat(pid).is_some_and(|s| REAPERS.contains(&s.name.as_str())) {
            found.insert(pid);
        }
    }
    found
}

fn facts(pid: u32, stat: &Stat, config: &HubConfig, uptime: Duration) -> ChildFacts {
    let command = Command::of(pid);
    ChildFacts {
        id: ProcessId { pid, start_ticks: stat.start_ticks },
        state: stat.state,
        command: command.shown(&stat.name),
        server: command.server(config),
        rss_bytes: rss_bytes(stat),
        uptime: procfs::age(uptime, stat.start_ticks),
    }
}

/// From the ordinary to the worst.
const fn severity(state: RunState) -> u8 {
    match state {
        RunState::Normal => 0,
        RunState::DiskSleep => 1,
        RunState::Stopped => 2,
        RunState::Zombie => 3,
    }
}
