//! The state of the live dashboard, and how it changes. Pure: inputs in, at most one command out.

pub mod place;
pub mod prompt;
mod walk;
mod word;

use crate::event::{Input, Key, Wheel};
use crate::filter::Filter;
use crate::keymap::{Action, lookup};
use crate::look::{Look, Pen};
use crate::said::{Command, Found, Link, Mouse, Play, Playing, Range, Recall, Said, What};
use crate::screen;
use crate::widgets::lines::{Goal, Lines};
use crate::widgets::panel::Room;
use place::{Place, Screen};
use prompt::{Outcome, Prompt, Question};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use vitals_model::snapshot::{Snapshot, TargetState};
use vitals_model::time::Timestamp;

/// Places that the way back remembers; beyond it the oldest is forgotten.
const BACK_MAX: usize = 32;
/// Lines that one turn of the wheel scrolls.
const WHEEL_LINES: usize = 3;
/// How old something that was looked up may grow before it is looked up again.
const RECALLED_FRESH: Duration = Duration::from_secs(60);

/// How the picture relates to time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Flow {
    /// It follows the newest snapshot.
    Live,
    /// It is held still; the newest snapshot is this much later.
    Paused(Duration),
    /// It is out of a recording.
    Playing(Playing),
    /// Nothing comes any more, and why.
    Lost(String),
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

/// Something looked up, and the time of the snapshot shown then.
#[derive(Debug)]
struct Recalled {
    of: Recall,
    found: Found,
    at: Timestamp,
}

/// Where on a screen the reader was.
#[derive(Clone, Debug, Default)]
struct Spot {
    scroll: usize,
    /// What is chosen, and in which line it last stood: it may stand in several.
    cursor: Option<(usize, Goal)>,
}

/// Everything that decides what the screen shows.
#[derive(Debug)]
pub struct State {
    look: Look,
    shown: Arc<Snapshot>,
    /// The newest snapshot, while an older one is held.
    waiting: Option<Arc<Snapshot>>,
    paused: bool,
    playing: Option<Playing>,
    link: Link,
    place: Place,
    back: Vec<(Place, Spot)>,
    spot: Spot,
    cover: Cover,
    detail: Detail,
    filter: Filter,
    range: Range,
    mouse: Mouse,
    prompt: Option<Prompt>,
    search: String,
    /// Lines of the document with the text that is looked for.
    hits: Vec<usize>,
    /// The one that the reader was brought to last.
    hit: Option<usize>,
    /// What was looked up last, one of each kind.
    recalled: Vec<Recalled>,
    asked: Option<Recall>,
    size: (u16, u16),
    caption: Option<String>,
    /// What became of the last thing asked for.
    answer: Option<String>,
    /// The document of the screen, made anew by every change and only then.
    lines: Lines,
}

