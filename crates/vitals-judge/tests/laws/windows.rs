//! Laws of the detectors: three-valued, deterministic, and never calmer when there is more to find.

use std::time::Duration;

use proptest::prelude::*;
use vitals_judge::detect::{self, Evidence};
use vitals_model::config::Thresholds;
use vitals_model::finding::{FindingKind, Outcome};
use vitals_model::observation::{ServerTurn, Turn};
use vitals_model::reading::Health;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

const DAY_S: u64 = 86_400;

fn end() -> Timestamp {
    Timestamp::from_millis(1_795_357_320_000)
}

prop_compose! {
    fn evidence()(
        errors in prop::option::of(prop::collection::btree_map(0_u64..DAY_S / 60, 0_u64..9, 0..40)),
        turns in prop::collection::vec((prop::option::of(0_u64..DAY_S), any::<bool>(), 0_usize..2), 0..40),
        cpu in prop::collection::vec(0.0..20.0, 0..9),
        memory in prop::collection::vec(0.0..20.0, 0..9),
        clients in prop::collection::vec(0.0..20.0, 0..9),
        growth in prop::option::of(0.0..2e8),
        log_bytes in prop::option::of(0_u64..200_000_000),
        window in 3600_u64..DAY_S,
        age in prop::option::of(0_u64..DAY_S),
    ) -> Evidence {
        let minute = |ago: u64| end().minus(Duration::from_secs(ago * 60)).floor_to(Duration::from_secs(60));
        let turn = |(ago, lost, n): (Option<u64>, bool, usize)| ServerTurn {
            at: ago.map(|ago| end().minus(Duration::from_secs(ago))),
            server: Text::new(["fs", "web"][n]),
            turn: if lost { Turn::Lost } else { Turn::Connected },
        };
        Evidence {
            at: end(),
            window: Duration::from_secs(window),
            errors: errors.map(|all| all.into_iter().rev().map(|(ago, n)| (minute(ago), n)).collect()),
            kinds: Vec::new(),
            turns: turns.into_iter().map(turn).collect(),
            untimed_over: age.map(Duration::from_secs),
            cpu,
            memory,
            clients,
            truths: Vec::new(),
            growth: growth.map(|rate| (rate, Duration::from_secs(600))),
            log_bytes,
            ..Evidence::default()
        }
    }
}

fn outcome(evidence: &Evidence, kind: FindingKind) -> Outcome {
    let findings = detect::all(evidence, &Thresholds::default());
    findings.into_iter().find(|f| f.kind == kind).map_or(Outcome::NotYet, |f| f.outcome)
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::NotYet | Outcome::Quiet => 0,
        Outcome::Found(Health::Degraded) => 1,
        Outcome::Found(_) => 2,
    }
}

proptest! {
    #[test]
    fn every_detector_says_one_of_three_things_with_a_reason(evidence in evidence()) {
        let findings = detect::all(&evidence, &Thresholds::default());
        prop_assert_eq!(findings.iter().map(|f| f.kind).collect::<Vec<_>>(), FindingKind::ORIGINAL);
        for finding in &findings {
            prop_assert!(!finding.reason.is_empty());
            if let Outcome::Found(health) = finding.outcome {
                prop_assert!(matches!(health, Health::Degraded | Health::Failing));
                prop_assert!(!finding.hint.is_empty());
            }
        }
        prop_assert_eq!(findings, detect::all(&evidence, &Thresholds::default()));
    }

    /// The plainest statement: a window of ten minutes that ends at some record has too many.
    #[test]
    fn an_error_spike_is_the_worst_ten_minutes(evidence in evidence()) {
        let Some(errors) = &evidence.errors else {
            prop_assert_eq!(outcome(&evidence, FindingKind::ErrorSpike), Outcome::NotYet);
            return Ok(());
        };
        let limits = Thresholds::default();
        let from = evidence.at.minus(evidence.window).floor_to(Duration::from_secs(60));
        let within = |end: Timestamp| {
            let inside = |at: &Timestamp| *at >= from && *at <= end && end.since(*at) < limits.error_window;
            errors.iter().filter(|(at, _)| inside(at)).map(|(_, n)| n).sum::<u64>()
        };
        let worst = errors.iter().filter(|(at, _)| *at >= from).map(|(at, _)| within(*at)).max().unwrap_or(0);
        let expected = match worst {
            11.. => Outcome::Found(Health::Failing),
            6.. => Outcome::Found(Health::Degraded),
            _ => Outcome::Quiet,
        };
        prop_assert_eq!(outcome(&evidence, FindingKind::ErrorSpike), expected);
    }

    #[test]
    fn more_to_find_is_never_calmer(evidence in evidence(), ago in 0_u64..3000) {
        let mut more = evidence.clone();
        let at = end().minus(Duration::from_secs(ago));
        let minute = at.floor_to(Duration::from_secs(60));
        if let Some(errors) = &mut more.errors {
            errors.push((minute, 5));
            errors.sort_unstable();
        }
        for turn in [Turn::Lost, Turn::Connected] {
            more.turns.push(ServerTurn { at: Some(at), server: Text::new("fs"), turn });
        }
        more.clients.push(50.0);
        more.log_bytes = more.log_bytes.map(|n| n * 2);
        for kind in [FindingKind::ErrorSpike, FindingKind::Flapping, FindingKind::Clients, FindingKind::LogGrowth] {
            prop_assert!(rank(outcome(&more, kind)) >= rank(outcome(&evidence, kind)), "{}", kind.as_str());
        }
    }
}
