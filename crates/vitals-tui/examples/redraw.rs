//! Measures what a picture costs, at 140x40: `cargo run --release -p vitals-tui --example redraw`. It exits with 1
//! when a bar is missed: a redraw of 100 servers within 2 ms, the first picture within 100 ms.
//!
//! A redraw is all that a new snapshot or a key costs: the document made anew, painted, and compared with what the
//! terminal shows. What writing to a terminal costs is not in it.

#[path = "../tests/fixtures/mod.rs"]
mod fixtures;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::KeyCode;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use vitals_model::snapshot::Snapshot;
use vitals_tui::event::{Input, Key};
use vitals_tui::said::{Recall, What};
use vitals_tui::{Look, Said, State};

const SIZE: (u16, u16) = (140, 40);
const RUNS: usize = 500;
const REDRAW_MAX: Duration = Duration::from_millis(2);
const FIRST_MAX: Duration = Duration::from_millis(100);

#[expect(clippy::disallowed_methods, reason = "a measurement, and this crate has no clock of its own")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn main() -> std::io::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let Some((_, snapshot)) = fixtures::all().into_iter().find(|(name, _)| *name == "hundred") else {
        return Err(std::io::Error::other("there is no such fixture"));
    };
    let snapshot = Arc::new(snapshot);
    let began = now();
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).map_err(std::io::Error::other)?;
    let mut state = State::new(Arc::clone(&snapshot), Look::default(), SIZE);
    draw(&mut terminal, &state)?;
    let first = began.elapsed();
    writeln!(out, "first picture     {first:>9.2?}  at most {FIRST_MAX:?}")?;
    let mut reached = first <= FIRST_MAX;
    for (name, keys) in [
        ("overview", "1"),
        ("target, fitted", "2"),
        ("target, in full", "x"),
        ("the same, found", "/agrees\n"),
        ("target, bad only", "b"),
        ("server", "b3"),
        ("incidents", "4"),
        ("log", "5"),
        ("scenarios", "6"),
        ("criteria", "7"),
    ] {
        press(&mut state, keys);
        know(&mut state);
        let (median, worst) = redraws(&mut terminal, &mut state, &snapshot)?;
        writeln!(out, "{name:<17} {median:>9.2?}  p99 {worst:>9.2?}  at most {REDRAW_MAX:?}")?;
        reached &= median <= REDRAW_MAX;
    }
    Ok(if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the history has.
fn know(state: &mut State) {
    let Some(target) = state.place().target.clone() else { return };
    for (what, found) in [(What::Scenarios, fixtures::scenarios()), (What::Criteria, fixtures::criteria())] {
        state.apply(Input::Said(Said::Recalled(Recall { target: target.clone(), what }, found)));
    }
}

/// The median and the 99th percentile of many new snapshots.
fn redraws(
    terminal: &mut Terminal<TestBackend>,
    state: &mut State,
    snapshot: &Arc<Snapshot>,
) -> std::io::Result<(Duration, Duration)> {
    let mut times = Vec::with_capacity(RUNS);
    let mut later = Snapshot::clone(snapshot);
    for _ in 0..RUNS {
        later.at = later.at.plus(Duration::from_secs(1));
        let next = Arc::new(later.clone());
        let began = now();
        state.apply(Input::Snapshot(next));
        draw(terminal, state)?;
        times.push(began.elapsed());
    }
    times.sort();
    Ok((times[RUNS / 2], times[RUNS * 99 / 100]))
}

fn draw(terminal: &mut Terminal<TestBackend>, state: &State) -> std::io::Result<()> {
    terminal.draw(|frame| vitals_tui::screen::render(frame, state)).map(drop).map_err(std::io::Error::other)
}

fn press(state: &mut State, keys: &str) {
    for c in keys.chars() {
        let key = if c == '\n' { Key::Named(KeyCode::Enter) } else { Key::Char(c) };
        state.apply(Input::Key(key));
    }
}
