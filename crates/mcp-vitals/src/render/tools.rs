//! The tools of a target against what was approved, for people and as JSON.

use std::fmt::Write as _;

use vitals_judge::check::sign_line;
use vitals_judge::surface::review::{Now, Presence, ServerReview};
use vitals_judge::truth::change_line;
use vitals_model::drift::{Meaning, ToolDrift};
use vitals_model::reading::Health;
use vitals_model::target::Target;
use vitals_model::text::{Text, count};
use vitals_model::tool::Pins;
use vitals_model::view::tools_v1::{ServerToolsView, ToolDriftView};

use super::text::{BAD, BOLD, DIM, GOOD, WARN};

/// The width of the longest meaning.
const MEANING_WIDTH: usize = 17;

/// `tools diff` as text: server by server, the worst first.
pub(crate) fn review(servers: &[ServerReview], lock: &str, target: &Target) -> String {
    let mut out = String::new();
    let differing = servers.iter().filter(|server| !server.drift.is_empty()).count() as u64;
    let sum = |side: fn(&ServerReview) -> u64| servers.iter().map(side).sum::<u64>();
    let (before, now) = (sum(|server| server.tokens.0), sum(|server| server.tokens.1));
    let _ = writeln!(
        out,
        "{BOLD}{}{BOLD:#} against {lock}: {differing} of {} not as pinned, {}",
        target.id,
        count(servers.len() as u64, "server"),
        tokens(before, now),
    );
    for server in servers {
        one_server(&mut out, server);
    }
    if servers.iter().any(|server| matches!(server.health(), Health::Degraded | Health::Failing)) {
        out.push_str("\nwhen it is meant to be so: mcp-vitals tools approve [SERVER[/TOOL]]\n");
    }
    out
}

fn one_server(out: &mut String, server: &ServerReview) {
    let tokens = tokens(server.tokens.0, server.tokens.1);
    let (style, mark) = match server.health() {
        Health::Healthy => (GOOD, "✓"),
        Health::Unknown => (DIM, "?"),
        Health::Degraded => (WARN, "!"),
        Health::Failing => (BAD, "✗"),
    };
    let how = match &server.presence {
        Presence::Compared if server.drift.is_empty() => "as pinned".to_owned(),
        Presence::Compared => count(server.drift.len() as u64, "tool") + " not as pinned, " + &tokens,
        Presence::New => format!("not pinned yet, {tokens}"),
        Presence::Gone => "pinned, and not there any more".to_owned(),
        Presence::Unseen(why) => format!("not compared, its tools cannot be seen: {why}"),
    };
    let _ = writeln!(out, "\n{style}{mark}{style:#} {BOLD}{}{BOLD:#}  {how}", server.server);
    let mut drift: Vec<_> = server.drift.iter().collect();
    drift.sort_by_key(|tool| std::cmp::Reverse(tool.meaning()));
    for tool in drift {
        changes(out, tool);
    }
    for sign in &server.signs {
        let _ = writeln!(out, "    {BAD}{:MEANING_WIDTH$}{BAD:#}  {}", "sign of orders", sign_line(sign));
    }
}

/// An estimate, and what it was where that differs.
fn tokens(before: u64, now: u64) -> String {
    let was = if before == now { String::new() } else { format!("{before} → ") };
    format!("about {was}{}", count(now, "token"))
}

fn changes(out: &mut String, tool: &ToolDrift) {
    for change in &tool.changes {
        let style = match change.meaning {
            Meaning::Breaking | Meaning::MaybeBreaking => BAD,
            Meaning::Widening | Meaning::TextOnly => WARN,
        };
        let _ = writeln!(out, "    {style}{:MEANING_WIDTH$}{style:#}  {}", change.meaning.as_str(), change_line(tool, change));
    }
}

/// What `tools approve` took over.
pub(crate) fn taken(all: &[(Text, ToolDrift)]) -> String {
    let mut out = String::new();
    for (server, tool) in all {
        let _ = writeln!(out, "{server}: {} {} ({})", tool.tool, tool.fate.as_str(), tool.meaning().as_str());
    }
    out
}

/// One server of `tools diff --format json`.
pub(crate) fn view(server: &ServerReview, pins: &Pins, now: &Now) -> ServerToolsView {
    let (before, after) = (pins.servers.get(&server.server), now.tools.get(&server.server));
    let tool = |drift: &ToolDrift| {
        let of = |set: Option<&'_ vitals_model::tool::ToolSet>| set.and_then(|set| set.get(drift.tool.as_str())).cloned();
        ToolDriftView::new(drift, of(before).as_ref(), of(after).as_ref())
    };
    ServerToolsView {
        name: server.server.to_string(),
        presence: server.presence.as_str(),
        reason: if let Presence::Unseen(why) = &server.presence { Some(why.clone()) } else { None },
        tools: server.drift.iter().map(tool).collect(),
        signs: server.signs.iter().map(Into::into).collect(),
        tokens_before: server.tokens.0,
        tokens: server.tokens.1,
    }
}
