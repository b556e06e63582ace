//! The stream against recordings of both hubs, a storm, silence and an end.

use std::fmt::Write as _;

use bytes::Bytes;
use vitals_model::config::Timeouts;
use vitals_model::observation::{ServerTurn, Turn};
use vitals_model::text::Text;

use super::*;
use crate::http::sse::Parser;
use crate::http::tests::double::{Act, Double};

const NPM: &str = include_str!("../../tests/data/npm-4.2.1-events.sse");
const VARIANT: &str = include_str!("../../tests/data/filtering-hub-events.sse");
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n";
const LIMIT: Duration = Duration::from_secs(5);

async fn open(act: Act) -> Result<(Stream, StreamSeen), Failure> {
    let double = Double::start(act).await;
    let client = Client::new(&Timeouts::default(), Vec::new());
    Stream::open(&client, &double.url("/"), Duration::from_millis(500)).await
}

fn notes_of(stream: &str) -> Vec<StreamNote> {
    let (mut parser, mut input, mut batch) =
        (Parser::new(LINE_BYTES_MAX), Bytes::copy_from_slice(stream.as_bytes()), Batch::default());
    while let Some(event) = parser.next(&mut input) {
        batch.add(&event);
    }
    assert_eq!(batch.dropped, 0);
    batch.notes
}

#[test]
fn recordings_of_both_hubs_give_the_same_kinds_of_notes() {
    insta::assert_debug_snapshot!("npm", notes_of(NPM));
    insta::assert_debug_snapshot!("variant", notes_of(VARIANT));
}

#[test]
fn log_messages_with_a_meaning_are_told_apart() {
    let log = |record: &str| notes_of(&format!("event: log\ndata: {record}\n\n")).remove(0);
    let lost = StreamNote::Turn(ServerTurn { at: None, server: Text::new("it's"), turn: Turn::Lost });
    assert_eq!(log(r#"{"type":"debug","message":"'it's' transport closed"}"#), lost);
    assert_eq!(log(r#"{"type":"info","message":"'MCP HUB' client disconnected from MCP HUB"}"#), StreamNote::StormLine);
    let abort = r#"{"type":"error","code":"SSE_CONNECTION_ERROR","message":"SSE connection error","data":{"error":"aborted"}}"#;
    assert_eq!(log(abort), StreamNote::ClientAbort);
    let StreamNote::Log { code, message, .. } = log(r#"{"type":"error","message":"MCP error -32001 \u001b[31m"}"#) else {
        panic!()
    };
    assert_eq!((code.as_str(), message.as_str()), ("MCP error -# \\u{1b}[#m", "MCP error -32001 \\u{1b}[31m"));
}

#[test]
fn what_cannot_be_read_is_a_note_and_not_an_end() {
    let notes =
        notes_of("event: log\ndata: {oops\n\nevent: new\ndata: {}\n\nevent: log\ndata: 3\n\nevent: hub_state\ndata: {}\n\n");
    let texts: Vec<_> =
        notes.iter().map(|n| if let StreamNote::Other(text) = n { text.as_str() } else { panic!("{n:?}") }).collect();
    assert_eq!(texts, ["log: {oops", "new: {}", "log: 3", "hub_state: {}"]);
    assert_eq!(notes_of("event: log_batch\ndata: {\"events\":7}\n\n"), []);
}

#[tokio::test]
async fn a_stream_opens_delivers_and_ends() {
    let (mut stream, opened) = open(Act::Raw(format!("{HEAD}{NPM}"))).await.unwrap();
    assert!(matches!(opened, StreamSeen::Opened { first_event } if first_event > Duration::ZERO));
    let StreamSeen::Notes { notes, dropped: 0 } = stream.next().await else { panic!() };
    assert_eq!(notes, notes_of(NPM));
    for _ in 0..2 {
        let StreamSeen::Lost(failure) = stream.next().await else { panic!() };
        assert_eq!((failure.phase, failure.kind), (Phase::Body, FailureKind::Closed));
    }
}

#[tokio::test]
async fn a_storm_is_counted_and_does_not_hide_a_death() {
    let mut storm = String::new();
    for n in 0..6000 {
        let message = if n == 5000 { "'files' transport closed" } else { "'x' client disconnected from MCP HUB" };
        write!(storm, "event: log\ndata: {{\"type\":\"info\",\"message\":\"{message}\"}}\n\n").unwrap();
    }
    let (mut stream, _) = open(Act::Raw(format!("{HEAD}{storm}"))).await.unwrap();
    let (mut kept, mut left_out, mut turns) = (0, 0, 0);
    while let StreamSeen::Notes { notes, dropped } = stream.next().await {
        assert!(notes.len() <= STREAM_NOTES_MAX);
        kept += notes.len() as u64;
        left_out += dropped;
        turns += notes.iter().filter(|n| matches!(n, StreamNote::Turn(_))).count();
    }
    assert_eq!((kept + left_out, turns), (6000, 1));
}

#[tokio::test]
async fn an_event_that_is_too_long_counts_as_dropped() {
    let long = "x".repeat(LINE_BYTES_MAX + 1);
    let (mut stream, _) = open(Act::Raw(format!("{HEAD}data: 1\n\ndata: {long}\n\ndata: 2\n\n"))).await.unwrap();
    let (mut kept, mut left_out) = (0, 0);
    while let StreamSeen::Notes { notes, dropped } = stream.next().await {
        kept += notes.len();
        left_out += dropped;
    }
    assert_eq!((kept, left_out), (2, 1));
}

#[tokio::test]
async fn a_stream_that_is_none_says_why() {
    let cases = [
        (Act::Json(200, "{}"), FailureKind::Malformed, "content-type: application/json"),
        (Act::Json(404, "no"), FailureKind::Status { code: 404, retry_after: None }, "no"),
        (Act::RawThenSilent(HEAD.to_owned()), FailureKind::TimedOut(Duration::from_millis(500)), "no event"),
        (Act::Raw(HEAD.to_owned()), FailureKind::Closed, "the stream ended"),
    ];
    for (act, kind, evidence) in cases {
        let failure = open(act).await.unwrap_err();
        assert_eq!((failure.kind, failure.evidence.as_str()), (kind, evidence));
    }
}

#[tokio::test]
async fn a_silent_stream_ends_itself() {
    let double = Double::start(Act::RawThenSilent(format!("{HEAD}event: heartbeat\ndata: {{}}\n\n"))).await;
    let client = Client::new(&Timeouts::default(), Vec::new());
    let (mut stream, _) = Stream::open(&client, &double.url("/"), LIMIT).await.unwrap();
    assert_eq!(stream.next().await, StreamSeen::Notes { notes: vec![StreamNote::Heartbeat], dropped: 0 });
    tokio::time::pause();
    let StreamSeen::Lost(failure) = stream.next().await else { panic!() };
    assert_eq!(failure.kind, FailureKind::TimedOut(SILENCE_MAX));
}
