//! Snapshots made by hand. They say what a judge would say; nothing here is measured.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vitals_model::check::{CheckId, Point, Probe, Unit};
use vitals_model::claim::{ClaimStatus, HubClaim};
use vitals_model::incident::{Handling, Incident, IncidentState, Ties};
use vitals_model::notice::ReceiverState;
use vitals_model::observation::{Level, Phase};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::remedy::{OutcomeKind, Remedy};
use vitals_model::score::Score;
use vitals_model::snapshot::{Destination, Exported, Overhead, OwnState, Snapshot, TargetState, Waiting};
use vitals_model::tally::{Histogram, Method, Operation, Run, Tally};
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::verdict::{ServerTruth, Verdict};

/// 2026-11-22T14:22:00Z
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_357_320_000);

const MS: Duration = Duration::from_millis(1);

/// What our own process uses.
pub(crate) const OVERHEAD: Overhead = Overhead {
    rss_bytes: 16_777_216,
    cpu: Duration::from_millis(1250),
    fds: Some(42),
    threads: 7,
    export: Some(Exported { sent: 240, failed: 2, retried: 3, dropped: 1 }),
};

/// One hub that lies about one of two servers: every metric has a value.
pub(crate) fn lying() -> Snapshot {
    let servers = vec![server("everything", Verdict::Agrees), server("filesystem", Verdict::Ghost)];
    let mut hub = hub("hub-7001", servers);
    hub.repair.outcomes = BTreeMap::from([((Remedy::KINDS[0], OutcomeKind::Helped), 2)]);
    hub.repair.under_way = Some("A3 restart the server filesystem: under way".to_owned());
    snapshot(vec![hub])
}

/// As [`lying`], before the server died.
pub(crate) fn healthy() -> Snapshot {
    let mut hub = hub("hub-7001", vec![server("everything", Verdict::Agrees), server("filesystem", Verdict::Agrees)]);
    hub.health = Health::Healthy;
    hub.open.clear();
    snapshot(vec![hub])
}

/// Many hubs with servers that work.
pub(crate) fn fleet(targets: usize, servers: usize) -> Snapshot {
    let servers: Vec<_> = (0..servers).map(|n| server(&format!("server-{n}"), Verdict::Agrees)).collect();
    snapshot((0..targets).map(|n| hub(&format!("hub-{}", 7000 + n), servers.clone())).collect())
}

pub(crate) fn snapshot(targets: Vec<TargetState>) -> Snapshot {
    let mut took = Histogram::default();
    for duration in [MS, 30 * MS, 400_000 * MS] {
        took.add(duration);
    }
    let own = OwnState {
        probes: 4212,
        took: BTreeMap::from([(Probe::Api, took)]),
        waiting: Waiting { events: 1, records: 20 },
        destinations: vec![Destination {
            name: "search".to_owned(),
            kind: "elasticsearch",
            waiting: 7,
            waiting_bytes: 4096,
            sent: 9000,
            refused: 2,
            dropped: 1,
            failures: 3,
            trouble: Some(Text::new("connection refused")),
        }],
        receivers: BTreeMap::from([("chat".to_owned(), ReceiverState { delivered: 7, waiting: 2, ..ReceiverState::default() })]),
        ..OwnState::default()
    };
    Snapshot { at: NOW, began_at: NOW.minus(7500 * 1000 * MS), targets: targets.into_iter().map(Arc::new).collect(), own }
}

pub(crate) fn server(name: &str, verdict: Verdict) -> ServerTruth {
    ServerTruth {
        name: Text::new(name),
        claim: Some(ClaimStatus::Connected),
        verdict,
        health: if verdict == Verdict::Agrees { Health::Healthy } else { Health::Failing },
        reason: String::new(),
        tools: Some(14),
        call_ms: Some(8.1),
        since: NOW.minus(60_000 * MS),
    }
}

pub(crate) fn hub(id: &str, servers: Vec<ServerTruth>) -> TargetState {
    let id = TargetId::new(id);
    let address = Address::Hub { url: "http://127.0.0.1:7001".to_owned() };
    TargetState {
        health: Health::Failing,
        score: Score { points: Some(70), deductions: Vec::new() },
        readings: readings(&servers),
        open: vec![incident(&id)],
        tally: Arc::new(tally(&servers)),
        servers,
        claim: Some(HubClaim { version: Some(Text::new("4.2.1")), ..HubClaim::default() }),
        rss_bytes: Some(90_300_000),
        ..TargetState::unmeasured(Target { id: id.clone(), address, origin: Origin::Configured, settings: Arc::default() })
    }
}

