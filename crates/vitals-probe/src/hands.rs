//! Hands: what one target's probes hold between visits, and how each probe is carried out.
//!
//! A [`Hands`] belongs to one target. Each part that is held (the look at the process, the sessions,
//! the log follower) has a lock of its own, so a probe that waits never delays another.

mod hold;
mod meta_tool;
mod place;
mod sessions;
mod visit;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use url::Url;
use vitals_model::check::Probe;
use vitals_model::claim::ServerClaim;
use vitals_model::config::SecretRef;
use vitals_model::observation::{
    ApiSeen, Failure, FailureKind, LlmSeen, LogSeen, LogStretch, MetaToolSeen, Observation, Phase, ProcessId, ProcessSeen, Seen,
    SessionSeen, SessionView, StreamSeen, WorkspaceSeen,
};
use vitals_model::target::{Address, Target};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use crate::clock::{self, Stopwatch};
use crate::http::secrets::Secrets;
use crate::http::{Client, Proxy};
use crate::logtail::{self, Spout, Tap};
use crate::process::Look;
use crate::secret::{self, Secret};
use crate::{events, llm, process, rest};
pub use hold::{Happened, Held};
use place::Place;
use sessions::Sessions;

/// How the hands are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// One visit: one session, closed at its end.
    Once,
    /// Watching: two sessions, held; the log followed; events awaited.
    Held,
}

/// What every target's hands are given from outside: this crate reads no environment but secrets.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Where `workspaces.json` can be.
    pub registries: Vec<PathBuf>,
    /// The proxy for https hosts.
    pub proxy: Option<Proxy>,
}

/// What one target's probes hold between visits.
#[derive(Debug)]
pub struct Hands {
    target: Target,
    manner: Manner,
    place: Place,
    client: Arc<Client>,
    llm_client: Client,
    /// Why nothing can be asked of the target: a secret that its requests need is missing.
    trouble: Option<Failure>,
    look: tokio::sync::Mutex<Look>,
    sessions: tokio::sync::Mutex<Sessions>,
    /// Asks the held log source to read on now.
    read_on: tokio::sync::Notify,
    /// What the hub last claimed of its servers: the session probe calls one tool of each.
    claims: Mutex<Vec<ServerClaim>>,
    requests: AtomicU64,
    dropped: AtomicU64,
    /// Where the lines of the followed log are also put.
    spout: Option<Spout>,
    meta_calls: Mutex<Vec<Timestamp>>,
}

impl Hands {
    /// Hands for one target. Nothing is opened or asked yet.
    pub fn new(target: Target, surroundings: &Surroundings, manner: Manner) -> Self {
        let settings = &target.settings;
        let (headers, trouble) = resolve_all(&settings.headers);
        let (environment, no_environment) = resolve_all(&settings.env);
        let client = Arc::new(Client::new(&settings.timeouts, headers).with_proxy(surroundings.proxy.clone()));
        let sessions = Sessions::new(Arc::clone(&client), &settings.timeouts, environment, manner);
        Self {
            manner,
            place: Place::new(&target, &surroundings.registries),
            llm_client: Client::new(&settings.timeouts, Vec::new()).with_proxy(surroundings.proxy.clone()),
            trouble: trouble.or(no_environment),
            client,
            look: tokio::sync::Mutex::default(),
            sessions: tokio::sync::Mutex::new(sessions),
            read_on: tokio::sync::Notify::new(),
            claims: Mutex::default(),
            requests: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            spout: None,
            meta_calls: Mutex::default(),
            target,
        }
    }

    /// Also puts the lines of the log that is followed into this tap.
    #[must_use]
    pub fn tapped(mut self, tap: Tap) -> Self {
        let settings = &self.target.settings;
        let kept = [resolve_all(&settings.headers).0, resolve_all(&settings.env).0].concat();
        let secrets = Secrets::of(kept.iter().map(|(_, secret)| secret));
        self.spout = Some(Spout::new(tap, self.target.id.clone(), secrets));
        self
    }

