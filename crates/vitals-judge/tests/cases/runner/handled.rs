//! The part of a case that is about the handling of incidents: policies, gaps, orders, what is kept, what is
//! withheld and why.

use std::collections::BTreeMap;
use std::time::Duration;

use vitals_judge::event::{Effect, Event, Gap, GapKind, Memory, Record};
use vitals_model::config::{CheckPolicy, TargetSettings};
use vitals_model::incident::Incident;
use vitals_model::quiet::{Maintenance, Order, Pattern, Remark, Silence};
use vitals_model::reading::Health;
use vitals_model::remedy::Action;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use super::play::{Wrong, shown};
use super::spec::{Expect, Ordered, Policy, Settings};
use super::world::time;

/// What the store would have.
#[derive(Default)]
pub(crate) struct Kept {
    incidents: BTreeMap<u64, Incident>,
    silences: BTreeMap<u64, Silence>,
    actions: BTreeMap<u64, Action>,
}

impl Kept {
    pub(crate) fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Keep(Record::Incident(incident)) => drop(self.incidents.insert(incident.id, (**incident).clone())),
            Effect::Keep(Record::Silence(silence)) => drop(self.silences.insert(silence.id, silence.clone())),
            Effect::Keep(Record::Action(action)) => drop(self.actions.insert(action.id, (**action).clone())),
            _ => {}
        }
    }

    /// What a new monitor is given.
    pub(crate) fn memory(&self) -> Memory {
        Memory {
            incidents: self.incidents.values().cloned().collect(),
            last_incident: self.incidents.keys().max().copied().unwrap_or(20),
            silences: self.silences.values().cloned().collect(),
            last_silence: self.silences.keys().max().copied().unwrap_or(0),
            actions: self.actions.values().cloned().collect(),
            last_action: self.actions.keys().max().copied().unwrap_or(0),
            ..Memory::default()
        }
    }

    /// The latest incident of these words.
    fn incident(&self, words: &str) -> Option<&Incident> {
        self.incidents.values().rev().find(|incident| shown(incident) == words)
    }
}

/// A gap of so many seconds.
pub(crate) fn gap(seconds: f64) -> Event {
    let ms = i64::try_from(Duration::from_secs_f64(seconds.abs()).as_millis()).expect("a gap within reason");
    let (ms, kind) = if seconds > 0.0 { (ms, GapKind::Ahead) } else { (-ms, GapKind::Back) };
    Event::Gap(Gap { ms, kind })
}

/// What `anna` asks.
pub(crate) fn order(ordered: &Ordered, kept: &Kept, now: Timestamp) -> Order {
    let remark = |text: &str| Remark { at: now, author: Text::new("anna"), text: Text::new(text) };
    let id = |words: &str| kept.incident(words).map_or(0, |incident| incident.id);
    match ordered {
        Ordered::Ack(words) => Order::Acknowledge(id(words), remark("looking")),
        Ordered::Note(words, text) => Order::Note(id(words), remark(text)),
        Ordered::Silence(check, until) => Order::Silence(Silence {
            id: 0,
            target: Pattern::all(),
            check: Pattern::new(check),
            until: time(*until),
            remark: remark("moving house"),
        }),
        Ordered::Unsilence(id) => Order::Unsilence(*id, remark("")),
        Ordered::Repair(words) => Order::Repair(id(words), remark("now")),
        Ordered::RepairLong(words) => {
            Order::Repair(id(words), Remark { at: now.minus(Duration::from_secs(120)), ..remark("then") })
        }
    }
}

