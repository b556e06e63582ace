//! The six detectors by exact counts: what lies just within a bound, and what lies just beyond it.

use std::time::Duration;

use vitals_judge::detect::{self, Evidence};
use vitals_model::claim::ClaimStatus;
use vitals_model::config::Thresholds;
use vitals_model::finding::{FindingKind, Outcome};
use vitals_model::observation::{ErrorKind, Level, LevelCounts, LogFile, LogSeen, LogStretch, ServerTurn, Turn};
use vitals_model::reading::Health;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::verdict::{ServerTruth, Verdict};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

const QUIET: Outcome = Outcome::Quiet;
const WARNING: Outcome = Outcome::Found(Health::Degraded);
const CRITICAL: Outcome = Outcome::Found(Health::Failing);

fn now() -> Timestamp {
    // Half a minute past a full one, so that whole minutes are not met by chance.
    Timestamp::from_millis(1_795_357_350_000).floor_to(Duration::from_secs(60)).plus(Duration::from_secs(30))
}

fn day() -> Evidence {
    Evidence { at: now(), window: DAY, ..Evidence::default() }
}

fn ago(seconds: u64) -> Timestamp {
    now().minus(Duration::from_secs(seconds))
}

/// Errors at so many minutes before now.
fn errors(minutes: &[(u64, u64)]) -> Evidence {
    let mut errors: Vec<_> =
        minutes.iter().map(|(ago_min, n)| (ago(ago_min * 60).floor_to(Duration::from_secs(60)), *n)).collect();
    errors.sort_unstable();
    Evidence { errors: Some(errors), ..day() }
}

fn said(evidence: &Evidence, kind: FindingKind) -> (Outcome, String) {
    let findings = detect::all(evidence, &Thresholds::default());
    let finding = findings.into_iter().find(|f| f.kind == kind);
    finding.map_or((Outcome::NotYet, "no such detector".to_owned()), |f| (f.outcome, f.reason))
}

#[test]
fn eleven_errors_in_ten_minutes_are_a_spike_and_eleven_over_a_day_are_none() {
    let spike = |minutes: &[(u64, u64)]| said(&errors(minutes), FindingKind::ErrorSpike);
    assert_eq!(spike(&[(300, 11)]).0, CRITICAL);
    assert_eq!(spike(&[(309, 3), (305, 4), (300, 4)]).0, CRITICAL, "spread over the window");
    assert_eq!(spike(&[(310, 3), (305, 4), (300, 4)]).0, WARNING, "8 and 7 in ten minutes, never 11");
    assert_eq!(spike(&[(300, 10)]).0, WARNING);
    assert_eq!(spike(&[(300, 6)]).0, WARNING);
    assert_eq!(spike(&[(300, 5)]).0, QUIET);
    let spread: Vec<_> = (0..11).map(|n| (n * 120, 1)).collect();
    let (outcome, reason) = spike(&spread);
    assert_eq!(outcome, QUIET);
    assert!(reason.starts_with("1 error within 10m 00s"), "{reason}");
    assert_eq!(spike(&[(25 * 60, 50)]).0, QUIET, "before the window");
    assert_eq!(spike(&[]), (QUIET, "no error in the last 24h 00m".to_owned()));
    assert_eq!(said(&day(), FindingKind::ErrorSpike).0, Outcome::NotYet, "no source of levels");
}

fn turns(lost: usize, connected: usize, at: Option<Timestamp>) -> Vec<ServerTurn> {
    let turn = |turn| ServerTurn { at, server: Text::new("fs"), turn };
    let all = std::iter::repeat_n(turn(Turn::Lost), lost).chain(std::iter::repeat_n(turn(Turn::Connected), connected));
    all.collect()
}

#[test]
fn flapping_is_lost_and_connected_more_than_three_times_within_an_hour() {
    let flapping = |turns| said(&Evidence { turns, ..day() }, FindingKind::Flapping);
    assert_eq!(flapping(turns(4, 4, Some(ago(60)))).0, WARNING);
    assert_eq!(flapping(turns(3, 9, Some(ago(60)))).0, QUIET, "lost three times only");
    assert_eq!(flapping(turns(9, 3, Some(ago(60)))).0, QUIET, "connected three times only");
    assert_eq!(flapping(turns(4, 4, Some(ago(3601)))).0, QUIET, "more than an hour ago");
    let (outcome, reason) = flapping([turns(2, 2, Some(ago(3599))), turns(2, 2, Some(ago(1)))].concat());
    assert_eq!(outcome, WARNING);
    assert_eq!(reason, "fs was lost 4 times and connected 4 times in 1h 00m, expected at most 3");
    let mut two = turns(2, 2, Some(ago(9)));
    for turn in &mut two {
        turn.server = Text::new("web");
    }
    assert_eq!(flapping([two, turns(2, 2, Some(ago(9)))].concat()).0, QUIET, "two servers, each twice");
}

#[test]
fn turns_without_a_time_count_when_the_hub_is_younger_than_the_window() {
    let flapping = |untimed_over| {
        let evidence = Evidence { turns: turns(4, 4, None), untimed_over, ..day() };
        said(&evidence, FindingKind::Flapping).0
    };
    assert_eq!(flapping(Some(HOUR)), WARNING);
    assert_eq!(flapping(Some(HOUR + Duration::from_secs(1))), Outcome::NotYet);
    assert_eq!(flapping(None), Outcome::NotYet);
}

