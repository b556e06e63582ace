//! The short way and the long way must say the same of every line, however it was cut or run together.

use proptest::prelude::*;

use super::super::parse::parse;
use super::*;

/// The short way's record, and the long way's without the fields that the short way leaves out.
fn both(line: &[u8]) -> (Option<Record<'_>>, Record<'_>) {
    (Quick::default().parse(line), Record { code: None, server: None, error: None, ..parse(line) })
}

#[track_caller]
fn check_quick(line: &str) {
    let (short, long) = both(line.as_bytes());
    assert_eq!(short, Some(long), "{line}");
}

#[track_caller]
fn check_left_to_the_long_way(line: &str) {
    assert_eq!(Quick::default().parse(line.as_bytes()), None, "{line}");
}

#[test]
fn pinos_own_forms_are_read_the_short_way() {
    check_quick(r#"{"level":"info","time":"2026-11-22T13:18:24.378Z","pid":8695,"hostname":"h","msg":"hello"}"#);
    check_quick(r#"{"level":30,"time":1795305600000,"pid":1,"hostname":"h","msg":"'a' transport closed"}"#);
    check_quick(r#"{"level":"warn","time":"2026-11-22T13:18:24.378Z","pid":7,"pid":8,"msg":"first","msg":""}"#);
    check_quick(r#"{"level":"debug","time":"2026-11-22T13:18:59.999Z","pid":7,"a":{"b":[1,{"c":{}}]},"msg":"x"}"#);
}

#[test]
fn everything_else_is_left_to_the_long_way() {
    for line in [
        r#"{"level":"error","time":"2026-11-22T13:18:24.378Z","pid":8695,"msg":"errors have more to say"}"#,
        r#"{"level":"info","time":"2026-11-22T13:18:24.378Z","pid":8695,"msg":"an \"escape\""}"#,
        r#"{"level":"info","time":"2026-11-22T13:18:24.378Z","pid":8695,"msg":"naïve"}"#,
        r#"{"level":"info","time":"2026-11-22T13:18:24.378Z","pid":8695,"msg":"not last","n":"1"}"#,
        r#"{"level":"info","time":"2026-11-22T13:18:24+01:00","pid":8695,"msg":"another zone"}"#,
        r#"{"level":"info","time":"2026-13-22T13:18:24.378Z","pid":8695,"msg":"no such month"}"#,
        r#"{"level":"info","time":"2026-11-22T13:18:60.000Z","pid":8695,"msg":"a leap second"}"#,
        r#"{"level":"info","time":"2026-11-22T13:18:24.378Z","pid":0123,"msg":"no JSON number"}"#,
        r#"{"level":"info","time":"2026-11-22T13:18:24.378Z","pid":1,"x":"}","y":{"msg":"cut off"}"#,
        r#"{"level":"info","time":"2026-11-22T13:18:24.378Z","pid":1,"msg":"brackets [ 'in' ] a text"}"#,
        r#"{"level":"info","time":"2026-11-22T13:18:24.378Z","pid":1,"msg":"a"}{"x":1,"msg":"b"}"#,
        r#"{"level":"info","time":"2026-11-22T13:18:24.378Z","pid":1,"x":"}","y":{"x":1,"msg":"b"}"#,
    ] {
        check_left_to_the_long_way(line);
    }
    let deep = format!("{{\"level\":30,\"time\":1,\"pid\":1,\"x\":{}{},\"msg\":\"m\"}}", "[".repeat(200), "]".repeat(200));
    check_left_to_the_long_way(&deep);
    let long = format!("{{\"level\":30,\"time\":1,\"pid\":1,\"msg\":\"{}\"}}", "m".repeat(super::super::shape::LINE_BYTES_MAX));
    check_left_to_the_long_way(&long);
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("-2.5e3".to_owned()),
        Just("null".to_owned()),
        Just("\"2026-11-22T13:18:24.378Z\"".to_owned()),
        r#""[a-z '{}\[\]:,é]{0,12}""#,
        Just(r#""an \"escape\" \\ \u0041""#.to_owned()),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((name(), inner), 0..3).prop_map(|fields| object(&fields)),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["level", "time", "pid", "msg", "code", "server", "error", "data", "message", "type", "x"])
        .prop_map(str::to_owned)
}

fn object(fields: &[(String, String)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// A record that is near to pino's form, and often in it.
fn record() -> impl Strategy<Value = String> {
    let level =
        prop::sample::select(vec!["\"info\"", "\"warn\"", "\"debug\"", "30", "20", "\"error\"", "50", "35", "\"odd\"", "null"]);
    let time = prop::sample::select(vec![
        "\"2026-11-22T13:18:24.378Z\"",
        "\"2026-11-22T13:19:00.000Z\"",
        "1795305600000",
        "-5",
        "1.5",
        "\"later\"",
        "\"2026-11-22T13:18:24Z\"",
    ]);
    let pid = prop::sample::select(vec!["1", "8695", "0", "4294967296", "\"7\""]);
    let extras = prop::collection::vec((name(), value()), 0..4);
    let message = r#""[a-zA-Z' {}:,]{0,40}""#;
    (level, time, pid, extras, message, any::<bool>()).prop_map(|(level, time, pid, extras, message, last)| {
        let mut fields: Vec<_> =
            [("level", level), ("time", time), ("pid", pid)].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        fields.extend(extras);
        let place = if last { fields.len() } else { 3 };
        fields.insert(place, ("msg".to_owned(), message));
        object(&fields)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn both_ways_agree_on_whole_records(line in record()) {
        let (short, long) = both(line.as_bytes());
        prop_assert!(short.is_none_or(|short| short == long));
    }

    #[test]
    fn both_ways_agree_on_records_cut_off_run_together_or_spoilt(
        first in record(),
        second in record(),
        cut in any::<prop::sample::Index>(),
        spoilt in prop::option::of(prop::sample::select(vec![0, 0x1f, 0x7f, 0x80, 0xff, b'"', b'\\'])),
    ) {
        let mut line = first.into_bytes();
        line.truncate(cut.index(line.len() + 1));
        let (short, long) = both(&line);
        prop_assert!(short.is_none_or(|short| short == long));
        line.extend(spoilt);
        line.extend(second.as_bytes());
        let (short, long) = both(&line);
        prop_assert!(short.is_none_or(|short| short == long));
    }

    #[test]
    fn no_bytes_make_either_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let (short, long) = both(&line);
        prop_assert!(short.is_none_or(|short| short == long));
    }
}
