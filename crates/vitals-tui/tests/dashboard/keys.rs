//! Keys: the table, the help made from it, and what each key does to the state.

use super::{LARGE, SMALL, fixtures, press, pressed, seen, state};
use ratatui::crossterm::event::KeyCode;
use std::sync::Arc;
use std::time::Duration;
use vitals_model::quiet::Pattern;
use vitals_tui::event::{Input, Key, Wheel};
use vitals_tui::keymap::{Action, KEYMAP, lookup};
use vitals_tui::look::{Look, Pen};
use vitals_tui::said::{Found, Motion, Mouse, Play, Playing, Quieting, Range, Recall, What};
use vitals_tui::state::Flow;
use vitals_tui::state::place::Screen;
use vitals_tui::{Command, Said, State};

/// States from which a key may have an effect.
fn states() -> Vec<State> {
    let mut playing = state(fixtures::fleet(), SMALL);
    playing.apply(Input::Said(Said::Playing(Playing { nth: 3, of: 9, motion: Motion::Held })));
    vec![
        state(fixtures::fleet(), SMALL),
        pressed(fixtures::fleet(), SMALL, "x2j"),
        pressed(fixtures::fleet(), SMALL, "?"),
        pressed(fixtures::handled(), SMALL, "x4j"),
        pressed(fixtures::handled(), SMALL, "x/e\njjjj"),
        pressed(fixtures::fleet(), SMALL, "xG"),
        playing,
    ]
}

fn does_something(key: Key) -> bool {
    states().iter_mut().any(|state| {
        let before = seen(state, SMALL);
        let command = state.apply(Input::Key(key));
        command.is_some() || before != seen(state, SMALL)
    })
}

