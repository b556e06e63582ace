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

    /// Ends it, and waits until what it held is let go. A drop lets that go a moment later.
    pub async fn end(mut self) {
        self.0.abort();
        // Whether it ended by itself, panicked or was aborted: it is over.
        drop((&mut self.0).await);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn what_an_ended_task_held_is_let_go() {
        let held = Arc::new(());
        let start = || {
            let held = Arc::clone(&held);
            Task::spawn(async move {
                std::future::pending::<()>().await;
                drop(held);
            })
        };
        let (dropped, ended) = (start(), start());
        assert_eq!(Arc::strong_count(&held), 3);
        drop(dropped);
        assert_eq!(Arc::strong_count(&held), 3, "a drop alone only asks for the end");
        ended.end().await;
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
