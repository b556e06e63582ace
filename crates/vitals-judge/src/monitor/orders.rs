//! What people ask about incidents: taking one up, a note, a silence and its end. What cannot be done is said.
//!
//! An order may come twice, when we end before it is known to be kept. Who said what when tells it from another
//! one, and the second time changes nothing.

use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::limits::SILENCES_MAX;
use vitals_model::quiet::{Order, Remark, Silence};
use vitals_model::time::Timestamp;

use super::Monitor;
use crate::event::{Effect, Record};
use crate::remedy::Spares;
use crate::telling::{self, Hush};

impl Monitor {
    /// Carries out an order.
    pub(super) fn ordered(&mut self, now: Timestamp, order: Order) -> Vec<Effect> {
        let effects = match order {
            Order::Acknowledge(id, remark) => self.acknowledge(now, id, remark),
            Order::Note(id, remark) => match self.incident_mut(id) {
                Some(incident) if incident.handling.notes.contains(&remark) => Vec::new(),
                Some(incident) => {
                    incident.handling.note(remark);
                    vec![telling::keep(incident)]
                }
                None => not_there(id),
            },
            Order::Silence(silence) => self.silence(now, silence),
            Order::Unsilence(id, remark) => self.unsilence(now, id, &remark),
            Order::Repair(id, remark) => self.repair_asked(now, id, remark),
        };
        self.own.show(now);
        effects
    }

    /// The incident with this number, when it lasts or ended lately.
    fn incident_mut(&mut self, id: u64) -> Option<&mut Incident> {
        let watched = self.targets.values_mut().find_map(|watched| watched.ledger.incident_mut(id));
        watched.or_else(|| self.own.incident_mut(id))
    }

    fn acknowledge(&mut self, now: Timestamp, id: u64, remark: Remark) -> Vec<Effect> {
        match self.incident_mut(id) {
            Some(incident) if incident.handling.acknowledged.as_ref() == Some(&remark) => Vec::new(),
            Some(incident) if incident.resolved_at.is_none() => {
                incident.handling.acknowledged = Some(remark);
                telling::tell(
                    incident,
                    IncidentChange::Acknowledged,
                    Hush { silences: &[], windows: &[], spares: &Spares::NONE, now },
                )
            }
            Some(_) => vec![Effect::Say(format!("I{id} is over: not acknowledged"))],
            None => not_there(id),
        }
    }

    fn silence(&mut self, now: Timestamp, silence: Silence) -> Vec<Effect> {
        let is_it =
            |known: &Silence| known.remark == silence.remark && known.target == silence.target && known.check == silence.check;
        if self.own.silences.iter().any(is_it) {
            return Vec::new();
        }
        if silence.until <= now {
            return vec![Effect::Say(format!("a silence until {} is over already", silence.until))];
        }
        let id = self.memory.last_silence + 1;
        let silence = Silence { id, ..silence };
        if !self.own.silence(silence.clone(), now) {
            return vec![Effect::Say(format!("{SILENCES_MAX} silences hold already: this one does not"))];
        }
        self.memory.last_silence = id;
        let Silence { target, check, until, remark, .. } = &silence;
        let line = format!("S{id}: {} silences {check} of {target} until {until}: {}", remark.author, remark.text);
        vec![Effect::Keep(Record::Silence(silence)), Effect::Say(line)]
    }

    fn unsilence(&mut self, now: Timestamp, id: u64, remark: &Remark) -> Vec<Effect> {
        let Some(silence) = self.own.silences.iter_mut().find(|silence| silence.id == id && now < silence.until) else {
            return vec![Effect::Say(format!("there is no silence S{id}"))];
        };
        silence.until = now;
        vec![Effect::Keep(Record::Silence(silence.clone())), Effect::Say(format!("S{id} was ended by {}", remark.author))]
    }
}

fn not_there(id: u64) -> Vec<Effect> {
    vec![Effect::Say(format!("there is no incident I{id} that lasts or ended lately"))]
}