#[test]
fn resources_are_judged_by_their_mean_and_tell_their_peak() {
    let resources = |cpu: &[f64], memory: &[f64]| {
        said(&Evidence { cpu: cpu.to_vec(), memory: memory.to_vec(), ..day() }, FindingKind::Resources)
    };
    let (outcome, reason) = resources(&[0.0, 0.0, 15.0], &[1.0]);
    assert_eq!(outcome, QUIET, "one busy moment");
    assert!(reason.starts_with("CPU 5.0 % on average, 15.0 % at most"), "{reason}");
    assert_eq!(resources(&[5.1; 3], &[1.0]).0, WARNING);
    assert_eq!(resources(&[10.1; 3], &[1.0]).0, CRITICAL);
    let (outcome, reason) = resources(&[40.0], &[1.0]);
    assert_eq!(outcome, QUIET, "one look is no average");
    assert!(reason.starts_with("CPU 40.0 % in 1 look, too few for an average"), "{reason}");
    assert_eq!(resources(&[95.0], &[1.0]).0, CRITICAL, "a hub that spins shows in one look");
    assert_eq!(resources(&[1.0], &[10.1]).0, CRITICAL);
    assert_eq!(resources(&[], &[6.0]).0, WARNING);
    assert_eq!(resources(&[], &[]).0, Outcome::NotYet);
}

#[test]
fn clients_are_counted_at_their_most() {
    let clients = |clients: &[f64]| said(&Evidence { clients: clients.to_vec(), ..day() }, FindingKind::Clients).0;
    assert_eq!([clients(&[]), clients(&[5.0, 0.0])], [Outcome::NotYet, QUIET]);
    assert_eq!([clients(&[6.0, 0.0]), clients(&[0.0, 11.0])], [WARNING, CRITICAL]);
}

fn truth(name: &str, verdict: Verdict, health: Health) -> ServerTruth {
    ServerTruth {
        name: Text::new(name),
        claim: Some(ClaimStatus::Connected),
        verdict,
        health,
        reason: "as it is".to_owned(),
        tools: None,
        call_ms: None,
        since: now(),
    }
}

#[test]
fn servers_are_found_by_what_is_true_of_them() {
    let servers = |truths: &[ServerTruth]| said(&Evidence { truths: truths.to_vec(), ..day() }, FindingKind::Servers);
    let well = truth("a", Verdict::Agrees, Health::Healthy);
    let expected = truth("b", Verdict::ExpectedDown, Health::Healthy);
    let ghost = truth("c", Verdict::Ghost, Health::Failing);
    let drifted = truth("d", Verdict::Drifted, Health::Degraded);
    let untold = truth("e", Verdict::Unknown, Health::Unknown);
    assert_eq!(servers(&[]).0, Outcome::NotYet);
    assert_eq!(servers(&[well.clone(), expected]).0, QUIET);
    assert_eq!(servers(&[well.clone(), untold.clone()]).0, Outcome::NotYet);
    assert_eq!(servers(&[well.clone(), drifted.clone(), untold]).0, WARNING);
    let said = "d drifted: as it is; c ghost: as it is".to_owned();
    assert_eq!(servers(&[well, drifted, ghost]), (CRITICAL, said));
}

#[test]
fn growth_and_size_are_one_finding_and_the_worse_counts() {
    let log = |growth: Option<f64>, log_bytes| {
        said(&Evidence { growth: growth.map(|rate| (rate, HOUR)), log_bytes, ..day() }, FindingKind::LogGrowth).0
    };
    assert_eq!(log(None, None), Outcome::NotYet);
    assert_eq!(log(Some(50e6), Some(50_000_000)), QUIET);
    assert_eq!(log(Some(51e6), Some(1)), WARNING);
    assert_eq!(log(Some(1.0), Some(100_000_001)), CRITICAL);
    assert_eq!(log(Some(101e6), None), CRITICAL);
}

#[test]
fn a_longer_look_back_replaces_what_the_short_one_knew() {
    let mut counts = LevelCounts::default();
    counts.add(Level::Error, 7);
    let future = now().plus(DAY);
    let stretch = LogStretch {
        pino: 8,
        minutes: vec![(ago(7200).floor_to(Duration::from_secs(60)), counts), (future, counts)],
        errors: vec![ErrorKind { code: Text::new("E1"), example: Text::new("it broke"), count: 14, first: None }],
        turns: turns(4, 4, Some(ago(30))),
        ..LogStretch::default()
    };
    let file = LogFile {
        path: "hub.log".into(),
        size: 1,
        modified: None,
        disk_free: 1,
        disk_total: 1,
        rotations: 0,
        truncations: 0,
        shared: false,
    };
    let mut evidence = Evidence { errors: Some(vec![(ago(60), 99)]), ..day() };
    evidence.take_log(&LogSeen { file: Ok(file.clone()), stretch });
    let (outcome, reason) = said(&evidence, FindingKind::ErrorSpike);
    assert_eq!(outcome, WARNING, "a record from the future counts as written now: {reason}");
    assert!(reason.contains("7 errors") && reason.contains("(E1 ×14)"), "{reason}");
    assert_eq!(said(&evidence, FindingKind::Flapping).0, WARNING);
    // A file without levels adds nothing.
    let before = evidence.clone();
    evidence.take_log(&LogSeen { file: Ok(file), stretch: LogStretch { plain: 900, ..LogStretch::default() } });
    assert_eq!(evidence.errors, before.errors);
    assert_eq!(evidence.turns, before.turns);
}
