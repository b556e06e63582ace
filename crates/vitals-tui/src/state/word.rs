//! What a reader has to say of incidents: which one is meant, and what is asked before it is said.

use super::State;
use super::place::Screen;
use super::prompt::{Prompt, Question};
use crate::widgets::lines::Goal;
use vitals_model::incident::{Incident, IncidentState};

impl State {
    pub(super) fn ask_to_acknowledge(&mut self) {
        let question =
            self.chosen_incident().map(|incident| Question::Acknowledge { incident: incident.id, what: what(incident) });
        self.put(question, "choose an incident that lasts first");
    }

    pub(super) fn ask_for_a_note(&mut self) {
        let question = self.shown_incident().map(|incident| Question::Note { incident: incident.id, what: what(incident) });
        self.put(question, "choose an incident first");
    }

    pub(super) fn ask_to_silence(&mut self) {
        let question = self.chosen_incident().map(|incident| {
            let point = incident.check.as_str().split('/').next().unwrap_or_default();
            let check = match incident.check.server() {
                Some(server) => format!("{point}/{server}/*"),
                None => incident.check.to_string(),
            };
            Question::Silence { target: incident.target.to_string(), check, length: 1 }
        });
        self.put(question, "choose an incident that lasts first");
    }

    pub(super) fn ask_to_unsilence(&mut self) {
        let silences = &self.shown.own.silences;
        let about =
            |of: &vitals_model::quiet::Silence| (of.id, format!("{} of {}, by {}", of.check, of.target, of.remark.author));
        let question =
            (!silences.is_empty()).then(|| Question::Unsilence { silences: silences.iter().map(about).collect(), nth: 0 });
        self.put(question, "no silence holds");
    }

    /// Asks the question, or says why there is none.
    fn put(&mut self, question: Option<Question>, unless: &str) {
        self.prompt = question.map(Prompt::new);
        if self.prompt.is_none() {
            self.answer = Some(unless.to_owned());
        }
    }

    /// The incident that lasts and is shown, or is under the cursor.
    pub fn chosen_incident(&self) -> Option<&Incident> {
        self.shown_incident().filter(|incident| incident.state == IncidentState::Open)
    }

    /// The incident that is shown, or is under the cursor, over or not.
    pub fn shown_incident(&self) -> Option<&Incident> {
        let id = match (self.place.screen, &self.place.incident, &self.spot.cursor) {
            (Screen::Incidents, Some(id), _) | (_, _, Some((_, Goal::Incident(id)))) => *id,
            _ => return None,
        };
        let over = self.shown.targets.iter().flat_map(|state| &state.recent);
        self.open_incidents().chain(over).find(|incident| incident.id == id)
    }

    /// Every incident that lasts, our own last.
    pub fn open_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.shown.targets.iter().flat_map(|state| &state.open).chain(&self.shown.own.open)
    }
}

fn what(incident: &Incident) -> String {
    format!("{} {}", incident.kind.to_uppercase(), incident.check)
}
