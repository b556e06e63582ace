//! What people need not hear of because it is repaired first, where that is wished (`quiet_success`). What is not
//! repaired they hear of all the same, a moment later.

use std::time::Duration;

use vitals_model::incident::Incident;
use vitals_model::remedy::OutcomeKind;
use vitals_model::time::Timestamp;

use super::course::{Course, HUB_ITSELF};

/// How long after its beginning an action must have begun: that is decided at the end of the same event.
const BEGINS: Duration = Duration::from_secs(2);

/// How long an incident may outlast what helped: a value must stay good for a while.
const OUTLASTS: Duration = Duration::from_secs(60);

/// Whose incidents people need not hear of just now.
#[derive(Debug)]
pub(crate) struct Spares {
    pub(crate) is_wished: bool,
    under_way: Option<u64>,
    helped: Option<(u64, Timestamp)>,
    vain: Vec<u64>,
}

impl Spares {
    /// Nobody's.
    pub(crate) const NONE: Self = Self { is_wished: false, under_way: None, helped: None, vain: Vec::new() };

    /// As a course stands; none where that is not wished.
    pub(super) fn of(course: Option<&Course>, is_wished: bool) -> Self {
        let Some(course) = course.filter(|_| is_wished) else { return Self { is_wished, ..Self::NONE } };
        let outcomes = course.past().filter_map(|action| Some((action.incident, action.outcome.as_ref()?)));
        let vain = outcomes.clone().filter(|(_, outcome)| outcome.kind != OutcomeKind::Helped);
        let helped = outcomes.filter(|(_, outcome)| outcome.kind == OutcomeKind::Helped).last();
        Self {
            is_wished,
            under_way: course.under_way().map(|action| action.incident),
            helped: helped.map(|(incident, outcome)| (incident, outcome.at)),
            vain: vain.map(|(incident, _)| incident).collect(),
        }
    }

    /// Whether people need not hear of this incident for now.
    pub(crate) fn spare(&self, incident: &Incident, now: Timestamp) -> bool {
        if !self.is_wished || self.vain.contains(&incident.id) {
            return false;
        }
        let wait = if incident.check.server().is_some() { BEGINS } else { HUB_ITSELF + BEGINS };
        self.under_way == Some(incident.id)
            || self.helped.is_some_and(|(id, at)| id == incident.id && now.since(at) < OUTLASTS)
            || now.since(incident.updated_at) < wait
    }
}
