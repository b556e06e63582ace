//! The past out of a small real store.

use vitals_judge::detect::Room;
use vitals_model::config::{Storage, Thresholds};
use vitals_model::errors::{KnownError, KnownErrors};
use vitals_model::finding::{FindingKind, Outcome};
use vitals_model::incident::{Handling, Incident, IncidentState, Ties};
use vitals_model::observation::ErrorKind;
use vitals_model::reading::{Health, Sample};
use vitals_model::tool::ToolSet;

use super::*;
use crate::store::{Record, Store};

/// 12:00 UTC of a day in November 2026.
const NOON: Timestamp = Timestamp::from_millis(1_795_348_800_000);
const MINUTE: Duration = Duration::from_secs(60);

fn hub() -> TargetId {
    TargetId::new("hub-7001")
}

fn before(minutes: u32) -> Timestamp {
    NOON.minus(MINUTE * minutes)
}

fn sample(id: CheckId, at: Timestamp, value: f64) -> Record {
    Record::Sample(hub(), Sample { id, at, health: Health::Healthy, value: Some(value) })
}

fn incident(id: u64, target: &str, opened: Timestamp, state: IncidentState) -> Record {
    Record::Incident(Box::new(Incident {
        id,
        target: TargetId::new(target),
        check: CheckId::of_target(Point::HubServers, "api"),
        kind: "api".to_owned(),
        health: Health::Failing,
        state,
        summary: "no answer".to_owned(),
        evidence: Vec::new(),
        hint: String::new(),
        opened_at: opened,
        updated_at: opened,
        resolved_at: (state == IncidentState::Resolved).then_some(opened),
        flapping: false,
        ties: Ties::default(),
        handling: Handling::default(),
    }))
}

/// A history with these records, open for reading.
fn reader(records: Vec<Record>) -> (tempfile::TempDir, Reader) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &Storage { raw: Duration::from_secs(86_400 * 36_500), ..Storage::default() }).unwrap();
    for record in records {
        store.put(record);
    }
    assert_eq!(store.close().lost, 0);
    let reader = Store::read(dir.path()).unwrap();
    (dir, reader)
}

fn of(question: &str) -> CheckId {
    CheckId::of_target(Point::HubServers, question)
}

fn cpu() -> CheckId {
    of("cpu")
}

fn process() -> CheckId {
    of("process")
}

fn level(level: &str) -> CheckId {
    CheckId::from_stored(&format!("logging/lines/{level}"))
}

fn turn() -> CheckId {
    CheckId::of_server(&Text::new("fs"), "turn")
}

#[test]
fn a_new_monitor_remembers_what_lasts_and_what_ended_lately_the_last_number_and_the_tools() {
    let (_dir, reader) = reader(vec![
        incident(4, "hub-7001", before(9), IncidentState::Open),
        incident(7, "hub-7001", before(5), IncidentState::Resolved),
        incident(3, "hub-7001", before(25 * 60), IncidentState::Resolved),
        Record::Tools(hub(), Text::new("fs"), ToolSet::default()),
        sample(cpu(), before(1), 1.0),
        sample(CheckId::of_server(&Text::new("fs"), "tokens"), before(90), 800.0),
        sample(CheckId::of_server(&Text::new("fs"), "tokens"), before(80), 800.0),
        sample(CheckId::of_server(&Text::new("fs"), "tokens"), before(5), 2000.0),
    ]);
    let memory = memory(&reader, NOON).unwrap();
    assert_eq!(memory.incidents.iter().map(|i| i.id).collect::<Vec<_>>(), [4, 7]);
    assert_eq!(memory.last_incident, 7);
    assert_eq!(memory.tools, [(hub(), Text::new("fs"), ToolSet::default())]);
    // Percentiles are within 1.6 %.
    assert!(matches!(memory.tokens.as_slice(), [(_, _, 787..=813)]), "{:?}", memory.tokens);
}

