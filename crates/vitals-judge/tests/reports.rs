//! The report of a span: its score by share of time, its lines, and what it recommends.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use vitals_judge::report::phase::phases;
use vitals_judge::report::trend::Direction;
use vitals_judge::report::{Material, Past, Report, report};
use vitals_model::check::CheckId;
use vitals_model::config::Thresholds;
use vitals_model::criterion::Fulfilment;
use vitals_model::history::{HealthTimes, Slice, Span, Spread, Summary};
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

fn span() -> Span {
    Span { from: end().minus(DAY), to: end() }
}

fn material(past: Past) -> Material {
    Material {
        target: TargetId::new("main"),
        span: span(),
        past,
        before: Past::default(),
        course: Vec::new(),
        spendings: Vec::new(),
        phases: Vec::new(),
    }
}

fn of(past: Past) -> Report {
    report(material(past), &Thresholds::default())
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
    // A must that is not met, then, without any of these, what cost most.
    let unmet = of(with(&[("hub-servers/cpu", values(6.0, 7.0, 9))]));
    assert_eq!(unmet.recommendations, ["CPU below 1 % on average, it must be; it was: 6.00 % on average, at most 7.0 %"]);
    let worst = of(with(&[("logging/lines/error", values(1e4, 1e4, 1))]));
    assert_eq!(worst.recommendations, ["look at what cost most: 69.4 errors per 10m 00s, expected at most 5"]);
}

