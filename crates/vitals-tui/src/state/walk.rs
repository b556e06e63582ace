//! Walking about in the dashboard: from screen to screen and back, from line to line, from hit to hit.

use super::place::{Place, Screen};
use super::{BACK_MAX, Cover, Spot, State};
use crate::screen;
use crate::widgets::lines::Goal;
use crate::widgets::servers::badness;
use std::cmp::Reverse;
use vitals_model::snapshot::TargetState;
use vitals_model::text::Text;

impl State {
    /// Goes to a place and remembers the way back.
    fn go(&mut self, place: Place) {
        self.cover = Cover::None;
        if place == self.place {
            return;
        }
        if self.back.len() == BACK_MAX {
            self.back.remove(0);
        }
        let from = std::mem::replace(&mut self.place, place);
        self.back.push((from, std::mem::take(&mut self.spot)));
        self.search.clear();
        if self.place.screen == Screen::Log {
            self.spot.scroll = usize::MAX; // The newest stand last.
        }
    }

    /// The screen at this place of the tabs, of the target last chosen, or else of the worst one.
    pub(super) fn go_to(&mut self, nth: usize) {
        let Some(screen) = Screen::ALL.get(nth).copied() else { return };
        let mut place = Place { screen, incident: None, ..self.place.clone() };
        if screen != Screen::Overview && screen != Screen::Incidents && place.target.is_none() {
            place.target = self.worst().map(|state| state.target.id.clone());
        }
        if screen == Screen::Server && place.server.is_none() {
            let known = place.target.as_ref().and_then(|id| self.shown.targets.iter().find(|s| s.target.id == *id));
            place.server = known.and_then(|state| worst_server(state));
        }
        self.go(place);
    }

    pub(super) fn go_to_worst(&mut self) {
        if let Some(worst) = self.worst() {
            let place = self.place.of_target(worst.target.id.clone(), Screen::Target);
            self.go(place);
        }
    }

    /// The first of the worst targets.
    fn worst(&self) -> Option<&TargetState> {
        let targets = self.shown.targets.iter().enumerate();
        targets.max_by_key(|(n, state)| (state.health, Reverse(*n))).map(|(_, state)| state.as_ref())
    }

    /// Out of help, then out of a search, then to the place before.
    pub(super) fn go_back(&mut self) {
        if self.cover == Cover::Help {
            self.cover = Cover::None;
        } else if !self.search.is_empty() {
            self.search.clear();
        } else if let Some((place, spot)) = self.back.pop() {
            (self.place, self.spot) = (place, spot);
        }
    }

    /// Whether the key for back does something.
    pub fn has_way_back(&self) -> bool {
        self.cover == Cover::Help || !self.search.is_empty() || !self.back.is_empty()
    }

    /// Opens what is under the cursor; with nothing chosen, the first that can be opened and is visible.
    pub(super) fn open(&mut self) {
        if self.cover == Cover::Help {
            return;
        }
        let chosen = self.spot.cursor.clone().or_else(|| self.visible().next().cloned());
        if let Some((_, goal)) = chosen {
            self.go(self.place.towards(&goal));
        }
    }

    /// The next or the one before of what the screen is about: incidents, servers of a target, or targets.
    pub(super) fn step(&mut self, by: isize) {
        let place = match (self.place.screen, self.place.incident) {
            (Screen::Incidents, Some(id)) => {
                let ids: Vec<u64> = self.open_incidents().map(|incident| incident.id).collect();
                turn(&ids, &id, by).map(|id| Place { incident: Some(id), ..self.place.clone() })
            }
            (Screen::Server, _) => self.target().zip(self.place.server.as_ref()).and_then(|(state, server)| {
                let names: Vec<Text> = state.servers.iter().map(|server| server.name.clone()).collect();
                turn(&names, server, by).map(|name| Place { server: Some(name), ..self.place.clone() })
            }),
            (Screen::Overview | Screen::Incidents, _) => None,
            (screen, _) => self.place.target.as_ref().and_then(|id| {
                let ids: Vec<_> = self.shown.targets.iter().map(|state| state.target.id.clone()).collect();
                turn(&ids, id, by).map(|id| self.place.of_target(id, screen))
            }),
        };
        // A step aside is no way back: back leads to where the first of them was opened.
        if let Some(place) = place {
            (self.place, self.spot) = (place, Spot::default());
        }
    }

    /// A click on a tab goes there, one on a line that leads somewhere opens it.
    pub(super) fn click(&mut self, column: u16, row: u16) {
        if row == screen::TABS_ROW {
            if let Some(nth) = screen::tab_at(self, usize::from(column)) {
                self.go_to(nth);
            }
            return;
        }
        let top = screen::body_top(self.size.1);
        let line = row.checked_sub(top).map(usize::from).filter(|row| *row < self.page());
        let goal = line.and_then(|row| self.lines.links().iter().find(|(n, _)| *n == row + self.spot.scroll));
        if let Some((_, goal)) = goal {
            self.go(self.place.towards(&goal.clone()));
        }
    }

