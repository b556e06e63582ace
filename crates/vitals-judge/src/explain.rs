//! Explaining: why a check is what it is, and why people hear of it or do not. It decides nothing that was not
//! decided already; it says by what.

use std::time::Duration;

use vitals_model::check::CheckId;
use vitals_model::config::CheckPolicy;
use vitals_model::incident::{Incident, IncidentChange, Quiet};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::target::TargetId;
use vitals_model::time::{Timestamp, human};

use crate::cause::{self, is_bad};
use crate::incident::{Look, Matter};
use crate::monitor::Monitor;
use crate::telling::Hush;

/// Why one check is what it is.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The check's reading.
    pub reading: Reading,
    /// The readings that it may follow from, nearest first, whether they are bad or not.
    pub causes: Vec<Reading>,
    /// How long it must be as it is before people hear of it, or before it is over.
    pub patience: Duration,
    /// Whether it must also have been measured again in that time.
    pub again: bool,
    /// The policy in force.
    pub policy: CheckPolicy,
    /// Its incident, while it lasts.
    pub incident: Option<Incident>,
    /// What keeps people from being told of that incident now.
    pub quiet: Option<Quiet>,
    /// What was done about it and what may be, in one sentence.
    pub repair: Option<String>,
}

impl Explanation {
    /// In one sentence: why there is an incident, or why there is none.
    pub fn verdict(&self) -> String {
        let reading = &self.reading;
        if let Some(incident) = &self.incident {
            let since = format!("I{} lasts since {}", incident.id, incident.opened_at);
            return match (&self.quiet, is_bad(reading)) {
                (Some(quiet), _) => format!("{since}; people are not told: {}", quiet.sentence),
                (None, true) => since,
                (None, false) => format!("{since}, and is not over yet: {}", self.terms()),
            };
        }
        match (reading.standing, reading.health) {
            (Standing::Judged, Health::Healthy) => "no incident: it is healthy".to_owned(),
            (Standing::Judged, Health::Unknown) => "no incident: what is not known neither opens one nor ends one".to_owned(),
            (Standing::Judged, _) => match self.causes.iter().find(|cause| cause::explains(cause, reading)) {
                Some(cause) => {
                    format!("no incident of its own: it follows from {}, which is {}", cause.id, cause.health.as_str())
                }
                None => format!("no incident yet: {}", self.terms()),
            },
            (standing, _) => format!("no incident: it is {}, which never opens one", standing.as_str()),
        }
    }

    /// What must hold before an incident opens or ends.
    pub fn terms(&self) -> String {
        let CheckPolicy { failures, critical_after, successes, .. } = self.policy;
        let again = if self.again { ", and measured again in that time" } else { "" };
        let wait = if self.patience.is_zero() && !self.again {
            "in a watch one opens at once".to_owned()
        } else {
            format!("it must last for {}{again}", human(self.patience))
        };
        format!("{wait}; looks in a row: bad {failures}, failing {critical_after} to be critical, good {successes} to end")
    }
}

impl Monitor {
    /// Why a check of a target is what it is; `None` when it has no reading.
    pub fn explain(&self, target: &TargetId, check: &CheckId, now: Timestamp) -> Option<Explanation> {
        let watched = self.watched(target)?;
        let (truths, readings) = watched.in_words();
        let reading = readings.iter().find(|reading| reading.id == *check)?.clone();
        let shield = watched.shield.as_ref();
        let look = Look { target: &watched.target, facts: &watched.facts, readings: &readings, truths: &truths, shield, now };
        let matter = Matter::of(look, &reading);
        let patience = matter.patience();
        let incident = watched.ledger.open().into_iter().find(|incident| incident.check == *check);
        let hush = Hush { silences: &self.own.silences, windows: &watched.windows.0, spares: &watched.spares, now };
        Some(Explanation {
            causes: matter.causes().cloned().collect(),
            patience: patience.wait,
            again: patience.again,
            policy: matter.policy,
            repair: incident.as_ref().and_then(|incident| self.told_of_repair(incident.id, now)),
            quiet: incident.as_ref().and_then(|incident| hush.why(incident, IncidentChange::Reminded)),
            incident,
            reading,
        })
    }
}
