//! The loop with hand-made events. Time is paused: it goes on by itself when all else waits.

use std::sync::Mutex;

use vitals_model::check::CheckId;
use vitals_model::config::{Configured, Schedule, Storage, TargetSettings};
use vitals_model::observation::{CallSeen, CallWay, Opened, Seen, SessionSeen, SessionView, Transport};
use vitals_model::quiet::{Pattern, Remark, Silence};
use vitals_model::target::Address;
use vitals_model::text::Text;

use super::*;
use crate::store::Store;

/// Everything that was told of, in words.
type Told = Arc<Mutex<Vec<String>>>;

/// No probe of a server but the session makes sense; and nobody listens on this port.
fn settings(names: &[&str]) -> Settings {
    let schedule = Schedule { session: Duration::from_secs(30), ..Schedule::default() };
    let configured = |name: &&str| {
        let address = Address::Http { url: format!("http://127.0.0.1:1/{name}") };
        let settings = Arc::new(TargetSettings { schedule: schedule.clone(), ..TargetSettings::default() });
        ((*name).to_owned(), Configured { address, settings })
    };
    Settings { discover: false, targets: names.iter().map(configured).collect(), ..Settings::default() }
}

/// A loop over these targets, what it tells, and a script beside it.
fn bench(names: &[&str], history: History) -> (Engine, Told, Script) {
    let told = Told::default();
    let heard = Arc::clone(&told);
    let (snapshot, snapshots) = watch::channel(Arc::<Snapshot>::default());
    let tell: Tell =
        Box::new(move |change, incident| heard.lock().unwrap().push(format!("{} {}", change.as_str(), incident.kind)));
    let faces = Faces { snapshot, tell, say: Box::new(|_| {}) };
    let engine = Engine::new(settings(names), Surroundings::default(), Vec::new(), Memory::default(), history, None, faces);
    let (controls, inbox) = mpsc::channel(4);
    let script = Script { outbox: engine.outbox.clone(), controls, inbox: Some(inbox), snapshots };
    (engine, told, script)
}

fn id(name: &str) -> TargetId {
    TargetId::new(name)
}

/// A session in which one call was answered.
fn session(target: &str) -> Observation {
    let opened = Opened {
        transport: Transport::StreamableHttp,
        protocol: Text::new("2025-11-25"),
        server: Text::new("double"),
        connect: Duration::ZERO,
        initialize: Duration::ZERO,
    };
    let view = SessionView {
        opened: Ok(opened),
        tools: Ok(vitals_model::tool::ToolSet::default()),
        list_took: Duration::from_millis(1),
        pages: 1,
        meta_tool: false,
        list_changes: 0,
        noise: 0,
    };
    let call = CallSeen {
        server: Text::new(target),
        tool: Some(Text::new("echo")),
        way: CallWay::Session,
        answer: Some(Ok(1)),
        took: Duration::from_millis(7),
    };
    let seen = Seen::Session(Box::new(SessionSeen { sessions: vec![view], calls: vec![call], opened_total: 1, held: true }));
    Observation { target: id(target), at: clock::now(), took: Duration::from_millis(9), seen }
}

