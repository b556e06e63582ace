//! Plots as inline SVG. The drawing stretches to its place and holds no text: labels stand around it, so that they
//! are as large on a phone as on paper. What was not observed is grey, never a line.

use std::fmt::Write as _;

use maud::{Markup, html};
use vitals_model::check::Unit;
use vitals_model::history::Span;
use vitals_model::time::Timestamp;

use crate::at;

/// The drawing's own size; it has no unit.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;

/// One value per slice.
pub type Values = Vec<Option<f64>>;

/// A line, and what it is.
pub struct Line {
    /// Said in the legend.
    pub name: &'static str,
    /// Its colour.
    pub class: &'static str,
    /// Its values.
    pub values: Values,
}

/// A plot over the slices of a span.
pub struct Plot<'a> {
    /// Unique on the page.
    pub id: String,
    /// What it shows.
    pub title: &'a str,
    /// What it says, in one sentence, for those who do not see it.
    pub says: String,
    /// The slices.
    pub slices: &'a [Span],
    /// The unit of the values.
    pub unit: Unit,
    /// The top, where it is given; else the next round number above all values.
    pub top: Option<f64>,
    /// An area between two lines of values, low and high.
    pub band: Option<(Values, Values)>,
    /// Its lines.
    pub lines: Vec<Line>,
}

impl Plot<'_> {
    /// The plot in its frame.
    pub fn draw(&self) -> Markup {
        let top = self
            .top
            .unwrap_or_else(|| round_up(self.lines.iter().flat_map(|l| &l.values).flatten().copied().fold(0.0, f64::max)));
        let scale = Scale { slices: self.slices, top };
        let (title, says) = (format!("{}-title", self.id), format!("{}-says", self.id));
        html! {
            figure.plot {
                figcaption { (self.title) @if self.lines.len() > 1 { (self.legend()) } }
                div.frame {
                    div.values aria-hidden="true" {
                        span { (self.unit.show(top)) } span { (self.unit.show(top / 2.0)) } span { "0" }
                    }
                    svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-labelledby={ (title) " " (says) } {
                        title id=(title) { (self.title) }
                        desc id=(says) { (self.says) }
                        @for gap in gaps(&scale, &self.lines) { rect.gap x=(gap.0) y="0" width=(gap.1) height=(HEIGHT) {} }
                        path.grid d={ "M0 0H" (WIDTH) "M0 50H" (WIDTH) "M0 100H" (WIDTH) } {}
                        @if let Some((low, high)) = &self.band { path.band d=(area(&scale, low, high)) {} }
                        @for line in &self.lines { path.line.(line.class) d=(path(&scale, &line.values)) {} }
                    }
                    (times(self.slices))
                }
            }
        }
    }

    fn legend(&self) -> Markup {
        html! { span.legend { @for line in &self.lines { span.(line.class) { (line.name) } } } }
    }
}

/// The times under a plot: its beginning, middle and end.
pub fn times(slices: &[Span]) -> Markup {
    let (Some(first), Some(last)) = (slices.first(), slices.last()) else { return html! {} };
    let middle = first.from.plus(last.to.since(first.from) / 2);
    html! { div.times aria-hidden="true" { span { (at(first.from)) } span { (at(middle)) } span { (at(last.to)) } } }
}

struct Scale<'a> {
    slices: &'a [Span],
    top: f64,
}

impl Scale<'_> {
    fn x(&self, time: Timestamp) -> f64 {
        let (Some(first), Some(last)) = (self.slices.first(), self.slices.last()) else { return 0.0 };
        share(time, Span { from: first.from, to: last.to }) * WIDTH
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - (value / self.top).clamp(0.0, 1.0) * HEIGHT
    }

    /// The middle of a slice.
    fn middle(&self, n: usize) -> f64 {
        let Span { from, to } = self.slices[n];
        f64::midpoint(self.x(from), self.x(to))
    }
}

/// How far into a span an instant lies, 0–1.
pub fn share(time: Timestamp, span: Span) -> f64 {
    (time.since(span.from).as_secs_f64() / span.length().as_secs_f64().max(1.0)).min(1.0)
}

