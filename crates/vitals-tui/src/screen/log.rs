//! The tail of a target's log: how much of each level, what is wrong with the logging, and the latest warnings and
//! errors in full.

use crate::look::{Pen, Tone};
use crate::screen::target;
use crate::widgets::fit::{Row, hang};
use crate::widgets::lines::Lines;
use crate::widgets::panel::{Panel, Room, Widths, arrange};
use vitals_model::snapshot::TargetState;

/// Most lines that one record may take.
const RECORD_LINES_MAX: usize = 4;

/// The whole document.
pub fn lines(state: &TargetState, pen: Pen, columns: usize) -> Lines {
    let widths = Widths { column: columns, all: columns };
    let mut tail = vec![Panel::title(pen, "LOG", &format!("of {}: warnings and errors, newest last", state.target.id), columns)];
    if state.log.is_empty() {
        tail.push(Row::new(pen).to(2).put("no warning and no error was logged", Tone::Quiet).line());
    }
    for record in &state.log {
        tail.extend(hang(Row::new(pen).to(2), record, columns, RECORD_LINES_MAX, Tone::Plain));
    }
    let panels: Vec<Panel> = target::logging(state, pen, widths).into_iter().chain([Panel::fixed(tail)]).collect();
    arrange(&panels, columns, Room::Endless)
}
