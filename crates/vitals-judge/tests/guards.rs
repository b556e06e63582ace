//! What is wrong with ourselves is said once, and no target is blamed: a network of our own that fails, and
//! targets that are asked over it.

use std::sync::Arc;
use std::time::Duration;

use vitals_judge::event::{Effect, Event, Memory};
use vitals_judge::monitor::Monitor;
use vitals_model::config::TargetSettings;
use vitals_model::observation::{ApiSeen, Failure, FailureKind, Observation, Phase, Seen};
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

/// A monitor of hubs on these hosts.
struct Bench {
    monitor: Monitor,
    now: Timestamp,
    /// What was told: change, kind, target.
    told: Vec<String>,
}

impl Bench {
    fn of(hosts: &[&str]) -> Self {
        let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap_or_default();
        let mut bench = Self { monitor: Monitor::new(now, Memory::default()), now, told: Vec::new() };
        for host in hosts {
            bench.apply(Event::Watch(Target {
                id: TargetId::new(host),
                address: Address::Hub { url: format!("http://{host}:7001") },
                origin: Origin::Configured,
                settings: Arc::new(TargetSettings::default()),
            }));
        }
        bench
    }

    fn apply(&mut self, event: Event) {
        for effect in self.monitor.apply(self.now, event) {
            if let Effect::Tell(change, incident) = effect {
                self.told.push(format!("{} {} {}", change.as_str(), incident.kind, incident.target));
            }
        }
    }

    /// A look at the API of a hub that failed so.
    fn fails(&mut self, host: &str, kind: FailureKind) {
        let failure = Failure { phase: Phase::Connect, kind, evidence: Text::default(), after: Duration::from_secs(2) };
        let seen = Seen::Api(Box::new(ApiSeen::failed(&failure)));
        let observation = Observation { target: TargetId::new(host), at: self.now, took: Duration::from_secs(2), seen };
        self.apply(Event::Observed(observation));
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = self.now.plus(Duration::from_secs(1));
            self.apply(Event::Tick);
        }
    }

    /// What was told since this was last asked.
    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

#[test]
fn a_network_of_our_own_that_fails_is_one_incident_and_blames_no_target() {
    let mut bench = Bench::of(&["a.example", "b.example", "c.example"]);
    for host in ["a.example", "b.example", "c.example"] {
        bench.fails(host, FailureKind::Unreachable);
    }
    bench.pass(30);
    assert_eq!(bench.told(), ["OPENED network mcp-vitals"]);
    let snapshot = bench.monitor.snapshot(bench.now);
    assert!(snapshot.targets.iter().all(|target| target.open.is_empty()), "no target has one");
    assert_eq!(snapshot.own.open.len(), 1, "faces see ours");

    // One answers again, if only by refusing: it is over, and what was measured before blames nobody.
    bench.fails("a.example", FailureKind::Refused);
    bench.pass(1);
    assert_eq!(bench.told(), ["RESOLVED network mcp-vitals"]);
    bench.pass(5);
    assert_eq!(bench.told(), Vec::<String>::new(), "b and c were not looked at again yet, a was when it ended");
    // The next looks tell what is true.
    bench.fails("a.example", FailureKind::Refused);
    bench.fails("b.example", FailureKind::Unreachable);
    bench.pass(3);
    assert_eq!(bench.told(), ["OPENED api a.example", "OPENED api b.example"]);
}

#[test]
fn what_was_told_before_our_network_was_known_to_fail_follows_from_it() {
    let mut bench = Bench::of(&["a.example", "b.example"]);
    bench.fails("a.example", FailureKind::NoSuchHost);
    bench.pass(3);
    assert_eq!(bench.told(), ["OPENED api a.example"]);
    bench.fails("b.example", FailureKind::NoSuchHost);
    bench.pass(30);
    assert_eq!(bench.told(), ["OPENED network mcp-vitals"]);
    let snapshot = bench.monitor.snapshot(bench.now);
    let follows = snapshot.targets.iter().flat_map(|t| &t.open).map(|i| i.ties.follows.as_ref().map(|c| c.check.to_string()));
    assert_eq!(follows.collect::<Vec<_>>(), [Some("own/network".to_owned())]);
}

#[test]
fn one_target_alone_says_nothing_of_our_network() {
    let mut bench = Bench::of(&["a.example", "127.0.0.1"]);
    bench.fails("a.example", FailureKind::Unreachable);
    bench.fails("127.0.0.1", FailureKind::Refused);
    bench.pass(30);
    assert_eq!(bench.told(), ["OPENED api 127.0.0.1", "OPENED api a.example"]);
}
