//! What `selftest` says: a line per fault as it ends, a summary, and `JUnit` XML. The page in Markdown is
//! made where the table of expectations is.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use vitals_lab::proof::Plan;
use vitals_lab::proof::view::{HourView, MatrixView, TrialView};
use vitals_model::text::count;
use vitals_model::time::human;

use super::junit::escape;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// The width of the longest id of a fault.
const ID_WIDTH: usize = 20;

/// What will be done.
pub(crate) fn announce(plan: &Plan) -> String {
    let hour = plan.hour.map_or_else(String::new, |length| {
        format!(", and {} of healthy watching in a lab beside them", human(length.stands_for()))
    });
    format!(
        "{} in {} of our own{hour}. Each: healthy, the fault, its incident, the end of the fault, the end of the incident.",
        count(plan.rows.len() as u64, "fault"),
        count(plan.lanes.min(plan.rows.len()) as u64, "lab")
    )
}

/// One fault: a line, and for one that does not hold what was expected and what was seen.
pub(crate) fn trial(trial: &TrialView) -> String {
    let mut out = String::new();
    let id = &trial.fault;
    let took = |seconds: Option<f64>| seconds.map_or_else(|| "—".to_owned(), shown);
    if trial.holds {
        let found = match (&trial.kind, &trial.seen) {
            (Some(kind), Some(seen)) => format!("{kind} {}", seen.check),
            _ => trial.counted.clone().unwrap_or_else(|| format!("counted {}", trial.check)),
        };
        let over = trial.resolved_s.map_or_else(String::new, |s| format!(", over after {}", shown(s)));
        let _ = writeln!(
            out,
            "{GOOD}✓{GOOD:#} {id:ID_WIDTH$} {:>8} {DIM}of {:>4}{DIM:#}  {found}{over}",
            took(trial.detected_s),
            bound(trial)
        );
        return out;
    }
    let _ = writeln!(
        out,
        "{BAD}✗ {id:ID_WIDTH$}{BAD:#} {:>8} {DIM}of {:>4}{DIM:#}  {}",
        took(trial.detected_s),
        bound(trial),
        trial.what
    );
    let _ = writeln!(out, "    expected  {}", expected(trial));
    let _ = writeln!(out, "    seen      {}", seen(trial));
    for why in &trial.shortfalls {
        let _ = writeln!(out, "    →         {why}");
    }
    out
}

/// `0.04 s`: measured times are of one unit, so that a column of them can be compared.
fn shown(seconds: f64) -> String {
    format!("{seconds:.2} s")
}

/// A bound, which is a whole number of seconds.
fn bound(trial: &TrialView) -> String {
    format!("{:.0} s", trial.bound_s)
}

fn expected(trial: &TrialView) -> String {
    let (Some(kind), Some(health)) = (&trial.kind, &trial.health) else {
        return format!("no incident, one more in {}", trial.check);
    };
    let words = trial.words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let words = if words.is_empty() { words } else { format!(", with {words}") };
    format!("{health} {kind} {} within {}{words}", trial.check, bound(trial))
}

fn seen(trial: &TrialView) -> String {
    match (&trial.seen, &trial.counted) {
        (_, Some(counted)) => format!("{counted} ({})", trial.check),
        (None, None) if trial.probes == 0 => "nothing: no probe was sent".to_owned(),
        (None, None) => format!("no incident on that check, in {}", count(trial.probes, "probe")),
        (Some(seen), None) => format!("{} {} {}: {}", seen.health, seen.kind, seen.check, seen.summary),
    }
}

/// The healthy hour in a line.
pub(crate) fn hour(hour: &HourView) -> String {
    let mut out = String::new();
    let span = human(Duration::try_from_secs_f64(hour.stands_for_s).unwrap_or_default());
    let (style, mark) = if hour.holds { (GOOD, '✓') } else { (BAD, '✗') };
    let _ = writeln!(
        out,
        "{style}{mark}{style:#} {:ID_WIDTH$} {:>8} {DIM}for {span} of default watching{DIM:#}  {}, {}, {}",
        "(a healthy hub)",
        shown(hour.took_s),
        count(hour.probes, "probe"),
        count(hour.incidents.len() as u64, "incident"),
        count(hour.findings.len() as u64, "finding"),
    );
    for why in &hour.shortfalls {
        let _ = writeln!(out, "    →         {why}");
    }
    out
}

/// What it came to.
pub(crate) fn summary(view: &MatrixView) -> String {
    let good = view.faults.iter().filter(|t| t.holds).count();
    let strangers = view.faults.iter().flat_map(|t| &t.others).filter(|o| o.part == "stranger").count();
    let (style, word) = if view.holds { (GOOD, "holds") } else { (BAD, "does not hold") };
    let mut out = format!(
        "\nThe proof {style}{word}{style:#}: {good} of {} detected as what they are, {} too many, {} sent, in {}.\n",
        count(view.faults.len() as u64, "fault"),
        count(strangers as u64, "incident"),
        count(view.probes, "probe"),
        human(Duration::try_from_secs_f64(view.took_s).unwrap_or_default()),
    );
    let slowest = view.faults.iter().filter_map(|t| Some((t.detected_s?, t))).max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((seconds, trial)) = slowest {
        let _ = writeln!(out, "Slowest to be seen: {} after {}, told by {}.", trial.fault, shown(seconds), trial.source);
    }
    let red: Vec<&str> = view.faults.iter().filter(|t| !t.holds).map(|t| t.fault.as_str()).collect();
    if !red.is_empty() {
        let _ = writeln!(out, "Again, those that failed: mcp-vitals selftest --fault {}", red.join(" --fault "));
    }
    out
}

