//! `scenario`: show scenarios, and run them against a lab of our own or against a hub.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::sync::watch;
use vitals_engine::store::{Record, Store, StoreError};
use vitals_lab::lab::{Exposure, Filtering, Lab, Settings};
use vitals_lab::persona::Persona;
use vitals_lab::scenario::{self, CARDS, Card, End, Order, Permit};
use vitals_model::scenario::{Outcome, Run};
use vitals_model::view::scenario_v1::ScenariosView;
use vitals_probe::clock::Stopwatch;
use vitals_probe::task::Task;

use crate::cli::{Common, LineFormat, ScenarioAction, ScenarioArgs, ScenarioFormat, ScenarioPersona, ScenarioRunArgs};
use crate::exit::Exit;
use crate::render;
use crate::wiring::{self, EndSignals, Ground};

/// The name that stands for every scenario.
const ALL: &str = "all";

/// How long to wait for a history that another command holds, and how long between two tries.
const HELD_MAX: Duration = Duration::from_secs(2);
const HELD_PAUSE: Duration = Duration::from_millis(50);

pub(crate) fn run(common: &Common, args: &ScenarioArgs) -> anyhow::Result<Exit> {
    match &args.action {
        ScenarioAction::List { format } => list(*format),
        ScenarioAction::Run(args) => run_named(common, args),
    }
}

fn list(format: LineFormat) -> anyhow::Result<Exit> {
    render::print(&match format {
        LineFormat::Text => render::scenario::list(&CARDS),
        LineFormat::Json => render::json(&render::scenario::list_view(&CARDS))?,
    })?;
    Ok(Exit::Ok)
}

fn run_named(common: &Common, args: &ScenarioRunArgs) -> anyhow::Result<Exit> {
    let cards = chosen(&args.names)?;
    if args.for_ > scenario::SOAK_MAX {
        bail!("--for: a soak lasts 24h at most");
    }
    let world = Ground::new(common)?;
    let hub = hub(&world)?;
    if hub.is_some() && args.persona.is_some() {
        bail!("--persona is about the lab; --target names another hub");
    }
    let runs = wiring::block_on(run_all(&cards, args, hub))??;
    let outcome = runs.iter().map(Run::outcome).max().unwrap_or(Outcome::Skipped);
    let exit = Exit::from(outcome);
    render::print(&match args.format {
        ScenarioFormat::Text => render::scenario::text(&runs),
        ScenarioFormat::Json => render::json(&ScenariosView::new(&runs, outcome, exit.code()))?,
        ScenarioFormat::Junit => render::scenario::junit(&runs),
        ScenarioFormat::Markdown => render::scenario::markdown(&runs),
    })?;
    if !args.no_history {
        keep(&world, runs);
    }
    Ok(exit)
}

/// The scenarios of these names, each once, in the order given.
fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Card>> {
    let mut cards: Vec<&'static Card> = Vec::new();
    for name in names {
        let meant: Vec<&Card> = match name.as_str() {
            ALL => CARDS.iter().collect(),
            name => scenario::find(name).into_iter().collect(),
        };
        if meant.is_empty() {
            let known = CARDS.map(|card| card.name).join(", ");
            bail!("{name}: no scenario of this name; known are {known}, {ALL}");
        }
        let new: Vec<_> = meant.into_iter().filter(|card| !cards.contains(card)).collect();
        cards.extend(new);
    }
    Ok(cards)
}

/// The hub that was named; `None` for a lab of our own.
fn hub(world: &Ground) -> anyhow::Result<Option<scenario::Ground>> {
    if world.wanted.is_empty() {
        return Ok(None);
    }
    let mut targets = world.targets()?;
    let (Some(target), true) = (targets.pop(), targets.is_empty()) else {
        bail!("scenarios are run on one target at a time");
    };
    Ok(Some(scenario::Ground::hub(target, &world.surroundings)?))
}

