//! Looks at real processes: stopped, killed, zombies, families and their orphans.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command as Program};
use std::time::Duration;

use proptest::prelude::*;
use rustix::process::{Signal, kill_process, kill_process_group};
use vitals_model::observation::{ChildFacts, RunState};

use super::*;
use crate::hub_config::ConfiguredServer;

/// Longest wait for a value that a test expects.
const DEADLINE: Duration = Duration::from_secs(10);

/// A started program that ends, with its whole process group, when this is dropped.
pub(crate) struct Started(Child);

impl Started {
    pub(crate) fn new(program: &str, args: &[&str]) -> Self {
        Self(Program::new(program).args(args).process_group(0).spawn().unwrap())
    }

    /// A shell that runs `script`.
    fn shell(script: &str) -> Self {
        Self::new("sh", &["-c", script])
    }

    pub(crate) fn id(&self) -> ProcessId {
        identify(self.0.id()).unwrap()
    }

    /// Kills the process itself, and not its children; its pid.
    pub(crate) fn kill(mut self) -> u32 {
        self.kill_only();
        self.0.id()
    }

    fn kill_only(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = kill_process_group(raw(self.0.id()), Signal::KILL);
        let _ = self.0.wait();
    }
}

fn raw(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// Asks until there is an answer.
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let since = Stopwatch::start();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(since.elapsed() < DEADLINE, "no {what} within {DEADLINE:?}");
        std::thread::yield_now();
    }
}

fn alive(seen: ProcessSeen) -> ProcessFacts {
    match seen {
        ProcessSeen::Alive(facts) => *facts,
        other => panic!("{other:?}"),
    }
}

fn orphans_of_gone(seen: ProcessSeen) -> Vec<ChildFacts> {
    match seen {
        ProcessSeen::Gone { orphans, .. } => orphans,
        other => panic!("{other:?}"),
    }
}

/// The hub's children, when `wanted` is true of them.
fn children(look: &mut Look, hub: ProcessId, wanted: impl Fn(&[ChildFacts]) -> bool) -> Vec<ChildFacts> {
    until("such children", || {
        let children = alive(look.look(hub, None, &HubConfig::default())).children;
        wanted(&children).then_some(children)
    })
}

/// A configuration with one server `s`, which runs `sleep SECONDS`.
fn config(seconds: &str) -> HubConfig {
    let server = ConfiguredServer {
        name: Text::new("s"),
        raw_name: "s".to_owned(),
        command: Some("sleep".to_owned()),
        args: vec![seconds.to_owned()],
        url: None,
        disabled: false,
    };
    HubConfig { servers: vec![server], ..HubConfig::default() }
}

#[test]
fn the_facts_of_our_own_process() {
    let me = identify(std::process::id()).unwrap();
    let facts = alive(Look::default().look(me, None, &HubConfig::default()));
    assert_eq!((facts.id, facts.state), (me, RunState::Normal));
    assert!(facts.rss_bytes > 100_000 && facts.machine_bytes > facts.rss_bytes, "{facts:?}");
    assert!(facts.fds.unwrap() >= 3 && facts.fds_max.unwrap() >= facts.fds.unwrap(), "{facts:?}");
    assert!(facts.threads >= 1 && facts.uptime < Duration::from_secs(3600), "{facts:?}");
    assert_eq!((facts.cpu_percent, facts.cpu_over), (None, Duration::ZERO));
    let age = clock::now().since(started_at(me).unwrap());
    assert!(age.abs_diff(facts.uptime) < Duration::from_millis(500), "{age:?} {facts:?}");
}

#[test]
fn cpu_is_measured_between_two_looks() {
    let busy = Started::shell("while :; do :; done");
    let idle = Started::new("sleep", &["60"]);
    let (mut busy_look, mut idle_look) = (Look::default(), Look::default());
    let cpu = |look: &mut Look, id| alive(look.look(id, None, &HubConfig::default())).cpu_percent;
    assert_eq!(cpu(&mut busy_look, busy.id()), None);
    assert_eq!(cpu(&mut idle_look, idle.id()), None);
    let percent = until("CPU use", || cpu(&mut busy_look, busy.id()).filter(|p| *p > 20.0));
    assert!(percent < 120.0, "{percent}");
    let percent = until("CPU use", || cpu(&mut idle_look, idle.id()));
    assert!(percent < 15.0, "{percent}");
}

/// On one core that a busy program has already, a second one waits for about half of the time.
#[test]
fn a_process_that_gets_no_core_is_seen_to_wait() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim();
    let core = cores.split(['-', ',']).next().unwrap();
    let busy = || Started::new("taskset", &["-c", core, "sh", "-c", "while :; do :; done"]);
    let (hub, _other) = (busy(), busy());
    let idle = Started::new("sleep", &["60"]);
    let wait = |look: &mut Look, id| alive(look.look(id, None, &HubConfig::default())).host.cpu_wait_percent;
    let (mut hub_look, mut idle_look) = (Look::default(), Look::default());
    let percent = until("waiting", || wait(&mut hub_look, hub.id()).filter(|p| *p > 20.0));
    assert!(percent <= 100.0, "{percent}");
    let percent = until("a second look", || wait(&mut idle_look, idle.id()));
    assert!(percent < 20.0, "{percent}");
}

