//! Tests of what is counted, and of what is not counted twice.

use vitals_model::observation::LogStretch;
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;
use vitals_model::tool::ToolSet;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn hub() -> Address {
    Address::Hub { url: "http://127.0.0.1:1".to_owned() }
}

fn observed(seen: Seen) -> Observation {
    Observation { target: TargetId::new("t"), at: Timestamp::from_millis(9), took: 7 * MS, seen }
}

fn view() -> SessionView {
    let opened = Opened {
        transport: Transport::StreamableHttp,
        protocol: Text::new("2025-11-25"),
        server: Text::new("hub 1"),
        connect: MS,
        initialize: 2 * MS,
    };
    let failure = failure(FailureKind::Closed);
    SessionView { opened: Ok(opened), tools: Ok(ToolSet::default()), list_took: 3 * MS, ..SessionView::failed(&failure) }
}

fn failure(kind: FailureKind) -> Failure {
    Failure { phase: Phase::Call, kind, evidence: Text::new(""), after: 4 * MS }
}

fn called(server: &str, answer: Result<u64, Failure>, way: CallWay) -> CallSeen {
    let tool = Some(Text::new("list"));
    CallSeen { server: Text::new(server), tool, way, answer: Some(answer), took: 4 * MS }
}

fn session(sessions: Vec<SessionView>, opened_total: u64, calls: Vec<CallSeen>) -> Seen {
    Seen::Session(Box::new(SessionSeen { sessions, calls, opened_total, held: true }))
}

/// `method server error count`, in order.
fn counted(counting: &Counting) -> Vec<String> {
    let of = |text: &Option<Text>| text.as_ref().map_or("-".to_owned(), ToString::to_string);
    let line = |(operation, histogram): (&Operation, &vitals_model::tally::Histogram)| {
        let Operation { method, server, error, .. } = operation;
        format!("{} {} {} {}", method.as_str(), of(server), of(error), histogram.count())
    };
    counting.tally.operations.iter().map(line).collect()
}

#[test]
fn a_held_session_is_initialised_once_and_listed_at_every_visit() {
    let mut counting = Counting::default();
    for opened_total in [2, 2, 3] {
        counting.take(&observed(session(vec![view(), view()], opened_total, Vec::new())), &hub());
    }
    assert_eq!(counted(&counting), ["initialize - - 3", "tools/list - - 6"]);
    assert_eq!(counting.tally.probes[&Probe::Session], (3, 0));
}

#[test]
fn calls_are_told_apart_by_server_and_error_and_those_over_rest_are_left_out() {
    let mut counting = Counting::default();
    let calls = vec![
        called("a", Ok(1), CallWay::Session),
        called("b", Err(failure(FailureKind::ToolError)), CallWay::Session),
        called("c", Err(failure(FailureKind::Rpc(-32601))), CallWay::Session),
        called("d", Ok(1), CallWay::Rest),
    ];
    counting.take(&observed(session(vec![view()], 0, calls)), &hub());
    let expected = ["tools/list - - 1", "tools/call a - 1", "tools/call b tool_error 1", "tools/call c -32601 1"];
    assert_eq!(counted(&counting), expected);
}

#[test]
fn a_refusal_that_is_only_told_again_is_one_attempt() {
    let mut counting = Counting::default();
    let refused = Failure { phase: Phase::Request, ..failure(FailureKind::Status { code: 500, retry_after: None }) };
    let waiting = Failure { after: Duration::ZERO, ..refused.clone() };
    let later = Failure { after: 5 * MS, ..refused.clone() };
    for failure in [&refused, &refused, &waiting, &later] {
        counting.take(&observed(session(vec![SessionView::failed(failure)], 0, Vec::new())), &hub());
    }
    assert_eq!(counted(&counting), ["initialize - 500 2"]);
    assert_eq!(counting.tally.probes[&Probe::Session], (0, 4));
}

#[test]
fn a_hub_that_names_ever_new_servers_fills_no_memory() {
    let mut counting = Counting::default();
    let rounds = 3;
    for round in 0..rounds {
        let calls = (0..OPERATIONS_MAX).map(|n| called(&format!("{round}-{n}"), Ok(1), CallWay::Session)).collect();
        counting.take(&observed(session(vec![view()], 0, calls)), &hub());
    }
    let tally = &counting.tally;
    assert_eq!(tally.operations.len(), OPERATIONS_MAX + 1);
    // The list has one of the places.
    assert_eq!(tally.operations_folded, ((rounds - 1) * OPERATIONS_MAX + 1) as u64);
    let all: u64 = tally.operations.values().map(vitals_model::tally::Histogram::count).sum();
    assert_eq!(all, (rounds * (OPERATIONS_MAX + 1)) as u64, "what is folded is still counted");
}

#[test]
fn phases_of_the_api_add_up_to_the_request() {
    let timing = vitals_model::observation::Timing { resolve: MS, connect: 2 * MS, tls: MS, first_byte: 3 * MS, total: 9 * MS };
    let seen = ApiSeen {
        health: Ok(vitals_model::claim::HubClaim::default()),
        servers: Ok(Vec::new()),
        timing,
        ..ApiSeen::failed(&failure(FailureKind::Os))
    };
    let mut counting = Counting::default();
    counting.take(&observed(Seen::Api(Box::new(seen))), &hub());
    let run = &counting.tally.runs[&Probe::Api];
    assert_eq!(run.phases.iter().map(|(_, took)| *took).sum::<Duration>(), timing.total);
    assert_eq!(run.phases.last(), Some(&(Phase::Body, 2 * MS)));
}

#[test]
fn log_records_of_before_are_not_counted() {
    use vitals_model::observation::Level;
    let mut errors = LevelCounts::default();
    errors.add(Level::Error, 2);
    let stretch =
        |over| LogStretch { over, untimed: errors, minutes: vec![(Timestamp::default(), errors)], ..Default::default() };
    let seen = |over| LogSeen { file: Err(failure(FailureKind::Missing)), stretch: stretch(over) };
    let mut counting = Counting::default();
    counting.take(&observed(Seen::Log(Box::new(seen(None)))), &hub());
    assert_eq!(counting.tally.file_records.total(), 0);
    counting.take(&observed(Seen::Log(Box::new(seen(Some(MS))))), &hub());
    assert_eq!(counting.tally.file_records.of(Level::Error), 4);
}
