//! The lookout by the sentences that people read.

use vitals_model::check::Point;
use vitals_model::text::Text;
use vitals_model::verdict::ServerTruth;

use super::*;

const GB: u64 = 1_000_000_000;
const LIGHT: Duration = Duration::from_secs(10);

fn start() -> Timestamp {
    Timestamp::from_millis(1_795_348_800_000)
}

fn after(minutes: u32) -> Timestamp {
    start().plus(Duration::from_secs(60) * minutes)
}

fn room() -> Room {
    Room { memory: Some(8 * GB), fds: Some(1024), disk: Some(40 * GB), ..Room::default() }
}

fn sample(id: &str, at: Timestamp, value: f64) -> Sample {
    Sample { id: CheckId::from_stored(id), at, health: Health::Healthy, value: Some(value) }
}

fn said(lookout: &Lookout, kind: FindingKind, evidence: &Evidence) -> (Outcome, String) {
    let findings = lookout.findings(evidence, &Thresholds::default());
    assert_eq!(findings.iter().map(|f| f.kind).collect::<Vec<_>>(), FindingKind::OF_HISTORY);
    let found = findings.iter().find(|f| f.kind == kind).unwrap();
    assert_eq!(found.outcome == WARNING, !found.hint.is_empty());
    assert!(matches!(found.outcome, Outcome::Quiet | Outcome::NotYet | WARNING), "never worse than a warning");
    (found.outcome, found.reason.clone())
}

fn at(at: Timestamp) -> Evidence {
    Evidence { at, window: Duration::from_secs(3600), room: room(), ..Evidence::default() }
}

/// A hub that has run for two hours and takes a megabyte more a minute, and its log, at so many looks.
fn leaking(looks: u32) -> Lookout {
    let mut lookout = Lookout::new(room());
    for look in 0..looks {
        let now = start().plus(LIGHT * look);
        let seconds = f64::from(look * 10);
        lookout.take(&sample("hub-servers/process", now, 7200.0 + seconds));
        let bytes = 300e6 + 1e6 * seconds / 60.0;
        lookout.take(&sample("hub-servers/memory", now, bytes * 100.0 / (8 * GB) as f64));
        lookout.take(&sample("logging/size", now, 1e6 + 1e6 * seconds));
    }
    lookout
}

#[test]
fn a_leak_of_memory_is_told_with_the_time_that_is_left() {
    let (outcome, reason) = said(&leaking(6 * 75), FindingKind::Leak, &at(after(75)));
    assert_eq!(outcome, WARNING);
    assert!(reason.starts_with("memory: 60.0 MB more an hour over the last 1h 00m, 36"), "{reason}");
    assert!(reason.contains("; the critical threshold (800.0 MB) in 7h 1"), "{reason}");
    assert!(reason.contains("; the machine's memory (8.0 GB) in 5d 0"), "{reason}");
    // The log grows by 3.6 GB an hour, and its disk is full in half a day.
    assert!(
        reason.contains(". the log: 3.6 GB more an hour") && reason.contains("; the end of its disk (43.9 GB) in 11h"),
        "{reason}"
    );
}

#[test]
fn a_leak_ends_at_the_limit_of_the_cgroup_where_that_is_the_smaller_one() {
    let mut lookout = leaking(6 * 75);
    lookout.set_room(Room { memory_max: Some(GB / 2), ..room() });
    let (_, reason) = said(&lookout, FindingKind::Leak, &at(after(75)));
    // 500 MB are 135 MB away, at 60 MB an hour; the threshold of the machine lies behind.
    assert!(reason.contains("; the limit of its cgroup (500.0 MB) in 2h 1"), "{reason}");
    assert!(!reason.contains("the machine's memory"), "{reason}");
    lookout.set_room(Room { memory_max: Some(64 * GB), ..room() });
    let (_, reason) = said(&lookout, FindingKind::Leak, &at(after(75)));
    assert!(reason.contains("the machine's memory (8.0 GB)") && !reason.contains("cgroup"), "{reason}");
}

#[test]
fn a_log_that_grows_is_no_leak_while_its_disk_has_room() {
    let mut lookout = leaking(6 * 75);
    lookout.set_room(Room { disk: Some(400 * GB), ..room() });
    let (_, reason) = said(&lookout, FindingKind::Leak, &at(after(75)));
    assert!(!reason.contains("the log"), "{reason}");
    lookout.set_room(Room { disk: None, ..room() });
    let (_, reason) = said(&lookout, FindingKind::Leak, &at(after(75)));
    assert!(!reason.contains("the log"), "an end that is not known is not foretold: {reason}");
}

