//! The proof against scripted labs and a scripted monitoring: each way in which monitoring can be wrong must
//! fail, in the right words. Time is paused: it goes on by itself when all else waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use tokio::sync::{mpsc, watch};
use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::finding::{Finding, FindingKind, Outcome};
use vitals_model::incident::{Handling, Incident, IncidentChange, IncidentState, Ties};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::score::Score;
use vitals_model::snapshot::{OwnState, Snapshot, TargetState};
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::time::Timestamp;
use vitals_probe::hands::Surroundings;
use vitals_probe::task::Task;

use super::expect::{EXPECTATIONS, Expectation, Expects, Stage};
use super::lanes::tests::prove_here;
use super::*;
use crate::fault::Fault;

const MS: Duration = Duration::from_millis(1);

/// What the scripted monitoring does. The default is a right one.
#[derive(Clone)]
struct Script {
    /// From the fault to its incident; `None`: never.
    detects_after: Option<Duration>,
    /// Changes the incident before it is told.
    twist: fn(&mut Incident),
    /// Another incident that opens with it.
    beside: Option<&'static str>,
    /// An incident that opens on the healthy lab.
    before: Option<&'static str>,
    /// From the end of the fault to the end of the incident; `None`: never.
    resolves_after: Option<Duration>,
    /// The incident ends while the fault goes on.
    ends_early: bool,
    /// Probes per tenth of a second.
    probes: u64,
    /// What a detector found.
    found: Option<&'static str>,
    /// Broken lines that a torn log leaves.
    broken: u64,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            detects_after: Some(300 * MS),
            twist: |_| {},
            beside: None,
            before: None,
            resolves_after: Some(700 * MS),
            ends_early: false,
            probes: 4,
            found: None,
            broken: 2,
        }
    }
}

/// What the lab does, as the monitoring sees it.
#[derive(Clone, Copy)]
enum Deed {
    Injected(Fault),
    Cleared,
}

/// Labs and the monitoring, which share what happens.
#[derive(Clone)]
struct World {
    script: Script,
    deeds: Arc<Mutex<Option<mpsc::Receiver<Deed>>>>,
    started: Arc<Mutex<Vec<(Stage, u64)>>>,
    ended: Arc<Mutex<usize>>,
    refuses: bool,
}

impl World {
    fn new(script: Script) -> Self {
        Self { script, deeds: Arc::default(), started: Arc::default(), ended: Arc::default(), refuses: false }
    }

    async fn prove(&self, faults: &[Fault], hour: Option<Length>) -> Matrix {
        let rows = faults.iter().map(|fault| Expectation::of(*fault)).collect();
        let plan = Plan { rows, hour, lanes: 1, seed: 7, hold: 2000 * MS };
        prove_here(plan, Arc::new(self.clone()), Arc::new(self.clone())).await
    }
}

/// The reasons why the only trial does not hold.
async fn shortfalls(script: Script, fault: Fault) -> Vec<String> {
    let matrix = World::new(script).prove(&[fault], None).await;
    assert_eq!(matrix.trials.len(), 1);
    assert_eq!(matrix.holds(), matrix.trials[0].holds());
    matrix.trials[0].shortfalls.iter().map(ToString::to_string).collect()
}

fn hub() -> TargetId {
    TargetId::new("hub-7001")
}

struct Lab {
    deeds: mpsc::Sender<Deed>,
    ended: Arc<Mutex<usize>>,
}

impl Bed for Lab {
    fn target(&self) -> TargetId {
        hub()
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings::default()
    }

    fn hub_pid(&self) -> Option<u32> {
        None
    }

    fn inject<'a>(&'a self, fault: Fault, _: &'a str) -> LocalBoxFuture<'a, Result<(), Trouble>> {
        async move { self.deeds.send(Deed::Injected(fault)).await.map_err(|e| Trouble(e.to_string())) }.boxed_local()
    }

