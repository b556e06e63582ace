//! The CPU that a hub's process used between the latest looks at it. Looks out of turn follow each other
//! closely, and each measures since the one before: short ones are taken together.

use std::collections::VecDeque;
use std::time::Duration;

use vitals_model::observation::{ProcessFacts, ProcessId};

/// Most looks remembered; the oldest go first. They are at least 50 ms apart, so these reach back further
/// than any span that is asked for.
const LOOKS_MAX: usize = 32;

/// The CPU use of one process.
#[derive(Clone, Debug, Default)]
pub struct CpuUse {
    id: Option<ProcessId>,
    /// Percent of one core, and since the look before for how long.
    looks: VecDeque<(f64, Duration)>,
}

impl CpuUse {
    pub(super) fn take(&mut self, process: &ProcessFacts) {
        if self.id.replace(process.id) != Some(process.id) {
            self.looks.clear();
        }
        if let Some(percent) = process.cpu_percent {
            super::push_bounded(&mut self.looks, (percent, process.cpu_over), LOOKS_MAX);
        }
    }

    /// Percent of one core over the latest looks that make up `span_min` together, and the time that they
    /// do make up; the latest look alone when all of them are shorter. `None` when the latest look could not
    /// compare.
    pub fn over(&self, process: &ProcessFacts, span_min: Duration) -> Option<(f64, Duration)> {
        let latest = (process.cpu_percent?, process.cpu_over);
        let (mut used, mut span) = (0.0, Duration::ZERO);
        for (percent, over) in self.looks.iter().rev() {
            used += percent * over.as_secs_f64();
            span += *over;
            if span >= span_min {
                return Some((used / span.as_secs_f64().max(f64::EPSILON), span));
            }
        }
        Some(latest)
    }
}
