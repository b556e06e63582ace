//! The report of a day: once to each receiver, over restarts too, and beside the routes.

use vitals_model::notice::DayReport;

use super::*;

fn report(day: &str) -> DayReport {
    DayReport::new(day.to_owned(), &format!("{day}: hub-1 98/100"), "# hub-1", format!("/reports/{day}.html").into())
}

/// Whom a report goes to, with the numbers of its notices; what is said of it.
fn sent(router: &mut Router, day: &str, to: &[&str]) -> (Vec<String>, Option<String>) {
    let to: Vec<_> = to.iter().map(|name| (*name).to_owned()).collect();
    let (mut notices, mut said) = (Vec::new(), None);
    for effect in router.report(NOON, &report(day), &to) {
        match effect {
            Effect::Notify(notice) => {
                assert_eq!(
                    (notice.report.as_ref(), notice.status, notice.stage),
                    (Some(&report(day)), Status::Report, Stage::Daily)
                );
                notices.push(format!("N{} {}", notice.id, notice.receiver));
            }
            Effect::Say(line) => said = Some(line),
            other => panic!("{other:?}"),
        }
    }
    (notices, said)
}

#[test]
fn a_report_goes_once_to_each_who_had_none_of_its_day_or_later() {
    let mut router = Router::default();
    router.follow(notices(vec![]));
    let (first, said) = sent(&mut router, "2026-11-22", &["chat", "chat"]);
    assert_eq!((first, said.as_deref()), (vec!["N1 chat".to_owned()], Some("the report of 2026-11-22 goes to chat")));
    assert_eq!(sent(&mut router, "2026-11-22", &["chat"]), (vec![], None));
    assert_eq!(sent(&mut router, "2026-11-22", &["chat", "boss"]).0, ["N2 boss"]);
    assert_eq!(sent(&mut router, "2026-11-23", &["chat", "boss"]).0, ["N3 chat", "N4 boss"]);
    assert_eq!(sent(&mut router, "2026-11-22", &["chat", "boss"]), (vec![], None), "a clock that was set back");
    assert_eq!((router.receivers()["chat"].waiting, router.due_at()), (2, None));
}

#[test]
fn what_was_sent_before_a_restart_is_not_sent_again_and_opens_no_group() {
    let mut router = Router::default();
    router.follow(notices(vec![]));
    let Some(Effect::Notify(notice)) = router.report(NOON, &report("2026-11-22"), &["chat".to_owned()]).into_iter().next() else {
        panic!("a notice");
    };
    let mut router = Router::remembering(1, &[Posted { notice: *notice, delivery: None }]);
    router.follow(notices(vec![route("report.to")]));
    assert_eq!((router.groups.len(), router.due_at()), (0, None));
    assert_eq!(sent(&mut router, "2026-11-22", &["chat", "boss"]).0, ["N2 boss"]);
    assert_eq!(sent(&mut router, "2026-11-23", &["chat"]).0, ["N3 chat"]);
}
