//! Reports and criteria in every form, of a run on a hub with a hostile name of a server.

use vitals_judge::objective::{RULES, Spending, Tally};
use vitals_judge::report::phase::phases;
use vitals_judge::report::{Material, Past, Report};
use vitals_model::config::Thresholds;
use vitals_model::history::{HealthTimes, Slice, Span, Spread, Summary};
use vitals_model::objective::Objective;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn span() -> Span {
    Span { from: AT.minus(HOUR * 48), to: AT }
}

/// Of `length`, a hundredth failing where it is bad; values around `mean`.
fn summary(length: Duration, is_bad: bool, mean: f64) -> Summary {
    let failing = if is_bad { length / 100 } else { Duration::ZERO };
    let healths = HealthTimes { healthy: length.saturating_sub(failing), failing, samples: 900, ..HealthTimes::default() };
    let spread = Spread { values: 900, min: 0.0, mean, max: mean * 5.0, p50: mean, p95: mean * 2.0, p99: mean * 4.0 };
    Summary { observed: length, healths, spread: Some(spread) }
}

fn past(length: Duration, mean: f64) -> Past {
    let bad = CheckId::of_server(&hostile(), "truth");
    let ids = [
        of_target("process"),
        of_target("api"),
        of_target("cpu"),
        CheckId::of_server(&Text::new("fs"), "truth"),
        CheckId::of_server(&Text::new("fs"), "call"),
        CheckId::of_server(&hostile(), "call"),
        bad.clone(),
        CheckId::from_stored("logging/lines/error"),
    ];
    let summaries = ids.map(|id| (id.clone(), summary(length, id == bad, mean))).into();
    Past { last: [(bad, (AT, Health::Failing))].into(), summaries, incidents: vec![incident()], scenarios: vec![scenario_run()] }
}

fn material() -> Material {
    let slice = |n: u32| {
        let from = span().from.plus(HOUR * 6 * n);
        // Nobody looked in the third.
        let summaries = if n == 2 { BTreeMap::new() } else { past(HOUR * 6, f64::from(n) / 10.0).summaries };
        Slice { span: Span { from, to: from.plus(HOUR * 6) }, summaries }
    };
    let tally = Tally { good: 990.0, bad: 10.0, events: 1000, observed: 1.0 };
    Material {
        target: TargetId::new("hub-7001"),
        span: span(),
        past: past(HOUR * 47, 0.5),
        before: past(HOUR * 48, 0.1),
        course: (0..8).map(slice).collect(),
        spendings: vec![Spending {
            name: HOSTILE.to_owned(),
            objective: Objective { check: "hub-servers/*/truth".to_owned(), ..Objective::default() },
            check: CheckId::of_server(&hostile(), "truth"),
            whole: tally,
            windows: [(tally, tally); RULES.len()],
        }],
        phases: Vec::new(),
    }
}

fn daily() -> Report {
    vitals_judge::report::report(material(), &Thresholds::default())
}

fn at_the_end() -> Report {
    let parts = phases(span()).map(|phase| past(phase.length(), 0.5)).into();
    vitals_judge::report::report(Material { phases: parts, ..material() }, &Thresholds::default())
}

#[test]
fn a_report_in_text_is_as_it_was_agreed() {
    insta::assert_snapshot!("report_text", plain(&report::text(&[at_the_end()])));
}

#[test]
fn criteria_in_text_are_as_they_were_agreed() {
    insta::assert_snapshot!("criteria_text", plain(&criteria::text(&[daily()])));
}

#[test]
fn a_report_in_markdown_is_as_it_was_agreed_and_keeps_every_name_in_its_place() {
    let text = report::markdown(&[at_the_end()]);
    check_markdown(&text);
    rows(&text);
    insta::assert_snapshot!("report_markdown", text);
}

#[test]
fn criteria_in_markdown_and_junit_keep_every_name_in_its_place() {
    let text = criteria::markdown(&[daily()]);
    check_markdown(&text);
    // Head, rule, sixteen criteria and an objective.
    assert_eq!(rows(&text).iter().map(Vec::len).collect::<Vec<_>>(), [6; 19]);
    let xml = criteria::junit(&[daily()]);
    let seen = elements(&xml);
    let of = |name: &str| seen.iter().filter(|e| **e == name).count();
    assert_eq!((of("testsuite"), of("testcase")), (1, 17));
    assert_eq!(of("failure") + of("skipped") + of("system-out"), 17);
    assert!(xml.contains(&format!("failures=\"{}\"", of("failure"))) && of("failure") > 0 && of("skipped") > 0, "{xml}");
}

