//! The state of the live dashboard, and how it changes. Pure: inputs in, at most one command out.

use crate::event::{Input, Key};
use crate::keymap::{Action, lookup};
use crate::look::{Look, Pen};
use crate::screen::{self, help, overview, target};
use crate::widgets::panel::Room;
use ratatui::text::Line;
use std::sync::Arc;
use std::time::Duration;
use vitals_model::snapshot::{Snapshot, TargetState};
use vitals_model::target::TargetId;

/// What a reader asks of the rest of the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// Check everything now.
    CheckNow,
    /// The reader leaves.
    Quit,
}

/// Which screen is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tab {
    /// All targets.
    Overview,
    /// One target, by its id: its place may change from snapshot to snapshot.
    Target(TargetId),
}

/// How the picture relates to time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// It follows the newest snapshot.
    Live,
    /// It is held still; the newest snapshot is this much later.
    Paused(Duration),
    /// It is printed once.
    Printed,
}

/// How much of the panels is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Detail {
    /// What fits, the rest collapsed.
    Fit,
    /// All of it, to be scrolled.
    Full,
}

/// Whether help covers the screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cover {
    None,
    Help,
}

/// Everything that decides what the screen shows.
#[derive(Debug)]
pub struct State {
    look: Look,
    shown: Arc<Snapshot>,
    /// The newest snapshot, while an older one is held.
    waiting: Option<Arc<Snapshot>>,
    paused: bool,
    tab: Tab,
    cover: Cover,
    detail: Detail,
    scroll: usize,
    size: (u16, u16),
    /// What a narrator says of the picture.
    caption: Option<String>,
    /// The document of the screen, made anew by every change and only then.
    lines: Vec<Line<'static>>,
}

impl State {
    /// The first picture. A single target is shown at once, several begin with the overview.
    pub fn new(snapshot: Arc<Snapshot>, look: Look, size: (u16, u16)) -> Self {
        let tab = match snapshot.targets.as_slice() {
            [only] => Tab::Target(only.target.id.clone()),
            _ => Tab::Overview,
        };
        let mut state = Self {
            look,
            shown: snapshot,
            waiting: None,
            paused: false,
            tab,
            cover: Cover::None,
            detail: Detail::Fit,
            scroll: 0,
            size,
            caption: None,
            lines: Vec::new(),
        };
        state.lay_out();
        state
    }

    /// Takes an input in; what the reader asks for comes out.
    pub fn apply(&mut self, input: Input) -> Option<Command> {
        let command = match input {
            Input::Snapshot(snapshot) if self.paused => {
                self.waiting = Some(snapshot);
                None
            }
            Input::Snapshot(snapshot) => {
                self.show(snapshot);
                None
            }
            Input::Resize(width, height) => {
                self.size = (width, height);
                None
            }
            Input::Caption(caption) => {
                self.caption = Some(caption);
                None
            }
            Input::Key(key) => self.press(key),
        };
        self.lay_out();
        command
    }

    fn press(&mut self, key: Key) -> Option<Command> {
        let (action, nth) = lookup(key)?;
        let page = self.page();
        match action {
            Action::Quit => return Some(Command::Quit),
            Action::Back if self.cover == Cover::None => return Some(Command::Quit),
            Action::Back => self.cover = Cover::None,
            Action::Help => self.cover = if self.cover == Cover::Help { Cover::None } else { Cover::Help },
            Action::Pause => self.pause(),
            Action::CheckNow => return Some(Command::CheckNow),
            Action::Next => self.go(self.position() + 1),
            Action::Previous => self.go(self.position().checked_sub(1).unwrap_or(self.shown.targets.len())),
            Action::Nth if nth <= self.shown.targets.len() => self.go(nth),
            Action::Nth => {}
            Action::Worst => self.go(self.worst()),
            Action::Expand => self.detail = if self.detail == Detail::Fit { Detail::Full } else { Detail::Fit },
            Action::Up => self.scroll = self.scroll.saturating_sub(1),
            Action::Down => self.scroll += 1,
            Action::PageUp => self.scroll = self.scroll.saturating_sub(page),
            Action::PageDown => self.scroll += page,
            Action::Top => self.scroll = 0,
            Action::Bottom => self.scroll = self.lines.len(),
        }
        None
    }

