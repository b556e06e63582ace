//! Routes as timelines: what is told when, and what is sent when because of it.

mod after_a_restart;
mod daily;
mod grouped;
mod in_the_monitor;
mod laws;

use std::collections::BTreeMap;
use std::time::Duration;

use vitals_model::check::CheckId;
use vitals_model::incident::{Handling, IncidentState, QuietReason, Ties};
use vitals_model::notice::{Escalation, Match, Outcome, Receiver, Stage, Status};
use vitals_model::quiet::{Cron, Maintenance, Pattern, Remark};
use vitals_model::reading::Health;
use vitals_model::remedy::AUTHOR;
use vitals_model::target::TargetId;
use vitals_model::text::Text;

use super::*;

/// Sunday, 2026-11-22, 12:00 UTC.
const NOON: Timestamp = Timestamp::from_millis(1_795_348_800_000);

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A route that tells the receiver `chat`.
fn route(name: &str) -> Route {
    Route { name: name.to_owned(), receivers: vec!["chat".to_owned()], ..Route::default() }
}

fn notices(routes: Vec<Route>) -> Arc<Notices> {
    let names = ["chat", "pager", "boss"].map(str::to_owned);
    Arc::new(Notices { receivers: names.map(|name| (name, Receiver::default())).into(), routes, ..Notices::default() })
}

fn incident(id: u64, check: &str) -> Incident {
    Incident {
        id,
        target: TargetId::new("hub-1"),
        check: CheckId::from_stored(check),
        kind: "ghost".to_owned(),
        health: Health::Failing,
        state: IncidentState::Open,
        summary: "claimed, and gone".to_owned(),
        evidence: Vec::new(),
        hint: "start it".to_owned(),
        opened_at: NOON,
        updated_at: NOON,
        resolved_at: None,
        flapping: false,
        ties: Ties::default(),
        handling: Handling::told(NOON),
    }
}

/// A router with the incidents that there are.
struct Bench {
    router: Router,
    now: Timestamp,
    all: BTreeMap<u64, Now>,
    /// What was sent, in words, with the seconds since noon.
    sent: Vec<String>,
    notices: Vec<Notice>,
    decisions: Vec<Decision>,
}

impl Bench {
    fn new(of: Vec<Route>) -> Self {
        let mut router = Router::default();
        router.follow(notices(of));
        Self { router, now: NOON, all: BTreeMap::new(), sent: Vec::new(), notices: Vec::new(), decisions: Vec::new() }
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Notify(notice) => {
                    let ids: Vec<_> = notice.incidents.iter().map(|incident| format!("I{}", incident.id)).collect();
                    let (stage, status) = (notice.stage.as_str(), notice.status.as_str());
                    let after = self.now.since(NOON).as_secs_f64();
                    self.sent.push(format!("{after} {}: {stage} {status} {}", notice.receiver, ids.join(" ")));
                    self.notices.push(*notice);
                }
                Effect::Keep(Record::Decision(decision)) => self.decisions.push(decision),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Lets time pass, and does what is due at the moment at which it is.
    fn until(&mut self, after: Duration) {
        let end = NOON.plus(after);
        while let Some(due) = self.router.due_at().filter(|at| *at <= end) {
            self.now = self.now.max(due);
            let all = self.all.clone();
            let effects = self.router.due(self.now, &|id| all.get(&id).cloned());
            self.take(effects);
            assert!(self.router.due_at().is_none_or(|next| next > self.now), "what was due is done, or put off");
        }
        self.now = end;
    }

    fn tell(&mut self, change: IncidentChange, incident: Incident) {
        let of = Now { incident, quiet: None, labels: std::iter::once(("team".to_owned(), "ml".to_owned())).collect() };
        self.all.insert(of.incident.id, of.clone());
        let effects = self.router.tell(self.now, change, &of);
        self.take(effects);
    }

    fn open(&mut self, id: u64, check: &str) {
        self.tell(IncidentChange::Opened, incident(id, check));
    }

    fn change(&mut self, id: u64, change: IncidentChange, with: impl FnOnce(&mut Incident)) {
        let mut incident = self.all[&id].incident.clone();
        with(&mut incident);
        self.tell(change, incident);
    }

    fn resolve(&mut self, id: u64) {
        let now = self.now;
        self.change(id, IncidentChange::Resolved, |incident| {
            (incident.state, incident.resolved_at) = (IncidentState::Resolved, Some(now));
        });
    }

    fn acknowledge(&mut self, id: u64) {
        let remark = Remark { at: self.now, author: Text::new("ada"), text: Text::new("on it") };
        self.change(id, IncidentChange::Acknowledged, |incident| incident.handling.acknowledged = Some(remark));
        self.quiet(id, QuietReason::Acknowledged);
    }

    /// From now on people are not told of it, for this reason.
    fn quiet(&mut self, id: u64, reason: QuietReason) {
        let quiet = Quiet { reason, sentence: reason.as_str().to_owned() };
        self.all.get_mut(&id).expect("it is there").quiet = Some(quiet);
    }

    #[track_caller]
    fn assert_sent(&mut self, expected: &[&str]) {
        assert_eq!(self.sent, expected);
        self.sent.clear();
    }

    /// The kinds of decision about an incident, in order.
    fn decided(&self, id: u64) -> Vec<&'static str> {
        self.decisions.iter().filter(|d| d.incident == id).map(|d| d.kind.as_str()).collect()
    }
}

