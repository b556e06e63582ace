//! The CPU that a hub's process used in the latest minutes. Looks out of turn follow each other closely, and each
//! measures since the one before: short ones are taken together.

use std::collections::VecDeque;
use std::time::Duration;

use vitals_model::observation::{ProcessFacts, ProcessId};

/// Most looks remembered; the oldest go first. Out of turn they come four times a second: [`CpuUse::KEPT`] of them.
const LOOKS_MAX: usize = 4 * 180;

/// The CPU use of one process.
#[derive(Clone, Debug, Default)]
pub struct CpuUse {
    id: Option<ProcessId>,
    looks: VecDeque<Used>,
}

/// What one look measured since the one before.
#[derive(Clone, Copy, Debug)]
struct Used {
    /// Percent of one core.
    percent: f64,
    over: Duration,
    /// Percent of the time in which it was ready and got no core; not every kernel tells.
    waited: Option<f64>,
}

impl CpuUse {
    /// Looks are remembered for so long; no longer span can be asked for.
    pub const KEPT: Duration = Duration::from_secs(180);

    pub(super) fn take(&mut self, process: &ProcessFacts) {
        if self.id.replace(process.id) != Some(process.id) {
            self.looks.clear();
        }
        let Some(percent) = process.cpu_percent else { return };
        let used = Used { percent, over: process.cpu_over, waited: process.host.cpu_wait_percent };
        super::push_bounded(&mut self.looks, used, LOOKS_MAX);
        let mut later: Duration = self.looks.iter().skip(1).map(|used| used.over).sum();
        while later >= Self::KEPT {
            self.looks.pop_front();
            later -= self.looks.front().map_or(later, |used| used.over);
        }
    }

    /// Percent of one core over the latest looks that make up `span_min` together, and the time that they
    /// do make up; the latest look alone when all of them are shorter. `None` when the latest look could not
    /// compare.
    pub fn over(&self, process: &ProcessFacts, span_min: Duration) -> Option<(f64, Duration)> {
        let latest = (process.cpu_percent?, process.cpu_over);
        let (mut used, mut span) = (0.0, Duration::ZERO);
        for Used { percent, over, .. } in self.looks.iter().rev() {
            used += percent * over.as_secs_f64();
            span += *over;
            if span >= span_min {
                return Some((used / span.as_secs_f64().max(f64::EPSILON), span));
            }
        }
        Some(latest)
    }

    /// Percent of one core that was used, and percent of the time in which it was ready and got none, over the latest
    /// looks that make up `span_min` together; `None` when they do not, or one of them could not tell.
    pub fn used_and_waited(&self, span_min: Duration) -> Option<(f64, f64)> {
        let (mut used, mut waited, mut span) = (0.0, 0.0, Duration::ZERO);
        for look in self.looks.iter().rev() {
            used += look.percent * look.over.as_secs_f64();
            waited += look.waited? * look.over.as_secs_f64();
            span += look.over;
            if span >= span_min {
                return Some((used / span.as_secs_f64(), waited / span.as_secs_f64()));
            }
        }
        None
    }

    /// Percent of one core over exactly the latest `span`; while nobody looked nothing was used.
    pub fn within(&self, span: Duration) -> f64 {
        let (mut used, mut left) = (0.0, span);
        for Used { percent, over, .. } in self.looks.iter().rev() {
            let part = left.min(*over);
            used += percent * part.as_secs_f64();
            left -= part;
        }
        used / span.as_secs_f64().max(f64::EPSILON)
    }
}
