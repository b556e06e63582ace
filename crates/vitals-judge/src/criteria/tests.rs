//! Each criterion just within its limit, just beyond it, and without anything to go by.

use std::collections::BTreeMap;
use std::time::Duration;

use vitals_model::history::HealthTimes;
use vitals_model::incident::{Handling, Incident, IncidentState, Ties};
use vitals_model::scenario::{Stand, Step};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;

use super::*;

const TWO_DAYS: Duration = Duration::from_secs(48 * 3600);
const END: Timestamp = Timestamp::from_millis(1_795_357_320_000);

fn span() -> Span {
    Span { from: END.minus(TWO_DAYS), to: END }
}

/// So many thousandths of two days failing, of the time that was observed: so many hundredths.
fn failing(thousandths: u32, observed_percent: u32) -> Summary {
    let observed = TWO_DAYS / 100 * observed_percent;
    let failing = observed / 1000 * thousandths;
    let healths =
        HealthTimes { healthy: observed / 1000 * (1000 - thousandths), failing, samples: 1000, ..HealthTimes::default() };
    Summary { observed, healths, spread: None }
}

fn good() -> Summary {
    failing(0, 100)
}

/// All values alike, but for the greatest.
fn spread(mean: f64, p95: f64, max: f64) -> Summary {
    let spread = Spread { values: 1000, min: 0.0, mean, max, p50: mean, p95, p99: max };
    Summary { spread: Some(spread), ..good() }
}

fn past(changes: &[(&str, Summary)]) -> Past {
    let always = [
        ("hub-servers/process", good()),
        ("hub-servers/restarts", spread(2.0, 2.0, 2.0)),
        ("hub-servers/api", spread(5.0, 20.0, 90.0)),
        ("hub-servers/cpu", spread(0.4, 1.0, 30.0)),
        ("hub-servers/memory", spread(0.4, 0.5, 0.6)),
        ("hub-servers/filesystem/truth", good()),
        ("hub-servers/filesystem/tools", good()),
        ("hub-servers/filesystem/drift", good()),
        ("meta-tool-clients/call", spread(900.0, 1500.0, 3000.0)),
        ("filtering-sessions/isolation", good()),
        ("logging/errors", spread(0.0, 0.0, 0.0)),
        (
            "logging/lines/info",
            Summary {
                spread: Some(Spread { values: 1000, min: 1.0, mean: 1.0, max: 1.0, p50: 1.0, p95: 1.0, p99: 1.0 }),
                ..good()
            },
        ),
        ("logging/growth", spread(1e6, 2e6, 2e6)),
        ("logging/size", spread(1e6, 2e6, 2e6)),
    ];
    let mut summaries: BTreeMap<CheckId, Summary> = BTreeMap::new();
    // Restarts stay at two: nothing is said to be the least.
    for (id, summary) in always.iter().chain(changes) {
        summaries.insert(CheckId::from_stored(id), *summary);
    }
    if let Some(Spread { min, mean, .. }) = summaries.get_mut(&of_hub("restarts")).and_then(|s| s.spread.as_mut()) {
        *min = *mean;
    }
    Past { summaries, ..Past::default() }
}

fn judged(past: &Past, name: &str) -> Criterion {
    let record = Record { span: span(), past, course: &[] };
    criteria(&record, &[]).into_iter().find(|c| c.name == name).expect("a criterion")
}

/// The fulfilment with one summary changed.
fn with(name: &str, id: &str, summary: Summary) -> Fulfilment {
    judged(&past(&[(id, summary)]), name).fulfilment
}

#[test]
fn a_good_run_meets_every_must() {
    let past = past(&[]);
    let record = Record { span: span(), past: &past, course: &[] };
    let all = criteria(&record, &[]);
    let musts: Vec<_> = all.iter().filter(|c| c.weight == Weight::Must).map(|c| (c.name.as_str(), c.fulfilment)).collect();
    let names =
        ["process-continuous", "cpu-average", "memory-average", "servers-connected", "no-crash", "error-rate", "tool-sync"];
    assert_eq!(musts, names.map(|name| (name, Fulfilment::Met)));
    assert_eq!(Weight::ALL.map(|weight| all.iter().filter(|c| c.weight == weight).count()), [7, 5, 4]);
    assert_eq!(Weight::ALL.map(|weight| worst(&all, weight)), [Fulfilment::Met, Fulfilment::Pending, Fulfilment::Pending]);
}

