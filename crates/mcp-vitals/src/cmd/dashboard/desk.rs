//! Where the dashboard's commands are carried out: what is to be looked up in the history, and what somebody says
//! about incidents. Orders go to the watch that the screen is attached to, when its token is known; else where
//! `mcp-vitals incidents` leaves them: into the folder of the watch.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde_json::json;
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

use super::attached::Asking;
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
    /// How the watch is asked itself, where its token is known.
    asking: Option<Asking>,
    tell: mpsc::Sender<Said>,
}

impl Desk {
    pub(super) fn new(ground: &Ground, origin: Origin, tell: mpsc::Sender<Said>) -> Self {
        Self {
            origin,
            state_dir: ground.state_dir.clone(),
            archive: Archive::open(ground, tell.clone()),
            author: wiring::user(),
            asking: None,
            tell,
        }
    }

    /// The same, with a watch that can be asked itself.
    pub(super) fn asking(self, asking: Option<Asking>) -> Self {
        Self { asking, ..self }
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
            Command::Play(_) | Command::Mouse(_) | Command::Quit => return None,
            command => {
                if let Some(asking) = &self.asking {
                    (self.ask(asking, command).await, None)
                } else {
                    let shown = Arc::clone(&shown.borrow());
                    answered(self.leave(command, &shown))
                }
            }
        };
        let _ = self.tell.send(Said::Answer(answer)).await;
        order
    }

    /// Asks the watch itself. What became of it is told.
    async fn ask(&self, asking: &Asking, command: Command) -> String {
        let author = &self.author;
        let (path, body, done) = match command {
            Command::CheckNow => ("check-now".to_owned(), json!({}), "every probe is sent now".to_owned()),
            Command::Acknowledge(id, text) => {
                (format!("incidents/I{id}/acknowledge"), json!({"author": author, "text": text}), format!("I{id} acknowledged"))
            }
            Command::Note(id, text) => {
                (format!("incidents/I{id}/notes"), json!({"author": author, "text": text}), format!("I{id} has the note"))
            }
            Command::Silence(Quieting { target, check, lasts, reason }) => {
                let done = format!("{check} of {target} silenced for {}", human(lasts));
                let lasts = format!("{}s", lasts.as_secs());
                let (target, check) = (target.as_str(), check.as_str());
                let body = json!({"target": target, "check": check, "for": lasts, "author": author, "text": reason});
                ("silences".to_owned(), body, done)
            }
            Command::Unsilence(id) => (format!("silences/S{id}/end"), json!({"author": author}), format!("S{id} ended")),
            Command::Recall(_) | Command::Play(_) | Command::Mouse(_) | Command::Quit => return String::new(),
        };
        match asking.post(&path, &body).await {
            Ok(()) => done,
            Err(why) => format!("not done: {why:#}"),
        }
    }

    /// Leaves an order in the folder of the watch.
    fn leave(&self, command: Command, shown: &Snapshot) -> anyhow::Result<(String, Order)> {
        let now = clock::now();
        match command {
            Command::CheckNow if self.origin == Origin::Watch => {
                bail!("the watch wants its token: --token env:NAME or file:PATH")
            }
            Command::Acknowledge(id, text) => {
                let incident = find(shown, id).filter(|incident| incident.state == IncidentState::Open).context("it is over")?;
                let order = Order::Acknowledge(id, self.remark(&text, now)?);
                self.about(&incident, order, &format!("I{id} acknowledged"), now)
            }
            Command::Note(id, text) => {
                let incident = find(shown, id).with_context(|| format!("I{id} is not shown any more"))?;
                let order = Order::Note(id, self.remark(&text, now)?);
                self.about(&incident, order, &format!("I{id} has the note"), now)
            }
            Command::Silence(silence) => {
                let remark = self.remark(&silence.reason, now)?;
                let said = format!("{} of {} silenced for {}", silence.check, silence.target, human(silence.lasts));
                let until = now.plus(silence.lasts);
                self.put(
                    &said,
                    Order::Silence(Silence { id: 0, target: silence.target, check: silence.check, until, remark }),
                    now,
                )
            }
            Command::Unsilence(id) => self.put(&format!("S{id} ended"), Order::Unsilence(id, self.remark("", now)?), now),
            _ => bail!("a recording cannot be checked again"),
        }
    }

    /// An order about one incident: for the watch whose history has it.
    fn about(&self, incident: &Incident, order: Order, said: &str, now: Timestamp) -> anyhow::Result<(String, Order)> {
        if self.is_in_history(incident)? {
            return self.put(said, order, now);
        }
        match self.origin {
            Origin::Here => Ok((format!("{said} on this screen only: no watch has it in {}", self.state_dir.display()), order)),
            Origin::Watch | Origin::Recording => bail!(
                "the history in {} has no such I{}: say it where the watch runs, or give its token",
                self.state_dir.display(),
                incident.id
            ),
        }
    }

    fn put(&self, said: &str, order: Order, now: Timestamp) -> anyhow::Result<(String, Order)> {
        Store::order(&self.state_dir, &order, now).context("cannot leave it for the watch")?;
        Ok((format!("{said}; left for the watch, which takes it in within two seconds"), order))
    }

    /// Who says so. A recording is the past: nothing is said in it.
    fn remark(&self, text: &str, at: Timestamp) -> anyhow::Result<Remark> {
        if self.origin == Origin::Recording {
            bail!("this is a recording: nothing in it can be changed");
        }
        Ok(Remark { at, author: Text::new(&self.author), text: Text::new(text) })
    }

    /// Whether the history has this very incident, as far along: numbers are given by whoever watches.
    fn is_in_history(&self, incident: &Incident) -> anyhow::Result<bool> {
        let Some(reader) = wiring::reader(&self.state_dir)? else { return Ok(false) };
        let is_same =
            |known: &Incident| known.state == incident.state && known.target == incident.target && known.check == incident.check;
        Ok(reader.incident(incident.id)?.as_ref().is_some_and(is_same))
    }
}