    /// The target that these hands belong to.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// Carries out one probe. `None` when the probe makes no sense for this target (a log file of a
    /// hub on another machine, say).
    pub async fn run(&self, probe: Probe) -> Option<Observation> {
        let watch = Stopwatch::start();
        let seen = match (probe, &self.target.address) {
            (Probe::Session, _) => Seen::Session(Box::new(self.sessions().await)),
            (_, Address::Http { .. } | Address::Stdio { .. }) => return None,
            (Probe::Workspace, _) => Seen::Workspace(self.workspace()?),
            (Probe::Process, _) => Seen::Process(self.process().await),
            (Probe::Api, _) => Seen::Api(Box::new(self.api().await)),
            (Probe::MetaTool, _) => Seen::MetaTool(self.meta_tool().await),
            (Probe::Llm, _) => Seen::Llm(self.llm().await?),
            (Probe::Log, _) => Seen::Log(Box::new(self.log().await?)),
            (Probe::Stream, _) => Seen::Stream(self.stream_once().await),
        };
        Some(self.observation(seen, watch.elapsed()))
    }

    fn observation(&self, seen: Seen, took: Duration) -> Observation {
        Observation { target: self.target.id.clone(), at: clock::now(), took, seen }
    }

    fn workspace(&self) -> Option<WorkspaceSeen> {
        self.place.refresh()
    }

    async fn process(&self) -> ProcessSeen {
        if !self.place.is_local() {
            return ProcessSeen::Remote;
        }
        let config = self.place.config();
        let mut look = self.look.lock().await;
        match self.place.process() {
            Ok(Some(id)) => look.look(id, self.place.port(), &config),
            Ok(None) => ProcessSeen::Gone { last: None, orphans: Vec::new() },
            Err(failure) => ProcessSeen::Hidden(failure),
        }
    }

    async fn api(&self) -> ApiSeen {
        let seen = match (self.base(), &self.trouble) {
            (Some(base), None) => {
                let scope = if self.place.may_filter() { rest::Scope::WithFiltering } else { rest::Scope::Core };
                self.count_requests(if scope == rest::Scope::Core { 2 } else { 3 });
                rest::visit(&self.client, &base, scope, self.target.settings.timeouts.request).await
            }
            (_, trouble) => {
                let failure = trouble.clone().unwrap_or_else(|| bad_address(&self.target.address));
                ApiSeen::failed(&failure)
            }
        };
        if let Ok(servers) = &seen.servers {
            lock(&self.claims).clone_from(servers);
        }
        if seen.filtering.is_none() && seen.health.is_ok() {
            self.place.does_not_filter();
        }
        seen
    }

    async fn sessions(&self) -> SessionSeen {
        if let Some(failure) = &self.trouble {
            return self.no_session(failure);
        }
        let claims = lock(&self.claims).clone();
        let mut sessions = self.sessions.lock().await;
        sessions.look(&self.target, &claims, &self.client, self.base().as_ref()).await
    }

    fn no_session(&self, failure: &Failure) -> SessionSeen {
        let view = SessionView::failed(failure);
        SessionSeen { sessions: vec![view], calls: Vec::new(), opened_total: 0, held: self.manner == Manner::Held }
    }

    async fn meta_tool(&self) -> MetaToolSeen {
        if self.manner == Manner::Once {
            return MetaToolSeen::NotCalled(Text::new("a one-shot check makes no billable call"));
        }
        let settings = &self.target.settings;
        let now = clock::now();
        let day = Duration::from_secs(86_400);
        {
            let mut calls = lock(&self.meta_calls);
            calls.retain(|at| now.since(*at) < day);
            if calls.len() >= settings.meta_tool.calls_per_day as usize {
                let text = format!("budget of {} calls in 24 h is used up", settings.meta_tool.calls_per_day);
                return MetaToolSeen::NotCalled(Text::new(&text));
            }
        }
        let sessions = self.sessions.lock().await;
        let seen = sessions.call_meta_tool(&settings.meta_tool.prompt, &settings.timeouts).await;
        if matches!(seen, MetaToolSeen::Called { .. }) {
            lock(&self.meta_calls).push(now);
        }
        seen
    }

    async fn llm(&self) -> Option<LlmSeen> {
        let settings = &self.target.settings.llm;
        if !settings.enabled || !self.place.is_local() {
            return None;
        }
        if !self.place.knows_config() {
            return Some(LlmSeen::Unknown(Text::new("no record names the hub's configuration files")));
        }
        let config = self.place.config();
        if let (None, Some((path, why))) = (&config.llm, config.problems.first()) {
            return Some(LlmSeen::Unknown(Text::new(&format!("{}: {why}", path.display()))));
        }
        let Some(named) = &config.llm else { return Some(LlmSeen::NotConfigured) };
        let (key, shown) = if let Some(reference) = &settings.key {
            (secret::resolve(reference), reference.to_string())
        } else {
            let hub = self.place.process().ok().flatten().filter(|id| process::identify(id.pid) == Some(*id));
            let key = named.key.resolve(hub);
            if hub.is_none() && key.is_err() {
                return Some(LlmSeen::Unknown(Text::new(
                    "the hub is not running, so its environment and with it the key are not known",
                )));
            }
            (key, named.key.to_string())
        };
        let base = settings.base_url.as_deref().or(named.base_url.as_deref());
        let model = named.model.clone();
        let limit = self.target.settings.timeouts.request;
        Some(llm::ask(&self.llm_client, &named.provider, model, base, key, Text::new(&shown), limit).await)
    }