fn readings(servers: &[ServerTruth]) -> Vec<Reading> {
    let mut readings: Vec<_> = [
        (Point::HubServers, "process", 7200.0),
        (Point::HubServers, "cpu", 1.5),
        (Point::HubServers, "fds", 30.0),
        (Point::HubServers, "threads", 11.0),
        (Point::HubServers, "children", 2.0),
        (Point::HubServers, "orphans", 0.0),
        (Point::HubServers, "restarts", 1.0),
        (Point::HubServers, "api", 8.25),
        (Point::HubServers, "tokens", 6100.0),
        (Point::HubLlm, "key", 0.0),
        (Point::HubLlm, "latency", 210.0),
        (Point::HubLlm, "fallback", 0.0),
        (Point::FilteringSessions, "tools", 28.0),
        (Point::MetaToolClients, "clients", 1.0),
        (Point::Logging, "size", 24_100.0),
    ]
    .into_iter()
    .map(|(point, question, value)| reading(CheckId::of_target(point, question), point, value))
    .collect();
    for server in servers {
        for (question, value) in [("tokens", 3050.0), ("flaps", 2.0)] {
            readings.push(reading(CheckId::of_server(&server.name, question), Point::HubServers, value));
        }
    }
    readings
}

fn reading(id: CheckId, point: Point, value: f64) -> Reading {
    Reading {
        id,
        point,
        health: Health::Healthy,
        standing: Standing::Judged,
        value: Some(value),
        unit: Unit::Count,
        threshold: None,
        summary: String::new(),
        evidence: Vec::new(),
        hint: String::new(),
        cause: None,
        at: NOW,
        took: MS,
        since: NOW,
    }
}

fn incident(target: &TargetId) -> Incident {
    Incident {
        id: 7,
        target: target.clone(),
        check: CheckId::from_stored("hub-servers/filesystem/truth"),
        kind: "ghost".to_owned(),
        health: Health::Failing,
        state: IncidentState::Open,
        summary: String::new(),
        evidence: Vec::new(),
        hint: String::new(),
        opened_at: NOW,
        updated_at: NOW,
        resolved_at: None,
        flapping: false,
        ties: Ties::default(),
        handling: Handling::default(),
    }
}

fn tally(servers: &[ServerTruth]) -> Tally {
    let operation =
        |method| Operation { method, server: None, tool: None, error: None, transport: "tcp", protocol: Text::new("2025-11-25") };
    let mut operations = vec![(operation(Method::Initialize), 4 * MS), (operation(Method::ListTools), 12 * MS)];
    for server in servers {
        let error = (server.verdict == Verdict::Ghost).then(|| Text::new("tool_error"));
        let call = Operation {
            server: Some(server.name.clone()),
            tool: Some(Text::new("list_allowed_directories")),
            error,
            ..operation(Method::CallTool)
        };
        operations.push((call, 8 * MS));
    }
    let mut tally = Tally { incidents: BTreeMap::from([((Point::HubServers, Health::Failing), 1)]), ..Tally::default() };
    tally.file_records.add(Level::Error, 3);
    tally.stream_records.add(Level::Info, 40);
    for (operation, took) in &operations {
        tally.operations.entry(operation.clone()).or_default().add(*took);
    }
    let run = |took, error, phases: &[_], operations| Run { at: NOW, took, error, phases: phases.to_vec(), operations };
    let api = [(Phase::Connect, MS), (Phase::Request, 6 * MS), (Phase::Body, MS)];
    let session = [(Phase::Initialize, 4 * MS), (Phase::Initialize, 3 * MS), (Phase::List, 12 * MS), (Phase::Call, 8 * MS)];
    tally.runs = BTreeMap::from([
        (Probe::Api, run(10 * MS, None, &api, Vec::new())),
        (Probe::Session, run(30 * MS, None, &session, operations)),
        (Probe::Llm, run(210 * MS, Some(Text::new("503")), &[], Vec::new())),
    ]);
    tally.probes = BTreeMap::from([(Probe::Api, (720, 1)), (Probe::Session, (120, 0)), (Probe::Llm, (0, 24))]);
    tally
}
