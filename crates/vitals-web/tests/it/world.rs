//! Hubs made by hand, and a source that tells of them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::claim::ClaimStatus;
use vitals_model::history::Span;
use vitals_model::incident::{Handling, Incident, IncidentState, Ties};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::score::Score;
use vitals_model::snapshot::{ServerTools, Snapshot, TargetState};
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::ToolSet;
use vitals_model::verdict::{ServerTruth, Verdict};
use vitals_web::source::{Daily, DailyTarget, Facts, Known, Looker, Trouble};

/// 2026-11-22T14:22:00Z
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_357_320_000);

/// A look of this age is too old.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(60);

pub(crate) fn set(tools: &[&str]) -> ToolSet {
    tools.iter().map(|name| (Text::new(name), 1)).collect()
}

/// One server that has and shows these tools.
pub(crate) struct Server {
    pub truth: ServerTruth,
    pub tools: ServerTools,
}

pub(crate) fn server(name: &str, verdict: Verdict, health: Health, tools: &[&str]) -> Server {
    Server {
        truth: ServerTruth {
            name: Text::new(name),
            claim: Some(ClaimStatus::Connected),
            verdict,
            health,
            reason: format!("{name} in its own words"),
            tools: Some(tools.len() as u64),
            call_ms: None,
            since: NOW.minus(Duration::from_secs(300)),
        },
        tools: ServerTools { own: set(tools), listed: Some(set(tools)) },
    }
}

pub(crate) fn works(name: &str, tools: &[&str]) -> Server {
    server(name, Verdict::Agrees, Health::Healthy, tools)
}

pub(crate) fn reading(id: CheckId, health: Health, summary: &str) -> Reading {
    Reading {
        point: Point::ALL.into_iter().find(|point| id.as_str().starts_with(point.as_str())).unwrap(),
        id,
        health,
        standing: Standing::Judged,
        value: None,
        unit: Unit::Count,
        threshold: None,
        summary: summary.to_owned(),
        evidence: vec!["seen with our own eyes".to_owned()],
        hint: "mend it".to_owned(),
        cause: None,
        at: NOW,
        took: Duration::ZERO,
        since: NOW.minus(Duration::from_secs(300)),
    }
}

pub(crate) fn incident(id: u64, target: &str, check: CheckId) -> Incident {
    Incident {
        id,
        target: TargetId::new(target),
        check,
        kind: "ghost".to_owned(),
        health: Health::Failing,
        state: IncidentState::Open,
        summary: format!("incident {id} in words"),
        evidence: vec!["exit seen".to_owned()],
        hint: "stop and start it".to_owned(),
        opened_at: NOW.minus(Duration::from_secs(300)),
        updated_at: NOW,
        resolved_at: None,
        flapping: false,
        ties: Ties::default(),
        handling: Handling::default(),
    }
}

/// A hub with these servers; its health is the worst of theirs, each with the reading of its truth.
pub(crate) fn hub(id: &str, servers: Vec<Server>) -> TargetState {
    let truth = |server: &Server| {
        let id = CheckId::of_server(&server.truth.name, "truth");
        reading(id, server.truth.health, &server.truth.reason)
    };
    TargetState {
        health: servers.iter().map(|server| server.truth.health).max().unwrap_or(Health::Unknown),
        score: Score { points: Some(75), deductions: Vec::new() },
        readings: servers.iter().map(truth).collect(),
        tools: servers.iter().map(|server| (server.truth.name.clone(), server.tools.clone())).collect(),
        servers: servers.into_iter().map(|server| server.truth).collect(),
        ..TargetState::unmeasured(Target {
            id: TargetId::new(id),
            address: Address::Hub { url: "http://127.0.0.1:7001".to_owned() },
            origin: Origin::Configured,
            settings: Arc::default(),
        })
    }
}

/// What is told to who asks.
#[derive(Clone)]
pub(crate) struct World {
    pub snapshot: Snapshot,
    pub now: Timestamp,
    pub report: Result<Daily, Trouble>,
}

impl World {
    pub(crate) fn of(targets: Vec<TargetState>) -> Self {
        let snapshot = Snapshot { at: NOW, targets: targets.into_iter().map(Arc::new).collect(), ..Snapshot::default() };
        Self { snapshot, now: NOW, report: Err(Trouble::NoHistory) }
    }

    /// A ghost and one that works.
    pub(crate) fn lying() -> Self {
        let ghost = server("filesystem", Verdict::Ghost, Health::Failing, &["read_file", "write_file"]);
        let mut state = hub("hub-7001", vec![works("echo", &["echo", "sum"]), ghost]);
        let truth = CheckId::of_server(&Text::new("filesystem"), "truth");
        let call = CheckId::of_server(&Text::new("filesystem"), "call");
        let follows = Reading { cause: Some(truth.clone()), ..reading(call, Health::Degraded, "read_file: Not connected") };
        state.readings.push(follows);
        state.open = vec![incident(7, "hub-7001", truth)];
        let mut world = Self::of(vec![state]);
        world.report = Ok(daily("# Report\n\nAll of it.\n".to_owned()));
        world
    }

    /// The same, looked at so long ago.
    pub(crate) fn aged(mut self, age: Duration) -> Self {
        self.now = NOW.plus(age);
        self
    }
}

pub(crate) fn daily(markdown: String) -> Daily {
    let span = Span { from: NOW.minus(Duration::from_secs(86_400)), to: NOW };
    let target = DailyTarget {
        id: TargetId::new("hub-7001"),
        health: Health::Degraded,
        score: Score { points: Some(81), deductions: Vec::new() },
        observed: 0.987,
        incidents: 2,
        unmet: vec!["must no-crash: seen 1".to_owned()],
        recommendations: vec!["look at filesystem".to_owned()],
    };
    Daily { span, targets: vec![target], markdown }
}

impl Facts for World {
    fn known(&self) -> BoxFuture<'_, Result<Known, Trouble>> {
        let snapshot = Arc::new(self.snapshot.clone());
        Box::pin(async move { Ok(Known { snapshot, now: self.now, by: Looker::Own, stale_after: STALE_AFTER }) })
    }

    fn daily(&self) -> Result<Daily, Trouble> {
        self.report.clone()
    }
}