struct Script {
    outbox: mpsc::Sender<Happened>,
    controls: mpsc::Sender<Control>,
    inbox: Option<mpsc::Receiver<Control>>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl Script {
    /// Runs the loop beside `acts`, after which it is stopped.
    async fn play(mut self, engine: Engine, acts: impl AsyncFnOnce(&mut Self)) -> Outcome {
        let watching = engine.run(self.inbox.take().unwrap(), None);
        let acting = async {
            acts(&mut self).await;
            self.controls.send(Control::Stop).await.unwrap();
        };
        tokio::join!(watching, acting).0
    }

    /// Waits for a snapshot that is as wished.
    async fn until(&mut self, wish: impl Fn(&Snapshot) -> bool) {
        let seen = tokio::time::timeout(HOUR, self.snapshots.wait_for(|s| wish(s))).await;
        assert!(matches!(seen, Ok(Ok(_))), "no such snapshot within an hour");
    }

    async fn says(&self, happened: Happened) {
        self.outbox.send(happened).await.unwrap();
    }
}

const HOUR: Duration = Duration::from_secs(3600);

fn names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.targets.iter().map(|t| t.target.id.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_seen_is_published_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &Storage::default()).unwrap();
    let (engine, _, script) = bench(&["a"], History::Kept(store));
    let outcome = script
        .play(engine, async |script| {
            script.until(|s| names(s) == ["a"]).await;
            script.says(Happened::Observed(session("a"))).await;
            script.until(|s| s.targets[0].servers.iter().any(|truth| truth.call_ms == Some(7.0))).await;
        })
        .await;
    assert!(outcome.last.own.probes > 0 && outcome.last.own.samples_lost == 0);
    let reader = Store::read(dir.path()).unwrap();
    let from = outcome.last.at.minus(HOUR);
    let call = CheckId::of_server(&Text::new("a"), "call");
    let samples = reader.samples(&id("a"), &call, from, outcome.last.at.plus(HOUR)).unwrap();
    assert!(samples.iter().any(|s| s.value == Some(7.0)), "{samples:?}");
    let notes: Vec<_> = reader.notes(from, outcome.last.at.plus(HOUR)).unwrap().into_iter().map(|(_, text)| text).collect();
    assert_eq!(notes, ["watch started", "watch stopped"]);
}

