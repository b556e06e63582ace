//! Detectors: the original system's six anomalies, over windows of time and with correct counts. Those that
//! compare with the past are the [`Lookout`]'s.
//!
//! Each is three-valued (quiet, found, not yet), looks at an immutable [`Evidence`] and gives its
//! reason. Thresholds are those of the configuration.

#[cfg(test)]
mod dice;
mod heeded;
mod kinds;
mod leak;
mod lookout;
mod rate;
mod shift;
mod silence;
mod usual;

use std::time::Duration;

use vitals_model::check::CheckId;
use vitals_model::config::Thresholds;
use vitals_model::finding::{Finding, FindingKind, Outcome};
use vitals_model::observation::{LogSeen, ServerTurn};
use vitals_model::reading::Health;
use vitals_model::text::{Text, bytes, count};
use vitals_model::time::{Timestamp, human};
use vitals_model::verdict::ServerTruth;

pub(crate) use heeded::Heeded;
pub use lookout::{Lookout, REACH, Room};

/// What detectors look at: a window of the past that ends at `at`.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The end of the window.
    pub at: Timestamp,
    /// Its length.
    pub window: Duration,
    /// Errors per minute, oldest first; `None` when no source carries levels.
    pub errors: Option<Vec<(Timestamp, u64)>>,
    /// The most frequent kinds of error, for the reason.
    pub kinds: Vec<String>,
    /// Servers that connected or were lost. Those without a time lie within [`Evidence::untimed_over`].
    pub turns: Vec<ServerTurn>,
    /// How far back turns without a time can lie: the hub's age, because a hub that writes no times
    /// begins its log anew when it starts. `None` when that is not known.
    pub untimed_over: Option<Duration>,
    /// CPU in percent of one core.
    pub cpu: Vec<f64>,
    /// Memory in percent of the machine.
    pub memory: Vec<f64>,
    /// Clients, ours left out.
    pub clients: Vec<f64>,
    /// The truth about the servers.
    pub truths: Vec<ServerTruth>,
    /// The tool of each server that is called to see whether it works: the one tool whose calls are known.
    pub called: Vec<(Text, Text)>,
    /// Growth of the log in bytes per hour, and the span it was measured over.
    pub growth: Option<(f64, Duration)>,
    /// Size of the log in bytes.
    pub log_bytes: Option<u64>,
    /// Checks that are degraded or failing at the end of the window: what they say needs no finding.
    pub bad: Vec<CheckId>,
    /// Where a leak would end.
    pub room: Room,
}

impl Evidence {
    /// Takes in a look back over the log that reaches further than what was known. A file whose records
    /// carry no levels adds nothing.
    pub fn take_log(&mut self, log: &LogSeen) {
        let stretch = &log.stretch;
        if stretch.pino + stretch.stdout > 0 {
            self.errors = Some(stretch.minutes.iter().map(|(at, counts)| ((*at).min(self.at), counts.errors())).collect());
            self.kinds = stretch.errors.iter().take(3).map(|k| format!("{} ×{}", k.code, k.count)).collect();
        }
        let timed = stretch.turns.iter().filter(|t| t.at.is_some());
        if timed.clone().count() > 0 {
            self.turns = timed.cloned().collect();
        }
    }
}

/// Runs the original six, in the order of [`FindingKind::ORIGINAL`].
pub fn all(evidence: &Evidence, limits: &Thresholds) -> Vec<Finding> {
    FindingKind::ORIGINAL
        .into_iter()
        .map(|kind| {
            let (outcome, reason, hint) = match kind {
                FindingKind::ErrorSpike => error_spike(evidence, limits),
                FindingKind::Flapping => flapping(evidence, limits),
                FindingKind::Resources => resources(evidence, limits),
                FindingKind::Clients => clients(evidence, limits),
                FindingKind::Servers => servers(evidence),
                _ => log_growth(evidence, limits),
            };
            Finding { kind, outcome, reason, hint: hint.to_owned(), at: evidence.at }
        })
        .collect()
}

