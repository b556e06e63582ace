//! The one table of keys: what each does, and how help and footer call it.

use crate::event::Key;
use crate::look::Glyphs;
use ratatui::crossterm::event::KeyCode;

/// What a key does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Leave the dashboard.
    Quit,
    /// Leave help, or else the dashboard.
    Back,
    /// Show or hide help.
    Help,
    /// Hold the picture still, or let it go on.
    Pause,
    /// Ask for a check of everything now.
    CheckNow,
    /// The next tab.
    Next,
    /// The tab before.
    Previous,
    /// The tab with the number of the key.
    Nth,
    /// The target that is worst.
    Worst,
    /// Show every panel in full, or only what fits.
    Expand,
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// One screen up.
    PageUp,
    /// One screen down.
    PageDown,
    /// The first line.
    Top,
    /// The last line.
    Bottom,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The keys, any of which does it.
    pub keys: &'static [Key],
    /// What they do.
    pub action: Action,
    /// One word for the footer; empty for keys that stand only in help.
    pub short: &'static str,
    /// What help says.
    pub help: &'static str,
}

impl Binding {
    /// The keys as people read them; of many keys the first and the last.
    pub fn label(&self, glyphs: &Glyphs) -> String {
        match self.keys {
            [first, .., last] if self.keys.len() > 3 => format!("{} to {}", first.label(glyphs), last.label(glyphs)),
            keys => keys.iter().map(|key| key.label(glyphs)).collect::<Vec<_>>().join(" "),
        }
    }
}

const DIGITS: &[Key] = &[
    Key::Char('0'),
    Key::Char('1'),
    Key::Char('2'),
    Key::Char('3'),
    Key::Char('4'),
    Key::Char('5'),
    Key::Char('6'),
    Key::Char('7'),
    Key::Char('8'),
    Key::Char('9'),
];

/// All keys, in the order of help; the footer takes those with a short word in the same order.
pub const KEYMAP: &[Binding] = &[
    bind(&[Key::Char('?')], Action::Help, "help", "show or hide this help"),
    bind(&[Key::Char('q'), Key::Ctrl('c')], Action::Quit, "quit", "quit"),
    bind(&[Key::Named(KeyCode::Esc)], Action::Back, "", "close help, or quit"),
    bind(&[Key::Char('w')], Action::Worst, "worst", "go to the worst target"),
    bind(&[Key::Char('r')], Action::CheckNow, "re-check", "check everything again now"),
    bind(&[Key::Char('p'), Key::Char(' ')], Action::Pause, "pause", "hold the picture, or go on"),
    bind(&[Key::Char('x')], Action::Expand, "expand", "show all panels in full, or fit"),
    bind(&[Key::Named(KeyCode::Tab), Key::Named(KeyCode::Right), Key::Char('l')], Action::Next, "", "next tab"),
    bind(&[Key::Named(KeyCode::BackTab), Key::Named(KeyCode::Left), Key::Char('h')], Action::Previous, "", "previous tab"),
    bind(DIGITS, Action::Nth, "", "overview (0) or that target"),
    bind(&[Key::Named(KeyCode::Up), Key::Char('k')], Action::Up, "", "one line up"),
    bind(&[Key::Named(KeyCode::Down), Key::Char('j')], Action::Down, "", "one line down"),
    bind(&[Key::Named(KeyCode::PageUp)], Action::PageUp, "", "one screen up"),
    bind(&[Key::Named(KeyCode::PageDown)], Action::PageDown, "", "one screen down"),
    bind(&[Key::Named(KeyCode::Home), Key::Char('g')], Action::Top, "", "first line"),
    bind(&[Key::Named(KeyCode::End), Key::Char('G')], Action::Bottom, "", "last line"),
];

const fn bind(keys: &'static [Key], action: Action, short: &'static str, help: &'static str) -> Binding {
    Binding { keys, action, short, help }
}

/// What a key does, and its place among the keys of its row; `None` for a key that does nothing.
pub fn lookup(key: Key) -> Option<(Action, usize)> {
    KEYMAP.iter().find_map(|binding| {
        let nth = binding.keys.iter().position(|bound| *bound == key)?;
        Some((binding.action, nth))
    })
}