#[test]
fn each_limit_has_two_sides() {
    use Fulfilment::{Met, Unmet};
    let cases = [
        ("cpu-average", "hub-servers/cpu", spread(0.99, 1.0, 90.0), spread(1.0, 1.0, 1.0)),
        ("memory-average", "hub-servers/memory", spread(1.99, 2.0, 9.0), spread(2.0, 2.0, 2.0)),
        ("process-continuous", "hub-servers/process", good(), failing(1, 100)),
        ("process-continuous", "hub-servers/restarts", spread(2.0, 2.0, 2.0), spread(2.0, 3.0, 3.0)),
        ("servers-connected", "hub-servers/filesystem/truth", failing(10, 100), failing(11, 100)),
        ("servers-connected", "hub-servers/github/truth", failing(10, 100), failing(11, 100)),
        ("tool-sync", "hub-servers/filesystem/tools", failing(10, 100), failing(11, 100)),
        ("api-latency", "hub-servers/api", spread(5.0, 1999.0, 9999.0), spread(5.0, 2000.0, 2000.0)),
        ("meta-tool-latency", "meta-tool-clients/call", spread(5.0, 5999.0, 9999.0), spread(5.0, 6000.0, 6000.0)),
        ("log-growth", "logging/growth", spread(4.1e6, 9e6, 9e6), spread(4.2e6, 9e6, 9e6)),
        ("log-size", "logging/size", spread(1e6, 1e6, 49.9e6), spread(1e6, 1e6, 50e6)),
        ("session-isolation", "filtering-sessions/isolation", good(), failing(1, 100)),
        ("error-rate", "logging/lines/error", spread(0.010, 0.0, 1.0), spread(0.012, 0.0, 1.0)),
    ];
    for (name, id, within, beyond) in cases {
        assert_eq!((with(name, id, within), with(name, id, beyond)), (Met, Unmet), "{name} by {id}");
    }
}

#[test]
fn what_was_not_observed_is_pending_and_says_so() {
    assert_eq!(with("servers-connected", "hub-servers/filesystem/truth", failing(0, 90)), Fulfilment::Met);
    let part = judged(&past(&[("hub-servers/filesystem/truth", failing(0, 89))]), "servers-connected");
    assert_eq!(part.fulfilment, Fulfilment::Pending);
    assert!(part.seen.ends_with("; too little was observed"), "{}", part.seen);
    assert_eq!(with("process-continuous", "hub-servers/process", failing(5, 10)), Fulfilment::Unmet, "a break is a break");
    // A server of which nothing is known is not taken for a good one.
    let unknown = Summary {
        healths: HealthTimes { unknown: TWO_DAYS, samples: 9, ..HealthTimes::default() },
        observed: TWO_DAYS,
        spread: None,
    };
    assert_eq!(with("servers-connected", "hub-servers/github/truth", unknown), Fulfilment::Pending);
    let nothing = Past::default();
    let all = criteria(&Record { span: span(), past: &nothing, course: &[] }, &[]);
    assert!(all.iter().all(|c| c.fulfilment == Fulfilment::Pending && c.value.is_none()), "{all:#?}");
}

#[test]
fn a_server_that_is_down_at_the_end_is_not_connected() {
    let id = CheckId::from_stored("hub-servers/filesystem/truth");
    let mut past = past(&[]);
    past.last.insert(id, (END, Health::Failing));
    let criterion = judged(&past, "servers-connected");
    assert_eq!(criterion.fulfilment, Fulfilment::Unmet);
    assert!(criterion.seen.ends_with("and does not now"), "{}", criterion.seen);
}

#[test]
fn incidents_count_as_crashes_and_as_alerts() {
    let incident = |check: &str| Incident {
        id: 1,
        target: TargetId::new("hub"),
        check: CheckId::from_stored(check),
        kind: "process".to_owned(),
        health: Health::Failing,
        state: IncidentState::Resolved,
        summary: String::new(),
        evidence: Vec::new(),
        hint: String::new(),
        opened_at: END,
        updated_at: END,
        resolved_at: Some(END),
        flapping: false,
        ties: Ties::default(),
        handling: Handling::told(END),
    };
    let both = |check: &str| {
        let past = Past { incidents: vec![incident(check)], ..past(&[]) };
        ["no-crash", "zero-alerts"].map(|name| judged(&past, name).fulfilment)
    };
    assert_eq!(both("hub-servers/process"), [Fulfilment::Unmet; 2]);
    assert_eq!(both("hub-servers/filesystem/process"), [Fulfilment::Met, Fulfilment::Unmet]);
    assert_eq!(judged(&past(&[]), "zero-alerts").fulfilment, Fulfilment::Met);
}