impl State {
    /// The first picture. A single target is shown at once, several begin with the overview.
    pub fn new(snapshot: Arc<Snapshot>, look: Look, size: (u16, u16)) -> Self {
        let mut state = Self {
            look,
            shown: Arc::default(),
            waiting: None,
            paused: false,
            playing: None,
            link: Link::Held,
            place: Place::overview(),
            back: Vec::new(),
            spot: Spot::default(),
            cover: Cover::None,
            detail: Detail::Fit,
            filter: Filter::default(),
            range: Range::default(),
            mouse: Mouse::Off,
            prompt: None,
            search: String::new(),
            hits: Vec::new(),
            hit: None,
            recalled: Vec::new(),
            asked: None,
            size,
            caption: None,
            answer: None,
            lines: Lines::new(),
        };
        state.show(snapshot);
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
            Input::Wheel(Wheel::Up) => {
                self.spot.scroll = self.spot.scroll.saturating_sub(WHEEL_LINES);
                None
            }
            Input::Wheel(Wheel::Down) => {
                self.spot.scroll += WHEEL_LINES;
                None
            }
            Input::Click(column, row) => {
                self.click(column, row);
                None
            }
            Input::Said(said) => {
                self.hear(said);
                None
            }
            Input::Key(key) => self.press(key),
        };
        self.lay_out();
        command.or_else(|| self.recall())
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::Caption(caption) => self.caption = Some(caption),
            Said::Answer(answer) => self.answer = Some(answer),
            Said::Link(link) => self.link = link,
            Said::Playing(playing) => self.playing = Some(playing),
            Said::Recalled(of, found) => {
                let same_kind = |what: What| std::mem::discriminant(&what) == std::mem::discriminant(&of.what);
                self.recalled.retain(|old| !same_kind(old.of.what));
                self.asked = self.asked.take().filter(|asked| *asked != of);
                self.recalled.push(Recalled { of, found, at: self.shown.at });
            }
        }
    }

    /// What has to be looked up for this screen, unless it was asked for already.
    fn recall(&mut self) -> Option<Command> {
        let what = match self.place.screen {
            Screen::Target | Screen::Server if self.range != Range::Live => What::Trends(self.range),
            Screen::Scenarios => What::Scenarios,
            Screen::Criteria => What::Criteria,
            _ => return None,
        };
        let wanted = Recall { target: self.place.target.clone()?, what };
        let fresh = |old: &Recalled| old.of == wanted && self.shown.at.since(old.at) < RECALLED_FRESH;
        if self.asked.as_ref() == Some(&wanted) || self.recalled.iter().any(fresh) {
            return None;
        }
        self.asked = Some(wanted.clone());
        Some(Command::Recall(wanted))
    }

    /// What was looked up of the target shown; `None` while it is not there yet.
    pub fn found(&self, what: What) -> Option<&Found> {
        let known = |old: &&Recalled| Some(&old.of.target) == self.place.target.as_ref() && old.of.what == what;
        self.recalled.iter().find(known).map(|recalled| &recalled.found)
    }

    fn press(&mut self, key: Key) -> Option<Command> {
        if let Some(prompt) = &mut self.prompt {
            match prompt.press(key) {
                Outcome::Open => return None,
                Outcome::Left => {}
                Outcome::Search(text) => self.look_for(text),
                Outcome::Ask(command) => {
                    self.prompt = None;
                    return Some(command);
                }
            }
            self.prompt = None;
            return None;
        }
        let (action, nth) = lookup(key)?;
        self.answer = None;
        self.ask(action).or_else(|| {
            self.act(action, nth);
            None
        })
    }

    /// What an action asks of the rest of the program, if anything.
    fn ask(&mut self, action: Action) -> Option<Command> {
        match action {
            Action::Quit => Some(Command::Quit),
            Action::CheckNow => Some(Command::CheckNow),
            Action::Pause if self.playing.is_some() => Some(Command::Play(Play::Toggle)),
            Action::StepBack if self.playing.is_some() => Some(Command::Play(Play::Back)),
            Action::StepOn if self.playing.is_some() => Some(Command::Play(Play::On)),
            Action::Mouse => {
                self.mouse = if self.mouse == Mouse::Off { Mouse::On } else { Mouse::Off };
                let now = if self.mouse == Mouse::On { "the mouse scrolls and opens" } else { "the mouse selects text" };
                self.answer = Some(now.to_owned());
                Some(Command::Mouse(self.mouse))
            }
            _ => None,
        }
    }

    fn act(&mut self, action: Action, nth: usize) {
        let page = self.page();
        match action {
            Action::Help => self.cover = if self.cover == Cover::Help { Cover::None } else { Cover::Help },
            Action::Open => self.open(),
            Action::Back => self.go_back(),
            Action::Nth => self.go_to(nth),
            Action::NextScreen => self.go_to((self.place.screen as usize + 1) % Screen::ALL.len()),
            Action::PreviousScreen => self.go_to((self.place.screen as usize + Screen::ALL.len() - 1) % Screen::ALL.len()),
            Action::NextOne => self.step(1),
            Action::PreviousOne => self.step(-1),
            Action::Worst => self.go_to_worst(),
            Action::Search => self.prompt = Some(Prompt::new(Question::Search)),
            Action::NextHit => self.next_hit(),
            Action::PreviousHit => self.previous_hit(),
            Action::Bad => self.filter.turn_bad(),
            Action::Point => self.filter.next_point(),
            Action::Range => self.range = self.range.next(),
            Action::Expand => self.detail = if self.detail == Detail::Fit { Detail::Full } else { Detail::Fit },
            Action::Acknowledge => self.ask_to_acknowledge(),
            Action::Note => self.ask_for_a_note(),
            Action::Silence => self.ask_to_silence(),
            Action::Unsilence => self.ask_to_unsilence(),
            Action::Pause => self.pause(),
            Action::Up => self.up(),
            Action::Down => self.down(),
            Action::PageUp => self.spot.scroll = self.spot.scroll.saturating_sub(page),
            Action::PageDown => self.spot.scroll += page,
            Action::Top => self.spot = Spot::default(),
            Action::Bottom => self.spot = Spot { scroll: self.lines.len(), cursor: self.lines.links().last().cloned() },
            Action::Quit | Action::CheckNow | Action::Mouse | Action::StepBack | Action::StepOn => {}
        }
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
            self.place = self.place.of_target(only.target.id.clone(), Screen::Target);
        }
        self.shown = snapshot;
        if self.place.target.is_some() && self.target().is_none() {
            self.place = Place::overview(); // The target is no longer watched.
            self.back.clear();
        }
    }

    fn lay_out(&mut self) {
        let room = match self.detail {
            Detail::Fit if self.search.is_empty() => Room::Lines(self.page()),
            Detail::Fit | Detail::Full => Room::Endless,
        };
        self.lines = screen::document(self, room);
        self.find_hits();
        self.spot.scroll = self.spot.scroll.min(self.lines.len().saturating_sub(self.page()));
    }

    /// Lines of the document that are visible at once.
    pub fn page(&self) -> usize {
        screen::page(self)
    }

    fn target(&self) -> Option<&TargetState> {
        let id = self.place.target.as_ref()?;
        self.shown.targets.iter().find(|state| state.target.id == *id).map(Arc::as_ref)
    }

    /// The target that the place is about, as far as filter and range show it.
    pub fn shown_target(&self) -> Option<Cow<'_, TargetState>> {
        let mut state = self.filter.of(self.target()?);
        if self.range != Range::Live {
            state.to_mut().trends = match self.found(What::Trends(self.range)) {
                Some(Found::Trends(trends)) => trends.clone(),
                _ => BTreeMap::new(),
            };
        }
        Some(state)
    }

    /// How the picture relates to time.
    pub fn flow(&self) -> Flow {
        match (&self.link, self.playing) {
            _ if self.paused => {
                Flow::Paused(self.waiting.as_ref().map_or(Duration::ZERO, |newest| newest.at.since(self.shown.at)))
            }
            (Link::Lost(why), _) => Flow::Lost(why.clone()),
            (Link::Held, Some(playing)) => Flow::Playing(playing),
            (Link::Held, None) => Flow::Live,
        }
    }

    /// The pen for this picture.
    pub fn pen(&self) -> Pen {
        Pen::new(self.look, self.shown.at)
    }
}