    fn pause(&mut self) {
        self.paused = !self.paused;
        if let Some(newest) = self.waiting.take() {
            self.show(newest);
        }
    }

    /// Shows a snapshot. The first target that appears in an empty picture is shown at once.
    fn show(&mut self, snapshot: Arc<Snapshot>) {
        if self.shown.targets.is_empty()
            && let [only] = snapshot.targets.as_slice()
        {
            self.tab = Tab::Target(only.target.id.clone());
        }
        self.shown = snapshot;
        if matches!(self.tab, Tab::Target(_)) && self.target().is_none() {
            self.tab = Tab::Overview; // The target is no longer watched.
        }
    }

    /// Shows the tab at this place; beyond the last one it is the first again.
    fn go(&mut self, position: usize) {
        let id = position.checked_sub(1).and_then(|n| self.shown.targets.get(n)).map(|state| state.target.id.clone());
        self.tab = id.map_or(Tab::Overview, Tab::Target);
        self.cover = Cover::None;
        self.scroll = 0;
    }

    /// The place of the first of the worst targets; the overview when there is none.
    fn worst(&self) -> usize {
        let targets = self.shown.targets.iter().enumerate();
        targets.max_by_key(|(n, state)| (state.health, std::cmp::Reverse(*n))).map_or(0, |(n, _)| n + 1)
    }

    fn lay_out(&mut self) {
        let columns = usize::from(self.size.0.saturating_sub(2)); // One column stays free on each side.
        let room = match self.detail {
            Detail::Fit => Room::Lines(self.page()),
            Detail::Full => Room::Endless,
        };
        let pen = self.pen();
        self.lines = match (self.cover, self.target()) {
            (Cover::Help, _) => help::lines(pen, columns, Room::Endless),
            (Cover::None, Some(state)) => target::lines(state, pen, columns, room),
            (Cover::None, None) => overview::lines(&self.shown, pen, columns, room),
        };
        self.scroll = self.scroll.min(self.lines.len().saturating_sub(self.page()));
    }

    /// Lines of the document that are visible at once.
    fn page(&self) -> usize {
        usize::from(screen::page(self.size.1).saturating_sub(screen::caption_lines(self)).max(1))
    }

    /// What a narrator says of the picture, if one does.
    pub fn caption(&self) -> Option<&str> {
        self.caption.as_deref()
    }

    fn target(&self) -> Option<&TargetState> {
        let Tab::Target(id) = &self.tab else { return None };
        self.shown.targets.iter().find(|state| state.target.id == *id).map(Arc::as_ref)
    }

    /// The snapshot shown.
    pub fn snapshot(&self) -> &Snapshot {
        &self.shown
    }

    /// The chosen tab.
    pub const fn tab(&self) -> &Tab {
        &self.tab
    }

    /// The place of the chosen tab: 0 for the overview, n for the nth target.
    pub fn position(&self) -> usize {
        let Tab::Target(id) = &self.tab else { return 0 };
        self.shown.targets.iter().position(|state| state.target.id == *id).map_or(0, |n| n + 1)
    }

    /// How the picture relates to time.
    pub fn flow(&self) -> Flow {
        if self.paused {
            Flow::Paused(self.waiting.as_ref().map_or(Duration::ZERO, |newest| newest.at.since(self.shown.at)))
        } else {
            Flow::Live
        }
    }

    /// The document of the screen.
    pub fn lines(&self) -> &[Line<'static>] {
        &self.lines
    }

    /// The first visible line of the document.
    pub const fn scroll(&self) -> usize {
        self.scroll
    }

    /// The pen for this picture.
    pub fn pen(&self) -> Pen {
        Pen::new(self.look, self.shown.at)
    }
}