#[test]
fn the_past_of_one_target_ends_where_it_was_asked_to() {
    let (_dir, reader) = reader(vec![
        sample(cpu(), before(90), 9.0),
        sample(cpu(), before(30), 2.0),
        sample(cpu(), before(20), 4.0),
        sample(process(), before(20), 1.0),
        sample(of("state"), NOON, 1.0),
        incident(1, "hub-7001", before(30), IncidentState::Open),
        incident(2, "other", before(30), IncidentState::Open),
        incident(3, "hub-7001", NOON.plus(MINUTE), IncidentState::Open),
    ]);
    let past = past(&reader, &hub(), Span { from: before(60), to: NOON }).unwrap();
    let spread = past.summaries[&cpu()].spread.unwrap();
    assert_eq!((spread.values, spread.min, spread.max), (2, 2.0, 4.0));
    assert_eq!(past.last[&process()], (before(20), Health::Healthy));
    assert!(!past.last.contains_key(&of("state")), "the end is not in it");
    assert!(!past.last.contains_key(&cpu()), "it does not say how the hub is now");
    assert_eq!(past.incidents.iter().map(|i| i.id).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_course_has_a_slice_for_each_part_and_only_what_is_drawn() {
    let (_dir, reader) =
        reader(vec![sample(cpu(), before(61), 9.0), sample(cpu(), before(30), 2.0), sample(of("threads"), before(30), 2.0)]);
    let slices = course(&reader, &hub(), Span { from: before(60), to: NOON }).unwrap();
    assert_eq!((slices.len(), slices[0].span.from, slices[59].span.to), (60, before(60), NOON));
    let means: Vec<_> = slices.iter().filter_map(|s| Some((s.span.from, s.summaries.get(&cpu())?.spread?.mean))).collect();
    assert_eq!(means, [(before(30), 2.0)]);
    assert!(slices.iter().all(|s| !s.summaries.contains_key(&of("threads"))));
}

#[test]
fn a_budget_is_spent_by_every_check_that_an_objective_is_about() {
    let call = |server: &str| CheckId::of_server(&Text::new(server), "call");
    let samples =
        |server: &str, ms: f64| -> Vec<_> { (1..=30).map(|n| sample(call(server), before(n), ms * f64::from(n))).collect() };
    let (_dir, reader) = reader([samples("a", 1.0), samples("b", 10.0)].concat());
    let quick = Objective {
        check: "hub-servers/*/call".to_owned(),
        latency: Some(Duration::from_millis(105)),
        window: 60 * MINUTE,
        ..Objective::default()
    };
    let objectives = BTreeMap::from([
        ("other".to_owned(), Objective { check: "hub-servers/x/truth".to_owned(), ..Objective::default() }),
        ("quick".to_owned(), quick),
    ]);
    let all = spendings(&reader, &hub(), &objectives, NOON).unwrap();
    let seen: Vec<_> = all.iter().map(|s| (s.name.as_str(), s.check.as_str(), s.whole.good, s.whole.bad)).collect();
    // Ten of thirty calls of `b` take 10 to 100 ms, the others longer.
    assert_eq!(
        seen,
        [
            ("other", "hub-servers/x/truth", 0.0, 0.0),
            ("quick", "hub-servers/a/call", 30.0, 0.0),
            ("quick", "hub-servers/b/call", 10.0, 20.0)
        ]
    );
    // In the last five minutes all five calls were quick.
    assert_eq!((all[2].windows[0].1.good, all[2].windows[0].1.bad), (5.0, 0.0));
}

/// The evidence of a look at noon, widened by an hour of this history.
fn widened(evidence: Evidence, records: Vec<Record>) -> Evidence {
    let (_dir, reader) = reader(records);
    let mut evidence = Evidence { at: NOON, ..evidence };
    widen(&mut evidence, &reader, &hub(), 60 * MINUTE).unwrap();
    evidence
}

#[test]
fn a_window_has_what_was_measured_in_it_oldest_first() {
    let fresh = Evidence { cpu: vec![7.0], ..Evidence::default() };
    let wide =
        widened(fresh, vec![sample(cpu(), before(61), 1.0), sample(cpu(), before(59), 2.0), sample(cpu(), before(1), 3.0)]);
    assert_eq!((wide.cpu, wide.window, wide.errors), (vec![2.0, 3.0, 7.0], 60 * MINUTE, None));
}

#[test]
fn errors_are_counted_per_minute_and_only_errors() {
    let records = || {
        let second = |n| before(10).plus(Duration::from_secs(n));
        vec![
            sample(level("info"), second(1), 100.0),
            sample(level("error"), second(1), 2.0),
            sample(level("fatal"), second(2), 1.0),
            sample(level("error"), before(5), 4.0),
        ]
    };
    assert_eq!(widened(Evidence::default(), records()).errors, Some(vec![(before(10), 3), (before(5), 4)]));
    let known = Evidence { errors: Some(vec![(before(1), 1)]), ..Evidence::default() };
    assert_eq!(widened(known, records()).errors, Some(vec![(before(1), 1)]), "the log itself knows better");
    let quiet = widened(Evidence::default(), vec![sample(level("info"), before(1), 1.0)]);
    assert_eq!(quiet.errors, Some(Vec::new()), "levels were read, none was an error");
}

#[test]
fn no_turn_is_counted_twice() {
    let known = |at| ServerTurn { at, server: Text::new("fs"), turn: Turn::Lost };
    let records = || vec![sample(turn(), before(20), 0.0), sample(turn(), before(10), 1.0), sample(turn(), before(5), 0.0)];
    let turns_of = |evidence: Evidence| evidence.turns.iter().map(|t| (t.at, t.turn)).collect::<Vec<_>>();
    let (lost, back) = (Turn::Lost, Turn::Connected);
    let of_history = vec![(Some(before(20)), lost), (Some(before(10)), back), (Some(before(5)), lost)];
    assert_eq!(turns_of(widened(Evidence::default(), records())), of_history);
    let timed = Evidence { turns: vec![known(Some(before(10)))], ..Evidence::default() };
    assert_eq!(turns_of(widened(timed, records())), [(Some(before(10)), lost), (Some(before(20)), lost)]);
    let untimed = |n| Evidence { turns: vec![known(None); n], ..Evidence::default() };
    assert_eq!(turns_of(widened(untimed(2), records())), of_history, "history knows more");
    assert_eq!(turns_of(widened(untimed(4), records())), vec![(None, lost); 4], "the log knows more");
}

/// Five hours of a hub that was restarted in the second of them and then takes a megabyte more a minute.
fn leaking() -> Vec<Record> {
    let of = |question: &str| CheckId::of_target(Point::HubServers, question);
    let look = |minute: u32| {
        let (at, run) = (before(300 - minute), f64::from(minute.saturating_sub(60)));
        let age = if minute < 60 { f64::from(minute) + 500.0 } else { run };
        let percent = (500.0 + run) * 100.0 / 8000.0;
        [sample(of("process"), at, age * 60.0), sample(of("memory"), at, percent), sample(level("info"), at, 3.0)]
    };
    (0..300).flat_map(look).collect()
}

#[test]
fn a_replay_of_history_finds_what_the_watch_found() {
    let room = Room { memory: Some(8_000_000_000), ..Room::default() };
    let (_dir, reader) = reader(leaking());
    let mut lookout = Lookout::new(room);
    replay(&mut lookout, &reader, &hub(), NOON).unwrap();
    let evidence = Evidence { at: NOON, window: 60 * MINUTE, room, ..Evidence::default() };
    let findings = lookout.findings(&evidence, &Thresholds::default());
    let leak = findings.iter().find(|finding| finding.kind == FindingKind::Leak).unwrap();
    assert_eq!(leak.outcome, Outcome::Found(Health::Degraded), "{}", leak.reason);
    assert!(leak.reason.starts_with("memory: 60.0 MB more an hour"), "{}", leak.reason);
}

#[test]
fn a_kind_of_error_that_was_known_is_not_new_after_a_restart() {
    let kind =
        |name: &str, first: u32, count: u64| KnownError { name: Text::new(name), first: before(first), last: before(2), count };
    let kinds = vec![kind("E_NEW: it is broken", 20, 3), kind("E_OLD: it fails", 10_000, 7)];
    let known = KnownErrors { since: before(20_000), kinds, forgotten: 2 };
    let records = vec![
        sample(cpu(), before(5), 1.0),
        Record::Errors(hub(), KnownErrors { kinds: Vec::new(), ..known.clone() }),
        Record::Errors(TargetId::new("other"), KnownErrors { forgotten: 9, ..known.clone() }),
        Record::Errors(hub(), known.clone()),
    ];
    let (_dir, reader) = reader(records);
    assert_eq!(reader.errors(&hub()).unwrap(), Some(known));
    assert_eq!(reader.errors(&TargetId::new("none")).unwrap(), None);
    let mut lookout = memory_and_past(&reader, NOON).unwrap().lookouts.remove(0).1;
    let evidence = Evidence { at: NOON, window: 60 * MINUTE, errors: Some(Vec::new()), ..Evidence::default() };
    let said = |lookout: &Lookout| {
        let findings = lookout.findings(&evidence, &Thresholds::default());
        findings.into_iter().find(|finding| finding.kind == FindingKind::NewErrors).unwrap().reason
    };
    let new = "new since 2026-11-22T11:40:00.000Z: E_NEW: it is broken ×3 (9/h)";
    assert_eq!(said(&lookout), new, "what was new goes on being told");
    for (code, text) in [("E_OLD", "it fails"), ("E_LATE", "it stops")] {
        let kind = ErrorKind { code: Text::new(code), example: Text::new(text), count: 2, first: None };
        lookout.take_error(&kind, before(1));
    }
    assert_eq!(
        said(&lookout),
        format!("new since 2026-11-22T11:59:00.000Z: E_LATE: it stops ×2 (120/h); {new}"),
        "an old kind is old, and no hour is blind"
    );
}

#[test]
fn a_watch_goes_on_from_the_last_days_of_every_target() {
    let (_dir, reader) = reader(leaking());
    let memory = memory_and_past(&reader, NOON).unwrap();
    assert_eq!(memory.lookouts.iter().map(|(target, _)| target.clone()).collect::<Vec<_>>(), [hub()]);
    assert!(super::memory(&reader, NOON).unwrap().lookouts.is_empty(), "a single look does without");
}
