//! Golden sums of real logs, the bounds, and the law that it does not matter where the bytes were cut.

use proptest::prelude::*;
use vitals_model::observation::Turn;

use super::super::lines::Lines;
use super::super::scan;
use super::*;

const NPM: &[u8] = include_bytes!("../../../tests/data/npm-4.2.1-mcp-hub.log");
const MIXED: &[u8] = include_bytes!("../../../tests/data/filtering-hub-mixed.log");
const STDOUT: &[u8] = include_bytes!("../../../tests/data/npm-4.2.1-stdout.jsonl");

fn all(bytes: &[u8]) -> LogStretch {
    scan(bytes, Filter::default())
}

fn levels(pairs: &[(Level, u64)]) -> LevelCounts {
    let mut counts = LevelCounts::default();
    for (level, n) in pairs {
        counts.add(*level, *n);
    }
    counts
}

fn total(stretch: &LogStretch) -> LevelCounts {
    let mut total = stretch.untimed;
    total.merge(&stretch.older);
    stretch.minutes.iter().for_each(|(_, levels)| total.merge(levels));
    total
}

fn turns(stretch: &LogStretch) -> Vec<(&str, Turn)> {
    stretch.turns.iter().map(|turn| (turn.server.as_str(), turn.turn)).collect()
}

fn pino(level: &str, ms: i64, rest: &str) -> String {
    format!("{{\"level\":\"{level}\",\"time\":\"{}\",\"pid\":1,{rest}}}\n", Timestamp::from_millis(ms))
}

#[test]
fn the_plain_log_of_npm_mcp_hub() {
    let stretch = all(NPM);
    assert_eq!((stretch.bytes, stretch.plain, stretch.pino, stretch.stdout, stretch.broken), (1116, 24, 0, 0, 0));
    assert_eq!(turns(&stretch), [("filesystem", Turn::Connected), ("everything", Turn::Connected)]);
    assert_eq!(total(&stretch), LevelCounts::default());
    assert_eq!((stretch.storm_lines, stretch.fallbacks, stretch.client_aborts), (0, 0, 0), "the curl fallback is not the LLM's");
}

#[test]
fn the_mixed_log_of_a_filtering_hub() {
    let stretch = all(MIXED);
    assert_eq!((stretch.bytes, stretch.plain, stretch.pino, stretch.stdout, stretch.broken), (17_774, 35, 125, 0, 0));
    assert_eq!(turns(&stretch), [("github", Turn::Lost), ("everything", Turn::Connected), ("filesystem", Turn::Connected)]);
    assert_eq!(stretch.storm_lines, 119);
    let minute = |text| Timestamp::parse(text).unwrap();
    assert_eq!(
        stretch.minutes,
        [
            (minute("2026-11-22T13:18:00Z"), levels(&[(Level::Info, 4), (Level::Warn, 1)])),
            (minute("2026-11-22T13:19:00Z"), levels(&[(Level::Info, 119), (Level::Debug, 1)])),
        ]
    );
}

#[test]
fn the_standard_output_of_npm_mcp_hub() {
    let stretch = all(STDOUT);
    assert_eq!((stretch.bytes, stretch.plain, stretch.pino, stretch.stdout, stretch.broken), (4345, 0, 0, 31, 0));
    assert_eq!(total(&stretch), levels(&[(Level::Debug, 9), (Level::Info, 16), (Level::Warn, 4), (Level::Error, 2)]));
    let errors: Vec<_> = stretch.errors.iter().map(|kind| (kind.code.as_str(), kind.count)).collect();
    assert_eq!(errors, [("CONNECTION_ERROR", 1), ("MARKETPLACE_INIT_ERROR", 1)]);
    assert_eq!(stretch.turns.iter().filter(|turn| turn.turn == Turn::Lost).count(), 4);
    assert_eq!(stretch.turns[0].at, Timestamp::parse("2026-11-22T13:36:42.531Z"));
}

#[test]
fn a_client_that_went_away_is_no_error() {
    let log = [
        "SSE_CONNECTION_ERROR: aborted\n",
        "{\"type\":\"debug\",\"message\":\"SSE_CONNECTION_ERROR: aborted\",\"data\":{},\"timestamp\":\"2026-11-22T13:36:41.059Z\"}\n",
        &pino("error", 0, "\"code\":\"SSE_CONNECTION_ERROR\",\"error\":\"aborted\",\"msg\":\"stream failed\""),
        &pino("debug", 0, "\"msg\":\"SSE_CONNECTION_ERROR: aborted\""),
        &pino("error", 0, "\"code\":\"SSE_CONNECTION_ERROR\",\"msg\":\"write EPIPE\""),
    ];
    let stretch = all(log.concat().as_bytes());
    assert_eq!(stretch.client_aborts, 4);
    assert_eq!(total(&stretch), levels(&[(Level::Error, 1)]), "the last is a real one");
}

#[test]
fn the_fallback_of_the_llm_is_counted() {
    let log = pino("error", 0, "\"msg\":\"LLM prompt analysis failed, using heuristic fallback\"");
    let stretch = all(log.as_bytes());
    assert_eq!((stretch.fallbacks, total(&stretch).errors()), (1, 1));
}

#[test]
fn errors_without_a_code_are_grouped_by_their_template() {
    let log: String = (0..5).map(|n| pino("error", n, &format!("\"msg\":\"Tool {n} failed after {n}00 ms\""))).collect();
    let stretch = all(log.as_bytes());
    assert_eq!(
        stretch.errors,
        [ErrorKind {
            code: "Tool # failed after # ms".into(),
            example: "Tool 0 failed after 000 ms".into(),
            count: 5,
            first: stretch.minutes.first().map(|(minute, _)| *minute),
        }]
    );
}

