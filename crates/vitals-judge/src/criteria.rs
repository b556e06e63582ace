//! The criteria of a stable hub: what it must, should and may be over a span.
//!
//! The list and its figures are the original system's success criteria for a run of 48 hours. What they ask of
//! "filesystem" is asked of every server here, and by what is true, not by what the hub says. Where a share of
//! time is asked for and the original names none, it is 99 %: its error rate, turned round.
//!
//! Missing data is never met: a criterion is pending until [`OBSERVED_MIN`] of the span was observed. What cannot be
//! mended by looking longer (a crash, a spent budget) is unmet at once.

use std::fmt::Write as _;

use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::criterion::{Criterion, Fulfilment, Weight};
use vitals_model::history::{Slice, Span, Spread, Summary};
use vitals_model::observation::Level;
use vitals_model::reading::Health;
use vitals_model::scenario::{Outcome, Run};
use vitals_model::text::{count, plural};

use crate::objective::{self, Spending};
use crate::report::Past;

mod flat;

pub(crate) use flat::flat_resources;

/// The least share of the span that must have been observed to call a criterion met.
pub const OBSERVED_MIN: f64 = 0.9;

/// What is added to what was seen of a pending criterion.
pub(crate) const TOO_LITTLE: &str = "; too little was observed";

/// The share of known time, in percent, for which servers must work and tool lists agree.
const WORKS_PERCENT_MIN: f64 = 99.0;

/// The scenarios of degradation: what is lost, and whether a hub that people use can lose it by our hand.
const DEGRADATIONS: [(&str, bool); 4] =
    [("server-crash", true), ("sse-loss", true), ("llm-outage", false), ("log-disk-full", false)];

/// What the criteria of one target are judged by.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The span.
    pub span: Span,
    /// What history holds of it.
    pub past: &'a Past,
    /// How it went.
    pub course: &'a [Slice],
}

/// All criteria, heaviest first; objectives come last among those of their weight.
pub fn criteria(record: &Record<'_>, spendings: &[Spending]) -> Vec<Criterion> {
    let mut all = vec![
        record.process_continuous(),
        record.average("cpu-average", "cpu", 1.0),
        record.average("memory-average", "memory", 2.0),
        record.servers_connected(),
        record.no_crash(),
        record.error_rate(),
        record.tool_sync(),
        record.api_latency(),
        record.latency("meta-tool-latency", &CheckId::of_target(Point::MetaToolClients, "call"), "the meta-tool", 6_000.0),
        record.log_growth(),
        record.session_isolation(),
        record.degradation_scenarios(),
        record.zero_alerts(),
        flat_resources(record),
        record.clean_connections(),
        record.log_size(),
    ];
    all.extend(spendings.iter().map(objective::judge));
    all.sort_by_key(|criterion| std::cmp::Reverse(criterion.weight));
    all
}

/// The worst of the criteria of one weight; met when there is none.
pub fn worst(criteria: &[Criterion], weight: Weight) -> Fulfilment {
    criteria.iter().filter(|c| c.weight == weight).map(|c| c.fulfilment).max().unwrap_or(Fulfilment::Met)
}

pub(crate) fn of_hub(question: &str) -> CheckId {
    CheckId::of_target(Point::HubServers, question)
}

fn logging(question: &str) -> CheckId {
    CheckId::of_target(Point::Logging, question)
}

/// A figure that was measured, with what is said of it.
struct Measured {
    value: f64,
    seen: String,
    observed: f64,
}

/// A criterion before it is known whether it is met.
struct Draft {
    name: &'static str,
    weight: Weight,
    wants: String,
    limit: Option<f64>,
    unit: Unit,
}

impl Draft {
    fn new(name: &'static str, weight: Weight, wants: impl Into<String>, limit: f64, unit: Unit) -> Self {
        Self { name, weight, wants: wants.into(), limit: Some(limit), unit }
    }

    fn judged(self, measured: Option<Measured>, is_good: impl Fn(f64) -> bool) -> Criterion {
        let Some(Measured { value, mut seen, observed }) = measured else { return self.pending("never measured", 0.0) };
        let fulfilment = if !is_good(value) {
            Fulfilment::Unmet
        } else if observed < OBSERVED_MIN {
            seen.push_str(TOO_LITTLE);
            Fulfilment::Pending
        } else {
            Fulfilment::Met
        };
        Criterion { fulfilment, value: Some(value), ..self.pending(&seen, observed) }
    }

    fn pending(self, seen: &str, observed: f64) -> Criterion {
        let Self { name, weight, wants, limit, unit } = self;
        let (name, seen) = (name.to_owned(), seen.to_owned());
        Criterion { name, weight, wants, fulfilment: Fulfilment::Pending, seen, value: None, limit, unit, observed, budget: None }
    }
}

