//! `demo`: a lab in a temporary folder, watched by the same engine as `watch` has, and a story: a server
//! is killed, the hub goes on saying that all is well, and is found out. Nothing of the user's is touched.

mod stage;
mod story;

use std::io::IsTerminal as _;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use vitals_model::snapshot::Snapshot;
use vitals_probe::clock::Stopwatch;
use vitals_tui::live::Behind;
use vitals_tui::said::Found;
use vitals_tui::{Command, Look, Said, Symbols};

use crate::cli::DemoArgs;
use crate::exit::Exit;
use crate::render;
use crate::wiring::{self, EndSignals};
use stage::Ending;
use story::Line;

/// Commands waiting: one person types them.
const COMMANDS_MAX: usize = 16;

pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<Exit> {
    if args.plain || !std::io::stdout().is_terminal() {
        wiring::block_on(plain(args.seed))?
    } else {
        wiring::block_on(live(args.seed))?
    }
}

/// The story as a timeline; it ends with the story.
async fn plain(seed: u64) -> anyhow::Result<Exit> {
    let began = Stopwatch::start();
    let say = |line: &Line| {
        // A reader that went away is not told, and the story goes on to its exit code.
        let _ = render::print(&format!("{:5.1} s  {line}\n", began.elapsed().as_secs_f64()));
    };
    let (snapshots, _) = watch::channel(Arc::<Snapshot>::default());
    let (_controls, inbox) = mpsc::channel(COMMANDS_MAX);
    let mut signals = EndSignals::listen()?;
    stage::play(seed, snapshots, inbox, Ending::WithTheStory, signals.told(), say).await
}

/// The dashboard with the story below it; it goes on until the reader leaves.
async fn live(seed: u64) -> anyhow::Result<Exit> {
    let (snapshots, screen) = watch::channel(Arc::<Snapshot>::default());
    let (tell, said) = mpsc::channel(COMMANDS_MAX);
    let caption = |words: &str| Said::Caption(words.to_owned());
    let _ = tell.try_send(caption("a hub of our own is started"));
    let (commands, mut command_inbox) = mpsc::channel(COMMANDS_MAX);
    let (controls, inbox) = mpsc::channel(COMMANDS_MAX);
    let (leave, left) = oneshot::channel();
    let look = Look { colour: super::dashboard::colour(), symbols: Symbols::Unicode };
    let screen = async move {
        let shown = vitals_tui::run(Behind { snapshots: screen, commands, said }, look).await;
        let _ = leave.send(());
        shown
    };
    let answers = tell.clone();
    let obey = async move {
        while let Some(command) = command_inbox.recv().await {
            match command {
                Command::CheckNow => drop(controls.try_send(vitals_engine::Control::CheckNow)),
                Command::Quit => break,
                command => drop(answers.try_send(refused(command))),
            }
        }
    };
    let mut signals = EndSignals::listen()?;
    let end = async {
        tokio::select! {
            () = signals.told() => {}
            _ = left => {}
        }
    };
    let say = move |line: &Line| drop(tell.try_send(caption(&line.to_string())));
    // The screen ends with the snapshots, which end with the play.
    let (shown, (), played) = tokio::join!(screen, obey, stage::play(seed, snapshots, inbox, Ending::WithTheReader, end, say));
    shown?;
    played
}

/// A story of twenty seconds has no history, and nobody is told of its incidents.
fn refused(command: Command) -> Said {
    let why = "the demo keeps no history";
    match command {
        Command::Recall(recall) => Said::Recalled(recall, Found::Nothing(format!("{why}."))),
        _ => Said::Answer(format!("not done: {why}")),
    }
}
