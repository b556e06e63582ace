//! What the reader is asked before something happens: the text to look for, or whether an incident is really to be
//! taken up or silenced. While it is open every key belongs to it.

use std::time::Duration;

use ratatui::crossterm::event::KeyCode;
use vitals_model::quiet::Pattern;

use crate::event::Key;
use crate::said::{Command, Quieting};

/// Most characters that can be typed; further ones are not taken.
const TYPED_MAX: usize = 120;

/// For how long silences can be asked.
pub const LENGTHS: [Duration; 6] = [
    Duration::from_secs(15 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(8 * 3600),
    Duration::from_secs(24 * 3600),
    Duration::from_secs(7 * 24 * 3600),
];

/// A question, and what was typed so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prompt {
    /// What is asked.
    pub question: Question,
    /// What was typed.
    pub typed: String,
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// Text to look for.
    Search,
    /// Whether to take an incident up.
    Acknowledge {
        /// Its number.
        incident: u64,
        /// Its kind and what it is about.
        what: String,
    },
    /// What to write about an incident.
    Note {
        /// Its number.
        incident: u64,
        /// Its kind and what it is about.
        what: String,
    },
    /// Which silence to end.
    Unsilence {
        /// The number of each that holds, and what it is about.
        silences: Vec<(u64, String)>,
        /// The one that is chosen.
        nth: usize,
    },
    /// Whether to silence checks, and for how long.
    Silence {
        /// Of which target.
        target: String,
        /// Which checks, as a pattern.
        check: String,
        /// The place in [`LENGTHS`].
        length: usize,
    },
}

/// What came of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The question stands.
    Open,
    /// It was left.
    Left,
    /// This is to be looked for.
    Search(String),
    /// This is to be asked for.
    Ask(Command),
}

impl Prompt {
    /// A question, with nothing typed.
    pub const fn new(question: Question) -> Self {
        Self { question, typed: String::new() }
    }

    /// Takes a key in.
    pub fn press(&mut self, key: Key) -> Outcome {
        match key {
            Key::Named(KeyCode::Esc) | Key::Ctrl('c') => return Outcome::Left,
            Key::Named(KeyCode::Enter) => return self.confirm(),
            Key::Named(KeyCode::Backspace) => drop(self.typed.pop()),
            Key::Ctrl('u') => self.typed.clear(),
            Key::Named(KeyCode::Up) => self.choose(1),
            Key::Named(KeyCode::Down) => self.choose(-1),
            Key::Char(c) if self.typed.chars().count() < TYPED_MAX => self.typed.push(c),
            Key::Char(_) | Key::Ctrl(_) | Key::Named(_) => {}
        }
        Outcome::Open
    }

    /// The next longer time, or the next silence.
    fn choose(&mut self, by: isize) {
        match &mut self.question {
            Question::Silence { length, .. } => *length = length.saturating_add_signed(by).min(LENGTHS.len() - 1),
            Question::Unsilence { silences, nth } => *nth = nth.saturating_add_signed(-by).min(silences.len().saturating_sub(1)),
            Question::Search | Question::Acknowledge { .. } | Question::Note { .. } => {}
        }
    }

    fn confirm(&self) -> Outcome {
        let typed = self.typed.trim().to_owned();
        match &self.question {
            Question::Search => Outcome::Search(typed),
            Question::Acknowledge { incident, .. } => Outcome::Ask(Command::Acknowledge(*incident, typed)),
            // A note says something.
            Question::Note { .. } if typed.is_empty() => Outcome::Open,
            Question::Note { incident, .. } => Outcome::Ask(Command::Note(*incident, typed)),
            Question::Unsilence { silences, nth } => match silences.get(*nth) {
                Some((id, _)) => Outcome::Ask(Command::Unsilence(*id)),
                None => Outcome::Left,
            },
            Question::Silence { target, check, length } => Outcome::Ask(Command::Silence(Quieting {
                target: Pattern::new(target),
                check: Pattern::new(check),
                lasts: LENGTHS[*length],
                reason: typed,
            })),
        }
    }
}
