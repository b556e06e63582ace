//! `dashboard`: live in a terminal, printed once elsewhere; of hubs that it watches itself, of a `watch` that it is
//! attached to, or of a recording.

mod attached;
mod desk;
mod recall;
mod recording;

use std::io::IsTerminal as _;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use vitals_engine::{Control, Engine, Faces, History};
use vitals_model::snapshot::Snapshot;
use vitals_tui::live::Behind;
use vitals_tui::said::Play;
use vitals_tui::{Colour, Command, Look, Said, Symbols};

use crate::cli::{Common, DashboardArgs};
use crate::exit::Exit;
use crate::render;
use crate::wiring::{self, EndSignals, Ground};
use attached::{Asking, Attached};
use desk::{Desk, Origin};
use recording::Player;

/// Commands, controls and answers waiting: one person types them.
const COMMANDS_MAX: usize = 16;

pub(crate) fn run(common: &Common, args: &DashboardArgs) -> anyhow::Result<Exit> {
    let terminal = std::io::stdout().is_terminal();
    let look = Look { colour: colour(), symbols: if args.ascii { Symbols::Ascii } else { Symbols::Unicode } };
    let print = |snapshot: Arc<Snapshot>| {
        let width = render::terminal_width().filter(|_| terminal).unwrap_or(args.width);
        render::print(&vitals_tui::once(&snapshot, width, look)).map(|()| snapshot.health().into())
    };
    if let Some(path) = &args.replay {
        let mut player = Player::open(path, args.speed)?;
        if args.once || !terminal {
            return print(player.last()?);
        }
        return wiring::block_on(far(common, player, look, |ground, tell| Desk::new(ground, Origin::Recording, tell)))?;
    }
    if let Some(url) = &args.connect {
        let mut watch = Attached::new(url, args.token.as_deref())?;
        if args.once || !terminal {
            return print(wiring::block_on(async move { watch.first().await })??);
        }
        let asking = args.token.as_deref().map(|token| Asking::new(url, token)).transpose()?;
        let desk = |ground: &Ground, tell| Desk::new(ground, Origin::Watch, tell).asking(asking);
        return wiring::block_on(far(common, watch, look, desk))?;
    }
    let ground = Ground::new(common)?;
    let targets = ground.targets()?;
    if args.once || !terminal {
        return print(super::visit::look(&ground, targets)?.snapshot);
    }
    wiring::block_on(live(common, ground, look))?
}

pub(crate) fn colour() -> Colour {
    if render::stdout_has_colour() { Colour::Ansi } else { Colour::Never }
}

/// The same loop as `watch` behind the screen, without a history of its own: a running `watch` keeps it.
async fn live(common: &Common, ground: Ground, look: Look) -> anyhow::Result<Exit> {
    let (snapshots, screen) = watch::channel(Arc::<Snapshot>::default());
    let (controls, control_inbox) = mpsc::channel(COMMANDS_MAX);
    let (commands, mut command_inbox) = mpsc::channel(COMMANDS_MAX);
    let (tell, said) = mpsc::channel(COMMANDS_MAX);
    let memory = wiring::memory_and_past(&ground.state_dir);
    let desk = Desk::new(&ground, Origin::Here, tell);
    let faces = Faces { snapshot: snapshots, tell: Box::new(|_, _| {}), say: Box::new(|_| {}) };
    let engine = Engine::new(ground.settings, ground.surroundings, ground.wanted, memory, History::Off, None, faces);
    let engine = engine.looking_around(wiring::look_around(common));
    let mut signals = EndSignals::listen()?;
    let shown = screen.clone();
    // A screen that is not shown any more gives the terminal back as it was.
    let screen = async move {
        tokio::select! {
            shown = vitals_tui::run(Behind { snapshots: screen, commands, said }, look) => shown,
            () = signals.told() => Ok(()),
        }
    };
    // It ends with the screen and takes the controls with it: then the engine closes what it holds.
    let obey = async move {
        while let Some(command) = command_inbox.recv().await {
            let control = match command {
                Command::Quit => break,
                Command::CheckNow => Some(Control::CheckNow),
                command => desk.take(command, &shown).await.map(Control::Order),
            };
            if let Some(control) = control {
                let _ = controls.send(control).await;
            }
        }
    };
    let (shown, (), _outcome) = tokio::join!(screen, obey, engine.run(control_inbox, None));
    shown?;
    Ok(Exit::Ok)
}

/// Where snapshots come from when no engine of this process makes them.
trait Source {
    /// The next thing that comes. Safe to drop before it is done.
    async fn next(&mut self) -> Arrival;

    /// Goes on in another way, where that is possible.
    fn play(&mut self, play: Play);
}

/// What comes.
enum Arrival {
    Snapshot(Arc<Snapshot>),
    Said(Said),
}

/// The screen over such a source.
async fn far(
    common: &Common,
    mut source: impl Source,
    look: Look,
    desk: impl FnOnce(&Ground, mpsc::Sender<Said>) -> Desk,
) -> anyhow::Result<Exit> {
    let (snapshots, screen) = watch::channel(Arc::<Snapshot>::default());
    let (commands, mut asked) = mpsc::channel(COMMANDS_MAX);
    let (tell, said) = mpsc::channel(COMMANDS_MAX);
    let desk = desk(&Ground::new(common)?, tell.clone());
    let (playing, mut plays) = mpsc::channel(COMMANDS_MAX);
    let mut signals = EndSignals::listen()?;
    let shown = screen.clone();
    let feed = async {
        loop {
            tokio::select! {
                arrival = source.next() => match arrival {
                    Arrival::Snapshot(snapshot) => drop(snapshots.send(snapshot)),
                    Arrival::Said(said) => drop(tell.send(said).await),
                },
                play = plays.recv() => match play {
                    Some(play) => source.play(play),
                    None => break,
                },
            }
        }
    };
    // A watch that is slow to answer does not hold up the picture. The pictures end with the commands.
    let obey = async move {
        while let Some(command) = asked.recv().await {
            match command {
                Command::Quit => break,
                Command::Play(play) => drop(playing.send(play).await),
                command => drop(desk.take(command, &shown).await),
            }
        }
    };
    let screen = async move {
        tokio::select! {
            shown = vitals_tui::run(Behind { snapshots: screen, commands, said }, look) => shown,
            () = signals.told() => Ok(()),
        }
    };
    let (shown, (), ()) = tokio::join!(screen, feed, obey);
    shown?;
    Ok(Exit::Ok)
}