type Said = (Outcome, String, &'static str);

/// The worst stretch of `error_window` within the window, not the sum of the whole window: a day of
/// rare errors is no spike.
fn error_spike(evidence: &Evidence, limits: &Thresholds) -> Said {
    let Some(errors) = &evidence.errors else {
        return (
            Outcome::NotYet,
            "no source of log levels: the log is plain text; `watch` reads them from the event stream".to_owned(),
            "",
        );
    };
    let from = evidence.at.minus(evidence.window);
    let (mut worst, mut worst_at, mut sum, mut first) = (0, evidence.at, 0, 0);
    let inside: Vec<_> = errors.iter().filter(|(at, _)| *at >= from.floor_to(Duration::from_secs(60))).collect();
    for (n, (at, errors)) in inside.iter().enumerate() {
        sum += errors;
        while at.since(inside[first].0) >= limits.error_window {
            sum -= inside[first].1;
            first += 1;
        }
        if sum > worst {
            (worst, worst_at) = (sum, inside[n].0);
        }
    }
    let window = human(limits.error_window);
    let reason = if worst == 0 {
        format!("no error in the last {}", human(evidence.window))
    } else {
        let kinds = if evidence.kinds.is_empty() { String::new() } else { format!(" ({})", evidence.kinds.join("; ")) };
        format!("{} within {window} until {worst_at}{kinds}, expected at most {}", count(worst, "error"), limits.errors.0)
    };
    (graded(worst as f64, limits.errors), reason, "read the log around that time")
}

fn flapping(evidence: &Evidence, limits: &Thresholds) -> Said {
    let span = limits.flap_window.min(evidence.window);
    let from = evidence.at.minus(span);
    let window = human(span);
    let dated = worst_flapping(evidence.turns.iter().filter(|t| t.at.is_some_and(|at| at >= from)));
    let undated_count = evidence.untimed_over.is_some_and(|over| over <= span);
    let all = worst_flapping(evidence.turns.iter().filter(|t| t.at.is_none_or(|at| at >= from)));
    let worst = if undated_count { all } else { dated };
    if let Some((server, lost, connected)) = worst.filter(|(_, lost, connected)| *lost.min(connected) > limits.flaps) {
        let reason = format!(
            "{server} was lost {lost} times and connected {connected} times in {window}, expected at most {}",
            limits.flaps
        );
        return (Outcome::Found(Health::Degraded), reason, "see why it ends: its standard error is in the hub's log");
    }
    if let Some((server, lost, connected)) = all.filter(|(_, lost, connected)| *lost.min(connected) > limits.flaps) {
        let reason = format!(
            "{server} was lost {lost} times and connected {connected} times, and the log does not say when; `watch` keeps the times"
        );
        return (Outcome::NotYet, reason, "");
    }
    (Outcome::Quiet, format!("no server was lost and connected more than {} times in {window}", limits.flaps), "")
}

/// The server that was most often both lost and connected, with how often it was each.
fn worst_flapping<'a>(turns: impl Iterator<Item = &'a ServerTurn>) -> Option<(&'a Text, u64, u64)> {
    let counts = crate::flaps::counts(turns);
    counts.into_iter().map(|(server, (lost, connected))| (server, lost, connected)).max_by_key(|(_, l, c)| *l.min(c))
}

/// Looks at the CPU that make an average: below it one client's disconnect, which keeps npm mcp-hub 4.2.1
/// busy for 65–250 ms, would be an anomaly. A hub that spins shows in any look.
const CPU_LOOKS_MIN: usize = 3;
const SPIN_PERCENT: f64 = 80.0;

