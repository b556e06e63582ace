//! Laws of routing: whatever happens, and whenever the router ends, who heard of a beginning hears of the end, once.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Move {
    Open(u64),
    Worse(u64),
    TakeUp(u64),
    Resolve(u64),
    Silence(u64),
    Unsilence(u64),
    Wait(u64),
    Restart,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let id = || 1_u64..6;
    let one = prop_oneof![
        4 => id().prop_map(Move::Open),
        1 => id().prop_map(Move::Worse),
        1 => id().prop_map(Move::TakeUp),
        3 => id().prop_map(Move::Resolve),
        1 => id().prop_map(Move::Silence),
        1 => id().prop_map(Move::Unsilence),
        4 => (0_u64..200).prop_map(Move::Wait),
        1 => Just(Move::Restart),
    ];
    proptest::collection::vec(one, 1..60)
}

fn routes() -> Vec<Route> {
    let escalate = Escalation { after: Some(s(120)), receivers: vec!["boss".to_owned()] };
    let by_server = vec![vitals_model::notice::GroupBy::Server];
    vec![
        Route { escalate, repeat: Some(s(90)), goes_on: true, ..route("first") },
        Route { group_by: by_server, receivers: vec!["pager".to_owned()], ..route("second") },
    ]
}

/// Whether an incident lasts in this bench.
fn lasts(bench: &Bench, id: u64) -> bool {
    bench.all.get(&id).is_some_and(|of| of.incident.resolved_at.is_none())
}

fn play(bench: &mut Bench, one: &Move) {
    let sent = bench.notices.len();
    let after = bench.now.since(NOON);
    match *one {
        // An incident that is over comes back as another one.
        Move::Open(n) if !(0..9).any(|life| lasts(bench, n + 10 * life)) => {
            let id = (0..9).map(|life| n + 10 * life).find(|id| !bench.all.contains_key(id));
            if let Some(id) = id {
                bench.tell(
                    IncidentChange::Opened,
                    Incident { health: Health::Degraded, ..incident(id, &format!("hub-servers/s{n}/call")) },
                );
            }
        }
        Move::Wait(seconds) => bench.until(after + s(seconds)),
        Move::Restart => bench.restart(routes(), sent),
        Move::Open(n) | Move::Worse(n) | Move::TakeUp(n) | Move::Resolve(n) | Move::Silence(n) | Move::Unsilence(n) => {
            let Some(id) = (0..9).map(|life| n + 10 * life).find(|id| lasts(bench, *id)) else { return };
            match one {
                Move::Worse(_) => bench.change(id, IncidentChange::Updated, |incident| incident.health = Health::Failing),
                Move::TakeUp(_) => bench.acknowledge(id),
                Move::Resolve(_) => bench.resolve(id),
                Move::Silence(_) => bench.quiet(id, QuietReason::Silenced),
                Move::Unsilence(_) => bench.all.get_mut(&id).expect("it lasts").quiet = None,
                Move::Open(_) | Move::Wait(_) | Move::Restart => {}
            }
        }
    }
}

proptest! {
    #[test]
    fn who_heard_of_a_beginning_hears_of_the_end_once(moves in moves()) {
        let mut bench = Bench::new(routes());
        for one in &moves {
            play(&mut bench, one);
        }
        let open: Vec<_> = bench.all.keys().copied().filter(|id| lasts(&bench, *id)).collect();
        for id in open {
            bench.resolve(id);
        }
        let after = bench.now.since(NOON);
        bench.until(after + s(86_400));
        let mut heard: BTreeMap<(&str, &str, u64), IncidentState> = BTreeMap::new();
        for (n, notice) in bench.notices.iter().enumerate() {
            prop_assert_eq!(notice.id, n as u64 + 1, "numbers only grow");
            prop_assert!(!notice.incidents.is_empty() && !notice.reason.is_empty());
            for incident in &notice.incidents {
                let before = heard.insert((&notice.route, &notice.receiver, incident.id), incident.state);
                prop_assert_ne!(before, Some(IncidentState::Resolved), "N{} tells of I{}, which was over", notice.id, incident.id);
                let is_end = incident.state == IncidentState::Resolved;
                prop_assert!(!is_end || before.is_some() || notice.receiver == "boss", "an end that nobody heard begin: {:?}", bench.sent);
            }
        }
        let left: Vec<_> = heard.iter().filter(|(_, state)| **state == IncidentState::Open).collect();
        prop_assert!(left.is_empty(), "never heard of the end: {:?} {:?}", left, bench.sent);
        prop_assert_eq!(bench.router.due_at(), None, "nothing is left");
    }
}
