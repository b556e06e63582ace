//! How the monitor itself is: its history, its way to its targets, its clock and its silences. What fails of it
//! while it goes on is an incident of its own.

use vitals_model::check::CheckId;
use vitals_model::incident::{Cause, Handling, Incident, IncidentChange, IncidentState, Ties};
use vitals_model::limits::{EVIDENCE_PIECES_MAX, SILENCES_MAX};
use vitals_model::quiet::Silence;
use vitals_model::reading::Health;
use vitals_model::snapshot::OwnState;
use vitals_model::target::TargetId;
use vitals_model::text::count;
use vitals_model::time::Timestamp;

use crate::event::Effect;
use crate::reach::Reach;
use crate::remedy::Spares;
use crate::telling::{self, Hush};

/// The name under which we tell of ourselves.
pub const TARGET: &str = "mcp-vitals";

const HISTORY: &str = "own/history";
const NETWORK: &str = "own/network";

/// So many targets on other machines, and all of them, that cannot be reached: then it is us.
const CUT_MIN: usize = 2;

/// The state of the monitor itself.
#[derive(Debug, Default)]
pub struct Own {
    /// What faces show of it.
    pub state: OwnState,
    /// Incidents of our own that last, by check.
    open: Vec<Incident>,
    /// Silences, those that ended a moment ago included.
    pub silences: Vec<Silence>,
}

/// Something wrong with ourselves.
struct Trouble {
    summary: String,
    evidence: Vec<String>,
    hint: &'static str,
}

impl Own {
    /// As the monitor before this one left it: incidents of its own may still be open.
    pub fn restored(incidents: &[Incident], silences: Vec<Silence>) -> Self {
        let is_open = |i: &&Incident| i.target.as_str() == TARGET && i.state == IncidentState::Open;
        let open: Vec<_> = incidents.iter().filter(is_open).cloned().collect();
        let state = OwnState { open: open.clone(), silences: silences.clone(), ..OwnState::default() };
        Self { state, open, silences }
    }

    /// Takes in how the store is; a change of that is an incident of our own.
    pub fn store_health(
        &mut self,
        error: Option<String>,
        lost: u64,
        now: Timestamp,
        next_id: impl FnOnce() -> u64,
    ) -> Vec<Effect> {
        self.state.samples_lost = lost;
        self.state.store_error.clone_from(&error);
        let trouble = error.map(|error| Trouble {
            summary: format!("history is not kept: {error}; watching goes on in memory"),
            evidence: vec![error],
            hint: "make room on its disk or make its folder writable; it is tried again every few seconds",
        });
        let end = format!("history is kept again, {} lost meanwhile", count(lost, "record"));
        self.change(HISTORY, trouble, &end, now, next_id)
    }

    /// Takes in how far the latest look at each target came; whether we ourselves can reach anything is an
    /// incident of our own.
    pub(crate) fn reach<'a>(
        &mut self,
        reaches: impl Iterator<Item = (&'a TargetId, &'a Reach)>,
        now: Timestamp,
        next_id: impl FnOnce() -> u64,
    ) -> Vec<Effect> {
        let (mut cut, mut broken, mut is_reached) = (Vec::new(), Vec::new(), false);
        for (target, reach) in reaches {
            match reach {
                Reach::Cut(why) => cut.push(format!("{target}: {why}")),
                Reach::Broken(why) => broken.push(format!("{target}: {why}")),
                Reach::Reached => is_reached = true,
                Reach::Unknown => {}
            }
        }
        let trouble = if is_reached {
            None
        } else if !broken.is_empty() {
            Some(Trouble {
                summary: "nothing on this machine can be reached: its own loopback fails, expected an answer or a refusal"
                    .to_owned(),
                evidence: broken,
                hint: "see `ip addr show lo`, and whether mcp-vitals has file descriptors left; targets are not judged meanwhile",
            })
        } else if cut.len() >= CUT_MIN {
            Some(Trouble {
                summary: format!(
                    "none of {} on other machines can be reached: our own network fails",
                    count(cut.len() as u64, "target")
                ),
                evidence: cut,
                hint: "see this machine's network, name service and proxy; targets are not judged meanwhile",
            })
        } else {
            None
        };
        self.change(NETWORK, trouble, "targets can be reached again", now, next_id)
    }

    /// Our own network's incident, while it lasts: whatever is wrong with a target that cannot be reached
    /// follows from it.
    pub(crate) fn shield(&self) -> Option<Cause> {
        let incident = self.open.iter().find(|i| i.check.as_str() == NETWORK)?;
        Some(Cause { incident: incident.id, check: incident.check.clone() })
    }

    /// Incidents of our own that last.
    pub(crate) fn known(&self) -> impl Iterator<Item = &Incident> {
        self.open.iter()
    }

    /// The incident of our own with this number, while it lasts.
    pub(crate) fn incident_mut(&mut self, id: u64) -> Option<&mut Incident> {
        self.open.iter_mut().find(|incident| incident.id == id)
    }

    /// Brings what faces show up to date.
    pub(crate) fn show(&mut self, now: Timestamp) {
        self.state.open.clone_from(&self.open);
        self.state.silences = self.silences.iter().filter(|silence| now < silence.until).cloned().collect();
    }

    /// Adds a silence; those that are over make room. Refused when there are [`SILENCES_MAX`] that hold.
    pub(crate) fn silence(&mut self, silence: Silence, now: Timestamp) -> bool {
        self.silences.retain(|known| now < known.until);
        let has_room = self.silences.len() < SILENCES_MAX;
        if has_room {
            self.silences.push(silence);
        }
        has_room
    }

    fn change(
        &mut self,
        check: &str,
        trouble: Option<Trouble>,
        end: &str,
        now: Timestamp,
        next_id: impl FnOnce() -> u64,
    ) -> Vec<Effect> {
        let known = self.open.iter().position(|i| i.check.as_str() == check);
        let (mut incident, change) = match (trouble, known) {
            (Some(trouble), None) => (opened(next_id(), check, trouble, now), IncidentChange::Opened),
            (None, Some(at)) => (ended(self.open.remove(at), end, now), IncidentChange::Resolved),
            (Some(_), Some(_)) | (None, None) => return Vec::new(),
        };
        let effects =
            telling::tell(&mut incident, change, Hush { silences: &self.silences, windows: &[], spares: &Spares::NONE, now });
        if incident.state == IncidentState::Open {
            self.open.push(incident);
        }
        self.show(now);
        effects
    }
}

