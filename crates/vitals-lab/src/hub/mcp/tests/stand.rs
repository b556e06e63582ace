//! A stand for tests: the endpoint on a free port, and clients.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use url::Url;
use vitals_model::config::Timeouts;
use vitals_model::target::Address;
use vitals_probe::http::{Client, Method, Request};
use vitals_probe::mcp::{Context, Listen, Session, open};
use vitals_probe::task::Task;

use super::double::Double;
use crate::fault::HubFault;
use crate::hub::backend::{Backend, Listed};
use crate::hub::filter::Settings;
use crate::hub::front::Front as _;
use crate::hub::journal::{Journal, Record};
use crate::hub::mcp::Endpoint;
use crate::persona::Persona;

/// How long anything may take before a test fails.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

pub(super) struct Stand {
    pub(super) double: Arc<Double>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) base: String,
    pub(super) records: Arc<Mutex<Vec<Record>>>,
    _server: Task,
}

impl Stand {
    pub(super) async fn start(tools: Vec<Listed>, filtering: Settings, persona: Persona) -> Self {
        Self::with(tools, |backend, journal| Endpoint::start(backend, journal, filtering, persona)).await
    }

    /// An honest one that closes sessions early.
    pub(super) async fn start_idle(tools: Vec<Listed>, idle_max: Duration) -> Self {
        let endpoint = |backend, journal| Endpoint::with_idle_max(backend, journal, Settings::off(), Persona::Honest, idle_max);
        Self::with(tools, endpoint).await
    }

    async fn with(tools: Vec<Listed>, endpoint: impl FnOnce(Arc<dyn Backend>, Journal) -> Endpoint) -> Self {
        let double = Double::new(tools);
        let records = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&records);
        let journal = Journal::new(move |record, times| kept.lock().unwrap().extend(vec![record; times]));
        let endpoint = Arc::new(endpoint(Arc::clone(&double) as _, journal));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let routes = endpoint.routes();
        let server = Task::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { double, endpoint, base, records, _server: server }
    }

    pub(super) fn fault(&self, fault: HubFault) {
        self.double.faults.send_modify(|faults| {
            faults.insert(fault);
        });
    }

    pub(super) fn heal(&self) {
        self.double.faults.send_modify(std::collections::BTreeSet::clear);
    }

    /// A session over Streamable HTTP.
    pub(super) async fn streamable(&self) -> Session {
        self.open(&Address::Http { url: format!("{}/mcp", self.base) }).await
    }

    /// A session over HTTP+SSE.
    pub(super) async fn legacy(&self) -> Session {
        self.open(&Address::Hub { url: self.base.clone() }).await
    }

    async fn open(&self, address: &Address) -> Session {
        let client = Arc::new(Client::new(&Timeouts::default(), Vec::new()));
        open(address, &Context::new(client, Timeouts::default(), Vec::new(), Listen::Asked)).await.unwrap()
    }

    /// Waits until the endpoint counts so many clients.
    pub(super) async fn until_clients(&self, wanted: usize) {
        until(|| self.endpoint.clients() == wanted, || format!("{} clients, not {wanted}", self.endpoint.clients())).await;
    }

    /// One raw request: status, headers that matter, and body.
    pub(super) async fn raw(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Raw {
        let url = Url::parse(&format!("{}{path}", self.base)).unwrap();
        let client = Client::new(&Timeouts::default(), Vec::new());
        let mut request = Request::new(method, &url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string().into());
        }
        let answer = client.send(request, LIMIT).await.unwrap();
        let (status, session) = (answer.status(), answer.header("mcp-session-id").map(str::to_owned));
        let body = String::from_utf8(answer.bytes(1 << 20).await.unwrap().0.to_vec()).unwrap();
        Raw { status, session, body }
    }
}

pub(super) struct Raw {
    pub(super) status: u16,
    pub(super) session: Option<String>,
    pub(super) body: String,
}

impl Raw {
    /// The last JSON-RPC message, whichever way it came.
    pub(super) fn message(&self) -> Value {
        let json = self.body.lines().filter_map(|line| line.strip_prefix("data:")).rfind(|line| line.len() > 2);
        serde_json::from_str(json.unwrap_or(&self.body).trim()).unwrap()
    }
}

/// Waits until `holds`, or fails with what `is`.
pub(super) async fn until(holds: impl Fn() -> bool, is: impl Fn() -> String) {
    let waited = tokio::time::timeout(LIMIT, async {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        while !holds() {
            tick.tick().await;
        }
    });
    assert!(waited.await.is_ok(), "{}", is());
}

/// The names that a session lists, sorted.
pub(super) async fn names(session: &Session) -> Vec<String> {
    let listing = session.list(LIMIT).await;
    listing.tools.unwrap();
    let mut names: Vec<_> = listing.infos.into_iter().map(|info| info.name).collect();
    names.sort();
    names
}
