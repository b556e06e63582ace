//! Trends: a span against the span before, figure by figure. Small changes are none.

use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::history::Span;
use vitals_model::observation::Level;

use super::{Figures, Past};

/// A change of less than a tenth is none.
const SAME: f64 = 0.1;

/// A span of which less was observed is not compared: its figures are those of a part of the day.
const OBSERVED_MIN: f64 = 0.5;

/// Which way a figure went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Direction {
    /// To the better.
    Better,
    /// No change worth a word.
    Same,
    /// One of the two is not known.
    Unknown,
    /// To the worse.
    Worse,
}

impl Direction {
    /// The direction as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Same => "same",
            Self::Unknown => "unknown",
            Self::Worse => "worse",
        }
    }
}

/// One figure in both spans.
#[derive(Clone, PartialEq, Debug)]
pub struct Trend {
    /// What it is: `filesystem calls p95`.
    pub what: String,
    /// Its unit.
    pub unit: Unit,
    /// In the span before.
    pub before: Option<f64>,
    /// In this span.
    pub now: Option<f64>,
    /// Which way it went.
    pub direction: Direction,
}

/// Which way a figure is better, and which change counts in any case.
#[derive(Clone, Copy)]
enum Good {
    High(f64),
    Low(f64),
}

fn trend(what: String, unit: Unit, good: Good, before: Option<f64>, now: Option<f64>) -> Trend {
    let direction = match (before, now) {
        (Some(before), Some(now)) => {
            let (Good::High(least) | Good::Low(least), change) = (good, now - before);
            // Of a share of time near 100 % a tenth would be everything: there the absolute change counts alone.
            let counts = match good {
                Good::High(_) => least,
                Good::Low(_) => least.max(before.abs() * SAME),
            };
            match (good, change.abs() >= counts, change > 0.0) {
                (_, false, _) => Direction::Same,
                (Good::High(_), true, true) | (Good::Low(_), true, false) => Direction::Better,
                _ => Direction::Worse,
            }
        }
        _ => Direction::Unknown,
    };
    Trend { what, unit, before, now, direction }
}

/// Compares two spans of the same length.
pub(super) fn trends((before, then): (&Past, &Figures), (past, now): (&Past, &Figures), span: Span) -> Vec<Trend> {
    let is_known = |past: &Past, span| past.observed(span).is_some_and(|observed| observed >= OBSERVED_MIN);
    let (knows_before, knows_now) = (is_known(before, span.before()), is_known(past, span));
    let both = |f: &dyn Fn(&Past, &Figures) -> Option<f64>| {
        (f(before, then).filter(|_| knows_before), f(past, now).filter(|_| knows_now))
    };
    let mut all = Vec::new();
    let mut add = |what: String, unit, good, values: (Option<f64>, Option<f64>)| {
        if values != (None, None) {
            all.push(trend(what, unit, good, values.0, values.1));
        }
    };
    add("score".to_owned(), Unit::Count, Good::High(2.0), both(&|_, figures| figures.score.points.map(f64::from)));
    add("incidents".to_owned(), Unit::Count, Good::Low(1.0), both(&|past, _| Some(past.incidents.len() as f64)));
    add(
        "log errors".to_owned(),
        Unit::Count,
        Good::Low(5.0),
        both(&|past, _| {
            let (all, errors) = past.records(|level| level >= Level::Error);
            (all > 0).then_some(errors as f64)
        }),
    );
    let p95 = |id: CheckId| move |past: &Past, _: &Figures| Some(past.summaries.get(&id)?.spread?.p95);
    let mean = |id: CheckId| move |past: &Past, _: &Figures| Some(past.summaries.get(&id)?.spread?.mean);
    let uptime = |id: CheckId| move |past: &Past, _: &Figures| Some(past.summaries.get(&id)?.healths.uptime()? * 100.0);
    let of_hub = |question: &str| CheckId::of_target(Point::HubServers, question);
    add("API uptime".to_owned(), Unit::Percent, Good::High(0.1), both(&uptime(of_hub("api"))));
    add("API p95".to_owned(), Unit::Millis, Good::Low(5.0), both(&p95(of_hub("api"))));
    for server in &now.servers {
        let id = |question: &str| CheckId::from_stored(&format!("{}/{}/{question}", Point::HubServers.as_str(), server.name));
        add(format!("{} uptime", server.name), Unit::Percent, Good::High(0.1), both(&uptime(id("truth"))));
        add(format!("{} calls p95", server.name), Unit::Millis, Good::Low(5.0), both(&p95(id("call"))));
    }
    add("CPU".to_owned(), Unit::Percent, Good::Low(0.5), both(&mean(of_hub("cpu"))));
    add("memory".to_owned(), Unit::Percent, Good::Low(0.2), both(&mean(of_hub("memory"))));
    add("open files".to_owned(), Unit::Count, Good::Low(5.0), both(&mean(of_hub("fds"))));
    add("log growth".to_owned(), Unit::BytesPerHour, Good::Low(1e5), both(&mean(CheckId::of_target(Point::Logging, "growth"))));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_changes_are_none_and_large_ones_have_a_direction() {
        let of = |good, before: f64, now: f64| trend(String::new(), Unit::Count, good, Some(before), Some(now)).direction;
        assert_eq!(of(Good::Low(5.0), 100.0, 109.0), Direction::Same, "less than a tenth");
        assert_eq!(of(Good::Low(5.0), 100.0, 111.0), Direction::Worse);
        assert_eq!(of(Good::Low(5.0), 100.0, 89.0), Direction::Better);
        assert_eq!(of(Good::Low(5.0), 1.0, 5.0), Direction::Same, "less than counts in any case");
        assert_eq!(of(Good::High(0.1), 99.9, 99.7), Direction::Worse, "of uptime a little is much");
        assert_eq!(of(Good::High(2.0), 90.0, 92.0), Direction::Better);
        assert_eq!(trend(String::new(), Unit::Count, Good::Low(1.0), None, Some(1.0)).direction, Direction::Unknown);
    }
}