fn opened(id: u64, check: &str, trouble: Trouble, now: Timestamp) -> Incident {
    let check = CheckId::from_stored(check);
    Incident {
        id,
        target: TargetId::new(TARGET),
        kind: check.question().to_owned(),
        check,
        health: Health::Degraded,
        state: IncidentState::Open,
        summary: trouble.summary,
        evidence: trouble.evidence.into_iter().take(EVIDENCE_PIECES_MAX - 1).collect(),
        hint: trouble.hint.to_owned(),
        opened_at: now,
        updated_at: now,
        resolved_at: None,
        flapping: false,
        ties: Ties::default(),
        handling: Handling::default(),
    }
}

pub(crate) fn ended(mut incident: Incident, why: &str, now: Timestamp) -> Incident {
    incident.state = IncidentState::Resolved;
    incident.updated_at = now.max(incident.opened_at);
    incident.resolved_at = Some(incident.updated_at);
    incident.evidence.push(format!("resolved: {why}"));
    incident
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(effects: &[Effect]) -> Option<(IncidentChange, Vec<String>)> {
        effects.iter().find_map(|effect| match effect {
            Effect::Tell(change, incident) => Some((*change, incident.evidence.clone())),
            _ => None,
        })
    }

    #[test]
    fn a_full_disk_is_told_once_and_its_end_with_what_was_lost() {
        let mut own = Own::default();
        let mut health = |error: Option<&str>, lost, at| {
            told(&own.store_health(error.map(str::to_owned), lost, Timestamp::from_millis(at), || 7))
        };
        assert_eq!(health(None, 0, 0), None);
        assert_eq!(health(Some("disk full"), 0, 1), Some((IncidentChange::Opened, vec!["disk full".to_owned()])));
        assert_eq!(health(Some("disk full"), 40, 2), None);
        let (change, evidence) = health(None, 41, 3).unwrap();
        assert_eq!(change, IncidentChange::Resolved);
        assert_eq!(evidence[1], "resolved: history is kept again, 41 records lost meanwhile");
    }

    #[test]
    fn it_is_us_when_nothing_on_more_than_one_machine_can_be_reached() {
        let cut = || Reach::Cut("host unreachable".to_owned());
        for (reaches, is_us) in [
            (vec![cut()], false),
            (vec![cut(), Reach::Unknown], false),
            (vec![cut(), Reach::Reached], false),
            (vec![cut(), cut()], true),
            (vec![cut(), cut(), Reach::Reached], false),
            (vec![Reach::Broken("host unreachable".to_owned())], true),
            (vec![Reach::Broken("host unreachable".to_owned()), Reach::Reached], false),
        ] {
            let names: Vec<_> = (0..reaches.len()).map(|n| TargetId::new(&n.to_string())).collect();
            let mut own = Own::default();
            let effects = own.reach(names.iter().zip(&reaches), Timestamp::from_millis(5), || 1);
            assert_eq!(told(&effects).is_some(), is_us, "{reaches:?}");
            assert_eq!(own.shield().is_some(), is_us, "{reaches:?}");
        }
    }
}
