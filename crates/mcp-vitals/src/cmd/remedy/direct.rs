//! A remedy that this command carries out itself, because no watch runs: by the same judgement, the same hands, and
//! kept in the same history.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use vitals_engine::act::{self, Kept as Written};
use vitals_engine::store::{Record, Store};
use vitals_judge::event::{Effect, Event, Record as Kept};
use vitals_judge::monitor::Monitor;
use vitals_model::check::Probe;
use vitals_model::quiet::{Order, Remark};
use vitals_model::remedy::{Acted, Action, Move};
use vitals_probe::clock;
use vitals_probe::hands::{Hands, Manner};

use crate::cmd::visit::Look;
use crate::render;
use crate::wiring::{self, Ground};

/// Between two looks whether it helped: each opens a session, which costs the hub something.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Carries out the remedy for an incident, and looks until it is known what came of it.
pub(super) fn apply(ground: &Ground, look: Look, incident: u64, remark: Remark) -> anyhow::Result<Action> {
    let store = Store::open(&ground.state_dir, &ground.settings.storage).context("what is done must be written down")?;
    let mut bed = Bed { monitor: look.into_monitor(), store, begun: None, asked: Vec::new(), over: None };
    bed.take(Event::Ordered(Order::Repair(incident, remark)));
    let Some((action, moves)) = bed.begun.take() else { bail!("I{incident} is not repaired") };
    let target = ground.targets()?.into_iter().find(|target| target.id == action.target);
    let target = target.with_context(|| format!("{} is not there any more", action.target))?;
    let hands = Arc::new(Hands::new(target, &ground.surroundings, Manner::Once));
    let over = wiring::block_on(bed.carry_out(&hands, &action, moves))?;
    bed.store.close();
    Ok(over)
}

/// What one action needs.
struct Bed {
    monitor: Monitor,
    store: Store,
    begun: Option<(Action, Vec<Move>)>,
    asked: Vec<Probe>,
    over: Option<Action>,
}

impl Bed {
    async fn carry_out(&mut self, hands: &Arc<Hands>, action: &Action, moves: Vec<Move>) -> Action {
        let written = Written::Told(self.store.settled());
        let (evidence, failed) = act::carry_out(Some(Arc::clone(hands)), moves, written).await;
        self.take(Event::Acted(Acted { target: action.target.clone(), action: action.id, evidence, failed }));
        loop {
            if let Some(over) = self.over.take() {
                return over;
            }
            for probe in std::mem::take(&mut self.asked) {
                if let Some(observation) = hands.run(probe).await {
                    self.take(Event::Observed(observation));
                }
            }
            if self.over.is_none() {
                tokio::time::sleep(LOOK_AGAIN).await;
                self.asked.clear();
                self.take(Event::Tick);
            }
        }
    }

    /// Applies an event and carries out what is this command's business: incidents are a watch's.
    fn take(&mut self, event: Event) {
        for effect in self.monitor.apply(clock::now(), event) {
            match effect {
                Effect::Keep(Kept::Action(action)) => {
                    self.over = Some(&action).filter(|action| action.outcome.is_some()).map(|action| (**action).clone());
                    self.store.put(Record::Action(action));
                }
                Effect::Act(action, moves) => self.begun = Some((*action, moves)),
                Effect::Check(_, probe) => self.asked.push(probe),
                Effect::Say(line) => render::note(&line),
                Effect::Keep(_) | Effect::Tell(..) | Effect::Withhold(..) | Effect::Notify(_) => {}
            }
        }
    }
}
