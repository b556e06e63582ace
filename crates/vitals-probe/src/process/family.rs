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
use super::procfs::{self, Stat, Threads};
use super::{identify, rss_bytes};
use crate::clock::Stopwatch;
use crate::hub_config::HubConfig;

/// Most processes below one hub that are looked at; a server that forks without end stops here.
const FAMILY_MAX: usize = 2048;

/// Most generations between a process and `init` that are followed.
const ANCESTORS_MAX: usize = 64;

/// How often the children of reapers are listed while the hub lives: they can be many.
const ADOPTED_EVERY: Duration = Duration::from_secs(10);

/// Most children of reapers that are compared with the configured servers.
const REAPED_MAX: usize = 4096;

/// Programs that adopt processes whose parent has ended, besides pid 1: session managers and the
/// first processes of containers. The kernel does not show who is a subreaper, hence the names.
const REAPERS: [&str; 9] =
    ["systemd", "init", "tini", "dumb-init", "docker-init", "catatonit", "containerd-shim", "conmon", "s6-svscan"];

/// The processes below a hub.
#[derive(Debug, Default)]
pub(super) struct Family {
    /// All that were ever seen below the hub and still live.
    members: BTreeMap<ProcessId, Member>,
    /// Those of them that are below the hub now.
    current: BTreeSet<u32>,
    /// The hub's user.
    user: Option<u32>,
    adopted: Adopted,
}

/// A process that was seen below a hub.
#[derive(Clone, Copy, Debug)]
struct Member {
    /// Its parent when it was last seen.
    parent: u32,
    /// The hub that it was last seen below.
    hub: ProcessId,
}

impl Member {
    /// Its hub, when that is gone.
    fn left_by(self) -> Option<ProcessId> {
        procfs::stat_of(self.hub).is_none_or(|stat| stat.has_ended()).then_some(self.hub)
    }
}

/// The processes of the hub's user under those who adopt orphans; a costly list, so it is kept.
#[derive(Debug, Default)]
struct Adopted {
    listed: Option<Stopwatch>,
    /// Who adopts this family's orphans.
    reapers: BTreeSet<u32>,
    /// Those that run a configured server.
    found: Vec<ProcessId>,
}

impl Family {
    /// The hub's direct children, each with its descendants folded in, lowest pid first.
    pub(super) fn children(&mut self, hub: ProcessId, config: &HubConfig, uptime: Duration) -> Vec<ChildFacts> {
        // Descendants started by a side thread are looked for less often; known ones are always there.
        let threads = if self.adopted.is_due() { Threads::All } else { Threads::Main };
        let mut kin = Kin { threads, scanned: None };
        let pids: BTreeSet<u32> = kin.children(hub.pid, Threads::All).into_iter().chain(self.known_below(hub.pid)).collect();
        self.current.clear();
        let mut children = Vec::new();
        for pid in pids {
            if children.len() == SERVERS_MAX {
                break;
            }
            if let Some(stat) = procfs::stat(pid).filter(|s| s.parent == hub.pid) {
                children.push(self.fold(hub, pid, &stat, &mut kin, config, uptime));
            }
        }
        if self.adopted.is_due() {
            self.user = std::fs::metadata(format!("/proc/{}", hub.pid)).ok().map(|m| m.uid());
            self.adopted.reapers = reapers(hub.pid);
        }
        children
    }

    /// One child and everything below it.
    fn fold(&mut self, hub: ProcessId, pid: u32, stat: &Stat, kin: &mut Kin, config: &HubConfig, uptime: Duration) -> ChildFacts {
        let mut facts = facts(pid, stat, config, uptime);
        self.remember(facts.id, Member { parent: stat.parent, hub });
        let mut open = self.below(pid, kin);
        while let Some(pid) = open.pop() {
            let Some(stat) = procfs::stat(pid) else { continue };
            if self.current.contains(&pid) || !self.current.contains(&stat.parent) {
                continue;
            }
            if !self.remember(ProcessId { pid, start_ticks: stat.start_ticks }, Member { parent: stat.parent, hub }) {
                break;
            }
            facts.rss_bytes = facts.rss_bytes.saturating_add(rss_bytes(&stat));
            // A zombie further down says nothing about the server: many never wait for their helpers.
            if stat.state != RunState::Zombie && severity(stat.state) > severity(facts.state) {
                facts.state = stat.state;
            }
            open.extend(self.below(pid, kin));
        }
        facts
    }

