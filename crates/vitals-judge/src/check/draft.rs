//! A reading in the making.

use std::time::Duration;

use vitals_model::check::{CheckId, Point, Threshold, Unit};
use vitals_model::observation::Failure;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use crate::facts::Known;

/// Where and when a reading was taken; the words come with one of the finishing methods.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    reading: Reading,
}

impl Draft {
    /// A check on the target itself, answered by a known fact.
    pub(crate) fn of_target<T>(point: Point, question: &str, known: &Known<T>) -> Self {
        Self::new(CheckId::of_target(point, question), point, known.at, known.took)
    }

    /// A check on one server, answered by a known fact.
    pub(crate) fn of_server<T>(server: &Text, question: &str, known: &Known<T>) -> Self {
        Self::new(CheckId::of_server(server, question), Point::HubServers, known.at, known.took)
    }

    pub(crate) fn new(id: CheckId, point: Point, at: Timestamp, took: Duration) -> Self {
        let reading = Reading {
            id,
            point,
            health: Health::Unknown,
            standing: Standing::Judged,
            value: None,
            unit: Unit::Count,
            threshold: None,
            summary: String::new(),
            evidence: Vec::new(),
            hint: String::new(),
            cause: None,
            at,
            took,
            since: at,
        };
        Self { reading }
    }

    pub(crate) fn value(mut self, value: f64, unit: Unit) -> Self {
        self.reading.value = Some(value);
        self.reading.unit = unit;
        self
    }

    /// How long this very measurement took, when that is less than the whole probe.
    pub(crate) fn took(mut self, took: Duration) -> Self {
        self.reading.took = took;
        self
    }

    pub(crate) fn evidence(mut self, line: impl Into<String>) -> Self {
        self.reading.evidence.push(line.into());
        self
    }

    pub(crate) fn hint(mut self, text: impl Into<String>) -> Self {
        self.reading.hint = text.into();
        self
    }

    pub(crate) fn cause(mut self, id: CheckId) -> Self {
        self.reading.cause = Some(id);
        self
    }

    pub(crate) fn healthy(self, summary: impl Into<String>) -> Reading {
        Reading { health: Health::Healthy, summary: summary.into(), hint: String::new(), ..self.reading }
    }

    pub(crate) fn bad(self, health: Health, summary: impl Into<String>) -> Reading {
        Reading { health, summary: summary.into(), ..self.reading }
    }

    pub(crate) fn failing(self, summary: impl Into<String>) -> Reading {
        self.bad(Health::Failing, summary)
    }

    pub(crate) fn degraded(self, summary: impl Into<String>) -> Reading {
        self.bad(Health::Degraded, summary)
    }

    pub(crate) fn unknown(self, summary: impl Into<String>) -> Reading {
        self.bad(Health::Unknown, summary)
    }

    /// A probe that could not see: failing when the thing itself refused, unknown when we may not look.
    pub(crate) fn failure(self, failure: &Failure) -> Reading {
        self.failing(failure.to_string())
    }

    /// Nothing to judge.
    pub(crate) fn fact(self, summary: impl Into<String>) -> Reading {
        Reading { standing: Standing::Fact, ..self.healthy(summary) }
    }

    /// A weakness to show, never scored.
    pub(crate) fn advice(self, summary: impl Into<String>) -> Reading {
        Reading { standing: Standing::Advice, ..self.degraded(summary) }
    }

    /// Judges `value` against `(degraded, failing)`; larger is worse. The summary gains the bound that
    /// was passed.
    pub(crate) fn above(self, value: f64, unit: Unit, bounds: (f64, f64), summary: impl Into<String>) -> Reading {
        let health = if value > bounds.1 {
            Health::Failing
        } else if value > bounds.0 {
            Health::Degraded
        } else {
            Health::Healthy
        };
        self.bounded(value, unit, Threshold::Above(bounds.0, bounds.1), health, summary.into())
    }

    /// As [`Draft::above`], smaller is worse.
    pub(crate) fn below(self, value: f64, unit: Unit, bounds: (f64, f64), summary: impl Into<String>) -> Reading {
        let health = if value < bounds.1 {
            Health::Failing
        } else if value < bounds.0 {
            Health::Degraded
        } else {
            Health::Healthy
        };
        self.bounded(value, unit, Threshold::Below(bounds.0, bounds.1), health, summary.into())
    }

    fn bounded(self, value: f64, unit: Unit, threshold: Threshold, health: Health, summary: String) -> Reading {
        let (word, warning, critical) = match threshold {
            Threshold::Above(w, c) => ("at most", w, c),
            Threshold::Below(w, c) => ("at least", w, c),
        };
        let expected = if health == Health::Failing { critical } else { warning };
        let summary = match health {
            Health::Degraded | Health::Failing => format!("{summary}, expected {word} {}", unit.show(expected)),
            Health::Healthy | Health::Unknown => summary,
        };
        let mut reading = self.value(value, unit).bad(health, summary);
        reading.threshold = Some(threshold);
        if health == Health::Healthy {
            reading.hint.clear();
        }
        reading
    }
}