/// What screens read.
impl State {
    /// What a narrator says of the picture, if one does.
    pub fn caption(&self) -> Option<&str> {
        self.caption.as_deref()
    }

    /// What became of the last thing asked for.
    pub fn answer(&self) -> Option<&str> {
        self.answer.as_deref()
    }

    /// What the reader is asked.
    pub const fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref()
    }

    /// The text that is looked for; empty when none is.
    pub fn search(&self) -> &str {
        match &self.prompt {
            Some(Prompt { question: Question::Search, typed }) => typed,
            _ => &self.search,
        }
    }

    /// Lines of the document with that text.
    pub fn hits(&self) -> &[usize] {
        &self.hits
    }

    /// The snapshot shown.
    pub fn snapshot(&self) -> &Snapshot {
        &self.shown
    }

    /// Where the reader is.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Whether help covers the screen.
    pub fn is_helping(&self) -> bool {
        self.cover == Cover::Help
    }

    /// What is shown of targets.
    pub const fn filter(&self) -> Filter {
        self.filter
    }

    /// The time that trends show.
    pub const fn range(&self) -> Range {
        self.range
    }

    /// The document of the screen.
    pub const fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The first visible line of the document.
    pub const fn scroll(&self) -> usize {
        self.spot.scroll
    }

    /// Width and height of the terminal, in cells.
    pub const fn size(&self) -> (u16, u16) {
        self.size
    }
}
