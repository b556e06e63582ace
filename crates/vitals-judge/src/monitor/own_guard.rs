//! What is wrong with ourselves and not with our targets: a network that leads nowhere, a clock that jumped, a
//! machine that slept. It is said once, and the targets are not blamed.

use std::time::Duration;

use vitals_model::time::{Timestamp, human};

use super::Monitor;
use crate::event::{Effect, Gap, GapKind, Record};
use crate::reach::Reach;

impl Monitor {
    /// Finds out whether it is us who cannot reach anything, and shields the targets when it is.
    pub(super) fn guard(&mut self, now: Timestamp) -> Vec<Effect> {
        let last = &mut self.memory.last_incident;
        let next_id = || {
            *last += 1;
            *last
        };
        let reaches = self.targets.iter().map(|(id, watched)| (id, &watched.reach));
        let effects = self.own.reach(reaches, now, next_id);
        let shield = self.own.shield();
        for watched in self.targets.values_mut() {
            if shield.is_none() && watched.shield.is_some() {
                // What was measured until now was measured without a network.
                watched.ledger.be_blind_until(now);
            }
            let is_hidden = matches!(watched.reach, Reach::Cut(_) | Reach::Broken(_));
            watched.shield = shield.clone().filter(|_| is_hidden);
        }
        effects
    }

    /// Leaves out a gap: one note, one line, and nothing has become older by it.
    pub(super) fn skip(&mut self, now: Timestamp, gap: Gap) -> Vec<Effect> {
        for watched in self.targets.values_mut() {
            watched.facts.skip(gap.ms);
            watched.ledger.skip(gap.ms, now);
            watched.revoke();
        }
        self.router.skip(gap.ms);
        let long = human(Duration::from_millis(gap.ms.unsigned_abs()));
        let what = match gap.kind {
            GapKind::Ahead => format!("the machine slept or its clock was set forward by {long}"),
            GapKind::Back => format!("the machine's clock was set back by {long}"),
            GapKind::Stood => format!("mcp-vitals itself stood still for {long}"),
        };
        let line = format!("gap: {what}; that time does not count, and nothing is told of it");
        self.own.state.gaps += 1;
        self.own.state.last_gap = Some(line.clone());
        let mut effects = vec![Effect::Keep(Record::Note(line.clone())), Effect::Say(line)];
        effects.extend(self.tick(now));
        effects
    }
}