#[test]
fn json_says_all_that_there_is() {
    let view = report::view(&[at_the_end()]);
    let target = &view["targets"][0];
    assert_eq!((target["score"].as_u64(), target["grade"].as_str()), (Some(99), Some("EXCELLENT")));
    assert_eq!(target["stability"]["fulfilment"], "unmet");
    assert_eq!(target["phases"].as_array().map(Vec::len), Some(4));
    assert_eq!((target["course"].as_array().map(Vec::len), &target["course"][2]["score"]), (Some(8), &serde_json::Value::Null));
    assert_eq!(target["servers"][1]["call_ms"]["p95"], 1.0);
    assert!(target["trends"].as_array().is_some_and(|trends| trends.iter().any(|t| t["direction"] == "worse")));
    let view = criteria::view(&[daily()]);
    let objective =
        view["targets"][0]["criteria"].as_array().and_then(|all| all.iter().find(|c| !c["budget"].is_null())).cloned();
    let budget = objective.unwrap_or_default()["budget"].clone();
    // 1 % bad of 0.1 % allowed.
    assert!(budget["spent"].as_f64().is_some_and(|spent| (spent - 10.0).abs() < 1e-6), "{budget}");
    assert_eq!((&budget["burns"][1]["fires"], &budget["burns"][1]["long_s"]), (&true.into(), &21_600.into()));
}

/// The names of all elements of a page. Fails on what a browser would read otherwise: a stray bracket, an attribute that
/// runs or loads something.
fn tags(page: &str) -> Vec<String> {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    let mut names = Vec::new();
    for part in [before, after] {
        for piece in part.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').unwrap();
            assert!(!text.contains('>'), "a stray bracket: {piece}");
            assert_eq!(tag.matches('"').count() % 2, 0, "an attribute that does not end: {tag}");
            let outside: String = tag.split('"').step_by(2).collect();
            for forbidden in [" on", "src=", "style=", "srcdoc", "xlink"] {
                assert!(!outside.contains(forbidden), "{forbidden} in {tag}");
            }
            assert!(!outside.contains("href=") || tag.contains("href=\"#"), "a link to elsewhere: {tag}");
            names.push(tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default().to_owned());
        }
    }
    names
}

#[test]
fn a_page_holds_hostile_names_as_text_and_asks_for_nothing() {
    let other = Report { target: TargetId::new("<script>alert(1)</script>"), ..daily() };
    let page = page::report(&[at_the_end(), other]);
    let names = tags(&page);
    for forbidden in ["script", "img", "iframe", "link", "object", "form", "failure"] {
        assert!(names.iter().all(|name| name != forbidden), "<{forbidden}> in the page");
    }
    assert!(page.contains("e|v`i'l=&quot;]]&gt;&lt;/failure&gt;&lt;b&gt;&amp;*_x_"), "the name is there, as text");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!page.contains("url(") && !page.contains("@import") && !page.contains('\u{1b}'));
    for part in ["prefers-color-scheme: dark", "@media print", "default-src 'none'", "<title id=\"score-0-title\">", "NOT STABLE"]
    {
        assert!(page.contains(part), "no {part}");
    }
}

#[test]
fn a_page_names_each_drawing_once_and_leaves_out_what_was_not_observed() {
    let page = page::report(&[at_the_end(), daily()]);
    let mut ids: Vec<_> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), all), (all, all), "each id is there once");
    assert!(all > 20 && page.contains("<rect class=\"gap\" x=\"250.0\" y=\"0\" width=\"125.0\""), "{all} ids");
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn a_page_of_nothing_but_scenarios_is_a_page() {
    let past = Past { scenarios: vec![scenario_run()], ..Past::default() };
    let nothing = Material { past, before: Past::default(), course: Vec::new(), spendings: Vec::new(), ..material() };
    let page = page::report(&[vitals_judge::report::report(nothing, &Thresholds::default())]);
    tags(&page);
    assert!(page.contains("Too little was measured") && page.contains("server-crash"), "{page}");
}
