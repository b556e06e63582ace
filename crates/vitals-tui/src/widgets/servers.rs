//! The table of servers: what the hub claims beside what is true. This is what mcp-vitals is for.
//!
//! Bad servers come first and say why; good ones take one quiet line each, or one line together when
//! there is no room.

use crate::look::{Pen, Tone};
use crate::widgets::fit::{Row, hang, paragraph, width};
use crate::widgets::lines::Goal;
use crate::widgets::panel::Panel;
use crate::widgets::spark::spark;
use ratatui::text::Line;
use vitals_model::check::{CheckId, Unit};
use vitals_model::reading::Health;
use vitals_model::snapshot::TargetState;
use vitals_model::text::count;
use vitals_model::verdict::{ServerTruth, Verdict};

/// From this width on the reason stands beside the truth, below it under it.
const WIDE_MIN: usize = 110;
/// Most lines that one reason may take.
const REASON_LINES_MAX: usize = 3;
/// The longest verdict, `expected-down`; the shortest column is that of the heading.
const VERDICT_COLUMNS: usize = 13;
/// Most columns of a name and of a claim where there is room for the reason beside them.
const NAME_COLUMNS_MAX: usize = 26;
/// See [`NAME_COLUMNS_MAX`].
const CLAIM_COLUMNS_MAX: usize = 26;
/// Columns of an age such as `15h 04m`.
const AGE_COLUMNS: usize = 7;
/// Columns of a trend.
const TREND_COLUMNS: usize = 16;

/// Where the columns of the table begin and how wide they are.
struct Columns {
    all: usize,
    name: usize,
    claim: usize,
    verdict: usize,
    /// Free columns around the claim.
    gap: usize,
}

impl Columns {
    fn of(servers: &[&ServerTruth], all: usize) -> Self {
        let longest = |wanted: fn(&ServerTruth) -> usize| servers.iter().map(|s| wanted(s)).max().unwrap_or(0);
        let verdict = longest(|s| width(s.verdict.as_str())).clamp(9, VERDICT_COLUMNS);
        let gap = if all >= WIDE_MIN { 3 } else { 1 };
        // What the marks, the gaps, the verdict and the age leave is shared by name and claim.
        let rest = all.saturating_sub(2 + gap + gap + 2 + verdict + 3 + AGE_COLUMNS);
        let most = if all >= WIDE_MIN { NAME_COLUMNS_MAX } else { rest / 2 };
        let name = longest(|s| width(s.name.as_str())).clamp(6, most.max(6));
        let claim = longest(|s| width(&claim(s))).clamp(14, rest.saturating_sub(name).clamp(14, CLAIM_COLUMNS_MAX));
        Self { all, name, claim, verdict, gap }
    }

    const fn claim_at(&self) -> usize {
        2 + self.name + self.gap
    }

    const fn truth_at(&self) -> usize {
        self.claim_at() + self.claim + self.gap + 2
    }

    const fn reason_at(&self) -> usize {
        self.truth_at() + self.verdict + 3 + AGE_COLUMNS + 2
    }
}

/// The panel; `None` when no server is known.
pub fn panel(state: &TargetState, pen: Pen, columns: usize) -> Option<Panel> {
    if state.servers.is_empty() {
        return None;
    }
    let mut servers: Vec<&ServerTruth> = state.servers.iter().collect();
    servers.sort_by_key(|server| (std::cmp::Reverse(badness(server)), &server.name));
    let at = Columns::of(&servers, columns);
    let mut panel = Panel::fixed(vec![Panel::title(pen, "SERVERS", &summary(state), columns), head(&at, pen)]);
    let mut good = Vec::new();
    for server in servers {
        let goal = Goal::Server(state.target.id.clone(), server.name.clone());
        panel.full.push_link(goal.clone(), row(server, state, &at, pen, REASON_LINES_MAX));
        if is_quiet(server) {
            good.push(server.name.as_str());
        } else {
            panel.compact.push_link(goal, row(server, state, &at, pen, 1));
        }
    }
    match good.len() {
        0 => {}
        1 => panel.full.last_link().into_iter().for_each(|(goal, line)| panel.compact.push_link(goal, [line])),
        n => panel.compact.push(together(n, &good, pen, columns)),
    }
    Some(panel)
}

/// `✓ 38 agree: alpha, beta, …`
fn together(n: usize, names: &[&str], pen: Pen, columns: usize) -> Line<'static> {
    Row::marked(pen, pen.mark(Health::Healthy))
        .put(format!("{n} agree  "), Tone::Plain)
        .until(&names.join(", "), columns, Tone::Quiet)
        .line()
}