#[test]
fn without_a_route_nothing_is_sent_and_nothing_is_decided() {
    let mut bench = Bench::new(vec![]);
    bench.open(1, "hub-servers/fs/truth");
    bench.until(s(86_400));
    bench.assert_sent(&[]);
    assert_eq!(bench.decisions, []);
}

#[test]
fn a_fault_and_its_end_are_told_once_each() {
    let mut bench = Bench::new(vec![route("all")]);
    bench.open(1, "hub-servers/fs/truth");
    bench.until(s(60));
    bench.assert_sent(&["1 chat: first firing I1"]);
    bench.resolve(1);
    bench.until(s(86_400));
    bench.assert_sent(&["61 chat: changed resolved I1"]);
    assert_eq!(bench.decided(1), ["matched", "waiting", "sent", "waiting", "sent"]);
    assert_eq!(bench.router.due_at(), None, "nothing is left of it");
    let [first, last] = &bench.notices[..] else { panic!("two notices") };
    assert_eq!((first.key("h"), first.id, last.id), (last.key("h"), 1, 2));
    assert_eq!(first.labels["team"], "ml");
}

#[test]
fn the_first_route_that_matches_takes_it_and_one_that_goes_on_asks_the_next() {
    let critical = Match { severity: vitals_model::notice::Severity::Critical, ..Match::default() };
    let llm = Match { check: Pattern::new("hub-llm/*"), ..Match::default() };
    let labels = std::iter::once(("team".to_owned(), Pattern::new("m*"))).collect();
    let mut bench = Bench::new(vec![
        Route { matches: llm, receivers: vec!["boss".to_owned()], ..route("llm") },
        Route { matches: Match { labels, ..critical }, receivers: vec!["pager".to_owned()], goes_on: true, ..route("page") },
        route("all"),
        route("never"),
    ]);
    bench.open(1, "hub-servers/fs/truth");
    bench.until(s(5));
    bench.assert_sent(&["1 chat: first firing I1", "1 pager: first firing I1"]);
    bench.tell(IncidentChange::Opened, Incident { health: Health::Degraded, ..incident(2, "hub-llm/key") });
    bench.until(s(10));
    bench.assert_sent(&["6 boss: first firing I2"]);
}

