//! Notices, what came of them, and what was decided: kept, marked, read back, taken away when they are old.

use std::time::Duration;

use vitals_model::notice::{Decision, DecisionKind, Delivery, Notice, Outcome, Stage, Status, words};
use vitals_model::text::Text;

use super::*;

fn notice(id: u64, status: Status, receiver: &str) -> Notice {
    let mut notice = Notice { id, stage: Stage::First, ..words::sample("all", receiver, status, at(DAY)) };
    notice.incidents[0].id = 7;
    notice
}

fn delivery(id: u64, outcome: Outcome) -> Record {
    Record::Delivery(Box::new(Delivery { notice: id, receiver: "chat".to_owned(), at: at(DAY), attempts: 3, outcome }))
}

#[test]
fn a_notice_comes_back_as_it_was_with_what_came_of_it() {
    let dir = tempfile::tempdir().expect("folder");
    let store = open(dir.path());
    let all = [notice(1, Status::Firing, "chat"), notice(2, Status::Resolved, "chat"), notice(3, Status::Acknowledged, "mail")];
    for notice in &all {
        store.put(Record::Notice(Box::new(notice.clone())));
    }
    store.put(delivery(1, Outcome::Delayed(Text::new("HTTP 503"))));
    store.put(delivery(1, Outcome::Delivered(Text::new("200 ok"))));
    store.put(delivery(2, Outcome::Delayed(Text::new("HTTP 503"))));
    let decision = Decision {
        incident: 7,
        at: at(DAY),
        route: "all".to_owned(),
        kind: DecisionKind::Sent,
        sentence: "N1 to chat".to_owned(),
    };
    store.put(Record::Decision(decision.clone()));
    store.close();
    let reader = read(dir.path());
    let posted = reader.posted_of(7).expect("reads");
    assert_eq!(posted.iter().map(|one| one.notice.clone()).collect::<Vec<_>>(), all);
    assert_eq!(posted.iter().map(vitals_model::notice::Posted::waits).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(posted[0].delivery.as_ref().map(|d| (d.attempts, d.outcome.words().as_str())), Some((3, "200 ok")));
    assert_eq!((reader.posted_waiting("chat").expect("reads"), reader.last_notice_id().expect("reads")), (1, 3));
    assert_eq!(reader.last_posted("chat").expect("reads").map(|one| one.notice.id), Some(2));
    assert_eq!((reader.decisions(7).expect("reads"), reader.decisions(8).expect("reads")), (vec![decision], vec![]));
    // What a watch goes on from: what waits, and the latest of each group to each receiver.
    let next: Vec<_> = reader.posted().expect("reads").iter().map(|one| one.notice.id).collect();
    assert_eq!(next, [2, 3]);
}

#[test]
fn a_notice_is_in_the_file_at_once_and_that_is_said() {
    let dir = tempfile::tempdir().expect("folder");
    let store = open(dir.path());
    let mut kept = store.kept_notices();
    let began = Stopwatch::start();
    store.put(Record::Notice(Box::new(notice(5, Status::Firing, "chat"))));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let waiting = async { tokio::time::timeout(Duration::from_secs(30), kept.wait_for(|id| *id >= 5)).await.map(drop) };
    runtime.block_on(waiting).expect("it is kept");
    assert!(began.elapsed() < Duration::from_millis(450), "it did not wait for others: {:?}", began.elapsed());
    assert_eq!(read(dir.path()).posted().expect("reads").len(), 1, "beside the store that is open");
}

#[test]
fn old_notices_go_and_those_that_wait_stay() {
    let dir = tempfile::tempdir().expect("folder");
    let store = open(dir.path());
    for id in 1..=2 {
        store.put(Record::Notice(Box::new(notice(id, Status::Firing, "chat"))));
    }
    store.put(delivery(1, Outcome::Refused(Text::new("HTTP 404"))));
    store.close();
    let (mut base, _) = Base::open(dir.path(), at(0)).expect("opens");
    let storage = Storage::default();
    base.retain(&storage, at(DAY).plus(storage.rollups * 2)).expect("retains");
    drop(base);
    let left: Vec<_> = read(dir.path()).posted_of(7).expect("reads").iter().map(|one| one.notice.id).collect();
    assert_eq!(left, [2]);
}