#[tokio::test(start_paused = true)]
async fn a_history_that_is_lost_is_told_and_counted_and_watching_goes_on() {
    let lost = History::Lost { error: "read-only".to_owned(), records: 0 };
    let (engine, told, script) = bench(&["a"], lost);
    let outcome = script
        .play(engine, async |script| {
            script.until(|s| s.own.store_error.as_deref() == Some("read-only")).await;
            script.says(Happened::Observed(session("a"))).await;
            script.until(|s| s.targets[0].servers.iter().any(|truth| truth.call_ms == Some(7.0))).await;
        })
        .await;
    assert!(told.lock().unwrap().contains(&"OPENED history".to_owned()), "{told:?}");
    // "watch started", "watch stopped", the incident and at least one sample.
    assert!(outcome.last.own.samples_lost >= 4, "{}", outcome.last.own.samples_lost);
    assert!(outcome.opened >= 1);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_its_time_is_over_and_not_before() {
    let (engine, _, mut script) = bench(&["a"], History::Off);
    let began = Instant::now();
    let outcome = engine.run(script.inbox.take().unwrap(), Some(began + 90 * TICK)).await;
    assert!(began.elapsed() >= 90 * TICK && began.elapsed() < 100 * TICK, "{:?}", began.elapsed());
    // Every 30 s the session, and nothing in between.
    assert!((3..=4).contains(&outcome.last.own.probes), "{}", outcome.last.own.probes);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_nobody_is_left_to_stop_it() {
    let (engine, _, Script { inbox, .. }) = bench(&[], History::Off);
    let ended = tokio::time::timeout(HOUR, engine.run(inbox.unwrap(), None)).await;
    assert_eq!(ended.map(|outcome| outcome.last.targets.len()).ok(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_slow_probe_holds_up_neither_the_loop_nor_its_end() {
    let (mut engine, _, script) = bench(&["a"], History::Off);
    engine.discover();
    engine.start(id("a"), Probe::Api, std::future::pending());
    let began = Instant::now();
    let outcome = script.play(engine, async |script| script.until(|s| s.own.probes >= 3).await).await;
    assert!(outcome.last.own.probes >= 3 && began.elapsed() < HOUR);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_panics_is_counted_and_runs_again() {
    let (mut engine, _, script) = bench(&["a"], History::Off);
    engine.discover();
    let due = |engine: &mut Engine, at| engine.rigs.get_mut(&id("a")).unwrap().table.start_due(at);
    let now = Instant::now();
    assert!(due(&mut engine, now).contains(&Probe::Session), "now it is under way");
    engine.start(id("a"), Probe::Session, async { panic!("a panic on purpose, for the test") });
    let outcome = script.play(engine, async |script| script.until(|s| s.own.dropped == 1 && s.own.probes >= 2).await).await;
    assert_eq!(outcome.last.own.dropped, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_out_of_turn_runs_at_once() {
    let (engine, _, script) = bench(&["a"], History::Off);
    let began = Instant::now();
    script
        .play(engine, async |script| {
            script.until(|s| s.own.probes == 1).await;
            script.says(Happened::Look(id("a"), Probe::Session)).await;
            script.until(|s| s.own.probes == 2).await;
            script.controls.send(Control::CheckNow).await.unwrap();
            script.until(|s| s.own.probes == 3).await;
        })
        .await;
    assert!(began.elapsed() < 10 * TICK, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_reload_forgets_what_is_gone_and_takes_up_what_is_new() {
    let (engine, _, script) = bench(&["a", "b"], History::Off);
    let outcome = script
        .play(engine, async |script| {
            script.until(|s| names(s) == ["a", "b"]).await;
            script.controls.send(Control::Reload(Box::new(settings(&["b", "c"])))).await.unwrap();
            script.until(|s| names(s) == ["b", "c"]).await;
            // What is still on its way from a target that is gone changes nothing.
            script.says(Happened::Observed(session("a"))).await;
            script.says(Happened::Observed(session("c"))).await;
            script.until(|s| s.targets[1].servers.iter().any(|truth| truth.call_ms == Some(7.0))).await;
        })
        .await;
    assert_eq!(names(&outcome.last), ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn new_settings_mean_new_hands_and_no_answer_of_the_old_ones() {
    let (mut engine, _, _script) = bench(&["a"], History::Off);
    engine.discover();
    let before = Arc::as_ptr(&engine.rigs[&id("a")].hands);
    engine.reload(settings(&["a"]));
    assert_eq!(Arc::as_ptr(&engine.rigs[&id("a")].hands), before, "nothing changed");
    engine.start(id("a"), Probe::Session, std::future::pending());
    let mut changed = settings(&["a"]);
    let target = changed.targets.get_mut("a").unwrap();
    Arc::make_mut(&mut target.settings).schedule.session = Duration::from_secs(40);
    engine.reload(changed);
    assert_ne!(Arc::as_ptr(&engine.rigs[&id("a")].hands), before);
    assert!(engine.runs.is_empty());
    assert_eq!(engine.closing.len(), 1, "the old sessions are closed, not dropped");
    let ended = engine.probing.join_next_with_id().await.unwrap();
    assert!(ended.as_ref().is_err_and(JoinError::is_cancelled));
    engine.ended(ended);
    assert_eq!(engine.monitor.snapshot(clock::now()).own.dropped, 0, "no panic");
}

#[tokio::test(start_paused = true)]
async fn a_discovered_hub_whose_record_is_gone_is_still_watched_after_a_reload() {
    let dir = tempfile::tempdir().unwrap();
    let registry = dir.path().join("workspaces.json");
    std::fs::write(&registry, format!(r#"{{"1":{{"pid":4194304,"startTime":"{}"}}}}"#, clock::now())).unwrap();
    let (mut engine, _, _script) = bench(&[], History::Off);
    engine.settings.discover = true;
    engine.surroundings.registries = vec![registry.clone()];
    engine.discover();
    assert!(engine.rigs.contains_key(&id("hub-1")));
    std::fs::write(&registry, "{}").unwrap();
    engine.reload(Settings::default());
    assert!(engine.rigs.contains_key(&id("hub-1")), "that its record is gone is no wish to forget it");
    let mut named = settings(&[]);
    let address = Address::Hub { url: "http://localhost:1".to_owned() };
    named.targets.insert("mine".to_owned(), Configured { address, settings: Arc::default() });
    named.discover = true;
    engine.reload(named);
    assert_eq!(engine.rigs.keys().collect::<Vec<_>>(), [&id("mine")], "under the name that it was given");
    engine.reload(settings(&[]));
    assert!(engine.rigs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_order_by_the_controls_is_heard_without_a_history() {
    let (engine, _, script) = bench(&["a"], History::Off);
    let remark = Remark { at: clock::now(), author: Text::new("ada"), text: Text::new("moving") };
    let until = clock::now().plus(HOUR);
    let silence = Silence { id: 0, target: Pattern::all(), check: Pattern::new("logging/*"), until, remark };
    script
        .play(engine, async |script| {
            script.controls.send(Control::Order(Order::Silence(silence))).await.unwrap();
            script.until(|s| s.own.silences.iter().any(|held| held.check.as_str() == "logging/*" && held.id > 0)).await;
        })
        .await;
}
