//! What a scenario stands on: a hub at a URL, asked as its clients ask it, and looked at from outside where it runs
//! on this machine. The lab can be broken too.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::json;
use url::Url;
use vitals_model::claim::{HubClaim, ServerClaim};
use vitals_model::config::{SecretRef, Timeouts};
use vitals_model::observation::{Failure, ProcessFacts, ProcessSeen, WorkspaceEntry};
use vitals_model::scenario::Stand;
use vitals_model::target::{Address, Origin, Target};
use vitals_probe::hands::Surroundings;
use vitals_probe::http::{Client, Request};
use vitals_probe::hub_config::{self, HubConfig};
use vitals_probe::mcp::{Context, Listen, Session};
use vitals_probe::process::{self, Look};
use vitals_probe::rest::{self, Scope};
use vitals_probe::secret::{self, Secret};
use vitals_probe::workspace;

use crate::fault::Fault;

/// Starting a server may mean starting a runtime: as long as the hub itself waits for one.
const START_MAX: Duration = Duration::from_secs(60);

/// A fault could not be injected or cleared.
#[derive(thiserror::Error, Debug)]
#[error("{0}")]
pub struct FaultError(pub String);

/// What can break and mend a lab.
pub trait Faults: Send + Sync {
    /// Injects `fault`, into `server` where it is a server's; returns when it is in force.
    fn inject<'a>(&'a self, fault: Fault, server: &'a str) -> BoxFuture<'a, Result<(), FaultError>>;

    /// Takes the fault's cause away.
    fn clear(&self, fault: Fault) -> BoxFuture<'_, Result<(), FaultError>>;
}

/// Why nothing can be run on a target.
#[derive(thiserror::Error, Debug)]
pub enum GroundError {
    /// A single MCP server has no API to ask and no servers to break.
    #[error("{0} is a single MCP server; scenarios are run on hubs")]
    NoHub(String),
    /// Its URL cannot be read.
    #[error("{url} is no URL")]
    Url {
        /// As it was given.
        url: String,
        /// Why.
        source: url::ParseError,
    },
    /// A secret that its requests need is missing.
    #[error("{0}")]
    Secret(Failure),
}

/// A hub that scenarios are run on.
pub struct Ground {
    target: Target,
    base: Url,
    client: Arc<Client>,
    quiet: Context,
    told: Context,
    registries: Vec<PathBuf>,
    look: tokio::sync::Mutex<Look>,
    faults: Option<Arc<dyn Faults>>,
}

impl Ground {
    /// A hub that is not the lab.
    ///
    /// # Errors
    /// The target is no hub, its URL makes no sense, or a secret for it is missing.
    pub fn hub(target: Target, surroundings: &Surroundings) -> Result<Self, GroundError> {
        let Address::Hub { url } = &target.address else { return Err(GroundError::NoHub(target.id.to_string())) };
        let base = Url::parse(url).map_err(|source| GroundError::Url { url: url.clone(), source })?;
        let settings = &target.settings;
        let resolve = |(name, value): (&String, &SecretRef)| secret::resolve(value).map(|value| (name.clone(), value));
        let headers: Vec<(String, Secret)> =
            settings.headers.iter().map(resolve).collect::<Result<_, _>>().map_err(GroundError::Secret)?;
        let client = Arc::new(Client::new(&settings.timeouts, headers).with_proxy(surroundings.proxy.clone()));
        let context = |listen| Context::new(Arc::clone(&client), settings.timeouts.clone(), Vec::new(), listen);
        let (quiet, told) = (context(Listen::Unasked), context(Listen::Asked));
        let registries = surroundings.registries.clone();
        Ok(Self { base, quiet, told, client, registries, look: tokio::sync::Mutex::default(), faults: None, target })
    }

    /// The lab: the same, and what breaks it.
    ///
    /// # Errors
    /// As [`Ground::hub`].
    pub fn lab(target: Target, surroundings: &Surroundings, faults: Arc<dyn Faults>) -> Result<Self, GroundError> {
        Ok(Self { faults: Some(faults), ..Self::hub(target, surroundings)? })
    }

