//! The dashboard printed once: the same screens as the live one, as text.

use crate::filter::Filter;
use crate::look::{Colour, Look, Pen};
use crate::screen::{header, overview, target};
use crate::state::Flow;
use crate::widgets::panel::Room;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use vitals_model::snapshot::Snapshot;

/// Narrowest picture, in columns; a narrower terminal wraps it.
const WIDTH_MIN: u16 = 40;
/// Widest picture: beyond it the eye no longer follows a row.
const WIDTH_MAX: u16 = 240;

/// Everything about every target, `width` columns wide, each line ended by `\n`.
///
/// [`Colour::Never`] gives plain text without any escape sequence.
pub fn once(snapshot: &Snapshot, width: u16, look: impl Into<Look>) -> String {
    let look = look.into();
    let columns = usize::from(width.clamp(WIDTH_MIN, WIDTH_MAX));
    let pen = Pen::new(look, snapshot.at);
    let mut lines = vec![header(snapshot, pen, columns, &Flow::Printed), Line::default()];
    if snapshot.targets.len() != 1 {
        lines.extend(overview::lines(snapshot, Filter::default(), pen, columns, Room::Endless).into_all());
    }
    for (n, state) in snapshot.targets.iter().enumerate() {
        if n > 0 || snapshot.targets.len() > 1 {
            lines.extend([Line::default(), Line::default()]);
        }
        lines.extend(target::lines(state, pen, columns, Room::Endless).into_all());
    }
    let mut out = String::new();
    for line in &lines {
        write_line(&mut out, line, look.colour);
    }
    out
}

fn write_line(out: &mut String, line: &Line<'_>, colour: Colour) {
    let start = out.len();
    for span in &line.spans {
        let code = if colour == Colour::Ansi { sgr(span.style) } else { String::new() };
        out.push_str(&code);
        // The live dashboard leaves control characters out as well (ratatui does it).
        out.extend(span.content.chars().filter(|c| !c.is_control()));
        if !code.is_empty() {
            out.push_str("\u{1b}[0m");
        }
    }
    let kept = out[start..].trim_end_matches(' ').len();
    out.truncate(start + kept);
    out.push('\n');
}

/// The escape sequence of a style; empty for plain text. Only the styles that [`Pen`] makes are known.
fn sgr(style: Style) -> String {
    let colour = match style.fg {
        Some(Color::Red) => Some("31"),
        Some(Color::Green) => Some("32"),
        Some(Color::Yellow) => Some("33"),
        Some(Color::Magenta) => Some("35"),
        Some(Color::Cyan) => Some("36"),
        _ => None,
    };
    let modifiers = [(Modifier::BOLD, "1"), (Modifier::DIM, "2"), (Modifier::REVERSED, "7")];
    let modifiers = modifiers.into_iter().filter(|(m, _)| style.add_modifier.contains(*m)).map(|(_, code)| code);
    let codes: Vec<&str> = modifiers.chain(colour).collect();
    if codes.is_empty() { String::new() } else { format!("\u{1b}[{}m", codes.join(";")) }
}
