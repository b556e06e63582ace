//! What is written of a snapshot, kept until the next one: however many ask, it is written once.

use std::sync::{Arc, Mutex, PoisonError};

use vitals_model::snapshot::Snapshot;

/// One representation of the latest snapshot.
pub(crate) struct Kept<T>(Mutex<Option<(Arc<Snapshot>, Arc<T>)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Kept<T> {
    /// What is written of this very snapshot. When another one was the last, `make` writes it, with what was written of
    /// that one at hand; whoever asks meanwhile waits for it.
    pub(crate) fn of(&self, snapshot: &Arc<Snapshot>, make: impl FnOnce(Option<&T>) -> T) -> Arc<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, written)) = &*kept
            && Arc::ptr_eq(of, snapshot)
        {
            return Arc::clone(written);
        }
        let written = Arc::new(make(kept.as_ref().map(|(_, last)| &**last)));
        // The snapshot is kept with it: another one cannot come to stand at the same place.
        *kept = Some((Arc::clone(snapshot), Arc::clone(&written)));
        written
    }
}
