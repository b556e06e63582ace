//! The live dashboard: the only place that touches the terminal.
//!
//! It sleeps until a snapshot or a key arrives, and paints at most ten times a second.

use crate::event::{Input, input};
use crate::look::Look;
use crate::said::{Command, Found, Mouse, Said};
use crate::screen;
use crate::state::State;
use futures_util::{Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::crossterm::event::{DisableMouseCapture, EnableMouseCapture, Event, EventStream};
use ratatui::crossterm::execute;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use vitals_model::snapshot::Snapshot;

/// Shortest time between two paintings.
const PAINT_EVERY: Duration = Duration::from_millis(100);

/// What stands behind the dashboard: where snapshots come from, who hears what the reader asks, and what is told
/// beside the snapshots.
#[derive(Debug)]
pub struct Behind {
    /// Every new snapshot.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What the reader asks for; what finds no room is not asked, which the reader is told.
    pub commands: mpsc::Sender<Command>,
    /// What is told. Its end is not the end of the dashboard.
    pub said: mpsc::Receiver<Said>,
}

/// Shows snapshots until the reader quits or no more can come. The terminal is given back as it was,
/// also after a panic or when this future is dropped.
///
/// # Errors
/// When the terminal cannot be set up, painted or read.
pub async fn run(behind: Behind, look: Look) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let _restore = Restore;
    drive(&mut terminal, EventStream::new(), behind, look, listen).await
}

/// Asks the terminal for its mouse, or leaves it to the terminal.
fn listen(mouse: Mouse) -> io::Result<()> {
    match mouse {
        Mouse::On => execute!(io::stdout(), EnableMouseCapture),
        Mouse::Off => execute!(io::stdout(), DisableMouseCapture),
    }
}

/// Gives the terminal back when dropped. On a panic ratatui's hook has done so before the message was
/// written; doing it twice would move the cursor back over the message.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // Nobody is left to tell when even this fails.
            drop(listen(Mouse::Off));
            drop(ratatui::try_restore());
        }
    }
}

/// The loop of [`run`] on any terminal and any source of events. `listen` carries out what the reader wants of the
/// mouse.
pub async fn drive<B>(
    terminal: &mut Terminal<B>,
    events: impl Stream<Item = io::Result<Event>> + Send,
    mut behind: Behind,
    look: Look,
    listen: fn(Mouse) -> io::Result<()>,
) -> io::Result<()>
where
    B: Backend<Error: Send + Sync + 'static> + Send,
{
    let mut events = pin!(events);
    let size = terminal.size().map_err(io::Error::other)?;
    let first = Arc::clone(&behind.snapshots.borrow_and_update());
    let mut state = State::new(first, look, (size.width, size.height));
    let mut pace = tokio::time::interval(PAINT_EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut dirty = true;
    loop {
        let input = tokio::select! {
            biased;
            _ = pace.tick(), if dirty => {
                terminal.draw(|frame| screen::render(frame, &state)).map_err(io::Error::other)?;
                dirty = false;
                continue;
            }
            event = events.next() => match event {
                Some(event) => input(&event?),
                None => return Ok(()),
            },
            Some(said) = behind.said.recv() => Some(Input::Said(said)),
            changed = behind.snapshots.changed() => match changed {
                Ok(()) => Some(Input::Snapshot(Arc::clone(&behind.snapshots.borrow_and_update()))),
                Err(_) => return Ok(()),
            },
        };
        let Some(input) = input else { continue };
        dirty = true;
        match state.apply(input) {
            None => {}
            Some(Command::Mouse(mouse)) => listen(mouse)?,
            Some(Command::Quit) => {
                // A closed queue has nobody left to tell.
                let _ = behind.commands.try_send(Command::Quit);
                return Ok(());
            }
            Some(command) => {
                if let Err(TrySendError::Full(command)) = behind.commands.try_send(command) {
                    state.apply(Input::Said(refused(command)));
                }
            }
        }
    }
}

/// What the reader is told of a command that found no room.
fn refused(command: Command) -> Said {
    match command {
        Command::Recall(recall) => Said::Recalled(recall, Found::Nothing("Too much is asked at once.".to_owned())),
        _ => Said::Answer("too much is asked at once: ask again".to_owned()),
    }
}