/// The next of 1, 2, 5, 10, … that is not less.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|top| *top >= value * 0.999_999).unwrap_or(power * 10.0)
}

/// Slices next to each other that have values, as ranges.
fn runs(values: &[Option<f64>]) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for n in (0..values.len()).filter(|n| values[*n].is_some()) {
        match runs.last_mut() {
            Some(run) if run.end == n => run.end = n + 1,
            _ => runs.push(n..n + 1),
        }
    }
    runs
}

/// A line through the middles of its slices, broken where there is no value; a slice alone is a dash of its width.
fn path(scale: &Scale<'_>, values: &[Option<f64>]) -> String {
    let mut out = String::new();
    for run in runs(values) {
        let Span { from, to } = scale.slices[run.start];
        if let ([Some(value)], 1) = (&values[run.clone()], run.len()) {
            let _ = write!(out, "M{:.1} {:.1}H{:.1}", scale.x(from), scale.y(*value), scale.x(to));
            continue;
        }
        for n in run.clone() {
            let Some(value) = values[n] else { continue };
            let verb = if n == run.start { 'M' } else { 'L' };
            let _ = write!(out, "{verb}{:.1} {:.1}", scale.middle(n), scale.y(value));
        }
    }
    out
}

/// The area between two lines.
fn area(scale: &Scale<'_>, low: &[Option<f64>], high: &[Option<f64>]) -> String {
    let mut out = String::new();
    for run in runs(high).into_iter().filter(|run| run.len() > 1) {
        let point = |n: usize, values: &[Option<f64>]| format!("{:.1} {:.1}", scale.middle(n), scale.y(values[n].unwrap_or(0.0)));
        let there = run.clone().map(|n| point(n, high));
        let back = run.rev().map(|n| point(n, low));
        let _ = write!(out, "M{}Z", there.chain(back).collect::<Vec<_>>().join("L"));
    }
    out
}

/// Beginning and width of what no line has a value for.
fn gaps(scale: &Scale<'_>, lines: &[Line]) -> Vec<(String, String)> {
    let empty: Vec<_> =
        (0..scale.slices.len()).map(|n| lines.iter().all(|line| line.values[n].is_none()).then_some(0.0)).collect();
    let gap = |run: std::ops::Range<usize>| {
        let (from, to) = (scale.x(scale.slices[run.start].from), scale.x(scale.slices[run.end - 1].to));
        (format!("{from:.1}"), format!("{:.1}", to - from))
    };
    runs(&empty).into_iter().map(gap).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn slices() -> Vec<Span> {
        let at = |n: u64| Timestamp::default().plus(Duration::from_secs(n * 60));
        (0..4).map(|n| Span { from: at(n), to: at(n + 1) }).collect()
    }

    #[test]
    fn a_line_breaks_where_there_is_no_value_and_one_alone_is_a_dash() {
        let slices = slices();
        let scale = Scale { slices: &slices, top: 10.0 };
        assert_eq!(path(&scale, &[Some(10.0), Some(5.0), None, Some(0.0)]), "M125.0 0.0L375.0 50.0M750.0 100.0H1000.0");
        assert_eq!(path(&scale, &[None; 4]), "");
        assert_eq!(
            area(&scale, &[Some(0.0), Some(0.0), None, None], &[Some(10.0), Some(5.0), None, None]),
            "M125.0 0.0L375.0 50.0L375.0 100.0L125.0 100.0Z"
        );
        let lines = [Line { name: "", class: "", values: vec![None, Some(1.0), None, None] }];
        assert_eq!(gaps(&scale, &lines), [("0.0".to_owned(), "250.0".to_owned()), ("500.0".to_owned(), "500.0".to_owned())]);
    }

    #[test]
    fn the_top_is_a_round_number_that_holds_every_value() {
        let tops = [0.0, 0.7, 1.0, 1.1, 4.0, 51.0, 999.0].map(|value| round_up(value).to_string());
        assert_eq!(tops, ["1", "1", "1", "2", "5", "100", "1000"]);
    }
}
