//! The control of a running lab: a small HTTP endpoint on this machine, and its client.
//!
//! `GET /faults` lists the catalogue with what is in force, `POST /faults` injects, `DELETE /faults/{id}`
//! and `DELETE /faults` clear. Address and token are in the lab's folder, in a file that only its owner
//! may read; without the token nothing is answered. It knows no fault's meaning.

mod remote;

use std::sync::{Arc, Weak};

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use vitals_probe::task::Task;

use super::Bench;
use super::error::{LabError, with_causes};
use super::files::{failed, write_private};
use crate::fault::{CATALOGUE, Fault};
pub use remote::{Remote, RemoteError};

/// Orders waiting to be carried out; whoever comes later waits with a request of their own.
const ORDERS_MAX: usize = 16;

/// Largest order, in bytes.
const ORDER_BYTES_MAX: usize = 4 << 10;

/// Bytes of the token, before they are written as hexadecimal digits.
const TOKEN_BYTES: usize = 32;

/// The server that is meant when an order names none: the one that the built-in servers are about.
pub const DEFAULT_SERVER: &str = "filesystem";

/// Most names given for an unknown fault.
const NEAREST_MAX: usize = 3;

/// A lab's state as the control tells it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Listing {
    /// The hub's base URL.
    pub hub: String,
    /// How the hub speaks.
    pub persona: String,
    /// Every fault.
    pub faults: Vec<Entry>,
}

/// One fault as the control tells it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// What it hurts.
    pub layer: String,
    /// What happens.
    pub what: String,
    /// Whether it is in force.
    pub active: bool,
    /// The server that it hurts; absent for a fault that hurts no single one, or is not in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Since when it is in force, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Done {
    /// The faults that were injected or cleared; empty when none was in force.
    pub faults: Vec<String>,
}

/// An order to inject.
#[derive(Debug, Serialize, Deserialize)]
struct Wanted {
    fault: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
}

/// The answer to an order that was not carried out.
#[derive(Debug, Serialize, Deserialize)]
struct Refused {
    error: String,
}

/// Where a running lab is told; the content of the file of [`crate::place::Place::control`].
#[derive(Debug, Serialize, Deserialize)]
struct Address {
    url: String,
    token: String,
    pid: u32,
}

/// The endpoint. It ends when dropped.
#[derive(Debug)]
pub(super) struct Control {
    url: String,
    _answering: Task,
    _working: Task,
}

/// What to do, and who waits for it.
struct Order {
    what: What,
    done: oneshot::Sender<Result<Done, LabError>>,
}

enum What {
    Inject(Fault, String),
    Clear(Fault),
    ClearAll,
}

/// What the endpoint knows. It does not keep the lab alive.
#[derive(Clone)]
struct Desk {
    bench: Weak<Bench>,
    orders: mpsc::Sender<Order>,
    token: Arc<str>,
}

impl Control {
    /// Listens, and writes where.
    pub(super) async fn start(bench: &Arc<Bench>) -> Result<Self, LabError> {
        let refused = |source| LabError::Listen { what: "the control", source };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(refused)?;
        let url = format!("http://{}", listener.local_addr().map_err(refused)?);
        let token = token()?;
        let address = Address { url: url.clone(), token: token.clone(), pid: std::process::id() };
        write_private(&bench.place.control(), &serde_json::json!(address).to_string())?;
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let desk = Desk { bench: Arc::downgrade(bench), orders, token: token.into() };
        let answering = Task::spawn(async move {
            // It ends with the listener only, which is ours.
            let _ = axum::serve(listener, routes(desk)).await;
        });
        let working = Task::spawn(work(Arc::downgrade(bench), inbox));
        Ok(Self { url, _answering: answering, _working: working })
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }
}

/// A fault by its id; the error names the nearest.
pub fn fault(id: &str) -> Result<Fault, String> {
    Fault::parse(id).ok_or_else(|| format!("no fault `{id}`; the nearest are {}", nearest(id).join(", ")))
}

/// The catalogue with nothing in force, for when no lab runs.
pub fn catalogue() -> Vec<Entry> {
    CATALOGUE.iter().map(|card| entry(card.fault)).collect()
}

fn entry(fault: Fault) -> Entry {
    let card = fault.card();
    Entry {
        id: card.id.to_owned(),
        layer: card.layer.as_str().to_owned(),
        what: card.what.to_owned(),
        active: false,
        server: None,
        since: None,
    }
}

/// The ids that are most like this one: by the words that they have in common, then by letters.
fn nearest(id: &str) -> Vec<&'static str> {
    let words = |id: &str| id.to_lowercase().split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
    let asked = words(id);
    let common = |known: &str| {
        let known = words(known);
        asked.iter().filter(|word| !word.is_empty() && known.iter().any(|other| other.starts_with(*word))).count()
    };
    let mut ids: Vec<_> = CATALOGUE.iter().map(|card| card.id).collect();
    ids.sort_by_key(|known| (std::cmp::Reverse(common(known)), distance(id, known)));
    ids.truncate(NEAREST_MAX);
    ids
}

