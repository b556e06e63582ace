//! Where the dashboard's commands are carried out: what is to be looked up in the history, and what somebody says
//! about incidents. Orders go where `mcp-vitals incidents` leaves them: into the folder of the watch.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio::sync::{mpsc, watch};
use vitals_engine::store::Store;
use vitals_model::incident::{Incident, IncidentState};
use vitals_model::quiet::{Order, Remark, Silence};
use vitals_model::snapshot::Snapshot;
use vitals_model::text::Text;
use vitals_model::time::{Timestamp, human};
use vitals_probe::clock;
use vitals_tui::said::{Found, Quieting};
use vitals_tui::{Command, Said};

use super::recall::Archive;
use crate::wiring::{self, Ground};

/// Where the picture comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// An engine of this process.
    Here,
    /// A watch that this is attached to.
    Watch,
    /// A recording.
    Recording,
}

/// What stands behind the screen.
pub(super) struct Desk {
    origin: Origin,
    state_dir: PathBuf,
    archive: Archive,
    /// Who sits here.
    author: String,
    tell: mpsc::Sender<Said>,
}

impl Desk {
    pub(super) fn new(ground: &Ground, origin: Origin, tell: mpsc::Sender<Said>) -> Self {
        Self {
            origin,
            state_dir: ground.state_dir.clone(),
            archive: Archive::open(ground, tell.clone()),
            author: wiring::user(),
            tell,
        }
    }

    /// Carries a command out, and says what became of it. An order that an engine of this process is to hear, too,
    /// comes back.
    pub(super) async fn take(&self, command: Command, shown: &watch::Receiver<Arc<Snapshot>>) -> Option<Order> {
        let (answer, order) = match command {
            Command::Recall(recall) => {
                if let Err(recall) = self.archive.ask(recall) {
                    let busy = Found::Nothing("The history is busy; it is asked again in a minute.".to_owned());
                    let _ = self.tell.send(Said::Recalled(recall, busy)).await;
                }
                return None;
            }
            Command::CheckNow if self.origin == Origin::Watch => ("the watch checks by its own schedule".to_owned(), None),
            Command::CheckNow => ("a recording cannot be checked again".to_owned(), None),
            Command::Acknowledge(id, text) => {
                let incident = find(&shown.borrow(), id);
                answered(incident.context("it is over").and_then(|incident| self.acknowledge(&incident, &text)))
            }
            Command::Silence(silence) => answered(self.silence(silence)),
            Command::Play(_) | Command::Mouse(_) | Command::Quit => return None,
        };
        let _ = self.tell.send(Said::Answer(answer)).await;
        order
    }

    fn acknowledge(&self, incident: &Incident, text: &str) -> anyhow::Result<(String, Order)> {
        let now = clock::now();
        let order = Order::Acknowledge(incident.id, self.remark(text, now)?);
        let what = format!("I{} acknowledged", incident.id);
        if self.is_in_history(incident)? {
            Store::order(&self.state_dir, &order, now).context("cannot leave it for the watch")?;
            return Ok((format!("{what}; left for the watch, which takes it in within two seconds"), order));
        }
        match self.origin {
            Origin::Here => Ok((format!("{what} on this screen only: no watch has it in {}", self.state_dir.display()), order)),
            Origin::Watch | Origin::Recording => {
                bail!(
                    "the history in {} has no open I{} of it: acknowledge it where the watch runs",
                    self.state_dir.display(),
                    incident.id
                )
            }
        }
    }

    fn silence(&self, silence: Quieting) -> anyhow::Result<(String, Order)> {
        let now = clock::now();
        let remark = self.remark(&silence.reason, now)?;
        let said = format!("{} of {} silenced for {}; left for the watch", silence.check, silence.target, human(silence.lasts));
        let until = now.plus(silence.lasts);
        let order = Order::Silence(Silence { id: 0, target: silence.target, check: silence.check, until, remark });
        Store::order(&self.state_dir, &order, now).context("cannot leave it for the watch")?;
        Ok((said, order))
    }

