//! What belongs together is one notice.

use vitals_model::limits::{GROUPS_MAX, NOTICE_INCIDENTS_MAX};
use vitals_model::notice::GroupBy;

use super::*;

#[test]
fn an_avalanche_is_one_notice_and_its_end_too() {
    let mut bench = Bench::new(vec![route("all")]);
    for n in 1..=101 {
        bench.open(n, &format!("hub-servers/s{n}/truth"));
    }
    bench.until(s(600));
    assert_eq!(bench.notices.len(), 1, "{:?}", bench.sent);
    assert_eq!((bench.notices[0].incidents.len(), bench.notices[0].more), (101, 0));
    (1..=101).for_each(|n| bench.resolve(n));
    bench.until(s(1200));
    assert_eq!(bench.notices.len(), 2);
    assert_eq!((bench.notices[1].status, bench.notices[1].incidents.len()), (Status::Resolved, 101));
}

#[test]
fn what_follows_from_another_one_by_then_is_left_out() {
    let mut bench = Bench::new(vec![route("all")]);
    bench.open(1, "hub-servers/process");
    bench.open(2, "hub-servers/fs/truth");
    bench.quiet(2, QuietReason::Follows);
    bench.until(s(10));
    bench.assert_sent(&["1 chat: first firing I1"]);
    // Its end is no news to those who never heard of it.
    bench.resolve(2);
    bench.resolve(1);
    bench.until(s(200));
    bench.assert_sent(&["31 chat: changed resolved I1"]);
}

#[test]
fn what_comes_later_waits_for_the_interval_and_tells_of_all_that_lasts() {
    let mut bench = Bench::new(vec![Route { group_interval: s(60), ..route("all") }]);
    bench.open(1, "hub-servers/a/truth");
    bench.until(s(10));
    bench.open(2, "hub-servers/b/truth");
    bench.until(s(20));
    bench.open(3, "hub-servers/c/truth");
    bench.resolve(2);
    bench.until(s(70));
    bench.assert_sent(&["1 chat: first firing I1", "61 chat: changed firing I1 I3"]);
    assert_eq!(bench.notices[1].reason, "1 incident began");
    bench.resolve(1);
    bench.until(s(130));
    // What lasts comes first.
    bench.assert_sent(&["121 chat: changed firing I3 I1"]);
    bench.acknowledge(3);
    bench.until(s(200));
    bench.assert_sent(&["181 chat: changed acknowledged I3"]);
}

#[test]
fn one_that_comes_back_at_once_waits_for_the_interval_too() {
    let mut bench = Bench::new(vec![route("all")]);
    for n in 1..=5 {
        bench.open(n, "hub-servers/a/truth");
        bench.until(bench.now.since(NOON) + s(2));
        bench.resolve(n);
        bench.until(bench.now.since(NOON) + s(2));
    }
    bench.until(s(300));
    assert_eq!(bench.sent, ["1 chat: first firing I1", "31 chat: changed resolved I1"]);
}

#[test]
fn groups_are_told_apart_by_what_they_have_in_common() {
    for (by, notices) in [
        (vec![], 1),
        (vec![GroupBy::Target], 1),
        (vec![GroupBy::Point], 2),
        (vec![GroupBy::Server], 3),
        (vec![GroupBy::Severity], 1),
        (vec![GroupBy::Check], 3),
        (vec![GroupBy::Target, GroupBy::Incident], 4),
    ] {
        let mut bench = Bench::new(vec![Route { group_by: by.clone(), ..route("all") }]);
        for (id, check) in ["hub-servers/a/truth", "hub-servers/b/truth", "hub-llm/key", "hub-llm/key"].iter().enumerate() {
            bench.open(id as u64, check);
        }
        bench.until(s(10));
        assert_eq!(bench.notices.len(), notices, "{by:?} {:?}", bench.sent);
    }
}

#[test]
fn a_notice_tells_of_so_many_and_counts_the_rest() {
    let mut bench = Bench::new(vec![route("all")]);
    (1..=200).for_each(|n| bench.open(n, "hub-servers/a/truth"));
    bench.until(s(10));
    let notice = &bench.notices[0];
    assert_eq!((notice.incidents.len(), notice.more), (NOTICE_INCIDENTS_MAX, 200 - NOTICE_INCIDENTS_MAX as u64));
    (1..=200).for_each(|n| bench.resolve(n));
    bench.until(s(100));
    assert_eq!((bench.notices.len(), bench.notices[1].status), (2, Status::Resolved));
}

#[test]
fn too_many_groups_become_one_for_all_others() {
    let mut bench = Bench::new(vec![Route { group_by: vec![GroupBy::Incident], ..route("all") }]);
    let all = GROUPS_MAX as u64 + 7;
    (1..=all).for_each(|n| bench.open(n, "hub-servers/a/truth"));
    bench.until(s(10));
    assert_eq!(bench.notices.len(), GROUPS_MAX + 1);
    let told: u64 = bench.notices.iter().map(|notice| notice.incidents.len() as u64 + notice.more).sum();
    assert_eq!(told, all, "nobody is forgotten");
}
