//! What a target must, should and may be, and whether it was: each criterion with what was seen.

use crate::look::{Mark, Pen, Tone};
use crate::said::Found;
use crate::screen::empty;
use crate::widgets::fit::{Row, hang, width};
use crate::widgets::lines::Lines;
use crate::widgets::panel::{Panel, Room, arrange};
use ratatui::text::Line;
use vitals_model::criterion::{Criterion, Fulfilment, Weight};
use vitals_model::reading::Health;
use vitals_model::snapshot::TargetState;
use vitals_model::time::human;

/// Most columns of a criterion's name.
const NAME_COLUMNS_MAX: usize = 26;
/// Most lines that what was seen may take.
const SEEN_LINES_MAX: usize = 2;

/// The whole document.
pub fn lines(state: &TargetState, found: Option<&Found>, pen: Pen, columns: usize) -> Lines {
    let (over, all) = match found {
        None => return empty(pen, "Reading the history.", "", columns),
        Some(Found::Nothing(why)) => return empty(pen, "Nothing can be said yet.", why, columns),
        Some(Found::Criteria(over, all)) => (*over, all.as_slice()),
        Some(Found::Trends(_) | Found::Scenarios(_)) => return empty(pen, "Nothing can be said yet.", "", columns),
    };
    let met = |wanted| all.iter().filter(|criterion| criterion.fulfilment == wanted).count();
    let tally = [Fulfilment::Met, Fulfilment::Unmet, Fulfilment::Pending];
    let tally: Vec<String> = tally.iter().map(|wanted| format!("{} {}", met(*wanted), wanted.as_str())).collect();
    let worst = all.iter().map(|criterion| criterion.fulfilment).max().unwrap_or(Fulfilment::Pending);
    let head = Row::marked(pen, mark(worst, pen)).until(state.target.id.as_str(), columns / 2, Tone::Strong);
    let head = head.until(&format!("  over the last {}: {}", human(over), tally.join(", ")), columns, Tone::Plain).line();
    let names = all.iter().map(|criterion| width(&criterion.name)).max().unwrap_or(0).min(NAME_COLUMNS_MAX);
    let mut panels = vec![Panel::fixed(vec![head])];
    for weight in Weight::ALL {
        let of_it: Vec<&Criterion> = all.iter().filter(|criterion| criterion.weight == weight).collect();
        if !of_it.is_empty() {
            let mut part = vec![Panel::title(pen, title(weight), "", columns)];
            part.extend(of_it.into_iter().flat_map(|criterion| row(criterion, names, pen, columns)));
            panels.push(Panel::fixed(part));
        }
    }
    arrange(&panels, columns, Room::Endless)
}

const fn title(weight: Weight) -> &'static str {
    match weight {
        Weight::Must => "MUST",
        Weight::Should => "SHOULD",
        Weight::Nice => "NICE",
    }
}

/// `✓ process-continuous  met      the process ran all the time`
fn row(criterion: &Criterion, names: usize, pen: Pen, columns: usize) -> Vec<Line<'static>> {
    let mark = mark(criterion.fulfilment, pen);
    let row = Row::marked(pen, mark).cell(&criterion.name, names, Tone::Strong).cell(criterion.fulfilment.as_str(), 8, mark.1);
    let budget = criterion.budget.as_ref().map(|budget| format!("; {:.0} % of the error budget is spent", budget.spent * 100.0));
    let text = match criterion.fulfilment {
        Fulfilment::Met => format!("{}{}", criterion.seen, budget.unwrap_or_default()),
        Fulfilment::Unmet | Fulfilment::Pending => {
            format!("{}: {}{}", criterion.wants, criterion.seen, budget.unwrap_or_default())
        }
    };
    hang(row, &text, columns, SEEN_LINES_MAX, Tone::Plain)
}

fn mark(fulfilment: Fulfilment, pen: Pen) -> Mark {
    pen.mark(match fulfilment {
        Fulfilment::Met => Health::Healthy,
        Fulfilment::Pending => Health::Unknown,
        Fulfilment::Unmet => Health::Failing,
    })
}
