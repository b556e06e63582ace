//! The matrix as a page in Markdown: what is expected comes from the table, what was measured from a run.
//! Made for readers: what a bound is made of stands once below the tables, not in each row.

use std::fmt::Write as _;
use std::time::Duration;

use super::expect::{Expectation, Expects, Source, TICK};
use super::settings;
use super::view::{HourView, MatrixView, TrialView};
use crate::fault::Layer;

/// The head of every table of faults.
const HEAD: &str = "\
| fault | what happens | check | verdict | told by | bound | seen after | over after |
|---|---|---|---|---|--:|--:|--:|
";

/// The sections, in the order of the catalogue.
const LAYERS: [(Layer, &str); 5] = [
    (Layer::Hub, "The hub"),
    (Layer::Server, "Servers"),
    (Layer::Llm, "The LLM"),
    (Layer::Sessions, "Sessions, filtering and the meta-tool"),
    (Layer::Logging, "Logging"),
];

/// The page for these rows and a run; faults that the run did not try have a dash.
pub fn page<'a>(rows: impl IntoIterator<Item = &'a Expectation>, run: Option<&MatrixView>) -> String {
    let rows: Vec<&Expectation> = rows.into_iter().collect();
    let mut page = introduction(run);
    for (layer, title) in LAYERS {
        let of_layer: Vec<_> = rows.iter().filter(|row| row.card().layer == layer).collect();
        if of_layer.is_empty() {
            continue;
        }
        let _ = write!(page, "\n## {title}\n\n");
        page.push_str(HEAD);
        for row in of_layer {
            let tried = run.and_then(|run| run.faults.iter().find(|trial| trial.fault == row.card().id));
            page.push_str(&line(row, tried));
        }
    }
    page.push_str(&bounds(&rows));
    if let Some(hour) = run.and_then(|run| run.hour.as_ref()) {
        page.push_str(&healthy_hour(hour));
    }
    if let Some(run) = run {
        page.push_str(&red(run));
    }
    page
}