fn find(snapshot: &Snapshot, id: u64) -> Option<Incident> {
    let all = snapshot.targets.iter().flat_map(|state| state.open.iter().chain(&state.recent)).chain(&snapshot.own.open);
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
    use vitals_model::snapshot::OwnState;
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

    fn acknowledge(desk: &Desk, incident: Incident, text: &str) -> anyhow::Result<(String, Order)> {
        let id = incident.id;
        desk.leave(Command::Acknowledge(id, text.to_owned()), &shown(incident))
    }

    fn shown(incident: Incident) -> Snapshot {
        let own = OwnState { open: vec![incident], ..OwnState::default() };
        Snapshot { own, ..Snapshot::default() }
    }

    #[test]
    fn what_the_history_knows_is_left_for_the_watch_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = desk(dir.path(), Origin::Watch);
        let (said, order) = acknowledge(&desk, incident(7, "process"), "on it").expect("done");
        assert!(said.contains("left for the watch"), "{said}");
        assert_eq!(Store::ordered(dir.path()), [order]);
        // The same number given by somebody else.
        let refused = acknowledge(&desk, incident(7, "port"), "").expect_err("another incident");
        assert!(refused.to_string().contains("where the watch runs"), "{refused}");
        assert_eq!(Store::ordered(dir.path()).len(), 1);
    }

    #[test]
    fn a_note_and_the_end_of_a_silence_are_left_too_and_without_the_token_no_check_is_asked_for() {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = desk(dir.path(), Origin::Watch);
        let shown = shown(incident(7, "process"));
        let (_, note) = desk.leave(Command::Note(7, "disk full".to_owned()), &shown).expect("done");
        let (_, end) = desk.leave(Command::Unsilence(3), &shown).expect("done");
        assert!(matches!((&note, &end), (Order::Note(7, remark), Order::Unsilence(3, _)) if remark.text.as_str() == "disk full"));
        assert_eq!(Store::ordered(dir.path()), [note, end]);
        let refused = desk.leave(Command::CheckNow, &shown).expect_err("who checks is the watch");
        assert!(refused.to_string().contains("--token"), "{refused}");
    }

    #[test]
    fn an_incident_of_this_screen_alone_is_acknowledged_here_and_a_recording_never() {
        let dir = tempfile::tempdir().expect("a folder");
        let (said, _order) = acknowledge(&desk(dir.path(), Origin::Here), incident(8, "port"), "").expect("done");
        assert!(said.contains("on this screen only"), "{said}");
        assert!(acknowledge(&desk(dir.path(), Origin::Recording), incident(7, "process"), "").is_err());
        assert!(Store::ordered(dir.path()).is_empty());
    }
}
