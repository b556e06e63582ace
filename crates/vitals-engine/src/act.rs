//! Carrying out an action: its moves in turn, in a task of its own, none before the action is in the history. What
//! touches the target are the probe's hands.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;
use vitals_model::remedy::{Acted, Action, Move};
use vitals_model::target::TargetId;
use vitals_probe::hands::Hands;

/// One move takes no longer than this: longer than any deadline of its own.
const MOVE_MAX: Duration = Duration::from_secs(160);

/// How long an action waits until it is in the history. The writer commits twice a second, and tries again after 2 s.
const KEEP_MAX: Duration = Duration::from_secs(5);

/// Whether an action is in the history.
pub enum Kept {
    /// It is when this is told.
    Told(oneshot::Receiver<()>),
    /// There is no history, as asked.
    Unasked,
    /// It never will be, and why.
    Never(String),
}

/// The actions that are carried out. They end with this.
#[derive(Default)]
pub(crate) struct Acting {
    tasks: JoinSet<Acted>,
    whose: HashMap<Id, (TargetId, u64)>,
}

/// How a task ended.
pub(crate) type Ended = Result<(Id, Acted), JoinError>;

impl Acting {
    /// Begins to carry an action out.
    pub(crate) fn begin(&mut self, hands: Option<Arc<Hands>>, action: &Action, moves: Vec<Move>, kept: Kept) {
        let (target, id) = (action.target.clone(), action.id);
        let whose = (target.clone(), id);
        let task = self.tasks.spawn(async move {
            let (evidence, failed) = carry_out(hands, moves, kept).await;
            Acted { target, action: id, evidence, failed }
        });
        self.whose.insert(task.id(), whose);
    }

    /// The next that ends; `None` when there is none.
    pub(crate) async fn next(&mut self) -> Option<Ended> {
        self.tasks.join_next_with_id().await
    }

    /// What a task that ended came to. One that panicked is a fault of ours, and its action was not carried out.
    pub(crate) fn ended(&mut self, ended: Ended) -> Option<Acted> {
        match ended {
            Ok((id, acted)) => {
                self.whose.remove(&id);
                Some(acted)
            }
            Err(error) => {
                let (target, action) = self.whose.remove(&error.id())?;
                Some(Acted { target, action, evidence: Vec::new(), failed: Some("carrying it out panicked".to_owned()) })
            }
        }
    }
}

/// Makes the moves, each only after the one before it; what was seen, and why one failed.
pub async fn carry_out(hands: Option<Arc<Hands>>, moves: Vec<Move>, kept: Kept) -> (Vec<String>, Option<String>) {
    let mut seen = Vec::new();
    let Some(hands) = hands else { return (seen, Some("the target is not watched any more".to_owned())) };
    let unkept = match kept {
        Kept::Unasked => None,
        Kept::Told(told) => match timeout(KEEP_MAX, told).await {
            Ok(Ok(())) => None,
            _ => Some(format!("it could not be written down within {} s", KEEP_MAX.as_secs())),
        },
        Kept::Never(why) => Some(format!("it cannot be written down: {why}")),
    };
    if let Some(why) = unkept {
        return (seen, Some(format!("{why}, so nothing was done")));
    }
    for one in &moves {
        match timeout(MOVE_MAX, hands.make(one)).await {
            Ok(Ok(line)) => seen.push(line),
            Ok(Err(why)) => return (seen, Some(why)),
            Err(_) => return (seen, Some(format!("{one}: not done within {} s", MOVE_MAX.as_secs()))),
        }
    }
    (seen, None)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vitals_model::config::TargetSettings;
    use vitals_model::target::{Address, Origin, Target};
    use vitals_model::text::Text;
    use vitals_probe::hands::{Manner, Surroundings};

    use super::*;

    /// Nobody listens on port 1.
    fn hands() -> Arc<Hands> {
        let address = Address::Hub { url: "http://127.0.0.1:1".to_owned() };
        let settings = Arc::new(TargetSettings::default());
        let target = Target { id: TargetId::new("hub"), address, origin: Origin::CommandLine, settings };
        Arc::new(Hands::new(target, &Surroundings::default(), Manner::Held))
    }

    fn moves() -> Vec<Move> {
        let say = |word: &str| Move::Run(vec!["echo".to_owned(), word.to_owned()]);
        vec![say("one"), Move::StopServer(Text::new("fs")), say("two")]
    }

    #[tokio::test]
    async fn moves_are_made_in_turn_up_to_the_first_that_fails() {
        let (seen, failed) = carry_out(Some(hands()), moves(), Kept::Unasked).await;
        assert!(seen.len() == 1 && seen[0].starts_with("run echo one: done, said: one"), "{seen:?}");
        assert!(failed.is_some_and(|why| why.starts_with("stop fs by the hub's API: connection refused")));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_done_that_is_not_written_down_before() {
        let (promise, told) = oneshot::channel();
        let never_told = Kept::Told(told);
        for (kept, why) in [
            (Kept::Never("disk full".to_owned()), "it cannot be written down: disk full, so nothing was done"),
            (never_told, "it could not be written down within 5 s, so nothing was done"),
        ] {
            assert_eq!(carry_out(Some(hands()), moves(), kept).await, (Vec::new(), Some(why.to_owned())));
        }
        drop(promise);
        let gone = carry_out(None, moves(), Kept::Unasked).await;
        assert_eq!(gone, (Vec::new(), Some("the target is not watched any more".to_owned())));
    }
}
