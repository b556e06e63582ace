//! A router goes on from what the one before it sent: it neither forgets nor tells anew.

use super::*;

impl Bench {
    /// Ends the router, and begins another one that knows the notices that were kept.
    pub(super) fn restart(&mut self, routes: Vec<Route>, kept: usize) {
        let posted: Vec<_> =
            self.notices[..kept].iter().map(|notice| Posted { notice: notice.clone(), delivery: None }).collect();
        self.router = Router::remembering(kept as u64, &posted);
        self.router.follow(notices(routes));
        let all = self.all.clone();
        let open: Vec<_> = all.values().filter(|of| of.incident.resolved_at.is_none()).cloned().collect();
        let effects = self.router.reconcile(self.now, &open, &|id| all.get(&id).cloned());
        self.take(effects);
    }
}

#[test]
fn what_was_sent_is_not_sent_again_and_its_end_is() {
    let mut bench = Bench::new(vec![route("all")]);
    bench.open(1, "hub-servers/fs/truth");
    bench.until(s(5));
    bench.restart(vec![route("all")], 1);
    bench.until(s(50));
    bench.assert_sent(&["1 chat: first firing I1"]);
    bench.resolve(1);
    bench.until(s(100));
    bench.assert_sent(&["51 chat: changed resolved I1"]);
    assert_eq!(bench.notices[1].id, 2);
}

#[test]
fn what_was_told_and_not_sent_yet_is_sent() {
    let mut bench = Bench::new(vec![route("all")]);
    bench.open(1, "hub-servers/fs/truth");
    bench.restart(vec![route("all")], 0);
    bench.until(s(50));
    bench.assert_sent(&["1 chat: first firing I1"]);
}

#[test]
fn what_ended_meanwhile_is_said_to_be_over_whether_it_is_still_known_or_not() {
    for is_known in [true, false] {
        let mut bench = Bench::new(vec![route("all")]);
        bench.open(1, "hub-servers/fs/truth");
        bench.until(s(5));
        bench.sent.clear();
        let of = bench.all.get_mut(&1).unwrap();
        (of.incident.state, of.incident.resolved_at) = (IncidentState::Resolved, Some(NOON.plus(s(4))));
        if !is_known {
            bench.all.clear();
        }
        bench.restart(vec![route("all")], 1);
        bench.until(s(100));
        bench.assert_sent(&["31 chat: changed resolved I1"]);
    }
}

#[test]
fn an_escalation_is_not_repeated() {
    let escalate = Escalation { after: Some(s(100)), receivers: vec!["boss".to_owned()] };
    let routes = || vec![Route { escalate: escalate.clone(), ..route("all") }];
    let mut bench = Bench::new(routes());
    bench.open(1, "hub-servers/fs/truth");
    bench.until(s(200));
    bench.assert_sent(&["1 chat: first firing I1", "101 boss: escalated firing I1"]);
    bench.restart(routes(), 2);
    bench.until(s(1000));
    bench.assert_sent(&[]);
    bench.resolve(1);
    bench.until(s(2000));
    bench.assert_sent(&["1001 chat: changed resolved I1", "1001 boss: changed resolved I1"]);
}

#[test]
fn a_new_route_is_told_what_lasts_and_a_route_that_is_gone_is_forgotten() {
    let mut bench = Bench::new(vec![route("old")]);
    bench.open(1, "hub-servers/fs/truth");
    bench.until(s(5));
    bench.restart(vec![Route { receivers: vec!["pager".to_owned()], ..route("new") }], 1);
    bench.until(s(50));
    bench.assert_sent(&["1 chat: first firing I1", "6 pager: first firing I1"]);
    bench.resolve(1);
    bench.until(s(100));
    bench.assert_sent(&["51 pager: changed resolved I1"]);
}
