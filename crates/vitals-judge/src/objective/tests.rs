//! Budgets and burn rates against figures worked out by hand.

use proptest::prelude::*;

use super::*;

/// 99.9 % of 30 days leave 43 min 12 s.
fn objective() -> Objective {
    Objective { check: "hub-servers/fs/truth".to_owned(), ..Objective::default() }
}

/// So many minutes bad of so many, looked at every 10 s.
fn minutes(bad: f64, of: f64) -> Tally {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number of looks")]
    let events = (of * 6.0) as u64;
    Tally { good: (of - bad) * 60.0, bad: bad * 60.0, events, observed: 1.0 }
}

const DAY: f64 = 24.0 * 60.0;

/// Windows in which nothing was bad.
fn calm() -> [(Tally, Tally); 3] {
    [
        (minutes(0.0, 60.0), minutes(0.0, 5.0)),
        (minutes(0.0, 360.0), minutes(0.0, 30.0)),
        (minutes(0.0, 3.0 * DAY), minutes(0.0, 360.0)),
    ]
}

fn spending(whole: Tally, windows: [(Tally, Tally); 3]) -> Spending {
    Spending {
        name: "works".to_owned(),
        objective: objective(),
        check: CheckId::from_stored("hub-servers/fs/truth"),
        whole,
        windows,
    }
}

fn rates(criterion: &Criterion) -> Vec<(Option<f64>, Option<f64>)> {
    let round = |rate: Option<f64>| rate.map(|r| (r * 1000.0).round() / 1000.0);
    criterion.budget.iter().flat_map(|b| &b.burns).map(|b| (round(b.rates.0), round(b.rates.1))).collect()
}

fn fires(criterion: &Criterion) -> Vec<Option<bool>> {
    criterion.budget.iter().flat_map(|b| &b.burns).map(Burn::fires).collect()
}

#[test]
fn half_of_the_budget_is_21_minutes_36_seconds_of_a_month() {
    let half = judge(&spending(minutes(21.6, 30.0 * DAY), calm()));
    assert_eq!((half.fulfilment, half.value.map(|v| (v * 1e4).round())), (Fulfilment::Met, Some(999_500.0)));
    assert_eq!(half.seen, "99.950 % good, 50 % of the error budget spent");
    let beyond = judge(&spending(minutes(43.3, 30.0 * DAY), calm()));
    assert_eq!(beyond.fulfilment, Fulfilment::Unmet, "{}", beyond.seen);
}

#[test]
fn a_minute_of_the_last_hour_pages_while_it_goes_on() {
    // A minute of an hour is 1.667 %, 16.667 times the 0.1 % that may be bad; of five minutes it is 200 times.
    let mut windows = calm();
    windows[0] = (minutes(1.0, 60.0), minutes(1.0, 5.0));
    windows[1] = (minutes(1.0, 360.0), minutes(1.0, 30.0));
    windows[2] = (minutes(1.0, 3.0 * DAY), minutes(1.0, 360.0));
    let going_on = judge(&spending(minutes(1.0, 30.0 * DAY), windows));
    assert_eq!(rates(&going_on), [(Some(16.667), Some(200.0)), (Some(2.778), Some(33.333)), (Some(0.231), Some(2.778))]);
    assert_eq!(fires(&going_on), [Some(true), Some(false), Some(false)]);
    assert_eq!(going_on.fulfilment, Fulfilment::Unmet);
    assert!(going_on.seen.ends_with("; burns 16.7× over 1h 00m and 200.0× over 5m 00s: page"), "{}", going_on.seen);
    // The same minute half an hour later is over: the short window is calm.
    windows[0].1 = minutes(0.0, 5.0);
    let over = judge(&spending(minutes(1.0, 30.0 * DAY), windows));
    assert_eq!((fires(&over)[0], over.fulfilment), (Some(false), Fulfilment::Met));
}

