//! Telling: whether people hear of a change of an incident, and if not, why. It changes no incident but what
//! is written down of its handling.

use std::time::Duration;

use vitals_model::incident::{Incident, IncidentChange, Quiet, QuietReason};
use vitals_model::quiet::{Silence, Window};
use vitals_model::time::Timestamp;

use crate::event::{Effect, Record};
use crate::remedy::Spares;

/// What may keep people from being told, at one instant.
#[derive(Clone, Copy, Debug)]
pub struct Hush<'a> {
    /// Silences, those that are over included.
    pub silences: &'a [Silence],
    /// The windows of maintenance that hold now.
    pub windows: &'a [Window],
    /// What is repaired first.
    pub(crate) spares: &'a Spares,
    /// Now.
    pub now: Timestamp,
}

impl Hush<'_> {
    /// Why people are not told of this change; `None` when they are.
    ///
    /// Who heard the beginning hears the end, whatever was said meanwhile.
    pub fn why(&self, incident: &Incident, change: IncidentChange) -> Option<Quiet> {
        let quiet = |reason, sentence| Some(Quiet { reason, sentence });
        if matches!(change, IncidentChange::Resolved | IncidentChange::Acknowledged) {
            let is_unheard = incident.handling.told_at.is_none();
            return if is_unheard { quiet(QuietReason::Unheard, "nobody was told that it began".to_owned()) } else { None };
        }
        if let Some(cause) = &incident.ties.follows {
            return quiet(QuietReason::Follows, format!("it follows from I{} {}", cause.incident, cause.check));
        }
        if let Some(who) = &incident.handling.acknowledged {
            return quiet(QuietReason::Acknowledged, format!("{} takes care of it since {}", who.author, who.at));
        }
        let holds = |s: &&Silence| s.holds(incident.target.as_str(), incident.check.as_str(), self.now);
        if let Some(silence) = self.silences.iter().find(holds) {
            let Silence { id, until, remark, .. } = silence;
            return quiet(QuietReason::Silenced, format!("silence S{id} of {} until {until}: {}", remark.author, remark.text));
        }
        let holds = |w: &&Window| self.now < w.until && w.checks.matches(incident.check.as_str());
        if let Some(window) = self.windows.iter().find(holds) {
            let sentence = format!("maintenance \"{}\" until {}", window.name, window.until);
            return quiet(QuietReason::Maintenance, sentence);
        }
        let is_spared = incident.handling.told_at.is_none() && self.spares.spare(incident, self.now);
        if is_spared { quiet(QuietReason::Repair, "it is repaired first".to_owned()) } else { None }
    }
}

/// A change of an incident is kept, and told or withheld with its reason.
pub(crate) fn tell(incident: &mut Incident, change: IncidentChange, hush: Hush<'_>) -> Vec<Effect> {
    match hush.why(incident, change) {
        None => {
            incident.handling.told_at = Some(hush.now);
            vec![keep(incident), Effect::Tell(change, Box::new(incident.clone()))]
        }
        Some(quiet) if incident.handling.withhold(hush.now, change, quiet.clone()) => {
            vec![keep(incident), Effect::Withhold(change, Box::new(incident.clone()), quiet)]
        }
        Some(_) => vec![keep(incident)],
    }
}

/// What is due of an incident that lasts: its beginning, when nobody heard of it and nothing keeps them from it
/// any more, or a reminder. What is withheld again and again for the same reason is no news.
pub(crate) fn due(incident: &mut Incident, reminder: Option<Duration>, hush: Hush<'_>) -> Vec<Effect> {
    let change = match (incident.handling.told_at, reminder) {
        (None, _) => incident.handling.withheld_beginning().unwrap_or(IncidentChange::Opened),
        (Some(told_at), Some(reminder)) if hush.now.since(told_at) >= reminder => IncidentChange::Reminded,
        (Some(_), _) => return Vec::new(),
    };
    let is_known = |why: &Quiet| incident.handling.is_withheld(change, why);
    if hush.why(incident, change).as_ref().is_some_and(is_known) { Vec::new() } else { tell(incident, change, hush) }
}

pub(crate) fn keep(incident: &Incident) -> Effect {
    Effect::Keep(Record::Incident(Box::new(incident.clone())))
}