#[test]
fn the_most_frequent_kinds_are_found_among_many_and_the_rest_is_summed() {
    let late = |n: usize| if n < 900 { n } else { 850 };
    let log: String = (0..3000).map(|n| pino("error", 0, &format!("\"code\":\"E{}\",\"msg\":\"m\"", late(n)))).collect();
    let stretch = all(log.as_bytes());
    assert_eq!(stretch.errors.len(), ERROR_KINDS_MAX + 1);
    assert_eq!((stretch.errors[0].code.as_str(), stretch.errors[0].count), ("E850", 2101));
    assert_eq!(stretch.errors.last().map(|kind| kind.code.as_str()), Some("other"));
    assert_eq!(stretch.errors.iter().map(|kind| kind.count).sum::<u64>(), 3000);

    let log: String = (0..3000).map(|n| pino("error", 0, &format!("\"code\":\"E{n}\",\"msg\":\"m\""))).collect();
    assert_eq!(all(log.as_bytes()).errors.iter().map(|kind| kind.count).sum::<u64>(), 3000, "nothing is lost at the bound");
}

#[test]
fn minutes_and_turns_are_bounded_and_the_newest_are_kept() {
    let count = i64::try_from(LOG_MINUTES_MAX).unwrap() + 10;
    let log: String = (0..count).map(|n| pino("info", n * MINUTE_MS, "\"msg\":\"'a' transport closed\"")).collect();
    let stretch = all(log.as_bytes());
    assert_eq!(stretch.minutes.len(), LOG_MINUTES_MAX);
    assert_eq!(stretch.minutes.last().map(|(at, _)| at.as_millis()), Some((count - 1) * MINUTE_MS));
    assert_eq!(stretch.older.of(Level::Info), 10);
    assert_eq!((stretch.turns.len(), stretch.turns_left_out), (LOG_TURNS_MAX, count.unsigned_abs() - LOG_TURNS_MAX as u64));
}

#[test]
fn only_records_since_the_instant_count_and_lines_without_a_time_go_with_the_record_before() {
    let log = ["first\n", &pino("info", 1000, "\"msg\":\"m\""), "old\n", &pino("error", 2000, "\"msg\":\"m\""), "new\n"];
    let filter = Filter { from: Some(Timestamp::from_millis(2000)), pid: None };
    let stretch = scan(log.concat().as_bytes(), filter);
    assert_eq!((stretch.plain, stretch.pino), (2, 1), "of the first line nothing is known");
    assert_eq!(total(&stretch), levels(&[(Level::Error, 1)]));
}

#[test]
fn records_of_other_hubs_do_not_count() {
    let log = [pino("error", 0, "\"msg\":\"ours\""), pino("error", 0, "\"msg\":\"m\"").replace("\"pid\":1", "\"pid\":2")];
    let stretch = scan(log.concat().as_bytes(), Filter { from: None, pid: Some(1) });
    assert_eq!((stretch.pino, total(&stretch).errors()), (1, 1));
    assert_eq!(scan(b"whose?\n", Filter { from: None, pid: Some(1) }).plain, 1);
}

#[test]
fn overlong_lines_are_counted_once_and_not_kept() {
    let mut log = vec![b'x'; vitals_model::limits::LINE_BYTES_MAX * 2];
    log.extend(b"\nnext\n");
    for piece in [log.len(), 100_000, 4096] {
        let (mut tally, mut lines) = (Tally::default(), Lines::default());
        log.chunks(piece).for_each(|bytes| lines.feed(bytes, &mut tally));
        let stretch = tally.take();
        assert_eq!((stretch.broken, stretch.plain), (1, 1), "pieces of {piece}");
    }
}

#[test]
fn line_ends_of_both_kinds_and_empty_lines() {
    let stretch = all(b"one\r\n\r\n\ntwo\n{\"level\":30,\"msg\":\"m\"}\r\nthree");
    assert_eq!((stretch.plain, stretch.pino, stretch.broken), (3, 1, 0));
    assert_eq!(stretch.untimed.of(Level::Info), 1);
}

#[test]
fn it_does_not_matter_where_the_bytes_are_cut() {
    for sample in [NPM, &MIXED[..4000], STDOUT] {
        let whole = all(sample);
        for cut in 0..=sample.len() {
            let (mut tally, mut lines) = (Tally::default(), Lines::default());
            lines.feed(&sample[..cut], &mut tally);
            lines.feed(&sample[cut..], &mut tally);
            lines.end(&mut tally);
            assert_eq!(tally.take(), whole, "cut at {cut}");
        }
    }
}

proptest! {
    #[test]
    fn nor_how_often(cuts in prop::collection::vec(1_usize..200, 1..300)) {
        let (mut tally, mut lines, mut rest) = (Tally::default(), Lines::default(), STDOUT);
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            lines.feed(piece, &mut tally);
            rest = after;
        }
        lines.feed(rest, &mut tally);
        lines.end(&mut tally);
        prop_assert_eq!(tally.take(), all(STDOUT));
    }

    #[test]
    fn any_bytes_are_lines_of_some_kind(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let stretch = all(&bytes);
        let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty() && *line != b"\r").count();
        prop_assert_eq!(stretch.plain + stretch.pino + stretch.stdout + stretch.broken, lines as u64);
        prop_assert_eq!(stretch.bytes, bytes.len() as u64);
    }
}
