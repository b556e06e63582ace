//! Markdown, for job summaries and chat.

use std::fmt::Write as _;

use vitals_model::reading::{Health, Standing};
use vitals_model::snapshot::Snapshot;

/// The whole of `check`: the servers, and what is not healthy.
pub(crate) fn check(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    for target in &snapshot.targets {
        let _ = writeln!(out, "## {} — {} ({})\n", cell(target.target.id.as_str()), target.health.as_str(), target.score);
        out.push_str("| server | hub says | verdict | truth |\n|---|---|---|---|\n");
        for server in &target.servers {
            let claim = server.claim.as_ref().map_or("—", |c| c.as_str());
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} |",
                cell(server.name.as_str()),
                cell(claim),
                server.verdict.as_str(),
                cell(&server.reason)
            );
        }
        let bad: Vec<_> =
            target.readings.iter().filter(|r| r.standing == Standing::Judged && r.health != Health::Healthy).collect();
        if bad.is_empty() {
            let _ = writeln!(
                out,
                "\nAll {} checks are healthy.\n",
                target.readings.iter().filter(|r| r.standing == Standing::Judged).count()
            );
            continue;
        }
        out.push_str("\n| check | health | what was seen | what to do |\n|---|---|---|---|\n");
        for reading in bad {
            let row = (code(reading.id.as_str()), reading.health.as_str(), cell(&reading.summary), cell(&reading.hint));
            let _ = writeln!(out, "| {} | {} | {} | {} |", row.0, row.1, row.2, row.3);
        }
        out.push('\n');
    }
    out
}

/// Text as code, in a cell or out of one: between backticks nothing can be escaped.
pub(crate) fn code(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| {
            if c == '`' {
                '\''
            } else if c == '|' {
                '¦'
            } else {
                c
            }
        })
        .collect();
    format!("`{text}`")
}

/// Text that may stand in a cell: no bar, no markup, no HTML.
pub(crate) fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}