#[test]
fn an_ended_process_and_a_reused_pid_are_gone() {
    let mut process = Started::new("sleep", &["60"]);
    let id = process.id();
    let reused = ProcessId { start_ticks: id.start_ticks - 1, ..id };
    assert_eq!(orphans_of_gone(Look::default().look(reused, None, &HubConfig::default())), []);
    process.0.kill().unwrap();
    until("zombie", || procfs::stat(id.pid)?.has_ended().then_some(()));
    assert_eq!(identify(id.pid), None, "a zombie is no live process");
    assert_eq!(orphans_of_gone(Look::default().look(id, None, &HubConfig::default())), []);
    assert_eq!(identify(0), None);
}

#[test]
fn a_child_is_stopped_goes_on_and_becomes_a_zombie() {
    // `sleep` in place of the shell never waits for the child that the shell started.
    let hub = Started::shell("sleep 60.25 & exec sleep 60");
    let mut look = Look::default();
    let child = children(&mut look, hub.id(), |c| c.len() == 1 && c[0].command.as_str() == "sleep 60.25").remove(0);
    for (signal, state) in [(Signal::STOP, RunState::Stopped), (Signal::CONT, RunState::Normal), (Signal::KILL, RunState::Zombie)]
    {
        kill_process(raw(child.id.pid), signal).unwrap();
        let after = children(&mut look, hub.id(), |c| c[0].state == state);
        assert_eq!(after[0].id, child.id);
    }
}

#[test]
fn descendants_are_folded_into_their_child_and_outlive_it_as_orphans() {
    let hub = Started::shell("sh -c 'sleep 60.5; :' & wait; exec sleep 60");
    let mut look = Look::default();
    let alone = children(&mut look, hub.id(), |c| c.len() == 1)[0].clone();
    let below = until("grandchild", || procfs::children(alone.id.pid, procfs::Threads::All)?.first().copied().and_then(identify));
    until("sleep", || (Command::of(below.pid).shown("").as_str() == "sleep 60.5").then_some(()));
    let own_rss = || rss_bytes(&procfs::stat(alone.id.pid).unwrap());
    children(&mut look, hub.id(), |c| c[0].rss_bytes > own_rss());
    kill_process(raw(below.pid), Signal::STOP).unwrap();
    children(&mut look, hub.id(), |c| c[0].state == RunState::Stopped);
    // Only the wrapper is killed, as a hub does with `npx`: what it started stays.
    kill_process(raw(alone.id.pid), Signal::KILL).unwrap();
    let orphan = until("orphan", || alive(look.look(hub.id(), None, &config("60.5"))).orphans.pop());
    assert_eq!((orphan.id, orphan.server.as_ref().map(Text::as_str)), (below, Some("s")));
    assert_eq!((orphan.left_by, look.left_by(below)), (None, None), "its hub lives: it is not left by a dead one");
}

#[test]
fn children_that_outlive_the_hub_are_its_orphans() {
    let mut hub = Started::shell("sleep 60.75 & sleep 60.75 & wait");
    let id = hub.id();
    let mut look = Look::default();
    let before = children(&mut look, id, |c| c.iter().filter(|c| c.command.as_str() == "sleep 60.75").count() == 2);
    assert_eq!(look.left_by(before[0].id), None, "its hub lives");
    hub.kill_only();
    let orphans = orphans_of_gone(look.look(id, None, &HubConfig::default()));
    for orphan in &orphans {
        assert_eq!((orphan.left_by, look.left_by(orphan.id)), (Some(id), Some(id)), "whose they are is proved");
    }
    let other = ProcessId { start_ticks: before[0].id.start_ticks + 1, ..before[0].id };
    assert_eq!((look.left_by(other), Look::default().left_by(before[0].id)), (None, None), "not of what was never seen");
    assert_eq!(orphans.iter().map(|o| o.id).collect::<Vec<_>>(), before.iter().map(|c| c.id).collect::<Vec<_>>());
    kill_process_group(raw(id.pid), Signal::KILL).unwrap();
    until("end of the orphans", || orphans_of_gone(look.look(id, None, &HubConfig::default())).is_empty().then_some(()));
}

