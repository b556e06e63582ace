//! Lines of the three formats, and of none.

use proptest::prelude::*;

use super::*;

const TIME: i64 = 1_795_353_504_378;

#[test]
fn a_pino_record_with_words_and_one_with_numbers() {
    let line = br#"{"level":"error","time":"2026-11-22T13:18:24.378Z","pid":8695,"hostname":"h","code":"X","server":"s","error":"e","msg":"m"}"#;
    let record = parse(line);
    assert_eq!(record.format, Format::Pino);
    assert_eq!(record.level, Some(Level::Error));
    assert_eq!(record.at, Some(Timestamp::from_millis(TIME)));
    assert_eq!(record.pid, Some(8695));
    assert_eq!((record.code.as_deref(), record.server.as_deref(), record.error.as_deref()), (Some("X"), Some("s"), Some("e")));
    assert!(matches!(record.message, Cow::Borrowed("m")), "nothing is copied");

    let record = parse(br#"{"level":50,"time":1795353504378,"pid":8695,"code":-32001,"err":{"type":"Error","message":"e"}}"#);
    assert_eq!((record.level, record.at, record.pid), (Some(Level::Error), Some(Timestamp::from_millis(TIME)), Some(8695)));
    assert_eq!((record.code.as_deref(), &*record.message), (Some("-32001"), "e"), "a record without a message has its error's");
}

#[test]
fn of_two_pids_the_first_is_the_writers() {
    let record = parse(br#"{"level":"info","time":"2026-11-22T13:18:24.378Z","pid":8695,"port":7000,"pid":1,"msg":"m"}"#);
    assert_eq!(record.pid, Some(8695));
}

#[test]
fn the_hubs_standard_output() {
    let record = parse(
        br#"{"type":"error","message":"m \"q\"","data":{"server":"github","error":"timed out"},"timestamp":"2026-11-22T13:18:24.378Z","code":"CONNECTION_ERROR"}"#,
    );
    assert_eq!((record.format, record.level, record.pid), (Format::Stdout, Some(Level::Error), None));
    assert_eq!(record.at, Some(Timestamp::from_millis(TIME)));
    assert_eq!((record.code.as_deref(), record.server.as_deref()), (Some("CONNECTION_ERROR"), Some("github")));
    assert_eq!((&*record.message, record.error.as_deref()), ("m \"q\"", Some("timed out")));
}

#[test]
fn plain_text_is_its_own_message() {
    let record = parse("'filesystem' MCP server connected é".as_bytes());
    assert_eq!(record, Record::new(Format::Plain, "'filesystem' MCP server connected é"));
    assert_eq!(parse(br#"{"jsonrpc":"2.0"}"#).format, Format::Plain, "JSON, but no log record");
}

#[test]
fn odd_levels_and_times_are_none() {
    for line in [
        r#"{"level":"loud","time":"yesterday","msg":"m"}"#,
        r#"{"level":null,"time":null,"msg":"m"}"#,
        r#"{"level":-30,"time":{},"msg":"m"}"#,
        r#"{"level":[30],"time":[1],"msg":"m"}"#,
        r#"{"level":18446744073709551615,"time":true,"msg":"m"}"#,
    ] {
        let record = parse(line.as_bytes());
        assert_eq!((record.format, record.level, record.at), (Format::Pino, None, None), "{line}");
    }
}

#[test]
fn what_cannot_be_read_is_broken() {
    let deep = format!("{{\"level\":30,\"x\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    let huge = "x".repeat(LINE_BYTES_MAX + 1);
    let lines: [&[u8]; 8] = [
        b"{",
        br#"{"level":"info","time":"2026-11-22T13:18:24.378Z","msg":"cut o"#,
        br#"{"level":"info"}{"level":"info"}"#,
        b"{\"level\":\"info\",\"msg\":\"\xff\"}",
        b"plain \xc3( text",
        b"plain \0 text",
        deep.as_bytes(),
        huge.as_bytes(),
    ];
    for line in lines {
        assert_eq!(parse(line), Record::new(Format::Broken, ""), "{}", String::from_utf8_lossy(&line[..line.len().min(80)]));
    }
}

proptest! {
    #[test]
    fn no_line_makes_it_panic(line in r#"\{?("[a-z]{0,5}"|[{}\[\]:,\\0-9.eE+-]|level|null|\PC){0,40}"#) {
        let record = parse(line.as_bytes());
        let is_json = line.starts_with('{');
        prop_assert!(is_json || record.format == Format::Plain);
    }
}
