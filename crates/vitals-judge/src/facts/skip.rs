//! A gap of our own clock or of our own running: time in which nobody looked, or that never was. What is known
//! stays as old as it was, so nothing has become stale, silent or late by it. Counts within windows of the
//! wall clock are left as they are.

use vitals_model::time::Timestamp;

use super::{Facts, Known};

impl Facts {
    /// Moves all that durations are measured from by `ms` milliseconds.
    pub fn skip(&mut self, ms: i64) {
        let later = |at: &mut Timestamp| *at = at.shifted(ms);
        let looked = [
            known(self.workspace.as_mut()),
            known(self.process.as_mut()),
            known(self.api.as_mut()),
            known(self.session.as_mut()),
            known(self.meta_tool.as_mut()),
            known(self.llm.as_mut()),
            known(self.log.as_mut()),
            known(self.visit.as_mut()),
        ];
        looked.into_iter().flatten().for_each(later);
        let stream = &mut self.stream;
        let opened = stream.opened.as_mut().map(|(at, _)| at);
        let lost = stream.lost.as_mut().map(|(at, _)| at);
        let heard = [opened, lost, stream.last_event.as_mut(), stream.last_heartbeat.as_mut()];
        heard.into_iter().flatten().for_each(later);
        [self.hub_unwell.as_mut(), self.stopping.as_mut(), self.log_lost.as_mut()].into_iter().flatten().for_each(later);
        self.state.iter_mut().map(|state| &mut state.seen).for_each(later);
        self.refused_since.values_mut().for_each(later);
        self.courses.values_mut().for_each(|course| course.skip(ms));
        self.exits.skip(ms);
        self.turns.iter_mut().filter_map(|turn| turn.at.as_mut()).for_each(later);
        self.stopped.skip(ms);
        self.exposure.iter_mut().for_each(|exposure| exposure.skip(ms));
        self.records.skip(ms);
    }
}

fn known<T>(known: Option<&mut Known<T>>) -> Option<&mut Timestamp> {
    known.map(|known| &mut known.at)
}
