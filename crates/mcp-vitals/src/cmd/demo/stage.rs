//! The stage: lab and engine, set up for the story and taken down after it, however it ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use vitals_engine::{Control, Engine, Faces, History};
use vitals_judge::event::Memory;
use vitals_lab::lab::{Exposure, Filtering, Lab, Settings as LabSettings};
use vitals_lab::persona::Persona;
use vitals_model::config::{Expect, MetaToolSettings, Schedule, ServerSettings, Settings, TargetSettings};
use vitals_model::snapshot::Snapshot;
use vitals_probe::hands::Surroundings;

use super::story::{self, Line, Told, Who};
use crate::exit::Exit;
use crate::wiring;

/// Changes of incidents waiting for the story; more than any demo has.
const CHANGES_MAX: usize = 256;

/// When the play is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// When the story is told.
    WithTheStory,
    /// When the reader leaves.
    WithTheReader,
}

/// Plays the story: 0 when the lie was found and its end was seen, 2 when not.
pub(super) async fn play(
    seed: u64,
    snapshots: watch::Sender<Arc<Snapshot>>,
    commands: mpsc::Receiver<Control>,
    ending: Ending,
    end: impl Future<Output = ()>,
    say: impl Fn(&Line),
) -> anyhow::Result<Exit> {
    let mut end = std::pin::pin!(end);
    say(&Line::new(
        Who::Demo,
        "starts a hub of our own: two servers, and a third that is switched off; its files are in a temporary folder".to_owned(),
    ));
    let settings = LabSettings {
        persona: Persona::Npm421,
        filtering: Filtering::PromptBased { exposure: Exposure::All },
        seed,
        ..LabSettings::new(wiring::lab_program()?)
    };
    let lab = tokio::select! {
        () = &mut end => return Ok(Exit::Ok),
        lab = Lab::start(settings) => lab?,
    };
    let played = Box::pin(watched(&lab, snapshots, commands, ending, end, &say)).await;
    let ended = lab.end().await;
    let exit = played?;
    ended?;
    Ok(exit)
}

/// The engine beside the story.
async fn watched(
    lab: &Lab,
    snapshots: watch::Sender<Arc<Snapshot>>,
    mut commands: mpsc::Receiver<Control>,
    ending: Ending,
    end: impl Future<Output = ()>,
    say: &impl Fn(&Line),
) -> anyhow::Result<Exit> {
    let seen = snapshots.subscribe();
    let (report, changes) = mpsc::channel(CHANGES_MAX);
    let faces = Faces {
        snapshot: snapshots,
        tell: Box::new(move |change, incident| {
            // The story waits for two of them; what finds no room comes after those.
            let _ = report.try_send((change, incident.clone()));
        }),
        say: Box::new(|_| {}),
    };
    let surroundings = Surroundings { registries: vec![lab.place().workspaces()], proxy: None };
    let engine = Engine::new(settings(), surroundings, Vec::new(), Memory::default(), History::Off, None, faces);
    let (controls, inbox) = mpsc::channel(1);
    let mut watching = std::pin::pin!(engine.run(inbox, None));
    let exit = {
        let pass_on = controls.clone();
        let obey = async {
            while let Some(control) = commands.recv().await {
                let _ = pass_on.send(control).await;
            }
            std::future::pending::<()>().await;
        };
        let tell = async {
            let told = story::tell(lab, seen, changes, say).await;
            if ending == Ending::WithTheReader && told.is_ok() {
                say(&Line::new(Who::Demo, story::next(lab)));
                std::future::pending::<()>().await;
            }
            told
        };
        tokio::select! {
            told = tell => match told? {
                Told::Whole => Exit::Ok,
                Told::Unfinished => Exit::Critical,
            },
            () = end => Exit::Ok,
            () = obey => Exit::Ok,
            _ = &mut watching => anyhow::bail!("the watching ended before the story"),
        }
    };
    let _ = controls.send(Control::Stop).await;
    watching.await;
    Ok(exit)
}

/// As a watch has them, with intervals that fit twenty seconds.
fn settings() -> Settings {
    let server = ServerSettings { expect: Expect::Down, ..ServerSettings::default() };
    let target = TargetSettings {
        schedule: Schedule {
            light: Duration::from_secs(1),
            session: Duration::from_secs(2),
            llm: Duration::from_secs(5),
            meta_tool: Some(Duration::from_secs(2)),
            discovery: Duration::from_secs(1),
        },
        servers: [("github".to_owned(), server)].into(),
        // The LLM is the lab's own, which bills nobody.
        meta_tool: MetaToolSettings { calls_per_day: u32::MAX, ..MetaToolSettings::default() },
        ..TargetSettings::default()
    };
    Settings { defaults: Arc::new(target), ..Settings::default() }
}
