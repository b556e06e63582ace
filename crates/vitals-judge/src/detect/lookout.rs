//! The lookout: what the detectors that compare with the past remember of one target, and what they say. It
//! is fed with the samples that history keeps, so a running watch and a replay of its history say the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use vitals_model::check::{CheckId, Unit};
use vitals_model::config::Thresholds;
use vitals_model::errors::KnownErrors;
use vitals_model::finding::{Finding, FindingKind, Outcome};
use vitals_model::limits::SERVERS_MAX;
use vitals_model::observation::{ErrorKind, LogSeen};
use vitals_model::reading::{Health, Sample};
use vitals_model::text::count;
use vitals_model::time::{Timestamp, human};
use vitals_model::verdict::Verdict;

use super::Evidence;
use super::heeded::Heeded;
use super::kinds::Kinds;
use super::leak::{Bar, Floors, Leak, Run};
use super::rate::Calls;
use super::shift::Level;
use super::silence::Voice;
use super::usual::Usual;
use crate::stats::normal_below;

/// Most checks whose calls and latencies are followed; of more, the one not measured for longest is forgotten.
const CHECKS_MAX: usize = 2 * SERVERS_MAX;

/// Checks of which single values are judged: each takes [`super::usual::STATE_BYTES_MAX`], all of them 0.6
/// MB. It is the first ones that were measured; the others are counted in the reason.
const USUALS_MAX: usize = 64;

/// What is kept of the past for all detectors: the days that tell a slow leak, and some hours.
pub const REACH: Duration = Duration::from_secs(3 * 86_400);

/// Two starts of the hub that are closer than this are one, measured twice.
const SAME_START: Duration = Duration::from_secs(5);

/// The calls of a server that was not called for so long say nothing: it may be gone.
const CALLS_FRESH: Duration = Duration::from_secs(3600);

/// Most findings of one kind told at once; the rest are counted.
const TOLD_MAX: usize = 3;

/// An end that is further away is not foretold: nobody acts on it.
const AHEAD_MAX_H: f64 = 90.0 * 24.0;

/// A log leaks when its disk is full within two days: it grows as long as the hub lives.
const DISK_FULL_H: f64 = 48.0;

/// What there is room for, as far as it is known: where a leak ends.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Room {
    /// The machine's memory in bytes.
    pub memory: Option<u64>,
    /// The limit of memory of the hub's control group, in bytes.
    pub memory_max: Option<u64>,
    /// The hub's limit of open files.
    pub fds: Option<u64>,
    /// Free bytes of the log's disk.
    pub disk: Option<u64>,
}

/// What is followed for leaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leaky {
    Memory,
    Fds,
    Clients,
    Children,
    Log,
}

impl Leaky {
    const ALL: [Self; 5] = [Self::Memory, Self::Fds, Self::Clients, Self::Children, Self::Log];

    pub(super) fn of(id: &CheckId) -> Option<Self> {
        match id.as_str() {
            "hub-servers/memory" => Some(Self::Memory),
            "hub-servers/fds" => Some(Self::Fds),
            "meta-tool-clients/clients" => Some(Self::Clients),
            "hub-servers/children" => Some(Self::Children),
            "logging/size" => Some(Self::Log),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Fds => "open files",
            Self::Clients => "clients",
            Self::Children => "children",
            Self::Log => "the log",
        }
    }

    /// How fast a rise must be. Memory: 40 MB/h is more than the day's rhythm of a hub moves it, and 24 MB a
    /// day fills a gigabyte in six weeks. The counts are those that reach the usual limits within days.
    fn bar(self, room: Room) -> Bar {
        match self {
            // In percent of the machine, as it is measured.
            Self::Memory => {
                let percent = 100.0 / room.memory.unwrap_or(0) as f64;
                Bar { hour: 40e6 * percent, day: 24e6 * percent }
            }
            Self::Fds => Bar { hour: 20.0, day: 12.0 },
            Self::Clients => Bar { hour: 8.0, day: 6.0 },
            Self::Children => Bar { hour: 8.0, day: 4.0 },
            Self::Log => Bar { hour: 1e6, day: f64::INFINITY },
        }
    }
}

