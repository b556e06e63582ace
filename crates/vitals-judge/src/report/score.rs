//! The score of a span: the formula of [`crate::score`], with shares of time in place of the moment.
//!
//! ```text
//! 100
//!  −50 × the share of known time in which the hub failed: its process or its API, whichever was worse
//!  −30 × the share in which a server failed its users, −20 × the share in which it served them badly; each server
//!  −15  CPU beyond its critical threshold on average, −8 beyond its warning; memory likewise
//!  −20  errors per error window beyond their critical threshold on average, −10 beyond their warning
//!   −5  per incident of anything else, −20 for all of these together
//! ```
//!
//! Each line is rounded up, so that the least fault shows. Never below 0. Shares are of known time: what was not
//! measured is neither good nor bad, and with nothing known of process, API and servers there is no score.

use std::time::Duration;

use vitals_model::check::CheckId;
use vitals_model::config::Thresholds;
use vitals_model::history::{HealthTimes, Slice, Span, Summary};
use vitals_model::incident::Incident;
use vitals_model::observation::Level;
use vitals_model::score::{Deduction, Score};
use vitals_model::time::human;

use super::{Past, truths};
use crate::criteria::of_hub;

const HUB_FAILS: f64 = 50.0;
const SERVER_FAILS: f64 = 30.0;
const SERVER_IS_BAD: f64 = 20.0;
const RESOURCE: (f64, f64) = (8.0, 15.0);
const ERRORS: (f64, f64) = (10.0, 20.0);
const INCIDENT: f64 = 5.0;
const INCIDENTS_MAX: f64 = 20.0;

/// The score of a past.
pub(super) fn of_span(past: &Past, span: Span, limits: &Thresholds) -> Score {
    let mut taken = Vec::new();
    taken.extend(hub(past));
    taken.extend(truths(past).filter_map(server));
    taken.extend([("cpu", limits.cpu_percent), ("memory", limits.memory_percent)].iter().filter_map(|of| resource(past, *of)));
    taken.push(errors(past, span.length(), limits));
    taken.push(incidents(past));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 50 points")]
    let whole = |(points, reason): (f64, String)| Deduction { points: points.clamp(0.0, 50.0).ceil() as u32, reason };
    let mut deductions: Vec<_> = taken.into_iter().map(whole).filter(|deduction| deduction.points > 0).collect();
    deductions.sort_by_key(|deduction| std::cmp::Reverse(deduction.points));
    let lost: u32 = deductions.iter().map(|deduction| deduction.points).sum();
    Score { points: is_measured(past).then(|| 100 - lost.min(100)), deductions }
}

/// The score of a slice, with the incidents that lasted into it.
pub(super) fn of_slice(slice: &Slice, incidents: &[Incident], limits: &Thresholds) -> Score {
    let lasted = |i: &&Incident| i.opened_at < slice.span.to && i.resolved_at.is_none_or(|at| at >= slice.span.from);
    let past = Past {
        summaries: slice.summaries.clone(),
        incidents: incidents.iter().filter(lasted).cloned().collect(),
        ..Past::default()
    };
    of_span(&past, slice.span, limits)
}

fn uptime(past: &Past, id: &CheckId) -> Option<f64> {
    past.summaries.get(id)?.healths.uptime()
}

fn is_measured(past: &Past) -> bool {
    ["process", "api"].iter().any(|question| uptime(past, &of_hub(question)).is_some())
        || truths(past).any(|(_, summary)| summary.healths.uptime().is_some())
}

fn hub(past: &Past) -> Option<(f64, String)> {
    let known = ["process", "api"].into_iter().filter_map(|question| Some((of_hub(question), uptime(past, &of_hub(question))?)));
    let (id, up) = known.min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(((1.0 - up) * HUB_FAILS, format!("{id} failing for {:.2} % of the time", (1.0 - up) * 100.0)))
}

/// One line for both, or a server that went from bad to failing could gain by the rounding.
fn server((id, summary): (&CheckId, &Summary)) -> Option<(f64, String)> {
    let HealthTimes { healthy, degraded, failing, .. } = summary.healths;
    let known = (healthy + degraded + failing).as_secs_f64();
    let share = |time: Duration| time.as_secs_f64() / known;
    let (fails, is_bad) = (share(failing), share(degraded));
    let name = id.server().unwrap_or_default();
    let reason = match (failing.is_zero(), degraded.is_zero()) {
        (_, true) => format!("{name} did not truly work for {:.2} % of the time", fails * 100.0),
        (true, false) => format!("{name} worked badly for {:.2} % of the time", is_bad * 100.0),
        (false, false) => {
            format!("{name} did not truly work for {:.2} % of the time, and badly for {:.2} %", fails * 100.0, is_bad * 100.0)
        }
    };
    (known > 0.0).then_some((fails * SERVER_FAILS + is_bad * SERVER_IS_BAD, reason))
}

/// The points of a value beyond its warning and beyond its critical threshold.
fn beyond(value: f64, (warning, critical): (f64, f64), (some, all): (f64, f64)) -> f64 {
    if value > critical {
        all
    } else if value > warning {
        some
    } else {
        0.0
    }
}

fn resource(past: &Past, (question, bounds): (&str, (f64, f64))) -> Option<(f64, String)> {
    let mean = past.summaries.get(&of_hub(question))?.spread?.mean;
    Some((beyond(mean, bounds, RESOURCE), format!("{question} {mean:.1} % on average, expected at most {} %", bounds.0)))
}

fn errors(past: &Past, span: Duration, limits: &Thresholds) -> (f64, String) {
    let (_, errors) = past.records(|level| level >= Level::Error);
    let windows = (span.as_secs_f64() / limits.error_window.as_secs_f64()).max(1.0);
    let per_window = errors as f64 / windows;
    let reason = format!("{per_window:.1} errors per {}, expected at most {}", human(limits.error_window), limits.errors.0);
    (beyond(per_window, limits.errors, ERRORS), reason)
}

/// Incidents of what has no line of its own.
fn incidents(past: &Past) -> (f64, String) {
    let is_other = |i: &&Incident| !matches!(i.check.question(), "process" | "api" | "truth" | "cpu" | "memory" | "errors");
    let n = past.incidents.iter().filter(is_other).count();
    ((n as f64 * INCIDENT).min(INCIDENTS_MAX), format!("{n} other incidents"))
}