#[test]
fn lost_connections_are_counted_out_of_turns() {
    // Five turns, of which three made a connection.
    let turns = Spread { values: 5, min: 0.0, mean: 0.6, max: 1.0, p50: 1.0, p95: 1.0, p99: 1.0 };
    let lost = judged(&past(&[("hub-servers/filesystem/turn", Summary { spread: Some(turns), ..good() })]), "clean-connections");
    assert_eq!((lost.fulfilment, lost.seen.as_str()), (Fulfilment::Unmet, "2 connections were lost"));
    assert_eq!(judged(&past(&[]), "clean-connections").fulfilment, Fulfilment::Met);
}

fn run(name: &str, outcome: Outcome, ago: u64) -> Run {
    let step = Step {
        does: String::new(),
        expects: String::new(),
        outcome,
        seen: "not back".to_owned(),
        figures: Vec::new(),
        took: Duration::ZERO,
    };
    let at = END.minus(Duration::from_secs(ago));
    Run {
        scenario: name.to_owned(),
        target: TargetId::new("hub"),
        stand: Stand::Hub,
        at,
        took: Duration::ZERO,
        steps: vec![step],
    }
}

#[test]
fn the_last_run_of_each_scenario_counts_and_what_was_not_run_is_pending() {
    let after = |scenarios: Vec<Run>| judged(&Past { scenarios, ..past(&[]) }, "degradation-scenarios");
    let (crash, loss) = (run("server-crash", Outcome::Passed, 9), run("sse-loss", Outcome::Passed, 9));
    assert_eq!(after(vec![]).seen, "not run: server-crash, sse-loss");
    assert_eq!(after(vec![crash.clone()]).fulfilment, Fulfilment::Pending);
    let met = after(vec![crash.clone(), loss.clone()]);
    assert_eq!(met.fulfilment, Fulfilment::Met);
    assert_eq!(met.seen, "passed: server-crash, sse-loss; not asked for, only a lab can do it: llm-outage, log-disk-full");
    let failed_since = vec![run("sse-loss", Outcome::Failed, 1), crash.clone(), loss.clone()];
    assert_eq!(after(failed_since).fulfilment, Fulfilment::Unmet);
    let mended = vec![run("sse-loss", Outcome::Failed, 99), crash, loss];
    assert_eq!(after(mended).fulfilment, Fulfilment::Met);
}

#[test]
fn isolation_is_known_by_the_check_or_by_the_scenario() {
    let unseen = |scenarios| {
        let mut past = Past { scenarios, ..past(&[]) };
        past.summaries.remove(&CheckId::from_stored("filtering-sessions/isolation"));
        judged(&past, "session-isolation").fulfilment
    };
    assert_eq!(unseen(vec![]), Fulfilment::Pending);
    assert_eq!(unseen(vec![run("session-isolation", Outcome::Skipped, 1)]), Fulfilment::Pending);
    assert_eq!(unseen(vec![run("session-isolation", Outcome::Passed, 1)]), Fulfilment::Met);
    assert_eq!(unseen(vec![run("session-isolation", Outcome::Failed, 1)]), Fulfilment::Unmet);
}

#[test]
fn a_leak_is_not_flat() {
    let course = |memory: fn(f64) -> f64| -> Vec<Slice> {
        let slice = |n: u32| {
            let from = span().from.plus(Duration::from_secs(u64::from(n) * 3600));
            let summaries = BTreeMap::from([(of_hub("memory"), spread(memory(f64::from(n)), 0.0, 0.0))]);
            Slice { span: Span { from, to: from.plus(Duration::from_secs(3600)) }, summaries }
        };
        (0..48).map(slice).collect()
    };
    let flat = |course: &[Slice]| {
        let past = past(&[]);
        criteria(&Record { span: span(), past: &past, course }, &[]).into_iter().find(|c| c.name == "flat-resources").expect("it")
    };
    assert_eq!(flat(&course(|_| 1.0)).fulfilment, Fulfilment::Met);
    assert_eq!(flat(&course(|hour| 1.0 + hour * 0.005)).fulfilment, Fulfilment::Met, "less than counts");
    let leak = flat(&course(|hour| 1.0 + hour * 0.05));
    assert_eq!((leak.fulfilment, leak.seen.as_str()), (Fulfilment::Unmet, "memory 1.4 % early, 3.0 % late"));
    assert_eq!(flat(&course(|_| 1.0)[..5]).fulfilment, Fulfilment::Pending, "too little to say");
}
