//! The live dashboard: the only place that touches the terminal.
//!
//! It sleeps until a snapshot or a key arrives, and paints at most ten times a second.

use crate::event::{Input, input};
use crate::look::Look;
use crate::screen;
use crate::state::{Command, State};
use futures_util::{Stream, StreamExt, stream};
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::crossterm::event::{Event, EventStream};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use vitals_model::snapshot::Snapshot;

/// Shortest time between two paintings.
const PAINT_EVERY: Duration = Duration::from_millis(100);

/// Shows snapshots until the reader quits or no more can come. The terminal is given back as it was,
/// also after a panic or when this future is dropped.
///
/// # Errors
/// When the terminal cannot be set up, painted or read.
pub async fn run(rx: watch::Receiver<Arc<Snapshot>>, commands: mpsc::Sender<Command>, look: Look) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let _restore = Restore;
    drive(&mut terminal, EventStream::new(), rx, commands, look).await
}

/// As [`run`], with a narrator: what `captions` holds stands below the picture.
///
/// # Errors
/// As [`run`].
pub async fn run_with_captions(
    rx: watch::Receiver<Arc<Snapshot>>,
    commands: mpsc::Sender<Command>,
    look: Look,
    captions: watch::Receiver<String>,
) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let _restore = Restore;
    let said = stream::unfold((captions, Heard::Nothing), |(mut captions, heard)| async move {
        if heard == Heard::Something {
            captions.changed().await.ok()?;
        }
        let caption = captions.borrow_and_update().clone();
        Some((caption, (captions, Heard::Something)))
    });
    drive_with_captions(&mut terminal, EventStream::new(), rx, commands, look, said).await
}

/// Whether the first caption, which is there from the start, has been shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    Something,
}

/// Gives the terminal back when dropped. On a panic ratatui's hook has done so before the message was
/// written; doing it twice would move the cursor back over the message.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            drop(ratatui::try_restore()); // Nobody is left to tell when even this fails.
        }
    }
}

/// The loop of [`run`] on any terminal and any source of events.
pub async fn drive<B>(
    terminal: &mut Terminal<B>,
    events: impl Stream<Item = io::Result<Event>> + Send,
    rx: watch::Receiver<Arc<Snapshot>>,
    commands: mpsc::Sender<Command>,
    look: Look,
) -> io::Result<()>
where
    B: Backend<Error: Send + Sync + 'static> + Send,
{
    drive_with_captions(terminal, events, rx, commands, look, stream::empty()).await
}

/// As [`drive`], with a narrator. One that says nothing more leaves its last words.
pub async fn drive_with_captions<B>(
    terminal: &mut Terminal<B>,
    events: impl Stream<Item = io::Result<Event>> + Send,
    mut rx: watch::Receiver<Arc<Snapshot>>,
    commands: mpsc::Sender<Command>,
    look: Look,
    captions: impl Stream<Item = String> + Send,
) -> io::Result<()>
where
    B: Backend<Error: Send + Sync + 'static> + Send,
{
    let mut events = pin!(events);
    let mut captions = pin!(captions.fuse());
    let size = terminal.size().map_err(io::Error::other)?;
    let first = Arc::clone(&rx.borrow_and_update());
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
            Some(caption) = captions.next() => Some(Input::Caption(caption)),
            changed = rx.changed() => match changed {
                Ok(()) => Some(Input::Snapshot(Arc::clone(&rx.borrow_and_update()))),
                Err(_) => return Ok(()),
            },
        };
        let Some(input) = input else { continue };
        dirty = true;
        let Some(command) = state.apply(input) else { continue };
        // A full queue already holds a request to check; a closed one has nobody left to ask.
        let _ = commands.try_send(command);
        if command == Command::Quit {
            return Ok(());
        }
    }
}
