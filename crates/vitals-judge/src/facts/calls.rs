//! How the canary calls of one server went on: what they used to answer, and how long they used to take.

use std::collections::VecDeque;
use std::time::Duration;

use vitals_model::observation::{CallSeen, Failure, FailureKind, ProcessId};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

/// Good calls from which the usual time is told; older ones are forgotten.
const USUAL_MAX: usize = 64;

/// With fewer good calls than this nothing is usual yet.
const USUAL_MIN: usize = 8;

/// So many slow calls in a row are no chance.
const SLOW_CALLS: usize = 3;

/// A call is slow when it takes this many times the usual time, and this much longer: on a loaded machine
/// a call of 2 ms now and then takes 20 ms.
const SLOW_FACTOR: u32 = 5;
const SLOW_EXTRA: Duration = Duration::from_millis(100);

/// What a server's process can be told by: its identity, and when the hub says that it was started.
pub(super) type Run = (Option<ProcessId>, Option<Timestamp>);

/// The course of the canary calls of one server.
#[derive(Clone, Debug, Default)]
pub struct CallCourse {
    tool: Option<Text>,
    run: Option<Run>,
    answered: Option<u64>,
    usual: VecDeque<Duration>,
    /// The same in order.
    sorted: Vec<Duration>,
    slow: VecDeque<Duration>,
}

impl CallCourse {
    /// Takes in one call. The first good one of a process is left out: it may have been a cold start.
    pub(super) fn take(&mut self, call: &CallSeen, run: Run) {
        if self.tool != call.tool {
            *self = Self { tool: call.tool.clone(), ..Self::default() };
        }
        let Some(Ok(items)) = call.answer else { return };
        self.answered = Some(items);
        if self.run.replace(run) != Some(run) {
            return;
        }
        if self.is_slow(call) == Some(true) {
            self.slow.truncate(SLOW_CALLS - 1);
            self.slow.push_front(call.took);
        } else {
            self.slow.clear();
            self.take_usual(call.took);
        }
    }

    fn take_usual(&mut self, took: Duration) {
        if self.usual.len() == USUAL_MAX
            && let Some(oldest) = self.usual.pop_front()
        {
            self.sorted.remove(self.sorted.partition_point(|one| *one < oldest));
        }
        self.usual.push_back(took);
        self.sorted.insert(self.sorted.partition_point(|one| *one < took), took);
    }

    /// Whether a good call took much longer than usual; `None` when it is not known what is usual.
    pub(super) fn is_slow(&self, call: &CallSeen) -> Option<bool> {
        let usual = self.usually().filter(|_| self.tool == call.tool && matches!(call.answer, Some(Ok(_))))?;
        Some(call.took >= (usual * SLOW_FACTOR).max(usual + SLOW_EXTRA))
    }

    /// The tool that is called; `None` before the first call that named one.
    pub const fn tool(&self) -> Option<&Text> {
        self.tool.as_ref()
    }

    /// How many content items it answered with, when last it answered with any.
    pub const fn answered(&self) -> Option<u64> {
        self.answered
    }

    /// How long a call usually takes, when each of the last few took much longer.
    pub fn slower_than(&self) -> Option<Duration> {
        (self.slow.len() >= SLOW_CALLS).then(|| self.usually())?
    }

    /// The median of the good calls that were not slow.
    fn usually(&self) -> Option<Duration> {
        (self.usual.len() >= USUAL_MIN).then(|| self.sorted[self.sorted.len() / 2])
    }
}

/// Whether a call succeeded and had nothing in its answer.
pub(crate) fn is_empty_answer(failure: &Failure) -> bool {
    failure.kind == FailureKind::Empty
}
