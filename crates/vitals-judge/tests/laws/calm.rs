//! A hub that is well: whatever its figures are within their ordinary bounds, and however often it is
//! looked at, no incident opens.

use proptest::prelude::*;
use vitals_judge::event::Effect;
use vitals_model::config::Schedule;
use vitals_model::reading::Health;

use crate::day::{Day, Look, Move, Visited};
use crate::seen::{Log, MetaTool};

/// The ordinary figures of one interval of a healthy hub.
#[derive(Clone, Debug)]
struct Figures {
    cpu: f64,
    fds: u64,
    call_ms: u64,
    api_ms: u64,
    clients: u64,
    records: u64,
    /// The file is read before, or after, the stream tells of the same records.
    file_first: bool,
    rotates: bool,
    meta_ms: u64,
}

fn figures() -> impl Strategy<Value = Figures> {
    (0.1..4.5, 20_u64..60, 1_u64..90, 1_u64..60, 0_u64..4, 0_u64..9, any::<bool>(), 0_u32..40, 300_u64..4000).prop_map(
        |(cpu, fds, call_ms, api_ms, clients, records, file_first, rotates, meta_ms)| Figures {
            cpu,
            fds,
            call_ms,
            api_ms,
            clients,
            records,
            file_first,
            rotates: rotates == 0,
            meta_ms,
        },
    )
}

fn log(of: &Figures, over_s: f64) -> Move {
    Move::Log(Box::new(Log {
        over_s: Some(over_s),
        bytes: of.records * 180,
        pino: of.records,
        rotations: u64::from(of.rotates),
        ..Log::default()
    }))
}

/// One light interval: the look at the process, the API, the log, a heartbeat; the visit when it is due.
fn interval(n: usize, of: &Figures, light_ms: u64) -> Vec<Move> {
    let hub = Look::Hub { state: "normal", cpu: of.cpu, memory: 0.8, fds: of.fds, listen: "loopback", orphans: Vec::new() };
    let mut moves = vec![
        Move::Process(hub),
        Move::Api(crate::day::Answer::Hub { state: "ready", took_ms: of.api_ms, clients: 3 + of.clients, filtering: "off" }),
        Move::Workspace("ok"),
    ];
    if n.is_multiple_of(6) {
        moves.push(Move::Session(Visited::Slow(["fs", "web", "fs__b"][n / 6 % 3], of.call_ms)));
    }
    if n.is_multiple_of(30) {
        moves.push(Move::Llm("ok"));
        moves.push(Move::MetaTool(Some(MetaTool {
            took_ms: Some(of.meta_ms),
            confidence: Some(0.9),
            missing: Vec::new(),
            list_changed: Some(true),
        })));
    }
    let told = if of.records > 0 { vec!["info it is"; usize::try_from(of.records).unwrap_or(1)] } else { Vec::new() };
    let (read, tell) = (log(of, 0.2), Move::Notes([vec!["heartbeat"], told].concat()));
    let (first, second) = if of.file_first { (read, tell) } else { (tell, read) };
    let left = light_ms.saturating_sub(200);
    moves.extend([first, Move::Wait(150), second, Move::Wait(50)]);
    // The loop ticks every second.
    moves.extend((0..left / 1000).map(|_| Move::Wait(1000)));
    moves.push(Move::Wait(left % 1000));
    moves
}

fn no_incident(intervals: &[Figures], schedule: Schedule) -> Result<(), TestCaseError> {
    let light_ms = u64::try_from(schedule.light.as_millis()).unwrap_or(u64::MAX);
    let mut day = Day::begin_with(schedule);
    day.play_all(&[Move::Process(Look::Same), Move::Api(crate::day::Answer::Same), Move::Session(Visited::Same)]);
    day.play_all(&[Move::Stream("opened"), Move::Notes(vec!["heartbeat"]), Move::Log(Box::default()), Move::Wait(1000)]);
    for (n, of) in intervals.iter().enumerate() {
        for each in interval(n, of, light_ms) {
            for effect in day.play(&each) {
                if let Effect::Tell(change, incident) = effect {
                    prop_assert!(!change.begins(), "{} {}: {}", n, incident.check, incident.summary);
                }
            }
        }
    }
    prop_assert_eq!(day.state().map(|state| state.health), Some(Health::Healthy));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hub_that_is_well_has_no_incident(intervals in prop::collection::vec(figures(), 40..120)) {
        no_incident(&intervals, Schedule::default())?;
    }

    #[test]
    fn nor_when_it_is_looked_at_ten_times_as_often(intervals in prop::collection::vec(figures(), 40..160)) {
        let usual = Schedule::default();
        let schedule = Schedule {
            light: usual.light / 10,
            session: usual.session / 10,
            llm: usual.llm / 10,
            meta_tool: usual.meta_tool.map(|every| every / 10),
            discovery: usual.discovery / 10,
        };
        no_incident(&intervals, schedule)?;
    }
}