    fn clear(&self, _: Fault) -> LocalBoxFuture<'_, Result<(), Trouble>> {
        async move { self.deeds.send(Deed::Cleared).await.map_err(|e| Trouble(e.to_string())) }.boxed_local()
    }

    fn end(self: Box<Self>) -> LocalBoxFuture<'static, ()> {
        async move { *self.ended.lock().unwrap() += 1 }.boxed_local()
    }
}

impl Beds for World {
    fn start(&self, stage: Stage, seed: u64) -> LocalBoxFuture<'_, Result<Box<dyn Bed>, Trouble>> {
        async move {
            if self.refuses {
                return Err(Trouble("no room for a lab".to_owned()));
            }
            let (deeds, inbox) = mpsc::channel(8);
            *self.deeds.lock().unwrap() = Some(inbox);
            self.started.lock().unwrap().push((stage, seed));
            let lab: Box<dyn Bed> = Box::new(Lab { deeds, ended: Arc::clone(&self.ended) });
            Ok(lab)
        }
        .boxed_local()
    }
}

impl Watcher for World {
    fn watch(&self, _: Watch) -> Sight {
        let deeds = self.deeds.lock().unwrap().take().expect("the lab is started first");
        let (tell, changes) = mpsc::channel(64);
        let (publish, snapshot) = watch::channel(Arc::<Snapshot>::default());
        let monitor = Monitor {
            script: self.script.clone(),
            tell,
            publish,
            open: BTreeMap::new(),
            next: 1,
            probes: 0,
            rotations: 0,
            broken: 0,
            rounds: 0,
        };
        let task = Task::spawn(monitor.run(deeds));
        Sight { changes, snapshot, stop: Box::new(move || async move { drop(task) }.boxed_local()) }
    }
}

/// The scripted monitoring.
struct Monitor {
    script: Script,
    tell: mpsc::Sender<(IncidentChange, Incident)>,
    publish: watch::Sender<Arc<Snapshot>>,
    open: BTreeMap<u64, Incident>,
    next: u64,
    probes: u64,
    rotations: u64,
    broken: u64,
    rounds: i64,
}

impl Monitor {
    async fn run(mut self, mut deeds: mpsc::Receiver<Deed>) {
        if let Some(check) = self.script.before {
            self.open(incident(check, "early", Health::Degraded)).await;
        }
        let mut beat = tokio::time::interval(100 * MS);
        let mut due: Vec<(tokio::time::Instant, Deed)> = Vec::new();
        loop {
            let next = due.iter().map(|(at, _)| *at).min();
            let far = tokio::time::Instant::now() + Duration::from_secs(3600);
            tokio::select! {
                _ = beat.tick() => self.rounds += 1,
                deed = deeds.recv() => match deed {
                    None => return,
                    Some(deed) => {
                        let after = match deed {
                            Deed::Injected(_) => self.script.detects_after,
                            Deed::Cleared => self.script.resolves_after,
                        };
                        due.extend(after.map(|after| (tokio::time::Instant::now() + after, deed)));
                    }
                },
                () = tokio::time::sleep_until(next.unwrap_or(far)) => {
                    let now = tokio::time::Instant::now();
                    for (_, deed) in due.extract_if(.., |(at, _)| *at <= now).collect::<Vec<_>>() {
                        self.say(deed).await;
                    }
                }
            }
            self.probes += self.script.probes;
            self.publish.send_replace(Arc::new(self.snapshot()));
        }
    }

    async fn say(&mut self, deed: Deed) {
        match deed {
            Deed::Injected(fault) => {
                let row = Expectation::of(fault);
                let Some(mut incident) = right(row) else {
                    self.rotations += 1;
                    self.broken += self.script.broken;
                    return;
                };
                (self.script.twist)(&mut incident);
                self.open(incident).await;
                if let Some(check) = self.script.beside {
                    self.open(self::incident(check, "beside", Health::Degraded)).await;
                }
                if self.script.ends_early || matches!(row.expects, Expects::Passing(_)) {
                    self.resolve_all().await;
                }
            }
            Deed::Cleared => self.resolve_all().await,
        }
    }

    async fn open(&mut self, mut incident: Incident) {
        incident.id = self.next;
        self.next += 1;
        self.open.insert(incident.id, incident.clone());
        self.tell.send((IncidentChange::Opened, incident)).await.unwrap();
    }

