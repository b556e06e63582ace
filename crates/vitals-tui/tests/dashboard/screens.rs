//! Every fixture on a small and on a large terminal; colours and columns checked on the cells.

use super::{LARGE, SMALL, fixtures, paint, press, pressed, seen, state};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::sync::Arc;
use vitals_model::target::TargetId;
use vitals_tui::event::{Input, Key};
use vitals_tui::said::{Found, Link, Recall, What};
use vitals_tui::state::place::Screen;
use vitals_tui::{Colour, Look, Said, State, Symbols};

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

/// Every screen in every state: nothing watched, all well, much wrong, and nothing coming any more.
#[test]
fn every_screen_in_every_state() {
    let lost = Said::Link(Link::Lost("connection refused".to_owned()));
    let states = [
        ("empty", fixtures::empty(), None),
        ("healthy", fixtures::healthy(), None),
        ("failing", fixtures::handled(), None),
        ("disconnected", fixtures::handled(), Some(lost)),
    ];
    for (name, snapshot, said) in states {
        for (nth, screen) in Screen::ALL.into_iter().enumerate() {
            for size in [SMALL, LARGE] {
                let mut state = pressed(snapshot.clone(), size, &(nth + 1).to_string());
                if let Some(target) = state.place().target.clone() {
                    tell_what_is_known(&mut state, &target, name);
                }
                if let Some(said) = said.clone() {
                    state.apply(Input::Said(said));
                }
                let name = format!("screen_{}_{name}_{}x{}", screen.as_str(), size.0, size.1);
                insta::assert_snapshot!(name, seen(&state, size));
            }
        }
    }
}

/// What the history has: of a healthy hub that was just found, nothing.
fn tell_what_is_known(state: &mut State, target: &TargetId, name: &str) {
    let nothing = || Found::Nothing("There is no history yet: `mcp-vitals watch` keeps one.".to_owned());
    let of = |what| Recall { target: target.clone(), what };
    let found = if name == "healthy" { [nothing(), nothing()] } else { [fixtures::criteria(), fixtures::scenarios()] };
    for (what, found) in [What::Criteria, What::Scenarios].into_iter().zip(found) {
        state.apply(Input::Said(Said::Recalled(of(what), found)));
    }
}

#[test]
fn an_incident_with_all_that_belongs_to_it() {
    for size in [SMALL, LARGE] {
        for (name, keys) in
            [("ghost", "4j\n"), ("follower", "4jjj\n"), ("asked", "4ja"), ("silencing", "4js"), ("found", "/hung\n")]
        {
            let state = pressed(fixtures::handled(), size, keys);
            insta::assert_snapshot!(format!("incident_{name}_{}x{}", size.0, size.1), seen(&state, size));
        }
    }
}

#[test]
fn no_screen_lets_a_hostile_text_out_or_breaks() {
    for nth in 1..=7 {
        for size in [SMALL, LARGE, (30, 10), (5, 3)] {
            let state = pressed(fixtures::hostile(), size, &nth.to_string());
            let terminal = paint(&state, size);
            for cell in &terminal.backend().buffer().content {
                let harmful = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
                assert!(!cell.symbol().chars().any(harmful), "{:?}", cell.symbol());
            }
            for line in state.lines().all().iter().filter(|_| size.0 >= SMALL.0) {
                assert!(line.width() <= usize::from(size.0), "screen {nth} at {size:?}: {line}");
            }
        }
    }
}

#[test]
fn every_screen_shows_how_bad_in_its_colour() {
    let of = |keys: &str, text: &str| {
        let mut state = pressed(fixtures::handled(), LARGE, keys);
        if let Some(target) = state.place().target.clone() {
            tell_what_is_known(&mut state, &target, "failing");
        }
        let terminal = paint(&state, LARGE);
        cell(terminal.backend().buffer(), text).fg
    };
    for (keys, text, colour) in [
        ("1", "✗ hub-7001", Color::Red),
        ("2", "!  TOOLS", Color::Yellow),
        ("3", "GHOST", Color::Red),
        ("3", "! drift", Color::Yellow),
        ("3", "✓ API", Color::Green),
        ("4", "HUNG", Color::Red),
        ("4", "! ", Color::Yellow),
        ("4", "i   S3", Color::Cyan),
        ("4j\n", "?  3m 10s", Color::Magenta),
        ("6", "✗ server-crash", Color::Red),
        ("6", "✓ five-clients", Color::Green),
        ("7", "✗ error-rate", Color::Red),
        ("7", "? isolation", Color::Magenta),
    ] {
        assert_eq!(of(keys, text), colour, "{text} on screen {keys}");
    }
}

#[test]
fn the_chosen_line_has_a_sign_before_it() {
    for look in [Look::default(), Look { symbols: Symbols::Ascii, colour: Colour::Never }] {
        let mut state = State::new(Arc::new(fixtures::fleet()), look, LARGE);
        press(&mut state, "jj");
        let terminal = paint(&state, LARGE);
        let signs = ["▸", ">"];
        let marked: Vec<u16> = (2..40).filter(|y| signs.contains(&terminal.backend().buffer()[(0, *y)].symbol())).collect();
        assert_eq!(marked.len(), 1);
        assert!(terminal.backend().to_string().lines().nth(usize::from(marked[0])).is_some_and(|line| line.contains("hub-7002")));
    }
}

#[test]
fn ascii_look_draws_nothing_beyond_ascii() {
    let look = Look { symbols: Symbols::Ascii, ..Look::default() };
    let mut state = State::new(Arc::new(fixtures::lying()), look, LARGE);
    insta::assert_snapshot!("lying_ascii", seen(&state, LARGE));
    assert!(seen(&state, LARGE).is_ascii());
    for keys in ["?", "?3", "4j", "s", "\u{1b}6", "7"] {
        press(&mut state, keys);
        assert!(seen(&state, LARGE).is_ascii(), "{}", seen(&state, LARGE));
    }
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