    /// The lines that lead somewhere and are visible.
    fn visible(&self) -> impl Iterator<Item = &(usize, Goal)> {
        let lines = self.spot.scroll..self.spot.scroll + self.page();
        self.lines.links().iter().filter(move |(n, _)| lines.contains(n))
    }

    /// The line under the cursor; `None` when nothing is chosen or it is gone.
    pub fn cursor_line(&self) -> Option<usize> {
        let (at, goal) = self.spot.cursor.as_ref()?;
        let places = self.lines.links().iter().filter(|(_, known)| known == goal).map(|(line, _)| *line);
        places.min_by_key(|line| line.abs_diff(*at))
    }

    /// The cursor goes to what is below, or the screen scrolls when nothing is.
    pub(super) fn down(&mut self) {
        let at = self.cursor_line().filter(|line| *line >= self.spot.scroll);
        let bottom = self.spot.scroll + self.page();
        let next = match at {
            Some(at) => self.lines.links().iter().find(|(line, _)| *line > at),
            None => self.visible().next(),
        };
        match next.cloned() {
            Some((line, goal)) if line < bottom + self.page() => self.choose(line, goal),
            _ => self.spot.scroll += 1,
        }
    }

    /// The cursor goes to what is above, or the screen scrolls when nothing is.
    pub(super) fn up(&mut self) {
        let at = self.cursor_line().filter(|line| *line < self.spot.scroll + self.page());
        let next = match at {
            Some(at) => self.lines.links().iter().rev().find(|(line, _)| *line < at),
            None => self.visible().last(),
        };
        match next.cloned() {
            Some((line, goal)) if line + self.page() >= self.spot.scroll => self.choose(line, goal),
            _ => self.spot.scroll = self.spot.scroll.saturating_sub(1),
        }
    }

    fn choose(&mut self, line: usize, goal: Goal) {
        self.spot.cursor = Some((line, goal));
        self.bring_into_view(line);
    }

    fn bring_into_view(&mut self, line: usize) {
        let page = self.page();
        self.spot.scroll = self.spot.scroll.clamp((line + 1).saturating_sub(page), line);
    }

    pub(super) fn look_for(&mut self, text: String) {
        self.search = text;
        self.prompt = None;
        self.lay_out();
        if let Some(first) = self.hits.iter().find(|line| **line >= self.spot.scroll).or(self.hits.first()).copied() {
            self.land(first);
        } else if !self.search.is_empty() {
            self.answer = Some(format!("nothing on this screen has `{}`", self.search));
            self.search.clear();
        }
    }

    pub(super) fn find_hits(&mut self) {
        let needle = self.search().to_lowercase();
        self.hits.clear();
        if !needle.is_empty() {
            let lines = self.lines.all().iter().enumerate();
            self.hits.extend(lines.filter(|(_, line)| line.to_string().to_lowercase().contains(&needle)).map(|(n, _)| n));
        }
    }

    pub(super) fn next_hit(&mut self) {
        let at = self.landed();
        if let Some(line) = self.hits.iter().find(|line| **line > at).or(self.hits.first()).copied() {
            self.land(line);
        }
    }

    pub(super) fn previous_hit(&mut self) {
        let at = self.landed();
        if let Some(line) = self.hits.iter().rev().find(|line| **line < at).or(self.hits.last()).copied() {
            self.land(line);
        }
    }

    /// The hit that the reader was brought to last.
    fn landed(&self) -> usize {
        self.hit.unwrap_or(self.spot.scroll)
    }

    fn land(&mut self, line: usize) {
        self.hit = Some(line);
        self.spot.cursor = self.lines.links().iter().rev().find(|(n, _)| *n <= line).cloned();
        self.bring_into_view(line);
    }

    /// Which of the hits the reader was brought to, from 1, and how many there are.
    pub fn hit_of(&self) -> (usize, usize) {
        let nth = self.hits.iter().position(|line| Some(*line) == self.hit);
        (nth.map_or(0, |n| n + 1), self.hits.len())
    }
}

/// The server that a reader should see first.
fn worst_server(state: &TargetState) -> Option<Text> {
    let servers = state.servers.iter().enumerate();
    servers.max_by_key(|(n, server)| (badness(server), Reverse(*n))).map(|(_, server)| server.name.clone())
}

/// The one that stands `by` places after this one, round the end.
fn turn<T: PartialEq + Clone>(all: &[T], from: &T, by: isize) -> Option<T> {
    let at = all.iter().position(|one| one == from);
    let next = match at {
        Some(at) => (at.cast_signed() + by).rem_euclid(all.len().cast_signed()).cast_unsigned(),
        None => 0,
    };
    all.get(next).cloned()
}
