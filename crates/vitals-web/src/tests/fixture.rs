//! A source with fixed answers, and requests to a router over it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use tokio::sync::watch;
use tower::ServiceExt as _;
use vitals_model::check::{CheckId, Point, Threshold, Unit};
use vitals_model::claim::ClaimStatus;
use vitals_model::finding::{Finding, FindingKind, Outcome};
use vitals_model::history::{Cut, HealthTimes, Spread, Summary};
use vitals_model::incident::{
    Cause, Handling, Incident, IncidentChange, IncidentState, Quiet, QuietReason, Suppressed, Ties, Withheld,
};
use vitals_model::quiet::{Order, Pattern, Remark, Silence};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::score::{Deduction, Score};
use vitals_model::snapshot::{Overhead, OwnState, Snapshot, TargetState};
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::verdict::{ServerTruth, Verdict};
use vitals_model::view::tools_v1::{ServerToolsView, SignView, ToolsView};

use crate::source::{Daily, Facts, Known, Looker};
use crate::{Explained, Guard, Paper, Reach, Source, Token, Trouble, serve};

pub(crate) const TOKEN: &str = "0123456789abcdef0123";

/// 12:00 UTC of a day in November 2026.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_795_348_800_000);

/// What no page may run or show as markup.
pub(crate) const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'/../&amp;?#%2e\u{202e}\u{1b}[31m";

/// A source whose snapshot is set by the test, and which writes down what was asked of it.
pub(crate) struct Fixed {
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    pub orders: Mutex<Vec<Order>>,
    pub checks: Mutex<u32>,
    pub history: bool,
}

impl Fixed {
    pub(crate) fn with(snapshot: Snapshot) -> Arc<Self> {
        let snapshots = watch::channel(Arc::new(snapshot)).0;
        Arc::new(Self { snapshots, orders: Mutex::default(), checks: Mutex::default(), history: true })
    }

    pub(crate) fn usual() -> Arc<Self> {
        Self::with(snapshot(&["hub-7001", "staging"], "filesystem"))
    }

    pub(crate) fn router(self: &Arc<Self>, reach: Reach) -> Router {
        let guard = Guard { token: Token::new(TOKEN).unwrap(), reach };
        serve::router(Arc::clone(self) as Arc<dyn Source>, guard)
    }
}

impl Facts for Fixed {
    fn known(&self) -> BoxFuture<'_, Result<Known, Trouble>> {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        Box::pin(async { Ok(Known { snapshot, now: NOON, by: Looker::Own, stale_after: Duration::from_secs(60) }) })
    }

    fn daily(&self) -> Result<Daily, Trouble> {
        Err(Trouble::NoHistory)
    }
}

impl Source for Fixed {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    fn overhead(&self) -> Overhead {
        Overhead::default()
    }

    fn now(&self) -> Timestamp {
        NOON
    }

    fn incidents(&self, _since: Timestamp) -> Result<Vec<Incident>, Trouble> {
        if !self.history {
            return Err(Trouble::NoHistory);
        }
        Ok(vec![incident(3, "hub-7001", IncidentState::Resolved), incident(7, "hub-7001", IncidentState::Open)])
    }

    fn incident(&self, id: u64) -> Result<Option<Incident>, Trouble> {
        Ok((id == 3).then(|| incident(3, "hub-7001", IncidentState::Resolved)))
    }

    fn course(&self, _: &TargetId, checks: &[CheckId], cut: &Cut) -> Result<Vec<Vec<Summary>>, Trouble> {
        if !self.history {
            return Err(Trouble::NoHistory);
        }
        let slice = |n: usize| {
            if n.is_multiple_of(11) {
                return Summary::default();
            }
            let half = cut.step / 2;
            let failing = if n.is_multiple_of(7) { half } else { Duration::ZERO };
            let times = HealthTimes { healthy: half, failing, samples: 6, ..HealthTimes::default() };
            let spread = Spread { values: 6, min: 1.0, mean: 2.0, max: 9.5, p50: 2.0, p95: 9.0, p99: 9.5 };
            Summary { observed: half + failing, healths: times, spread: Some(spread) }
        };
        Ok(checks.iter().map(|_| (0..cut.count()).map(slice).collect()).collect())
    }

