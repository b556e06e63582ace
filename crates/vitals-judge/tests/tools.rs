//! The tools that faces are shown: what a server has, what clients are shown of it, and what it had while it shows none.

use std::sync::Arc;
use std::time::Duration;

use vitals_judge::event::{Event, Memory};
use vitals_judge::monitor::Monitor;
use vitals_model::claim::{ClaimStatus, HubClaim, ServerClaim};
use vitals_model::observation::{ApiSeen, Observation, Opened, Seen, SessionSeen, SessionView, Timing, Transport};
use vitals_model::snapshot::ServerTools;
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::ToolSet;

/// 12:00 UTC of a day in November 2026.
const NOON: Timestamp = Timestamp::from_millis(1_795_348_800_000);

fn set(tools: &[&str]) -> ToolSet {
    tools.iter().map(|name| (Text::new(name), 1)).collect()
}

/// A hub whose one server has these tools, as its REST list says.
fn api(tools: &[&str]) -> Seen {
    let claim = ServerClaim {
        name: Text::new("fs"),
        status: ClaimStatus::Connected,
        error: None,
        uptime: None,
        started_at: None,
        transport: None,
        tools: Some(set(tools)),
        canary: None,
    };
    Seen::Api(Box::new(ApiSeen {
        health: Ok(HubClaim::default()),
        servers: Ok(vec![claim]),
        servers_left_out: 0,
        filtering: None,
        timing: Timing::default(),
        health_bytes: 100,
    }))
}

/// A session that lists these.
fn session(tools: &[&str]) -> Seen {
    let view = SessionView {
        opened: Ok(Opened {
            transport: Transport::StreamableHttp,
            protocol: Text::new("2025-11-25"),
            server: Text::new("hub"),
            connect: Duration::ZERO,
            initialize: Duration::ZERO,
        }),
        tools: Ok(set(tools)),
        list_took: Duration::ZERO,
        pages: 1,
        meta_tool: false,
        list_changes: 0,
        noise: 0,
    };
    Seen::Session(Box::new(SessionSeen { sessions: vec![view], calls: Vec::new(), opened_total: 1, held: true }))
}

#[test]
fn the_tools_of_a_server_are_known_while_it_shows_none() {
    let address = Address::Hub { url: "http://127.0.0.1:7001".to_owned() };
    let target = Target { id: TargetId::new("hub"), address, origin: Origin::Configured, settings: Arc::default() };
    let mut monitor = Monitor::new(NOON, Memory::default());
    monitor.apply(NOON, Event::Watch(target.clone()));
    let mut told = |seconds: u64, seen: Seen| -> ServerTools {
        let at = NOON.plus(Duration::from_secs(seconds));
        let observation = Observation { target: target.id.clone(), at, took: Duration::ZERO, seen };
        monitor.apply(at, Event::Observed(observation));
        monitor.snapshot(at).targets[0].tools[&Text::new("fs")].clone()
    };
    let first = told(1, api(&["read", "write"]));
    assert_eq!((first.own, first.listed), (set(&["read", "write"]), None), "no session has listed anything yet");
    let listed = told(2, session(&["fs__read"]));
    assert_eq!((listed.own, listed.listed), (set(&["read", "write"]), Some(set(&["read"]))));
    let emptied = told(3, api(&[]));
    assert_eq!(emptied.own, set(&["read", "write"]), "it had them, and may have them again");
    assert_eq!(told(4, api(&["other"])).own, set(&["other"]), "what it says now counts more");
}