#[test]
fn every_key_in_the_table_works_and_help_names_it() {
    let help = seen(&pressed(fixtures::lying(), LARGE, "?"), LARGE);
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
    let named = [KeyCode::Insert, KeyCode::Delete, KeyCode::F(1), KeyCode::Null];
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
fn the_footer_names_only_keys_that_do_something_here() {
    let overview = seen(&state(fixtures::fleet(), LARGE), LARGE);
    let footer = overview.lines().last().unwrap_or_default();
    assert!(footer.contains("Enter open") && !footer.contains("acknowledge") && !footer.contains("Esc back"), "{footer}");
    let chosen = seen(&pressed(fixtures::handled(), LARGE, "4j"), LARGE);
    let footer = chosen.lines().last().unwrap_or_default();
    assert!(footer.contains("a acknowledge") && footer.contains("s silence"), "{footer}");
}

#[test]
fn screens_go_round_and_numbers_jump_to_the_worst_target() {
    let mut state = state(fixtures::fleet(), SMALL);
    assert_eq!(state.place().screen, Screen::Overview);
    press(&mut state, "\u{8}"); // Nothing lies behind the first screen.
    assert_eq!(state.place().screen, Screen::Overview);
    state.apply(Input::Key(Key::Named(KeyCode::BackTab)));
    assert_eq!(state.place().screen, Screen::Criteria);
    assert_eq!(state.place().target.as_ref().map(ToString::to_string).as_deref(), Some("hub-7001"));
    state.apply(Input::Key(Key::Named(KeyCode::Tab)));
    assert_eq!(state.place().screen, Screen::Overview);
    press(&mut state, "3");
    assert_eq!(state.place().server.as_ref().map(ToString::to_string).as_deref(), Some("filesystem"), "the worst server");
}

#[test]
fn enter_goes_deeper_and_back_returns_to_the_same_line() {
    let mut state = state(fixtures::fleet(), SMALL);
    press(&mut state, "jjj");
    let overview = seen(&state, SMALL);
    press(&mut state, "\n");
    assert_eq!(state.place().target.as_ref().map(ToString::to_string).as_deref(), Some("hub-7003"));
    press(&mut state, "j\n");
    assert_eq!(state.place().screen, Screen::Server);
    press(&mut state, "\u{1b}\u{1b}");
    assert_eq!(seen(&state, SMALL), overview);
}

#[test]
fn brackets_step_through_what_the_screen_is_about() {
    let mut state = pressed(fixtures::fleet(), SMALL, "2]");
    assert_eq!(state.place().target.as_ref().map(ToString::to_string).as_deref(), Some("hub-7002"));
    press(&mut state, "[[");
    assert_eq!(state.place().target.as_ref().map(ToString::to_string).as_deref(), Some("付費-支払い-api"));
    let mut state = pressed(fixtures::handled(), SMALL, "4j\n]");
    assert_eq!(state.place().incident, Some(43));
    press(&mut state, "\u{1b}");
    assert_eq!((state.place().screen, state.place().incident), (Screen::Incidents, None));
}

#[test]
fn an_incident_is_acknowledged_only_after_it_was_asked() {
    let mut state = pressed(fixtures::handled(), SMALL, "4j");
    assert_eq!(state.apply(Input::Key(Key::Char('a'))), None);
    assert!(seen(&state, SMALL).contains("ACKNOWLEDGE  I42 GHOST"));
    press(&mut state, "q?n"); // Keys are letters now.
    let asked = state.apply(Input::Key(Key::Named(KeyCode::Enter)));
    assert_eq!(asked, Some(Command::Acknowledge(42, "q?n".to_owned())));
    assert!(!seen(&state, SMALL).contains("ACKNOWLEDGE"));

    let mut state = pressed(fixtures::handled(), SMALL, "4jax\u{1b}");
    assert_eq!(state.apply(Input::Key(Key::Named(KeyCode::Up))), None, "left, nothing is asked");
    assert!(!seen(&state, SMALL).contains("ACKNOWLEDGE"));
}

#[test]
fn a_silence_says_what_it_covers_and_for_how_long() {
    let mut state = pressed(fixtures::handled(), LARGE, "4js");
    state.apply(Input::Key(Key::Named(KeyCode::Up)));
    assert!(seen(&state, LARGE).contains("hub-servers/filesystem/* of hub-7001 for 2h 00m"));
    press(&mut state, "disk");
    let quieting = Quieting {
        target: Pattern::new("hub-7001"),
        check: Pattern::new("hub-servers/filesystem/*"),
        lasts: Duration::from_secs(7200),
        reason: "disk".to_owned(),
    };
    assert_eq!(state.apply(Input::Key(Key::Named(KeyCode::Enter))), Some(Command::Silence(quieting)));
}

#[test]
fn a_note_says_something_and_an_incident_that_is_over_can_have_one() {
    let mut state = pressed(fixtures::handled(), SMALL, "4jc");
    assert!(seen(&state, SMALL).contains("NOTE  I42 GHOST"));
    assert_eq!(state.apply(Input::Key(Key::Named(KeyCode::Enter))), None, "it is asked on");
    press(&mut state, " disk full ");
    assert_eq!(state.apply(Input::Key(Key::Named(KeyCode::Enter))), Some(Command::Note(42, "disk full".to_owned())));
    let snapshot = fixtures::handled();
    let over = snapshot.targets.iter().find_map(|state| state.recent.first()).expect("one is over").id;
    let mut state = pressed(fixtures::handled(), SMALL, "x4G");
    press(&mut state, "a");
    assert!(seen(&state, SMALL).contains("choose an incident that lasts"), "it cannot be taken up any more");
    press(&mut state, "cx");
    assert!(matches!(state.apply(Input::Key(Key::Named(KeyCode::Enter))), Some(Command::Note(id, _)) if id == over));
}

#[test]
fn a_silence_is_ended_after_it_was_chosen() {
    let mut snapshot = fixtures::handled();
    let mut second = snapshot.own.silences.first().expect("one holds").clone();
    (second.id, second.check) = (second.id + 1, Pattern::new("logging/*"));
    let first = second.id - 1;
    snapshot.own.silences.push(second);
    let mut state = pressed(snapshot, LARGE, "4u");
    assert!(seen(&state, LARGE).contains(&format!("S{first} ")), "the first is offered");
    state.apply(Input::Key(Key::Named(KeyCode::Down)));
    state.apply(Input::Key(Key::Named(KeyCode::Down)));
    assert!(seen(&state, LARGE).contains("logging/* of"));
    assert_eq!(state.apply(Input::Key(Key::Named(KeyCode::Enter))), Some(Command::Unsilence(first + 1)));
    let state = pressed(fixtures::healthy(), SMALL, "u");
    assert!(seen(&state, SMALL).contains("no silence holds"));
}

#[test]
fn without_an_incident_there_is_nothing_to_take_up() {
    let mut state = pressed(fixtures::healthy(), SMALL, "a");
    assert!(seen(&state, SMALL).contains("choose an incident"));
    press(&mut state, "4s");
    assert!(seen(&state, SMALL).contains("choose an incident"));
}

#[test]
fn a_search_finds_walks_and_is_left() {
    let mut state = pressed(fixtures::handled(), SMALL, "/HUNG\n");
    assert_eq!(state.hit_of(), (1, state.hits().len()));
    assert!(state.hits().len() > 1);
    press(&mut state, "n");
    assert_eq!(state.hit_of().0, 2);
    press(&mut state, "NN");
    assert_eq!(state.hit_of().0, state.hits().len(), "round the beginning");
    press(&mut state, "\u{1b}");
    assert_eq!((state.hits().len(), state.place().screen), (0, Screen::Target));
    press(&mut state, "/no such text\n");
    assert!(seen(&state, SMALL).contains("nothing on this screen has `no such text`"));
}

#[test]
fn filters_hide_what_is_well_and_what_lies_elsewhere_and_say_so() {
    let mut state = pressed(fixtures::fleet(), LARGE, "b");
    let picture = seen(&state, LARGE);
    assert!(picture.contains("[bad only]") && !picture.contains("hub-7002") && picture.contains("hub-7001"), "{picture}");
    press(&mut state, "b2o");
    let picture = seen(&state, LARGE);
    assert!(picture.contains("[hub-servers]") && !picture.contains("LOGGING") && picture.contains("PROCESS"), "{picture}");
    assert!(picture.contains("45/100 POOR"), "what is hidden is not better");
    press(&mut state, "oooooo");
    assert!(!seen(&state, LARGE).contains('['));
}

#[test]
fn a_range_is_looked_up_once_and_drawn() {
    let mut state = pressed(fixtures::healthy(), LARGE, "3");
    let recall = Recall { target: state.place().target.clone().expect("a target"), what: What::Trends(Range::Hour) };
    assert_eq!(state.apply(Input::Key(Key::Char('t'))), Some(Command::Recall(recall.clone())));
    assert_eq!(state.apply(Input::Snapshot(Arc::new(fixtures::healthy()))), None, "asked already");
    assert!(seen(&state, LARGE).contains("too little is known to draw"));
    let call = vitals_model::check::CheckId::from_stored("hub-servers/everything/call");
    let found = Found::Trends([(call, vec![1.0, f64::NAN, 77.0])].into());
    assert_eq!(state.apply(Input::Said(Said::Recalled(recall.clone(), found))), None);
    let picture = seen(&state, LARGE);
    assert!(picture.contains("77 ms   █"), "{picture}");
    assert!(picture.contains("the last 1h"), "{picture}");
    let mut later = fixtures::healthy();
    later.at = fixtures::NOW.plus(Duration::from_secs(61));
    assert_eq!(state.apply(Input::Snapshot(Arc::new(later))), Some(Command::Recall(recall)), "a minute later it is old");
}

#[test]
fn scrolling_stops_at_both_ends() {
    let mut state = pressed(fixtures::lying(), SMALL, "x");
    state.apply(Input::Wheel(Wheel::Up));
    assert_eq!(state.scroll(), 0);
    press(&mut state, "G");
    let end = state.scroll();
    assert!(end > 0);
    state.apply(Input::Key(Key::Named(KeyCode::PageDown)));
    assert_eq!(state.scroll(), end);
    state.apply(Input::Wheel(Wheel::Up));
    assert_eq!(state.scroll(), end - 3, "one turn back is one turn, however often the end was passed");
}

#[test]
fn the_cursor_reaches_every_line_that_leads_somewhere_and_every_line_is_reached() {
    // A hundred servers are no other case, and cost half a minute.
    for (name, snapshot) in fixtures::all().into_iter().filter(|(name, _)| *name != "hundred") {
        let mut state = pressed(snapshot, SMALL, "x");
        let links: Vec<usize> = state.lines().links().iter().map(|(line, _)| *line).collect();
        let mut reached = Vec::new();
        for _ in 0..state.lines().len() + links.len() {
            press(&mut state, "j");
            reached.extend(state.cursor_line());
            let bottom = state.scroll() + state.page();
            assert!(state.cursor_line().is_none_or(|line| line < bottom), "{name}: the cursor stays on the screen going down");
        }
        reached.dedup();
        assert_eq!(reached, links, "{name}");
        assert_eq!(state.scroll(), state.lines().len().saturating_sub(state.page()), "{name}: down to the last line");
    }
}

#[test]
fn a_click_opens_a_line_or_a_tab_and_the_wheel_scrolls() {
    let mut state = state(fixtures::fleet(), SMALL);
    let row = seen(&state, SMALL).lines().position(|line| line.contains("hub-7004")).expect("on the screen");
    state.apply(Input::Click(10, u16::try_from(row).expect("small")));
    assert_eq!(state.place().target.as_ref().map(ToString::to_string).as_deref(), Some("hub-7004"));
    let tabs = seen(&state, SMALL).lines().nth(1).unwrap_or_default().to_owned();
    let column = tabs.find("incidents").expect("a tab") - 1; // A quote stands before each line.
    state.apply(Input::Click(u16::try_from(column).expect("small"), 1));
    assert_eq!(state.place().screen, Screen::Incidents);
    assert_eq!(state.apply(Input::Click(3, 0)), None, "the header leads nowhere");
    assert_eq!(state.apply(Input::Key(Key::Char('m'))), Some(Command::Mouse(Mouse::On)));
    assert_eq!(state.apply(Input::Key(Key::Char('m'))), Some(Command::Mouse(Mouse::Off)));
}

#[test]
fn a_pause_holds_the_picture_and_says_how_old_it_is() {
    let mut state = pressed(fixtures::lying(), SMALL, "p");
    let mut later = fixtures::healthy();
    later.at = fixtures::NOW.plus(Duration::from_secs(12));
    state.apply(Input::Snapshot(Arc::new(later)));
    assert_eq!(state.flow(), Flow::Paused(Duration::from_secs(12)));
    let held = seen(&state, SMALL);
    assert!(held.contains("PAUSED, 12 s behind") && held.contains("GHOST"), "{held}");
    press(&mut state, "p");
    assert!(!seen(&state, SMALL).contains("GHOST"));
}

#[test]
fn a_recording_is_held_and_stepped_by_its_own_keys() {
    let mut state = state(fixtures::lying(), SMALL);
    assert_eq!(state.apply(Input::Key(Key::Char('.'))), None, "nothing is played");
    state.apply(Input::Said(Said::Playing(Playing { nth: 3, of: 9, motion: Motion::Running })));
    assert!(seen(&state, SMALL).contains("recording 3 of 9"));
    let asked = [('p', Play::Toggle), (',', Play::Back), ('.', Play::On)];
    for (key, play) in asked {
        assert_eq!(state.apply(Input::Key(Key::Char(key))), Some(Command::Play(play)));
    }
}

#[test]
fn the_first_target_is_shown_when_it_appears_and_left_when_it_goes() {
    let mut state = state(fixtures::empty(), SMALL);
    state.apply(Input::Snapshot(Arc::new(fixtures::healthy())));
    assert_eq!(state.place().screen, Screen::Target);
    state.apply(Input::Snapshot(Arc::new(fixtures::empty())));
    assert_eq!(state.place().screen, Screen::Overview);
}

#[test]
fn escape_goes_back_and_never_quits() {
    let mut state = pressed(fixtures::healthy(), SMALL, "?");
    for _ in 0..5 {
        assert_eq!(state.apply(Input::Key(Key::Named(KeyCode::Esc))), None);
    }
    assert!(!seen(&state, SMALL).contains("KEYS"));
    assert!(KEYMAP.iter().any(|binding| binding.action == Action::Quit));
}
