//! Keys: the table, the help made from it, and what each key does to the state.

use super::{LARGE, SMALL, fixtures, seen, state};
use ratatui::crossterm::event::KeyCode;
use std::sync::Arc;
use vitals_tui::event::{Input, Key};
use vitals_tui::keymap::{KEYMAP, lookup};
use vitals_tui::look::{Look, Pen};
use vitals_tui::state::{Flow, Tab};
use vitals_tui::{Command, State};

/// What a reader can tell apart: the picture, and what was asked for.
fn effect(state: &mut State, key: Key) -> (Option<Command>, String) {
    let command = state.apply(Input::Key(key));
    (command, seen(state, SMALL))
}

/// States from which a key may have an effect: as at the start, scrolled, on a target, with help open.
fn states() -> Vec<State> {
    let mut scrolled = state(fixtures::fleet(), SMALL);
    scrolled.apply(Input::Key(Key::Char('x')));
    scrolled.apply(Input::Key(Key::Char('1')));
    scrolled.apply(Input::Key(Key::Named(KeyCode::PageDown)));
    let mut help = state(fixtures::fleet(), SMALL);
    help.apply(Input::Key(Key::Char('?')));
    vec![state(fixtures::fleet(), SMALL), scrolled, help]
}

fn does_something(key: Key) -> bool {
    states().iter_mut().any(|state| {
        let before = seen(state, SMALL);
        let (command, after) = effect(state, key);
        command.is_some() || before != after
    })
}

#[test]
fn every_key_in_the_table_works_and_help_names_it() {
    let mut help = state(fixtures::lying(), LARGE);
    help.apply(Input::Key(Key::Char('?')));
    let help = seen(&help, LARGE);
    let pen = Pen::new(Look::default(), fixtures::NOW);
    for binding in KEYMAP {
        assert!(help.contains(binding.help), "help says `{}`", binding.help);
        assert!(help.contains(&binding.label(pen.glyphs)), "help names {}", binding.label(pen.glyphs));
        for key in binding.keys {
            assert!(does_something(*key), "{key:?} does something");
            assert_eq!(lookup(*key).map(|(action, _)| action), Some(binding.action), "{key:?} stands in one row only");
        }
    }
}

#[test]
fn a_key_that_is_not_in_the_table_does_nothing() {
    let named = [KeyCode::Enter, KeyCode::Backspace, KeyCode::Insert, KeyCode::Delete, KeyCode::F(1), KeyCode::Null];
    let keys = (' '..='~').flat_map(|c| [Key::Char(c), Key::Ctrl(c)]).chain(named.map(Key::Named));
    let idle: Vec<Key> = keys.filter(|key| lookup(*key).is_none()).collect();
    assert!(idle.len() > 100);
    for mut state in states() {
        let before = seen(&state, SMALL);
        for key in &idle {
            assert_eq!(state.apply(Input::Key(*key)), None, "{key:?} stands in no row");
        }
        assert_eq!(seen(&state, SMALL), before);
    }
}

#[test]
fn tabs_go_round_and_numbers_jump() {
    let mut state = state(fixtures::fleet(), SMALL);
    assert_eq!(*state.tab(), Tab::Overview);
    state.apply(Input::Key(Key::Named(KeyCode::BackTab)));
    assert_eq!(state.position(), 12);
    state.apply(Input::Key(Key::Named(KeyCode::Tab)));
    assert_eq!(state.position(), 0);
    state.apply(Input::Key(Key::Char('9')));
    assert_eq!(state.position(), 9);
    state.apply(Input::Key(Key::Char('w')));
    assert_eq!(state.position(), 1, "the failing hub is the worst");
}

#[test]
fn a_number_without_a_target_changes_nothing() {
    let mut state = state(fixtures::lying(), SMALL);
    let before = seen(&state, SMALL);
    state.apply(Input::Key(Key::Char('7')));
    assert_eq!(seen(&state, SMALL), before);
}

#[test]
fn scrolling_stops_at_both_ends() {
    let mut state = state(fixtures::fleet(), SMALL);
    state.apply(Input::Key(Key::Named(KeyCode::Up)));
    assert_eq!(state.scroll(), 0);
    state.apply(Input::Key(Key::Named(KeyCode::End)));
    let end = state.scroll();
    state.apply(Input::Key(Key::Named(KeyCode::PageDown)));
    assert_eq!(state.scroll(), end);
    state.apply(Input::Key(Key::Named(KeyCode::Up)));
    assert_eq!(state.scroll(), end - 1, "one step back is one step, however often the end was passed");
}

#[test]
fn a_pause_holds_the_picture_and_says_how_old_it_is() {
    let mut state = state(fixtures::lying(), SMALL);
    state.apply(Input::Key(Key::Char('p')));
    let mut later = fixtures::healthy();
    later.at = fixtures::NOW.plus(std::time::Duration::from_secs(12));
    state.apply(Input::Snapshot(Arc::new(later)));
    assert_eq!(state.flow(), Flow::Paused(std::time::Duration::from_secs(12)));
    let held = seen(&state, SMALL);
    assert!(held.contains("PAUSED, 12 s behind") && held.contains("GHOST"), "{held}");
    state.apply(Input::Key(Key::Char('p')));
    assert!(!seen(&state, SMALL).contains("GHOST"));
}

#[test]
fn the_first_target_is_shown_when_it_appears_and_left_when_it_goes() {
    let mut state = state(fixtures::empty(), SMALL);
    state.apply(Input::Snapshot(Arc::new(fixtures::healthy())));
    assert_eq!(state.position(), 1);
    state.apply(Input::Snapshot(Arc::new(fixtures::empty())));
    assert_eq!(*state.tab(), Tab::Overview);
}

#[test]
fn escape_closes_help_first_and_then_quits() {
    let mut state = state(fixtures::healthy(), SMALL);
    let escape = || Input::Key(Key::Named(KeyCode::Esc));
    state.apply(Input::Key(Key::Char('?')));
    assert_eq!(state.apply(escape()), None);
    assert_eq!(state.apply(escape()), Some(Command::Quit));
}
