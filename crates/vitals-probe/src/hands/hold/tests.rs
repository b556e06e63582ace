//! What is held: told once, awaited as long as it may come, and closed at the end.

use std::process::Command;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use vitals_model::observation::{ChildFacts, HostFacts, ListenSeen, ProcessFacts, RunState};
use vitals_model::target::{Address, Origin, Target};
use vitals_model::text::Text;

use super::*;
use crate::clock;
use crate::hands::sessions::tests::hub;
use crate::hands::{Manner, Surroundings};
use crate::mcp::tests::eventually;

const LIMIT: Duration = Duration::from_secs(20);

fn hands(address: Address, surroundings: &Surroundings) -> Arc<Hands> {
    let target = Target { id: TargetId::new("hub"), address, origin: Origin::CommandLine, settings: Arc::default() };
    Arc::new(Hands::new(target, surroundings, Manner::Held))
}

/// A hub, this very process, with one child.
fn with_child(hands: &Hands, child: ProcessId) -> Observation {
    let child = ChildFacts {
        id: child,
        state: RunState::Normal,
        command: Text::new("server"),
        server: None,
        rss_bytes: 0,
        uptime: Duration::ZERO,
        left_by: None,
    };
    let facts = ProcessFacts {
        id: process::identify(std::process::id()).unwrap(),
        state: RunState::Normal,
        uptime: Duration::ZERO,
        cpu_percent: None,
        cpu_over: Duration::ZERO,
        rss_bytes: 0,
        machine_bytes: 0,
        memory_max: None,
        fds: None,
        fds_max: None,
        threads: 1,
        children: vec![child],
        orphans: Vec::new(),
        listen: ListenSeen::Nobody,
        host: HostFacts::default(),
    };
    hands.observation(Seen::Process(ProcessSeen::Alive(Box::new(facts))), Duration::ZERO)
}

#[tokio::test]
async fn the_end_of_a_child_is_told_once_also_while_nobody_buries_it() {
    let hands = hands(Address::Http { url: "http://127.0.0.1:1/mcp".to_owned() }, &Surroundings::default());
    let (tell, mut told) = mpsc::channel(8);
    let mut held = Held::begin(Arc::clone(&hands), tell);
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    let id = process::identify(child.id()).unwrap();
    let seen = with_child(&hands, id);
    held.follow(&seen);
    child.kill().unwrap();
    let exit = tokio::time::timeout(LIMIT, told.recv()).await.unwrap().unwrap();
    assert!(matches!(exit, Happened::Observed(Observation { seen: Seen::Exit(ExitSeen { id: ended, .. }), .. }) if ended == id));
    eventually("the task's end", || held.exits[&id].is_finished()).await;
    // A stopped hub waits for none of its children: they are listed for as long.
    for _ in 0..3 {
        held.follow(&seen);
        assert!(held.exits[&id].is_finished(), "not awaited again");
    }
    assert!(told.try_recv().is_err());
    child.wait().unwrap();
}

#[tokio::test]
async fn the_end_closes_every_session_and_counts_all_that_were_opened() {
    let double = hub(Arc::new(|| json!([]))).await;
    let hands = hands(double.hub(), &Surroundings::default());
    let (tell, told) = mpsc::channel(64);
    let mut held = Held::begin(Arc::clone(&hands), tell);
    let seen = hands.run(Probe::Session).await.unwrap();
    held.follow(&seen);
    assert_eq!((held.sessions.len(), double.streams()), (2, 2));
    assert_eq!(tokio::time::timeout(LIMIT, held.end()).await, Ok(2));
    assert!(hands.sessions.lock().await.open().is_empty());
    eventually("the end of the streams", || double.streams() == 0).await;
    drop(told);
}

#[tokio::test]
async fn a_session_that_tells_of_a_change_is_looked_at() {
    let double = hub(Arc::new(|| json!([]))).await;
    let hands = hands(double.hub(), &Surroundings::default());
    let (tell, mut told) = mpsc::channel(64);
    let mut held = Held::begin(Arc::clone(&hands), tell);
    let seen = hands.run(Probe::Session).await.unwrap();
    held.follow(&seen);
    tokio::task::yield_now().await;
    double.push(&json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}).to_string());
    let look = async { while !matches!(told.recv().await.unwrap(), Happened::Look(_, Probe::Session)) {} };
    tokio::time::timeout(LIMIT, look).await.unwrap();
    held.end().await;
}

