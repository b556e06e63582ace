//! The four phases of a stability run, and the verdict at its end.
//!
//! The protocol is the original system's: over 48 hours validation (hours 0–2), continuous watching (2–24), stress
//! (24–36) and long-term stability (36–48). A shorter run has the same phases, each shorter in proportion.

use std::time::Duration;

use vitals_model::check::{CheckId, Point};
use vitals_model::criterion::{Criterion, Fulfilment, Stability, Weight};
use vitals_model::history::{Slice, Span};
use vitals_model::time::human;

use super::{Past, truths};
use crate::criteria::{self, Record, flat_resources, of_hub};

/// A run that is shorter shows nothing.
const RUN_MIN: Duration = Duration::from_secs(24 * 3600);

/// Each phase: its name, what it is for, and where it ends in forty-eighths of the run.
const PHASES: [(&str, &str, u32); 4] = [
    ("validation", "every part works once", 2),
    ("continuous", "it works while nothing is asked of it", 24),
    ("stress", "it lives through load and losses", 36),
    ("long-term", "it does not wear out", 48),
];

/// One phase of a stability run.
#[derive(Clone, PartialEq, Debug)]
pub struct Phase {
    /// Its name: `validation`.
    pub name: &'static str,
    /// What it is for, in one clause.
    pub about: &'static str,
    /// From when until when.
    pub span: Span,
    /// How much of it was observed, 0–1.
    pub observed: f64,
    /// What it had to show.
    pub criteria: Vec<Criterion>,
}

impl Phase {
    /// The worst of its criteria.
    pub fn fulfilment(&self) -> Fulfilment {
        self.criteria.iter().map(|criterion| criterion.fulfilment).max().unwrap_or(Fulfilment::Pending)
    }
}

/// The spans of the phases of a run.
pub fn phases(run: Span) -> [Span; 4] {
    let at = |part: u32| if part == 48 { run.to } else { run.from.plus(run.length() / 48 * part) };
    let mut begin = 0;
    PHASES.map(|(_, _, end)| {
        let span = Span { from: at(begin), to: at(end) };
        begin = end;
        span
    })
}

/// Judges each phase by its own past; scenarios count wherever in the run they were carried out.
pub(super) fn judge(run: Span, pasts: &[Past], course: &[Slice]) -> Vec<Phase> {
    let scenarios: Vec<_> = pasts.iter().flat_map(|past| &past.scenarios).cloned().collect();
    let phase = |(((name, about, _), span), past): ((&(&'static str, &'static str, u32), Span), &Past)| {
        let slices: Vec<_> = course.iter().filter(|s| s.span.from >= span.from && s.span.to <= span.to).cloned().collect();
        let record = Record { span, past, course: &slices };
        let criteria = match *name {
            "validation" => validation(&record),
            "continuous" => {
                vec![record.process_continuous(), record.servers_connected(), record.api_latency(), record.error_rate()]
            }
            "stress" => {
                let past = Past { scenarios: scenarios.clone(), ..Past::default() };
                vec![criteria::stress_scenarios(&Record { past: &past, ..record })]
            }
            _ => vec![flat_resources(&record), record.clean_connections(), record.servers_connected(), record.error_rate()],
        };
        Phase { name, about, span, observed: past.observed(span).unwrap_or(0.0), criteria }
    };
    PHASES.iter().zip(phases(run)).zip(pasts).map(phase).collect()
}

fn validation(record: &Record<'_>) -> Vec<Criterion> {
    let of = |question: &str| of_hub(question);
    let truths: Vec<CheckId> = truths(record.past).map(|(id, _)| id.clone()).collect();
    let healthy = |name, wants, ids: &[CheckId]| criteria::seen_healthy(record, name, wants, ids);
    vec![
        healthy("hub-works", "the process runs and the API answers", &[of("process"), of("api")]),
        healthy("servers-work", "every server truly works", &truths),
        healthy("log-read", "the log is read", &[CheckId::of_target(Point::Logging, "errors")]),
    ]
}

/// The verdict: stable when every must was met and every phase showed what it had to.
pub(super) fn stability(run: Span, criteria: &[Criterion], phases: &[Phase]) -> Stability {
    let musts = |wanted| {
        let of = |c: &&Criterion| c.weight == Weight::Must && c.fulfilment == wanted;
        criteria.iter().filter(of).map(|c| format!("{}: {}", c.name, c.seen)).collect::<Vec<_>>()
    };
    let within = |wanted| {
        let of = |phase: &&Phase| phase.fulfilment() == wanted;
        let why = |phase: &Phase| {
            let criterion = phase.criteria.iter().find(|c| c.fulfilment == wanted)?;
            Some(format!("phase {}, {}: {}", phase.name, criterion.name, criterion.seen))
        };
        phases.iter().filter(of).filter_map(why).collect::<Vec<_>>()
    };
    for fulfilment in [Fulfilment::Unmet, Fulfilment::Pending] {
        let mut why = [musts(fulfilment), within(fulfilment)].concat();
        if fulfilment == Fulfilment::Pending && run.length() < RUN_MIN {
            why.insert(0, format!("a run takes 24 to 48 hours, this was {}", human(run.length())));
        }
        if let Some(first) = why.first() {
            let more = why.len() - 1;
            let reason = if more == 0 { first.clone() } else { format!("{first} (and {more} more)") };
            return Stability { fulfilment, reason };
        }
    }
    let count = criteria.iter().filter(|c| c.weight == Weight::Must).count();
    let reason = format!("all {count} musts were met over {}, in all four phases", human(run.length()));
    Stability { fulfilment: Fulfilment::Met, reason }
}