#[test]
fn an_hour_looked_at_in_a_moment_has_no_finding() {
    // The proof watches an hour's worth of looks in ninety seconds.
    let mut lookout = Lookout::new(room());
    for look in 0..360_u32 {
        let now = start().plus(LIGHT * look / 40);
        let seconds = now.since(start()).as_secs_f64();
        lookout.take(&sample("hub-servers/process", now, 5.0 + seconds));
        lookout.take(&sample("hub-servers/memory", now, 0.5 + seconds * 0.01));
        lookout.take(&sample("hub-servers/api", now, 3.0 + f64::from(look / 200) * 90.0));
        lookout.take(&sample("hub-servers/fs/call", now, 5.0));
    }
    for finding in lookout.findings(&at(after(2)), &Thresholds::default()) {
        assert!(matches!(finding.outcome, Outcome::Quiet | Outcome::NotYet), "{finding:?}");
    }
}

/// A hub that logs every minute for 30 hours and is then silent for half an hour.
fn silent() -> (Lookout, Timestamp) {
    let mut lookout = Lookout::new(room());
    for minute in 0..30 * 60 + 30 {
        let lines = f64::from(minute.min(30 * 60));
        lookout.take(&sample("logging/size", after(minute), 1e6 + 100.0 * lines));
    }
    (lookout, after(30 * 60 + 30))
}

#[test]
fn silence_is_a_finding_only_where_no_check_says_it() {
    let (lookout, now) = silent();
    let silent = |bad: Option<&str>| {
        let bad = bad.into_iter().map(CheckId::from_stored).collect();
        said(&lookout, FindingKind::Silence, &Evidence { bad, ..at(now) })
    };
    let text = "nothing logged for 30m 00s, never longer than 1m 00s in the day before";
    assert_eq!(silent(None), (WARNING, text.to_owned()));
    assert_eq!(silent(Some("hub-servers/cpu")).0, WARNING);
    let text = "the log is silent, and logging/silence says why";
    assert_eq!(silent(Some("logging/silence")), (Outcome::Quiet, text.to_owned()));
    assert_eq!(silent(Some("hub-servers/process")).0, Outcome::Quiet);
}

#[test]
fn a_server_that_is_expected_to_be_down_has_no_error_rate() {
    let mut lookout = Lookout::default();
    for minute in 0..120 {
        let id = CheckId::of_server(&Text::new("a/b"), "call");
        lookout.take(&Sample { id, at: after(minute), health: Health::Failing, value: None });
    }
    let (outcome, reason) = said(&lookout, FindingKind::ErrorRate, &at(after(120)));
    assert_eq!((outcome, reason.starts_with("a_b: 60 of 60 calls failed within an hour")), (WARNING, true), "{reason}");
    let called = vec![(Text::new("other"), Text::new("x")), (Text::new("a/b"), Text::new("read_file"))];
    let (_, reason) = said(&lookout, FindingKind::ErrorRate, &Evidence { called, ..at(after(120)) });
    assert!(reason.starts_with("a_b/read_file: 60 of 60 calls failed"), "{reason}");
    let truth = ServerTruth {
        name: Text::new("a/b"),
        claim: None,
        verdict: Verdict::ExpectedDown,
        health: Health::Healthy,
        reason: String::new(),
        tools: None,
        call_ms: None,
        since: start(),
    };
    let expected = Evidence { truths: vec![truth], ..at(after(120)) };
    assert_eq!(said(&lookout, FindingKind::ErrorRate, &expected).0, Outcome::NotYet);
    let later = at(after(240));
    assert_eq!(said(&lookout, FindingKind::ErrorRate, &later).0, Outcome::NotYet, "it is not called any more");
}

#[test]
fn what_was_not_measured_says_nothing() {
    let id = CheckId::of_target(Point::HubServers, "api");
    let mut lookout = Lookout::default();
    for minute in 0..100 {
        lookout.take(&Sample { id: id.clone(), at: after(minute), health: Health::Unknown, value: Some(5.0) });
    }
    for finding in lookout.findings(&at(after(100)), &Thresholds::default()) {
        assert_eq!(finding.outcome, Outcome::NotYet, "{finding:?}");
    }
}

#[test]
fn a_hub_that_names_other_servers_each_time_fills_no_memory() {
    let mut lookout = Lookout::default();
    for n in 0..3 * u32::try_from(CHECKS_MAX).unwrap() {
        lookout.take(&sample(&format!("hub-servers/s{n}/call"), start().plus(LIGHT * n), 5.0));
    }
    assert_eq!(lookout.series.len(), CHECKS_MAX);
    let first = CheckId::from_stored("hub-servers/s0/call");
    assert!(!lookout.series.contains_key(&first), "the oldest go first");
}
