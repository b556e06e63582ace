//! A reading in the making.

use std::time::Duration;

use vitals_model::check::{CheckId, Point, Threshold, Unit};
use vitals_model::observation::Failure;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::time::Timestamp;

use super::words::{Sentence, Words};

/// Where and when a reading was taken; the words come with one of the finishing methods.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    reading: Reading,
    words: Words,
}

impl Draft {
    pub(crate) fn new(words: Words, id: CheckId, point: Point, at: Timestamp, took: Duration) -> Self {
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
        Self { reading, words }
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

    pub(crate) fn evidence(mut self, line: impl Sentence) -> Self {
        if self.words == Words::Said {
            self.reading.evidence.push(line.write());
        }
        self
    }

    pub(crate) fn hint(mut self, text: impl Sentence) -> Self {
        self.reading.hint = self.words.say(text);
        self
    }

    pub(crate) fn cause(mut self, id: CheckId) -> Self {
        self.reading.cause = Some(id);
        self
    }

    pub(crate) fn healthy(self, summary: impl Sentence) -> Reading {
        let mut reading = self.bad(Health::Healthy, summary);
        reading.hint.clear();
        reading
    }

    pub(crate) fn bad(mut self, health: Health, summary: impl Sentence) -> Reading {
        self.reading.health = health;
        self.reading.summary = self.words.say(summary);
        self.reading
    }

    pub(crate) fn failing(self, summary: impl Sentence) -> Reading {
        self.bad(Health::Failing, summary)
    }

    pub(crate) fn degraded(self, summary: impl Sentence) -> Reading {
        self.bad(Health::Degraded, summary)
    }

    pub(crate) fn unknown(self, summary: impl Sentence) -> Reading {
        self.bad(Health::Unknown, summary)
    }

    /// A probe that could not see: failing when the thing itself refused, unknown when we may not look.
    pub(crate) fn failure(self, failure: &Failure) -> Reading {
        self.failing(|| failure.to_string())
    }

    /// Nothing to judge.
    pub(crate) fn fact(self, summary: impl Sentence) -> Reading {
        let mut reading = self.healthy(summary);
        reading.standing = Standing::Fact;
        reading
    }

    /// A weakness to show, never scored.
    pub(crate) fn advice(self, summary: impl Sentence) -> Reading {
        let mut reading = self.degraded(summary);
        reading.standing = Standing::Advice;
        reading
    }

    /// Judges `value` against `(degraded, failing)`; larger is worse. The summary gains the bound that
    /// was passed.
    pub(crate) fn above(self, value: f64, unit: Unit, bounds: (f64, f64), summary: impl Sentence) -> Reading {
        let health = if value > bounds.1 {
            Health::Failing
        } else if value > bounds.0 {
            Health::Degraded
        } else {
            Health::Healthy
        };
        self.bounded(value, unit, Threshold::Above(bounds.0, bounds.1), health, summary)
    }

    /// As [`Draft::above`], smaller is worse.
    pub(crate) fn below(self, value: f64, unit: Unit, bounds: (f64, f64), summary: impl Sentence) -> Reading {
        let health = if value < bounds.1 {
            Health::Failing
        } else if value < bounds.0 {
            Health::Degraded
        } else {
            Health::Healthy
        };
        self.bounded(value, unit, Threshold::Below(bounds.0, bounds.1), health, summary)
    }

    fn bounded(self, value: f64, unit: Unit, threshold: Threshold, health: Health, summary: impl Sentence) -> Reading {
        let (word, warning, critical) = match threshold {
            Threshold::Above(w, c) => ("at most", w, c),
            Threshold::Below(w, c) => ("at least", w, c),
        };
        let expected = if health == Health::Failing { critical } else { warning };
        let is_bad = matches!(health, Health::Degraded | Health::Failing);
        let summary = || {
            let summary = summary.write();
            if is_bad { format!("{summary}, expected {word} {}", unit.show(expected)) } else { summary }
        };
        let mut reading = self.value(value, unit).bad(health, summary);
        reading.threshold = Some(threshold);
        if !is_bad {
            reading.hint.clear();
        }
        reading
    }
}