async fn run_all(cards: &[&'static Card], args: &ScenarioRunArgs, hub: Option<scenario::Ground>) -> anyhow::Result<Vec<Run>> {
    let permit = if args.allow_destructive { Permit::Destructive } else { Permit::Harmless };
    let order = |card| Order { card, permit, soak: args.for_, server: args.server.clone() };
    if let Some(hub) = &hub {
        refuse(cards, args, hub, &order)?;
    }
    let (stopped, _listening) = stop_signal()?;
    let mut runs = Vec::new();
    for card in cards {
        render::note(&format!("{}: {}", card.name, card.about));
        let order = order(card);
        let (run, end) = match &hub {
            Some(hub) => scenario::run(hub, &order, until_stopped(stopped.clone())).await,
            None => on_lab(&order, args.persona, stopped.clone()).await?,
        };
        runs.push(run);
        if end == End::Stopped {
            break;
        }
    }
    Ok(runs)
}

/// What was asked for by its name and may not be done is refused before anything is done; with `all` it is
/// skipped, and that is said in the results.
fn refuse(
    cards: &[&'static Card],
    args: &ScenarioRunArgs,
    hub: &scenario::Ground,
    order: &impl Fn(&'static Card) -> Order,
) -> anyhow::Result<()> {
    for card in cards.iter().filter(|card| args.names.iter().any(|name| name == card.name)) {
        // What no permit allows is skipped with its reason.
        let allowed = Order { permit: Permit::Destructive, ..order(card) };
        if let (Some(why), None) = (scenario::refusal(&order(card), hub), scenario::refusal(&allowed, hub)) {
            bail!("{} is destructive: {why}", card.name);
        }
    }
    Ok(())
}

/// Runs one scenario on a lab of its own, which is gone afterwards.
async fn on_lab(order: &Order, persona: Option<ScenarioPersona>, stopped: watch::Receiver<bool>) -> anyhow::Result<(Run, End)> {
    let persona = match persona {
        None | Some(ScenarioPersona::Honest) => Persona::Honest,
        Some(ScenarioPersona::Npm421) => Persona::Npm421,
    };
    let filtering = match order.card.filtering {
        scenario::Filtering::Off => Filtering::Off,
        scenario::Filtering::ByPrompt => Filtering::PromptBased { exposure: Exposure::MetaOnly },
    };
    let settings = Settings { persona, filtering, ..Settings::new(program()?) };
    let lab = Arc::new(Lab::start(settings).await.context("the lab does not start")?);
    let ground = scenario::Ground::of_lab(&lab)?;
    let ran = scenario::run(&ground, order, until_stopped(stopped)).await;
    drop(ground);
    if let Some(lab) = Arc::into_inner(lab) {
        lab.end().await.context("the lab was not ended in good order")?;
    }
    Ok(ran)
}

/// This program, as parts of a lab are started.
fn program() -> anyhow::Result<vitals_lab::part::Program> {
    let path = std::env::current_exe().context("cannot find this program")?;
    Ok(vitals_lab::part::Program { path, words: vec!["lab-part".into()] })
}

/// Becomes true at the first signal that asks us to end. What is open is then closed, and what is broken mended.
fn stop_signal() -> anyhow::Result<(watch::Receiver<bool>, Task)> {
    let mut signals = EndSignals::listen()?;
    let (stop, stopped) = watch::channel(false);
    let task = Task::spawn(async move {
        signals.told().await;
        render::note("stopping: closing sessions and mending what was broken");
        // Nobody listens any more when all is done.
        let _ = stop.send(true);
    });
    Ok((stopped, task))
}

async fn until_stopped(mut stopped: watch::Receiver<bool>) {
    if stopped.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Writes the runs into the history. A `watch` that holds it is given them to write.
fn keep(world: &Ground, runs: Vec<Run>) {
    let began = Stopwatch::start();
    let open = || Store::open(&world.state_dir, &world.settings.storage);
    let mut opened = open();
    while matches!(opened, Err(StoreError::Held { .. })) && began.elapsed() < HELD_MAX {
        std::thread::sleep(HELD_PAUSE);
        opened = open();
    }
    let kept = match opened {
        Ok(store) => {
            for run in runs {
                store.put(Record::Scenario(Box::new(run)));
            }
            store.close().error.map_or(Ok(()), Err)
        }
        Err(StoreError::Held { .. }) => {
            let left = runs.iter().try_for_each(|run| Store::leave(&world.state_dir, run));
            left.map_err(|error| format!("{:#}", anyhow::Error::from(error)))
        }
        Err(error) => Err(format!("{:#}", anyhow::Error::from(error))),
    };
    if let Err(error) = kept {
        render::note(&format!("history not kept: {error}"));
    }
}
