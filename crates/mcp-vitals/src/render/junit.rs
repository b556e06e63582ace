//! `JUnit` XML: a suite per target, a case per check, so that CI shows what failed and why.

use std::fmt::Write as _;

use vitals_judge::expected::Stale;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::Snapshot;

/// The whole of `check`. Entries of the list of expected failures that nothing fails for are a suite of their own.
pub(crate) fn check(snapshot: &Snapshot, stale: &[Stale]) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"mcp-vitals\">\n".to_owned();
    for target in &snapshot.targets {
        let failures = target.readings.iter().filter(|r| is_failure(r)).count();
        let skipped = target.readings.iter().filter(|r| is_skipped(r)).count();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" timestamp=\"{}\">",
            escape(target.target.id.as_str()),
            target.readings.len(),
            snapshot.at
        );
        for reading in &target.readings {
            case(&mut out, reading);
        }
        out.push_str("  </testsuite>\n");
    }
    stale_entries(&mut out, stale, snapshot);
    out.push_str("</testsuites>\n");
    out
}

fn stale_entries(out: &mut String, stale: &[Stale], snapshot: &Snapshot) {
    if stale.is_empty() {
        return;
    }
    let (n, at) = (stale.len(), snapshot.at);
    let _ = writeln!(
        out,
        "  <testsuite name=\"expected failures\" tests=\"{n}\" failures=\"{n}\" errors=\"0\" skipped=\"0\" timestamp=\"{at}\">"
    );
    for Stale { entry, why } in stale {
        let _ = writeln!(
            out,
            "    <testcase classname=\"expected-failures\" name=\"{}\" time=\"0\">\n      \
             <failure type=\"stale\" message=\"{why}\">line {}: take it out; its reason was: {}</failure>\n    </testcase>",
            escape(entry.checks.as_str()),
            entry.line,
            escape(entry.reason.as_str())
        );
    }
    out.push_str("  </testsuite>\n");
}

fn case(out: &mut String, reading: &Reading) {
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.6}\"",
        reading.point.as_str(),
        escape(reading.id.as_str()),
        reading.took.as_secs_f64()
    );
    let summary = escape(&reading.summary);
    if is_failure(reading) {
        let kind = if reading.health == Health::Failing { "critical" } else { "warning" };
        let mut detail = reading.evidence.iter().map(|e| escape(e)).collect::<Vec<_>>();
        detail.extend((!reading.hint.is_empty()).then(|| format!("to do: {}", escape(&reading.hint))));
        let _ = writeln!(
            out,
            "{head}>\n      <failure type=\"{kind}\" message=\"{summary}\">{}</failure>\n    </testcase>",
            detail.join("\n")
        );
    } else if is_skipped(reading) {
        let _ = writeln!(out, "{head}>\n      <skipped message=\"{summary}\"/>\n    </testcase>");
    } else {
        let _ = writeln!(out, "{head}>\n      <system-out>{summary}</system-out>\n    </testcase>");
    }
}

fn is_failure(reading: &Reading) -> bool {
    reading.standing == Standing::Judged && matches!(reading.health, Health::Degraded | Health::Failing)
}

/// What could not be measured, and what fails as expected.
fn is_skipped(reading: &Reading) -> bool {
    reading.standing == Standing::Expected || reading.standing == Standing::Judged && reading.health == Health::Unknown
}

/// Escapes for text and attributes; characters that XML 1.0 forbids become a replacement character.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(c),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_control_characters_cannot_get_out_of_their_place() {
        assert_eq!(escape("a<b>&\"c\"\u{1b}"), "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}");
    }
}