#[test]
fn what_no_route_takes_is_said_with_the_reason_of_each() {
    let other = Match { target: Pattern::new("hub-2"), ..Match::default() };
    let labels = std::iter::once(("team".to_owned(), Pattern::new("ops"))).collect();
    let team = Match { labels, ..Match::default() };
    let mut bench = Bench::new(vec![Route { matches: other, ..route("other") }, Route { matches: team, ..route("team") }]);
    bench.open(1, "hub-servers/fs/truth");
    bench.until(s(10));
    bench.assert_sent(&[]);
    let why = "no route takes it; other: its target is not hub-2; team: its target has no label team=ops";
    assert_eq!((bench.decided(1), bench.decisions[0].sentence.as_str()), (vec!["unmatched"], why));
}

#[test]
fn what_is_over_before_anybody_was_told_is_not_told() {
    let mut bench = Bench::new(vec![route("all")]);
    bench.open(1, "hub-servers/fs/truth");
    bench.resolve(1);
    bench.until(s(100));
    bench.assert_sent(&[]);
    assert_eq!(bench.decided(1), ["matched", "waiting", "withheld"]);
}

#[test]
fn what_was_repaired_before_anybody_was_told_is_told_once() {
    let mut bench = Bench::new(vec![route("all")]);
    bench.open(1, "hub-servers/fs/truth");
    let now = bench.now;
    bench.change(1, IncidentChange::Resolved, |incident| {
        (incident.state, incident.resolved_at) = (IncidentState::Resolved, Some(now));
        incident.handling.note(Remark {
            at: now,
            author: Text::new(AUTHOR),
            text: Text::new("A1 restart the server fs: helped"),
        });
    });
    bench.until(s(100));
    bench.assert_sent(&["1 chat: first resolved I1"]);
    assert_eq!(
        (bench.decided(1), bench.notices[0].reason.as_str()),
        (vec!["matched", "waiting", "waiting", "sent"], "1 incident repaired at once")
    );
}

#[test]
fn what_grows_worse_is_told_and_what_changes_otherwise_is_not() {
    let mut bench = Bench::new(vec![route("all")]);
    bench.tell(IncidentChange::Opened, Incident { health: Health::Degraded, ..incident(1, "hub-servers/fs/call") });
    bench.until(s(10));
    bench.assert_sent(&["1 chat: first firing I1"]);
    bench.change(1, IncidentChange::Updated, |incident| incident.summary.push_str(", still"));
    bench.until(s(50));
    bench.assert_sent(&[]);
    bench.change(1, IncidentChange::Updated, |incident| incident.health = Health::Failing);
    bench.until(s(60));
    bench.assert_sent(&["51 chat: changed firing I1"]);
    assert_eq!(bench.decided(1), ["matched", "waiting", "sent", "deduplicated", "waiting", "sent"]);
}

#[test]
fn what_lasts_is_told_again_until_somebody_takes_it_up() {
    let mut bench = Bench::new(vec![Route { repeat: Some(s(600)), ..route("all") }]);
    bench.open(1, "hub-servers/fs/truth");
    bench.until(s(1300));
    bench.assert_sent(&["1 chat: first firing I1", "601 chat: repeated firing I1", "1201 chat: repeated firing I1"]);
    bench.acknowledge(1);
    bench.until(s(10_000));
    bench.assert_sent(&["1301 chat: changed acknowledged I1"]);
    bench.resolve(1);
    bench.until(s(10_100));
    bench.assert_sent(&["10001 chat: changed resolved I1"]);
}

#[test]
fn others_are_told_when_nobody_takes_it_up_and_then_hear_of_its_end() {
    let escalate = Escalation { after: Some(s(900)), receivers: vec!["boss".to_owned()] };
    let mut bench = Bench::new(vec![Route { escalate, repeat: None, ..route("all") }]);
    bench.open(1, "hub-servers/fs/truth");
    bench.until(s(2000));
    bench.assert_sent(&["1 chat: first firing I1", "901 boss: escalated firing I1"]);
    bench.resolve(1);
    bench.until(s(2100));
    bench.assert_sent(&["2001 chat: changed resolved I1", "2001 boss: changed resolved I1"]);
    // The next one begins at the first step again.
    bench.open(2, "hub-servers/fs/truth");
    bench.until(s(2200));
    bench.acknowledge(2);
    bench.until(s(9000));
    bench.assert_sent(&["2101 chat: first firing I2", "2201 chat: changed acknowledged I2"]);
}

