//! Routes in the monitor: what is told goes by them, and what people order counts.

use vitals_model::config::TargetSettings;
use vitals_model::observation::{ApiSeen, Failure, FailureKind, Observation, Phase, Seen};
use vitals_model::quiet::{Order, Silence};
use vitals_model::target::{Address, Origin, Target};

use super::*;
use crate::event::{Event, Memory};
use crate::monitor::Monitor;

/// A monitor of one hub that does not answer.
struct Watching {
    monitor: Monitor,
    now: Timestamp,
    sent: Vec<String>,
}

impl Watching {
    fn begin(memory: Memory) -> Self {
        let mut watching = Self { monitor: Monitor::new(NOON, memory), now: NOON, sent: Vec::new() };
        watching.apply(Event::Notices(notices(vec![Route { repeat: Some(s(600)), ..route("all") }])));
        watching.watch();
        watching
    }

    fn watch(&mut self) {
        let labels = std::iter::once(("team".to_owned(), "ml".to_owned())).collect();
        self.apply(Event::Watch(Target {
            id: TargetId::new("hub-1"),
            address: Address::Hub { url: "http://127.0.0.1:1".to_owned() },
            origin: Origin::Configured,
            settings: Arc::new(TargetSettings { labels, ..TargetSettings::default() }),
        }));
    }

    fn apply(&mut self, event: Event) {
        for effect in self.monitor.apply(self.now, event) {
            if let Effect::Notify(notice) = effect {
                let of = notice.labels.get("team").map_or("-", String::as_str);
                self.sent.push(format!("{} {} {of}", notice.stage.as_str(), notice.status.as_str()));
            }
        }
    }

    /// So many seconds in which every look fails.
    fn fail(&mut self, seconds: u64) {
        for n in 0..seconds {
            self.now = self.now.plus(s(1));
            if n % 10 == 0 {
                let kind = FailureKind::Refused;
                let failure = Failure { phase: Phase::Connect, kind, evidence: Text::default(), after: Duration::ZERO };
                let seen = Seen::Api(Box::new(ApiSeen::failed(&failure)));
                let observation = Observation { target: TargetId::new("hub-1"), at: self.now, took: Duration::ZERO, seen };
                self.apply(Event::Observed(observation));
            }
            self.apply(Event::Tick);
        }
    }
}

#[test]
fn a_target_that_is_not_watched_any_more_ends_what_was_told_of_it() {
    let mut watching = Watching::begin(Memory::default());
    watching.fail(60);
    assert_eq!(watching.sent, ["first firing ml"]);
    watching.apply(Event::Forget(TargetId::new("hub-1")));
    watching.fail(60);
    assert_eq!(watching.sent[1..], ["changed resolved -"]);
    watching.watch();
    watching.fail(60);
    assert_eq!(watching.sent[2..], ["first firing ml"], "it comes back as it was");
    assert_eq!(watching.monitor.snapshot(watching.now).own.receivers["chat"].waiting, 3);
}

#[test]
fn what_is_silenced_after_it_was_told_is_not_repeated() {
    let mut watching = Watching::begin(Memory::default());
    watching.fail(60);
    let remark = Remark { at: watching.now, author: Text::new("ada"), text: Text::new("moving") };
    let until = watching.now.plus(s(1200));
    let silence = Silence { id: 0, target: Pattern::all(), check: Pattern::all(), until, remark };
    watching.apply(Event::Ordered(Order::Silence(silence)));
    watching.fail(1100);
    assert_eq!(watching.sent, ["first firing ml"]);
    watching.fail(300);
    assert_eq!(watching.sent[1..], ["repeated firing ml"]);
}

#[test]
fn a_monitor_that_begins_again_goes_on_from_what_was_kept() {
    let mut first = Watching::begin(Memory::default());
    let (mut incidents, mut posted) = (BTreeMap::new(), Vec::new());
    for second in 1..=60 {
        first.now = NOON.plus(s(second));
        let kind = FailureKind::Refused;
        let failure = Failure { phase: Phase::Connect, kind, evidence: Text::default(), after: Duration::ZERO };
        let seen = Seen::Api(Box::new(ApiSeen::failed(&failure)));
        let seen = Observation { target: TargetId::new("hub-1"), at: first.now, took: Duration::ZERO, seen };
        for effect in [Event::Observed(seen), Event::Tick].into_iter().flat_map(|event| first.monitor.apply(first.now, event)) {
            match effect {
                Effect::Keep(Record::Incident(incident)) => drop(incidents.insert(incident.id, *incident)),
                Effect::Notify(notice) => posted.push(Posted { notice: *notice, delivery: None }),
                _ => {}
            }
        }
    }
    assert_eq!((posted.len(), incidents.len()), (1, 1));
    let left = || incidents.values().cloned().collect::<Vec<_>>();
    for (kept, sent) in [(posted, vec![]), (Vec::new(), vec!["first firing ml"])] {
        let memory = Memory { incidents: left(), last_incident: 1, last_notice: 1, posted: kept, ..Memory::default() };
        let mut again = Watching::begin(memory);
        again.now = NOON.plus(s(100));
        again.apply(Event::Tick);
        again.fail(60);
        assert_eq!(again.sent, sent);
    }
}