/// How many letters have to be put in, taken out or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (n, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = n + 1;
        for (m, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[m + 1];
            row[m + 1] = changed.min(diagonal + 1).min(row[m] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Carries out one order after the other, to its end: a client that goes away leaves nothing half done.
async fn work(bench: Weak<Bench>, mut inbox: mpsc::Receiver<Order>) {
    while let Some(Order { what, done }) = inbox.recv().await {
        let Some(bench) = bench.upgrade() else { return };
        let _ = done.send(carry_out(&bench, what).await);
    }
}

async fn carry_out(bench: &Arc<Bench>, what: What) -> Result<Done, LabError> {
    let in_force = |fault| bench.active().iter().any(|active| active.fault == fault);
    let mut faults = Vec::new();
    match what {
        What::Inject(fault, server) => {
            bench.inject(fault, &server).await?;
            faults.push(fault.to_string());
        }
        What::Clear(fault) => {
            faults.extend(in_force(fault).then(|| fault.to_string()));
            bench.clear(fault).await?;
        }
        What::ClearAll => {
            // The latest first, as one goes back the way one came; what fails does not keep the others.
            let mut failed = None;
            for active in bench.active().into_iter().rev() {
                match bench.clear(active.fault).await {
                    Ok(()) => faults.push(active.fault.to_string()),
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
    }
    Ok(Done { faults })
}

fn routes(desk: Desk) -> Router {
    Router::new()
        .route("/faults", get(list).post(inject).delete(clear_all))
        .route("/faults/{id}", delete(clear))
        .layer(DefaultBodyLimit::max(ORDER_BYTES_MAX))
        .layer(from_fn_with_state(desk.clone(), admit))
        .with_state(desk)
}

/// Only whoever can read the lab's folder is answered.
async fn admit(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if given.is_some_and(|given| same(given, &desk.token)) {
        return next.run(request).await;
    }
    refuse(StatusCode::UNAUTHORIZED, "the token is missing or wrong".to_owned())
}

/// Compares in a time that says nothing of where two texts differ.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

async fn list(State(desk): State<Desk>) -> Response {
    let Some(bench) = desk.bench.upgrade() else { return ended() };
    let mut faults = catalogue();
    for active in bench.active() {
        if let Some(entry) = faults.iter_mut().find(|entry| entry.id == active.fault.card().id) {
            *entry = Entry { active: true, server: active.server, since: Some(active.since.to_string()), ..entry.clone() };
        }
    }
    Json(Listing { hub: bench.url.clone(), persona: bench.persona.as_str().to_owned(), faults }).into_response()
}

async fn inject(State(desk): State<Desk>, wanted: Result<Json<Wanted>, JsonRejection>) -> Response {
    let wanted = match wanted {
        Ok(Json(wanted)) => wanted,
        Err(rejection) => return refuse(rejection.status(), rejection.body_text()),
    };
    match fault(&wanted.fault) {
        Ok(fault) => desk.order(What::Inject(fault, wanted.server.unwrap_or_else(|| DEFAULT_SERVER.to_owned()))).await,
        Err(why) => refuse(StatusCode::NOT_FOUND, why),
    }
}

async fn clear(State(desk): State<Desk>, Path(id): Path<String>) -> Response {
    match fault(&id) {
        Ok(fault) => desk.order(What::Clear(fault)).await,
        Err(why) => refuse(StatusCode::NOT_FOUND, why),
    }
}

async fn clear_all(State(desk): State<Desk>) -> Response {
    desk.order(What::ClearAll).await
}

impl Desk {
    async fn order(&self, what: What) -> Response {
        let (done, answer) = oneshot::channel();
        if self.orders.send(Order { what, done }).await.is_err() {
            return ended();
        }
        match answer.await {
            Ok(Ok(done)) => Json(done).into_response(),
            Ok(Err(error)) => refuse(StatusCode::CONFLICT, with_causes(&error)),
            Err(_) => ended(),
        }
    }
}

fn ended() -> Response {
    refuse(StatusCode::SERVICE_UNAVAILABLE, "the lab is ending".to_owned())
}

fn refuse(status: StatusCode, error: String) -> Response {
    (status, Json(Refused { error })).into_response()
}

/// 256 bits of the kernel's randomness.
fn token() -> Result<String, LabError> {
    use std::io::Read as _;
    let source = std::path::Path::new("/dev/urandom");
    let mut bytes = [0; TOKEN_BYTES];
    let mut file = std::fs::File::open(source).map_err(failed(source))?;
    file.read_exact(&mut bytes).map_err(failed(source))?;
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    Ok(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

#[cfg(test)]
mod tests;
