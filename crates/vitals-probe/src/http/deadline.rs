//! The time left of one exchange, and failures that carry the time they came after.

use std::future::Future;
use std::time::Duration;

use vitals_model::observation::{Failure, FailureKind, Phase};
use vitals_model::text::Text;

use crate::clock::Stopwatch;

/// A limit that began to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    began: Stopwatch,
    limit: Duration,
}

impl Deadline {
    /// Begins now.
    pub(crate) fn start(limit: Duration) -> Self {
        Self { began: Stopwatch::start(), limit }
    }

    /// The limit itself.
    pub(crate) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Time since it began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Awaits `work` for at most `phase_limit` and never beyond the deadline; `TimedOut` names the one
    /// of the two that ran out.
    pub(crate) async fn within<T>(
        &self,
        phase: Phase,
        phase_limit: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        let left = self.limit.saturating_sub(self.elapsed());
        let (wait, named) = if phase_limit < left { (phase_limit, phase_limit) } else { (left, self.limit) };
        tokio::time::timeout(wait, work).await.map_err(|_| self.failure(phase, FailureKind::TimedOut(named), ""))
    }

    /// A failure now.
    pub(crate) fn failure(&self, phase: Phase, kind: FailureKind, evidence: &str) -> Failure {
        Failure { phase, kind, evidence: Text::new(evidence), after: self.elapsed() }
    }
}