    /// The target.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// Whether it is the lab.
    pub const fn is_lab(&self) -> bool {
        self.faults.is_some()
    }

    /// What kind of target it is.
    pub const fn stand(&self) -> Stand {
        if self.is_lab() { Stand::Lab } else { Stand::Hub }
    }

    pub(super) fn faults(&self) -> Option<&Arc<dyn Faults>> {
        self.faults.as_ref()
    }

    pub(super) fn timeouts(&self) -> &Timeouts {
        &self.target.settings.timeouts
    }

    /// Opens a session; one that is `Asked` is told of list changes on every transport.
    pub(super) async fn open(&self, listen: Listen) -> Result<Session, Failure> {
        let context = if listen == Listen::Asked { &self.told } else { &self.quiet };
        vitals_probe::mcp::open(&self.target.address, context).await
    }

    /// Opens the hub's event stream.
    pub(super) async fn events(&self) -> Result<vitals_probe::events::Stream, Failure> {
        let opened = vitals_probe::events::Stream::open(&self.client, &self.base, self.timeouts().request).await;
        opened.map(|(stream, _)| stream)
    }

    /// What the hub claims of itself.
    pub(super) async fn health(&self) -> Result<HubClaim, Failure> {
        rest::health(&self.client, &self.base, self.timeouts().request).await
    }

    /// Clients as the hub counts them: those of its event stream and those of its MCP endpoint.
    pub(super) async fn clients(&self) -> Result<Option<u64>, Failure> {
        let claim = self.health().await?;
        Ok(match (claim.active_clients, claim.mcp_clients) {
            (None, None) => None,
            (streams, sessions) => Some(streams.unwrap_or(0) + sessions.unwrap_or(0)),
        })
    }

    /// What the hub claims of its servers.
    pub(super) async fn servers(&self) -> Result<Vec<ServerClaim>, Failure> {
        rest::visit(&self.client, &self.base, Scope::Core, self.timeouts().request).await.servers
    }

    /// Stops and starts a server by the hub's API: what mends dead and hung ones.
    pub(super) async fn restart(&self, server: &str) -> Result<(), Failure> {
        for verb in ["stop", "start"] {
            let mut url = self.base.clone();
            url.set_path(&format!("{}/api/servers/{verb}", self.base.path().trim_end_matches('/')));
            let body = json!({ "server_name": server });
            self.client.send(Request::post_json(&url, &body), START_MAX).await?.ok().await?;
        }
        Ok(())
    }

    /// The hub's process and its children; `None` when it is not one of this machine, or cannot be seen.
    pub(super) async fn process(&self) -> Option<ProcessFacts> {
        let port = self.port()?;
        let (entry, config) = match self.record() {
            Some((_, entry)) => (entry.process, hub_config::read(&entry.config_files)),
            None => (None, HubConfig::default()),
        };
        let id = match entry {
            Some(id) => id,
            None => process::owner_of_port(port).ok()??.process?,
        };
        match self.look.lock().await.look(id, Some(port), &config) {
            ProcessSeen::Alive(facts) => Some(*facts),
            _ => None,
        }
    }

    /// The hub's log, where it is a file of this machine.
    pub(super) fn log_file(&self) -> Option<PathBuf> {
        self.target.settings.log_file.clone().or_else(|| self.record().map(|(registry, _)| workspace::log_file(&registry)))
    }

    /// The log's size in bytes.
    pub(super) fn log_bytes(&self) -> Option<u64> {
        std::fs::metadata(self.log_file()?).map(|file| file.len()).ok()
    }

    fn port(&self) -> Option<u16> {
        let local = matches!(self.base.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        self.base.port_or_known_default().filter(|_| local)
    }

    /// The hub's own record, and the registry that has it.
    fn record(&self) -> Option<(PathBuf, WorkspaceEntry)> {
        let port = self.port()?;
        let known = match &self.target.origin {
            Origin::Discovered { registry } => std::slice::from_ref(registry),
            Origin::Configured | Origin::CommandLine => &self.registries,
        };
        known.iter().find_map(|registry| Some((registry.clone(), workspace::look(registry, port).entry.ok()?)))
    }
}
