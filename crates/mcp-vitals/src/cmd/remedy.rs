//! `remedy`: what would be done about incidents, what a person wants done, and what was done. A running watch carries
//! it out, so that there is one at a time; without one, this command does.

mod direct;

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use vitals_engine::store::Store;
use vitals_model::quiet::{Order, Remark};
use vitals_model::remedy::{Action, By, OutcomeKind};
use vitals_model::time::Timestamp;
use vitals_model::view::remedy_v1::{ActionView, ActionsView, ProspectView, ProspectsView, SCHEMA};
use vitals_probe::clock::{self, Stopwatch};

use super::incidents::remark;
use super::visit::{self, Look};
use crate::cli::{Common, LineFormat, RemedyAction, RemedyArgs};
use crate::exit::Exit;
use crate::render;
use crate::wiring::{self, Ground};

/// How long a watch is given to begin what it was asked for: it looks for orders every second.
const BEGUN_MAX: Duration = Duration::from_secs(15);

/// How long it is then given to end it.
const ENDED_MAX: Duration = Duration::from_secs(10 * 60);

/// Between two looks into the history.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

pub(crate) fn run(common: &Common, args: &RemedyArgs) -> anyhow::Result<Exit> {
    match &args.action {
        RemedyAction::Plan { id, format } => plan(common, *id, *format),
        RemedyAction::History { since, format } => history(common, *since, *format),
        RemedyAction::Apply { id, why, dry_run, yes, author } => {
            let ground = Ground::new(common)?;
            let look = look(&ground)?;
            let prospect = look.asked(*id, clock::now()).with_context(|| format!("no incident I{id} lasts"))?;
            if prospect.plan.is_none() || *dry_run {
                render::print(&render::remedy::one(&prospect))?;
                return Ok(if prospect.plan.is_some() { Exit::Ok } else { Exit::Unknown });
            }
            if !yes {
                render::note(&render::remedy::one(&prospect));
                confirm()?;
            }
            let remark = remark(author, why, clock::now());
            // A `check` holds the history for a moment; a watch for as long as it runs.
            let action = match Store::holder(&ground.state_dir) {
                Some(_) => ordered(&ground.state_dir, *id, remark)?,
                None => direct::apply(&ground, look, *id, remark)?,
            };
            render::print(&render::remedy::action(&action))?;
            let helped = action.outcome.is_some_and(|outcome| outcome.kind == OutcomeKind::Helped);
            Ok(if helped { Exit::Ok } else { Exit::Critical })
        }
    }
}

/// Looks at every target, of which the incidents that last are remembered.
fn look(ground: &Ground) -> anyhow::Result<Look> {
    visit::look(ground, ground.targets()?)
}

fn plan(common: &Common, id: Option<u64>, format: LineFormat) -> anyhow::Result<Exit> {
    let ground = Ground::new(common)?;
    let mut prospects = look(&ground)?.prospects(clock::now());
    if let Some(id) = id {
        prospects.retain(|prospect| prospect.incident == id);
        if prospects.is_empty() {
            bail!("no incident I{id} lasts");
        }
    }
    render::print(&match format {
        LineFormat::Text => render::remedy::plan(&prospects),
        LineFormat::Json => {
            render::json(&ProspectsView { schema: SCHEMA, prospects: prospects.iter().map(ProspectView::from).collect() })?
        }
    })?;
    Ok(Exit::Ok)
}

fn history(common: &Common, since: Option<Duration>, format: LineFormat) -> anyhow::Result<Exit> {
    let settings = wiring::settings(common)?;
    let dir = wiring::state_dir(common, &settings)?;
    let since = since.map_or(Timestamp::default(), |since| clock::now().minus(since));
    let actions = match wiring::reader(&dir)? {
        Some(reader) => reader.actions(since)?,
        None => Vec::new(),
    };
    render::print(&match format {
        LineFormat::Text => render::remedy::history(&actions),
        LineFormat::Json => {
            render::json(&ActionsView { schema: SCHEMA, actions: actions.iter().map(ActionView::from).collect() })?
        }
    })?;
    Ok(Exit::Ok)
}

/// Asks whether to go on.
fn confirm() -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("nothing is done unless somebody says so: --yes");
    }
    let mut out = std::io::stderr().lock();
    out.write_all(b"Carry it out? [y/N] ").and_then(|()| out.flush()).context("cannot ask")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot hear the answer")?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { bail!("not carried out, as you said") }
}

/// Leaves it to the watch, and waits for what comes of it.
fn ordered(dir: &Path, id: u64, remark: Remark) -> anyhow::Result<Action> {
    let order = Order::Repair(id, remark.clone());
    Store::order(dir, &order, remark.at).context("cannot leave it for the watch")?;
    render::note("left for the watch, which takes it in within two seconds");
    let by = By::Person(remark);
    let waiting = Stopwatch::start();
    loop {
        let actions = wiring::reader(dir)?.map(|reader| reader.actions_for(id)).transpose()?.unwrap_or_default();
        let action = actions.into_iter().find(|action| action.by == by);
        match action {
            Some(action) if action.outcome.is_some() || waiting.elapsed() >= ENDED_MAX => return Ok(action),
            None if waiting.elapsed() >= BEGUN_MAX => bail!("the watch has not begun it: it says why on its standard error"),
            Some(_) | None => {}
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}