    /// Candidates for the children of a process below the hub.
    fn below(&self, pid: u32, kin: &mut Kin) -> Vec<u32> {
        kin.children(pid, kin.threads).into_iter().chain(self.known_below(pid)).collect()
    }

    /// The children that a process had before. The kernel's list can miss one when another ends at
    /// the same moment, so these are asked themselves.
    fn known_below(&self, pid: u32) -> impl Iterator<Item = u32> {
        self.members.iter().filter(move |(_, member)| member.parent == pid).map(|(id, _)| id.pid)
    }

    /// Whether there was room for it.
    fn remember(&mut self, id: ProcessId, member: Member) -> bool {
        let room = self.members.len() < FAMILY_MAX || self.members.contains_key(&id);
        if room {
            self.members.insert(id, member);
            self.current.insert(id.pid);
        }
        room
    }

    /// The hub that this process was seen below, when that is gone.
    pub(super) fn left_by(&self, id: ProcessId) -> Option<ProcessId> {
        self.members.get(&id)?.left_by()
    }

    /// Processes that outlived their place: former members that are no longer below `hub` (or any,
    /// when there is no hub any more), and children of a reaper that run a configured server.
    pub(super) fn orphans(&mut self, hub: Option<ProcessId>, config: &HubConfig, uptime: Duration) -> Vec<ChildFacts> {
        if hub.is_none() {
            self.current.clear();
            self.adopted.listed = None;
        }
        let mut lost = BTreeMap::new();
        self.members.retain(|id, member| {
            if self.current.contains(&id.pid) {
                return true;
            }
            let Some(stat) = procfs::stat_of(*id).filter(|s| !s.has_ended()) else { return false };
            member.parent = stat.parent;
            lost.insert(id.pid, stat);
            true
        });
        // Only the topmost: what is below a member is that member's, and a child that the kernel's
        // list missed is still the hub's.
        let at_home = |stat: &Stat| {
            lost.contains_key(&stat.parent) || self.current.contains(&stat.parent) || Some(stat.parent) == hub.map(|h| h.pid)
        };
        let orphan = |(&pid, stat): (&u32, &Stat)| {
            let facts = facts(pid, stat, config, uptime);
            ChildFacts { left_by: self.left_by(facts.id), ..facts }
        };
        let mut orphans: Vec<_> = lost.iter().filter(|(_, s)| !at_home(s)).map(orphan).collect();
        if self.adopted.is_due() {
            self.adopted.list(self.user, hub, config);
        }
        for id in self.adopted.found.iter().filter(|id| !self.members.contains_key(id)) {
            if let Some(stat) = procfs::stat_of(*id).filter(|s| !s.has_ended()) {
                orphans.push(facts(id.pid, &stat, config, uptime));
            }
        }
        orphans
    }
}

impl Adopted {
    fn is_due(&self) -> bool {
        self.listed.is_none_or(|at| at.elapsed() >= ADOPTED_EVERY)
    }

    fn list(&mut self, user: Option<u32>, hub: Option<ProcessId>, config: &HubConfig) {
        let user = user.unwrap_or_else(|| rustix::process::getuid().as_raw());
        let is_ours = |pid: &u32| {
            std::fs::metadata(format!("/proc/{pid}")).is_ok_and(|m| m.uid() == user) && Command::of(*pid).server(config).is_some()
        };
        let mut kin = Kin { threads: Threads::All, scanned: None };
        self.reapers.insert(1);
        let adopted = self.reapers.iter().flat_map(|&pid| kin.children(pid, Threads::All)).take(REAPED_MAX);
        self.found = adopted.filter(is_ours).filter_map(identify).filter(|id| Some(*id) != hub).collect();
        self.listed = Some(Stopwatch::start());
    }
}

/// Who is whose child: by the kernel's lists or, on a kernel without them, by one scan of `/proc`.
struct Kin {
    /// Whose lists are read below the hub.
    threads: Threads,
    scanned: Option<BTreeMap<u32, Vec<u32>>>,
}

impl Kin {
    fn children(&mut self, pid: u32, threads: Threads) -> Vec<u32> {
        if self.scanned.is_none() {
            if let Some(children) = procfs::children(pid, threads) {
                return children;
            }
            if procfs::children(std::process::id(), Threads::Main).is_some() {
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
        left_by: None,
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
