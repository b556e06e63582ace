//! Trends as one line of characters, and the score's bar. They choose no colour by value: that would be judging.

use crate::look::{Glyphs, Pen, Tone};
use crate::widgets::fit::Row;
use vitals_model::score::Score;

/// The span that a trend shows at least, as a share of its largest value: noise then looks like rest.
const SPAN_SHARE_MIN: f64 = 0.5;

/// The newest values in at most `columns` characters, oldest first. When there are more values than
/// columns each character is the largest of its share, so that no spike is lost.
pub fn spark(values: &[f64], columns: usize, glyphs: &Glyphs) -> String {
    if columns == 0 || values.len() < 2 {
        return String::new(); // One value is no trend.
    }
    let share = values.len().div_ceil(columns);
    let peaks: Vec<f64> = values.chunks(share).map(|chunk| chunk.iter().copied().fold(f64::NAN, f64::max)).collect();
    let (low, high) = peaks.iter().fold((f64::NAN, f64::NAN), |(low, high), &v| (low.min(v), high.max(v)));
    let span = (high - low).max(high.abs() * SPAN_SHARE_MIN);
    peaks.iter().map(|&value| level(value - low, span, glyphs)).collect()
}

fn level(above: f64, span: f64, glyphs: &Glyphs) -> &'static str {
    if !above.is_finite() {
        return " ";
    }
    let share = if span > 0.0 { above / span } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7 by the clamp; NaN becomes 0")]
    let level = (share * 7.0).round().clamp(0.0, 7.0) as usize;
    glyphs.levels[level]
}

/// The score as a bar of `columns` in the tone of its grade, after what is in `row`.
pub fn bar(row: Row, pen: Pen, score: &Score, columns: usize, tone: Tone) -> Row {
    let full = score.points.map_or(0, |points| points.min(100) as usize * columns / 100);
    let [filled, empty] = pen.glyphs.bar;
    row.put(filled.repeat(full), tone).put(empty.repeat(columns - full), Tone::Quiet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::{Look, Pen};
    use vitals_model::time::Timestamp;

    fn drawn(values: &[f64], columns: usize) -> String {
        spark(values, columns, Pen::new(Look::default(), Timestamp::default()).glyphs)
    }

    #[test]
    fn rest_is_flat_and_a_spike_stands_out() {
        assert_eq!(drawn(&[5.0, 5.1, 5.0, 5.05], 8), "▁▁▁▁");
        assert_eq!(drawn(&[5.0, 5.0, 50.0, 5.0], 8), "▁▁█▁");
        assert_eq!(drawn(&[0.0, 0.0], 8), "▁▁");
    }

    #[test]
    fn more_values_than_columns_keep_the_peaks() {
        let mut values = vec![1.0; 100];
        values[57] = 9.0;
        let line = drawn(&values, 10);
        assert_eq!((line.chars().count(), line.chars().nth(5)), (10, Some('█')));
    }

    #[test]
    fn values_that_are_no_numbers_leave_a_hole() {
        assert_eq!(drawn(&[1.0, f64::NAN, 1.0], 8), "▁ ▁");
        assert_eq!(drawn(&[f64::INFINITY, 1.0], 8).chars().count(), 2);
        assert_eq!(drawn(&[1.0], 8), "");
    }
}
