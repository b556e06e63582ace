//! What stands below the document: what the reader is asked, what became of the last thing asked for, what a
//! narrator says, and the keys that do something here.

use crate::keymap::{Action, KEYMAP};
use crate::look::{Pen, Tone};
use crate::state::State;
use crate::state::place::Screen;
use crate::state::prompt::{LENGTHS, Prompt, Question};
use crate::widgets::fit::{Row, hang, width};
use crate::widgets::panel::Panel;
use ratatui::text::{Line, Text};
use vitals_model::reading::Health;
use vitals_model::time::human;

/// Lines that a caption takes, with or without words, so that the picture does not jump.
const CAPTION_LINES: u16 = 2;

/// How many lines there are.
pub(super) fn lines(state: &State) -> u16 {
    let caption = if state.caption().is_some() { CAPTION_LINES } else { 0 };
    let said = match (state.prompt().map(|prompt| &prompt.question), state.answer()) {
        (Some(Question::Search), _) | (None, Some(_)) => 1,
        (Some(_), _) => 3,
        (None, None) => 0,
    };
    caption + said
}

/// The lines.
pub(super) fn text(state: &State, pen: Pen, columns: usize) -> Text<'static> {
    let mut lines = Vec::new();
    if let Some(words) = state.caption() {
        let row = Row::new(pen).put(" > ", Tone::Strong);
        lines.extend(hang(row, words, columns, usize::from(CAPTION_LINES), Tone::Strong));
        lines.resize(usize::from(CAPTION_LINES), Line::default());
    }
    match (state.prompt(), state.answer()) {
        (Some(prompt), _) => lines.extend(question(prompt, state, pen, columns)),
        (None, Some(answer)) => lines.push(Row::new(pen).put(" ", Tone::Plain).until(answer, columns, Tone::Info).line()),
        (None, None) => {}
    }
    lines.into()
}

fn question(prompt: &Prompt, state: &State, pen: Pen, columns: usize) -> Vec<Line<'static>> {
    let [up, down, ..] = pen.glyphs.arrows;
    let typed = |row: Row| {
        let row = row.until(&prompt.typed, columns.saturating_sub(2), Tone::Plain);
        row.put(pen.glyphs.caret, Tone::Strong)
    };
    let words = |label: &'static str| typed(Row::new(pen).put(label, Tone::Quiet)).line();
    let (title, what, middle, keys) = match &prompt.question {
        Question::Search => {
            let found = if prompt.typed.is_empty() { String::new() } else { format!("  {} found", state.hits().len()) };
            return vec![typed(Row::new(pen).put(" /", Tone::Strong)).until(&found, columns, Tone::Quiet).line()];
        }
        Question::Acknowledge { incident, what } => (
            "ACKNOWLEDGE",
            format!("I{incident} {what}: nobody is told again before it ends"),
            words(" why: "),
            "Enter acknowledge   Esc leave it".to_owned(),
        ),
        Question::Note { incident, what } => {
            ("NOTE", format!("I{incident} {what}"), words(" note: "), "Enter write it down   Esc leave it".to_owned())
        }
        Question::Unsilence { silences, nth } => {
            let (id, what) = silences.get(*nth).map_or((0, ""), |(id, what)| (*id, what.as_str()));
            let which = if silences.len() > 1 { format!("{up} {down} which   ") } else { String::new() };
            let place = format!("{} of {}: people are told again", nth + 1, silences.len());
            let row = Row::new(pen).put(format!(" S{id} "), Tone::Strong).until(what, columns, Tone::Plain);
            ("END SILENCE", place, row.line(), format!("{which}Enter end it   Esc leave it"))
        }
        Question::Silence { target, check, length } => {
            let lasts = human(LENGTHS[*length]);
            let what = format!("{check} of {target} for {lasts}: incidents go on, nobody is told");
            ("SILENCE", what, words(" why: "), format!("{up} {down} how long   Enter silence   Esc leave it"))
        }
    };
    let title = Panel::title(pen, title, &what, columns.saturating_sub(2));
    let mut framed = Line::from(" ");
    framed.spans.extend(title.spans);
    vec![framed, middle, Row::new(pen).put(" ", Tone::Plain).until(&keys, columns, Tone::Of(Health::Degraded)).line()]
}

/// The keys that matter most here, from the table of keys, and where in the document we are.
pub(super) fn footer(state: &State, pen: Pen, columns: usize) -> Line<'static> {
    let (total, page) = (state.lines().len(), state.page());
    let upto = (state.scroll() + page).min(total);
    let place = match state.hit_of() {
        (_, 0) if total <= page => String::new(),
        (_, 0) => format!("{} to {upto} of {total} ", state.scroll() + 1),
        (nth, hits) => format!("`{}` {nth} of {hits} ", state.search()),
    };
    let end = columns.saturating_sub(width(&place) + 1);
    let mut row = Row::new(pen).put(" ", Tone::Plain);
    for binding in KEYMAP.iter().filter(|binding| !binding.short.is_empty() && is_of_use(binding.action, state)) {
        let key = binding.keys[0].label(pen.glyphs);
        if row.used() + key.len() + binding.short.len() + 3 > end {
            break;
        }
        row = row.put(key, Tone::Strong).put(format!(" {}  ", binding.short), Tone::Quiet);
    }
    row.to(end).until(&place, columns, Tone::Quiet).line()
}

/// Whether a key does something on this screen.
fn is_of_use(action: Action, state: &State) -> bool {
    let screen = state.place().screen;
    if state.is_helping() {
        return matches!(action, Action::Help | Action::Quit | Action::Back | Action::Search);
    }
    match action {
        Action::Open => !state.lines().links().is_empty(),
        Action::Back => state.has_way_back(),
        Action::Acknowledge | Action::Silence => state.chosen_incident().is_some(),
        Action::Note => state.shown_incident().is_some(),
        Action::Unsilence => screen == Screen::Incidents && !state.snapshot().own.silences.is_empty(),
        Action::Bad | Action::Point => matches!(screen, Screen::Overview | Screen::Target | Screen::Incidents),
        Action::Range => matches!(screen, Screen::Target | Screen::Server),
        Action::Expand => matches!(screen, Screen::Overview | Screen::Target),
        _ => true,
    }
}
