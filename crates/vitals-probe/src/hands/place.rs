//! Where a hub's things are: its record, its process, its configuration, its log. It asks nothing of
//! the hub and judges nothing.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::SystemTime;

use url::{Host, Url};
use vitals_model::observation::{Failure, ProcessId, WorkspaceEntry, WorkspaceSeen};
use vitals_model::target::{Address, Origin, Target};

use super::lock;
use crate::hub_config::{self, HubConfig};
use crate::logtail::Writers;
use crate::{process, workspace};

/// Where the things of one target are.
#[derive(Debug)]
pub(super) struct Place {
    local: bool,
    port: Option<u16>,
    /// Where the hub's record may be, and where it was found: a hub may come after us.
    registries: Vec<PathBuf>,
    registry: OnceLock<PathBuf>,
    log_file: Option<PathBuf>,
    record: Mutex<Record>,
    may_filter: AtomicBool,
}

/// What was last read of the hub's record, and of the files it names.
#[derive(Debug, Default)]
struct Record {
    entry: Option<WorkspaceEntry>,
    /// Other hubs of the same registry that are alive.
    neighbours: usize,
    config: Arc<HubConfig>,
    /// The configuration files read, with their times of change.
    read: Vec<(PathBuf, Option<SystemTime>)>,
    last_process: Option<ProcessId>,
}

impl Place {
    pub(super) fn new(target: &Target, registries: &[PathBuf]) -> Self {
        let url = match &target.address {
            Address::Hub { url } => Url::parse(url).ok(),
            Address::Http { .. } | Address::Stdio { .. } => None,
        };
        let local = url.as_ref().is_some_and(is_loopback);
        let port = url.as_ref().and_then(Url::port_or_known_default).filter(|_| local);
        let registry = match &target.origin {
            Origin::Discovered { registry } => OnceLock::from(registry.clone()),
            Origin::Configured | Origin::CommandLine => OnceLock::new(),
        };
        let place = Self {
            local,
            port,
            registries: registries.to_vec(),
            registry,
            log_file: target.settings.log_file.clone(),
            record: Mutex::default(),
            may_filter: AtomicBool::new(true),
        };
        place.refresh();
        place
    }

    pub(super) const fn is_local(&self) -> bool {
        self.local
    }

    pub(super) const fn port(&self) -> Option<u16> {
        self.port
    }

    pub(super) fn log_file(&self) -> Option<PathBuf> {
        self.log_file.clone().or_else(|| self.registry.get().map(|registry| workspace::log_file(registry)))
    }

    /// The registry that names the hub, looked for until it is found.
    fn registry(&self, port: u16) -> Option<&Path> {
        if let Some(known) = self.registry.get() {
            return Some(known);
        }
        let found = find_registry(&self.registries, port)?;
        Some(self.registry.get_or_init(|| found))
    }

    pub(super) fn config(&self) -> Arc<HubConfig> {
        Arc::clone(&lock(&self.record).config)
    }

    /// Whether the hub's record was ever read: without it nobody tells which files configure the hub.
    pub(super) fn knows_config(&self) -> bool {
        lock(&self.record).entry.is_some()
    }

    /// Whether the filtering statistics are worth asking for: until this run of the hub said that it has none.
    pub(super) fn may_filter(&self) -> bool {
        self.may_filter.load(Ordering::Relaxed)
    }

    pub(super) fn does_not_filter(&self) {
        self.may_filter.store(false, Ordering::Relaxed);
    }

    /// Who writes to the log besides our hub.
    pub(super) fn writers(&self) -> Writers {
        let record = lock(&self.record);
        match (record.neighbours, &record.entry) {
            (0, _) => Writers::OurHub,
            (_, entry) => Writers::Several { ours: entry.as_ref().map(|e| e.pid) },
        }
    }

    /// Reads the record anew, and the configuration when it changed. `None` without a registry.
    pub(super) fn refresh(&self) -> Option<WorkspaceSeen> {
        let port = self.port?;
        let registry = self.registry(port)?;
        let seen = workspace::look(registry, port);
        let alive = |e: &WorkspaceEntry| e.port != port && e.process.is_some();
        let neighbours = workspace::read(registry).map_or(0, |entries| entries.iter().filter(|e| alive(e)).count());
        let mut record = lock(&self.record);
        record.neighbours = neighbours;
        if let Ok(entry) = &seen.entry {
            record.reread(&entry.config_files);
            record.entry = Some(entry.clone());
        }
        Some(seen)
    }

    /// The hub's process: the one that its record names, else the one that listens on its port.
    /// `Ok(None)` is a hub that is not running.
    pub(super) fn process(&self) -> Result<Option<ProcessId>, Failure> {
        let recorded = lock(&self.record).entry.as_ref().and_then(|e| e.process);
        if let Some(id) = recorded.filter(|id| process::identify(id.pid) == Some(*id)) {
            return Ok(Some(self.remember(id)));
        }
        let Some(port) = self.port else { return Ok(None) };
        let owner = process::owner_of_port(port)?;
        // A known process that is gone is still named, so that its end and its orphans can be told.
        let last = lock(&self.record).last_process;
        Ok(owner.and_then(|o| o.process).map(|id| self.remember(id)).or(last).or(recorded))
    }

    fn remember(&self, id: ProcessId) -> ProcessId {
        if lock(&self.record).last_process.replace(id) != Some(id) {
            self.may_filter.store(true, Ordering::Relaxed);
        }
        id
    }
}

impl Record {
    fn reread(&mut self, files: &[PathBuf]) {
        let times: Vec<_> = files.iter().map(|path| (path.clone(), changed(path))).collect();
        if times != self.read || self.read.is_empty() {
            self.config = Arc::new(hub_config::read(files));
            self.read = times;
        }
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|m| m.modified()).ok()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn find_registry(registries: &[PathBuf], port: u16) -> Option<PathBuf> {
    registries.iter().find(|r| workspace::look(r, port).entry.is_ok()).cloned()
}
