//! How the monitor itself is: its history is the one thing of its own that can fail while it goes on.

use vitals_model::check::CheckId;
use vitals_model::incident::{Incident, IncidentChange, IncidentState};
use vitals_model::reading::Health;
use vitals_model::snapshot::OwnState;
use vitals_model::target::TargetId;
use vitals_model::text::count;
use vitals_model::time::Timestamp;

/// The name under which we tell of ourselves.
const TARGET: &str = "mcp-vitals";

/// The state of the monitor itself.
#[derive(Debug, Default)]
pub struct Own {
    /// What faces show of it.
    pub state: OwnState,
    incident: Option<Incident>,
}

impl Own {
    /// As the monitor before this one left it: an incident of its own may still be open.
    pub fn restored(open: &[Incident]) -> Self {
        let incident = open.iter().find(|i| i.target.as_str() == TARGET).cloned();
        Self { state: OwnState::default(), incident }
    }

    /// Takes in how the store is; a change of that is an incident of our own.
    pub fn store_health(
        &mut self,
        error: Option<String>,
        lost: u64,
        now: Timestamp,
        next_id: impl FnOnce() -> u64,
    ) -> Option<(IncidentChange, Incident)> {
        self.state.samples_lost = lost;
        self.state.store_error.clone_from(&error);
        match (error, &mut self.incident) {
            (Some(error), None) => {
                let incident = opened(next_id(), &error, now);
                self.incident = Some(incident.clone());
                Some((IncidentChange::Opened, incident))
            }
            (None, incident @ Some(_)) => {
                let mut incident = incident.take()?;
                incident.state = IncidentState::Resolved;
                incident.updated_at = now;
                incident.resolved_at = Some(now);
                incident.evidence.push(format!("resolved: history is kept again, {} lost meanwhile", count(lost, "record")));
                Some((IncidentChange::Resolved, incident))
            }
            (Some(_), Some(_)) | (None, None) => None,
        }
    }
}

fn opened(id: u64, error: &str, now: Timestamp) -> Incident {
    Incident {
        id,
        target: TargetId::new(TARGET),
        check: CheckId::from_stored("own/history"),
        kind: "history".to_owned(),
        health: Health::Degraded,
        state: IncidentState::Open,
        summary: format!("history is not kept: {error}; watching goes on in memory"),
        evidence: vec![error.to_owned()],
        hint: "make room on its disk or make its folder writable; it is tried again every few seconds".to_owned(),
        opened_at: now,
        updated_at: now,
        resolved_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_once_and_its_end_with_what_was_lost() {
        let mut own = Own::default();
        let mut health = |error: Option<&str>, lost, at| {
            own.store_health(error.map(str::to_owned), lost, Timestamp::from_millis(at), || 7)
                .map(|(change, i)| (change, i.evidence))
        };
        assert_eq!(health(None, 0, 0), None);
        assert_eq!(health(Some("disk full"), 0, 1), Some((IncidentChange::Opened, vec!["disk full".to_owned()])));
        assert_eq!(health(Some("disk full"), 40, 2), None);
        let (change, evidence) = health(None, 41, 3).unwrap();
        assert_eq!(change, IncidentChange::Resolved);
        assert_eq!(evidence[1], "resolved: history is kept again, 41 records lost meanwhile");
    }
}