/// `2 of 4 work, 1 expected down, 1 unknown`
pub fn summary(state: &TargetState) -> String {
    let of = |wanted: fn(&ServerTruth) -> bool| state.servers.iter().filter(|s| wanted(s)).count();
    let expected = of(|s| s.verdict == Verdict::ExpectedDown);
    let unknown = of(|s| s.verdict != Verdict::ExpectedDown && s.health == Health::Unknown);
    let working = of(|s| s.verdict != Verdict::ExpectedDown && matches!(s.health, Health::Healthy | Health::Degraded));
    let working = format!("{working} of {} work", state.servers.len() - expected);
    let others = [(unknown, "unknown"), (expected, "expected down")].into_iter().filter(|(n, _)| *n > 0);
    std::iter::once(working).chain(others.map(|(n, word)| format!("{n} {word}"))).collect::<Vec<_>>().join(", ")
}

/// How bad a server is, and among the healthy whether there is something to say of it.
pub fn badness(server: &ServerTruth) -> (Health, bool) {
    match server.verdict {
        Verdict::ExpectedDown => (Health::Healthy, true),
        _ => (server.health, server.verdict != Verdict::Agrees),
    }
}

fn is_quiet(server: &ServerTruth) -> bool {
    badness(server) == (Health::Healthy, false)
}

/// What the hub shows of a server: its word and how many tools.
pub fn claim(server: &ServerTruth) -> String {
    let claim = server.claim.as_ref().map_or("no hub", |claim| claim.as_str());
    server.tools.map_or(claim.to_owned(), |tools| format!("{claim}, {}", count(tools, "tool")))
}

fn head(at: &Columns, pen: Pen) -> Line<'static> {
    let row = Row::new(pen)
        .to(2)
        .cell("server", at.name, Tone::Quiet)
        .to(at.claim_at())
        .cell("THE HUB CLAIMS", at.claim, Tone::Strong)
        .to(at.truth_at() + 1)
        .cell("THE TRUTH", at.verdict, Tone::Strong)
        .to(at.truth_at() + at.verdict + 3)
        .right("for", AGE_COLUMNS, Tone::Quiet);
    if at.all < WIDE_MIN { row.line() } else { row.to(at.reason_at()).put("what it rests on", Tone::Quiet).line() }
}

fn row(server: &ServerTruth, state: &TargetState, at: &Columns, pen: Pen, lines_max: usize) -> Vec<Line<'static>> {
    let name = if is_quiet(server) { Tone::Plain } else { Tone::Strong };
    let row = Row::marked(pen, pen.server_mark(server)).cell(server.name.as_str(), at.name, name).to(at.claim_at()).cell(
        &claim(server),
        at.claim,
        Tone::Plain,
    );
    let row = verdict(row, server, at, pen).right(&pen.age(server.since), AGE_COLUMNS, Tone::Quiet);
    if is_quiet(server) {
        return vec![call(row.put(" ", Tone::Plain), server, state, at, pen).line()];
    }
    if at.all < WIDE_MIN {
        let mut lines = vec![row.line()];
        lines.extend(paragraph(pen, &server.reason, 4, at.all, lines_max, Tone::Plain));
        return lines;
    }
    hang(row.to(at.reason_at()), &server.reason, at.all, lines_max, Tone::Plain)
}

/// `= agrees`, or `≠` and the verdict in capitals where nobody can overlook it.
fn verdict(row: Row, server: &ServerTruth, at: &Columns, pen: Pen) -> Row {
    let (word, health) = (server.verdict.as_str(), server.health);
    let (sign, sign_tone, tone) = match server.verdict {
        Verdict::Agrees => (pen.glyphs.agrees, Tone::Quiet, Tone::Of(health)),
        Verdict::ExpectedDown => (pen.glyphs.agrees, Tone::Quiet, Tone::Info),
        Verdict::Unknown => ("?", Tone::Of(Health::Unknown), Tone::Of(Health::Unknown)),
        _ => (pen.glyphs.differs, Tone::Of(health), Tone::Badge(health)),
    };
    let word = if matches!(tone, Tone::Badge(_)) { word.to_uppercase() } else { word.to_owned() };
    let row = row.to(at.truth_at() - 2).put(sign, sign_tone).to(at.truth_at());
    row.put(format!(" {word} "), tone).to(at.truth_at() + at.verdict + 3)
}

/// The canary call of a good server: latency and trend, as far as there is room.
fn call(row: Row, server: &ServerTruth, state: &TargetState, at: &Columns, pen: Pen) -> Row {
    let Some(ms) = server.call_ms else {
        let text = if at.all < WIDE_MIN { "" } else { server.reason.as_str() };
        return row.until(text, at.all, Tone::Quiet);
    };
    let trend = state.trends.get(&CheckId::of_server(&server.name, "call")).map_or(&[][..], Vec::as_slice);
    let text = if at.all < WIDE_MIN { Unit::Millis.show(ms) } else { format!("call answered in {}", Unit::Millis.show(ms)) };
    if row.used() + width(&text) > at.all {
        return row; // Half a number would be a wrong number.
    }
    let row = row.put(text, Tone::Quiet);
    let trend_at = row.used() + 2;
    if trend_at + TREND_COLUMNS > at.all {
        return row;
    }
    row.to(trend_at).put(spark(trend, TREND_COLUMNS, pen.glyphs), Tone::Quiet)
}
