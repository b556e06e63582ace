//! Load: what a client does, how long it took, and what went wrong. It judges nothing.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use vitals_model::config::Timeouts;
use vitals_model::observation::{Failure, FailureKind};
use vitals_model::scenario::Figure;
use vitals_model::tool::ToolSet;
use vitals_probe::clock::Stopwatch;
use vitals_probe::mcp::{META_TOOL, Session, canary};

use super::stage::Closing;

/// The confidence with which the filtering hub marks its keyword fallback.
const FALLBACK_CONFIDENCE: f64 = 0.6;

/// A session, and the tool that may be called in it without harm.
pub(super) struct Client {
    pub(super) session: Arc<Session>,
    pub(super) tools: ToolSet,
    /// `None` when no listed tool may be called without harm.
    pub(super) canary: Option<String>,
}

impl Client {
    /// Lists the session's tools and chooses one to call.
    pub(super) async fn of(session: Arc<Session>, timeouts: &Timeouts) -> Result<Self, Failure> {
        let listing = session.list(timeouts.list).await;
        let canary = canary(&listing.infos, "").map(|tool| tool.name.clone());
        Ok(Self { tools: listing.tools?, session, canary })
    }

    /// What is called, for people.
    pub(super) fn calls(&self) -> String {
        self.canary.as_ref().map_or_else(|| "no tool: none that is listed is known to do no harm".to_owned(), Clone::clone)
    }

    /// Lists the tools, and calls one if one may be called.
    pub(super) async fn round(&self, timeouts: &Timeouts, tally: &mut Tally) {
        let began = Stopwatch::start();
        let listed = self.session.list(timeouts.list).await.tools;
        tally.list.add(began.elapsed(), listed.map(|_| ()));
        if let Some(tool) = &self.canary {
            let began = Stopwatch::start();
            let called = self.session.call(tool, &json!({}), timeouts.call).await;
            tally.call.add(began.elapsed(), called.map(|_| ()));
        }
    }
}

/// One kind of request.
#[derive(Default)]
pub(super) struct Times {
    pub(super) good: Vec<Duration>,
    pub(super) errors: u64,
    first_error: Option<Failure>,
}

impl Times {
    /// Adds a request and how it ended.
    pub(super) fn add(&mut self, took: Duration, ended: Result<(), Failure>) {
        match ended {
            Ok(()) => self.good.push(took),
            Err(failure) => {
                self.errors += 1;
                self.first_error.get_or_insert(failure);
            }
        }
    }

    /// The value that so many of a hundred do not exceed, by nearest rank; `None` without a good one.
    pub(super) fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.good.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied()
    }

    fn figures(&self, name: &str, into: &mut Vec<Figure>) {
        for (percent, word) in [(50, "p50"), (95, "p95"), (99, "p99"), (100, "max")] {
            into.extend(self.percentile(percent).map(|took| Figure::time(format!("{name} {word}"), took)));
        }
    }
}

/// What a load came to.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) open: Times,
    pub(super) list: Times,
    pub(super) call: Times,
}

impl Tally {
    /// Adds another one's requests.
    pub(super) fn merge(&mut self, other: Self) {
        for (mine, theirs) in [(&mut self.open, other.open), (&mut self.list, other.list), (&mut self.call, other.call)] {
            mine.good.extend(theirs.good);
            mine.errors += theirs.errors;
            mine.first_error = mine.first_error.take().or(theirs.first_error);
        }
    }

    /// Requests sent, errors among them.
    pub(super) fn requests(&self) -> u64 {
        self.errors() + (self.open.good.len() + self.list.good.len() + self.call.good.len()) as u64
    }

    pub(super) fn errors(&self) -> u64 {
        self.open.errors + self.list.errors + self.call.errors
    }

    /// The first error of any kind.
    pub(super) fn first_error(&self) -> Option<&Failure> {
        [&self.open, &self.list, &self.call].into_iter().find_map(|times| times.first_error.as_ref())
    }

    /// Whether fewer than one request in a hundred failed; not so when none was sent.
    pub(super) fn is_good(&self) -> bool {
        self.requests() > 0 && self.errors() * 100 < self.requests()
    }

    /// The slower of the two kinds, at this percentile.
    pub(super) fn slowest(&self, percent: usize) -> Option<Duration> {
        self.list.percentile(percent).max(self.call.percentile(percent))
    }

    /// Counts and percentiles.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let mut figures = vec![Figure::count("requests", self.requests()), Figure::count("errors", self.errors())];
        self.open.figures("open", &mut figures);
        self.list.figures("list", &mut figures);
        self.call.figures("call", &mut figures);
        figures
    }

    /// How many requests, how many errors, and the first of them.
    pub(super) fn summary(&self) -> String {
        let first = self.first_error().map(|why| format!(", the first: {why}")).unwrap_or_default();
        let counted = vitals_model::text::count(self.errors(), "error");
        format!("{}, {counted}{first}", vitals_model::text::count(self.requests(), "request"))
    }
}

/// An answer of the meta-tool.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) categories: Vec<String>,
    pub(super) confidence: Option<f64>,
    pub(super) took: Duration,
}

impl Asked {
    /// Whether the hub did without its LLM.
    pub(super) fn is_fallback(&self) -> bool {
        self.confidence.is_some_and(|confidence| (confidence - FALLBACK_CONFIDENCE).abs() < 1e-6)
    }

    /// What it says, for people.
    pub(super) fn summary(&self) -> String {
        let confidence = self.confidence.map_or_else(|| "no confidence".to_owned(), |c| format!("confidence {c}"));
        format!("categories {}, {confidence}", self.categories.join(", "))
    }
}

/// Asks the meta-tool.
pub(super) async fn ask(session: &Session, prompt: &str, timeouts: &Timeouts) -> Result<Asked, Failure> {
    let answer = session.call(META_TOOL, &json!({ "prompt": prompt }), timeouts.meta_tool).await?;
    let text = answer.text.unwrap_or_default();
    let value: Value = serde_json::from_str(&text).map_err(|_| Failure {
        phase: vitals_model::observation::Phase::Parse,
        kind: FailureKind::NotJson,
        evidence: vitals_model::text::Text::cut(&text, vitals_model::limits::EVIDENCE_CHARS_MAX),
        after: answer.took,
    })?;
    let words = value.get("categories").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    Ok(Asked {
        categories: words.map(|word| vitals_model::text::Text::cut(word, 40).as_str().to_owned()).collect(),
        confidence: value.get("confidence").and_then(Value::as_f64),
        took: answer.took,
    })
}

/// What closing came to, as figures.
pub(super) fn closing_figures(closing: &Closing) -> Vec<Figure> {
    let answers = Times { good: closing.answers.clone(), ..Times::default() };
    let mut figures = vec![Figure::count("closed", closing.closed as u64)];
    answers.figures("next answer", &mut figures);
    figures
}
