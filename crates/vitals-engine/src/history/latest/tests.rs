//! What a watch knows, read back from a small real store.

use vitals_model::config::{ServerSettings, Settings, Storage, TargetSettings};
use vitals_model::incident::{Handling, Ties};
use vitals_model::target::{Address, Origin, TargetId};
use vitals_model::tool::Definition;

use super::*;
use crate::store::{Record, Store};

/// 12:00 UTC of a day in November 2026.
const NOON: Timestamp = Timestamp::from_millis(1_795_348_800_000);

fn ago(seconds: u64) -> Timestamp {
    NOON.minus(Duration::from_secs(seconds))
}

fn target() -> Target {
    let mut settings = TargetSettings::clone(&Settings::default().defaults);
    settings.servers.insert("idle".to_owned(), ServerSettings { expect: Expect::Down, ..ServerSettings::default() });
    Target {
        id: TargetId::new("hub-7001"),
        address: Address::Hub { url: "http://127.0.0.1:7001".to_owned() },
        origin: Origin::Configured,
        settings: Arc::new(settings),
    }
}

fn of(server: &str, question: &str) -> CheckId {
    CheckId::of_server(&Text::new(server), question)
}

fn sample(id: CheckId, at: Timestamp, health: Health) -> Record {
    Record::Sample(target().id, Sample { id, at, health, value: None })
}

fn ghost(opened_at: Timestamp) -> Incident {
    Incident {
        id: 7,
        target: target().id,
        check: of("a/b", "truth"),
        kind: "ghost".to_owned(),
        health: Health::Failing,
        state: IncidentState::Open,
        summary: "hub says connected; it is gone".to_owned(),
        evidence: vec!["exit seen".to_owned()],
        hint: "stop and start it".to_owned(),
        opened_at,
        updated_at: opened_at,
        resolved_at: None,
        flapping: false,
        ties: Ties::default(),
        handling: Handling::default(),
    }
}

/// The state of the target as these records tell it.
fn told(records: Vec<Record>) -> Snapshot {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &Storage { raw: Duration::from_secs(86_400 * 36_500), ..Storage::default() }).unwrap();
    for record in records {
        store.put(record);
    }
    assert_eq!(store.close().lost, 0);
    latest(&Store::read(dir.path()).unwrap(), vec![target()], NOON).unwrap()
}

#[test]
fn incidents_give_their_words_to_what_samples_only_count() {
    let tools: ToolSet = [(Text::new("read"), Definition::known_by(1))].into_iter().collect();
    let snapshot = told(vec![
        sample(CheckId::of_target(Point::HubServers, "process"), ago(5), Health::Healthy),
        sample(CheckId::of_target(Point::HubServers, "api"), ago(5), Health::Healthy),
        sample(of("a/b", "truth"), ago(5), Health::Failing),
        sample(of("a/b", "call"), ago(5), Health::Degraded),
        sample(of("works", "truth"), ago(300), Health::Failing),
        sample(of("works", "truth"), ago(200), Health::Healthy),
        sample(of("works", "truth"), ago(4), Health::Healthy),
        sample(of("idle", "truth"), ago(5), Health::Healthy),
        sample(of("idle", "process"), ago(5), Health::Failing),
        sample(of("works", "turn"), ago(5), Health::Healthy),
        Record::Tools(target().id, Text::new("a/b"), tools.clone()),
        Record::Incident(Box::new(ghost(ago(60)))),
    ]);
    let state = &snapshot.targets[0];
    assert_eq!((snapshot.at, state.health, state.score.points), (ago(4), Health::Failing, Some(70)), "as the watch has it");
    let truth = |name: &str| state.servers.iter().find(|truth| truth.name.as_str() == name).unwrap();
    let dead = truth("a/b");
    assert_eq!((dead.verdict, &dead.claim, dead.since), (Verdict::Ghost, &Some(ClaimStatus::Connected), ago(60)));
    assert_eq!(dead.reason, "hub says connected; it is gone");
    assert_eq!(state.tools[&dead.name].own, tools);
    let well = truth("works");
    assert_eq!((well.verdict, well.claim.is_none(), well.since), (Verdict::Agrees, true, ago(200)));
    assert_eq!(truth("idle").verdict, Verdict::ExpectedDown);
    let reading = |id: CheckId| state.readings.iter().find(|reading| reading.id == id);
    assert_eq!(reading(of("a/b", "call")).unwrap().cause, Some(of("a_b", "truth")));
    assert_eq!(reading(of("idle", "process")).unwrap().standing, Standing::Expected);
    assert!(reading(of("works", "turn")).is_none(), "a series of reports is no check");
    assert_eq!(state.open.iter().map(|incident| incident.id).collect::<Vec<_>>(), [7]);
}

#[test]
fn what_is_old_is_not_known_and_what_is_gone_is_not_told() {
    let snapshot = told(vec![
        sample(of("now", "truth"), ago(1), Health::Healthy),
        sample(of("late", "truth"), ago(120), Health::Healthy),
        sample(of("dead", "truth"), ago(120), Health::Failing),
        sample(of("removed", "truth"), ago(7200), Health::Failing),
    ]);
    let healths: Vec<_> = snapshot.targets[0].servers.iter().map(|truth| (truth.name.as_str(), truth.health)).collect();
    assert_eq!(healths, [("dead", Health::Failing), ("late", Health::Unknown), ("now", Health::Healthy)]);
    assert!(told(vec![sample(of("x", "truth"), ago(7200), Health::Failing)]).targets.is_empty(), "nobody watches it any more");
    assert!(told(Vec::new()).targets.is_empty());
}

#[test]
fn every_kind_of_a_servers_incident_stands_for_a_verdict() {
    for (kind, verdict) in [
        ("hung", Verdict::Hung),
        ("hidden", Verdict::Hidden),
        ("dropped", Verdict::Dropped),
        ("phantom", Verdict::Phantom),
        ("drifted", Verdict::Drifted),
        ("down", Verdict::Agrees),
        ("connecting", Verdict::Agrees),
        ("unauthorized", Verdict::Agrees),
        ("truth", Verdict::Unknown),
    ] {
        assert_eq!(told_by(kind).0, verdict, "{kind}");
    }
    assert_eq!(told_by("unauthorized").1, Some(ClaimStatus::Unauthorized));
}