#[tokio::test]
async fn the_log_of_a_hub_that_comes_later_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let registry = dir.path().join("workspaces.json");
    let surroundings = Surroundings { registries: vec![registry.clone()], proxy: None };
    let hands = hands(Address::Hub { url: "http://127.0.0.1:1".to_owned() }, &surroundings);
    let (tell, mut told) = mpsc::channel(64);
    let held = Held::begin(Arc::clone(&hands), tell);
    assert!(hands.run(Probe::Workspace).await.is_none() && hands.run(Probe::Log).await.is_none());
    std::fs::create_dir(dir.path().join("logs")).unwrap();
    std::fs::write(dir.path().join("logs/mcp-hub.log"), "one line\n").unwrap();
    std::fs::write(&registry, format!(r#"{{"1":{{"pid":4194304,"startTime":"{}"}}}}"#, clock::now())).unwrap();
    assert!(hands.run(Probe::Workspace).await.is_some());
    assert!(hands.run(Probe::Log).await.is_none(), "the held source tells");
    let read = async {
        loop {
            if let Happened::Observed(Observation { seen: Seen::Log(log), .. }) = told.recv().await.unwrap() {
                break log.file.is_ok();
            }
        }
    };
    assert_eq!(tokio::time::timeout(LIMIT, read).await, Ok(true));
    drop(held);
}

/// What is told of the log, or of the stream, within the limit.
async fn next_told<T>(told: &mut mpsc::Receiver<Happened>, pick: impl Fn(&Seen) -> Option<T>) -> (T, Duration) {
    let watch = Stopwatch::start();
    let next = async {
        loop {
            if let Happened::Observed(observation) = told.recv().await.unwrap()
                && let Some(picked) = pick(&observation.seen)
            {
                break picked;
            }
        }
    };
    (tokio::time::timeout(LIMIT, next).await.unwrap(), watch.elapsed())
}

#[tokio::test]
async fn a_log_that_becomes_a_folder_is_told_at_once_and_looked_at_once_more() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("logs/mcp-hub.log");
    std::fs::create_dir(dir.path().join("logs")).unwrap();
    std::fs::write(&log, "one line\n").unwrap();
    let registry = dir.path().join("workspaces.json");
    std::fs::write(&registry, format!(r#"{{"1":{{"pid":4194304,"startTime":"{}"}}}}"#, clock::now())).unwrap();
    let surroundings = Surroundings { registries: vec![registry], proxy: None };
    let hands = hands(Address::Hub { url: "http://127.0.0.1:1".to_owned() }, &surroundings);
    let (tell, mut told) = mpsc::channel(64);
    let held = Held::begin(Arc::clone(&hands), tell);
    let is_read = |seen: &Seen| if let Seen::Log(log) = seen { Some(log.file.is_ok()) } else { None };
    assert!(next_told(&mut told, is_read).await.0, "the look back");
    assert!(next_told(&mut told, is_read).await.0, "the first look of the follower, which now watches");
    std::fs::rename(&log, dir.path().join("logs/old.log")).unwrap();
    std::fs::create_dir(&log).unwrap();
    let (is_readable, _) = next_told(&mut told, is_read).await;
    assert!(!is_readable);
    let (is_readable, after) = next_told(&mut told, is_read).await;
    assert!(!is_readable && after < Duration::from_secs(8), "looked at again without being asked: {after:?}");
    std::fs::remove_dir(&log).unwrap();
    std::fs::write(&log, "another line\n").unwrap();
    while !next_told(&mut told, is_read).await.0 {}
    drop(held);
}

#[tokio::test]
async fn a_stream_whose_reopening_hangs_is_told_to_be_lost_once_more_meanwhile() {
    let opening = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let beat = "event: heartbeat\ndata: {}\n\n";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let _double = Task::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        first.read_buf(&mut Vec::with_capacity(4096)).await.unwrap();
        first.write_all(format!("{opening}{beat}").as_bytes()).await.unwrap();
        drop(first);
        // The next one is taken, and never answered.
        let _mute = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
    });
    let hands = hands(Address::Hub { url: format!("http://{address}") }, &Surroundings::default());
    let (tell, mut told) = mpsc::channel(64);
    let held = Held::begin(Arc::clone(&hands), tell);
    let lost = |seen: &Seen| if let Seen::Stream(StreamSeen::Lost(failure)) = seen { Some(failure.clone()) } else { None };
    let (first, _) = next_told(&mut told, lost).await;
    let (again, after) = next_told(&mut told, lost).await;
    assert_eq!(again, first, "the loss itself, and not the try that is under way");
    // The try would be given 5 s.
    assert!(after >= STREAM_RETRY_MIN && after < Duration::from_secs(3), "{after:?}");
    drop(held);
}

#[tokio::test]
async fn a_stream_that_cannot_be_opened_is_told_twice_and_then_not_again() {
    let hands = hands(Address::Hub { url: "http://127.0.0.1:1".to_owned() }, &Surroundings::default());
    let (tell, mut told) = mpsc::channel(64);
    let held = Held::begin(Arc::clone(&hands), tell);
    let is_lost = |seen: &Seen| matches!(seen, Seen::Stream(StreamSeen::Lost(_))).then_some(());
    next_told(&mut told, is_lost).await;
    let ((), after) = next_told(&mut told, is_lost).await;
    assert!(after >= Duration::from_millis(400), "the second is that of a try to open it again: {after:?}");
    // The third try comes a second later.
    let third = tokio::time::timeout(Duration::from_millis(1500), told.recv()).await;
    assert!(third.is_err(), "{third:?}");
    drop(held);
}