    async fn resolve_all(&mut self) {
        for (_, mut incident) in std::mem::take(&mut self.open) {
            incident.state = IncidentState::Resolved;
            self.tell.send((IncidentChange::Resolved, incident)).await.unwrap();
        }
    }

    fn snapshot(&self) -> Snapshot {
        let target = Target {
            id: hub(),
            address: Address::Hub { url: "http://127.0.0.1:7001".to_owned() },
            origin: Origin::Configured,
            settings: Arc::default(),
        };
        let needed = EXPECTATIONS.iter().flat_map(|row| row.needs).map(|check| reading(check, 0, 1.0));
        let mut format = reading("logging/format", 0, 99.0);
        format.evidence = vec![format!("{} of 1000 lines parsed", 1000 - self.broken)];
        let own = [
            reading("filtering-sessions/tools", self.rounds, 14.0),
            reading("logging/rotation", 0, self.rotations as f64),
            format,
        ];
        let found = self.script.found.map(|reason| Finding {
            kind: FindingKind::Clients,
            outcome: Outcome::Found(Health::Degraded),
            reason: reason.to_owned(),
            hint: String::new(),
            at: Timestamp::default(),
        });
        let state = TargetState {
            health: self.open.values().map(|i| i.health).max().unwrap_or(Health::Healthy),
            score: Score { points: Some(100), deductions: Vec::new() },
            readings: needed.chain(own).collect(),
            open: self.open.values().cloned().collect(),
            findings: found.into_iter().collect(),
            ..TargetState::unmeasured(target)
        };
        Snapshot {
            targets: vec![Arc::new(state)],
            own: OwnState { probes: self.probes, ..OwnState::default() },
            ..Snapshot::default()
        }
    }
}

fn reading(check: &str, at: i64, value: f64) -> Reading {
    Reading {
        id: CheckId::from_stored(check),
        point: Point::Logging,
        health: Health::Healthy,
        standing: Standing::Judged,
        value: Some(value),
        unit: Unit::Count,
        threshold: None,
        summary: String::new(),
        evidence: Vec::new(),
        hint: String::new(),
        cause: None,
        at: Timestamp::from_millis(at),
        took: Duration::ZERO,
        since: Timestamp::default(),
    }
}

fn incident(check: &str, kind: &str, health: Health) -> Incident {
    Incident {
        id: 0,
        target: hub(),
        check: CheckId::from_stored(&check.replace("<server>", "filesystem")),
        kind: kind.to_owned(),
        health,
        state: IncidentState::Open,
        summary: String::new(),
        evidence: Vec::new(),
        hint: String::new(),
        opened_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        resolved_at: None,
        flapping: false,
        ties: Ties::default(),
        handling: Handling::default(),
    }
}

/// The incident that a row expects; none for the row that expects none.
fn right(row: &Expectation) -> Option<Incident> {
    let verdict = row.expects.verdict()?;
    let health = [Health::Degraded, Health::Failing].into_iter().find(|health| verdict.severity.holds(*health))?;
    let mut incident = incident(verdict.check, verdict.kind, health);
    incident.summary = verdict.words.join(" ").to_uppercase();
    Some(incident)
}

#[tokio::test(start_paused = true)]
async fn a_right_monitoring_holds_for_every_fault_and_the_hour() {
    let all: Vec<Fault> = Fault::all().collect();
    let world = World::new(Script::default());
    let matrix = world.prove(&all, Some(Length::Sixth)).await;
    for trial in &matrix.trials {
        let reasons: Vec<_> = trial.shortfalls.iter().map(ToString::to_string).collect();
        assert_eq!(reasons, Vec::<String>::new(), "{}", trial.row.fault);
        assert_eq!(trial.verdict_holds(), Some(true));
        assert!(trial.detected.is_some_and(|d| d >= 300 * MS && d < 500 * MS), "{}: {:?}", trial.row.fault, trial.detected);
    }
    assert!(matrix.holds() && matrix.trials.len() == 46 && matrix.probes() > 46);
    assert_eq!(world.started.lock().unwrap().len(), *world.ended.lock().unwrap(), "every lab that starts is ended");
    assert!(world.started.lock().unwrap().iter().all(|(_, seed)| *seed == 7));
    // A lab that is as good as new serves again.
    assert!(world.started.lock().unwrap().len() < 46);
    let killed = &matrix.trials[Fault::ApiHtml as usize];
    assert!(killed.resolved.is_some_and(|r| r >= 700 * MS && r < 900 * MS), "{:?}", killed.resolved);
}

