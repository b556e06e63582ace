//! The report of a span: its score by share of time, its lines, and what it recommends.

use std::collections::BTreeMap;
use std::time::Duration;

use vitals_judge::report::{Past, Report, report};
use vitals_model::check::CheckId;
use vitals_model::config::Thresholds;
use vitals_model::history::{HealthTimes, Spread, Summary};
use vitals_model::incident::{Handling, Incident, IncidentState, Ties};
use vitals_model::observation::Level;
use vitals_model::reading::Health;
use vitals_model::scenario::{Outcome, Run, Stand, Step};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);

fn end() -> Timestamp {
    Timestamp::from_millis(1_795_357_320_000)
}

fn id(text: &str) -> CheckId {
    CheckId::from_stored(text)
}

/// So many thousandths of a day in each health: healthy, unknown, degraded, failing.
fn samples(healthy: u32, unknown: u32, degraded: u32, failing: u32) -> Summary {
    let time = |thousandths| DAY / 1000 * thousandths;
    let times = HealthTimes {
        healthy: time(healthy),
        unknown: time(unknown),
        degraded: time(degraded),
        failing: time(failing),
        samples: 8640,
    };
    Summary { observed: DAY, healths: times, spread: None }
}

fn values(mean: f64, max: f64, values: u64) -> Summary {
    let spread = Spread { values, min: 0.0, mean, max, p50: mean, p95: mean, p99: max };
    Summary { spread: Some(spread), ..samples(1000, 0, 0, 0) }
}

/// A day on which all was well.
fn quiet_day() -> Past {
    let summaries = BTreeMap::from([
        (id("hub-servers/process"), samples(1000, 0, 0, 0)),
        (id("hub-servers/api"), samples(1000, 0, 0, 0)),
        (id("hub-servers/fs/truth"), samples(1000, 0, 0, 0)),
        (id("hub-servers/cpu"), values(0.4, 30.0, 1000)),
        (id("hub-servers/memory"), values(0.5, 0.6, 1000)),
    ]);
    let last = summaries.keys().map(|id| (id.clone(), (end(), Health::Healthy))).collect();
    Past { summaries, last, ..Past::default() }
}

fn of(past: Past) -> Report {
    report(TargetId::new("main"), past, end().minus(DAY), end(), &Thresholds::default())
}

fn points(past: Past) -> Option<u32> {
    of(past).score.points
}

fn with(changes: &[(&str, Summary)]) -> Past {
    let mut past = quiet_day();
    past.summaries.extend(changes.iter().map(|(name, summary)| (id(name), *summary)));
    past
}

fn incident(n: u64, check: &str, state: IncidentState) -> Incident {
    Incident {
        id: n,
        target: TargetId::new("main"),
        check: id(check),
        kind: "kind".to_owned(),
        health: Health::Failing,
        state,
        summary: "it was bad".to_owned(),
        evidence: Vec::new(),
        hint: "do this".to_owned(),
        opened_at: end().minus(Duration::from_secs(n)),
        updated_at: end(),
        resolved_at: (state == IncidentState::Resolved).then(end),
        flapping: false,
        ties: Ties::default(),
        handling: Handling::default(),
    }
}

#[test]
fn a_quiet_day_is_a_hundred_and_recommends_nothing() {
    let report = of(quiet_day());
    assert_eq!((report.score.points, report.health), (Some(100), Health::Healthy));
    assert_eq!(report.recommendations, Vec::<String>::new());
    assert!((report.observed - 1.0).abs() < 1e-9);
    assert_eq!(report.servers.iter().map(|s| (s.name.as_str(), s.uptime)).collect::<Vec<_>>(), [("fs", Some(1.0))]);
}

#[test]
fn what_was_down_for_a_part_of_the_time_costs_that_part_of_its_points() {
    let day = |process| points(with(&[("hub-servers/process", process)]));
    assert_eq!(day(samples(0, 0, 0, 1000)), Some(50));
    assert_eq!(day(samples(900, 0, 0, 100)), Some(95));
    assert_eq!(day(samples(999, 0, 0, 1)), Some(99), "the least fault shows");
    assert_eq!(day(samples(900, 100, 0, 0)), Some(100), "unknown costs nothing");
    let server = |truth| points(with(&[("hub-servers/fs/truth", truth)]));
    assert_eq!(server(samples(500, 0, 0, 500)), Some(85));
    assert_eq!(server(samples(500, 0, 500, 0)), Some(90), "served badly half of the day");
    assert_eq!(server(samples(0, 0, 0, 1000)), Some(70));
    // The process and the API are one hub: the worse of the two counts.
    let both = with(&[("hub-servers/process", samples(500, 0, 0, 500)), ("hub-servers/api", samples(400, 0, 0, 600))]);
    assert_eq!(points(both), Some(70));
}

