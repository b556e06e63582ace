//! The report of a day on its way to receivers. It waits for nothing, and each of them is sent that of one day once.

use vitals_model::notice::{DayReport, Notice, Stage, Status};
use vitals_model::time::Timestamp;

use super::Router;
use crate::event::Effect;

/// What all notices with a report have in common.
const GROUP: &str = "daily";

impl Router {
    /// Makes a notice of a report for each of these receivers that has had none of its day, or of a later one.
    pub fn report(&mut self, now: Timestamp, report: &DayReport, to: &[String]) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut told = Vec::new();
        for receiver in to {
            if self.reported.get(receiver).is_some_and(|day| *day >= report.day) {
                continue;
            }
            self.reported.insert(receiver.clone(), report.day.clone());
            told.push(receiver.as_str());
            let id = self.next_id();
            effects.push(self.send(Notice {
                id,
                route: DayReport::ROUTE.to_owned(),
                receiver: receiver.clone(),
                group: GROUP.to_owned(),
                status: Status::Report,
                stage: Stage::Daily,
                reason: format!("the report of {} was due", report.day),
                at: now,
                incidents: Vec::new(),
                more: 0,
                labels: std::collections::BTreeMap::new(),
                report: Some(report.clone()),
            }));
        }
        if !told.is_empty() {
            effects.push(Effect::Say(format!("the report of {} goes to {}", report.day, told.join(", "))));
        }
        effects
    }
}
