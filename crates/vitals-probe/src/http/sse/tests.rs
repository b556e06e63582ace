//! The parser against the standard's rules, wherever the stream is split.

use super::*;
use proptest::prelude::*;

const MAX: usize = 64;

fn parse(pieces: &[&[u8]]) -> (Vec<(String, String, String)>, u64) {
    let mut parser = Parser::new(MAX);
    let mut events = Vec::new();
    for piece in pieces {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(event) = parser.next(&mut input) {
            events.push((event.name, event.data, event.id));
        }
        assert!(input.is_empty());
    }
    (events, parser.broken())
}

#[track_caller]
fn check(stream: &str, expected: &[(&str, &str, &str)]) {
    let (events, _) = parse(&[stream.as_bytes()]);
    let events: Vec<_> = events.iter().map(|(n, d, i)| (n.as_str(), d.as_str(), i.as_str())).collect();
    assert_eq!(events, expected);
}

#[test]
fn fields_are_read_as_the_standard_says() {
    check("event: log\ndata: a\ndata: b\n\n", &[("log", "a\nb", "")]);
    check("data:no space\n\ndata:  two\n\n", &[("message", "no space", ""), ("message", " two", "")]);
    check(": comment\n\nevent: empty\n\ndata\n\n", &[("message", "", "")]);
    check("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", &[("message", "a", "1"), ("message", "b", "1"), ("message", "c", "")]);
    check("id: a\0b\nwhat: x\ndata: y\n\n", &[("message", "y", "")]);
    check("data: unfinished\n", &[]);
}

#[test]
fn every_line_end_and_a_byte_order_mark_are_understood() {
    let expected = [("x", "1\n2", ""), ("message", "3", "")];
    for end in ["\n", "\r", "\r\n"] {
        check(&"\u{feff}event: x|data: 1|data: 2||data: 3||".replace('|', end), &expected);
    }
}

#[test]
fn the_retry_time_is_kept_when_it_is_a_number() {
    let mut parser = Parser::new(MAX);
    let _ = parser.next(&mut Bytes::from_static(b"retry: 1500\nretry: soon\n\n"));
    assert_eq!(parser.retry(), Some(Duration::from_millis(1500)));
}

#[test]
fn what_is_too_long_is_counted_and_the_next_event_is_read() {
    let long = "x".repeat(MAX + 1);
    let (events, broken) = parse(&[format!("data: {long}\n\ndata: ok\n\n").as_bytes()]);
    assert_eq!((events.len(), broken), (1, 1));
    let many = "data: 0123456789\n".repeat(MAX);
    let (events, broken) = parse(&[format!("{many}\ndata: ok\n\n").as_bytes()]);
    assert_eq!((events[0].1.as_str(), broken), ("ok", 1));
}

proptest! {
    #[test]
    fn a_stream_means_the_same_wherever_it_is_split(
        lines in prop::collection::vec(prop_oneof![
            Just(String::new()), "data: ?[a-zé\u{1f980}]{0,5}", "event:[a-z]{0,3}", "id: [0-9]", ": c", "data: x{60,70}", "\\PC{0,9}",
        ], 0..24),
        ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r", "\r\n"]), 24),
        cuts in prop::collection::vec(0usize..400, 0..8),
    ) {
        let stream: String = lines.iter().zip(ends).flat_map(|(line, end)| [line.as_str(), end]).collect();
        let bytes = stream.as_bytes();
        let mut cuts: Vec<_> = cuts.into_iter().map(|c| c.min(bytes.len())).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
        prop_assert_eq!(parse(&pieces), parse(&[bytes]));
    }

    #[test]
    fn no_bytes_can_make_it_panic_or_grow(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut parser = Parser::new(MAX);
        let mut input = Bytes::from(bytes);
        while let Some(event) = parser.next(&mut input) {
            // Replacing one broken byte takes three.
            prop_assert!(event.data.len() <= 3 * MAX);
        }
        prop_assert!(parser.line.as_ref().is_none_or(|l| l.len() <= MAX) && parser.data.len() <= MAX);
    }
}