impl Record<'_> {
    fn summary(&self, id: &CheckId) -> Option<&Summary> {
        self.past.summaries.get(id).filter(|summary| summary.healths.total() > 0)
    }

    fn spread(&self, id: &CheckId) -> Option<(Spread, f64)> {
        let summary = self.summary(id)?;
        Some((summary.spread?, self.span.share(summary.observed)))
    }

    /// What is known of one question of every server, in order of name.
    fn of_servers<'a>(&'a self, question: &'a str) -> impl Iterator<Item = (&'a str, &'a CheckId, &'a Summary)> {
        let all =
            self.past.summaries.iter().filter(move |(id, summary)| id.question() == question && summary.healths.total() > 0);
        all.filter_map(|(id, summary)| Some((id.server()?, id, summary)))
    }

    /// The least share of the span in which every server was observed.
    fn servers_observed(&self) -> Option<f64> {
        self.of_servers("truth").map(|(.., summary)| self.span.share(summary.observed)).reduce(f64::min)
    }

    pub(crate) fn process_continuous(&self) -> Criterion {
        let id = of_hub("process");
        // The count begins anew with each watch, and may have begun within the span.
        let restarts = self.spread(&of_hub("restarts")).map_or(0.0, |(spread, _)| spread.max - spread.min);
        let measured = self.summary(&id).and_then(|summary| {
            let uptime = summary.healths.uptime()? * 100.0;
            let seen = format!("up {uptime:.3} % of the time, {restarts:.0} restarts");
            Some(Measured { value: uptime, seen, observed: self.span.share(summary.observed) })
        });
        Draft::new("process-continuous", Weight::Must, "the process runs without a break", 100.0, Unit::Percent)
            .judged(measured, |up| up >= 100.0 && restarts < 1.0)
    }

    fn average(&self, name: &'static str, question: &str, limit: f64) -> Criterion {
        let what = if question == "cpu" { "CPU" } else { "memory" };
        let measured = self.spread(&of_hub(question)).map(|(spread, observed)| Measured {
            value: spread.mean,
            seen: format!("{:.2} % on average, at most {:.1} %", spread.mean, spread.max),
            observed,
        });
        Draft::new(name, Weight::Must, format!("{what} below {limit} % on average"), limit, Unit::Percent)
            .judged(measured, |mean| mean < limit)
    }

    pub(crate) fn servers_connected(&self) -> Criterion {
        let uptime = |(name, id, summary): (&str, &CheckId, &Summary)| {
            let is_down = self.past.last.get(id).is_some_and(|(_, health)| *health == Health::Failing);
            Some((summary.healths.uptime()? * 100.0, is_down, name.to_owned()))
        };
        let (known, unknown): (Vec<_>, Vec<_>) = self.of_servers("truth").map(uptime).partition(Option::is_some);
        let servers = count((known.len() + unknown.len()) as u64, "server");
        let worst = known.into_iter().flatten().min_by(|a, b| b.1.cmp(&a.1).then(a.0.total_cmp(&b.0)));
        let is_any_down = worst.as_ref().is_some_and(|(_, is_down, _)| *is_down);
        let measured = worst.zip(self.servers_observed()).map(|((up, is_down, name), observed)| Measured {
            value: up,
            seen: format!(
                "{servers}; least {name}: worked {up:.2} % of the time{}",
                if is_down { ", and does not now" } else { "" }
            ),
            // A server that nobody knows anything of is not connected as far as we know: then it is pending.
            observed: if unknown.is_empty() { observed } else { 0.0 },
        });
        let wants = "filesystem and every other server truly connected 99 % of the time, and now";
        Draft::new("servers-connected", Weight::Must, wants, WORKS_PERCENT_MIN, Unit::Percent)
            .judged(measured, |up| up >= WORKS_PERCENT_MIN && !is_any_down)
    }

    fn no_crash(&self) -> Criterion {
        let id = of_hub("process");
        let crashes = self.past.incidents.iter().filter(|incident| incident.check == id).count();
        let measured = self.summary(&id).map(|summary| Measured {
            value: crashes as f64,
            seen: count(crashes as u64, "incident") + " of its process",
            observed: self.span.share(summary.observed),
        });
        Draft::new("no-crash", Weight::Must, "the process does not crash", 0.0, Unit::Count).judged(measured, |n| n < 1.0)
    }

    /// Of records that carry a level. A hub that was observed and wrote none made no errors.
    pub(crate) fn error_rate(&self) -> Criterion {
        let (all, errors) = self.past.records(|level| level >= Level::Error);
        let observed = self.summary(&logging("errors")).map(|summary| self.span.share(summary.observed));
        let measured = observed.filter(|_| all > 0 || self.spread(&logging("errors")).is_some()).map(|observed| Measured {
            value: if all == 0 { 0.0 } else { errors as f64 / all as f64 * 100.0 },
            seen: format!("{} in {}", count(errors, "error"), count(all, "log record")),
            observed,
        });
        Draft::new("error-rate", Weight::Must, "less than 1 % of log records are errors", 1.0, Unit::Percent)
            .judged(measured, |percent| percent < 1.0)
    }

    fn tool_sync(&self) -> Criterion {
        let in_sync = |question| {
            let healthy = |(name, _, summary): (&str, &CheckId, &Summary)| {
                let known = summary.healths.healthy + summary.healths.degraded + summary.healths.failing;
                let share = summary.healths.healthy.as_secs_f64() / known.as_secs_f64();
                (!known.is_zero()).then(|| (share * 100.0, format!("{name}/{question}"), self.span.share(summary.observed)))
            };
            self.of_servers(question).filter_map(healthy).collect::<Vec<_>>()
        };
        let all = [in_sync("tools"), in_sync("drift")].concat();
        let observed = all.iter().map(|(.., observed)| *observed).reduce(f64::min);
        let worst = all.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
        let measured = worst.zip(observed).map(|((share, id, _), observed)| Measured {
            value: share,
            seen: format!("least {id}: as it should be {share:.2} % of the time"),
            observed,
        });
        let wants = "clients see the tools that servers have, unchanged, 99 % of the time";
        Draft::new("tool-sync", Weight::Must, wants, WORKS_PERCENT_MIN, Unit::Percent)
            .judged(measured, |share| share >= WORKS_PERCENT_MIN)
    }

    pub(crate) fn api_latency(&self) -> Criterion {
        self.latency("api-latency", &of_hub("api"), "the API", 2_000.0)
    }

    fn latency(&self, name: &'static str, id: &CheckId, what: &str, limit_ms: f64) -> Criterion {
        let measured = self.spread(id).map(|(spread, observed)| Measured {
            value: spread.p95,
            seen: format!("p95 {}, max {}", Unit::Millis.show(spread.p95), Unit::Millis.show(spread.max)),
            observed,
        });
        let wants = format!("{what} answers 95 of 100 times within {}", Unit::Millis.show(limit_ms));
        Draft::new(name, Weight::Should, wants, limit_ms, Unit::Millis).judged(measured, |p95| p95 < limit_ms)
    }

    fn log_growth(&self) -> Criterion {
        let measured = self.spread(&logging("growth")).map(|(spread, observed)| Measured {
            value: spread.mean * 24.0,
            seen: format!("{} a day at the average pace", Unit::Bytes.show(spread.mean * 24.0)),
            observed,
        });
        Draft::new("log-growth", Weight::Should, "the log grows by less than 100 MB a day", 100e6, Unit::Bytes)
            .judged(measured, |bytes| bytes < 100e6)
    }

    /// The latest run of a scenario.
    fn latest(&self, name: &str) -> Option<&Run> {
        self.past.scenarios.iter().filter(|run| run.scenario == name).max_by_key(|run| run.at)
    }

    fn session_isolation(&self) -> Criterion {
        let draft = Draft::new(
            "session-isolation",
            Weight::Should,
            "what one session does changes nothing for another",
            0.0,
            Unit::Count,
        );
        let check = self.summary(&CheckId::of_target(Point::FilteringSessions, "isolation"));
        let bad = check.map(|summary| summary.healths.degraded + summary.healths.failing).unwrap_or_default();
        let seen_good = check.filter(|summary| !summary.healths.healthy.is_zero());
        let run = self.latest("session-isolation").map(|run| (run, run.outcome()));
        let measured = match (run, seen_good) {
            (Some((run, Outcome::Failed)), _) => {
                let why = run.worst().map_or_else(String::new, |step| format!(": {}", step.seen));
                Some(Measured { value: 1.0, seen: format!("the scenario failed{why}"), observed: 1.0 })
            }
            _ if !bad.is_zero() => {
                let seen = "two sessions of ours saw what only one should".to_owned();
                Some(Measured { value: 1.0, seen, observed: 1.0 })
            }
            (Some((_, Outcome::Passed)), _) => {
                Some(Measured { value: 0.0, seen: "the scenario passed".to_owned(), observed: 1.0 })
            }
            (_, Some(summary)) => Some(Measured {
                value: 0.0,
                seen: "two sessions of ours were compared all the time".to_owned(),
                observed: self.span.share(summary.observed),
            }),
            _ => None,
        };
        draft.judged(measured, |leaks| leaks < 1.0)
    }

    fn degradation_scenarios(&self) -> Criterion {
        let wants = "the hub lives through the loss of a server, of a client, of its LLM and of its log's disk";
        let draft = Draft::new("degradation-scenarios", Weight::Should, wants, 0.0, Unit::Count);
        scenarios(self, draft, &DEGRADATIONS)
    }

    fn zero_alerts(&self) -> Criterion {
        let n = self.past.incidents.len() as u64;
        let measured =
            self.past.observed(self.span).map(|observed| Measured { value: n as f64, seen: count(n, "incident"), observed });
        Draft::new("zero-alerts", Weight::Nice, "no incident at all", 0.0, Unit::Count).judged(measured, |n| n < 1.0)
    }

    pub(crate) fn clean_connections(&self) -> Criterion {
        // Each sample of a turn is 1 for a connection made and 0 for one lost.
        let lost: f64 = self
            .of_servers("turn")
            .filter_map(|(.., summary)| summary.spread)
            .map(|turns| (turns.values as f64 * (1.0 - turns.mean)).round())
            .sum();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count is whole and not negative")]
        let seen = plural(lost as u64, "connection was lost", "connections were lost");
        let measured = self.servers_observed().map(|observed| Measured { value: lost, seen, observed });
        Draft::new("clean-connections", Weight::Nice, "no connection to a server is lost", 0.0, Unit::Count)
            .judged(measured, |lost| lost < 1.0)
    }

    fn log_size(&self) -> Criterion {
        let measured = self.spread(&logging("size")).map(|(spread, observed)| Measured {
            value: spread.max,
            seen: format!("at most {}", Unit::Bytes.show(spread.max)),
            observed,
        });
        Draft::new("log-size", Weight::Nice, "the log stays below 50 MB", 50e6, Unit::Bytes).judged(measured, |max| max < 50e6)
    }
}

