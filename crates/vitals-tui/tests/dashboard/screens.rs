//! Every fixture on a small and on a large terminal; colours and columns checked on the cells.

use super::{LARGE, SMALL, fixtures, paint, seen, state};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::sync::Arc;
use vitals_tui::event::{Input, Key};
use vitals_tui::{Colour, Look, State, Symbols};

#[test]
fn every_condition_on_both_sizes() {
    for (name, snapshot) in fixtures::all() {
        for size in [SMALL, LARGE] {
            let state = state(snapshot.clone(), size);
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), seen(&state, size));
        }
    }
}

#[test]
fn help_on_both_sizes() {
    for size in [SMALL, LARGE] {
        let mut state = state(fixtures::lying(), size);
        state.apply(Input::Key(Key::Char('?')));
        insta::assert_snapshot!(format!("help_{}x{}", size.0, size.1), seen(&state, size));
    }
}

#[test]
fn ascii_look_draws_nothing_beyond_ascii() {
    let look = Look { symbols: Symbols::Ascii, ..Look::default() };
    let mut state = State::new(Arc::new(fixtures::lying()), look, LARGE);
    insta::assert_snapshot!("lying_ascii", seen(&state, LARGE));
    assert!(seen(&state, LARGE).is_ascii());
    state.apply(Input::Key(Key::Char('?')));
    assert!(seen(&state, LARGE).is_ascii());
}

/// The cell where `text` begins on the screen, below the header.
fn cell<'a>(buffer: &'a Buffer, text: &str) -> &'a Cell {
    find(buffer, text).first().map_or_else(|| panic!("{text} is on the screen"), |position| &buffer[*position])
}

/// Where `text` begins in each row that has it, below header and tabs.
fn find(buffer: &Buffer, text: &str) -> Vec<(u16, u16)> {
    let first: String = text.chars().take(1).collect();
    let area = buffer.area;
    let at = |x: u16, y: u16| (x..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    let starts = |x: u16, y: u16| buffer[(x, y)].symbol() == first && at(x, y).starts_with(text);
    (2..area.height).filter_map(|y| (0..area.width).find(|x| starts(*x, y)).map(|x| (x, y))).collect()
}

#[test]
fn verdicts_and_marks_have_the_colour_of_their_health() {
    let terminal = paint(&state(fixtures::lying(), LARGE), LARGE);
    let buffer = terminal.backend().buffer();
    let ghost = cell(buffer, "GHOST");
    assert_eq!(ghost.fg, Color::Red);
    assert!(ghost.modifier.contains(Modifier::REVERSED | Modifier::BOLD));
    assert_eq!(cell(buffer, "HIDDEN").fg, Color::Yellow);
    assert_eq!(cell(buffer, "≠").fg, Color::Red);
    assert_eq!(cell(buffer, "agrees").fg, Color::Green);
    assert_eq!(cell(buffer, "✓ everything").fg, Color::Green);
    assert_eq!(cell(buffer, "✗ filesystem").fg, Color::Red);
    assert_eq!(cell(buffer, "! memory").fg, Color::Yellow);
    assert_eq!(cell(buffer, "45/100").fg, Color::Red);

    let terminal = paint(&state(fixtures::down(), LARGE), LARGE);
    assert_eq!(cell(terminal.backend().buffer(), "? everything").fg, Color::Magenta);
    let terminal = paint(&state(fixtures::expected(), LARGE), LARGE);
    assert_eq!(cell(terminal.backend().buffer(), "i linear").fg, Color::Cyan);
}

#[test]
fn a_healthy_screen_raises_its_voice_nowhere() {
    let terminal = paint(&state(fixtures::healthy(), LARGE), LARGE);
    let loud = [Color::Red, Color::Yellow, Color::Magenta];
    assert!(terminal.backend().buffer().content.iter().all(|cell| !loud.contains(&cell.fg)));
}

#[test]
fn without_colour_symbols_and_words_say_it_all() {
    let state = State::new(Arc::new(fixtures::lying()), Colour::Never.into(), LARGE);
    let terminal = paint(&state, LARGE);
    assert!(terminal.backend().buffer().content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(cell(terminal.backend().buffer(), "GHOST").modifier.contains(Modifier::REVERSED));
}

#[test]
fn wide_and_strange_names_do_not_break_the_columns() {
    for size in [SMALL, LARGE] {
        let terminal = paint(&state(fixtures::hostile(), size), size);
        let buffer = terminal.backend().buffer();
        let columns: Vec<u16> = find(buffer, "=  agrees").into_iter().map(|(x, _)| x).collect();
        assert!(!columns.is_empty() || size == SMALL, "servers are on the screen");
        assert!(columns.iter().all(|x| *x == columns[0]), "{columns:?}");
    }
}

#[test]
fn a_terminal_of_any_size_is_painted_without_panic() {
    for (_, snapshot) in fixtures::all() {
        for size in [(1, 1), (2, 5), (10, 3), (39, 8), (80, 2), (300, 90)] {
            let mut state = state(snapshot.clone(), size);
            paint(&state, size);
            state.apply(Input::Resize(20, 6));
            assert!(!seen(&state, (20, 6)).is_empty());
        }
    }
}
