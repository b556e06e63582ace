//! The pulse of the loop: whether the wall clock went on as the monotonic one did, and whether we ourselves did.
//! It judges nothing; what follows from a gap is decided elsewhere.

use std::time::Duration;

use vitals_judge::event::{Gap, GapKind};
use vitals_model::time::Timestamp;

/// How far the two clocks may be apart after one beat: corrections of a running time service are smaller.
const DRIFT_MAX_MS: i64 = 2_000;

/// So long without a beat means that we stood still; the loop beats every second.
const STOOD_MIN: Duration = Duration::from_secs(10);

/// The latest beat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pulse {
    wall: Timestamp,
}

impl Pulse {
    /// Begins now.
    pub(crate) fn begin(wall: Timestamp) -> Self {
        Self { wall }
    }

    /// One beat, `passed` after the one before on the monotonic clock, which does not count a sleep of the
    /// machine. What is wrong with the time between the two, if anything.
    pub(crate) fn beat(&mut self, wall: Timestamp, passed: Duration) -> Option<Gap> {
        let moved = wall.as_millis() - self.wall.as_millis();
        self.wall = wall;
        let real = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let drift = moved - real;
        let stood = if passed >= STOOD_MIN { real } else { 0 };
        let kind = if drift > DRIFT_MAX_MS {
            GapKind::Ahead
        } else if drift < -DRIFT_MAX_MS {
            GapKind::Back
        } else if stood > 0 {
            GapKind::Stood
        } else {
            return None;
        };
        let drift = if kind == GapKind::Stood { 0 } else { drift };
        Some(Gap { ms: drift + stood, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_where_the_clocks_part_or_we_stood_still() {
        for (moved_ms, passed_ms, gap) in [
            (1_000, 1_000, None),
            (2_900, 1_000, None),
            (-900, 1_000, None),
            (7_201_000, 1_000, Some((GapKind::Ahead, 7_200_000))),
            (-3_599_000, 1_000, Some((GapKind::Back, -3_600_000))),
            (60_100, 60_000, Some((GapKind::Stood, 60_000))),
            // Stopped, and the machine slept meanwhile.
            (90_000, 30_000, Some((GapKind::Ahead, 90_000))),
        ] {
            let mut pulse = Pulse::begin(Timestamp::from_millis(5));
            let found = pulse.beat(Timestamp::from_millis(5 + moved_ms), Duration::from_millis(passed_ms));
            assert_eq!(found.map(|gap| (gap.kind, gap.ms)), gap, "{moved_ms} {passed_ms}");
            assert_eq!(pulse.beat(Timestamp::from_millis(5 + moved_ms), Duration::ZERO), None, "said once");
        }
    }
}
