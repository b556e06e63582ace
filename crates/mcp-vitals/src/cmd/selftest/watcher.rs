//! The monitoring that is proved: the engine, as `watch` runs it, without history.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use vitals_engine::{Control, Engine, Faces, History};
use vitals_judge::event::Memory;
use vitals_lab::proof::{Sight, Stop, Watch, Watcher};
use vitals_model::snapshot::Snapshot;
use vitals_probe::task::Task;

/// Changes of incidents waiting to be taken down; a monitoring that says more at once loses the rest, and
/// the proof does not hold long before.
const CHANGES_MAX: usize = 1024;

/// An engine per lab.
pub(super) struct Engines;

impl Watcher for Engines {
    fn watch(&self, watch: Watch) -> Sight {
        let (say, changes) = mpsc::channel(CHANGES_MAX);
        let (publish, snapshot) = watch::channel(Arc::<Snapshot>::default());
        let tell = Box::new(move |change, incident: &vitals_model::incident::Incident| {
            // The loop is not held up by whoever listens.
            let _ = say.try_send((change, incident.clone()));
        });
        let faces = Faces { snapshot: publish, tell, say: Box::new(|_| {}) };
        let Watch { settings, surroundings } = watch;
        let engine = Engine::new(settings, surroundings, Vec::new(), Memory::default(), History::Off, None, faces);
        let (controls, inbox) = mpsc::channel(1);
        let (finish, finished) = oneshot::channel();
        let task = Task::spawn(async move {
            engine.run(inbox, None).await;
            let _ = finish.send(());
        });
        let stop: Stop = Box::new(move || {
            Box::pin(async move {
                let _task = task;
                let _ = controls.send(Control::Stop).await;
                let _ = finished.await;
            })
        });
        Sight { changes, snapshot, stop }
    }
}
