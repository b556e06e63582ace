//! The latest scenarios run on a target, each with its steps: what was done, what was expected, what was seen.

use crate::look::{Mark, Pen, Tone};
use crate::said::Found;
use crate::screen::empty;
use crate::widgets::fit::{Row, hang};
use crate::widgets::lines::Lines;
use crate::widgets::panel::Panel;
use ratatui::text::Line;
use vitals_model::reading::Health;
use vitals_model::scenario::{Outcome, Run, Step};
use vitals_model::snapshot::TargetState;
use vitals_model::time::human;

/// Most lines that what was seen may take.
const SEEN_LINES_MAX: usize = 3;

/// The whole document.
pub fn lines(state: &TargetState, found: Option<&Found>, pen: Pen, columns: usize) -> Lines {
    let runs = match found {
        None => return empty(pen, "Reading the history.", "", columns),
        Some(Found::Nothing(why)) => return empty(pen, "No scenario is known.", why, columns),
        Some(Found::Scenarios(runs)) => runs.as_slice(),
        Some(Found::Trends(_) | Found::Criteria(..)) => &[],
    };
    if runs.is_empty() {
        let how = format!("None was run on {}. `mcp-vitals scenario list` shows what there is.", state.target.id);
        return empty(pen, "No scenario is known.", &how, columns);
    }
    let mut lines =
        Lines::from(vec![Panel::title(pen, "SCENARIOS", &format!("run on {}, latest first", state.target.id), columns)]);
    for run in runs {
        lines.extend(one(run, pen, columns));
    }
    lines
}

fn one(run: &Run, pen: Pen, columns: usize) -> Vec<Line<'static>> {
    let outcome = run.outcome();
    let row = Row::marked(pen, mark(outcome, pen)).cell(&run.scenario, 24, Tone::Strong).cell(
        outcome.as_str(),
        8,
        mark(outcome, pen).1,
    );
    let steps = format!("{} of {} steps passed", run.count(Outcome::Passed), run.steps.len());
    let row = row.until(
        &format!("{steps}, took {}, {} ago, on a {}", human(run.took), pen.age(run.at), run.stand.as_str()),
        columns,
        Tone::Quiet,
    );
    let mut lines = vec![row.line()];
    lines.extend(run.steps.iter().flat_map(|step| part(step, pen, columns)));
    lines
}

/// A step that passed takes one line; another one says what was expected, too.
fn part(step: &Step, pen: Pen, columns: usize) -> Vec<Line<'static>> {
    let (symbol, tone) = mark(step.outcome, pen);
    let row = Row::new(pen).to(2).put(symbol, tone).put(" ", Tone::Plain);
    if step.outcome == Outcome::Passed {
        return vec![row.until(&format!("{}: {}", step.does, step.seen), columns, Tone::Plain).line()];
    }
    let mut lines = vec![row.until(&step.does, columns, Tone::Strong).line()];
    lines.extend(hang(Row::new(pen).to(4).cell("expected", 8, Tone::Quiet), &step.expects, columns, SEEN_LINES_MAX, Tone::Plain));
    lines.extend(hang(Row::new(pen).to(4).cell("seen", 8, Tone::Quiet), &step.seen, columns, SEEN_LINES_MAX, Tone::Plain));
    lines
}

fn mark(outcome: Outcome, pen: Pen) -> Mark {
    pen.mark(match outcome {
        Outcome::Passed => Health::Healthy,
        Outcome::Skipped => Health::Unknown,
        Outcome::Failed => Health::Failing,
    })
}