/// `JUnit` XML: a case per fault, and one for the healthy hour.
pub(crate) fn junit(view: &MatrixView) -> String {
    let hours = view.hour.iter();
    let tests = view.faults.len() + hours.len();
    let failures = view.faults.iter().filter(|t| !t.holds).count() + view.hour.iter().filter(|h| !h.holds).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"mcp-vitals\">\n  <testsuite name=\"selftest\" \
         tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\" timestamp=\"{}\" time=\"{:.3}\">\n",
        escape(&view.at),
        view.took_s
    );
    for trial in &view.faults {
        let passed = format!("{}; {}", expected(trial), seen(trial));
        case(&mut out, &trial.layer, &trial.fault, trial.detected_s.unwrap_or(0.0), &passed, &trial.shortfalls);
    }
    if let Some(hour) = &view.hour {
        let passed = format!("{}, nothing found", count(hour.probes, "probe"));
        case(&mut out, "healthy", "healthy-hour", hour.took_s, &passed, &hour.shortfalls);
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn case(out: &mut String, class: &str, name: &str, seconds: f64, passed: &str, shortfalls: &[String]) {
    let head = format!("    <testcase classname=\"{}\" name=\"{}\" time=\"{seconds:.3}\"", escape(class), escape(name));
    let _ = match shortfalls.first() {
        None => writeln!(out, "{head}>\n      <system-out>{}</system-out>\n    </testcase>", escape(passed)),
        Some(first) => writeln!(
            out,
            "{head}>\n      <failure type=\"detection\" message=\"{}\">{}\n{}</failure>\n    </testcase>",
            escape(first),
            escape(passed),
            escape(&shortfalls.join("\n"))
        ),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried() -> TrialView {
        serde_json::from_value(serde_json::json!({
            "fault": "hub-killed", "layer": "hub", "what": "the hub's process is killed", "persona": "honest",
            "filtering": "off", "server": null, "check": "hub-servers/process", "kind": "process", "health": "failing",
            "words": ["gone"], "source": "event", "bound_s": 1.0, "detected": true, "detected_s": 0.043, "verdict": true,
            "resolved_s": 1.2, "probes": 40,
            "seen": {"check": "hub-servers/process", "kind": "process", "health": "failing", "summary": "pid 4 is <gone>"},
            "others": [], "holds": true, "shortfalls": [],
        }))
        .unwrap()
    }

    fn view(trial: TrialView) -> MatrixView {
        let (version, at) = (String::new(), "2026-01-01T00:00:00.000Z".to_owned());
        let holds = trial.holds;
        MatrixView {
            schema: String::new(),
            version,
            at,
            seed: 0,
            lanes: 1,
            holds,
            probes: 40,
            took_s: 9.0,
            faults: vec![trial],
            hour: None,
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_fault_that_is_seen_is_one_line() {
        let text = plain(&trial(&tried()));
        assert_eq!(text, "✓ hub-killed             0.04 s of  1 s  process hub-servers/process, over after 1.20 s\n");
        assert!(plain(&summary(&view(tried()))).contains("The proof holds: 1 of 1 fault detected"));
    }

    #[test]
    fn a_fault_that_is_not_seen_says_what_was_expected_and_what_was_seen() {
        let shortfalls = vec!["not detected within 11.0 s, expected within 1.0 s".to_owned()];
        let red = TrialView { holds: false, detected_s: None, seen: None, shortfalls, ..tried() };
        let text = plain(&trial(&red));
        assert!(text.starts_with("✗ hub-killed") && text.contains("the hub's process is killed"), "{text}");
        assert!(text.contains("expected  failing process hub-servers/process within 1 s, with \"gone\"\n"), "{text}");
        assert!(text.contains("seen      no incident on that check, in 40 probes\n"), "{text}");
        assert!(text.ends_with("→         not detected within 11.0 s, expected within 1.0 s\n"), "{text}");
        let text = plain(&summary(&view(red)));
        assert!(
            text.contains("does not hold: 0 of 1 fault") && text.contains("mcp-vitals selftest --fault hub-killed\n"),
            "{text}"
        );
    }

    #[test]
    fn what_opens_no_incident_says_what_was_counted() {
        let counted = "1 rotation followed, no line broken but the torn one".to_owned();
        let check = "logging/rotation".to_owned();
        let good = TrialView { check, kind: None, health: None, seen: None, counted: Some(counted), ..tried() };
        let text = plain(&trial(&good));
        assert!(text.contains("of  1 s  1 rotation followed, no line broken but the torn one, over after"), "{text}");
        let red = TrialView { holds: false, ..good.clone() };
        let text = plain(&trial(&red));
        assert!(text.contains("seen      1 rotation followed, no line broken but the torn one (logging/rotation)\n"), "{text}");
        assert!(junit(&view(good)).contains("one more in logging/rotation; 1 rotation followed"));
    }

    #[test]
    fn junit_counts_failures_and_escapes_what_a_hub_said() {
        let good = junit(&view(tried()));
        assert!(good.contains("tests=\"1\" failures=\"0\"") && good.contains("pid 4 is &lt;gone&gt;"), "{good}");
        let red = junit(&view(TrialView { holds: false, shortfalls: vec!["a < b".to_owned()], ..tried() }));
        assert!(red.contains("failures=\"1\"") && red.contains("message=\"a &lt; b\""), "{red}");
    }
}
