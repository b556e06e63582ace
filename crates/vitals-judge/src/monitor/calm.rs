//! Until when nothing changes by time alone: a tick before that needs no judging, and an event only what it brings. It
//! decides nothing.
//!
//! Most events are ticks, and on most of them there is nothing to say. Time alone changes a reading in few
//! ways, and each has its instant here. While anything is bad, open or waited for, every tick is judged.

use std::time::Duration;

use vitals_model::target::TargetKind;
use vitals_model::time::Timestamp;

use super::Watched;
use crate::cause::is_bad;
use crate::check;
use crate::check::pace::STALE_INTERVALS;

impl Watched {
    /// The last instant for which the judgement of `now` holds; `None` when the next tick is to be judged.
    pub(super) fn calm_until(&self, now: Timestamp) -> Option<Timestamp> {
        let is_hub = self.target.address.kind() == TargetKind::Hub;
        let is_disturbed = || self.shield.is_some() || self.judged.readings.iter().any(is_bad) || self.facts.log_lost.is_some();
        if !is_hub || !self.ledger.is_quiet() || is_disturbed() {
            return None;
        }
        let limits = &self.target.settings.thresholds;
        // Sums over windows only fall by time alone, but a share may rise, and so may the leanest slice.
        if check::may_be_broken(&self.facts, now) || self.facts.log_window.may_flood(limits.log_growth.0) {
            return None;
        }
        let silence = Duration::try_from_secs_f64(limits.stream_silence_s.0).unwrap_or_default();
        let stream = &self.facts.stream;
        let opened = stream.opened.map(|(at, _)| at);
        let heard = [stream.last_heartbeat.or(opened), stream.last_event.or(opened)];
        let called = self.facts.session.as_ref().map(|known| known.at);
        let ahead = self.facts.turns.iter().filter_map(|turn| turn.at).filter(|at| *at > now).map(before);
        let measured = self.facts.log_window.measured_from().filter(|from| *from > now).map(before);
        std::iter::once(self.judged.fresh_until())
            .chain(heard.map(|at| at.map(|at| at.plus(silence))))
            .chain([called.map(|at| at.plus(self.target.settings.schedule.session * STALE_INTERVALS))])
            .chain([self.facts.records.settles_at().filter(|at| *at >= now), measured, ahead.min()])
            .flatten()
            .min()
    }
}

/// The last instant before this one.
fn before(at: Timestamp) -> Timestamp {
    at.minus(Duration::from_millis(1))
}
