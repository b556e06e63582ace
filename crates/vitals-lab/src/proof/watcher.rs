//! The monitoring as the proof sees it: what it is told to watch, and what it says.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use tokio::sync::{mpsc, watch};
use vitals_model::config::Settings;
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::snapshot::Snapshot;
use vitals_probe::hands::Surroundings;

/// What is to be watched, and how.
#[derive(Debug)]
pub struct Watch {
    /// The schedule, the bounds, what is expected of servers.
    pub settings: Settings,
    /// Where the lab's hub has its record of itself.
    pub surroundings: Surroundings,
}

/// Ends the watching: resolves when every session is closed.
pub type Stop = Box<dyn FnOnce() -> LocalBoxFuture<'static, ()>>;

/// A monitoring that runs. Dropping it ends it too, without closing what it holds in good order.
pub struct Sight {
    /// Every change of an incident, at the moment it is decided.
    pub changes: mpsc::Receiver<(IncidentChange, Incident)>,
    /// Every new snapshot.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Ends it.
    pub stop: Stop,
}

/// The monitoring that is to be proved: exactly what `watch` runs.
pub trait Watcher: Send + Sync {
    /// Begins to watch, on the runtime of now. Keeps no history and remembers nothing.
    fn watch(&self, watch: Watch) -> Sight;
}
