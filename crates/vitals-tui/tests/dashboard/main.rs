//! The dashboard seen from outside: what is on the screen, what is printed, what keys do.

#[path = "../fixtures/mod.rs"]
mod fixtures;
mod keys;
mod live;
mod page;
mod printed;
mod screens;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::KeyCode;
use std::sync::Arc;
use vitals_model::snapshot::Snapshot;
use vitals_tui::event::{Input, Key};
use vitals_tui::{Look, State};

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (140, 40);

/// Presses keys: characters as they are, `\n` for Enter, `\u{1b}` for Esc, `\u{8}` for Backspace.
fn press(state: &mut State, keys: &str) {
    for c in keys.chars() {
        let key = match c {
            '\n' => Key::Named(KeyCode::Enter),
            '\u{1b}' => Key::Named(KeyCode::Esc),
            '\u{8}' => Key::Named(KeyCode::Backspace),
            c => Key::Char(c),
        };
        state.apply(Input::Key(key));
    }
}

/// The state after these keys.
fn pressed(snapshot: Snapshot, size: (u16, u16), keys: &str) -> State {
    let mut state = state(snapshot, size);
    press(&mut state, keys);
    state
}

fn state(snapshot: Snapshot, size: (u16, u16)) -> State {
    State::new(Arc::new(snapshot), Look::default(), size)
}

/// A terminal of this size with the state painted on it.
fn paint(state: &State, (width, height): (u16, u16)) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a test backend cannot fail");
    terminal.draw(|frame| vitals_tui::screen::render(frame, state)).expect("a test backend cannot fail");
    terminal
}

/// What a reader sees.
fn seen(state: &State, size: (u16, u16)) -> String {
    paint(state, size).backend().to_string()
}
