//! The records as other scripts read them, and a full disk.

use std::sync::Arc;

use vitals_model::check::Unit;
use vitals_model::claim::{ClaimStatus, HubClaim};
use vitals_model::incident::{Handling, Incident, IncidentState, Ties};
use vitals_model::reading::Standing;
use vitals_model::score::Score;
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::text::Text;
use vitals_model::verdict::{ServerTruth, Verdict};

use super::*;

const AT: Timestamp = Timestamp::from_millis(1_795_356_120_000);
const EVERY: Duration = Duration::from_secs(300);

fn read_as(point: Point, question: &str, health: Health, value: f64) -> Reading {
    Reading {
        id: CheckId::of_target(point, question),
        point,
        health,
        standing: Standing::Judged,
        value: Some(value),
        unit: Unit::Count,
        threshold: None,
        summary: String::new(),
        evidence: Vec::new(),
        hint: String::new(),
        cause: None,
        at: AT,
        took: Duration::ZERO,
        since: AT,
    }
}

fn hub(name: &str, health: Health, readings: Vec<Reading>) -> TargetState {
    let truth = ServerTruth {
        name: Text::new("fs"),
        claim: Some(ClaimStatus::Connected),
        verdict: Verdict::Ghost,
        health: Health::Failing,
        reason: String::new(),
        tools: None,
        call_ms: None,
        since: AT,
    };
    let (id, address) = (TargetId::new(name), Address::Hub { url: "http://127.0.0.1:7001".to_owned() });
    TargetState {
        health,
        score: Score { points: None, deductions: Vec::new() },
        servers: vec![truth],
        readings,
        trends: std::collections::BTreeMap::new(),
        tools: std::collections::BTreeMap::new(),
        claim: Some(HubClaim { raw: Some(r#"{"status":"ok"}"#.into()), ..HubClaim::default() }),
        ..TargetState::unmeasured(Target { id, address, origin: Origin::Configured, settings: Arc::default() })
    }
}

fn critical(id: u64) -> Incident {
    Incident {
        id,
        target: TargetId::new("a"),
        check: CheckId::from_stored("hub-servers/fs/truth"),
        kind: "ghost".to_owned(),
        health: Health::Failing,
        state: IncidentState::Open,
        summary: "dead".to_owned(),
        evidence: Vec::new(),
        hint: String::new(),
        opened_at: AT,
        updated_at: AT,
        resolved_at: None,
        flapping: false,
        ties: Ties::default(),
        handling: Handling::default(),
    }
}

fn snapshot(targets: Vec<TargetState>) -> Snapshot {
    Snapshot { at: AT, targets: targets.into_iter().map(Arc::new).collect(), ..Snapshot::default() }
}

/// A writer in a folder of its own, and what it wrote so far, by type and target.
fn classic() -> (tempfile::TempDir, Classic) {
    let dir = tempfile::tempdir().unwrap();
    let classic = Classic::create(dir.path(), AT, EVERY).unwrap();
    (dir, classic)
}

fn lines(classic: &Classic) -> Vec<String> {
    std::fs::read_to_string(&classic.path).unwrap().lines().map(str::to_owned).collect()
}

fn kinds(classic: &Classic) -> Vec<String> {
    let kind = |line: &String| {
        let record: Value = serde_json::from_str(line).unwrap();
        format!("{} {}", record["type"].as_str().unwrap(), record["target"].as_str().unwrap())
    };
    lines(classic).iter().map(kind).collect()
}

#[tokio::test(start_paused = true)]
async fn the_records_have_the_original_shape() {
    let (_dir, mut classic) = classic();
    assert!(classic.path.ends_with("health_20261122_140200.jsonl"), "{}", classic.path.display());
    let mut state = hub(
        "a",
        Health::Failing,
        vec![
            read_as(Point::HubServers, "cpu", Health::Degraded, 7.126),
            read_as(Point::HubServers, "memory", Health::Healthy, 1.5),
            read_as(Point::HubServers, "process", Health::Healthy, 3600.0),
            read_as(Point::Logging, "errors", Health::Failing, 12.0),
        ],
    );
    state.open.push(critical(3));
    classic.write_due(&snapshot(vec![state]));
    let head = |kind| format!(r#""target":"a","timestamp":"{AT}","type":"{kind}""#);
    let records: Vec<Value> = lines(&classic).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        format!(r#"{{{},"message":"hub-servers/fs/truth ghost: dead"}}"#, head("critical_error")),
        format!(
            r#"{{{},"cpu":7.13,"mem":1.5,"uptime":3600.0,"servers":[{{"name":"fs","status":"connected","verdict":"ghost"}}]}}"#,
            head("light_check")
        ),
        format!(r#"{{{},"data":{{"status":"ok"}}}}"#, head("full_health")),
        format!(r#"{{{},"count":12.0,"window_s":600}}"#, head("error_alert")),
        format!(r#"{{{},"cpu":7.13,"mem":1.5}}"#, head("resource_alert")),
    ];
    assert_eq!(records, expected.map(|text| serde_json::from_str::<Value>(&text).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn every_sixth_light_check_is_a_full_one_for_every_target_that_was_measured() {
    let (_dir, mut classic) = classic();
    let unmeasured = || TargetState { claim: None, ..hub("c", Health::Unknown, Vec::new()) };
    classic.write_due(&snapshot(vec![unmeasured()]));
    assert_eq!(lines(&classic), [""; 0], "nothing was measured yet");
    for _ in 0..7 {
        let state = || snapshot(vec![hub("a", Health::Healthy, Vec::new()), hub("b", Health::Healthy, Vec::new()), unmeasured()]);
        classic.write_due(&state());
        classic.write_due(&state());
        tokio::time::advance(EVERY).await;
    }
    let written = kinds(&classic);
    let of = |kind: &str| written.iter().filter(|k| *k == kind).count();
    assert_eq!([of("light_check a"), of("light_check b"), of("full_health a"), of("full_health b")], [7, 7, 2, 2]);
    assert_eq!(written.len(), 18, "{written:?}");
    assert_eq!(written[..4], ["light_check a", "full_health a", "light_check b", "full_health b"]);
}

#[tokio::test(start_paused = true)]
async fn a_critical_incident_is_written_at_once_and_once() {
    let (_dir, mut classic) = classic();
    classic.write_due(&snapshot(vec![hub("a", Health::Failing, Vec::new())]));
    let before = lines(&classic).len();
    let with = |ids: &[u64]| {
        let open = ids.iter().map(|id| critical(*id)).collect();
        snapshot(vec![TargetState { open, ..hub("a", Health::Failing, Vec::new()) }])
    };
    for ids in [&[1][..], &[1], &[1, 2], &[2], &[]] {
        classic.write_due(&with(ids));
    }
    assert_eq!(kinds(&classic)[before..], ["critical_error a", "critical_error a"]);
    assert!(classic.told.is_empty(), "what is over is not remembered");
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_told_counted_and_got_over() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (dir, mut classic) = classic();
    let good = std::mem::replace(&mut classic.file, full);
    let state = || snapshot(vec![hub("a", Health::Healthy, Vec::new())]);
    classic.write_due(&state());
    let (error, lost) = classic.health();
    assert!(error.is_some_and(|e| e.starts_with("cannot write") && e.contains("No space left")), "says which and why");
    assert_eq!(lost, 2, "light_check and full_health");
    (&good).write_all(b"{\"torn").unwrap();
    classic.file = good;
    tokio::time::advance(EVERY).await;
    classic.write_due(&state());
    assert_eq!(classic.health(), (None, 2));
    let written = lines(&classic);
    assert_eq!(written[0], "{\"torn");
    assert!(serde_json::from_str::<Value>(&written[1]).is_ok(), "{written:?}");
    drop(dir);
}