#[test]
fn what_to_do_first_is_no_endless_list() {
    let lasting = |n| incident(n, &format!("hub-servers/s{n:02}/truth"), IncidentState::Open);
    let of_many = |n| of(Past { incidents: (1..=n).map(lasting).collect(), ..with(&[]) });
    let (ten, many) = (of_many(10), of_many(64));
    assert_eq!((ten.recommendations.len(), ten.recommendations_more), (10, 0));
    assert_eq!((many.recommendations.len(), many.recommendations_more), (10, 54));
    assert_eq!(many.recommendations[0], "hub-servers/s01/truth: do this", "the first stay");
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

/// What the criteria of a hub ask for, as it is on a good day.
fn good_day() -> Past {
    let share = |healthy| Summary {
        spread: Some(Spread { values: 100, min: 0.0, mean: 0.0, max: 0.0, p50: 0.0, p95: 0.0, p99: 0.0 }),
        ..healthy
    };
    let mut past = with(&[
        ("hub-servers/restarts", share(samples(1000, 0, 0, 0))),
        ("hub-servers/api", values(4.0, 30.0, 8640)),
        ("hub-servers/fs/call", values(4.0, 30.0, 1440)),
        ("hub-servers/fs/tools", samples(1000, 0, 0, 0)),
        ("hub-servers/fs/drift", samples(1000, 0, 0, 0)),
        ("logging/errors", share(samples(1000, 0, 0, 0))),
        ("logging/growth", values(1e3, 2e3, 8640)),
        ("logging/size", values(1e5, 2e5, 8640)),
    ]);
    past.incidents.clear();
    past
}

fn slices(of: Span, summaries: &BTreeMap<CheckId, Summary>) -> Vec<Slice> {
    let hours = of.length().as_secs() / 3600;
    let hour = |n| of.from.plus(Duration::from_secs(n * 3600));
    (0..hours).map(|n| Slice { span: Span { from: hour(n), to: hour(n + 1) }, summaries: summaries.clone() }).collect()
}

/// A run of a day in which all went well, with the scenarios that a hub can be put through.
fn good_run() -> Material {
    let scenarios: Vec<_> = ["clients-5", "server-crash", "log-growth", "sse-loss"].map(|name| run(name, Outcome::Passed)).into();
    let past = Past { scenarios: scenarios.clone(), ..good_day() };
    // Each phase was observed as long as it lasted.
    let mut parts: Vec<Past> = phases(span()).map(|phase| shortened(&good_day(), phase.length())).into();
    parts[2].scenarios = scenarios;
    let course = slices(span(), &past.summaries);
    Material { before: good_day(), course, phases: parts, ..material(past) }
}

fn shortened(past: &Past, to: Duration) -> Past {
    let mut short = past.clone();
    short.summaries.values_mut().for_each(|summary| summary.observed = to);
    short
}

/// Without a verdict, nothing is said.
fn verdict(material: Material) -> (Fulfilment, String) {
    let stability = report(material, &Thresholds::default()).stability;
    stability.map_or((Fulfilment::Pending, String::new()), |stability| (stability.fulfilment, stability.reason))
}

#[test]
fn a_run_in_which_all_went_well_is_stable() {
    let (fulfilment, reason) = verdict(good_run());
    assert_eq!((fulfilment, reason.as_str()), (Fulfilment::Met, "all 7 musts were met over 24h 00m, in all four phases"));
    let names: Vec<_> =
        report(good_run(), &Thresholds::default()).phases.iter().map(|p| (p.name, p.span.length().as_secs() / 1800)).collect();
    assert_eq!(names, [("validation", 2), ("continuous", 22), ("stress", 12), ("long-term", 12)]);
    assert!(report(material(good_day()), &Thresholds::default()).stability.is_none(), "a daily report has no verdict");
}

#[test]
fn what_fails_or_is_missing_in_one_phase_decides_the_verdict() {
    let mut crashed = good_run();
    crashed.past.incidents = vec![incident(1, "hub-servers/process", IncidentState::Resolved)];
    assert_eq!(verdict(crashed), (Fulfilment::Unmet, "no-crash: 1 incident of its process".to_owned()));

    let mut unstressed = good_run();
    unstressed.phases[2].scenarios.clear();
    let (fulfilment, reason) = verdict(unstressed);
    assert_eq!(fulfilment, Fulfilment::Pending);
    assert_eq!(reason, "phase stress, stress-scenarios: not run: clients-5, server-crash, log-growth");

    let mut failed = good_run();
    failed.phases[2].scenarios.push(run("llm-outage", Outcome::Failed));
    assert_eq!(verdict(failed), (Fulfilment::Unmet, "phase stress, stress-scenarios: failed: llm-outage".to_owned()));

    let mut unseen = good_run();
    unseen.phases[3] = Past::default();
    let (fulfilment, reason) = verdict(unseen);
    assert_eq!(fulfilment, Fulfilment::Pending);
    assert!(reason.starts_with("phase long-term, flat-resources: ") && reason.ends_with("; too little was observed"), "{reason}");

    let mut short = good_run();
    short.span.from = end().minus(DAY / 2);
    let (fulfilment, reason) = verdict(short);
    assert_eq!(fulfilment, Fulfilment::Pending);
    assert!(reason.starts_with("a run takes 24 to 48 hours, this was 12h 00m"), "{reason}");
}

#[test]
fn a_day_is_compared_with_the_day_before() {
    let now = Past {
        incidents: vec![incident(1, "logging/disk", IncidentState::Resolved)],
        ..with(&[("hub-servers/api", values(50.0, 80.0, 9))])
    };
    let before = with(&[("hub-servers/api", values(10.0, 80.0, 9)), ("hub-servers/cpu", values(3.0, 9.0, 9))]);
    let report = report(Material { before, ..material(now) }, &Thresholds::default());
    let of = |what: &str| report.trends.iter().find(|t| t.what == what).map(|t| (t.before, t.now, t.direction));
    assert_eq!(of("API p95"), Some((Some(10.0), Some(50.0), Direction::Worse)));
    assert_eq!(of("CPU"), Some((Some(3.0), Some(0.4), Direction::Better)));
    assert_eq!(of("incidents"), Some((Some(0.0), Some(1.0), Direction::Worse)));
    assert_eq!(of("fs uptime"), Some((Some(100.0), Some(100.0), Direction::Same)));
    assert!(
        report.recommendations.iter().any(|r| r == "API p95: 50 ms, before it was 10 ms; see what changed"),
        "{:?}",
        report.recommendations
    );
}

#[test]
fn a_day_without_a_day_before_is_compared_with_nothing() {
    assert!(of(quiet_day()).trends.iter().all(|t| t.direction == Direction::Unknown && t.before.is_none()));
}

#[test]
fn what_was_looked_at_and_never_measured_is_named() {
    let report = of(with(&[("hub-servers/fs/truth", samples(0, 1000, 0, 0))]));
    assert_eq!((report.unknown.as_slice(), report.score.points), (&["hub-servers/fs/truth".to_owned()][..], Some(100)));
}

/// Times of a day in thousandths; they need not fill it.
fn times() -> impl Strategy<Value = [u32; 4]> {
    [0..300_u32, 0..200_u32, 0..200_u32, 0..200_u32]
}

fn summary([healthy, unknown, degraded, failing]: [u32; 4]) -> Summary {
    samples(healthy, unknown, degraded, failing)
}

proptest! {
    /// The score is bounded, its deductions add up, and nothing that grows worse raises it.
    #[test]
    fn the_score_of_a_span_is_monotone_in_badness(
        process in times(), server in times(), part in 0..2_usize, from in 0..3_usize, moved in 1..100_u32,
        cpu in 0.0..20.0_f64, errors in 0..5000_u32, incidents in 0..6_u64,
    ) {
        // From healthy, unknown or degraded time to failing time.
        let worse = |mut times: [u32; 4]| {
            let moved = moved.min(times[from]);
            times[from] -= moved;
            times[3] += moved;
            times
        };
        let day = |parts: [[u32; 4]; 2], cpu: f64, errors: u32, incidents: u64| {
            let mut past = with(&[
                ("hub-servers/process", summary(parts[0])),
                ("hub-servers/api", summary([0; 4])),
                ("hub-servers/fs/truth", summary(parts[1])),
                ("hub-servers/cpu", values(cpu, cpu, 9)),
                ("logging/lines/error", values(f64::from(errors), f64::from(errors), 1)),
            ]);
            past.incidents = (1..=incidents).map(|n| incident(n, "hub-servers/orphans", IncidentState::Resolved)).collect();
            of(past).score
        };
        let parts = [process, server];
        let before = day(parts, cpu, errors, incidents);
        let lost: u32 = before.deductions.iter().map(|d| d.points).sum();
        prop_assert!(before.points.is_none_or(|p| p == 100 - lost.min(100)));
        let mut broken = parts;
        broken[part] = worse(parts[part]);
        let knew = before.points.is_some();
        for after in [day(broken, cpu, errors, incidents), day(parts, cpu + 3.0, errors, incidents), day(parts, cpu, errors + 500, incidents), day(parts, cpu, errors, incidents + 1)] {
            prop_assert!(!knew || after.points <= before.points, "{before:?} became {after:?}");
        }
    }
}
