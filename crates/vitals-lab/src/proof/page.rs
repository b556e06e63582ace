//! The matrix as a page in Markdown: what is expected comes from the table, what was measured from a run.
//! Measured times are rounded up to the next of a few figures, so that two runs of the same product give
//! the same page.

use std::fmt::Write as _;

use super::expect::Expectation;
use super::view::{HourView, MatrixView, TrialView};
use crate::fault::Layer;

/// The figures that measured times are rounded up to, in seconds.
const FIGURES: [u32; 10] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 900];

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
        page.push_str("| fault | what happens | check | kind | health | told by | bound | detected | verdict | resolved |\n");
        page.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
        for row in of_layer {
            let tried = run.and_then(|run| run.faults.iter().find(|trial| trial.fault == row.card().id));
            page.push_str(&line(row, tried));
        }
    }
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

**Told by** is what finds it: an event, or a probe that comes by the clock. **Bound** is the longest time to
detection: 1 s for an event, counted from when it can come; for a probe its interval (for each look that is needed), its timeout, what is added for
the stated reason, and a second for judgement. These are the intervals and timeouts of the proof: light checks every
second, sessions and LLM every 2 s, the meta-tool every 5 s, an API request 10 s, a call 3 s.
**Resolved** counts from the end of the cause. Measured times are rounded up.
"
    .to_owned();
    let _ = match run.filter(|run| !run.faults.is_empty()) {
        None => writeln!(text, "\nNo measured run is kept beside this page yet: the measured columns are empty."),
        Some(run) => writeln!(
            text,
            "\nMeasured with mcp-vitals {} at {}: {} of {} faults as expected, {} probes, {} labs side by side.",
            run.version,
            run.at,
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
    let dash = || "—".to_owned();
    let told_by = row.source.describe();
    let detected = tried.and_then(|t| t.detected_s).map_or_else(dash, rounded);
    let resolved = tried.and_then(|t| t.resolved_s).map_or_else(dash, rounded);
    let verdict = match tried {
        None => "—",
        Some(tried) if tried.holds => "right",
        Some(_) => "**not as expected**",
    };
    format!(
        "| `{}` | {}{} | `{}` | {} | {} | {} | {:.0} s | {} | {} | {} |\n",
        expected.fault,
        expected.what,
        TrialView::note(row),
        expected.check,
        expected.kind.as_deref().unwrap_or("—"),
        expected.health.as_deref().unwrap_or("—"),
        told_by,
        expected.bound_s,
        detected,
        verdict,
        resolved,
    )
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

/// Seconds rounded up to the next of [`FIGURES`].
fn rounded(seconds: f64) -> String {
    let figure = FIGURES.into_iter().find(|figure| seconds <= f64::from(*figure));
    figure.map_or_else(|| format!("> {} s", FIGURES[FIGURES.len() - 1]), |figure| format!("≤ {figure} s"))
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
        let shown = [0.02, 1.0, 1.01, 4.9, 61.0, 901.0].map(rounded);
        assert_eq!(shown, ["≤ 1 s", "≤ 1 s", "≤ 2 s", "≤ 5 s", "≤ 120 s", "> 900 s"]);
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
        assert!(text.lines().any(|l| l.starts_with("| `hub-stopped`") && l.ends_with("| — | — | — |")), "{text}");
        assert!(!text.contains("## Servers"), "only what was asked for is on the page");
    }
}
