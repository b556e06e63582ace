//! Until when a part of the checks stands by itself: before that no tick need judge it, and an event only when it brings
//! facts that the part rests on. It decides nothing.
//!
//! Most events are ticks, and on most of them there is nothing to say. Time alone changes a reading for the worse in few
//! ways, and each has its instant here. A part in which a check is bad is judged at each event.

use std::time::Duration;

use vitals_model::time::Timestamp;

use super::Watched;
use crate::check::pace::STALE_INTERVALS;
use crate::check::{self, Part};
use crate::flaps;

/// What time alone does not change stands as long as time lasts.
const FOR_EVER: Timestamp = Timestamp::from_millis(i64::MAX);

impl Watched {
    /// The last instant for which a judgement of this part at `now` holds, the age of its readings aside; `None` when it
    /// holds for none.
    pub(super) fn until(&self, part: Part, now: Timestamp) -> Option<Timestamp> {
        let instant = match part {
            Part::Servers => self.servers_change_at(now).into_iter().flatten().min(),
            Part::File => return self.file_changes_at(now),
            Part::Stream => self.stream_changes_at().into_iter().flatten().min(),
            Part::Writing => self.facts.records.settles_at().filter(|at| *at >= now),
            _ => None,
        };
        Some(instant.unwrap_or(FOR_EVER))
    }

    /// A call becomes too old to believe, or a turn counts.
    fn servers_change_at(&self, now: Timestamp) -> [Option<Timestamp>; 2] {
        [self.calls_hold_until(), self.turns_count_at(now)]
    }

    /// The last instant at which a good call is believed.
    pub(super) fn calls_hold_until(&self) -> Option<Timestamp> {
        self.facts.session.as_ref().map(|known| known.at.plus(self.target.settings.schedule.session * STALE_INTERVALS))
    }

    /// A turn that a clock ahead of ours told becomes one of now; a loss is not counted any more. It changes when there is
    /// another turn, or by time.
    pub(super) fn turns_count_at(&self, now: Timestamp) -> Option<Timestamp> {
        let ahead = self.facts.turns.iter().filter_map(|turn| turn.at).filter(|at| *at > now).map(before);
        let window = self.target.settings.thresholds.flap_window;
        ahead.chain(flaps::counted_until(&self.facts, window, now)).min()
    }

    /// Sums over windows only fall by time alone, but a share may rise, and so may the leanest slice: then there is no
    /// instant. A file that is lost is given its time.
    fn file_changes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let window = &self.facts.log_window;
        let limit = self.target.settings.thresholds.log_growth.0;
        if self.facts.log_lost.is_some() || check::may_be_broken(&self.facts, now) || window.may_flood(limit) {
            return None;
        }
        Some(window.measured_from().filter(|from| *from > now).map_or(FOR_EVER, before))
    }

    /// The stream is silent for too long.
    fn stream_changes_at(&self) -> [Option<Timestamp>; 2] {
        let silence = Duration::try_from_secs_f64(self.target.settings.thresholds.stream_silence_s.0).unwrap_or_default();
        let stream = &self.facts.stream;
        let opened = stream.opened.map(|(at, _)| at);
        [stream.last_heartbeat.or(opened), stream.last_event.or(opened)].map(|heard| heard.map(|at| at.plus(silence)))
    }
}

/// The last instant before this one.
fn before(at: Timestamp) -> Timestamp {
    at.minus(Duration::from_millis(1))
}