/// The settings that a case names.
pub(crate) fn settle(case: &Settings, settings: &mut TargetSettings) {
    let default = CheckPolicy::default();
    let policy = |of: &Policy| CheckPolicy {
        failures: of.failures.unwrap_or(default.failures),
        critical_after: of.critical_after.unwrap_or(default.critical_after),
        successes: of.successes.unwrap_or(default.successes),
        hysteresis_percent: of.hysteresis.unwrap_or(default.hysteresis_percent),
        flap_start_percent: of.flap_start.unwrap_or(default.flap_start_percent),
        flap_stop_percent: of.flap_stop.unwrap_or(default.flap_stop_percent),
    };
    settings.checks = case.checks.iter().map(|(pattern, of)| (Pattern::new(pattern), policy(of))).collect();
    let seconds = |seconds: f64| (seconds > 0.0).then(|| Duration::from_secs_f64(seconds));
    settings.incidents.reopen = case.reopen_s.map_or(settings.incidents.reopen, seconds);
    settings.incidents.reminder = case.reminder_s.map_or(settings.incidents.reminder, seconds);
    let window = |(name, (checks, from, to)): (&String, &(String, f64, f64))| {
        let checks = Pattern::new(checks);
        (name.clone(), Maintenance { checks, from: Some(time(*from)), to: Some(time(*to)), ..Maintenance::default() })
    };
    settings.maintenance = case.maintenance.iter().map(window).collect();
}

/// Compares what was not told, what was said, and what is kept of incidents.
pub(crate) fn compare(expect: &Expect, effects: &[Effect], kept: &Kept, wrong: &mut Wrong) {
    let withheld: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Withhold(change, incident, quiet) => {
                Some(format!("{}: {}: {}", shown(incident), change.as_str().to_lowercase(), quiet.sentence))
            }
            _ => None,
        })
        .collect();
    each("withheld", &withheld, &expect.withheld, wrong);
    // What is said of an action is expected as one.
    let is_of_action = |line: &str| line.starts_with("main: A");
    let said: Vec<_> = effects
        .iter()
        .filter_map(|effect| if let Effect::Say(line) = effect { Some(line.clone()) } else { None })
        .filter(|line| !is_of_action(line))
        .collect();
    each("said", &said, &expect.said, wrong);
    for (words, facts) in &expect.about {
        match kept.incident(words) {
            Some(incident) => facts.iter().for_each(|fact| {
                wrong.check(words, holds(incident, fact), &format!("`{fact}` does not hold of {incident:?}"));
            }),
            None => wrong.check(words, false, "was never kept"),
        }
    }
}

/// As many lines as expected, each with its words.
pub(crate) fn each(what: &str, found: &[String], expected: &[String], wrong: &mut Wrong) {
    let fits = found.len() == expected.len() && expected.iter().all(|words| found.iter().any(|line| contains(line, words)));
    wrong.check(what, fits, &format!("{found:?}, expected {expected:?}"));
}

/// Whether a line begins as the words do and has what follows their last `: `.
fn contains(line: &str, words: &str) -> bool {
    match words.rsplit_once(": ") {
        Some((begin, rest)) => line.starts_with(begin) && line.contains(rest),
        None => line.contains(words),
    }
}

fn holds(incident: &Incident, fact: &str) -> bool {
    let (word, rest) = fact.split_once(' ').unwrap_or((fact, ""));
    let said = |remarks: &[Remark]| remarks.iter().any(|remark| remark.text.as_str().contains(rest));
    match word {
        "critical" => incident.health == Health::Failing,
        "warning" => incident.health == Health::Degraded,
        "flapping" => incident.flapping,
        "calm" => !incident.flapping,
        "follows" => incident.ties.follows.as_ref().is_some_and(|cause| cause.check.as_str() == rest),
        "alone" => incident.ties.follows.is_none(),
        "suppresses" => {
            let listed = |check: &str, health: &str| {
                incident.ties.suppressed.iter().any(|s| s.check.as_str() == check && s.health.as_str() == health)
            };
            rest.split_once(' ').is_some_and(|(check, health)| listed(check, health))
        }
        "evidence" => incident.evidence.iter().any(|piece| piece.contains(rest)),
        "note" => said(&incident.handling.notes),
        "ack" => incident.handling.acknowledged.is_some(),
        "unheard" => incident.handling.told_at.is_none(),
        number => number.strip_prefix('I').and_then(|n| n.parse().ok()) == Some(incident.id),
    }
}
