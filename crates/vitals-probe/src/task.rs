//! Tasks that end with their owner.

use std::future::Future;

/// A spawned task that is aborted when this is dropped, so nothing outlives what it was started for.
#[derive(Debug)]
pub struct Task(tokio::task::JoinHandle<()>);

impl Task {
    /// Spawns `future` on the current runtime.
    #[expect(clippy::disallowed_methods, reason = "the one home of spawn: the task ends with its owner")]
    pub fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::task::spawn(future))
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
