//! Looks back at real files.

use std::fmt::Write;
use std::fs;

use vitals_model::observation::{FailureKind, Level};

use super::*;

fn record(ms: i64) -> String {
    format!("{{\"level\":\"info\",\"time\":\"{}\",\"pid\":1,\"msg\":\"m\"}}\n", Timestamp::from_millis(ms))
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let missing = recent(&folder.path().join("none.log"), None, Writers::OurHub);
    let failure = missing.file.unwrap_err();
    assert_eq!((failure.kind, failure.phase), (FailureKind::Missing, Phase::Connect));
    assert!(failure.evidence.as_str().contains("none.log"), "{}", failure.evidence);
    assert_eq!(recent(folder.path(), None, Writers::OurHub).file.unwrap_err().kind, FailureKind::Os, "a folder is no log");
}

#[test]
fn the_file_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.log");
    fs::write(&path, "one\ntwo\nthr").unwrap();
    let seen = recent(&path, None, Writers::Several { ours: Some(1) });
    let file = seen.file.unwrap();
    assert_eq!((file.size, &file.path, file.shared), (11, &path, true));
    assert!(file.disk_free > 0 && file.disk_free <= file.disk_total);
    assert!(file.modified.is_some_and(|at| crate::clock::now().since(at).as_secs() < 3600));
    assert_eq!(seen.stretch.plain, 2, "the third line is still being written");
    assert_eq!(seen.stretch.over, None);
}

#[test]
fn it_reads_no_further_back_than_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.log");
    let mut log = String::new();
    let count = 60_000;
    for second in 0..count {
        log.push_str(&record(second * 1000));
        if second % 10 == 0 {
            writeln!(log, "plain line without a time").unwrap();
        }
    }
    assert!(log.len() as u64 > 3 * STRIDE_BYTES, "several strides");
    fs::write(&path, &log).unwrap();
    let size = log.len() as u64;
    for (since, records) in [(0, count), (20_000, count - 20_000), (count - 1, 1), (count, 0)] {
        let seen = recent(&path, Some(Timestamp::from_millis(since * 1000)), Writers::OurHub);
        assert_eq!(seen.stretch.pino, records.unsigned_abs(), "since {since} s");
        assert_eq!(seen.stretch.plain, (since..count).filter(|n| n % 10 == 0).count() as u64, "since {since} s");
        assert_eq!(seen.stretch.minutes.iter().map(|(_, levels)| levels.of(Level::Info)).sum::<u64>(), records.unsigned_abs());
        let needed = size * records.unsigned_abs() / count.unsigned_abs();
        assert!(seen.stretch.bytes <= needed + 2 * STRIDE_BYTES, "{} bytes read since {since} s", seen.stretch.bytes);
        assert_eq!(seen.stretch.broken, 0);
    }
}

#[test]
fn a_long_file_without_any_times_is_read_from_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.log");
    fs::write(&path, "plain\n".repeat(2_000_000)).unwrap();
    let seen = recent(&path, Some(crate::clock::now()), Writers::OurHub);
    assert!(
        seen.stretch.bytes >= UNTIMED_BYTES_MAX && seen.stretch.bytes <= UNTIMED_BYTES_MAX + STRIDE_BYTES,
        "{}",
        seen.stretch.bytes
    );
    assert_eq!(recent(&path, None, Writers::OurHub).stretch.plain, 2_000_000);
}

#[test]
fn without_any_times_all_lines_count() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.log");
    fs::write(&path, "plain\n".repeat(400_000)).unwrap();
    let seen = recent(&path, Some(crate::clock::now()), Writers::OurHub);
    assert_eq!(seen.stretch.plain, 400_000);
}
