//! Memory has bounds, whatever a hub sends and for however long.

use std::sync::Arc;
use std::time::Duration;

use vitals_judge::event::{Event, Memory};
use vitals_judge::monitor::Monitor;
use vitals_model::claim::{ClaimStatus, ServerClaim};
use vitals_model::observation::{
    ApiSeen, ExitRole, ExitSeen, LogFile, Observation, ProcessId, Seen, StreamNote, StreamSeen, Timing,
};
use vitals_model::observation::{ErrorKind, Level, LevelCounts, LogSeen, LogStretch};
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

/// How many other servers the hub names each time.
const NAMES: u64 = 15;

fn claim(n: u64) -> ServerClaim {
    ServerClaim {
        name: Text::new(&format!("server-{n}")),
        status: if n.is_multiple_of(3) { ClaimStatus::Disconnected } else { ClaimStatus::Connected },
        error: None,
        uptime: Some(Duration::ZERO),
        started_at: None,
        transport: None,
        tools: Some([(Text::new(&format!("tool-{n}")), n)].into_iter().collect()),
        canary: None,
    }
}

fn api(round: u64) -> Seen {
    Seen::Api(Box::new(ApiSeen {
        health: Ok(vitals_model::claim::HubClaim::default()),
        servers: Ok((round * NAMES..(round + 1) * NAMES).map(claim).collect()),
        servers_left_out: 0,
        filtering: None,
        timing: Timing::default(),
        health_bytes: 100,
    }))
}

fn log(round: u64, at: Timestamp) -> Seen {
    let mut counts = LevelCounts::default();
    counts.add(Level::Error, 2);
    let kind = ErrorKind { code: Text::new(&format!("CODE-{round}")), example: Text::new("it broke"), count: 2, first: None };
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
    let stretch = LogStretch {
        bytes: 10,
        over: Some(Duration::from_millis(200)),
        pino: 2,
        minutes: vec![(at.minus(Duration::from_secs(round * 60)), counts), (at, counts)],
        errors: vec![kind],
        ..LogStretch::default()
    };
    Seen::Log(Box::new(LogSeen { file: Ok(file), stretch }))
}

fn notes(round: u64) -> Seen {
    let record = StreamNote::Log {
        at: Some(Timestamp::from_millis(i64::MAX - 1)),
        level: Level::Error,
        code: Text::new(&format!("STREAM-{round}")),
        message: Text::new(&format!("message {round}")),
    };
    let turn = vitals_model::observation::ServerTurn {
        at: None,
        server: Text::new(&format!("server-{round}")),
        turn: vitals_model::observation::Turn::Lost,
    };
    Seen::Stream(StreamSeen::Notes { notes: vec![record, StreamNote::Turn(turn), StreamNote::Heartbeat], dropped: 1 })
}

fn exit(round: u64) -> Seen {
    let pid = u32::try_from(round % 30_000).unwrap_or_default();
    let server = Some(Text::new(&format!("server-{round}")));
    let role = ExitRole::Child { command: Text::new("node"), server };
    Seen::Exit(ExitSeen { id: ProcessId { pid, start_ticks: round }, role })
}

/// The size of everything that the monitor remembers, written out.
fn size_after(rounds: &[u64]) -> Vec<usize> {
    let mut monitor = Monitor::new(Timestamp::default(), Memory::default());
    let id = TargetId::new("main");
    let address = Address::Hub { url: "http://127.0.0.1:7001".to_owned() };
    monitor.apply(
        Timestamp::default(),
        Event::Watch(Target { id: id.clone(), address, origin: Origin::Configured, settings: Arc::default() }),
    );
    let mut sizes = Vec::new();
    for round in 0..=rounds.iter().copied().max().unwrap_or_default() {
        let at = Timestamp::default().plus(Duration::from_secs(61 * round + 1));
        for seen in [api(round), log(round, at), notes(round), exit(round)] {
            let observation = Observation { target: id.clone(), at, took: Duration::ZERO, seen };
            monitor.apply(at, Event::Observed(observation));
        }
        if rounds.contains(&round) {
            sizes.push(format!("{monitor:?}").len());
        }
    }
    sizes
}

#[test]
fn a_hub_that_names_other_servers_each_time_does_not_fill_our_memory() {
    // By the first mark every window is full: 512 turns and exits, an hour of log, 1024 tool lists, a day of minutes.
    let sizes = size_after(&[800, 1200, 1600]);
    let most = sizes.iter().max().copied().unwrap_or_default();
    assert!(most < sizes[0] + sizes[0] / 10, "bytes after 800, 1200 and 1600 rounds: {sizes:?}");
}