/// The stress of the protocol's third phase: concurrent clients, a lost LLM, a crashed server, the growth of the log.
const STRESSES: [(&str, bool); 4] = [("clients-5", true), ("llm-outage", false), ("server-crash", true), ("log-growth", true)];

/// The scenarios of the protocol's third phase.
pub(crate) fn stress_scenarios(record: &Record<'_>) -> Criterion {
    let wants = "five clients at once, a crashed server and the growth of the log were tried, and passed";
    scenarios(record, Draft::new("stress-scenarios", Weight::Must, wants, 0.0, Unit::Count), &STRESSES)
}

/// The last run of each counts. What nobody can do to a hub from outside is not asked for, and counts where it was done.
fn scenarios(record: &Record<'_>, draft: Draft, names: &[(&str, bool)]) -> Criterion {
    let outcome = |name: &str| record.latest(name).map(Run::outcome);
    let of = |wanted: Outcome| names.iter().filter(move |(name, _)| outcome(name) == Some(wanted)).map(|(name, _)| *name);
    let failed: Vec<_> = of(Outcome::Failed).collect();
    let missing: Vec<_> = names
        .iter()
        .filter(|(name, can_be_run)| *can_be_run && !matches!(outcome(name), Some(Outcome::Passed)))
        .map(|(n, _)| *n)
        .collect();
    let passed: Vec<_> = of(Outcome::Passed).collect();
    if !failed.is_empty() {
        let measured = Measured { value: failed.len() as f64, seen: format!("failed: {}", failed.join(", ")), observed: 1.0 };
        return draft.judged(Some(measured), |failed| failed < 1.0);
    }
    let observed = passed.len() as f64 / names.len() as f64;
    if !missing.is_empty() {
        return draft.pending(&format!("not run: {}", missing.join(", ")), observed);
    }
    let left_out: Vec<_> = names.iter().filter(|(name, _)| outcome(name).is_none()).map(|(name, _)| *name).collect();
    let mut seen = format!("passed: {}", passed.join(", "));
    if !left_out.is_empty() {
        let _ = write!(seen, "; not asked for, only a lab can do it: {}", left_out.join(", "));
    }
    Criterion { observed, ..draft.judged(Some(Measured { value: 0.0, seen, observed: 1.0 }), |failed| failed < 1.0) }
}

/// What was seen healthy at least once in a span: the validation of the protocol's first phase.
pub(crate) fn seen_healthy(record: &Record<'_>, name: &'static str, wants: &str, ids: &[CheckId]) -> Criterion {
    let draft = Draft::new(name, Weight::Must, wants, 0.0, Unit::Count);
    let known: Vec<_> = ids.iter().filter_map(|id| Some((id, record.summary(id)?))).collect();
    if known.is_empty() {
        return draft.pending("never measured", 0.0);
    }
    let never: Vec<_> =
        known.iter().filter(|(_, summary)| summary.healths.healthy.is_zero()).map(|(id, _)| id.as_str()).collect();
    let seen = if never.is_empty() {
        count(known.len() as u64, "check") + " healthy"
    } else {
        format!("never healthy: {}", never.join(", "))
    };
    draft.judged(Some(Measured { value: never.len() as f64, seen, observed: 1.0 }), |never| never < 1.0)
}

#[cfg(test)]
mod tests;