#[test]
fn resources_count_by_their_average_and_errors_by_their_rate() {
    assert_eq!(points(with(&[("hub-servers/cpu", values(4.9, 100.0, 9))])), Some(100));
    assert_eq!(points(with(&[("hub-servers/cpu", values(6.0, 7.0, 9))])), Some(92));
    assert_eq!(points(with(&[("hub-servers/memory", values(11.0, 12.0, 9))])), Some(85));
    // A day has 144 windows of ten minutes; each sample of a level's series is a number of records.
    let errors = |n: f64| with(&[("logging/lines/error", values(n, n, 1))]);
    assert_eq!(points(errors(144.0 * 5.0)), Some(100));
    assert_eq!(points(errors(144.0 * 5.0 + 1.0)), Some(90));
    assert_eq!(points(errors(144.0 * 10.0 + 1.0)), Some(80));
    assert_eq!(of(errors(300.0)).levels, [(Level::Error, 300)]);
}

#[test]
fn other_incidents_cost_five_points_each_and_twenty_at_most() {
    let day = |n: u64| {
        let incidents = (1..=n).map(|n| incident(n, "hub-servers/orphans", IncidentState::Resolved)).collect();
        points(Past { incidents, ..quiet_day() })
    };
    assert_eq!([day(1), day(4), day(9)], [Some(95), Some(80), Some(80)]);
    let counted = vec![incident(1, "hub-servers/process", IncidentState::Resolved)];
    assert_eq!(points(Past { incidents: counted, ..quiet_day() }), Some(100), "its share of time counts already");
}

#[test]
fn without_hub_and_servers_there_is_no_score() {
    let past = Past { summaries: BTreeMap::from([(id("logging/size"), values(1.0, 1.0, 3))]), ..Past::default() };
    let report = of(past);
    assert_eq!((report.score.points, report.health), (None, Health::Unknown));
}

#[test]
fn health_is_that_of_now_and_old_samples_say_nothing_of_it() {
    let mut past = quiet_day();
    past.last.insert(id("hub-servers/fs/truth"), (end().minus(Duration::from_secs(30)), Health::Failing));
    assert_eq!(of(past.clone()).health, Health::Failing);
    past.last.insert(id("hub-servers/fs/truth"), (end().minus(Duration::from_secs(7200)), Health::Failing));
    assert_eq!(of(past.clone()).health, Health::Healthy);
    past.incidents = vec![incident(1, "logging/disk", IncidentState::Open)];
    assert_eq!(of(past).health, Health::Failing, "what lasts is of now");
}

#[test]
fn recommendations_begin_with_what_lasts() {
    let incidents = vec![
        incident(1, "hub-servers/fs/truth", IncidentState::Resolved),
        incident(2, "hub-servers/fs/truth", IncidentState::Resolved),
        incident(3, "hub-servers/fs/truth", IncidentState::Resolved),
        incident(4, "logging/disk", IncidentState::Open),
    ];
    let mut past = with(&[("hub-servers/fs/call", values(5.0, 1500.0, 40))]);
    past.incidents = incidents;
    let report = of(past);
    assert_eq!(
        report.recommendations,
        [
            "logging/disk: do this",
            "hub-servers/fs/truth failed 3 times: mend the cause, restarts do not",
            "fs: one call in a hundred takes more than twenty times the usual; see what it waits for",
        ]
    );
    // Without any of these, what cost most.
    let worst = of(with(&[("hub-servers/cpu", values(6.0, 7.0, 9))]));
    assert_eq!(worst.recommendations.len(), 1);
    assert!(worst.recommendations[0].contains("cpu 6.0 % on average"), "{:?}", worst.recommendations);
}

fn run(scenario: &str, outcome: Outcome) -> Run {
    let step = Step {
        does: "kill its process".to_owned(),
        expects: "calls are answered again".to_owned(),
        outcome,
        seen: "not back within 30 s".to_owned(),
        figures: Vec::new(),
        took: Duration::from_secs(30),
    };
    let (target, stand, took) = (TargetId::new("main"), Stand::Hub, Duration::from_secs(31));
    Run { scenario: scenario.to_owned(), target, stand, at: end(), took, steps: vec![step] }
}

#[test]
fn a_scenario_that_failed_last_is_recommended_and_costs_nothing() {
    let past = |scenarios| Past { scenarios, ..quiet_day() };
    let failed = of(past(vec![run("server-crash", Outcome::Passed), run("server-crash", Outcome::Failed)]));
    assert_eq!(failed.recommendations, ["scenario server-crash: not back within 30 s"]);
    assert_eq!((failed.score.points, failed.scenarios.len()), (Some(100), 2));
    let mended = of(past(vec![run("server-crash", Outcome::Failed), run("server-crash", Outcome::Passed)]));
    assert_eq!(mended.recommendations, Vec::<String>::new());
}
