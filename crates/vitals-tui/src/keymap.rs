//! The one table of keys: what each does, and how help, footer and the guide call it.

use crate::event::Key;
use crate::look::Glyphs;
use ratatui::crossterm::event::KeyCode;

/// What a key does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Show or hide help.
    Help,
    /// Leave the dashboard.
    Quit,
    /// Show more of what is chosen.
    Open,
    /// Leave help, a search, or the screen for the one before.
    Back,
    /// The screen with the number of the key.
    Nth,
    /// The next screen.
    NextScreen,
    /// The screen before.
    PreviousScreen,
    /// The next target; where a server or an incident is shown, the next of them.
    NextOne,
    /// The one before.
    PreviousOne,
    /// The target that is worst.
    Worst,
    /// Look for text.
    Search,
    /// The next place with the text.
    NextHit,
    /// The place before.
    PreviousHit,
    /// Show only what is bad, or all.
    Bad,
    /// Show one integration point, or all.
    Point,
    /// The time that trends show.
    Range,
    /// Show every panel in full, or only what fits.
    Expand,
    /// Take an incident up.
    Acknowledge,
    /// Write about an incident.
    Note,
    /// Tell nobody for a while.
    Silence,
    /// Tell people again.
    Unsilence,
    /// Ask for a check of everything now.
    CheckNow,
    /// Hold the picture still, or let it go on.
    Pause,
    /// One picture of a recording back.
    StepBack,
    /// One picture of a recording on.
    StepOn,
    /// Listen to the mouse, or leave it to the terminal.
    Mouse,
    /// What is above, or one line up.
    Up,
    /// What is below, or one line down.
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

const DIGITS: &[Key] =
    &[Key::Char('1'), Key::Char('2'), Key::Char('3'), Key::Char('4'), Key::Char('5'), Key::Char('6'), Key::Char('7')];

/// All keys, in the order of help; the footer takes those with a short word in the same order.
pub const KEYMAP: &[Binding] = &[
    bind(&[Key::Char('?')], Action::Help, "help", "show or hide this help"),
    bind(&[Key::Char('q'), Key::Ctrl('c')], Action::Quit, "quit", "quit"),
    bind(&[Key::Named(KeyCode::Enter)], Action::Open, "open", "open what is chosen"),
    bind(&[Key::Named(KeyCode::Esc), Key::Named(KeyCode::Backspace)], Action::Back, "back", "back: out of help, search, screen"),
    bind(DIGITS, Action::Nth, "", "that screen"),
    bind(&[Key::Named(KeyCode::Tab), Key::Named(KeyCode::Right), Key::Char('l')], Action::NextScreen, "", "next screen"),
    bind(
        &[Key::Named(KeyCode::BackTab), Key::Named(KeyCode::Left), Key::Char('h')],
        Action::PreviousScreen,
        "",
        "previous screen",
    ),
    bind(&[Key::Char(']')], Action::NextOne, "", "next target, server or incident"),
    bind(&[Key::Char('[')], Action::PreviousOne, "", "previous one"),
    bind(&[Key::Char('w')], Action::Worst, "", "go to the worst target"),
    bind(&[Key::Char('a')], Action::Acknowledge, "acknowledge", "take the chosen incident up"),
    bind(&[Key::Char('s')], Action::Silence, "silence", "silence the checks of the chosen incident"),
    bind(&[Key::Char('c')], Action::Note, "note", "write a note about the chosen incident"),
    bind(&[Key::Char('u')], Action::Unsilence, "end silence", "end a silence that holds"),
    bind(&[Key::Char('/')], Action::Search, "search", "search this screen"),
    bind(&[Key::Char('n')], Action::NextHit, "", "next match"),
    bind(&[Key::Char('N')], Action::PreviousHit, "", "previous match"),
    bind(&[Key::Char('b')], Action::Bad, "bad only", "show only what is bad, or all"),
    bind(&[Key::Char('o')], Action::Point, "point", "show one integration point, or all"),
    bind(&[Key::Char('t')], Action::Range, "time", "time that trends show: live to 90d"),
    bind(&[Key::Char('x')], Action::Expand, "expand", "show all panels in full, or fit"),
    bind(&[Key::Char('p'), Key::Char(' ')], Action::Pause, "pause", "hold the picture, or go on"),
    bind(&[Key::Char('r')], Action::CheckNow, "re-check", "check everything again now"),
    bind(&[Key::Char(',')], Action::StepBack, "", "recording: one picture back"),
    bind(&[Key::Char('.')], Action::StepOn, "", "recording: one picture on"),
    bind(&[Key::Char('m')], Action::Mouse, "", "mouse on or off: wheel, click"),
    bind(&[Key::Named(KeyCode::Up), Key::Char('k')], Action::Up, "", "up"),
    bind(&[Key::Named(KeyCode::Down), Key::Char('j')], Action::Down, "", "down"),
    bind(&[Key::Named(KeyCode::PageUp)], Action::PageUp, "", "one page up"),
    bind(&[Key::Named(KeyCode::PageDown)], Action::PageDown, "", "one page down"),
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
