//! Markdown, for job summaries and chat.

use std::fmt::Write as _;

use vitals_judge::expected::Stale;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::Snapshot;

/// The whole of `check`: the servers, what is not healthy, what fails as expected, what is expected in vain.
pub(crate) fn check(snapshot: &Snapshot, stale: &[Stale]) -> String {
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
        let judged = || target.readings.iter().filter(|r| r.standing == Standing::Judged);
        let bad: Vec<_> = judged().filter(|r| r.health != Health::Healthy).collect();
        if bad.is_empty() {
            let _ = writeln!(out, "\nAll {} checks are healthy.\n", judged().count());
        } else {
            readings(&mut out, "\n", &bad);
        }
        let expected: Vec<_> = target.readings.iter().filter(|r| r.standing == Standing::Expected).collect();
        if !expected.is_empty() {
            readings(&mut out, "Fails as expected:\n\n", &expected);
        }
    }
    if !stale.is_empty() {
        out.push_str(
            "Expected failures that are none, to be taken out:\n\n| line | check | why | reason given |\n|---|---|---|---|\n",
        );
        for Stale { entry, why } in stale {
            let row = (entry.line, code(entry.checks.as_str()), cell(entry.reason.as_str()));
            let _ = writeln!(out, "| {} | {} | {why} | {} |", row.0, row.1, row.2);
        }
        out.push('\n');
    }
    out
}

fn readings(out: &mut String, title: &str, readings: &[&Reading]) {
    let _ = write!(out, "{title}| check | health | what was seen | what to do |\n|---|---|---|---|\n");
    for reading in readings {
        let row = (code(reading.id.as_str()), reading.health.as_str(), cell(&reading.summary), cell(&reading.hint));
        let _ = writeln!(out, "| {} | {} | {} | {} |", row.0, row.1, row.2, row.3);
    }
    out.push('\n');
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