/// What is followed of one check.
#[derive(Clone, Debug, Default)]
struct Series {
    last: Timestamp,
    level: Level,
    calls: Calls,
    /// Of [`USUALS_MAX`] checks.
    usual: Option<Box<Usual>>,
}

impl Series {
    fn take(&mut self, sample: &Sample) {
        self.last = sample.at;
        if let Some(ms) = sample.value {
            self.level.take(sample.at, ms);
            if let Some(usual) = &mut self.usual {
                usual.take(sample.at, ms);
            }
        }
        if sample.id.question() == "call" {
            // An answer has its latency; a call that has none and is not well has failed.
            self.calls.take(sample.at, sample.value.is_none() && sample.health != Health::Healthy);
        }
    }
}

/// What is remembered of one target.
#[derive(Clone, Debug, Default)]
pub struct Lookout {
    room: Room,
    /// The hub's present run.
    run: Option<Run>,
    floors: [Floors; Leaky::ALL.len()],
    /// The size of the log, and how often it was begun anew.
    log: Option<(f64, u32)>,
    series: BTreeMap<CheckId, Series>,
    voice: Voice,
    kinds: Kinds,
}

type Said = (Outcome, String, &'static str);

const WARNING: Outcome = Outcome::Found(Health::Degraded);

impl Lookout {
    /// A lookout that knows how much room there is, and nothing of the past.
    pub fn new(room: Room) -> Self {
        Self { room, ..Self::default() }
    }

    /// How much room there is now.
    pub const fn set_room(&mut self, room: Room) {
        self.room = room;
    }

    /// Whether samples of this check say anything here.
    pub fn heeds(id: &CheckId) -> bool {
        Heeded::of(id).is_some()
    }

    /// Takes in one sample, when it says anything here; of one check they come in the order of time.
    pub fn take(&mut self, sample: &Sample) {
        if let Some(heeded) = Heeded::of(&sample.id) {
            self.take_as(heeded, sample);
        }
    }

    /// Takes in one sample of a check that is heeded so.
    pub(crate) fn take_as(&mut self, heeded: Heeded, sample: &Sample) {
        let at = sample.at;
        match (heeded, sample.value) {
            (Heeded::Record, _) => self.voice.spoke(at),
            (Heeded::Latency, _) => {
                self.take_latency(sample);
                // A hub whose log file cannot be read is heard by its stream, which sends nothing when nothing is logged.
                self.voice.looked(at);
            }
            (Heeded::Age, Some(value)) => self.take_start(at.minus(Duration::from_secs_f64(value.clamp(0.0, 1e9)))),
            (Heeded::Leaky(what), Some(value)) => {
                let run = match what {
                    Leaky::Log => self.take_size(at, value),
                    _ => self.run.unwrap_or(Run { number: 0, began: None }),
                };
                self.floors[what as usize].take(at, value, run, what.bar(self.room));
            }
            (Heeded::Age | Heeded::Leaky(_), None) => {}
        }
    }

    /// Errors of this kind were logged.
    pub fn take_error(&mut self, kind: &ErrorKind, at: Timestamp) {
        self.kinds.take(kind, at);
    }

    /// Takes in a look back over a log whose records have times: it was heard since the first of them.
    pub fn take_log(&mut self, log: &LogSeen) {
        let Some((first, _)) = log.stretch.minutes.first() else { return };
        self.listen(*first);
        for kind in &log.stretch.errors {
            if let Some(at) = kind.first {
                self.take_error(kind, at);
            }
        }
    }

    /// Errors are heard from now on, if they were not before.
    pub fn listen(&mut self, at: Timestamp) {
        self.kinds.listen(at);
    }

    /// Takes in the kinds of error that an earlier monitor knew.
    pub fn know_errors(&mut self, known: KnownErrors) {
        self.kinds.know(known);
    }

    /// The kinds of error that are known, when it is time to keep them.
    pub fn errors_to_keep(&mut self, now: Timestamp) -> Option<KnownErrors> {
        self.kinds.due(now)
    }

    /// What every detector says, in the order of [`FindingKind::OF_HISTORY`].
    pub fn findings(&self, evidence: &Evidence, limits: &Thresholds) -> Vec<Finding> {
        FindingKind::OF_HISTORY
            .into_iter()
            .map(|kind| {
                let (outcome, reason, hint) = match kind {
                    FindingKind::Leak => self.leak(evidence, limits),
                    FindingKind::ErrorRate => self.error_rate(evidence),
                    FindingKind::LevelShift => self.level_shift(evidence),
                    FindingKind::Unusual => self.unusual(evidence),
                    FindingKind::Silence => self.silence(evidence),
                    _ => self.new_errors(evidence),
                };
                let hint = if outcome == WARNING { hint } else { "" };
                Finding { kind, outcome, reason, hint: hint.to_owned(), at: evidence.at }
            })
            .collect()
    }

    fn take_start(&mut self, began: Timestamp) {
        let is_same = self.run.and_then(|run| run.began).is_some_and(|b| b.since(began).max(began.since(b)) <= SAME_START);
        let number = self.run.map_or(0, |run| run.number).wrapping_add(u32::from(!is_same));
        // The wall clock drifts against the age of a process: the latest is compared with the next.
        self.run = Some(Run { number, began: Some(began) });
    }

    /// A log that is shorter than before was rotated.
    fn take_size(&mut self, at: Timestamp, size: f64) -> Run {
        let number = match self.log {
            Some((before, number)) if size < before => number.wrapping_add(1),
            Some((_, number)) => number,
            None => 0,
        };
        if self.log.is_some_and(|(before, _)| before.total_cmp(&size).is_ne()) {
            self.voice.spoke(at);
        } else {
            self.voice.looked(at);
        }
        self.log = Some((size, number));
        Run { number, began: None }
    }

    fn take_latency(&mut self, sample: &Sample) {
        if sample.health == Health::Unknown {
            return;
        }
        match self.series.get_mut(&sample.id) {
            Some(series) if series.usual.is_some() => series.take(sample),
            _ => self.series_of(sample).take(sample),
        }
    }

    /// The series of a sample, which is known from now on and, when it has a value, judged by it while there is room.
    fn series_of(&mut self, sample: &Sample) -> &mut Series {
        if !self.series.contains_key(&sample.id) && self.series.len() == CHECKS_MAX {
            let oldest = self.series.iter().min_by_key(|(_, series)| series.last).map(|(id, _)| id.clone());
            oldest.map(|id| self.series.remove(&id));
        }
        let has_place = self.series.values().filter(|series| series.usual.is_some()).count() < USUALS_MAX;
        let series = self.series.entry(sample.id.clone()).or_default();
        if has_place && sample.value.is_some() {
            series.usual.get_or_insert_default();
        }
        series
    }

    fn leak(&self, evidence: &Evidence, limits: &Thresholds) -> Said {
        let all = || Leaky::ALL.into_iter().zip(&self.floors);
        let told: Vec<_> = all().filter_map(|(what, floors)| self.leaks(what, floors.leak(evidence.at)?, limits)).collect();
        if !told.is_empty() {
            let hint = "see what holds it: a session or a server that is never closed; restart the hub before it is at its end";
            return (WARNING, told.join(". "), hint);
        }
        let known: Vec<_> = all().filter(|(_, floors)| floors.has_enough()).map(|(what, _)| what.name()).collect();
        if known.is_empty() {
            return (Outcome::NotYet, "needs an hour of `watch` over one run of the hub".to_owned(), "");
        }
        (Outcome::Quiet, format!("nothing rises steadily: {}", known.join(", ")), "")
    }

    /// The sentence for one leak; `None` when it harms nobody.
    fn leaks(&self, what: Leaky, leak: Leak, limits: &Thresholds) -> Option<String> {
        let of_percent = |percent: f64| percent / 100.0 * self.room.memory.unwrap_or(0) as f64;
        let (unit, value, per_hour) = match what {
            Leaky::Memory => (Unit::Bytes, of_percent(leak.value), of_percent(leak.per_hour)),
            Leaky::Log => (Unit::Bytes, leak.value, leak.per_hour),
            Leaky::Fds | Leaky::Clients | Leaky::Children => (Unit::Count, leak.value, leak.per_hour),
        };
        let known = |room: Option<u64>| room.map(|room| room as f64);
        let ends: Vec<(f64, &str)> = match what {
            Leaky::Memory => vec![(of_percent(limits.memory_percent.1), "the critical threshold"), self.end_of_memory()],
            Leaky::Fds => vec![(known(self.room.fds).unwrap_or(0.0), "its limit")],
            Leaky::Clients => vec![(limits.clients.1, "the critical threshold")],
            Leaky::Children => Vec::new(),
            Leaky::Log => vec![
                (limits.log_bytes.1, "the critical threshold"),
                (known(self.room.disk).map_or(0.0, |free| value + free), "the end of its disk"),
            ],
        };
        if what == Leaky::Log {
            let left = known(self.room.disk)?;
            if left / per_hour > DISK_FULL_H {
                return None;
            }
        }
        let mut text = format!(
            "{}: {} more an hour over the last {}, {} now (confidence {}, first seen {})",
            what.name(),
            shown(unit, per_hour),
            human(leak.over),
            unit.show(value),
            confidence(leak.z),
            leak.since
        );
        for (end, name) in ends.into_iter().filter(|(end, _)| *end > value) {
            let hours = (end - value) / per_hour;
            if hours <= AHEAD_MAX_H {
                let left = human(Duration::from_secs_f64(hours.max(0.0) * 3600.0));
                let _ = write!(text, "; {name} ({}) in {left}", unit.show(end)); // writing to a String cannot fail
            }
        }
        Some(text)
    }

    /// The smaller of what the machine has and what the hub's control group may take.
    fn end_of_memory(&self) -> (f64, &'static str) {
        let machine = self.room.memory.unwrap_or(0);
        let limit = self.room.memory_max.filter(|limit| *limit < machine);
        limit.map_or((machine as f64, "the machine's memory"), |limit| (limit as f64, "the limit of its cgroup"))
    }

    fn error_rate(&self, evidence: &Evidence) -> Said {
        let is_expected = |id: &CheckId| {
            let expected = evidence.truths.iter().filter(|truth| truth.verdict == Verdict::ExpectedDown);
            expected.into_iter().any(|truth| CheckId::of_server(&truth.name, "call") == *id)
        };
        let is_fresh = |series: &Series| evidence.at.since(series.last) <= CALLS_FRESH;
        let calls = || self.series.iter().filter(|(id, s)| id.question() == "call" && is_fresh(s) && !is_expected(id));
        let told = calls().filter_map(|(id, series)| {
            let found = series.calls.too_many()?;
            let tool = evidence.called.iter().find(|(server, _)| CheckId::of_server(server, "call") == *id);
            let called = tool.map(|(_, tool)| format!("/{tool}")).unwrap_or_default();
            let server = id.server().unwrap_or_default();
            let (failed, n) = (found.failed, count(u64::from(found.calls), "call"));
            let once_in = (1.0 / found.before).round();
            Some((found.chance, format!("{server}{called}: {failed} of {n} failed within an hour, one in {once_in:.0} before")))
        });
        let told = worst_first(told.collect());
        if let Some(text) = told {
            return (WARNING, text, "see how they failed: `mcp-vitals check`, and the server's own log");
        }
        match calls().filter(|(_, series)| series.calls.has_enough()).count() as u64 {
            0 => (Outcome::NotYet, "no server was called often enough".to_owned(), ""),
            n => (Outcome::Quiet, format!("no more calls fail than before, of {}", count(n, "server")), ""),
        }
    }

    fn level_shift(&self, evidence: &Evidence) -> Said {
        let told = self.series.iter().filter_map(|(id, series)| {
            let shift = series.level.shift()?;
            let times = shift.after_ms / shift.before_ms;
            let (before, after) = (Unit::Millis.show(shift.before_ms), Unit::Millis.show(shift.after_ms));
            let is_recent = evidence.at.since(shift.since) <= evidence.window;
            is_recent
                .then(|| (1.0 / times, format!("{id} takes {after} since {}, {before} before that ({times:.1}x)", shift.since)))
        });
        if let Some(text) = worst_first(told.collect()) {
            return (
                WARNING,
                text,
                "see what changed then: a server, its load, a version; `mcp-vitals report` has the days before",
            );
        }
        match self.series.values().filter(|series| series.level.has_enough()).count() as u64 {
            0 => (Outcome::NotYet, "no latency was measured often enough".to_owned(), ""),
            n => (Outcome::Quiet, format!("no latency changed for good, of {n}"), ""),
        }
    }

    /// Only what is no level shift: that says more.
    fn unusual(&self, evidence: &Evidence) -> Said {
        let told = self.series.iter().filter_map(|(id, series)| {
            let found = series.usual.as_ref()?.unusual()?;
            let is_recent = evidence.at.since(found.until) <= evidence.window;
            let is_shift = series.level.shift().is_some_and(|shift| shift.since <= found.until);
            (is_recent && !is_shift).then(|| (found.expected_ms / found.seen_ms, format!("{id} {found}")))
        });
        if let Some(text) = worst_first(told.collect()) {
            return (WARNING, text, "see what the hub and that server did then: their log, and who called");
        }
        let usuals = || self.series.values().filter_map(|series| series.usual.as_ref());
        let rest = self.series.len() - usuals().count();
        let rest = if rest > 0 { format!("; {rest} more are not followed") } else { String::new() };
        match usuals().filter(|usual| usual.has_enough()).count() as u64 {
            0 => (Outcome::NotYet, format!("needs two hours of `watch` with latencies{rest}"), ""),
            n => (Outcome::Quiet, format!("no latency was far from its usual for minutes, of {n}{rest}"), ""),
        }
    }

    /// Only what no check says already: a hub that is down writes no log.
    fn silence(&self, evidence: &Evidence) -> Said {
        let Some(silence) = self.voice.silence(evidence.at) else {
            return if self.voice.has_enough() {
                (Outcome::Quiet, "the log is written as often as ever".to_owned(), "")
            } else {
                (Outcome::NotYet, "needs a day of `watch`, and a log that is written often".to_owned(), "")
            };
        };
        let is_reason = |id: &&CheckId| {
            matches!(id.as_str(), "hub-servers/process" | "hub-servers/api") || id.as_str().starts_with("logging/")
        };
        if let Some(check) = evidence.bad.iter().find(is_reason) {
            return (Outcome::Quiet, format!("the log is silent, and {check} says why"), "");
        }
        let lasts = human(evidence.at.since(silence.since));
        let longest = human(silence.longest);
        let text = format!("nothing logged for {lasts}, never longer than {longest} in the day before");
        (WARNING, text, "see that somebody uses the hub, that it still has its log open, and at which level it logs")
    }

    fn new_errors(&self, evidence: &Evidence) -> Said {
        let told = self.kinds.new_within(evidence.window, evidence.at);
        let told = told.into_iter().map(|kind| {
            let hours = (evidence.at.since(kind.first).as_secs_f64() / 3600.0).max(1.0 / 60.0);
            let rate = kind.count as f64 / hours;
            (1.0 / rate, format!("new since {}: {} ×{} ({rate:.0}/h)", kind.first, kind.name, kind.count))
        });
        if let Some(text) = worst_first(told.collect()) {
            return (WARNING, text, "see the log around their first time, and what changed then");
        }
        if evidence.errors.is_none() {
            return (Outcome::NotYet, "no source of log levels".to_owned(), "");
        }
        if !self.kinds.has_enough(evidence.at) {
            return (Outcome::NotYet, "needs an hour of a log with levels to know what is not new".to_owned(), "");
        }
        let (known, forgotten) = self.kinds.counts();
        let forgotten = if forgotten > 0 { format!(", {forgotten} forgotten") } else { String::new() };
        (Outcome::Quiet, format!("no new kind of error; {known} known{forgotten}"), "")
    }
}

/// The first few of `told`, the smallest key first.
fn worst_first(mut told: Vec<(f64, String)>) -> Option<String> {
    told.sort_by(|a, b| a.0.total_cmp(&b.0));
    let rest = told.len().saturating_sub(TOLD_MAX);
    told.truncate(TOLD_MAX);
    let mut texts: Vec<_> = told.into_iter().map(|(_, text)| text).collect();
    if rest > 0 {
        texts.push(format!("and {rest} more"));
    }
    (!texts.is_empty()).then(|| texts.join("; "))
}

fn shown(unit: Unit, value: f64) -> String {
    if unit == Unit::Count { format!("{value:.1}") } else { unit.show(value) }
}

/// In percent, never more than is worth saying.
fn confidence(z: f64) -> String {
    let percent = normal_below(z) * 100.0;
    if percent > 99.9 { "over 99.9 %".to_owned() } else { format!("{percent:.1} %") }
}

#[cfg(test)]
mod tests;
