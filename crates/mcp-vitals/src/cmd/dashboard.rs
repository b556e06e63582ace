//! `dashboard`: live in a terminal, printed once elsewhere.

use std::io::IsTerminal as _;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use vitals_engine::{Control, Engine, Faces, History};
use vitals_model::snapshot::Snapshot;
use vitals_tui::{Colour, Command, Look, Symbols};

use crate::cli::{Common, DashboardArgs};
use crate::exit::Exit;
use crate::render;
use crate::wiring::{self, EndSignals, Ground};

/// Commands and controls waiting: one person types them.
const COMMANDS_MAX: usize = 16;

pub(crate) fn run(common: &Common, args: &DashboardArgs) -> anyhow::Result<Exit> {
    let ground = Ground::new(common)?;
    let targets = ground.targets()?;
    let terminal = std::io::stdout().is_terminal();
    let look = Look { colour: colour(), symbols: if args.ascii { Symbols::Ascii } else { Symbols::Unicode } };
    if args.once || !terminal {
        let width = render::terminal_width().filter(|_| terminal).unwrap_or(args.width);
        let looked = super::visit::look(&ground, targets)?;
        render::print(&vitals_tui::once(&looked.snapshot, width, look))?;
        return Ok(looked.snapshot.health().into());
    }
    wiring::block_on(live(common, ground, look))?
}

fn colour() -> Colour {
    if render::stdout_has_colour() { Colour::Ansi } else { Colour::Never }
}

/// The same loop as `watch` behind the screen, without a history of its own: a running `watch` keeps it.
async fn live(common: &Common, ground: Ground, look: Look) -> anyhow::Result<Exit> {
    let (snapshots, screen) = watch::channel(Arc::<Snapshot>::default());
    let (controls, control_inbox) = mpsc::channel(COMMANDS_MAX);
    let (commands, mut command_inbox) = mpsc::channel(COMMANDS_MAX);
    let memory = wiring::memory_and_past(&ground.state_dir);
    let faces = Faces { snapshot: snapshots, tell: Box::new(|_, _| {}), say: Box::new(|_| {}) };
    let engine = Engine::new(ground.settings, ground.surroundings, ground.wanted, memory, History::Off, None, faces);
    let engine = engine.looking_around(wiring::look_around(common));
    let mut signals = EndSignals::listen()?;
    // A screen that is not shown any more gives the terminal back as it was.
    let screen = async move {
        tokio::select! {
            shown = vitals_tui::run(screen, commands, look) => shown,
            () = signals.told() => Ok(()),
        }
    };
    // It ends with the screen and takes the controls with it: then the engine closes what it holds.
    let obey = async move {
        while let Some(command) = command_inbox.recv().await {
            let control = match command {
                Command::CheckNow => Control::CheckNow,
                Command::Quit => break,
            };
            let _ = controls.send(control).await;
        }
    };
    let (shown, (), _outcome) = tokio::join!(screen, obey, engine.run(control_inbox, None));
    shown?;
    Ok(Exit::Ok)
}