#[test]
fn outside_of_its_window_a_route_waits_and_an_end_is_told_all_the_same() {
    let window = Maintenance { cron: Cron::parse("5 12 * * *").ok(), lasts: s(600), ..Maintenance::default() };
    let during = std::iter::once(("lunch".to_owned(), window)).collect();
    let mut bench = Bench::new(vec![Route { during, repeat: Some(s(300)), ..route("all") }]);
    bench.open(1, "hub-servers/fs/truth");
    bench.open(2, "hub-servers/api");
    bench.until(s(100));
    bench.resolve(2);
    bench.until(s(299));
    bench.assert_sent(&[]);
    assert_eq!(bench.decided(1), ["matched", "waiting", "outside"]);
    assert_eq!(bench.decided(2), ["matched", "waiting", "outside", "withheld"]);
    // Repeated within the window, and no more behind it.
    bench.until(s(3000));
    bench.assert_sent(&["300 chat: first firing I1", "600 chat: repeated firing I1"]);
    bench.resolve(1);
    bench.until(s(4000));
    bench.assert_sent(&["3001 chat: changed resolved I1"]);
}

#[test]
fn what_is_silenced_meanwhile_waits_and_is_told_when_the_silence_is_over() {
    let mut bench = Bench::new(vec![Route { repeat: Some(s(300)), ..route("all") }]);
    bench.open(1, "hub-servers/fs/truth");
    bench.quiet(1, QuietReason::Silenced);
    bench.until(s(200));
    bench.assert_sent(&[]);
    assert_eq!(bench.decided(1), ["matched", "waiting", "withheld"]);
    bench.all.get_mut(&1).unwrap().quiet = None;
    bench.until(s(250));
    bench.assert_sent(&["240 chat: first firing I1"]);
    // No repeat of what is silenced; the first look without the silence makes up for it.
    bench.quiet(1, QuietReason::Silenced);
    bench.until(s(1000));
    bench.assert_sent(&[]);
    bench.all.get_mut(&1).unwrap().quiet = None;
    bench.until(s(1100));
    assert_eq!(bench.sent.len(), 1, "{:?}", bench.sent);
}

#[test]
fn a_clock_that_is_set_back_does_not_hold_up_what_waits() {
    let mut bench = Bench::new(vec![route("all")]);
    bench.open(1, "hub-servers/fs/truth");
    bench.router.skip(-3_600_000);
    assert_eq!(bench.router.due_at(), Some(NOON.plus(s(1)).shifted(-3_600_000)));
}

#[test]
fn receivers_count_what_came_of_their_notices() {
    let mut bench = Bench::new(vec![route("all")]);
    bench.open(1, "hub-servers/fs/truth");
    bench.until(s(1));
    assert_eq!(bench.router.receivers()["chat"].waiting, 1);
    let delivery = |outcome| Delivery { notice: 1, receiver: "chat".to_owned(), at: NOON, attempts: 1, outcome };
    bench.router.delivered(delivery(Outcome::Delayed(Text::new("HTTP 503"))));
    bench.router.delivered(delivery(Outcome::Delivered(Text::new("200"))));
    let state = &bench.router.receivers()["chat"];
    assert_eq!((state.delayed, state.delivered, state.waiting), (1, 1, 0));
    assert_eq!(bench.router.receivers().len(), 3, "one that was never used is shown too");
}

#[test]
fn stages_and_statuses_have_words_of_their_own() {
    let words = Stage::ALL.map(Stage::as_str).into_iter().chain(Status::ALL.map(Status::as_str));
    assert_eq!(words.chain([Status::Report.as_str()]).collect::<BTreeSet<_>>().len(), 10);
}