    /// The log over the window in which errors and flapping are counted. A held log is read by its own
    /// source ([`Held`]), which this only asks to read on.
    async fn log(&self) -> Option<LogSeen> {
        if self.manner == Manner::Held {
            self.read_on.notify_one();
            return None;
        }
        Some(self.look_back(self.place.log_file()?, self.log_window()).await)
    }

    fn log_window(&self) -> Timestamp {
        let thresholds = &self.target.settings.thresholds;
        clock::now().minus(thresholds.error_window.max(thresholds.flap_window))
    }

    /// Reads the log back to `since`.
    pub async fn look_back_over_log(&self, since: Timestamp) -> Option<LogSeen> {
        Some(self.look_back(self.place.log_file()?, since).await)
    }

    /// On another thread: a long log takes a quarter of a second.
    async fn look_back(&self, path: PathBuf, since: Timestamp) -> LogSeen {
        let writers = self.place.writers();
        let read = tokio::task::spawn_blocking(move || logtail::recent(&path, Some(since), writers));
        read.await.unwrap_or_else(|error| LogSeen {
            file: Err(Failure {
                phase: Phase::Body,
                kind: FailureKind::Os,
                evidence: Text::new(&error.to_string()),
                after: Duration::ZERO,
            }),
            stretch: LogStretch::default(),
        })
    }

    async fn stream_once(&self) -> StreamSeen {
        match self.open_stream().await {
            Ok((_closed_here, opened)) => opened,
            Err(failure) => StreamSeen::Lost(failure),
        }
    }

    async fn open_stream(&self) -> Result<(events::Stream, StreamSeen), Failure> {
        if let Some(failure) = &self.trouble {
            return Err(failure.clone());
        }
        let base = self.base().ok_or_else(|| bad_address(&self.target.address))?;
        self.count_requests(1);
        events::Stream::open(&self.client, &base, self.target.settings.timeouts.request).await
    }

    /// The hub's base URL; `None` for other targets and for an address that is no URL.
    fn base(&self) -> Option<Url> {
        match &self.target.address {
            Address::Hub { url } => Url::parse(url).ok(),
            Address::Http { .. } | Address::Stdio { .. } => None,
        }
    }

    /// The hub's base URL, when it is one and all that its requests need is there.
    pub(crate) fn reachable(&self) -> Result<Url, Failure> {
        self.trouble.clone().map_or_else(|| self.base().ok_or_else(|| bad_address(&self.target.address)), Err)
    }

    /// What asks the target.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The hub that this process was seen below, when that is gone.
    pub(crate) async fn left_by(&self, process: ProcessId) -> Option<ProcessId> {
        self.look.lock().await.left_by(process)
    }

    /// Where the hub's log lies, when that is known.
    pub(crate) fn log_path(&self) -> Option<PathBuf> {
        self.place.log_file()
    }

    /// Events dropped since the last time this was asked, because the loop was too slow for them.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    fn count_dropped(&self, n: u64) {
        self.dropped.fetch_add(n, Ordering::Relaxed);
    }

    fn count_requests(&self, n: u64) {
        self.requests.fetch_add(n, Ordering::Relaxed);
    }
}

/// Resolves every reference; what is missing is the first failure.
fn resolve_all(references: &std::collections::BTreeMap<String, SecretRef>) -> (Vec<(String, Secret)>, Option<Failure>) {
    let mut failure = None;
    let mut resolved = Vec::with_capacity(references.len());
    for (name, reference) in references {
        match secret::resolve(reference) {
            Ok(value) => resolved.push((name.clone(), value)),
            Err(missing) => failure = failure.or(Some(missing)),
        }
    }
    (resolved, failure)
}

fn bad_address(address: &Address) -> Failure {
    let evidence = Text::new(&format!("{address} is no URL"));
    Failure { phase: Phase::Resolve, kind: FailureKind::NoSuchHost, evidence, after: Duration::ZERO }
}

/// State behind these locks is replaced whole, so a panic while one was held left nothing half-done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
