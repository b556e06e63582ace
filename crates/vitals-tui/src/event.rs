//! What can happen to the dashboard, and keys as the table of keys names them.

use crate::look::Glyphs;
use crate::said::Said;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use std::sync::Arc;
use vitals_model::snapshot::Snapshot;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A new snapshot.
    Snapshot(Arc<Snapshot>),
    /// A key.
    Key(Key),
    /// The terminal is now this wide and high, in cells.
    Resize(u16, u16),
    /// The wheel of the mouse, up or down.
    Wheel(Wheel),
    /// A click of the mouse on this column and row, from 0.
    Click(u16, u16),
    /// Something told beside the snapshots.
    Said(Said),
}

/// Which way the wheel turned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wheel {
    /// Towards the beginning.
    Up,
    /// Towards the end.
    Down,
}

/// A key that can be bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// A character, as the keyboard layout made it.
    Char(char),
    /// A character with Ctrl.
    Ctrl(char),
    /// A key without a character.
    Named(KeyCode),
}

impl Key {
    /// The label of the key in help and footer.
    pub fn label(self, glyphs: &Glyphs) -> String {
        let [up, down, left, right] = glyphs.arrows;
        let name = match self {
            Self::Char(' ') => "Space",
            Self::Char(c) => return c.to_string(),
            Self::Ctrl(c) => return format!("Ctrl-{}", c.to_ascii_uppercase()),
            Self::Named(KeyCode::Up) => up,
            Self::Named(KeyCode::Down) => down,
            Self::Named(KeyCode::Left) => left,
            Self::Named(KeyCode::Right) => right,
            Self::Named(KeyCode::BackTab) => "Shift-Tab",
            Self::Named(KeyCode::PageUp) => "PgUp",
            Self::Named(KeyCode::PageDown) => "PgDn",
            Self::Named(code) => return code.to_string(),
        };
        name.to_owned()
    }
}

/// What a terminal event is to the dashboard; `None` for what it does not use (focus, paste, key
/// releases, the mouse's way).
pub fn input(event: &Event) -> Option<Input> {
    match event {
        Event::Resize(width, height) => Some(Input::Resize(*width, *height)),
        Event::Key(KeyEvent { kind: KeyEventKind::Press | KeyEventKind::Repeat, code, modifiers, .. }) => {
            let key = match code {
                KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => Key::Ctrl(*c),
                KeyCode::Char(c) => Key::Char(*c),
                other => Key::Named(*other),
            };
            Some(Input::Key(key))
        }
        Event::Mouse(MouseEvent { kind, column, row, .. }) => match kind {
            MouseEventKind::ScrollUp => Some(Input::Wheel(Wheel::Up)),
            MouseEventKind::ScrollDown => Some(Input::Wheel(Wheel::Down)),
            MouseEventKind::Down(MouseButton::Left) => Some(Input::Click(*column, *row)),
            _ => None,
        },
        _ => None,
    }
}