    fn paper(&self, target: &TargetId, _since: Duration, paper: Paper) -> Result<String, Trouble> {
        if !self.history {
            return Err(Trouble::NoHistory);
        }
        Ok(match paper {
            Paper::ReportMarkup | Paper::CriteriaMarkup => "<h1>A report</h1>".to_owned(),
            Paper::ReportJson => format!(r#"{{"schema":"mcp-vitals/report/v1","targets":[],"of":"{target}"}}"#),
            Paper::CriteriaJson => r#"{"schema":"mcp-vitals/criteria/v1","targets":[]}"#.to_owned(),
        })
    }

    fn explain(&self, target: &TargetId, check: &CheckId) -> Result<Option<Explained>, Trouble> {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let state = snapshot.targets.iter().find(|state| state.target.id == *target);
        let reading = state.and_then(|state| state.readings.iter().find(|reading| reading.id == *check));
        Ok(reading.map(|reading| Explained {
            reading: reading.clone(),
            causes: vec![reading.clone()],
            verdict: "I7 lasts".to_owned(),
            terms: "at once".to_owned(),
            incident: Some(incident(7, target.as_str(), IncidentState::Open)),
            quiet: Some("somebody takes care of it".to_owned()),
            repair: Some("to restart the server fs is not done by itself: repair is off".to_owned()),
        }))
    }

    fn tools(&self, target: &TargetId) -> Result<Option<ToolsView>, Trouble> {
        let server = ServerToolsView {
            name: "filesystem".to_owned(),
            presence: "new",
            reason: None,
            tools: Vec::new(),
            signs: vec![SignView {
                sign: "orders",
                tool: "t".into(),
                field: "description",
                path: String::new(),
                excerpt: Text::new(HOSTILE).to_string(),
            }],
            tokens_before: 0,
            tokens: 7,
        };
        let schema = vitals_model::view::tools_v1::SCHEMA;
        Ok(Some(ToolsView { schema, target: target.to_string(), lock: "x.lock".into(), exit_code: 1, servers: vec![server] }))
    }

    fn order(&self, order: Order) -> Result<(), Trouble> {
        self.orders.lock().unwrap().push(order);
        let mut shown = Snapshot::clone(&self.snapshots.borrow());
        shown.at = shown.at.plus(Duration::from_millis(1));
        self.snapshots.send_replace(Arc::new(shown));
        Ok(())
    }

    fn check_now(&self) -> Result<(), Trouble> {
        *self.checks.lock().unwrap() += 1;
        Ok(())
    }
}

pub(crate) fn incident(id: u64, target: &str, state: IncidentState) -> Incident {
    let remark = Remark { at: NOON, author: Text::new("ada"), text: Text::new(HOSTILE) };
    let quiet = Quiet { reason: QuietReason::Silenced, sentence: "silence S1".to_owned() };
    Incident {
        id,
        target: TargetId::new(target),
        check: CheckId::from_stored("hub-servers/filesystem/truth"),
        kind: "ghost".to_owned(),
        health: Health::Failing,
        state,
        summary: format!("hub says connected; {}", Text::new(HOSTILE)),
        evidence: vec!["claim: connected".to_owned(), Text::new(HOSTILE).to_string()],
        hint: "start it".to_owned(),
        opened_at: NOON.minus(Duration::from_secs(90)),
        updated_at: NOON,
        resolved_at: (state == IncidentState::Resolved).then_some(NOON),
        flapping: true,
        ties: Ties {
            follows: Some(Cause { incident: 3, check: CheckId::from_stored("hub-servers/process") }),
            suppressed: vec![Suppressed {
                check: CheckId::from_stored("hub-servers/filesystem/call"),
                health: Health::Degraded,
                since: NOON,
            }],
            suppressed_more: 1,
        },
        handling: Handling {
            told_at: Some(NOON),
            acknowledged: (state == IncidentState::Resolved).then(|| remark.clone()),
            notes: vec![remark],
            withheld: vec![Withheld { at: NOON, change: IncidentChange::Reminded, why: quiet }],
        },
    }
}

fn reading(id: CheckId, health: Health, standing: Standing) -> Reading {
    Reading {
        point: Point::HubServers,
        health,
        standing,
        value: Some(12.5),
        unit: Unit::Millis,
        threshold: Some(Threshold::Above(2000.0, 5000.0)),
        summary: format!("answered {}", Text::new(HOSTILE)),
        evidence: vec!["one".to_owned()],
        hint: "look".to_owned(),
        cause: None,
        at: NOON,
        took: Duration::from_micros(12_345),
        since: NOON.minus(Duration::from_secs(60)),
        id,
    }
}

fn state(id: &str, server: &str) -> TargetState {
    let server = Text::new(server);
    let truth = |name: &Text, verdict, health, claim| ServerTruth {
        name: name.clone(),
        claim: Some(claim),
        verdict,
        health,
        reason: format!("hub says connected, {}", Text::new(HOSTILE)),
        tools: Some(7),
        call_ms: Some(30.5),
        since: NOON,
    };
    let api = CheckId::of_target(Point::HubServers, "api");
    TargetState {
        health: Health::Failing,
        score: Score { points: Some(70), deductions: vec![Deduction { points: 30, reason: format!("{server}: ghost") }] },
        servers: vec![
            truth(&server, Verdict::Ghost, Health::Failing, ClaimStatus::Connected),
            truth(&Text::new("everything"), Verdict::Agrees, Health::Healthy, ClaimStatus::Other(Text::new(HOSTILE))),
        ],
        readings: vec![
            reading(api, Health::Healthy, Standing::Judged),
            reading(CheckId::of_server(&server, "truth"), Health::Failing, Standing::Judged),
            reading(CheckId::of_server(&server, "noise"), Health::Degraded, Standing::Advice),
        ],
        open: vec![incident(7, id, IncidentState::Open)],
        recent: vec![incident(5, id, IncidentState::Resolved)],
        findings: vec![Finding {
            kind: FindingKind::Servers,
            outcome: Outcome::Found(Health::Failing),
            reason: Text::new(HOSTILE).to_string(),
            hint: "look".to_owned(),
            at: NOON,
        }],
        levels_over: Duration::from_secs(600),
        log: vec![Text::new(HOSTILE).to_string()],
        ..TargetState::unmeasured(Target {
            id: TargetId::new(id),
            address: Address::Hub { url: "http://127.0.0.1:7001".to_owned() },
            origin: Origin::Configured,
            settings: Arc::default(),
        })
    }
}

pub(crate) fn snapshot(targets: &[&str], server: &str) -> Snapshot {
    let remark = Remark { at: NOON, author: Text::new("ada"), text: Text::new(HOSTILE) };
    let (target, check) = (Pattern::all(), Pattern::new("logging/*"));
    Snapshot {
        at: NOON,
        began_at: NOON,
        targets: targets.iter().map(|id| Arc::new(state(id, server))).collect(),
        own: OwnState {
            silences: vec![Silence { id: 1, target, check, until: NOON.plus(Duration::from_secs(3600)), remark }],
            ..OwnState::default()
        },
    }
}

/// What was answered.
pub(crate) struct Said {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Said {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A request as a program on this machine sends it.
pub(crate) fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header("host", "127.0.0.1:9180")
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Said {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Said { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

pub(crate) async fn get(router: &Router, path: &str) -> Said {
    send(router, request("GET", path).body(Body::empty()).unwrap()).await
}

/// A post with the token and this JSON.
pub(crate) async fn post(router: &Router, path: &str, body: &serde_json::Value) -> Said {
    let request =
        request("POST", path).header("authorization", format!("Bearer {TOKEN}")).header("content-type", "application/json");
    send(router, request.body(Body::from(body.to_string())).unwrap()).await
}