/// Judged by the mean: one busy moment is not an anomaly. The peak is told.
fn resources(evidence: &Evidence, limits: &Thresholds) -> Said {
    let part = |name: &str, values: &[f64], bounds: (f64, f64)| {
        let mean = mean(values)?;
        if name == "CPU" && values.len() < CPU_LOOKS_MIN && mean < SPIN_PERCENT {
            return Some((
                Outcome::NotYet,
                format!("CPU {mean:.1} % in {}, too few for an average", count(values.len() as u64, "look")),
            ));
        }
        let peak = values.iter().copied().fold(0.0, f64::max);
        Some((
            graded(mean, bounds),
            format!("{name} {mean:.1} % on average, {peak:.1} % at most, expected at most {} %", bounds.0),
        ))
    };
    let parts: Vec<_> = [part("CPU", &evidence.cpu, limits.cpu_percent), part("memory", &evidence.memory, limits.memory_percent)]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() {
        return (Outcome::NotYet, "the hub's process could not be measured".to_owned(), "");
    }
    let outcome = parts.iter().map(|(outcome, _)| *outcome).max_by_key(|outcome| badness(*outcome)).unwrap_or(Outcome::NotYet);
    (
        outcome,
        parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("; "),
        "see which server or client keeps the hub busy",
    )
}

fn clients(evidence: &Evidence, limits: &Thresholds) -> Said {
    let Some(most) = evidence.clients.iter().copied().reduce(f64::max) else {
        return (Outcome::NotYet, "the hub does not say how many clients it has".to_owned(), "");
    };
    let reason = format!("at most {most:.0} at once besides us, expected at most {}", limits.clients.0);
    (graded(most, limits.clients), reason, "see who they are: `connections` of GET /api/health")
}

fn servers(evidence: &Evidence) -> Said {
    if evidence.truths.is_empty() {
        return (Outcome::NotYet, "no server is known".to_owned(), "");
    }
    let bad: Vec<_> = evidence.truths.iter().filter(|t| matches!(t.health, Health::Degraded | Health::Failing)).collect();
    let Some(worst) = bad.iter().map(|t| t.health).max() else {
        let untold = evidence.truths.iter().filter(|t| t.health == Health::Unknown).count() as u64;
        if untold > 0 {
            return (Outcome::NotYet, format!("{} could not be told", count(untold, "server")), "");
        }
        return (
            Outcome::Quiet,
            format!("{} truly work, or are expected not to", count(evidence.truths.len() as u64, "server")),
            "",
        );
    };
    let said = bad.iter().map(|t| format!("{} {}: {}", t.name, t.verdict.as_str(), t.reason)).collect::<Vec<_>>().join("; ");
    (Outcome::Found(worst), said, "`mcp-vitals check` says what to do about each")
}

fn log_growth(evidence: &Evidence, limits: &Thresholds) -> Said {
    let size = evidence.log_bytes.map(|n| {
        (graded(n as f64, limits.log_bytes), format!("size {}, expected at most {}", bytes(n), size_of(limits.log_bytes.0)))
    });
    let growth = evidence.growth.map(|(rate, span)| {
        let text =
            format!("growing by {}/h over {}, expected at most {}/h", size_of(rate), human(span), size_of(limits.log_growth.0));
        (graded(rate, limits.log_growth), text)
    });
    let parts: Vec<_> = [growth, size].into_iter().flatten().collect();
    if parts.is_empty() {
        return (Outcome::NotYet, "the log file could not be read".to_owned(), "");
    }
    let outcome = parts.iter().map(|(outcome, _)| *outcome).max_by_key(|outcome| badness(*outcome)).unwrap_or(Outcome::NotYet);
    (outcome, parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("; "), "see what repeats in it, and rotate it")
}

fn size_of(value: f64) -> String {
    vitals_model::check::Unit::Bytes.show(value)
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn graded(value: f64, (warning, critical): (f64, f64)) -> Outcome {
    if value > critical {
        Outcome::Found(Health::Failing)
    } else if value > warning {
        Outcome::Found(Health::Degraded)
    } else {
        Outcome::Quiet
    }
}

fn badness(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::NotYet => 0,
        Outcome::Quiet => 1,
        Outcome::Found(Health::Failing) => 3,
        Outcome::Found(_) => 2,
    }
}
