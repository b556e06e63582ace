//! All targets at a glance, the bad ones with what is wrong with them.

use crate::filter::Filter;
use crate::look::{Pen, Tone, grade_health};
use crate::screen::target;
use crate::widgets::fit::{Row, paragraph, width};
use crate::widgets::lines::{Goal, Lines};
use crate::widgets::panel::{Panel, Room, arrange};
use crate::widgets::spark::spark;
use crate::widgets::{faults, servers};
use ratatui::text::Line;
use std::borrow::Cow;
use vitals_model::check::{CheckId, Point};
use vitals_model::reading::Health;
use vitals_model::snapshot::{Snapshot, TargetState};

/// Widest column of target names.
const NAME_COLUMNS_MAX: usize = 24;
/// Columns of `100/100 EXCELLENT`, and of `100/100` where it is narrow.
const fn score_columns(columns: usize) -> usize {
    if columns < WIDE_MIN { 7 } else { 17 }
}
/// Columns of `12 of 40 work`.
const SERVERS_COLUMNS: usize = 13;
/// Columns of an age.
const AGE_COLUMNS: usize = 7;
/// Columns of the trend of the API's latency.
const TREND_COLUMNS: usize = 12;
/// From this width on the trend is shown.
const WIDE_MIN: usize = 110;

/// The whole document.
pub fn lines(snapshot: &Snapshot, filter: Filter, pen: Pen, columns: usize, room: Room) -> Lines {
    let shown: Vec<_> = snapshot.targets.iter().filter(|state| filter.shows(state.health)).map(|s| filter.of(s)).collect();
    let mut panels = vec![table(&shown, pen, columns)];
    for state in shown.iter().filter(|state| state.health != Health::Healthy) {
        if let Some(panel) = faults::panel(state, pen, columns) {
            panels.push(named(panel, state, pen, columns));
        }
    }
    if snapshot.targets.is_empty() {
        panels = vec![Panel::fixed(nothing(pen, columns))];
    }
    arrange(&panels, columns, room)
}

/// What to do when there is nothing to show.
fn nothing(pen: Pen, columns: usize) -> Vec<Line<'static>> {
    let mut lines =
        vec![Line::default(), Row::marked(pen, pen.mark(Health::Unknown)).put("No target to watch.", Tone::Strong).line()];
    let text = "No running hub was found in a workspaces.json of this user, and no target is named. \
                Start a hub, or name one with --target URL.";
    lines.extend(paragraph(pen, text, 2, columns, 4, Tone::Plain));
    lines
}

/// The faults of one target under its own name.
fn named(mut panel: Panel, state: &TargetState, pen: Pen, columns: usize) -> Panel {
    let (symbol, tone) = pen.mark(state.health);
    let row = Row::new(pen).put(symbol, tone).put(" ", Tone::Plain).until(state.target.id.as_str(), columns / 2, Tone::Strong);
    let row = row.put(" ", Tone::Plain);
    let missing = columns.saturating_sub(row.used());
    let title = row.put(pen.glyphs.rule.repeat(missing), Tone::Quiet).line();
    panel.full.set_first(title.clone());
    panel.compact.set_first(title);
    panel
}

fn table(shown: &[Cow<'_, TargetState>], pen: Pen, columns: usize) -> Panel {
    let names = shown.iter().map(|state| width(state.target.id.as_str())).max().unwrap_or(0);
    let names = names.clamp(6, NAME_COLUMNS_MAX);
    let head = Row::new(pen)
        .to(2)
        .cell("target", names, Tone::Quiet)
        .cell("health", 8, Tone::Quiet)
        .right("for", AGE_COLUMNS, Tone::Quiet)
        .put(" ", Tone::Plain)
        .cell("score", score_columns(columns), Tone::Quiet)
        .cell("servers", SERVERS_COLUMNS, Tone::Quiet);
    let head = if columns < WIDE_MIN { head } else { head.cell("API latency", TREND_COLUMNS, Tone::Quiet) };
    let head = head.until("wrong now", columns, Tone::Quiet).line();
    let mut lines = Lines::from(vec![Panel::title(pen, "TARGETS", "", columns), head]);
    for state in shown {
        lines.push_link(Goal::Target(state.target.id.clone()), [row(state, pen, names, columns)]);
    }
    Panel::fixed(lines)
}

fn row(state: &TargetState, pen: Pen, names: usize, columns: usize) -> Line<'static> {
    let bad = state.health != Health::Healthy;
    let score = state.score.to_string();
    let score = if columns < WIDE_MIN { score.split(' ').next().unwrap_or(&score) } else { &score };
    let since = target::since(state).map_or(String::new(), |since| pen.age(since));
    let row = Row::marked(pen, pen.mark(state.health))
        .cell(state.target.id.as_str(), names, if bad { Tone::Strong } else { Tone::Plain })
        .cell(state.health.as_str(), 8, Tone::Of(state.health))
        .right(&since, AGE_COLUMNS, Tone::Quiet)
        .put(" ", Tone::Plain)
        .cell(score, score_columns(columns), Tone::Of(grade_health(state.score.grade())));
    let servers = if state.servers.is_empty() { pen.glyphs.none.to_owned() } else { servers::summary(state) };
    let row = row.cell(&servers, SERVERS_COLUMNS, Tone::Plain);
    let row = if columns < WIDE_MIN { row } else { row.cell(&api_trend(state, pen), TREND_COLUMNS, Tone::Quiet) };
    let wrong: Vec<String> =
        faults::of(state).iter().map(|fault| format!("{} {}", fault.kind.to_uppercase(), fault.subject)).collect();
    row.until(&wrong.join(", "), columns, Tone::Of(state.health)).line()
}

fn api_trend(state: &TargetState, pen: Pen) -> String {
    let id = CheckId::of_target(Point::HubServers, "api");
    state.trends.get(&id).map_or(String::new(), |values| spark(values, TREND_COLUMNS, pen.glyphs))
}
