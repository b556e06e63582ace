//! Panels of readings: one row per check with its mark, its question, what was seen and its trend.

use crate::look::{Mark, Pen, Tone};
use crate::widgets::fit::{Row, advice, hang, width};
use crate::widgets::panel::{Panel, Widths};
use crate::widgets::spark::spark;
use ratatui::text::Line;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::TargetState;

/// Columns of the trend at the right of a row.
const TREND_COLUMNS: usize = 12;
/// Most columns of a row's name.
const NAME_COLUMNS_MAX: usize = 18;
/// Most lines that a bad reading's summary may take.
const SUMMARY_LINES_MAX: usize = 3;

/// Most lines that a fact may take.
const FACT_LINES_MAX: usize = 2;

/// A fact that is no reading, shown in the same shape: name and text.
pub type Fact = (&'static str, String);

/// A panel of `facts` and then `readings`; `None` when there is neither.
pub fn panel(
    title: &'static str,
    facts: &[Fact],
    readings: &[&Reading],
    state: &TargetState,
    pen: Pen,
    widths: Widths,
) -> Option<Panel> {
    let columns = widths.column;
    if facts.is_empty() && readings.is_empty() {
        return None;
    }
    let names = facts.iter().map(|(name, _)| *name).chain(readings.iter().map(|reading| name(reading)));
    let names = names.map(width).max().unwrap_or(0).min(NAME_COLUMNS_MAX);
    let mut full = vec![Panel::title(pen, title, "", columns)];
    for (name, text) in facts {
        let row = Row::marked(pen, (pen.glyphs.dot, Tone::Quiet)).cell(name, names, Tone::Quiet).put(" ", Tone::Plain);
        full.extend(hang(row, text, columns, FACT_LINES_MAX, Tone::Plain));
    }
    for reading in readings {
        full.extend(row(reading, state, pen, names, columns));
    }
    Some(Panel::narrow(full, collapsed(title, facts, readings, pen, widths.all)))
}

/// The name of a reading in its panel; its point is told by the panel.
fn name(reading: &Reading) -> &str {
    reading.id.question()
}

fn row(reading: &Reading, state: &TargetState, pen: Pen, names: usize, columns: usize) -> Vec<Line<'static>> {
    // What follows from another failure is told there.
    let bad = judged(reading) != Health::Healthy && reading.cause.is_none();
    let row = Row::marked(pen, pen.reading_mark(reading));
    let row = row.cell(name(reading), names, if bad { Tone::Strong } else { Tone::Quiet }).put(" ", Tone::Plain);
    if bad {
        let summary = format!("{} (for {})", reading.summary, pen.age(reading.since));
        return hang(row, &summary, columns, SUMMARY_LINES_MAX, Tone::Plain);
    }
    let trend = state.trends.get(&reading.id).map_or(String::new(), |values| spark(values, TREND_COLUMNS, pen.glyphs));
    let trend_columns = width(&trend);
    let text_end = if trend_columns == 0 { columns } else { columns.saturating_sub(TREND_COLUMNS + 1) };
    let tone = if reading.cause.is_some() { Tone::Quiet } else { Tone::Plain };
    let row = row.until(&reading.summary, text_end, tone);
    vec![row.to(columns.saturating_sub(trend_columns)).put(trend, Tone::Quiet).line()]
}

/// One line for the whole panel: the worst mark, the title, and the values.
fn collapsed(title: &'static str, facts: &[Fact], readings: &[&Reading], pen: Pen, columns: usize) -> Line<'static> {
    let value = |reading: &&Reading| match reading.value {
        Some(value) => format!("{} {}", name(reading), reading.unit.show(value)),
        None => reading.summary.clone(),
    };
    let mut bad_first = readings.to_vec();
    bad_first.sort_by_key(|reading| std::cmp::Reverse(judged(reading)));
    let values: Vec<String> = bad_first.iter().map(value).chain(facts.iter().map(|(_, text)| text.clone())).collect();
    let mark = worst(readings, pen);
    one_line(mark, title, &values.join(&format!(" {} ", pen.glyphs.dot)), pen, columns)
}

/// A collapsed panel: mark, title, text.
pub fn one_line(mark: Mark, title: &'static str, text: &str, pen: Pen, columns: usize) -> Line<'static> {
    const TITLE_COLUMNS: usize = 15; // FILTERING & LLM
    Row::marked(pen, mark).cell(title, TITLE_COLUMNS, Tone::Strong).until(text, columns, Tone::Quiet).line()
}

fn judged(reading: &Reading) -> Health {
    if reading.standing == Standing::Judged { reading.health } else { Health::Healthy }
}

fn worst(readings: &[&Reading], pen: Pen) -> Mark {
    match readings.iter().map(|reading| judged(reading)).max() {
        Some(health) => pen.mark(health),
        None => (pen.glyphs.dot, Tone::Quiet),
    }
}

/// The panel of advice: weaknesses that never change health, with what to do.
pub fn advice_panel(state: &TargetState, pen: Pen, widths: Widths) -> Option<Panel> {
    let columns = widths.column;
    let weak: Vec<&Reading> = state.readings.iter().filter(|reading| is_advice(reading)).collect();
    let first = weak.first()?;
    let mut full = vec![Panel::title(pen, "ADVICE", "never scored", columns)];
    for reading in &weak {
        let row = Row::marked(pen, pen.reading_mark(reading));
        full.extend(hang(row, &reading.summary, columns, SUMMARY_LINES_MAX, Tone::Plain));
        full.extend(advice(pen, &reading.hint, 2, columns));
    }
    Some(Panel::narrow(full, one_line(("i", Tone::Info), "ADVICE", &first.summary, pen, widths.all)))
}

/// Whether a reading is a weakness shown with the advice and not in the panel of its point.
pub fn is_advice(reading: &Reading) -> bool {
    reading.standing == Standing::Advice && reading.health != Health::Healthy
}