fn introduction(run: Option<&MatrixView>) -> String {
    let mut text = "\
# Detection matrix

Every fault that the lab can make, and what must be seen of it: one incident, on the right check, of the right
kind, as bad as it is, and no other. `mcp-vitals selftest` proves it on this machine.

- **verdict**: how bad the incident is, and its kind.
- **told by**: an event, or a probe that comes by the clock; ×2 when it must look twice.
- **bound**: the longest time from the fault to its incident that passes; [what it is made of](#bounds).
- **seen after**: from the fault to its incident, measured.
- **over after**: from the end of the fault to the end of its incident, measured.
"
    .to_owned();
    let _ = match run.filter(|run| !run.faults.is_empty()) {
        None => writeln!(text, "\nNo measured run is kept beside this page yet: the measured columns are empty."),
        Some(run) => writeln!(
            text,
            "\nMeasured with mcp-vitals {} on {}: **{} of {} faults as expected**, {} probes, {} labs side by side. Times are \
             rounded up.",
            run.version,
            run.at.split('T').next().unwrap_or_default(),
            run.faults.iter().filter(|t| t.holds).count(),
            run.faults.len(),
            run.probes,
            run.lanes
        ),
    };
    text
}

fn line(row: &Expectation, tried: Option<&TrialView>) -> String {
    let expected = TrialView::expected(row);
    let measured = |seconds: fn(&TrialView) -> Option<f64>| tried.and_then(seconds).map_or_else(|| "—".to_owned(), rounded_up);
    let verdict = match &row.expects {
        Expects::Incident(verdict) => format!("{} `{}`", verdict.severity.as_str(), verdict.kind),
        Expects::Passing(verdict) => format!("{} `{}`, passes by itself", verdict.severity.as_str(), verdict.kind),
        Expects::Rotation => "counted, no incident".to_owned(),
    };
    let red = if tried.is_some_and(|tried| !tried.holds) { " **not as expected**" } else { "" };
    format!(
        "| `{}` | {} | `{}` | {verdict}{red} | {} | {:.0} s | {} | {} |\n",
        expected.fault,
        expected.what,
        expected.check,
        told_by(row.source),
        expected.bound_s,
        measured(|tried| tried.detected_s),
        measured(|tried| tried.resolved_s),
    )
}

fn told_by(source: Source) -> String {
    match source {
        Source::Event | Source::EventAfter { .. } => "event".to_owned(),
        Source::Polled(polled) if polled.looks == 1 => polled.probe.as_str().to_owned(),
        Source::Polled(polled) => format!("{} ×{}", polled.probe.as_str(), polled.looks),
    }
}

/// What the bounds of these rows are made of, each sum once.
fn bounds(rows: &[&Expectation]) -> String {
    let mut text = format!(
        "\n## Bounds\n\nAn event is told within {:.0} s. A probe is given its interval for each look, one timeout, the time that \
         is added for the stated\nreason, and {:.0} s until it is judged. The intervals and timeouts are those of the proof; by \
         default looks come less often.\n\n| told by | interval | timeout | added | bound |\n|---|--:|--:|---|--:|\n",
        Source::Event.bound(&settings::target()).as_secs_f64(),
        TICK.as_secs_f64()
    );
    let mut lines: Vec<String> = Vec::new();
    for row in rows {
        let line = match row.source {
            Source::Event => continue,
            Source::EventAfter { more_s, why } => sum(row, Duration::ZERO, Duration::ZERO, more_s, why),
            Source::Polled(polled) => {
                let interval = settings::target().schedule.interval(polled.probe).unwrap_or_default();
                let timeout = row.bound().saturating_sub(interval * polled.looks + Duration::from_secs(polled.more_s) + TICK);
                sum(row, interval, timeout, polled.more_s, polled.why)
            }
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.sort();
    text.push_str(&lines.concat());
    text
}

fn healthy_hour(hour: &HourView) -> String {
    format!(
        "\n## The healthy hour\n\nA healthy lab, watched with as many probes as {:.0} min of default watching sends: {} sent, at \
         least {} wanted. {} and {} opened or found: {}.\n",
        hour.stands_for_s / 60.0,
        hour.probes,
        hour.probes_wanted,
        vitals_model::text::count(hour.incidents.len() as u64, "incident"),
        vitals_model::text::count(hour.findings.len() as u64, "finding"),
        if hour.holds { "as expected" } else { "**not as expected**" }
    )
}

/// What does not hold, in words; nothing when all does.
fn red(run: &MatrixView) -> String {
    let mut text = String::new();
    let of_faults = run.faults.iter().flat_map(|t| t.shortfalls.iter().map(move |why| (t.fault.as_str(), why)));
    let of_hour = run.hour.iter().flat_map(|h| h.shortfalls.iter().map(|why| ("the healthy hour", why)));
    for (whose, why) in of_faults.chain(of_hour) {
        if text.is_empty() {
            text.push_str("\n## What does not hold\n\n");
        }
        // Words of a hub stand in it: between backticks nothing is markup.
        let _ = writeln!(text, "- {whose}: `{}`", why.replace('`', "'"));
    }
    text
}

/// One bound with its parts.
fn sum(row: &Expectation, interval: Duration, timeout: Duration, more_s: u64, why: &str) -> String {
    let [interval, timeout] =
        [interval, timeout].map(|d| if d.is_zero() { "—".to_owned() } else { format!("{:.0} s", d.as_secs_f64()) });
    let added = if more_s == 0 { "—".to_owned() } else { format!("{more_s} s: {why}") };
    let bound = row.bound().as_secs_f64();
    format!("| {} | {interval} | {timeout} | {added} | {bound:.0} s |\n", told_by(row.source))
}

/// Seconds with two digits that count, rounded up: never better than it was. `0.04 s`, `5.3 s`, `12 s`.
fn rounded_up(seconds: f64) -> String {
    let digits = match seconds {
        s if s < 1.0 => 2,
        s if s < 10.0 => 1,
        _ => 0,
    };
    let scale = 10_f64.powi(digits);
    format!("{:.*} s", usize::try_from(digits).unwrap_or_default(), (seconds * scale).ceil() / scale)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::expect::EXPECTATIONS;
    use super::*;

    fn repository(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
    }

    #[test]
    fn the_detection_matrix_reference_is_current() {
        let path = "docs/reference/detection-matrix.md";
        let kept = std::fs::read_to_string(repository("docs/reference/detection-matrix.json")).unwrap();
        let run: MatrixView = serde_json::from_str(&kept).unwrap();
        let head = "<!-- Generated from the table of expectations and detection-matrix.json: `cargo xtask gen`. -->\n";
        let page = page(&EXPECTATIONS, Some(&run)).replacen('\n', &["\n\n", head].concat(), 1);
        if std::env::vars().any(|(name, _)| name == "UPDATE") {
            std::fs::write(repository(path), &page).unwrap();
        }
        let is = std::fs::read_to_string(repository(path)).unwrap_or_default();
        assert!(is == page, "{path} is not current: run `cargo xtask gen`");
    }

    #[test]
    fn a_kept_run_holds() {
        let kept = std::fs::read_to_string(repository("docs/reference/detection-matrix.json")).unwrap();
        let run: MatrixView = serde_json::from_str(&kept).unwrap();
        assert_eq!(run.schema, super::super::view::SCHEMA);
        assert!(run.faults.is_empty() || run.holds, "a run that does not hold is no reference");
    }

    #[test]
    fn measured_times_are_rounded_up_and_never_better_than_they_were() {
        let shown = [0.002, 0.04, 0.041, 1.0, 1.01, 4.94, 9.99, 12.001, 61.0].map(rounded_up);
        assert_eq!(shown, ["0.01 s", "0.04 s", "0.05 s", "1.0 s", "1.1 s", "5.0 s", "10.0 s", "13 s", "61 s"]);
    }

    #[test]
    fn what_does_not_hold_is_on_the_page_in_words() {
        let mut trial = TrialView::expected(&EXPECTATIONS[0]);
        trial.shortfalls = vec!["not detected `within` 11 s".to_owned()];
        let run = MatrixView {
            schema: String::new(),
            version: "1".to_owned(),
            at: String::new(),
            seed: 0,
            lanes: 1,
            holds: false,
            probes: 9,
            took_s: 1.0,
            faults: vec![trial],
            hour: None,
        };
        let text = page(&EXPECTATIONS[..2], Some(&run));
        assert!(text.contains("- hub-killed: `not detected 'within' 11 s`"), "{text}");
        assert!(text.contains("0 of 1 faults as expected") && text.contains("**not as expected**"));
        assert!(text.lines().any(|l| l.starts_with("| `hub-stopped`") && l.ends_with("| 2 s | — | — |")), "{text}");
        assert!(!text.contains("## Servers"), "only what was asked for is on the page");
    }
}
