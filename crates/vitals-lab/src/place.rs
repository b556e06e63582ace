//! Where a lab keeps its files. The hub's own lie as a real hub's do, below a state folder of the lab,
//! so that nothing of the user's hubs is touched.

use std::path::{Path, PathBuf};

/// The folder of one lab.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    root: PathBuf,
}

impl Place {
    /// The place at this folder, which must be absolute: processes with other working directories use it.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `$XDG_STATE_HOME` of the lab's hub.
    pub fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// The hub's folder there, which holds its registry: what discovery is told.
    pub fn registry(&self) -> PathBuf {
        self.state().join("mcp-hub")
    }

    /// The hub's record of itself.
    pub fn workspaces(&self) -> PathBuf {
        self.registry().join("workspaces.json")
    }

    /// The hub's log.
    pub fn log(&self) -> PathBuf {
        self.registry().join("logs/mcp-hub.log")
    }

    /// The hub's configuration.
    pub fn config(&self) -> PathBuf {
        self.root.join("hub.json")
    }

    /// A configuration for mcp-vitals that fits this lab.
    pub fn vitals_config(&self) -> PathBuf {
        self.root.join("mcp-vitals.yaml")
    }

    /// The folder that the filesystem server may read and write.
    pub fn files(&self) -> PathBuf {
        self.root.join("files")
    }

    /// What one server is told to do wrong; no file, nothing.
    pub fn server_faults(&self, server: &str) -> PathBuf {
        self.root.join("servers").join(format!("{server}.json"))
    }

    /// Where `lab fault` finds a running lab: its control address and token.
    pub fn control(&self) -> PathBuf {
        self.root.join("lab.json")
    }
}