#[test]
fn a_process_of_a_configured_server_whose_parent_is_gone_is_an_orphan() {
    let mut parent = Started::shell("sleep 61.125 & wait");
    let left = until("child", || procfs::children(parent.0.id(), procfs::Threads::All)?.first().copied().and_then(identify));
    until("sleep", || (Command::of(left.pid).shown("").as_str() == "sleep 61.125").then_some(()));
    parent.kill_only();
    let hub = Started::new("sleep", &["60"]);
    let orphans = alive(Look::default().look(hub.id(), None, &config("61.125"))).orphans;
    assert_eq!(orphans.iter().map(|o| o.id).collect::<Vec<_>>(), [left]);
    assert_eq!(alive(Look::default().look(hub.id(), None, &config("61"))).orphans, []);
}

#[test]
fn the_listener_is_the_hub_another_process_or_nobody() {
    let me = identify(std::process::id()).unwrap();
    let other = Started::new("sleep", &["60"]);
    for address in ["127.0.0.1:0", "[::]:0"] {
        let socket = TcpListener::bind(address).unwrap();
        let bound = socket.local_addr().unwrap();
        let listen = |id| alive(Look::default().look(id, Some(bound.port()), &HubConfig::default())).listen;
        assert_eq!(listen(me), ListenSeen::Hub { addresses: vec![bound.ip()] });
        let ListenSeen::Other { pid, command } = listen(other.id()) else { panic!("{:?}", listen(other.id())) };
        assert_eq!(pid, Some(me.pid));
        assert!(command.as_str().contains("vitals_probe"), "{command}");
        let owner = PortOwner { process: Some(me), addresses: vec![bound.ip()] };
        assert_eq!(owner_of_port(bound.port()), Ok(Some(owner)));
        drop(socket);
        assert_eq!(listen(me), ListenSeen::Nobody);
        assert_eq!(owner_of_port(bound.port()), Ok(None));
    }
}

#[tokio::test]
async fn the_end_of_a_process_is_an_event() {
    let mut process = Started::new("sleep", &["60"]);
    let id = process.id();
    let end = exited(id).unwrap();
    let since = Stopwatch::start();
    process.0.kill().unwrap();
    tokio::time::timeout(DEADLINE, end).await.unwrap();
    println!("exit seen after {:?}", since.elapsed());
    let over = [id, ProcessId { start_ticks: id.start_ticks - 1, ..id }, ProcessId { pid: 0, start_ticks: 0 }];
    for id in over {
        tokio::time::timeout(DEADLINE, exited(id).unwrap()).await.unwrap();
    }
    assert_eq!(identify(id.pid), None);
}

#[tokio::test]
async fn a_live_process_keeps_its_future_waiting() {
    let process = Started::new("sleep", &["60"]);
    let mut end = std::pin::pin!(exited(process.id()).unwrap());
    let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(end.as_mut().poll(cx).is_pending()));
    assert!(polled.await);
}

#[test]
fn a_look_at_a_hub_with_ten_children_is_cheap() {
    let hub = Started::shell("for i in 0 1 2 3 4 5 6 7 8 9; do sleep 62.5 & done; wait");
    let mut look = Look::default();
    children(&mut look, hub.id(), |c| c.iter().filter(|c| c.command.as_str() == "sleep 62.5").count() == 10);
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let mut times: Vec<Duration> = (0..100)
        .map(|_| {
            let since = Stopwatch::start();
            assert_eq!(alive(look.look(hub.id(), None, &config("62.5"))).children.len(), 10);
            since.elapsed()
        })
        .collect();
    times.sort_unstable();
    let since = Stopwatch::start();
    assert_eq!(listen::listeners(port).map(|l| l.len()).unwrap(), 1);
    println!("look: median {:?}; listeners of a port: {:?}", times[50], since.elapsed());
    // Generous, because tests run beside each other and without optimisation.
    assert!(times[50] < Duration::from_millis(20), "{:?}", times[50]);
}

#[test]
fn a_stat_line_with_a_hostile_name() {
    let stat = procfs::parse_stat(
        b"7 (a) R 1 (b\n\xff) Z 42 7 7 0 -1 4194304 102 0 0 0 5 6 0 0 20 0 3 0 150204 3133440 416 18446744073709551615 1 1",
    )
    .unwrap();
    assert_eq!((stat.state, stat.parent, stat.cpu_ticks, stat.threads), (RunState::Zombie, 42, 11, 3));
    assert_eq!((stat.start_ticks, stat.rss_pages, stat.name.as_str()), (150_204, 416, "a) R 1 (b\n\u{fffd}"));
    assert!(!stat.has_ended(), "its other threads go on");
}

proptest! {
    #[test]
    fn no_stat_text_makes_the_parser_panic(raw in proptest::collection::vec(any::<u8>(), 0..120), numbers in "[0-9 ()A-Z-]{0,120}") {
        for raw in [&raw[..], numbers.as_bytes()] {
            // Replacing invalid UTF-8 makes a name at most three times as long.
            prop_assert!(procfs::parse_stat(raw).is_none_or(|s| s.name.len() <= 3 * raw.len()));
        }
    }
}
