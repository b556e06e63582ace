//! A trend of some lines' height, with what its top and its bottom stand for. It chooses no colour by value: that
//! would be judging.

use crate::look::{Pen, Tone};
use crate::widgets::fit::{Row, width};
use ratatui::text::Line;
use vitals_model::check::Unit;

/// Columns of the label beside the plot.
const LABEL_COLUMNS: usize = 9;

/// The newest `values` from zero up, oldest first, in `rows` lines of `columns`. Of more values than columns each
/// column shows the largest of its share. No line for less than two values: that is no trend.
pub fn plot(values: &[f64], unit: Unit, pen: Pen, columns: usize, rows: usize) -> Vec<Line<'static>> {
    let room = columns.saturating_sub(LABEL_COLUMNS + 1);
    if values.len() < 2 || room == 0 || rows == 0 {
        return Vec::new();
    }
    let share = values.len().div_ceil(room);
    let peaks: Vec<f64> = values.chunks(share).map(|chunk| chunk.iter().copied().fold(f64::NAN, f64::max)).collect();
    let top = peaks.iter().copied().fold(f64::NAN, f64::max);
    if !top.is_finite() {
        return Vec::new();
    }
    let line = |row: usize| {
        let label = match row {
            0 => unit.show(top),
            _ if row + 1 == rows => unit.show(0.0),
            _ => String::new(),
        };
        let text: String = peaks.iter().map(|value| cell(value / top, rows - 1 - row, rows, pen)).collect();
        let start = LABEL_COLUMNS.saturating_sub(width(&label));
        Row::new(pen).to(start).put(label, Tone::Quiet).put(" ", Tone::Plain).put(text, Tone::Plain).line()
    };
    (0..rows).map(line).collect()
}

/// The part of one column that lies in the line `above` the bottom.
fn cell(share: f64, above: usize, rows: usize, pen: Pen) -> &'static str {
    let levels = pen.glyphs.levels;
    if !share.is_finite() {
        return " ";
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 8 per line by the clamp")]
    let eighths = (share.clamp(0.0, 1.0) * 8.0 * rows as f64).round().max(1.0) as usize;
    match eighths.saturating_sub(above * 8).min(8) {
        0 => " ",
        n => levels[n - 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::Look;
    use vitals_model::time::Timestamp;

    fn drawn(values: &[f64]) -> Vec<String> {
        let pen = Pen::new(Look::default(), Timestamp::default());
        plot(values, Unit::Millis, pen, 16, 2).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_top_is_the_largest_value_and_the_bottom_is_zero() {
        assert_eq!(drawn(&[8.0, 4.0, 0.0]), ["   8.0 ms █  ", "   0.0 ms ██▁"]);
    }

    #[test]
    fn what_was_not_measured_is_a_hole_and_nothing_is_no_plot() {
        assert_eq!(drawn(&[1.0, f64::NAN, 1.0])[1], "   0.0 ms █ █");
        assert!(drawn(&[1.0]).is_empty() && drawn(&[f64::NAN, f64::NAN]).is_empty());
        assert!(drawn(&[0.0, 0.0]).is_empty() || drawn(&[0.0, 0.0])[1].ends_with("  "));
    }
}