#[test]
fn six_times_over_six_hours_pages_and_once_over_three_days_is_a_ticket() {
    // 6 × 0.1 % of six hours are 2.16 minutes.
    let mut windows = calm();
    windows[1] = (minutes(2.17, 360.0), minutes(0.19, 30.0));
    assert_eq!(fires(&judge(&spending(minutes(2.17, 30.0 * DAY), windows)))[1], Some(true));
    windows[1] = (minutes(2.15, 360.0), minutes(0.19, 30.0));
    assert_eq!(fires(&judge(&spending(minutes(2.15, 30.0 * DAY), windows)))[1], Some(false));
    // 0.1 % of three days are 4.32 minutes, of six hours 21.6 s.
    windows[2] = (minutes(4.4, 3.0 * DAY), minutes(0.37, 360.0));
    let ticket = judge(&spending(minutes(4.4, 30.0 * DAY), windows));
    assert_eq!((fires(&ticket)[2], ticket.fulfilment), (Some(true), Fulfilment::Met), "a ticket breaks no promise");
    assert!(ticket.seen.ends_with(": ticket"), "{}", ticket.seen);
}

#[test]
fn too_few_samples_give_no_rate() {
    let mut windows = calm();
    // 19 looks in the hour, one less than are asked for.
    windows[0] = (minutes(1.0, 19.0 / 6.0), minutes(1.0, 1.0));
    let few = judge(&spending(minutes(1.0, 30.0 * DAY), windows));
    assert_eq!((rates(&few)[0].0, fires(&few)[0]), (None, None));
    windows[0] = (minutes(1.0, 20.0 / 6.0), minutes(1.0, 1.0));
    assert_eq!(fires(&judge(&spending(minutes(1.0, 30.0 * DAY), windows)))[0], Some(true));
}

#[test]
fn what_was_not_observed_is_pending_and_never_met() {
    let nothing = judge(&spending(Tally::default(), calm()));
    assert_eq!((nothing.fulfilment, nothing.value), (Fulfilment::Pending, None));
    // Three days of thirty, and a tenth of the budget gone in them.
    let part = Tally { observed: 0.1, ..minutes(4.32, 3.0 * DAY) };
    let early = judge(&spending(part, calm()));
    assert_eq!(early.fulfilment, Fulfilment::Pending);
    assert!(early.seen.ends_with("10 % of the error budget spent; too little was observed"), "{}", early.seen);
    // What is spent is spent, however little was observed.
    let spent = Tally { observed: 0.1, ..minutes(44.0, 3.0 * DAY) };
    assert_eq!(judge(&spending(spent, calm())).fulfilment, Fulfilment::Unmet);
}

#[test]
fn an_objective_for_every_server_names_the_check() {
    let mut spending = spending(minutes(0.0, 30.0 * DAY), calm());
    spending.objective.check = "hub-servers/*/truth".to_owned();
    spending.objective.latency = Some(Duration::from_millis(500));
    let criterion = judge(&spending);
    assert_eq!(criterion.name, "works hub-servers/fs/truth");
    assert_eq!(criterion.wants, "99.9 % of hub-servers/fs/truth within 500 ms over 30d 00h");
}

proptest! {
    /// More that is bad never makes an objective better, and never spends less.
    #[test]
    fn worse_is_never_better(good in 0.0..1e6_f64, bad in 0.0..1e6_f64, more in 0.0..1e5_f64, observed in 0.0..=1.0_f64) {
        let tally = |good, bad| Tally { good, bad, events: 100, observed };
        let [before, after] = [tally(good + more, bad), tally(good, bad + more)].map(|t| judge(&spending(t, [(t, t); 3])));
        prop_assert!(after.fulfilment >= before.fulfilment, "{before:?} became {after:?}");
        let spent = |c: &Criterion| c.budget.as_ref().map_or(0.0, |b| b.spent);
        prop_assert!(spent(&after) >= spent(&before) - 1e-9);
        prop_assert!(before.fulfilment != Fulfilment::Met || observed >= OBSERVED_MIN);
    }
}
