//! What was done to repair a target is kept for ever, and whoever waits for that is told.

use vitals_model::check::CheckId;
use vitals_model::quiet::Remark;
use vitals_model::remedy::{Action, By, Outcome, OutcomeKind, Remedy};
use vitals_model::target::TargetId;
use vitals_model::text::Text;

use super::*;

fn action(id: u64, outcome: Option<OutcomeKind>) -> Action {
    let at = Timestamp::from_millis(1_000 * i64::try_from(id).unwrap());
    let by = By::Person(Remark { at, author: Text::new("anna"), text: Text::new("now") });
    Action {
        id,
        target: TargetId::new("hub"),
        incident: 7,
        check: CheckId::from_stored("hub-servers/fs/truth"),
        remedy: if id == 1 { Remedy::RestartServer(Text::new("fs")) } else { Remedy::RotateLog },
        by: if id == 1 { By::Watch } else { by },
        why: "it is dead".to_owned(),
        moves: vec!["stop fs by the hub's API".to_owned()],
        begun_at: at,
        done_at: outcome.map(|_| at),
        within: Duration::from_secs(30),
        evidence: vec!["done after 0.1 s".to_owned()],
        outcome: outcome.map(|kind| Outcome { kind, reason: "good again".to_owned(), at }),
    }
}

#[test]
fn an_action_is_kept_as_it_is_and_those_under_way_are_found_however_old_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &Storage::default()).unwrap();
    for one in [action(1, None), action(2, Some(OutcomeKind::DidNotHelp)), action(3, Some(OutcomeKind::Helped))] {
        store.put(Record::Action(Box::new(one)));
    }
    store.settled().blocking_recv().expect("it is told when they are in the file");
    let reader = Store::read(dir.path()).unwrap();
    let all = reader.actions(Timestamp::default()).unwrap();
    assert_eq!(all, [action(1, None), action(2, Some(OutcomeKind::DidNotHelp)), action(3, Some(OutcomeKind::Helped))]);
    let ids = |actions: Vec<Action>| actions.iter().map(|action| action.id).collect::<Vec<_>>();
    assert_eq!(ids(reader.actions(Timestamp::from_millis(3_000)).unwrap()), [1, 3]);
    assert_eq!((ids(reader.actions_for(7).unwrap()), reader.actions_for(8).unwrap()), (vec![1, 2, 3], Vec::new()));
    assert_eq!(reader.last_action_id().unwrap(), 3);
    store.put(Record::Action(Box::new(action(1, Some(OutcomeKind::NotCarriedOut)))));
    store.close();
    assert_eq!(reader.actions_for(7).unwrap()[0], action(1, Some(OutcomeKind::NotCarriedOut)));
}

#[test]
fn who_waits_is_told_at_once_and_never_when_nothing_can_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &Storage::default()).unwrap();
    let began = Stopwatch::start();
    for _ in 0..20 {
        store.settled().blocking_recv().expect("told");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let waiting = store.settled();
    drop(store);
    // Told or not: it is over, and nobody waits for ever.
    let _ = waiting.blocking_recv();
}