    /// Who says so. A recording is the past: nothing is said in it.
    fn remark(&self, text: &str, at: Timestamp) -> anyhow::Result<Remark> {
        if self.origin == Origin::Recording {
            bail!("this is a recording: nothing in it can be changed");
        }
        Ok(Remark { at, author: Text::new(&self.author), text: Text::new(text) })
    }

    /// Whether the history has this very incident, and it lasts there: numbers are given by whoever watches.
    fn is_in_history(&self, incident: &Incident) -> anyhow::Result<bool> {
        let Some(reader) = wiring::reader(&self.state_dir)? else { return Ok(false) };
        let is_same = |known: &Incident| {
            known.state == IncidentState::Open && known.target == incident.target && known.check == incident.check
        };
        Ok(reader.incident(incident.id)?.as_ref().is_some_and(is_same))
    }
}

fn find(snapshot: &Snapshot, id: u64) -> Option<Incident> {
    let all = snapshot.targets.iter().flat_map(|state| &state.open).chain(&snapshot.own.open);
    all.into_iter().find(|incident| incident.id == id).cloned()
}

fn answered(done: anyhow::Result<(String, Order)>) -> (String, Option<Order>) {
    match done {
        Ok((said, order)) => (said, Some(order)),
        Err(error) => (format!("not done: {error:#}"), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitals_engine::store::Record;
    use vitals_model::check::{CheckId, Point};
    use vitals_model::config::{Settings, Storage};
    use vitals_model::incident::{Handling, Ties};
    use vitals_model::reading::Health;
    use vitals_model::target::TargetId;
    use vitals_probe::hands::Surroundings;

    fn incident(id: u64, question: &str) -> Incident {
        Incident {
            id,
            target: TargetId::new("hub-7001"),
            check: CheckId::of_target(Point::HubServers, question),
            kind: question.to_owned(),
            health: Health::Failing,
            state: IncidentState::Open,
            summary: "gone".to_owned(),
            evidence: Vec::new(),
            hint: String::new(),
            opened_at: Timestamp::from_millis(1),
            updated_at: Timestamp::from_millis(1),
            resolved_at: None,
            flapping: false,
            ties: Ties::default(),
            handling: Handling::default(),
        }
    }

    /// A desk over a history that has I7, an incident of the hub's process.
    fn desk(dir: &std::path::Path, origin: Origin) -> Desk {
        let store = Store::open(dir, &Storage::default()).expect("a store");
        store.put(Record::Incident(Box::new(incident(7, "process"))));
        assert_eq!(store.close().error, None);
        let (settings, surroundings) = (Settings::default(), Surroundings::default());
        let ground = Ground { settings, surroundings, wanted: Vec::new(), state_dir: dir.to_owned() };
        Desk { author: "ada".to_owned(), ..Desk::new(&ground, origin, mpsc::channel(4).0) }
    }

    #[test]
    fn what_the_history_knows_is_left_for_the_watch_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = desk(dir.path(), Origin::Watch);
        let (said, order) = desk.acknowledge(&incident(7, "process"), "on it").expect("done");
        assert!(said.contains("left for the watch"), "{said}");
        assert_eq!(Store::ordered(dir.path()), [order]);
        // The same number given by somebody else.
        let refused = desk.acknowledge(&incident(7, "port"), "").expect_err("another incident");
        assert!(refused.to_string().contains("where the watch runs"), "{refused}");
        assert_eq!(Store::ordered(dir.path()).len(), 1);
    }

    #[test]
    fn an_incident_of_this_screen_alone_is_acknowledged_here_and_a_recording_never() {
        let dir = tempfile::tempdir().expect("a folder");
        let (said, _order) = desk(dir.path(), Origin::Here).acknowledge(&incident(8, "port"), "").expect("done");
        assert!(said.contains("on this screen only"), "{said}");
        assert!(desk(dir.path(), Origin::Recording).acknowledge(&incident(7, "process"), "").is_err());
        assert!(Store::ordered(dir.path()).is_empty());
    }
}
