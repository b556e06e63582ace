//! The hub's entry in the registry of all hubs of this user, `workspaces.json`. It is written when the hub
//! listens and removed at a clean end; after a kill it stays, as those of real hubs do.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde_json::{Map, Value};
use vitals_model::limits::BODY_BYTES_MAX;
use vitals_probe::clock;

/// How long another hub may hold the registry before we give up.
const LOCK_LIMIT: Duration = Duration::from_secs(2);

/// How often the lock is tried for.
const LOCK_LOOK: Duration = Duration::from_millis(10);

/// One hub in the registry. The order of fields is npm's.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    cwd: PathBuf,
    #[serde(rename = "config_files")]
    config_files: Vec<PathBuf>,
    pid: u32,
    port: u16,
    start_time: String,
    state: &'static str,
    active_connections: usize,
    shutdown_started_at: Option<String>,
    shutdown_delay: Option<u64>,
}

/// This hub's entry, and the way to the others.
pub(crate) struct Workspace {
    path: PathBuf,
    entry: Mutex<Entry>,
}

impl Workspace {
    /// The entry of this process, not written yet.
    pub(crate) fn new(path: PathBuf, port: u16, config: PathBuf) -> Self {
        let entry = Entry {
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            config_files: vec![config],
            pid: std::process::id(),
            port,
            start_time: clock::now().to_string(),
            state: "active",
            active_connections: 0,
            shutdown_started_at: None,
            shutdown_delay: None,
        };
        Self { path, entry: Mutex::new(entry) }
    }

    /// The key of the entry: the port.
    pub(crate) fn key(&self) -> String {
        self.entry().port.to_string()
    }

    /// Writes the entry with this many clients.
    pub(crate) async fn write(&self, connections: usize) -> io::Result<()> {
        self.entry.lock().unwrap_or_else(PoisonError::into_inner).active_connections = connections;
        let value = serde_json::to_value(self.entry())?;
        self.change(|all| drop(all.insert(self.key(), value))).await
    }

    /// Takes the entry away.
    pub(crate) async fn remove(&self) -> io::Result<()> {
        // A lab that was dropped has removed its folder already: it is not made again to take nothing out of it.
        if !self.path.exists() {
            return Ok(());
        }
        self.change(|all| drop(all.remove(&self.key()))).await
    }

    /// The entries of all hubs; ours alone when the file cannot be read.
    pub(crate) fn all(&self) -> Map<String, Value> {
        read(&self.path).unwrap_or_else(|_| {
            let ours = serde_json::to_value(self.entry()).unwrap_or_default();
            Map::from_iter([(self.key(), ours)])
        })
    }

    fn entry(&self) -> Entry {
        self.entry.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads, changes and replaces the file, while no other hub of the lab does.
    async fn change(&self, change: impl FnOnce(&mut Map<String, Value>)) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder)?;
        let lock = std::fs::File::create(self.path.with_extension("json.lock"))?;
        let waiting = clock::Stopwatch::start();
        while let Err(error) = flock(lock.as_fd(), FlockOperation::NonBlockingLockExclusive) {
            if waiting.elapsed() > LOCK_LIMIT {
                return Err(error.into());
            }
            tokio::time::sleep(LOCK_LOOK).await;
        }
        // A registry that cannot be read is begun anew, as npm mcp-hub does.
        let mut all = read(&self.path).unwrap_or_default();
        change(&mut all);
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec_pretty(&all)?)?;
        file.persist(&self.path)?;
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<Map<String, Value>> {
    let bytes = std::fs::read(path)?;
    if bytes.len() > BODY_BYTES_MAX {
        return Err(io::Error::other("the registry is too large"));
    }
    Ok(serde_json::from_slice(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_entry_has_the_shape_of_npm_and_leaves_the_others_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mcp-hub/workspaces.json");
        let one = Workspace::new(path.clone(), 7001, "/srv/hub/up.json".into());
        let other = Workspace::new(path.clone(), 7002, "/srv/hub/up.json".into());
        one.write(0).await.unwrap();
        other.write(3).await.unwrap();

        let sample: Value = serde_json::from_str(include_str!("../../tests/data/workspaces.json")).unwrap();
        let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&written), ["7001", "7002"]);
        assert_eq!(keys(&written["7001"]), keys(&sample["7001"]));
        assert_eq!(written["7002"]["activeConnections"], 3);

        // The monitor's own reader finds a live hub in it.
        let seen = vitals_probe::workspace::look(&path, 7001).entry.unwrap();
        assert_eq!(seen.process.map(|p| p.pid), Some(std::process::id()));

        one.remove().await.unwrap();
        assert_eq!(other.all().keys().collect::<Vec<_>>(), ["7002"]);
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_stays_gone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("mcp-hub");
        let hub = Workspace::new(folder.join("workspaces.json"), 7001, "/x".into());
        hub.write(0).await.unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        hub.remove().await.unwrap();
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn two_hubs_that_write_at_once_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("workspaces.json");
        let hubs: Vec<_> = (1..=20).map(|port| Workspace::new(path.clone(), port, "/x".into())).collect();
        for written in futures_util::future::join_all(hubs.iter().map(|hub| hub.write(1))).await {
            written.unwrap();
        }
        assert_eq!(hubs[0].all().len(), 20);
    }
}
