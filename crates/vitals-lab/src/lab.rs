//! The lab itself: it starts and ends the parts, injects and clears faults, and can be told to from another process.
//! What a fault looks like to a monitor is not its business.
//!
//! One [`Lab`] is one hub process with its servers, an LLM stub, and a control endpoint on this machine
//! (see [`control`]). Faults are put in force and taken away one at a time, whoever asks. The lab never
//! starts a hub again by itself: what has ended stays visible, until a fault is cleared.

pub mod control;
mod error;
mod files;
mod hub_api;
mod process;
mod settings;
pub(crate) mod signal;
mod state;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, watch};
use vitals_probe::task::Task;

use crate::fault::Fault;
use crate::place::Place;
use control::Control;
pub use error::LabError;
pub(crate) use error::with_causes;
pub use settings::{Active, Exposure, Filtering, Servers, Settings, Where};
use state::{Shown, State};

/// How long a hub that is restarted stays away: long enough for a person to notice.
const RESTART_AFTER: Duration = Duration::from_secs(2);

/// A running lab. [`Lab::end`] ends it in good order; dropping it kills what it started.
#[derive(Debug)]
pub struct Lab {
    // Dropped first, so that nobody asks for anything any more.
    control: Control,
    bench: Arc<Bench>,
}

/// What the lab and its control share.
#[derive(Debug)]
struct Bench {
    state: Mutex<Option<State>>,
    shown: watch::Receiver<Shown>,
    place: Place,
    persona: crate::persona::Persona,
    url: String,
}

impl Lab {
    /// Starts a lab. Returns when the hub listens and, with the built-in servers, those that can connect are connected.
    ///
    /// # Errors
    /// The folder is not free, a part does not start, or does not start in time. Nothing is left then.
    pub async fn start(settings: Settings) -> Result<Self, LabError> {
        let (say, shown) = watch::channel(Shown::default());
        let persona = settings.persona;
        let state = State::start(settings, say).await?;
        let place = state.files().place().clone();
        let url = format!("http://127.0.0.1:{}", state.port());
        let bench = Arc::new(Bench { state: Mutex::new(Some(state)), shown, place, persona, url });
        match Control::start(&bench).await {
            Ok(control) => Ok(Self { control, bench }),
            Err(error) => {
                if let Some(state) = bench.state.lock().await.take() {
                    // The error that the caller hears is the first one.
                    let _ = state.end().await;
                }
                Err(error)
            }
        }
    }

    /// The hub's base URL.
    pub fn url(&self) -> String {
        self.bench.url.clone()
    }

    /// The lab's folder.
    pub fn place(&self) -> &Place {
        &self.bench.place
    }

    /// The address of the control; its token is in the file [`Place::control`].
    pub fn control_url(&self) -> String {
        self.control.url()
    }

    /// The hub's process; `None` while there is none.
    pub fn hub_pid(&self) -> Option<u32> {
        let id = self.bench.shown.borrow().hub?;
        (vitals_probe::process::identify(id.pid) == Some(id)).then_some(id.pid)
    }

    /// The process of a server below the hub; `None` while there is none.
    pub async fn server_pid(&self, server: &str) -> Option<u32> {
        let state = self.bench.state.lock().await;
        state.as_ref()?.server_process(server).map(|id| id.pid)
    }

    /// Puts a fault in force. Returns when it is: the part has acknowledged it, the signal is delivered,
    /// the file is written. `server` counts for faults that hurt one server.
    ///
    /// # Errors
    /// It is in force already, cannot be together with another, or had no effect in time.
    pub async fn inject(&self, fault: Fault, server: &str) -> Result<(), LabError> {
        self.bench.inject(fault, server).await
    }

    /// Takes the cause of a fault away. Returns when it is gone; a fault that is not in force is none.
    ///
    /// # Errors
    /// The cause could not be taken away: the fault counts as in force still, and may be cleared again.
    pub async fn clear(&self, fault: Fault) -> Result<(), LabError> {
        self.bench.clear(fault).await
    }

    /// The faults in force, oldest first.
    pub fn active(&self) -> Vec<Active> {
        self.bench.shown.borrow().active.clone()
    }

    /// Ends everything: processes, sockets, files.
    ///
    /// # Errors
    /// The hub resisted and was killed, or a file could not be removed.
    pub async fn end(self) -> Result<(), LabError> {
        let Self { control, bench } = self;
        drop(control);
        let state = bench.state.lock().await.take();
        match state {
            Some(state) => state.end().await,
            None => Ok(()),
        }
    }
}

/// Whether a lab runs in this folder.
pub fn is_running(place: &Place) -> bool {
    files::is_taken(place)
}

impl Bench {
    async fn inject(self: &Arc<Self>, fault: Fault, server: &str) -> Result<(), LabError> {
        let mut guard = self.state.lock().await;
        let state = running(&mut guard)?;
        state.inject(fault, server).await?;
        if fault == Fault::HubRestarted {
            let bench = Arc::downgrade(self);
            state.keep_restart(Task::spawn(async move {
                tokio::time::sleep(RESTART_AFTER).await;
                let Some(bench) = bench.upgrade() else { return };
                if let Some(state) = bench.state.lock().await.as_mut() {
                    state.heal_restart().await;
                }
            }));
        }
        Ok(())
    }

    async fn clear(&self, fault: Fault) -> Result<(), LabError> {
        running(&mut self.state.lock().await)?.clear(fault).await
    }

    fn active(&self) -> Vec<Active> {
        self.shown.borrow().active.clone()
    }
}

fn running<'a>(guard: &'a mut MutexGuard<'_, Option<State>>) -> Result<&'a mut State, LabError> {
    guard.as_mut().ok_or(LabError::NoHub)
}
