//! Help: the keys, made from the table of keys, and what the words and symbols mean.

use crate::keymap::KEYMAP;
use crate::look::{Pen, Tone};
use crate::widgets::fit::{Row, hang};
use crate::widgets::lines::Lines;
use crate::widgets::panel::{Panel, Room, Span, Widths, arrange};
use vitals_model::reading::Health;
use vitals_model::verdict::Verdict;

/// What each verdict means, in the reader's words.
const VERDICTS: [(Verdict, &str); 9] = [
    (Verdict::Agrees, "the claim is true"),
    (Verdict::Ghost, "claimed connected, it is dead"),
    (Verdict::Hung, "claimed connected, it does not answer"),
    (Verdict::Hidden, "claimed down, it works"),
    (Verdict::Dropped, "the hub lost tools of it"),
    (Verdict::Phantom, "the hub lists tools that nobody has"),
    (Verdict::Drifted, "a tool is not what it was"),
    (Verdict::ExpectedDown, "down, as the configuration says"),
    (Verdict::Unknown, "not measured, or not enough to tell"),
];

/// The whole document.
pub fn lines(pen: Pen, columns: usize, room: Room) -> Lines {
    let keys = keys(pen, Widths::of(columns).column);
    let words = words(pen, Widths::of(columns).column);
    arrange(&[keys, words], columns, room)
}

fn keys(pen: Pen, columns: usize) -> Panel {
    let mut full = vec![Panel::title(pen, "KEYS", "", columns)];
    for binding in KEYMAP {
        let row = Row::marked(pen, (" ", Tone::Plain)).cell(&binding.label(pen.glyphs), 13, Tone::Strong);
        full.push(row.until(binding.help, columns, Tone::Plain).line());
    }
    Panel { span: Span::Narrow, compact: full.clone().into(), full: full.into() }
}

fn words(pen: Pen, columns: usize) -> Panel {
    let mut full = vec![Panel::title(pen, "SYMBOLS AND VERDICTS", "", columns)];
    let mut symbols = Row::new(pen);
    for health in [Health::Healthy, Health::Degraded, Health::Failing, Health::Unknown] {
        let (symbol, tone) = pen.mark(health);
        symbols = symbols.put(symbol, tone).put(format!(" {}  ", health.as_str()), Tone::Plain);
    }
    full.push(symbols.put("i", Tone::Info).put(" advice, never scored", Tone::Plain).line());
    for (verdict, meaning) in VERDICTS {
        let row = Row::marked(pen, (" ", Tone::Plain)).cell(verdict.as_str(), 13, Tone::Strong);
        full.extend(hang(row, meaning, columns, 2, Tone::Plain));
    }
    Panel { span: Span::Narrow, compact: full.clone().into(), full: full.into() }
}