#[tokio::test(start_paused = true)]
async fn what_is_never_seen_is_red() {
    let script = Script { detects_after: None, ..Script::default() };
    assert_eq!(shortfalls(script, Fault::ApiHtml).await, ["not detected within 24.0 s, expected within 14.0 s"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_seen_late_is_red() {
    let script = Script { detects_after: Some(1500 * MS), ..Script::default() };
    assert_eq!(shortfalls(script, Fault::HubKilled).await, ["detected after 1.5 s, expected within 1.0 s"]);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_kind_health_check_target_or_word_is_red() {
    type Case = (fn(&mut Incident), &'static str);
    let cases: [Case; 4] = [
        (
            |i| i.kind = "hung".to_owned(),
            "another verdict than expected: failing hung hub-7001 hub-servers/filesystem/truth: HUB SAYS CONNECTED",
        ),
        (
            |i| i.health = Health::Degraded,
            "another verdict than expected: degraded ghost hub-7001 hub-servers/filesystem/truth: HUB SAYS CONNECTED",
        ),
        (
            |i| i.summary = "down".to_owned(),
            "another verdict than expected: failing ghost hub-7001 hub-servers/filesystem/truth: down",
        ),
        (
            |i| i.target = TargetId::new("hub-1"),
            "another verdict than expected: failing ghost hub-1 hub-servers/filesystem/truth: HUB SAYS CONNECTED",
        ),
    ];
    for (twist, reason) in cases {
        let reasons = shortfalls(Script { twist, ..Script::default() }, Fault::ServerKilled).await;
        assert_eq!(reasons.first().map(String::as_str), Some(reason));
    }
    let elsewhere = Script { twist: |i| i.check = CheckId::from_stored("hub-servers/process"), ..Script::default() };
    let reasons = shortfalls(elsewhere, Fault::ServerKilled).await;
    assert!(reasons.iter().any(|r| r.starts_with("not detected within 11.0 s, expected within 1.0 s")), "{reasons:?}");
    assert!(
        reasons.iter().any(|r| r.starts_with("another incident opened: failing ghost hub-7001 hub-servers/process")),
        "{reasons:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_incident_too_many_is_red_unless_it_belongs_there() {
    let script = Script { beside: Some("logging/stream"), ..Script::default() };
    assert_eq!(
        shortfalls(script, Fault::HubKilled).await,
        ["another incident opened: degraded beside hub-7001 logging/stream: "]
    );
    let script = Script { beside: Some("hub-servers/process"), ..Script::default() };
    assert_eq!(shortfalls(script.clone(), Fault::OrphanLeft).await, Vec::<String>::new());
    let script = Script { beside: Some("hub-servers/process"), ..Script::default() };
    let reasons = shortfalls(script, Fault::HubKilled).await;
    assert_eq!(reasons.last().map(String::as_str), Some("opened 2 times, expected once"));
}

#[tokio::test(start_paused = true)]
async fn an_incident_on_the_healthy_lab_is_red_and_no_fault_is_injected() {
    let script = Script { before: Some("logging/errors"), ..Script::default() };
    assert_eq!(
        shortfalls(script, Fault::HubKilled).await,
        ["opened before anything was wrong: degraded early hub-7001 logging/errors: "]
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_or_ends_too_soon_is_red() {
    let script = Script { resolves_after: None, ..Script::default() };
    let reasons = shortfalls(script, Fault::ApiHtml).await;
    assert_eq!(reasons, ["not over 30.0 s after the fault was cleared: api hub-servers/api"]);
    let script = Script { ends_early: true, ..Script::default() };
    assert_eq!(shortfalls(script, Fault::ApiHtml).await, ["resolved while the fault went on"]);
}

#[tokio::test(start_paused = true)]
async fn without_probes_nothing_holds() {
    let script = Script { probes: 0, ..Script::default() };
    assert_eq!(shortfalls(script.clone(), Fault::ApiHtml).await, ["no probe was sent: silence proves nothing"]);
    let matrix = World::new(script).prove(&[], Some(Length::Sixth)).await;
    let hour = matrix.hour.as_ref().unwrap();
    assert!(!matrix.holds() && hour.shortfalls == [Shortfall::NoProbes], "{:?}", hour.shortfalls);
    assert!(!World::new(Script::default()).prove(&[], None).await.holds(), "nothing was tried");
}

#[tokio::test(start_paused = true)]
async fn a_torn_log_may_cost_one_line_and_no_more() {
    assert_eq!(shortfalls(Script::default(), Fault::LogTorn).await, Vec::<String>::new());
    let script = Script { broken: 3, ..Script::default() };
    assert_eq!(shortfalls(script, Fault::LogTorn).await, ["lines of the log were broken beyond the torn one: 3 pieces"]);
    let script = Script { detects_after: None, ..Script::default() };
    assert_eq!(shortfalls(script, Fault::LogTorn).await, ["not detected within 12.0 s, expected within 2.0 s"]);
}

#[tokio::test(start_paused = true)]
async fn the_hour_is_red_for_a_finding_an_incident_and_too_few_probes() {
    let hour = async |script| World::new(script).prove(&[], Some(Length::Sixth)).await.hour.unwrap();
    let found = hour(Script { found: Some("9 clients"), ..Script::default() }).await;
    assert_eq!(found.shortfalls, [Shortfall::Found("clients: 9 clients".to_owned())]);
    let early = hour(Script { before: Some("logging/errors"), ..Script::default() }).await;
    assert!(matches!(early.shortfalls[0], Shortfall::Stranger(_)) && early.incidents.len() == 1);
    let slow = hour(Script { probes: 1, ..Script::default() }).await;
    assert!(slow.holds() || matches!(slow.shortfalls[0], Shortfall::TooFewProbes { .. }));
    assert!(slow.took > found.took, "an hour lasts until its probes are sent");
}

#[tokio::test(start_paused = true)]
async fn a_lab_that_does_not_start_is_red_for_each_fault() {
    let world = World { refuses: true, ..World::new(Script::default()) };
    let matrix = world.prove(&[Fault::ApiHtml, Fault::HubKilled], Some(Length::Sixth)).await;
    assert!(!matrix.holds());
    for trial in &matrix.trials {
        assert_eq!(trial.shortfalls[0].to_string(), "no lab: no room for a lab");
    }
    assert_eq!(matrix.hour.unwrap().shortfalls[0].to_string(), "no lab: no room for a lab");
}

#[test]
fn stopping_ends_the_lanes_and_their_labs() {
    let world = World::new(Script { detects_after: None, ..Script::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let matrix = runtime.block_on(async {
        let (progress, _heard) = mpsc::channel(4);
        let (stop, stopping) = watch::channel(false);
        let plan = Plan { rows: vec![Expectation::of(Fault::LogFlood)], hour: None, lanes: 1, seed: 0, hold: MS };
        let proving = prove(plan, Arc::new(world.clone()), Arc::new(world.clone()), progress, stopping);
        let stopping = async {
            let limit = tokio::time::Instant::now() + Duration::from_secs(5);
            while world.started.lock().unwrap().is_empty() {
                assert!(tokio::time::Instant::now() < limit, "no lab was started");
                tokio::task::yield_now().await;
            }
            stop.send_replace(true);
        };
        tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(proving, stopping).0 }).await.unwrap()
    });
    assert_eq!(matrix.trials[0].shortfalls, [Shortfall::NotTried]);
    assert_eq!((world.started.lock().unwrap().len(), *world.ended.lock().unwrap()), (1, 1));
}
